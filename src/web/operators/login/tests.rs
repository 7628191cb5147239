//! Logging in through the real router, as a browser does it.

mod browser;
mod csrf;
mod oidc;
mod proxied;
mod provider;
mod sessions;
