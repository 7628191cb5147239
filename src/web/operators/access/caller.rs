//! Whoever sends a request, and how that is known.

use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;

use super::{CSRF_FIELD, Form};
use crate::domain::person::Person;
use crate::domain::rationale::{bounded, visible};
use crate::identity::{NotAdmitted, Proven, Purpose, Session};
use crate::web::operators::Operators;
use crate::web::operators::entrance::{Cookie, unsealed};
use crate::web::problem::{self, Code, Problem};
use crate::web::serve::Peer;
use crate::web::token;

/// What a script of ours sends along; a foreign page cannot add it.
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Whoever sends a request.
pub(in crate::web::operators) struct Caller {
    /// What they may do.
    pub(in crate::web::operators) person: Person,
    proven: Proven,
    way: Way,
}

/// How it is known.
enum Way {
    /// The request says it itself; no browser adds that.
    Bearer,
    /// Their browser adds a cookie.
    Session(Box<Session>),
    /// The proxy adds a header.
    Proxy,
}

impl Caller {
    /// Whoever sends the request of `parts`. A bearer token goes before a proxy, and a proxy before a session; what was
    /// tried and is wrong is not made up for by another.
    pub(in crate::web::operators) async fn of(
        parts: &Parts,
        operators: &Operators,
    ) -> Result<Self, Problem> {
        let entrance = &operators.entrance;
        let (proven, way) = if token::is_presented(&parts.headers) {
            (entrance.holder(&parts.headers)?, Way::Bearer)
        } else if let Some(proven) = vouched(parts, operators)? {
            (proven, Way::Proxy)
        } else {
            let session = session(&parts.headers, operators).await?;
            (session.proven.clone(), Way::Session(Box::new(session)))
        };
        let person =
            (entrance.directory.admit(&proven)).map_err(|reason| match (&way, &reason) {
                (_, NotAdmitted::Unavailable(_)) | (Way::Proxy, _) => not_admitted(reason),
                (Way::Bearer | Way::Session(_), _) => unproven("you are not let in here any more"),
            })?;
        Ok(Self {
            person,
            proven,
            way,
        })
    }

    /// Whether this may change something, if it is meant to: for the API.
    pub(super) fn may_send(&self, parts: &Parts, operators: &Operators) -> Result<(), Problem> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if reads {
            return Ok(());
        }
        self.prove_ours(parts, None, operators)
    }

    /// Whether a page of ours sent the form: for pages.
    pub(in crate::web::operators) fn sent(
        &self,
        parts: &Parts,
        form: &Form,
        operators: &Operators,
    ) -> Result<(), Problem> {
        self.prove_ours(parts, form.one(CSRF_FIELD)?, operators)
    }

    fn prove_ours(
        &self,
        parts: &Parts,
        field: Option<&str>,
        operators: &Operators,
    ) -> Result<(), Problem> {
        if matches!(self.way, Way::Bearer) {
            return Ok(());
        }
        operators.entrance.site.sent_from_here(&parts.headers)?;
        let mut header = parts.headers.get_all(CSRF_HEADER).iter();
        let header = match (header.next(), header.next()) {
            (Some(value), None) => value.to_str().ok(),
            (None, _) | (Some(_), Some(_)) => None,
        };
        let presented = header.or(field).unwrap_or_default();
        let is_ours = match &self.way {
            Way::Bearer => true,
            Way::Session(session) => session.csrf().matches(presented.as_bytes()),
            Way::Proxy => (operators.entrance.seal)
                .open(Purpose::ProxyForm, presented, operators.flow.clock().now())
                .is_some_and(|name: String| name == self.proven.name),
        };
        if is_ours {
            return Ok(());
        }
        Err(Problem::new(
            Code::Forbidden,
            "this was not sent from a page of this session; load the page again and repeat it there",
        ))
    }

    /// What a page of ours has to send along.
    pub(super) fn csrf(&self, operators: &Operators) -> Result<String, Problem> {
        match &self.way {
            // No form needs it: nothing but the token counts.
            Way::Bearer => Ok(String::new()),
            Way::Session(session) => Ok(session.csrf().expose().to_owned()),
            Way::Proxy => {
                let until = self.until(operators);
                let seal = &operators.entrance.seal;
                (seal.seal(Purpose::ProxyForm, &self.proven.name, until)).map_err(unsealed)
            }
        }
    }

    /// When they must prove again who they are.
    pub(super) fn until(&self, operators: &Operators) -> Timestamp {
        match &self.way {
            Way::Session(session) => session.until,
            Way::Bearer | Way::Proxy => operators.entrance.until(operators.flow.clock().now()),
        }
    }

    /// Their session, if that is how they are known.
    pub(in crate::web::operators) fn session(&self) -> Option<&Session> {
        match &self.way {
            Way::Session(session) => Some(session),
            Way::Bearer | Way::Proxy => None,
        }
    }

    /// Who they are now; `None` once they are nobody.
    pub(super) async fn still(&self, operators: &Operators) -> Option<Person> {
        if let Some(session) = self.session() {
            standing(session, operators).await.ok()?;
        }
        operators.entrance.directory.person(&self.proven)
    }
}

