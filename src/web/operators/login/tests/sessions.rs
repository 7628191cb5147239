use std::collections::BTreeMap;
use std::net::IpAddr;

use http::{Method, StatusCode};
use jiff::{SignedDuration, ToSpan as _};

use super::browser::{Browser, SITE, location};
use crate::clock::Clock;
use crate::domain::person::Role;
use crate::identity::password::PasswordHash;
use crate::identity::users::{Existing, User};
use crate::identity::{Origin, Proven, Purpose, Seal, Session, Users, Way};
use crate::secret::Secret;
use crate::web::operators::Site;
use crate::web::tests::house::House;

const PASSWORD: &str = " correct horse battery ";
const COOKIE: &str = "__Host-countersign";

async fn house() -> House {
    let house =
        House::with_entrance(|entrance| entrance.site = Site::at(Some(SITE)).unwrap()).await;
    add(&house, "dora", Role::Approver, PASSWORD);
    house
}

fn users(house: &House) -> Users {
    Users::at(house.folder.path().join("users.yaml"))
}

fn add(house: &House, name: &str, role: Role, password: &str) {
    let user = User {
        name: name.to_owned(),
        role,
        email: None,
        teams: Vec::new(),
        password: Some(PasswordHash::of(&Secret::new(password)).unwrap()),
        token: None,
        added: jiff::civil::date(2026, 1, 2),
    };
    users(house).add(user, Existing::Replace).unwrap();
}

async fn logged_in(house: &House) -> Browser {
    let mut browser = Browser::new(&house.operators);
    let heard = browser
        .logs_in(&[("name", "dora"), ("password", PASSWORD)])
        .await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
    browser
}

fn cookie_of(session: &Session, key: u8, purpose: Purpose) -> String {
    Seal::new(&[key; 32])
        .seal(purpose, session, session.until)
        .unwrap()
}

fn session_of(name: &str, origin: Origin) -> Session {
    let proven = Proven {
        origin,
        name: name.to_owned(),
        email: None,
        groups: vec!["admins".to_owned()],
    };
    Session::begin(proven, None, Clock.now(), Clock.now() + 1.hour()).unwrap()
}

#[tokio::test]
async fn a_page_leads_to_the_login_and_from_there_back() {
    let house = house().await;
    let mut browser = Browser::new(&house.operators);
    let heard = browser.post("/logout", &[]).await;
    assert_eq!(location(&heard), "/login");
    let shown = browser.get("/login?next=%2Fcases%3Fq%3Dagent%253Ax").await;
    let csrf = super::browser::hidden(&shown.text);
    let fields = [
        ("name", "Dora"),
        ("password", PASSWORD),
        ("csrf", &csrf),
        ("next", "/cases?q=agent%3Ax"),
    ];
    let heard = browser.post("/login", &fields).await;
    assert_eq!(location(&heard), "/cases?q=agent%3Ax");
    assert!(browser.is_known().await);
    let mut elsewhere = Browser::new(&house.operators);
    let heard = elsewhere
        .logs_in(&[
            ("name", "dora"),
            ("password", PASSWORD),
            ("next", "//evil.example"),
        ])
        .await;
    assert_eq!(location(&heard), "/cases");
}

