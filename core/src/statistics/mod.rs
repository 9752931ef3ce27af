//! Counters of a manager.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::{Error, ErrorCode};

/// A snapshot of a manager's counters. Each is exact; together they are not one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections established.
    pub connections_opened: u64,
    /// Connections closed again.
    pub connections_closed: u64,
    /// Connections that stand now.
    pub connections_active: u64,
    /// Connections that stand unused in the pool.
    pub connections_idle: u64,
    /// HTTP/2 streams opened.
    pub streams_opened: u64,
    /// HTTP/2 streams open now.
    pub streams_active: u64,
    /// Requests accepted.
    pub requests_submitted: u64,
    /// Requests that ended with done.
    pub requests_completed: u64,
    /// Requests that ended with an error, cancelled ones among them.
    pub requests_failed: u64,
    /// Requests under way.
    pub requests_active: u64,
    /// Bytes received from sockets.
    pub bytes_received: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Requests sent again because the peer surely had not processed them.
    pub replays: u64,
    /// Redirects that were followed.
    pub redirects: u64,
    /// Requests tried again after a pause.
    pub retries: u64,
    /// How often requests ended with each error; codes that never occurred are left out.
    pub errors: Vec<(ErrorCode, u64)>,
    /// Round-trip time of the last HTTP/2 PING.
    pub ping_round_trip: Option<Duration>,
}

/// The counters behind [`Statistics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections_opened: AtomicU64,
    pub(crate) connections_closed: AtomicU64,
    pub(crate) connections_idle: AtomicU64,
    pub(crate) streams_opened: AtomicU64,
    pub(crate) streams_closed: AtomicU64,
    pub(crate) submitted: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) replays: AtomicU64,
    pub(crate) redirects: AtomicU64,
    pub(crate) retries: AtomicU64,
    /// Nanoseconds; 0 before the first.
    pub(crate) ping: AtomicU64,
    errors: Mutex<Vec<(ErrorCode, u64)>>,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// A connection that stands, whatever is spoken on it, until the last who holds this drops it.
pub(crate) struct OpenConnection {
    counters: Arc<Counters>,
    number: u64,
}

impl OpenConnection {
    /// One more, with its number.
    pub(crate) fn new(counters: &Arc<Counters>, number: u64) -> Arc<OpenConnection> {
        add(&counters.connections_opened, 1);
        Arc::new(OpenConnection {
            counters: Arc::clone(counters),
            number,
        })
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        tracing::info!(connection = self.number, "connection ended");
        add(&self.counters.connections_closed, 1);
    }
}

impl Counters {
    pub(crate) fn error(&self, error: &Error) {
        let mut errors = self
            .errors
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match errors.iter_mut().find(|(code, _)| *code == error.code()) {
            Some((_, count)) => *count += 1,
            None => errors.push((error.code(), 1)),
        }
    }

    pub(crate) fn snapshot(&self) -> Statistics {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (closed, ended) = (
            get(&self.connections_closed),
            get(&self.completed) + get(&self.failed),
        );
        let streams_closed = get(&self.streams_closed);
        let mut errors = self
            .errors
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        errors.sort_by_key(|(code, _)| *code as u16);
        Statistics {
            connections_opened: get(&self.connections_opened),
            connections_closed: closed,
            connections_active: get(&self.connections_opened).saturating_sub(closed),
            connections_idle: get(&self.connections_idle),
            streams_opened: get(&self.streams_opened),
            streams_active: get(&self.streams_opened).saturating_sub(streams_closed),
            requests_submitted: get(&self.submitted),
            requests_completed: get(&self.completed),
            requests_failed: get(&self.failed),
            requests_active: get(&self.submitted).saturating_sub(ended),
            bytes_received: get(&self.received),
            bytes_sent: get(&self.sent),
            replays: get(&self.replays),
            redirects: get(&self.redirects),
            retries: get(&self.retries),
            errors,
            ping_round_trip: match get(&self.ping) {
                0 => None,
                nanos => Some(Duration::from_nanos(nanos)),
            },
        }
    }
}
