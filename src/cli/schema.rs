//! `countersign schema`: what others write against, as JSON Schema.

use std::io::Write;

use super::ExitStatus;
use super::terminal;
use crate::config;
use crate::policy::input;

/// Print a JSON Schema
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what
    #[arg(value_enum)]
    of: Schema,
}

/// The schemas there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Schema {
    /// The config
    Config,
    /// What a policy sees as `input`
    Input,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(schema(args.of, &mut anstream::stdout().lock()))
}

fn schema(of: Schema, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let schema = match of {
        Schema::Config => serde_json::from_str(config::SCHEMA)?,
        Schema::Input => input::schema(),
    };
    terminal::write_json_indented(out, &schema)?;
    Ok(ExitStatus::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_every_field_of_the_samples_and_requires_what_all_have() {
        let mut out = Vec::new();
        schema(Schema::Input, &mut out).unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/samples");
        for sample in std::fs::read_dir(samples).unwrap() {
            let text = std::fs::read(sample.unwrap().path()).unwrap();
            let sample: serde_json::Value = serde_json::from_slice(&text).unwrap();
            let input = sample["input"].as_object().unwrap();
            for key in input.keys() {
                assert!(schema["properties"].get(key).is_some(), "{key}");
            }
            for key in schema["required"].as_array().unwrap() {
                assert!(input.contains_key(key.as_str().unwrap()), "{key}");
            }
        }
    }
}