#[tokio::test]
async fn cookies_are_for_this_site_alone() {
    let house = house().await;
    let mut browser = Browser::new(&house.operators);
    let heard = browser
        .logs_in(&[("name", "dora"), ("password", PASSWORD)])
        .await;
    let crumb = heard.headers["set-cookie"].to_str().unwrap();
    let flags = crumb.split_once("; ").unwrap().1;
    insta::assert_snapshot!(flags, @"HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=28800");
    assert!(crumb.starts_with("__Host-countersign=") && !crumb.contains("dora"));
    let plain = House::open().await;
    let shown = Browser::new(&plain.operators).get("/login").await;
    let crumb = shown.headers["set-cookie"].to_str().unwrap();
    assert!(
        crumb.starts_with("countersign-login=") && !crumb.contains("Secure"),
        "{crumb}"
    );
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert!(shown.headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn whoever_fails_is_not_told_why_and_gets_no_session() {
    let house = house().await;
    for (name, password) in [
        ("dora", "wrong wrong wrong"),
        ("nobody", PASSWORD),
        ("dora", PASSWORD.trim()),
        ("", ""),
    ] {
        let mut browser = Browser::new(&house.operators);
        browser.peer = [192, 0, 2, u8::try_from(password.len()).unwrap()].into();
        let heard = browser
            .logs_in(&[("name", name), ("password", password)])
            .await;
        assert_eq!(heard.status, StatusCode::UNAUTHORIZED);
        assert!(heard.text.contains("The name or the password is wrong."));
        assert!(!browser.cookies.contains_key(COOKIE));
        assert!(
            password.is_empty() || !heard.text.contains(password),
            "{}",
            heard.text
        );
    }
}

#[tokio::test]
async fn after_a_few_failures_also_the_right_password_waits() {
    let house = house().await;
    let mut browser = Browser::new(&house.operators);
    for _ in 0..7 {
        browser
            .logs_in(&[("name", "dora"), ("password", "wrong wrong wrong")])
            .await;
    }
    let mut elsewhere = Browser::new(&house.operators);
    elsewhere.peer = [198, 51, 100, 1].into();
    let heard = elsewhere
        .logs_in(&[("name", "dora"), ("password", PASSWORD)])
        .await;
    assert_eq!(
        heard.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        heard.text
    );
    assert!(heard.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn whoever_logged_in_with_a_browser_before_does_not_wait_for_what_others_do() {
    let before = house().await;
    let mut browser = logged_in(&before).await;
    let csrf = browser.csrf().await;
    browser.post("/logout", &[("csrf", &csrf)]).await;
    assert!(!browser.is_known().await, "it opens nothing by itself");
    // After a restart, and while somebody fails at her name and from where she is.
    let cafe = IpAddr::from([198, 51, 100, 1]);
    let after = House::with_entrance(|entrance| {
        entrance.site = Site::at(Some(SITE)).unwrap();
        for hour in 1..20 {
            let then = Clock.now() + (hour * 30).minutes();
            let _ = (entrance.throttle).attempt(Way::Password("dora"), cafe, then);
        }
    })
    .await;
    let file = |house: &House| house.folder.path().join("users.yaml");
    std::fs::copy(file(&before), file(&after)).unwrap();
    let in_the_cafe = |cookies: &BTreeMap<String, String>| {
        let mut browser = Browser::new(&after.operators);
        (browser.peer, browser.cookies) = (cafe, cookies.clone());
        browser
    };
    let right = [("name", "DORA"), ("password", PASSWORD)];
    let heard = in_the_cafe(&BTreeMap::new()).logs_in(&right).await;
    assert_eq!(heard.status, StatusCode::TOO_MANY_REQUESTS);
    let heard = in_the_cafe(&browser.cookies).logs_in(&right).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
    let other = [("name", "bob"), ("password", PASSWORD)];
    let heard = in_the_cafe(&browser.cookies).logs_in(&other).await;
    assert_eq!(heard.status, StatusCode::TOO_MANY_REQUESTS);
    // With another password it is a browser that nobody logged in with.
    add(&after, "dora", Role::Approver, "another password 12");
    let right = [("name", "dora"), ("password", "another password 12")];
    let heard = in_the_cafe(&browser.cookies).logs_in(&right).await;
    assert_eq!(heard.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_session_is_over_when_it_is_ended_wherever_its_cookie_was_copied_to() {
    let house = house().await;
    let mut browser = logged_in(&house).await;
    let mut thief = browser.clone();
    assert!(thief.is_known().await);
    let csrf = browser.csrf().await;
    let heard = browser.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(location(&heard), "/login");
    assert!(!browser.cookies.contains_key(COOKIE));
    assert!(!thief.is_known().await);
}

#[tokio::test]
async fn whoever_is_removed_or_has_another_password_is_out_at_the_next_request() {
    let house = house().await;
    let mut browser = logged_in(&house).await;
    assert!(browser.is_known().await);
    add(&house, "dora", Role::Approver, "another password 12");
    assert!(!browser.is_known().await);
    add(&house, "dora", Role::Approver, PASSWORD);
    let mut browser = logged_in(&house).await;
    assert!(browser.is_known().await);
    users(&house).remove("dora").unwrap();
    assert!(!browser.is_known().await);
}

#[tokio::test]
async fn what_somebody_may_do_is_looked_up_anew() {
    let house = house().await;
    let mut browser = logged_in(&house).await;
    let csrf = browser.csrf().await;
    let site = [("sec-fetch-site", "same-origin"), ("x-csrf-token", &*csrf)];
    let freeze = browser
        .send(Method::PUT, "/v1/freeze", r#"{"reason":"x"}"#, &site)
        .await;
    freeze.is(403, "forbidden");
    // The role is no part of what a session is bound to: nothing but the list says it.
    let file = house.folder.path().join("users.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("approver", "admin")).unwrap();
    let freeze = browser
        .send(Method::PUT, "/v1/freeze", r#"{"reason":"x"}"#, &site)
        .await;
    assert_eq!(freeze.status, StatusCode::OK, "{}", freeze.text);
    assert_eq!(freeze.json()["freeze"]["by"], "dora");
}

#[tokio::test]
async fn a_cookie_that_we_did_not_seal_for_this_says_nothing() {
    let house = house().await;
    let root = session_of("root", Origin::Token);
    let groups = session_of("carol", Origin::Oidc);
    let mut over = groups.clone();
    over.until = Clock.now() - 1.second();
    let proxied = session_of("carol", Origin::Proxy);
    let good = cookie_of(&groups, 3, Purpose::Session);
    let mut changed = good.clone().into_bytes();
    changed[40] ^= 1;
    let cases = [
        ("another key", cookie_of(&groups, 4, Purpose::Session)),
        ("another purpose", cookie_of(&groups, 3, Purpose::MailLink)),
        ("over", cookie_of(&over, 3, Purpose::Session)),
        ("no stamp", cookie_of(&root, 3, Purpose::Session)),
        (
            "a proxy's word kept",
            cookie_of(&proxied, 3, Purpose::Session),
        ),
        ("changed", String::from_utf8(changed).unwrap()),
        ("empty", String::new()),
    ];
    let mut browser = Browser::new(&house.operators);
    browser.cookies.insert(COOKIE.to_owned(), good);
    assert!(browser.is_known().await);
    for (what, cookie) in cases {
        browser.cookies.insert(COOKIE.to_owned(), cookie);
        assert!(!browser.is_known().await, "{what}");
    }
}

#[tokio::test]
async fn two_session_cookies_are_none() {
    let house = house().await;
    let cookie = cookie_of(&session_of("carol", Origin::Oidc), 3, Purpose::Session);
    let mut browser = Browser::new(&house.operators);
    let both = format!("{COOKIE}={cookie}; {COOKIE}={cookie}");
    let heard = browser
        .send(Method::GET, "/v1/freeze", "", &[("cookie", &both)])
        .await;
    heard.is(401, "unverified");
}

#[tokio::test]
async fn the_holder_of_a_token_logs_in_with_it_until_it_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let credential = crate::credential::Credential::in_file(&file);
    let holder = Proven {
        origin: Origin::Token,
        name: "alice".to_owned(),
        email: None,
        groups: Vec::new(),
    };
    let house = House::with_entrance(|entrance| {
        entrance.site = Site::at(Some(SITE)).unwrap();
        entrance.tokens = crate::web::token::Tokens::new(vec![(credential, holder)]);
    })
    .await;
    let mut browser = Browser::new(&house.operators);
    let heard = browser.logs_in(&[("token", "firs")]).await;
    assert_eq!(heard.status, StatusCode::UNAUTHORIZED);
    let heard = browser.logs_in(&[("token", "first")]).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
    assert!(browser.is_known().await);
    std::fs::write(&file, "second").unwrap();
    assert!(!browser.is_known().await);
}

#[tokio::test]
async fn no_name_that_somebody_types_elsewhere_keeps_tokens_out() {
    let house = house().await;
    for number in 0..7 {
        let mut elsewhere = Browser::new(&house.operators);
        elsewhere.peer = [198, 51, 100, number].into();
        let typed = [
            ("name", "token from 192.0.2.7"),
            ("password", "wrong wrong wrong"),
        ];
        elsewhere.logs_in(&typed).await;
    }
    let heard = Browser::new(&house.operators)
        .logs_in(&[("token", "root")])
        .await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
}

#[tokio::test]
async fn a_wrong_token_is_not_made_up_for_by_a_session() {
    let house = house().await;
    let mut browser = logged_in(&house).await;
    let wrong = [("authorization", "Bearer wrong")];
    let heard = browser.send(Method::GET, "/v1/freeze", "", &wrong).await;
    heard.is(401, "unverified");
    // What another way of proving oneself left there is none of ours.
    let other = [("authorization", "Basic YTpi")];
    let heard = browser.send(Method::GET, "/v1/freeze", "", &other).await;
    assert_eq!(heard.status, StatusCode::OK);
}

#[test]
fn nobody_stays_logged_in_for_longer_than_is_configured() {
    let now = Clock.now();
    let entrance = crate::web::tests::house::entrance(std::path::Path::new("/nonexistent"));
    assert_eq!(entrance.until(now), now + SignedDuration::from_hours(8));
}
