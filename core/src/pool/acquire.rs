//! How a request comes to a connection: an unused one, the shared one, a new one, or a wait.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::open::{Opening, info};
use super::shared::Further;
use super::waiters::{Waiter, Waiting};
use super::{Deciding, FRESH, Http1Lease, Http2Lease, Idle, Inner, Lease, Place, Pool, Shared};
use crate::connect::{Connector, Progress};
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits;
use crate::options::HttpVersions;
use crate::part::Protocol;
use crate::protocol::http1::Http1;
use crate::protocol::http2::Http2;
use crate::request::Target;

/// How a request asks for a connection, from one attempt to the next.
pub(crate) struct Ask {
    /// Whether it must be certain that an unused connection is still open.
    look: bool,
    /// Whether it wants none that was unused: such a one has failed it.
    pub(crate) fresh: bool,
    /// Whether an HTTP/1.1 connection that is opened for it becomes its own.
    upgrade: bool,
    /// Whether it can ask for the upgrade to HTTP/2, where the target is one to be asked.
    pub(crate) offers_http2: bool,
    /// Its number among all that ever asked, which it keeps; 0 before the first time.
    number: u64,
}

impl Ask {
    pub(crate) fn new(look: bool) -> Ask {
        Ask {
            look,
            fresh: false,
            upgrade: false,
            offers_http2: false,
            number: 0,
        }
    }

    /// For a WebSocket: the shared connection, or a new one that can be upgraded.
    pub(crate) fn for_websocket() -> Ask {
        Ask {
            look: true,
            fresh: true,
            upgrade: true,
            offers_http2: false,
            number: 0,
        }
    }
}

/// What a request does next.
enum Step {
    /// If the flag says so, it is to ask for the upgrade.
    Http1(Http1, Place, bool),
    Http2(Arc<Http2>),
    Connect(Opening),
    Wait(Waiting),
    /// These were found unusable and are closed outside the lock; then try again, still in turn.
    Close(Vec<Idle>, Option<Arc<Waiter>>),
}

