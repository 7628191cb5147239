//! Taking a capability out of what policies, people and logs see.

use serde_json::Value;

use crate::secret::Secret;
use crate::source::percent;

/// One that is shorter is no capability: it would be found in ordinary words, and is left.
const SHORTEST_CAPABILITY: usize = 8;

/// Replaces the token wherever in the payload it turns up: in a link, say, as it is or with `%`-escapes.
pub(super) fn blot_out(value: &mut Value, token: &Secret) {
    let token = token.expose();
    if token.len() < SHORTEST_CAPABILITY {
        return;
    }
    let mut forms = vec![token.to_owned()];
    for digits in [|byte| format!("%{byte:02X}"), |byte| format!("%{byte:02x}")] {
        let escaped = percent::encode_with(token, digits);
        if !forms.contains(&escaped) {
            forms.push(escaped);
        }
    }
    blot(value, &forms);
}

fn blot(value: &mut Value, forms: &[String]) {
    match value {
        Value::String(text) => {
            for form in forms {
                if text.contains(form) {
                    *text = text.replace(form, "[token]");
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| blot(item, forms)),
        Value::Object(members) => {
            members.retain(|key, _| !forms.iter().any(|form| key.contains(form)));
            members.values_mut().for_each(|member| blot(member, forms));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
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
            "lower": ["ab%2bc%2fd%3d%3de"],
            "ab+c/d==e": 1, "x-ab%2Bc%2Fd%3D%3De": 2,
            "other": "ab+c", "number": 1, "nothing": null,
        });
        blot_out(&mut payload, &Secret::new("ab+c/d==e"));
        let left = json!({
            "plain": "answer with [token] now",
            "link": "https://app.example.com/approve?token=[token]&x=1",
            "lower": ["[token]"],
            "other": "ab+c", "number": 1, "nothing": null,
        });
        assert_eq!(payload, left);
    }

    #[test]
    fn a_token_that_is_a_common_word_is_left() {
        let mut payload = json!({"message": "a token"});
        blot_out(&mut payload, &Secret::new("token"));
        assert_eq!(payload, json!({"message": "a token"}));
    }
}
