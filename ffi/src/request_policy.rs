//! Options of a request: what is done with its answer, in place of the manager's choice.

use std::ffi::c_void;

use crate::boundary::limit;
use crate::callback::trunk_destroy_callback;
use crate::handle::trunk_request_options;
use crate::policy::set_policy;
use crate::retry::{self, retry, trunk_delay_callback, trunk_retry, trunk_retry_callback};
use crate::status::trunk_status;

/// As `trunk_manager_options_set_follow_redirects`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_follow_redirects(
    options: *mut trunk_request_options,
    follow: bool,
) -> trunk_status {
    set_policy!(options, follow_redirects, follow)
}

/// As `trunk_manager_options_set_max_redirects`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_max_redirects(
    options: *mut trunk_request_options,
    redirects: u32,
) -> trunk_status {
    set_policy!(options, max_redirects, redirects)
}

/// As `trunk_manager_options_set_redirect_trusted`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_redirect_trusted(
    options: *mut trunk_request_options,
    trusted: bool,
) -> trunk_status {
    set_policy!(options, redirect_trusted, trusted)
}

/// As `trunk_manager_options_set_redirect_downgrade`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_redirect_downgrade(
    options: *mut trunk_request_options,
    allowed: bool,
) -> trunk_status {
    set_policy!(options, redirect_downgrade, allowed)
}

/// As `trunk_manager_options_set_retry`, for this request.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_retry(
    options: *mut trunk_request_options,
    rule: trunk_retry,
) -> trunk_status {
    set_policy!(options, retry, retry(rule)?)
}

/// As `trunk_manager_options_set_max_retries`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_max_retries(
    options: *mut trunk_request_options,
    retries: u32,
) -> trunk_status {
    set_policy!(options, max_retries, retries)
}

/// As `trunk_manager_options_set_retry_callback`, for this request, with the same ownership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_retry_callback(
    options: *mut trunk_request_options,
    callback: trunk_retry_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    retry::set_callback(options, callback, user_data, destroy)
}

/// As `trunk_manager_options_set_retry_delay`, for this request, with the same ownership.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_retry_delay(
    options: *mut trunk_request_options,
    callback: trunk_delay_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    retry::set_delay(options, callback, user_data, destroy)
}

/// As `trunk_manager_options_set_status_errors`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_status_errors(
    options: *mut trunk_request_options,
    errors: bool,
) -> trunk_status {
    set_policy!(options, status_errors, errors)
}

/// As `trunk_manager_options_set_decode`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_decode(
    options: *mut trunk_request_options,
    decode: bool,
) -> trunk_status {
    set_policy!(options, decode, decode)
}

/// As `trunk_manager_options_set_max_decoded_bytes`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_max_decoded_bytes(
    options: *mut trunk_request_options,
    bytes: u64,
) -> trunk_status {
    set_policy!(options, max_decoded_bytes, bytes)
}

/// As `trunk_manager_options_set_max_decode_ratio`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_max_decode_ratio(
    options: *mut trunk_request_options,
    ratio: u32,
) -> trunk_status {
    set_policy!(options, max_decode_ratio, ratio)
}

/// As `trunk_manager_options_set_cookies`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_cookies(
    options: *mut trunk_request_options,
    cookies: bool,
) -> trunk_status {
    set_policy!(options, cookies, cookies)
}

/// As `trunk_manager_options_set_expect_continue`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_expect_continue(
    options: *mut trunk_request_options,
    wait_ms: u64,
) -> trunk_status {
    set_policy!(options, expect_continue, limit(wait_ms))
}
