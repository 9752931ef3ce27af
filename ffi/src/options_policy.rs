//! Options of a manager: what is done with answers, where a request does not say otherwise.

use std::ffi::c_void;

use crate::boundary::limit;
use crate::callback::trunk_destroy_callback;
use crate::handle::trunk_manager_options;
use crate::policy::set_policy;
use crate::retry::{self, retry, trunk_delay_callback, trunk_retry, trunk_retry_callback};
use crate::status::trunk_status;

/// Whether redirects (301, 302, 303, 307, 308) are followed. The default is yes.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_follow_redirects(
    options: *mut trunk_manager_options,
    follow: bool,
) -> trunk_status {
    set_policy!(options, follow_redirects, follow)
}

/// How many redirects are followed; one more ends the request with `TRUNK_ERROR_TOO_MANY_REDIRECTS`. The default is 10.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_redirects(
    options: *mut trunk_manager_options,
    redirects: u32,
) -> trunk_status {
    set_policy!(options, max_redirects, redirects)
}

/// Whether credentials and cookies given for the first origin go along to another one. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_redirect_trusted(
    options: *mut trunk_manager_options,
    trusted: bool,
) -> trunk_status {
    set_policy!(options, redirect_trusted, trusted)
}

/// Whether a redirect may lead from `https` to `http`. The default is no: it ends the request with
/// `TRUNK_ERROR_REDIRECT_REFUSED`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_redirect_downgrade(
    options: *mut trunk_manager_options,
    allowed: bool,
) -> trunk_status {
    set_policy!(options, redirect_downgrade, allowed)
}

/// Which failures are tried again. The default is `TRUNK_RETRY_OFF`.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_retry(
    options: *mut trunk_manager_options,
    rule: trunk_retry,
) -> trunk_status {
    set_policy!(options, retry, retry(rule)?)
}

/// How often a request is tried again. The default is 3.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_retries(
    options: *mut trunk_manager_options,
    retries: u32,
) -> trunk_status {
    set_policy!(options, max_retries, retries)
}

/// Lets `callback` decide which attempts are made again, in place of a rule. `max_retries` and the manager's budget for
/// retries hold all the same.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it, once neither
/// options nor managers nor requests need the callback any more; on failure it stays the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_retry_callback(
    options: *mut trunk_manager_options,
    callback: trunk_retry_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    retry::set_callback(options, callback, user_data, destroy)
}

/// Lets `callback` say how long the pause before a retry is where the peer does not name one. The default, also with NULL, is
/// 1, 2, 4, 8 s and so on up to 30 s, each up to a quarter shorter.
///
/// Ownership: as `trunk_manager_options_set_retry_callback`; without a callback `destroy` is called at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_retry_delay(
    options: *mut trunk_manager_options,
    callback: trunk_delay_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    retry::set_delay(options, callback, user_data, destroy)
}

/// Whether an answer with status 400 or above ends with `TRUNK_ERROR_HTTP_STATUS`, after its body. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_status_errors(
    options: *mut trunk_manager_options,
    errors: bool,
) -> trunk_status {
    set_policy!(options, status_errors, errors)
}

/// Whether `accept-encoding` is sent and the body decoded (gzip, deflate, br, zstd). The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_decode(
    options: *mut trunk_manager_options,
    decode: bool,
) -> trunk_status {
    set_policy!(options, decode, decode)
}

/// Bytes of a decoded body; 0 sets no limit. The default is 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_decoded_bytes(
    options: *mut trunk_manager_options,
    bytes: u64,
) -> trunk_status {
    set_policy!(options, max_decoded_bytes, bytes)
}

/// Times that a decoded body may be longer than what was sent; 0 sets no limit. The default is 1000.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_decode_ratio(
    options: *mut trunk_manager_options,
    ratio: u32,
) -> trunk_status {
    set_policy!(options, max_decode_ratio, ratio)
}

/// Whether cookies are kept in the manager's jar and sent. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_cookies(
    options: *mut trunk_manager_options,
    cookies: bool,
) -> trunk_status {
    set_policy!(options, cookies, cookies)
}

/// Sends `expect: 100-continue` with a body, and waits so long for the peer's word before sending it, in milliseconds; 0
/// does not. The default is 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_expect_continue(
    options: *mut trunk_manager_options,
    wait_ms: u64,
) -> trunk_status {
    set_policy!(options, expect_continue, limit(wait_ms))
}
