//! What agents write stays text.

use serde_json::json;

use super::{sees, words};
use crate::web::tests::house::House;

#[tokio::test]
async fn what_an_agent_writes_is_text_whatever_it_looks_like() {
    let house = House::open().await;
    let long = "x".repeat(2000);
    let asked = json!({
        "id": "\" onmouseover=\"alert(1)",
        "action": "\"><script>alert(2)</script>",
        "title": "<img src=x onerror=alert(3)>",
        "message": "line\n</bdi></p><form action=/unfreeze>",
        "context": {
            "<b>key</b>' data-hx-get='/log": "\u{202e}desrever\u{200b}",
            "{{ frame.csrf() }}": "javascript:alert(4)",
            "long": long,
        },
    });
    house.asks("b-token", &asked).await;
    for path in ["/cases", "/cases?q=script&who=all", "/cases?view=decided"] {
        let page = sees(&house, "alice", path).await.text;
        for markup in [
            "<script>alert",
            "<img",
            "<b>key",
            "onmouseover=\"",
            "' data-hx-get='/log",
            "<form action=/unfreeze",
            "href=\"javascript:",
            "\u{202e}",
            "\u{200b}",
            &"x".repeat(200),
        ] {
            assert!(!page.contains(markup), "{path}: {markup}\n{page}");
        }
    }
    let page = sees(&house, "alice", "/cases").await.text;
    let said = words(&page);
    assert!(
        said.contains("\"><script>alert(2)</script> by billing-bot"),
        "{said}"
    );
    assert!(said.contains("<img src=x onerror=alert(3)>"), "{said}");
    assert!(said.contains("\\u{202e}desrever\\u{200b}"), "{said}");
    assert!(said.contains("{{ frame.csrf() }}"), "{said}");
    assert!(said.contains(&format!("{}…", "x".repeat(99))), "{said}");
}

#[tokio::test]
async fn what_stands_in_the_address_is_text_on_the_page() {
    let house = House::open().await;
    for path in [
        "/cases?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/cases?q=%3Cscript%3E%3Ax",
        "/cases?cursor=%3Cscript%3E",
        "/cases?same=%3Cscript%3E",
        "/cases?view=%3Cscript%3E",
        "/%3Cscript%3E",
    ] {
        let page = sees(&house, "alice", path).await;
        assert!(
            page.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        assert!(!page.text.contains("<script>"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn no_fact_reads_like_a_label_of_ours() {
    let house = House::open().await;
    let asked = json!({
        "id": "1", "action": "wire", "title": "Pay",
        "context": { "Action": "nothing", "Asked by": "root", "Proof": "seen", "Source": "bank" },
    });
    let heard = house.asks("b-token", &asked).await.json();
    let case = format!("/cases/{}", heard["case_id"].as_str().unwrap());
    let ours = ["Action", "Agent", "Source", "Request", "Proof", "Expires"];
    let ours = ours.map(|label| format!("<dt>{label}</dt>"));
    for path in ["/cases", &case] {
        let page = sees(&house, "alice", path).await.text;
        let (_, facts) = page.split_once("<dl class=\"facts\">").unwrap();
        let (facts, _) = facts.split_once("</dl>").unwrap();
        let theirs: Vec<&str> = (facts.split("<dt>").skip(1))
            .filter(|fact| {
                !ours
                    .iter()
                    .any(|label| format!("<dt>{fact}").starts_with(label))
            })
            .collect();
        assert_eq!(theirs.len(), 4, "{facts}");
        for fact in theirs {
            assert!(fact.starts_with("<bdi>context."), "{fact}");
        }
    }
}
