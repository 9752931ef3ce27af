//! How connections are opened, by name: proxies, TLS, sockets, HTTP/2.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use trunkline::{
    ClientIdentity, ManagerOptions, NoProxy, Proxy, ProxyAuth, ProxyOption, ProxyRules, Request,
    TcpKeepAlive, TlsOptions, TlsVersion, Verify,
};

use crate::errors::checked;
use crate::headers;

/// Seconds from Python; `what` names them.
pub(crate) fn seconds(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value.extract()?).map_err(|_| {
        PyValueError::new_err(format!(
            "{what} is a number of seconds from 0 on, not {value}"
        ))
    })
}

fn proxy(value: &Bound<'_, PyAny>) -> PyResult<Proxy> {
    let text = value
        .cast::<PyString>()
        .map_err(|_| PyTypeError::new_err("a proxy is given by its URL"))?;
    checked(value.py(), Proxy::parse(&text.to_cow()?))
}

/// Changes the rules that were given so far.
fn change(options: &mut ManagerOptions, change: impl FnOnce(&mut ProxyRules)) {
    let mut rules = match std::mem::take(&mut options.proxy) {
        ProxyOption::Rules(rules) => rules,
        _ => ProxyRules::default(),
    };
    change(&mut rules);
    options.proxy = ProxyOption::Rules(rules);
}

/// Sets the proxy of a request; None connects directly.
pub(crate) fn request_proxy(request: &mut Request, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let own = if value.is_none() {
        None
    } else {
        Some(proxy(value)?)
    };
    request.proxy(own);
    Ok(())
}

fn bytes(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Ok(value.cast::<PyBytes>()?.as_bytes().to_vec())
}

fn identity(value: &Bound<'_, PyAny>) -> PyResult<ClientIdentity> {
    let (certificate, key): (Bound<'_, PyAny>, Bound<'_, PyAny>) = value.extract()?;
    Ok(ClientIdentity {
        certificate: bytes(&certificate)?,
        key: bytes(&key)?,
    })
}

fn version(value: &Bound<'_, PyAny>) -> PyResult<TlsVersion> {
    match &*value.extract::<std::borrow::Cow<'_, str>>()? {
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        other => Err(PyValueError::new_err(format!(
            "a version of TLS is '1.2' or '1.3', not {other:?}"
        ))),
    }
}

/// Notes an option of TLS. False: there is none of that name.
fn set_tls(tls: &mut TlsOptions, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match name {
        "verify" if !value.is_truthy()? => tls.verify = Verify::Nobody,
        "verify" => tls.verify = Verify::Platform,
        "ca" => tls.verify = Verify::Ca(bytes(value)?),
        "cert" => tls.identity = Some(identity(value)?),
        "server_hostname" => tls.hostname = Some(value.extract()?),
        "sni" => tls.sni = Some(value.extract()?),
        "tls_min_version" => tls.min_version = version(value)?,
        "tls_max_version" => tls.max_version = version(value)?,
        "tls_pins" => tls.pins = value.extract()?,
        "tls_resumption" => tls.resumption = value.extract()?,
        "key_log" => tls.key_log = Some(value.extract()?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn keep_alive(value: &Bound<'_, PyAny>) -> PyResult<Option<TcpKeepAlive>> {
    if let Ok(on) = value.extract::<bool>() {
        return Ok(on.then(TcpKeepAlive::default));
    }
    let (idle, interval, count): (Bound<'_, PyAny>, Bound<'_, PyAny>, u32) = value.extract()?;
    Ok(Some(TcpKeepAlive {
        idle: seconds("tcp_keepalive", &idle)?,
        interval: seconds("tcp_keepalive", &interval)?,
        count,
    }))
}

/// Notes an option. False: there is none of that name.
pub(crate) fn set(
    options: &mut ManagerOptions,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    if let Some(of_proxy) = name.strip_prefix("proxy_")
        && set_tls(&mut options.proxy_tls, of_proxy, value)?
    {
        return Ok(true);
    }
    if set_tls(&mut options.tls, name, value)? {
        return Ok(true);
    }
    match name {
        "trust_env" if value.is_truthy()? => {
            let rules = checked(value.py(), ProxyRules::from_environment())?;
            options.proxy = ProxyOption::Rules(rules);
        }
        "trust_env" => options.proxy = ProxyOption::None,
        "http_proxy" => {
            let proxy = proxy(value)?;
            change(options, |rules| rules.http = Some(proxy));
        }
        "https_proxy" => {
            let proxy = proxy(value)?;
            change(options, |rules| rules.https = Some(proxy));
        }
        "no_proxy" => {
            let list = NoProxy::parse(&value.extract::<String>()?);
            change(options, |rules| rules.no_proxy = list);
        }
        "proxy_auth" => {
            options.proxy_auth = match &*value.extract::<std::borrow::Cow<'_, str>>()? {
                "basic" => ProxyAuth::Basic,
                "digest" => ProxyAuth::Digest,
                other => {
                    return Err(PyValueError::new_err(format!(
                        "proxy_auth is 'basic' or 'digest', not {other:?}"
                    )));
                }
            }
        }
        "proxy_headers" => options.proxy_headers = headers::map(value.py(), Some(value))?,
        "local_address" => {
            let text: String = value.extract()?;
            options.connection.local_address = Some(text.parse().map_err(|_| {
                PyValueError::new_err(format!("local_address {text:?} is no IP address"))
            })?);
        }
        "interface" => options.connection.interface = Some(value.extract()?),
        "tcp_nodelay" => options.connection.nodelay = value.extract()?,
        "tcp_keepalive" => options.connection.keep_alive = keep_alive(value)?,
        "http2_connections_per_origin" => options.http2_connections_per_origin = value.extract()?,
        "http2_adaptive_window" => options.http2_adaptive_window = value.extract()?,
        "http2_coalescing" => options.http2_coalescing = value.extract()?,
        "http2_connection_window" => options.http2_connection_window = value.extract()?,
        "http2_max_frame_size" => options.http2_max_frame_size = value.extract()?,
        "http2_header_table_size" => options.http2_header_table_size = value.extract()?,
        "http2_ping_unused" => options.http2_ping_unused = value.extract()?,
        _ => return Ok(false),
    }
    Ok(true)
}
