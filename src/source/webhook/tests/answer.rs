use serde_json::json;

use super::platform::Reply;
use super::*;
use crate::domain::platform::PlatformOutcome;
use crate::source::Reach;

async fn sent(change: impl FnOnce(&mut Settings), task: &AnswerTask) -> (AnswerResult, String) {
    let platform = Platform::answering(200, "{}").await;
    let result = source_at(&platform.url, change).answer(task).await;
    let received = platform.received();
    assert!(received.len() <= 1, "one attempt is one request");
    let text = received.first().map_or_else(String::new, |call| {
        let shown: Vec<String> = call
            .headers
            .iter()
            .filter(|(name, _)| !["host", "content-length"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        format!(
            "{}\n{}\n\n{}",
            call.line,
            shown.join("\n"),
            String::from_utf8_lossy(&call.body)
        )
    });
    (result, text)
}

fn capable(callback: Option<&str>) -> AnswerTask {
    let packed = match callback {
        Some(callback) => json!({"token": TOKEN, "callback": callback}),
        None => json!({"token": TOKEN}),
    };
    AnswerTask {
        token: Some(Secret::new(packed.to_string())),
        ..task()
    }
}

#[tokio::test]
async fn an_answer_is_the_call_that_the_settings_describe() {
    let (result, text) = sent(|_| {}, &task()).await;
    assert_eq!(result, AnswerResult::Done { platform: None });
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(text, @r#"
    POST /v1/approvals/ap_1/approve
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
    user-agent: countersign/VERSION
    accept: application/json
    content-type: application/json
    idempotency-key: case_1_approved
    authorization: Bearer sk_d41d8cd98f00b204

    {"by":"countersign","note":"Small refund: under $100"}
    "#);
    let no = AnswerTask {
        ballot: Ballot::Reject,
        rationale: String::new(),
        ..task()
    };
    let (_, text) = sent(|_| {}, &no).await;
    assert!(text.starts_with("POST /v1/approvals/ap_1/deny\n"), "{text}");
    assert!(text.ends_with(r#"{"by":"countersign"}"#), "{text}");
}

#[tokio::test]
async fn every_placeholder_of_an_answer_is_filled() {
    let payload = json!({"run": {"id": 7, "tags": ["a"]}});
    let task = AnswerTask {
        payload: Some(payload),
        ..capable(None)
    };
    let change = |settings: &mut Settings| {
        let body = json!({
            "id": "{id}", "agent": "{agent}", "action": "{action}", "token": "{token}",
            "resolution": "{resolution}", "case": "{case_id}", "run": "{/run/id}", "tags": "{/run/tags}",
            "text": "{resolution}: {rationale}",
        });
        let mut answer = call(
            Method::PUT,
            "{api_url}/runs/{/run/id}?by={agent}",
            Some(body),
        );
        answer.auth = Some(Auth::OwnToken);
        answer.headers.push((
            HeaderName::from_static("x-request"),
            TextTemplate::parse("{action} {id}").unwrap(),
        ));
        settings.answer.as_mut().unwrap().approve = answer;
    };
    let source = source(change);
    assert!(source.looks_at_payload());
    let (result, text) = sent(change, &task).await;
    assert_eq!(result, AnswerResult::Done { platform: None });
    let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(text, @r#"
    PUT /runs/7?by=billing-bot
    x-request: stripe.refund ap_1
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
    user-agent: countersign/VERSION
    accept: application/json
    content-type: application/json
    idempotency-key: case_1_approved
    authorization: Bearer tok_5f0c9a1e77

    {"id":"ap_1","agent":"billing-bot","action":"stripe.refund","token":"tok_5f0c9a1e77","resolution":"approved","case":"case_1","run":7,"tags":["a"],"text":"approved: Small refund: under $100"}
    "#);
}

fn called_back(settings: &mut Settings) {
    let mut answer = call(
        Method::PATCH,
        "{callback}",
        Some(json!({"data": {"status": "passed"}})),
    );
    answer.auth = Some(Auth::OwnToken);
    settings.answer.as_mut().unwrap().approve = answer;
}

#[tokio::test]
async fn a_callback_is_called_with_its_own_token_where_its_host_is_listed() {
    let platform = Platform::answering(200, "").await;
    let callback = format!("http://{}/results/9?x=1", platform.url.host());
    let result = source(called_back).answer(&capable(Some(&callback))).await;
    assert_eq!(result, AnswerResult::Done { platform: None });
    let received = platform.received();
    assert_eq!(received[0].line, "PATCH /results/9?x=1");
    assert_eq!(
        received[0].headers["authorization"],
        format!("Bearer {TOKEN}")
    );
    assert_eq!(received[0].body, r#"{"data":{"status":"passed"}}"#);
}

#[tokio::test]
async fn a_callback_to_another_host_is_never_called() {
    let platform = Platform::answering(200, "").await;
    for callback in [
        format!("http://{}/x", platform.url.host()),
        format!("http://app.example.com@{}/x", platform.url.host()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
        "nonsense".to_owned(),
    ] {
        let source = source(|settings| {
            called_back(settings);
            settings.callback_hosts = CallbackHosts::parse(["app.example.com"]).unwrap();
        });
        let result = source.answer(&capable(Some(&callback))).await;
        assert!(
            matches!(result, AnswerResult::Failed { .. }),
            "{callback}: {result:?}"
        );
    }
    assert!(platform.received().is_empty());
}

#[tokio::test]
async fn an_answer_that_lacks_something_is_not_sent() {
    let needs = |template: &'static str| {
        move |settings: &mut Settings| {
            settings.answer.as_mut().unwrap().approve = call(Method::POST, template, None);
        }
    };
    let nameless = AnswerTask {
        agent: None,
        action: None,
        ..task()
    };
    for template in [
        "{api_url}/{agent}",
        "{api_url}/x?a={action}",
        "{api_url}/{token}",
        "{api_url}/{/run/id}",
        "{callback}",
    ] {
        let (result, text) = sent(needs(template), &nameless).await;
        assert!(
            matches!(result, AnswerResult::Failed { .. }),
            "{template}: {result:?}"
        );
        assert_eq!(text, "", "{template}");
    }
    let (result, _) = sent(|settings| settings.answer = None, &task()).await;
    assert!(matches!(result, AnswerResult::Alert { .. }));
    let foreign = AnswerTask {
        token: Some(Secret::new(TOKEN)),
        ..task()
    };
    let (result, text) = sent(|_| {}, &foreign).await;
    assert!(matches!(result, AnswerResult::Failed { .. }) && text.is_empty());
}

#[tokio::test]
async fn a_value_cannot_add_a_header_or_a_path() {
    let change = |settings: &mut Settings| {
        settings.answer.as_mut().unwrap().approve.headers.push((
            HeaderName::from_static("x-agent"),
            TextTemplate::parse("{agent}").unwrap(),
        ));
    };
    let forged = AnswerTask {
        agent: Some("bot\r\nX-Admin: 1".to_owned()),
        ..task()
    };
    let (result, text) = sent(change, &forged).await;
    assert!(
        matches!(result, AnswerResult::Failed { .. }) && text.is_empty(),
        "{result:?}"
    );
    let forged = AnswerTask {
        request: id("../../v1/approvals/ap_2"),
        ..task()
    };
    let (result, text) = sent(|_| {}, &forged).await;
    assert!(
        matches!(result, AnswerResult::Failed { .. }) && text.is_empty(),
        "{result:?}"
    );
    let odd = AnswerTask {
        request: id("ap_2/approve?x=1#"),
        ..task()
    };
    let (_, text) = sent(|_| {}, &odd).await;
    assert!(
        text.starts_with("POST /v1/approvals/ap_2%2Fapprove%3Fx%3D1%23/approve\n"),
        "{text}"
    );
}

#[tokio::test]
async fn no_error_shows_what_answers_the_request() {
    let platform = Platform::playing(|call, _| {
        let said = call.headers["authorization"].to_str().unwrap().to_owned();
        Reply(
            400,
            vec![],
            json!({"error": format!("bad {said} {TOKEN} {KEY}")}).to_string(),
        )
    })
    .await;
    for auth in [Some(Auth::OwnToken), None] {
        let source = source_at(&platform.url, |settings| {
            if auth.is_some() {
                settings.answer.as_mut().unwrap().approve.auth = auth;
            }
        });
        let shown = format!("{:?}", source.answer(&capable(None)).await);
        assert!(shown.contains("400"), "{shown}");
        assert!(!shown.contains(TOKEN) && !shown.contains(KEY), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Platform::answering(200, "{}").await;
    let to = format!("http://{}/x", elsewhere.url.host());
    let platform =
        Platform::playing(move |_, _| Reply(307, vec![("location", to.clone())], String::new()))
            .await;
    let result = source_at(&platform.url, |_| {}).answer(&task()).await;
    assert!(matches!(result, AnswerResult::Failed { .. }), "{result:?}");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn what_the_platform_holds_is_read_where_the_settings_say() {
    let answered = async |outcome: Option<&str>, body: Value| {
        let platform = Platform::answering(200, body.to_string()).await;
        source_at(&platform.url, |settings| {
            settings.answer.as_mut().unwrap().outcome = outcome.map(pointer);
        })
        .answer(&task())
        .await
    };
    let done = |outcome: Option<PlatformOutcome>| AnswerResult::Done { platform: outcome };
    let approved = Some(PlatformOutcome::Approved);
    let rejected = AnswerResult::Already {
        platform: Some(PlatformOutcome::Rejected),
    };
    assert_eq!(
        answered(None, json!({"status": "approved"})).await,
        done(approved.clone())
    );
    assert_eq!(answered(None, json!({"status": "denied"})).await, rejected);
    let there = Some("/data/state");
    assert_eq!(
        answered(there, json!({"data": {"state": "approved"}})).await,
        done(approved)
    );
    assert_eq!(
        answered(there, json!({"data": {"state": "denied"}})).await,
        rejected
    );
    assert_eq!(
        answered(there, json!({"status": "denied"})).await,
        done(None)
    );
    assert_eq!(
        answered(there, json!({"data": {"state": "passed"}})).await,
        done(Some(PlatformOutcome::Other("passed".to_owned())))
    );
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let result = source_at(&nobody(), |_| {}).answer(&task()).await;
    assert!(
        matches!(
            result,
            AnswerResult::Retry {
                reach: Reach::NotReached,
                ..
            }
        ),
        "{result:?}"
    );
}

#[test]
fn a_preview_shows_the_call_with_stars_for_secrets() {
    let source = source(|settings| {
        settings.answer.as_mut().unwrap().approve.headers.push((
            HeaderName::from_static("x-token"),
            TextTemplate::parse("t={token}").unwrap(),
        ));
        let body = json!({"token": "{token}", "note": "{rationale}"});
        let mut reject = call(Method::POST, "{callback}", Some(body));
        reject.auth = Some(Auth::OwnToken);
        settings.answer.as_mut().unwrap().reject = reject;
    });
    let preview = source
        .preview(&capable(Some("https://app.example.com/results/9")))
        .unwrap()
        .unwrap();
    assert_eq!(
        preview,
        Preview {
            method: "POST".to_owned(),
            url: "http://127.0.0.1:1/v1/approvals/ap_1/approve".to_owned(),
            headers: vec![
                ("authorization".to_owned(), "Bearer ***".to_owned()),
                ("x-token".to_owned(), "t=***".to_owned()),
            ],
            body: Some(r#"{"by":"countersign","note":"Small refund: under $100"}"#.to_owned()),
        }
    );
    let no = AnswerTask {
        ballot: Ballot::Reject,
        ..capable(Some("https://app.example.com/results/9"))
    };
    let preview = source.preview(&no).unwrap().unwrap();
    assert_eq!(preview.url, "https://app.example.com/***");
    assert_eq!(
        preview.body.as_deref(),
        Some(r#"{"token":"***","note":"Small refund: under $100"}"#)
    );
    assert!(source.preview(&task()).unwrap().is_err(), "it has no token");
}

#[tokio::test]
async fn a_success_that_says_otherwise_is_none() {
    for (body, done) in [
        ("", true),
        ("{}", true),
        ("OK", true),
        ("[]", true),
        (r#"{"error":null,"errors":[],"success":true}"#, true),
        (
            r#"{"status":"approved","error":"the mail was not sent"}"#,
            true,
        ),
        (r#"{"error":"not found"}"#, false),
        (r#"{"status":"error","error":{"message":"no"}}"#, false),
        (r#"{"data":null,"errors":[{"message":"no"}]}"#, false),
        (r#"{"success":false}"#, false),
        (r#"{"ok":false}"#, false),
        ("\u{feff}\n<!DOCTYPE html><title>Log in</title>", false),
        ("<html><body>Log in</body></html>", false),
    ] {
        let platform = Platform::answering(200, body).await;
        let result = source_at(&platform.url, |_| {}).answer(&task()).await;
        let was_done = matches!(result, AnswerResult::Done { .. });
        assert_eq!(was_done, done, "{body}: {result:?}");
        assert!(
            done || matches!(result, AnswerResult::Failed { .. }),
            "{body}"
        );
    }
}
