//! Trunkline: a connection manager. One core opens, pools, multiplexes and supervises HTTP/1.1, HTTP/2 and WebSocket
//! connections and hands every answer over part by part.
#![deny(unsafe_code)]

mod connect;
mod delivery;
mod drive;
mod error;
mod exchange;
mod fork;
pub mod limits;
mod manager;
mod options;
mod part;
mod pool;
mod protocol;
mod request;
mod statistics;

pub use delivery::{Callback, Control, Delivery, Event, RequestHandle};
pub use drive::ManualClock;
pub use error::{Error, ErrorCode, Phase, Result};
pub use manager::Manager;
pub use options::{
    ClientIdentity, ConnectionOptions, Drive, HttpVersions, Lookup, ManagerOptions, NoProxy, Proxy,
    ProxyOption, ProxyRules, Resolve, TcpKeepAlive, Timeouts, TlsOptions, TlsVersion, Verify,
};
pub use part::{ConnectionInfo, Frame, Head, Part, Protocol, Summary, Timings};
pub use request::{Body, Request, TimeoutOverrides, header_field};
pub use statistics::Statistics;
