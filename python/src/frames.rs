//! WebSocket messages and frames between Python and the core.

use std::collections::VecDeque;

use bytes::Bytes;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyList, PyString};
use trunkline::{Error, Event, FragmentKind, Frame, Part};

use crate::errors::{raise, websocket_closed};
use crate::heap;
use crate::parts::{fragment, utf8};
use crate::prepare::shared;
use crate::view::view;

/// A message from Python: str is text, anything bytes-like is binary.
pub(crate) fn outgoing(message: &Bound<'_, PyAny>) -> PyResult<Frame> {
    if let Ok(text) = message.cast::<PyString>() {
        return Ok(Frame::Text(Bytes::copy_from_slice(
            text.to_cow()?.as_bytes(),
        )));
    }
    shared(message).map(Frame::Binary)
}

/// Messages from Python, in their order.
pub(crate) fn several(messages: &Bound<'_, PyAny>) -> PyResult<VecDeque<Frame>> {
    if let Ok(list) = messages.cast::<PyList>() {
        return list.iter().map(|message| outgoing(&message)).collect();
    }
    // They can be iterated over, but nobody means that.
    if messages.is_instance_of::<PyString>()
        || messages.is_instance_of::<PyBytes>()
        || messages.is_instance_of::<PyByteArray>()
    {
        return Err(PyTypeError::new_err(
            "several messages are a list, not one message",
        ));
    }
    messages
        .try_iter()?
        .map(|message| outgoing(&message?))
        .collect()
}

/// A frame by the name of its kind. `last` makes a piece of a message of it.
pub(crate) fn by_kind(
    kind: &str,
    payload: &Bound<'_, PyAny>,
    code: Option<u16>,
    last: Option<bool>,
) -> PyResult<Frame> {
    let payload = shared(payload)?;
    let piece = |kind, last, payload| Frame::Fragment {
        kind,
        last,
        payload,
    };
    Ok(match (kind, last) {
        ("text", None) => Frame::Text(payload),
        ("text", Some(last)) => piece(FragmentKind::Text, last, payload),
        ("binary", None) => Frame::Binary(payload),
        ("binary", Some(last)) => piece(FragmentKind::Binary, last, payload),
        ("continuation", last) => piece(FragmentKind::Continuation, last.unwrap_or(true), payload),
        ("ping", _) => Frame::Ping(payload),
        ("pong", _) => Frame::Pong(payload),
        ("close", _) => Frame::Close(code, payload),
        _ => {
            return Err(PyValueError::new_err(format!(
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
            // Another connection: that of before was lost, whatever its peer said.
            Part::Reconnected(_) => self.close = None,
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

    /// What `raise` raises, where the end was not a clean one.
    pub(crate) fn failure(&self, py: Python<'_>) -> Option<PyErr> {
        (!self.is_clean()).then(|| self.raise(py))
    }

    /// The close code and reason that the peer sent.
    pub(crate) fn close(&self) -> Option<&(Option<u16>, Bytes)> {
        self.close.as_ref()
    }
}

/// How binary messages are handed to Python.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum Binary {
    /// As `bytes` of its own.
    #[default]
    Copy,
    /// As a `memoryview` of what was received.
    View,
}

impl Binary {
    pub(crate) fn new(views: bool) -> Binary {
        if views { Binary::View } else { Binary::Copy }
    }
}

/// The message in an event, if it holds one; of a WebSocket that is taken frame by frame, the frame.
pub(crate) fn message(py: Python<'_>, event: &Event, binary: Binary) -> Option<Py<PyAny>> {
    let Part::Frame(frame) = event.part() else {
        return None;
    };
    if let (Frame::Binary(data), Binary::View) = (frame, binary)
        && let Ok(view) = view(py, data.clone())
    {
        return Some(view.into_any().unbind());
    }
    heap::expect(py, frame.payload().len());
    match frame {
        Frame::Text(text) => Some(utf8(py, text).into_any().unbind()),
        Frame::Binary(data) => Some(PyBytes::new(py, data).into_any().unbind()),
        Frame::Fragment {
            kind,
            last,
            payload,
        } => fragment(py, *kind, *last, payload, binary).ok(),
        _ => None,
    }
}

/// The subprotocol in the answer that opened a WebSocket.
pub(crate) fn subprotocol(response: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let fields = response.getattr("headers")?;
    fields
        .call_method1("get", ("sec-websocket-protocol",))?
        .extract()
}
