//! A byte stream, with or without TLS.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::drive::Io;

/// A connected byte stream.
pub(crate) enum Stream {
    Plain(Io),
    Tls(Box<TlsStream<Io>>),
    /// TLS with the target inside a tunnel, which itself may be TLS with a proxy.
    Tunnel(Box<TlsStream<Stream>>),
}

impl Stream {
    /// Counts the bytes that came in.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        match self {
            Stream::Plain(io) => io.received(),
            Stream::Tls(tls) => tls.get_ref().0.received(),
            Stream::Tunnel(tls) => tls.get_ref().0.received(),
        }
    }

    /// Bytes that may still be read before others have their turn.
    pub(crate) fn share(&self) -> Arc<AtomicUsize> {
        match self {
            Stream::Plain(io) => io.share(),
            Stream::Tls(tls) => tls.get_ref().0.share(),
            Stream::Tunnel(tls) => tls.get_ref().0.share(),
        }
    }

    /// The certificate that the peer has shown in a TLS handshake with nothing around it.
    pub(crate) fn certificate(&self) -> Option<CertificateDer<'static>> {
        let Stream::Tls(tls) = self else { return None };
        let chain = tls.get_ref().1.peer_certificates()?;
        Some(chain.first()?.clone().into_owned())
    }

    /// The socket, for as long as the stream lives.
    pub(crate) fn socket(&self) -> Weak<OwnedFd> {
        match self {
            Stream::Plain(io) => io.weak_socket(),
            Stream::Tls(tls) => tls.get_ref().0.weak_socket(),
            Stream::Tunnel(tls) => tls.get_ref().0.socket(),
        }
    }
}

macro_rules! forward {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain(io) => {
                let $stream = Pin::new(io);
                $call
            }
            Stream::Tls(tls) => {
                let $stream = Pin::new(&mut **tls);
                $call
            }
            Stream::Tunnel(tls) => {
                let $stream = Pin::new(&mut **tls);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(io) => io.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
            Stream::Tunnel(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => stream.poll_shutdown(cx))
    }
}
