//! A request over HTTP/1.1 that asks for HTTP/2 in clear text (RFC 7540, 3.2), and the answer on whichever comes of it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::Ordering;

use h2::client::ResponseFuture;
use http::header::EXPECT;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::Leg;
use super::attempt::Failed;
use super::journey::Arrival;
use super::tunnel::upgraded;
use crate::drive::Timer;
use crate::error::{Error, ErrorCode};
use crate::limits::UPGRADE_PATIENCE;
use crate::options::HttpVersions;
use crate::pool::{Http1Lease, Http2Lease};
use crate::protocol::Transport;
use crate::protocol::h2c;
use crate::protocol::http2::Begun;
use crate::request::Body;

/// What came of asking.
pub(super) enum Asked {
    /// The connection goes on with HTTP/1.1, and this is the head of the answer.
    Kept(Box<(Http1Lease, Response<Incoming>)>),
    /// The answer came over HTTP/2.
    Arrived(Arrival),
}

impl Leg<'_> {
    /// Whether the request may ask. A body would have to be sent as a whole before the protocol changes (RFC 7540, 3.2), and
    /// then on stream 1 there is nothing left to expect. What speaks of SETTINGS itself is not overruled.
    pub(super) fn may_ask_for_http2(&self) -> bool {
        self.target.versions == HttpVersions::Upgrade
            && matches!(self.body(), Body::Empty)
            && self.request.tunnel.is_none()
            && !self.request.headers.contains_key(EXPECT)
            && !self.request.headers.contains_key(h2c::HTTP2_SETTINGS)
    }

    /// Sends the request and asks for the upgrade. What it decides is told to those that wait.
    pub(super) async fn ask_for_http2(
        &self,
        mut lease: Http1Lease,
    ) -> std::result::Result<Asked, Failed> {
        let mut deciding = lease.deciding.take();
        let counted = lease.http1.counted();
        let mut headers = self.headers();
        h2c::ask(&mut headers, self.options());
        let mut patience = Timer::new(&self.pool.connector.reactor);
        patience.set_after(UPGRADE_PATIENCE);
        let mut response = {
            let mut sending = pin!(self.send_http1(&mut lease, headers));
            poll_fn(|cx| {
                if let Some(deciding) = &mut deciding
                    && deciding.is_open()
                    && patience.poll(cx).is_ready()
                {
                    // Others do not wait for an answer that takes long; if it is an upgrade they will share it.
                    deciding.refuse();
                }
                sending.as_mut().poll(cx)
            })
            .await?
        };
        let (Some(mut deciding), Some(counted)) = (deciding, counted) else {
            return Ok(Asked::Kept(Box::new((lease, response))));
        };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            deciding.refuse();
            return Ok(Asked::Kept(Box::new((lease, response))));
        }
        if !h2c::is_agreed(response.headers()) {
            deciding.refuse();
            let text = "101 to a request for h2c names another protocol (RFC 9110, 7.8)";
            return Err(Error::new(ErrorCode::Http1Malformed, text).into());
        }
        let (stream, early) = upgraded(&mut response).await?;
        let (head, _) = response.into_parts();
        self.log_answer(&head);
        let transport = Transport::upgraded(stream, early, counted);
        let mut begun = Begun::new(transport, self.options()).await?;
        let answer = begun.adopt(self.http2_request()).await?;
        let lease = lease.upgraded(begun, &mut deciding);
        drop(deciding);
        self.watch.upgraded(&lease.http2.info);
        Ok(Asked::Arrived(
            self.answered_after_upgrade(lease, answer).await?,
        ))
    }

    /// Delivers the answer on stream 1. Dropped before the end, the stream is reset and its place given back.
    async fn answered_after_upgrade(
        &self,
        lease: Http2Lease,
        answer: ResponseFuture,
    ) -> std::result::Result<Arrival, Failed> {
        let informed = self.state.informed();
        let counted = self.count_stream();
        let outcome = self.receive_http2(answer, &lease).await;
        drop(counted);
        let answered = outcome
            // The 101 was the word of the peer that it has the request, whatever a GOAWAY says of stream 1.
            .map_err(|error| self.failed_http2(&lease, error.processed(), informed))?;
        lease.http2.carried.answered.store(true, Ordering::Relaxed);
        // Whoever hears of the end finds the stream and its place free.
        drop(lease);
        Ok(self.arrived_http2(answered))
    }
}
