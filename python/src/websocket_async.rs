//! An open WebSocket, used from asyncio.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::prelude::*;
use trunkline::Frame;

use crate::frames;
use crate::listener::Listener;
use crate::receive::{AsyncExchange, Link, Wanted, receive};
use crate::waiting::{Goal, try_send, wait};

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
    #[pyo3(signature = (exchange, response, views=false))]
    fn new(
        exchange: &Bound<'_, AsyncExchange>,
        response: Py<PyAny>,
        views: bool,
    ) -> AsyncWebSocket {
        let (engine, channel) = &exchange.get().link;
        if views {
            channel.set_views();
        }
        AsyncWebSocket {
            link: (Arc::clone(engine), Arc::clone(channel)),
            response,
        }
    }

    /// Has a listener take what comes, and what is there already.
    fn _listen(slf: &Bound<'_, Self>, listener: &Bound<'_, PyAny>) -> PyResult<()> {
        let (engine, channel) = &slf.get().link;
        channel.listen(Listener::new(slf.as_any(), listener, channel.binary())?);
        engine.tell(slf.py(), std::slice::from_ref(channel))
    }

    /// Sends a message; waits while the queue is full. A message is on its way when the call returns, also before the
    /// result is awaited, unless the queue is full.
    fn send<'py>(
        &self,
        py: Python<'py>,
        message: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frames = VecDeque::from([frames::outgoing(message)?]);
        wait(py, &self.link, Goal::Messages(frames))
    }

    /// Sends a message unless the queue is full; says whether it was taken.
    fn try_send(&self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<bool> {
        try_send(py, &self.link, frames::outgoing(message)?)
    }

    /// Sends messages, as many `send`s would; waits while the queue is full.
    fn send_many<'py>(
        &self,
        py: Python<'py>,
        messages: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        wait(py, &self.link, Goal::Messages(frames::several(messages)?))
    }

    /// Sends a frame of a kind: `text`, `binary` or `continuation`, of which the last one ends the message, `ping` or `pong`.
    #[pyo3(signature = (kind, payload, last=true))]
    fn send_frame<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        payload: &Bound<'py, PyAny>,
        last: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frame = frames::by_kind(kind, payload, None, Some(last))?;
        wait(py, &self.link, Goal::Messages(VecDeque::from([frame])))
    }

    /// The next message. Raises `WebSocketClosed` after the last.
    fn recv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        receive(py, &self.link, Wanted::Message)
    }

    /// The messages that have come, `limit` at most, in a list; waits for the first. Raises `WebSocketClosed` after the
    /// last.
    #[pyo3(signature = (limit=1024))]
    fn recv_many<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyAny>> {
        receive(py, &self.link, Wanted::Messages(limit.max(1)))
    }

    /// Sends a ping and waits for its answer: the seconds it took. Pings of the peer are answered without being asked.
    #[pyo3(signature = (payload=None))]
    fn ping<'py>(
        &self,
        py: Python<'py>,
        payload: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let payload = payload.map(crate::prepare::shared).transpose()?;
        wait(py, &self.link, Goal::Ping(payload, None))
    }

    /// The seconds that the last ping and its answer took; None before the first.
    #[getter]
    fn latency(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        let latency = self.link.1.control(py)?.latency();
        Ok(latency.map(|time| time.as_secs_f64()))
    }

    /// Closes the WebSocket: says so to the peer and waits for its answer, up to `timeout` seconds where given. Messages that
    /// nobody waits for are dropped. Nothing happens when it is closed already.
    #[pyo3(signature = (code=1000, reason="", timeout=None))]
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

    /// Waits until the WebSocket is closed, by whomever.
    fn wait_closed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        wait(py, &self.link, Goal::End(false))
    }

    /// The same; nobody wants what still comes.
    fn _wait_unread<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        wait(py, &self.link, Goal::End(true))
    }

    /// Begins to close: the peer is told, nobody waits.
    #[pyo3(signature = (code=1000, reason=""))]
    fn start_close<'py>(
        &self,
        py: Python<'py>,
        code: u16,
        reason: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frame = Frame::Close(Some(code), reason.to_owned().into());
        wait(py, &self.link, Goal::Messages(VecDeque::from([frame])))
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

    /// Whether nothing can be sent any more: the peer has closed it, or it has come to its end.
    #[getter]
    fn closed(&self) -> bool {
        self.link
            .1
            .with_ending(|ending| ending.ended || ending.close().is_some())
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

    /// The subprotocol that the peer chose; None where it chose none.
    #[getter]
    fn subprotocol(&self, py: Python<'_>) -> PyResult<Option<String>> {
        frames::subprotocol(self.response.bind(py))
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
