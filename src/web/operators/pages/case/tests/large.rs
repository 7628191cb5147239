use super::*;

#[tokio::test]
async fn a_large_request_is_cut_on_the_page_and_whole_behind_a_link() {
    let house = House::open().await;
    let mut context: serde_json::Map<String, Value> = (0..540)
        .map(|number| (format!("key{number:03}"), json!(number)))
        .collect();
    context.insert("aaa".to_owned(), json!("x".repeat(100_000)));
    let ask = json!({
        "id": "l", "action": "refund", "message": "y".repeat(50_000), "context": context,
    });
    let case = asked(&house, ask).await;
    let shown = page(&house, "alice", &case).await.text;
    assert!(shown.len() < 150_000, "{}", shown.len());
    let link = format!("/cases/{case}/request.json");
    in_order(
        &shown,
        &[
            "more of its 100000 characters",
            &format!("<a href=\"{link}\" download>the whole request</a>"),
            &format!("… and 481 more facts in <a href=\"{link}\""),
            "more of its 50000 characters",
            "The beginning of the request, as policy saw it",
            &format!("<a href=\"{link}\""),
        ],
    );
    let whole = sees(&house, "vera", &link).await;
    assert_eq!(whole.status, StatusCode::OK);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(whole.headers[name], value);
    }
    let kept = whole.headers["content-disposition"].to_str().unwrap();
    assert_eq!(kept, format!("attachment; filename=\"{case}.json\""));
    assert_eq!(whole.json()["context"].as_object().unwrap().len(), 541);
    let stranger = Request::get(&link).body(Body::empty()).unwrap();
    let refused = heard(&house.operators, stranger).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_may_vote_has_a_link_to_the_vote_and_an_open_page_that_is_over_says_who_decided() {
    let house = House::open().await;
    let (case, digest) = house.open_case("over").await;
    let vote = "<a class=\"button\" href=\"#offer\">Vote</a>";
    let open = page(&house, "alice", &case).await.text;
    in_order(
        &open,
        &["id=\"state-title\"", vote, "What is asked", "id=\"offer\""],
    );
    assert!(!page(&house, "vera", &case).await.text.contains(vote));
    let (_, seen) = open.split_once("?seen=").unwrap();
    let seen: String = seen.chars().take_while(char::is_ascii_digit).collect();

    let early = format!("/cases/{case}?seen=0");
    let again = "Load the page again";
    assert!(sees(&house, "alice", &early).await.text.contains(again));
    assert!(!sees(&house, "vera", &early).await.text.contains(again));

    counts(&house, "alice", &case, "reject", &digest).await;
    let over = sees(&house, "bob", &format!("/cases/{case}?seen={seen}")).await;
    assert!(
        !over.text.contains(again) && !over.text.contains(vote),
        "{}",
        over.text
    );
    in_order(
        &over.text,
        &[
            "Since you opened this page",
            "Rejected by alice",
            "nothing left to decide",
        ],
    );
}
