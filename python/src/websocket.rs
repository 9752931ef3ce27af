//! An open WebSocket, used by blocking calls.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use trunkline::{ErrorCode, Event, Frame};

use crate::errors::{raise, with_code};
use crate::exchange::{Exchange, Link};
use crate::frames::{self, Binary, Ending};
use crate::listener::{Listener, Says};
use crate::parts::lock;
use crate::timeout::deadline;

/// Messages handed to a listener at once.
const BATCH: usize = 1024;

/// An open WebSocket. `str` is sent and received as text, `bytes` as binary messages; iterate over it for messages.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct WebSocket {
    link: Arc<Link>,
    ending: Mutex<Ending>,
    /// The answer that opened it.
    #[pyo3(get)]
    response: Py<PyAny>,
    /// What `run` hands the messages to.
    listener: Option<Py<PyAny>>,
    binary: Binary,
}

impl WebSocket {
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Event>> {
        if lock(&self.ending).ended {
            return Ok(None);
        }
        let event = self.link.next(py, deadline(timeout)?)?;
        lock(&self.ending).note(event.part());
        Ok(Some(event))
    }

    /// What has come, after waiting for the first of it; empty at the end.
    fn many(
        &self,
        py: Python<'_>,
        limit: usize,
        until: Option<Instant>,
    ) -> PyResult<VecDeque<Event>> {
        if lock(&self.ending).ended {
            return Ok(VecDeque::new());
        }
        let events = self.link.many(py, limit, until)?;
        let mut ending = lock(&self.ending);
        for event in &events {
            ending.note(event.part());
        }
        Ok(events)
    }

    fn message(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        while let Some(event) = self.next(py, timeout)? {
            if let Some(message) = frames::message(py, &event, self.binary) {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn raise(&self, py: Python<'_>) -> PyErr {
        lock(&self.ending).raise(py)
    }

    fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        let ending = lock(&self.ending);
        if ending.ended || ending.close().is_some() {
            return Err(ending.raise(py));
        }
        Ok(())
    }

    /// Sends frames; waits until the last was taken.
    fn offer(
        &self,
        py: Python<'_>,
        frames: VecDeque<Frame>,
        until: Option<Instant>,
    ) -> PyResult<()> {
        self.check_open(py)?;
        let left = Mutex::new(frames);
        self.link.insist(py, until, |handle| {
            let mut left = lock(&left);
            while !left.is_empty() {
                handle.send_many(&mut left)?;
            }
            Ok(())
        })?;
        self.link.flush(py)
    }

    /// Hands messages to the listener until one side has enough.
    fn listen(
        &self,
        py: Python<'_>,
        listener: &Listener,
        until: Option<Instant>,
    ) -> PyResult<&'static str> {
        loop {
            let events = self.many(py, BATCH, until)?;
            let mut says = Says::default();
            listener.hand_over(py, events.iter(), &mut says, || {
                lock(&self.ending).failure(py)
            })?;
            if lock(&self.ending).ended {
                return match lock(&self.ending).failure(py) {
                    Some(error) => Err(error),
                    None => Ok("done"),
                };
            }
            if !says.frames.is_empty() && self.check_open(py).is_ok() {
                self.offer(py, says.frames, until)?;
            }
            drop(events);
            if says.halt {
                self.close(py, 1000, "", None)?;
                return Ok("halt");
            }
        }
    }
}

#[pymethods]
impl WebSocket {
    #[new]
    #[pyo3(signature = (exchange, response, listener=None, views=false))]
    fn new(
        exchange: &Bound<'_, Exchange>,
        response: Py<PyAny>,
        listener: Option<Py<PyAny>>,
        views: bool,
    ) -> WebSocket {
        WebSocket {
            link: Arc::clone(&exchange.get().0),
            ending: Mutex::default(),
            response,
            listener,
            binary: Binary::new(views),
        }
    }

    /// Sends a message; waits while the queue is full.
    #[pyo3(signature = (message, timeout=None))]
    fn send(
        &self,
        py: Python<'_>,
        message: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let frames = VecDeque::from([frames::outgoing(message)?]);
        self.offer(py, frames, deadline(timeout)?)
    }

    /// Sends a message unless the queue is full; says whether it was taken.
    fn try_send(&self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.check_open(py)?;
        match self.link.handle.send(frames::outgoing(message)?) {
            Ok(()) => self.link.flush(py).map(|()| true),
            Err(error) if error.code() == ErrorCode::Again => Ok(false),
            Err(error) => Err(raise(py, &error)),
        }
    }

    /// Sends messages, as many `send`s would; waits while the queue is full.
    #[pyo3(signature = (messages, timeout=None))]
    fn send_many(
        &self,
        py: Python<'_>,
        messages: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        self.offer(py, frames::several(messages)?, deadline(timeout)?)
    }

    /// Sends a frame of a kind: `text`, `binary` or `continuation`, of which the last one ends the message, `ping` or `pong`.
    #[pyo3(signature = (kind, payload, last=true, timeout=None))]
    fn send_frame(
        &self,
        py: Python<'_>,
        kind: &str,
        payload: &Bound<'_, PyAny>,
        last: bool,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let frame = frames::by_kind(kind, payload, None, Some(last))?;
        self.offer(py, VecDeque::from([frame]), deadline(timeout)?)
    }

