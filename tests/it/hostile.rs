//! Policies that would take the process, the memory or the time: refused when they are loaded, or a question to a
//! person that says so. Others are answered meanwhile, and the process lives.

use serde_json::{Value, json};

use crate::harness::{ADMIN, AGENT, Countersign, OTHER_AGENT, POLICY, config, write};
use crate::tracemem::TraceMem;

async fn server() -> Countersign {
    let platform = TraceMem::start().await;
    Countersign::start(&config("enforce", &platform)).await
}

/// A set whose one veto is for the action `evil`, which would be approved without it.
fn veto(condition: &str, helpers: &str) -> String {
    format!(
        "package approvals.evil\n\napprove contains \"fine\" if input.action == \"evil\"\n\n\
         reject contains \"evil\" if {{\n\tinput.action == \"evil\"\n\t{condition}\n}}\n\n{helpers}\n"
    )
}

/// Rules that each hold the one before twice.
fn doubled(first: &str, twice: impl Fn(&str) -> String) -> String {
    let rules = (1..=40).map(|n| format!("h{n} := {}\n", twice(&format!("h{}", n - 1))));
    format!("h0 := {first}\n{}", rules.collect::<String>())
}

fn chained(length: u32) -> String {
    let rules = (1..=length).map(|n| format!("f{n}(x) := f{}(x)\n", n - 1));
    format!("f0(x) := x\n{}", rules.collect::<String>())
}

/// Puts these files beside the policy that serves and asks for a reload.
async fn reload(server: &Countersign, files: &[(&str, &str)]) -> (u16, Value) {
    let policies = server.folder.path().join("policies");
    std::fs::remove_dir_all(&policies).unwrap();
    write(&policies.join("approvals/pay/pay.rego"), POLICY);
    for (path, text) in files {
        write(&policies.join(path), text);
    }
    server
        .call("POST", "/v1/policies/reload", ADMIN, None)
        .await
}

