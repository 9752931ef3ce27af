//! Opening a connection for a request, and what becomes of those that wait for the outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::coalesce::Found;
use super::{Http1Lease, Http2Lease, Inner, Lease, Place, Pool, Shared};
use crate::connect::{Connector, Progress};
use crate::error::{Error, ErrorCode, Result};
use crate::part::{ConnectionInfo, Protocol};
use crate::protocol::http1::Http1;
use crate::protocol::http2::Http2;
use crate::request::Target;

/// A connection that is being opened. Dropped without an outcome, another request may try.
pub(super) struct Opening {
    pub(super) place: Option<Place>,
    /// Others wait for the outcome.
    pub(super) decides: bool,
    /// Besides HTTP/2 connections that stand and are full.
    pub(super) further: bool,
    /// If it is an HTTP/1.1 connection, it can be taken over after a 101 answer.
    pub(super) upgrade: bool,
}

impl Pool {
    pub(super) async fn open(
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
            further: opening.further,
            failure: None,
        };
        let found = if opening.further {
            Ok(Found::default())
        } else {
            self.find_offer(target, progress).await
        };
        let found = found.inspect_err(|error| deciding.failure = Some(error.clone()))?;
        if let Some(http2) = found.http2 {
            let mut inner = self.lock();
            Pool::accept_offer(&mut inner, target, &http2);
            deciding.settle(&mut inner, &http2);
            drop(inner);
            drop(opening.place.take());
            return Ok(Lease::Http2(Http2Lease::new(http2, self, target)));
        }
        let connecting = self.connector.connect(target, found.addresses, progress);
        let mut connected = connecting
            .await
            .inspect_err(|error| deciding.failure = Some(error.clone()))?;
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
            let offered = (connected.certificate.take(), connected.remote);
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
            .await
            .inspect_err(|error| {
                if deciding.further {
                    deciding.failure = Some(error.clone());
                }
            })?;
            let mut inner = self.lock();
            Pool::offer(&mut inner, target, &http2, offered);
            deciding.settle(&mut inner, &http2);
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
        let protocol = if opening.upgrade {
            Protocol::WebSocket
        } else {
            Protocol::Http1
        };
        let info = info(&connected, protocol);
        let stream = connected.stream;
        let upgrade = opening.upgrade;
        let http1 = Http1::open(stream, info, options, reactor, counters, upgrade).await?;
        Ok(Lease::Http1(Http1Lease::new(http1, place, self, target)))
    }
}

struct Deciding<'a> {
    pool: &'a Arc<Pool>,
    target: &'a Arc<Target>,
    active: bool,
    further: bool,
    failure: Option<Error>,
}

impl Deciding<'_> {
    /// The outcome is a connection that can be shared.
    fn settle(&mut self, inner: &mut Inner, http2: &Arc<Http2>) {
        if let Some(origin) = inner.origins.get_mut(self.target) {
            origin.shared.add(Arc::clone(http2));
            self.active = false;
            self.further = false;
            origin.waiters.wake_one();
        }
    }
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        if self.further {
            let mut inner = self.pool.lock();
            if let Some(origin) = inner.origins.get_mut(self.target) {
                origin.shared.end_further(self.failure.is_some());
                // The next may try, if this one was cancelled.
                origin.waiters.wake_one();
            }
        }
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

pub(super) fn info(
    connected: &crate::connect::Connected,
    protocol: Protocol,
) -> Arc<ConnectionInfo> {
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
