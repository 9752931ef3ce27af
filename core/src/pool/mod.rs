//! The pool: who may use which connection, and who waits.
//!
//! One for each reactor. An origin's HTTP/1.1 connections are kept in a list when unused; its HTTP/2 connection, or
//! connections, are shared. A request holds a [`Lease`]; dropped in any state, it gives its place back.

mod acquire;
mod coalesce;
mod deciding;
mod lease;
mod open;
mod place;
mod shared;
mod sweep;
mod waiters;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use crate::connect::Connector;
use crate::protocol::http1::Http1;
use crate::protocol::http2::Http2;
use crate::request::Target;

pub(crate) use acquire::Ask;
use coalesce::Offer;
pub(crate) use deciding::Deciding;
pub(crate) use lease::{Http1Lease, Http2Lease, Lease};
pub(crate) use place::Place;
use shared::Shared;
use waiters::Waiters;

/// With older news than this the peer may have closed a connection without the reactor having noticed.
const FRESH: Duration = Duration::from_millis(10);

/// Beyond so many, origins are forgotten with their last connection.
const MANY_ORIGINS: usize = 256;

struct Idle {
    http1: Http1,
    place: Place,
    since: Instant,
    until: Instant,
}

#[derive(Default)]
struct Origin {
    idle: Vec<Idle>,
    /// Connections that stand or are being opened.
    open: usize,
    shared: Shared,
    waiters: Waiters,
}

impl Origin {
    /// Nothing is known of it that would be missed.
    fn is_unused(&self) -> bool {
        self.open == 0
            && self.waiters.is_empty()
            && self.idle.is_empty()
            && matches!(self.shared, Shared::None | Shared::Never)
    }
}

#[derive(Default)]
struct Inner {
    /// Looked up twice a request, by names that callers choose: quick to hash, and seeded all the same.
    origins: HashMap<Arc<Target>, Origin, RandomState>,
    open: usize,
    /// Connections that other origins may share; none unless that is asked for.
    offers: Vec<Offer>,
    /// Requests that have asked so far.
    asked: u64,
    closed: bool,
}

impl Inner {
    /// The number of one that asks for the first time.
    fn next_number(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }
}

/// The pool of a reactor.
pub(crate) struct Pool {
    inner: Mutex<Inner>,
    pub(crate) connector: Connector,
    sweeper: atomic_waker::AtomicWaker,
}

