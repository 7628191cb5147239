use super::*;
use crate::secret::Secret;

fn proxy() -> ProxySettings {
    let secret = |text: &str| Credential::written(Secret::new(text)).unwrap();
    ProxySettings {
        addresses: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        secret_header: HeaderName::from_static("x-secret"),
        secrets: vec![secret("old"), secret("new")],
        user_header: HeaderName::from_static("x-user"),
        email_header: Some(HeaderName::from_static("x-email")),
        groups_header: Some(HeaderName::from_static("x-groups")),
    }
}

fn vouches(peer: &str, headers: &[(&'static str, &str)]) -> Result<Option<Proven>, Unclear> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        map.append(*name, value);
    }
    proxy().vouches(peer.parse().unwrap(), &map)
}

#[test]
fn the_proxy_vouches_by_either_secret_also_where_its_address_is_written_in_the_new_way() {
    let headers = |secret| {
        [
            ("x-secret", secret),
            ("x-user", " jörg "),
            ("x-email", "joerg@example.com"),
            ("x-groups", "a, b,,c "),
        ]
    };
    for (peer, secret) in [
        ("10.9.9.9", "old"),
        ("::ffff:10.9.9.9", "new"),
        ("::1", "new"),
    ] {
        let proven = vouches(peer, &headers(secret)).unwrap().unwrap();
        assert_eq!(proven.name, "jörg");
        assert_eq!(proven.email.as_deref(), Some("joerg@example.com"));
        assert_eq!(proven.groups, ["a", "b", "c"]);
        assert_eq!(proven.origin, Origin::Proxy);
    }
}

#[test]
fn who_is_not_the_proxy_is_not_listened_to_however_broken_their_headers() {
    for (peer, secret) in [
        ("11.0.0.1", "new"),
        ("10.0.0.1", "ne"),
        ("10.0.0.1", "newer"),
        ("::2", "new"),
    ] {
        let headers = [("x-secret", secret), ("x-user", "a"), ("x-user", "b")];
        assert!(
            matches!(vouches(peer, &headers), Ok(None)),
            "{peer} {secret}"
        );
    }
    assert!(matches!(vouches("10.0.0.1", &[("x-user", "a")]), Ok(None)));
}

#[test]
fn a_name_that_cannot_be_seen_whole_is_none() {
    let long = "a".repeat(LONGEST + 1);
    for name in ["a\tb", "a\u{202e}b", "a\u{200b}", long.as_str()] {
        let headers = [("x-secret", "new"), ("x-user", name)];
        let unclear = vouches("10.0.0.1", &headers);
        assert!(matches!(unclear, Err(Unclear::Malformed(_))), "{name:?}");
    }
    let nobody = vouches("10.0.0.1", &[("x-secret", "new"), ("x-user", " ")]);
    assert!(matches!(nobody, Ok(None)));
    for email in ["a", "a@", "a@b@c", "a b@c", "<a@b>"] {
        let headers = [("x-secret", "new"), ("x-user", "a"), ("x-email", email)];
        let unclear = vouches("10.0.0.1", &headers);
        assert!(matches!(unclear, Err(Unclear::Malformed(_))), "{email}");
    }
}

#[test]
fn only_the_proxy_with_its_secret_says_from_where_somebody_comes() {
    let from = |peer: &str, secret: &str, noted: &[&str]| {
        let mut headers = HeaderMap::new();
        headers.insert("x-secret", secret.parse().unwrap());
        for noted in noted {
            headers.append("x-forwarded-for", noted.parse().unwrap());
        }
        (proxy().client(peer.parse().unwrap(), &headers)).to_string()
    };
    let noted = ["198.51.100.1, 203.0.113.7"];
    // The proxy's address alone is anybody's on that machine.
    assert_eq!(from("10.0.0.1", "wrong", &noted), "10.0.0.1");
    assert_eq!(from("11.0.0.1", "new", &noted), "11.0.0.1");
    assert_eq!(from("10.0.0.1", "new", &noted), "203.0.113.7");
    assert_eq!(from("::ffff:10.0.0.1", "old", &noted), "203.0.113.7");
    for (noted, client) in [
        // Through another proxy of ours; what the client wrote stands before.
        (&["198.51.100.1, 203.0.113.7 , 10.0.0.2"][..], "203.0.113.7"),
        (&["203.0.113.7", "10.0.0.2, ::1"], "203.0.113.7"),
        (&["203.0.113.7:4711"], "203.0.113.7"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["::ffff:203.0.113.7"], "203.0.113.7"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2"),
        (&["203.0.113.7, "], "10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&[], "10.0.0.1"),
    ] {
        assert_eq!(from("10.0.0.1", "new", noted), client, "{noted:?}");
    }
    let long = format!("203.0.113.7{}", ", 10.0.0.9".repeat(MOST_HOPS));
    assert_eq!(from("10.0.0.1", "new", &[&long]), "10.0.0.9");
}
