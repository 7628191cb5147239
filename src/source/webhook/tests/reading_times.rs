use serde_json::json;

use super::*;

#[test]
fn a_time_is_rfc_3339_or_a_unix_time_in_seconds_or_milliseconds() {
    let source = source(|_| {});
    let expires = |value: Value| {
        request(&source, &with("/data/expires_at", value))
            .expires_at
            .map(|at| at.to_string())
    };
    for value in [
        json!("2026-02-25T17:30:00Z"),
        json!("2026-02-25T17:30:00"),
        json!("2026-02-25T18:30:00+01:00"),
        json!(1_772_040_600),
        json!(1_772_040_600_000_i64),
        json!(1_772_040_600.0),
    ] {
        assert_eq!(
            expires(value.clone()).as_deref(),
            Some("2026-02-25T17:30:00Z"),
            "{value}"
        );
    }
    assert_eq!(
        expires(json!(1_772_040_600_250_i64)).as_deref(),
        Some("2026-02-25T17:30:00.25Z")
    );
    assert_eq!(expires(json!(null)), None);
}

#[test]
fn a_time_that_is_none_is_refused() {
    let source = source(|_| {});
    for place in ["/data/expires_at", "/data/created_at"] {
        for wrong in [
            json!("soon"),
            json!(""),
            json!("1772040600"),
            json!(-1),
            json!(1e300),
            json!(true),
            json!({}),
        ] {
            assert!(
                read(&source, &with(place, wrong.clone())).is_err(),
                "{place} {wrong}"
            );
        }
    }
}
