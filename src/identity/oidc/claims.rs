//! Who somebody is, from what the directory says of them.

use serde_json::{Map, Value};

use super::{OidcError, OidcSettings};
use crate::identity::{Origin, Proven};

/// The most groups of one person.
const MOST_GROUPS: usize = 1000;

/// Whether `claims` say all that there is to know, so that nothing more has to be asked.
pub(super) fn are_enough(claims: &Map<String, Value>, settings: &OidcSettings) -> bool {
    claims.contains_key(&settings.name_claim) && claims.contains_key(&settings.groups_claim)
}

/// Who the subject of `claims` is; `more` is what else the directory says of the same subject.
pub(super) fn proven(
    claims: &Map<String, Value>,
    more: Option<&Map<String, Value>>,
    settings: &OidcSettings,
) -> Result<Proven, OidcError> {
    let both = || std::iter::once(claims).chain(more);
    let missing = |claim: &str| OidcError::Claims(format!("there is no `{claim}` in what it says"));
    let email = both().find_map(verified_email);
    let name = if settings.name_claim == "email" {
        let unverified = || {
            let why = "there is no `email` with `email_verified: true` in what it says";
            OidcError::Claims(why.to_owned())
        };
        email.clone().ok_or_else(unverified)?
    } else {
        let said = both().find_map(|claims| claims.get(&settings.name_claim));
        let name = said.and_then(Value::as_str).map(str::trim);
        let name = name.filter(|name| !name.is_empty());
        name.ok_or_else(|| missing(&settings.name_claim))?
            .to_owned()
    };
    let groups = both().find_map(|claims| claims.get(&settings.groups_claim));
    Ok(Proven {
        origin: Origin::Oidc,
        name,
        email,
        groups: groups.map_or_else(|| Ok(Vec::new()), |groups| group_names(groups, settings))?,
    })
}

/// The address and the word that it is verified must come together.
fn verified_email(claims: &Map<String, Value>) -> Option<String> {
    let is_verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let email = claims.get("email").filter(|_| is_verified)?.as_str()?;
    let email = email.trim();
    (!email.is_empty()).then(|| email.to_owned())
}

/// A list of names, or one name alone.
fn group_names(groups: &Value, settings: &OidcSettings) -> Result<Vec<String>, OidcError> {
    let claim = &settings.groups_claim;
    let malformed = || OidcError::Claims(format!("`{claim}` is no list of names"));
    match groups {
        Value::String(group) => Ok(vec![group.clone()]),
        Value::Array(groups) if groups.len() <= MOST_GROUPS => groups
            .iter()
            .map(|group| group.as_str().map(str::to_owned).ok_or_else(malformed))
            .collect(),
        Value::Null => Ok(Vec::new()),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(malformed()),
    }
}
