use proptest::prelude::*;
use reqwest::Url;
use serde_json::{Value, json};

use super::address::Address;
use super::*;
use crate::secret::Secret;
use crate::source::WebUrl;

fn text(raw: &str) -> Result<TextTemplate, InvalidTemplate> {
    TextTemplate::parse(raw)
}

fn url(raw: &str) -> Result<UrlTemplate, InvalidTemplate> {
    UrlTemplate::parse(raw)
}

fn api() -> WebUrl {
    WebUrl::parse("https://api.example.com/base/").unwrap()
}

fn with_id<'a>(api: &'a WebUrl, id: &'a str) -> Values<'a> {
    Values {
        id: Some(id),
        ..Values::none(Some(api))
    }
}

fn called(template: &str, values: &Values<'_>) -> Result<String, Unfilled> {
    url(template)
        .unwrap()
        .fill(values, &[])
        .map(|address| match address {
            Address::Ours(url) => url.as_url().to_string(),
            Address::Callback(url) => url,
        })
}

#[test]
fn a_placeholder_that_does_not_exist_is_refused() {
    let unknown = |name: &str| Err(InvalidTemplate::UnknownPlaceholder(name.to_owned()));
    assert_eq!(text("{nobody}"), unknown("nobody"));
    assert_eq!(text("{}"), unknown(""));
    assert_eq!(text("{ID}"), unknown("ID"));
    assert_eq!(text("{/a~2b}"), unknown("/a~2b"));
    assert_eq!(
        url("{api_url}/{nobody}"),
        Err(InvalidTemplate::UnknownPlaceholder("nobody".to_owned()))
    );
}

#[test]
fn a_brace_is_written_twice() {
    let api = api();
    assert_eq!(
        text("{{{id}}} {{}}").unwrap().fill(&with_id(&api, "7")),
        Ok("{7} {}".to_owned())
    );
    assert_eq!(text("{id"), Err(InvalidTemplate::Brace('{')));
    assert_eq!(text("id}"), Err(InvalidTemplate::Brace('}')));
}

#[test]
fn an_address_is_a_placeholder_at_the_beginning_of_a_url_alone() {
    let not = |name| Some(InvalidTemplate::NotAtBeginning(name));
    assert_eq!(text("{api_url}").err(), not("api_url"));
    assert_eq!(text("see {callback}").err(), not("callback"));
    assert_eq!(
        BodyTemplate::parse(&json!({"to": "{callback}"})).err(),
        not("callback")
    );
    assert_eq!(url("https://a.example/{callback}").err(), not("callback"));
    assert_eq!(url("{api_url}/x?to={api_url}").err(), not("api_url"));
    assert!(url("{api_url}").is_ok() && url("{callback}").is_ok());
    assert!(url("{callback}/done?by=us").is_ok());
}

#[test]
fn a_url_says_which_host_and_no_value_has_a_part_in_it() {
    for (raw, why) in [
        ("", InvalidTemplate::NoBase),
        ("/api/logs", InvalidTemplate::NoBase),
        ("{id}", InvalidTemplate::NoBase),
        ("{id}/api", InvalidTemplate::NoBase),
        ("api.example.com/{id}", InvalidTemplate::NoBase),
        ("https://{id}/x", InvalidTemplate::InHost),
        ("https://api.example.com{id}", InvalidTemplate::InHost),
        ("https://api.example.com:{id}/x", InvalidTemplate::InHost),
        ("https://{id}@api.example.com/x", InvalidTemplate::InHost),
        (
            "{api_url}.evil.example/x",
            InvalidTemplate::Glued("api_url"),
        ),
        ("{api_url}{id}", InvalidTemplate::Glued("api_url")),
        (
            "{callback}@evil.example",
            InvalidTemplate::Glued("callback"),
        ),
        ("{api_url}/a b", InvalidTemplate::Character(' ')),
        (
            "https://api.example.com\\{id}",
            InvalidTemplate::Character('\\'),
        ),
        ("{api_url}/x#{id}", InvalidTemplate::Character('#')),
        ("{api_url}/x\n", InvalidTemplate::Character('\n')),
        ("{api_url}/../x/{id}", InvalidTemplate::DotStep),
        ("{api_url}/%2e%2E/{id}", InvalidTemplate::DotStep),
        ("{api_url}/x?{id}=1", InvalidTemplate::InKey),
        ("{api_url}/x?a=1&b{id}=1", InvalidTemplate::InKey),
        ("{api_url}/x?a={id}&{id}", InvalidTemplate::InKey),
    ] {
        assert_eq!(url(raw), Err(why), "{raw}");
    }
    assert!(matches!(
        url("file:///etc/{id}"),
        Err(InvalidTemplate::Url(_))
    ));
    assert!(url("https://api.example.com/x?a={id}&b=c{agent}d").is_ok());
}

