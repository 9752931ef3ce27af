//! Options of a manager and of a request, with their defaults.

mod connection;
mod no_proxy;
mod policy;
mod proxy;
mod tls;
mod websocket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderMap;

use crate::cookies::CookieJar;
use crate::insight::HarLog;
use crate::limits;

pub(crate) use connection::Outcome;
pub use connection::{ConnectionOptions, Lookup, Resolve, TcpKeepAlive};
pub use no_proxy::NoProxy;
pub use policy::{
    Attempt, DelayOption, Policy, PolicyOverrides, Retry, RetryDecision, RetryDelay, RetryFunction,
};
pub(crate) use proxy::ProxyKind;
pub use proxy::{Proxy, ProxyAuth, ProxyOption, ProxyRules};
pub use tls::{ClientIdentity, TlsOptions, TlsVersion, Verify};
pub use websocket::{ResumeFunction, WebSocketDeflate, WebSocketReconnect};

/// Who runs the reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// So many background threads, each with a reactor of its own; an origin belongs to one of them.
    Threads(usize),
    /// No thread: `poll` and `recv` run the reactor on the caller's thread.
    Inline,
}

/// Which HTTP versions may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpVersions {
    /// HTTP/2 where TLS negotiates it (ALPN), else HTTP/1.1. Clear text is HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; in clear text by prior knowledge (RFC 9113, 3.3).
    Http2,
    /// As `Auto`, but in clear text HTTP/1.1 that asks for HTTP/2 (`Upgrade: h2c`; RFC 7540, 3.2). Only a request without
    /// a body asks; until the peer has answered, for at most [`limits::UPGRADE_PATIENCE`], others to the origin wait. A peer
    /// that does not want to is spoken with by HTTP/1.1. A proxy that forwards is not asked: an upgrade does not go past
    /// it.
    Upgrade,
}

/// Deadlines by phase. `None` sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Waiting for a connection or stream of the pool. Default none.
    pub pool: Option<Duration>,
    /// Resolving the host name. Default 10 s.
    pub resolve: Option<Duration>,
    /// Establishing the transport connection. Default 10 s.
    pub connect: Option<Duration>,
    /// The TLS handshake. Default 10 s.
    pub tls: Option<Duration>,
    /// The peer takes nothing of the request. Default 60 s.
    pub write: Option<Duration>,
    /// From the request being sent to the head of the answer. Default none.
    pub first_byte: Option<Duration>,
    /// The answer stands still while the caller is willing to take more. Default none.
    pub idle: Option<Duration>,
    /// From submission to the end. Default none.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            pool: None,
            resolve: Some(Duration::from_secs(10)),
            connect: Some(Duration::from_secs(10)),
            tls: Some(Duration::from_secs(10)),
            write: Some(Duration::from_secs(60)),
            first_byte: None,
            idle: None,
            total: None,
        }
    }
}

