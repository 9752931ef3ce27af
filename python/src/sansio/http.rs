//! HTTP/2 and HTTP/1.1 client connections without a socket.

use http::{Method, Request, Uri};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use trunkline::sansio::Engine;
use trunkline::sansio::exchange::{Handlers, RequestBody, RequestHandle};
use trunkline::sansio::http1::{self, Http1Settings};
use trunkline::sansio::http2;

use super::events::Event;
use super::exchanges::Exchanges;
use super::link::{Link, lock};
use super::made::Made;
use crate::errors::checked;
use crate::headers;
use crate::prepare::shared;

/// What is left to be done with a request that was made.
enum Asked {
    Body(RequestBody),
    Nothing(RequestHandle),
}

/// A connection that carries exchanges.
trait Asks: Engine {
    fn ask(&self, asked: Request<()>, handlers: Handlers, body: bool) -> trunkline::Result<Asked>;
}

/// Both kinds of connection are asked alike.
macro_rules! asks {
    ($($client:ty),*) => {$(
        impl Asks for $client {
            fn ask(
                &self,
                asked: Request<()>,
                handlers: Handlers,
                body: bool,
            ) -> trunkline::Result<Asked> {
                if body {
                    return self.request(asked, handlers).map(Asked::Body);
                }
                self.request_without_body(asked, handlers).map(Asked::Nothing)
            }
        }
    )*};
}

asks!(http1::Http1Client, http2::Http2Client);

/// A connection with its exchanges.
struct Client<E: Asks> {
    link: Link<E>,
    exchanges: Exchanges,
}

impl<E: Asks> Client<E> {
    fn request(
        &self,
        py: Python<'_>,
        (method, url): (&str, &str),
        fields: Option<&Bound<'_, PyAny>>,
        body: bool,
        more: impl FnOnce(Handlers, u64) -> Handlers,
    ) -> PyResult<u64> {
        let request = asked(py, method, url, fields)?;
        let number = self.exchanges.next();
        let handlers = more(self.exchanges.handlers(number), number);
        match self.link.engine.ask(request, handlers, body) {
            Ok(asked) => {
                if let Some(exchange) = lock(&self.exchanges.all).get_mut(&number) {
                    match asked {
                        Asked::Body(upload) => exchange.upload = Some(upload),
                        Asked::Nothing(handle) => exchange.handle = Some(handle),
                    }
                }
                Ok(number)
            }
            Err(error) => {
                lock(&self.exchanges.all).remove(&number);
                checked(py, Err(error))
            }
        }
    }
}

impl<E: Asks> Drop for Client<E> {
    fn drop(&mut self) {
        // They hold the connection, whose handlers hold them.
        let all = std::mem::take(&mut *lock(&self.exchanges.all));
        drop(all);
    }
}

/// A request of Python's.
fn asked(
    py: Python<'_>,
    method: &str,
    url: &str,
    fields: Option<&Bound<'_, PyAny>>,
) -> PyResult<Request<()>> {
    let mut request = Request::new(());
    let wrong = |what: String| PyValueError::new_err(what);
    *request.method_mut() = Method::from_bytes(method.as_bytes())
        .map_err(|cause| wrong(format!("the method: {cause}")))?;
    *request.uri_mut() = Uri::try_from(url).map_err(|cause| wrong(format!("the URL: {cause}")))?;
    *request.headers_mut() = headers::map(py, fields)?;
    Ok(request)
}

/// The methods that both classes have; `$own` are those of one alone.
macro_rules! client {
    ($class:ident { $($own:tt)* }) => {
        #[pymethods]
        impl $class {
            $($own)*

            /// Appends to the body of a request.
            fn write(&self, py: Python<'_>, exchange: u64, data: &Bound<'_, PyAny>) -> PyResult<()> {
                let data = shared(data)?;
                let written = self.0.exchanges.upload(exchange, |upload| upload.write(data));
                checked(py, written)
            }

            /// Bytes that can be written before more than 256 KiB are held; 0 where no more are taken.
            fn room(&self, exchange: u64) -> usize {
                let room = self.0.exchanges.upload(exchange, |upload| Ok(upload.room()));
                room.unwrap_or(0)
            }

            /// Ends the body of a request.
            #[pyo3(signature = (exchange, trailers=None))]
            fn end(
                &self,
                py: Python<'_>,
                exchange: u64,
                trailers: Option<&Bound<'_, PyAny>>,
            ) -> PyResult<()> {
                let trailers = headers::map(py, trailers)?;
                checked(py, self.0.exchanges.close(exchange, trailers))
            }

            /// Gives an exchange up, also before its answer: nothing more is told of it. One that has ended is let pass.
            #[pyo3(signature = (exchange, code=8))]
            fn cancel(&self, exchange: u64, code: u32) {
                self.0.exchanges.cancel(exchange, code);
            }

            /// Holds the body of an answer back after the piece that comes next.
            fn pause(&self, exchange: u64) {
                self.0.exchanges.pause(exchange, true);
            }

            /// Goes on after a pause: what was held back is among the events of the next call.
            fn resume(&self, exchange: u64) {
                self.0.exchanges.pause(exchange, false);
            }

            /// Asks no more; what was asked goes on to its end.
            fn shutdown(&self) {
                self.0.link.engine.shutdown();
            }

            /// Takes in what the transport has read; what happened.
            fn receive<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
                self.0.link.receive(py, data)
            }

            /// The transport has ended; what happened.
            fn receive_eof<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
                self.0.link.receive_eof(py)
            }

            /// What has happened since the last call that told.
            fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
                self.0.link.take(py)
            }

            /// All that is to be sent now; it counts as sent.
            fn data_to_send<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
                self.0.link.data_to_send(py)
            }

            /// The transport takes nothing more; what it gives can still be received.
            fn send_failed(&self) {
                self.0.link.send_failed();
            }

            /// The program has failed: every exchange does.
            fn fail(&self, message: &str) {
                self.0.link.engine.report_exn(message.into());
            }

            /// Whether more is to be received now: not while too much of what is to be sent waits.
            #[getter]
            fn wants_data(&self) -> bool {
                self.0.link.wants_data()
            }

            /// Nothing more is received and nothing sent.
            #[getter]
            fn is_closed(&self) -> bool {
                self.0.link.engine.is_closed()
            }
        }
    };
}

