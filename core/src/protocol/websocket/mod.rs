//! WebSocket (RFC 6455) on tungstenite's frame layer.

mod handshake;
mod session;

pub(crate) use handshake::{check, prepare};
pub(crate) use session::Session;
