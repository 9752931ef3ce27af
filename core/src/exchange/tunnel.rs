//! A connection that became the caller's: bytes both ways until the peer ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Leg;
use super::attempt::Failed;
use super::journey::Arrival;
use super::receive::Reception;
use crate::connect::Stream;
use crate::delivery::UploadPiece;
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::options::HttpVersions;
use crate::part::Part;
use crate::pool::Lease;
use crate::protocol::http1::failure;
use crate::request::{Target, Tunnel};

impl Leg<'_> {
    /// Whether it may be a stream of an HTTP/2 connection, which others use as well.
    pub(super) fn is_shared_tunnel(&self) -> bool {
        let connect = matches!(self.request.tunnel.as_deref(), Some(Tunnel::Connect(..)));
        connect && self.target.versions != HttpVersions::Http1
    }

    /// Asks for the tunnel on this connection if it can carry others besides; else on one of its own.
    pub(super) async fn tunnel_on(&self, lease: Lease) -> std::result::Result<Arrival, Failed> {
        match (lease, self.request.tunnel.as_deref()) {
            (Lease::Http2(lease), Some(Tunnel::Connect(authority, _))) => {
                self.tunnel_http2(lease, authority).await
            }
            (Lease::Http1(lease), Some(tunnel)) => {
                // It was opened for requests.
                lease.keep();
                let target = self.request.address.target_direct(HttpVersions::Http1);
                Ok(self.tunnel(tunnel, target).await?)
            }
            _ => Err(Error::new(ErrorCode::Unsupported, "an upgrade is of HTTP/1.1").into()),
        }
    }

    /// Asks for the tunnel on a connection of its own and carries bytes to its end.
    pub(super) async fn tunnel(&self, tunnel: &Tunnel, target: &Arc<Target>) -> Result<Arrival> {
        if target.versions != HttpVersions::Http1 {
            let why = "an upgrade is of HTTP/1.1: say that nothing else may be spoken";
            return Err(Error::new(ErrorCode::Unsupported, why));
        }
        let mut lease = self.pool.acquire_alone(target, &self.watch).await?;
        self.watch.acquired(&lease.http1.info, false);
        let mut headers = self.headers();
        tunnel.ask(&mut headers);
        let mut response = self
            .send_http1(&mut lease, headers)
            .await
            .map_err(|failed| failed.error)?;
        let status = response.status();
        if !tunnel.opens(status) {
            let (head, body) = response.into_parts();
            match self.receive(head)? {
                Reception::Deliver(decoder) => {
                    let received = self.receive_http1(body, decoder).await?;
                    self.done(received, status);
                    return Ok(Arrival::Done);
                }
                Reception::Discard(next) => return Ok(Arrival::Next(next)),
            }
        }
        let (stream, early) = upgraded(&mut response).await?;
        let (head, _) = response.into_parts();
        self.receive(head)?;
        self.watch.hold();
        let mut raw = Raw {
            stream,
            reading: BytesMut::from(&early[..]),
            writing: Bytes::new(),
            finished: false,
            received: 0,
        };
        poll_fn(|cx| raw.poll(self, cx)).await?;
        self.done(raw.received, status);
        drop(lease);
        Ok(Arrival::Done)
    }
}

/// The bare connection after an upgrade, and what was read past the head.
pub(super) async fn upgraded(response: &mut Response<Incoming>) -> Result<(Stream, Bytes)> {
    let upgrade = hyper::upgrade::on(response);
    let upgraded = upgrade.await.map_err(|cause| failure(cause, "upgrade"))?;
    let parts = upgraded.downcast::<TokioIo<Stream>>().map_err(|_| {
        Error::new(
            ErrorCode::Panic,
            "the upgraded connection is of another kind",
        )
    })?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

struct Raw {
    stream: Stream,
    reading: BytesMut,
    writing: Bytes,
    /// The caller sends no more, and the peer knows.
    finished: bool,
    received: u64,
}

impl Raw {
    /// Ready when the peer has ended.
    fn poll(&mut self, leg: &Leg<'_>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_write(leg, cx) {
            return Poll::Ready(Err(error));
        }
        self.poll_read(leg, cx)
    }

    fn poll_write(&mut self, leg: &Leg<'_>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let broken = |cause: std::io::Error| {
            Error::new(ErrorCode::ConnectionReset, format!("tunnel: {cause}")).with_source(cause)
        };
        while !self.finished {
            if self.writing.is_empty() {
                let (piece, room) = leg.state.lock_upload().next(cx.waker());
                if room {
                    leg.state.deliver(Part::Writable);
                }
                match piece {
                    UploadPiece::Data(data) => self.writing = data,
                    UploadPiece::Failed(why) => {
                        return Poll::Ready(Err(Error::new(ErrorCode::UploadFailed, why)));
                    }
                    UploadPiece::End(_) => {
                        // A peer that has gone tells by its own end.
                        let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
                        self.finished = true;
                        return Poll::Ready(Ok(()));
                    }
                    UploadPiece::Pending => {
                        ready!(Pin::new(&mut self.stream).poll_flush(cx)).map_err(broken)?;
                        return Poll::Pending;
                    }
                }
            }
            let count =
                ready!(Pin::new(&mut self.stream).poll_write(cx, &self.writing)).map_err(broken)?;
            leg.state.count_sent(count);
            self.writing.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, leg: &Leg<'_>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            if !leg.state.has_credit(u64::MAX) {
                return Poll::Pending;
            }
            if !self.reading.is_empty() {
                self.received += self.reading.len() as u64;
                leg.deliver_data(self.reading.split().freeze());
                continue;
            }
            let mut space = [std::mem::MaybeUninit::uninit(); limits::TUNNEL_READ];
            let mut buf = ReadBuf::uninit(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)) {
                Ok(()) if buf.filled().is_empty() => return Poll::Ready(Ok(())),
                Ok(()) => self.reading.extend_from_slice(buf.filled()),
                Err(cause) => {
                    let code = if cause.kind() == std::io::ErrorKind::UnexpectedEof {
                        ErrorCode::ConnectionClosed
                    } else {
                        ErrorCode::ConnectionReset
                    };
                    let text = format!("tunnel: {cause}");
                    return Poll::Ready(Err(Error::new(code, text).with_source(cause)));
                }
            }
        }
    }
}