fn unproven(detail: &str) -> Problem {
    Problem::new(Code::Unverified, detail).challenging()
}

/// They are who they say, and may do nothing. What would let them in is not for them to know.
pub(in crate::web::operators) fn not_admitted(reason: NotAdmitted) -> Problem {
    let detail = match &reason {
        NotAdmitted::Unknown(name) => {
            let name = bounded(&visible(name), 80);
            format!("you are logged in as `{name}`, and nobody has let you in here yet")
        }
        NotAdmitted::Unavailable(_) => {
            let detail = "who may come in cannot be told now";
            return Problem::new(Code::Unavailable, detail).because(reason);
        }
        NotAdmitted::NameTaken(_)
        | NotAdmitted::NameOfTool(_)
        | NotAdmitted::NameIsAnAddress(_)
        | NotAdmitted::Nameless => visible(&reason.to_string()),
    };
    Problem::new(Code::Forbidden, detail)
}

/// Whom the proxy vouches for.
fn vouched(parts: &Parts, operators: &Operators) -> Result<Option<Proven>, Problem> {
    let entrance = &operators.entrance;
    let (Some(proxy), Some(Peer(peer))) = (&entrance.proxy, parts.extensions.get()) else {
        return Ok(None);
    };
    let vouched = (proxy.vouches(*peer, &parts.headers)).map_err(|error| {
        let detail = "the proxy does not say clearly who you are";
        unproven(detail).because(error)
    })?;
    if let Some(proven) = &vouched {
        let now = operators.flow.clock().now();
        entrance.directory.saw(proven, entrance.until(now), now);
    }
    Ok(vouched)
}

async fn session(headers: &HeaderMap, operators: &Operators) -> Result<Session, Problem> {
    let entrance = &operators.entrance;
    let Some(cookie) = entrance.site.cookie(headers, Cookie::Session) else {
        return Err(unproven(
            "log in, or give a token: `Authorization: Bearer …`",
        ));
    };
    let session: Option<Session> =
        entrance
            .seal
            .open(Purpose::Session, &cookie, operators.flow.clock().now());
    let session = session.ok_or_else(|| unproven("the session is over; log in again"))?;
    standing(&session, operators).await?;
    Ok(session)
}

/// Whether a session still counts.
async fn standing(session: &Session, operators: &Operators) -> Result<(), Problem> {
    let ended = (operators.flow.store().spent(session.ended()).await).map_err(problem::of_store)?;
    if ended
        || session.until <= operators.flow.clock().now()
        || !operators.entrance.vouches_still(session)
    {
        return Err(unproven("the session is over; log in again"));
    }
    Ok(())
}
