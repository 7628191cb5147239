//! What agents write stays text: in headers, in HTML, and for mail programs that make links of anything.

use countersign::domain::notice::Occasion;
use serde_json::json;

use super::house::{CAROL, House};
use crate::harness::requested;

const HOSTILE: &str = "<img src=x onerror=alert(1)>\r\nBcc: eve@example.com\r\n\r\n<a href=\"https://evil.example/mail/x\">Approve</a> \u{202e}www.evil.example";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_agent_wrote_is_a_header_an_element_or_a_link() {
    let house = House::open().await;
    let mut event = requested(1, json!(5000));
    event["title"] = json!(HOSTILE);
    event["message"] = json!(format!("{HOSTILE}{}", "x".repeat(5000)));
    event["agent_id"] = json!(format!("bot\r\nBcc: eve@example.com\r\nSubject: {HOSTILE}"));
    event["context"][HOSTILE] = json!(HOSTILE);
    house.asked_with(&event).await;
    let mail = house.post.mails(CAROL, 1).await.remove(0);

    assert_eq!(mail.0["to"], json!([CAROL]));
    assert_eq!(mail.headers("Bcc"), [""; 0]);
    let subject = mail.header("Subject");
    assert!(
        subject.starts_with("Approval asked: pay by bot\\r\\nBcc: eve"),
        "{subject}"
    );
    assert!(!subject.contains(['\r', '\n', '\u{202e}']));
    assert!(subject.chars().count() < 160, "{subject}");
    let raw = mail.0["raw"].as_str().unwrap();
    let head = raw.split_once("\r\n\r\n").unwrap().0;
    assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");

    let page = house.look(&mail.link()).await;
    for html in [mail.html(), page.text.as_str()] {
        assert!(html.contains("&#60;img src=x onerror"), "{html}");
        for element in [
            "<img",
            "<script",
            "onerror=\"",
            "src=\"",
            "http-equiv",
            "url(",
        ] {
            assert!(!html.contains(element), "{element}: {html}");
        }
        assert!(
            !html.contains('\u{202e}') && html.contains("\\u{202e}"),
            "{html}"
        );
    }
    // Every link is ours, and a mail program finds no other to make.
    for part in [mail.html(), mail.text()] {
        for (at, _) in part.match_indices("://") {
            let from = part[..at].rfind(|c: char| !c.is_ascii_alphabetic());
            let address = &part[from.map_or(0, |from| from + 1)..];
            assert!(address.starts_with(&house.url), "{address}");
        }
        assert!(!part.contains("www."), "{part}");
        assert!(part.contains("https[:]//evil.example"), "{part}");
    }
    let links = mail.html().matches("<a href=").count();
    assert_eq!(links, 2, "{}", mail.html());
    assert!(mail.text().len() < 12_000, "long values are cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_of_an_agent_reads_like_a_label_of_ours() {
    let house = House::open().await;
    let mut event = requested(1, json!(5000));
    let keys = [
        "Action",
        "Agent",
        "Amount",
        "Why you are asked",
        "Approve or reject",
    ];
    for key in keys {
        event["context"][key] = json!("imitated");
    }
    let case = house.asked_with(&event).await;
    let mail = house.post.mails(CAROL, 1).await.remove(0);
    let page = house.look(&mail.link()).await;
    for part in [mail.text(), mail.html(), page.text.as_str()] {
        assert_eq!(part.matches("imitated").count(), keys.len(), "{part}");
        for key in keys {
            assert_eq!(part.matches(&format!("context.{key}")).count(), 1, "{part}");
        }
    }
    for line in mail.text().lines().filter(|line| line.contains("imitated")) {
        assert!(line.starts_with("context."), "{line}");
    }
    let card = house.message(&case, Occasion::Asked).await.card;
    let told = serde_json::to_value(&card).unwrap();
    for field in told["fields"].as_array().unwrap() {
        assert!(
            field["path"].as_str().unwrap().starts_with("context."),
            "{field}"
        );
    }
}
