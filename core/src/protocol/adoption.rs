//! The beginning of an upgraded connection, between h2 and the stream.
//!
//! h2 has no entry for connections whose first request was sent already. It is made to send that once more, as stream 1, and
//! its HEADERS are kept from the peer. So that both sides' tables for compressing fields stay the same, h2 is told
//! meanwhile that the peer has none.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncWrite, ReadBuf};

use super::h2c::{HEADER_TABLE_SIZE, MAX_CONCURRENT_STREAMS, payload};
use crate::limits;

/// Bytes of the client's preface before its first frame (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// Bytes of the head of a frame (RFC 9113, 4.1).
const HEAD: usize = 9;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
/// Of SETTINGS.
const ACK: u8 = 1;
/// Of HEADERS and CONTINUATION.
const END_HEADERS: u8 = 4;

fn settings(values: &[(u16, u32)]) -> Bytes {
    let payload = payload(values);
    let mut frame = Vec::with_capacity(HEAD + payload.len());
    // The few values that are told here.
    let length = u8::try_from(payload.len()).unwrap_or_default();
    frame.extend([0, 0, length, SETTINGS, 0, 0, 0, 0, 0]);
    frame.extend(payload);
    frame.into()
}

/// What there is to be read.
pub(super) enum Reading {
    /// What h2 is told as if by the peer was read.
    Told,
    /// Nothing before h2 has written more; whoever writes wakes the task, which is the same.
    Wait,
    /// What came with the 101 was read.
    Early,
    /// What comes on the stream.
    Stream,
}

/// The beginning of an upgraded connection.
pub(super) struct Adoption {
    /// SETTINGS for h2 that the peer did not send.
    told: Bytes,
    /// What came with the 101.
    early: Bytes,
    /// What h2 has written, without what the peer is not to see.
    kept: BytesMut,
    /// Bytes of that which were looked at.
    seen: usize,
    /// Acknowledgements of what the peer did not send, yet to be written.
    acknowledgements: u8,
    /// The HEADERS of stream 1 are yet to be written.
    unsent: bool,
}

impl Adoption {
    pub(super) fn new(early: Bytes) -> Adoption {
        let streams = u32::try_from(limits::HTTP2_INITIAL_STREAMS).unwrap_or(u32::MAX);
        Adoption {
            // h2 takes the first SETTINGS without a limit of streams for one without end.
            told: settings(&[(HEADER_TABLE_SIZE, 0), (MAX_CONCURRENT_STREAMS, streams)]),
            early,
            kept: BytesMut::new(),
            seen: 0,
            acknowledgements: 2,
            unsent: true,
        }
    }

    /// Whether h2 and the peer know the same of each other.
    pub(super) fn is_settled(&self) -> bool {
        self.acknowledgements == 0 && !self.unsent
    }

    /// Whether nothing is left of it.
    pub(super) fn is_over(&self) -> bool {
        self.is_settled() && self.kept.is_empty() && self.early.is_empty()
    }

    /// Reads what does not come on the stream.
    pub(super) fn read(&mut self, target: &mut ReadBuf<'_>) -> Reading {
        let (source, reading) = if !self.told.is_empty() {
            (&mut self.told, Reading::Told)
        } else if !self.is_settled() {
            return Reading::Wait;
        } else if !self.early.is_empty() {
            (&mut self.early, Reading::Early)
        } else {
            return Reading::Stream;
        };
        let count = target.remaining().min(source.len());
        target.put_slice(&source[..count]);
        source.advance(count);
        reading
    }

