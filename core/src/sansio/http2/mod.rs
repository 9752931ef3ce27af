//! An HTTP/2 client connection (RFC 9113) that owns no socket: h2 over a transport in memory.

mod client;
mod error;
mod h2c;
mod machine;
mod settings;
mod state;
mod stream;
mod upload;
mod waker;

use http::Request;

pub use client::Http2Client;
pub use h2c::upgrade_request;
pub use settings::Http2Settings;

pub use super::exchange::{
    BodyPart, Flow, Handlers, HttpError, RequestBody, RequestHandle, ResponseBody,
};

/// Called with a request that the server promises to answer. What it gives takes the answer; `None` refuses it
/// (`RST_STREAM` with CANCEL; RFC 9113, 8.4.2).
pub type PushHandler = Box<dyn FnMut(Request<()>) -> Option<Handlers> + Send>;
/// Called when a ping was answered; dropped when it never will be.
pub type PingHandler = Box<dyn FnOnce() + Send>;
