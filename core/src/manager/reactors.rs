//! The reactors of a manager, and the requests that live on them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use slab::Slab;

use crate::delivery::RequestState;
use crate::drive::{Background, Inline, Reactor};
use crate::pool::Pool;
use crate::request::Target;

/// The reactors, by drive.
pub(super) enum Reactors {
    Threads(Vec<(Arc<Reactor>, Arc<Pool>, Background)>),
    Inline(Arc<Reactor>, Arc<Pool>, Arc<Inline>),
}

impl Reactors {
    pub(super) fn inline(&self) -> Option<&Arc<Inline>> {
        match self {
            Reactors::Threads(_) => None,
            Reactors::Inline(_, _, inline) => Some(inline),
        }
    }

    pub(super) fn first(&self) -> &Arc<Reactor> {
        match self {
            Reactors::Threads(threads) => &threads[0].0,
            Reactors::Inline(reactor, ..) => reactor,
        }
    }

    /// The reactor that an origin belongs to: always the same, so that its connections can be shared.
    pub(super) fn of(&self, target: impl FnOnce() -> Arc<Target>) -> (&Arc<Reactor>, &Arc<Pool>) {
        match self {
            Reactors::Inline(reactor, pool, _) => (reactor, pool),
            Reactors::Threads(threads) => {
                let index = if threads.len() == 1 {
                    0
                } else {
                    let mut hasher = DefaultHasher::new();
                    // Whatever is spoken: a WebSocket may find the connection of the requests, or do without.
                    let target = target();
                    let Target {
                        tls,
                        host,
                        port,
                        route,
                        ..
                    } = &*target;
                    (tls, host, port, route).hash(&mut hasher);
                    (hasher.finish() % threads.len() as u64) as usize
                };
                (&threads[index].0, &threads[index].1)
            }
        }
    }

    pub(super) fn is_current(&self) -> bool {
        match self {
            Reactors::Threads(threads) => threads
                .iter()
                .any(|(_, _, background)| background.is_current()),
            Reactors::Inline(_, _, inline) => inline.is_current(),
        }
    }

    /// Ends every reactor; requests that were told to end do so first.
    pub(super) fn stop(&self) {
        match self {
            Reactors::Threads(threads) => threads
                .iter()
                .for_each(|(_, _, background)| background.stop()),
            Reactors::Inline(_, pool, inline) => {
                let pool = Arc::clone(pool);
                inline.end(move || pool.close());
            }
        }
    }
}

#[derive(Default)]
struct Requests {
    slab: Slab<Arc<RequestState>>,
    /// No more are taken.
    closed: bool,
}

/// The requests that have not ended.
pub(super) struct Live {
    requests: Mutex<Requests>,
    /// Somebody waits for the last one to end, or did: a notice to nobody would cost a system call.
    awaited: AtomicBool,
    emptied: Condvar,
    /// Called when the last one has ended and no more are taken.
    at_rest: Box<dyn Fn() + Send + Sync>,
}

impl Live {
    pub(super) fn new(at_rest: Box<dyn Fn() + Send + Sync>) -> Live {
        Live {
            requests: Mutex::default(),
            awaited: AtomicBool::new(false),
            emptied: Condvar::new(),
            at_rest,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None when no more are taken.
    pub(super) fn add(&self, state: &Arc<RequestState>) -> Option<usize> {
        let mut requests = self.lock();
        (!requests.closed).then(|| requests.slab.insert(Arc::clone(state)))
    }

    /// Takes no more.
    pub(super) fn close(&self) {
        let mut requests = self.lock();
        requests.closed = true;
        let empty = requests.slab.is_empty();
        drop(requests);
        if empty {
            (self.at_rest)();
        }
    }

    pub(super) fn remove(&self, key: usize) {
        let mut requests = self.lock();
        let removed = requests.slab.try_remove(key);
        let empty = requests.slab.is_empty();
        let closed = requests.closed;
        drop(requests);
        drop(removed);
        if empty && self.awaited.load(Ordering::SeqCst) {
            self.emptied.notify_all();
        }
        if empty && closed {
            (self.at_rest)();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().slab.is_empty()
    }

    /// Tells every request to end. True when one of them had not yet.
    pub(super) fn shut_down(&self) -> bool {
        let requests: Vec<_> = self
            .lock()
            .slab
            .iter()
            .map(|(_, state)| Arc::clone(state))
            .collect();
        // Every one is told.
        requests.iter().filter(|state| state.shut_down()).count() > 0
    }

    /// False when the deadline passed before the last request ended.
    pub(super) fn wait_until_empty(&self, deadline: Option<Instant>) -> bool {
        self.awaited.store(true, Ordering::SeqCst);
        let mut requests = self.lock();
        while !requests.slab.is_empty() {
            requests = match deadline {
                None => self
                    .emptied
                    .wait(requests)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.emptied
                        .wait_timeout(requests, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
        true
    }
}
