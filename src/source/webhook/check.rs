//! Whether the settings of a source make sense together.

use crate::source::auth::Auth;
use crate::source::webhook::settings::{Call, Events, Lookup, Pages, Settings, Statuses};
use crate::source::webhook::template::Placeholder;
use crate::source::{InvalidUrl, TlsUnavailable};

/// Why settings make no source.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The API's address cannot be extended.
    #[error("`api_url` cannot be used: {0}")]
    ApiUrl(InvalidUrl),
    /// A call needs an address that is not given.
    #[error("`{place}` needs `api_url`; give it, or write the address out")]
    NoApiUrl {
        /// Which call.
        place: &'static str,
    },
    /// A call would need what is not known when it is made.
    #[error("`{placeholder}` is not known in `{place}`")]
    NotKnown {
        /// What.
        placeholder: Placeholder,
        /// Which call.
        place: &'static str,
    },
    /// A call would need an address that no request brings.
    #[error(
        "`{place}` needs `{{callback}}`; say in `fields.callback` where it is, and list its hosts in `callback_hosts`"
    )]
    NoCallback {
        /// Which call.
        place: &'static str,
    },
    /// A call would need a capability that no request brings.
    #[error("`{place}` needs `{{token}}`; say in `fields.token` where it is")]
    NoToken {
        /// Which call.
        place: &'static str,
    },
    /// One record cannot be all that are pending, nor come in pages.
    #[error("`{place}` reads a list; say in `items` where it is")]
    NoList {
        /// Which call.
        place: &'static str,
    },
    /// A page could not be asked for.
    #[error("the URL of `{place}` has `{parameter}`, which pages are asked for by; leave it out")]
    PageParameter {
        /// Which call.
        place: &'static str,
        /// The parameter.
        parameter: String,
    },
    /// Pages of nothing.
    #[error("`pages.limit` of `{place}` must be at least 1")]
    EmptyPages {
        /// Which call.
        place: &'static str,
    },
    /// No event would ever ask.
    #[error("`event.request` names no event")]
    NobodyAsks,
    /// One event with two meanings.
    #[error("the event `{0}` is in `event.request` and in `event.resolved`; leave it out of one")]
    EventTwice(String),
    /// One status with two meanings.
    #[error("the status {0} is listed twice in `answer.status`")]
    StatusTwice(u16),
    /// Callbacks cannot be called.
    #[error(transparent)]
    Tls(#[from] TlsUnavailable),
}

impl Settings {
    /// Refuses what could never work.
    pub fn check(&self) -> Result<(), Unusable> {
        if let Some(url) = &self.api_url {
            url.under("/").map_err(Unusable::ApiUrl)?;
        }
        if let Some(events) = &self.events {
            events.check()?;
        }
        if let Some(confirm) = &self.confirm {
            self.check_lookup(&confirm.lookup, "confirm", Placeholder::only_in_answers)?;
        }
        if let Some(reconcile) = &self.reconcile {
            let lookup = &reconcile.lookup;
            self.check_lookup(lookup, "pending", Placeholder::needs_request)?;
            if lookup.items.is_none() {
                return Err(Unusable::NoList { place: "pending" });
            }
        }
        if let Some(answering) = &self.answer {
            self.check_call(&answering.approve, "answer.approve")?;
            self.check_call(&answering.reject, "answer.reject")?;
            answering.statuses.check()?;
        }
        Ok(())
    }

    fn check_lookup(
        &self,
        lookup: &Lookup,
        place: &'static str,
        is_unknown: fn(&Placeholder) -> bool,
    ) -> Result<(), Unusable> {
        if let Some(unknown) = lookup.call.placeholders().find(|found| is_unknown(found)) {
            return Err(Unusable::NotKnown {
                placeholder: unknown.clone(),
                place,
            });
        }
        if matches!(lookup.call.auth, Some(Auth::OwnToken)) && is_unknown(&Placeholder::Token) {
            return Err(Unusable::NotKnown {
                placeholder: Placeholder::Token,
                place,
            });
        }
        self.check_call(&lookup.call, place)?;
        let parameters = match &lookup.pages {
            Pages::One => vec![],
            Pages::Offset { limit: 0, .. } => return Err(Unusable::EmptyPages { place }),
            Pages::Offset {
                limit_parameter,
                offset_parameter,
                ..
            } => vec![limit_parameter, offset_parameter],
            Pages::Cursor { parameter, .. } => vec![parameter],
        };
        if !parameters.is_empty() && lookup.items.is_none() {
            return Err(Unusable::NoList { place });
        }
        match parameters
            .into_iter()
            .find(|parameter| lookup.call.url.has_query_key(parameter))
        {
            Some(parameter) => Err(Unusable::PageParameter {
                place,
                parameter: parameter.clone(),
            }),
            None => Ok(()),
        }
    }

    fn check_call(&self, call: &Call, place: &'static str) -> Result<(), Unusable> {
        let own_token = match &call.auth {
            Some(Auth::OwnToken) => Some(&Placeholder::Token),
            Some(
                Auth::Bearer(_)
                | Auth::Header { .. }
                | Auth::Basic { .. }
                | Auth::Hmac(_)
                | Auth::Login(_),
            )
            | None => None,
        };
        for placeholder in call.placeholders().chain(own_token) {
            match placeholder {
                Placeholder::ApiUrl if self.api_url.is_none() => {
                    return Err(Unusable::NoApiUrl { place });
                }
                Placeholder::Callback
                    if self.fields.callback.is_none() || self.callback_hosts.is_empty() =>
                {
                    return Err(Unusable::NoCallback { place });
                }
                Placeholder::Token if self.fields.token.is_none() => {
                    return Err(Unusable::NoToken { place });
                }
                Placeholder::ApiUrl
                | Placeholder::Callback
                | Placeholder::Token
                | Placeholder::Id
                | Placeholder::Agent
                | Placeholder::Action
                | Placeholder::Rationale
                | Placeholder::Resolution
                | Placeholder::CaseId
                | Placeholder::Payload(_) => {}
            }
        }
        Ok(())
    }
}

impl Events {
    fn check(&self) -> Result<(), Unusable> {
        if self.request.is_empty() {
            return Err(Unusable::NobodyAsks);
        }
        match self
            .request
            .iter()
            .find(|word| self.resolved.contains(word))
        {
            Some(word) => Err(Unusable::EventTwice(word.clone())),
            None => Ok(()),
        }
    }
}

impl Statuses {
    fn check(&self) -> Result<(), Unusable> {
        let mut listed: Vec<u16> = [
            &self.done,
            &self.already,
            &self.expired,
            &self.retry,
            &self.alert,
        ]
        .into_iter()
        .flatten()
        .flatten()
        .copied()
        .collect();
        listed.sort_unstable();
        match listed.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => Err(Unusable::StatusTwice(
                pair.first().copied().unwrap_or_default(),
            )),
            None => Ok(()),
        }
    }
}
