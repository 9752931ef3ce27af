//! The body of a request on an engine.

use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use engine::sansio::http2::RequestBody;
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

/// A body, filled in before anybody is told its handle.
#[derive(Default)]
pub(crate) struct UploadObject(OnceLock<RequestBody>);

impl UploadObject {
    pub(super) fn fill(&self, body: RequestBody) {
        // It is empty: one that is not would keep what it has, and this one would end.
        let _ = self.0.set(body);
    }

    fn body(&self) -> Result<&RequestBody> {
        self.0.get().ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidState,
                "the request is still on its way to the engine",
            )
        })
    }
}

fn get(upload: *const trunk_upload) -> Result<Arc<UploadObject>> {
    handle::get(upload.addr())
}

/// Gives it back. Before `trunk_upload_close` that gives the exchange up, with CANCEL: a body is never cut short in silence. NULL
/// is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_upload_free(upload: *mut trunk_upload) -> trunk_status {
    call(|| handle::free::<UploadObject>(upload.addr()).map(drop))
}

/// Appends to the body. All is taken; what the peer's window does not is held until it does: see `trunk_upload_room`.
///
/// Ownership: `data` is copied.
/// Errors: `TRUNK_ERROR_INVALID_STATE` where the stream has ended or was closed.
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

/// Bytes that can be written before more are held than 256 KiB; 0 at the end too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_upload_room(
    upload: *const trunk_upload,
    room: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(room, "room") };
        let upload = get(upload)?;
        out?.set(upload.body()?.room());
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
/// that has ended needs no end: that is no error.
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
        if trailers.is_empty() {
            upload.body()?.close();
        } else {
            upload.body()?.close_with_trailers(trailers);
        }
        Ok(())
    })
}

/// Gives the exchange up: `RST_STREAM` with this code (RFC 9113, 7); over HTTP/1.1 that ends the connection. No function of it is called any more, but `destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_upload_cancel(upload: *mut trunk_upload, code: u32) -> trunk_status {
    call(|| {
        get(upload)?.body()?.cancel(code);
        Ok(())
    })
}
