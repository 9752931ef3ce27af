//! A transport in memory: what was read elsewhere goes in, what is to be written elsewhere comes out. The futures that run on
//! it are polled by whoever feeds it, so it keeps no wakers.

use std::io::{self, IoSlice};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;
use crate::limits::{SANSIO_INPUT, SANSIO_OUTPUT};

/// Bytes to be written, in order. They stay as they are for as long as they are held, whatever the connection does.
#[derive(Debug, Clone, Default)]
pub struct Vectors([Bytes; 2]);

impl Vectors {
    /// How many bytes they are together.
    pub fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// What a vectored write takes.
    pub fn io_slices(&self) -> [IoSlice<'_>; 2] {
        let [first, second] = &self.0;
        [IoSlice::new(first), IoSlice::new(second)]
    }
}

impl Deref for Vectors {
    type Target = [Bytes];

    /// The vectors that are not empty.
    fn deref(&self) -> &[Bytes] {
        let count = self.0.iter().filter(|bytes| !bytes.is_empty()).count();
        &self.0[..count]
    }
}

/// What waits to be written: one buffer of a fixed size, which is used again once its bytes were taken.
#[derive(Default)]
pub(super) struct Output {
    /// Bytes that someone may be writing now; the second is empty unless the first is not.
    offered: [Bytes; 2],
    fresh: BytesMut,
    /// Bytes that ever came in.
    accepted: u64,
    /// Bytes of them that were written, or dropped.
    written: u64,
    closed: bool,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.offered.iter().map(Bytes::len).sum::<usize>() + self.fresh.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that can be taken in. A peer that takes no more leaves room for everything: it is dropped.
    pub(super) fn room(&self) -> usize {
        if self.closed {
            return usize::MAX;
        }
        SANSIO_OUTPUT.saturating_sub(self.len())
    }

    /// Takes in as much as there is room for.
    pub(super) fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.accepted += count as u64;
        if self.closed {
            self.written = self.accepted;
            return count;
        }
        if self.fresh.capacity() - self.fresh.len() < count
            && !self.fresh.try_reclaim(SANSIO_OUTPUT)
        {
            self.fresh.reserve(SANSIO_OUTPUT);
        }
        self.fresh.extend_from_slice(&bytes[..count]);
        count
    }

    /// All that waits, or the first of it.
    pub(super) fn vectors(&mut self) -> Vectors {
        if !self.fresh.is_empty()
            && let Some(place) = self.offered.iter_mut().find(|bytes| bytes.is_empty())
        {
            *place = self.fresh.split().freeze();
        }
        Vectors(self.offered.clone())
    }

    /// So many of the bytes that were offered are written.
    pub(super) fn advance(&mut self, count: usize) {
        let mut left = count;
        for bytes in &mut self.offered {
            let part = left.min(bytes.len());
            bytes.advance(part);
            left -= part;
            if bytes.is_empty() {
                // It would keep the buffer from being used again.
                *bytes = Bytes::new();
            }
        }
        self.written += (count - left) as u64;
        if self.offered[0].is_empty() {
            self.offered.swap(0, 1);
        }
    }

    /// Nobody takes bytes any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.offered = Default::default();
        self.fresh = BytesMut::new();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Bytes that came in and were never written.
    pub(super) fn unwritten(&self) -> u64 {
        self.accepted - self.written
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }
}

/// Both directions of a transport.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) input: BytesMut,
    pub(super) output: Output,
    /// The peer sends no more than what is in the input.
    pub(super) ended: bool,
    /// The protocol has said that it writes no more.
    pub(super) finished: bool,
    /// The protocol found no room to write.
    pub(super) blocked: bool,
    /// Bytes of input that the protocol needs before it can go on.
    pub(super) wanted: usize,
    /// HTTP/2's frames are looked at as they pass.
    pub(super) frames: Option<Frames>,
}

impl Wire {
    /// Takes input as far as there is room.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        if self.ended {
            return 0;
        }
        let count = bytes.len().min(self.input_room());
        if count > 0 && self.input.capacity() - self.input.len() < count {
            // What was read already makes room, as nobody else holds it.
            let room = SANSIO_INPUT.saturating_sub(self.input.len());
            self.input.reserve(room.max(count));
        }
        self.input.extend_from_slice(&bytes[..count]);
        count
    }

    pub(super) fn input_room(&self) -> usize {
        let room = SANSIO_INPUT.saturating_sub(self.input.len());
        room.max(self.wanted)
    }

    fn read(&mut self, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = target.filled().len();
        if let Some(frames) = &mut self.frames {
            frames.incoming(&mut self.input, target, self.ended);
        } else {
            let count = target.remaining().min(self.input.len());
            target.put_slice(&self.input[..count]);
            self.input.advance(count);
        }
        let came = target.filled().len() > before;
        if came || target.remaining() == 0 || (self.ended && self.input.is_empty()) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn write(&mut self, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut count = 0;
        for piece in pieces {
            let taken = match &mut self.frames {
                Some(frames) => frames.outgoing(piece, &mut self.output),
                None => self.output.push(piece),
            };
            count += taken;
            if taken < piece.len() {
                self.blocked = true;
                break;
            }
        }
        if count == 0 && pieces.iter().any(|piece| !piece.is_empty()) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(count))
    }
}

/// The end of a [`Wire`] that a protocol reads and writes.
#[derive(Clone, Default)]
pub(super) struct Pipe(Arc<Mutex<Wire>>);

impl Pipe {
    pub(super) fn with_frames(frames: Frames) -> Pipe {
        Pipe(Arc::new(Mutex::new(Wire {
            frames: Some(frames),
            ..Wire::default()
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.lock().read(buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lock().write(&[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.lock().write(bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().finished = true;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_offered_stays_while_more_comes() {
        let mut output = Output::default();
        output.push(b"first");
        let offered = output.vectors();
        output.push(&vec![b'x'; SANSIO_OUTPUT]);
        assert_eq!(output.len(), SANSIO_OUTPUT);
        assert_eq!(output.room(), 0);
        assert_eq!(&offered[0], "first");
        output.advance(3);
        assert_eq!(&offered[0], "first");
        let more = output.vectors();
        assert_eq!(&more[0], "st");
        assert_eq!(more.remaining(), SANSIO_OUTPUT - 3);
        output.advance(more.remaining());
        assert!(output.is_empty());
        assert_eq!(output.written(), output.accepted());
    }

    #[test]
    fn the_buffer_is_used_again() {
        let mut output = Output::default();
        let mut places = Vec::new();
        for _ in 0..100 {
            output.push(&vec![b'x'; SANSIO_OUTPUT / 3]);
            let vectors = output.vectors();
            places.push(vectors[0].as_ptr());
            let count = vectors.remaining();
            drop(vectors);
            output.advance(count);
        }
        places.sort();
        places.dedup();
        assert!(places.len() <= 3, "three thirds of one buffer");
    }

    #[test]
    fn a_closed_output_swallows_and_counts() {
        let mut output = Output::default();
        output.push(b"0123456789");
        output.vectors();
        output.advance(4);
        output.close();
        assert_eq!(output.unwritten(), 6);
        assert!(output.is_empty());
        assert_eq!(output.push(&[0; 100]), 100);
        assert!(output.is_empty());
    }
}
