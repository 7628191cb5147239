//! A team's own tool decides: who signs is who votes, once for each webhook.

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::house::{House, OTHER_TOOL, TOOL};
use crate::harness::{ADMIN, answer};

/// A decision as the tool of a team sends it.
struct Sent<'a> {
    team: &'a str,
    id: &'a str,
    secret: &'a str,
    /// How old it is, in seconds.
    age: i64,
    body: String,
    /// What is signed, if it is something else.
    signed: Option<String>,
}

impl<'a> Sent<'a> {
    fn new(id: &'a str, body: &Value) -> Self {
        Self {
            team: "payments",
            id,
            secret: TOOL[0],
            age: 0,
            body: body.to_string(),
            signed: None,
        }
    }

    async fn to(self, house: &House) -> (u16, Value) {
        let Self {
            team,
            id,
            secret,
            age,
            body,
            signed,
        } = self;
        let at = countersign::clock::Clock.now().as_second() - age;
        let signed = signed.unwrap_or_else(|| body.clone());
        let signature = Webhook::new(secret)
            .unwrap()
            .sign(id, at, signed.as_bytes());
        let request = house
            .request("POST", &format!("{}/v1/teams/{team}/decisions", house.url))
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signature.unwrap());
        answer(request.body(body).send().await.unwrap()).await
    }
}

async fn decision(house: &House, case: &str, vote: &str) -> Value {
    let digest = house.file(case).await.case.shown();
    json!({"case_id": case, "vote": vote, "reason": "the books agree", "digest": digest})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_votes_under_its_own_name_with_either_secret_and_once_for_each_webhook() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let body = decision(&house, &case, "approve").await;
    let (status, first) = Sent::new("msg_1", &body).to(&house).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["verdict"]["case_id"], case.as_str());
    let once = ["payments-console approve by webhook"];
    assert_eq!(house.votes(&case).await, once);
    let at = house.file(&case).await.case.votes[0].at;

    // It comes again, signed anew with the other secret: the same answer, and no second vote.
    for _ in 0..3 {
        let again = Sent {
            secret: TOOL[1],
            ..Sent::new("msg_1", &body)
        };
        assert_eq!(again.to(&house).await, (200, first.clone()));
    }
    assert_eq!(house.file(&case).await.case.votes[0].at, at);
    // The same tool once more, as another webhook: it is one voter, however often it speaks.
    let (status, told) = Sent::new("msg_2", &body).to(&house).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["verdict"]["state"], "open");
    assert_eq!(house.votes(&case).await, once);
    // What came before with another content.
    let other = decision(&house, &case, "reject").await;
    let (status, told) = Sent::new("msg_1", &other).to(&house).await;
    assert_eq!((status, &told["code"]), (409, &json!("conflict")), "{told}");
    assert_eq!(house.votes(&case).await, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_by_the_teams_tool_just_now_learns_and_decides_nothing() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let body = decision(&house, &case, "approve").await;
    let reject = decision(&house, &case, "reject").await;
    let sent = || Sent::new("msg_1", &body);
    for (what, sent) in [
        (
            "another team's secret",
            Sent {
                secret: OTHER_TOOL,
                ..sent()
            },
        ),
        (
            "a team that there is not",
            Sent {
                team: "nobody",
                ..sent()
            },
        ),
        ("too old", Sent { age: 301, ..sent() }),
        (
            "from the future",
            Sent {
                age: -310,
                ..sent()
            },
        ),
        (
            "tampered with",
            Sent {
                signed: Some(reject.to_string()),
                ..sent()
            },
        ),
        (
            "tampered with by a space",
            Sent {
                signed: Some(format!("{body} ")),
                ..sent()
            },
        ),
    ] {
        let (status, told) = sent.to(&house).await;
        assert_eq!(status, 401, "{what}: {told}");
        assert_eq!(told["detail"], "the sender is not verified", "{what}");
    }
    let unsigned = house
        .request(
            "POST",
            &format!("{}/v1/teams/payments/decisions", house.url),
        )
        .body(body.to_string());
    assert_eq!(answer(unsigned.send().await.unwrap()).await.0, 401);
    assert_eq!(house.votes(&case).await, [""; 0]);
    // None of them used up the id.
    assert_eq!(sent().to(&house).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_says_what_it_may_and_nothing_else() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let body = decision(&house, &case, "approve").await;
    let with = |name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    for (id, status, body) in [
        ("by", 400, with("by", json!("alice"))),
        ("more", 400, with("team", json!("payments"))),
        ("case", 400, with("case_id", json!("nothing"))),
        ("vote", 400, with("vote", json!("maybe"))),
        ("digest", 400, with("digest", Value::Null)),
        ("long", 400, with("reason", json!("x".repeat(4001)))),
        ("reason", 422, with("reason", json!(" "))),
        ("stale", 409, with("digest", json!("0".repeat(64)))),
        (
            "unknown",
            404,
            with("case_id", json!(format!("case_{}", "0".repeat(32)))),
        ),
    ] {
        let (told, text) = Sent::new(id, &body).to(&house).await;
        assert_eq!(told, status, "{id}: {text}");
    }
    assert_eq!(house.votes(&case).await, [""; 0]);
    let otto = Sent {
        team: "others",
        secret: OTHER_TOOL,
        ..Sent::new("other", &body)
    };
    let (status, told) = otto.to(&house).await;
    assert_eq!(status, 404, "{told}");
    assert_eq!(house.votes(&case).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_learns_nothing_of_a_case_that_its_team_was_never_asked_about() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let body = decision(&house, &case, "approve").await;
    let nobodys = format!("case_{}", "0".repeat(32));
    let mut unknown = body.clone();
    unknown["case_id"] = json!(nobodys);
    let otto = async |id: &str, body: &Value| {
        let sent = Sent {
            team: "others",
            secret: OTHER_TOOL,
            ..Sent::new(id, body)
        };
        let (status, mut told) = sent.to(&house).await;
        told["request_id"] = Value::Null;
        let told = told.to_string().replace(&case, &nobodys);
        (status, told)
    };
    let unknown = otto("unknown", &unknown).await;
    assert_eq!(unknown.0, 404, "{}", unknown.1);
    assert_eq!(otto("open", &body).await, unknown);
    house.server.vote(ADMIN, &case, "reject", "never").await;
    assert_eq!(otto("closed", &body).await, unknown);
    house
        .server
        .case_when(&case, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(otto("resolved", &body).await, unknown);
    // The team that was asked is told.
    let (status, told) = Sent::new("asked", &body).to(&house).await;
    assert_eq!(
        (status, &told["ending"]["by"]),
        (409, &json!("alice")),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_decision_is_told_who_decided_and_so_is_its_repetition() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let body = decision(&house, &case, "approve").await;
    house.server.vote(ADMIN, &case, "reject", "never").await;
    for _ in 0..2 {
        let (status, told) = Sent::new("msg_1", &body).to(&house).await;
        assert_eq!((status, &told["code"]), (409, &json!("closed")), "{told}");
        assert_eq!(told["ending"]["by"], "alice");
        assert_eq!(told["ending"]["outcome"], "rejected");
    }
    assert_eq!(house.votes(&case).await, ["alice reject by api"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_comes_ten_times_at_once_votes_once() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let body = decision(&house, &case, "approve").await;
    let sent = (0..10).map(|_| Sent::new("msg_1", &body).to(&house));
    let answers = futures_util::future::join_all(sent).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_eq!(answers[0].0, 200);
    let file = house.file(&case).await;
    let votes = file
        .timeline
        .iter()
        .filter(|line| line.kind.as_str().contains("vote"));
    assert_eq!(votes.count(), 1);
}
