//! When an event loop that has nothing else to do looks a moment longer for what peers answer, before it sleeps.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A look that took longer than this had to wait for other threads that have the interpreter.
const LATE: Duration = Duration::from_micros(200);
/// Batches of parts after which it is tried again then.
const PAUSE: u32 = 512;

/// A loop that can be asked whether it has something else to do.
pub(crate) struct Host {
    /// What it waits with.
    descriptor: RawFd,
    /// The callbacks that it is to run, where it shows them.
    ready: Option<Py<PyAny>>,
}

impl Host {
    /// None of a loop that cannot be asked, which is to sleep at once.
    pub(crate) fn of(event_loop: &Bound<'_, PyAny>) -> Option<Host> {
        let py = event_loop.py();
        // asyncio's own, then uvloop.
        if let Ok(selector) = event_loop.getattr(intern!(py, "_selector")) {
            let descriptor = selector.call_method0(intern!(py, "fileno")).ok()?;
            return Some(Host {
                descriptor: descriptor.extract().ok()?,
                ready: Some(event_loop.getattr(intern!(py, "_ready")).ok()?.unbind()),
            });
        }
        let descriptor = event_loop
            .call_method0(intern!(py, "_get_backend_id"))
            .ok()?;
        Some(Host {
            descriptor: descriptor.extract().ok()?,
            ready: None,
        })
    }

    /// Whether it shows what it is to run.
    pub(crate) fn shows_ready(&self) -> bool {
        self.ready.is_some()
    }

    /// Whether it is to run something else than so many callbacks of ours.
    pub(crate) fn has_others(&self, py: Python<'_>, ours: usize) -> bool {
        let ready = self.ready.as_ref();
        ready.is_some_and(|ready| ready.bind(py).len().unwrap_or(usize::MAX) > ours)
    }

    /// Whether one of its descriptors has something for it.
    pub(crate) fn is_called(&self) -> bool {
        // SAFETY: the loop runs the callback that asks, and has its descriptor open.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.descriptor) };
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut asked = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
        // One that cannot be asked is not to be kept.
        !matches!(poll(&mut asked, Some(&now)), Ok(0))
    }
}

/// What of ours the loop is to run, and how looking went.
#[derive(Default)]
pub(crate) struct Looks {
    /// A look is to be run.
    due: AtomicBool,
    /// It has let those who were ready go first.
    waited: AtomicBool,
    /// Batches for which no look is tried.
    pause: AtomicU32,
    /// Other callbacks of ours.
    turns: AtomicUsize,
}

impl Looks {
    /// Whether a look is to be queued now: not while one is, nor soon after one that was late.
    pub(crate) fn begin(&self) -> bool {
        let pause = self.pause.load(Ordering::Relaxed);
        if pause > 0 {
            self.pause.store(pause - 1, Ordering::Relaxed);
            return false;
        }
        !self.due.swap(true, Ordering::Relaxed)
    }

    /// A look is run. False where it is to be queued once more, behind what those who were ready have queued.
    pub(crate) fn is_next(&self, host: &Host) -> bool {
        if !host.shows_ready() && !self.waited.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.waited.store(false, Ordering::Relaxed);
        self.due.store(false, Ordering::Relaxed);
        true
    }

    /// How long a look took, with the wait for the interpreter.
    pub(crate) fn took(&self, time: Duration) {
        if time > LATE {
            self.pause.store(PAUSE, Ordering::Relaxed);
        }
    }

    /// A callback of ours was queued.
    pub(crate) fn queued(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// One was run.
    pub(crate) fn ran(&self) {
        let fewer = |turns: usize| Some(turns.saturating_sub(1));
        let _ = self
            .turns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
    }

    /// How many of ours are queued.
    pub(crate) fn turns(&self) -> usize {
        self.turns.load(Ordering::Relaxed)
    }

    /// The loop is gone, with what it was to run.
    pub(crate) fn forget(&self) {
        self.due.store(false, Ordering::Relaxed);
        self.waited.store(false, Ordering::Relaxed);
        self.turns.store(0, Ordering::Relaxed);
    }
}
