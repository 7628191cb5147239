//! The token that every call needs: logged in for once, renewed in time, and again when the platform forgets it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::office::POLICY;
use super::platform::EMAIL;
use super::{AgentWarden, Behaviour, Endpoint, Office, PASSWORD, config, id, say};
use crate::harness::{Countersign, eventually, write};

/// How often a person was called for, by the answers and by everything else.
async fn alerts(office: &Office) -> u64 {
    let lines = office.server.metric("countersign_").await;
    let counts = lines
        .lines()
        .filter(|line| line.contains("alert") && line.contains(r#"source="warden""#));
    counts
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_serves_every_call() {
    let office = Office::open().await;
    for number in 1..4 {
        let case = office.asks(number, 50).await;
        office.settled(&case).await;
    }
    let [login] = &office.platform.calls(Endpoint::Login)[..] else {
        panic!("{:?}", office.platform.all_calls());
    };
    assert_eq!(login.json(), json!({"email": EMAIL, "password": PASSWORD}));
    let token = office.platform.state().tokens.keys().next().cloned();
    let bearer = format!("Bearer {}", token.unwrap());
    for call in office.platform.all_calls() {
        let expected = (call.endpoint != Endpoint::Login).then_some(bearer.as_str());
        assert_eq!(call.header("authorization"), expected, "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_requests_at_once_are_one_login() {
    let platform = AgentWarden::start().await;
    // Long enough for twenty deliveries to be written while the login is under way.
    let text = config("enforce", &platform.url()).replace("timeout: 500ms", "timeout: 20s");
    let server = Countersign::start_with(&text, &[("approvals/pay/pay.rego", POLICY)]).await;
    let office = Office { platform, server };
    office.configure();
    let let_go = Arc::new(Notify::new());
    office
        .platform
        .script(Endpoint::Login, [Behaviour::When(Arc::clone(&let_go))]);
    let mut cases = Vec::new();
    for number in 0..20 {
        cases.push(office.asks(number, 50).await);
    }
    office.platform.wait_for(Endpoint::Login, 1).await;
    let_go.notify_one();
    for case in &cases {
        office.settled(case).await;
    }
    assert_eq!(office.platform.calls(Endpoint::Login).len(), 1);
    // And when all of them find at once that the token is no good any more.
    office.platform.forget_tokens();
    for number in 20..40 {
        cases.push(office.asks(number, 50).await);
    }
    for case in &cases {
        office.settled(case).await;
    }
    assert_eq!(office.platform.calls(Endpoint::Login).len(), 2);
    assert_eq!(office.platform.most_logins_under_way(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_platform_forgot_is_logged_in_for_again() {
    for endpoint in [Endpoint::Logs, Endpoint::Approve] {
        let office = Office::open().await;
        office.platform.script(endpoint, [say(401)]);
        let case = office.asks(1, 50).await;
        let verdict = office.settled(&case).await;
        assert_eq!(verdict["resolution"]["outcome"], "approved");
        assert_eq!(office.platform.calls(Endpoint::Login).len(), 2);
        let calls = office.platform.calls(endpoint);
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].body, calls[1].body);
        assert_ne!(
            calls[0].header("authorization"),
            calls[1].header("authorization")
        );
        assert_eq!(alerts(&office).await, 0, "nobody has to do anything");
        office.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_ends_and_replaced_where_it_ended_unseen() {
    // Renewed when a tenth of its life is left; one that is said to live shorter than 30 seconds may be of another clock.
    join_all([(31, 29), (1, 2)].map(async |(lives, waits)| {
        let office = Office::open().await;
        office.platform.state().token_lives = lives;
        let case = office.asks(1, 50).await;
        office.settled(&case).await;
        let login = office.platform.calls(Endpoint::Login).remove(0);
        office.platform.state().token_lives = 3_600;
        eventually("the token is about to end", async || {
            (login.at.elapsed() > Duration::from_secs(waits)).then_some(())
        })
        .await;
        let case = office.asks(2, 50).await;
        office.settled(&case).await;
        assert_eq!(alerts(&office).await, 0);
        let logins = office.platform.calls(Endpoint::Login).len();
        let looks = office.platform.calls(Endpoint::Logs).len();
        if lives == 31 {
            assert_eq!(
                (logins, looks),
                (2, 2),
                "a 401 would have been a third look"
            );
        }
        assert_eq!(office.platform.status_of(&id(2)), "success");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_never_taken_calls_a_person_and_is_not_asked_for_without_end() {
    let office = Office::open_with(&["confirm: {within: 3s}"]).await;
    office.platform.state().tokens_count = false;
    let case = office.asks(1, 50).await;
    office.left_to_people(&case).await;
    let timeline = office.timeline(&case).await;
    assert!(timeline.contains("401"), "{timeline}");
    assert!(alerts(&office).await > 0);
    let logins = office.platform.calls(Endpoint::Login).len();
    assert!((2..10).contains(&logins), "{logins} logins");
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_calls_a_person_and_asks_people() {
    let office = Office::open_with(&["confirm: {within: 2s}"]).await;
    office.platform.state().password = "another-password".to_owned();
    let case = office.asks(1, 50).await;
    office.left_to_people(&case).await;
    let timeline = office.timeline(&case).await;
    assert!(timeline.contains("Invalid email or password"), "{timeline}");
    assert!(alerts(&office).await > 0);
    assert!(office.platform.calls(Endpoint::Logs).is_empty());
    let logins = office.platform.calls(Endpoint::Login).len();
    assert!(
        logins < 10,
        "an account must not be locked: {logins} logins"
    );
    let file = office.server.case(&case).await.to_string();
    assert!(!file.contains(PASSWORD), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_put_right_in_its_file_is_used_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    write(&file, "the password of before");
    let login = format!(
        "login: {{email: {EMAIL}, password_file: {}}}",
        file.display()
    );
    let platform = AgentWarden::start().await;
    let text = config("enforce", &platform.url());
    let text = text.replace(
        &format!("login: {{email: {EMAIL}, password: {PASSWORD}}}"),
        &login,
    );
    let policies = [("approvals/pay/pay.rego", POLICY)];
    let server = Countersign::start_with(&text, &policies).await;
    let office = Office { platform, server };
    office.configure();
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Login, 1).await;
    write(&file, PASSWORD);
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_gives_no_token_is_none() {
    let answers = [
        json!({}),
        json!([]),
        json!({"access_token": null}),
        json!({"access_token": ""}),
        json!({"access_token": 7}),
        json!({"access_token": {"jwt": "x"}}),
        json!({"access_token": "a\r\nx-injected: b"}),
    ];
    join_all(answers.map(async |answer| {
        let office = Office::open_with(&["confirm: {within: 1s}"]).await;
        let strange = Behaviour::Say(200, answer.clone(), Vec::new());
        office.platform.always(Endpoint::Login, strange);
        let case = office.asks(1, 50).await;
        office.left_to_people(&case).await;
        let calls = office.platform.all_calls();
        assert!(
            calls.iter().all(|call| call.endpoint == Endpoint::Login),
            "{answer}"
        );
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_sent_to_the_platform_alone() {
    let target = crate::tracemem::TraceMem::start().await;
    target.always(crate::tracemem::Behaviour::Say(
        200,
        Value::Null,
        Vec::new(),
    ));
    let office = Office::open_with(&[&format!("forward_to: {}/hook", target.url())]).await;
    let case = office.asks(1, 50).await;
    office.settled(&case).await;
    let received = target.wait_for(1).await;
    assert_eq!(received[0].header("authorization"), None);
    eventually("the answer is out", async || {
        (office.platform.answers() == [format!("approve {}", id(1))]).then_some(())
    })
    .await;
}
