//! Submitted requests.

use std::ffi::c_void;
use std::mem;
use std::ops::Deref;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use engine::{
    Control, Error, ErrorCode, Event, Frame, Frames, RequestHandle, Result, header_field,
};
use http::HeaderMap;

use crate::boundary::{Out, call, deadline};
use crate::callback::{UserData, may_wait, trunk_destroy_callback};
use crate::cell::{Content, OwnedCell};
use crate::handle::{self, trunk_part, trunk_request};
use crate::status::trunk_status;
use crate::tag::Tag;
use crate::view::{array, trunk_header, trunk_view};

/// The caller has freed it.
const FREED: u8 = 1;
/// Nobody owns it: it was submitted without asking for its handle.
const OWNERLESS: u8 = 2;
/// Its terminal part was delivered and is no longer live, or will never be.
const ENDED: u8 = 4;
/// The core has taken it, so that its user data is to be destroyed at the end.
const ACCEPTED: u8 = 8;
/// The core has dropped its callback.
const DROPPED: u8 = 16;

/// How the parts of a request reach C.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Recv,
    Queue,
    Callback,
}

/// A submitted request.
pub(crate) struct RequestObject {
    /// Its own handle.
    handle: usize,
    /// The number of its manager.
    manager: u64,
    way: Way,
    user_data: UserData,
    destroy: trunk_destroy_callback,
    flags: AtomicU8,
    /// Set once `submit` has returned.
    submitted: OnceLock<RequestHandle>,
    /// Set when a part came before `submit` returned.
    early: OnceLock<Control>,
    received: Mutex<Received>,
}

/// What was received last, and lives until more is received.
#[derive(Default)]
struct Received {
    part: Option<OwnedCell>,
    frames: Frames,
}

impl Received {
    fn clear(&mut self) {
        if let Some(cell) = self.part.as_mut() {
            cell.clear();
        }
        self.frames.clear();
    }
}

impl RequestObject {
    pub(crate) fn new(
        handle: usize,
        manager: u64,
        way: Way,
        owned: bool,
        user_data: UserData,
        destroy: trunk_destroy_callback,
    ) -> RequestObject {
        RequestObject {
            handle,
            manager,
            way,
            user_data,
            destroy,
            flags: AtomicU8::new(if owned { 0 } else { OWNERLESS }),
            submitted: OnceLock::new(),
            early: OnceLock::new(),
            received: Mutex::default(),
        }
    }

    pub(crate) fn user_data(&self) -> UserData {
        self.user_data
    }

    /// Its handle, or NULL once it was freed.
    pub(crate) fn handle(&self) -> usize {
        if self.is_freed() { 0 } else { self.handle }
    }

    pub(crate) fn is_freed(&self) -> bool {
        self.flags.load(Ordering::Acquire) & FREED != 0
    }

    /// Whether it waits in the queue of this manager.
    pub(crate) fn is_queued_at(&self, manager: u64) -> bool {
        self.way == Way::Queue && self.manager == manager
    }

    /// A part has come, so the core has taken the request, even where `submit` has not returned yet.
    pub(crate) fn accepted(&self, event: &Event) {
        if self.flags.load(Ordering::Acquire) & ACCEPTED == 0 {
            self.flags.fetch_or(ACCEPTED, Ordering::AcqRel);
        }
        if self.submitted.get().is_none() {
            self.early.get_or_init(|| event.control());
        }
    }

    /// The core has taken the request.
    pub(crate) fn submitted(&self, submitted: RequestHandle) {
        // It is set here only, once.
        let _ = self.submitted.set(submitted);
        let before = self.flags.fetch_or(ACCEPTED, Ordering::AcqRel);
        if before & (DROPPED | ACCEPTED) == DROPPED {
            self.user_data.destroy(self.destroy);
        }
    }

    /// The core has dropped the callback: the user data is destroyed, unless the core never took the request.
    pub(crate) fn hook_dropped(&self) {
        let before = self.flags.fetch_or(DROPPED, Ordering::AcqRel);
        if before & ACCEPTED != 0 {
            self.user_data.destroy(self.destroy);
        }
    }

    /// Nothing more will come: a handle that nobody is going to free dies.
    pub(crate) fn ended(&self) {
        let before = self.flags.fetch_or(ENDED, Ordering::AcqRel);
        if before & (FREED | OWNERLESS) != 0 {
            self.forget();
        }
    }

