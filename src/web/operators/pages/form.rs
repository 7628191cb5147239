//! Reads what a form sends: strictly, since a field that is not known is likely to be a vote that says less than it was meant
//! to.

use axum::extract::Request;
use http::header::CONTENT_TYPE;

use crate::web::body;
use crate::web::operators::BODY;
use crate::web::problem::{Code, Problem};

/// The fields of a form, in the order sent.
#[derive(Debug)]
pub(in crate::web::operators) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the form in the body of `request`; it has no fields but `known` ones.
    pub(in crate::web::operators) async fn read(
        request: Request,
        known: &[&str],
    ) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(Code::Malformed, detail);
        let (parts, bytes) = body::read(request, BODY).await?;
        let kind = parts.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(wrong(
                "this takes a form: `application/x-www-form-urlencoded`".to_owned(),
            ));
        }
        let fields: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
        let unknown = fields
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            let name: String = name.chars().take(80).collect();
            return Err(wrong(format!("the form has no field `{name}`")));
        }
        Ok(Self(fields))
    }

    /// The one value of the field `name`; none, if it is missing or blank.
    pub(in crate::web::operators) fn one<'f>(
        &'f self,
        name: &'f str,
    ) -> Result<Option<&'f str>, Problem> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            let detail = format!("`{name}` is given twice");
            return Err(Problem::new(Code::Malformed, detail));
        }
        Ok(value.map(str::trim).filter(|value| !value.is_empty()))
    }

    /// Every value of the field `name`.
    pub(in crate::web::operators) fn all<'f>(
        &'f self,
        name: &'f str,
    ) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(field, _)| field == name);
        named.map(|(_, value)| value.as_str())
    }
}
