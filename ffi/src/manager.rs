//! Managers.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use engine::{Error, ErrorCode, Event, Manager, Result};

use crate::boundary::{Out, call, deadline};
use crate::callback::may_wait;
use crate::cell::{Content, OwnedCell};
use crate::handle::{self, trunk_manager, trunk_manager_options, trunk_part, trunk_statistics};
use crate::options::ManagerSettings;
use crate::request::RequestObject;
use crate::statistics::StatisticsObject;
use crate::status::trunk_status;

/// No poll gives more parts than this at once.
const BATCH: usize = 64 * 1024;
/// Stands for "for ever" where an instant is needed.
const FOR_EVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A manager and the parts that its last poll gave.
pub(crate) struct ManagerObject {
    number: u64,
    base_url: Option<String>,
    core: Manager,
    polling: Mutex<Polling>,
}

#[derive(Default)]
struct Polling {
    events: Vec<Event>,
    cells: Vec<OwnedCell>,
    /// How many of the cells hold a part.
    live: usize,
}

impl Polling {
    fn clear(&mut self) {
        for cell in &mut self.cells[..self.live] {
            cell.clear();
        }
        self.live = 0;
    }
}

impl ManagerObject {
    fn new(settings: ManagerSettings) -> Result<ManagerObject> {
        Ok(ManagerObject {
            base_url: settings.base_url,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            core: Manager::new(settings.options)?,
            polling: Mutex::default(),
        })
    }

    /// A number that no other manager has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What relative URLs are appended to.
    pub(crate) fn base_url(&self) -> Option<&str> {
        self.base_url.as_deref()
    }

    pub(crate) fn core(&self) -> &Manager {
        &self.core
    }

    /// Fills `parts` with what the queue holds.
    ///
    /// # Safety
    /// `parts` has room for `capacity` pointers.
    unsafe fn poll(
        &self,
        parts: *mut *const trunk_part,
        capacity: usize,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let mut polling = match self.polling.try_lock() {
            Ok(polling) => polling,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorCode::Busy,
                    "the manager is being polled already",
                ));
            }
        };
        let polling = &mut *polling;
        polling.clear();
        self.core
            .poll(&mut polling.events, capacity.min(BATCH), deadline)?;
        while polling.cells.len() < polling.events.len() {
            polling.cells.push(OwnedCell::new()?);
        }
        for event in polling.events.drain(..) {
            // The token is the handle of the request, whose place is kept until its terminal part is gone.
            let Ok(request) = handle::find::<RequestObject>(event.token() as usize) else {
                continue;
            };
            request.accepted(&event);
            let part = polling.cells[polling.live].put(Content::new(event, request));
            // SAFETY: there are no more events than `capacity`, for which the caller promised room.
            unsafe { parts.add(polling.live).write(part) };
            polling.live += 1;
        }
        Ok(polling.live)
    }
}

impl Drop for ManagerObject {
    fn drop(&mut self) {
        self.core.close();
        self.polling
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        // What waits in the queue will never be polled.
        for request in handle::all::<RequestObject>() {
            if request.is_queued_at(self.number) {
                request.ended();
            }
        }
    }
}

fn get(manager: *const trunk_manager) -> Result<std::sync::Arc<ManagerObject>> {
    handle::get(manager.addr())
}

/// Makes a manager. `options` NULL stands for the defaults.
///
/// Ownership: `options` are copied. The caller frees `*manager`.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`, also for certificates or keys that cannot be read,
/// `TRUNK_ERROR_IO`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_new(
    options: *const trunk_manager_options,
    manager: *mut *mut trunk_manager,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(manager, "manager") };
        let options = if options.is_null() {
            ManagerSettings::default()
        } else {
            let options = handle::get::<Mutex<ManagerSettings>>(options.addr())?;
            let options = options.lock().unwrap_or_else(PoisonError::into_inner);
            options.clone()
        };
        let out = out?;
        let handle = handle::insert(ManagerObject::new(options)?)?;
        out.set(ptr::without_provenance_mut(handle));
        Ok(())
    })
}

