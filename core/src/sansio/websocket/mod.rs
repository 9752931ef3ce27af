//! A WebSocket connection (RFC 6455) that owns no socket, after its handshake: frames and messages in, out of bytes and into
//! them, with permessage-deflate (RFC 7692). Pings and closes of the peer are answered; what it does wrong is told to it.

mod client;
mod handshake;
mod state;

pub use client::WebSocketClient;
pub use handshake::{WebSocketAgreement, WebSocketHandshake};

pub use super::Flow;
use crate::error::Result;
use crate::limits;
use crate::part::Frame;

/// Called with each message or control frame, pings and the peer's close among them, in the order of the wire.
pub type FrameHandler = Box<dyn FnMut(Frame) -> Flow + Send>;
/// Called once at the end: with the code of the peer's close where the closing handshake is done, else with what went wrong.
pub type EndHandler = Box<dyn FnOnce(Result<Option<u16>>) + Send>;

/// What a connection accepts, and how it hands it over.
#[derive(Debug, Clone)]
pub struct WebSocketSettings {
    /// Bytes of a frame that is received: 16 MiB.
    pub max_frame_bytes: usize,
    /// Bytes of a message that is received, once decompressed: 64 MiB.
    pub max_message_bytes: usize,
    /// Bytes that are queued for sending: 1 MiB. A message that is larger is taken when nothing else is queued.
    pub send_buffer: usize,
    /// Data frames are handed over as they came, and not put together to messages. The default is no.
    pub frames: bool,
}

impl Default for WebSocketSettings {
    fn default() -> WebSocketSettings {
        WebSocketSettings {
            max_frame_bytes: limits::WEBSOCKET_FRAME_BYTES,
            max_message_bytes: limits::WEBSOCKET_MESSAGE_BYTES,
            send_buffer: limits::WEBSOCKET_SEND_BUFFER,
            frames: false,
        }
    }
}
