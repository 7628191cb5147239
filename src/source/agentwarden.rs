//! AgentWarden: a webhook source with what is known, and what is assumed, of agentwarden.io filled in.