/// How a manager works. Every field has a default: `ManagerOptions { drive: Drive::Inline, ..Default::default() }`.
#[derive(Debug, Clone)]
pub struct ManagerOptions {
    /// Who runs the reactor. Default one background thread.
    pub drive: Drive,
    /// Which HTTP versions may be used. Requests may say otherwise.
    pub http: HttpVersions,
    /// Deadlines of requests that set none themselves.
    pub timeouts: Timeouts,
    /// TLS with the targets.
    pub tls: TlsOptions,
    /// Which proxies are used. Default none.
    pub proxy: ProxyOption,
    /// How user and password are shown to HTTP proxies. Default Basic.
    pub proxy_auth: ProxyAuth,
    /// Fields for every HTTP proxy, in CONNECT and in requests that it forwards; never for a target behind a tunnel.
    pub proxy_headers: HeaderMap,
    /// TLS with proxies whose scheme is `https`. Nothing of `tls` counts for them.
    pub proxy_tls: TlsOptions,
    /// Sockets, and a resolver of the program's own.
    pub connection: ConnectionOptions,
    /// Addresses that stand in for a `host:port`, before any resolver is asked.
    pub resolve: Vec<(String, u16, Vec<SocketAddr>)>,
    /// Connect here, whatever the URL's host is, and without a proxy.
    pub unix_socket: Option<PathBuf>,
    /// Connections to one origin ([`limits::CONNECTIONS_PER_ORIGIN`]).
    pub max_connections_per_origin: usize,
    /// Connections in all ([`limits::CONNECTIONS`]).
    pub max_connections: usize,
    /// How long an unused connection is kept ([`limits::IDLE_CONNECTION`]).
    pub idle_connection_timeout: Duration,
    /// Bytes of a request's body that may be delivered and not released ([`limits::CREDIT`]).
    pub credit: usize,
    /// Bytes of a streamed upload that may be queued ([`limits::UPLOAD_BUFFER`]).
    pub upload_buffer: usize,
    /// Bytes of the head of an answer ([`limits::HEADER_BYTES`]).
    pub max_header_bytes: usize,
    /// Header fields of an HTTP/1.1 answer ([`limits::HEADERS`]).
    pub max_headers: usize,
    /// Bytes of an answer's body; 0 sets no limit, for bodies are streamed.
    pub max_body_bytes: u64,
    /// Streams at once on one HTTP/2 connection ([`limits::HTTP2_CONCURRENT_STREAMS`]).
    pub http2_max_concurrent_streams: usize,
    /// HTTP/2 connections to one origin ([`limits::HTTP2_CONNECTIONS_PER_ORIGIN`]). A further one is opened when all are
    /// full; when that fails, requests wait for those that stand.
    pub http2_connections_per_origin: usize,
    /// Let an HTTP/2 connection serve other https origins as well, if it leads to one of their addresses at the same port,
    /// and its certificate, which was checked, is valid for them (RFC 9113, 9.1.1). Not where `tls` checks nobody or
    /// another name than the URL's, nor through proxies; with several background threads, among the origins of one of
    /// them. Default no.
    pub http2_coalescing: bool,
    /// Receive window of one HTTP/2 stream ([`limits::HTTP2_STREAM_WINDOW`]).
    pub http2_stream_window: u32,
    /// Begin with the window of the protocol ([`limits::HTTP2_ADAPTIVE_WINDOW`]) and let it grow with bandwidth and delay
    /// of each connection, as PINGs measure them, up to `http2_stream_window`. Default no.
    pub http2_adaptive_window: bool,
    /// Receive window of a whole HTTP/2 connection ([`limits::HTTP2_CONNECTION_WINDOW`]). A smaller one lets streams whose
    /// owners take nothing starve the others.
    pub http2_connection_window: u32,
    /// Payload of one HTTP/2 frame that the peer may send ([`limits::HTTP2_FRAME_BYTES`]); 16384 to 16777215.
    pub http2_max_frame_size: u32,
    /// Bytes of the table by which the peer compresses header fields ([`limits::HTTP2_HEADER_TABLE`]).
    pub http2_header_table_size: u32,
    /// Send a PING on HTTP/2 connections in use this often, to measure the round trip and notice a dead peer. Default none.
    pub http2_ping_interval: Option<Duration>,
    /// Send it on unused connections as well. Default no.
    pub http2_ping_unused: bool,
    /// Over which HTTP version a WebSocket is opened, where its request does not say. `Http1`, the default: each has a
    /// connection of its own. `Auto`: a stream of the HTTP/2 connection that requests to the origin share (RFC 8441), where
    /// such a connection stands or TLS negotiates one and its peer offers it; else a connection of its own. `Http2`: so, or
    /// an error.
    pub websocket_http: HttpVersions,
    /// Bytes of one WebSocket frame ([`limits::WEBSOCKET_FRAME_BYTES`]).
    pub websocket_max_frame_bytes: usize,
    /// Bytes of one WebSocket message ([`limits::WEBSOCKET_MESSAGE_BYTES`]).
    pub websocket_max_message_bytes: usize,
    /// Bytes of outgoing WebSocket messages that may be queued ([`limits::WEBSOCKET_SEND_BUFFER`]).
    pub websocket_send_buffer: usize,
    /// What is done with answers: redirects, retries, credentials, cookies, decoding. Requests may say otherwise.
    pub policy: Policy,
    /// Where exchanges are recorded; managers may share one. Default none.
    pub har: Option<HarLog>,
    /// The jar of [`Policy::cookies`]; managers may share one. Default: each has its own, empty at first.
    pub cookie_jar: Option<CookieJar>,
    /// Sent as `user-agent` where the request has none. Default `trunkline/VERSION`; empty sends none.
    pub user_agent: String,
}

impl Default for ManagerOptions {
    fn default() -> ManagerOptions {
        ManagerOptions {
            drive: Drive::Threads(1),
            http: HttpVersions::Auto,
            timeouts: Timeouts::default(),
            tls: TlsOptions::default(),
            proxy: ProxyOption::None,
            proxy_auth: ProxyAuth::default(),
            proxy_headers: HeaderMap::new(),
            proxy_tls: TlsOptions::default(),
            connection: ConnectionOptions::default(),
            resolve: Vec::new(),
            unix_socket: None,
            max_connections_per_origin: limits::CONNECTIONS_PER_ORIGIN,
            max_connections: limits::CONNECTIONS,
            idle_connection_timeout: limits::IDLE_CONNECTION,
            credit: limits::CREDIT,
            upload_buffer: limits::UPLOAD_BUFFER,
            max_header_bytes: limits::HEADER_BYTES,
            max_headers: limits::HEADERS,
            max_body_bytes: 0,
            http2_max_concurrent_streams: limits::HTTP2_CONCURRENT_STREAMS,
            http2_connections_per_origin: limits::HTTP2_CONNECTIONS_PER_ORIGIN,
            http2_coalescing: false,
            http2_stream_window: limits::HTTP2_STREAM_WINDOW,
            http2_adaptive_window: false,
            http2_connection_window: limits::HTTP2_CONNECTION_WINDOW,
            http2_max_frame_size: limits::HTTP2_FRAME_BYTES,
            http2_header_table_size: limits::HTTP2_HEADER_TABLE,
            http2_ping_interval: None,
            http2_ping_unused: false,
            websocket_http: HttpVersions::Http1,
            websocket_max_frame_bytes: limits::WEBSOCKET_FRAME_BYTES,
            websocket_max_message_bytes: limits::WEBSOCKET_MESSAGE_BYTES,
            websocket_send_buffer: limits::WEBSOCKET_SEND_BUFFER,
            policy: Policy::default(),
            har: None,
            cookie_jar: None,
            user_agent: concat!("trunkline/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
