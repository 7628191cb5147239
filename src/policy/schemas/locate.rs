//! Where in a JSON text something stands.

/// The bytes of the key, or of the first character of the array's item, that a JSON pointer ends at; the whole first line
/// for the root. `text` is valid JSON. `None` where nothing is there.
pub(crate) fn locate(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    let mut found = (scanner.at, text.find('\n').unwrap_or(text.len()));
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        found = scanner.enter(&step)?;
    }
    Some(found)
}

/// Reads valid JSON from a byte on; at a value, but for the moments between.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Moves to the part of the value under `step`, and tells the bytes that name it.
    fn enter(&mut self, step: &str) -> Option<(usize, usize)> {
        let open = self.byte()?;
        self.at += 1;
        let mut index = 0;
        loop {
            self.space();
            if matches!(self.byte()?, b'}' | b']') {
                return None;
            }
            let start = self.at;
            let here = if open == b'{' {
                self.string();
                let key = self.text.get(start..self.at)?;
                let end = self.at;
                self.space();
                self.at += 1;
                self.space();
                (serde_json::from_str::<String>(key).ok()? == step).then_some((start, end))
            } else {
                (step.parse() == Ok(index)).then_some((start, start + 1))
            };
            if here.is_some() {
                return here;
            }
            index += 1;
            self.value();
            self.space();
            if self.byte()? == b',' {
                self.at += 1;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.byte() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }

    fn value(&mut self) {
        let mut depth = 0;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_pointer_leads_to_the_key_it_ends_at() {
        let text = "{\n  \"a\": {\"b, \\\"}\": [1, {\"x/y\": \"]\"}]},\n  \"c\": 1 }";
        let word = |pointer: &str| {
            let (start, end) = locate(text, pointer)?;
            text.get(start..end)
        };
        assert_eq!(word("/a"), Some("\"a\""));
        assert_eq!(word("/a/b, \"}"), Some(r#""b, \"}""#));
        assert_eq!(word("/a/b, \"}/1"), Some("{"));
        assert_eq!(word("/a/b, \"}/1/x~1y"), Some("\"x/y\""));
        assert_eq!(word("/c"), Some("\"c\""));
        assert_eq!(word(""), Some("{"));
        for nothing in ["/d", "/a/0", "/a/b, \"}/2", "/c/x"] {
            assert_eq!(word(nothing), None, "{nothing}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(1)),
            "\\PC{0,4}".prop_map(Into::into),
            Just(json!(null))
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map("\\PC{0,3}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
        found.push(here.to_owned());
        match value {
            Value::Object(fields) => {
                for (key, part) in fields {
                    let step = key.replace('~', "~0").replace('/', "~1");
                    pointers(part, &format!("{here}/{step}"), found);
                }
            }
            Value::Array(items) => {
                for (index, part) in items.iter().enumerate() {
                    pointers(part, &format!("{here}/{index}"), found);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    proptest! {
        #[test]
        fn every_part_of_a_value_is_found_in_its_text(value in values()) {
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                for pointer in &all {
                    prop_assert!(locate(&text, pointer).is_some(), "{} in {}", pointer, text);
                }
            }
        }
    }
}
