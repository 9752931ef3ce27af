//! Trunkline: a connection manager. One core opens, pools, multiplexes and supervises HTTP/1.1, HTTP/2 and WebSocket
//! connections and hands every answer over part by part.
#![deny(unsafe_code)]

mod auth;
mod coding;
mod connect;
mod cookies;
mod delivery;
mod drive;
mod error;
mod exchange;
mod fork;
mod insight;
pub mod limits;
mod manager;
mod options;
mod part;
mod pool;
mod protocol;
mod request;
pub mod sansio;
mod statistics;
mod text;

pub use auth::{Auth, AuthCallback, AuthRequest, AwsPayload, AwsSigV4};
pub use cookies::{Cookie, CookieJar, SameSite};
pub use delivery::{Callback, Control, Delivery, Event, FrameAnswer, Frames, Mail, RequestHandle};
pub use drive::ManualClock;
pub use error::{Error, ErrorCode, Phase, Result};
pub use insight::HarLog;
pub use manager::Manager;
pub use options::{
    Attempt, ClientIdentity, ConnectionOptions, DelayOption, Drive, HttpVersions, Lookup,
    ManagerOptions, NoProxy, Policy, PolicyOverrides, Proxy, ProxyAuth, ProxyOption, ProxyRules,
    Resolve, ResumeFunction, Retry, RetryDecision, RetryDelay, RetryFunction, TcpKeepAlive,
    Timeouts, TlsOptions, TlsVersion, Verify, WebSocketDeflate, WebSocketReconnect,
};
pub use part::{
    ConnectionInfo, FragmentKind, Frame, Head, Latency, Part, Protocol, Redirect, Summary, Timings,
};
pub use request::{
    Body, BodyReader, BodySource, FileBody, Multipart, PathStyle, Request, TimeoutOverrides,
    UrlTemplate, form, header_field, header_name_of, http_date, json,
};
pub use statistics::Statistics;
pub use text::{Lines, ServerSentEvent, ServerSentEvents, TextDecoder, charset_of};
