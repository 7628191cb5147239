//! Who a person is: local users, a reverse proxy in front of us, a directory by OpenID Connect, and bearer tokens.
//!
//! What must hold:
//! - a name comes from a credential that was checked, never from a body or a query;
//! - what a person may do is looked up anew at every use, from what the config and the users file say then, and from the
//!   groups that a directory vouched for within the lifetime of a session;
//! - nobody learns from how long an answer takes, or from what it says, whether a name exists;
//! - no password, token, code or cookie is in an error, a log line or `Debug`.

pub mod directory;
pub mod seal;
pub mod session;
pub mod password;
pub mod throttle;
pub mod users;
pub mod proxy;
pub mod oidc;

pub use directory::{Directory, Grants, Known, Listed, NotAdmitted, Origin, Proven};
pub use oidc::OidcSettings;
pub use proxy::ProxySettings;
pub use seal::{Purpose, Seal};
pub use session::Session;
pub use throttle::{Attempt, Device, Paused, Throttle, Way};
pub use users::{Holder, LoggedIn, LoginError, Taken, Users, UsersError};
