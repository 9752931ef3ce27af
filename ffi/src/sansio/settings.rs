//! What an HTTP/2 connection of an engine is made with.

use engine::sansio::http2::Http2Settings;
use engine::{Error, ErrorCode, Result};

use super::table::{self, Table};
use crate::boundary::{Out, call};
use crate::status::trunk_status;

/// What an HTTP/2 connection is made with; most of it is told to the peer (RFC 9113, 6.5.2). Members may be appended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_http2_settings {
    /// Set by `trunk_http2_settings_init`.
    pub size: usize,
    /// Receive window of each stream, in bytes: 2 MiB, at most 2^31-1.
    pub stream_window: u32,
    /// Receive window of the connection, in bytes: 2^31-1, at least 65535.
    pub connection_window: u32,
    /// The longest payload of a frame that is taken, in bytes: 16 KiB, at most 2^24-1.
    pub max_frame_size: u32,
    /// Bytes of the table by which the peer compresses fields (RFC 7541, 4.2): 4 KiB.
    pub header_table_size: u32,
    /// Bytes of a decoded list of fields: 64 KiB.
    pub max_header_bytes: u32,
    /// Pushed streams that may be open at once: 100. It counts only where there is a `promise` handler.
    pub max_pushed_streams: u32,
    /// Bytes of a body that are given to the peer's window ahead of the transport: 256 KiB.
    pub upload_buffer: usize,
}

// SAFETY: the first member is its size; the others are numbers.
unsafe impl Table for trunk_http2_settings {}

impl trunk_http2_settings {
    fn defaults(size: usize) -> trunk_http2_settings {
        let settings = Http2Settings::default();
        trunk_http2_settings {
            size,
            stream_window: settings.stream_window,
            connection_window: settings.connection_window,
            max_frame_size: settings.max_frame_size,
            header_table_size: settings.header_table_size,
            max_header_bytes: settings.max_header_bytes,
            max_pushed_streams: settings.max_pushed_streams,
            upload_buffer: settings.upload_buffer,
        }
    }
}

/// The settings of an argument; NULL stands for the defaults.
///
/// # Safety
/// As [`table::read`].
///
/// # Errors
/// `invalid_argument` where they were not made by `trunk_http2_settings_init`.
pub(super) unsafe fn settings(settings: *const trunk_http2_settings) -> Result<Http2Settings> {
    if settings.is_null() {
        return Ok(Http2Settings::default());
    }
    // SAFETY: the caller's promise.
    let told = unsafe { table::read(settings, "settings") }?;
    if told.size < size_of::<trunk_http2_settings>() {
        return Err(not_a_size(told.size));
    }
    Ok(Http2Settings {
        stream_window: told.stream_window,
        connection_window: told.connection_window,
        max_frame_size: told.max_frame_size,
        header_table_size: told.header_table_size,
        max_header_bytes: told.max_header_bytes,
        max_pushed_streams: told.max_pushed_streams,
        upload_buffer: told.upload_buffer,
    })
}

fn not_a_size(size: usize) -> Error {
    Error::new(
        ErrorCode::InvalidArgument,
        format!("no version of trunk_http2_settings has {size} bytes"),
    )
}

/// Fills in the defaults; `size` is `sizeof(trunk_http2_settings)`.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a size that is less than that of the first version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http2_settings_init(
    settings: *mut trunk_http2_settings,
    size: usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(settings, "settings") }?;
        // A later version writes as much of itself as the program knows of.
        if size < size_of::<trunk_http2_settings>() {
            return Err(not_a_size(size));
        }
        out.set(trunk_http2_settings::defaults(size));
        Ok(())
    })
}
