//! How a sender proves who they are with a key pair.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::*;
use crate::signature::{Check, Delivery, Verifier};

/// The key pair of RFC 6979, A.2.5, and its signature over `sample` with SHA-256, as DER in base64.
const PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
";
const SIGNATURE: &str = "MEYCIQDv1IsqrLao/RFA3ZzUXoHWnSyHe1aq+ZHDTQ6oTq83FgIhAPfLHJQtZXxB1DbHobbin2Xz6QDbua/0Bk3Eqy+EOs2o";

fn ecdsa(rest: &str) -> String {
    tracemem(&format!("    verify:\n      - ecdsa:\n{rest}"))
}

fn with_key(key: &str) -> String {
    ecdsa(&format!(
        "          header: X-Grid-Signature\n          json: /s\n          public_keys:\n            - {key}\n"
    ))
}

fn indented(pem: &str) -> String {
    pem.trim_end().replace('\n', "\n              ")
}

fn read(text: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    let variables = |name: &str| match name {
        "GRID" => Some(PEM.to_owned()),
        _ => environment(name),
    };
    Config::parse(text, "countersign.yaml", &variables, now())
}

fn accepts(config: &Config, header: &str, value: &str) -> bool {
    let SourceKind::TraceMem(source) = &config.sources[0].kind else {
        panic!("it is tracemem")
    };
    let [VerifyConfig::Ecdsa(check)] = &source.verify[..] else {
        panic!("it is verified by ECDSA alone")
    };
    let mut headers = HeaderMap::new();
    let header = http::HeaderName::try_from(header).unwrap();
    headers.insert(header, HeaderValue::from_str(value).unwrap());
    let delivery = Delivery {
        headers,
        body: Bytes::from_static(b"sample"),
        path_secret: None,
    };
    let verifier = Verifier::new(vec![Check::Ecdsa(check.clone())]);
    verifier.verify(delivery, now(), Credential::read).is_ok()
}

#[test]
fn a_public_key_is_given_as_text_by_a_variable_or_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grid.pem");
    std::fs::write(&file, PEM).unwrap();
    for key in [
        format!("|\n              {}", indented(PEM)),
        "{env: GRID}".to_owned(),
        "\"${GRID}\"".to_owned(),
        format!("{{file: {}}}", file.display()),
    ] {
        let (config, warnings) =
            read(&with_key(&key)).unwrap_or_else(|all| panic!("{}", shown(&all)));
        assert_eq!(told(&warnings), Vec::<String>::new(), "{key}");
        assert!(config.sources[0].verified());
        assert!(accepts(&config, "x-grid-signature", SIGNATURE), "{key}");
        let object = format!(r#"{{"v":"1","s":"{SIGNATURE}"}}"#);
        assert!(accepts(&config, "x-grid-signature", &object), "{key}");
        assert!(!accepts(
            &config,
            "x-grid-signature",
            &SIGNATURE.replace("MEYC", "MEYD")
        ));
    }
}

#[test]
fn a_public_key_that_is_none_is_an_error_wherever_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grid.pem");
    let message = |key: &str| {
        let all = read(&with_key(key)).expect_err("it must be refused");
        let [mistake] = &all[..] else {
            panic!("{}", shown(&all))
        };
        let place = mistake.place.as_ref().unwrap();
        assert!([10, 11].contains(&place.line_and_column().0));
        assert!(!shown(&all).contains("MHcCAQ"), "{}", shown(&all));
        mistake.message.clone()
    };
    let private = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA==\n-----END EC PRIVATE KEY-----";
    let no_pem = "this is no public key in PEM, which starts with `-----BEGIN PUBLIC KEY-----`";
    let other = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAlzbJ6Gogg0G8KVHhPqnQYICdWWp1IMgEjStuI+8BboY=\n-----END PUBLIC KEY-----";
    for (text, said) in [
        (
            private,
            "this is a private key; give the public one, and a new pair to whoever signs",
        ),
        ("not a key, whatever it is", no_pem),
        (other, "this public key is not for ECDSA on P-256"),
        (&PEM.replace("MFkw", "MFkx"), "this public key is damaged"),
    ] {
        assert_eq!(
            message(&format!("|\n              {}", indented(text))),
            said
        );
        std::fs::write(&file, text).unwrap();
        assert_eq!(message(&format!("{{file: {}}}", file.display())), said);
    }
    assert_eq!(message("{env: LONG}"), no_pem);
    let (_, warnings) = read(&with_key("{file: /nope/grid.pem}")).unwrap();
    assert_eq!(
        told(&warnings),
        [
            "10: cannot read the secret file `/nope/grid.pem`: No such file or directory (os error 2)"
        ]
    );
}

#[test]
fn what_is_wrong_with_ecdsa_is_shown_where_it_is() {
    let text = ecdsa(
        "          encoding: base46
          json: s
          signed: \"{timestamp}0{body}\"
          algorithm: sha256
          public_keys: []
",
    );
    insta::assert_snapshot!(shown(&mistakes(&text)), @r#"
    error[C004]: `header` is missing
     --> countersign.yaml:7:11
      |
    7 |           encoding: base46
      |           ^^^^^^^^^^^^^^^^
      |
      = help: name the header that holds the signature

    error[C005]: `base46` is not one of `base64` or `hex`
     --> countersign.yaml:7:21
      |
    7 |           encoding: base46
      |                     ^^^^^^
      |
      = help: did you mean `base64`?

    error[C005]: `s` is not a JSON pointer to a member
     --> countersign.yaml:8:17
      |
    8 |           json: s
      |                 ^
      |
      = help: write `/s` where the header is `{"v": "1", "s": "…"}`; leave `json` out where it is the signature alone

    error[C005]: `signed` needs something other than a digit beside `{timestamp}`
     --> countersign.yaml:9:19
      |
    9 |           signed: "{timestamp}0{body}"
      |                   ^^^^^^^^^^^^^^^^^^^^
      |
      = help: such as `{body}` or `{timestamp}.{body}`

    error[C003]: unknown key `algorithm`
      --> countersign.yaml:10:11
       |
    10 |           algorithm: sha256
       |           ^^^^^^^^^
       |
       = help: known here: `header`, `encoding`, `json`, `signed`, `timestamp_header`, `id_header`, `tolerance` or `public_keys`

    error[C005]: there is no public key here
      --> countersign.yaml:11:24
       |
    11 |           public_keys: []
       |                        ^^
       |
       = help: write `public_keys: [{file: PATH}]`
    "#);
    let covered = ecdsa(
        "          header: X-S\n          id_header: X-Id\n          public_keys: {file: x}\n",
    );
    assert_eq!(
        told(&mistakes(&covered)),
        [
            "8: `id_header` is named, but `signed` has no `{id}`",
            "9: a list is needed here, not a mapping",
        ]
    );
    let whole = ecdsa(
        "          header: X-S\n          json: \"\"\n          public_keys: [{env: LONG}]\n",
    );
    assert!(told(&mistakes(&whole))[0].contains("is not a JSON pointer to a member"));
}
