//! Manager options by name.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use trunkline::{Drive, HttpVersions, ManagerOptions, PolicyOverrides};

use crate::cookies::CookieJar;
use crate::har::HarLog;
use crate::{connection, policy, timeout};

/// `auto`, `http1`, `http2` or `upgrade`.
pub(crate) fn http_versions(value: &Bound<'_, PyAny>) -> PyResult<HttpVersions> {
    match &*value.extract::<std::borrow::Cow<'_, str>>()? {
        "auto" => Ok(HttpVersions::Auto),
        "http1" => Ok(HttpVersions::Http1),
        "http2" => Ok(HttpVersions::Http2),
        "upgrade" => Ok(HttpVersions::Upgrade),
        other => Err(PyValueError::new_err(format!(
            "http_versions is 'auto', 'http1', 'http2' or 'upgrade', not {other:?}"
        ))),
    }
}

/// `inline`, or so many background threads.
fn drive(value: &Bound<'_, PyAny>) -> PyResult<Drive> {
    if let Ok(threads) = value.extract::<usize>() {
        return Ok(Drive::Threads(threads.max(1)));
    }
    match &*value.extract::<std::borrow::Cow<'_, str>>()? {
        "inline" => Ok(Drive::Inline),
        "threads" => Ok(Drive::Threads(1)),
        other => Err(PyValueError::new_err(format!(
            "drive is 'threads', 'inline' or a number of threads, not {other:?}"
        ))),
    }
}

pub(crate) fn milliseconds(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    Ok(Duration::from_millis(value.extract()?))
}

fn set(options: &mut ManagerOptions, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match name {
        "drive" => options.drive = drive(value)?,
        "http_versions" => options.http = http_versions(value)?,
        "timeout" => timeout::apply(&timeout::overrides(Some(value))?, &mut options.timeouts),
        "unix_socket" => options.unix_socket = Some(value.extract()?),
        "resolve" => {
            for (host, port, addresses) in value.extract::<Vec<(String, u16, Vec<String>)>>()? {
                let parsed: Result<Vec<_>, _> = addresses
                    .iter()
                    .map(|address| {
                        address
                            .parse()
                            .map(|ip| std::net::SocketAddr::new(ip, port))
                    })
                    .collect();
                let parsed = parsed
                    .map_err(|error| PyValueError::new_err(format!("resolve: {host}: {error}")))?;
                options.resolve.push((host, port, parsed));
            }
        }
        "max_connections_per_origin" => options.max_connections_per_origin = value.extract()?,
        "max_connections" => options.max_connections = value.extract()?,
        "idle_connection_timeout" => options.idle_connection_timeout = milliseconds(value)?,
        "credit" => options.credit = value.extract()?,
        "upload_buffer" => options.upload_buffer = value.extract()?,
        "max_header_bytes" => options.max_header_bytes = value.extract()?,
        "max_headers" => options.max_headers = value.extract()?,
        "max_body_bytes" => options.max_body_bytes = value.extract()?,
        "http2_max_concurrent_streams" => options.http2_max_concurrent_streams = value.extract()?,
        "http2_stream_window" => options.http2_stream_window = value.extract()?,
        "http2_ping_interval" => options.http2_ping_interval = Some(milliseconds(value)?),
        "websocket_http" => options.websocket_http = http_versions(value)?,
        "websocket_max_frame_bytes" => options.websocket_max_frame_bytes = value.extract()?,
        "websocket_max_message_bytes" => options.websocket_max_message_bytes = value.extract()?,
        "websocket_send_buffer" => options.websocket_send_buffer = value.extract()?,
        "cookie_jar" => {
            options.cookie_jar = Some(value.cast::<CookieJar>()?.get().0.clone());
        }
        "har" => options.har = Some(value.cast::<HarLog>()?.get().0.clone()),
        // Whoever makes the manager joins it to its engine.
        "resolver" => {}
        "user_agent" => options.user_agent = value.extract()?,
        _ => {
            return Err(PyTypeError::new_err(format!(
                "a manager has no option {name:?}"
            )));
        }
    }
    Ok(())
}

/// The options that Python gave by name.
pub(crate) fn manager_options(given: Option<&Bound<'_, PyDict>>) -> PyResult<ManagerOptions> {
    let mut options = ManagerOptions::default();
    let mut answers = PolicyOverrides::default();
    for (name, value) in given.into_iter().flat_map(PyDictMethods::iter) {
        let name: std::borrow::Cow<'_, str> = name.extract()?;
        if !policy::set(&mut answers, &name, &value)?
            && !connection::set(&mut options, &name, &value)?
        {
            set(&mut options, &name, &value)?;
        }
    }
    policy::apply(answers, &mut options.policy);
    Ok(options)
}
