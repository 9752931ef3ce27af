//! WebSocket messages and frames between Python and the core.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use trunkline::{Error, Event, Frame, Part};

use crate::errors::{raise, websocket_closed};
use crate::parts::utf8;
use crate::prepare::shared;

/// A message from Python: str is text, anything bytes-like is binary.
pub(crate) fn outgoing(message: &Bound<'_, PyAny>) -> PyResult<Frame> {
    if let Ok(text) = message.cast::<PyString>() {
        return Ok(Frame::Text(Bytes::copy_from_slice(
            text.to_cow()?.as_bytes(),
        )));
    }
    shared(message).map(Frame::Binary)
}

/// A frame by the name of its kind.
pub(crate) fn by_kind(
    kind: &str,
    payload: &Bound<'_, PyAny>,
    code: Option<u16>,
) -> PyResult<Frame> {
    let payload = shared(payload)?;
    Ok(match kind {
        "text" => Frame::Text(payload),
        "binary" => Frame::Binary(payload),
        "ping" => Frame::Ping(payload),
        "pong" => Frame::Pong(payload),
        "close" => Frame::Close(code, payload),
        _ => {
            return Err(pyo3::exceptions::PyValueError::new_err(format!(
                "a frame is of no kind {kind:?}"
            )));
        }
    })
}

/// How a WebSocket came to its end, for those who still want something of it.
#[derive(Default)]
pub(crate) struct Ending {
    close: Option<(Option<u16>, Bytes)>,
    failure: Option<Error>,
    pub(crate) ended: bool,
}

impl Ending {
    /// Looks at a part before it is handed on.
    pub(crate) fn note(&mut self, part: &Part) {
        match part {
            Part::Frame(Frame::Close(code, reason)) => self.close = Some((*code, reason.clone())),
            Part::Done(_) => self.ended = true,
            Part::Error(error) => {
                self.failure = Some(error.clone());
                self.ended = true;
            }
            _ => {}
        }
    }

    /// What to raise from a call that needs an open WebSocket.
    pub(crate) fn raise(&self, py: Python<'_>) -> PyErr {
        match (&self.failure, &self.close) {
            (Some(error), _) => raise(py, error),
            (None, Some((code, reason))) => websocket_closed(py, *code, reason),
            (None, None) => websocket_closed(py, None, b""),
        }
    }

    /// Whether iteration ends here without an exception: a close that says nothing of a failure.
    pub(crate) fn is_clean(&self) -> bool {
        let code = self.close.as_ref().map(|(code, _)| *code);
        self.failure.is_none() && matches!(code, Some(None | Some(1000 | 1001)))
    }

    /// The close code and reason that the peer sent.
    pub(crate) fn close(&self) -> Option<&(Option<u16>, Bytes)> {
        self.close.as_ref()
    }
}

/// The message in an event, if it holds one; its bytes are released.
pub(crate) fn message(py: Python<'_>, event: &Event) -> Option<Py<PyAny>> {
    match event.part() {
        Part::Frame(Frame::Text(text)) => Some(utf8(py, text).into_any().unbind()),
        Part::Frame(Frame::Binary(data)) => Some(PyBytes::new(py, data).into_any().unbind()),
        _ => None,
    }
}
