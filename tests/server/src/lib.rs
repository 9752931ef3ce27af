//! Servers for Trunkline's tests.
//!
//! [`cases`] plays the scripts of `tests/cases`, broken ones among them, and judges what the client did. [`embedded`]
//! answers like an ordinary web server, with and without TLS.

pub mod bytes;
pub mod cases;
mod control;
pub mod embedded;
mod fields;
mod frame;
mod http1;
mod http2;
mod play;
pub mod script;
mod verdict;
mod websocket;
mod wire;
