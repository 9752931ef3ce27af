//! WebSocket messages on their way out: a bounded queue.

use std::collections::VecDeque;

use crate::error::{Error, ErrorCode, Result};
use crate::part::{FragmentKind, Frame};
use crate::text::Utf8;

/// Whether messages are taken.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Gate {
    /// Not open yet, or not any more.
    #[default]
    Shut,
    Open,
    /// It is being opened again; meanwhile so many bytes are kept.
    Waiting(usize),
}

/// WebSocket messages on their way out.
#[derive(Default)]
pub(crate) struct Outgoing {
    frames: VecDeque<Frame>,
    queued: usize,
    refused: bool,
    closing: bool,
    gate: Gate,
    /// A message in fragments has begun and not ended.
    fragmented: Option<Fragmented>,
}

#[derive(Default)]
struct Fragmented {
    text: bool,
    utf8: Utf8,
}

impl Outgoing {
    /// Whether a frame may be queued now; it is then taken by [`Outgoing::push`].
    pub(crate) fn admit(&mut self, frame: &Frame, bound: usize) -> Result<()> {
        let bound = match self.gate {
            Gate::Open if !self.closing => bound,
            Gate::Waiting(bound) if !self.closing => bound,
            _ => {
                return Err(Error::new(
                    ErrorCode::InvalidState,
                    "the WebSocket is not open for sending",
                ));
            }
        };
        let size = frame.credit();
        if self.queued > 0 && self.queued + size > bound {
            self.refused = true;
            return Err(Error::new(ErrorCode::Again, "the send queue is full"));
        }
        self.check_order(frame)
    }

    /// Queues a frame that was admitted; true when the queue was empty, so that the session must be woken.
    pub(crate) fn push(&mut self, frame: Frame) -> bool {
        self.closing = matches!(frame, Frame::Close(..));
        self.queued += frame.credit();
        self.frames.push_back(frame);
        self.frames.len() == 1
    }

    /// Queues a frame; true as [`Outgoing::push`].
    pub(crate) fn send(&mut self, frame: Frame, bound: usize) -> Result<bool> {
        self.admit(&frame, bound)?;
        Ok(self.push(frame))
    }

    /// Messages do not begin inside others (RFC 6455, 5.4), and the text of fragments is UTF-8 in all.
    fn check_order(&mut self, frame: &Frame) -> Result<()> {
        let wrong = |what: &str| Err(Error::new(ErrorCode::InvalidState, what));
        let not_utf8 = || {
            Err(Error::new(
                ErrorCode::InvalidArgument,
                "text in fragments: not UTF-8",
            ))
        };
        let (kind, last, payload) = match frame {
            Frame::Text(_) | Frame::Binary(_) if self.fragmented.is_some() => {
                return wrong("a message in fragments has not ended");
            }
            Frame::Fragment {
                kind,
                last,
                payload,
            } => (*kind, *last, payload),
            _ => return Ok(()),
        };
        let mut fragmented = match (kind, self.fragmented.take()) {
            (FragmentKind::Continuation, Some(begun)) => begun,
            (FragmentKind::Continuation, None) => {
                return wrong("no message in fragments has begun");
            }
            (_, begun @ Some(_)) => {
                self.fragmented = begun;
                return wrong("a message in fragments has not ended");
            }
            (kind, None) => Fragmented {
                text: kind == FragmentKind::Text,
                utf8: Utf8::default(),
            },
        };
        if fragmented.text {
            let mut after = fragmented.utf8.clone();
            let valid = after.push(payload) && (!last || after.finish());
            if !valid {
                // Nothing was sent of a first piece; a further one may be given again.
                if kind == FragmentKind::Continuation {
                    self.fragmented = Some(fragmented);
                }
                return not_utf8();
            }
            fragmented.utf8 = after;
        }
        if !last {
            self.fragmented = Some(fragmented);
        }
        Ok(())
    }

    /// Opens it, with what is sent before what was queued meanwhile.
    pub(crate) fn open(&mut self, mut first: Vec<Frame>) {
        self.gate = Gate::Open;
        first.retain(|frame| check(frame).is_ok());
        self.put_back(first.into());
    }

    pub(crate) fn shut(&mut self) {
        self.gate = Gate::Shut;
    }

    /// The connection was lost and another will be opened: keeps up to `bound` bytes until then. `unsent` was taken and not
    /// begun.
    pub(crate) fn wait(&mut self, bound: usize, unsent: VecDeque<Frame>) {
        self.gate = Gate::Waiting(bound);
        self.put_back(unsent);
        // A message of which the lost connection has a part cannot be ended on another.
        while let Some(Frame::Fragment {
            kind: FragmentKind::Continuation,
            last,
            ..
        }) = self.frames.front()
        {
            let last = *last;
            self.drop_first();
            if last {
                break;
            }
        }
        let begins = |frame: &Frame| matches!(frame, Frame::Fragment { kind, .. } if *kind != FragmentKind::Continuation);
        if !self.frames.iter().any(begins) {
            self.fragmented = None;
        }
        // A close that was on its way has what it wanted.
        self.closing = self
            .frames
            .iter()
            .any(|frame| matches!(frame, Frame::Close(..)));
    }

