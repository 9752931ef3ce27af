//! A manager as Python sees it: what `Client` and `AsyncClient` are built on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use trunkline::{Delivery, Drive, RequestHandle};

use crate::channel::Channel;
use crate::collect::{Answer, Collector};
use crate::engine::Engine;
use crate::errors::checked;
use crate::exchange::{Exchange, Link, patiently};
use crate::fetch::Fetch;
use crate::prepare::{self, Defaults, Given};
use crate::receive::AsyncExchange;
use crate::resolver::Resolver;
use crate::response::Response;
use crate::{headers, options};

/// Opens, pools and supervises connections.
#[pyclass(frozen, module = "trunkline._native")]
pub(crate) struct Manager {
    engine: Arc<Engine>,
    defaults: Defaults,
}

type Any<'a, 'py> = Option<&'a Bound<'py, PyAny>>;
type Extra<'a, 'py> = Option<&'a Bound<'py, PyDict>>;

/// Takes all parts of a request. `None`: time to look for signals.
fn gather(
    handle: &RequestHandle,
    collector: &mut Collector,
    slice: Instant,
) -> trunkline::Result<Answer> {
    loop {
        if let Some(outcome) = collector.take(handle.recv(Some(slice))?) {
            return outcome;
        }
    }
}

#[pymethods]
impl Manager {
    #[new]
    #[pyo3(signature = (default_headers=None, **given))]
    fn new(
        py: Python<'_>,
        default_headers: Any<'_, '_>,
        given: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Manager> {
        let mut options = options::manager_options(given)?;
        let inline = options.drive == Drive::Inline;
        let mut defaults = Vec::new();
        if let Some(fields) = default_headers {
            headers::each_or_none(fields, &mut |name, value| {
                checked(py, trunkline::header_field(name, value.unwrap_or_default()))?;
                defaults.push((name.to_ascii_lowercase(), value.map(<[u8]>::to_vec)));
                Ok(())
            })?;
        }
        let resolver = given.map(|given| given.get_item("resolver")).transpose()?;
        let resolver = resolver.flatten().map(|it| Resolver::new(it.unbind()));
        if let Some(resolver) = &resolver {
            options.connection.resolver = Some(Arc::new(resolver.clone()));
        }
        let manager = checked(py, py.detach(|| trunkline::Manager::new(options)))?;
        let engine = Arc::new(Engine::new(manager, inline));
        if let Some(resolver) = resolver {
            resolver.serve(&engine);
        }
        Ok(Manager { engine, defaults })
    }

    /// Sends a request and waits for its whole answer.
    #[pyo3(signature = (method, url, headers=None, content=None, timeout=None, extra=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "positional: this is the shortest way from Python"
    )]
    fn request(
        &self,
        py: Python<'_>,
        method: &str,
        url: &Bound<'_, PyString>,
        headers: Any<'_, '_>,
        content: Any<'_, '_>,
        timeout: Any<'_, '_>,
        extra: Extra<'_, '_>,
    ) -> PyResult<Response> {
        let text = url.to_cow()?;
        let given = Given {
            method,
            url: &text,
            headers,
            content,
            timeout,
            extra,
        };
        let (request, max) = prepare::request(py, &given, &self.defaults)?;
        let collector = std::sync::Mutex::new(Collector::new(max));
        let handle = checked(py, self.engine.manager.submit(request, Delivery::Recv))?;
        let answer = patiently(py, None, |slice| {
            let slice = slice.unwrap_or_else(Instant::now);
            gather(&handle, &mut crate::parts::lock(&collector), slice)
        })?;
        Ok(Response::new(
            answer,
            method.to_owned(),
            url.clone().into_any().unbind(),
        ))
    }

    /// Submits a request whose parts are taken one by one, by blocking calls.
    #[pyo3(signature = (method, url, headers=None, content=None, timeout=None, extra=None))]
    #[expect(clippy::too_many_arguments, reason = "as for `request`")]
    fn open(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Any<'_, '_>,
        content: Any<'_, '_>,
        timeout: Any<'_, '_>,
        extra: Extra<'_, '_>,
    ) -> PyResult<Exchange> {
        let given = Given {
            method,
            url,
            headers,
            content,
            timeout,
            extra,
        };
        let (request, _) = prepare::request(py, &given, &self.defaults)?;
        let handle = checked(py, self.engine.manager.submit(request, Delivery::Recv))?;
        let engine = Arc::clone(&self.engine);
        Ok(Exchange(Arc::new(Link::new(
            handle,
            url.to_owned(),
            engine,
        ))))
    }

    /// A request that is sent when it is awaited, for its whole answer.
    #[pyo3(signature = (method, url, headers=None, content=None, timeout=None, extra=None))]
    #[expect(clippy::too_many_arguments, reason = "as for `request`")]
    fn fetch(
        &self,
        py: Python<'_>,
        method: &str,
        url: &Bound<'_, PyString>,
        headers: Any<'_, '_>,
        content: Any<'_, '_>,
        timeout: Any<'_, '_>,
        extra: Extra<'_, '_>,
    ) -> PyResult<Fetch> {
        let text = url.to_cow()?;
        let given = Given {
            method,
            url: &text,
            headers,
            content,
            timeout,
            extra,
        };
        let (request, max) = prepare::request(py, &given, &self.defaults)?;
        let url = url.clone().into_any().unbind();
        Ok(Fetch::new(
            Arc::clone(&self.engine),
            request,
            max,
            method.to_owned(),
            url,
        ))
    }

    /// Submits a request whose parts are awaited one by one; to be called where an event loop runs.
    #[pyo3(signature = (method, url, headers=None, content=None, timeout=None, extra=None))]
    #[expect(clippy::too_many_arguments, reason = "as for `request`")]
    fn open_async(
        &self,
        py: Python<'_>,
        method: &str,
        url: &str,
        headers: Any<'_, '_>,
        content: Any<'_, '_>,
        timeout: Any<'_, '_>,
        extra: Extra<'_, '_>,
    ) -> PyResult<AsyncExchange> {
        let given = Given {
            method,
            url,
            headers,
            content,
            timeout,
            extra,
        };
        let (request, _) = prepare::request(py, &given, &self.defaults)?;
        let binding = self.engine.bind(py)?;
        let channel = Arc::new(Channel::new(url.to_owned()));
        channel.set_control(self.engine.submit_parts(py, request, &channel)?);
        self.engine.turn_soon(py, &binding)?;
        Ok(AsyncExchange {
            link: (Arc::clone(&self.engine), channel),
        })
    }

    /// Runs the reactor for up to `timeout` seconds, or until something happened: with the inline drive connections are
    /// only looked after while a call runs.
    fn turn(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        self.engine
            .turn(py, crate::timeout::deadline(Some(timeout))?)
    }

    /// Takes no more requests and waits up to `timeout` seconds for those under way; says whether all of them ended by
    /// themselves. The rest ends with `Shutdown`.
    fn shutdown(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        checked(
            py,
            py.detach(|| self.engine.manager.shutdown(Instant::now() + timeout)),
        )
    }

    /// Ends every request with `Shutdown` and closes the connections, without waiting.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.engine.manager.close());
    }

    /// As `close`, from asyncio: a future that is resolved when every request has ended, where some have not.
    fn close_async<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.engine.close(py)
    }

    /// The manager's counters as text of `OpenMetrics` 1.0.
    fn openmetrics(&self) -> String {
        self.engine.manager.statistics().openmetrics()
    }

    /// The manager's counters by name; `errors` holds how often requests ended with each error.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let now = self.engine.manager.statistics();
        let counters = [
            ("connections_opened", now.connections_opened),
            ("connections_closed", now.connections_closed),
            ("connections_active", now.connections_active),
            ("connections_idle", now.connections_idle),
            ("streams_opened", now.streams_opened),
            ("streams_active", now.streams_active),
            ("requests_submitted", now.requests_submitted),
            ("requests_completed", now.requests_completed),
            ("requests_failed", now.requests_failed),
            ("requests_active", now.requests_active),
            ("bytes_received", now.bytes_received),
            ("bytes_sent", now.bytes_sent),
            ("replays", now.replays),
            ("redirects", now.redirects),
            ("retries", now.retries),
        ];
        let dict = PyDict::new(py);
        for (name, value) in counters {
            dict.set_item(name, value)?;
        }
        let errors = PyDict::new(py);
        for (code, count) in now.errors {
            errors.set_item(code.name(), count)?;
        }
        dict.set_item("errors", errors)?;
        dict.set_item(
            "ping_round_trip",
            now.ping_round_trip.map(|time| time.as_secs_f64()),
        )?;
        Ok(dict)
    }
}
