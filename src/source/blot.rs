//! Taking a capability out of what policies, people and logs see.

use serde_json::Value;

use crate::secret::Secret;
use crate::source::percent;

/// One that is shorter is no capability: it would be found in ordinary words, and is left.
const SHORTEST_CAPABILITY: usize = 8;

/// What stands where a capability was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was the token of a request.
    Token,
    /// It was the address that takes the answer to a request.
    Callback,
}

impl Mark {
    fn text(self) -> &'static str {
        match self {
            Self::Token => "[token]",
            Self::Callback => "[callback]",
        }
    }
}

/// Replaces the capability wherever in the payload it turns up: in a link, say, as it is or with `%`-escapes.
pub(super) fn blot_out(value: &mut Value, capability: &Secret, mark: Mark) {
    let forms = forms(capability);
    if !forms.is_empty() {
        blot(value, &forms, mark);
    }
}

/// The same in one text.
pub(super) fn blot_out_of_text(text: &mut String, capability: &Secret, mark: Mark) {
    blot_text(text, &forms(capability), mark);
}

/// Whether a capability turns up anywhere in `value`, as [`blot_out`] would find it.
pub(super) fn mentions(value: &Value, capability: &Secret) -> bool {
    let mut without = value.clone();
    blot_out(&mut without, capability, Mark::Token);
    without != *value
}

/// As which texts a capability may turn up: as it is, with `%`-escapes, and with its slashes escaped as some write JSON.
fn forms(capability: &Secret) -> Vec<String> {
    let capability = capability.expose();
    if capability.len() < SHORTEST_CAPABILITY {
        return Vec::new();
    }
    let mut forms = vec![capability.to_owned()];
    let escaped = [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")]
        .map(|digits| percent::encode_with(capability, digits));
    for form in escaped.into_iter().chain([capability.replace('/', "\\/")]) {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

fn blot(value: &mut Value, forms: &[String], mark: Mark) {
    match value {
        Value::String(text) => blot_text(text, forms, mark),
        Value::Array(items) => items.iter_mut().for_each(|item| blot(item, forms, mark)),
        Value::Object(members) => {
            members.retain(|key, _| !forms.iter().any(|form| key.contains(form)));
            members
                .values_mut()
                .for_each(|member| blot(member, forms, mark));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn blot_text(text: &mut String, forms: &[String], mark: Mark) {
    for form in forms {
        if text.contains(form) {
            *text = text.replace(form, mark.text());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_capability_is_taken_out_of_text_links_and_keys() {
        let mut payload = json!({
            "plain": "answer with ab+c/d==e now",
            "link": "https://app.example.com/approve?token=ab%2Bc%2Fd%3D%3De&x=1",
            "in_json": r#"{"token": "ab+c\/d==e"}"#,
            "lower": ["ab%2bc%2fd%3d%3de"],
            "ab+c/d==e": 1, "x-ab%2Bc%2Fd%3D%3De": 2,
            "other": "ab+c", "number": 1, "nothing": null,
        });
        blot_out(&mut payload, &Secret::new("ab+c/d==e"), Mark::Token);
        let left = json!({
            "plain": "answer with [token] now",
            "link": "https://app.example.com/approve?token=[token]&x=1",
            "in_json": r#"{"token": "[token]"}"#,
            "lower": ["[token]"],
            "other": "ab+c", "number": 1, "nothing": null,
        });
        assert_eq!(payload, left);
    }

    #[test]
    fn a_token_that_is_a_common_word_is_left() {
        let mut payload = json!({"message": "a token"});
        blot_out(&mut payload, &Secret::new("token"), Mark::Token);
        assert_eq!(payload, json!({"message": "a token"}));
    }
}
