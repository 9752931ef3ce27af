//! Structures of the caller's that begin with their size, so that later versions may append to them.

use std::mem::MaybeUninit;
use std::ptr;

use engine::{Error, ErrorCode, Result};

/// Such a structure.
///
/// # Safety
/// It is `repr(C)`, its first member is a `usize`, and all zeroes are a value of it.
pub(super) unsafe trait Table: Copy {}

/// Reads such a structure; what the caller's version does not have is zero.
///
/// # Safety
/// The contract: `table` is NULL or leads to as many bytes as its first member says.
///
/// # Errors
/// `null_pointer`, `invalid_argument` for a size that no version has.
pub(super) unsafe fn read<T: Table>(table: *const T, name: &str) -> Result<T> {
    if table.is_null() {
        return Err(Error::new(
            ErrorCode::NullPointer,
            format!("the {name} is NULL"),
        ));
    }
    // SAFETY: the caller's promise; the first member is a size.
    let size = unsafe { table.cast::<usize>().read() };
    if size < size_of::<usize>() || !size.is_multiple_of(align_of::<usize>()) {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("the size of the {name} is not set"),
        ));
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: both have as many bytes; zeroes and whole members are a value, as `T` promises.
    unsafe {
        ptr::copy_nonoverlapping(
            table.cast::<u8>(),
            copy.as_mut_ptr().cast::<u8>(),
            size.min(size_of::<T>()),
        );
        Ok(copy.assume_init())
    }
}
