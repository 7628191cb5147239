use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

#[tokio::test]
async fn an_address_whose_host_is_not_listed_is_refused_before_anything_is_looked_up() {
    let door = Door::open("127.0.0.1").await;
    let names = Names::saying(&[&["127.0.0.1"]]);
    let client = calling(&["app.terraform.io"], &names);
    for (raw, host) in [
        // This machine, in all the ways to write it.
        ("http://127.0.0.1:PORT/", "127.0.0.1"),
        ("https://127.0.0.1:PORT/", "127.0.0.1"),
        ("http://127.0.0.1.:PORT/", "127.0.0.1"),
        ("http://127.1:PORT/", "127.0.0.1"),
        ("http://2130706433:PORT/", "127.0.0.1"),
        ("http://0x7f000001:PORT/", "127.0.0.1"),
        ("http://0X7F.0.0x1:PORT/", "127.0.0.1"),
        ("http://017700000001:PORT/", "127.0.0.1"),
        ("http://0177.0.0.1:PORT/", "127.0.0.1"),
        ("http://0:PORT/", "0.0.0.0"),
        ("http://localhost:PORT/", "localhost"),
        ("http://LocalHost.:PORT/", "localhost"),
        ("http://[::1]:PORT/", "[::1]"),
        ("http://[0:0:0:0:0:0:0:1]:PORT/", "[::1]"),
        ("http://[::]:PORT/", "[::]"),
        ("http://[::ffff:127.0.0.1]:PORT/", "[::ffff:7f00:1]"),
        ("http://[::FFFF:7F00:1]:PORT/", "[::ffff:7f00:1]"),
        ("http://[::127.0.0.1]:PORT/", "[::7f00:1]"),
        ("http://[64:ff9b::127.0.0.1]:PORT/", "[64:ff9b::7f00:1]"),
        ("http://[2002:7f00:1::]:PORT/", "[2002:7f00:1::]"),
        // Where clouds hand out credentials.
        (
            "http://169.254.169.254/latest/meta-data/",
            "169.254.169.254",
        ),
        ("http://2852039166/", "169.254.169.254"),
        ("http://0xa9fea9fe/", "169.254.169.254"),
        ("http://0251.0376.0251.0376/", "169.254.169.254"),
        ("http://[::ffff:a9fe:a9fe]/", "[::ffff:a9fe:a9fe]"),
        ("http://[fd00:ec2::254]/", "[fd00:ec2::254]"),
        (
            "http://metadata.google.internal/",
            "metadata.google.internal",
        ),
        // Hosts that look like the listed one.
        ("https://evil.example#@app.terraform.io/", "evil.example"),
        ("https://evil.example?@app.terraform.io/", "evil.example"),
        ("https://evil.example/@app.terraform.io/", "evil.example"),
        (
            "https://app.terraform.io.evil.example/",
            "app.terraform.io.evil.example",
        ),
        ("https://xapp.terraform.io/", "xapp.terraform.io"),
        ("https://x.app.terraform.io/", "x.app.terraform.io"),
        ("https://terraform.io/", "terraform.io"),
        ("https://app-terraform.io/", "app-terraform.io"),
        (
            "https://xn--pp-7kc.terraform.io/",
            "xn--pp-7kc.terraform.io",
        ),
    ] {
        let raw = raw.replace("PORT", &door.port.to_string());
        let expected = RefusedCallback::NotListed(host.to_owned());
        assert_eq!(refusal(&client, &raw).await, expected, "{raw}");
    }
    assert_eq!(names.asked(), Vec::<String>::new());
    assert_eq!(door.came().await, 0);
}

#[tokio::test]
async fn an_address_that_could_be_read_in_two_ways_is_refused_before_anything_is_looked_up() {
    let door = Door::open("127.0.0.1").await;
    let names = Names::saying(&[&["127.0.0.1"]]);
    let client = calling(&["app.terraform.io", "127.0.0.1"], &names);
    for raw in [
        "https://app.terraform.io@127.0.0.1:PORT/",
        "https://app.terraform.io:443@127.0.0.1:PORT/",
        "https://user:password@app.terraform.io/",
        "https://@app.terraform.io/",
        "https://a@b@app.terraform.io/",
        "https://app.terraform.io%2f@127.0.0.1/",
    ] {
        let raw = raw.replace("PORT", &door.port.to_string());
        assert_eq!(
            refusal(&client, &raw).await,
            RefusedCallback::UserInfo,
            "{raw}"
        );
    }
    for raw in [
        "",
        "app.terraform.io/run",
        "//app.terraform.io/run",
        "https:app.terraform.io/run",
        "https:/app.terraform.io/run",
        "https:///app.terraform.io/run",
        "https://",
        "ftp://app.terraform.io/",
        "file:///etc/passwd",
        "file://app.terraform.io/etc/passwd",
        "gopher://127.0.0.1:PORT/_x",
        "javascript://app.terraform.io/%0aalert(1)",
        "ws://127.0.0.1:PORT/",
        " https://app.terraform.io/",
        "https://app.terraform.io/ ",
        "https://app.terra\nform.io/",
        "ht\ttps://app.terraform.io/",
        "https://app.terraform.io\t@127.0.0.1:PORT/",
        "https://app.terraform.io\r\nHost: evil.example/",
        "https://app.terraform.io\\@127.0.0.1:PORT/",
        "https:\\\\127.0.0.1:PORT\\",
        "https://127.0.0.1:PORT\\@app.terraform.io/",
        "https://app.terraform.io%00.evil.example/",
        "https://%61pp.terraform.io/",
        "https://127%2e0.0.1:PORT/",
        "https://app.terraform.io\u{0}/",
        "https://аpp.terraform.io/",
        "https://ａpp.terraform.io/",
        "http://①②⑦.⓪.⓪.①:PORT/",
        "http://127。0。0。1:PORT/",
        "https://app.terraform.io\u{200b}/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://127.0.0.1]:PORT/",
        "http://127.0.0.1:PORT:80/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1.evil:80:PORT/",
        "http://256.0.0.1/",
        "http://1.2.3.4.5/",
        "http://4294967296/",
    ] {
        let raw = raw.replace("PORT", &door.port.to_string());
        assert_eq!(
            refusal(&client, &raw).await,
            RefusedCallback::Unreadable,
            "{raw:?}"
        );
    }
    let long = format!("https://app.terraform.io/{}", "a".repeat(LONGEST));
    assert_eq!(refusal(&client, &long).await, RefusedCallback::TooLong);
    assert_eq!(names.asked(), Vec::<String>::new());
    assert_eq!(door.came().await, 0);
}

