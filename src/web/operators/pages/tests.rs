mod hostile;
mod live;
mod queue;

use axum::body::Body;
use http::{Request, StatusCode};

use crate::web::tests::house::{Heard, House, heard};

/// What `who` sees in a browser at `path`.
pub(super) async fn sees(house: &House, who: &str, path: &str) -> Heard {
    let request = Request::get(path)
        .header("authorization", format!("Bearer {who}"))
        .header("accept", "text/html,application/xhtml+xml");
    heard(&house.operators, request.body(Body::empty()).unwrap()).await
}

/// What a browser shows of `main`, block by block.
pub(super) fn words(page: &str) -> String {
    let (_, main) = page.split_once("<main").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    let (_, main) = main.split_once('>').unwrap();
    let mut text = String::new();
    for part in main.split('<') {
        let Some((tag, words)) = part.split_once('>') else {
            text.push_str(part);
            continue;
        };
        let blocks = ["p", "h1", "h2", "li", "dt", "dd", "fieldset", "form"];
        if blocks.contains(&tag.split_whitespace().next().unwrap_or_default()) {
            text.push('\n');
        }
        text.push_str(words);
    }
    let text = text.replace("&#60;", "<").replace("&#62;", ">");
    let text = text
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&");
    let lines = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[tokio::test]
async fn a_page_that_is_not_there_is_a_page_for_a_browser_and_a_problem_for_a_program() {
    let house = House::open().await;
    let page = sees(&house, "alice", "/nothing").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.text.contains("There is nothing here"), "{}", page.text);
    house
        .operates("alice", "GET", "/nothing", "")
        .await
        .is(404, "not_found");
    let api = sees(&house, "alice", "/v1/cases/none").await;
    api.is(404, "not_found");
}

#[tokio::test]
async fn every_answer_says_that_nothing_is_loaded_from_elsewhere_and_nothing_is_kept() {
    let house = House::open().await;
    for path in ["/cases", "/nothing", "/v1/cases", "/livez"] {
        let page = sees(&house, "alice", path).await;
        assert_eq!(
            page.headers["content-security-policy"],
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        assert_eq!(page.headers["referrer-policy"], "same-origin");
        assert_eq!(page.headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_page_loads_our_own_files_alone_and_they_are_kept_for_ever() {
    let house = House::open().await;
    let page = sees(&house, "alice", "/cases").await.text;
    let loaded = page
        .split(['"', '\''])
        .filter(|part| part.starts_with("/assets/"));
    let loaded: Vec<&str> = loaded.collect();
    assert_eq!(loaded.len(), 5, "{loaded:?}");
    for part in [
        "style=", "onclick=", "<style", "http://", "https://", "hx-on",
    ] {
        assert!(!page.contains(part), "{part}");
    }
    for path in loaded {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let file = heard(&house.operators, request).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert_eq!(
            file.headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        let known = Request::get(path).header("if-none-match", &file.headers["etag"]);
        let known = heard(&house.operators, known.body(Body::empty()).unwrap()).await;
        assert_eq!(known.status, StatusCode::NOT_MODIFIED);
        assert!(known.text.is_empty());
    }
    let old = Request::get("/assets/app-0000000000000000.css");
    let old = heard(&house.operators, old.body(Body::empty()).unwrap()).await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_is_not_known_is_sent_to_the_login_and_back_to_the_page_afterwards() {
    let house = House::open().await;
    let stranger = |path: &str, extra: &[(&str, &str)]| {
        let mut request = Request::get(path).header("accept", "text/html");
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    };
    let answer = heard(&house.operators, stranger("/cases?q=team%3Ax", &[])).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        answer.headers["location"],
        "/login?next=%2Fcases%3Fq%3Dteam%253Ax"
    );
    let renewed = [
        ("hx-request", "true"),
        ("hx-current-url", "https://c.example/cases"),
    ];
    let answer = heard(&house.operators, stranger("/cases?who=all", &renewed)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers["hx-redirect"], "/login?next=%2Fcases");
}

#[tokio::test]
async fn a_freeze_is_on_every_page_with_who_and_why_and_a_button_for_admins() {
    let house = House::open().await;
    let calm = sees(&house, "root", "/cases").await.text;
    assert!(calm.contains("action=\"/freeze\""));
    let reason = r#"{"reason": "<b>refunds</b> look\u202ewrong"}"#;
    house.operates("root", "PUT", "/v1/freeze", reason).await;
    for path in ["/cases", "/nothing"] {
        let page = sees(&house, "alice", path).await.text;
        assert!(
            page.contains("Approvals are frozen</strong> by <bdi>root</bdi>"),
            "{page}"
        );
        assert!(
            page.contains("<bdi>&#60;b&#62;refunds&#60;/b&#62; look\\u{202e}wrong</bdi>"),
            "{page}"
        );
        assert!(!page.contains("action=\"/unfreeze\""));
        let page = sees(&house, "root", path).await.text;
        assert!(page.contains("action=\"/unfreeze\""));
    }
}
