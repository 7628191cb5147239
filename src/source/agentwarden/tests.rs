use super::*;

#[test]
fn the_defaults_are_what_they_must_be() {
    let defaults = Defaults::new().unwrap();
    let shown = |call: &Call| {
        format!(
            "{} {:?}",
            call.method,
            call.url
                .placeholders()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(
        shown(&defaults.answer.approve),
        r#"POST ["{api_url}", "{id}"]"#
    );
    assert_eq!(
        shown(&defaults.confirm.lookup.call),
        r#"GET ["{api_url}", "{agent}"]"#
    );
    assert_eq!(shown(&defaults.pending.call), r#"GET ["{api_url}"]"#);
    assert!(WebUrl::parse(API_URL).is_ok());
}
