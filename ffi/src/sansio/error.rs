//! What goes wrong with a connection of an engine, or with one exchange on it.

use std::ffi::c_void;

use engine::Error;
use engine::sansio::http2::HttpError;

use crate::status::trunk_status;
use crate::view::trunk_view;

/// What kind of error it is: one of `TRUNK_FAULT_*`.
pub type trunk_fault = i32;

/// The answer breaks the rules for messages (RFC 9113, 8.1.1).
pub const TRUNK_FAULT_MALFORMED_RESPONSE: trunk_fault = 1;
/// The body of the answer is not as long as its `content-length` says; over HTTP/1.1 the transport has ended before.
pub const TRUNK_FAULT_INVALID_BODY_LENGTH: trunk_fault = 2;
/// A peer broke the protocol, or ended the stream or the connection by a code.
pub const TRUNK_FAULT_PROTOCOL: trunk_fault = 3;
/// The transport failed or ended too early, or the program has said `trunk_engine_report_exn`.
pub const TRUNK_FAULT_EXCEPTION: trunk_fault = 4;

/// What went wrong. Members may be appended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_engine_error {
    /// What kind it is.
    pub fault: trunk_fault,
    /// The error of the table that is nearest.
    pub status: trunk_status,
    /// The code of `RST_STREAM` or GOAWAY (RFC 9113, 7); -1 where there is none.
    pub code: i64,
    /// The bytes that `content-length` announced, for `TRUNK_FAULT_INVALID_BODY_LENGTH`; else 0.
    pub expected: u64,
    /// The bytes that came, up to the frame that was too much; else 0.
    pub received: u64,
    /// What was wrong, for people.
    pub message: trunk_view,
    /// The code came from the peer; else it was sent to the peer.
    pub from_peer: bool,
}

/// Takes what ended a connection, or one exchange. Nothing follows it there.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `error` and its message live until the function returns.
pub type trunk_engine_error_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, error: *const trunk_engine_error)>;

/// Shows an error to a function of the caller's.
pub(super) fn show(cause: &HttpError, show: impl FnOnce(*const trunk_engine_error)) {
    let nearest = Error::from(cause.clone()).code();
    let (fault, expected, received) = match cause {
        HttpError::MalformedResponse(_) => (TRUNK_FAULT_MALFORMED_RESPONSE, 0, 0),
        HttpError::InvalidBodyLength {
            expected, received, ..
        } => (TRUNK_FAULT_INVALID_BODY_LENGTH, *expected, *received),
        HttpError::Protocol { .. } => (TRUNK_FAULT_PROTOCOL, 0, 0),
        _ => (TRUNK_FAULT_EXCEPTION, 0, 0),
    };
    let message = cause.to_string();
    let error = trunk_engine_error {
        fault,
        status: trunk_status::from(nearest as u16),
        code: cause.code().map_or(-1, i64::from),
        expected,
        received,
        message: trunk_view::of_text(&message),
        from_peer: matches!(
            cause,
            HttpError::Protocol {
                from_peer: true,
                ..
            }
        ),
    };
    show(&raw const error);
}
