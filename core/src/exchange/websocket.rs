//! A WebSocket's life: the upgrade on a connection of its own, or the CONNECT on a shared one (RFC 8441), then the session.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap};
use http::response::Parts;
use http::{Method, StatusCode, Version};

use super::attempt::{CountedStream, Failed};
use super::http2::with_authority;
use super::journey::{Arrival, Next};
use super::receive::Reception;
use super::tunnel::upgraded;
use super::{Exchange, Leg, retry};
use crate::connect::Progress;
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::{INFORMATIONAL, REPLAYS};
use crate::options::HttpVersions;
use crate::part::Head;
use crate::pool::{Ask, Http1Lease, Http2Lease, Lease, Place};
use crate::protocol::http2::failure;
use crate::protocol::websocket::{
    Http2Stream, Session, Setup, Transport, check_http1, check_http2, detached, prepare_http1,
    prepare_http2,
};
use crate::statistics::add;

/// Whether this answer opens a WebSocket.
pub(super) fn opens(head: &Parts) -> bool {
    if head.version == Version::HTTP_2 {
        head.status.is_success()
    } else {
        head.status == StatusCode::SWITCHING_PROTOCOLS
    }
}

/// Whether the connection is gone with all that it carried.
fn is_lost(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::Http2Goaway | ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
    )
}

pub(super) fn rejected(status: StatusCode) -> Error {
    Error::new(
        ErrorCode::WebSocketRejected,
        format!("the upgrade was answered with status {status}"),
    )
    .with_peer_code(u32::from(status.as_u16()))
}

/// What came of the handshake.
enum Outcome {
    Open(Box<Opened>),
    Arrived(Arrival),
    /// The peer takes no WebSocket on this connection.
    NotOffered,
}

/// A WebSocket whose handshake is done.
struct Opened {
    transport: Transport,
    /// What came with the answer.
    early: Bytes,
    setup: Setup,
    head: Parts,
    hold: Hold,
}

/// What came of asking on a shared connection.
enum Connected {
    Open(Box<(Transport, Setup, Parts, CountedStream)>),
    Arrived(Arrival),
}

/// What is held for as long as it lasts.
enum Hold {
    Http1(#[allow(dead_code, reason = "held")] Place),
    Http2(
        Http2Lease,
        #[allow(dead_code, reason = "held")] CountedStream,
    ),
}

impl Exchange {
    /// The pause before the next attempt to open a WebSocket again.
    ///
    /// # Errors
    /// The given one, where there is to be none.
    pub(super) fn resume_after(&self, error: Error, number: u32) -> Result<Duration> {
        let mut outgoing = self.state.lock_outgoing();
        match &self.policy().websocket_reconnect {
            Some(how)
                if number <= how.max_attempts
                    && error.code() != ErrorCode::TotalTimeout
                    && !outgoing.is_closing() =>
            {
                let pause = retry::resume_pause(how, number);
                tracing::debug!(request = self.state.id(), %error, ?pause, "opened again");
                Ok(pause)
            }
            _ => {
                outgoing.shut();
                Err(error)
            }
        }
    }
}

impl Leg<'_> {
    /// Opens it, again where that is safe, and runs the session to its end.
    pub(super) async fn websockets(&self) -> Result<Arrival> {
        let mut replays = 0;
        loop {
            let failed = match self.websocket().await {
                Ok(arrival) => return Ok(arrival),
                Err(failed) => failed,
            };
            replays += 1;
            if self.state.has_head() || replays > REPLAYS || !self.may_replay(&failed) {
                return Err(failed.error.in_phase(self.watch.phase()));
            }
            add(&self.pool.connector.counters.replays, 1);
        }
    }

    async fn websocket(&self) -> std::result::Result<Arrival, Failed> {
        // In a box of its own, which is gone when the session begins: many of them wait for long.
        let opened = match Box::pin(self.handshake()).await? {
            Outcome::Open(opened) => opened,
            Outcome::Arrived(arrival) => return Ok(arrival),
            Outcome::NotOffered => {
                let text = "the peer takes no WebSockets over HTTP/2 (RFC 8441)";
                return Err(Error::new(ErrorCode::ProtocolNotNegotiated, text).into());
            }
        };
        Ok(self.session(*opened).await?)
    }

