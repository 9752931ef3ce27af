//! Requests and header fields on their way across the boundary.

use std::cell::Cell;

use engine::{Error, ErrorCode, Result, header_field};
use http::{HeaderMap, Method, Request, Uri};

use super::table::{self, Table};
use crate::view::{array, trunk_header, trunk_view};

/// The head of a request on an engine. Members may be appended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_request_head {
    /// `sizeof(trunk_request_head)`.
    pub size: usize,
    /// The method.
    pub method: trunk_view,
    /// The URI, with scheme and authority.
    pub uri: trunk_view,
    /// The header fields; NULL is allowed for none.
    pub fields: *const trunk_header,
    /// How many they are.
    pub count: usize,
}

// SAFETY: the first member is its size; zeroes are empty views and no fields.
unsafe impl Table for trunk_request_head {}

thread_local! {
    /// Room for the fields that a function of the caller's is shown.
    static SHOWN: Cell<Vec<trunk_header>> = const { Cell::new(Vec::new()) };
}

/// More fields than this are not worth keeping the room for.
const KEPT: usize = 256;

/// The fields of an argument.
///
/// # Safety
/// The contract: `fields` leads to `count` of them, whose views may be read during the call.
///
/// # Errors
/// `invalid_header`, and those of views.
pub(super) unsafe fn map(fields: *const trunk_header, count: usize) -> Result<HeaderMap> {
    // SAFETY: the caller's promise.
    let fields = unsafe { array(fields, count, "fields") }?;
    let mut map = HeaderMap::with_capacity(fields.len().min(KEPT));
    for field in fields {
        // SAFETY: as above.
        let (name, value) = unsafe {
            (
                field.name.text("the name of a field")?,
                field.value.bytes()?,
            )
        };
        let (name, value) = header_field(name, value)?;
        map.try_append(name, value).map_err(|_| {
            Error::new(
                ErrorCode::InvalidArgument,
                "the fields are more than a message can have",
            )
        })?;
    }
    Ok(map)
}

/// The request of an argument.
///
/// # Safety
/// The contract: `request` is NULL or leads to as many bytes as it says, and its views and fields may be read during the
/// call.
///
/// # Errors
/// `null_pointer`, `invalid_argument` for the size and the method, `invalid_url`, and as [`map`].
pub(super) unsafe fn request(request: *const trunk_request_head) -> Result<Request<()>> {
    // SAFETY: the caller's promise.
    let told = unsafe { table::read(request, "request") }?;
    // SAFETY: as above.
    let (method, uri, fields) = unsafe {
        (
            told.method.bytes()?,
            told.uri.bytes()?,
            map(told.fields, told.count)?,
        )
    };
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method)
        .map_err(|cause| Error::new(ErrorCode::InvalidArgument, format!("the method: {cause}")))?;
    *request.uri_mut() = Uri::try_from(uri)
        .map_err(|cause| Error::new(ErrorCode::InvalidUrl, format!("the URI: {cause}")))?;
    *request.headers_mut() = fields;
    Ok(request)
}

/// Shows fields to a function of the caller's.
pub(super) fn show<R>(fields: &HeaderMap, show: impl FnOnce(*const trunk_header, usize) -> R) -> R {
    let mut shown = SHOWN.try_with(Cell::take).unwrap_or_default();
    shown.extend(fields.iter().map(|(name, value)| trunk_header {
        name: trunk_view::of_text(name.as_str()),
        value: trunk_view::of(value.as_bytes()),
    }));
    let answer = show(shown.as_ptr(), shown.len());
    shown.clear();
    if shown.capacity() <= KEPT {
        // A thread that is ending keeps none.
        let _ = SHOWN.try_with(|kept| kept.set(shown));
    }
    answer
}
