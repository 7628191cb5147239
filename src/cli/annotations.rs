//! Annotations of a GitHub workflow: commands on standard output that mark lines of a pull request.

use std::io::{self, Write};

use crate::diagnostic::{Diagnostic, Severity};

/// One command for each.
pub(super) fn write(out: &mut dyn Write, diagnostics: &[Diagnostic]) -> io::Result<()> {
    for one in diagnostics {
        let command = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = one.place.as_ref().map_or_else(String::new, |place| {
            let (line, column) = place.line_and_column();
            format!("file={},line={line},col={column},", property(&place.file))
        });
        let help = one
            .help
            .as_ref()
            .map_or_else(String::new, |help| format!("\n{help}"));
        let text = data(&format!("{}{help}", one.message));
        writeln!(
            out,
            "::{command} {place}title={}::{text}",
            property(one.code)
        )?;
    }
    Ok(())
}

/// Text that cannot end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Text that cannot end a property either.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    #[test]
    fn a_finding_is_one_line_whatever_it_holds() {
        let warning = Diagnostic::warning("CS001", "100% of `a`\n::error::b")
            .at(Place {
                file: "policies/a,b:c.rego".into(),
                text: "one\ntwo\n".into(),
                start: 5,
                end: 6,
            })
            .help("do it");
        let mut out = Vec::new();
        write(&mut out, &[warning, Diagnostic::error("P101", "none")]).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        ::warning file=policies/a%2Cb%3Ac.rego,line=2,col=2,title=CS001::100%25 of `a`%0A::error::b%0Ado it
        ::error title=P101::none
        ");
    }
}
