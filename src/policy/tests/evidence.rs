use super::*;

/// Approves action `a` unless the veto applies.
fn with_veto(veto: &str) -> PolicySet {
    let text = format!(
        "package approvals\n\napprove contains \"fine\" if input.action == \"a\"\n\n{veto}\n"
    );
    load(
        &[("approvals/x.rego", &text)],
        json!({"blocked": {"mallory": true}, "limits": {"eur": 5}, "list": ["x"]}),
    )
    .set
}

#[test]
fn a_veto_that_cannot_be_looked_at_turns_an_approval_into_a_question() {
    let set = with_veto(
        "reject contains \"dear\" if {\n\tinput.action == \"a\"\n\tinput.context.amount > 100\n}",
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "context": {"amount": 5}})).outcome,
        Outcome::Approve
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "context": {"amount": 500}})).outcome,
        Outcome::Reject
    );
    for (context, saw) in [(json!({}), "absent"), (json!({"amount": null}), "null")] {
        let verdict = ask(&set, &json!({"action": "a", "context": context}));
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::Evidence),
            "{verdict:#?}"
        );
        let missing = &verdict.evidence[0];
        assert_eq!(
            (missing.path.as_str(), missing.saw.as_str()),
            ("input.context.amount", saw)
        );
        assert_eq!(
            (missing.rule.as_str(), missing.line),
            ("approvals.reject#1", 7)
        );
    }
}

#[test]
fn a_key_that_is_missing_from_data_is_known_to_be_no_match() {
    let set = with_veto(
        "reject contains \"blocked\" if {\n\tinput.action == \"a\"\n\tdata.blocked[input.agent.id]\n}",
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "agent": {"id": "alice"}})).outcome,
        Outcome::Approve
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "agent": {"id": "mallory"}})).outcome,
        Outcome::Reject
    );
    assert_eq!(
        says(&ask(&set, &json!({"action": "a"}))),
        (Outcome::Escalate, Cause::Evidence)
    );
}

#[test]
fn the_authors_own_word_that_absence_is_fine_is_taken() {
    for condition in [
        "is_string(input.context.note)",
        "object.get(input.context, \"amount\", 0) > 100",
        "type_name(input.context.note) == \"string\"",
        "amount := object.get(input.context, \"amount\", 0)\n\tamount > 100",
        "\"note\" in object.keys(input.context)",
        "some \"note\", _ in input.context",
    ] {
        let set = with_veto(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}"
        ));
        let verdict = ask(&set, &json!({"action": "a", "context": {}}));
        assert_eq!(
            verdict.outcome,
            Outcome::Approve,
            "{condition}: {verdict:#?}"
        );
    }
}