#[test]
fn placeholders_are_named_in_their_order() {
    let named = |found: &mut dyn Iterator<Item = &Placeholder>| {
        found.map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let template = url("{api_url}/a/{id}/{/run/id}?agent={agent}").unwrap();
    assert_eq!(
        named(&mut template.placeholders()),
        "{api_url} {id} {/run/id} {agent}"
    );
    let body = BodyTemplate::parse(&json!({"a": "{token}", "b": ["x {rationale}"], "c": 1}));
    assert_eq!(
        named(&mut body.unwrap().placeholders()),
        "{token} {rationale}"
    );
}

#[test]
fn every_value_in_a_url_is_escaped() {
    let api = api();
    assert_eq!(
        called(
            "{api_url}/approvals/{id}/approve?id={id}",
            &with_id(&api, "a/b?c#d&e=f é")
        ),
        Ok(
            "https://api.example.com/base/approvals/a%2Fb%3Fc%23d%26e%3Df%20%C3%A9/approve\
            ?id=a%2Fb%3Fc%23d%26e%3Df%20%C3%A9"
                .to_owned()
        )
    );
}

#[test]
fn a_value_that_is_a_step_out_of_the_path_is_refused_however_it_is_escaped() {
    let api = api();
    for id in [
        "..",
        ".",
        "%2e%2e",
        "%2E.",
        "%252e%252e",
        "../../admin",
        "a/../b",
        "..\\x",
        "x%2f..%2fy",
    ] {
        assert_eq!(
            called("{api_url}/a/{id}/b", &with_id(&api, id)),
            Err(Unfilled::DotStep(Placeholder::Id)),
            "{id}"
        );
        assert!(called("{api_url}/a?id={id}", &with_id(&api, id)).is_ok());
    }
    assert_eq!(
        called("{api_url}/a/.{id}/b", &with_id(&api, ".")),
        Err(Unfilled::DotStep(Placeholder::Id))
    );
    assert!(called("{api_url}/a/{id}/b", &with_id(&api, "v1..2")).is_ok());
}

#[test]
fn a_url_without_its_value_is_not_called() {
    let api = api();
    let values = Values {
        agent: Some(""),
        ..Values::none(Some(&api))
    };
    assert_eq!(
        called("{api_url}/a/{id}", &values),
        Err(Unfilled::Missing(Placeholder::Id))
    );
    assert_eq!(
        called("{api_url}/a?agent={agent}", &values),
        Err(Unfilled::Missing(Placeholder::Agent))
    );
    assert_eq!(
        called("{api_url}/a", &Values::none(None)),
        Err(Unfilled::NoApiUrl)
    );
    assert_eq!(
        called("{callback}", &values),
        Err(Unfilled::Missing(Placeholder::Callback))
    );
    let long = "x".repeat(9000);
    assert_eq!(
        called("{api_url}/a/{id}", &with_id(&api, &long)),
        Err(Unfilled::TooLong(8192))
    );
}

#[test]
fn a_callback_is_called_as_it_came_and_shown_by_its_host() {
    let callback = Secret::new("https://app.example.com/api/task-results/abc?key=hunter2");
    let values = Values {
        callback: Some(&callback),
        ..Values::none(None)
    };
    let template = url("{callback}").unwrap();
    assert_eq!(
        template.fill(&values, &[]),
        Ok(Address::Callback(callback.expose().to_owned()))
    );
    let hidden = Values {
        secrets: Secrets::Hidden,
        ..values
    };
    assert_eq!(
        template.show(&hidden),
        Ok("https://app.example.com/***".to_owned())
    );
    assert_eq!(
        called("{callback}/approve", &values),
        Err(Unfilled::NoCallback)
    );
    let base = Secret::new("https://app.example.com/hooks/7/");
    let values = Values {
        callback: Some(&base),
        id: Some("a/b"),
        ..values
    };
    assert_eq!(
        called("{callback}/approve/{id}", &values),
        Ok("https://app.example.com/hooks/7/approve/a%2Fb".to_owned())
    );
}

#[test]
fn pages_are_asked_for_at_the_end_of_the_query() {
    let api = api();
    let page = |template: &str| {
        let more = [("limit", "100".to_owned()), ("cursor", "a&b=".to_owned())];
        match url(template).unwrap().fill(&with_id(&api, "1"), &more) {
            Ok(Address::Ours(url)) => url.as_url().to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        page("{api_url}/a"),
        "https://api.example.com/base/a?limit=100&cursor=a%26b%3D"
    );
    assert_eq!(
        page("{api_url}/a?status=pending"),
        "https://api.example.com/base/a?status=pending&limit=100&cursor=a%26b%3D"
    );
    let template = url("{api_url}/a?status=pending&li%6Dit={id}").unwrap();
    assert!(template.has_query_key("limit") && !template.has_query_key("offset"));
}

fn body(template: &Value, values: &Values<'_>) -> Result<Value, Unfilled> {
    BodyTemplate::parse(template).unwrap().fill(values)
}

#[test]
fn a_whole_value_keeps_its_type_and_a_missing_one_takes_its_member_along() {
    let payload = json!({"n": 12, "list": [1, "a"], "none": null});
    let values = Values {
        id: Some("7"),
        rationale: Some(""),
        payload: Some(&payload),
        ..Values::none(None)
    };
    let template = json!({
        "id": "{id}", "amount": "{/n}", "all": "{/list}", "none": "{/none}", "gone": "{/gone}",
        "note": "{rationale}", "by": {"agent": "{agent}"}, "fixed": [true, 1.5, null, "{{x}}"],
        "said": "request {id} of {/n}: {rationale}",
    });
    assert_eq!(
        body(&template, &values),
        Ok(json!({
            "id": "7", "amount": 12, "all": [1, "a"], "none": null, "by": {},
            "fixed": [true, 1.5, null, "{x}"], "said": "request 7 of 12: ",
        }))
    );
}

#[test]
fn what_longer_text_needs_must_be_there() {
    let payload = json!({"list": [1], "none": null});
    let values = Values {
        payload: Some(&payload),
        ..Values::none(None)
    };
    let missing =
        |pointer| Unfilled::Missing(Placeholder::Payload(Pointer::parse(pointer).unwrap()));
    for (template, why) in [
        (
            json!({"a": "for {agent}"}),
            Unfilled::Missing(Placeholder::Agent),
        ),
        (
            json!({"a": "for {rationale}"}),
            Unfilled::Missing(Placeholder::Rationale),
        ),
        (json!({"a": "x{/none}"}), missing("/none")),
        (json!({"a": "x{/gone}"}), missing("/gone")),
        (
            json!({"a": "x{/list}"}),
            Unfilled::NotText(Placeholder::Payload(Pointer::parse("/list").unwrap())),
        ),
        (json!(["{agent}"]), Unfilled::Missing(Placeholder::Agent)),
        (json!("{agent}"), Unfilled::Missing(Placeholder::Agent)),
    ] {
        assert_eq!(body(&template, &values), Err(why), "{template}");
    }
}

#[test]
fn a_secret_is_sent_and_shown_as_stars() {
    let (api, token) = (api(), Secret::new("tok_5f0c9a1e77"));
    let sent = Values {
        token: Some(&token),
        ..Values::none(Some(&api))
    };
    let shown = Values {
        secrets: Secrets::Hidden,
        ..sent
    };
    let template = url("{api_url}/a/{token}").unwrap();
    assert_eq!(
        template.show(&shown),
        Ok("https://api.example.com/base/a/***".to_owned())
    );
    assert_eq!(
        called("{api_url}/a/{token}", &sent),
        Ok("https://api.example.com/base/a/tok_5f0c9a1e77".to_owned())
    );
    assert_eq!(text("{token}").unwrap().fill(&shown), Ok("***".to_owned()));
    assert_eq!(
        body(&json!({"t": "{token}"}), &shown),
        Ok(json!({"t": "***"}))
    );
    let with_password = WebUrl::parse("https://user:hunter2@api.example.com").unwrap();
    let values = Values {
        secrets: Secrets::Hidden,
        ..Values::none(Some(&with_password))
    };
    assert_eq!(
        url("{api_url}/a").unwrap().show(&values),
        Ok("https://api.example.com/a".to_owned())
    );
    let written = UrlTemplate::parse("https://user:hunter2@api.example.com/a");
    assert_eq!(written, Err(InvalidTemplate::UserInfo));
}

/// Text as an attacker would write it.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,24}",
        r#"[./\\%?#&=:@ a"'{}0-9\[\]-]{1,16}"#,
        prop::sample::select(vec![
            "..",
            "../x",
            "%2e%2e/",
            "//evil.example/",
            "@evil.example",
            "?admin=1",
            "#",
            "&a=b",
            "\",\"resolution\":\"approved",
            "\\\"",
            "\u{0}",
            "\r\nX-Evil: 1",
            "{token}",
            "{{",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn no_value_changes_a_urls_host_depth_or_keys(id in hostile(), agent in hostile()) {
        let api = api();
        let template = url("{api_url}/a/{id}/b-{agent}?status=pending&agent={agent}&x={id}{agent}").unwrap();
        let values = Values { agent: Some(&agent), ..with_id(&api, &id) };
        if let Ok(Address::Ours(address)) = template.fill(&values, &[("limit", id.clone())]) {
            let address: &Url = address.as_url();
            prop_assert_eq!(address.scheme(), "https");
            prop_assert_eq!(address.host_str(), Some("api.example.com"));
            prop_assert_eq!(address.port(), None);
            prop_assert_eq!((address.username(), address.password()), ("", None));
            prop_assert_eq!(address.fragment(), None);
            let steps: Vec<&str> = address.path_segments().unwrap().collect();
            prop_assert_eq!(steps.len(), 4);
            prop_assert_eq!((steps[0], steps[1]), ("base", "a"));
            prop_assert!(steps[3].starts_with("b-"));
            let pairs: Vec<(String, String)> = address.query_pairs().into_owned().collect();
            let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            prop_assert_eq!(pairs, vec![
                pair("status", "pending"), pair("agent", &agent), pair("x", &format!("{id}{agent}")), pair("limit", &id),
            ]);
        }
    }

    #[test]
    fn no_value_breaks_out_of_a_json_string(id in hostile(), rationale in hostile()) {
        let template = json!({"id": "{id}", "note": "because: {rationale}", "resolution": "rejected", "{id}": 1});
        let values = Values { rationale: Some(&rationale), id: Some(&id), ..Values::none(None) };
        let sent = serde_json::to_vec(&body(&template, &values).unwrap()).unwrap();
        let read = crate::json::parse(&sent).unwrap();
        prop_assert_eq!(read, json!({
            "id": id, "note": format!("because: {rationale}"), "resolution": "rejected", "{id}": 1,
        }));
    }

    #[test]
    fn no_text_makes_the_parsers_panic(raw in hostile(), more in hostile()) {
        let _ = text(&raw);
        let _ = url(&raw);
        let _ = url(&format!("{{api_url}}/{raw}?{more}"));
        let _ = url(&format!("https://{raw}/{more}"));
    }
}
