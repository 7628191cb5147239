use super::*;

#[tokio::test]
async fn the_policies_say_what_serves_what_is_wrong_and_which_rules_fire() {
    let house = House::open().await;
    asked(
        &house,
        json!({"id": "s", "action": "refund", "context": {"amount": 5, "customer": "x"}}),
    )
    .await;
    let shown = sees(&house, "vera", "/policies").await.text;
    in_order(
        &shown,
        &[
            "Live revision",
            "(the same)",
            "How often each fired in the last 1 cases",
            "Small refund",
            "<td>1</td>",
            "refunds.rego:5",
            "Fraud",
            "never",
            "Payout",
        ],
    );
    assert!(!shown.contains("Reload now"), "{shown}");
    assert!(
        sees(&house, "root", "/policies")
            .await
            .text
            .contains("Reload now")
    );
    let refused = sends(&house, "alice", "/policies/reload", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let file = house.policies().join("policies/refunds.rego");
    std::fs::write(&file, "package approvals.refunds\n\napprove contains <b>").unwrap();
    let reloaded = sends(&house, "root", "/policies/reload", &[]).await;
    assert_eq!(reloaded.headers["location"], "/policies");
    let shown = sees(&house, "vera", "/policies").await.text;
    in_order(
        &shown,
        &[
            "The policies on disk are refused",
            "<pre",
            "refunds.rego:3",
            "contains &#60;b&#62;",
            "Live revision",
            "Small refund",
        ],
    );
}

#[tokio::test]
async fn the_log_is_read_from_its_end_by_kind_and_by_case() {
    let house = House::open().await;
    let mut cases = Vec::new();
    for number in 0..60 {
        cases.push(house.open_case(&format!("l{number}")).await);
    }
    let (case, digest) = &cases[0];
    counts(&house, "alice", case, "reject", digest).await;
    let first = sees(&house, "vera", "/log").await.text;
    in_order(
        &first,
        &[
            "#62 ",
            "alice voted reject",
            case,
            "#61 ",
            "Older",
            "countersign log verify",
        ],
    );
    assert!(
        !first.contains("#12 ") && !first.contains(">Newest<"),
        "{first}"
    );
    let second = sees(&house, "vera", "/log?kind=&case=&before=13")
        .await
        .text;
    in_order(&second, &["#12 ", "#1 ", "policy served", "Newest"]);
    assert!(!second.contains(">Older<"));
    let kind = sees(&house, "vera", "/log?kind=resolved").await.text;
    assert!(kind.contains("#62 ") && !kind.contains("#61 "), "{kind}");
    let of_case = sees(&house, "vera", &format!("/log?case={case}"))
        .await
        .text;
    assert!(of_case.contains("#62 ") && of_case.contains("#2 ") && !of_case.contains("#3 "));
    for wrong in ["?kind=x", "?case=%3Cscript%3E", "?before=-1", "?kidn=voted"] {
        let refused = sees(&house, "vera", &format!("/log{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(!refused.text.contains("<script>"), "{}", refused.text);
    }
}

#[tokio::test]
async fn an_admin_freezes_and_lifts_from_a_form_and_nobody_else_does() {
    let house = House::open().await;
    let reason = [("reason", "incident <7>")];
    let refused = sends(&house, "alice", "/freeze", &reason).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        sees(&house, "root", "/freeze").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    for (fields, status) in [
        (vec![("reason", " ")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![], StatusCode::UNPROCESSABLE_ENTITY),
        (
            vec![("reason", "x"), ("by", "alice")],
            StatusCode::BAD_REQUEST,
        ),
    ] {
        assert_eq!(
            sends(&house, "root", "/freeze", &fields).await.status,
            status
        );
    }
    let (case, _) = house.open_case("f").await;
    assert!(
        !page(&house, "vera", &case)
            .await
            .text
            .contains("Approvals are frozen")
    );
    let frozen = sends(&house, "root", "/freeze", &reason).await;
    assert_eq!(frozen.status, StatusCode::SEE_OTHER, "{}", frozen.text);
    for path in [
        format!("/cases/{case}"),
        "/policies".to_owned(),
        "/log".to_owned(),
    ] {
        let shown = sees(&house, "vera", &path).await.text;
        in_order(
            &shown,
            &["Approvals are frozen", "root", "incident &#60;7&#62;"],
        );
        assert!(!shown.contains("Lift the freeze"));
    }
    assert!(
        page(&house, "root", &case)
            .await
            .text
            .contains("Lift the freeze")
    );
    let refused = sends(&house, "alice", "/unfreeze", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let lifted = sends(&house, "root", "/unfreeze", &[]).await;
    assert_eq!(lifted.status, StatusCode::SEE_OTHER);
    assert!(
        !page(&house, "vera", &case)
            .await
            .text
            .contains("Approvals are frozen")
    );
}
