//! What can go wrong with a connection, or with one stream of it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Error, ErrorCode};
use crate::sansio::frames::Came;

/// What went wrong. The handler that it is given to says whether it is about the connection or about one stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Http2Error {
    /// The answer on a stream breaks the rules for messages (RFC 9113, 8.1.1).
    MalformedResponse(String),
    /// The body of an answer is not as long as its `content-length` says (RFC 9113, 8.1.1).
    InvalidBodyLength {
        /// The bytes that were announced.
        expected: u64,
        /// The bytes that came, up to the frame that was too much.
        received: u64,
    },
    /// A peer broke the protocol, or ended the stream or the connection by this code (RFC 9113, 7).
    Protocol {
        /// The code of `RST_STREAM` or `GOAWAY`.
        code: u32,
        /// What is known of it, for people.
        message: String,
        /// The code came from the peer; else it was sent to the peer.
        from_peer: bool,
    },
    /// The transport failed or ended too early, or the program said so with `report_exn`.
    Exception(Arc<dyn StdError + Send + Sync>),
}

impl Http2Error {
    /// The error of a connection.
    pub(super) fn of_connection(cause: h2::Error) -> Http2Error {
        let text = cause.to_string();
        match cause.reason() {
            Some(code) => Http2Error::Protocol {
                code: code.into(),
                message: text,
                from_peer: cause.is_remote(),
            },
            None => match cause.into_io() {
                Some(cause) => Http2Error::Exception(Arc::new(cause)),
                None => Http2Error::Exception(Arc::new(io::Error::other(text))),
            },
        }
    }

    /// The error of a stream. h2 does not tell a wrong length from other faults of a message.
    pub(super) fn of_stream(cause: h2::Error, expected: Option<u64>, came: Came) -> Http2Error {
        let faulty = cause.is_reset()
            && cause.is_library()
            && cause.reason() == Some(h2::Reason::PROTOCOL_ERROR);
        match expected {
            Some(expected) if faulty && expected != came.body => Http2Error::InvalidBodyLength {
                expected,
                received: came.body,
            },
            _ if faulty => Http2Error::MalformedResponse(cause.to_string()),
            _ => Http2Error::of_connection(cause),
        }
    }

    /// The transport ended before what was on it.
    pub(super) fn ended() -> Http2Error {
        Http2Error::Exception(Arc::new(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the connection ended before the answer did",
        )))
    }

    /// The code of `RST_STREAM` or `GOAWAY`, where there is one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Http2Error::Protocol { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for Http2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Http2Error::MalformedResponse(message) => write!(f, "malformed response: {message}"),
            Http2Error::InvalidBodyLength { expected, received } => write!(
                f,
                "the body has {received} bytes where content-length says {expected}"
            ),
            Http2Error::Protocol { message, .. } => f.write_str(message),
            Http2Error::Exception(cause) => cause.fmt(f),
        }
    }
}

impl StdError for Http2Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Http2Error::Exception(cause) => Some(cause.as_ref()),
            _ => None,
        }
    }
}

impl From<Http2Error> for Error {
    /// `http2_stream_reset`, `http2_protocol` or `connection_reset`; `connection_closed` after an early end.
    fn from(error: Http2Error) -> Error {
        let text = format!("http/2: {error}");
        match &error {
            Http2Error::Protocol {
                code, from_peer, ..
            } => {
                let kind = if *from_peer {
                    ErrorCode::Http2StreamReset
                } else {
                    ErrorCode::Http2Protocol
                };
                Error::new(kind, text).with_peer_code(*code)
            }
            Http2Error::Exception(cause) => {
                let early = cause
                    .downcast_ref::<io::Error>()
                    .is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof);
                let kind = if early {
                    ErrorCode::ConnectionClosed
                } else {
                    ErrorCode::ConnectionReset
                };
                Error::new(kind, text)
            }
            _ => Error::new(ErrorCode::Http2Protocol, text),
        }
    }
}
