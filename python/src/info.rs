//! What is known of a request after its end.

use std::sync::Arc;

use pyo3::prelude::*;
use trunkline::Protocol;

/// The connection that served a request.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct ConnectionInfo(Arc<trunkline::ConnectionInfo>, bool);

#[pymethods]
impl ConnectionInfo {
    /// A number that no other connection of this process has.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id
    }

    /// `HTTP/1.1`, `HTTP/2` or `WebSocket`.
    #[getter]
    fn protocol(&self) -> &'static str {
        match self.0.protocol {
            Protocol::Http1 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
            Protocol::WebSocket => "WebSocket",
        }
    }

    /// TLS version and cipher suite; None in clear text.
    #[getter]
    fn tls(&self) -> Option<&str> {
        self.0.tls.as_deref()
    }

    /// The peer's address as `host:port`; None for a unix socket.
    #[getter]
    fn remote(&self) -> Option<String> {
        self.0.remote.map(|address| address.to_string())
    }

    /// This side's address as `host:port`; None for a unix socket.
    #[getter]
    fn local(&self) -> Option<String> {
        self.0.local.map(|address| address.to_string())
    }

    /// Whether the connection had served another request before.
    #[getter]
    fn reused(&self) -> bool {
        self.1
    }

    fn __repr__(&self) -> String {
        let reused = if self.1 { "True" } else { "False" };
        format!(
            "ConnectionInfo(id={}, protocol={:?}, remote={:?}, reused={reused})",
            self.0.id,
            self.protocol(),
            self.remote().unwrap_or_default()
        )
    }
}

/// When a request passed each point of its life, in seconds from its submission; 0 where it did not pass one.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Timings(trunkline::Timings);

#[pymethods]
impl Timings {
    /// The host name was resolved.
    #[getter]
    fn resolved(&self) -> f64 {
        self.0.resolved.as_secs_f64()
    }

    /// The transport connection stood.
    #[getter]
    fn connected(&self) -> f64 {
        self.0.connected.as_secs_f64()
    }

    /// The TLS handshake was done.
    #[getter]
    fn secured(&self) -> f64 {
        self.0.secured.as_secs_f64()
    }

    /// The request held a connection, new or reused.
    #[getter]
    fn acquired(&self) -> f64 {
        self.0.acquired.as_secs_f64()
    }

    /// The head of the answer was there.
    #[getter]
    fn first_byte(&self) -> f64 {
        self.0.first_byte.as_secs_f64()
    }

    /// The end.
    #[getter]
    fn total(&self) -> f64 {
        self.0.total.as_secs_f64()
    }

    fn __repr__(&self) -> String {
        format!(
            "Timings(resolved={:.6}, connected={:.6}, secured={:.6}, acquired={:.6}, first_byte={:.6}, total={:.6})",
            self.resolved(),
            self.connected(),
            self.secured(),
            self.acquired(),
            self.first_byte(),
            self.total()
        )
    }
}

/// How a request went.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Summary(pub(crate) Arc<trunkline::Summary>);

#[pymethods]
impl Summary {
    /// The connection that served it, where one was reached.
    #[getter]
    pub(crate) fn connection(&self) -> Option<ConnectionInfo> {
        self.0
            .connection
            .as_ref()
            .map(|info| ConnectionInfo(Arc::clone(info), self.0.reused))
    }

    /// How often it was sent: 1, and one more for each safe replay.
    #[getter]
    pub(crate) fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Body bytes (or WebSocket payload bytes) received.
    #[getter]
    fn received(&self) -> u64 {
        self.0.received
    }

    /// Body bytes (or WebSocket payload bytes) sent.
    #[getter]
    fn sent(&self) -> u64 {
        self.0.sent
    }

    /// The points it passed.
    #[getter]
    pub(crate) fn timings(&self) -> Timings {
        Timings(self.0.timings)
    }

    fn __repr__(&self) -> String {
        format!(
            "Summary(attempts={}, received={}, sent={}, total={:.6})",
            self.0.attempts,
            self.0.received,
            self.0.sent,
            self.0.timings.total.as_secs_f64()
        )
    }
}
