//! An exchange on a stream of an HTTP/2 connection.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::{Response, StatusCode, Uri, Version};

use super::Leg;
use super::attempt::Failed;
use super::journey::{Arrival, Next};
use super::receive::Reception;
use crate::coding::Decoder;
use crate::connect::Progress;
use crate::delivery::UploadPiece;
use crate::drive::Timer;
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::{self, INFORMATIONAL};
use crate::part::{Head, Part};
use crate::pool::Http2Lease;
use crate::protocol::http2::{Http2, failure};
use crate::request::{Body, SourceReader};

impl Leg<'_> {
    /// Sends the request and delivers the answer. Dropped before the end, the stream is reset and its place given back.
    pub(super) async fn http2(&self, lease: Http2Lease) -> std::result::Result<Arrival, Failed> {
        let outcome = self.carried_by_http2(&lease).await;
        // Whoever hears of the end finds the stream and its place free.
        drop(lease);
        let answered = outcome?;
        Ok(self.arrived_http2(answered))
    }

    /// Tells the end of an answer that is the caller's. The stream is given back by now.
    pub(super) fn arrived_http2(&self, answered: Answered) -> Arrival {
        match answered.next {
            Some(next) => Arrival::Next(*next),
            None => {
                self.done(answered.received, answered.status);
                Arrival::Done
            }
        }
    }

    /// Sends the request and delivers all of the answer but its end.
    async fn carried_by_http2(&self, lease: &Http2Lease) -> std::result::Result<Answered, Failed> {
        self.watch.acquired(&lease.http2.info, lease.reused);
        let informed = self.state.informed();
        let mut sender = self.ready_http2(lease).await?;
        let source = match self.body() {
            Body::Source(source) => Some(self.open_source(&**source)?),
            _ => None,
        };
        let _counted = self.count_stream();
        let request = self.http2_request();
        self.log_request(request.headers());
        let without_body = matches!(self.body(), Body::Empty);
        let (response, stream) = sender
            .send_request(request, without_body)
            .map_err(|cause| unsent(lease, &cause))?;
        drop(sender);
        let mut sending = !without_body;
        let mut expecting = self.expecting();
        if without_body {
            self.watch.enter(Phase::FirstByte);
        }
        let answered = {
            let upload = self.upload_http2(stream, source);
            let answer = self.receive_http2(response, lease);
            let (mut upload, mut answer) = (pin!(upload), pin!(answer));
            poll_fn(|cx| {
                self.poll_gate(&mut expecting, cx);
                if sending
                    && self
                        .gate
                        .as_ref()
                        .is_none_or(|gate| gate.poll(cx).is_ready())
                    && let Poll::Ready(result) = upload.as_mut().poll(cx)
                {
                    sending = false;
                    match result {
                        // The caller's own failure ends the request; the peer's shows in the answer.
                        Err(error) if error.code() == ErrorCode::UploadFailed => {
                            return Poll::Ready(Err(error));
                        }
                        _ if self.watch.phase() == Phase::Write => {
                            self.watch.enter(Phase::FirstByte);
                        }
                        _ => {}
                    }
                }
                answer.as_mut().poll(cx)
            })
            .await
        };
        let answered = answered.map_err(|error| self.failed_http2(lease, error, informed))?;
        lease.http2.carried.answered.store(true, Ordering::Relaxed);
        Ok(answered)
    }

    /// Begins to write a request as soon as the connection takes another stream.
    pub(super) async fn ready_http2(
        &self,
        lease: &Http2Lease,
    ) -> std::result::Result<SendRequest<Bytes>, Failed> {
        let mut sender = lease.http2.sender.clone();
        self.watch.enter(Phase::Write);
        poll_fn(|cx| sender.poll_ready(cx))
            .await
            .map_err(|cause| unsent(lease, &cause))?;
        Ok(sender)
    }

    /// What an error makes of an attempt, which had heard of so many informational answers before it.
    pub(super) fn failed_http2(&self, lease: &Http2Lease, error: Error, informed: u32) -> Failed {
        let lost = matches!(
            error.code(),
            ErrorCode::Http2Goaway | ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
        );
        if lost {
            lease.http2.retire();
        }
        let stale = lost && lease.reused && self.state.informed() == informed;
        refused(lease, error, stale)
    }

    /// The request as HTTP/2 has it, without its body.
    pub(super) fn http2_request(&self) -> http::Request<()> {
        let mut request = http::Request::new(());
        *request.method_mut() = self.request.method.clone();
        *request.uri_mut() = self.request.address.absolute_form.clone();
        *request.version_mut() = Version::HTTP_2;
        let mut headers = self.headers();
        // RFC 9113, 8.3.1: the authority takes the place of host.
        if let Some(host) = headers.remove(HOST)
            && host != self.request.address.authority
            && let Some(uri) = with_authority(request.uri(), &host)
        {
            *request.uri_mut() = uri;
        }
        let length = match self.body() {
            Body::Empty => None,
            body => body.length(),
        };
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *request.headers_mut() = headers;
        request
    }

    async fn upload_http2(
        &self,
        mut stream: SendStream<Bytes>,
        source: Option<Box<SourceReader>>,
    ) -> Result<()> {
        match self.body() {
            Body::Empty => {}
            Body::Source(_) => {
                if let Some(source) = source {
                    self.send_source(&mut stream, source).await?;
                }
            }
            Body::Whole(body) => {
                self.send_http2(&mut stream, body.clone(), true).await?;
            }
            Body::Streamed { .. } => self.stream_http2(stream).await?,
        }
        Ok(())
    }

    /// Sends what the owner writes, to its end.
    pub(super) async fn stream_http2(&self, mut stream: SendStream<Bytes>) -> Result<()> {
        let broken = |cause: h2::Error| failure(&cause, "http/2 upload");
        loop {
            let piece = poll_fn(|cx| {
                // A peer that wants no more says so by a reset.
                if let Poll::Ready(reset) = stream.poll_reset(cx) {
                    return Poll::Ready(Err(reset.map_or_else(broken, |reason| {
                        Error::new(
                            ErrorCode::Http2StreamReset,
                            format!("http/2 upload: {reason}"),
                        )
                        .with_peer_code(reason.into())
                    })));
                }
                let (piece, room) = self.state.lock_upload().next(cx.waker());
                if room {
                    self.state.deliver(Part::Writable);
                }
                match piece {
                    UploadPiece::Pending => {
                        self.watch_write(None);
                        Poll::Pending
                    }
                    piece => Poll::Ready(Ok(piece)),
                }
            })
            .await?;
            match piece {
                UploadPiece::Data(data) => self.send_http2(&mut stream, data, false).await?,
                UploadPiece::End(trailers) => {
                    match trailers {
                        Some(trailers) => stream.send_trailers(trailers),
                        None => stream.send_data(Bytes::new(), true),
                    }
                    .map_err(broken)?;
                    return Ok(());
                }
                UploadPiece::Failed(why) => {
                    stream.send_reset(h2::Reason::CANCEL);
                    return Err(Error::new(ErrorCode::UploadFailed, why));
                }
                UploadPiece::Pending => {}
            }
        }
    }

    /// Sends bytes as the peer's window allows.
    pub(super) async fn send_http2(
        &self,
        stream: &mut SendStream<Bytes>,
        mut data: Bytes,
        last: bool,
    ) -> Result<()> {
        let broken = |cause: h2::Error| failure(&cause, "http/2 upload");
        while !data.is_empty() {
            stream.reserve_capacity(data.len());
            self.watch_write(Some(()));
            let room = poll_fn(|cx| stream.poll_capacity(cx)).await;
            let closed = || Error::new(ErrorCode::ConnectionClosed, "http/2 upload: stream closed");
            let room = room.ok_or_else(closed)?.map_err(broken)?;
            let chunk = data.split_to(room.min(data.len()));
            self.state.count_sent(chunk.len());
            stream
                .send_data(chunk, last && data.is_empty())
                .map_err(broken)?;
        }
        Ok(())
    }

    /// While the request is being written: its deadline runs if the peer holds it up, not if the caller does.
    fn watch_write(&self, peer: Option<()>) {
        if self.watch.phase() == Phase::Write {
            match peer {
                Some(()) => self.watch.moved(Phase::Write),
                None => self.watch.hold(),
            }
        }
    }

    /// The final answer; informational ones are passed on.
    pub(super) async fn answer_http2(
        &self,
        mut response: ResponseFuture,
    ) -> Result<Response<RecvStream>> {
        let broken = |cause: h2::Error| failure(&cause, "http/2");
        let too_many = || self.too_many_informational(ErrorCode::Http2Protocol);
        poll_fn(|cx| {
            while let Poll::Ready(Some(informational)) = response.poll_informational(cx) {
                match informational {
                    Ok(informational) => self.informational(informational),
                    Err(cause) => return Poll::Ready(Err(broken(cause))),
                }
                if self.state.informed() > INFORMATIONAL {
                    return Poll::Ready(Err(too_many()));
                }
            }
            std::pin::Pin::new(&mut response).poll(cx).map_err(broken)
        })
        .await
    }

    pub(super) async fn receive_http2(
        &self,
        response: ResponseFuture,
        lease: &Http2Lease,
    ) -> Result<Answered> {
        let response = self.answer_http2(response).await?;
        let (head, body) = response.into_parts();
        let length = head.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let status = head.status;
        if status == StatusCode::MISDIRECTED_REQUEST
            && self.request.replay
            && self.is_replayable(self.request)
            && lease.is_misdirected()
        {
            self.discard_http2(body).await;
            let text = "421 on a connection that was opened for another origin";
            return Err(Error::new(ErrorCode::Http2Protocol, text).unprocessed());
        }
        match self.receive(head)? {
            Reception::Deliver(decoder) => {
                let received = self
                    .receive_body_http2(body, &lease.http2, length, decoder)
                    .await?;
                Ok(Answered {
                    received,
                    status,
                    next: None,
                })
            }
            Reception::Discard(next) => {
                self.discard_http2(body).await;
                Ok(Answered {
                    received: 0,
                    status,
                    next: Some(Box::new(next)),
                })
            }
        }
    }

    pub(super) fn informational(&self, response: Response<()>) {
        let (parts, ()) = response.into_parts();
        if let Some(gate) = &self.gate
            && parts.status == StatusCode::CONTINUE
        {
            gate.open();
        }
        let head = Head {
            status: parts.status,
            version: parts.version,
            headers: parts.headers,
        };
        self.state.inform(head);
    }

    /// Reads the short body that comes with an answer which only leads on, so that its stream need not be reset.
    pub(super) async fn discard_http2(&self, mut body: RecvStream) {
        let mut patience = Timer::new(&self.pool.connector.reactor);
        patience.set_after(limits::DISCARD_TIME);
        let mut left = limits::DISCARD;
        poll_fn(|cx| {
            while let Poll::Ready(data) = body.poll_data(cx) {
                match data {
                    Some(Ok(data)) if data.len() as u64 <= left => left -= data.len() as u64,
                    _ => return Poll::Ready(()),
                }
            }
            patience.poll(cx)
        })
        .await;
    }

    /// Delivers body and trailers; the peer's window opens again as the caller releases.
    pub(super) async fn receive_body_http2(
        &self,
        mut body: RecvStream,
        http2: &Http2,
        length: Option<u64>,
        mut decoder: Option<Box<Decoder>>,
    ) -> Result<u64> {
        let broken = |cause: h2::Error| failure(&cause, "http/2 body");
        let credit = self.request.credit.unwrap_or(self.options().credit) as u64;
        let (mut received, mut held, mut windowed) = (0u64, 0u64, 0u64);
        let tunnel = self.request.tunnel.is_some();
        let mut ended = false;
        poll_fn(|cx| {
            let before = received;
            loop {
                let window = u64::from(http2.window.load(Ordering::Relaxed));
                // What the caller may hold beyond the window is given back to the peer at once, or it could never send it.
                let beyond = credit.saturating_sub(window);
                held = held.saturating_sub(self.state.take_released());
                let free = windowed.saturating_sub(held.saturating_sub(beyond));
                // With little of the window left even nothing is given back: h2 then tells the peer what it kept back
                // before, for each release is compared with the window as it was then.
                let narrow = windowed > window / 2;
                if free > 0 || narrow {
                    windowed -= free;
                    // Fails only when the stream has ended, and then no window matters.
                    let _ = body.flow_control().release_capacity(free as usize);
                }
                let notice = if narrow { 1 } else { window / 2 };
                if !self.state.has_credit(notice) {
                    if body.is_end_stream() && decoder.is_none() {
                        return Poll::Ready(Ok(()));
                    }
                    self.watch.hold();
                    return Poll::Pending;
                }
                if let Some(decoder) = &mut decoder {
                    if let Some(piece) = decoder.pull()? {
                        if piece.is_empty() {
                            // Much work for nothing yet: others have their turn.
                            self.pool.connector.reactor.defer(cx.waker());
                            return Poll::Pending;
                        }
                        self.deliver_data(piece);
                        continue;
                    }
                    if ended {
                        return Poll::Ready(Ok(()));
                    }
                }
                match body.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                    Poll::Ready(Some(Ok(data))) => {
                        if !tunnel {
                            self.watch.moved(Phase::Receive);
                        }
                        received += data.len() as u64;
                        windowed += data.len() as u64;
                        if !tunnel {
                            self.check_body_limit(received)?;
                        }
                        match &mut decoder {
                            // The next piece is read when this one is decoded and the caller has taken it, so its
                            // share of the window can go back at once.
                            Some(decoder) => decoder.push(data),
                            None => {
                                held += data.len() as u64;
                                self.deliver_data(data);
                            }
                        }
                    }
                    Poll::Ready(Some(Err(cause))) => return Poll::Ready(Err(broken(cause))),
                    Poll::Ready(None) => match &mut decoder {
                        Some(decoder) => {
                            decoder.finish();
                            ended = true;
                        }
                        None => return Poll::Ready(Ok(())),
                    },
                    // What was released while the notice was being set has woken nobody.
                    Poll::Pending if self.state.has_released(notice) => {}
                    Poll::Pending => {
                        self.note_bulk(before, received, length);
                        if !tunnel {
                            self.watch.resume(Phase::Receive);
                        }
                        return Poll::Pending;
                    }
                }
            }
        })
        .await?;
        if let Some(trailers) = poll_fn(|cx| body.poll_trailers(cx)).await.map_err(broken)? {
            self.state.deliver(Part::Trailers(Box::new(trailers)));
        }
        Ok(received)
    }
}

/// Nothing of the request was sent.
pub(super) fn unsent(lease: &Http2Lease, cause: &h2::Error) -> Failed {
    lease.http2.retire();
    refused(lease, failure(cause, "http/2").unprocessed(), false)
}

fn refused(lease: &Http2Lease, error: Error, stale: bool) -> Failed {
    Failed {
        carried: (error.code() == ErrorCode::Http2Goaway).then(|| Arc::clone(&lease.http2.carried)),
        error,
        stale,
    }
}

/// What an answer was.
pub(super) struct Answered {
    received: u64,
    status: StatusCode,
    /// Where it only leads on.
    next: Option<Box<Next>>,
}

pub(super) fn with_authority(uri: &Uri, host: &HeaderValue) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(host.to_str().ok()?.parse().ok()?);
    Uri::from_parts(parts).ok()
}
