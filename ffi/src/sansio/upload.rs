//! The body of a request on an engine.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use engine::limits::UPLOAD_BUFFER;
use engine::sansio::http2::{RequestBody, RequestHandle};
use engine::{Error, ErrorCode, Result};

use super::engine::{trunk_wake_callback, wake};
use super::fields;
use super::hooks::Hooks;
use crate::boundary::{Out, call};
use crate::callback::trunk_destroy_callback;
use crate::handle::{self, trunk_upload};
use crate::status::trunk_status;
use crate::view::{trunk_header, trunk_view};

/// Says whether all that was written has gone to the transport, or never will.
///
/// Threads: as `trunk_head_callback`.
pub type trunk_flushed_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, written: bool)>;

/// What is left to be said of a request that was made.
pub(super) enum Rest {
    Body(RequestBody),
    /// It has no body.
    Nothing(RequestHandle),
}

/// The rest of a request, and room that a program writes its body into.
#[derive(Default)]
pub(crate) struct UploadObject {
    /// Filled in before anybody is told the handle.
    rest: OnceLock<Rest>,
    room: Mutex<Room>,
}

/// Room for the next piece of a body, and how much of it was asked for.
#[derive(Default)]
struct Room {
    bytes: BytesMut,
    size: usize,
}

impl UploadObject {
    pub(super) fn fill(&self, rest: Rest) {
        // It is empty: one that is not would keep what it has, and this one would end.
        let _ = self.rest.set(rest);
    }

    fn rest(&self) -> Result<&Rest> {
        self.rest
            .get()
            .ok_or_else(|| invalid("the request is still on its way to the engine"))
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn body(&self) -> Result<&RequestBody> {
        match self.rest()? {
            Rest::Body(body) => Ok(body),
            Rest::Nothing(_) => Err(invalid("the request has no body")),
        }
    }
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorCode::InvalidState, what)
}

fn get(upload: *const trunk_upload) -> Result<Arc<UploadObject>> {
    handle::get(upload.addr())
}

/// Gives it back. Before `trunk_upload_close` that gives the exchange up, with CANCEL: a body is never cut short in silence. A
/// request without a body goes on. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_upload_free(upload: *mut trunk_upload) -> trunk_status {
    call(|| handle::free::<UploadObject>(upload.addr()).map(drop))
}

/// Appends to the body. All is taken; what the peer's window does not is held until it does: see `trunk_upload_room`.
///
/// Ownership: `data` is copied; see `trunk_upload_reserve`.
/// Errors: `TRUNK_ERROR_INVALID_STATE` where the stream has ended or was closed, or has no body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_write(
    upload: *mut trunk_upload,
    data: trunk_view,
) -> trunk_status {
    call(|| {
        let upload = get(upload)?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let data = Bytes::copy_from_slice(unsafe { data.bytes() }?);
        upload.body()?.write(data)
    })
}

/// Room for `size` bytes, 256 KiB at most, that `trunk_upload_commit` appends to the body: a program that reads them from
/// elsewhere needs no buffer of its own, and nothing is copied. `*room` holds nothing yet.
///
/// Valid until: `*room` lives until the next call of this function or of `trunk_upload_commit` for this upload, or until that
/// is freed.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for other sizes, `TRUNK_ERROR_INVALID_STATE` where the request has no body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_reserve(
    upload: *mut trunk_upload,
    size: usize,
    room: *mut *mut u8,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(room, "room") };
        let upload = get(upload)?;
        let out = out?;
        upload.body()?;
        if !(1..=UPLOAD_BUFFER).contains(&size) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("room for {size} bytes: it is from 1 to {UPLOAD_BUFFER}"),
            ));
        }
        let mut room = upload.room();
        room.size = size;
        room.bytes.reserve(size);
        out.set(room.bytes.spare_capacity_mut().as_mut_ptr().cast());
        Ok(())
    })
}

