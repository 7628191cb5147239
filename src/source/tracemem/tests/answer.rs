//! What TraceMem is answered, over real sockets.

use serde_json::json;

use super::*;

#[tokio::test]
async fn an_answer_is_the_call_that_tracemem_documents() {
    let platform = Platform::answering(
        200,
        &[],
        r#"{"approval_id": "appr_1", "status": "approved"}"#,
    )
    .await;
    let source = Tracemem::new(settings(platform.url.clone()), client()).unwrap();
    let done = AnswerResult::Done {
        platform: Some(PlatformOutcome::Approved),
    };
    assert_eq!(source.answer(&task()).await, done);
    assert_eq!(source.answer(&task()).await, done);
    let received = platform.received();
    assert_eq!(received[0], received[1], "a repeat is the same to the byte");
    let sent = &received[0];
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        ("POST", "/v1/webhooks/approvals/respond")
    );
    assert_eq!(
        sent.body,
        r#"{"token":"tok_5f0c9a1e77","resolution":"approved","rationale":"Small refund: under $100"}"#
    );
    for (name, value) in [
        ("authorization", "Bearer whc_d41d8cd98f"),
        ("content-type", "application/json"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("idempotency-key", "case_1_approved"),
    ] {
        assert_eq!(sent.headers[name], value);
    }
}

#[tokio::test]
async fn an_empty_rationale_is_left_out() {
    let platform = Platform::answering(204, &[], "").await;
    let source = Tracemem::new(settings(platform.url.clone()), client()).unwrap();
    let task = AnswerTask {
        ballot: Ballot::Reject,
        rationale: String::new(),
        traceparent: None,
        ..task()
    };
    assert_eq!(
        source.answer(&task).await,
        AnswerResult::Done { platform: None }
    );
    assert_eq!(
        platform.received()[0].body,
        r#"{"token":"tok_5f0c9a1e77","resolution":"rejected"}"#
    );
}

#[tokio::test]
async fn a_preview_is_the_answer_without_its_secrets() {
    let platform = Platform::answering(204, &[], "").await;
    let source = Tracemem::new(settings(platform.url.clone()), client()).unwrap();
    source.answer(&task()).await;
    let sent = &platform.received()[0];
    let preview = source.preview(&task()).unwrap().unwrap();
    let hidden = |text: &str| text.replace(TOKEN, "***").replace(CREDENTIAL, "***");
    assert_eq!(preview.method, sent.method.as_str());
    assert!(preview.url.ends_with(&sent.path), "{}", preview.url);
    let body = String::from_utf8(sent.body.to_vec()).unwrap();
    assert_eq!(preview.body, Some(hidden(&body)));
    assert!(!preview.headers.is_empty());
    for (name, value) in &preview.headers {
        assert_eq!(*value, hidden(sent.headers[name].to_str().unwrap()));
    }
    let nothing = AnswerTask {
        token: None,
        ..task()
    };
    assert!(source.preview(&nothing).unwrap().is_err());
}

