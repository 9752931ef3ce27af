//! An HTTP/1.1 client connection (RFC 9112) that owns no socket: hyper over a transport in memory. It carries one exchange at
//! a time; others wait for their turn.

mod client;
mod machine;
mod receive;
mod state;
mod upload;

pub use super::exchange::{
    BodyPart, Flow, Handlers, HttpError, RequestBody, RequestHandle, ResponseBody, UpgradeHandler,
};
pub use client::Http1Client;

use crate::limits;

/// What a connection is made with.
#[derive(Debug, Clone)]
pub struct Http1Settings {
    /// Fields of an answer: 100.
    pub max_headers: usize,
    /// Bytes of an answer's head: 64 KiB.
    pub max_header_bytes: usize,
}

impl Default for Http1Settings {
    fn default() -> Http1Settings {
        Http1Settings {
            max_headers: limits::HEADERS,
            max_header_bytes: limits::HEADER_BYTES,
        }
    }
}
