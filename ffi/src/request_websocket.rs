//! Options of a request: for a WebSocket.

use std::ffi::c_void;
use std::time::Duration;

use engine::{Error, ErrorCode};

use crate::boundary::limit;
use crate::callback::trunk_destroy_callback;
use crate::handle::trunk_request_options;
use crate::policy::set_policy;
use crate::request_options::change;
use crate::status::trunk_status;
use crate::view::{array, trunk_view};
use crate::websocket_policy::{
    allow_reconnect, offer_deflate, set_codes, set_deflate, set_reconnect, set_resume,
    trunk_resume_callback,
};

/// The subprotocols that are offered, the best first (RFC 6455, 1.9). The head tells which one the peer has chosen, in
/// `sec-websocket-protocol`. The default is none.
///
/// Ownership: `names` (NULL allowed with a count of 0) are copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a name that is no token, or comes twice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_websocket_protocols(
    options: *mut trunk_request_options,
    names: *const trunk_view,
    count: usize,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: an array that is an argument holds as many as are said, each of which may be read.
        let names = unsafe { array(names, count, "names") }?
            .iter()
            .map(|name| unsafe { name.text("the name of a subprotocol") })
            .collect::<engine::Result<Vec<_>>>()?;
        request.websocket_protocols(&names).map(|_| ())
    })
}

/// Bytes of one WebSocket message, in place of the manager's choice.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_max_message_bytes(
    options: *mut trunk_request_options,
    bytes: usize,
) -> trunk_status {
    change(options, |request| {
        if bytes == 0 {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a limit is at least 1",
            ));
        }
        request.websocket_max_message_bytes(bytes);
        Ok(())
    })
}

/// As `trunk_manager_options_set_websocket_deflate`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_deflate(
    options: *mut trunk_request_options,
    offered: bool,
) -> trunk_status {
    offer_deflate(options, offered)
}

/// As `trunk_manager_options_set_websocket_deflate_effort`, for this request.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_deflate_effort(
    options: *mut trunk_request_options,
    level: u32,
    threshold: usize,
) -> trunk_status {
    set_deflate(options, |deflate| {
        deflate.level = level;
        deflate.threshold = threshold;
    })
}

/// As `trunk_manager_options_set_websocket_deflate_windows`, for this request.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_deflate_windows(
    options: *mut trunk_request_options,
    server_bits: u8,
    client_bits: u8,
) -> trunk_status {
    set_deflate(options, |deflate| {
        deflate.server_max_window_bits = server_bits;
        deflate.client_max_window_bits = client_bits;
    })
}

/// As `trunk_manager_options_set_websocket_deflate_alone`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_deflate_alone(
    options: *mut trunk_request_options,
    server: bool,
    client: bool,
) -> trunk_status {
    set_deflate(options, |deflate| {
        deflate.server_no_context_takeover = server;
        deflate.client_no_context_takeover = client;
    })
}

/// As `trunk_manager_options_set_websocket_frames`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_frames(
    options: *mut trunk_request_options,
    frames: bool,
) -> trunk_status {
    set_policy!(options, websocket_frames, frames)
}

/// As `trunk_manager_options_set_websocket_ping_interval`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_ping_interval(
    options: *mut trunk_request_options,
    interval_ms: u64,
) -> trunk_status {
    set_policy!(options, websocket_ping_interval, limit(interval_ms))
}

/// As `trunk_manager_options_set_websocket_ping_timeout`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_ping_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    set_policy!(options, websocket_ping_timeout, limit(timeout_ms))
}

/// As `trunk_manager_options_set_websocket_close_timeout`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_close_timeout(
    options: *mut trunk_request_options,
    timeout_ms: u64,
) -> trunk_status {
    set_policy!(
        options,
        websocket_close_timeout,
        limit(timeout_ms).unwrap_or(Duration::MAX)
    )
}

/// As `trunk_manager_options_set_websocket_reconnect`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_reconnect(
    options: *mut trunk_request_options,
    allowed: bool,
) -> trunk_status {
    allow_reconnect(options, allowed)
}

/// As `trunk_manager_options_set_websocket_reconnect_pauses`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_reconnect_pauses(
    options: *mut trunk_request_options,
    first_ms: u64,
    longest_ms: u64,
    attempts: u32,
) -> trunk_status {
    set_reconnect(options, |reconnect| {
        reconnect.delay = Duration::from_millis(first_ms);
        reconnect.max_delay = Duration::from_millis(longest_ms);
        reconnect.max_attempts = attempts;
        Ok(())
    })
}

/// As `trunk_manager_options_set_websocket_reconnect_queue`, for this request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_options_set_websocket_reconnect_queue(
    options: *mut trunk_request_options,
    bytes: usize,
) -> trunk_status {
    set_reconnect(options, |reconnect| {
        reconnect.queue = bytes;
        Ok(())
    })
}

/// As `trunk_manager_options_set_websocket_reconnect_codes`, for this request.
///
/// Ownership: `codes` (NULL allowed with a count of 0) are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_websocket_reconnect_codes(
    options: *mut trunk_request_options,
    codes: *const u16,
    count: usize,
) -> trunk_status {
    // SAFETY: the contract: an array that is an argument holds as many as are said.
    unsafe { set_codes(options, codes, count) }
}

/// As `trunk_manager_options_set_websocket_resume`, for this request.
///
/// Ownership: as `trunk_manager_options_set_retry_callback`; without a callback `destroy` is called at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_websocket_resume(
    options: *mut trunk_request_options,
    callback: trunk_resume_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    set_resume(options, callback, user_data, destroy)
}
