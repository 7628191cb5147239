//! A delivery as one line for a shell. Whatever a value holds, it stays one word of that line.

use http::{HeaderName, HeaderValue};

/// The line that sends the file `body` to `url` with `headers`.
pub(super) fn line(url: &str, headers: &[(HeaderName, HeaderValue)], body: &str) -> String {
    let mut words = vec!["curl".to_owned(), "-sS".to_owned(), "--globoff".to_owned()];
    words.push(word(url));
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        // With a colon and nothing behind it, curl would leave the header out.
        let header = if value.is_empty() {
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        words.push("-H".to_owned());
        words.push(word(&header));
    }
    words.push("--data-binary".to_owned());
    words.push(word(&format!("@{body}")));
    words.join(" ")
}

/// `text` as one word of a shell: plain where every shell reads it as it is, else in single quotes, inside which nothing
/// but the quote itself means anything.
fn word(text: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "@%+:,./-_".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(name: &'static str, value: &str) -> (HeaderName, HeaderValue) {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    }

    /// The words that a shell makes of `line`.
    fn words(line: &str) -> Vec<String> {
        let script = format!("for word in {line}; do printf '%s\\0' \"$word\"; done");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words: Vec<_> = text.split('\0').map(str::to_owned).collect();
        assert_eq!(words.pop().as_deref(), Some(""));
        words
    }

    #[test]
    fn a_line_is_as_a_person_would_type_it() {
        let headers = [
            header("content-type", "application/json"),
            header("x-signature", "sha256=ab01"),
            header("x-nothing", ""),
        ];
        let url = "http://127.0.0.1:8787/v1/sources/refunds";
        insta::assert_snapshot!(line(url, &headers, "sample.json"), @"curl -sS --globoff http://127.0.0.1:8787/v1/sources/refunds -H 'content-type: application/json' -H 'x-signature: sha256=ab01' -H 'x-nothing;' --data-binary @sample.json");
    }

    #[test]
    fn values_with_quotes_and_dollars_stay_values_in_the_shell() {
        let secret = r#"it's $HOME `id` "$(id)" \ !! #;&|<>*?~ {a,b}"#;
        let url = "http://127.0.0.1:8787/v1/sources/a/'$(id)'";
        let line = line(
            url,
            &[header("x-secret", secret)],
            "my 'file'; id\n$(id).json",
        );
        assert_eq!(
            words(&line),
            [
                "curl",
                "-sS",
                "--globoff",
                url,
                "-H",
                &format!("x-secret: {secret}"),
                "--data-binary",
                "@my 'file'; id\n$(id).json",
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_is_one_word_and_itself(texts in prop::collection::vec("[^\0]{0,12}", 1..20)) {
            let line = texts.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(words(&line), texts);
        }
    }
}
