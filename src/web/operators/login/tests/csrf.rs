use http::{Method, StatusCode};

use super::browser::{Browser, SITE, form, hidden};
use crate::web::operators::Site;
use crate::web::tests::house::House;

const FREEZE: &str = r#"{"reason":"incident 7"}"#;

async fn house() -> House {
    House::with_entrance(|entrance| entrance.site = Site::at(Some(SITE)).unwrap()).await
}

async fn root(house: &House) -> Browser {
    let mut browser = Browser::new(&house.operators);
    let heard = browser.logs_in(&[("token", "root")]).await;
    assert_eq!(heard.status, StatusCode::SEE_OTHER, "{}", heard.text);
    browser
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_changes_nothing() {
    let house = house().await;
    let mut browser = root(&house).await;
    let csrf = browser.csrf().await;
    let token = ("x-csrf-token", csrf.as_str());
    let ours = ("origin", SITE);
    let refused: [&[(&str, &str)]; 14] = [
        &[],
        &[token],
        &[ours],
        &[("sec-fetch-site", "same-origin")],
        &[ours, ("x-csrf-token", "")],
        &[ours, ("x-csrf-token", "wrong")],
        &[ours, token, token],
        &[("origin", "https://evil.example"), token],
        &[("origin", "null"), token],
        &[("origin", "https://countersign.example.evil"), token],
        &[("origin", "http://countersign.example"), token],
        &[ours, ("sec-fetch-site", "same-site"), token],
        &[ours, ("sec-fetch-site", "cross-site"), token],
        &[ours, ("origin", "https://evil.example"), token],
    ];
    for headers in refused {
        let heard = browser
            .send(Method::PUT, "/v1/freeze", FREEZE, headers)
            .await;
        assert_eq!(
            heard.problem(),
            (403, "forbidden".to_owned()),
            "{headers:?}"
        );
    }
    let frozen = browser.get("/v1/freeze").await;
    assert!(frozen.json()["freeze"].is_null());
    let accepted: [&[(&str, &str)]; 3] = [
        &[ours, token],
        &[("sec-fetch-site", "same-origin"), token],
        &[("origin", "null"), ("sec-fetch-site", "same-origin"), token],
    ];
    for headers in accepted {
        let heard = browser
            .send(Method::PUT, "/v1/freeze", FREEZE, headers)
            .await;
        assert_eq!(heard.status, StatusCode::OK, "{headers:?} {}", heard.text);
    }
}

#[tokio::test]
async fn the_token_of_another_session_is_not_ours() {
    let house = house().await;
    let mut other = root(&house).await;
    let csrf = other.csrf().await;
    let mut browser = root(&house).await;
    let headers = [("origin", SITE), ("x-csrf-token", &*csrf)];
    let heard = browser
        .send(Method::PUT, "/v1/freeze", FREEZE, &headers)
        .await;
    heard.is(403, "forbidden");
}

#[tokio::test]
async fn a_bearer_token_needs_no_page_since_no_browser_adds_it() {
    let house = house().await;
    let mut tool = Browser::new(&house.operators);
    let headers = [("authorization", "Bearer root")];
    let heard = tool.send(Method::PUT, "/v1/freeze", FREEZE, &headers).await;
    assert_eq!(heard.status, StatusCode::OK, "{}", heard.text);
}

#[tokio::test]
async fn nobody_is_logged_in_or_out_by_a_page_of_another_site() {
    let house = house().await;
    let mut browser = Browser::new(&house.operators);
    let csrf = hidden(&browser.get("/login").await.text);
    let login = form(&[("token", "root"), ("csrf", &csrf)]);
    let foreign = [("origin", "https://evil.example")];
    let heard = browser.send(Method::POST, "/login", &login, &foreign).await;
    assert_eq!(heard.status, StatusCode::FORBIDDEN);
    for csrf in ["", "wrong"] {
        let heard = browser
            .post("/login", &[("token", "root"), ("csrf", csrf)])
            .await;
        assert_eq!(heard.status, StatusCode::FORBIDDEN);
    }
    let mut without_cookie = Browser::new(&house.operators);
    let heard = without_cookie
        .post("/login", &[("token", "root"), ("csrf", &csrf)])
        .await;
    assert_eq!(heard.status, StatusCode::FORBIDDEN);
    assert!(!without_cookie.is_known().await && !browser.is_known().await);

    let mut browser = root(&house).await;
    let csrf = browser.csrf().await;
    assert_eq!(
        browser.post("/logout", &[]).await.status,
        StatusCode::FORBIDDEN
    );
    let logout = form(&[("csrf", &csrf)]);
    let heard = browser
        .send(Method::POST, "/logout", &logout, &foreign)
        .await;
    assert_eq!(heard.status, StatusCode::FORBIDDEN);
    let heard = browser.get("/logout").await;
    assert_eq!(heard.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(browser.is_known().await);
}

#[tokio::test]
async fn a_form_with_a_field_that_is_not_known_or_given_twice_is_refused() {
    let house = house().await;
    let mut browser = Browser::new(&house.operators);
    let heard = browser.logs_in(&[("token", "root"), ("by", "alice")]).await;
    assert_eq!(heard.status, StatusCode::BAD_REQUEST);
    let heard = browser
        .logs_in(&[("token", "root"), ("token", "vera")])
        .await;
    assert_eq!(heard.status, StatusCode::BAD_REQUEST);
    let json = [("content-type", "application/json"), ("origin", SITE)];
    let heard = browser.send(Method::POST, "/login", "{}", &json).await;
    assert_eq!(heard.status, StatusCode::BAD_REQUEST);
}
