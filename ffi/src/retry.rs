//! Retries: which attempts are made again, by the library's rules or by a function of the caller's.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use engine::{Attempt, DelayOption, Error, ErrorCode, Result, Retry, RetryDecision, RetryDelay};
use http::{HeaderMap, Method};

use crate::boundary::value;
use crate::callback::{Function, UserData, trunk_destroy_callback};
use crate::handle::{self, trunk_attempt};
use crate::policy::{PolicyHolder, set_policy};
use crate::status::{TRUNK_OK, trunk_status};
use crate::view::trunk_view;

/// Which failures are tried again: one of `TRUNK_RETRY_*`. Safe replays on a fresh connection are apart from it.
pub type trunk_retry = i32;

/// None.
pub const TRUNK_RETRY_OFF: trunk_retry = 0;
/// GET and HEAD after the statuses 408, 429, 500, 502, 503, 504, after timeouts other than the total one, and after
/// connections that were refused or lost.
pub const TRUNK_RETRY_SAFE_TRANSIENT: trunk_retry = 1;
/// The same for every method. Only for peers that can tell a request that comes twice.
pub const TRUNK_RETRY_TRANSIENT: trunk_retry = 2;

/// What a retry callback answers: the milliseconds after which the request is sent again, or `TRUNK_DECISION_*`.
pub type trunk_decision = i64;

/// The answer or the error is the caller's. Every other negative number says so, too.
pub const TRUNK_DECISION_STOP: trunk_decision = -1;
/// Again, after the usual pause.
pub const TRUNK_DECISION_AGAIN: trunk_decision = -2;

/// Decides whether a request is sent again. As long as retries are left it is asked after
/// each answer with a status of 300 or above, and each failure.
///
/// Threads: the thread that runs the reactor, as for `trunk_part_callback`; for several requests also several at once.
/// Valid until: `attempt` lives until the function returns.
pub type trunk_retry_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, attempt: *const trunk_attempt) -> trunk_decision,
>;

/// Answers how many milliseconds to wait before the retry of this number, counted from 1.
///
/// Threads: as `trunk_retry_callback`.
pub type trunk_delay_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, number: u32) -> u64>;

type Decide = unsafe extern "C" fn(*mut c_void, *const trunk_attempt) -> trunk_decision;

/// A copy of an attempt, for as long as a callback looks at it.
pub(crate) struct AttemptObject {
    number: u32,
    method: Method,
    url: String,
    status: u16,
    headers: HeaderMap,
    error: trunk_status,
    message: Option<String>,
}

impl AttemptObject {
    fn new(attempt: &Attempt<'_>) -> AttemptObject {
        AttemptObject {
            number: attempt.number,
            method: attempt.method.clone(),
            url: attempt.url.to_owned(),
            status: attempt.status.map_or(0, |status| status.as_u16()),
            headers: attempt.headers.cloned().unwrap_or_default(),
            error: attempt
                .error
                .map_or(TRUNK_OK, |error| trunk_status::from(error.code() as u16)),
            message: attempt.error.map(|error| error.message().to_owned()),
        }
    }
}

fn decide(function: &Function<Decide>, attempt: &Attempt<'_>) -> RetryDecision {
    value(RetryDecision::Stop, || {
        let (decision, _) = handle::lend(AttemptObject::new(attempt), |attempt| {
            // SAFETY: the contract: the callback may be called until its destroy hook was; it does not unwind.
            function.call(|decide, user_data| unsafe {
                decide(user_data, ptr::without_provenance(attempt))
            })
        })?;
        Ok(match decision {
            TRUNK_DECISION_AGAIN => RetryDecision::Again,
            TRUNK_DECISION_STOP => RetryDecision::Stop,
            _ => u64::try_from(decision).map_or(RetryDecision::Stop, |pause| {
                RetryDecision::After(Duration::from_millis(pause))
            }),
        })
    })
}

