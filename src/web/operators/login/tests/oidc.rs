use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::browser::{Browser, SITE, location};
use super::provider::{CLIENT, Provider, SECRET, Signed};
use crate::clock::Clock;
use crate::credential::Credential;
use crate::identity::OidcSettings;
use crate::identity::oidc::Oidc;
use crate::secret::Secret;
use crate::source::{Client, Timeouts};
use crate::web::operators::Site;
use crate::web::tests::house::{Heard, House};

async fn house(provider: &Provider, name_claim: &str) -> House {
    let settings = OidcSettings {
        issuer: provider.issuer.clone(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(Credential::written(Secret::new(SECRET)).unwrap()),
        scopes: vec!["email".to_owned(), "groups".to_owned()],
        name_claim: name_claim.to_owned(),
        groups_claim: "groups".to_owned(),
    };
    House::with_entrance(|entrance| {
        let client = Client::new(Timeouts::within(Duration::from_secs(10))).unwrap();
        entrance.oidc = Some(Oidc::new(settings, client).unwrap());
        entrance.site = Site::at(Some(SITE)).unwrap();
    })
    .await
}

/// An address of its own each time, from which nobody waits for what others did.
fn elsewhere() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0x0A00_0000);
    Ipv4Addr::from_bits(NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

/// A whole login at a provider that behaves like this.
async fn logs_in(house: &House, provider: &Provider) -> (Browser, Heard) {
    let mut browser = Browser::new(&house.operators);
    browser.peer = elsewhere();
    let away = browser.get("/login/oidc?next=/log").await;
    assert_eq!(away.status, StatusCode::SEE_OTHER, "{}", away.text);
    let back = provider.logs_in(location(&away));
    let heard = browser.get(&back).await;
    (browser, heard)
}

async fn who(browser: &mut Browser) -> String {
    let csrf = browser.csrf().await;
    let headers = [("origin", SITE), ("x-csrf-token", &*csrf)];
    let frozen = browser
        .send(
            http::Method::PUT,
            "/v1/freeze",
            r#"{"reason":"x"}"#,
            &headers,
        )
        .await;
    frozen.json()["freeze"]["by"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_logs_in_at_the_directory_and_comes_back_to_where_they_were() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let (mut browser, heard) = logs_in(&house, &provider).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
    assert_eq!(location(&heard), "/log");
    assert_eq!(who(&mut browser).await, "carol@example.com");
    let calls = provider.calls.lock().unwrap().clone();
    assert_eq!(calls, ["description", "keys", "token"]);
    assert_eq!(
        browser.cookies.len(),
        1,
        "the cookie of the way there is gone"
    );
}

#[tokio::test]
async fn a_token_that_is_not_for_this_login_lets_nobody_in() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let now = Clock.now().as_second();
    let lies: [(&str, Value); 13] = [
        ("nonce", json!({"nonce": "other"})),
        ("no nonce", json!({"nonce": null})),
        ("audience", json!({"aud": "other"})),
        ("no audience", json!({"aud": null})),
        ("several audiences", json!({"aud": [CLIENT, "other"]})),
        (
            "given to another",
            json!({"aud": [CLIENT, "other"], "azp": "other"}),
        ),
        ("given to another alone", json!({"azp": "other"})),
        ("issuer", json!({"iss": "https://evil.example"})),
        (
            "issuer with a slash",
            json!({"iss": format!("{}/", provider.issuer)}),
        ),
        ("expired", json!({"exp": now - 1})),
        ("no expiry", json!({"exp": null})),
        ("access token", json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})),
        ("unverified", json!({"email_verified": false})),
    ];
    for (what, claims) in lies {
        provider.conducts(|conduct| conduct.claims = claims);
        let (mut browser, heard) = logs_in(&house, &provider).await;
        assert_eq!(heard.status, StatusCode::FORBIDDEN, "{what}");
        assert!(!browser.is_known().await, "{what}");
        assert!(
            !heard.text.contains("other") && !heard.text.contains("carol"),
            "{what}"
        );
    }
    provider.conducts(|conduct| conduct.claims = json!({"aud": [CLIENT, "x"], "azp": CLIENT}));
    assert!(logs_in(&house, &provider).await.0.is_known().await);
}

