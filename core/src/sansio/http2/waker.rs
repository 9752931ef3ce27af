//! Who is to be polled next: h2 wakes the connection and its streams, and the next call polls them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// What is ready to be polled.
#[derive(Default)]
pub(super) struct Ready {
    connection: AtomicBool,
    streams: Mutex<Vec<usize>>,
}

impl Ready {
    pub(super) fn wake_connection(&self) {
        self.connection.store(true, Ordering::Release);
    }

    pub(super) fn take_connection(&self) -> bool {
        self.connection.swap(false, Ordering::AcqRel)
    }

    /// Moves the places of the streams that are ready behind those in `into`.
    pub(super) fn take_streams(&self, into: &mut impl Extend<usize>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        into.extend(streams.drain(..));
    }
}

/// Wakes the connection.
pub(super) struct ConnectionWaker(pub(super) Arc<Ready>);

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.0.wake_connection();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake_connection();
    }
}

/// Wakes one stream.
pub(super) struct StreamWaker {
    ready: Arc<Ready>,
    place: usize,
    queued: AtomicBool,
}

impl StreamWaker {
    pub(super) fn new(ready: &Arc<Ready>, place: usize) -> Arc<StreamWaker> {
        Arc::new(StreamWaker {
            ready: Arc::clone(ready),
            place,
            queued: AtomicBool::new(false),
        })
    }

    /// It is being polled: from now on it can be woken again.
    pub(super) fn begin(&self) {
        self.queued.store(false, Ordering::Release);
    }

    pub(super) fn ready(&self) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.ready
                .streams
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self.place);
        }
    }

    pub(super) fn waker(self: &Arc<StreamWaker>) -> Waker {
        Waker::from(Arc::clone(self))
    }
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.ready();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready();
    }
}
