//! h2's errors as those of an exchange.

use std::io;
use std::sync::Arc;

use crate::error::{Error, ErrorCode};
use crate::sansio::exchange::HttpError;
use crate::sansio::frames::Came;

/// The error of a connection.
pub(super) fn of_connection(cause: h2::Error) -> HttpError {
    let text = cause.to_string();
    match cause.reason() {
        Some(code) => HttpError::Protocol {
            code: code.into(),
            message: text,
            from_peer: cause.is_remote(),
        },
        None => match cause.into_io() {
            Some(cause) => HttpError::Exception(Arc::new(cause)),
            None => HttpError::Exception(Arc::new(io::Error::other(text))),
        },
    }
}

/// The error of a stream. h2 does not tell a wrong length from other faults of a message.
pub(super) fn of_stream(cause: h2::Error, expected: Option<u64>, came: Came) -> HttpError {
    let faulty = cause.is_reset()
        && cause.is_library()
        && cause.reason() == Some(h2::Reason::PROTOCOL_ERROR);
    match expected {
        Some(expected) if faulty && expected != came.body => HttpError::InvalidBodyLength {
            expected,
            received: came.body,
            cut_off: false,
        },
        _ if faulty => malformed(cause.to_string()),
        _ => of_connection(cause),
    }
}

/// The answer on a stream breaks the rules for messages.
pub(super) fn malformed(what: impl Into<String>) -> HttpError {
    HttpError::MalformedResponse(Error::new(ErrorCode::Http2Protocol, what))
}

/// The peer does not speak HTTP/2.
pub(super) fn no_preface() -> HttpError {
    HttpError::Protocol {
        code: h2::Reason::PROTOCOL_ERROR.into(),
        message: "the peer's first frame is not SETTINGS (RFC 9113, 3.4)".to_owned(),
        from_peer: false,
    }
}
