//! Whether anybody could be called what teams and owners are called: a slip in a name is a vote that never comes, or an owner
//! who may vote after all.

use crate::config::reader::Reader;
use crate::config::sections::Places;
use crate::config::{Config, code};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::person::same;
use crate::identity::Users;

pub(super) fn check(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    // With a mistake in the file it is not known who is meant.
    if reader.errors() > 0 {
        return;
    }
    let Some(known) = known(config, places) else {
        return;
    };
    let by_address = places.slack.is_some() || places.email.is_some();
    let teams = places.people.teams.iter();
    let members = teams.flat_map(|written| &written.place.members);
    for (name, place) in members.chain(&places.people.owners) {
        let is_known = known.iter().any(|known| same(known, name));
        // Whoever reads the mail of an address may vote by it.
        if is_known || (by_address && name.contains('@')) {
            continue;
        }
        let help = match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if name.contains('@') => {
                format!(
                    "give it to a user: `countersign user add NAME --role approver --email {name}`"
                )
            }
            None => format!("add them: `countersign user add {name} --role approver`"),
        };
        let message = format!(
            "nobody is called `{name}`: it is no token, no local user and no address of theirs"
        );
        let warning = Diagnostic::warning(code::UNKNOWN_PERSON, message);
        reader.note(place, warning.help(help));
    }
}

/// Everything that somebody could be called; `None` where that cannot be told.
fn known(config: &Config, places: &Places) -> Option<Vec<String>> {
    let operators = &config.operators;
    let elsewhere = places.operators.proxy.is_some() || places.operators.oidc.is_some();
    if elsewhere || operators.tokens.len() != places.operators.tokens_written {
        return None;
    }
    let users = Users::at(&operators.users);
    let (listed, refused) = (users.list().ok()?, users.refused().ok()?);
    let listed = listed.into_iter().map(|user| (user.name, user.email));
    let refused = refused.into_iter().map(|user| (user.name, user.email));
    let taken = config
        .taken()
        .into_iter()
        .map(|taken| (taken.name, taken.email));
    let known = taken.chain(listed).chain(refused);
    Some(
        known
            .flat_map(|(name, email)| std::iter::once(name).chain(email))
            .collect(),
    )
}
