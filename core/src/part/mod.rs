//! Parts: what a request delivers, in order: `(informational | redirect)* head data* trailers? (done | error)`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use crate::error::Error;

/// One piece of an answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Part {
    /// An informational (1xx) answer; any number of them before the head (RFC 9110, 15.2).
    Informational(Box<Head>),
    /// A redirect that was followed; any number of them before the head, between informational answers.
    Redirect(Box<Redirect>),
    /// Status and header fields of the final answer. For a WebSocket with status 101, over HTTP/2 200 to 299: it is open.
    Head(Box<Head>),
    /// Bytes of the body, in order. They count against the request's credit until they are released.
    Data(Bytes),
    /// Header fields after the body.
    Trailers(Box<HeaderMap>),
    /// A WebSocket message or control frame. It counts against the credit like data.
    Frame(Frame),
    /// The WebSocket was lost and is open again, with this answer; see [`crate::WebSocketReconnect`].
    Reconnected(Box<Head>),
    /// The answer to a ping that was sent with [`crate::Control::ping`]. It may come between frames.
    Latency(Latency),
    /// There is room again for a body or frame that was refused with `again`. Not a piece of the answer.
    Writable,
    /// The end: everything was delivered.
    Done(Arc<Summary>),
    /// The end: the request failed. What was delivered before stands.
    Error(Error),
}

impl Part {
    /// Whether this is the last part of its request.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Part::Done(_) | Part::Error(_))
    }

    /// Bytes that this part takes of its request's credit.
    pub fn credit(&self) -> usize {
        match self {
            Part::Data(data) => data.len(),
            Part::Frame(frame) => frame.credit(),
            _ => 0,
        }
    }
}

/// A redirect that was followed (RFC 9110, 15.4).
#[derive(Debug, Clone)]
pub struct Redirect {
    /// The answer that led on.
    pub head: Head,
    /// The absolute URL that it led to.
    pub url: String,
}

/// Status line and header fields.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: StatusCode,
    /// The protocol version of the answer.
    pub version: Version,
    /// The header fields; names are lower-case.
    pub headers: HeaderMap,
}

/// How long a ping and its answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// What [`crate::Control::ping`] gave.
    pub ping: u64,
    /// From handing the ping to the connection to reading its answer.
    pub round_trip: Duration,
}

/// What a piece of a fragmented WebSocket message is (RFC 6455, 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FragmentKind {
    /// The first piece of a text message.
    Text,
    /// The first piece of a binary message.
    Binary,
    /// A further piece.
    Continuation,
}

/// A WebSocket message or control frame (RFC 6455, 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text message; the bytes are valid UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A data frame as it is on the wire, decompressed. It is received where `websocket_frames` is on, and may always be
    /// sent. A character of text may be cut; the pieces together are valid UTF-8.
    Fragment {
        /// Which piece it is.
        kind: FragmentKind,
        /// The message ends with it.
        last: bool,
        /// What it holds of the message.
        payload: Bytes,
    },
    /// A ping; it has been answered already.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// A close frame with its code (none where the peer gave none) and reason.
    Close(Option<u16>, Bytes),
}

impl Frame {
    /// The payload, without the code of a close.
    pub fn payload(&self) -> &Bytes {
        match self {
            Frame::Text(payload)
            | Frame::Binary(payload)
            | Frame::Ping(payload)
            | Frame::Pong(payload)
            | Frame::Fragment { payload, .. }
            | Frame::Close(_, payload) => payload,
        }
    }

    /// Bytes it takes of the credit: the payload and 64 for its own weight, so that empty frames are bounded too.
    pub fn credit(&self) -> usize {
        self.payload().len() + 64
    }
}

/// The protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1 (and HTTP/1.0 answers).
    Http1,
    /// HTTP/2.
    Http2,
    /// WebSocket.
    WebSocket,
}

/// What is known of the connection that served a request.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// A number that no other connection of this process has.
    pub id: u64,
    /// The protocol spoken.
    pub protocol: Protocol,
    /// The address at the other end of the socket: the peer's, or the proxy's; none for a unix socket.
    pub remote: Option<SocketAddr>,
    /// This side's address; none for a unix socket.
    pub local: Option<SocketAddr>,
    /// Version and cipher suite of the TLS with the peer, for example `TLSv1.3 TLS13_AES_256_GCM_SHA384`; none in clear
    /// text, whatever is spoken with a proxy.
    pub tls: Option<String>,
}

/// When a request passed each point of its life, counted from its submission. Zero where it did not pass one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// The host name was resolved.
    pub resolved: Duration,
    /// The transport connection stood.
    pub connected: Duration,
    /// The TLS handshake was done.
    pub secured: Duration,
    /// It held a connection, new or reused.
    pub acquired: Duration,
    /// The head of the answer was there.
    pub first_byte: Duration,
    /// The end.
    pub total: Duration,
}

/// How a request went.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The connection that served it, where one was reached.
    pub connection: Option<Arc<ConnectionInfo>>,
    /// Whether the connection had served another request before.
    pub reused: bool,
    /// How often it was sent: 1, and one more for each replay, retry, redirect and answered challenge.
    pub attempts: u32,
    /// Body bytes (or WebSocket payload bytes) received.
    pub received: u64,
    /// Body bytes (or WebSocket payload bytes) sent.
    pub sent: u64,
    /// The points it passed.
    pub timings: Timings,
}
