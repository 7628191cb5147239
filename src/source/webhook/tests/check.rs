use serde_json::json;

use super::confirm::{confirmed, lookup};
use super::*;

fn refused(change: impl FnOnce(&mut Settings)) -> String {
    let mut settings = settings(&nobody());
    change(&mut settings);
    Webhook::new(settings, client()).unwrap_err().to_string()
}

fn approve_at(settings: &mut Settings, url: &str) {
    settings.answer.as_mut().unwrap().approve = call(Method::POST, url, None);
}

#[test]
fn a_call_that_could_never_be_made_is_refused() {
    assert_eq!(
        refused(|settings| settings.api_url = None),
        "`answer.approve` needs `api_url`; give it, or write the address out"
    );
    assert_eq!(
        refused(|settings| settings.api_url = WebUrl::parse("https://api.example.com/?a=1").ok()),
        "`api_url` cannot be used: it must not hold `?` or `#`"
    );
    assert_eq!(
        refused(|settings| {
            settings.callback_hosts = CallbackHosts::default();
            approve_at(settings, "{callback}");
        }),
        "`answer.approve` needs `{callback}`; say in `fields.callback` where it is, and list its hosts in \
         `callback_hosts`"
    );
    assert_eq!(
        refused(|settings| {
            settings.fields.token = None;
            approve_at(settings, "{api_url}/{token}");
        }),
        "`answer.approve` needs `{token}`; say in `fields.token` where it is"
    );
}

#[test]
fn a_call_with_the_requests_own_token_needs_one() {
    let own = |settings: &mut Settings| {
        settings.answer.as_mut().unwrap().reject.auth = Some(Auth::OwnToken);
    };
    assert_eq!(
        refused(|settings| {
            settings.fields.token = None;
            own(settings);
        }),
        "`answer.reject` needs `{token}`; say in `fields.token` where it is"
    );
    assert_eq!(
        refused(|settings| {
            let mut lookup = lookup("{api_url}/x");
            lookup.call.auth = Some(Auth::OwnToken);
            settings.reconcile = Some(Reconcile {
                lookup,
                every: SignedDuration::from_mins(5),
            });
        }),
        "`{token}` is not known in `pending`"
    );
}

#[test]
fn an_event_asks_or_tells_an_end_and_some_event_asks() {
    let refused = |change: fn(&mut Events)| {
        refused(|settings| {
            change(settings.events.as_mut().unwrap());
        })
    };
    assert_eq!(
        refused(|events| events.request.clear()),
        "`event.request` names no event"
    );
    assert_eq!(
        refused(|events| events.resolved.push("approval.requested".to_owned())),
        "the event `approval.requested` is in `event.request` and in `event.resolved`; leave it out of one"
    );
}

#[test]
fn what_is_only_known_with_a_decision_is_refused_in_a_look_up() {
    for unknown in ["rationale", "resolution", "case_id", "/data/x"] {
        assert_eq!(
            refused(|settings| confirmed(
                settings,
                lookup(&format!("{{api_url}}/x?y={{{unknown}}}"))
            )),
            format!("`{{{unknown}}}` is not known in `confirm`")
        );
    }
    assert_eq!(
        refused(|settings| confirmed(settings, lookup("{callback}"))),
        "`{callback}` is not known in `confirm`"
    );
    assert_eq!(
        refused(|settings| {
            let mut lookup = lookup("{api_url}/x");
            lookup.call.body = Some(BodyTemplate::parse(&json!({"why": "{rationale}"})).unwrap());
            confirmed(settings, lookup);
        }),
        "`{rationale}` is not known in `confirm`"
    );
    assert_eq!(
        refused(|settings| {
            settings.reconcile = Some(Reconcile {
                lookup: lookup("{api_url}/x/{agent}"),
                every: SignedDuration::from_mins(5),
            });
        }),
        "`{agent}` is not known in `pending`"
    );
}

#[test]
fn pages_are_of_a_list_and_asked_for_by_parameters_of_their_own() {
    let by_offset = |limit| Pages::Offset {
        limit,
        limit_parameter: "limit".to_owned(),
        offset_parameter: "offset".to_owned(),
    };
    let with = |url: &str, items: Option<&str>, pages: Pages| {
        let lookup = Lookup {
            items: items.map(pointer),
            pages,
            ..lookup(url)
        };
        refused(|settings| confirmed(settings, lookup))
    };
    assert_eq!(
        with("{api_url}/x?offset=0", Some(""), by_offset(10)),
        "the URL of `confirm` has `offset`, which pages are asked for by; leave it out"
    );
    assert_eq!(
        with("{api_url}/x", None, by_offset(10)),
        "`confirm` reads a list; say in `items` where it is"
    );
    assert_eq!(
        with("{api_url}/x", Some(""), by_offset(0)),
        "`pages.limit` of `confirm` must be at least 1"
    );
    assert_eq!(
        refused(|settings| {
            let mut lookup = lookup("{api_url}/x");
            lookup.items = None;
            settings.reconcile = Some(Reconcile {
                lookup,
                every: SignedDuration::from_mins(5),
            });
        }),
        "`pending` reads a list; say in `items` where it is"
    );
}

#[test]
fn a_status_has_one_meaning() {
    assert_eq!(
        refused(|settings| {
            settings.answer.as_mut().unwrap().statuses = Statuses {
                done: Some(vec![200, 409]),
                already: Some(vec![409]),
                ..Statuses::default()
            };
        }),
        "the status 409 is listed twice in `answer.status`"
    );
}
