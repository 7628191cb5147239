//! `examples/tracemem/setup.py` against a simulated Admin API.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

const JWT: &str = "eyJhbGciOi.admin.jwt";

/// What the Admin API was sent: path, bearer, body.
type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;

/// TraceMem's Admin API, with the status that each path answers.
struct Admin {
    url: String,
    seen: Seen,
}

impl Admin {
    async fn start(credentials: StatusCode) -> Self {
        let seen = Seen::default();
        let log = Arc::clone(&seen);
        let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
            let bearer = headers["authorization"].to_str().unwrap().to_owned();
            let body: Value = serde_json::from_slice(&body).unwrap();
            log.lock()
                .unwrap()
                .push((uri.path().to_owned(), bearer, body));
            let elsewhere = [("location", "/elsewhere")];
            match uri.path() {
                "/v1/admin/integrations/webhook" => {
                    let made = json!({"webhook_id": "wh_1", "outgoing_secret": "out-s3cret", "incoming_secret": "in-s3cret"});
                    (StatusCode::CREATED, elsewhere, made.to_string())
                }
                "/v1/admin/webhook-credentials" if credentials.is_success() => {
                    let made = json!({"credential_id": "cred_1", "secret": "answer-s3cret"});
                    (credentials, elsewhere, made.to_string())
                }
                _ => (
                    credentials,
                    elsewhere,
                    json!({"error": "not today"}).to_string(),
                ),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the test's runtime.
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, seen }
    }

    fn paths(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|(path, ..)| path.clone())
            .collect()
    }
}

fn setup(api_url: &str, secrets: &Path, more: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tracemem/setup.py");
    Command::new("python3")
        .arg(script)
        .args([
            "--url",
            "https://approvals.example.com/v1/sources/tracemem",
            "--api-url",
            api_url,
        ])
        .arg("--secrets")
        .arg(secrets)
        .args(more)
        .env("TRACEMEM_ADMIN_JWT", JWT)
        .env_remove("TRACEMEM_ADMIN_JWT_FILE")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_steps_are_taken_and_each_secret_is_kept_in_a_file_of_its_own() {
    let admin = Admin::start(StatusCode::CREATED).await;
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().join("secrets");
    let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    let before = countersign::clock::Clock.now();
    let output = setup(&admin.url, &secrets, &["--name", "production-approvals"]);
    let after = countersign::clock::Clock.now();
    assert!(output.status.success(), "{}", err(&output));

    let bearer = format!("Bearer {JWT}");
    assert_eq!(
        *admin.seen.lock().unwrap(),
        [
            (
                "/v1/admin/integrations/webhook".to_owned(),
                bearer.clone(),
                json!({
                    "name": "production-approvals", "url": "https://approvals.example.com/v1/sources/tracemem",
                    "events": ["approval.requested", "approval.resolved"], "timeout_ms": 5000, "max_retries": 3,
                }),
            ),
            (
                "/v1/admin/webhook-credentials".to_owned(),
                bearer,
                json!({"name": "production-approvals", "expires_in": 31_536_000}),
            ),
        ]
    );
    for (name, secret) in [
        ("tracemem-outgoing", "out-s3cret\n"),
        ("tracemem-incoming", "in-s3cret\n"),
        ("tracemem-credential", "answer-s3cret\n"),
    ] {
        assert_eq!(read(&secrets, name), secret);
        let mode = std::fs::metadata(secrets.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let said = out(&output) + &err(&output);
    assert!(!said.contains("s3cret") && !said.contains(JWT), "{said}");
    let expires = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("credential_expires: "))
        .unwrap();
    let year = jiff::SignedDuration::from_hours(365 * 24);
    let days = [before, after].map(|at| day(&(at + year).strftime("%Y-%m-%d").to_string()));
    assert!(
        days[0] <= day(expires) && day(expires) <= days[1],
        "{expires}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_there_is_not_overwritten_and_nothing_is_sent() {
    let admin = Admin::start(StatusCode::CREATED).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tracemem-credential"), "in use").unwrap();
    let output = setup(&admin.url, folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("tracemem-credential` exists and is not overwritten"),
        "{}",
        err(&output)
    );
    assert_eq!(read(folder.path(), "tracemem-credential"), "in use");
    assert_eq!(files(folder.path()), ["tracemem-credential"]);
    assert!(admin.paths().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_both_requests_without_the_jwt_and_sends_nothing() {
    let admin = Admin::start(StatusCode::CREATED).await;
    let folder = tempfile::tempdir().unwrap();
    let output = setup(&admin.url, folder.path(), &["--dry-run"]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("/v1/admin/integrations/webhook"));
    assert!(out(&output).contains("\"expires_in\": 31536000"));
    assert!(!out(&output).contains(JWT));
    assert!(admin.paths().is_empty() && files(folder.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_keeps_what_the_step_before_gave_and_can_be_taken_alone() {
    let admin = Admin::start(StatusCode::FORBIDDEN).await;
    let folder = tempfile::tempdir().unwrap();
    let output = setup(&admin.url, folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(
        said.contains("answered 403") && said.contains("not today") && !said.contains(JWT),
        "{said}"
    );
    assert_eq!(
        files(folder.path()),
        ["tracemem-incoming", "tracemem-outgoing"]
    );
    assert_eq!(read(folder.path(), "tracemem-outgoing"), "out-s3cret\n");

    let repaired = Admin::start(StatusCode::OK).await;
    let output = setup(&repaired.url, folder.path(), &["--only", "credential"]);
    assert!(output.status.success(), "{}", err(&output));
    assert_eq!(
        read(folder.path(), "tracemem-credential"),
        "answer-s3cret\n"
    );
    assert_eq!(repaired.paths(), ["/v1/admin/webhook-credentials"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jwt_does_not_follow_a_redirect() {
    let admin = Admin::start(StatusCode::TEMPORARY_REDIRECT).await;
    let folder = tempfile::tempdir().unwrap();
    let output = setup(&admin.url, folder.path(), &["--only", "credential"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(admin.paths(), ["/v1/admin/webhook-credentials"]);
    assert!(files(folder.path()).is_empty());
}

#[test]
fn the_jwt_does_not_leave_this_machine_unencrypted() {
    let folder = tempfile::tempdir().unwrap();
    let output = setup("http://api.tracemem.example", folder.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("is not encrypted"),
        "{}",
        err(&output)
    );
    assert!(files(folder.path()).is_empty());
}
