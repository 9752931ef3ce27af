//! What happens on a connection, as the core tells it and as Python has it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use trunkline::sansio::exchange::HttpError;
use trunkline::{Error, Frame};

use crate::errors::raise;
use crate::headers::Headers;
use crate::parts;

/// What has happened, in the order in which it did.
pub(super) enum Event {
    Informational(u64, Response<()>),
    Answer(u64, Response<()>),
    Data(u64, Bytes),
    Trailers(u64, HeaderMap),
    End(u64),
    Failed(u64, HttpError),
    ConnectionFailed(HttpError),
    PingAnswered([u8; 8]),
    Promised(u64, Request<()>),
    Upgraded(u64, Response<()>, Bytes),
    Frame(Frame),
    Closed(trunkline::Result<Option<u16>>),
}

/// The head of an answer.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct Answer {
    /// The number that `request` gave.
    exchange: u64,
    status: u16,
    headers: Headers,
    /// It is an informational answer (1xx); another follows.
    informational: bool,
}

/// Bytes of the body of an answer.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct AnswerData {
    exchange: u64,
    data: Py<PyBytes>,
}

/// The trailers of an answer.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct AnswerTrailers {
    exchange: u64,
    headers: Headers,
}

/// An answer is complete.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct AnswerEnd {
    exchange: u64,
}

/// An exchange has failed; nothing follows on it.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct AnswerFailed {
    exchange: u64,
    error: Py<PyAny>,
    /// "malformed-response", "invalid-body-length", "protocol" or "exception".
    fault: &'static str,
    /// The code of `RST_STREAM` or GOAWAY (RFC 9113, 7); None where there is none.
    code: Option<u32>,
    /// It came from the peer; else it was sent to the peer.
    from_peer: bool,
    /// The bytes that `content-length` announced, where the body has another length; else None.
    expected: Option<u64>,
    /// The bytes that came then, up to the frame that was too much.
    received: Option<u64>,
}

/// The connection as a whole has failed; its exchanges are told each.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct ConnectionFailed {
    error: Py<PyAny>,
    /// As that of `AnswerFailed`.
    fault: &'static str,
    /// As that of `AnswerFailed`.
    code: Option<u32>,
    /// As that of `AnswerFailed`.
    from_peer: bool,
}

/// A ping was answered.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct PingAnswered {
    payload: Py<PyBytes>,
}

/// The server promises to answer a request that nobody has made.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct Promised {
    exchange: u64,
    method: String,
    url: String,
    headers: Headers,
}

impl Promised {
    pub(super) fn new(exchange: u64, request: Request<()>) -> Promised {
        let (head, ()) = request.into_parts();
        Promised {
            exchange,
            method: head.method.to_string(),
            url: head.uri.to_string(),
            headers: headers(head.headers),
        }
    }
}

/// The peer has upgraded an HTTP/1.1 connection, which is the program's now.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct Upgraded {
    exchange: u64,
    status: u16,
    headers: Headers,
    /// The bytes that came behind the head.
    rest: Py<PyBytes>,
}

/// A WebSocket has ended.
#[pyclass(frozen, get_all, module = "trunkline.sansio")]
pub(crate) struct Closed {
    /// The code of the peer's close; None where it gave none.
    code: Option<u16>,
    /// What went wrong; None where the closing handshake is done.
    error: Option<Py<PyAny>>,
}

fn headers(map: HeaderMap) -> Headers {
    Headers(Arc::new(map))
}

fn exception(py: Python<'_>, error: &Error) -> Py<PyAny> {
    raise(py, error).into_value(py).into_any()
}

/// What kind of error it is.
fn fault(cause: &HttpError) -> &'static str {
    match cause {
        HttpError::MalformedResponse(_) => "malformed-response",
        HttpError::InvalidBodyLength { .. } => "invalid-body-length",
        HttpError::Protocol { .. } => "protocol",
        _ => "exception",
    }
}

fn is_from_peer(cause: &HttpError) -> bool {
    matches!(cause, HttpError::Protocol { from_peer, .. } if *from_peer)
}

fn object<T: pyo3::PyClass>(
    py: Python<'_>,
    event: impl Into<PyClassInitializer<T>>,
) -> PyResult<Bound<'_, PyAny>> {
    Bound::new(py, event).map(Bound::into_any)
}

impl Event {
    pub(super) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let answer = |exchange, response: Response<()>, informational| {
            let (head, ()) = response.into_parts();
            let answer = Answer {
                exchange,
                status: head.status.as_u16(),
                headers: headers(head.headers),
                informational,
            };
            object(py, answer)
        };
        match self {
            Event::Data(exchange, data) => {
                let data = PyBytes::new(py, &data).unbind();
                object(py, AnswerData { exchange, data })
            }
            Event::End(exchange) => object(py, AnswerEnd { exchange }),
            Event::Answer(exchange, response) => answer(exchange, response, false),
            Event::Informational(exchange, response) => answer(exchange, response, true),
            Event::Trailers(exchange, map) => {
                let headers = headers(map);
                object(py, AnswerTrailers { exchange, headers })
            }
            Event::Failed(exchange, cause) => {
                let (expected, received) = match &cause {
                    HttpError::InvalidBodyLength {
                        expected, received, ..
                    } => (Some(*expected), Some(*received)),
                    _ => (None, None),
                };
                let failed = AnswerFailed {
                    exchange,
                    fault: fault(&cause),
                    code: cause.code(),
                    from_peer: is_from_peer(&cause),
                    expected,
                    received,
                    error: exception(py, &cause.into()),
                };
                object(py, failed)
            }
            Event::ConnectionFailed(cause) => {
                let failed = ConnectionFailed {
                    fault: fault(&cause),
                    code: cause.code(),
                    from_peer: is_from_peer(&cause),
                    error: exception(py, &cause.into()),
                };
                object(py, failed)
            }
            Event::PingAnswered(payload) => {
                let payload = PyBytes::new(py, &payload).unbind();
                object(py, PingAnswered { payload })
            }
            Event::Promised(exchange, request) => object(py, Promised::new(exchange, request)),
            Event::Upgraded(exchange, response, rest) => {
                let (head, ()) = response.into_parts();
                let upgraded = Upgraded {
                    exchange,
                    status: head.status.as_u16(),
                    headers: headers(head.headers),
                    rest: PyBytes::new(py, &rest).unbind(),
                };
                object(py, upgraded)
            }
            Event::Frame(frame) => parts::frame(py, &frame),
            Event::Closed(outcome) => {
                let closed = match outcome {
                    Ok(code) => Closed { code, error: None },
                    Err(error) => Closed {
                        code: None,
                        error: Some(exception(py, &error)),
                    },
                };
                object(py, closed)
            }
        }
    }
}
