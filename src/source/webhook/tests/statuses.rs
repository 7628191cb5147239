use super::platform::Reply;
use super::*;
use crate::source::Reach;

async fn class_of(statuses: &Statuses, status: u16) -> &'static str {
    let platform = Platform::playing(move |_, _| {
        Reply(status, vec![("retry-after", "7".to_owned())], String::new())
    })
    .await;
    let result = source_at(&platform.url, |settings| {
        settings.answer.as_mut().unwrap().statuses = statuses.clone();
    })
    .answer(&task())
    .await;
    match result {
        AnswerResult::Done { .. } => "done",
        AnswerResult::Already { .. } => "already",
        AnswerResult::Expired => "expired",
        AnswerResult::Retry {
            reach: Reach::Refused,
            ..
        } => "refused",
        AnswerResult::Retry { .. } => "retry",
        AnswerResult::Alert { .. } => "alert",
        AnswerResult::Failed { .. } => "failed",
    }
}

#[tokio::test]
async fn a_status_means_what_is_usual_unless_the_settings_say_otherwise() {
    let usual = Statuses::default();
    for (status, class) in [
        (200, "done"),
        (201, "done"),
        (204, "done"),
        (301, "failed"),
        (400, "failed"),
        (401, "alert"),
        (403, "alert"),
        (404, "failed"),
        (408, "retry"),
        (409, "already"),
        (410, "expired"),
        (422, "failed"),
        (429, "refused"),
        (500, "retry"),
        (503, "retry"),
    ] {
        assert_eq!(class_of(&usual, status).await, class, "{status}");
    }
}

#[tokio::test]
async fn a_class_that_is_listed_replaces_its_usual_statuses() {
    let own = Statuses {
        done: Some(vec![200]),
        already: Some(vec![400]),
        expired: Some(vec![404]),
        retry: Some(vec![423]),
        alert: Some(vec![402]),
    };
    for (status, class) in [
        (200, "done"),
        (201, "failed"),
        (204, "failed"),
        (400, "already"),
        (409, "failed"),
        (404, "expired"),
        (410, "failed"),
        (423, "retry"),
        (402, "alert"),
        (401, "failed"),
        (403, "failed"),
    ] {
        assert_eq!(class_of(&own, status).await, class, "{status}");
    }
}

#[tokio::test]
async fn what_is_broken_for_a_moment_is_tried_again_whatever_is_listed() {
    let own = Statuses {
        retry: Some(vec![]),
        ..Statuses::default()
    };
    assert_eq!(class_of(&own, 503).await, "retry");
    assert_eq!(class_of(&own, 429).await, "refused");
    let final_anyway = Statuses {
        already: Some(vec![500]),
        ..Statuses::default()
    };
    assert_eq!(class_of(&final_anyway, 500).await, "already");
}
