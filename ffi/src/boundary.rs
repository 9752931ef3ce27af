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

    /// Writes the result.
    pub(crate) fn set(self, value: T) {
        // SAFETY: `new` was promised that the place may be written during the call.
        unsafe { self.0.write(value) }
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
