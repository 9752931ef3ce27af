//! The first frame of an HTTP/2 peer: its SETTINGS, before which nothing is known of what it offers (RFC 9113, 3.4).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::adoption::{Adoption, Reading};
use crate::connect::Stream;
use crate::statistics::OpenConnection;

/// Whether the peer's SETTINGS have come, and who waits for them.
#[derive(Default)]
pub(super) struct Settings {
    known: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Settings {
    pub(super) fn are_known(&self) -> bool {
        self.known.load(Ordering::Acquire)
    }

    /// They came, or never will.
    pub(super) fn announce(&self) {
        if !self.known.swap(true, Ordering::AcqRel) {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn poll_known(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.are_known() {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// The stream below h2, looked at where it begins: when the first frame was read, and what an upgrade needs.
pub(crate) struct Transport {
    stream: Stream,
    /// The length of the first frame's payload: the first three bytes (RFC 9113, 4.1).
    length: [u8; 3],
    seen: usize,
    read: Arc<AtomicBool>,
    /// Until h2 and the peer agree, where the connection was upgraded.
    adoption: Option<Box<Adoption>>,
    /// Whether they do.
    settled: Arc<AtomicBool>,
    #[allow(dead_code, reason = "held")]
    counted: Arc<OpenConnection>,
}

/// Bytes of the head of a frame.
const HEAD: usize = 9;

impl Transport {
    /// A stream on which nothing was said yet.
    pub(crate) fn new(stream: Stream, counted: Arc<OpenConnection>) -> Transport {
        Transport {
            stream,
            length: [0; 3],
            seen: 0,
            read: Arc::default(),
            adoption: None,
            settled: Arc::default(),
            counted,
        }
    }

    /// A stream that was upgraded from HTTP/1.1, and what was read past the 101. h2's first request is the one that asked
    /// for it.
    pub(crate) fn upgraded(
        stream: Stream,
        early: Bytes,
        counted: Arc<OpenConnection>,
    ) -> Transport {
        let mut transport = Transport::new(stream, counted);
        transport.adoption = Some(Box::new(Adoption::new(early)));
        transport
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Set once the peer's first frame was read as a whole.
    pub(super) fn first_read(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.read)
    }

    /// Set once h2 and the peer of an upgraded connection know the same of each other.
    pub(super) fn settled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.settled)
    }

    fn note(&mut self, bytes: &[u8]) {
        for (place, byte) in self.length.iter_mut().enumerate().skip(self.seen) {
            if let Some(came) = bytes.get(place - self.seen) {
                *byte = *came;
            }
        }
        self.seen += bytes.len();
        let [high, middle, low] = self.length;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if self.seen >= HEAD + length {
            self.read.store(true, Ordering::Release);
        }
    }

    /// Writes what was kept of an upgraded connection's beginning. True once the stream may be written itself.
    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Some(adoption) = &mut self.adoption else {
            return Poll::Ready(Ok(true));
        };
        if !adoption.is_settled() {
            return Poll::Ready(Ok(false));
        }
        ready!(adoption.poll_write_kept(&mut self.stream, cx))?;
        self.adoption.take_if(|adoption| adoption.is_over());
        Poll::Ready(Ok(true))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let reading = self.adoption.as_mut().map(|adoption| adoption.read(buf));
        let polled = match reading {
            Some(Reading::Told) => return Poll::Ready(Ok(())),
            Some(Reading::Wait) => return Poll::Pending,
            Some(Reading::Early) => Poll::Ready(Ok(())),
            Some(Reading::Stream) | None => Pin::new(&mut self.stream).poll_read(cx, buf),
        };
        if !self.read.load(Ordering::Relaxed) {
            self.note(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.adoption.is_some() {
            return self.poll_write_vectored(cx, &[IoSlice::new(buf)]);
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !ready!(self.poll_begun(cx))?
            && let Some(adoption) = &mut self.adoption
        {
            let count = adoption.write(bufs, cx);
            let settled = adoption.is_settled();
            self.settled.store(settled, Ordering::Relaxed);
            return Poll::Ready(Ok(count));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_begun(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_begun(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