    /// The caller frees it.
    fn free(&self) -> Result<()> {
        let before = self.flags.load(Ordering::Acquire);
        if before & OWNERLESS != 0 {
            let why =
                "the request was submitted without an owner; it is freed after its terminal part";
            return Err(Error::new(ErrorCode::InvalidState, why));
        }
        if self.flags.fetch_or(FREED, Ordering::AcqRel) & FREED != 0 {
            return Err(handle::dead(Tag::Request));
        }
        // In a queue the handle's place is kept until the last part is gone, for parts find their request by it.
        if self.way != Way::Queue || self.flags.load(Ordering::Acquire) & ENDED != 0 {
            self.forget();
        }
        if self.way == Way::Recv
            && let Ok(control) = self.control()
        {
            control.cancel();
        }
        Ok(())
    }

    /// Gives the place of the handle up. It may have been given up already.
    pub(crate) fn forget(&self) {
        let _ = handle::remove::<RequestObject>(self.handle);
    }

    /// What may be done to it from anywhere.
    pub(crate) fn control(&self) -> Result<&Control> {
        self.submitted
            .get()
            .map(Deref::deref)
            .or_else(|| self.early.get())
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidState,
                    "the request is still being submitted",
                )
            })
    }

    /// What was received last, once it has died.
    fn lock_received(&self, timeout_ms: i64) -> Result<(MutexGuard<'_, Received>, &RequestHandle)> {
        may_wait(timeout_ms)?;
        if self.way != Way::Recv {
            return Err(Error::new(
                ErrorCode::InvalidState,
                "the request is not delivered by recv",
            ));
        }
        let mut received = match self.received.try_lock() {
            Ok(received) => received,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorCode::Busy,
                    "another thread is receiving from this request",
                ));
            }
        };
        received.clear();
        let submitted = self.submitted.get().ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidState,
                "the request is still being submitted",
            )
        })?;
        Ok((received, submitted))
    }

    fn recv(self: &Arc<Self>, timeout_ms: i64) -> Result<*const trunk_part> {
        let deadline = deadline(timeout_ms)?;
        let (mut received, submitted) = self.lock_received(timeout_ms)?;
        let event = submitted.recv(deadline)?;
        let cell = match received.part.as_mut() {
            Some(cell) => cell,
            None => received.part.insert(OwnedCell::new()?),
        };
        Ok(cell.put(Content::new(event, Arc::clone(self))))
    }

    /// Takes up to `most` frames and shows them to `show`; they live until more is received.
    pub(crate) fn recv_many<T>(
        &self,
        timeout_ms: i64,
        most: usize,
        show: impl FnOnce(&[Frame]) -> T,
    ) -> Result<T> {
        let deadline = deadline(timeout_ms)?;
        let (mut received, submitted) = self.lock_received(timeout_ms)?;
        submitted.recv_frames(&mut received.frames, most, deadline)?;
        Ok(show(&received.frames))
    }

    /// What was received, unless the request was freed meanwhile.
    pub(crate) fn unless_freed<T>(&self, received: Result<T>) -> Result<T> {
        if self.is_freed() {
            self.release_received();
            return Err(handle::dead(Tag::Request));
        }
        received
    }

    /// Makes what was received last die, unless more is being received: then that call does it.
    fn release_received(&self) {
        let received = match self.received.try_lock() {
            Ok(mut received) => mem::take(&mut *received),
            Err(TryLockError::Poisoned(poisoned)) => mem::take(&mut *poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => return,
        };
        drop(received);
    }
}

fn get(request: *const trunk_request) -> Result<Arc<RequestObject>> {
    handle::get(request.addr())
}

/// The trailers of an argument.
///
/// # Safety
/// The contract: `fields` leads to `count` fields.
unsafe fn trailers(fields: *const trunk_header, count: usize) -> Result<Option<HeaderMap>> {
    // SAFETY: the caller's promise.
    let fields = unsafe { array(fields, count, "trailers") }?;
    if fields.is_empty() {
        return Ok(None);
    }
    let mut map = HeaderMap::new();
    for field in fields {
        // SAFETY: the caller's promise: each has views that may be read.
        let (name, value) = unsafe {
            (
                field.name.text("the name of a trailer")?,
                field.value.bytes()?,
            )
        };
        let (name, value) = header_field(name, value)?;
        map.try_append(name, value)
            .map_err(|_| Error::new(ErrorCode::InvalidHeader, "there are too many trailers"))?;
    }
    Ok(Some(map))
}

/// Takes the next part of a request that was submitted with `trunk_manager_submit_recv`, and waits for it: `timeout_ms`
/// 0 does not wait, -1 waits until it comes. With the inline drive it runs the reactor meanwhile.
///
/// Errors: `TRUNK_ERROR_TIMEOUT` when no part came in time, `TRUNK_ERROR_END_OF_PARTS` after the terminal part,
/// `TRUNK_ERROR_INVALID_STATE` for another delivery, `TRUNK_ERROR_BUSY` while another thread receives from this request
/// or from inside a callback.
/// Threads: blocks, unless `timeout_ms` is 0. When another thread frees the request meanwhile it answers
/// `TRUNK_ERROR_INVALID_HANDLE`.
/// Valid until: `*part` lives until the next call of this function or of `trunk_websocket_recv_many` on the request, whatever
/// that call answers, or until the request is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_recv(
    request: *mut trunk_request,
    timeout_ms: i64,
    part: *mut *const trunk_part,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(part, "part") };
        let request = get(request)?;
        let out = out?;
        let part = request.recv(timeout_ms);
        out.set(request.unless_freed(part)?);
        Ok(())
    })
}

