use super::*;

async fn found(
    hosts: &[&str],
    scheme: Scheme,
    name: &str,
    addresses: &[&str],
) -> Result<(), RefusedCallback> {
    let hosts = Arc::new(CallbackHosts::parse(hosts).unwrap());
    let checked = Checked::new(hosts, Names::saying(&[addresses]), scheme);
    match checked.addresses(name).await {
        Ok(found) => {
            let expected: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
            assert_eq!(found, expected);
            Ok(())
        }
        Err(error) => Err(*error.downcast().unwrap()),
    }
}

#[tokio::test]
async fn what_a_listed_name_may_lead_to() {
    let public = "app.terraform.io";
    for (hosts, name, addresses) in [
        (
            &[public][..],
            public,
            &["75.2.98.97", "2606:4700::1111"][..],
        ),
        (&[public, "10.1.0.0/16"], public, &["10.1.2.3"]),
        (&[public, "169.254.7.7"], public, &["169.254.7.7"]),
        (&[public, "100.64.0.0/10"], public, &["100.64.0.1"]),
        (&["executor"], "executor", &["172.18.0.2"]),
        (
            &["executor.internal"],
            "executor.internal",
            &["10.0.0.2", "fd12::2"],
        ),
        (&["x.home.arpa"], "x.home.arpa", &["192.168.1.1"]),
        (&["localhost"], "localhost", &["127.0.0.1", "::1"]),
        (&["a.localhost"], "a.localhost", &["127.0.0.1"]),
        (&["one.test"], "one.test", &["127.0.0.1", "8.8.8.8"]),
    ] {
        let result = found(hosts, Scheme::Https, name, addresses).await;
        assert_eq!(result, Ok(()), "{name} at {addresses:?}");
    }
}

#[tokio::test]
async fn what_no_name_may_lead_to() {
    for (hosts, name, address) in [
        (
            &["executor.internal"][..],
            "executor.internal",
            "169.254.169.254",
        ),
        (&["executor.internal"], "executor.internal", "fd00:ec2::254"),
        (&["executor.internal"], "executor.internal", "100.64.0.1"),
        (&["executor.internal"], "executor.internal", "0.0.0.0"),
        (
            &["executor.internal"],
            "executor.internal",
            "::ffff:10.0.0.1",
        ),
        (
            &["executor.internal", "169.254.0.0/16"],
            "executor.internal",
            "169.254.169.254",
        ),
        (&["notlocalhost.com"], "notlocalhost.com", "127.0.0.1"),
        (
            &["internal.example.com"],
            "internal.example.com",
            "10.0.0.1",
        ),
        (&["myinternal.com"], "myinternal.com", "10.0.0.1"),
        (&["a.com", "224.0.0.0/4"], "a.com", "224.0.0.1"),
        (&["a.com", "10.0.0.0/24"], "a.com", "10.0.1.1"),
        (&["a.com", "127.0.0.1"], "a.com", "::ffff:127.0.0.1"),
    ] {
        let result = found(hosts, Scheme::Https, name, &[address]).await;
        let refused = matches!(result, Err(RefusedCallback::Address { .. }));
        assert!(refused, "{name} at {address}: {result:?}");
    }
    assert!(matches!(
        found(&["a.com"], Scheme::Https, "b.com", &["8.8.8.8"]).await,
        Err(RefusedCallback::NotListed(_))
    ));
}

#[tokio::test]
async fn what_is_not_encrypted_stays_inside_or_goes_where_an_address_is_listed() {
    for (hosts, name, address, allowed) in [
        (&["a.com"][..], "a.com", "8.8.8.8", false),
        (&["a.com", "8.8.8.8"], "a.com", "8.8.8.8", true),
        (&["executor"], "executor", "172.18.0.2", true),
        (&["executor"], "executor", "8.8.8.8", false),
        (
            &["executor", "172.18.0.0/16"],
            "executor",
            "172.18.0.2",
            true,
        ),
        (&["localhost"], "localhost", "127.0.0.1", true),
        (&["localhost"], "localhost", "::1", true),
    ] {
        let result = found(hosts, Scheme::Http, name, &[address]).await;
        let unencrypted = matches!(result, Err(RefusedCallback::Unencrypted { .. }));
        assert_eq!((result.is_ok(), unencrypted), (allowed, !allowed), "{name}");
    }
}

#[test]
fn a_refusal_says_why_and_what_to_list() {
    let hosts = CallbackHosts::parse(["a.com"]).unwrap();
    let says = |address: &str, scheme| {
        let refused = hosts.judge("a.com", address.parse().unwrap(), scheme);
        refused.unwrap_err().to_string()
    };
    assert_eq!(
        says("10.0.0.1", Scheme::Https),
        "the callback's host `a.com` leads to `10.0.0.1`, which is in a private network; only an address listed in \
         `callback_hosts` is called there"
    );
    assert_eq!(
        says("8.8.8.8", Scheme::Http),
        "the callback to `a.com` is not encrypted, and `8.8.8.8` is neither inside nor listed in `callback_hosts`; \
         use `https`"
    );
}

#[test]
fn an_entry_is_a_name_an_address_or_a_range() {
    let several = [
        "app.terraform.io",
        "APP.Example.",
        "bücher.example",
        "executor",
        "a_b.internal",
        "127.0.0.1",
        "::1",
        "10.0.0.0/8",
        "fd00::/8",
        "0.0.0.0/1",
    ];
    let hosts = CallbackHosts::parse(several).unwrap();
    assert!(hosts.names("app.example") && hosts.names("xn--bcher-kva.example"));
    assert!(CallbackHosts::parse([""; 0]).unwrap().is_empty());
    assert!(!hosts.is_empty());

    let error = |entry: &str| CallbackHosts::parse([entry]).unwrap_err();
    for entry in ["", " ", ".", "a..b", "a b", "a\tb", "a\0b", "xn--a"] {
        assert_eq!(error(entry), InvalidHost::Unreadable(entry.to_owned()));
    }
    for entry in ["*", "*.example.com", "a.*.com"] {
        assert_eq!(error(entry), InvalidHost::Wildcard(entry.to_owned()));
    }
    for entry in [
        "https://a.com",
        "a.com:443",
        "a.com/path",
        "user@a.com",
        "[::1]",
        "a.com?x",
        "a.com#x",
        "a%2ecom",
        "fe80::1%eth0",
        "a.com\\b",
    ] {
        assert_eq!(error(entry), InvalidHost::MoreThanAHost(entry.to_owned()));
    }
    for entry in [
        "0x7f.1",
        "2130706433",
        "127.1",
        "127.0.0.1.",
        "１２７.0.0.1",
    ] {
        let address = "127.0.0.1".parse().unwrap();
        let entry = entry.to_owned();
        assert_eq!(error(&entry), InvalidHost::AnotherForm { entry, address });
    }
    for entry in [
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "::/129",
        "::/1000",
    ] {
        assert_eq!(error(entry), InvalidHost::Prefix(entry.to_owned()));
    }
    for entry in ["0.0.0.0/0", "::/0"] {
        assert_eq!(error(entry), InvalidHost::Everything(entry.to_owned()));
    }
    for (entry, range) in [("10.1.2.3/8", "10.0.0.0/8"), ("fd12::1/8", "fd00::/8")] {
        let (entry, range) = (entry.to_owned(), range.to_owned());
        assert_eq!(error(&entry), InvalidHost::HostBits { entry, range });
    }
}