/// The rule of an argument.
///
/// # Errors
/// `invalid_argument`.
pub(crate) fn retry(rule: trunk_retry) -> Result<Retry> {
    match rule {
        TRUNK_RETRY_OFF => Ok(Retry::Off),
        TRUNK_RETRY_SAFE_TRANSIENT => Ok(Retry::SafeTransient),
        TRUNK_RETRY_TRANSIENT => Ok(Retry::Transient),
        _ => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("there is no retry rule {rule}"),
        )),
    }
}

/// Lets a function of the caller's decide on retries.
pub(crate) fn set_callback<H: PolicyHolder>(
    options: *mut H,
    callback: trunk_retry_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    set_policy!(options, retry, {
        let callback =
            callback.ok_or_else(|| Error::new(ErrorCode::NullPointer, "the callback is NULL"))?;
        let function = Function::new(callback, user_data, destroy);
        Retry::Callback(Arc::new(move |attempt| decide(&function, attempt)))
    })
}

/// Lets a function of the caller's say how long the pauses are; without one they are the usual ones.
pub(crate) fn set_delay<H: PolicyHolder>(
    options: *mut H,
    callback: trunk_delay_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    let status = set_policy!(
        options,
        retry_delay,
        DelayOption(callback.map(|callback| -> RetryDelay {
            let function = Function::new(callback, user_data, destroy);
            Arc::new(move |number| {
                // SAFETY: as in `decide`.
                let pause = function.call(|delay, user_data| unsafe { delay(user_data, number) });
                Duration::from_millis(pause)
            })
        }))
    );
    if status == TRUNK_OK && callback.is_none() {
        UserData(user_data).destroy(destroy);
    }
    status
}

/// Reads an attempt.
fn read<T>(attempt: *const trunk_attempt, neutral: T, read: impl FnOnce(&AttemptObject) -> T) -> T {
    value(neutral, || {
        handle::get::<AttemptObject>(attempt.addr()).map(|attempt| read(&attempt))
    })
}

/// The number of an attempt: 1 for the first; 0 for one that is not live.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_attempt_number(attempt: *const trunk_attempt) -> u32 {
    read(attempt, 0, |attempt| attempt.number)
}

/// The method of an attempt.
///
/// Valid until: the view lives as long as the attempt.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_attempt_method(attempt: *const trunk_attempt) -> trunk_view {
    read(attempt, trunk_view::NONE, |attempt| {
        trunk_view::of_text(attempt.method.as_str())
    })
}

/// The absolute URL of an attempt.
///
/// Valid until: the view lives as long as the attempt.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_attempt_url(attempt: *const trunk_attempt) -> trunk_view {
    read(attempt, trunk_view::NONE, |attempt| {
        trunk_view::of_text(&attempt.url)
    })
}

/// The status code of the answer; 0 where none came.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_attempt_status(attempt: *const trunk_attempt) -> u16 {
    read(attempt, 0, |attempt| attempt.status)
}

/// The first value of the answer's header field with this name, in any case; its `data` is NULL where there is none.
///
/// Valid until: the view lives as long as the attempt.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_attempt_header(
    attempt: *const trunk_attempt,
    name: trunk_view,
) -> trunk_view {
    value(trunk_view::NONE, || {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let name = unsafe { name.text("the name") }?;
        let attempt = handle::get::<AttemptObject>(attempt.addr())?;
        let found = attempt.headers.get(name);
        Ok(found.map_or(trunk_view::NONE, |value| trunk_view::of(value.as_bytes())))
    })
}

/// Why no answer came: one of `TRUNK_ERROR_*`; `TRUNK_OK` where one came.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_attempt_error(attempt: *const trunk_attempt) -> trunk_status {
    read(attempt, TRUNK_OK, |attempt| attempt.error)
}

/// What was wrong and where; its `data` is NULL where an answer came.
///
/// Valid until: the view lives as long as the attempt.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_attempt_error_message(attempt: *const trunk_attempt) -> trunk_view {
    read(attempt, trunk_view::NONE, |attempt| {
        let message = attempt.message.as_deref();
        message.map_or(trunk_view::NONE, trunk_view::of_text)
    })
}
