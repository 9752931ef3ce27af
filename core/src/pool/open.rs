//! Opening a connection for a request, and what becomes of those that wait for the outcome.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::coalesce::Found;
use super::deciding::Deciding;
use super::{Http1Lease, Http2Lease, Lease, Place, Pool};
use crate::connect::{Connector, Progress};
use crate::error::{Error, ErrorCode, Result};
use crate::options::HttpVersions;
use crate::part::{ConnectionInfo, Protocol};
use crate::protocol::Transport;
use crate::protocol::http1::Http1;
use crate::protocol::http2::{Begun, Http2};
use crate::request::Target;
use crate::statistics::OpenConnection;

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
        let mut deciding = Deciding::new(self, target, opening.decides, opening.further);
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
            let counted = OpenConnection::new(counters, info.id);
            let transport = Transport::new(connected.stream, counted);
            let begun = Begun::new(transport, options).await.inspect_err(|error| {
                if opening.further {
                    deciding.failure = Some(error.clone());
                }
            })?;
            let http2 = self.start_http2(target, begun, info, place);
            let mut inner = self.lock();
            Pool::offer(&mut inner, target, &http2, offered);
            deciding.settle(&mut inner, &http2);
            drop(inner);
            self.sweeper.wake();
            return Ok(Lease::Http2(Http2Lease::new(http2, self, target)));
        }
        // In clear text the peer has not been asked yet: the request does that, for all that wait.
        let asks = target.versions == HttpVersions::Upgrade && deciding.is_open();
        if !asks && opening.decides {
            deciding.refuse();
        }
        let protocol = if opening.upgrade {
            Protocol::WebSocket
        } else {
            Protocol::Http1
        };
        let info = info(&connected, protocol);
        let stream = connected.stream;
        let upgrade = opening.upgrade || target.versions == HttpVersions::Upgrade;
        let http1 = Http1::open(stream, info, options, reactor, counters, upgrade).await?;
        let mut lease = Http1Lease::new(http1, place, self, target);
        lease.deciding = asks.then(|| Box::new(deciding));
        Ok(Lease::Http1(lease))
    }

    /// Runs an HTTP/2 connection that has begun.
    pub(super) fn start_http2(
        self: &Arc<Self>,
        target: &Arc<Target>,
        begun: Begun,
        info: Arc<ConnectionInfo>,
        place: Place,
    ) -> Arc<Http2> {
        let Connector {
            options,
            reactor,
            counters,
            ..
        } = &self.connector;
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
        Http2::start(
            begun,
            info,
            options,
            reactor,
            counters,
            room_changed,
            at_end,
        )
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
