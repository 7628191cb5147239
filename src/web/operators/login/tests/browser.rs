//! A browser, as far as logging in goes: it keeps cookies, and says where a form comes from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request};

use crate::web::serve::Peer;
use crate::web::tests::house::{Heard, heard};

pub(super) const SITE: &str = "https://countersign.example";

#[derive(Clone)]
pub(super) struct Browser {
    router: Router,
    pub(super) cookies: BTreeMap<String, String>,
    pub(super) peer: IpAddr,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Browser {
    pub(super) fn new(router: &Router) -> Self {
        Self {
            router: router.clone(),
            cookies: BTreeMap::new(),
            peer: IpAddr::from([192, 0, 2, 7]),
            headers: vec![("accept", "text/html".to_owned())],
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> Heard {
        self.send(Method::GET, path, "", &[]).await
    }

    /// Sends a form from a page of ours.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Heard {
        let site = [("origin", SITE), ("sec-fetch-site", "same-origin")];
        self.send(Method::POST, path, &form(fields), &site).await
    }

    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Heard {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("host", "countersign.example");
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let cookies = self.cookies.iter();
            let cookies: Vec<_> = cookies
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header("cookie", cookies.join("; "));
        }
        let request = request.extension(Peer(self.peer));
        let heard = heard(
            &self.router,
            request.body(Body::from(body.to_owned())).unwrap(),
        )
        .await;
        self.keep(&heard.headers);
        heard
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for crumb in headers.get_all("set-cookie") {
            let crumb = cookie::Cookie::parse(crumb.to_str().unwrap().to_owned()).unwrap();
            if crumb.max_age() == Some(cookie::time::Duration::ZERO) {
                self.cookies.remove(crumb.name());
            } else {
                self.cookies
                    .insert(crumb.name().to_owned(), crumb.value().to_owned());
            }
        }
    }

    /// Looks at the login page and sends its form.
    pub(super) async fn logs_in(&mut self, fields: &[(&str, &str)]) -> Heard {
        let shown = self.get("/login").await;
        let csrf = hidden(&shown.text);
        let mut fields = fields.to_vec();
        fields.push(("csrf", &csrf));
        self.post("/login", &fields).await
    }

    /// What pages of the session send along.
    pub(super) async fn csrf(&mut self) -> String {
        let shown = self.get("/nowhere").await;
        hidden(&shown.text)
    }

    /// Whether the API knows them.
    pub(super) async fn is_known(&mut self) -> bool {
        let heard = self.get("/v1/freeze").await;
        assert!(
            [200, 401].contains(&heard.status.as_u16()),
            "{}",
            heard.text
        );
        heard.status == 200
    }
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// The value of the hidden field of the first form.
pub(super) fn hidden(page: &str) -> String {
    let (_, rest) = page
        .split_once("name=\"csrf\" value=\"")
        .unwrap_or_else(|| panic!("{page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

pub(super) fn location(heard: &Heard) -> &str {
    heard.headers["location"].to_str().unwrap()
}
