//! HTTP/2 connections that serve other origins as well (RFC 9113, 9.1.1), where that is asked for.
//!
//! An origin is another one's guest: the connection is among its own shared ones, but its place is the host's.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use rustls_pki_types::CertificateDer;

use super::{Inner, Pool, Shared};
use crate::connect::{Connected, Progress};
use crate::error::{Phase, Result};
use crate::limits;
use crate::options::HttpVersions;
use crate::protocol::http2::Http2;
use crate::request::{Route, Target};

/// A connection that may serve other origins.
pub(super) struct Offer {
    http2: Weak<Http2>,
    remote: SocketAddr,
    certificate: Arc<CertificateDer<'static>>,
    host: Arc<Target>,
    /// The other origins that it serves.
    guests: Vec<Arc<Target>>,
    /// Origins that the peer does not serve here.
    refused: Vec<Arc<Target>>,
}

impl Offer {
    fn is_of(&self, http2: &Arc<Http2>) -> bool {
        std::ptr::eq(self.http2.as_ptr(), Arc::as_ptr(http2))
    }

    fn may_serve(&self, target: &Target) -> bool {
        self.host.port == target.port
            && *self.host != *target
            && self.refused.len() < limits::COALESCING_REFUSALS
            && self.guests.len() < limits::COALESCED_ORIGINS
            && !self.refused.iter().any(|refused| **refused == *target)
    }

    fn serves(&self, target: &Target) -> bool {
        *self.host == *target || self.guests.iter().any(|guest| **guest == *target)
    }
}

/// What a look for a connection of another origin's has found.
#[derive(Default)]
pub(super) struct Found {
    /// One, with a place for a stream taken.
    pub(super) http2: Option<Arc<Http2>>,
    /// The origin's addresses, if they were looked up.
    pub(super) addresses: Option<Vec<SocketAddr>>,
}

impl Pool {
    /// Notes a connection that other origins may share. Only one whose certificate was kept may be.
    pub(super) fn offer(
        inner: &mut Inner,
        host: &Arc<Target>,
        http2: &Arc<Http2>,
        connected: (Option<CertificateDer<'static>>, Option<SocketAddr>),
    ) {
        if let (Some(certificate), Some(remote)) = connected {
            let _ = http2.host.set(Arc::clone(host));
            inner.offers.push(Offer {
                http2: Arc::downgrade(http2),
                remote,
                certificate: Arc::new(certificate),
                host: Arc::clone(host),
                guests: Vec::new(),
                refused: Vec::new(),
            });
        }
    }

    /// A connection of another origin's that leads to one of this origin's addresses, and whose certificate names it.
    pub(super) async fn find_offer(
        &self,
        target: &Arc<Target>,
        progress: &dyn Progress,
    ) -> Result<Found> {
        if !self.connector.options.http2_coalescing
            || !target.tls
            || target.route != Route::Direct
            || target.versions == HttpVersions::Http1
        {
            return Ok(Found::default());
        }
        let offers: Vec<_> = {
            let inner = self.lock();
            let fitting = inner.offers.iter().filter(|offer| offer.may_serve(target));
            fitting
                .map(|offer| {
                    let certificate = Arc::clone(&offer.certificate);
                    (offer.http2.clone(), offer.remote, certificate)
                })
                .collect()
        };
        let named: Vec<_> = offers
            .into_iter()
            .filter(|(_, _, certificate)| Connected::is_named(certificate, &target.host))
            .collect();
        if named.is_empty() {
            return Ok(Found::default());
        }
        progress.enter(Phase::Resolve);
        let addresses = self.connector.addresses(target).await?;
        let http2 = named
            .iter()
            .filter(|(_, remote, _)| addresses.contains(remote))
            .filter_map(|(http2, ..)| http2.upgrade())
            .find(|http2| http2.is_open() && http2.try_take());
        Ok(Found {
            http2,
            addresses: Some(addresses),
        })
    }

    /// Makes an origin the guest of a connection, whose waiters are woken with the others' from then on.
    pub(super) fn accept_offer(inner: &mut Inner, guest: &Arc<Target>, http2: &Arc<Http2>) {
        let offer = inner.offers.iter_mut().find(|offer| offer.is_of(http2));
        if let Some(offer) = offer
            && !offer.serves(guest)
        {
            tracing::debug!(connection = http2.info.id, host = %offer.host.host, guest = %guest.host, "coalesced");
            offer.guests.push(Arc::clone(guest));
        }
    }

    /// The peer has answered 421 on this connection. False where it is the origin's own: then nothing else will do.
    pub(super) fn is_misdirected(&self, target: &Arc<Target>, http2: &Arc<Http2>) -> bool {
        if http2.host.get().is_none_or(|host| host == target) {
            return false;
        }
        let mut inner = self.lock();
        let offer = inner.offers.iter_mut().find(|offer| offer.is_of(http2));
        if let Some(offer) = offer
            && let Some(place) = offer.guests.iter().position(|guest| guest == target)
        {
            offer.refused.push(offer.guests.swap_remove(place));
            if let Some(origin) = inner.origins.get_mut(target) {
                origin.shared.leave(http2);
                origin.waiters.wake_all();
            }
        }
        true
    }
}

impl Inner {
    /// The other origins that a connection serves besides this one.
    pub(super) fn sharing(&self, http2: &Arc<Http2>, but: &Arc<Target>) -> Vec<Arc<Target>> {
        let offer = self.offers.iter().find(|offer| offer.is_of(http2));
        let all = offer.map(|offer| offer.guests.iter().chain([&offer.host]));
        let others = all.into_iter().flatten().filter(|one| *one != but);
        others.cloned().collect()
    }

    /// The guests of all connections of this origin.
    pub(super) fn guests_of(&self, host: &Arc<Target>) -> Vec<Arc<Target>> {
        let offers = self.offers.iter().filter(|offer| offer.host == *host);
        offers.flat_map(|offer| &offer.guests).cloned().collect()
    }

    /// Forgets the offers of connections that have ended or take no more streams, and lets their guests know.
    pub(super) fn forget_offers(&mut self) {
        let ended = |offer: &mut Offer| offer.http2.upgrade().is_none_or(|http2| !http2.is_open());
        for offer in self.offers.extract_if(.., ended) {
            for target in offer.guests.iter().chain([&offer.host]) {
                if let Some(origin) = self.origins.get_mut(target) {
                    if origin.shared.forget_closed() {
                        origin.waiters.wake_all();
                    } else {
                        origin.waiters.wake_one();
                    }
                }
            }
        }
    }
}

impl Shared {
    /// Forgets one connection, which others may still use.
    fn leave(&mut self, http2: &Arc<Http2>) {
        if let Shared::Open(open) = self {
            open.forget(http2);
            if open.is_empty() {
                *self = Shared::None;
            }
        }
    }
}
