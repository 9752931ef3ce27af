//! Submitting requests: the three deliveries.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Delivery, Error, ErrorCode, Result};

use crate::boundary::{Out, call};
use crate::callback::{Hook, UserData, trunk_destroy_callback, trunk_part_callback};
use crate::handle::{self, trunk_manager, trunk_request, trunk_request_options};
use crate::manager::ManagerObject;
use crate::request::{RequestObject, Way};
use crate::request_url::RequestSettings;
use crate::status::trunk_status;

/// The arguments that all three have, and what differs.
struct Submission {
    manager: *mut trunk_manager,
    options: *const trunk_request_options,
    way: Way,
    owned: bool,
    user_data: UserData,
    destroy: trunk_destroy_callback,
}

impl Submission {
    fn submit(
        self,
        delivery: impl FnOnce(&Arc<RequestObject>) -> Delivery,
    ) -> Result<*mut trunk_request> {
        let manager = handle::get::<ManagerObject>(self.manager.addr())?;
        let options = handle::get::<Mutex<RequestSettings>>(self.options.addr())?;
        let request = options
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .to_request(manager.base_url())?;
        let (handle, object) = handle::insert_with(|handle| {
            Arc::new(RequestObject::new(
                handle,
                manager.number(),
                self.way,
                self.owned,
                self.user_data,
                self.destroy,
            ))
        })?;
        match manager.core().submit(request, delivery(&object)) {
            Ok(submitted) => {
                object.submitted(submitted);
                Ok(ptr::without_provenance_mut(handle))
            }
            Err(error) => {
                object.forget();
                Err(error)
            }
        }
    }
}

/// Submits a request whose parts `trunk_request_recv` takes.
///
/// Ownership: `options` are copied and may be submitted again. The caller frees `*request`, which cancels it.
/// Errors: `TRUNK_ERROR_CLOSED` after `trunk_manager_close` or `trunk_manager_shutdown`, `TRUNK_ERROR_INVALID_ARGUMENT`
/// where the options do not fit together, and as `trunk_url_build` where the URL has a base or parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_submit_recv(
    manager: *mut trunk_manager,
    options: *const trunk_request_options,
    request: *mut *mut trunk_request,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(request, "request") }?;
        let submission = Submission {
            manager,
            options,
            way: Way::Recv,
            owned: true,
            user_data: UserData(ptr::null_mut()),
            destroy: None,
        };
        out.set(submission.submit(|_| Delivery::Recv)?);
        Ok(())
    })
}

/// Submits a request whose parts `trunk_manager_poll` takes; `user_data` comes with each of them.
///
/// Ownership: as `trunk_manager_submit_recv`, but freeing `*request` does not cancel. With `request` NULL nobody owns it:
/// its handle is had from its parts and dies with the terminal one.
/// Errors: as `trunk_manager_submit_recv`.
/// Threads: another thread may be given the first parts before this call returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_submit_queue(
    manager: *mut trunk_manager,
    options: *const trunk_request_options,
    user_data: *mut c_void,
    request: *mut *mut trunk_request,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::optional(request) };
        let submission = Submission {
            manager,
            options,
            way: Way::Queue,
            owned: out.is_some(),
            user_data: UserData(user_data),
            destroy: None,
        };
        let handle = submission.submit(|object| Delivery::Queue {
            token: object.handle() as u64,
        })?;
        if let Some(out) = out {
            out.set(handle);
        }
        Ok(())
    })
}

/// Submits a request whose parts are handed to `callback`, together with `user_data`.
///
/// Ownership: as `trunk_manager_submit_queue`. On success `user_data` belongs to the request until `destroy` (NULL
/// allowed) is called with it, after the terminal part; on failure it stays the caller's.
/// Errors: as `trunk_manager_submit_recv`; `TRUNK_ERROR_NULL_POINTER` without a callback.
/// Threads: the callback may run, and even have the terminal part, before this call returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_submit_callback(
    manager: *mut trunk_manager,
    options: *const trunk_request_options,
    callback: trunk_part_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
    request: *mut *mut trunk_request,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::optional(request) };
        let submission = Submission {
            manager,
            options,
            way: Way::Callback,
            owned: out.is_some(),
            user_data: UserData(user_data),
            destroy,
        };
        let callback =
            callback.ok_or_else(|| Error::new(ErrorCode::NullPointer, "the callback is NULL"))?;
        let handle = submission.submit(|object| {
            let hook = Hook {
                request: Arc::clone(object),
                callback,
            };
            Delivery::Callback(Box::new(move |event| hook.deliver(event)))
        })?;
        if let Some(out) = out {
            out.set(handle);
        }
        Ok(())
    })
}
