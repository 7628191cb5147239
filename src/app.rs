//! The composition root: a config becomes ports, a flow, listeners and workers.
//!
//! [`App`] owns every task. A worker that dies takes the program down with a message; a stop goes through in an order
//! in which nothing is lost: no longer ready, intake closed, requests in flight finished, answers under way finished,
//! the store closed.

mod key;
mod sources;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Store as StoreConfig};
use crate::domain::id::Revision;
use crate::flow::{Courier, CourierSettings, Desk, Flow, Observer};
use crate::metrics::Metrics;
use crate::observe::{Observers, Watching};
use crate::policy::watch::{KeepError, KeepSets, LivePolicies, OpenError};
use crate::policy::{Budget, engine_version};
use crate::source::{Client, InvalidUrl, Timeouts, TlsUnavailable};
use crate::store::sqlite::{SqliteSettings, SqliteStore, Synchronous};
use crate::store::{Store, StoreError, StoredSet};
use crate::web;

/// What is chosen by whoever starts the program, and not by its config.
#[derive(Default)]
pub struct Options {
    /// How durable a commit is. Only the fault tests turn it down.
    pub synchronous: Synchronous,
    /// Somebody else who wants to see what happens.
    pub observer: Option<Arc<dyn Observer>>,
}

/// A server that is ready to run.
pub struct App {
    config: Config,
    intake: TcpListener,
    operators: TcpListener,
    addresses: Addresses,
    flow: Arc<Flow>,
    agents: Vec<Arc<crate::source::http::HttpSource>>,
    policies: Arc<LivePolicies>,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    observer: Arc<dyn Observer>,
    readiness: web::Readiness,
    clock: Clock,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For platforms and agents.
    pub intake: SocketAddr,
    /// For people.
    pub operators: SocketAddr,
}