async fn pays(server: &Countersign, key: &str) {
    let body = json!({"action": "pay", "context": {"amount": 50}});
    let (status, told) = server.ask(OTHER_AGENT, key, &body).await;
    assert_eq!(
        (status, told["outcome"].as_str()),
        (200, Some("approve")),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_set_is_refused_with_a_frame_while_the_old_one_serves() {
    let server = server().await;
    let nested = format!("x := {}1{}", "[".repeat(30), "]".repeat(30));
    let objects = format!("x := {}1{}", "{\"a\": ".repeat(30), "}".repeat(30));
    let row = format!("x := (1{})", " +\n1".repeat(10_000));
    let minus = format!("x := ({}1)", format!("{}\n", "-".repeat(900)).repeat(100));
    let chain = chained(3_000);
    let evil = "approvals/evil/evil.rego";
    let test = "approvals/evil/evil_test.rego";
    let fine = veto("input.context.x == 1", "");
    let cases: Vec<(&str, Vec<(&str, String)>)> = vec![
        ("P003", vec![(evil, veto("x", &nested))]),
        ("P003", vec![(evil, veto("x", &objects))]),
        ("P004", vec![(evil, veto("x", &row))]),
        ("P004", vec![(evil, veto("x", &minus))]),
        ("P031", vec![(evil, veto("x", "x if x"))]),
        ("P031", vec![(evil, veto("x", "x if not y\n\ny if not x"))]),
        ("P031", vec![(evil, veto("f(1)", "f(x) if g(x)\n\ng(x) if f(x)"))]),
        ("P031", vec![
            (evil, veto("data.lib.a.x", "y if data.lib.a.x")),
            ("lib/a.rego", "package lib.a\n\nx if data.approvals.evil.y\n".into()),
        ]),
        ("P038", vec![(evil, veto("f3000(1) == 2", &chain))]),
        ("P032", vec![(evil, veto("no_such_function(1)", ""))]),
        ("P033", vec![(evil, veto("count(numbers.range(1, input.context.n)) > 1", ""))]),
        ("P033", vec![(evil, veto("http.send({\"url\": \"http://x\"}).status_code == 200", ""))]),
        ("P033", vec![(evil, veto("opa.runtime().env", ""))]),
        ("P033", vec![(evil, veto("rand.intn(\"x\", 2) == 1", ""))]),
        ("P033", vec![(evil, veto("uuid.rfc4122(\"x\") == \"y\"", ""))]),
        ("P033", vec![(evil, veto("count(graph.reachable_paths({}, [])) > 1", ""))]),
        ("P010", vec![(evil, "package approvals.evil\n\napprove := true\n".into())]),
        ("P010", vec![(evil, "package approvals.evil\n\nreject := \"r\" if input.action == \"evil\"\n".into())]),
        ("P011", vec![(evil, "package approvals.evil\n\nlimit contains {\"name\": \"x\"} if input.action == \"evil\"\n".into())]),
        ("P013", vec![(evil, "package approvals.evil\n\nescalate contains {\"reason\": \"r\", \"votes\": 0} if input.action == \"evil\"\n".into())]),
        ("P013", vec![(evil, "package approvals.evil\n\nreject contains [\"r\"] if input.action == \"evil\"\n".into())]),
        ("P021", vec![(evil, fine.clone()), ("data.json", r#"{"approvals": {"evil": {"reject": []}}}"#.into())]),
        ("P021", vec![(evil, fine.clone()), ("data.json", r#"{"approvals": {"evil": 7}}"#.into())]),
        ("P037", vec![(evil, veto("data.approvals[input.context.x]", ""))]),
        ("P039", vec![(evil, veto("some input in [{\"action\": \"pay\"}]\n\tinput.action == \"pay\"", ""))]),
        ("P001", vec![(evil, veto("data := {}\n\tcount(data) == 0", ""))]),
        ("P031", vec![(evil, fine.clone()), (test, "package approvals.evil_test\n\nf(x) := f(x)\n\ntest_x if f(1) == 1\n".into())]),
        ("P111", vec![(evil, fine.clone()), (test, "package approvals.evil_test\n\ntest_x if count(numbers.range(1, 100000000000)) == 1\n".into())]),
        ("P111", vec![(evil, fine.clone()), (test, format!("package approvals.evil_test\n\ntest_x if count(h40) == 1\n\n{}", doubled("\"aaaaaaaa\"", |h| format!("concat(\"\", [{h}, {h}])"))))]),
    ];
    for (number, (code, files)) in cases.iter().enumerate() {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let key = format!("refused-{number}");
        let (answer, ()) = tokio::join!(reload(&server, &files), pays(&server, &key));
        let (status, told) = answer;
        assert!(
            (400..500).contains(&status),
            "{code} {number}: {status} {told}"
        );
        let error = told["error"].as_str().unwrap();
        assert!(
            error.contains(&format!("[{code}]")) && error.contains("-->"),
            "{code}: {error:.1000}"
        );
        let ready = server.client.get(server.operators("/readyz")).send().await;
        assert_eq!(ready.unwrap().status(), 200);
    }
    let (status, told) = reload(&server, &[(evil, &fine)]).await;
    // The server may have seen it by itself before.
    assert_eq!((status, &told["live"]), (200, &told["disk"]), "{told}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_takes_too_much_on_a_request_asks_a_person_and_nobody_else_waits() {
    let server = server().await;
    let long = "a".repeat(400_000);
    let context = json!({
        "text": long, "xs": (0..200).collect::<Vec<u32>>(), "n": 1, "word": "many", "format": "%999999999d",
        "pattern": "((((a{100}){100}){100}){100})", "exponent": "1e999999999", "greedy": ".*?.*?.*?c|",
    });
    let twice_text = doubled("\"aaaaaaaa\"", |h| format!("concat(\"\", [{h}, {h}])"));
    let twice_format = doubled("\"aaaaaaaa\"", |h| format!("sprintf(\"%s%s\", [{h}, {h}])"));
    let twice_list = doubled("[1]", |h| format!("array.concat({h}, {h})"));
    let twice_shared = doubled("[1]", |h| format!("[{h}, {h}]"));
    let twice_object = doubled("{}", |h| format!("{{\"a\": {h}, \"b\": {h}}}"));
    let square = doubled("99999999999999", |h| format!("{h} * {h}"));
    for (number, (condition, helpers)) in [
        ("count([1 | some a in input.context.xs; some b in input.context.xs; some c in input.context.xs; some d in input.context.xs]) == 0", ""),
        ("count(replace(input.context.text, \"a\", input.context.text)) == 1", ""),
        ("count(replace(input.context.text, \"\", input.context.text)) == 1", ""),
        ("count(strings.replace_n({\"a\": input.context.text}, input.context.text)) == 1", ""),
        ("count(regex.replace(input.context.text, \"a\", input.context.text)) == 1", ""),
        ("count(concat(input.context.text, split(input.context.text, \"\"))) == 1", ""),
        ("sprintf(input.context.format, [1]) == \"x\"", ""),
        ("sprintf(\"%0999999999d\", [1]) == \"x\"", ""),
        ("regex.match(input.context.pattern, \"a\")", ""),
        ("count(regex.find_n(input.context.greedy, input.context.text, -1)) == 1", ""),
        ("units.parse(input.context.exponent) == 1", ""),
        ("count(h40) == 1", &twice_text),
        ("count(h40) == 1", &twice_format),
        ("count(h40) == 1", &twice_list),
        ("h40 == h39", &twice_shared),
        ("json.marshal(h40) == \"\"", &twice_shared),
        ("object.union(h40, {\"c\": 1}) == {}", &twice_object),
        ("h40 == 1", &square),
        ("to_number(input.context.word) > 1", ""),
        ("1 / (input.context.n - 1) > 1", ""),
        ("strings.count(input.context.text, \"\") == 1", ""),
        ("two == 1", "two := x if some x in [1, 2]"),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, told) = reload(&server, &[("approvals/evil/evil.rego", &veto(condition, helpers))]).await;
        assert_eq!(status, 200, "{condition}: {told}");
        let body = json!({"action": "evil", "context": context});
        let keys = [0, 1, 2].map(|other| format!("other-{number}-{other}"));
        let evil_key = format!("evil-{number}");
        let (evil, (), (), ()) = tokio::join!(
            server.ask(AGENT, &evil_key, &body),
            pays(&server, &keys[0]),
            pays(&server, &keys[1]),
            pays(&server, &keys[2]),
        );
        let (status, told) = evil;
        assert_eq!((status, told["outcome"].as_str()), (202, Some("escalate")), "{condition}: {told}");
        let case = server.case(told["case_id"].as_str().unwrap()).await;
        assert_eq!(case["verdict"]["cause"], "policy_error", "{condition}: {}", case["verdict"]);
        let failure = &case["verdict"]["failures"][0];
        assert_eq!(failure["package"], "approvals.evil", "{failure}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_of_the_wrong_shape_asks_a_person() {
    let server = server().await;
    for (number, element) in [
        "input.context.n",
        "{\"reason\": input.context.n}",
        "{\"to\": \"x\"}",
        "[\"r\"]",
        "{\"reason\": \"\"}",
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!(
            "package approvals.evil\n\napprove contains \"fine\" if input.action == \"evil\"\n\n\
             reject contains element if {{\n\tinput.action == \"evil\"\n\telement := {element}\n}}\n"
        );
        let (status, told) = reload(&server, &[("approvals/evil/evil.rego", &text)]).await;
        assert_eq!(status, 200, "{element}: {told}");
        let body = json!({"action": "evil", "context": {"n": 7}});
        let (_, told) = server.ask(AGENT, &format!("shape-{number}"), &body).await;
        let case = server.case(told["case_id"].as_str().unwrap()).await;
        assert_eq!(case["verdict"]["outcome"], "escalate", "{element}");
        assert_eq!(case["verdict"]["cause"], "policy_error", "{element}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_that_are_spread_over_files_and_odd_packages_veto_all_the_same() {
    let server = server().await;
    let approve =
        "package approvals.evil\n\napprove contains \"fine\" if input.action == \"evil\"\n";
    let reject = |package: &str| {
        format!("package {package}\n\nreject contains \"no\" if input.action == \"evil\"\n")
    };
    for (number, (path, package)) in [
        ("approvals/evil/more.rego", "approvals.evil"),
        ("approvals/evil.rego", "approvals"),
        ("approvals/a/b/c/deep.rego", "approvals.a.b.c"),
        ("elsewhere/evil.rego", "approvals.evil.reject.more"),
        ("approvals/latest.rego", "approvals.latest"),
        ("approvals/evil/named.rego", "approvals.count"),
        ("approvals/evil/test.rego", "approvals.test.evil"),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, told) = reload(
            &server,
            &[
                ("approvals/evil/evil.rego", approve),
                (path, &reject(package)),
            ],
        )
        .await;
        assert_eq!(status, 200, "{package}: {told}");
        let (_, told) = server
            .ask(
                AGENT,
                &format!("odd-{number}"),
                &json!({"action": "evil", "context": {}}),
            )
            .await;
        assert_eq!(told["outcome"], "reject", "{package}: {told}");
    }
    // A veto among tests would never be looked at: that it is one is said.
    for (path, package) in [
        ("approvals/evil/more_test.rego", "approvals.evil"),
        ("approvals/evil/more.rego", "approvals.evil_test"),
        ("approvals/evil/more.rego", "approvals.load_test"),
    ] {
        let (status, told) = reload(
            &server,
            &[
                ("approvals/evil/evil.rego", approve),
                (path, &reject(package)),
            ],
        )
        .await;
        assert!((400..500).contains(&status), "{path} {package}: {told}");
        assert!(told["error"].as_str().unwrap().contains("[P014]"), "{told}");
    }
    server.stop().await;
}