    async fn handshake(&self) -> std::result::Result<Outcome, Failed> {
        let target = match self.target.versions {
            HttpVersions::Http1 if self.may_share_clear() => {
                [HttpVersions::Http2, HttpVersions::Upgrade]
                    .map(|versions| self.target.with(versions))
                    .into_iter()
                    .find(|shared| self.pool.has_http2(shared))
            }
            HttpVersions::Http1 => None,
            _ => Some(self.target.clone()),
        };
        if let Some(target) = target {
            let mut ask = Ask::for_websocket();
            match self.pool.acquire(&target, &mut ask, &self.watch).await? {
                Lease::Http1(lease) => return self.upgrade(lease).await,
                Lease::Http2(lease) => match self.connect(lease).await? {
                    Outcome::NotOffered if self.target.versions != HttpVersions::Http2 => {}
                    outcome => return Ok(outcome),
                },
            }
        }
        let target = self.target.with(HttpVersions::Http1);
        let lease = self.pool.acquire_alone(&target, &self.watch).await?;
        self.upgrade(lease).await
    }

    /// Without TLS nothing negotiates HTTP/2, but requests may have opened a connection.
    fn may_share_clear(&self) -> bool {
        let asked = self.request.http.unwrap_or(self.options().websocket_http);
        matches!(asked, HttpVersions::Auto | HttpVersions::Upgrade)
    }

    fn websocket_setup(&self) -> Setup {
        Setup {
            agreed: None,
            max_message: self
                .request
                .websocket_max_message
                .unwrap_or(self.options().websocket_max_message_bytes),
        }
    }

