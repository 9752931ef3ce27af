//! Errors: one type, a numbered code, the phase it happened in, and what caused it.

mod shown;
mod table;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

pub(crate) use shown::{shown, shown_text};
pub use table::ErrorCode;

/// The part of a request's life in which something happened; deadlines are set for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Phase {
    /// Waiting for a connection or stream of the pool.
    Pool = 0,
    /// Resolving the host name.
    Resolve = 1,
    /// Establishing the transport connection.
    Connect = 2,
    /// The TLS handshake, and the protocol's own handshake after it.
    Tls = 3,
    /// Sending the request.
    Write = 4,
    /// Waiting for the head of the answer.
    FirstByte = 5,
    /// Receiving the answer.
    Receive = 6,
}

impl Phase {
    /// The phase's stable lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Pool => "pool",
            Phase::Resolve => "resolve",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Write => "write",
            Phase::FirstByte => "first_byte",
            Phase::Receive => "receive",
        }
    }
}

/// An error of the library. Cheap to clone; the code says what may be done about it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    code: ErrorCode,
    phase: Option<Phase>,
    peer_code: Option<u32>,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    replay: bool,
}

/// The result of every fallible call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a code and a message that names what was wrong and where.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error(Arc::new(Inner {
            code,
            phase: None,
            peer_code: None,
            message: message.into(),
            source: None,
            replay: false,
        }))
    }

    fn map(self, change: impl FnOnce(&mut Inner)) -> Error {
        let mut inner = match Arc::try_unwrap(self.0) {
            Ok(inner) => inner,
            Err(shared) => Inner {
                code: shared.code,
                phase: shared.phase,
                peer_code: shared.peer_code,
                message: shared.message.clone(),
                source: None,
                replay: shared.replay,
            },
        };
        change(&mut inner);
        Error(Arc::new(inner))
    }

    /// Adds the phase, unless one is named already.
    pub(crate) fn in_phase(self, phase: Phase) -> Error {
        if self.0.phase.is_some() {
            return self;
        }
        self.map(|inner| inner.phase = Some(phase))
    }

    /// Puts before the message what it is about.
    pub(crate) fn about(self, what: &str) -> Error {
        self.map(|inner| inner.message = format!("{what}: {}", inner.message))
    }

    pub(crate) fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.map(|inner| inner.source = Some(source.into()))
    }

    pub(crate) fn with_peer_code(self, code: u32) -> Error {
        self.map(|inner| inner.peer_code = Some(code))
    }

    /// Marks the request as surely not processed by the peer, so that it may be sent again (RFC 9113, 8.7).
    pub(crate) fn unprocessed(self) -> Error {
        self.map(|inner| inner.replay = true)
    }

    /// Whatever the protocol says of it: the peer is known to have begun with the request.
    pub(crate) fn processed(self) -> Error {
        self.map(|inner| inner.replay = false)
    }

    pub(crate) fn is_unprocessed(&self) -> bool {
        self.0.replay
    }

    /// The numbered code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The phase in which it happened, where one is known.
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The code that the peer gave in an HTTP/2 `RST_STREAM` or `GOAWAY` frame (RFC 9113, 7).
    pub fn peer_code(&self) -> Option<u32> {
        self.0.peer_code
    }

    /// What was wrong and where, without the code's name.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether a deadline of the request ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.code as u16, 30..=37)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code)
            .field("phase", &self.0.phase)
            .field("peer_code", &self.0.peer_code)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn numbers_and_names_are_unique_and_round_trip() {
        for (index, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(ErrorCode::from_number(*code as u16), Some(*code));
            for other in &ErrorCode::ALL[index + 1..] {
                assert_ne!(code.name(), other.name());
                assert!((*code as u16) < *other as u16, "the table is sorted");
            }
        }
        assert_eq!(ErrorCode::from_number(0), None);
    }
}
