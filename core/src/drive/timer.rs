//! Timers of a reactor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::core::Reactor;

type Key = (Instant, u64);

/// The timers that are set, soonest first.
#[derive(Default)]
pub(super) struct Timers {
    set: BTreeMap<Key, Waker>,
    last: u64,
}

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        self.set.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the wakers of those that are due.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(entry) = self.set.first_entry() {
            if entry.key().0 > now {
                break;
            }
            due.push(entry.remove());
        }
        due
    }

    fn insert(&mut self, at: Instant, waker: Waker) -> Key {
        self.last += 1;
        self.set.insert((at, self.last), waker);
        (at, self.last)
    }
}

/// A deadline that may be moved; it belongs to one task.
///
/// Moving it later costs nothing: the timer fires at the earlier time and is then set anew.
pub(crate) struct Timer {
    reactor: Arc<Reactor>,
    deadline: Option<Instant>,
    set: Option<Key>,
}

impl Timer {
    pub(crate) fn new(reactor: &Arc<Reactor>) -> Timer {
        Timer {
            reactor: Arc::clone(reactor),
            deadline: None,
            set: None,
        }
    }

    pub(crate) fn set(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    pub(crate) fn set_after(&mut self, delay: std::time::Duration) {
        self.deadline = Some(self.reactor.now() + delay);
    }

    pub(crate) fn is_unset(&self) -> bool {
        self.deadline.is_none()
    }

    /// Ready once the deadline has passed; without one never.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let now = self.reactor.turn();
        if deadline <= now {
            return Poll::Ready(());
        }
        match self.set {
            Some((at, _)) if at <= deadline && at > now => {}
            _ => {
                self.unset();
                let key = self.reactor.timers().insert(deadline, cx.waker().clone());
                self.set = Some(key);
            }
        }
        Poll::Pending
    }

    fn unset(&mut self) {
        if let Some(key) = self.set.take() {
            let waker = self.reactor.timers().set.remove(&key);
            drop(waker);
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.unset();
    }
}
