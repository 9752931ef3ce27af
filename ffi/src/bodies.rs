//! Bodies that are more than bytes: files, forms, `multipart/form-data`.

use std::ptr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use engine::{Error, ErrorCode, FileBody, Multipart, Result};

use crate::boundary::{Out, call};
use crate::handle::{self, trunk_multipart, trunk_request_options};
use crate::request_options::change;
use crate::status::trunk_status;
use crate::view::{array, trunk_header, trunk_view};

/// Sets the body to `length` bytes (-1: all) from `offset` of the file at this path. It is read when the request is sent,
/// and again when it is sent again; nothing of it is held in memory but the piece that is being sent.
///
/// Ownership: `path` is copied.
/// Errors: `TRUNK_ERROR_IO` for a file that cannot be looked at, `TRUNK_ERROR_INVALID_ARGUMENT` for what is not a regular
/// file, and for a range that is not in it. A size that changes until it is sent ends the request with
/// `TRUNK_ERROR_UPLOAD_FAILED`; with a length the file may grow.
/// Threads: looks at a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_body_file(
    options: *mut trunk_request_options,
    path: trunk_view,
    offset: u64,
    length: i64,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let path = unsafe { path.text("the path") }?;
        if length < -1 {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a length is -1 (all) or more",
            ));
        }
        request.body(FileBody::range(path, offset, u64::try_from(length).ok())?);
        Ok(())
    })
}

/// Sets the body to `count` names and values as `application/x-www-form-urlencoded`, and `content-type` to that unless
/// there is one already.
///
/// Ownership: `fields` (NULL allowed with a count of 0) are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_body_form(
    options: *mut trunk_request_options,
    fields: *const trunk_header,
    count: usize,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: an array that is an argument holds as many as are said, each with views that may be read.
        let pairs = unsafe { array(fields, count, "fields") }?
            .iter()
            .map(|field| unsafe {
                Ok((
                    field.name.text("the name of a field")?,
                    field.value.text("the value of a field")?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        request.form(pairs).map(|_| ())
    })
}

/// Sets the body to this JSON, which is not looked at, and `content-type` to `application/json` unless there is one already.
///
/// Ownership: `json` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_body_json(
    options: *mut trunk_request_options,
    json: trunk_view,
) -> trunk_status {
    change(options, |request| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let json = unsafe { json.bytes() }?;
        request.json(Bytes::copy_from_slice(json)).map(|_| ())
    })
}

/// Sets the body to this one, and `content-type` to what it needs, whatever was there.
///
/// Ownership: `multipart` is copied as it is now; its files are read when the request is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_options_set_body_multipart(
    options: *mut trunk_request_options,
    multipart: *const trunk_multipart,
) -> trunk_status {
    change(options, |request| {
        let multipart = handle::get::<Mutex<Multipart>>(multipart.addr())?;
        let multipart = multipart
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        request.multipart(multipart).map(|_| ())
    })
}

fn add(
    multipart: *mut trunk_multipart,
    add: impl FnOnce(&mut Multipart) -> Result<()>,
) -> trunk_status {
    call(|| handle::change::<Multipart, ()>(multipart.addr(), add))
}

/// Makes a `multipart/form-data` body (RFC 7578) without parts, with a random boundary.
///
/// Ownership: the caller frees `*multipart`.
/// Errors: `TRUNK_ERROR_IO` when the system gives no random bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_multipart_new(multipart: *mut *mut trunk_multipart) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(multipart, "multipart") }?;
        out.set(ptr::without_provenance_mut(handle::insert(Mutex::new(
            Multipart::new()?,
        ))?));
        Ok(())
    })
}

/// Gives it back; options that have it as body keep a copy. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_multipart_free(multipart: *mut trunk_multipart) -> trunk_status {
    call(|| handle::free::<Mutex<Multipart>>(multipart.addr()).map(drop))
}

/// Adds a text field. The value is sent as it is; its line ends are not changed.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a name with a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_multipart_add_text(
    multipart: *mut trunk_multipart,
    name: trunk_view,
    value: trunk_view,
) -> trunk_status {
    add(multipart, |multipart| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (name, value) = unsafe { (name.text("the name")?, value.text("the value")?) };
        multipart.text(name, value).map(|_| ())
    })
}

/// Adds bytes, with a filename where they are to be a file (the empty view: none). With the empty view as content type
/// that of the filename's extension is sent, else `application/octet-stream`; without a filename none.
///
/// Ownership: the views are copied.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a name or filename with a NUL, `TRUNK_ERROR_INVALID_HEADER` for a content
/// type that cannot be sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_multipart_add_bytes(
    multipart: *mut trunk_multipart,
    name: trunk_view,
    data: trunk_view,
    filename: trunk_view,
    content_type: trunk_view,
) -> trunk_status {
    add(multipart, |multipart| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (name, data, filename, kind) = unsafe {
            (
                name.text("the name")?,
                data.bytes()?,
                filename.optional("the filename")?,
                content_type.optional("the content type")?,
            )
        };
        let data = Bytes::copy_from_slice(data);
        multipart.bytes(name, data, filename, kind).map(|_| ())
    })
}

/// Adds the file at this path, read when it is sent. With the empty view as filename that of the path is sent; content
/// type as for `trunk_multipart_add_bytes`.
///
/// Ownership: the views are copied.
/// Errors: as `trunk_multipart_add_bytes`, and as `trunk_request_options_set_body_file`.
/// Threads: looks at a file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_multipart_add_file(
    multipart: *mut trunk_multipart,
    name: trunk_view,
    path: trunk_view,
    filename: trunk_view,
    content_type: trunk_view,
) -> trunk_status {
    add(multipart, |multipart| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let (name, path, filename, kind) = unsafe {
            (
                name.text("the name")?,
                path.text("the path")?,
                filename.optional("the filename")?,
                content_type.optional("the content type")?,
            )
        };
        let file = FileBody::new(path)?;
        multipart.file(name, file, filename, kind).map(|_| ())
    })
}