#[tokio::test]
async fn a_listed_name_that_leads_where_it_must_not_is_refused_before_any_connection() {
    let door = Door::open("127.0.0.1").await;
    for (addresses, bad) in [
        (&["127.0.0.1"][..], "127.0.0.1"),
        (&["127.8.8.8"], "127.8.8.8"),
        (&["::1"], "::1"),
        (&["10.0.0.1"], "10.0.0.1"),
        (&["172.16.0.1"], "172.16.0.1"),
        (&["192.168.0.1"], "192.168.0.1"),
        (&["169.254.169.254"], "169.254.169.254"),
        (&["100.64.0.1"], "100.64.0.1"),
        (&["fd00::1"], "fd00::1"),
        (&["fe80::1"], "fe80::1"),
        (&["::ffff:127.0.0.1"], "::ffff:127.0.0.1"),
        (&["::127.0.0.1"], "::7f00:1"),
        (&["64:ff9b::a9fe:a9fe"], "64:ff9b::a9fe:a9fe"),
        (&["2002:7f00:1::"], "2002:7f00:1::"),
        (&["2001::80ff:fffe"], "2001::80ff:fffe"),
        (&["0.0.0.0"], "0.0.0.0"),
        (&["::"], "::"),
        (&["224.0.0.1"], "224.0.0.1"),
        (&["255.255.255.255"], "255.255.255.255"),
        (&["192.0.2.1"], "192.0.2.1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["168.63.129.16"], "168.63.129.16"),
        // One bad one among good ones, wherever it stands.
        (&["75.2.98.97", "127.0.0.1"], "127.0.0.1"),
        (&["127.0.0.1", "75.2.98.97"], "127.0.0.1"),
        (&["75.2.98.97", "2606:4700::1111", "10.0.0.1"], "10.0.0.1"),
    ] {
        let names = Names::saying(&[addresses]);
        let client = calling(&["app.terraform.io"], &names);
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://app.terraform.io:{}/", door.port);
            // By `http`, the public address before it may be what is refused.
            let refused = match refusal(&client, &url).await {
                RefusedCallback::Address { address, .. } => address,
                RefusedCallback::Unencrypted { address, .. } if scheme == "http" => {
                    assert_ne!(address.to_string(), bad);
                    continue;
                }
                other @ (RefusedCallback::Unreadable
                | RefusedCallback::TooLong
                | RefusedCallback::UserInfo
                | RefusedCallback::NotListed(_)
                | RefusedCallback::Unencrypted { .. }) => panic!("{addresses:?}: {other}"),
            };
            assert_eq!(refused.to_string(), bad);
        }
        assert_eq!(names.asked().len(), 2);
    }
    assert_eq!(door.came().await, 0);
}

#[test]
fn a_listed_range_holds_no_metadata_service_but_a_listed_address_may_be_one() {
    let names = Names::saying(&[]);
    let url = "http://169.254.169.254/latest";
    let range = calling(&["169.254.0.0/16"], &names);
    assert!(matches!(
        range.check(url),
        Err(RefusedCallback::Address {
            unfit: Unfit::Metadata,
            ..
        })
    ));
    assert!(calling(&["169.254.169.254"], &names).check(url).is_ok());
    let nobody = calling(&["0.0.0.0", "224.0.0.0/4"], &names);
    for url in ["http://0/", "https://224.0.0.1/"] {
        let refused = nobody.check(url);
        assert!(
            matches!(
                refused,
                Err(RefusedCallback::Address {
                    unfit: Unfit::Nobody,
                    ..
                })
            ),
            "{url}: {refused:?}"
        );
    }
}

/// One is enough: setting up TLS takes its time.
static CLIENT: LazyLock<CallbackClient> =
    LazyLock::new(|| calling(&["app.terraform.io"], &Names::saying(&[])));

proptest! {
    #[test]
    fn whatever_passes_goes_to_the_listed_host(
        noise in "\\PC{0,12}",
        more in "[/?#@\\\\%:.a-z\t\n]{0,12}",
    ) {
        for raw in [
            format!("https://{noise}app.terraform.io{more}"),
            format!("https://{more}app.terraform.io{noise}"),
            format!("https://{noise}{more}"),
        ] {
            if let Ok(url) = CLIENT.check(&raw) {
                let host = url.host();
                prop_assert_eq!(host.split(':').next(), Some("app.terraform.io"), "{}", raw);
            }
        }
    }
}
