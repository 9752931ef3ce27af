//! Functions of the caller that the library calls.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;

use engine::{Error, ErrorCode, Event, Result};

use crate::boundary::{guarded, value};
use crate::cell::{Content, OwnedCell};
use crate::handle::trunk_part;
use crate::request::RequestObject;

/// Takes the parts of a request, one a call, in order.
///
/// Threads: the thread that runs the reactor: a background thread of the manager, or with the inline drive the one that
/// is inside `trunk_manager_poll`, `trunk_request_recv` or `trunk_manager_shutdown`. Calls for one request never overlap.
/// It must not block: other requests wait meanwhile. It may call every function that does not block, also to cancel or
/// free this request, to submit others and to close or free the manager; those that block answer `TRUNK_ERROR_BUSY`. It
/// must not throw, `longjmp` or fork out of itself.
/// Valid until: `part` lives until the function returns, which releases its credit unless the request releases by hand.
pub type trunk_part_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, part: *const trunk_part)>;

/// Disposes of user data that was handed over together with a callback. It is called exactly once, when the callback has
/// returned from its last call and will not be called again; it may run on any thread and must not block. It is not
/// called when the handing over failed, nor in a forked child.
pub type trunk_destroy_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A pointer of the caller's, which is only handed back.
#[derive(Clone, Copy)]
pub(crate) struct UserData(pub(crate) *mut c_void);

// SAFETY: the library never looks behind the pointer; the contract makes the caller's data fit for any thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    /// Calls the hook.
    pub(crate) fn destroy(self, hook: trunk_destroy_callback) {
        if let Some(hook) = hook {
            // SAFETY: the contract: the hook may be called once with this user data, on any thread.
            unsafe { hook(self.0) }
        }
    }
}

/// A function of the caller's that the library keeps, with its user data; the hook is called when this is dropped.
pub(crate) struct Function<F> {
    pub(crate) pointer: F,
    pub(crate) user_data: UserData,
    destroy: trunk_destroy_callback,
}

impl<F: Copy> Function<F> {
    pub(crate) fn new(
        pointer: F,
        user_data: *mut c_void,
        destroy: trunk_destroy_callback,
    ) -> Function<F> {
        Function {
            pointer,
            user_data: UserData(user_data),
            destroy,
        }
    }

    /// Calls it on the thread that runs the reactor: what waits is refused meanwhile.
    pub(crate) fn call<T>(&self, call: impl FnOnce(F, *mut c_void) -> T) -> T {
        let _inside = Inside::enter();
        call(self.pointer, self.user_data.0)
    }
}

impl<F> Drop for Function<F> {
    fn drop(&mut self) {
        self.user_data.destroy(self.destroy);
    }
}

thread_local! {
    /// The cell of the part that this thread delivers.
    static DELIVERED: Cell<Option<OwnedCell>> = const { Cell::new(None) };
    /// How many callbacks this thread is inside of.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Refuses to wait inside a callback, where it would hold up the reactor.
///
/// # Errors
/// `busy`.
pub(crate) fn may_wait(timeout_ms: i64) -> Result<()> {
    if timeout_ms != 0 && INSIDE.try_with(Cell::get).unwrap_or(0) > 0 {
        return Err(Error::new(ErrorCode::Busy, "a callback must not wait"));
    }
    Ok(())
}

/// Marks that this thread is inside a callback.
struct Inside;

impl Inside {
    fn enter() -> Inside {
        let _ = INSIDE.try_with(|inside| inside.set(inside.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(inside.get() - 1));
    }
}

/// The callback of one request, until its terminal part was delivered.
pub(crate) struct Hook {
    pub(crate) request: Arc<RequestObject>,
    pub(crate) callback: unsafe extern "C" fn(*mut c_void, *const trunk_part),
}

impl Hook {
    /// Delivers a part.
    pub(crate) fn deliver(&self, event: Event) {
        value((), || self.try_deliver(event));
    }

    fn try_deliver(&self, event: Event) -> Result<()> {
        self.request.accepted(&event);
        let kept = DELIVERED.try_with(Cell::take).ok().flatten();
        let mut cell = match kept {
            Some(cell) => cell,
            None => OwnedCell::new()?,
        };
        let part = cell.put(Content::new(event, Arc::clone(&self.request)));
        let inside = Inside::enter();
        // SAFETY: the contract: the callback may be called with its user data until the terminal part; it does not unwind.
        unsafe { (self.callback)(self.request.user_data().0, part) };
        drop(inside);
        cell.clear();
        // A thread that is ending keeps none.
        let _ = DELIVERED.try_with(|kept| kept.set(Some(cell)));
        Ok(())
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let dropped = guarded(|| {
            self.request.ended();
            self.request.hook_dropped();
            Ok(())
        });
        if let Err(error) = dropped {
            crate::status::remember(error);
        }
    }
}
