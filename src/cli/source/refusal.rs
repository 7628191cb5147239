//! Why a server did not take a delivery, and what to look at, for whoever is called at night.

use serde_json::Value;

use super::sender::Sender;

/// What a server answered instead of taking it.
pub(super) struct Refused<'a> {
    pub(super) sender: &'a Sender,
    pub(super) url: &'a str,
    pub(super) status: u16,
    /// Its words, if it spoke as countersign does.
    pub(super) problem: Option<&'a Value>,
    /// Reasons of refusals that the server counted while it answered.
    pub(super) counted: Vec<String>,
}

impl Refused<'_> {
    /// For people, on several lines.
    pub(super) fn explain(&self) -> String {
        let word = |name| self.problem?.get(name)?.as_str();
        let Some(code) = word("code") else {
            return format!(
                "what answers at {} is not countersign: {}; say where it takes deliveries with --deliver-to",
                self.url, self.status
            );
        };
        let name = self.sender.name();
        let detail = word("detail").unwrap_or(code);
        let mut lines = vec![format!(
            "countersign answered {} {code}: {detail}",
            self.status
        )];
        match code {
            "unverified" => lines.extend(self.unverified()),
            "unavailable" if self.counted.iter().any(|reason| reason == "secret_unusable") => {
                lines.push(
                    "the server cannot read a secret that `verify` names: look at the file's owner and mode"
                        .to_owned(),
                );
            }
            "unknown_source" | "not_found" | "method_not_allowed" => lines.push(format!(
                "it has no source there: does it run on a config with `{name}`? It reads its config when it starts"
            )),
            "too_large" => lines.push(format!("raise `body_limit` of `{name}`")),
            "rate_limited" => lines.push(format!(
                "try again, or raise `rate_limit` of `{name}`"
            )),
            _ => {}
        }
        if let Some(id) = word("request_id") {
            lines.push(format!("the server's log says more under `{id}`"));
        }
        lines.join("\n")
    }

    /// Which check failed. The server tells a sender no more than that one did, and counts which.
    fn unverified(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for reason in &self.counted {
            match look_at(reason) {
                Some(look) => lines.push(format!("it counted `{reason}`: {look}")),
                None => lines.push(format!("it counted `{reason}`")),
            }
        }
        if lines.is_empty() {
            lines.push(
                "which check failed is in its metrics, `countersign_webhook_refused_total`, and in its log"
                    .to_owned(),
            );
        }
        lines.push(
            "this command signed by the config it was given; the server reads its own when it starts"
                .to_owned(),
        );
        lines
    }
}

/// What to look at when a check failed for this reason. The words are those of the metric.
fn look_at(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "signature_missing" => {
            "the header with the signature did not arrive; compare `header` under `verify` with the server's config, and see what \
             a proxy leaves out"
        }
        "signature_repeated" => "the header with the signature arrived twice; a proxy adds one",
        "signature_malformed" | "signature_version" | "signatures_too_many" => {
            "the signature is in another form; compare `encoding`, `prefix` and `json` with the server's config"
        }
        "signature_wrong" => {
            "the secret is another one, or something else was signed; compare the secret with the server's (not by eye: spaces and line \
             ends count), then `signed` and `algorithm`; a proxy that rewrites the body breaks it too"
        }
        "timestamp_missing" | "timestamp_malformed" => {
            "the header with the time did not arrive as it was sent; compare `timestamp_header`"
        }
        "timestamp_stale" | "timestamp_ahead" => {
            "the clocks differ by more than `tolerance`; compare `date -u` here and on the server"
        }
        "id_missing" | "id_malformed" => {
            "the header with the delivery's id did not arrive as it was sent; compare `id_header`"
        }
        "header_missing" | "header_wrong" => {
            "`static_header` holds another secret there, or a proxy leaves the header out"
        }
        "path_wrong" => "`secret_path` is another one there, or a proxy rewrites the path",
        "token_missing" | "token_wrong" => "the agent's token is another one there",
        "user_agent_wrong" => "`user_agent` is another one there, or a proxy sets its own",
        _ => return None,
    })
}

/// How often each reason was counted for the source, in the text of `/metrics`.
pub(super) fn counted(metrics: &str, source: &str) -> Vec<(String, u64)> {
    let start = format!("countersign_webhook_refused_total{{source=\"{source}\",reason=\"");
    metrics
        .lines()
        .filter_map(|line| {
            let (reason, count) = line.strip_prefix(&start)?.split_once("\"} ")?;
            Some((reason.to_owned(), count.trim().parse().ok()?))
        })
        .collect()
}

/// The reasons that were counted more often `after` than `before`, the general word left out.
pub(super) fn grown(before: &[(String, u64)], after: &[(String, u64)]) -> Vec<String> {
    let earlier = |reason: &str| {
        let found = before.iter().find(|(known, _)| known == reason);
        found.map_or(0, |(_, count)| *count)
    };
    after
        .iter()
        .filter(|(reason, count)| *count > earlier(reason) && reason != "unverified")
        .map(|(reason, _)| reason.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_counted_meanwhile_for_this_source_is_a_reason() {
        let before =
            "countersign_webhook_refused_total{source=\"refunds\",reason=\"signature_wrong\"} 3\n";
        let after = concat!(
            "# TYPE countersign_webhook_refused counter\n",
            "countersign_webhook_refused_total{source=\"refunds\",reason=\"signature_wrong\"} 3\n",
            "countersign_webhook_refused_total{source=\"refunds\",reason=\"timestamp_stale\"} 1\n",
            "countersign_webhook_refused_total{source=\"refunds\",reason=\"unverified\"} 1\n",
            "countersign_webhook_refused_total{source=\"refunds2\",reason=\"path_wrong\"} 1\n",
        );
        let (before, after) = (counted(before, "refunds"), counted(after, "refunds"));
        assert_eq!(grown(&before, &after), ["timestamp_stale"]);
        assert_eq!(grown(&after, &after), [""; 0]);
    }
}
