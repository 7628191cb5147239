pub(super) mod house;

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Route, decisions, intake, operators};

fn documentation() -> Value {
    serde_json::from_str(operators::OPENAPI).unwrap()
}

#[test]
fn every_route_is_documented_and_every_documented_route_is_there() {
    let named = |route: (http::Method, &'static str)| format!("{} {}", route.0, route.1);
    let intake = intake::routes()
        .into_iter()
        .map(|Route { method, path, .. }| named((method, path)));
    let operators = operators::routes()
        .into_iter()
        .map(|Route { method, path, .. }| named((method, path)));
    let decisions = decisions::routes()
        .into_iter()
        .map(|Route { method, path, .. }| named((method, path)));
    let served: BTreeSet<String> = intake.chain(operators).chain(decisions).collect();
    let documentation = documentation();
    let documented: BTreeSet<String> = documentation["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    assert_eq!(served, documented);
}

#[test]
fn every_code_is_documented() {
    let documentation = documentation();
    let documented =
        documentation["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].clone();
    let documented: BTreeSet<String> = serde_json::from_value(documented).unwrap();
    let codes: BTreeSet<String> = super::problem::Code::ALL
        .iter()
        .map(|code| code.as_str().to_owned())
        .collect();
    assert_eq!(documented, codes);
}

#[test]
fn every_reference_in_the_documentation_leads_somewhere() {
    let documentation = documentation();
    let mut open = vec![&documentation];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references += 1;
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(documentation.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(references > 50);
}
