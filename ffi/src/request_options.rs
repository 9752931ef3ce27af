//! Options of a request: what is asked, and how.

use std::ptr;
use std::sync::Mutex;

use bytes::Bytes;
use engine::{Body, Error, ErrorCode, Request, Result};

use crate::boundary::{Out, call, limit};
use crate::handle::{self, trunk_request_options};
use crate::options::{http_versions, trunk_http};
use crate::request_url::RequestSettings;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Changes the options behind a handle.
pub(crate) fn change<T>(
    options: *mut trunk_request_options,
    change: impl FnOnce(&mut Request) -> Result<T>,
) -> trunk_status {
    call(|| {
        handle::change::<RequestSettings, T>(options.addr(), |settings| {
            change(&mut settings.request)
        })
    })
}

/// Makes the options of a request with this method and absolute URL, whose scheme is `http`, `https`, `ws` or `wss`; the
/// last two open a WebSocket, with the method `GET`. A `url` that begins with `/` is appended to the base URL of the
/// manager that it is submitted to.
///
/// Ownership: the views are copied. The caller frees `*options`, which may be submitted any number of times.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a method that is no token (RFC 9110, 5.6.2), for `CONNECT`, which
/// `trunk_request_options_new_connect` makes, or text that is not UTF-8; `TRUNK_ERROR_INVALID_URL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_new(
    method: trunk_view,
    url: trunk_view,
    options: *mut *mut trunk_request_options,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written, a view that is an argument may be read.
        let (out, method, url) = unsafe {
            (
                Out::new(options, "options")?,
                method.text("the method")?,
                url.text("the url")?,
            )
        };
        let settings = Mutex::new(RequestSettings::new(method, url)?);
        out.set(ptr::without_provenance_mut(handle::insert(settings)?));
        Ok(())
    })
}

/// Gives options back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_free(options: *mut trunk_request_options) -> trunk_status {
    call(|| handle::free::<Mutex<RequestSettings>>(options.addr()).map(drop))
}

/// Adds a header field. A repeated name adds a further value.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_HEADER` for a byte that RFC 9110 does not allow (CR, LF and NUL among them), and for a
/// field that the library itself writes: `connection`, `keep-alive`, `proxy-connection`, `upgrade`, `transfer-encoding`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_add_header(
    options: *mut trunk_request_options,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (name, value) = unsafe { (name.bytes()?, value.bytes()?) };
        request.header(field_name(name)?, value).map(|_| ())
    })
}

fn field_name(name: &[u8]) -> Result<&str> {
    std::str::from_utf8(name).map_err(|_| {
        Error::new(
            ErrorCode::InvalidHeader,
            "the name of a header is not a token",
        )
    })
}

/// Sends no field of this name that the library would add by itself, such as `accept` or `user-agent`. One that
/// `trunk_request_options_add_header` adds is sent.
///
/// Ownership: the view is copied.
/// Errors: `TRUNK_ERROR_INVALID_HEADER` for a bad name, and for `host` and `content-length`, without which messages have no
/// meaning.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_omit_header(
    options: *mut trunk_request_options,
    name: trunk_view,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let name = unsafe { name.bytes() }?;
        request.omit_header(field_name(name)?).map(|_| ())
    })
}

/// Sets the body, given whole. The empty view sends none.
///
/// Ownership: `body` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_body(
    options: *mut trunk_request_options,
    body: trunk_view,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let body = unsafe { body.bytes() }?;
        request.body(Body::from(Bytes::copy_from_slice(body)));
        Ok(())
    })
}

/// Streams the body: after the submission it is written with `trunk_request_write` and ended with
/// `trunk_request_finish`. `length` becomes `content-length`; it is -1 where it is not known.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` below -1.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_streamed_body(
    options: *mut trunk_request_options,
    length: i64,
) -> trunk_status {
    change(options, |request| {
        if length < -1 {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a length is -1 (not known) or more",
            ));
        }
        request.streamed_body(u64::try_from(length).ok());
        Ok(())
    })
}

/// Which HTTP versions may be used, in place of the manager's choice.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_http(
    options: *mut trunk_request_options,
    versions: trunk_http,
) -> trunk_status {
    change(options, |request| {
        request.http(http_versions(versions)?);
        Ok(())
    })
}

/// Waiting for a connection or stream of the pool, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_pool_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().pool = Some(limit(timeout_ms));
        Ok(())
    })
}

/// Resolving the host name, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_resolve_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().resolve = Some(limit(timeout_ms));
        Ok(())
    })
}

/// Establishing the transport connection, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_connect_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().connect = Some(limit(timeout_ms));
        Ok(())
    })
}

/// The TLS handshake, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_tls_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().tls = Some(limit(timeout_ms));
        Ok(())
    })
}

/// The peer takes nothing of the request, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_write_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().write = Some(limit(timeout_ms));
        Ok(())
    })
}

/// From the request being sent to the head of the answer, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_first_byte_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().first_byte = Some(limit(timeout_ms));
        Ok(())
    })
}

/// The answer stands still while the caller is willing to take more, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_idle_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().idle = Some(limit(timeout_ms));
        Ok(())
    })
}

/// From submission to the end, in milliseconds, in place of the manager's; 0 sets no limit.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_total_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    change(options, |request| {
        request.timeouts().total = Some(limit(timeout_ms));
        Ok(())
    })
}

/// Bytes of the answer that may be delivered and not released, in place of the manager's choice.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_credit(
    options: *mut trunk_request_options,
    bytes: usize,
) -> trunk_status {
    change(options, |request| {
        if bytes == 0 {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a credit is at least 1",
            ));
        }
        request.credit(bytes);
        Ok(())
    })
}

/// Whether the request may be sent again when it is known that the peer has not processed it. The default is yes.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_replay(
    options: *mut trunk_request_options,
    allowed: bool,
) -> trunk_status {
    change(options, |request| {
        request.replay(allowed);
        Ok(())
    })
}

/// Whether the caller gives credit back with `trunk_request_release`, instead of by letting parts die. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_manual_release(
    options: *mut trunk_request_options,
    manual: bool,
) -> trunk_status {
    change(options, |request| {
        request.manual_release(manual);
        Ok(())
    })
}
