//! Trunkline: a connection manager. One core opens, pools, multiplexes and supervises HTTP/1.1, HTTP/2 and WebSocket
//! connections and hands every answer over part by part.
#![deny(unsafe_code)]

mod delivery;
mod error;
mod fork;
pub mod limits;
mod manager;
mod options;
mod part;
mod request;

pub use delivery::{Callback, Control, Delivery, Event, RequestHandle};
pub use error::{Error, ErrorCode, Phase, Result};
pub use manager::{Manager, Statistics};
pub use options::{ClientIdentity, Drive, HttpVersions, ManagerOptions, Timeouts, TlsOptions, Verify};
pub use part::{ConnectionInfo, Frame, Head, Part, Protocol, Summary, Timings};
pub use request::{Body, Request, TimeoutOverrides, header_field};
