//! WebSockets without a socket, after their handshake.

use http::{HeaderMap, StatusCode};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use trunkline::WebSocketDeflate;
use trunkline::sansio::Engine;
use trunkline::sansio::websocket::{
    Flow, WebSocketAgreement, WebSocketClient, WebSocketHandshake, WebSocketSettings,
};

use super::events::Event;
use super::link::{Events, Link, lock};
use crate::errors::checked;
use crate::frames::{by_kind, outgoing};
use crate::headers::{self, Headers};
use crate::websocket_options::deflate;

/// What is offered of compression: nothing, the defaults by True, or what a `Deflate` says.
fn offer(given: &Bound<'_, PyAny>) -> PyResult<Option<WebSocketDeflate>> {
    match given.extract::<bool>() {
        Ok(offered) => Ok(offered.then(WebSocketDeflate::default)),
        Err(_) => deflate(&given.getattr("__dict__")?),
    }
}

/// What of a WebSocket's opening handshake concerns WebSockets: the fields to ask with, and the check of the answer.
#[pyclass(frozen, module = "trunkline.sansio")]
pub(crate) struct Handshake {
    engine: WebSocketHandshake,
    fields: HeaderMap,
    agreement: std::sync::Mutex<Option<WebSocketAgreement>>,
}

#[pymethods]
impl Handshake {
    #[new]
    #[pyo3(signature = (headers=None, *, deflate=None))]
    fn new(
        py: Python<'_>,
        headers: Option<&Bound<'_, PyAny>>,
        deflate: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Handshake> {
        let mut fields = headers::map(py, headers)?;
        let offer = deflate.map(offer).transpose()?.flatten();
        let engine = checked(py, WebSocketHandshake::new(&mut fields, offer))?;
        Ok(Handshake {
            engine,
            fields,
            agreement: std::sync::Mutex::default(),
        })
    }

    /// The fields that the request has to have.
    #[getter]
    fn headers(&self) -> Headers {
        Headers(std::sync::Arc::new(self.fields.clone()))
    }

    /// Checks the answer.
    fn check(&self, py: Python<'_>, status: u16, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let fields = headers::map(py, Some(headers))?;
        let status = StatusCode::from_u16(status)
            .map_err(|cause| PyValueError::new_err(cause.to_string()))?;
        let agreement = checked(py, self.engine.check(status, &fields))?;
        *lock(&self.agreement) = Some(agreement);
        Ok(())
    }
}

/// The client's side of a WebSocket without a socket.
#[pyclass(frozen, module = "trunkline.sansio")]
pub(crate) struct SansIoWebSocket(Link<WebSocketClient>);

#[pymethods]
impl SansIoWebSocket {
    #[new]
    #[pyo3(signature = (handshake=None, *, max_frame_bytes=None, max_message_bytes=None, send_buffer=None, frames=false))]
    fn new(
        handshake: Option<&Bound<'_, Handshake>>,
        max_frame_bytes: Option<usize>,
        max_message_bytes: Option<usize>,
        send_buffer: Option<usize>,
        frames: bool,
    ) -> PyResult<SansIoWebSocket> {
        let agreement = match handshake {
            Some(handshake) => lock(&handshake.get().agreement).clone().ok_or_else(|| {
                PyValueError::new_err("the answer to the handshake was not checked")
            })?,
            None => WebSocketAgreement::default(),
        };
        let defaults = WebSocketSettings::default();
        let settings = WebSocketSettings {
            max_frame_bytes: max_frame_bytes.unwrap_or(defaults.max_frame_bytes),
            max_message_bytes: max_message_bytes.unwrap_or(defaults.max_message_bytes),
            send_buffer: send_buffer.unwrap_or(defaults.send_buffer),
            frames,
        };
        let events = Events::default();
        let (came, ended) = (events.clone(), events.clone());
        let engine = WebSocketClient::new(
            &settings,
            &agreement,
            move |frame| {
                came.push(Event::Frame(frame));
                Flow::Continue
            },
            move |outcome| ended.push(Event::Closed(outcome)),
        );
        Ok(SansIoWebSocket(Link::new(engine, events)))
    }

    /// Queues a message: str is text, anything bytes-like is binary.
    fn send(&self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<()> {
        checked(py, self.0.engine.send(outgoing(message)?))
    }

    /// Queues a frame by the name of its kind; `last` makes a piece of a message of it.
    #[pyo3(signature = (kind, payload, *, code=None, last=None))]
    fn send_frame(
        &self,
        py: Python<'_>,
        kind: &str,
        payload: &Bound<'_, PyAny>,
        code: Option<u16>,
        last: Option<bool>,
    ) -> PyResult<()> {
        checked(py, self.0.engine.send(by_kind(kind, payload, code, last)?))
    }

    /// Begins the closing handshake.
    #[pyo3(signature = (code=1000, reason=""))]
    fn close(&self, py: Python<'_>, code: Option<u16>, reason: &str) -> PyResult<()> {
        checked(py, self.0.engine.close(code, reason.to_owned()))
    }

    /// Takes in what the transport has read; what happened.
    fn receive<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
        self.0.receive(py, data)
    }

    /// The transport has ended; what happened.
    fn receive_eof<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.0.receive_eof(py)
    }

    /// What has happened since the last call that told.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.0.take(py)
    }

    /// All that is to be sent now; it counts as sent.
    fn data_to_send<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.0.data_to_send(py)
    }

    /// The transport takes nothing more; what it gives can still be received.
    fn send_failed(&self) {
        self.0.send_failed();
    }

    /// The program has failed: the peer is told by a close with code 1011.
    fn fail(&self, message: &str) {
        self.0.engine.report_exn(message.into());
    }

    /// Whether more is to be received now.
    #[getter]
    fn wants_data(&self) -> bool {
        self.0.wants_data()
    }

    /// Nothing more is received and nothing sent.
    #[getter]
    fn is_closed(&self) -> bool {
        self.0.engine.is_closed()
    }
}
