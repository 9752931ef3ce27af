//! The pool: who may use which connection, and who waits.
//!
//! One for each reactor. An origin's HTTP/1.1 connections are kept in a list when unused; its one HTTP/2 connection is
//! shared. A request holds a [`Lease`]; dropped in any state, it gives its place back.

mod lease;
mod place;
mod sweep;
mod waiters;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::connect::{Connector, Progress};
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits;
use crate::options::HttpVersions;
use crate::part::{ConnectionInfo, Protocol};
use crate::protocol::http1::Http1;
use crate::protocol::http2::Http2;
use crate::request::Target;

pub(crate) use lease::{Http1Lease, Http2Lease, Lease};
use place::Place;
use waiters::{Waiter, Waiters, Waiting};

/// Beyond this the peer may have closed a connection without the reactor having noticed.
const FRESH: Duration = Duration::from_millis(1);

/// Beyond so many, origins are forgotten with their last connection.
const MANY_ORIGINS: usize = 256;

/// The HTTP/2 connection of an origin.
#[derive(Default)]
enum Shared {
    /// None, and not known whether there will be one.
    #[default]
    None,
    /// A request is connecting; the outcome decides for the others.
    Connecting,
    Open(Arc<Http2>),
    /// The origin speaks HTTP/1.1 only.
    Never,
}

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
    origins: HashMap<Arc<Target>, Origin>,
    open: usize,
    /// Waiters that have joined so far.
    joined: u64,
    closed: bool,
}

/// The pool of a reactor.
pub(crate) struct Pool {
    inner: Mutex<Inner>,
    pub(crate) connector: Connector,
    sweeper: atomic_waker::AtomicWaker,
}

/// What a request does next.
enum Step {
    Http1(Http1, Place),
    Http2(Arc<Http2>),
    Connect(Opening),
    Wait(Waiting),
    /// These were found unusable and are closed outside the lock; then try again, still in turn.
    Close(Vec<Idle>, Option<Arc<Waiter>>),
}

/// A connection that is being opened. Dropped without an outcome, another request may try.
struct Opening {
    place: Option<Place>,
    /// Others wait for the outcome.
    decides: bool,
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

