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
