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

    /// There is something to read, for good, if only the end.
    fn ended(&self) {
        self.readiness
            .fetch_or(READABLE | READ_CLOSED, Ordering::AcqRel);
        self.reader.wake();
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
    /// Why nothing can be written any more.
    broken: Option<rustix::io::Errno>,
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
            broken: None,
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

    /// Sends `length` bytes or fewer.
    ///
    /// A peer that has closed the connection may have said why, in an answer or a GOAWAY that is there to be read, and
    /// protocols that fail to write do not read any more. So what is written after that vanishes, as if it had been on its
    /// way when the peer left, and whoever reads meets the end.
    fn poll_send(
        &mut self,
        cx: &Context<'_>,
        length: usize,
        mut send: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return Poll::Ready(Ok(length));
        }
        loop {
            ready!(self.source.poll_ready(WRITABLE, cx));
            match send(self.socket.as_fd()) {
                Ok(count) => {
                    add(&self.counters.sent, count as u64);
                    return Poll::Ready(Ok(count));
                }
                Err(rustix::io::Errno::AGAIN) => self.source.clear(WRITABLE),
                Err(rustix::io::Errno::INTR) => {}
                Err(cause @ (rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET)) => {
                    self.broken = Some(cause);
                    self.source.ended();
                    return Poll::Ready(Ok(length));
                }
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
                // The system tells of a reset once, and told whoever wrote.
                Ok((_, 0)) if room > 0 && self.broken == Some(rustix::io::Errno::CONNRESET) => {
                    return Poll::Ready(Err(rustix::io::Errno::CONNRESET.into()));
                }
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
        self.get_mut().poll_send(cx, buf.len(), |socket| {
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
        let length = bufs.iter().map(|buf| buf.len()).sum();
        self.get_mut().poll_send(cx, length, |socket| {
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::drive::core::Core;

    /// A socket on a reactor and its peer.
    fn pair() -> (Io, TcpStream, Arc<Reactor>, Core) {
        let (reactor, core) = Reactor::new(None, Box::new(|| {})).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let peer = listener.accept().unwrap().0;
        let io = Io::new(socket.into(), &reactor, &Arc::default()).unwrap();
        (io, peer, reactor, core)
    }

    fn finish<T>(core: &mut Core, reactor: &Reactor, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Poll::Ready(result) = future.as_mut().poll(&mut cx) {
                return result;
            }
            assert!(Instant::now() < until, "it is stuck");
            core.run(reactor);
            core.park(reactor, Some(Instant::now() + Duration::from_millis(10)));
        }
    }

    /// Over TCP, a peer that leaves without having read everything resets the connection behind its last words.
    #[test]
    fn last_words_are_read_after_a_failed_write() {
        let (mut io, mut peer, reactor, mut core) = pair();
        finish(&mut core, &reactor, io.write_all(b"ask")).unwrap();
        let mut first = [0];
        peer.read_exact(&mut first).unwrap();
        peer.write_all(b"no").unwrap();
        drop(peer);
        let body = vec![b'x'; 1 << 16];
        for _ in 0..100 {
            finish(&mut core, &reactor, io.write_all(&body)).unwrap();
        }
        assert!(io.broken.is_some());
        let mut words = [0; 2];
        finish(&mut core, &reactor, io.read_exact(&mut words)).unwrap();
        assert_eq!(&words, b"no");
        let end = finish(&mut core, &reactor, io.read(&mut words));
        let reset = end.map_err(|error| error.kind());
        assert_eq!(reset, Err(io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn an_end_before_the_failed_write_stays_an_end() {
        let (mut io, mut peer, reactor, mut core) = pair();
        peer.write_all(b"no").unwrap();
        // Nothing was left unread, so this is an end and no reset; what is written now is answered with one.
        drop(peer);
        let body = vec![b'x'; 1 << 16];
        for _ in 0..100 {
            finish(&mut core, &reactor, io.write_all(&body)).unwrap();
        }
        let mut words = Vec::new();
        finish(&mut core, &reactor, io.read_to_end(&mut words)).unwrap();
        assert_eq!(words, b"no");
    }
}
