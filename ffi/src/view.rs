//! Strings and bytes that cross the boundary.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::slice;

use engine::{Error, ErrorCode, Result};

/// Bytes that somebody else owns. They are not terminated by a zero byte; text is UTF-8. As an argument `{NULL, 0}` is
/// the empty view. Each function says how long a view that it answers stays valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_view {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub size: usize,
}

/// A header field. Names that the library answers are lower-case.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_header {
    /// The name.
    pub name: trunk_view,
    /// The value.
    pub value: trunk_view,
}

/// The view of a zero-terminated string; the empty view for NULL.
///
/// Valid until: the string is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_text(text: *const c_char) -> trunk_view {
    if text.is_null() {
        return trunk_view::NONE;
    }
    // SAFETY: the contract: a zero-terminated string.
    trunk_view::of(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The view of `size` bytes at `data`.
///
/// Valid until: the bytes are.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_bytes(data: *const c_void, size: usize) -> trunk_view {
    trunk_view {
        data: data.cast(),
        size,
    }
}

/// The items of an argument.
///
/// # Safety
/// The contract: `items` leads to `count` of them, which do not change during the call.
///
/// # Errors
/// `null_pointer` for NULL with a count, `invalid_argument` for a count that no array has.
pub(crate) unsafe fn array<'a, T>(items: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if items.is_null() {
        return Err(Error::new(
            ErrorCode::NullPointer,
            format!("the {name} are NULL, their count is not 0"),
        ));
    }
    if count > isize::MAX.unsigned_abs() / size_of::<T>() {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("the {name} are more than any array holds"),
        ));
    }
    // SAFETY: the caller's promise, and both checks above.
    Ok(unsafe { slice::from_raw_parts(items, count) })
}

impl trunk_view {
    /// Nothing.
    pub(crate) const NONE: trunk_view = trunk_view {
        data: ptr::null(),
        size: 0,
    };

    /// A view of bytes; never NULL.
    pub(crate) const fn of(bytes: &[u8]) -> trunk_view {
        trunk_view {
            data: bytes.as_ptr(),
            size: bytes.len(),
        }
    }

    /// As an argument: nothing for the empty view.
    ///
    /// # Safety
    /// As [`trunk_view::bytes`].
    ///
    /// # Errors
    /// As [`trunk_view::text`].
    pub(crate) unsafe fn optional<'a>(self, name: &str) -> Result<Option<&'a str>> {
        // SAFETY: the caller's promise.
        let text = unsafe { self.text(name) }?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// A view of text; never NULL.
    pub(crate) const fn of_text(text: &str) -> trunk_view {
        trunk_view::of(text.as_bytes())
    }

    /// The bytes of an argument.
    ///
    /// # Safety
    /// The contract: `data` leads to `size` bytes, which do not change during the call.
    ///
    /// # Errors
    /// `null_pointer` for NULL with a size, `invalid_argument` for a size that no object has.
    pub(crate) unsafe fn bytes<'a>(self) -> Result<&'a [u8]> {
        if self.size == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(Error::new(
                ErrorCode::NullPointer,
                "a view of NULL has a size",
            ));
        }
        if isize::try_from(self.size).is_err() {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a view is larger than any object",
            ));
        }
        // SAFETY: the caller's promise, and both checks above.
        Ok(unsafe { slice::from_raw_parts(self.data, self.size) })
    }

    /// The text of an argument.
    ///
    /// # Safety
    /// As [`trunk_view::bytes`].
    ///
    /// # Errors
    /// As [`trunk_view::bytes`], and `invalid_argument` for what is not UTF-8.
    pub(crate) unsafe fn text<'a>(self, name: &str) -> Result<&'a str> {
        // SAFETY: the caller's promise.
        let bytes = unsafe { self.bytes() }?;
        std::str::from_utf8(bytes).map_err(|cause| {
            Error::new(
                ErrorCode::InvalidArgument,
                format!("{name} is not UTF-8: {cause}"),
            )
        })
    }
}
