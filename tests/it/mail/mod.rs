//! Mail to a team and back, over a real mail server and real HTTP: who is mailed, what a link may do, and what nobody can
//! do with one. And the team's own tool, which is told and decides by signed webhooks.

mod asked;
mod decisions;
mod house;
mod inert;
mod links;
mod post;
mod smtp;
mod webhook;
mod whole;

use serde_json::json;

use house::{CAROL, DAVE, House};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_a_link_of_their_own_and_two_votes_by_mail_decide() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let [carols, daves] = [
        house.post.mails(CAROL, 1).await.remove(0),
        house.post.mails(DAVE, 1).await.remove(0),
    ];
    assert_eq!(
        carols.header("Subject"),
        "Approval asked: pay by billing-bot"
    );
    assert_eq!(carols.header("From"), "countersign <approvals@example.com>");
    assert_eq!(daves.header("To"), format!("Dave <{DAVE}>"));
    assert_eq!(carols.header("Auto-Submitted"), "auto-generated");
    assert_eq!(carols.0["parts"], json!(["text/html", "text/plain"]));
    assert_ne!(carols.link(), daves.link());
    assert_ne!(carols.header("Message-ID"), daves.header("Message-ID"));
    for part in [carols.text(), carols.html()] {
        assert!(part.contains("context") || part.contains("5000"), "{part}");
        assert!(
            part.contains("It takes 2 people to approve (0 did)"),
            "{part}"
        );
    }

    let page = house.vote(&carols.link(), "approve", "it is due").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("You approved"), "{}", page.text);
    assert!(page.text.contains("(1 did)"), "{}", page.text);
    let page = house.vote(&daves.link(), "approve", "me too").await;
    assert!(page.text.contains("It was approved by"), "{}", page.text);
    let file = house
        .server
        .case_when(&case, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["outcome"], "approved");
    assert_eq!(
        house.votes(&case).await,
        [
            "carol@example.com approve by email",
            "dave@example.com approve by email"
        ]
    );

    // Everybody is told how it ended, in the same thread, with nothing to vote by. Nobody was told of the first vote.
    let closing = house.post.mails(CAROL, 2).await.remove(1);
    house.post.mails(DAVE, 2).await;
    assert_eq!(house.post.taken().len(), 4);
    assert_eq!(
        closing.header("Subject"),
        "Re: Approval asked: pay by billing-bot"
    );
    assert!(
        closing.text().contains("It was approved by"),
        "{}",
        closing.text()
    );
    assert!(closing.text().contains("me too"), "{}", closing.text());
    assert!(!closing.text().contains("/mail/") && !closing.html().contains("/mail/"));
    assert_ne!(closing.header("Message-ID"), carols.header("Message-ID"));
    for header in ["References", "In-Reply-To"] {
        assert_eq!(closing.header(header), carols.header(header));
        assert_eq!(closing.header(header), format!("<{case}@example.com>"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_links_in_mails_decides_nothing() {
    let house = House::open().await;
    let case = house.asked(1).await;
    let link = house.post.mails(CAROL, 1).await.remove(0).link();
    for (method, header, value) in [
        ("GET", "Purpose", "prefetch"),
        ("GET", "Sec-Purpose", "prefetch;prerender"),
        ("GET", "User-Agent", "SafeLinks/1.0"),
        ("HEAD", "User-Agent", "Barracuda"),
        ("GET", "Sec-Fetch-Dest", "image"),
    ] {
        for _ in 0..3 {
            let page = house
                .page(house.request(method, &link).header(header, value))
                .await;
            assert_eq!(page.status, 200);
        }
    }
    for query in ["?vote=approve", "?vote=approve&reason=x", "?_method=POST"] {
        assert_eq!(house.look(&format!("{link}{query}")).await.status, 200);
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        let page = house.page(house.request(method, &link)).await;
        assert_eq!(page.status, 405, "{method}");
    }
    // One that presses every button it finds, without having been shown the page.
    for body in ["", "vote=approve", "vote=approve&reason=ok&form="] {
        let page = house.page(house.request("POST", &link).body(body)).await;
        assert!([400, 403].contains(&page.status), "{}", page.text);
    }
    assert_eq!(house.votes(&case).await, [""; 0]);
    let page = house.vote(&link, "reject", "no").await;
    assert_eq!(page.status, 200, "the link is as it was: {}", page.text);
}
