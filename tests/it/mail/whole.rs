//! The whole way from the config: nothing here is put together but by the server itself.

use reqwest::header::COOKIE;
use serde_json::json;

use super::house::{Page, filled};
use super::post::{Mode, Post};
use crate::harness::{Countersign, config, requested, token};
use crate::tracemem::TraceMem;

const BOB: &str = "bob@example.com";

async fn page(request: reqwest::RequestBuilder) -> Page {
    let response = request.send().await.unwrap();
    Page {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_config_says_of_mail_is_all_it_takes_to_be_asked_and_to_answer_by_it() {
    let (post, platform) = (Post::open(Mode::Plain).await, TraceMem::start().await);
    let config = config("enforce", &platform).replace(
        "{name: bob, role: approver,",
        "{name: bob, role: approver, email: bob@example.com,",
    );
    let config = format!(
        "{config}teams:
  - name: payments
    members: [{BOB}]
    email: {{to: [{BOB}]}}
email: {{host: 127.0.0.1, port: {}, security: plain, from: \"countersign <approvals@example.com>\"}}
",
        post.port
    );
    let server = Countersign::start(&config).await;
    let id = server.accepted(&requested(1, json!(5_000))).await;
    let mail = post.mails(BOB, 1).await.remove(0);
    assert_eq!(mail.header("Subject"), "Approval asked: pay by billing-bot");
    assert!(
        mail.link().starts_with(&server.operators("/mail/")),
        "{}",
        mail.link()
    );

    let shown = page(server.client.get(mail.link())).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    assert_eq!(
        server.case(&id).await["verdict"]["votes"],
        json!([]),
        "looking decides nothing"
    );
    let vote = server
        .client
        .post(mail.link())
        .header(COOKIE, shown.cookie())
        .header("Origin", server.operators(""))
        .header("Sec-Fetch-Site", "same-origin");
    let voted = page(filled(vote, &shown.form(), "reject", "they are closed")).await;
    assert_eq!(voted.status, 200, "{}", voted.text);
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["by"], "person:bob");
    assert_eq!(file["verdict"]["votes"][0]["via"], "email");
    let answer = platform.wait_for(1).await[0].json();
    assert_eq!(
        (&answer["token"], &answer["resolution"]),
        (&json!(token(1)), &json!("rejected"))
    );

    let closing = post.mails(BOB, 2).await.remove(1);
    assert!(
        closing.text().contains("they are closed"),
        "{}",
        closing.text()
    );
    assert!(!closing.text().contains("/mail/"));
    server.stop().await;
}
