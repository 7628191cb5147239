//! Which built-ins a decision may call.

/// Built-ins a decision may use: pure, bounded by the size of what they are given, and the same at every replay.
/// `time.now_ns` answers with the time of the decision.
#[rustfmt::skip]
pub(super) const ALLOWED: &[&str] = &[
    "abs",
    "array.concat",
    "array.reverse",
    "array.slice",
    "base64.decode",
    "base64.encode",
    "base64.is_valid",
    "base64url.decode",
    "base64url.encode",
    "base64url.encode_no_pad",
    "bits.and",
    "bits.negate",
    "bits.or",
    "bits.rsh",
    "bits.xor",
    "ceil",
    "concat",
    "contains",
    "count",
    "endswith",
    "floor",
    "format_int",
    "glob.match",
    "glob.quote_meta",
    "graph.reachable",
    "hex.decode",
    "hex.encode",
    "indexof",
    "indexof_n",
    "intersection",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "json.filter",
    "json.is_valid",
    "json.marshal",
    "json.marshal_with_options",
    "json.remove",
    "json.unmarshal",
    "lower",
    "max",
    "min",
    "net.cidr_contains",
    "net.cidr_is_valid",
    "object.filter",
    "object.get",
    "object.keys",
    "object.remove",
    "object.subset",
    "object.union",
    "object.union_n",
    "product",
    "regex.find_n",
    "regex.is_valid",
    "regex.match",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "replace",
    "round",
    "semver.compare",
    "semver.is_valid",
    "sort",
    "split",
    "sprintf",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "strings.count",
    "strings.replace_n",
    "strings.reverse",
    "substring",
    "sum",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.diff",
    "time.format",
    "time.now_ns",
    "time.parse_duration_ns",
    "time.parse_ns",
    "time.parse_rfc3339_ns",
    "time.weekday",
    "to_number",
    "trim",
    "trim_left",
    "trim_prefix",
    "trim_right",
    "trim_space",
    "trim_suffix",
    "type_name",
    "union",
    "units.parse",
    "units.parse_bytes",
    "upper",
    "__builtin_sets.intersection",
    "__builtin_sets.union",
];

/// Built-ins that are refused, with the reason.
pub(super) const REFUSED: &[(&str, &str)] = &[
    (
        "http.send",
        "a decision must not reach the network; put the facts into the request or a data file",
    ),
    (
        "net.lookup_ip_addr",
        "a decision must not reach the network; put the facts into the request or a data file",
    ),
    (
        "opa.runtime",
        "a decision must not depend on the host; put the facts into a data file",
    ),
    (
        "rand.intn",
        "a decision must come out the same when it is replayed",
    ),
    (
        "uuid.rfc4122",
        "a decision must come out the same when it is replayed",
    ),
    (
        "numbers.range",
        "its size is not bounded; iterate with `some … in` over a collection",
    ),
    (
        "numbers.range_step",
        "its size is not bounded; iterate with `some … in` over a collection",
    ),
    (
        "net.cidr_expand",
        "its size is not bounded; use `net.cidr_contains`",
    ),
    ("bits.lsh", "its size is not bounded"),
    (
        "graph.reachable_paths",
        "the number of paths is not bounded; use `graph.reachable`",
    ),
    ("walk", "name the path instead, or iterate with `some … in`"),
    (
        "print",
        "leave it out; the rationale shows the values of every condition",
    ),
    (
        "trace",
        "leave it out; the rationale shows the values of every condition",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::engine::catalog::is_builtin;

    #[test]
    fn every_built_in_that_is_allowed_exists() {
        for name in ALLOWED {
            assert!(is_builtin(name), "{name}");
        }
    }
}