/// Ends a request: its stream or connection is given up at once, and its terminal part is `TRUNK_ERROR_CANCELLED`. A
/// request that has ended already is left as it is. With the inline drive the reactor acts on it when it next runs.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_cancel(request: *mut trunk_request) -> trunk_status {
    call(|| {
        get(request)?.control()?.cancel();
        Ok(())
    })
}

/// Gives back `bytes` of credit, for requests with `trunk_request_options_set_manual_release`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_release(request: *mut trunk_request, bytes: usize) -> trunk_status {
    call(|| {
        get(request)?.control()?.release(bytes);
        Ok(())
    })
}

/// Writes a piece of a streamed body, or to a raw stream (`trunk_request_options_set_upgrade`), also before its head has
/// come.
///
/// Ownership: `data` is copied.
/// Errors: `TRUNK_ERROR_AGAIN` when the queue is full: nothing was taken, a part of kind `TRUNK_PART_WRITABLE` tells when
/// there is room. `TRUNK_ERROR_INVALID_STATE` when the body is not streamed, is finished, or is no longer wanted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_write(
    request: *mut trunk_request,
    data: trunk_view,
) -> trunk_status {
    call(|| {
        let request = get(request)?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let data = unsafe { data.bytes() }?;
        request
            .control()?
            .write(bytes::Bytes::copy_from_slice(data))
    })
}

/// Ends a streamed body, with `count` trailers, or this direction of a raw stream, which has none. HTTP/1.1 sends only those
/// whose names a header field `trailer` of the request announces (RFC 9110, 6.6.2).
///
/// Ownership: `fields` (NULL allowed with a count of 0) are copied.
/// Errors: `TRUNK_ERROR_INVALID_HEADER`, and `TRUNK_ERROR_INVALID_STATE` as for `trunk_request_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_finish(
    request: *mut trunk_request,
    fields: *const trunk_header,
    count: usize,
) -> trunk_status {
    call(|| {
        let request = get(request)?;
        // SAFETY: the contract: an array that is an argument holds as many as are said.
        let trailers = unsafe { trailers(fields, count) }?;
        request.control()?.finish(trailers)
    })
}

/// Gives a streamed body up: the request ends with `TRUNK_ERROR_UPLOAD_FAILED`, whose message is `why`, and the peer sees
/// an incomplete request.
///
/// Ownership: `why` is copied.
/// Errors: `TRUNK_ERROR_INVALID_STATE` as for `trunk_request_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_fail(
    request: *mut trunk_request,
    why: trunk_view,
) -> trunk_status {
    call(|| {
        let request = get(request)?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let why = unsafe { why.text("the reason") }?;
        request.control()?.fail(why)
    })
}

/// The number of a request, unique in its manager.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_id(
    request: *const trunk_request,
    id: *mut u64,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(id, "id") };
        let id = get(request)?.control()?.id();
        out?.set(id);
        Ok(())
    })
}

/// The user data that a request was submitted with; NULL for one of `trunk_manager_submit_recv`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_user_data(
    request: *const trunk_request,
    user_data: *mut *mut c_void,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(user_data, "user_data") };
        let user_data = get(request)?.user_data().0;
        out?.set(user_data);
        Ok(())
    })
}

/// Whether the terminal part of a request was delivered; it may still wait to be taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_request_has_ended(
    request: *const trunk_request,
    ended: *mut bool,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(ended, "ended") };
        let ended = get(request)?.control()?.is_ended();
        out?.set(ended);
        Ok(())
    })
}

/// Gives a request back. One that was submitted with `trunk_manager_submit_recv` is cancelled and its parts die. Of the
/// other deliveries only the handle dies: the request goes on and delivers its parts, and `trunk_part_request` answers
/// NULL for them. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`; `TRUNK_ERROR_INVALID_STATE` for a request that nobody owns, because it was
/// submitted without asking for its handle.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_request_free(request: *mut trunk_request) -> trunk_status {
    call(|| {
        let request = match get(request) {
            Ok(request) => request,
            Err(error) if matches!(error.code(), ErrorCode::NullPointer | ErrorCode::Forked) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        request.free()?;
        request.release_received();
        Ok(())
    })
}
