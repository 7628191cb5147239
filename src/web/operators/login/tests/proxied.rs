use http::{HeaderName, Method};

use super::browser::{Browser, SITE, hidden};
use crate::credential::Credential;
use crate::identity::ProxySettings;
use crate::secret::Secret;
use crate::web::operators::Site;
use crate::web::tests::house::House;

async fn house() -> House {
    House::with_entrance(|entrance| {
        entrance.site = Site::at(Some(SITE)).unwrap();
        entrance.proxy = Some(ProxySettings {
            addresses: vec!["10.0.0.0/8".parse().unwrap()],
            secret_header: HeaderName::from_static("x-proxy-secret"),
            secrets: vec![Credential::written(Secret::new("pr0xy")).unwrap()],
            user_header: HeaderName::from_static("x-forwarded-user"),
            email_header: Some(HeaderName::from_static("x-forwarded-email")),
            groups_header: Some(HeaderName::from_static("x-forwarded-groups")),
        });
    })
    .await
}

fn carol(house: &House) -> Browser {
    let mut browser = Browser::new(&house.operators);
    browser.peer = [10, 1, 2, 3].into();
    browser.headers.extend([
        ("x-proxy-secret", "pr0xy".to_owned()),
        ("x-forwarded-user", "carol".to_owned()),
        ("x-forwarded-groups", "staff, admins".to_owned()),
    ]);
    browser
}

#[tokio::test]
async fn the_proxy_lets_somebody_in_and_only_their_own_page_changes_something() {
    let house = house().await;
    let mut browser = carol(&house);
    assert!(browser.is_known().await);
    let freeze = r#"{"reason":"x"}"#;
    let site = ("origin", SITE);
    for headers in [&[][..], &[site], &[site, ("x-csrf-token", "wrong")]] {
        let heard = browser
            .send(Method::PUT, "/v1/freeze", freeze, headers)
            .await;
        heard.is(403, "forbidden");
    }
    let csrf = hidden(&browser.get("/nowhere").await.text);
    let headers = [site, ("x-csrf-token", &*csrf)];
    let heard = browser
        .send(Method::PUT, "/v1/freeze", freeze, &headers)
        .await;
    assert_eq!(heard.json()["freeze"]["by"], "carol");
    let mut other = carol(&house);
    other.headers[2].1 = "dave".to_owned();
    let heard = other
        .send(Method::PUT, "/v1/freeze", freeze, &headers)
        .await;
    heard.is(403, "forbidden");
}

#[tokio::test]
async fn from_anybody_else_the_same_headers_say_nothing() {
    let house = house().await;
    let mut elsewhere = carol(&house);
    elsewhere.peer = [192, 0, 2, 7].into();
    assert!(!elsewhere.is_known().await);
    let mut wrong = carol(&house);
    wrong.headers[1].1 = "pr0xY".to_owned();
    assert!(!wrong.is_known().await);
    let mut without = carol(&house);
    without.headers.remove(1);
    assert!(!without.is_known().await);
    let mut twice = carol(&house);
    twice.headers.push(("x-proxy-secret", "pr0xy".to_owned()));
    assert!(!twice.is_known().await);
}

#[tokio::test]
async fn a_proxy_that_says_two_names_says_none() {
    let house = house().await;
    for header in ["x-forwarded-user", "x-forwarded-groups"] {
        let mut browser = carol(&house);
        browser.headers.push((header, "admins".to_owned()));
        assert!(!browser.is_known().await, "{header}");
    }
}

#[tokio::test]
async fn whoever_has_no_group_that_counts_is_told_so_and_no_more() {
    let house = house().await;
    let mut browser = carol(&house);
    browser.headers[3].1 = "strangers".to_owned();
    let heard = browser.get("/v1/freeze").await;
    heard.is(403, "forbidden");
    assert!(
        heard.text.contains("nobody has let you in here yet"),
        "{}",
        heard.text
    );
    assert!(!heard.text.contains("admins") && !heard.text.contains("staff"));
}

#[tokio::test]
async fn nobody_is_who_is_listed_here_by_what_a_proxy_calls_them() {
    let house = house().await;
    let mut browser = carol(&house);
    browser.headers[2].1 = "root".to_owned();
    let heard = browser.get("/v1/freeze").await;
    heard.is(403, "forbidden");
}

#[tokio::test]
async fn only_a_configured_proxy_with_its_secret_says_from_where_somebody_fails() {
    let house = house().await;
    let proxy = [10_u8, 1, 2, 3];
    for (at, (peer, secret, is_believed)) in [
        (proxy, "pr0xy", true),
        (proxy, "wrong", false),
        ([127, 0, 0, 1], "pr0xy", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut last = 0;
        for number in 0..7_u8 {
            let mut browser = Browser::new(&house.operators);
            browser.peer = peer.into();
            let client = format!("198.51.100.1, 203.0.113.{number}");
            browser.headers.push(("x-proxy-secret", secret.to_owned()));
            browser.headers.push(("x-forwarded-for", client));
            let name = format!("{at}-{number}");
            let heard = browser
                .logs_in(&[("name", &name), ("password", "wrong wrong wrong")])
                .await;
            last = heard.status.as_u16();
        }
        assert_eq!(
            last,
            if is_believed { 401 } else { 429 },
            "{peer:?} {secret}"
        );
    }
}
