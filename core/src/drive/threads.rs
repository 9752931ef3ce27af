//! The `threads` drive: a reactor on a background thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::core::{Core, Reactor};
use crate::error::{Error, ErrorCode, Result};

/// A reactor and the thread that runs it.
pub(crate) struct Background {
    reactor: Arc<Reactor>,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Background {
    /// Starts the thread. `at_end` runs on it before the reactor is given up.
    pub(crate) fn start(
        reactor: Arc<Reactor>,
        mut core: Core,
        at_end: impl FnOnce() + Send + 'static,
    ) -> Result<Background> {
        let stop = Arc::new(AtomicBool::new(false));
        let (running, stopped) = (Arc::clone(&reactor), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("trunkline".to_owned())
            .spawn(move || {
                crate::delivery::mark_reactor_thread();
                while !stopped.load(Ordering::Acquire) {
                    core.run(&running);
                    if !stopped.load(Ordering::Acquire) {
                        core.park(&running, None);
                    }
                }
                // Requests that were told to end do so now; then whatever is left goes.
                while core.run(&running) {}
                at_end();
                // Connections that were told to close do so.
                while core.run(&running) {}
                running.abandon();
            })
            .map_err(|cause| Error::new(ErrorCode::Io, format!("thread: {cause}")))?;
        Ok(Background {
            reactor,
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ends the thread and waits for it, unless this is the thread itself.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.reactor.interrupt();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }

    /// Whether the calling thread is the reactor's own.
    pub(crate) fn is_current(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread
            .as_ref()
            .is_some_and(|thread| thread.thread().id() == thread::current().id())
    }
}
