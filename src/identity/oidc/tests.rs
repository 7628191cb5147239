use super::*;
use crate::source::Timeouts;

fn settings(issuer: &str) -> OidcSettings {
    OidcSettings {
        issuer: issuer.to_owned(),
        client_id: "countersign".to_owned(),
        client_secret: None,
        scopes: Vec::new(),
        name_claim: "email".to_owned(),
        groups_claim: "groups".to_owned(),
    }
}

#[test]
fn an_issuer_that_others_can_listen_to_is_refused() {
    let client = Client::new(Timeouts::within(std::time::Duration::from_secs(1))).unwrap();
    let made = |issuer| Oidc::new(settings(issuer), client.clone()).is_ok();
    assert!(made("https://idp.example.com/realms/a"));
    assert!(made("http://127.0.0.1:8080") && made("http://[::1]:8080"));
    assert!(!made("http://idp.example.com") && !made("idp.example.com"));
}

#[test]
fn a_flow_is_answered_by_its_own_state_alone() {
    let flow = Flow {
        state: "abc".to_owned(),
        nonce: "n".to_owned(),
        verifier: "v".to_owned(),
        redirect: "r".to_owned(),
    };
    assert!(flow.is_answered_by("abc"));
    assert!(!flow.is_answered_by("ab") && !flow.is_answered_by(""));
    assert_eq!(format!("{flow:?}"), "Flow(redacted)");
}