    /// A connection for a request to `target`. `look` asks for certainty that an unused one is still open; `again` says
    /// that the request had its turn before.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        target: &Arc<Target>,
        look: bool,
        again: bool,
        progress: &dyn Progress,
    ) -> Result<Lease> {
        progress.enter(Phase::Pool);
        let mut waiter = again.then(|| Arc::new(Waiter::new(0)));
        loop {
            let step = self.step(target, waiter.take(), look)?;
            match step {
                Step::Http1(http1, place) => {
                    return Ok(Lease::Http1(Http1Lease::new(http1, place, self, target)));
                }
                Step::Http2(http2) => {
                    return Ok(Lease::Http2(Http2Lease::new(http2, self, target)));
                }
                Step::Connect(opening) => {
                    return Box::pin(self.open(target, opening, progress)).await;
                }
                Step::Wait(waiting) => waiter = Some(waiting.await?),
                Step::Close(idle, woken) => {
                    drop(idle);
                    waiter = woken;
                }
            }
        }
    }

    /// A connection of its own for a WebSocket, which is never pooled, but counted.
    pub(crate) async fn acquire_alone(
        self: &Arc<Self>,
        target: &Arc<Target>,
        progress: &dyn Progress,
    ) -> Result<Http1Lease> {
        progress.enter(Phase::Pool);
        let mut waiter: Option<Arc<Waiter>> = None;
        let place = loop {
            let (evicted, found) = {
                let mut inner = self.lock();
                match self.take_place(&mut inner, target, waiter.is_some())? {
                    Some((place, evicted)) => (evicted, Ok(place)),
                    None => {
                        let waiting = self.wait(&mut inner, target, waiter.take())?;
                        (None, Err(waiting))
                    }
                }
            };
            drop(evicted);
            match found {
                Ok(place) => break place,
                Err(waiting) => waiter = Some(waiting.await?),
            }
        };
        let connected = self.connector.connect(target, progress).await?;
        let info = info(&connected, Protocol::WebSocket);
        let Connector {
            options,
            reactor,
            counters,
            ..
        } = &self.connector;
        let http1 = Http1::open(connected.stream, info, options, reactor, counters, true).await?;
        Ok(Http1Lease::new(http1, place, self, target))
    }

    fn step(
        self: &Arc<Self>,
        target: &Arc<Target>,
        woken: Option<Arc<Waiter>>,
        look: bool,
    ) -> Result<Step> {
        let now = self.connector.reactor.turn();
        let mut inner = self.lock();
        if inner.closed {
            return Err(Error::new(
                ErrorCode::Closed,
                "the manager has been shut down",
            ));
        }
        if !inner.origins.contains_key(target) {
            inner.origins.insert(Arc::clone(target), Origin::default());
        }
        let Some(origin) = inner.origins.get_mut(target) else {
            return Err(Error::new(ErrorCode::Panic, "the origin vanished"));
        };
        // Who waited longer comes first: a newcomer joins the queue unless that is empty.
        let may_take = woken.is_some() || origin.waiters.is_empty();
        if let Shared::Open(http2) = &origin.shared {
            if !http2.is_open() {
                origin.shared = Shared::None;
            } else if may_take && http2.try_take() {
                let http2 = Arc::clone(http2);
                // There may be room for the next one as well: after SETTINGS raised the limit nobody else says so.
                origin.waiters.wake_one();
                return Ok(Step::Http2(http2));
            } else {
                return self.wait(&mut inner, target, woken).map(Step::Wait);
            }
        }
        if may_take {
            let mut dead = Vec::new();
            while let Some(idle) = origin.idle.pop() {
                self.connector
                    .counters
                    .connections_idle
                    .fetch_sub(1, Ordering::Relaxed);
                let look = look || now.saturating_duration_since(idle.since) > FRESH;
                if now < idle.until && idle.http1.is_open(look) {
                    if dead.is_empty() {
                        return Ok(Step::Http1(idle.http1, idle.place));
                    }
                    // Dropping the dead ones needs the lock; put this one back and come again.
                    self.connector
                        .counters
                        .connections_idle
                        .fetch_add(1, Ordering::Relaxed);
                    origin.idle.push(idle);
                    break;
                }
                dead.push(idle);
            }
            if !dead.is_empty() {
                return Ok(Step::Close(dead, woken));
            }
        }
        if matches!(origin.shared, Shared::Connecting) {
            return self.wait(&mut inner, target, woken).map(Step::Wait);
        }
        let decides = matches!(origin.shared, Shared::None)
            && (target.versions == HttpVersions::Http2
                || (target.tls && target.versions == HttpVersions::Auto));
        match self.take_place(&mut inner, target, woken.is_some())? {
            Some((place, evicted)) => {
                if decides && let Some(origin) = inner.origins.get_mut(target) {
                    origin.shared = Shared::Connecting;
                }
                drop(inner);
                drop(evicted);
                Ok(Step::Connect(Opening {
                    place: Some(place),
                    decides,
                }))
            }
            None => self.wait(&mut inner, target, woken).map(Step::Wait),
        }
    }

    /// A place for one more connection, and an unused connection to close for it where the pool is full.
    fn take_place(
        self: &Arc<Self>,
        inner: &mut Inner,
        target: &Arc<Target>,
        woken: bool,
    ) -> Result<Option<(Place, Option<Idle>)>> {
        if inner.closed {
            return Err(Error::new(
                ErrorCode::Closed,
                "the manager has been shut down",
            ));
        }
        let options = &self.connector.options;
        let mut evicted = None;
        let open = {
            let origin = inner.origins.entry(Arc::clone(target)).or_default();
            if !woken && !origin.waiters.is_empty() {
                return Ok(None);
            }
            if origin.open >= options.max_connections_per_origin {
                // Only who needs a connection of its own finds unused ones here.
                if origin.idle.is_empty() {
                    return Ok(None);
                }
                evicted = Some(origin.idle.remove(0));
                self.connector
                    .counters
                    .connections_idle
                    .fetch_sub(1, Ordering::Relaxed);
            }
            inner.open
        };
        if open >= options.max_connections && evicted.is_none() {
            // The one that was unused for longest; else an HTTP/2 connection without a stream, which ends by itself.
            let oldest = inner
                .origins
                .values_mut()
                .filter(|origin| !origin.idle.is_empty())
                .min_by_key(|origin| origin.idle[0].since);
            if let Some(origin) = oldest {
                evicted = Some(origin.idle.remove(0));
                self.connector
                    .counters
                    .connections_idle
                    .fetch_sub(1, Ordering::Relaxed);
            } else {
                let unused = inner.origins.values_mut().find(
                    |origin| matches!(&origin.shared, Shared::Open(http2) if http2.is_unused()),
                );
                let Some(origin) = unused else {
                    return Ok(None);
                };
                if let Shared::Open(http2) = std::mem::take(&mut origin.shared) {
                    http2.retire();
                }
            }
        }
        if let Some(origin) = inner.origins.get_mut(target) {
            origin.open += 1;
            inner.open += 1;
        }
        Ok(Some((Place::new(self, target), evicted)))
    }

    fn wait(
        self: &Arc<Self>,
        inner: &mut Inner,
        target: &Arc<Target>,
        woken: Option<Arc<Waiter>>,
    ) -> Result<Waiting> {
        let origin = inner.origins.entry(Arc::clone(target)).or_default();
        if let Some(waiter) = woken {
            origin.waiters.put_back(Arc::clone(&waiter));
            return Ok(Waiting::new(waiter, self, target));
        }
        if origin.waiters.len() >= limits::WAITERS_PER_ORIGIN {
            return Err(Error::new(
                ErrorCode::PoolTimeout,
                "too many requests wait for a connection to this origin",
            )
            .in_phase(Phase::Pool));
        }
        inner.joined += 1;
        Ok(Waiting::new(
            origin.waiters.join(inner.joined),
            self,
            target,
        ))
    }

    async fn open(
        self: &Arc<Self>,
        target: &Arc<Target>,
        mut opening: Opening,
        progress: &dyn Progress,
    ) -> Result<Lease> {
        // Undone by its drop, so that a cancelled or failed attempt never leaves others waiting.
        let mut deciding = Deciding {
            pool: self,
            target,
            active: opening.decides,
            failure: None,
        };
        let connected = match self.connector.connect(target, progress).await {
            Ok(connected) => connected,
            Err(error) => {
                deciding.failure = Some(error.clone());
                return Err(error);
            }
        };
        let Connector {
            options,
            reactor,
            counters,
            ..
        } = &self.connector;
        let place = opening.place.take();
        let Some(place) = place else {
            return Err(Error::new(
                ErrorCode::Panic,
                "a connection was opened without a place",
            ));
        };
        if connected.http2 {
            let info = info(&connected, Protocol::Http2);
            let (pool, at) = (Arc::downgrade(self), Arc::clone(target));
            let at_end = move || {
                if let Some(pool) = pool.upgrade() {
                    pool.forget_closed(&at);
                }
                drop(place);
            };
            let (pool, at) = (Arc::downgrade(self), Arc::clone(target));
            let room_changed = move || {
                if let Some(pool) = pool.upgrade() {
                    pool.room_changed(&at);
                }
            };
            let http2 = Http2::open(
                connected.stream,
                info,
                options,
                reactor,
                counters,
                room_changed,
                at_end,
            )
            .await?;
            let mut inner = self.lock();
            if let Some(origin) = inner.origins.get_mut(target) {
                origin.shared = Shared::Open(Arc::clone(&http2));
                deciding.active = false;
                origin.waiters.wake_one();
            }
            drop(inner);
            self.sweeper.wake();
            return Ok(Lease::Http2(Http2Lease::new(http2, self, target)));
        }
        if deciding.active {
            let mut inner = self.lock();
            if let Some(origin) = inner.origins.get_mut(target) {
                origin.shared = Shared::Never;
                deciding.active = false;
                origin.waiters.wake_all();
            }
        }
        let info = info(&connected, Protocol::Http1);
        let http1 = Http1::open(connected.stream, info, options, reactor, counters, false).await?;
        Ok(Lease::Http1(Http1Lease::new(http1, place, self, target)))
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
        let last = http2.active.fetch_sub(1, Ordering::AcqRel) == 1;
        if last {
            http2.touch(self.connector.reactor.now());
        }
        let mut inner = self.lock();
        let mut woken = false;
        if let Some(origin) = inner.origins.get_mut(target) {
            if http2.is_open() {
                woken = origin.waiters.wake_one();
            } else if matches!(&origin.shared, Shared::Open(current) if Arc::ptr_eq(current, http2))
            {
                origin.shared = Shared::None;
                origin.waiters.wake_all();
            }
        }
        if last && !woken && inner.open >= self.connector.options.max_connections {
            self.pass_on(&mut inner, target, true);
        }
    }

    /// The peer allows another number of streams than when someone found no room.
    fn room_changed(&self, target: &Arc<Target>) {
        if let Some(origin) = self.lock().origins.get_mut(target) {
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
        if let Some(origin) = inner.origins.get_mut(target)
            && matches!(&origin.shared, Shared::Open(http2) if !http2.is_open())
        {
            origin.shared = Shared::None;
            origin.waiters.wake_all();
        }
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

struct Deciding<'a> {
    pool: &'a Arc<Pool>,
    target: &'a Arc<Target>,
    active: bool,
    failure: Option<Error>,
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        if !self.active {
            return;
        }
        let mut inner = self.pool.lock();
        if let Some(origin) = inner.origins.get_mut(self.target) {
            if matches!(origin.shared, Shared::Connecting) {
                origin.shared = Shared::None;
            }
            match self.failure.take() {
                // Whoever waited for this attempt shares its failure; a cancelled attempt is taken over by the next.
                Some(error) => origin.waiters.fail_all(&error),
                None => {
                    origin.waiters.wake_one();
                }
            }
        }
    }
}

fn info(connected: &crate::connect::Connected, protocol: Protocol) -> Arc<ConnectionInfo> {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let id = NUMBER.fetch_add(1, Ordering::Relaxed);
    let tls = connected.tls.as_deref().unwrap_or("none");
    tracing::info!(connection = id, ?protocol, remote = ?connected.remote, tls, "connected");
    Arc::new(ConnectionInfo {
        id,
        protocol,
        remote: connected.remote,
        local: connected.local,
        tls: connected.tls.clone(),
    })
}
