//! A tunnel on a stream of an HTTP/2 connection (RFC 9113, 8.5): bytes both ways until the peer ends.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::header::HOST;
use http::{StatusCode, Uri, Version};

use super::Leg;
use super::attempt::Failed;
use super::http2::unsent;
use super::journey::{Arrival, Next};
use super::receive::Reception;
use crate::connect::Progress;
use crate::error::{ErrorCode, Phase, Result};
use crate::pool::Http2Lease;

/// How the answer ended.
struct Ended {
    received: u64,
    status: StatusCode,
    /// Where it only leads on.
    next: Option<Next>,
}

impl Leg<'_> {
    /// Asks for a tunnel to `authority` and carries bytes to its end. Dropped before, the stream is reset.
    pub(super) async fn tunnel_http2(
        &self,
        lease: Http2Lease,
        authority: &Uri,
    ) -> std::result::Result<Arrival, Failed> {
        self.watch.acquired(&lease.http2.info, lease.reused);
        let informed = self.state.informed();
        let mut sender = self.ready_http2(&lease).await?;
        let counted = self.count_stream();
        let mut request = http::Request::new(());
        *request.method_mut() = self.request.method.clone();
        // There is no scheme and no path, and the authority takes the place of host.
        *request.uri_mut() = authority.clone();
        *request.version_mut() = Version::HTTP_2;
        let mut headers = self.headers();
        headers.remove(HOST);
        self.log_request(&headers);
        *request.headers_mut() = headers;
        let (response, sending) = sender
            .send_request(request, false)
            .map_err(|cause| unsent(&lease, &cause))?;
        drop(sender);
        self.watch.enter(Phase::FirstByte);
        let ended = match self.answer_http2(response).await {
            Ok(response) => self.carry(response, sending, &lease).await,
            Err(error) => Err(error),
        };
        let ended = ended.map_err(|error| self.failed_http2(&lease, error, informed))?;
        lease.http2.carried.answered.store(true, Ordering::Relaxed);
        drop((counted, lease));
        if let Some(next) = ended.next {
            return Ok(Arrival::Next(next));
        }
        self.done(ended.received, ended.status);
        Ok(Arrival::Done)
    }

    /// Carries bytes both ways once the peer has opened the tunnel; else its answer is an ordinary one.
    async fn carry(
        &self,
        response: http::Response<RecvStream>,
        mut sending: SendStream<Bytes>,
        lease: &Http2Lease,
    ) -> Result<Ended> {
        let (head, body) = response.into_parts();
        let status = head.status;
        let opened = status.is_success();
        if !opened {
            // Fails only where the peer has reset the stream already.
            let _ = sending.send_data(Bytes::new(), true);
        }
        let decoder = match self.receive(head)? {
            Reception::Deliver(decoder) => decoder.filter(|_| !opened),
            Reception::Discard(next) => {
                self.discard_http2(body).await;
                return Ok(Ended {
                    received: 0,
                    status,
                    next: Some(next),
                });
            }
        };
        let receiving = self.receive_body_http2(body, &lease.http2, None, decoder);
        let received = if opened {
            self.watch.hold();
            both(self.stream_http2(sending), receiving).await?
        } else {
            receiving.await?
        };
        Ok(Ended {
            received,
            status,
            next: None,
        })
    }
}

/// Runs both ways until the peer has ended its own.
async fn both(
    sending: impl Future<Output = Result<()>>,
    receiving: impl Future<Output = Result<u64>>,
) -> Result<u64> {
    let (mut sending, mut receiving) = (pin!(sending), pin!(receiving));
    let mut finished = false;
    poll_fn(|cx| {
        if !finished && let Poll::Ready(sent) = sending.as_mut().poll(cx) {
            finished = true;
            // What the peer does to the stream shows in what it sends.
            if let Err(error) = sent
                && error.code() == ErrorCode::UploadFailed
            {
                return Poll::Ready(Err(error));
            }
        }
        receiving.as_mut().poll(cx)
    })
    .await
}
