//! Where an address that came with a request may lead.

use std::net::IpAddr;

/// The hosts that a callback may go to; none, unless the config names them.
#[derive(Debug, Clone, Default)]
pub struct CallbackHosts {
    names: Vec<String>,
    addresses: Vec<(IpAddr, u8)>,
}
