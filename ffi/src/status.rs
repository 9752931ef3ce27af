//! Status codes and the last error of a thread. The numbers are those of the core's table.

use std::cell::RefCell;

use engine::{Error, ErrorCode};

use crate::boundary::value;
use crate::view::trunk_view;

/// `TRUNK_OK` or one of `TRUNK_ERROR_*`.
pub type trunk_status = i32;

/// The call succeeded.
pub(crate) const TRUNK_OK: trunk_status = 0;

thread_local! {
    static LAST: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// Keeps the error for `trunk_last_error_message`.
pub(crate) fn remember(error: Error) {
    // A thread that is ending keeps none.
    let _ = LAST.try_with(|last| last.replace(Some(error)));
}

fn code(status: trunk_status) -> Option<ErrorCode> {
    u16::try_from(status).ok().and_then(ErrorCode::from_number)
}

/// The name of a status, for example `connect_timeout`, or `ok`. Empty for a number that is none.
///
/// Valid until: the process ends.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_status_name(status: trunk_status) -> trunk_view {
    match code(status) {
        Some(code) => trunk_view::of_text(code.name()),
        None if status == TRUNK_OK => trunk_view::of_text("ok"),
        None => trunk_view::NONE,
    }
}

/// One sentence that says what a status means. Empty for a number that is none.
///
/// Valid until: the process ends.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_status_description(status: trunk_status) -> trunk_view {
    match code(status) {
        Some(code) => trunk_view::of_text(code.description()),
        None if status == TRUNK_OK => trunk_view::of_text("The call succeeded."),
        None => trunk_view::NONE,
    }
}

/// What was wrong in the last call that failed on this thread. Empty when none has.
///
/// Valid until: the next call that fails on this thread.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_last_error_message() -> trunk_view {
    value(trunk_view::NONE, || {
        let message = |last: &RefCell<Option<Error>>| {
            last.borrow().as_ref().map_or(trunk_view::NONE, |error| {
                trunk_view::of_text(error.message())
            })
        };
        Ok(LAST.try_with(message).unwrap_or(trunk_view::NONE))
    })
}