#[test]
fn what_hides_in_helpers_functions_loops_and_comprehensions_is_found() {
    let item = json!({"kind": "gift"});
    for (condition, helper) in [
        ("too_dear", "too_dear if input.context.amount > 100"),
        ("not fine", "fine if input.context.amount < 100"),
        (
            "dear(input.context)",
            "dear(context) if context.amount > 100",
        ),
        ("dear(input)", "dear(whole) := whole.context.amount > 100"),
        ("amount > 100", "amount := input.context.amount"),
        ("some item in input.context.items\n\titem.price > 100", ""),
        ("some i\n\tinput.context.items[i].price > 100", ""),
        ("input.context.items[_].price > 100", ""),
        (
            "count([item | some item in input.context.items; item.price > 100]) > 0",
            "",
        ),
        (
            "count({item.price | some item in input.context.items}) > 5",
            "",
        ),
        (
            "sum([item.price | some item in input.context.items]) > 100",
            "",
        ),
        ("every item in input.context.items { item.price > 100 }", ""),
        (
            "some price in prices\n\tprice > 100",
            "prices contains item.price if some item in input.context.items",
        ),
        (
            "some item in dear\n\titem.price > 100",
            "dear := [item | some item in input.context.items]",
        ),
        ("context := input.context\n\tcontext.amount > 100", ""),
        ("{\"amount\": amount} := input.context\n\tamount > 100", ""),
        ("input.context[\"amount\"] > 100", ""),
        ("input.context[data.list[0]] > 100", ""),
        ("input.context[input.context.key] > 100", ""),
        ("object.get(input, \"context\", {}).amount > 100", ""),
        (
            "some item in array.concat(input.context.items, [])\n\titem.price > 100",
            "",
        ),
        ("json.unmarshal(input.context.text).amount > 100", ""),
        ("upper(input.context.country) == \"KP\"", ""),
        ("input.context.amount in data.list", ""),
        (
            "not input.context.checked == false\n\tfalse_of(input)",
            "false_of(x) if x.context.amount > 1",
        ),
        ("sprintf(\"%v\", [input.context.amount]) == \"1\"", ""),
        ("to_number(input.context.amount) > 100", ""),
        ("input.context.amount * 2 > 100", ""),
        ("key := \"amount\"\n\tinput.context[key] > 100", ""),
        ("some key, _ in data.limits\n\tinput.context[key] > 100", ""),
        ("data.limits[key]\n\tinput.context[key] > 100", ""),
        (
            "some item in input.context.items\n\tinput.context[item.kind] > 100",
            "",
        ),
        ("[first, _] := [input.context.amount, 1]\n\tfirst > 100", ""),
    ] {
        let set = with_veto(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n\n{helper}"
        ));
        let verdict = ask(
            &set,
            &json!({"action": "a", "context": {"items": [item], "key": "x", "text": "{}"}}),
        );
        assert_ne!(
            verdict.outcome,
            Outcome::Approve,
            "{condition}: {verdict:#?}"
        );
    }
}

#[test]
fn keys_of_the_same_collection_are_there() {
    for condition in [
        "some key, _ in input.context.prices\n\tinput.context.prices[key] > 100",
        "input.context.prices[key] > 100",
        "some item in input.context.prices\n\titem > 100",
    ] {
        let set = with_veto(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}"
        ));
        let verdict = ask(
            &set,
            &json!({"action": "a", "context": {"prices": {"pen": 1, "car": 50}}}),
        );
        assert_eq!(
            verdict.outcome,
            Outcome::Approve,
            "{condition}: {verdict:#?}"
        );
    }
}

#[test]
fn an_approval_that_another_rule_hides_a_failure_from_does_not_stand() {
    let set = one(
        "package approvals\n\napprove contains \"evil\" if {\n\tinput.action == \"a\"\n\tevil\n\tinput.ok\n}\n\napprove contains \"good\" if {\n\tinput.action == \"a\"\n\tnot evil\n}\n\nevil if startswith(input.context.mail, \"evil\")\n",
    );
    assert_eq!(
        ask(
            &set,
            &json!({"action": "a", "ok": true, "context": {"mail": "good"}})
        )
        .outcome,
        Outcome::Approve
    );
    let verdict = ask(
        &set,
        &json!({"action": "a", "ok": true, "context": {"mail": null}}),
    );
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::Evidence),
        "{verdict:#?}"
    );
}

#[test]
fn a_condition_that_is_plainly_false_clears_a_veto_whatever_comes_after_it() {
    let set = with_veto(
        "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tinput.context.kind == \"gift\"\n\tinput.context.amount > 100\n}",
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "context": {"kind": "loan"}})).outcome,
        Outcome::Approve
    );
}

#[test]
fn a_veto_whose_reason_cannot_be_made_is_not_swallowed() {
    let set =
        with_veto("reject contains sprintf(\"%v\", [input.context.who]) if input.action == \"a\"");
    assert_eq!(
        says(&ask(&set, &json!({"action": "a", "context": {}}))),
        (Outcome::Escalate, Cause::Evidence)
    );
    let set = with_veto(
        "reject contains reason if {\n\tinput.action == \"a\"\n\treason := concat(\",\", input.context.who)\n}",
    );
    assert_eq!(
        says(&ask(&set, &json!({"action": "a", "context": {"who": 7}}))),
        (Outcome::Escalate, Cause::Evidence)
    );
}

