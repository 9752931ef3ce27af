//! What a connection is made with.

use h2::client::Builder;

use crate::error::{Error, ErrorCode, Result};
use crate::limits;

/// What a connection is made with; most of it is told to the peer (RFC 9113, 6.5.2).
#[derive(Debug, Clone)]
pub struct Http2Settings {
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
    /// Pushed streams that may be open at once: 100. It counts only where there is a push handler.
    pub max_pushed_streams: u32,
    /// Bytes of a body that are given to the peer's window ahead of the transport: 256 KiB.
    pub upload_buffer: usize,
}

impl Default for Http2Settings {
    fn default() -> Http2Settings {
        Http2Settings {
            stream_window: limits::HTTP2_STREAM_WINDOW,
            connection_window: limits::HTTP2_CONNECTION_WINDOW,
            max_frame_size: limits::HTTP2_FRAME_BYTES,
            header_table_size: limits::HTTP2_HEADER_TABLE,
            max_header_bytes: u32::try_from(limits::HEADER_BYTES).unwrap_or(u32::MAX),
            max_pushed_streams: limits::SANSIO_PUSHED_STREAMS,
            upload_buffer: limits::UPLOAD_BUFFER,
        }
    }
}

impl Http2Settings {
    /// h2's way to say the same.
    pub(super) fn builder(&self, push: bool) -> Result<Builder> {
        let wrong = |what| Err(Error::new(ErrorCode::InvalidArgument, what));
        if self.stream_window > i32::MAX as u32 {
            return wrong("stream_window is above 2^31-1");
        }
        if !(65_535..=i32::MAX as u32).contains(&self.connection_window) {
            return wrong("connection_window is not from 65535 to 2^31-1");
        }
        if !(16_384..=16_777_215).contains(&self.max_frame_size) {
            return wrong("max_frame_size is not from 16384 to 16777215");
        }
        if !(1..=u32::MAX as usize).contains(&self.upload_buffer) {
            return wrong("upload_buffer is not from 1 to 2^32-1");
        }
        let mut builder = Builder::new();
        builder
            .enable_push(push)
            .initial_window_size(self.stream_window)
            .initial_connection_window_size(self.connection_window)
            .max_frame_size(self.max_frame_size)
            .max_header_list_size(self.max_header_bytes)
            .max_send_buffer_size(self.upload_buffer)
            .initial_max_send_streams(limits::HTTP2_INITIAL_STREAMS)
            .max_concurrent_reset_streams(limits::HTTP2_RESET_STREAMS)
            .reset_stream_duration(limits::HTTP2_RESET_MEMORY)
            .max_local_error_reset_streams(Some(limits::HTTP2_STREAM_ERRORS));
        // What the protocol has by itself is not said: Go's servers may not expect it in the midst of an upgrade's answer.
        if self.header_table_size != limits::HTTP2_HEADER_TABLE {
            builder.header_table_size(self.header_table_size);
        }
        if push {
            builder.max_concurrent_streams(self.max_pushed_streams);
        }
        Ok(builder)
    }
}
