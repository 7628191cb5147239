//! HCP Terraform's run tasks by their pages, and the example beside them.
//!
//! - <https://developer.hashicorp.com/terraform/cloud-docs/api-docs/run-tasks/run-tasks-integration>, whose source is
//!   `content/terraform-docs-common/docs/cloud-docs/api-docs/run-tasks/run-tasks-integration.mdx` of
//!   <https://github.com/hashicorp/web-unified-docs>: the payload, its headers, the callback and its statuses
//! - <https://developer.hashicorp.com/terraform/cloud-docs/integrations/run-tasks>: the test POST, the signature
//! - <https://developer.hashicorp.com/terraform/cloud-docs/api-docs>: the bearer token, the error objects
//! - <https://github.com/hashicorp/terraform-run-task-scaffolding-go>: `internal/sdk/api/structs.go` for `test-token` and the
//!   content type, `internal/sdk/handler/hmac.go`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha512;

use super::example::Example;
use super::{Call, Platform, Reply, case_of, end, open, post, resolved};
use crate::harness::{ADMIN, Countersign};

const HMAC_KEY: &str = "hmac-key-of-the-run-task-0123456789";

/// Workspaces of `examples/platforms/policies/workspaces`.
const SANDBOX: &str = "ws-ck4G5bb1Yei5szRh";
const PRODUCTION: &str = "ws-production0000001";
const CLOSED: &str = "ws-decommissioned001";

struct Terraform {
    platform: Platform,
    /// By the id in a callback: the token it takes, and the status it was given.
    tasks: Tasks,
}

type Tasks = Arc<Mutex<BTreeMap<String, (String, Option<String>)>>>;

impl Terraform {
    async fn start() -> Self {
        let tasks: Tasks = Arc::default();
        let kept = Arc::clone(&tasks);
        let platform = Platform::start(move |call| reply(&kept, call)).await;
        Self { platform, tasks }
    }

    fn example() -> Example {
        Example::of("terraform")
            .with(
                "callback_hosts: [app.terraform.io]",
                "callback_hosts: [127.0.0.1]",
            )
            .secret("terraform-hmac-key", HMAC_KEY)
    }

    /// A run reaches its task: "Sample Payload" of the integration page.
    fn runs(&self, number: u32, workspace: &str) -> Value {
        let (guid, token) = (guid(number), token(number));
        self.tasks
            .lock()
            .unwrap()
            .insert(guid.clone(), (token.clone(), None));
        json!({
            "payload_version": 1, "stage": "post_plan", "access_token": token, "capabilities": {"outcomes": true},
            "configuration_version_download_url": "https://app.terraform.io/api/v2/configuration-versions/cv-ntv3HbhJqvFzamy7/download",
            "configuration_version_id": "cv-ntv3HbhJqvFzamy7", "is_speculative": false, "organization_name": "hashicorp",
            "plan_json_api_url": "https://app.terraform.io/api/v2/plans/plan-6AFmRJW1PFJ7qbAh/json-output",
            "run_app_url": "https://app.terraform.io/app/hashicorp/my-workspace/runs/run-i3Df5to9ELvibKpQ",
            "run_created_at": "2021-09-02T14:47:13.036Z", "run_created_by": "username", "run_id": "run-i3Df5to9ELvibKpQ",
            "run_message": "Triggered via UI",
            "task_result_callback_url": format!("{}/api/v2/task-results/{guid}/callback", self.platform.url()),
            "task_result_enforcement_level": "mandatory", "task_result_id": format!("taskrs-2nH5dncYoXaMVQ{number:02}"),
            "vcs_branch": "main",
            "vcs_commit_url": "https://github.com/hashicorp/terraform-random/commit/7d8fb2a2d601edebdb7a59ad2088a96673637d22",
            "vcs_pull_request_url": null, "vcs_repo_url": "https://github.com/hashicorp/terraform-random",
            "workspace_app_url": "https://app.terraform.io/app/hashicorp/my-workspace", "workspace_id": workspace,
            "workspace_name": "tfr_github_0", "workspace_working_directory": "/terraform",
        })
    }

