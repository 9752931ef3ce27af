//! What can go wrong with a connection, or with one stream of it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::error::{Error, ErrorCode};

/// What went wrong. The handler that it is given to says whether it is about the connection or about one stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HttpError {
    /// The answer breaks the rules for messages (RFC 9113, 8.1.1; RFC 9112).
    MalformedResponse(Error),
    /// The body of an answer is not as long as its `content-length` says (RFC 9113, 8.1.1; RFC 9112, 8).
    InvalidBodyLength {
        /// The bytes that were announced.
        expected: u64,
        /// The bytes that came, up to the frame that was too much.
        received: u64,
        /// The transport ended first: so an HTTP/1.1 connection tells of it.
        cut_off: bool,
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

impl HttpError {
    /// The transport ended before what was on it.
    pub(in crate::sansio) fn ended() -> HttpError {
        HttpError::Exception(Arc::new(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the connection ended before the answer did",
        )))
    }

    /// The code of `RST_STREAM` or `GOAWAY`, where there is one.
    pub fn code(&self) -> Option<u32> {
        match self {
            HttpError::Protocol { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::MalformedResponse(error) => write!(f, "malformed response: {error}"),
            HttpError::InvalidBodyLength {
                expected, received, ..
            } => write!(
                f,
                "the body has {received} bytes where content-length says {expected}"
            ),
            HttpError::Protocol { message, .. } => f.write_str(message),
            HttpError::Exception(cause) => cause.fmt(f),
        }
    }
}

impl StdError for HttpError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            HttpError::Exception(cause) => Some(cause.as_ref()),
            _ => None,
        }
    }
}

impl From<Error> for HttpError {
    /// An error of HTTP/1.1.
    fn from(error: Error) -> HttpError {
        match error.code() {
            ErrorCode::Http1Malformed | ErrorCode::HeaderTooLarge => {
                HttpError::MalformedResponse(error)
            }
            _ => HttpError::Exception(Arc::new(error)),
        }
    }
}

impl From<HttpError> for Error {
    /// The library's error that it was made of, or else: `http2_stream_reset`, `http2_protocol`, `connection_reset`, or
    /// `connection_closed` after an early end.
    fn from(error: HttpError) -> Error {
        let text = error.to_string();
        match error {
            HttpError::MalformedResponse(error) => error,
            HttpError::InvalidBodyLength { cut_off: true, .. } => {
                Error::new(ErrorCode::ConnectionClosed, format!("http/1.1: {text}"))
            }
            HttpError::InvalidBodyLength { .. } => Error::new(ErrorCode::Http2Protocol, text),
            HttpError::Protocol {
                code, from_peer, ..
            } => {
                let kind = if from_peer {
                    ErrorCode::Http2StreamReset
                } else {
                    ErrorCode::Http2Protocol
                };
                Error::new(kind, format!("http/2: {text}")).with_peer_code(code)
            }
            HttpError::Exception(cause) => {
                if let Some(error) = cause.downcast_ref::<Error>() {
                    return error.clone();
                }
                // The transport in memory breaks in no other way than by its end, which h2 calls a broken pipe.
                let early = cause.downcast_ref::<io::Error>().is_some_and(|cause| {
                    matches!(
                        cause.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
                    )
                });
                let kind = if early {
                    ErrorCode::ConnectionClosed
                } else {
                    ErrorCode::ConnectionReset
                };
                Error::new(kind, text)
            }
        }
    }
}
