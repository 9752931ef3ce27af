//! Options of a WebSocket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::part::{Frame, Head};

/// What is offered of permessage-deflate (RFC 7692), and how it is used. The peer may choose less, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketDeflate {
    /// How hard to compress, from 1 (fast) to 9 (small). Default 6.
    pub level: u32,
    /// Bytes of a message below which it is not compressed. Default 128.
    pub threshold: usize,
    /// The window that the peer may compress with, as a power of two from 9 to 15. Default 15. Memory to decompress: 2 to
    /// this power, and about 16 KiB.
    pub server_max_window_bits: u8,
    /// The window of what is sent, likewise. Default 15. Memory to compress: 2 to this power times four, and about
    /// 128 KiB. A peer that wants a window of 8 bits gets its messages uncompressed.
    pub client_max_window_bits: u8,
    /// Ask the peer to compress each message by itself. Default no.
    pub server_no_context_takeover: bool,
    /// Compress each message by itself. Default no.
    pub client_no_context_takeover: bool,
}

impl Default for WebSocketDeflate {
    fn default() -> WebSocketDeflate {
        WebSocketDeflate {
            level: 6,
            threshold: 128,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
            server_no_context_takeover: false,
            client_no_context_takeover: false,
        }
    }
}

impl WebSocketDeflate {
    /// Whether these are values that there are.
    ///
    /// # Errors
    /// `invalid_argument` for a level or a window that is out of range.
    pub fn check(&self) -> Result<()> {
        let windows = [self.server_max_window_bits, self.client_max_window_bits];
        if !(1..=9).contains(&self.level) || windows.iter().any(|bits| !(9..=15).contains(bits)) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "permessage-deflate: a level is 1 to 9, a window 9 to 15 bits",
            ));
        }
        Ok(())
    }
}

/// What is sent first when a WebSocket is open again, before what was queued meanwhile. It is given the answer that opened
/// it, runs on the thread of the reactor and must not block.
pub type ResumeFunction = Arc<dyn Fn(&Head) -> Vec<Frame> + Send + Sync>;

/// How a WebSocket that was lost is opened again. Each time it is open again a `Reconnected` part is delivered. What was
/// handed to the lost connection is not sent again; what was still queued is.
#[derive(Clone)]
pub struct WebSocketReconnect {
    /// The pause before the first attempt; it doubles with each further one in a row, less up to a quarter. Default 1 s.
    pub delay: Duration,
    /// The longest such pause. Default 30 s.
    pub max_delay: Duration,
    /// Attempts in a row; then the WebSocket ends with its last error. Default 10.
    pub max_attempts: u32,
    /// Bytes of messages that may be queued while it is not open; then a send answers `again`. Default 1 MiB.
    pub queue: usize,
    /// Codes of a close by the peer after which it is opened again, besides connections that are lost without one. Default
    /// 1011, 1012, 1013 and 1014.
    pub close_codes: Vec<u16>,
    /// What is sent first. Default nothing.
    pub resume: Option<ResumeFunction>,
}

impl Default for WebSocketReconnect {
    fn default() -> WebSocketReconnect {
        WebSocketReconnect {
            delay: limits::RETRY_PAUSE,
            max_delay: limits::RETRY_PAUSE_MOST,
            max_attempts: limits::WEBSOCKET_RESUMES,
            queue: limits::WEBSOCKET_RESUME_QUEUE,
            close_codes: vec![1011, 1012, 1013, 1014],
            resume: None,
        }
    }
}

impl fmt::Debug for WebSocketReconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketReconnect")
            .field("delay", &self.delay)
            .field("max_delay", &self.max_delay)
            .field("max_attempts", &self.max_attempts)
            .field("queue", &self.queue)
            .field("close_codes", &self.close_codes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_windows_have_a_range() {
        assert!(WebSocketDeflate::default().check().is_ok());
        let with = |change: fn(&mut WebSocketDeflate)| {
            let mut deflate = WebSocketDeflate::default();
            change(&mut deflate);
            deflate.check().map_err(|error| error.code())
        };
        for wrong in [
            (|deflate| deflate.level = 0) as fn(&mut WebSocketDeflate),
            |deflate| deflate.level = 10,
            |deflate| deflate.server_max_window_bits = 8,
            |deflate| deflate.client_max_window_bits = 16,
        ] {
            assert_eq!(with(wrong), Err(ErrorCode::InvalidArgument));
        }
    }
}