    /// What the task was told.
    fn status(&self, number: u32) -> Option<String> {
        self.tasks.lock().unwrap()[&guid(number)].1.clone()
    }
}

fn guid(number: u32) -> String {
    format!("5ea8d46c-2ceb-42cd-83f2-82e54697bd{number:02}")
}

fn token(number: u32) -> String {
    format!(
        "4QEuyyxug1f2rw.atlasv1.iDyxqhXGVZ0ykes53YdQyHyYtFOrdAWNBxcVUgWvzb64NFHjcquu8gJMEdUwoSLRu{number:02}"
    )
}

/// "Run Task Callback": PATCH; 200, 401 or 422.
fn reply(tasks: &Tasks, call: &Call) -> Reply {
    let error = |status: u16, title: &str| {
        Reply(
            status,
            json!({"errors": [{"status": status.to_string(), "title": title}]}),
        )
    };
    let parts = call.parts();
    let ("PATCH", ["api", "v2", "task-results", guid, "callback"]) =
        (call.method.as_str(), parts.as_slice())
    else {
        return error(404, "not found");
    };
    let mut tasks = tasks.lock().unwrap();
    let Some((token, status)) = tasks.get_mut(*guid) else {
        return error(404, "not found");
    };
    // "The PATCH request must use the token supplied in the originating request".
    if call.header("authorization") != format!("Bearer {token}") {
        return error(401, "unauthorized");
    }
    let data = &call.json()["data"];
    let word = data["attributes"]["status"].as_str().unwrap_or_default();
    // structs.go, `JsonApiMediaTypeHeader`; "Must be `task-results`"; "Only passed, failed or running are allowed"; a
    // message is optional and a string.
    let message = &data["attributes"]["message"];
    let valid = call.header("content-type") == "application/vnd.api+json"
        && data["type"] == "task-results"
        && ["passed", "failed", "running"].contains(&word)
        && (message.is_string() || message.is_null());
    if !valid {
        return error(422, "invalid response payload");
    }
    // "The running status allows one or more partial updates until the task has reached a final state." What comes after
    // that is "a status that is not accepted".
    if status.is_some() {
        return error(422, "status is not accepted");
    }
    *status = Some(word.to_owned());
    Reply(200, Value::Null)
}

/// "Securing your Run Task": a sha512 sum of the body under the HMAC key; hex by hmac.go and `openssl dgst`.
fn signature(key: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// "Request Headers".
async fn deliver(server: &Countersign, run: &Value) -> (u16, Value) {
    let body = run.to_string();
    signed(server, &body, &signature(HMAC_KEY, &body)).await
}

async fn signed(server: &Countersign, body: &str, signature: &str) -> (u16, Value) {
    let headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "TFC/1.0 (+https://app.terraform.io; TFC)"),
        ("X-TFC-Task-Signature", signature),
    ];
    post(server, "/v1/sources/terraform", &headers, body).await
}

#[tokio::test]
async fn a_run_in_a_sandbox_passes() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let case = case_of(&deliver(&server, &terraform.runs(1, SANDBOX)).await);

    let verdict = resolved(&server, &case).await;
    assert_eq!(
        end(&verdict),
        ["approved", "policy", "settled"],
        "{verdict}"
    );
    assert_eq!(terraform.status(1).as_deref(), Some("passed"));
    let told = terraform.platform.only_answer().await.json();
    let message = told["data"]["attributes"]["message"].as_str().unwrap();
    assert!(
        message.contains("is a sandbox, and this is its branch main"),
        "{message}"
    );
}

#[tokio::test]
async fn a_run_in_a_closed_workspace_fails() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let case = case_of(&deliver(&server, &terraform.runs(1, CLOSED)).await);

    assert_eq!(
        end(&resolved(&server, &case).await),
        ["rejected", "policy", "settled"]
    );
    assert_eq!(terraform.status(1).as_deref(), Some("failed"));
}

