//! Parts as Python objects: `informational* head data* trailers? done`, or frames for a WebSocket.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{StatusCode, Version};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use trunkline::{Event, FragmentKind, Part};

use crate::errors::raise;
use crate::frames::Binary;
use crate::headers::Headers;
use crate::info::Summary;
use crate::view::view;

/// Status and header fields of an answer; of an informational (1xx) one where `informational` is true.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    is_informational: bool,
}

impl Head {
    pub(crate) fn new(head: trunkline::Head, is_informational: bool) -> Head {
        Head {
            status: head.status,
            version: head.version,
            headers: Headers(Arc::new(head.headers)),
            is_informational,
        }
    }

    pub(crate) fn to_core(&self) -> trunkline::Head {
        trunkline::Head {
            status: self.status,
            version: self.version,
            headers: (*self.headers.0).clone(),
        }
    }
}

/// The name of a protocol version, as httpx gives it.
pub(crate) fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

#[pymethods]
impl Head {
    /// The status code.
    #[getter]
    fn status_code(&self) -> u16 {
        self.status.as_u16()
    }

    /// The usual words for the status code; empty for an unknown one.
    #[getter]
    fn reason_phrase(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("")
    }

    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    #[getter]
    fn http_version(&self) -> &'static str {
        version_name(self.version)
    }

    /// The header fields.
    #[getter]
    fn headers(&self) -> Headers {
        self.headers.clone()
    }

    /// Whether this is an informational (1xx) answer, which the final one is still to follow.
    #[getter]
    fn informational(&self) -> bool {
        self.is_informational
    }

    fn __repr__(&self) -> String {
        format!(
            "Head({}, informational={})",
            self.status.as_u16(),
            if self.is_informational {
                "True"
            } else {
                "False"
            }
        )
    }
}

/// A redirect that was followed.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Redirect {
    head: Head,
    url: String,
    next_url: String,
}

impl Redirect {
    /// The redirect that `url` was answered with.
    pub(crate) fn new(redirect: trunkline::Redirect, url: String) -> Redirect {
        Redirect {
            head: Head::new(redirect.head, false),
            url,
            next_url: redirect.url,
        }
    }

    pub(crate) fn to_core(&self) -> trunkline::Redirect {
        trunkline::Redirect {
            head: self.head.to_core(),
            url: self.next_url.clone(),
        }
    }
}

#[pymethods]
impl Redirect {
    /// The status code.
    #[getter]
    fn status_code(&self) -> u16 {
        self.head.status_code()
    }

    /// The usual words for the status code; empty for an unknown one.
    #[getter]
    fn reason_phrase(&self) -> &'static str {
        self.head.reason_phrase()
    }

    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    #[getter]
    fn http_version(&self) -> &'static str {
        self.head.http_version()
    }

    /// The header fields.
    #[getter]
    fn headers(&self) -> Headers {
        self.head.headers()
    }

    /// The URL that was answered so.
    #[getter]
    fn url(&self) -> &str {
        &self.url
    }

    /// The absolute URL that it led to.
    #[getter]
    fn next_url(&self) -> &str {
        &self.next_url
    }

    fn __repr__(&self) -> String {
        format!("<Redirect [{}] {}>", self.status_code(), self.next_url)
    }
}

/// Bytes of a body.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Data {
    /// The bytes.
    #[pyo3(get)]
    data: Py<PyBytes>,
}

/// Header fields after the body.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Trailers {
    /// The fields.
    #[pyo3(get)]
    headers: Headers,
}

/// A WebSocket message or control frame.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Frame {
    /// `text`, `binary`, `continuation`, `ping`, `pong` or `close`.
    #[pyo3(get)]
    kind: &'static str,
    /// The payload: str for a whole text message and for the reason of a close, else bytes.
    #[pyo3(get)]
    payload: Py<PyAny>,
    /// Whether the message ends with it.
    #[pyo3(get)]
    last: bool,
    /// The code of a close frame; None where the peer gave none.
    #[pyo3(get)]
    code: Option<u16>,
}

#[pymethods]
impl Frame {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Frame({}, {})",
            self.kind,
            self.payload.bind(py).repr()?
        ))
    }
}

/// A WebSocket that was lost is open again.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Reconnected {
    /// The answer that opened it.
    #[pyo3(get)]
    head: Py<Head>,
}

/// The answer to a ping that the library has sent.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Latency {
    /// The number of the ping.
    #[pyo3(get)]
    ping: u64,
    /// Seconds from sending it to reading its answer.
    #[pyo3(get)]
    round_trip: f64,
}