impl Pool {
    /// A connection for a request to `target`. One that asks again comes before all that asked later.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        target: &Arc<Target>,
        ask: &mut Ask,
        progress: &dyn Progress,
    ) -> Result<Lease> {
        progress.enter(Phase::Pool);
        let mut waiter = (ask.number > 0).then(|| Arc::new(Waiter::new(ask.number)));
        loop {
            let step = self.step(target, waiter.take(), ask)?;
            match step {
                Step::Http1(http1, place, asks) => {
                    let mut lease = Http1Lease::new(http1, place, self, target);
                    lease.deciding =
                        asks.then(|| Box::new(Deciding::new(self, target, true, false)));
                    return Ok(Lease::Http1(lease));
                }
                Step::Http2(http2) => {
                    return Ok(Lease::Http2(Http2Lease::new(http2, self, target)));
                }
                Step::Connect(opening) => {
                    let further = opening.further;
                    match Box::pin(self.open(target, opening, progress)).await {
                        // Those that stand will do: it waits for them, still in turn.
                        Err(_) if further => {
                            progress.enter(Phase::Pool);
                            waiter = Some(Arc::new(Waiter::new(ask.number)));
                        }
                        outcome => return outcome,
                    }
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
        let number = self.lock().next_number();
        let place = loop {
            let (evicted, found) = {
                let mut inner = self.lock();
                match self.take_place(&mut inner, target, waiter.is_some())? {
                    Some((place, evicted)) => (evicted, Ok(place)),
                    None => {
                        let waiting = self.wait(&mut inner, target, waiter.take(), number)?;
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
        let connected = self.connector.connect(target, None, progress).await?;
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

    /// Whether an HTTP/2 connection to `target` stands.
    pub(crate) fn has_http2(&self, target: &Arc<Target>) -> bool {
        let inner = self.lock();
        let origin = inner.origins.get(target);
        origin.is_some_and(|origin| matches!(origin.shared, Shared::Open(_)))
    }

    fn step(
        self: &Arc<Self>,
        target: &Arc<Target>,
        woken: Option<Arc<Waiter>>,
        ask: &mut Ask,
    ) -> Result<Step> {
        let now = self.connector.reactor.turn();
        let mut inner = self.lock();
        if inner.closed {
            return Err(Error::new(
                ErrorCode::Closed,
                "the manager has been shut down",
            ));
        }
        if ask.number == 0 {
            ask.number = inner.next_number();
        }
        let origin = inner.origins.entry(Arc::clone(target)).or_default();
        // Who waited longer comes first: a newcomer joins the queue unless that is empty.
        let may_take = woken.is_some() || origin.waiters.is_empty();
        origin.shared.forget_closed();
        if let Shared::Open(open) = &origin.shared {
            if may_take && let Some(http2) = open.try_take() {
                // There may be room for the next one as well: after SETTINGS raised the limit nobody else says so.
                origin.waiters.wake_one();
                return Ok(Step::Http2(http2));
            }
            let opens = target.versions != HttpVersions::Upgrade || ask.offers_http2;
            let grows = may_take
                && opens
                && open.may_grow(self.connector.options.http2_connections_per_origin.max(1));
            if !grows {
                return self
                    .wait(&mut inner, target, woken, ask.number)
                    .map(Step::Wait);
            }
            let Some((place, evicted)) = self.take_place(&mut inner, target, woken.is_some())?
            else {
                return self
                    .wait(&mut inner, target, woken, ask.number)
                    .map(Step::Wait);
            };
            // Making room may have closed the ones that stood; then this is the first.
            let origin = inner.origins.entry(Arc::clone(target)).or_default();
            let further = if let Shared::Open(open) = &mut origin.shared {
                open.further = Further::Opening;
                true
            } else {
                origin.shared = Shared::Connecting;
                false
            };
            drop(inner);
            drop(evicted);
            return Ok(Step::Connect(Opening {
                place: Some(place),
                decides: !further,
                further,
                upgrade: ask.upgrade,
            }));
        }
        if may_take && !ask.fresh {
            let mut dead = Vec::new();
            while let Some(idle) = origin.idle.pop() {
                self.connector
                    .counters
                    .connections_idle
                    .fetch_sub(1, Ordering::Relaxed);
                let look = ask.look || self.connector.reactor.news_age() > FRESH;
                if now < idle.until && idle.http1.is_open(look) {
                    if dead.is_empty() {
                        let asks = ask.offers_http2 && matches!(origin.shared, Shared::None);
                        if asks {
                            origin.shared = Shared::Connecting;
                        }
                        return Ok(Step::Http1(idle.http1, idle.place, asks));
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
            return self
                .wait(&mut inner, target, woken, ask.number)
                .map(Step::Wait);
        }
        let decides = matches!(origin.shared, Shared::None)
            && match target.versions {
                HttpVersions::Http2 => true,
                HttpVersions::Auto => target.tls,
                HttpVersions::Upgrade => ask.offers_http2,
                HttpVersions::Http1 => false,
            };
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
                    further: false,
                    upgrade: ask.upgrade,
                }))
            }
            None => self
                .wait(&mut inner, target, woken, ask.number)
                .map(Step::Wait),
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
                let mut origins = inner.origins.values_mut();
                if !origins.any(|origin| origin.shared.retire_unused()) {
                    return Ok(None);
                }
                // It ends when no guest holds it either.
                inner.forget_offers();
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
        number: u64,
    ) -> Result<Waiting> {
        let origin = inner.origins.entry(Arc::clone(target)).or_default();
        if woken.is_none() && origin.waiters.len() >= limits::WAITERS_PER_ORIGIN {
            return Err(Error::new(
                ErrorCode::PoolTimeout,
                "too many requests wait for a connection to this origin",
            )
            .in_phase(Phase::Pool));
        }
        let waiter = woken.unwrap_or_else(|| Arc::new(Waiter::new(number)));
        origin.waiters.join(Arc::clone(&waiter));
        Ok(Waiting::new(waiter, self, target))
    }
}