#[tokio::test]
async fn a_person_decides_about_production_within_the_time_there_is() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let case = case_of(&deliver(&server, &terraform.runs(1, PRODUCTION)).await);

    let asked = open(&server, &case).await;
    assert_eq!(asked["cause"], "rule", "{asked}");
    assert_eq!(terraform.status(1), None);
    assert_eq!(
        server.vote(ADMIN, &case, "approve", "I watch it").await.0,
        200
    );
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "person:alice", "settled"]
    );
    assert_eq!(terraform.status(1).as_deref(), Some("passed"));
}

#[tokio::test]
async fn a_delivery_that_is_signed_otherwise_is_refused() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let body = terraform.runs(1, SANDBOX).to_string();
    // "Otherwise, this is an empty string": a run task without a key.
    for signature in [
        signature("another-key", &body),
        super::hmac_sha256(HMAC_KEY, &body),
        String::new(),
    ] {
        assert_eq!(
            signed(&server, &body, &signature).await.0,
            401,
            "{signature}"
        );
    }
    assert!(terraform.platform.told().is_empty());
}

#[tokio::test]
async fn a_second_delivery_is_answered_once() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let run = terraform.runs(1, SANDBOX);
    let case = case_of(&deliver(&server, &run).await);
    resolved(&server, &case).await;
    // "…should respond with 200 OK, or HCP Terraform will retry". With which token is on no page.
    let mut other = run.clone();
    other["access_token"] = json!(token(2));
    for again in [run, other] {
        let (status, told) = deliver(&server, &again).await;
        assert_eq!((status, &told["case_id"]), (200, &json!(case)), "{told}");
    }
    assert_eq!(terraform.platform.told().len(), 1);
}

#[tokio::test]
async fn what_asks_whether_the_address_works_is_acknowledged_and_left_alone() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    // "We send a test POST to the supplied URL, and it must respond with a 200"; its token is `VerificationToken` of
    // structs.go. Its other fields are on no page: the example takes the two levels that are documented and no other.
    let mut ping = terraform.runs(1, SANDBOX);
    ping["access_token"] = json!("test-token");
    ping["task_result_enforcement_level"] = json!("test");
    let (status, told) = deliver(&server, &ping).await;
    assert_eq!(
        (status, told["status"].as_str()),
        (200, Some("ignored")),
        "{told}"
    );
    assert!(terraform.platform.told().is_empty());
}

#[tokio::test]
async fn a_callback_to_another_host_is_never_called() {
    let terraform = Terraform::start().await;
    // As it is: app.terraform.io alone.
    let server = Example::of("terraform")
        .secret("terraform-hmac-key", HMAC_KEY)
        .enforce()
        .await;
    let case = case_of(&deliver(&server, &terraform.runs(1, SANDBOX)).await);

    let dead = server.only_effect("dead").await;
    assert!(dead["error"].to_string().contains("callback"), "{dead}");
    assert!(terraform.platform.told().is_empty());
    assert_ne!(end(&server.case(&case).await["verdict"])[2], "settled");
}

#[tokio::test]
async fn a_task_that_takes_no_status_any_more_is_a_dead_letter() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let run = terraform.runs(1, SANDBOX);
    terraform.tasks.lock().unwrap().get_mut(&guid(1)).unwrap().1 = Some("failed".to_owned());
    case_of(&deliver(&server, &run).await);

    let dead = server.only_effect("dead").await;
    assert!(dead["error"].to_string().contains("422"), "{dead}");
}

#[tokio::test]
async fn the_token_and_the_callback_are_seen_by_nobody() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().enforce().await;
    let case = case_of(&deliver(&server, &terraform.runs(1, PRODUCTION)).await);
    open(&server, &case).await;

    let seen = server.case(&case).await.to_string();
    assert!(seen.contains("run-i3Df5to9ELvibKpQ"));
    assert!(
        !seen.contains(&token(1)) && !seen.contains(&guid(1)),
        "{seen}"
    );
}

#[tokio::test]
async fn in_dry_run_nobody_is_answered() {
    let terraform = Terraform::start().await;
    let server = Terraform::example().dry_run().await;
    let case = case_of(&deliver(&server, &terraform.runs(1, SANDBOX)).await);
    server
        .case_when(&case, |verdict| verdict["outcome"] == "approve")
        .await;
    assert_eq!(terraform.status(1), None);
}
