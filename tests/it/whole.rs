//! A question on its whole way through the teams of a config: asked, reminded, handed over, and ended by the clock, with
//! each team's own tool told of every step.

use serde_json::{Value, json};

use crate::harness::{ADMIN, APPROVER, Countersign, config, eventually, requested, token};
use crate::hook::Hook;
use crate::tracemem::TraceMem;

const SECRETS: [&str; 2] = [
    "whsec_b2xkLXNlY3JldC1vZi10aGUtcGF5bWVudHMtdG9vbC0x",
    "whsec_bmV3LXNlY3JldC1vZi10aGUtcGF5bWVudHMtdG9vbC0y",
];

/// The kinds of what a team's tool heard of one case.
fn kinds(hook: &Hook) -> Vec<String> {
    let events = hook.events();
    let kinds = events.iter().map(|event| event["type"].as_str().unwrap());
    kinds
        .map(|kind| kind.trim_start_matches("escalation.").to_owned())
        .collect()
}

async fn told(hook: &Hook, kind: &str) -> Value {
    let kind = format!("escalation.{kind}");
    eventually(&format!("the tool hears `{kind}`"), async || {
        hook.heard(&kind).into_iter().next()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_reminded_the_next_is_asked_and_the_deadline_rejects_as_the_config_says() {
    let (payments, managers) = (Hook::open().await, Hook::open().await);
    let platform = TraceMem::start().await;
    let [old, new] = SECRETS;
    let teams = format!(
        "teams:
  - name: payments
    members: [bob]
    within: 4s
    then: managers
    webhook: {{url: {}, secrets: [{old}, {new}]}}
  - name: managers
    members: [dora]
    within: 4s
    on_deadline: reject
    webhook: {{url: {}, secrets: [{new}]}}
",
        payments.url, managers.url
    );
    let server = Countersign::start(&(config("enforce", &platform) + &teams)).await;
    let id = server.accepted(&requested(1, json!(5_000))).await;

    let asked = told(&payments, "asked").await;
    assert_eq!(asked["data"]["case_id"], json!(id));
    assert_eq!(asked["data"]["question"]["to"], "payments");
    assert_eq!(asked["data"]["question"]["votes"], 2);
    let (status, _) = server.vote(APPROVER, &id, "approve", "for payments").await;
    assert_eq!(status, 200);
    assert_eq!(
        told(&payments, "voted").await["data"]["question"]["approvals"],
        1
    );
    told(&payments, "reminded").await;
    told(&payments, "handed_over").await;

    // What was voted for the first team does not count for the next: one more is not enough.
    let asked = told(&managers, "asked").await;
    assert_eq!(asked["data"]["question"]["to"], "managers");
    assert_eq!(asked["data"]["question"]["before"], json!(["payments"]));
    assert_eq!(asked["data"]["question"]["approvals"], 0);
    let (status, refused) = server.vote(APPROVER, &id, "approve", "for payments").await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (403, Some("forbidden")),
        "{refused}"
    );
    let (status, voted) = server.vote(ADMIN, &id, "approve", "for managers").await;
    assert_eq!(
        (status, voted["verdict"]["state"].as_str()),
        (200, Some("open")),
        "{voted}"
    );

    // Nobody else answers: the last team's deadline says no, and the platform and both teams hear it.
    let answer = platform.wait_for(1).await[0].json();
    assert_eq!(
        (&answer["token"], &answer["resolution"]),
        (&json!(token(1)), &json!("rejected"))
    );
    for hook in [&payments, &managers] {
        let closed = told(hook, "closed").await;
        assert_eq!(closed["data"]["ending"]["outcome"], "rejected");
        assert_eq!(closed["data"]["ending"]["by"], "deadline");
        assert_eq!(
            closed["data"]["ending"]["reason"],
            "nobody of `managers` answered in time"
        );
    }
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    let timeline = file["timeline"].as_array().unwrap().iter();
    let timeline: Vec<&str> = timeline
        .map(|line| line["kind"].as_str().unwrap())
        .filter(|kind| *kind != "delivered")
        .collect();
    assert_eq!(
        timeline,
        [
            "decided",
            "voted",
            "reminded",
            "handed_over",
            "voted",
            "reminded",
            "resolved",
            "answered"
        ]
    );
    let delivered = eventually("the timeline has all that teams were told", async || {
        let file = server.case(&id).await;
        let timeline = file["timeline"].as_array().unwrap().iter();
        let delivered = timeline.filter(|line| line["kind"] == "delivered");
        let said = delivered.map(|line| {
            let word = |name: &str| line["detail"][name].as_str().unwrap().to_owned();
            format!("{} {}", word("channel"), word("occasion"))
        });
        let said: Vec<String> = said.collect();
        (said.len() == 9).then_some(said)
    });
    let delivered = delivered.await;
    for (team, hook) in [("payments", &payments), ("managers", &managers)] {
        let told = delivered.iter();
        let told = told.filter_map(|said| said.strip_prefix(&format!("{team}/webhook ")));
        assert_eq!(told.collect::<Vec<_>>(), kinds(hook));
    }
    server.stop().await;
    assert_eq!(
        kinds(&payments),
        ["asked", "voted", "reminded", "handed_over", "closed"]
    );
    assert_eq!(kinds(&managers), ["asked", "voted", "reminded", "closed"]);
    payments.verify(old);
    payments.verify(new);
    managers.verify(new);
}
