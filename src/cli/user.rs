//! `countersign user`: the local users. It works on their file, beside a running countersign and without one.

use std::io::{self, Read as _, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::ExitStatus;
use super::ledger::{self, USUAL_CONFIG};
use super::table::{Cell, Table};
use super::terminal::{self, Format, PLAIN};
use crate::clock::Clock;
use crate::config::Config;
use crate::diagnostic::did_you_mean;
use crate::domain::person::{Role, is_name, is_reserved, same};
use crate::identity::password::{LONGEST, PasswordHash};
use crate::identity::users::{Existing, TokenDigest, User, Users, is_address};
use crate::secret::Secret;

/// Add, list or remove local users
///
/// They are in a file beside the store, or where `operators.users` says. A running countersign sees a change at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, clap::Subcommand)]
enum UserCommand {
    /// Add somebody who logs in with a password, or calls the API with a token
    Add(AddArgs),
    /// Show who is in the users file
    List(ListArgs),
    /// Take somebody out; they are out at their next request
    Remove(RemoveArgs),
}

/// Which users file
#[derive(Debug, clap::Args)]
struct FileArgs {
    /// The config that says where the users are [default: ./countersign.yaml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The users file itself [default: the config's, else ./countersign.db.users.yaml]
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// The name that their votes go under
    #[arg(value_parser = parse_name)]
    name: String,
    /// What they may do: look; vote where their teams are asked; or everything
    #[arg(long, value_parser = PossibleValuesParser::new(ROLES.map(Role::as_str)).try_map(|word| Role::parse(&word).ok_or("no such role")))]
    role: Role,
    /// Where mail reaches them; links in it are theirs to vote with
    #[arg(long, value_parser = parse_address)]
    email: Option<String>,
    /// A team they belong to; once for each
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Make a bearer token, and show it once
    #[arg(long)]
    token: bool,
    /// Read the password from stdin, up to a line end, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    /// Put this role, address, password and token, and these teams, in place of those of somebody who is there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// How to print the users
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    file: FileArgs,
}

#[derive(Debug, clap::Args)]
struct RemoveArgs {
    /// Their name
    name: String,
    #[command(flatten)]
    file: FileArgs,
}

const ROLES: [Role; 3] = [Role::Viewer, Role::Approver, Role::Admin];

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(match &args.command {
        UserCommand::Add(args) => add(args),
        UserCommand::List(args) => list(args),
        UserCommand::Remove(args) => remove(args),
    })
}

fn add(args: &AddArgs) -> anyhow::Result<ExitStatus> {
    let (users, config) = args.file.open()?;
    if let Some(config) = &config {
        check_teams(&args.teams, config)?;
        check_address(args, config)?;
    }
    let existing = if args.replace {
        Existing::Replace
    } else {
        Existing::Refuse
    };
    // Before a password is asked for in vain.
    users.check_free(&args.name, args.email.as_deref(), existing)?;
    let token = args.token.then(TokenDigest::of_new_token).transpose()?;
    let password = match (args.password_stdin, args.token) {
        (true, _) => Some(password_from_stdin()?),
        (false, true) => None,
        (false, false) => Some(password_from_terminal(&args.name)?),
    };
    let password = password.as_ref().map(PasswordHash::of).transpose()?;
    let user = User {
        name: args.name.clone(),
        role: args.role,
        email: args.email.clone(),
        teams: args.teams.clone(),
        password,
        token: token.as_ref().map(|(_, digest)| *digest),
        added: Clock.now().to_zoned(TimeZone::UTC).date(),
    };
    let replaced = users.add(user, existing)?;
    let done = match replaced {
        Some(_) => "replaced",
        None => "added",
    };
    terminal::say(&format!(
        "{done} {} ({}) in {}",
        args.name,
        args.role.as_str(),
        users.path().display()
    ));
    if let Some((token, _)) = token {
        terminal::say("the token is shown this once; keep it where only they can read it:");
        writeln!(anstream::stdout().lock(), "{}", token.expose())?;
    }
    tell_refused(&users)?;
    Ok(ExitStatus::Done)
}

fn list(args: &ListArgs) -> anyhow::Result<ExitStatus> {
    let (users, _) = args.file.open()?;
    let listed = users.list()?;
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => {
            let listed: Vec<Value> = listed.iter().map(to_json).collect();
            terminal::write_json_indented(&mut out, &listed)?;
        }
        Format::Pretty if listed.is_empty() => {
            terminal::say(&format!("no users in {}", users.path().display()));
        }
        Format::Pretty => write_table(&mut out, &listed)?,
    }
    drop(out);
    Ok(if tell_refused(&users)? == 0 {
        ExitStatus::Done
    } else {
        ExitStatus::CouldNot
    })
}

fn remove(args: &RemoveArgs) -> anyhow::Result<ExitStatus> {
    let (users, _) = args.file.open()?;
    let removed = users.remove(&args.name)?;
    terminal::say(&format!(
        "removed {} ({}) from {}",
        removed.name,
        removed.role.as_str(),
        users.path().display()
    ));
    tell_refused(&users)?;
    Ok(ExitStatus::Done)
}

