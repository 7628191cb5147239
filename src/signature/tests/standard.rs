//! Standard Webhooks, with its published vector.

use super::*;

#[test]
fn the_published_vector_of_standard_webhooks_passes() {
    assert_eq!(standard_outcome(STANDARD_SIGNATURE), "ok");
    let others = "v1,tFtCZ5RDCPxzWQRWXWPgrCgE2frDBe9gjpbWQxnVfsQ= v1,Mm7xgUVICxZfQ3bgf0h0Dof65L/IFx+PnZvnDWPCX6Q=";
    assert_eq!(
        standard_outcome(&format!("{others} {STANDARD_SIGNATURE}")),
        "ok"
    );
    assert_eq!(
        standard_outcome(&format!("v1a,AAAA {STANDARD_SIGNATURE}")),
        "ok"
    );
}

#[test]
fn every_known_forgery_of_a_standard_webhook_is_refused() {
    let tag = STANDARD_SIGNATURE.strip_prefix("v1,").unwrap();
    let many = format!(
        "{}{STANDARD_SIGNATURE}",
        "v1,AAAA ".repeat(MAXIMUM_SIGNATURES)
    );
    for (signature, reason) in [
        ("v1,".to_owned(), "signature_malformed"),
        (String::new(), "signature_version"),
        (tag.to_owned(), "signature_version"),
        (format!("v1,{}", &tag[..8]), "signature_wrong"),
        (format!("v1,{}", &tag[..40]), "signature_wrong"),
        (format!("v1,{tag}AAAA"), "signature_malformed"),
        (
            format!("v1,{}", tag.trim_end_matches('=')),
            "signature_malformed",
        ),
        (format!("v2,{tag}"), "signature_version"),
        (format!("v1a,{tag}"), "signature_version"),
        (format!("V1,{tag}"), "signature_version"),
        (format!("v1={tag}"), "signature_version"),
        (format!("v1, {tag}"), "signature_malformed"),
        (
            "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=".to_owned(),
            "signature_wrong",
        ),
        ("v1,é".to_owned(), "signature_malformed"),
        (many, "signatures_too_many"),
    ] {
        assert_eq!(standard_outcome(&signature), reason, "{signature}");
    }
}

#[test]
fn a_standard_webhook_needs_each_header_exactly_once() {
    let complete = standard_headers(STANDARD_SIGNATURE);
    for (left_out, reason) in [
        ("webhook-id", "id_missing"),
        ("webhook-timestamp", "timestamp_missing"),
        ("webhook-signature", "signature_missing"),
    ] {
        let rest: Vec<_> = complete
            .iter()
            .filter(|(name, _)| *name != left_out)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            outcome(&standard(&[STANDARD_SECRET]), delivery(&rest, BODY)),
            reason
        );
    }
    for (repeated, reason) in [
        ("webhook-id", "id_malformed"),
        ("webhook-timestamp", "timestamp_malformed"),
        ("webhook-signature", "signature_repeated"),
    ] {
        let twice: Vec<_> = complete
            .iter()
            .chain(complete.iter().filter(|(name, _)| *name == repeated))
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            outcome(&standard(&[STANDARD_SECRET]), delivery(&twice, BODY)),
            reason
        );
    }
}
