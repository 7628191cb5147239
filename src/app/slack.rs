//! Slack's end of the listener for platforms, where a Slack app is configured.

use std::sync::Arc;

use super::StartError;
use crate::config::Config;
use crate::flow::Flow;
use crate::identity::Directory;
use crate::source::Client;
use crate::web::slack::{Interactions, SlackDesk};

/// Whoever takes the clicks of the configured app, if there is one. Links lead to `inbox`.
pub(super) fn interactions(
    config: &Config,
    client: &Client,
    flow: &Arc<Flow>,
    directory: &Arc<Directory>,
    inbox: &Arc<str>,
) -> Result<Option<Arc<Interactions>>, StartError> {
    let Some(settings) = &config.notify.slack else {
        return Ok(None);
    };
    let desk = SlackDesk {
        flow: Arc::clone(flow),
        directory: Arc::clone(directory),
        settings: settings.clone(),
        client: client.clone(),
        inbox: Arc::clone(inbox),
    };
    let interactions = Interactions::new(desk).map_err(StartError::Scheme)?;
    Ok(Some(Arc::new(interactions)))
}