#[test]
fn without_an_action_nothing_that_is_routed_by_it_is_cleared() {
    let text = "package approvals\n\napprove contains \"always\" if input.ok\n\nreject contains \"x\" if input.action == \"a\"\n";
    let set = one(text);
    assert_eq!(
        ask(&set, &json!({"action": "b", "ok": true})).outcome,
        Outcome::Approve
    );
    for action in [json!(null), json!(7), json!(["a"])] {
        let verdict = ask(&set, &json!({"action": action, "ok": true}));
        assert_eq!(says(&verdict), (Outcome::Escalate, Cause::Evidence));
        assert_eq!(verdict.evidence[0].path, "input.action");
    }
    assert_eq!(
        says(&ask(&set, &json!({"ok": true}))),
        (Outcome::Escalate, Cause::Evidence)
    );
}

/// Facts of which the shipped policies say themselves, by `object.get` with a default, that they may be absent.
const OPTIONAL: &[(&str, &str)] = &[
    ("stripe.refund", "/context/charged"),
    ("stripe.refund", "/context/currency"),
    ("message.send", "/context/text"),
    ("payout.create", "/context/customer_id"),
];

/// The same for the policies that ship, and all their samples.
#[test]
fn dropping_a_fact_never_turns_a_sample_of_the_shipped_policies_into_an_approval() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let set = PolicySet::load(
        PolicyFiles::read(&root).unwrap(),
        Budget {
            time: Duration::from_secs(5),
            ..Budget::default()
        },
    )
    .unwrap()
    .set;
    let mut outcomes = [0; 3];
    for entry in std::fs::read_dir(root.join("samples")).unwrap() {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let full = sample.get("input").unwrap_or(&sample).clone();
        let verdict = ask(&set, &full);
        outcomes[match verdict.outcome {
            Outcome::Approve => 0,
            Outcome::Reject => 1,
            Outcome::Escalate => 2,
        }] += 1;
        for pointer in pointers(&full) {
            for replacement in [None, Some(Value::Null)] {
                let action = full["action"].as_str().unwrap_or_default();
                if replacement.is_none() && OPTIONAL.contains(&(action, pointer.as_str())) {
                    continue;
                }
                let mut input = full.clone();
                drop_at(&mut input, &pointer, replacement);
                let without = ask(&set, &input);
                let appeared =
                    verdict.outcome != Outcome::Approve && without.outcome == Outcome::Approve;
                assert!(
                    !appeared,
                    "{} without {pointer}: {without:#?}",
                    path.display()
                );
            }
        }
    }
    assert!(outcomes.iter().all(|&count| count > 2), "{outcomes:?}");
}

/// Every path of the input dropped, one after the other: what was not approved is not approved then.
#[test]
fn dropping_a_fact_never_turns_a_question_into_an_approval() {
    let vetoes = [
        "reject contains \"r\" if {\n\tinput.action == \"a\"\n\tinput.context.amount > 100\n\tinput.context.currency == \"eur\"\n}",
        "escalate contains \"r\" if {\n\tinput.action == \"a\"\n\tnot input.context.customer in data.list\n}",
        "reject contains \"r\" if {\n\tinput.action == \"a\"\n\tinput.context.amount > data.limits[input.context.currency]\n}",
        "reject contains \"r\" if {\n\tinput.action == \"a\"\n\tsome line in input.context.lines\n\tline.price * line.count > 50\n}",
        "escalate contains \"r\" if {\n\tinput.action == \"a\"\n\tsum([line.price | some line in input.context.lines]) > 50\n}",
        "reject contains \"r\" if {\n\tinput.action == \"a\"\n\trisky(input.context)\n}\n\nrisky(context) if startswith(context.customer, \"cus_bad\")\n\nrisky(context) if context.amount >= limit\n\nlimit := 100 if input.context.currency == \"eur\"\n\nlimit := 90 if input.context.currency == \"usd\"",
    ];
    let full = json!({"action": "a", "context": {"amount": 500, "currency": "eur", "customer": "cus_bad_1",
        "lines": [{"price": 10, "count": 1}, {"price": 60, "count": 2}]}});
    for veto in vetoes {
        let set = with_veto(veto);
        assert_ne!(ask(&set, &full).outcome, Outcome::Approve, "{veto}");
        for pointer in pointers(&full) {
            for replacement in [None, Some(Value::Null)] {
                let mut input = full.clone();
                drop_at(&mut input, &pointer, replacement);
                let verdict = ask(&set, &input);
                assert_ne!(
                    verdict.outcome,
                    Outcome::Approve,
                    "{veto}\nwithout {pointer}: {verdict:#?}"
                );
            }
        }
    }
}

fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    };
    children
        .into_iter()
        .filter(|(key, _)| key.parse::<usize>().is_err() || value.is_array())
        .flat_map(|(key, value)| {
            let below = pointers(value)
                .into_iter()
                .map(|below| format!("/{key}{below}"))
                .collect::<Vec<_>>();
            // Dropping a whole element of a list is another list, not a missing fact.
            let own = key.parse::<usize>().is_err().then(|| format!("/{key}"));
            own.into_iter().chain(below)
        })
        .collect()
}

fn drop_at(value: &mut Value, pointer: &str, replacement: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match replacement {
        Some(replacement) => parent.insert(key.to_owned(), replacement),
        None => parent.remove(key),
    };
}

#[test]
fn a_data_file_that_is_gone_clears_no_veto() {
    for condition in [
        "input.id in data.fraud.customers",
        "some one in data.fraud.customers\n\tone == input.id",
        "data.fraud.customers[input.id]",
        "data.fraud.limits.eur < 5",
        "data.fraud.closed",
        "data.lib.test_mode",
    ] {
        let set = with_veto(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}"
        ));
        let verdict = ask(&set, &json!({"action": "a", "id": "c"}));
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::Evidence),
            "{condition}"
        );
        assert!(
            verdict.evidence[0].path.starts_with("data."),
            "{verdict:#?}"
        );
    }
    // That a document is there and has no such key is an answer.
    for condition in [
        "data.limits.usd",
        "data.blocked[input.id]",
        "data.limits.eur > 6",
    ] {
        let set = with_veto(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}"
        ));
        let verdict = ask(&set, &json!({"action": "a", "id": "c"}));
        assert_eq!(
            verdict.outcome,
            Outcome::Approve,
            "{condition}: {verdict:#?}"
        );
    }
}

#[test]
fn a_comparison_of_different_kinds_clears_no_veto_wherever_it_is_made() {
    for (condition, helper) in [
        ("input.kind == \"bad\"", ""),
        ("input.kind = \"bad\"", ""),
        ("input.kind in {\"bad\", \"worse\"}", ""),
        ("[input.kind, 1] == [\"bad\", 1]", ""),
        ("{\"k\": input.kind} == {\"k\": \"bad\"}", ""),
        ("{input.kind} == {\"bad\"}", ""),
        ("[_, \"bad\"] = [1, input.kind]", ""),
        ("some {\"kind\": \"bad\"} in [input]", ""),
        ("is_bad", "is_bad if input.kind == \"bad\""),
        ("is_bad(input.kind)", "is_bad(\"bad\") := true"),
        (
            "bad[input.kind]",
            "bad contains kind if some kind in [\"bad\"]",
        ),
        ("count([1 | input.kind == \"bad\"]) > 0", ""),
        ("bad := input.kind == \"bad\"\n\tbad", ""),
        ("input.number > 5", ""),
        ("to_number(input.flag) > 5", ""),
    ] {
        let set = with_veto(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n\n{helper}"
        ));
        let fine = json!({"action": "a", "kind": "good", "number": 1, "flag": "1"});
        let verdict = ask(&set, &fine);
        assert_eq!(
            verdict.outcome,
            Outcome::Approve,
            "{condition}: {verdict:#?}"
        );
        let mixed = json!({"action": "a", "kind": 7, "number": true, "flag": true});
        let verdict = ask(&set, &mixed);
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::Evidence),
            "{condition}: {verdict:#?}"
        );
    }
}
