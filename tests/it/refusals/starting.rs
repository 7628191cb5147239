//! A config with which anybody could have money approved is no config to start with.

use super::child::run;
use crate::harness::{ADMIN, POLICY, SECRET, write};

/// What `countersign run` says of this config. It must not start.
fn refused(config: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("policies/approvals/pay/pay.rego"),
        POLICY,
    );
    write(&folder.path().join("countersign.yaml"), config);
    let ran = run(folder.path(), &["run", "-c", "countersign.yaml"]);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), "");
    // Nothing was begun.
    assert!(!folder.path().join("countersign.db").exists());
    said
}

#[test]
fn a_source_that_verifies_nobody_does_not_start_in_enforce() {
    for verify in [
        "",
        "    verify: []\n",
        "    verify: [{user_agent: TraceMem-Webhook/1.0}]\n",
    ] {
        let said = refused(&format!(
            "mode: enforce\nlisten: 127.0.0.1:0\noperators: {{listen: \"127.0.0.1:0\"}}\nsources:\n  - name: tm\n    kind: tracemem\n    credential: a-credential-of-the-platform\n{verify}"
        ));
        assert!(said.contains("error[C010]"), "{said}");
        assert!(
            said.contains("source `tm` is in `enforce`, as all are here, and verifies nobody"),
            "{said}"
        );
        assert!(said.contains("--> countersign.yaml:5:11"), "{said}");
        assert!(
            said.contains("anybody could have a request approved"),
            "{said}"
        );
        assert!(said.contains("nothing was started"), "{said}");
    }
}

#[test]
fn beyond_loopback_nobody_unproven_is_listened_to() {
    let said = refused(
        "mode: dry_run\nlisten: 0.0.0.0:0\noperators: {listen: \"127.0.0.1:0\"}\nsources:\n  - {name: tm, kind: tracemem}\n",
    );
    assert!(said.contains("error[C011]"), "{said}");
    assert!(
        said.contains(
            "source `tm` verifies nobody, and `listen` is 0.0.0.0:0, which is not loopback"
        ),
        "{said}"
    );

    let said = refused("listen: 127.0.0.1:0\noperators: {listen: \"0.0.0.0:0\"}\n");
    assert!(
        said.contains("error[C011]") && said.contains("nobody there could prove who they are"),
        "{said}"
    );

    let said = refused(
        "listen: \"[::]:0\"\noperators: {listen: \"127.0.0.1:0\"}\nsources:\n  - {name: agents, kind: http}\n",
    );
    assert!(
        said.contains("error[C011]") && said.contains("add `tokens`"),
        "{said}"
    );
}

#[test]
fn all_mistakes_are_shown_at_once_and_no_secret_with_them() {
    let said = refused(&format!(
        "mode: enforced
listn: 127.0.0.1:8787
operators:
  tokens:
    - {{name: alice, role: admin, token: {ADMIN}, tokn: {ADMIN}}}
sources:
  - name: tm
    kind: tracemem
    verify: [{{hmac: {{secret: {SECRET}}}}}]
"
    ));
    for expected in [
        "did you mean `listen`?",
        "did you mean `enforce`?",
        "did you mean `token`?",
        "did you mean `secrets`?",
        "countersign.yaml:1:7",
        "countersign.yaml:2:1",
    ] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
    assert!(!said.contains(ADMIN) && !said.contains(SECRET), "{said}");
}
