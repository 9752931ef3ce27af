//! Lines and server-sent events of a body, from pieces that are cut anywhere.

use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use trunkline::{Lines, ServerSentEvents, TextDecoder};

use crate::errors::checked;
use crate::parts::{lock, utf8};

/// Splits text into lines: at `\n` and `\r\n`.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct LineReader(Mutex<(TextDecoder, Lines)>);

fn lines<'py>(py: Python<'py>, from: &mut Lines) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    while let Some(line) = checked(py, from.next_line())? {
        list.append(utf8(py, &line))?;
    }
    Ok(list)
}

#[pymethods]
impl LineReader {
    /// For a body of this content type, with lines of at most `max_bytes` of UTF-8.
    #[new]
    fn new(content_type: &str, max_bytes: usize) -> LineReader {
        LineReader(Mutex::new((
            TextDecoder::for_content_type(content_type),
            Lines::new(max_bytes),
        )))
    }

    /// The lines that this piece completes.
    fn feed<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let mut inner = lock(&self.0);
        let text = inner.0.decode(data);
        inner.1.push(text.as_bytes());
        lines(py, &mut inner.1)
    }

    /// The last line, where no line end came after it.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut inner = lock(&self.0);
        let text = inner.0.finish();
        inner.1.push(text.as_bytes());
        inner.1.finish();
        lines(py, &mut inner.1)
    }
}

/// A server-sent event (WHATWG HTML, 9.2).
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct ServerSentEvent(trunkline::ServerSentEvent);

#[pymethods]
impl ServerSentEvent {
    /// Its type; `message` where the peer gave none.
    #[getter]
    fn event(&self) -> &str {
        &self.0.event
    }

    /// The data, its lines joined by `\n`.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, &self.0.data)
    }

    /// The last event id in force; None where there is none.
    #[getter]
    fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// Seconds to wait before reconnecting, where this event set them.
    #[getter]
    fn retry(&self) -> Option<f64> {
        self.0.retry.map(|retry| retry.as_secs_f64())
    }

    /// The data parsed as JSON.
    fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.data(py),))
    }

    fn __repr__(&self) -> String {
        format!(
            "ServerSentEvent(event={:?}, data={:?})",
            self.0.event, self.0.data
        )
    }
}

/// Reads server-sent events.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct EventReader(Mutex<ServerSentEvents>);

#[pymethods]
impl EventReader {
    /// For events of at most `max_bytes` of data.
    #[new]
    fn new(max_bytes: usize) -> EventReader {
        EventReader(Mutex::new(ServerSentEvents::new(max_bytes)))
    }

    /// The events that this piece completes.
    fn feed<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let mut events = lock(&self.0);
        events.push(data);
        let list = PyList::empty(py);
        while let Some(event) = checked(py, events.next_event())? {
            list.append(Bound::new(py, ServerSentEvent(event))?)?;
        }
        Ok(list)
    }
}

/// A body as text: a byte order mark goes before the charset that the content type names, and that before UTF-8.
pub(crate) fn text<'py>(py: Python<'py>, content_type: &str, body: &[u8]) -> Bound<'py, PyString> {
    // Whoever sends UTF-8 without a mark, and that is nearly everybody, needs no decoder.
    let marked = matches!(body, [0xef | 0xfe | 0xff, ..]);
    let mut decoder = TextDecoder::for_content_type(content_type);
    if !marked && decoder.encoding() == "UTF-8" {
        return utf8(py, body);
    }
    let mut text = decoder.decode(body);
    text.push_str(&decoder.finish());
    PyString::new(py, &text)
}

/// As `text`, for bodies that were streamed.
#[pyfunction]
pub(crate) fn text_of<'py>(
    py: Python<'py>,
    content_type: &str,
    body: &[u8],
) -> Bound<'py, PyString> {
    text(py, content_type, body)
}

/// The name of the encoding that a content type asks for, in lower case.
#[pyfunction]
pub(crate) fn encoding_of(content_type: &str) -> String {
    TextDecoder::for_content_type(content_type)
        .encoding()
        .to_ascii_lowercase()
}
