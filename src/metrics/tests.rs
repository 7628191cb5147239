//! What a scrape sees.

use std::collections::BTreeSet;

use super::*;

fn source(name: &str) -> SourceName {
    SourceName::parse(name).unwrap()
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00.5Z".parse().unwrap()
}

fn busy() -> Metrics {
    let metrics = Metrics::new("1.2.3");
    let refunds = source("refunds");
    metrics.introduce(&refunds, Some(now()));
    metrics.request(&refunds, "accepted");
    metrics.decision(
        &refunds,
        Outcome::Approve,
        Cause::Rule,
        Mode::DryRun,
        Duration::from_millis(1),
    );
    metrics.evaluation(Duration::from_micros(40));
    metrics.reload(Reload::Live, now());
    metrics.serves(&Revision::of([1; 32]));
    metrics.refused(&refunds, "unverified");
    metrics.answer_attempt(&refunds, Attempt::Retried);
    metrics.answer_alert(&refunds);
    metrics.outbox(3, 1);
    metrics.cases_open(2);
    metrics.commit(7);
    metrics.connection_opened();
    metrics.connection_refused();
    metrics
}

#[test]
fn the_names_and_labels_are_as_promised() {
    let text = busy().render();
    let series: Vec<_> = text
        .lines()
        .filter(|line| {
            !line.starts_with('#') && !line.contains("_bucket{") && !line.contains("_seconds_sum")
        })
        .collect();
    insta::assert_snapshot!(series.join("\n"), @r#"
    countersign_users_refused 0
    countersign_requests_total{source="refunds",status="accepted"} 1
    countersign_decisions_total{source="refunds",outcome="approve",cause="rule",mode="dry_run"} 1
    countersign_decision_duration_seconds_count 1
    countersign_policy_eval_duration_seconds_count 1
    countersign_policy_reload_total{result="live"} 1
    countersign_policy_last_reload_success_timestamp_seconds 1795262400.5
    countersign_policy_info{revision="0101010101010101010101010101010101010101010101010101010101010101"} 1
    countersign_webhook_refused_total{source="refunds",reason="unverified"} 1
    countersign_answer_attempts_total{source="refunds",result="retried"} 1
    countersign_answer_alerts_total{source="refunds"} 1
    countersign_outbox_pending 3
    countersign_outbox_dead 1
    countersign_cases_open 2
    countersign_frozen 0
    countersign_credential_expiry_timestamp_seconds{source="refunds"} 1795262400
    countersign_commit_group_size_sum 7.0
    countersign_commit_group_size_count 1
    countersign_connections_open 1
    countersign_connections_refused_total 1
    countersign_build_info{version="1.2.3"} 1
    "#);
}

#[test]
fn one_revision_serves_at_a_time() {
    let metrics = busy();
    metrics.serves(&Revision::of([2; 32]));
    let text = metrics.render();
    assert_eq!(text.matches("countersign_policy_info{").count(), 1);
    assert!(text.contains(&format!(
        "countersign_policy_info{{revision=\"{}\"}} 1",
        "02".repeat(32)
    )));
}

#[test]
fn a_refused_reload_keeps_the_time_of_the_last_good_one() {
    let metrics = busy();
    metrics.reload(Reload::Refused, now() + jiff::SignedDuration::from_secs(9));
    let text = metrics.render();
    assert!(
        text.contains("countersign_policy_last_reload_success_timestamp_seconds 1795262400.5\n"),
        "{text}"
    );
    assert!(text.contains("countersign_policy_reload_total{result=\"refused\"} 1\n"));
}

#[test]
fn a_freeze_shows_and_goes() {
    let metrics = busy();
    let freeze = Freeze {
        by: "alice".into(),
        reason: "x".into(),
        since: now(),
    };
    metrics.frozen(Some(&freeze));
    assert!(metrics.render().contains("countersign_frozen 1\n"));
    metrics.frozen(None);
    metrics.connection_closed("finished");
    assert!(metrics.render().contains("countersign_frozen 0\n"));
    assert!(
        metrics
            .render()
            .contains("countersign_connections_open 0\n")
    );
}

#[test]
fn two_apps_do_not_share_their_counts() {
    let (busy, idle) = (busy(), Metrics::new("1.2.3"));
    assert!(busy.render().contains("countersign_connections_open 1\n"));
    assert!(idle.render().contains("countersign_connections_open 0\n"));
}

#[test]
fn a_team_that_is_not_there_is_not_counted_as_one_that_is_called_other() {
    let metrics = Metrics::new("1");
    metrics.teams(["other".to_owned()].into());
    let waiting = |team: &str, open| crate::store::Waiting {
        team: Some(team.to_owned()),
        open,
        oldest: Some(now()),
    };
    let asked = [waiting("other", 1), waiting("no-such-team", 2)];
    metrics.escalations(&asked, now());
    let text = metrics.render();
    for line in [
        "countersign_escalations_open{team=\"\"} 0",
        "countersign_escalations_open{team=\"other\"} 1",
        "countersign_escalations_open{team=\"(unknown)\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    // Without teams their names mean nothing, and everybody is asked.
    let metrics = Metrics::new("1");
    metrics.teams(BTreeSet::new());
    metrics.escalations(&asked, now());
    let text = metrics.render();
    assert!(text.contains("countersign_escalations_open{team=\"\"} 3"));
    assert!(!text.contains("(unknown)"));
}
