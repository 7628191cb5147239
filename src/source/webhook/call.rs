//! One call as the settings describe it: filled, and sent where it may go.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Clock;
use crate::source::Preview;
use crate::source::api::{Api, NoCall};
use crate::source::auth::Auth;
use crate::source::client::{Destination, Outgoing, Response};
use crate::source::webhook::settings::Call;
use crate::source::webhook::template::{
    Address, BodyTemplate, Placeholder, Secrets, Unfilled, Values,
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What a call has beside what its templates are filled with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    /// At the end of the query.
    pub(super) query: &'a [(&'a str, String)],
    /// The same for every attempt at one thing.
    pub(super) idempotency: &'a str,
    /// The W3C trace it belongs to.
    pub(super) traceparent: Option<&'a str>,
    /// The most that is read of the response, in bytes.
    pub(super) largest: usize,
}

impl Call {
    /// Sends the call, once.
    pub(super) async fn send(
        &self,
        api: &Api,
        values: &Values<'_>,
        beside: Beside<'_>,
    ) -> Result<Response, NoCall> {
        let failed = |error: String| NoCall::Failed { error };
        let to = match self.url.fill(values, beside.query) {
            Ok(Address::Ours(url)) => Destination::Configured(url),
            Ok(Address::Callback(url)) => Destination::Callback(
                api.callbacks()
                    .check(&url)
                    .map_err(|refused| failed(refused.to_string()))?,
            ),
            Err(unfilled) => return Err(unfilled.into()),
        };
        let mut headers = self.fill_headers(values).map_err(failed)?;
        if let Some(trace) = beside
            .traceparent
            .and_then(|trace| HeaderValue::from_str(trace).ok())
        {
            headers.entry(TRACEPARENT).or_insert(trace);
        }
        let body = match self.body.as_ref().map(|body| body.fill(values)) {
            None => None,
            Some(Ok(body)) => Some(Bytes::from(body.to_string())),
            Some(Err(unfilled)) => return Err(unfilled.into()),
        };
        let outgoing = Outgoing {
            method: self.method.clone(),
            to,
            headers,
            body,
            largest: beside.largest,
        };
        api.call(
            outgoing,
            self.auth.as_ref(),
            values.token,
            beside.idempotency,
            Clock.now(),
        )
        .await
    }

    /// What would be sent, without what [`Secrets::Hidden`] hides.
    pub(super) fn preview(&self, values: &Values<'_>) -> Result<Preview, String> {
        let values = Values {
            secrets: Secrets::Hidden,
            ..*values
        };
        let unfilled = |unfilled: Unfilled| unfilled.to_string();
        let mut headers = self.auth.as_ref().map(Auth::outline).unwrap_or_default();
        for (name, template) in &self.headers {
            headers.push((name.to_string(), template.fill(&values).map_err(unfilled)?));
        }
        Ok(Preview {
            method: self.method.to_string(),
            url: self.url.show(&values).map_err(unfilled)?,
            headers,
            body: match &self.body {
                Some(body) => Some(body.fill(&values).map_err(unfilled)?.to_string()),
                None => None,
            },
        })
    }

    /// Every placeholder in it.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        let headers = self
            .headers
            .iter()
            .flat_map(|(_, template)| template.placeholders());
        let body = self.body.iter().flat_map(BodyTemplate::placeholders);
        self.url.placeholders().chain(headers).chain(body)
    }

    fn fill_headers(&self, values: &Values<'_>) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let text = template.fill(values).map_err(|error| error.to_string())?;
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                format!("the header `{name}` would hold characters that no header can hold")
            })?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        Ok(headers)
    }
}

impl From<Unfilled> for NoCall {
    fn from(unfilled: Unfilled) -> Self {
        Self::Failed {
            error: format!("the call cannot be made: {unfilled}"),
        }
    }
}
