//! An open WebSocket, used by blocking calls.

use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use trunkline::{ErrorCode, Event, Frame};

use crate::errors::with_code;
use crate::exchange::{Exchange, Link};
use crate::frames::{self, Ending};
use crate::parts::lock;
use crate::timeout::deadline;

/// An open WebSocket. `str` is sent and received as text, `bytes` as binary messages; iterate over it for messages.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct WebSocket {
    link: Arc<Link>,
    ending: Mutex<Ending>,
    /// The answer that opened it.
    #[pyo3(get)]
    response: Py<PyAny>,
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

    fn message(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Py<PyAny>>> {
        while let Some(event) = self.next(py, timeout)? {
            if let Some(message) = frames::message(py, &event) {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn offer(&self, py: Python<'_>, frame: &Frame, timeout: Option<f64>) -> PyResult<()> {
        let ending = lock(&self.ending);
        if ending.ended || ending.close().is_some() {
            return Err(ending.raise(py));
        }
        drop(ending);
        self.link
            .insist(py, deadline(timeout)?, |handle| handle.send(frame.clone()))
    }
}

#[pymethods]
impl WebSocket {
    #[new]
    fn new(exchange: &Bound<'_, Exchange>, response: Py<PyAny>) -> WebSocket {
        WebSocket {
            link: Arc::clone(&exchange.get().0),
            ending: Mutex::default(),
            response,
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
        self.offer(py, &frames::outgoing(message)?, timeout)
    }

    /// The next message. Raises `WebSocketClosed` after the last, `CallTimeout` when none came in `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn recv(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        self.message(py, timeout)?
            .ok_or_else(|| lock(&self.ending).raise(py))
    }

    /// Sends a ping. Pings of the peer are answered without being asked.
    #[pyo3(signature = (payload=None))]
    fn ping(&self, py: Python<'_>, payload: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let payload = payload
            .map(crate::prepare::shared)
            .transpose()?
            .unwrap_or_default();
        self.offer(py, &Frame::Ping(payload), None)
    }

    /// Closes the WebSocket: says so to the peer and waits up to `timeout` seconds for its answer. Messages that arrive
    /// meanwhile are dropped. Nothing happens when it is closed already.
    #[pyo3(signature = (code=1000, reason="", timeout=10.0))]
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
            self.link.handle.cancel();
            return Err(error);
        }
        while !lock(&self.ending).ended {
            let event = match self.link.next(py, until) {
                Ok(event) => event,
                Err(error) => {
                    self.link.handle.cancel();
                    let timed_out = error.value(py).getattr("name")?.eq("timeout")?;
                    return if timed_out { Ok(()) } else { Err(error) };
                }
            };
            lock(&self.ending).note(event.part());
        }
        Ok(())
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

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(message) = self.message(py, None)? {
            return Ok(Some(message));
        }
        let ending = lock(&self.ending);
        if ending.is_clean() {
            Ok(None)
        } else {
            Err(ending.raise(py))
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(
        &self,
        py: Python<'_>,
        _exception: &Bound<'_, pyo3::types::PyTuple>,
    ) -> PyResult<()> {
        if self.link.handle.is_ended() {
            return Ok(());
        }
        match self.close(py, 1000, "", Some(10.0)) {
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
