//! Tasks: futures that a reactor polls.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::core::Reactor;

pub(super) type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// Woken while running: it goes to the end of the queue afterwards.
const WOKEN: u8 = 3;
const DONE: u8 = 4;

/// One spawned future. Polled only by whoever holds the reactor's core, woken from anywhere.
pub(crate) struct Task {
    /// With its waker, which lasts as long: made anew for each poll it would cost two counts of references.
    future: Mutex<Option<(BoxFuture, Waker)>>,
    state: AtomicU8,
    /// The reactor lists the task until it ends or is abandoned, and its waker goes then, so neither is a lasting circle.
    reactor: Arc<Reactor>,
    /// Its place in the reactor's list.
    pub(super) key: usize,
}

impl Task {
    /// A task that is to be queued by its maker.
    pub(super) fn new(future: BoxFuture, reactor: Arc<Reactor>, key: usize) -> Arc<Task> {
        let task = Arc::new(Task {
            future: Mutex::new(None),
            state: AtomicU8::new(QUEUED),
            reactor,
            key,
        });
        let waker = Waker::from(Arc::clone(&task));
        *task.future.lock().unwrap_or_else(PoisonError::into_inner) = Some((future, waker));
        task
    }

    /// Polls it once. True when it has ended.
    pub(super) fn run(self: &Arc<Self>) -> bool {
        // An exchange, for it must see what was written before each wake-up that found the task queued.
        self.state.swap(RUNNING, Ordering::AcqRel);
        let mut slot = self.future.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((future, waker)) = slot.as_mut() else {
            return true;
        };
        // A panic is a bug, but it must not take the reactor and everyone's requests with it.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(waker))
        }));
        if !matches!(polled, Ok(Poll::Pending)) {
            self.state.store(DONE, Ordering::Release);
            *slot = None;
            return true;
        }
        drop(slot);
        if self
            .state
            .compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            self.state.swap(QUEUED, Ordering::AcqRel);
            self.reactor.enqueue(Arc::clone(self));
        }
        false
    }

    /// Drops the future without polling it again.
    pub(super) fn abandon(&self) {
        self.state.store(DONE, Ordering::Release);
        let future = self
            .future
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(future);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let next = match state {
                IDLE => QUEUED,
                RUNNING => WOKEN,
                DONE => return,
                // Written all the same: the next run reads it, and with it what was written before this wake-up.
                same => same,
            };
            match self
                .state
                .compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(IDLE) => {
                    self.reactor.enqueue(Arc::clone(self));
                    return;
                }
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }
}