/// How many are in the file and do not get in, and why each of them does not.
fn tell_refused(users: &Users) -> anyhow::Result<usize> {
    let refused = users.refused()?;
    for refused in &refused {
        terminal::complain(&format!(
            "{}, {refused}; they do not get in",
            users.path().display()
        ));
    }
    Ok(refused.len())
}

impl FileArgs {
    /// The users, and the config that says where they are, if one does.
    fn open(&self) -> anyhow::Result<(Users, Option<Config>)> {
        if let Some(users) = &self.users {
            return Ok((Users::at(users), None));
        }
        let usual = PathBuf::from(USUAL_CONFIG);
        let config = match &self.config {
            Some(path) => Some(path),
            None => usual.is_file().then_some(&usual),
        };
        let Some(path) = config else {
            return Ok((Users::at(Config::default_for_run().operators.users), None));
        };
        match Config::load(path, &|name| ledger::environment(name), Clock.now()) {
            Ok((config, _)) => {
                let users = Users::at(&config.operators.users).beside(config.taken());
                Ok((users, Some(config)))
            }
            Err(mistakes) => {
                terminal::show(&mistakes);
                bail!("the config cannot be used; `--users` names the users file without it")
            }
        }
    }
}

/// A team that nobody configured would let them vote on nothing, without a word.
fn check_teams(teams: &[String], config: &Config) -> anyhow::Result<()> {
    let unknown = |team: &&String| config.people.team(team).is_none();
    let Some(unknown) = teams.iter().find(unknown) else {
        return Ok(());
    };
    let known: Vec<&str> = config
        .people
        .teams()
        .map(|team| team.name.as_str())
        .collect();
    match did_you_mean(unknown, known.iter().copied()) {
        Some(near) => bail!("the config has no team `{unknown}`; did you mean `{near}`?"),
        None if known.is_empty() => bail!("the config has no team `{unknown}`: it has no teams"),
        None => bail!(
            "the config has no team `{unknown}`; it has {}",
            known.join(", ")
        ),
    }
}

/// Whoever holds a token of the config may have the address, if it is the same person.
fn check_address(args: &AddArgs, config: &Config) -> anyhow::Result<()> {
    let Some(email) = &args.email else {
        return Ok(());
    };
    let mut others =
        (config.operators.tokens.iter()).filter(|token| !same(&token.name, &args.name));
    let theirs = others.find(|token| token.email.as_deref().is_some_and(|held| same(held, email)));
    if let Some(token) = theirs {
        bail!(
            "`{}` has the address `{email}` in the config; one address is one person's",
            token.name
        );
    }
    Ok(())
}

fn password_from_stdin() -> anyhow::Result<Secret> {
    let mut text = String::new();
    // A line end of two bytes, and one more by which it shows to be too long.
    let most = LONGEST as u64 + 3;
    io::stdin()
        .lock()
        .take(most)
        .read_to_string(&mut text)
        .context("the password on stdin cannot be read")?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.contains('\n') {
        bail!("there is more than one line on stdin; a password is one line");
    }
    Ok(Secret::new(password))
}

fn password_from_terminal(name: &str) -> anyhow::Result<Secret> {
    let ask = |what: &str| {
        rpassword::prompt_password(what)
            .context("there is no terminal to ask for a password; give it with --password-stdin, or make a token with --token")
    };
    let first = Secret::new(ask(&format!("password of {name}: "))?);
    let again = Secret::new(ask("the same again: ")?);
    if first != again {
        bail!("the two passwords are not the same");
    }
    Ok(first)
}

fn to_json(user: &User) -> Value {
    json!({
        "name": user.name,
        "role": user.role.as_str(),
        "email": user.email,
        "teams": user.teams,
        "password": user.password.is_some(),
        "token": user.token.is_some(),
        "added": user.added.to_string(),
    })
}

fn write_table(out: &mut dyn Write, users: &[User]) -> io::Result<()> {
    let mut table = Table::headed(&["name", "role", "comes with", "added", "e-mail", "teams"]);
    for user in users {
        let ways = match (&user.password, &user.token) {
            (Some(_), Some(_)) => "password, token",
            (Some(_), None) => "password",
            (None, Some(_)) => "token",
            (None, None) => "-",
        };
        table.row(vec![
            Cell::plain(&user.name),
            Cell::plain(user.role.as_str()),
            Cell::plain(ways),
            Cell::faint(user.added.to_string()),
            Cell::plain(user.email.as_deref().unwrap_or("-")),
            Cell::new(terminal::one_line(&user.teams.join(", "), 60), PLAIN),
        ]);
    }
    table.write(out, "")
}

fn parse_name(text: &str) -> Result<String, String> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    if is_reserved(text) {
        return Err("it is the word for what decides besides people".to_owned());
    }
    Err("a name has letters, digits and `-._@+:/`, and at most 128 of them".to_owned())
}

fn parse_address(text: &str) -> Result<String, String> {
    if is_address(text) {
        return Ok(text.to_owned());
    }
    Err("write an address such as `alice@example.com`".to_owned())
}
