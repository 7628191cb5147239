//! Any platform that asks by webhook and is answered over HTTP, described by configuration alone.
//!
//! What must hold: nothing is known here of any platform; a place that the settings do not name is absent; a delivery
//! that is not understood is refused, never guessed at.

mod settings;
mod template;
mod event;
mod parts;
mod capability;
mod read;

pub use settings::{
    Acknowledge, Answering, Call, Confirm, Events, Fields, Lookup, Pages, Place, Reconcile,
    ResolvedFields, Settings, Status, Statuses,
};
pub use template::{BodyTemplate, InvalidTemplate, Placeholder, TextTemplate, UrlTemplate};

/// How many characters of a platform's words are shown.
const MAXIMUM_SHOWN: usize = 500;