/// An HTTP/2 client connection without a socket.
#[pyclass(frozen, module = "trunkline.sansio")]
pub(crate) struct Http2Client(Client<http2::Http2Client>);

client!(Http2Client {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Http2Client> {
        let made = Made::with(settings)?;
        let failed = made.failed();
        let engine = http2::Http2Client::new(&made.settings, made.push, failed);
        let link = Link::new(checked(py, engine)?, made.exchanges.events.clone());
        Ok(Http2Client(Client { link, exchanges: made.exchanges }))
    }

    /// The bytes of an HTTP/1.1 request that asks for the upgrade to HTTP/2 (RFC 7540, 3.2).
    #[staticmethod]
    #[pyo3(signature = (method, url, headers=None, body=None, **settings))]
    fn upgrade_request<'py>(
        py: Python<'py>,
        method: &str,
        url: &str,
        headers: Option<&Bound<'py, PyAny>>,
        body: Option<&Bound<'py, PyAny>>,
        settings: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let made = Made::with(settings)?;
        let body = body.map(shared).transpose()?.unwrap_or_default();
        let request = asked(py, method, url, headers)?.map(|()| body);
        let bytes = http2::upgrade_request(&request, &made.settings, made.push.is_some());
        Ok(PyBytes::new(py, &checked(py, bytes)?))
    }

    /// The connection after the 101: that request is exchange 1, and its answer comes here.
    #[staticmethod]
    #[pyo3(signature = (method, url, headers=None, **settings))]
    fn after_upgrade(
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Http2Client> {
        let made = Made::with(settings)?;
        let request = asked(py, method, url, headers)?;
        let exchanges = made.exchanges.clone();
        let number = exchanges.next();
        let handlers = exchanges.handlers(number);
        let failed = made.failed();
        let upgraded =
            http2::Http2Client::after_upgrade(request, &made.settings, handlers, made.push, failed);
        let (engine, handle) = checked(py, upgraded)?;
        if let Some(exchange) = lock(&exchanges.all).get_mut(&number) {
            exchange.handle = Some(handle);
        }
        let link = Link::new(engine, exchanges.events.clone());
        Ok(Http2Client(Client { link, exchanges }))
    }

    /// Asks; the number of the exchange. With `body` its body is written by `write` and ended by `end`.
    #[pyo3(signature = (method, url, headers=None, *, body=false))]
    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: bool,
    ) -> PyResult<u64> {
        self.0.request(py, (method, url), headers, body, |handlers, _| handlers)
    }

    /// Sends a PING of these 8 bytes, by default of zeroes.
    #[pyo3(signature = (payload=None))]
    fn ping(&self, py: Python<'_>, payload: Option<&[u8]>) -> PyResult<()> {
        let payload = payload.map_or(Ok([0; 8]), TryInto::try_into);
        let payload: [u8; 8] = payload.map_err(|_| PyValueError::new_err("a ping has 8 bytes"))?;
        let events = self.0.link.events.clone();
        checked(py, self.0.link.engine.ping(Some(payload), move || {
            events.push(Event::PingAnswered(payload));
        }))
    }
});

/// An HTTP/1.1 client connection without a socket.
#[pyclass(frozen, module = "trunkline.sansio")]
pub(crate) struct Http1Client(Client<http1::Http1Client>);

client!(Http1Client {
    #[new]
    #[pyo3(signature = (*, max_headers=None, max_header_bytes=None))]
    fn new(
        py: Python<'_>,
        max_headers: Option<usize>,
        max_header_bytes: Option<usize>,
    ) -> PyResult<Http1Client> {
        let defaults = Http1Settings::default();
        let settings = Http1Settings {
            max_headers: max_headers.unwrap_or(defaults.max_headers),
            max_header_bytes: max_header_bytes.unwrap_or(defaults.max_header_bytes),
        };
        let exchanges = Exchanges::default();
        let events = exchanges.events.clone();
        let engine = checked(py, http1::Http1Client::new(&settings, move |cause| {
            events.push(Event::ConnectionFailed(cause));
        }))?;
        let link = Link::new(engine, exchanges.events.clone());
        Ok(Http1Client(Client { link, exchanges }))
    }

    /// Asks, after what was asked before has its answer; the number of the exchange. With `body` its body is written by `write` and
    /// ended by `end`. With `upgrade` a 101 gives `Upgraded`, and the connection is the program's.
    #[pyo3(signature = (method, url, headers=None, *, body=false, upgrade=false))]
    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Option<&Bound<'_, PyAny>>,
        body: bool,
        upgrade: bool,
    ) -> PyResult<u64> {
        let exchanges = self.0.exchanges.clone();
        self.0.request(py, (method, url), headers, body, |handlers, number| {
            if !upgrade {
                return handlers;
            }
            handlers.on_upgrade(move |response, rest| {
                exchanges.events.push(Event::Upgraded(number, response, rest));
                exchanges.ended(number, true);
            })
        })
    }
});
