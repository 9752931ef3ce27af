//! A request's hold on a connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::place::Place;
use super::{Http1, Http2, Pool};
use crate::request::Target;

/// A request's hold on a connection. Dropped in any state, it gives the place back.
pub(crate) enum Lease {
    Http1(Http1Lease),
    Http2(Http2Lease),
}

/// A whole HTTP/1.1 connection. Dropped, it is closed; only [`Http1Lease::keep`] puts it back.
pub(crate) struct Http1Lease {
    pub(crate) http1: Http1,
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
        } = self;
        pool.keep(&target, http1, place);
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