impl Pool {
    pub(crate) fn new(connector: Connector) -> Arc<Pool> {
        let pool = Arc::new(Pool {
            inner: Mutex::default(),
            connector,
            sweeper: atomic_waker::AtomicWaker::new(),
        });
        sweep::spawn(&pool);
        pool
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an HTTP/1.1 connection back for the next request.
    fn keep(&self, target: &Arc<Target>, mut http1: Http1, place: Place) {
        let now = self.connector.reactor.turn();
        let idle_for = self.connector.options.idle_connection_timeout;
        // The peer's own limit counts from when it sent the answer: stay a little below it.
        let peer = http1
            .keep_alive
            .map(|peer| peer.saturating_sub(Duration::from_millis(500).min(peer / 4)));
        let until = now + peer.map_or(idle_for, |peer| peer.min(idle_for));
        http1.reused = true;
        let mut inner = self.lock();
        if inner.closed {
            drop(inner);
            drop((http1, place));
            return;
        }
        let mut first = false;
        if let Some(origin) = inner.origins.get_mut(target) {
            first = origin.idle.is_empty();
            origin.idle.push(Idle {
                http1,
                place,
                since: now,
                until,
            });
            self.connector
                .counters
                .connections_idle
                .fetch_add(1, Ordering::Relaxed);
        }
        let full = inner.open >= self.connector.options.max_connections;
        self.pass_on(&mut inner, target, full);
        drop(inner);
        if first {
            self.sweeper.wake();
        }
    }

    /// A request has left an HTTP/2 connection.
    fn left(&self, target: &Arc<Target>, http2: &Arc<Http2>) {
        let last = http2.carried.active.fetch_sub(1, Ordering::AcqRel) == 1;
        if last {
            http2.touch(self.connector.reactor.now());
        }
        let mut inner = self.lock();
        let mut woken = false;
        if let Some(origin) = inner.origins.get_mut(target) {
            if http2.is_open() {
                woken = origin.waiters.wake_one();
            } else if origin.shared.forget_closed() {
                origin.waiters.wake_all();
            } else {
                woken = origin.waiters.wake_one();
            }
        }
        if !inner.offers.is_empty() {
            if !http2.is_open() {
                inner.forget_offers();
            }
            for other in inner.sharing(http2, target) {
                if let Some(origin) = inner.origins.get_mut(&other) {
                    woken |= origin.waiters.wake_one();
                }
            }
        }
        if last && !woken && inner.open >= self.connector.options.max_connections {
            self.pass_on(&mut inner, target, true);
        }
    }

    /// The peer allows another number of streams than when someone found no room.
    fn room_changed(&self, target: &Arc<Target>) {
        let mut inner = self.lock();
        for guest in inner.guests_of(target) {
            if let Some(origin) = inner.origins.get_mut(&guest) {
                origin.waiters.wake_one();
            }
        }
        if let Some(origin) = inner.origins.get_mut(target) {
            origin.waiters.wake_one();
        }
    }

    /// Lets someone use what has become free: one of this origin, or whoever has waited longest where the pool as a
    /// whole was full.
    fn pass_on(&self, inner: &mut Inner, target: &Arc<Target>, full: bool) {
        if !full {
            if let Some(origin) = inner.origins.get_mut(target) {
                origin.waiters.wake_one();
            }
            return;
        }
        let limit = self.connector.options.max_connections_per_origin;
        let longest = inner
            .origins
            .values_mut()
            .filter(|origin| origin.open < limit || !origin.idle.is_empty())
            // Those wait for a stream, or for what an attempt makes known, and have no use for a place.
            .filter(|origin| !matches!(origin.shared, Shared::Open(_) | Shared::Connecting))
            .filter_map(|origin| Some((origin.waiters.first()?, origin)))
            .min_by_key(|(number, _)| *number);
        if let Some((_, origin)) = longest {
            origin.waiters.wake_one();
        }
    }

    /// An HTTP/2 connection of this origin has ended.
    fn forget_closed(&self, target: &Arc<Target>) {
        let mut inner = self.lock();
        if let Some(origin) = inner.origins.get_mut(target) {
            if origin.shared.forget_closed() {
                origin.waiters.wake_all();
            } else {
                // There is room for another in its stead.
                origin.waiters.wake_one();
            }
        }
        inner.forget_offers();
    }

    /// A connection's place is free again.
    fn free(&self, target: &Arc<Target>) {
        let mut inner = self.lock();
        let full = inner.open >= self.connector.options.max_connections;
        inner.open = inner.open.saturating_sub(1);
        if let Some(origin) = inner.origins.get_mut(target) {
            origin.open = origin.open.saturating_sub(1);
        }
        self.pass_on(&mut inner, target, full);
        // The sweep forgets the others, but nobody may wake it when every attempt to connect fails.
        if inner.origins.len() > MANY_ORIGINS
            && inner.origins.get(target).is_some_and(Origin::is_unused)
        {
            inner.origins.remove(target);
        }
    }

    /// Takes no more requests and closes what is unused; HTTP/2 connections end with their last stream.
    pub(crate) fn close(&self) {
        let origins = {
            let mut inner = self.lock();
            inner.closed = true;
            std::mem::take(&mut inner.origins)
        };
        let idle: usize = origins.values().map(|origin| origin.idle.len()).sum();
        self.connector
            .counters
            .connections_idle
            .fetch_sub(idle as u64, Ordering::Relaxed);
        for mut origin in origins.into_values() {
            origin.waiters.wake_all();
        }
        self.sweeper.wake();
    }
}
