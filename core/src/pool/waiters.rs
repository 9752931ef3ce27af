//! Requests that wait for a connection, in the order in which they first asked.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

use super::Pool;
use crate::error::{Error, Result};
use crate::request::Target;

enum State {
    Waiting,
    /// It may try now.
    Woken,
    Failed(Error),
    /// Gone; the queue skips it.
    Left,
}

/// One that waits.
pub(super) struct Waiter {
    /// Smaller numbers have waited for longer.
    number: u64,
    state: Mutex<State>,
    waker: AtomicWaker,
}

impl Waiter {
    pub(super) fn new(number: u64) -> Waiter {
        Waiter {
            number,
            state: Mutex::new(State::Waiting),
            waker: AtomicWaker::new(),
        }
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.waker.wake();
    }

    fn has_left(&self) -> bool {
        matches!(
            *self.state.lock().unwrap_or_else(PoisonError::into_inner),
            State::Left
        )
    }
}

/// Those that wait for one origin.
#[derive(Default)]
pub(super) struct Waiters {
    queue: VecDeque<Arc<Waiter>>,
    /// Those in the queue that have left.
    left: usize,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len() - self.left
    }

    /// The number of the one that has waited for longest.
    pub(super) fn first(&self) -> Option<u64> {
        let mut queue = self.queue.iter();
        queue
            .find(|waiter| !waiter.has_left())
            .map(|waiter| waiter.number)
    }

    /// Joins in the order of the numbers: one that was woken in vain, or had its turn before, keeps its place before all
    /// that asked later.
    pub(super) fn join(&mut self, waiter: Arc<Waiter>) {
        *waiter.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Waiting;
        let place = self
            .queue
            .partition_point(|other| other.number < waiter.number);
        self.queue.insert(place, waiter);
    }

    /// Lets the first one try. False when nobody waits.
    pub(super) fn wake_one(&mut self) -> bool {
        while let Some(waiter) = self.queue.pop_front() {
            if !waiter.has_left() {
                waiter.set(State::Woken);
                return true;
            }
            self.left -= 1;
        }
        false
    }

    pub(super) fn wake_all(&mut self) {
        while self.wake_one() {}
    }

    pub(super) fn fail_all(&mut self, error: &Error) {
        self.left = 0;
        for waiter in self.queue.drain(..) {
            if !waiter.has_left() {
                waiter.set(State::Failed(error.clone()));
            }
        }
    }

    /// One has left; now and then those are taken out.
    fn left(&mut self) {
        self.left += 1;
        if self.left * 2 > self.queue.len() {
            self.queue.retain(|waiter| !waiter.has_left());
            self.left = 0;
        }
    }
}

/// Ends when it is this waiter's turn. Dropped before, it passes the turn on.
pub(super) struct Waiting {
    waiter: Option<Arc<Waiter>>,
    pool: Arc<Pool>,
    target: Arc<Target>,
}

impl Waiting {
    pub(super) fn new(waiter: Arc<Waiter>, pool: &Arc<Pool>, target: &Arc<Target>) -> Waiting {
        Waiting {
            waiter: Some(waiter),
            pool: Arc::clone(pool),
            target: Arc::clone(target),
        }
    }
}

impl Future for Waiting {
    type Output = Result<Arc<Waiter>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(waiter) = &self.waiter else {
            return Poll::Pending;
        };
        waiter.waker.register(cx.waker());
        let outcome = match &*waiter.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Woken => Ok(()),
            State::Failed(error) => Err(error.clone()),
            State::Waiting | State::Left => return Poll::Pending,
        };
        match (outcome, self.waiter.take()) {
            (Ok(()), Some(waiter)) => Poll::Ready(Ok(waiter)),
            (Err(error), _) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else {
            return;
        };
        let mut inner = self.pool.lock();
        let origin = inner.origins.get_mut(&self.target);
        let state = {
            let mut state = waiter.state.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *state, State::Left)
        };
        match state {
            State::Woken => {
                if !origin.is_some_and(|origin| origin.waiters.wake_one()) {
                    // What it was woken for may serve another origin.
                    self.pool.pass_on(&mut inner, &self.target, true);
                }
            }
            State::Waiting => {
                if let Some(origin) = origin {
                    origin.waiters.left();
                }
            }
            // Taken out of the queue already.
            State::Failed(_) | State::Left => {}
        }
    }
}