#[tokio::test]
async fn a_rotated_credential_is_used_at_the_next_answer() {
    let platform = Platform::answering(204, &[], "").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credential");
    std::fs::write(&file, "first\n").unwrap();
    let mut settings = settings(platform.url.clone());
    settings.credential = Some(Credential::in_file(&file));
    let source = Tracemem::new(settings, client()).unwrap();
    source.answer(&task()).await;
    std::fs::write(&file, "second\n").unwrap();
    source.answer(&task()).await;
    std::fs::remove_file(&file).unwrap();
    let gone = source.answer(&task()).await;
    assert!(
        matches!(
            gone,
            AnswerResult::Retry {
                reach: Reach::NotReached,
                ..
            }
        ),
        "{gone:?}"
    );
    let sent: Vec<_> = platform
        .received()
        .iter()
        .map(|sent| sent.headers["authorization"].clone())
        .collect();
    assert_eq!(sent, ["Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn an_outcome_that_is_not_ours_is_not_taken_for_ours() {
    let other = |outcome| AnswerResult::Already {
        platform: Some(outcome),
    };
    assert_eq!(
        answered_with(200, &[], r#"{"status": "rejected"}"#).await,
        other(PlatformOutcome::Rejected)
    );
    assert_eq!(
        answered_with(200, &[], r#"{"status": "expired"}"#).await,
        other(PlatformOutcome::Expired)
    );
    assert_eq!(
        answered_with(409, &[], r#"{"status": "rejected"}"#).await,
        other(PlatformOutcome::Rejected)
    );
    assert_eq!(
        answered_with(409, &[], r#"{"resolution": "approved"}"#).await,
        other(PlatformOutcome::Approved)
    );
    assert_eq!(
        answered_with(409, &[], "conflict").await,
        AnswerResult::Already { platform: None }
    );
    let vague = Some(PlatformOutcome::Other("queued".to_owned()));
    assert_eq!(
        answered_with(202, &[], r#"{"status": "queued"}"#).await,
        AnswerResult::Done { platform: vague }
    );
}

#[tokio::test]
async fn a_success_that_says_nothing_readable_is_a_success() {
    let done = AnswerResult::Done { platform: None };
    for body in ["", "<html>ok</html>", "[]", "7", r#"{"status": 7}"#] {
        assert_eq!(answered_with(200, &[], body).await, done, "{body}");
    }
    assert_eq!(
        answered_with(200, &[], &"x".repeat(3 * 1024 * 1024)).await,
        done
    );
}

#[tokio::test]
async fn every_refusal_ends_in_its_class() {
    assert_eq!(answered_with(410, &[], "").await, AnswerResult::Expired);
    for status in [401, 403] {
        assert!(
            matches!(
                answered_with(status, &[], "").await,
                AnswerResult::Alert { .. }
            ),
            "{status}"
        );
    }
    for status in [400, 404, 405, 413, 415, 422, 451] {
        assert!(
            matches!(
                answered_with(status, &[], "").await,
                AnswerResult::Failed { .. }
            ),
            "{status}"
        );
    }
    for status in [408, 500, 502, 503, 504, 599] {
        let result = answered_with(status, &[], "").await;
        assert!(
            matches!(
                result,
                AnswerResult::Retry {
                    reach: Reach::Unknown,
                    after: None,
                    ..
                }
            ),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_platform_that_is_busy_is_given_the_time_it_asks_for() {
    let result = answered_with(429, &[("retry-after", "7")], r#"{"message": "slow down"}"#).await;
    let AnswerResult::Retry {
        after,
        error,
        reach,
    } = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(
        (after, reach),
        (Some(std::time::Duration::from_secs(7)), Reach::Refused)
    );
    assert!(
        error.ends_with("answered 429 Too Many Requests: slow down"),
        "{error}"
    );
    let result = answered_with(503, &[("retry-after", "86400")], "").await;
    let AnswerResult::Retry { after, .. } = result else {
        panic!("{result:?}")
    };
    assert_eq!(after, Some(std::time::Duration::from_hours(1)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Platform::answering(200, &[], "").await;
    let to = format!("http://{}/", elsewhere.url.host());
    for status in [301, 302, 303, 307, 308] {
        let result = answered_with(status, &[("location", &to)], "").await;
        assert!(matches!(result, AnswerResult::Failed { .. }), "{status}");
    }
    assert!(
        elsewhere.received().is_empty(),
        "the credential went nowhere else"
    );
}

#[tokio::test]
async fn a_platform_that_repeats_our_secrets_does_not_get_them_into_our_logs() {
    for body in [
        json!({"message": format!("bad token {TOKEN}")}),
        json!({"error": {"message": format!("credential {CREDENTIAL} is expired")}}),
        json!({"detail": "unknown token tok_5f0c…"}),
    ] {
        let AnswerResult::Alert { error } = answered_with(401, &[], &body.to_string()).await else {
            panic!()
        };
        assert!(
            error.ends_with("answered 401 Unauthorized; is the credential right and still valid?"),
            "{error}"
        );
    }
    let result = answered_with(422, &[], "{\"message\": \"no\\u001b[31m\\n\"}").await;
    let AnswerResult::Failed { error } = result else {
        panic!("{result:?}")
    };
    assert!(
        error.ends_with(r"answered 422 Unprocessable Entity: no\u{1b}[31m\n"),
        "{error}"
    );
}

#[tokio::test]
async fn a_platform_that_is_not_there_was_not_reached() {
    let url = nobody();
    let result = answered(url.clone()).await;
    let AnswerResult::Retry { error, reach, .. } = result else {
        panic!("{result:?}")
    };
    assert_eq!(reach, Reach::NotReached);
    assert!(
        error.starts_with(&format!("cannot connect to `{}`: ", url.host())),
        "{error}"
    );
}

#[tokio::test]
async fn silence_after_sending_leaves_the_outcome_unknown() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sta"] {
        let platform = Broken::writing(bytes.as_bytes(), Then::Hang).await;
        let source = Tracemem::new(settings(platform.url.clone()), impatient_client()).unwrap();
        let result = source.answer(&task()).await;
        assert!(
            matches!(
                result,
                AnswerResult::Retry {
                    reach: Reach::Unknown,
                    ..
                }
            ),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_sending_leaves_the_outcome_unknown() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sta",
        "HTTP/1.1 2",
        "gibberish\r\n\r\n",
    ] {
        let platform = Broken::writing(bytes.as_bytes(), Then::Close).await;
        let result = answered(platform.url.clone()).await;
        assert!(
            matches!(
                result,
                AnswerResult::Retry {
                    reach: Reach::Unknown,
                    ..
                }
            ),
            "{bytes}: {result:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_can_never_be_sent_says_why() {
    let source = source(|_| ());
    let result = source
        .answer(&AnswerTask {
            token: None,
            ..task()
        })
        .await;
    assert!(matches!(result, AnswerResult::Failed { .. }), "{result:?}");
    let mut settings = settings(here());
    settings.credential = Some(written("two\nlines"));
    let result = Tracemem::new(settings, client())
        .unwrap()
        .answer(&task())
        .await;
    assert!(matches!(result, AnswerResult::Alert { .. }), "{result:?}");
}
