//! Requests as Python gives them.

use bytes::Bytes;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString};
use trunkline::{Body, Request};

use crate::errors::checked;
use crate::options::{http_versions, milliseconds};
use crate::{connection, cookies, headers, policy, source, timeout, websocket_options};

/// From this size on a body is shared with Python instead of copied.
const SHARED: usize = 16 * 1024;

/// Header fields that every request of a client bears, or leaves out, unless it has its own of that name.
pub(crate) type Defaults = Vec<(String, Option<Vec<u8>>)>;

/// What a request is made of, as it came from Python.
pub(crate) struct Given<'a, 'py> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: Option<&'a Bound<'py, PyAny>>,
    pub(crate) content: Option<&'a Bound<'py, PyAny>>,
    pub(crate) timeout: Option<&'a Bound<'py, PyAny>>,
    pub(crate) extra: Option<&'a Bound<'py, PyDict>>,
}

/// Bytes from Python: shared where they are many, else copied.
pub(crate) fn shared(data: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        if bytes.as_bytes().len() < SHARED {
            return Ok(Bytes::copy_from_slice(bytes.as_bytes()));
        }
        return Ok(Bytes::from_owner(PyBackedBytes::from(bytes.clone())));
    }
    if let Ok(text) = data.cast::<PyString>() {
        return Ok(Bytes::copy_from_slice(text.to_cow()?.as_bytes()));
    }
    let copied = data.py().get_type::<PyBytes>().call1((data,));
    let wrong = || PyTypeError::new_err("a body is made of bytes, bytearray, memoryview or str");
    if data.extract::<i64>().is_ok() {
        return Err(wrong());
    }
    shared(copied.map_err(|_| wrong())?.cast::<PyBytes>()?)
}

/// A request with its method and URL; for CONNECT, where it is to lead is among what is extra.
fn begin(py: Python<'_>, given: &Given<'_, '_>) -> PyResult<Request> {
    if given.method == "CONNECT"
        && let Some(extra) = given.extra
        && let Some(authority) = extra.get_item("authority")?
    {
        return checked(
            py,
            Request::connect(given.url, &authority.extract::<String>()?),
        );
    }
    checked(py, Request::new(given.method, given.url))
}

fn add(py: Python<'_>, request: &mut Request, name: &str, value: Option<&[u8]>) -> PyResult<()> {
    let added = match value {
        Some(value) => request.header(name, value),
        None => request.omit_header(name),
    };
    checked(py, added).map(|_| ())
}

/// Builds the core's request; the second value is the most bytes that its body may have (0: no limit).
pub(crate) fn request(
    py: Python<'_>,
    given: &Given<'_, '_>,
    defaults: &Defaults,
) -> PyResult<(Request, usize)> {
    let mut request = begin(py, given)?;
    if let Some(fields) = given.headers {
        let mut names: Vec<String> = Vec::new();
        headers::each_or_none(fields, &mut |name, value| {
            if !defaults.is_empty() {
                names.push(name.to_ascii_lowercase());
            }
            add(py, &mut request, name, value)
        })?;
        for (name, value) in defaults.iter().filter(|(name, _)| !names.contains(name)) {
            add(py, &mut request, name, value.as_deref())?;
        }
    } else {
        for (name, value) in defaults {
            add(py, &mut request, name, value.as_deref())?;
        }
    }
    if let Some(content) = given.content {
        request.body(Body::from(shared(content)?));
    }
    if let Some(timeout) = given.timeout {
        *request.timeouts() = timeout::overrides(Some(timeout))?;
    }
    let mut max = 0;
    for (name, value) in given.extra.into_iter().flat_map(PyDictMethods::iter) {
        match &*name.extract::<std::borrow::Cow<'_, str>>()? {
            "max_bytes" => max = value.extract()?,
            "authority" if given.method == "CONNECT" => {}
            "cookies" if value.is_instance_of::<PyDict>() => {
                let field = cookies::field(value.cast()?)?;
                checked(py, request.header("cookie", &field))?;
            }
            name => option(&mut request, name, &value)?,
        }
    }
    Ok((request, max))
}

fn option(request: &mut Request, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match name {
        "http_versions" => {
            request.http(http_versions(value)?);
        }
        "credit" => {
            request.credit(value.extract()?);
        }
        "proxy" => connection::request_proxy(request, value)?,
        "replay" => {
            request.replay(value.extract()?);
        }
        "upgrade" => {
            checked(value.py(), request.upgrade(&value.extract::<String>()?))?;
        }
        // The length of a streamed body, or None where it is not known.
        "streamed" => {
            request.streamed_body(value.extract()?);
        }
        _ if source::option(request, name, value)? => {}
        _ if websocket_options::option(request, name, value)? => {}
        _ if policy::set(request.policy(), name, value)? => {}
        _ => {
            let limit =
                milliseconds(value).map(|limit| Some(limit).filter(|limit| !limit.is_zero()));
            let timeouts = request.timeouts();
            let place = match name {
                "pool_timeout" => &mut timeouts.pool,
                "resolve_timeout" => &mut timeouts.resolve,
                "connect_timeout" => &mut timeouts.connect,
                "tls_timeout" => &mut timeouts.tls,
                "write_timeout" => &mut timeouts.write,
                "first_byte_timeout" => &mut timeouts.first_byte,
                "idle_timeout" => &mut timeouts.idle,
                "total_timeout" => &mut timeouts.total,
                _ => {
                    return Err(PyTypeError::new_err(format!(
                        "a request has no option {name:?}"
                    )));
                }
            };
            *place = Some(limit?);
        }
    }
    Ok(())
}
