//! Options of a manager: for each WebSocket.

use std::ffi::c_void;
use std::time::Duration;

use crate::boundary::limit;
use crate::callback::trunk_destroy_callback;
use crate::handle::trunk_manager_options;
use crate::options::{change, http_versions, trunk_http};
use crate::policy::set_policy;
use crate::status::trunk_status;
use crate::websocket_policy::{
    allow_reconnect, offer_deflate, set_codes, set_deflate, set_reconnect, set_resume,
    trunk_resume_callback,
};

/// Over which HTTP version a WebSocket is opened, where its request does not say. `TRUNK_HTTP_1`, the default: each has a
/// connection of its own. `TRUNK_HTTP_AUTO`: a stream of the HTTP/2 connection that requests to the origin share (RFC 8441),
/// where such a connection stands or TLS negotiates one and its peer offers it; else a connection of its own.
/// `TRUNK_HTTP_2`: so, or an error.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_http(
    options: *mut trunk_manager_options,
    versions: trunk_http,
) -> trunk_status {
    change(options, |options| {
        options.websocket_http = http_versions(versions)?;
        Ok(())
    })
}

/// Whether compression of WebSocket messages is offered (permessage-deflate, RFC 7692). The default is no: it costs time and
/// up to 300 KiB of memory for each connection, and the length of a compressed message tells of its content where a
/// stranger can write into it.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_deflate(
    options: *mut trunk_manager_options,
    offered: bool,
) -> trunk_status {
    offer_deflate(options, offered)
}

/// Offers compression of WebSocket messages with this level, from 1 (fast) to 9 (small); messages of less than `threshold`
/// bytes are not compressed. The defaults are 6 and 128.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_deflate_effort(
    options: *mut trunk_manager_options,
    level: u32,
    threshold: usize,
) -> trunk_status {
    set_deflate(options, |deflate| {
        deflate.level = level;
        deflate.threshold = threshold;
    })
}

/// Offers compression of WebSocket messages with these windows at most, of what the peer sends and of what is sent, as
/// powers of two from 9 to 15. The defaults are 15.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_deflate_windows(
    options: *mut trunk_manager_options,
    server_bits: u8,
    client_bits: u8,
) -> trunk_status {
    set_deflate(options, |deflate| {
        deflate.server_max_window_bits = server_bits;
        deflate.client_max_window_bits = client_bits;
    })
}

/// Offers compression of WebSocket messages each by itself (`no_context_takeover`): of what the peer sends, and of what is
/// sent. The defaults are no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_deflate_alone(
    options: *mut trunk_manager_options,
    server: bool,
    client: bool,
) -> trunk_status {
    set_deflate(options, |deflate| {
        deflate.server_no_context_takeover = server;
        deflate.client_no_context_takeover = client;
    })
}

/// Whether WebSocket messages are delivered frame by frame: each is a fragment of its message (`trunk_part_frame_has_more`,
/// `trunk_message`), and a character of text may be cut. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_frames(
    options: *mut trunk_manager_options,
    frames: bool,
) -> trunk_status {
    set_policy!(options, websocket_frames, frames)
}

/// Pings the peer of a WebSocket this often, in milliseconds, which measures the round trip and finds a peer that is gone;
/// 0 does not. The default is 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_ping_interval(
    options: *mut trunk_manager_options,
    interval_ms: u64,
) -> trunk_status {
    set_policy!(options, websocket_ping_interval, limit(interval_ms))
}

/// How long nothing at all may come after such a ping, in milliseconds; then the WebSocket is closed with 1011 and ends with
/// `TRUNK_ERROR_IDLE_TIMEOUT`. 0 sets no limit. The default is 20 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_ping_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    set_policy!(options, websocket_ping_timeout, limit(timeout_ms))
}

/// How long a WebSocket's own close waits for the peer's, in milliseconds; 0 sets no limit. The default is 10 s.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_close_timeout(
    options: *mut trunk_manager_options,
    timeout_ms: u64,
) -> trunk_status {
    set_policy!(
        options,
        websocket_close_timeout,
        limit(timeout_ms).unwrap_or(Duration::MAX)
    )
}

/// Whether a WebSocket that was lost is opened again. Each time a part of kind `TRUNK_PART_RECONNECTED` is delivered. What was
/// handed to the lost connection is not sent again; what was still queued is. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_reconnect(
    options: *mut trunk_manager_options,
    allowed: bool,
) -> trunk_status {
    allow_reconnect(options, allowed)
}

/// Opens a WebSocket that was lost again: the pause before the first attempt and the longest one, in milliseconds (it doubles
/// with each attempt in a row), and the number of attempts in a row. The defaults are 1 s, 30 s and 10.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_reconnect_pauses(
    options: *mut trunk_manager_options,
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

/// Opens a WebSocket that was lost again, and queues so many bytes of messages meanwhile; then a send answers
/// `TRUNK_ERROR_AGAIN`. The default is 1 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_reconnect_queue(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    set_reconnect(options, |reconnect| {
        reconnect.queue = bytes;
        Ok(())
    })
}

/// Opens a WebSocket that was lost again, also after the peer has closed it with one of these codes. The defaults are 1011,
/// 1012, 1013 and 1014.
///
/// Ownership: `codes` (NULL allowed with a count of 0) are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_websocket_reconnect_codes(
    options: *mut trunk_manager_options,
    codes: *const u16,
    count: usize,
) -> trunk_status {
    // SAFETY: the contract: an array that is an argument holds as many as are said.
    unsafe { set_codes(options, codes, count) }
}

/// Opens a WebSocket that was lost again, and lets `callback` say what is sent first then. The default, also with NULL, is
/// nothing.
///
/// Ownership: as `trunk_manager_options_set_retry_callback`; without a callback `destroy` is called at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_options_set_websocket_resume(
    options: *mut trunk_manager_options,
    callback: trunk_resume_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    set_resume(options, callback, user_data, destroy)
}