/// Closes a manager, as `trunk_manager_close` does, and gives it back. The parts of its last poll die, and what waits in
/// its queue is dropped; requests delivered by `recv` or callback still get their terminal part, and their handles stay
/// live until they are freed. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
/// Threads: allowed anywhere, callbacks included; does not block. Not while another thread reads a polled part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_free(manager: *mut trunk_manager) -> trunk_status {
    call(|| {
        if let Some(manager) = handle::free::<ManagerObject>(manager.addr())? {
            manager.core().close();
        }
        Ok(())
    })
}

/// Takes no more requests and ends those that are under way with `TRUNK_ERROR_SHUTDOWN`. Their terminal parts can still
/// be taken.
///
/// Threads: does not block. With the inline drive the reactor acts on it when it next runs.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_manager_close(manager: *mut trunk_manager) -> trunk_status {
    call(|| {
        get(manager)?.core().close();
        Ok(())
    })
}

/// Takes no more requests, waits until all have ended, and ends those that have not after `timeout_ms` (-1: never) with
/// `TRUNK_ERROR_SHUTDOWN`. `*all_ended` says whether none had to be ended. Their terminal parts can still be taken.
///
/// Errors: `TRUNK_ERROR_BUSY` from inside a callback.
/// Threads: blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_shutdown(
    manager: *mut trunk_manager,
    timeout_ms: i64,
    all_ended: *mut bool,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(all_ended, "all_ended") };
        let manager = get(manager)?;
        let out = out?;
        may_wait(timeout_ms)?;
        let now = Instant::now();
        let deadline = deadline(timeout_ms)?
            .or_else(|| now.checked_add(FOR_EVER))
            .unwrap_or(now);
        out.set(manager.core().shutdown(deadline)?);
        Ok(())
    })
}

/// A descriptor that becomes readable when `trunk_manager_poll` has something to do, for an event loop of the caller's.
/// Then call `trunk_manager_poll` with a timeout of 0 until it gives no part.
///
/// Ownership: the descriptor is the manager's: it is neither read nor closed by the caller.
/// Valid until: the manager is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_descriptor(
    manager: *const trunk_manager,
    descriptor: *mut libc::c_int,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(descriptor, "descriptor") };
        let descriptor = get(manager)?.core().descriptor()?;
        out?.set(descriptor);
        Ok(())
    })
}

/// Takes up to `capacity` parts from the manager's queue, in order for each request, and waits for the first:
/// `timeout_ms` 0 does not wait, -1 waits until one comes. `*count` is how many were written to `parts`; 0 when the time
/// ran out. The call first releases the parts of the poll before, and with them their credit, unless their request
/// releases by hand. With the inline drive it runs the reactor, and with it the callbacks.
///
/// Errors: `TRUNK_ERROR_BUSY` while another thread polls this manager, or from inside a callback.
/// Threads: blocks, unless `timeout_ms` is 0. Closing or freeing the manager does not end a wait for ever; the terminal
/// part of a request does.
/// Valid until: the parts live until the next poll of this manager, whether or not that gives any, or until it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_poll(
    manager: *mut trunk_manager,
    parts: *mut *const trunk_part,
    capacity: usize,
    timeout_ms: i64,
    count: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(count, "count") };
        let manager = get(manager)?;
        let out = out?;
        if parts.is_null() {
            return Err(Error::new(
                ErrorCode::NullPointer,
                "the out-parameter parts is NULL",
            ));
        }
        if capacity == 0 {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "there is no room for any part",
            ));
        }
        may_wait(timeout_ms)?;
        // SAFETY: the contract: an array that is an argument holds as many as are said.
        out.set(unsafe { manager.poll(parts, capacity, deadline(timeout_ms)?) }?);
        Ok(())
    })
}

/// Takes a snapshot of the manager's counters.
///
/// Ownership: the caller frees `*statistics`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_manager_statistics(
    manager: *const trunk_manager,
    statistics: *mut *mut trunk_statistics,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(statistics, "statistics") };
        let statistics = StatisticsObject::new(get(manager)?.core().statistics());
        let out = out?;
        out.set(ptr::without_provenance_mut(handle::insert(statistics)?));
        Ok(())
    })
}
