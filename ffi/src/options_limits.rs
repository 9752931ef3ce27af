//! Options of a manager: its limits.

use engine::{Error, ErrorCode, Result};

use crate::handle::trunk_manager_options;
use crate::options::change;
use crate::status::trunk_status;

/// A limit of at least one.
pub(crate) fn positive(value: usize) -> Result<usize> {
    if value == 0 {
        Err(Error::new(
            ErrorCode::InvalidArgument,
            "this limit is at least 1",
        ))
    } else {
        Ok(value)
    }
}

/// Connections to one origin. The default is 100.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_connections_per_origin(
    options: *mut trunk_manager_options,
    connections: usize,
) -> trunk_status {
    change(options, |options| {
        options.max_connections_per_origin = positive(connections)?;
        Ok(())
    })
}

/// Connections in all. The default is 1000.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_connections(
    options: *mut trunk_manager_options,
    connections: usize,
) -> trunk_status {
    change(options, |options| {
        options.max_connections = positive(connections)?;
        Ok(())
    })
}

/// Bytes of the body of an answer that may be delivered and not released, for each request. The default is 1 MiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_credit(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    change(options, |options| {
        options.credit = positive(bytes)?;
        Ok(())
    })
}

/// Bytes of a streamed body that may be queued before a write answers `TRUNK_ERROR_AGAIN`. The default is 256 KiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_upload_buffer(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    change(options, |options| {
        options.upload_buffer = positive(bytes)?;
        Ok(())
    })
}

/// Bytes of the head of an answer. The default is 64 KiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_header_bytes(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    change(options, |options| {
        options.max_header_bytes = positive(bytes)?;
        Ok(())
    })
}

/// Header fields of an HTTP/1.1 answer. The default is 100.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_headers(
    options: *mut trunk_manager_options,
    headers: usize,
) -> trunk_status {
    change(options, |options| {
        options.max_headers = positive(headers)?;
        Ok(())
    })
}

/// Bytes of the body of an answer; 0 sets no limit, for bodies are streamed. The default is 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_max_body_bytes(
    options: *mut trunk_manager_options,
    bytes: u64,
) -> trunk_status {
    change(options, |options| {
        options.max_body_bytes = bytes;
        Ok(())
    })
}

/// Bytes of one WebSocket frame. The default is 16 MiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_max_frame_bytes(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    change(options, |options| {
        options.websocket_max_frame_bytes = positive(bytes)?;
        Ok(())
    })
}

/// Bytes of one WebSocket message. The default is 64 MiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_max_message_bytes(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    change(options, |options| {
        options.websocket_max_message_bytes = positive(bytes)?;
        Ok(())
    })
}

/// Bytes of outgoing WebSocket messages that may be queued before a send answers `TRUNK_ERROR_AGAIN`. The default
/// is 1 MiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_websocket_send_buffer(
    options: *mut trunk_manager_options,
    bytes: usize,
) -> trunk_status {
    change(options, |options| {
        options.websocket_send_buffer = positive(bytes)?;
        Ok(())
    })
}
