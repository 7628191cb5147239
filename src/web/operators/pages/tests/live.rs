//! Pages that stay open hear that something changed.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::web::tests::house::{House, heard};

fn listens(who: &str) -> Request<Body> {
    let request = Request::get("/events").header("authorization", format!("Bearer {who}"));
    request.body(Body::empty()).unwrap()
}

async fn opens(house: &House, who: &str) -> Body {
    let response = house.operators.clone().oneshot(listens(who)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body()
}

/// The next part of a stream; nothing, when it is over.
async fn hears(stream: &mut Body) -> Option<String> {
    let part = stream.frame().await?.unwrap().into_data().unwrap();
    Some(String::from_utf8(part.to_vec()).unwrap())
}

#[tokio::test]
async fn a_page_hears_that_something_changed_and_nothing_of_what() {
    let house = House::open().await;
    let mut stream = opens(&house, "alice").await;
    let changed = "event: cases\ndata: changed\n\n";
    assert_eq!(
        hears(&mut stream).await.unwrap(),
        format!("retry: 3000\n\n{changed}")
    );
    for id in ["1", "2", "3"] {
        house.open_case(id).await;
    }
    // Three changes at once are one.
    assert_eq!(hears(&mut stream).await.unwrap(), changed);
    house.readiness.drain();
    assert_eq!(hears(&mut stream).await, None);
    heard(&house.operators, listens("alice"))
        .await
        .is(503, "unavailable");
}

#[tokio::test]
async fn nobody_takes_more_than_a_few_streams_and_the_page_opened_last_is_live() {
    let house = House::open().await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = opens(&house, "alice").await;
        hears(&mut stream).await.unwrap();
        streams.push(stream);
    }
    assert_eq!(hears(&mut streams[0]).await, None, "the oldest gave way");
    let mut bobs = opens(&house, "bob").await;
    hears(&mut bobs).await.unwrap();
    house.open_case("1").await;
    for stream in streams[1..].iter_mut().chain([&mut bobs]) {
        assert!(hears(stream).await.is_some());
    }
    drop(streams.remove(4));
    let mut last = opens(&house, "alice").await;
    hears(&mut last).await.unwrap();
    house.open_case("2").await;
    for stream in streams[1..].iter_mut().chain([&mut last]) {
        assert!(hears(stream).await.is_some(), "a closed one made room");
    }
    heard(&house.operators, listens("nobody"))
        .await
        .is(401, "unverified");
}