/// There is room again for a body or frame that was refused. Not a piece of the answer.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Writable {}

/// The end: everything was delivered.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Done {
    summary: Arc<trunkline::Summary>,
}

#[pymethods]
impl Done {
    /// How the request went.
    #[getter]
    fn summary(&self) -> Summary {
        Summary(Arc::clone(&self.summary))
    }
}

/// Text that is known to be UTF-8, or nearly.
pub(crate) fn utf8<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    match std::str::from_utf8(bytes) {
        Ok(text) => PyString::new(py, text),
        Err(_) => PyString::new(py, &String::from_utf8_lossy(bytes)),
    }
}

/// A frame of a message that is taken frame by frame.
pub(crate) fn fragment(
    py: Python<'_>,
    kind: FragmentKind,
    last: bool,
    payload: &Bytes,
    binary: Binary,
) -> PyResult<Py<PyAny>> {
    let payload = if binary == Binary::View {
        view(py, payload.clone())?.into_any()
    } else {
        PyBytes::new(py, payload).into_any()
    };
    let kind = match kind {
        FragmentKind::Text => "text",
        FragmentKind::Binary => "binary",
        FragmentKind::Continuation => "continuation",
    };
    let frame = Frame {
        kind,
        payload: payload.unbind(),
        last,
        code: None,
    };
    Ok(Bound::new(py, frame)?.into_any().unbind())
}

/// A frame as a Python object.
pub(crate) fn frame<'py>(py: Python<'py>, frame: &trunkline::Frame) -> PyResult<Bound<'py, PyAny>> {
    let bytes = |bytes: &Bytes| PyBytes::new(py, bytes).into_any().unbind();
    let (kind, payload, code) = match frame {
        trunkline::Frame::Text(text) => ("text", utf8(py, text).into_any().unbind(), None),
        trunkline::Frame::Binary(data) => ("binary", bytes(data), None),
        trunkline::Frame::Fragment {
            kind,
            last,
            payload,
        } => return Ok(fragment(py, *kind, *last, payload, Binary::Copy)?.into_bound(py)),
        trunkline::Frame::Ping(data) => ("ping", bytes(data), None),
        trunkline::Frame::Pong(data) => ("pong", bytes(data), None),
        trunkline::Frame::Close(code, reason) => {
            ("close", utf8(py, reason).into_any().unbind(), *code)
        }
    };
    Ok(Bound::new(
        py,
        Frame {
            kind,
            payload,
            last: true,
            code,
        },
    )?
    .into_any())
}

/// An event as a Python object; its bytes are released. A failed request's last part raises. `asked` is the URL that the
/// request is at.
pub(crate) fn part<'py>(
    py: Python<'py>,
    event: Event,
    asked: &Mutex<String>,
) -> PyResult<Bound<'py, PyAny>> {
    // Data is copied before the event is dropped: only then do its bytes count as taken.
    match event.part() {
        Part::Data(data) => {
            return Ok(Bound::new(
                py,
                Data {
                    data: PyBytes::new(py, data).unbind(),
                },
            )?
            .into_any());
        }
        Part::Frame(content) => return frame(py, content),
        _ => {}
    }
    Ok(match event.into_part() {
        Part::Informational(head) => Bound::new(py, Head::new(*head, true))?.into_any(),
        Part::Redirect(redirect) => {
            let url = std::mem::replace(&mut *lock(asked), redirect.url.clone());
            Bound::new(py, Redirect::new(*redirect, url))?.into_any()
        }
        Part::Head(head) => Bound::new(py, Head::new(*head, false))?.into_any(),
        Part::Trailers(map) => Bound::new(
            py,
            Trailers {
                headers: Headers(Arc::new(*map)),
            },
        )?
        .into_any(),
        Part::Done(summary) => Bound::new(py, Done { summary })?.into_any(),
        Part::Error(error) => return Err(raise(py, &error)),
        Part::Reconnected(head) => Bound::new(
            py,
            Reconnected {
                head: Py::new(py, Head::new(*head, false))?,
            },
        )?
        .into_any(),
        Part::Latency(latency) => Bound::new(
            py,
            Latency {
                ping: latency.ping,
                round_trip: latency.round_trip.as_secs_f64(),
            },
        )?
        .into_any(),
        _ => Bound::new(py, Writable {})?.into_any(),
    })
}

/// A mutex of this crate: what it guards stays sound whoever panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
