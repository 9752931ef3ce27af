//! Options of a manager: HTTP/2.

use engine::{Error, ErrorCode, Result};

use crate::boundary::limit;
use crate::handle::trunk_manager_options;
use crate::options::change;
use crate::options_limits::positive;
use crate::status::trunk_status;

/// A receive window (RFC 9113, 6.9.1).
fn window(bytes: u32) -> Result<u32> {
    if (1..=0x7fff_ffff).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(Error::new(
            ErrorCode::InvalidArgument,
            "a window has 1 to 2^31-1 bytes",
        ))
    }
}

/// Streams at once on one HTTP/2 connection, whatever the peer would allow. The default is 1000.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_max_concurrent_streams(
    options: *mut trunk_manager_options,
    streams: usize,
) -> trunk_status {
    change(options, |options| {
        options.http2_max_concurrent_streams = positive(streams)?;
        Ok(())
    })
}

/// Receive window of one HTTP/2 stream, in bytes, up to 2^31-1. The default is 2 MiB.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0 or more than that.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_stream_window(
    options: *mut trunk_manager_options,
    bytes: u32,
) -> trunk_status {
    change(options, |options| {
        options.http2_stream_window = window(bytes)?;
        Ok(())
    })
}

/// Whether a stream's window begins with the protocol's 65535 bytes and grows with bandwidth and delay of its connection,
/// which PINGs measure, up to `trunk_manager_options_set_http2_stream_window`. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_adaptive_window(
    options: *mut trunk_manager_options,
    adaptive: bool,
) -> trunk_status {
    change(options, |options| {
        options.http2_adaptive_window = adaptive;
        Ok(())
    })
}

/// Whether an HTTP/2 connection serves other https origins as well, if it leads to one of their addresses at the same
/// port, and its certificate, which was checked, is valid for them (RFC 9113, 9.1.1). An answer of 421 sends the request
/// over a connection of its own. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_coalescing(
    options: *mut trunk_manager_options,
    coalescing: bool,
) -> trunk_status {
    change(options, |options| {
        options.http2_coalescing = coalescing;
        Ok(())
    })
}

/// Receive window of a whole HTTP/2 connection, in bytes, up to 2^31-1, which is the default. A smaller one lets streams
/// whose owners take nothing starve the others.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0 or more than that.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_connection_window(
    options: *mut trunk_manager_options,
    bytes: u32,
) -> trunk_status {
    change(options, |options| {
        options.http2_connection_window = window(bytes)?;
        Ok(())
    })
}

/// Payload of one HTTP/2 frame that the peer may send, in bytes: 16384, the default, to 16777215. Less or more makes
/// `trunk_manager_new` fail.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_max_frame_size(
    options: *mut trunk_manager_options,
    bytes: u32,
) -> trunk_status {
    change(options, |options| {
        options.http2_max_frame_size = bytes;
        Ok(())
    })
}

/// Bytes of the table by which the peer compresses header fields (RFC 7541, 4.2). The default is 4096.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_header_table_size(
    options: *mut trunk_manager_options,
    bytes: u32,
) -> trunk_status {
    change(options, |options| {
        options.http2_header_table_size = bytes;
        Ok(())
    })
}

/// HTTP/2 connections to one origin: a further one is opened when all are full. The default is 1.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_connections_per_origin(
    options: *mut trunk_manager_options,
    connections: usize,
) -> trunk_status {
    change(options, |options| {
        options.http2_connections_per_origin = positive(connections)?;
        Ok(())
    })
}

/// How often a PING is sent on HTTP/2 connections in use, in milliseconds, to measure the round trip and to notice a dead
/// peer; 0 sends none. The default is none.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_ping_interval(
    options: *mut trunk_manager_options,
    interval_ms: u64,
) -> trunk_status {
    change(options, |options| {
        options.http2_ping_interval = limit(interval_ms);
        Ok(())
    })
}

/// Whether PINGs are sent on unused HTTP/2 connections as well. The default is no.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_options_set_http2_ping_unused(
    options: *mut trunk_manager_options,
    unused: bool,
) -> trunk_status {
    change(options, |options| {
        options.http2_ping_unused = unused;
        Ok(())
    })
}
