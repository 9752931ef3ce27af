//! Delivery by the manager's queue: finished parts of many requests in one place, one wake-up a batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use super::Event;
use crate::error::{Error, ErrorCode, Result};

#[derive(Default)]
struct Inner {
    events: std::collections::VecDeque<Event>,
    waiting: usize,
    /// Nobody can take anything any more.
    discarded: bool,
}

/// The manager's queue. Reactors put parts in and call [`Queue::flush`] once a turn.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
    /// Nothing will come any more.
    closed: AtomicBool,
    /// Something was put in since the last flush.
    dirty: AtomicBool,
    /// A host asked for the descriptor; until then it is left alone, for each signal costs two system calls.
    watched: AtomicBool,
    /// The descriptor is readable.
    signalled: AtomicBool,
    /// Made readable at a flush, for hosts that watch a descriptor. Only with background threads.
    descriptor: Option<rustix::fd::OwnedFd>,
}

impl Queue {
    pub(crate) fn new(with_descriptor: bool) -> Result<Queue> {
        let descriptor = if with_descriptor {
            use rustix::event::{EventfdFlags, eventfd};
            let made = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
            Some(made.map_err(|cause| Error::new(ErrorCode::Io, format!("eventfd: {cause}")))?)
        } else {
            None
        };
        Ok(Queue {
            inner: Mutex::default(),
            arrived: Condvar::new(),
            closed: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            signalled: AtomicBool::new(false),
            descriptor,
        })
    }

    /// The descriptor, for a host to watch.
    pub(crate) fn watch(&self) -> Option<&rustix::fd::OwnedFd> {
        if self.descriptor.is_some()
            && !self.watched.swap(true, Ordering::SeqCst)
            && !self.is_empty()
        {
            self.signal();
        }
        self.descriptor.as_ref()
    }

    pub(crate) fn deliver(&self, event: Event) {
        let mut inner = self.lock();
        if inner.discarded {
            drop(inner);
            return;
        }
        inner.events.push_back(event);
        drop(inner);
        if !self.dirty.load(Ordering::Relaxed) {
            self.dirty.store(true, Ordering::Release);
        }
    }

    /// Delivers what comes together.
    pub(crate) fn deliver_all(&self, events: impl Iterator<Item = Event>) {
        let mut inner = self.lock();
        if inner.discarded {
            drop(inner);
            events.for_each(drop);
            return;
        }
        inner.events.extend(events);
        drop(inner);
        if !self.dirty.load(Ordering::Relaxed) {
            self.dirty.store(true, Ordering::Release);
        }
    }

    /// Says that nothing will come any more; what is there can still be taken.
    pub(crate) fn close(&self) {
        // Under the lock, or someone about to wait would miss it.
        let inner = self.lock();
        self.closed.store(true, Ordering::SeqCst);
        drop(inner);
        self.arrived.notify_all();
        self.signal();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Drops what was not taken, and whatever may still come.
    pub(crate) fn discard(&self) {
        let mut inner = self.lock();
        inner.discarded = true;
        let events = std::mem::take(&mut inner.events);
        drop(inner);
        drop(events);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().events.is_empty()
    }

    /// Wakes whoever waits for what was delivered since the last flush: once, however much it was.
    pub(crate) fn flush(&self) {
        if !self.dirty.load(Ordering::Relaxed) || !self.dirty.swap(false, Ordering::AcqRel) {
            return;
        }
        if self.lock().waiting > 0 {
            self.arrived.notify_one();
        }
        self.signal();
    }

    fn signal(&self) {
        if let Some(descriptor) = &self.descriptor
            && self.watched.load(Ordering::SeqCst)
            && !self.signalled.swap(true, Ordering::AcqRel)
        {
            // An eventfd write can only fail when the counter is at its end, and then it is readable anyway.
            let _ = rustix::io::write(descriptor, &1u64.to_ne_bytes());
        }
    }

    /// Moves up to `max` events into `batch` without waiting.
    pub(crate) fn take(&self, batch: &mut Vec<Event>, max: usize) -> usize {
        if self.descriptor.is_some() && self.signalled.load(Ordering::Acquire) {
            self.unsignal();
        }
        let mut inner = self.lock();
        let count = inner.events.len().min(max);
        batch.extend(inner.events.drain(..count));
        let rest = !inner.events.is_empty();
        if rest && inner.waiting > 0 {
            self.arrived.notify_one();
        }
        drop(inner);
        if rest {
            self.signal();
        }
        count
    }

    fn unsignal(&self) {
        if let Some(descriptor) = &self.descriptor {
            // Cleared after the read: a signal in between is written again by the next flush or seen by this take. If there
            // was nothing to read, whoever signals has yet to write, and the next take clears that.
            if rustix::io::read(descriptor, &mut [0u8; 8]).is_ok() {
                self.signalled.swap(false, Ordering::AcqRel);
            }
        }
    }

    /// Blocks until an event is there or `deadline` has passed. For use with background threads.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        let mut inner = self.lock();
        while inner.events.is_empty() && !self.is_closed() {
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
                        return;
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
