//! An exchange on an HTTP/1.1 connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use super::Leg;
use super::attempt::Failed;
use super::h2c::Asked;
use super::journey::Arrival;
use super::receive::Reception;
use crate::coding::Decoder;
use crate::connect::{Progress, add_forwarding};
use crate::drive::Timer;
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::{self, INFORMATIONAL};
use crate::options::ProxyAuth;
use crate::part::{Head, Part};
use crate::pool::Http1Lease;
use crate::protocol::http1::{UploadBody, failure};
use crate::request::{Body, Route, Tunnel};

/// The system takes at least so much of a body whether or not the peer reads.
const SURELY_BUFFERED: u64 = 16 * 1024;
/// How long a peer that has answered may take to read the rest of the request.
const PATIENCE: Duration = Duration::from_secs(5);

impl Leg<'_> {
    /// Sends the request and delivers the answer; the connection goes back to the pool if it can be used again.
    pub(super) async fn http1(
        &self,
        mut lease: Http1Lease,
    ) -> std::result::Result<Arrival, Failed> {
        let reused = lease.http1.reused;
        self.watch.acquired(&lease.http1.info, reused);
        let unless_new = |mut failed: Failed| {
            failed.stale &= reused;
            failed
        };
        let response = if lease.deciding.is_some() {
            // Boxed, for it is rare.
            let asking = Box::pin(self.ask_for_http2(lease));
            match asking.await.map_err(unless_new)? {
                Asked::Kept(kept) => {
                    let response;
                    (lease, response) = *kept;
                    response
                }
                Asked::Arrived(arrival) => return Ok(arrival),
            }
        } else {
            let sending = self.send_http1(&mut lease, self.headers());
            sending.await.map_err(unless_new)?
        };
        lease.http1.keep_alive = keep_alive(response.headers());
        self.check_framing(response.headers())?;
        let (head, body) = response.into_parts();
        let status = head.status;
        let (arrival, complete) = match self.receive(head)? {
            Reception::Deliver(decoder) => {
                let received = self.receive_http1(body, decoder).await.map_err(|error| {
                    // A connection that breaks because of the caller's side says so.
                    self.upload_error().unwrap_or(error)
                })?;
                let complete = self.upload_is_complete();
                self.done(received, status);
                (Arrival::Done, complete)
            }
            Reception::Discard(next) => {
                let emptied = self.discard_http1(body).await;
                (Arrival::Next(next), emptied && self.upload_is_complete())
            }
        };
        if complete && self.is_ready_again(&mut lease).await {
            lease.keep();
        }
        Ok(arrival)
    }

    /// Waits until the connection can carry another request. A peer that has answered and takes no more of the body is
    /// not waited for for long: its connection would hold its place for ever.
    async fn is_ready_again(&self, lease: &mut Http1Lease) -> bool {
        let mut patience = (self.state.sent() > SURELY_BUFFERED).then(|| {
            let mut timer = Timer::new(&self.pool.connector.reactor);
            timer.set_after(PATIENCE);
            timer
        });
        poll_fn(|cx| {
            if let Poll::Ready(ready) = lease.http1.sender.poll_ready(cx) {
                return Poll::Ready(ready.is_ok());
            }
            match &mut patience {
                Some(timer) => timer.poll(cx).map(|()| false),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Sends the request; the head of the answer.
    pub(super) async fn send_http1(
        &self,
        lease: &mut Http1Lease,
        mut headers: HeaderMap,
    ) -> std::result::Result<Response<Incoming>, Failed> {
        let mut request = http::Request::new(self.http1_body()?);
        *request.method_mut() = self.request.method.clone();
        *request.uri_mut() = match (&self.target.route, self.request.tunnel.as_deref()) {
            (_, Some(Tunnel::Connect(authority, _))) => authority.clone(),
            (Route::Forward(proxy), _) => {
                let basic = match self.options().proxy_auth {
                    ProxyAuth::Basic => proxy.authorization(),
                    // It is among the fields of this leg.
                    ProxyAuth::Digest => None,
                };
                add_forwarding(&mut headers, basic, &self.options().proxy_headers);
                self.request.address.absolute_form.clone()
            }
            (Route::Direct | Route::Tunnel(_), _) => self.request.address.origin_form.clone(),
        };
        *request.version_mut() = Version::HTTP_11;
        self.log_request(&headers);
        *request.headers_mut() = headers;
        if self.body().length().is_none() {
            // Said here: else a GET would go without its body.
            let chunked = HeaderValue::from_static("chunked");
            request.headers_mut().insert(TRANSFER_ENCODING, chunked);
        }
        let state = Arc::clone(&self.state);
        let gate = self.gate.clone();
        hyper::ext::on_informational(&mut request, move |response| {
            if let Some(gate) = &gate
                && response.status() == StatusCode::CONTINUE
            {
                gate.open();
            }
            let head = Head {
                status: response.status(),
                version: response.version(),
                headers: response.headers().clone(),
            };
            state.inform(head);
        });
        let uploads = !matches!(self.body(), Body::Empty);
        self.watch.enter(if uploads {
            Phase::Write
        } else {
            Phase::FirstByte
        });
        let received = lease.http1.received();
        let sending = lease.http1.sender.try_send_request(request);
        let mut sending = std::pin::pin!(sending);
        let mut sent = 0;
        let mut expecting = self.expecting();
        let result = poll_fn(|cx| {
            self.poll_gate(&mut expecting, cx);
            if uploads && self.watch.phase() == Phase::Write {
                // The connection's task reads the body; here only its progress shows.
                let now = self.state.sent();
                if self.upload_is_complete() {
                    self.watch.enter(Phase::FirstByte);
                } else if now != sent {
                    sent = now;
                    self.watch.moved(Phase::Write);
                } else if self.state.lock_upload().is_starved() {
                    self.watch.hold();
                }
            }
            if self.state.informed() > INFORMATIONAL {
                return Poll::Ready(None);
            }
            sending.as_mut().poll(cx).map(Some)
        })
        .await;
        let Some(result) = result else {
            return Err(Failed::from(
                self.too_many_informational(ErrorCode::Http1Malformed),
            ));
        };
        result.map_err(|mut refused| {
            let unsent = refused.take_message().is_some();
            let error = failure(refused.into_error(), "http/1.1");
            if unsent {
                // Not a byte was written, so any request may be sent again.
                return Failed {
                    error: error.unprocessed(),
                    stale: true,
                    carried: None,
                };
            }
            Failed {
                error,
                stale: lease.http1.received() == received,
                carried: None,
            }
        })
    }

    pub(super) fn too_many_informational(&self, code: ErrorCode) -> Error {
        let text = format!("more than {INFORMATIONAL} informational answers");
        Error::new(code, text).in_phase(self.watch.phase())
    }

    fn http1_body(&self) -> Result<UploadBody> {
        let body = self.http1_upload()?;
        Ok(match &self.gate {
            Some(gate) => UploadBody::Expected {
                gate: Arc::clone(gate),
                body: Box::new(body),
            },
            None => body,
        })
    }

    fn http1_upload(&self) -> Result<UploadBody> {
        Ok(match self.body() {
            Body::Empty => UploadBody::Whole {
                state: Arc::clone(&self.state),
                left: Bytes::new(),
            },
            Body::Whole(body) => UploadBody::Whole {
                state: Arc::clone(&self.state),
                left: body.clone(),
            },
            Body::Streamed { length } => UploadBody::Streamed {
                state: Arc::clone(&self.state),
                length: *length,
            },
            Body::Source(source) => UploadBody::Source {
                state: Arc::clone(&self.state),
                length: source.length(),
                reader: self.open_source(&**source)?,
            },
        })
    }

    pub(super) fn upload_is_complete(&self) -> bool {
        match self.body() {
            // With a known length the connection does not ask for the end.
            Body::Streamed {
                length: Some(length),
            } if self.state.sent() >= *length => true,
            Body::Streamed { .. } => self.state.lock_upload().complete,
            Body::Source(source) => match source.length() {
                Some(length) => self.state.sent() >= length,
                None => self.state.lock_upload().complete,
            },
            Body::Whole(body) => self.state.sent() >= body.len() as u64,
            Body::Empty => true,
        }
    }

    /// RFC 9112, 6.1: both framings at once may be an attempt to smuggle an answer.
    fn check_framing(&self, headers: &HeaderMap) -> Result<()> {
        if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
            return Err(Error::new(
                ErrorCode::Http1Malformed,
                "the answer has both transfer-encoding and content-length (RFC 9112, 6.1)",
            )
            .in_phase(self.watch.phase()));
        }
        Ok(())
    }

    /// Delivers the body and trailers as the credit allows; the number of bytes that came.
    pub(super) async fn receive_http1(
        &self,
        mut body: Incoming,
        mut decoder: Option<Box<Decoder>>,
    ) -> Result<u64> {
        let (mut received, mut ended) = (0, false);
        let mut trailers = None;
        let length = body.size_hint().exact();
        poll_fn(|cx| {
            let before = received;
            loop {
                if !self.state.has_credit(u64::MAX) {
                    self.watch.hold();
                    // The end of a body needs no credit.
                    return if body.is_end_stream() && decoder.is_none() {
                        Poll::Ready(Ok(()))
                    } else {
                        Poll::Pending
                    };
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
                match Pin::new(&mut body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        self.watch.moved(Phase::Receive);
                        match frame.into_data() {
                            Ok(data) if data.is_empty() => {}
                            Ok(data) => {
                                received += data.len() as u64;
                                self.check_body_limit(received)?;
                                match &mut decoder {
                                    Some(decoder) => decoder.push(data),
                                    None => {
                                        self.deliver_data(data);
                                    }
                                }
                            }
                            // What is still being decoded comes before them.
                            Err(frame) => trailers = frame.into_trailers().ok(),
                        }
                    }
                    Poll::Ready(Some(Err(cause))) => {
                        return Poll::Ready(Err(failure(cause, "http/1.1 body")));
                    }
                    Poll::Ready(None) => match &mut decoder {
                        Some(decoder) => {
                            decoder.finish();
                            ended = true;
                        }
                        None => return Poll::Ready(Ok(())),
                    },
                    Poll::Pending => {
                        self.note_bulk(before, received, length);
                        self.watch.resume(Phase::Receive);
                        return Poll::Pending;
                    }
                }
            }
        })
        .await?;
        if let Some(trailers) = trailers {
            self.state.deliver(Part::Trailers(Box::new(trailers)));
        }
        Ok(received)
    }

    /// Reads a body that nobody wants, so that its connection can be used again; false where that is not worth it.
    async fn discard_http1(&self, mut body: Incoming) -> bool {
        let mut patience = Timer::new(&self.pool.connector.reactor);
        patience.set_after(limits::DISCARD_TIME);
        let mut left = limits::DISCARD;
        poll_fn(|cx| {
            loop {
                if body.size_hint().lower() > left {
                    return Poll::Ready(false);
                }
                match Pin::new(&mut body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let size = frame.data_ref().map_or(0, bytes::Bytes::len) as u64;
                        match left.checked_sub(size) {
                            Some(rest) => left = rest,
                            None => return Poll::Ready(false),
                        }
                    }
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Pending => return patience.poll(cx).map(|()| false),
                }
            }
        })
        .await
    }
}

/// `Keep-Alive: timeout=N`: how long the peer keeps the connection.
fn keep_alive(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = value.split(',').find_map(|field| {
        let (name, seconds) = field.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("timeout")
            .then(|| seconds.trim().trim_matches('"'))
    })?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_timeouts_are_read() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("keep-alive", value.parse().unwrap());
            keep_alive(&headers)
        };
        assert_eq!(of("timeout=5, max=100"), Some(Duration::from_secs(5)));
        assert_eq!(of("max=100,Timeout=\"7\""), Some(Duration::from_secs(7)));
        assert_eq!(of("max=3"), None);
        assert_eq!(of("timeout=soon"), None);
        assert_eq!(keep_alive(&HeaderMap::new()), None);
    }
}
