//! Whose names are given away by a config, so that nobody gets in under them from elsewhere.

use super::{ChannelKind, Config};
use crate::identity::{Holder, Taken};

impl Config {
    /// The names of the tokens and of the teams' tools.
    pub fn taken(&self) -> Vec<Taken> {
        let tokens = self.operators.tokens.iter().map(|token| Taken {
            name: token.name.clone(),
            email: token.email.clone(),
            by: Holder::Token,
        });
        let tools = self.notify.channels.iter().filter_map(|channel| {
            let ChannelKind::Webhook(webhook) = &channel.kind else {
                return None;
            };
            Some(Taken {
                name: webhook.decisions.as_ref()?.by.clone(),
                email: None,
                by: Holder::Tool,
            })
        });
        tokens.chain(tools).collect()
    }
}