    /// The next message. Raises `WebSocketClosed` after the last, `CallTimeout` when none came in `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn recv(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        self.message(py, timeout)?.ok_or_else(|| self.raise(py))
    }

    /// The messages that have come, `limit` at most, in a list; waits for the first. Raises `WebSocketClosed` after the
    /// last, `CallTimeout` when none came in `timeout` seconds.
    #[pyo3(signature = (limit=1024, timeout=None))]
    fn recv_many<'py>(
        &self,
        py: Python<'py>,
        limit: usize,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let until = deadline(timeout)?;
        loop {
            let events = self.many(py, limit.max(1), until)?;
            if events.is_empty() {
                return Err(self.raise(py));
            }
            let messages: Vec<_> = events
                .iter()
                .filter_map(|event| frames::message(py, event, self.binary))
                .collect();
            if !messages.is_empty() {
                return PyList::new(py, messages);
            }
        }
    }

    /// Hands the messages to the listener that the WebSocket was opened with, batch by batch, until it is closed ("done") or
    /// the listener says "halt". What the listener raises is raised here. `CallTimeout` is raised when no message came in
    /// `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn run(slf: &Bound<'_, Self>, timeout: Option<f64>) -> PyResult<&'static str> {
        let py = slf.py();
        let this = slf.get();
        let given = this.listener.as_ref().ok_or_else(|| {
            PyRuntimeError::new_err("the WebSocket was opened without a listener")
        })?;
        let listener = Listener::new(slf.as_any(), given.bind(py), this.binary)?;
        this.listen(py, &listener, deadline(timeout)?)
    }

    /// Sends a ping and waits for its answer: the seconds it took. Messages that arrive meanwhile are kept. Pings of the peer
    /// are answered without being asked.
    #[pyo3(signature = (payload=None, timeout=None))]
    fn ping(
        &self,
        py: Python<'_>,
        payload: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<f64> {
        let payload = payload.map(crate::prepare::shared).transpose()?;
        self.check_open(py)?;
        match self.link.ping(py, payload.as_ref(), deadline(timeout)?)? {
            Some(time) => Ok(time.as_secs_f64()),
            None => Err(with_code(
                py,
                ErrorCode::ConnectionClosed,
                "the connection was lost before the ping was answered",
            )),
        }
    }

    /// The seconds that the last ping and its answer took; None before the first.
    #[getter]
    fn latency(&self) -> Option<f64> {
        self.link.handle.latency().map(|time| time.as_secs_f64())
    }

    /// Closes the WebSocket: says so to the peer and waits for its answer, up to `timeout` seconds where given. Messages that
    /// arrive meanwhile are dropped. Nothing happens when it is closed already.
    #[pyo3(signature = (code=1000, reason="", timeout=None))]
    fn close(&self, py: Python<'_>, code: u16, reason: &str, timeout: Option<f64>) -> PyResult<()> {
        let until = deadline(timeout)?;
        let frame = Frame::Close(Some(code), reason.to_owned().into());
        let asked = self
            .link
            .insist(py, until, |handle| match handle.send(frame.clone()) {
                Err(error) if error.code() == ErrorCode::InvalidState => Ok(()),
                result => result,
            });
        if let Err(error) = asked {
            // A close that RFC 6455 does not allow is the caller's to mend.
            if !error.value(py).getattr("name")?.eq("invalid_argument")? {
                self.link.handle.cancel();
            }
            return Err(error);
        }
        while !lock(&self.ending).ended {
            if let Err(error) = self.many(py, BATCH, until) {
                self.link.handle.cancel();
                let timed_out = error.value(py).getattr("name")?.eq("timeout")?;
                return if timed_out { Ok(()) } else { Err(error) };
            }
        }
        Ok(())
    }

    /// Gives the connection up at once, without a word to the peer.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        self.link.handle.cancel();
        self.link.flush(py)
    }

    /// Whether nothing can be sent any more: the peer has closed it, or it has come to its end.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.ending).close().is_some() || self.link.handle.is_ended()
    }

    /// The close code that the peer sent; None before that, or where it gave none.
    #[getter]
    fn close_code(&self) -> Option<u16> {
        lock(&self.ending).close().and_then(|(code, _)| *code)
    }

    /// The close reason that the peer sent.
    #[getter]
    fn close_reason(&self) -> Option<String> {
        lock(&self.ending)
            .close()
            .map(|(_, reason)| String::from_utf8_lossy(reason).into_owned())
    }

    /// The subprotocol that the peer chose; None where it chose none.
    #[getter]
    fn subprotocol(&self, py: Python<'_>) -> PyResult<Option<String>> {
        frames::subprotocol(self.response.bind(py))
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(message) = self.message(py, None)? {
            return Ok(Some(message));
        }
        match lock(&self.ending).failure(py) {
            None => Ok(None),
            Some(error) => Err(error),
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        if self.link.handle.is_ended() {
            return Ok(());
        }
        // Whoever is interrupted does not wait for the peer.
        let interrupted = exception.get_item(1).is_ok_and(|error| {
            !error.is_none() && !error.is_instance_of::<pyo3::exceptions::PyException>()
        });
        if interrupted {
            return self.abort(py);
        }
        match self.close(py, 1000, "", None) {
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyException>(py) => {
                let state = with_code(py, ErrorCode::InvalidState, "");
                if error.get_type(py).is(state.get_type(py)) {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            result => result,
        }
    }
}