/// Appends the first `size` bytes of what `trunk_upload_reserve` gave, which the program has written, as `trunk_upload_write`
/// does. The room is gone then.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for more bytes than were reserved, `TRUNK_ERROR_INVALID_STATE` as for
/// `trunk_upload_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_commit(
    upload: *mut trunk_upload,
    size: usize,
) -> trunk_status {
    call(|| {
        let upload = get(upload)?;
        let body = upload.body()?;
        let mut room = upload.room();
        if size > room.size {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("{size} bytes of room for {}", room.size),
            ));
        }
        // A small piece would keep the whole room for itself while it waits.
        let is_small = size < room.size / 2;
        room.size = 0;
        // SAFETY: there was room for as many; the contract: the program has written them.
        unsafe { room.bytes.set_len(size) }
        let piece = if is_small {
            let copy = Bytes::copy_from_slice(&room.bytes);
            room.bytes.clear();
            copy
        } else {
            room.bytes.split().freeze()
        };
        drop(room);
        body.write(piece)
    })
}

/// Bytes that can be written before more are held than 256 KiB; 0 at the end and without a body too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_room(
    upload: *const trunk_upload,
    room: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(room, "room") };
        let upload = get(upload)?;
        out?.set(match upload.rest()? {
            Rest::Body(body) => body.room(),
            Rest::Nothing(_) => 0,
        });
        Ok(())
    })
}

/// Has `callback` called once, when there is room: from the next call of the engine's on, if there is some now. Where there
/// never will be it is let go. The one before it, if any, is let go too.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it.
/// Errors: `TRUNK_ERROR_INVALID_STATE` as for `trunk_upload_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_on_room(
    upload: *mut trunk_upload,
    callback: trunk_wake_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    call(|| {
        let upload = get(upload)?;
        wake(callback, user_data, destroy, |handler| {
            upload.body()?.on_room(handler)
        })
    })
}

/// Has `callback` called once: with true when all that was written until now has gone to the transport, with false when it
/// never will.
///
/// Ownership: as `trunk_upload_on_room`.
/// Errors: `TRUNK_ERROR_INVALID_STATE` as for `trunk_upload_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_flush(
    upload: *mut trunk_upload,
    callback: trunk_flushed_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    call(|| {
        let upload = get(upload)?;
        let callback =
            callback.ok_or_else(|| Error::new(ErrorCode::NullPointer, "the callback is NULL"))?;
        Hooks::new(callback, user_data, destroy).hand_over(|hooks| {
            upload.body()?.flush(move |written| {
                // SAFETY: the contract: the function may be called with its user data until that was disposed of.
                unsafe { (hooks.functions)(hooks.user_data(), written) }
            })
        })
    })
}

/// Ends the body after what was written, with trailers where there are `fields` (NULL allowed with a count of 0). A stream
/// that has ended, or has no body, needs no end: that is no error.
///
/// Ownership: `fields` are copied.
/// Errors: `TRUNK_ERROR_INVALID_HEADER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_close(
    upload: *mut trunk_upload,
    fields: *const trunk_header,
    count: usize,
) -> trunk_status {
    call(|| {
        let upload = get(upload)?;
        // SAFETY: the contract: an array that is an argument holds as many as are said, each with views that may be read.
        let trailers = unsafe { fields::map(fields, count) }?;
        match upload.rest()? {
            Rest::Body(body) if trailers.is_empty() => body.close(),
            Rest::Body(body) => body.close_with_trailers(trailers),
            Rest::Nothing(_) => {}
        }
        Ok(())
    })
}

/// Gives the exchange up: `RST_STREAM` with this code (RFC 9113, 7); over HTTP/1.1 that ends the connection, unless the request
/// was still waiting for its turn. No function of it is called any more, but `destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_upload_cancel(upload: *mut trunk_upload, code: u32) -> trunk_status {
    call(|| {
        match get(upload)?.rest()? {
            Rest::Body(body) => body.cancel(code),
            Rest::Nothing(request) => request.cancel(code),
        }
        Ok(())
    })
}
