//! A request's hold on a connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::place::Place;
use super::{Deciding, Http1, Http2, Pool};
use crate::part::{ConnectionInfo, Protocol};
use crate::protocol::http2::Begun;
use crate::request::Target;

/// A request's hold on a connection. Dropped in any state, it gives the place back.
pub(crate) enum Lease {
    Http1(Http1Lease),
    Http2(Http2Lease),
}

/// A whole HTTP/1.1 connection. Dropped, it is closed; only [`Http1Lease::keep`] puts it back.
pub(crate) struct Http1Lease {
    pub(crate) http1: Http1,
    /// Whoever holds it asks for the upgrade to HTTP/2, and says what came of it.
    pub(crate) deciding: Option<Box<Deciding>>,
    place: Place,
    pool: Arc<Pool>,
    target: Arc<Target>,
}

impl Http1Lease {
    pub(super) fn new(
        http1: Http1,
        place: Place,
        pool: &Arc<Pool>,
        target: &Arc<Target>,
    ) -> Http1Lease {
        Http1Lease {
            http1,
            deciding: None,
            place,
            pool: Arc::clone(pool),
            target: Arc::clone(target),
        }
    }

    /// Keeps the connection's place alone, for an upgraded one: what spoke HTTP/1.1 on it takes memory for nothing.
    pub(crate) fn into_place(self) -> Place {
        self.place
    }

    /// Puts the connection back for the next request.
    pub(crate) fn keep(self) {
        let Http1Lease {
            http1,
            place,
            pool,
            target,
            ..
        } = self;
        pool.keep(&target, http1, place);
    }

    /// Goes on with HTTP/2 on what was its connection, which all that ask for its target share from now on.
    pub(crate) fn upgraded(self, begun: Begun, deciding: &mut Deciding) -> Http2Lease {
        let info = Arc::new(ConnectionInfo {
            protocol: Protocol::Http2,
            ..ConnectionInfo::clone(&self.http1.info)
        });
        tracing::info!(connection = info.id, "upgraded to HTTP/2");
        let Http1Lease {
            place,
            pool,
            target,
            ..
        } = self;
        let http2 = pool.start_http2(&target, begun, info, place);
        deciding.settle(&mut pool.lock(), &http2);
        pool.sweeper.wake();
        Http2Lease::new(http2, &pool, &target)
    }
}

/// A stream's place on an HTTP/2 connection.
pub(crate) struct Http2Lease {
    pub(crate) http2: Arc<Http2>,
    pub(crate) reused: bool,
    pool: Arc<Pool>,
    target: Arc<Target>,
}

impl Http2Lease {
    pub(super) fn new(http2: Arc<Http2>, pool: &Arc<Pool>, target: &Arc<Target>) -> Http2Lease {
        let reused = http2.used.swap(true, Ordering::Relaxed);
        Http2Lease {
            http2,
            reused,
            pool: Arc::clone(pool),
            target: Arc::clone(target),
        }
    }

    /// To be asked after a 421 (RFC 9110, 15.5.20): whether the request belongs on another connection, for this one is
    /// another origin's. It is not used for this origin again.
    pub(crate) fn is_misdirected(&self) -> bool {
        self.pool.is_misdirected(&self.target, &self.http2)
    }
}

impl Drop for Http2Lease {
    fn drop(&mut self) {
        self.pool.left(&self.target, &self.http2);
    }
}