    /// The caller wants it closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    fn drop_first(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.queued -= frame.credit();
        }
    }

    fn put_back(&mut self, mut first: VecDeque<Frame>) {
        self.queued += first.iter().map(Frame::credit).sum::<usize>();
        first.append(&mut self.frames);
        self.frames = first;
    }

    /// Moves everything that is queued into `batch`; true when a refused sender is to be told of room.
    pub(crate) fn take_all(&mut self, batch: &mut VecDeque<Frame>) -> bool {
        batch.append(&mut self.frames);
        self.queued = 0;
        std::mem::take(&mut self.refused)
    }
}

/// Whether RFC 6455 allows a frame to be sent.
pub(crate) fn check(frame: &Frame) -> Result<()> {
    let wrong = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what.to_owned()));
    match frame {
        Frame::Text(text) => match std::str::from_utf8(text) {
            Ok(_) => Ok(()),
            Err(cause) => wrong(&format!("text message: {cause}")),
        },
        Frame::Binary(_) | Frame::Fragment { .. } => Ok(()),
        Frame::Ping(payload) | Frame::Pong(payload) if payload.len() > 125 => {
            wrong("a control frame holds 125 bytes at most (RFC 6455, 5.5)")
        }
        Frame::Close(_, reason) if reason.len() > 123 => {
            wrong("a close reason holds 123 bytes at most (RFC 6455, 5.5.1)")
        }
        Frame::Close(_, reason) if std::str::from_utf8(reason).is_err() => {
            wrong("a close reason is UTF-8")
        }
        Frame::Close(None, reason) if !reason.is_empty() => {
            wrong("a close reason needs a code (RFC 6455, 5.5.1)")
        }
        Frame::Close(Some(code), _) if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) => {
            wrong(&format!(
                "close code {code} must not be sent (RFC 6455, 7.4)"
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use FragmentKind::{Binary, Continuation, Text};

    fn code<T>(result: Result<T>) -> ErrorCode {
        match result {
            Ok(_) => panic!("no error"),
            Err(error) => error.code(),
        }
    }

    fn text() -> Frame {
        Frame::Text(Bytes::from_static(b"message"))
    }

    fn fragment(kind: FragmentKind, last: bool, payload: &'static [u8]) -> Frame {
        Frame::Fragment {
            kind,
            last,
            payload: Bytes::from_static(payload),
        }
    }

    fn open() -> Outgoing {
        let mut outgoing = Outgoing::default();
        outgoing.open(Vec::new());
        outgoing
    }

    #[test]
    fn messages_are_bounded_and_end_with_the_close() {
        let mut outgoing = Outgoing::default();
        assert_eq!(code(outgoing.send(text(), 100)), ErrorCode::InvalidState);
        outgoing.open(Vec::new());
        assert!(outgoing.send(text(), 100).unwrap());
        assert_eq!(code(outgoing.send(text(), 100)), ErrorCode::Again);
        let mut batch = VecDeque::new();
        assert!(outgoing.take_all(&mut batch));
        assert_eq!(batch.len(), 1);
        let close = Frame::Close(None, Bytes::new());
        assert!(outgoing.send(close, 100).unwrap());
        assert_eq!(code(outgoing.send(text(), 100)), ErrorCode::InvalidState);
    }

    #[test]
    fn messages_do_not_begin_inside_others() {
        let mut outgoing = open();
        let mut send = |frame| outgoing.send(frame, 10_000);
        assert_eq!(
            code(send(fragment(Continuation, true, b""))),
            ErrorCode::InvalidState
        );
        send(fragment(Text, false, b"\xce")).unwrap();
        for inside in [
            text(),
            fragment(Text, true, b""),
            fragment(Binary, false, b""),
        ] {
            assert_eq!(code(send(inside)), ErrorCode::InvalidState);
        }
        send(Frame::Ping(Bytes::new())).unwrap();
        // What is refused may be mended.
        assert_eq!(
            code(send(fragment(Continuation, true, b"x"))),
            ErrorCode::InvalidArgument
        );
        assert_eq!(
            code(send(fragment(Continuation, true, b""))),
            ErrorCode::InvalidArgument
        );
        send(fragment(Continuation, false, b"\xba")).unwrap();
        send(fragment(Continuation, true, b"")).unwrap();
        assert_eq!(
            code(send(fragment(Text, true, b"\xff"))),
            ErrorCode::InvalidArgument
        );
        send(text()).unwrap();
        send(fragment(Binary, true, b"\xff")).unwrap();
        send(text()).unwrap();
    }

    #[test]
    fn what_waits_for_another_connection_keeps_its_order() {
        let mut outgoing = open();
        outgoing.send(fragment(Text, false, b"lost"), 1000).unwrap();
        let mut batch = VecDeque::new();
        outgoing.take_all(&mut batch);
        batch.clear();
        outgoing
            .send(fragment(Continuation, false, b"half"), 1000)
            .unwrap();
        outgoing.wait(200, [fragment(Continuation, false, b"half")].into());
        // The rest of what was lost is dropped, and no more of it taken.
        assert_eq!(
            code(outgoing.send(fragment(Continuation, true, b""), 9)),
            ErrorCode::InvalidState
        );
        outgoing.send(text(), 9).unwrap();
        outgoing.send(text(), 9).unwrap();
        assert_eq!(code(outgoing.send(text(), 9)), ErrorCode::Again);
        outgoing.open(vec![Frame::Binary(Bytes::from_static(b"resume"))]);
        assert!(outgoing.take_all(&mut batch));
        assert_eq!(
            Vec::from(batch),
            [Frame::Binary(Bytes::from_static(b"resume")), text(), text()]
        );
    }
}
