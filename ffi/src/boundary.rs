//! What every exported call passes through: panics are caught, errors become a status and this thread's last error,
//! out-parameters are checked first and written last.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use engine::{Error, ErrorCode, Result};

use crate::status::{TRUNK_OK, remember, trunk_status};

/// Runs a call that answers a status.
pub(crate) fn call(run: impl FnOnce() -> Result<()>) -> trunk_status {
    match guarded(run) {
        Ok(()) => TRUNK_OK,
        Err(error) => {
            let status = trunk_status::from(error.code() as u16);
            remember(error);
            status
        }
    }
}

/// Runs a call that answers a value, and `neutral` where it fails.
pub(crate) fn value<T>(neutral: T, run: impl FnOnce() -> Result<T>) -> T {
    guarded(run).unwrap_or_else(|error| {
        remember(error);
        neutral
    })
}

/// Runs something of ours that C or the reactor called.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        // A payload whose own drop panics must not cross the boundary either.
        std::mem::forget(panic);
        Err(Error::new(
            ErrorCode::Panic,
            format!("a bug in the library: {what}"),
        ))
    })
}

/// Where a result goes, once the call has succeeded.
pub(crate) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// A required out-parameter.
    ///
    /// # Safety
    /// `pointer` is NULL or may be written during the call.
    pub(crate) unsafe fn new(pointer: *mut T, name: &str) -> Result<Out<T>> {
        NonNull::new(pointer).map(Out).ok_or_else(|| {
            Error::new(
                ErrorCode::NullPointer,
                format!("the out-parameter {name} is NULL"),
            )
        })
    }

    /// An out-parameter that may be left out: NULL is no error, and costs none.
    ///
    /// # Safety
    /// As [`Out::new`].
    pub(crate) unsafe fn optional(pointer: *mut T) -> Option<Out<T>> {
        NonNull::new(pointer).map(Out)
    }

    /// Writes the result.
    pub(crate) fn set(self, value: T) {
        // SAFETY: `new` was promised that the place may be written during the call.
        unsafe { self.0.write(value) }
    }

    /// Writes an array.
    ///
    /// # Safety
    /// There is room for all of them.
    pub(crate) unsafe fn set_all(self, values: impl Iterator<Item = T>) {
        for (index, value) in values.enumerate() {
            // SAFETY: the caller's promise, and that of `new`.
            unsafe { self.0.add(index).write(value) }
        }
    }
}

/// A deadline from milliseconds: 0 has passed already, -1 never comes.
///
/// # Errors
/// `invalid_argument` below -1.
pub(crate) fn deadline(timeout_ms: i64) -> Result<Option<Instant>> {
    match timeout_ms {
        -1 => Ok(None),
        0.. => Ok(Instant::now().checked_add(Duration::from_millis(timeout_ms.unsigned_abs()))),
        _ => Err(Error::new(
            ErrorCode::InvalidArgument,
            "a timeout is -1 (for ever) or more",
        )),
    }
}

/// A limit in milliseconds, where 0 sets none.
pub(crate) fn limit(timeout_ms: u64) -> Option<Duration> {
    (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::trunk_last_error_message;

    #[test]
    fn a_panic_becomes_a_status() {
        let status = call(|| panic!("the flux is gone"));
        assert_eq!(status, i32::from(ErrorCode::Panic as u16));
        // SAFETY: the message lives until the next failing call on this thread.
        let message = unsafe { trunk_last_error_message().text("the message") }.unwrap();
        assert_eq!(message, "a bug in the library: the flux is gone");
        assert_eq!(value(7, || std::panic::panic_any(5_u8)), 7);
    }

    #[test]
    fn an_out_parameter_is_written_on_success_only() {
        let mut number = 1;
        let place: *mut i32 = &raw mut number;
        let fail = || Err(Error::new(ErrorCode::Again, "not now"));
        let write = |result: Result<i32>| {
            call(|| {
                // SAFETY: `place` leads to `number`.
                let out = unsafe { Out::new(place, "number") }?;
                out.set(result?);
                Ok(())
            })
        };
        assert_eq!(write(fail()), i32::from(ErrorCode::Again as u16));
        assert_eq!(number, 1);
        assert_eq!(write(Ok(2)), TRUNK_OK);
        assert_eq!(number, 2);
    }

    #[test]
    fn deadlines_and_limits() {
        assert!(deadline(-1).is_ok_and(|deadline| deadline.is_none()));
        assert!(deadline(0).is_ok_and(|deadline| deadline.is_some_and(|at| at <= Instant::now())));
        assert!(deadline(i64::MAX).is_ok());
        assert!(deadline(-2).is_err());
        assert_eq!(limit(0), None);
        assert_eq!(limit(5), Some(Duration::from_millis(5)));
    }
}