    /// Upgrades a connection of its own.
    async fn upgrade(&self, mut lease: Http1Lease) -> std::result::Result<Outcome, Failed> {
        self.watch.acquired(&lease.http1.info, false);
        let deflate = self.exchange.policy().websocket_deflate.as_ref();
        let mut headers = self.headers();
        let accept = prepare_http1(&mut headers, deflate);
        let asked = headers.clone();
        let mut response = self
            .send_http1(&mut lease, headers)
            .await
            .map_err(|failed| failed.error)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status();
            let (head, body) = response.into_parts();
            match self.receive(head)? {
                Reception::Deliver(decoder) => self.receive_http1(body, decoder).await?,
                Reception::Discard(next) => return Ok(Outcome::Arrived(Arrival::Next(next))),
            };
            return Err(rejected(status).into());
        }
        let mut setup = self.websocket_setup();
        setup.agreed = check_http1(&asked, response.headers(), &accept, deflate)?;
        // A session may last for long: it keeps nothing of the handshake.
        drop(asked);
        let (stream, early) = upgraded(&mut response).await?;
        let (head, _) = response.into_parts();
        Ok(Outcome::Open(Box::new(Opened {
            transport: Transport::Stream(stream),
            early,
            setup,
            head,
            hold: Hold::Http1(lease.into_place()),
        })))
    }

    /// Opens it on a stream of a shared connection.
    async fn connect(&self, lease: Http2Lease) -> std::result::Result<Outcome, Failed> {
        self.watch.enter(Phase::FirstByte);
        let takes = lease.http2.takes_connect().await;
        if lease.http2.is_open() && !takes {
            return Ok(Outcome::NotOffered);
        }
        self.watch.acquired(&lease.http2.info, lease.reused);
        let informed = self.state.informed();
        match self.connect_http2(&lease).await {
            Ok(Connected::Open(opened)) => {
                let (transport, setup, head, counted) = *opened;
                Ok(Outcome::Open(Box::new(Opened {
                    transport,
                    early: Bytes::new(),
                    setup,
                    head,
                    hold: Hold::Http2(lease, counted),
                })))
            }
            Ok(Connected::Arrived(arrival)) => Ok(Outcome::Arrived(arrival)),
            Err(error) => {
                let lost = is_lost(&error);
                if lost {
                    lease.http2.retire();
                }
                Err(Failed {
                    stale: lost && lease.reused && self.state.informed() == informed,
                    error,
                    carried: None,
                })
            }
        }
    }

    async fn connect_http2(&self, lease: &Http2Lease) -> Result<Connected> {
        let broken = |cause: h2::Error| failure(&cause, "http/2");
        let mut sender = lease.http2.sender.clone();
        // Nothing of the request was sent.
        poll_fn(|cx| sender.poll_ready(cx))
            .await
            .map_err(|cause| broken(cause).unprocessed())?;
        let deflate = self.exchange.policy().websocket_deflate.as_ref();
        let mut headers = self.headers();
        prepare_http2(&mut headers, deflate);
        let asked = headers.clone();
        let counted = self.count_stream();
        let (mut response, stream) = sender
            .send_request(self.connect_request(headers), false)
            .map_err(|cause| broken(cause).unprocessed())?;
        drop(sender);
        let response = poll_fn(|cx| {
            while let Poll::Ready(Some(informational)) = response.poll_informational(cx) {
                self.informational(informational.map_err(broken)?);
                if self.state.informed() > INFORMATIONAL {
                    return Poll::Ready(Err(self.too_many_informational(ErrorCode::Http2Protocol)));
                }
            }
            Pin::new(&mut response).poll(cx).map_err(broken)
        })
        .await?;
        let (head, body) = response.into_parts();
        if !opens(&head) {
            let status = head.status;
            let length = head.headers.get(CONTENT_LENGTH);
            let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
            match self.receive(head)? {
                Reception::Deliver(decoder) => {
                    self.receive_body_http2(body, &lease.http2, length, decoder)
                        .await?;
                }
                Reception::Discard(next) => {
                    self.discard_http2(body).await;
                    return Ok(Connected::Arrived(Arrival::Next(next)));
                }
            }
            return Err(rejected(status));
        }
        let mut setup = self.websocket_setup();
        setup.agreed = check_http2(&asked, &head.headers, deflate)?;
        drop(asked);
        let transport = Transport::Http2(Box::new(Http2Stream::new(stream, body)));
        Ok(Connected::Open(Box::new((transport, setup, head, counted))))
    }

    /// RFC 8441, 4: a CONNECT that names the protocol, and like other requests scheme, path and authority.
    fn connect_request(&self, mut headers: HeaderMap) -> http::Request<()> {
        let mut request = http::Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = self.request.address.absolute_form.clone();
        *request.version_mut() = Version::HTTP_2;
        if let Some(host) = headers.remove(HOST)
            && host != self.request.address.authority
            && let Some(uri) = with_authority(request.uri(), &host)
        {
            *request.uri_mut() = uri;
        }
        self.log_request(&headers);
        *request.headers_mut() = headers;
        let protocol = Protocol::from_static("websocket");
        request.extensions_mut().insert(protocol);
        request
    }

    /// Delivers the head and runs the session to its end.
    async fn session(&self, opened: Opened) -> Result<Arrival> {
        let Opened {
            transport,
            early,
            setup,
            mut head,
            hold,
        } = opened;
        let policy = self.exchange.policy();
        let with = (self.options(), policy);
        let reactor = &self.pool.connector.reactor;
        let state = self.state.clone();
        let mut session = Session::new(transport, &early, state, &setup, with, reactor);
        // They hold what hyper read.
        drop((early, setup));
        head.headers = detached(&head.headers);
        let status = head.status;
        let first = self.resumed_with(&head);
        self.state.lock_outgoing().open(first);
        self.receive(head)?;
        self.watch.hold();
        let ended = poll_fn(|cx| session.poll(cx)).await;
        if let (Err(error), Hold::Http2(lease, _)) = (&ended, &hold)
            && is_lost(error)
        {
            lease.http2.retire();
        }
        if let Some(error) = self.lost(&ended) {
            let queue = policy
                .websocket_reconnect
                .as_ref()
                .map_or(0, |how| how.queue);
            let unsent = session.take_unsent();
            self.state.lock_outgoing().wait(queue, unsent);
            return Ok(Arrival::Next(Next::Resume(error)));
        }
        match ended {
            Ok(_) => self.done(session.received(), status),
            // The peer is told what it did wrong, after the caller.
            Err(error) if session.has_parting_word() => {
                self.record_failure(&error);
                self.fail(error.in_phase(Phase::Receive));
            }
            Err(error) => return Err(error),
        }
        poll_fn(|cx| session.poll_closed(cx)).await;
        drop(hold);
        Ok(Arrival::Done)
    }

    /// What is sent before all else on a WebSocket that is open again.
    fn resumed_with(&self, head: &Parts) -> Vec<crate::part::Frame> {
        let how = self.exchange.policy().websocket_reconnect.as_ref();
        match how.and_then(|how| how.resume.as_ref()) {
            Some(resume) if self.state.has_head() => resume(&Head {
                status: head.status,
                version: head.version,
                headers: head.headers.clone(),
            }),
            _ => Vec::new(),
        }
    }

    /// Why it is to be opened again, where it is.
    fn lost(&self, ended: &Result<Option<u16>>) -> Option<Error> {
        let how = self.exchange.policy().websocket_reconnect.as_ref()?;
        // Who has closed it, or is about to, has no use for another.
        if self.state.lock_outgoing().is_closing() {
            return None;
        }
        match ended {
            Ok(code) => {
                let code = code.filter(|code| how.close_codes.contains(code))?;
                Some(Error::new(
                    ErrorCode::ConnectionClosed,
                    format!("websocket: the peer closed it with {code}"),
                ))
            }
            Err(error) => matches!(
                error.code(),
                ErrorCode::ConnectionClosed
                    | ErrorCode::ConnectionReset
                    | ErrorCode::IdleTimeout
                    | ErrorCode::Http2Goaway
                    | ErrorCode::Http2StreamReset
                    | ErrorCode::Http2Protocol
            )
            .then(|| error.clone()),
        }
    }
}
