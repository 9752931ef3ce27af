//! Options of a manager: proxies and sockets.

use std::time::Duration;

use engine::{
    Error, ErrorCode, NoProxy, Proxy, ProxyAuth, ProxyOption, ProxyRules, Result, TcpKeepAlive,
    header_field,
};

use crate::handle::{trunk_manager_options, trunk_request_options};
use crate::options::change;
use crate::options_tls::{set_ca, set_verify};
use crate::request_options;
use crate::resolver::ip_address;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// The proxy of an argument; none for the empty view.
///
/// # Safety
/// As for [`trunk_view::text`].
///
/// # Errors
/// As [`Proxy::parse`].
unsafe fn proxy(url: trunk_view) -> Result<Option<Proxy>> {
    // SAFETY: the caller's promise.
    let url = unsafe { url.optional("the url of a proxy") }?;
    url.map(Proxy::parse).transpose()
}

/// The proxies for URLs without TLS (`http`, `ws`) and with it (`https`, `wss`), as `scheme://user:password@host:port`; the
/// empty view stands for none, which is the default. Schemes are `http` (also where there is none), `https`, `socks5`,
/// which resolves names here, and `socks5h`, which lets the proxy do so. `direct` are hosts that are connected to without
/// a proxy, in the words of `NO_PROXY`: names, which stand for all names below them, too, addresses and networks,
/// separated by commas; `*` stands for every host.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_proxy(
    options: *mut trunk_manager_options,
    without_tls: trunk_view,
    with_tls: trunk_view,
    direct: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (http, https, direct) = unsafe {
            (
                proxy(without_tls)?,
                proxy(with_tls)?,
                direct.text("the hosts without a proxy")?,
            )
        };
        options.proxy = ProxyOption::Rules(ProxyRules {
            http,
            https,
            no_proxy: NoProxy::parse(direct),
        });
        Ok(())
    })
}

/// Uses the proxies that the environment names when the manager is made, as curl does: `http_proxy`, `https_proxy` or
/// `HTTPS_PROXY`, `all_proxy` or `ALL_PROXY`, `no_proxy` or `NO_PROXY`. What is no proxy there makes `trunk_manager_new`
/// fail.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_proxy_environment(
    options: *mut trunk_manager_options,
) -> trunk_status {
    change(options, |options| {
        options.proxy = ProxyOption::Environment;
        Ok(())
    })
}

/// How user and password of a proxy's URL are shown to an HTTP proxy: one of `TRUNK_PROXY_AUTH_*`.
pub type trunk_proxy_auth = i32;

/// At once and in the clear (RFC 7617). The default.
pub const TRUNK_PROXY_AUTH_BASIC: trunk_proxy_auth = 0;
/// By a proof that does not show the password (RFC 7616), once the proxy has asked for it. Both are UTF-8.
pub const TRUNK_PROXY_AUTH_DIGEST: trunk_proxy_auth = 1;

/// How user and password are shown to HTTP proxies.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for what is none of `TRUNK_PROXY_AUTH_*`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_proxy_auth(
    options: *mut trunk_manager_options,
    auth: trunk_proxy_auth,
) -> trunk_status {
    change(options, |options| {
        options.proxy_auth = match auth {
            TRUNK_PROXY_AUTH_BASIC => ProxyAuth::Basic,
            TRUNK_PROXY_AUTH_DIGEST => ProxyAuth::Digest,
            _ => {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    format!("there is no proxy authentication {auth}"),
                ));
            }
        };
        Ok(())
    })
}

/// Adds a field for every HTTP proxy, in CONNECT and in requests that it forwards; never for a target behind a tunnel.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_HEADER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_add_proxy_header(
    options: *mut trunk_manager_options,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (name, value) = unsafe { (name.text("the name of a header")?, value.bytes()?) };
        let (name, value) = header_field(name, value)?;
        options
            .proxy_headers
            .try_append(name, value)
            .map(|_| ())
            .map_err(|_| Error::new(ErrorCode::InvalidHeader, "there are too many headers"))
    })
}

/// As `trunk_manager_options_set_tls_ca`, for proxies whose scheme is `https`.
///
/// Ownership: `pem` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_proxy_tls_ca(
    options: *mut trunk_manager_options,
    pem: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        unsafe { set_ca(&mut options.proxy_tls, pem) }
    })
}

/// As `trunk_manager_options_set_tls_verify`, for proxies whose scheme is `https`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_proxy_tls_verify(
    options: *mut trunk_manager_options,
    verify: bool,
) -> trunk_status {
    change(options, |options| {
        set_verify(&mut options.proxy_tls, verify);
        Ok(())
    })
}

/// The proxy for this request, whatever the manager's are; the empty view connects directly.
///
/// Ownership: `url` is copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_proxy(
    options: *mut trunk_request_options,
    url: trunk_view,
) -> trunk_status {
    request_options::change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        request.proxy(unsafe { proxy(url) }?);
        Ok(())
    })
}

/// The local IP address to connect from. Only addresses of its family are tried then. The empty view, the default, lets the
/// system choose.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_local_address(
    options: *mut trunk_manager_options,
    address: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let address = unsafe { address.optional("the address") }?;
        options.connection.local_address = address.map(ip_address).transpose()?;
        Ok(())
    })
}

/// The network interface to connect over, by its name (`SO_BINDTODEVICE`). The system may demand `CAP_NET_RAW`. The empty
/// view, the default, lets the system choose.
///
/// Ownership: `name` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_interface(
    options: *mut trunk_manager_options,
    name: trunk_view,
) -> trunk_status {
    change(options, |options| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let name = unsafe { name.optional("the name") }?;
        options.connection.interface = name.map(str::to_owned);
        Ok(())
    })
}

/// Whether small pieces are sent at once (`TCP_NODELAY`). The default is yes.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_nodelay(
    options: *mut trunk_manager_options,
    nodelay: bool,
) -> trunk_status {
    change(options, |options| {
        options.connection.nodelay = nodelay;
        Ok(())
    })
}

/// TCP's own probes of a connection on which nothing moves: the silence before the first one and the time from one to the
/// next, in milliseconds, of which the system counts whole seconds, and how many remain unanswered until the connection
/// is lost. A silence of 0, the default, sends none.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for an interval or count of 0 with a silence.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_tcp_keep_alive(
    options: *mut trunk_manager_options,
    silence_ms: u64,
    interval_ms: u64,
    count: u32,
) -> trunk_status {
    change(options, |options| {
        if silence_ms > 0 && (interval_ms == 0 || count == 0) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "keep-alive needs an interval and a count",
            ));
        }
        options.connection.keep_alive = (silence_ms > 0).then(|| TcpKeepAlive {
            idle: Duration::from_millis(silence_ms),
            interval: Duration::from_millis(interval_ms),
            count,
        });
        Ok(())
    })
}