#[tokio::test]
async fn a_token_that_the_directory_did_not_sign_lets_nobody_in() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    for signed in [
        Signed::ByAnother,
        Signed::ByAStranger,
        Signed::ByNobody,
        Signed::WithThePublicKey,
        Signed::WithTheSecret,
    ] {
        provider.conducts(|conduct| conduct.signed = signed);
        let (mut browser, heard) = logs_in(&house, &provider).await;
        assert_eq!(heard.status, StatusCode::FORBIDDEN, "{signed:?}");
        assert!(!browser.is_known().await, "{signed:?}");
    }
    let asked = provider
        .calls
        .lock()
        .unwrap()
        .iter()
        .filter(|call| **call == "keys")
        .count();
    assert_eq!(asked, 1, "a stranger's key makes nobody ask again at once");
}

#[tokio::test]
async fn nobody_finishes_a_login_that_another_began_or_finishes_one_twice() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let mut browser = Browser::new(&house.operators);
    let away = browser.get("/login/oidc").await;
    let back = provider.logs_in(location(&away));
    let mut other = Browser::new(&house.operators);
    assert_eq!(other.get(&back).await.status, StatusCode::FORBIDDEN);
    other.get("/login/oidc").await;
    assert_eq!(other.get(&back).await.status, StatusCode::FORBIDDEN);
    for wrong in [
        back.replace("state=", "state=x"),
        back.split_once("&state").unwrap().0.to_owned(),
        format!("{back}&state=x"),
        format!("{back}&iss=https%3A%2F%2Fevil.example"),
    ] {
        browser.peer = elsewhere();
        assert_eq!(
            browser.get(&wrong).await.status,
            StatusCode::FORBIDDEN,
            "{wrong}"
        );
    }
    let mut copy = browser.clone();
    (browser.peer, copy.peer) = (elsewhere(), elsewhere());
    assert_eq!(browser.get(&back).await.status, StatusCode::SEE_OTHER);
    let again = copy.get(&back).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.text.contains("finished before"), "{}", again.text);
    assert!(!copy.is_known().await);

    let (_, refused) = {
        let mut browser = Browser::new(&house.operators);
        browser.peer = elsewhere();
        let away = browser.get("/login/oidc").await;
        let back = provider
            .logs_in(location(&away))
            .replace("code=", "error=access_denied&code=");
        let heard = browser.get(&back).await;
        (browser, heard)
    };
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn groups_come_from_the_token_or_else_from_where_the_directory_says_more() {
    let provider = Provider::start().await;
    let house = house(&provider, "preferred_username").await;
    provider.conducts(|conduct| {
        conduct.claims = json!({"groups": null});
        conduct.userinfo = json!({"sub": "s-1", "preferred_username": "carol", "groups": "admins"});
    });
    let (mut browser, heard) = logs_in(&house, &provider).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
    assert_eq!(who(&mut browser).await, "carol");
    let nobody: [Value; 6] = [
        json!({"sub": "s-2", "preferred_username": "carol", "groups": "admins"}),
        json!({"preferred_username": "carol", "groups": "admins"}),
        json!({"sub": "s-1", "preferred_username": "carol"}),
        json!({"sub": "s-1", "preferred_username": "carol", "groups": ["strangers"]}),
        json!({"sub": "s-1", "preferred_username": "carol", "groups": {"admins": true}}),
        json!({"sub": "s-1", "preferred_username": "root", "groups": "admins"}),
    ];
    for said in nobody {
        let shown = said.to_string();
        provider.conducts(|conduct| conduct.userinfo = said);
        let (mut browser, heard) = logs_in(&house, &provider).await;
        assert_eq!(heard.status, StatusCode::FORBIDDEN, "{shown}");
        assert!(
            !browser.is_known().await && !heard.text.contains("admins"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_directory_that_is_down_keeps_nobody_else_out() {
    let provider = Provider::start().await;
    provider.conducts(|conduct| conduct.down = true);
    let house = house(&provider, "email").await;
    let mut browser = Browser::new(&house.operators);
    for _ in 0..3 {
        let heard = browser.get("/login/oidc").await;
        assert_eq!(heard.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(
        provider.calls.lock().unwrap().len(),
        1,
        "it is left alone for a while"
    );
    let heard = browser.logs_in(&[("token", "root")]).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
}

#[tokio::test]
async fn a_directory_that_calls_itself_otherwise_or_names_no_door_is_not_used() {
    for description in [
        json!({"issuer": "https://evil.example"}),
        json!({"token_endpoint": "http://evil.example/token"}),
        json!({"jwks_uri": "file:///etc/passwd"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"authorization_endpoint": null}),
    ] {
        let provider = Provider::start().await;
        let shown = description.to_string();
        provider.conducts(|conduct| conduct.description = description);
        let house = house(&provider, "email").await;
        let heard = Browser::new(&house.operators).get("/login/oidc").await;
        assert_eq!(heard.status, StatusCode::SERVICE_UNAVAILABLE, "{shown}");
    }
}

/// What a page of somebody else's makes a browser load, over and over.
async fn hostile_page(house: &House, at: IpAddr) {
    let mut browser = Browser::new(&house.operators);
    browser.peer = at;
    for number in 0..40 {
        let path = ["/login/oidc/callback?code=x&state=y", "/login/oidc"][number % 2];
        let heard = browser.get(path).await;
        assert!(
            [303, 403].contains(&heard.status.as_u16()),
            "{}",
            heard.text
        );
        browser.cookies.clear();
    }
}

#[tokio::test]
async fn a_page_that_loads_the_way_to_the_directory_and_back_all_the_time_keeps_nobody_from_it() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let office = elsewhere();
    for _ in 0..10 {
        let mut browser = Browser::new(&house.operators);
        browser.peer = office;
        hostile_page(&house, office).await;
        let away = browser.get("/login/oidc").await;
        assert_eq!(away.status, StatusCode::SEE_OTHER, "{}", away.text);
        hostile_page(&house, office).await;
        // With the cookie of a login that is under way, and no answer to it.
        for _ in 0..40 {
            let heard = browser.get("/login/oidc/callback?code=x&state=y").await;
            assert_eq!(heard.status, StatusCode::FORBIDDEN, "{}", heard.text);
        }
        let heard = browser.get(&provider.logs_in(location(&away))).await;
        assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
        assert!(browser.is_known().await);
    }
    let calls = provider.calls.lock().unwrap().clone();
    let of = |what| calls.iter().filter(|call| **call == what).count();
    assert_eq!(
        (of("description"), of("keys"), of("token")),
        (1, 1, 10),
        "the directory is asked for logins alone"
    );
}

#[tokio::test]
async fn what_is_loaded_as_a_part_of_a_page_begins_no_login_and_ends_none() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let mut browser = Browser::new(&house.operators);
    let gone = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let away = browser
        .send(http::Method::GET, "/login/oidc", "", &gone)
        .await;
    let back = provider.logs_in(location(&away));
    let cookies = browser.cookies.clone();
    for loaded in [
        [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        [
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-mode", "no-cors"),
        ],
    ] {
        for path in ["/login/oidc", &back] {
            let heard = browser.send(http::Method::GET, path, "", &loaded).await;
            assert_eq!(heard.status, StatusCode::FORBIDDEN, "{loaded:?}");
            assert_eq!(browser.cookies, cookies, "{loaded:?}");
        }
    }
    let heard = browser.send(http::Method::GET, &back, "", &gone).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
}

#[tokio::test]
async fn whoever_the_directory_vouches_for_badly_again_and_again_waits() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    provider.conducts(|conduct| conduct.claims = json!({"nonce": "other"}));
    let mut browser = Browser::new(&house.operators);
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        let away = browser.get("/login/oidc").await;
        last = browser.get(&provider.logs_in(location(&away))).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    // Nor does a password get them further.
    let heard = browser
        .logs_in(&[("name", "x"), ("password", "wrong wrong wrong")])
        .await;
    assert_eq!(heard.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn whoever_is_who_they_say_and_is_not_let_in_makes_nobody_wait() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let office = elsewhere();
    provider.conducts(|conduct| conduct.claims = json!({"groups": ["strangers"]}));
    for _ in 0..12 {
        let mut stranger = Browser::new(&house.operators);
        stranger.peer = office;
        let away = stranger.get("/login/oidc").await;
        let heard = stranger.get(&provider.logs_in(location(&away))).await;
        assert_eq!(heard.status, StatusCode::FORBIDDEN, "{}", heard.text);
        assert!(!stranger.is_known().await);
    }
    let mut colleague = Browser::new(&house.operators);
    colleague.peer = office;
    let heard = colleague.logs_in(&[("token", "root")]).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
}

#[tokio::test]
async fn a_directory_that_is_down_makes_nobody_wait_for_it() {
    let provider = Provider::start().await;
    let house = house(&provider, "email").await;
    let mut browser = Browser::new(&house.operators);
    for _ in 0..8 {
        provider.conducts(|conduct| conduct.down = false);
        let away = browser.get("/login/oidc").await;
        assert_eq!(away.status, StatusCode::SEE_OTHER);
        provider.conducts(|conduct| conduct.down = true);
        let heard = browser.get(&provider.logs_in(location(&away))).await;
        assert_eq!(
            heard.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{}",
            heard.text
        );
    }
}
