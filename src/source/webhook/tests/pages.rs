use serde_json::json;

use super::confirm::{asking, confirmed, lookup, record};
use super::platform::Reply;
use super::*;

fn by_offset(limit: u32) -> Pages {
    Pages::Offset {
        limit,
        limit_parameter: "limit".to_owned(),
        offset_parameter: "offset".to_owned(),
    }
}

fn by_cursor() -> Pages {
    Pages::Cursor {
        next: pointer("/next"),
        parameter: "after".to_owned(),
    }
}

fn paged(platform: &Platform, pages: Pages, items: &str) -> Webhook {
    source_at(&platform.url, |settings| {
        let lookup = Lookup {
            pages,
            items: Some(pointer(items)),
            ..lookup("{api_url}/logs?status=pending")
        };
        confirmed(settings, lookup);
    })
}

fn many(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| record(&format!("other_{number}")))
        .collect()
}

#[tokio::test]
async fn a_list_is_read_by_offset_until_the_record_is_found() {
    let mut records = many(7);
    records.insert(5, record("ap_1"));
    let platform = Platform::listing(records, 100).await;
    let found = paged(&platform, by_offset(3), "").confirm(&asking()).await;
    assert!(matches!(found, Confirmation::Record(_)), "{found:?}");
    assert_eq!(
        platform.lines(),
        [
            "GET /logs?status=pending&limit=3&offset=0",
            "GET /logs?status=pending&limit=3&offset=3",
        ]
    );
}

#[tokio::test]
async fn a_platform_that_gives_fewer_than_asked_for_is_read_to_its_end_all_the_same() {
    let mut records = many(7);
    records.push(record("ap_1"));
    let platform = Platform::listing(records, 2).await;
    let found = paged(&platform, by_offset(100), "")
        .confirm(&asking())
        .await;
    assert!(matches!(found, Confirmation::Record(_)), "{found:?}");
    assert_eq!(platform.lines().len(), 4);
}

#[tokio::test]
async fn a_list_ends_where_a_page_is_empty_or_brings_nothing_new() {
    let platform = Platform::listing(many(4), 100).await;
    let missing = paged(&platform, by_offset(2), "").confirm(&asking()).await;
    assert!(matches!(missing, Confirmation::Missing), "{missing:?}");
    assert_eq!(platform.lines().len(), 3, "the third page is empty");
    let page = serde_json::to_string(&many(2)).unwrap();
    let platform = Platform::answering(200, page).await;
    let missing = paged(&platform, by_offset(2), "").confirm(&asking()).await;
    assert!(matches!(missing, Confirmation::Missing), "{missing:?}");
    assert_eq!(
        platform.lines().len(),
        2,
        "it takes no notice of the offset"
    );
}

#[tokio::test]
async fn a_list_is_read_by_cursor_until_there_is_none() {
    let platform = Platform::playing(|call, before| {
        assert_eq!(call.query.contains_key("after"), before > 0);
        let (next, items) = match before {
            0 => (json!("a&b=c"), many(2)),
            1 => (json!(17), many(1)),
            _ => (json!(null), vec![record("ap_1")]),
        };
        Reply(
            200,
            vec![],
            json!({"items": items, "next": next}).to_string(),
        )
    })
    .await;
    let found = paged(&platform, by_cursor(), "/items")
        .confirm(&asking())
        .await;
    assert!(matches!(found, Confirmation::Record(_)), "{found:?}");
    assert_eq!(
        platform.lines(),
        [
            "GET /logs?status=pending",
            "GET /logs?status=pending&after=a%26b%3Dc",
            "GET /logs?status=pending&after=17",
        ]
    );
    for end in [json!(null), json!(""), json!(false), json!({})] {
        let body = json!({"items": many(1), "next": end}).to_string();
        let platform = Platform::answering(200, body).await;
        let missing = paged(&platform, by_cursor(), "/items")
            .confirm(&asking())
            .await;
        assert!(matches!(missing, Confirmation::Missing), "{missing:?}");
        assert_eq!(platform.lines().len(), 1, "{end}");
    }
}

#[tokio::test]
async fn a_cursor_that_comes_again_is_the_end() {
    let platform = Platform::playing(|_, before| {
        let next = ["a", "b", "a"][before.min(2)];
        let items = [record(&format!("other_{before}"))];
        Reply(
            200,
            vec![],
            json!({"items": items, "next": next}).to_string(),
        )
    })
    .await;
    let missing = paged(&platform, by_cursor(), "/items")
        .confirm(&asking())
        .await;
    assert!(matches!(missing, Confirmation::Missing), "{missing:?}");
    assert_eq!(platform.lines().len(), 3);
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let platform = Platform::playing(|_, before| {
        let items = [record(&format!("other_{before}"))];
        Reply(
            200,
            vec![],
            json!({"items": items, "next": before}).to_string(),
        )
    })
    .await;
    for pages in [by_cursor(), by_offset(1)] {
        let endless = paged(&platform, pages, "/items").confirm(&asking()).await;
        let Confirmation::Failed { error } = endless else {
            panic!("{endless:?}");
        };
        assert!(
            error.contains("the list goes on after 200 pages"),
            "{error}"
        );
    }
    assert_eq!(platform.lines().len(), 400);
}

#[tokio::test]
async fn a_page_that_cannot_be_had_is_not_the_end() {
    let platform = Platform::playing(|_, before| {
        let page = serde_json::to_string(&many(2)).unwrap();
        Reply(if before == 0 { 200 } else { 502 }, vec![], page)
    })
    .await;
    let retry = paged(&platform, by_offset(2), "").confirm(&asking()).await;
    assert!(matches!(retry, Confirmation::Retry { .. }), "{retry:?}");
}

#[tokio::test]
async fn the_same_record_on_two_pages_is_one() {
    let platform = Platform::playing(|call, _| {
        let items = match call.query["offset"].as_str() {
            "0" => json!([record("other_1"), record("other_2")]),
            "2" => json!([record("other_2"), record("ap_1"), record("ap_1")]),
            _ => json!([]),
        };
        Reply(200, vec![], items.to_string())
    })
    .await;
    let found = paged(&platform, by_offset(2), "").confirm(&asking()).await;
    assert!(matches!(found, Confirmation::Record(_)), "{found:?}");
}
