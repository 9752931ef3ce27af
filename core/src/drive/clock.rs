//! The reactor's clock: real, or moved by hand in tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::core::Reactor;

/// A clock that stands still until it is moved; for exact and fast tests of deadlines.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Instant,
    passed: AtomicU64,
    reactors: Mutex<Vec<Weak<Reactor>>>,
}

impl Default for ManualClock {
    fn default() -> ManualClock {
        ManualClock(Arc::new(Inner {
            base: Instant::now(),
            passed: AtomicU64::new(0),
            reactors: Mutex::default(),
        }))
    }
}

impl ManualClock {
    /// A clock that stands still.
    pub fn new() -> ManualClock {
        ManualClock::default()
    }

    /// Moves the clock and wakes every reactor that goes by it.
    pub fn advance(&self, by: Duration) {
        self.0
            .passed
            .fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
        for reactor in self
            .0
            .reactors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            if let Some(reactor) = reactor.upgrade() {
                reactor.interrupt();
            }
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.base + Duration::from_nanos(self.0.passed.load(Ordering::SeqCst))
    }

    pub(crate) fn follow(&self, reactor: &Arc<Reactor>) {
        let mut reactors = self
            .0
            .reactors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        reactors.push(Arc::downgrade(reactor));
    }
}
