//! What every connection does alike: bytes in, bytes out, events out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};

use super::events::Event;

/// What has happened and was not taken.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Vec<Event>>>);

impl Events {
    pub(super) fn push(&self, event: Event) {
        lock(&self.0).push(event);
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection, and what waits on both of its sides.
pub(super) struct Link<E> {
    pub(super) engine: E,
    pub(super) events: Events,
    pending: Mutex<Pending>,
}

/// What came and was not taken in yet, because what is to be sent waits.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// The end comes behind it.
    ended: bool,
}

impl<E: Engine> Link<E> {
    pub(super) fn new(engine: E, events: Events) -> Link<E> {
        Link {
            engine,
            events,
            pending: Mutex::default(),
        }
    }

    /// Takes in what came; what happened.
    pub(super) fn receive<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
    ) -> PyResult<Bound<'py, PyList>> {
        self.feed_pending();
        let waits = !lock(&self.pending).bytes.is_empty();
        let count = if waits { 0 } else { self.engine.read(data) };
        // After the end of the connection the rest is nobody's.
        if count < data.len() && self.engine.next_read_operation() != ReadOperation::Close {
            lock(&self.pending).bytes.extend_from_slice(&data[count..]);
        }
        self.take(py)
    }

    /// The transport has ended; what happened.
    pub(super) fn receive_eof<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        lock(&self.pending).ended = true;
        self.feed_pending();
        self.take(py)
    }

    /// What has happened since the last time.
    pub(super) fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = std::mem::take(&mut *lock(&self.events.0));
        let list = PyList::empty(py);
        for event in events {
            list.append(event.into_python(py)?)?;
        }
        Ok(list)
    }

    /// Nothing is locked while the engine reads: it may ask a function of Python's.
    fn feed_pending(&self) {
        let mut bytes = std::mem::take(&mut lock(&self.pending).bytes);
        if !bytes.is_empty() {
            let count = self.engine.read(&bytes);
            bytes.drain(..count);
        }
        let mut pending = lock(&self.pending);
        bytes.append(&mut pending.bytes);
        pending.bytes = bytes;
        let ends = pending.bytes.is_empty() && std::mem::take(&mut pending.ended);
        drop(pending);
        if ends {
            self.engine.read_eof();
        }
    }

    /// All that is to be sent now; it counts as sent.
    pub(super) fn data_to_send<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut all: Option<Vec<u8>> = None;
        let mut first: Option<Bound<'py, PyBytes>> = None;
        while let WriteOperation::Write(vectors) = self.engine.next_write_operation() {
            let count = vectors.remaining();
            match (&mut all, &mut first) {
                // Mostly it is one piece, which is copied once.
                (None, None) if vectors.len() == 1 => first = Some(PyBytes::new(py, &vectors[0])),
                (all, first) => {
                    let all = all.get_or_insert_default();
                    if let Some(first) = first.take() {
                        all.extend_from_slice(first.as_bytes());
                    }
                    for vector in &*vectors {
                        all.extend_from_slice(vector);
                    }
                }
            }
            drop(vectors);
            self.engine.report_write_result(WriteResult::Written(count));
            self.feed_pending();
        }
        match (all, first) {
            (Some(all), _) => PyBytes::new(py, &all),
            (None, Some(first)) => first,
            (None, None) => PyBytes::new(py, b""),
        }
    }

    /// The transport takes nothing more.
    pub(super) fn send_failed(&self) {
        self.engine.report_write_result(WriteResult::Closed);
    }

    /// Whether more may be received now.
    pub(super) fn wants_data(&self) -> bool {
        lock(&self.pending).bytes.is_empty()
            && self.engine.next_read_operation() == ReadOperation::Read
    }
}
