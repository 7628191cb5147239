//! The W3C trace a request came in: taken if it is well formed, and passed on as it came.

use http::HeaderMap;

/// The `traceparent` of `headers`, if there is exactly one and it names a trace.
pub fn of(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all("traceparent").iter();
    let value = values.next()?.to_str().ok()?;
    (values.next().is_none() && well_formed(value)).then(|| value.to_owned())
}

/// Version, trace, span and flags, in lower-case hexadecimal; neither id is all zeroes. A version after `00` may have
/// more behind.
fn well_formed(value: &str) -> bool {
    let mut parts = value.split('-');
    let mut part = |length: usize| {
        let digits = parts.next().filter(|part| part.len() == length)?;
        digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            .then_some(digits)
    };
    let (Some(version), Some(trace), Some(span), Some(_)) = (part(2), part(32), part(16), part(2))
    else {
        return false;
    };
    let named = |id: &str| id.bytes().any(|byte| byte != b'0');
    let more = parts.next().is_some();
    version != "ff"
        && named(trace)
        && named(span)
        && !(more && version == "00")
        && value.len() <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_taken_as_it_is() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers), None);
        headers.insert("traceparent", WELL.parse().unwrap());
        assert_eq!(of(&headers).as_deref(), Some(WELL));
        headers.append("traceparent", WELL.parse().unwrap());
        assert_eq!(of(&headers), None);
    }

    #[test]
    fn what_names_no_trace_is_left_out() {
        assert!(well_formed(&format!("01{}-more", &WELL[2..])));
        for wrong in [
            "",
            "00",
            &format!("ff{}", &WELL[2..]),
            &format!("{WELL}-more"),
            &WELL.to_uppercase(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        ] {
            assert!(!well_formed(wrong), "{wrong}");
        }
    }
}