    /// Takes what h2 writes before all is settled. That is little: it waits for what is read here.
    pub(super) fn write(&mut self, pieces: &[IoSlice<'_>], cx: &Context<'_>) -> usize {
        let before = self.kept.len();
        for piece in pieces {
            self.kept.extend_from_slice(piece);
        }
        let count = self.kept.len() - before;
        let (unsent, settled) = (self.unsent, self.is_settled());
        self.drop_unwanted();
        if unsent && !self.unsent {
            // What the peer takes before it has said otherwise.
            self.told = settings(&[(HEADER_TABLE_SIZE, limits::HTTP2_HEADER_TABLE)]);
        }
        if (unsent, settled) != (self.unsent, self.is_settled()) {
            cx.waker().wake_by_ref();
        }
        count
    }

    /// Takes the frames out that the peer is not to see, of those that are complete.
    fn drop_unwanted(&mut self) {
        if self.seen == 0 && self.kept.len() >= PREFACE {
            self.seen = PREFACE;
        }
        while self.seen > 0
            && !self.is_settled()
            && let Some(frame) = self.kept.get(self.seen..)
            && let Some([high, middle, low, kind, flags, stream @ ..]) =
                frame.first_chunk::<HEAD>().copied()
        {
            let end = HEAD + u32::from_be_bytes([0, high, middle, low]) as usize;
            if frame.len() < end {
                return;
            }
            let is_first = u32::from_be_bytes(stream) == 1;
            let unwanted = match kind {
                HEADERS | CONTINUATION if is_first && self.unsent => {
                    self.unsent = flags & END_HEADERS == 0;
                    true
                }
                SETTINGS if flags & ACK != 0 => {
                    self.acknowledgements = self.acknowledgements.saturating_sub(1);
                    true
                }
                _ => false,
            };
            if unwanted {
                let mut rest = self.kept.split_off(self.seen);
                rest.advance(end);
                self.kept.unsplit(rest);
            } else {
                self.seen += end;
            }
        }
    }

    /// Writes what was kept.
    pub(super) fn poll_write_kept(
        &mut self,
        mut stream: impl AsyncWrite + Unpin,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.kept.is_empty() {
            let count = ready!(Pin::new(&mut stream).poll_write(cx, &self.kept))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.kept.advance(count);
        }
        // It may have held a long head.
        mem::take(&mut self.kept);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// Writes in pieces of this size.
    fn write(adoption: &mut Adoption, bytes: &[u8], step: usize) {
        let cx = Context::from_waker(Waker::noop());
        for piece in bytes.chunks(step) {
            assert_eq!(adoption.write(&[IoSlice::new(piece)], &cx), piece.len());
        }
    }

    /// All that is read until there is nothing more to read but the stream, or something to be written first.
    fn read(adoption: &mut Adoption, step: usize) -> (Vec<u8>, bool) {
        let mut came = Vec::new();
        loop {
            let mut space = vec![0; step];
            let mut buf = ReadBuf::new(&mut space);
            match adoption.read(&mut buf) {
                Reading::Told | Reading::Early => came.extend_from_slice(buf.filled()),
                Reading::Wait => return (came, false),
                Reading::Stream => return (came, true),
            }
        }
    }

    #[test]
    fn the_peer_sees_neither_the_first_request_nor_what_it_has_not_asked_for() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let own = frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 0]);
        let window = frame(8, 0, 0, &[1, 0, 0, 0]);
        let acknowledgement = frame(SETTINGS, ACK, 0, &[]);
        let first = [
            preface.to_vec(),
            own.clone(),
            acknowledgement.clone(),
            window.clone(),
            // A long one.
            frame(HEADERS, 1, 1, &[7; 300]),
            frame(CONTINUATION, END_HEADERS, 1, &vec![8; 70_000]),
        ]
        .concat();
        let after = frame(HEADERS, 5, 3, b"next");
        for step in [1, 2, 9, 10, 1000, usize::MAX] {
            let mut adoption = Adoption::new(Bytes::from_static(b"early"));
            let read_step = step.min(100);
            let (told, open) = read(&mut adoption, read_step);
            assert_eq!(told[..9], [0, 0, 12, SETTINGS, 0, 0, 0, 0, 0]);
            assert_eq!(told[9..], [0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100]);
            assert!(!open);
            write(&mut adoption, &first, step);
            assert!(!adoption.is_settled());
            let (told, open) = read(&mut adoption, read_step);
            assert_eq!(told[..9], [0, 0, 6, SETTINGS, 0, 0, 0, 0, 0]);
            assert_eq!(told[9..], [0, 1, 0, 0, 16, 0]);
            assert!(!open);
            write(&mut adoption, &acknowledgement, step);
            assert!(adoption.is_settled() && !adoption.is_over());
            write(&mut adoption, &after, step);
            assert_eq!(read(&mut adoption, read_step), (b"early".to_vec(), true));

            let mut seen = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            assert!(adoption.poll_write_kept(&mut seen, &mut cx).is_ready());
            let expected = [&preface[..], &own, &window, &after].concat();
            assert!(seen == expected, "in pieces of {step}");
            assert!(adoption.is_over());
        }
    }

    #[test]
    fn a_stream_that_takes_little_gets_all_in_the_end() {
        let mut adoption = Adoption::new(Bytes::new());
        let frames = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(SETTINGS, ACK, 0, &[]),
            frame(HEADERS, END_HEADERS, 1, b"kept"),
            frame(SETTINGS, ACK, 0, &[]),
            frame(HEADERS, END_HEADERS, 3, b"sent"),
        ];
        write(&mut adoption, &frames.concat(), usize::MAX);
        let mut stream = tokio_test::io::Builder::new()
            .write(&frames[0][..10])
            .write(&frames[0][10..])
            .write(&frames[4])
            .build();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(adoption.poll_write_kept(&mut stream, &mut cx).is_ready());
        assert!(adoption.is_over());
        let mut broken = tokio_test::io::Builder::new()
            .write_error(io::ErrorKind::ConnectionReset.into())
            .build();
        write(&mut adoption, b"more", usize::MAX);
        let outcome = adoption.poll_write_kept(&mut broken, &mut cx);
        assert!(matches!(outcome, Poll::Ready(Err(_))), "{outcome:?}");
    }
}
