//! An open WebSocket, used from asyncio.

use std::sync::Arc;

use pyo3::prelude::*;
use trunkline::Frame;

use crate::channel::{AsyncExchange, Link, Wanted, receive, send};
use crate::frames;

/// An open WebSocket. `str` is sent and received as text, `bytes` as binary messages; iterate over it for messages.
///
/// Messages that have arrived are handed over without a turn of the event loop.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct AsyncWebSocket {
    link: Link,
    /// The answer that opened it.
    #[pyo3(get)]
    response: Py<PyAny>,
}

#[pymethods]
impl AsyncWebSocket {
    #[new]
    fn new(exchange: &Bound<'_, AsyncExchange>, response: Py<PyAny>) -> AsyncWebSocket {
        let (engine, channel) = &exchange.get().link;
        AsyncWebSocket {
            link: (Arc::clone(engine), Arc::clone(channel)),
            response,
        }
    }

    /// Sends a message; waits while the queue is full. A message is on its way when the call returns, also before the
    /// result is awaited, unless the queue is full.
    fn send<'py>(
        &self,
        py: Python<'py>,
        message: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        send(py, &self.link, frames::outgoing(message)?)
    }

    /// The next message. Raises `WebSocketClosed` after the last.
    fn recv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        receive(py, &self.link, Wanted::Message)
    }

    /// Sends a ping. Pings of the peer are answered without being asked.
    #[pyo3(signature = (payload=None))]
    fn ping<'py>(
        &self,
        py: Python<'py>,
        payload: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let payload = payload
            .map(crate::prepare::shared)
            .transpose()?
            .unwrap_or_default();
        send(py, &self.link, Frame::Ping(payload))
    }

    /// Closes the WebSocket: says so to the peer and waits up to `timeout` seconds for its answer. Messages that arrive
    /// meanwhile are dropped. Nothing happens when it is closed already.
    #[pyo3(signature = (code=1000, reason="", timeout=10.0))]
    fn close<'py>(
        slf: &Bound<'py, Self>,
        code: u16,
        reason: &str,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py()
            .import("trunkline._loop")?
            .call_method1("close_websocket", (slf, code, reason, timeout))
    }

    /// Begins to close: the peer is told, nobody waits.
    fn start_close<'py>(
        &self,
        py: Python<'py>,
        code: u16,
        reason: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        send(
            py,
            &self.link,
            Frame::Close(Some(code), reason.to_owned().into()),
        )
    }

    /// Gives the connection up at once, without a word to the peer.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self.link.1.cancel();
        self.link.0.nudge(py)
    }

    /// Whether the WebSocket has come to its end.
    #[getter]
    fn is_ended(&self) -> bool {
        self.link.1.with_ending(|ending| ending.ended)
    }

    /// The close code that the peer sent; None before that, or where it gave none.
    #[getter]
    fn close_code(&self) -> Option<u16> {
        self.link
            .1
            .with_ending(|ending| ending.close().and_then(|(code, _)| *code))
    }

    /// The close reason that the peer sent.
    #[getter]
    fn close_reason(&self) -> Option<String> {
        self.link.1.with_ending(|ending| {
            ending
                .close()
                .map(|(_, reason)| String::from_utf8_lossy(reason).into_owned())
        })
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        receive(py, &self.link, Wanted::Iteration)
    }
}

impl Drop for AsyncWebSocket {
    fn drop(&mut self) {
        self.link.1.cancel();
    }
}
