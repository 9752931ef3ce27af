//! Sockets on a reactor.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use atomic_waker::AtomicWaker;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::core::Reactor;
use crate::statistics::{Counters, add};

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// The peer will send no more: readable for good.
const READ_CLOSED: u8 = 4;

/// What the system said of one descriptor.
pub(super) struct Source {
    readiness: AtomicU8,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Source {
    pub(super) fn happened(&self, event: &mio::event::Event) {
        let mut bits = 0;
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            bits |= READABLE;
        }
        if event.is_read_closed() || event.is_error() {
            bits |= READ_CLOSED;
        }
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            bits |= WRITABLE;
        }
        self.readiness.fetch_or(bits, Ordering::AcqRel);
        if bits & READABLE != 0 {
            self.reader.wake();
        }
        if bits & WRITABLE != 0 {
            self.writer.wake();
        }
    }

    fn poll_ready(&self, bit: u8, cx: &Context<'_>) -> Poll<()> {
        if self.readiness.load(Ordering::Acquire) & bit != 0 {
            return Poll::Ready(());
        }
        let slot = if bit == READABLE {
            &self.reader
        } else {
            &self.writer
        };
        slot.register(cx.waker());
        if self.readiness.load(Ordering::Acquire) & bit != 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn clear(&self, bit: u8) {
        self.readiness.fetch_and(!bit, Ordering::AcqRel);
    }
}

/// A connected stream socket, closed when dropped.
pub(crate) struct Io {
    socket: Arc<OwnedFd>,
    source: Arc<Source>,
    key: usize,
    reactor: Arc<Reactor>,
    counters: Arc<Counters>,
    received: Arc<AtomicU64>,
    /// Bytes that may still be read before others have their turn.
    share: Arc<AtomicUsize>,
}

impl Io {
    /// Watches a non-blocking socket.
    pub(crate) fn new(
        socket: OwnedFd,
        reactor: &Arc<Reactor>,
        counters: &Arc<Counters>,
    ) -> io::Result<Io> {
        let source = Arc::new(Source {
            readiness: AtomicU8::new(0),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        });
        let key = reactor
            .sources
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(Arc::clone(&source));
        let socket = Arc::new(socket);
        let io = Io {
            socket,
            source,
            key,
            reactor: Arc::clone(reactor),
            counters: Arc::clone(counters),
            received: Arc::default(),
            share: Arc::new(AtomicUsize::new(usize::MAX)),
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        io.reactor.registry.register(
            &mut SourceFd(&io.socket.as_raw_fd()),
            Token(key),
            interest,
        )?;
        Ok(io)
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Counts the bytes that came in.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// Bytes that may still be read before others have their turn. Whoever sets it sets it anew in each turn.
    pub(crate) fn share(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.share)
    }

    /// The socket, for as long as this lives.
    pub(crate) fn weak_socket(&self) -> Weak<OwnedFd> {
        Arc::downgrade(&self.socket)
    }

    /// Ready when a connect that was begun has ended, well or not.
    pub(crate) fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.source.poll_ready(WRITABLE, cx));
        match rustix::net::sockopt::socket_error(&self.socket) {
            Ok(Ok(())) => Poll::Ready(Ok(())),
            Ok(Err(cause)) | Err(cause) => Poll::Ready(Err(cause.into())),
        }
    }

    fn poll_send(
        &self,
        cx: &Context<'_>,
        mut send: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.source.poll_ready(WRITABLE, cx));
            match send(self.socket.as_fd()) {
                Ok(count) => {
                    add(&self.counters.sent, count as u64);
                    return Poll::Ready(Ok(count));
                }
                Err(rustix::io::Errno::AGAIN) => self.source.clear(WRITABLE),
                Err(rustix::io::Errno::INTR) => {}
                Err(cause) => return Poll::Ready(Err(cause.into())),
            }
        }
    }
}

impl AsyncRead for Io {
    #[allow(unsafe_code)]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let share = self.share.load(Ordering::Relaxed);
        if share == 0 {
            self.reactor.defer(cx.waker());
            return Poll::Pending;
        }
        loop {
            ready!(self.source.poll_ready(READABLE, cx));
            // SAFETY: `recv` only writes to the space, and only what it says it wrote is then taken as initialised.
            let space = unsafe { buf.unfilled_mut() };
            let room = space.len();
            match rustix::net::recv(&self.socket, space, RecvFlags::empty()) {
                Ok((_, count)) => {
                    // SAFETY: the system has written `count` bytes to the start of the space.
                    unsafe { buf.assume_init(count) };
                    buf.advance(count);
                    add(&self.counters.received, count as u64);
                    add(&self.received, count as u64);
                    self.share
                        .store(share.saturating_sub(count), Ordering::Relaxed);
                    // A short read has emptied the socket: the next byte raises a new edge (epoll(7)).
                    if count < room
                        && self.source.readiness.load(Ordering::Acquire) & READ_CLOSED == 0
                    {
                        self.source.clear(READABLE);
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(rustix::io::Errno::AGAIN) => self.source.clear(READABLE),
                Err(rustix::io::Errno::INTR) => {}
                Err(cause) => return Poll::Ready(Err(cause.into())),
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // No SIGPIPE: the process belongs to the caller, who may not have ignored it.
        self.poll_send(cx, |socket| {
            rustix::net::send(socket, buf, SendFlags::NOSIGNAL)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // One piece needs no list of pieces, which costs the system more.
        let mut filled = bufs.iter().filter(|buf| !buf.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next()) {
            return self.poll_write(cx, only);
        }
        // The system takes at most 1024 vectors a call.
        let bufs = &bufs[..bufs.len().min(1024)];
        self.poll_send(cx, |socket| {
            rustix::net::sendmsg(
                socket,
                bufs,
                &mut rustix::net::SendAncillaryBuffer::default(),
                SendFlags::NOSIGNAL,
            )
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match rustix::net::shutdown(&self.socket, Shutdown::Write) {
            Ok(()) | Err(rustix::io::Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(cause) => Poll::Ready(Err(cause.into())),
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        let _ = self
            .reactor
            .registry
            .deregister(&mut SourceFd(&self.socket.as_raw_fd()));
        self.reactor
            .sources
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .try_remove(self.key);
    }
}
