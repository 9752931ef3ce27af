//! Delivery by `recv`: parts wait on their request.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::{Event, InlineDriver};
use crate::error::{Error, ErrorCode, Result};

#[derive(Default)]
struct Inner {
    events: VecDeque<Event>,
    /// The terminal part was put in; when `events` is empty there is nothing more to come.
    ended: bool,
    /// Nobody will take anything any more.
    discarded: bool,
    waiting: usize,
}

/// The parts of one request, in order, until they are taken. Bounded by the request's credit.
#[derive(Default)]
pub(crate) struct Buffer {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

impl Buffer {
    pub(crate) fn deliver(&self, event: Event) {
        let mut inner = self.lock();
        inner.ended |= event.is_terminal();
        if inner.discarded {
            // Kept, it would hold its request, and that this buffer.
            drop(inner);
            return;
        }
        inner.events.push_back(event);
        if inner.waiting > 0 {
            self.arrived.notify_one();
        }
    }

    /// Delivers what comes together, none of it the last.
    pub(crate) fn deliver_all(&self, events: impl Iterator<Item = Event>) {
        let mut inner = self.lock();
        if inner.discarded {
            drop(inner);
            events.for_each(drop);
            return;
        }
        inner.events.extend(events);
        if inner.waiting > 0 {
            self.arrived.notify_one();
        }
    }

    /// Moves up to `max` parts that are there into `batch`.
    pub(crate) fn take_more(&self, batch: &mut Vec<Event>, max: usize) -> usize {
        let mut inner = self.lock();
        let count = inner.events.len().min(max);
        batch.extend(inner.events.drain(..count));
        count
    }

    /// Takes the next part, waiting for it until `deadline` (`None`: for ever).
    pub(crate) fn take(
        &self,
        driver: Option<&dyn InlineDriver>,
        deadline: Option<Instant>,
    ) -> Result<Event> {
        let timeout = || Error::new(ErrorCode::Timeout, "no part arrived in the time given");
        if let Some(driver) = driver {
            loop {
                if let Some(result) = self.try_take() {
                    return result;
                }
                if !driver.drive(&|| self.is_ready(), deadline)? && !self.is_ready() {
                    return Err(timeout());
                }
            }
        }
        let mut inner = self.lock();
        loop {
            if let Some(event) = inner.events.pop_front() {
                return Ok(event);
            }
            if inner.ended {
                return Err(end_of_parts());
            }
            if super::ON_REACTOR.get() && deadline.is_none_or(|deadline| deadline > Instant::now())
            {
                return Err(Error::new(
                    ErrorCode::Busy,
                    "recv would wait for the callback that it is called from",
                ));
            }
            inner.waiting += 1;
            inner = match deadline {
                None => self
                    .arrived
                    .wait(inner)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        inner.waiting -= 1;
                        return Err(timeout());
                    }
                    self.arrived
                        .wait_timeout(inner, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
            inner.waiting -= 1;
        }
    }

    /// The next part, the end, or nothing yet.
    pub(crate) fn try_take(&self) -> Option<Result<Event>> {
        let mut inner = self.lock();
        match inner.events.pop_front() {
            Some(event) => Some(Ok(event)),
            None if inner.ended => Some(Err(end_of_parts())),
            None => None,
        }
    }

    /// Drops what was not taken, and whatever may still come.
    pub(crate) fn discard(&self) {
        let mut inner = self.lock();
        inner.discarded = true;
        let events = std::mem::take(&mut inner.events);
        drop(inner);
        drop(events);
    }

    fn is_ready(&self) -> bool {
        let inner = self.lock();
        inner.ended || !inner.events.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end_of_parts() -> Error {
    Error::new(
        ErrorCode::EndOfParts,
        "the request has delivered its terminal part",
    )
}
