//! What a form sends: read strictly, since a field that is not known is likely to be a vote that says less than it was
//! meant to.

use axum::extract::Request;
use http::header::CONTENT_TYPE;

use crate::web::body;
use crate::web::operators::BODY;
use crate::web::problem::{Code, Problem};

/// The fields of a form, in the order sent.
#[derive(Clone, Default)]
pub(in crate::web::operators) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the form in the body of `request`.
    pub(in crate::web::operators) async fn read(request: Request) -> Result<Self, Problem> {
        let (parts, bytes) = body::read(request, BODY).await?;
        let kind = parts.headers.get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::new(
                Code::Malformed,
                "this takes a form: `application/x-www-form-urlencoded`",
            ));
        }
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    /// Refuses a form that has fields beside `known` ones. The hidden field `csrf` is always known.
    pub(in crate::web::operators) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        let is_known = |name: &str| name == super::CSRF_FIELD || known.contains(&name);
        if let Some((name, _)) = self.0.iter().find(|(name, _)| !is_known(name)) {
            let name: String = name.chars().take(80).collect();
            let detail = format!("the form has no field `{name}`");
            return Err(Problem::new(Code::Malformed, detail));
        }
        Ok(self)
    }

    /// The one value of the field `name` as it was sent; none, if it is missing.
    pub(in crate::web::operators) fn unchanged<'f>(
        &'f self,
        name: &'f str,
    ) -> Result<Option<&'f str>, Problem> {
        let mut values = self.all(name);
        let value = values.next();
        if values.next().is_some() {
            let detail = format!("`{name}` is given twice");
            return Err(Problem::new(Code::Malformed, detail));
        }
        Ok(value)
    }

    /// The one value of the field `name`; none, if it is missing or blank.
    pub(in crate::web::operators) fn one<'f>(
        &'f self,
        name: &'f str,
    ) -> Result<Option<&'f str>, Problem> {
        let value = self.unchanged(name)?;
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

impl std::fmt::Debug for Form {
    /// A password may be among the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_tuple("Form").field(&names).finish()
    }
}
