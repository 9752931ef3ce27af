//! Opening a connection for a request, and what becomes of those that wait for the outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Http1Lease, Http2Lease, Lease, Place, Pool, Shared};
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
            .await
            .inspect_err(|error| {
                if deciding.further {
                    deciding.failure = Some(error.clone());
                }
            })?;
            let mut inner = self.lock();
            if let Some(origin) = inner.origins.get_mut(target) {
                origin.shared.add(Arc::clone(&http2));
                deciding.active = false;
                deciding.further = false;
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
