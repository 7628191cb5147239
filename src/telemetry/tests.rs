//! Lines as they are written.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::*;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn event(input: &RawValue) -> DecisionEvent<'_> {
    DecisionEvent {
        instance: "countersign-0",
        version: "1.2.3",
        case_id: "case_0123",
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
        span_id: None,
        revision: "3f9c3f9c3f9c3f9c",
        input,
        outcome: "approve",
        cause: "rule",
        rationale: "Small refund: refund of $50 is under the $100 limit",
        rules: &["approvals.refunds.approve#small-refund"],
        requested_by: Some("127.0.0.1:5000"),
        timestamp: "2026-11-21T12:00:00Z".parse().unwrap(),
        evaluation_nanoseconds: 41_000,
        erased: &[],
        masked: &["/input/context/card"],
        mode: "dry_run",
        source: "refunds",
        request_id: "appr_1",
        action: Some("stripe.refund"),
        agent: None,
    }
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[test]
fn a_decision_is_one_line_of_opas_decision_log_with_our_fields_beside() {
    let input = raw("{\"action\":\n  \"stripe.refund\"}");
    let line = event(&input).line(LogFormat::Json);
    insta::assert_snapshot!(line, @r#"{"level":"info","msg":"Decision Log","type":"openpolicyagent.org/decision_logs","event":"decision","time":"2026-11-21T12:00:00Z","labels":{"id":"countersign-0","version":"1.2.3"},"decision_id":"case_0123","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","bundles":{"policies":{"revision":"3f9c3f9c3f9c3f9c"}},"path":"approvals","input":{"action":   "stripe.refund"},"result":{"outcome":"approve","cause":"rule","rationale":"Small refund: refund of $50 is under the $100 limit","rules":["approvals.refunds.approve#small-refund"]},"requested_by":"127.0.0.1:5000","timestamp":"2026-11-21T12:00:00Z","metrics":{"timer_rego_query_eval_ns":41000},"erased":[],"masked":["/input/context/card"],"mode":"dry_run","source":"refunds","request_id":"appr_1","action":"stripe.refund"}"#);
}

#[test]
fn in_text_a_decision_is_one_sentence() {
    let input = raw("{}");
    let line = event(&input).line(LogFormat::Text);
    insta::assert_snapshot!(line, @"2026-11-21T12:00:00Z approve (rule) refunds/appr_1 stripe.refund: Small refund: refund of $50 is under the $100 limit [dry_run, revision 3f9c3f9c3f9c, case_0123]");
}

#[test]
fn a_strangers_text_cannot_write_a_line_of_its_own() {
    let input = raw("{\"a\": \"x\\ny\"}");
    let forged = DecisionEvent {
        request_id: "a\n2026 approve",
        agent: Some("\u{202e}toor\u{1b}[2J"),
        ..event(&input)
    };
    let text = forged.line(LogFormat::Text);
    assert!(
        text.contains(r"a\u{a}2026 approve") && text.contains(r"\u{202e}toor\u{1b}[2J"),
        "{text}"
    );
    assert!(!text.contains('\n'));
    let json = forged.line(LogFormat::Json);
    assert_eq!(json.lines().count(), 1);
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["request_id"], "a\n2026 approve");
    assert_eq!(read["input"]["a"], "x\ny");
}

#[test]
fn decision_lines_end_and_a_closed_output_stops_nothing() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let input = raw("{}");
    let out = Shared::default();
    let lines = DecisionLines::to(LogFormat::Json, Box::new(out.clone()));
    lines.write(&event(&input));
    lines.write(&event(&input));
    assert_eq!(out.text().lines().count(), 2);
    assert!(out.text().ends_with("}\n"));
    DecisionLines::to(LogFormat::Text, Box::new(Closed)).write(&event(&input));
}

fn logged(format: LogFormat, filter: &str, paint: Paint) -> String {
    let out = Shared::default();
    let writer = out.clone();
    let subscriber = subscriber(format, filter, paint, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(case.id = "case_1", "case decided");
        tracing::debug!("too much");
    });
    out.text()
}

#[test]
fn log_lines_are_json_objects_with_their_fields_at_the_top() {
    let text = logged(LogFormat::Json, "info", Paint::Plain);
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&line["level"], &line["message"], &line["case.id"]),
        (&"INFO".into(), &"case decided".into(), &"case_1".into())
    );
}

#[test]
fn text_has_colours_only_where_they_are_seen() {
    assert!(!logged(LogFormat::Text, "info", Paint::Plain).contains('\u{1b}'));
    assert!(logged(LogFormat::Text, "info", Paint::Coloured).contains('\u{1b}'));
    assert_eq!(
        logged(LogFormat::Text, "debug", Paint::Plain)
            .lines()
            .count(),
        2
    );
    assert_eq!(logged(LogFormat::Text, "off", Paint::Plain), "");
    let file = tempfile::tempfile().unwrap();
    assert_eq!(super::paint(&file, &|_| None), Paint::Plain);
    assert!(subscriber(LogFormat::Text, "a=b=c", Paint::Plain, io::sink).is_err());
}
