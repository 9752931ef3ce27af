//! Delivery by `recv`: parts wait on their request.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::InlineDriver;
use crate::error::{Error, ErrorCode, Result};
use crate::part::{Frame, Part};

#[derive(Default)]
struct Inner {
    parts: VecDeque<Part>,
    /// The terminal part was put in; when `parts` is empty there is nothing more to come.
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
    pub(crate) fn deliver(&self, part: Part) {
        let mut inner = self.lock();
        inner.ended |= part.is_terminal();
        if inner.discarded {
            drop(inner);
            return;
        }
        inner.parts.push_back(part);
        if inner.waiting > 0 {
            self.arrived.notify_one();
        }
    }

    /// Delivers frames that come together.
    pub(crate) fn deliver_frames(&self, frames: &mut Vec<Frame>) {
        let mut inner = self.lock();
        if inner.discarded {
            drop(inner);
            frames.clear();
            return;
        }
        inner.parts.extend(frames.drain(..).map(Part::Frame));
        if inner.waiting > 0 {
            self.arrived.notify_one();
        }
    }

    /// Takes up to `max` parts that are there.
    pub(crate) fn take_more(&self, max: usize, mut take: impl FnMut(Part)) -> usize {
        let mut inner = self.lock();
        let count = inner.parts.len().min(max);
        inner.parts.drain(..count).for_each(&mut take);
        count
    }

    /// Takes the next part, waiting for it until `deadline` (`None`: for ever).
    pub(crate) fn take(
        &self,
        driver: Option<&dyn InlineDriver>,
        deadline: Option<Instant>,
    ) -> Result<Part> {
        self.take_with(driver, deadline, VecDeque::pop_front)
    }

    /// Moves up to `max` frames into `frames`, waiting for the first part likewise: none where that is no frame, which is
    /// left there.
    pub(crate) fn take_frames(
        &self,
        driver: Option<&dyn InlineDriver>,
        deadline: Option<Instant>,
        frames: &mut Vec<Frame>,
        max: usize,
    ) -> Result<()> {
        self.take_with(driver, deadline, |parts| {
            if parts.is_empty() {
                return None;
            }
            while frames.len() < max {
                match parts.pop_front() {
                    Some(Part::Frame(frame)) => frames.push(frame),
                    Some(other) => {
                        parts.push_front(other);
                        break;
                    }
                    None => break,
                }
            }
            Some(())
        })
    }

    /// What `take` finds among the parts, waiting until it finds something.
    fn take_with<T>(
        &self,
        driver: Option<&dyn InlineDriver>,
        deadline: Option<Instant>,
        mut take: impl FnMut(&mut VecDeque<Part>) -> Option<T>,
    ) -> Result<T> {
        let timeout = || Error::new(ErrorCode::Timeout, "no part arrived in the time given");
        if let Some(driver) = driver {
            loop {
                let mut inner = self.lock();
                if let Some(taken) = take(&mut inner.parts) {
                    return Ok(taken);
                }
                if inner.ended {
                    return Err(end_of_parts());
                }
                drop(inner);
                if !driver.drive(&|| self.is_ready(), deadline)? && !self.is_ready() {
                    return Err(timeout());
                }
            }
        }
        let mut inner = self.lock();
        loop {
            if let Some(taken) = take(&mut inner.parts) {
                return Ok(taken);
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
    pub(crate) fn try_take(&self) -> Option<Result<Part>> {
        let mut inner = self.lock();
        match inner.parts.pop_front() {
            Some(part) => Some(Ok(part)),
            None if inner.ended => Some(Err(end_of_parts())),
            None => None,
        }
    }

    /// Drops what was not taken, and whatever may still come.
    pub(crate) fn discard(&self) {
        let mut inner = self.lock();
        inner.discarded = true;
        let parts = std::mem::take(&mut inner.parts);
        drop(inner);
        drop(parts);
    }

    fn is_ready(&self) -> bool {
        let inner = self.lock();
        inner.ended || !inner.parts.is_empty()
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
