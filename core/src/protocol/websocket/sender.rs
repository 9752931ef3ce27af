//! Messages in, masked frames out: RFC 6455, 5, on tungstenite's frame layer. It opens no socket.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::deflate::Deflater;
use super::mask;
use crate::error::{Error, ErrorCode, Result};
use crate::limits::{WEBSOCKET_ANSWERS, WEBSOCKET_WRITE, WEBSOCKET_WRITE_SLOW};
use crate::part::{FragmentKind, Frame};

/// Bytes that are copied and then masked.
const MASKED: usize = 8 * 1024;

/// A data frame whose payload is partly in the output.
struct Current {
    key: [u8; 4],
    left: Bytes,
}

/// A message that is being compressed, frame by frame.
struct Compressing {
    opcode: OpCode,
    /// It begins: the first frame says that the message is compressed.
    first: bool,
    input: Bytes,
    /// What is there of it is the end of the message.
    last: bool,
}

/// Writes frames into one buffer, masked, and no more of them at once than that holds.
pub(crate) struct Sender {
    /// What waits for the connection to take it.
    pub(crate) out: BytesMut,
    /// Bytes that the output may have. Few large writes cost less than many, where the connection takes them; of one that
    /// does not, what is urgent would wait behind them.
    room: usize,
    current: Option<Current>,
    compressing: Option<Compressing>,
    deflater: Option<Deflater>,
    /// The message in fragments that the caller is sending is compressed.
    fragments_compressed: bool,
    /// Answers to pings.
    answers: VecDeque<Bytes>,
    /// The close frame that comes next.
    ending: Option<Frame>,
    closed: bool,
}

impl Sender {
    pub(crate) fn new(deflater: Option<Deflater>) -> Sender {
        Sender {
            out: BytesMut::new(),
            room: WEBSOCKET_WRITE_SLOW,
            current: None,
            compressing: None,
            deflater,
            fragments_compressed: false,
            answers: VecDeque::new(),
            ending: None,
            closed: false,
        }
    }

    /// Bytes that the output may have.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// The connection was given so many bytes and took all of them, or did not.
    pub(super) fn was_taken(&mut self, count: usize, whole: bool) {
        if !whole {
            self.room = WEBSOCKET_WRITE_SLOW;
        } else if count >= self.room {
            self.room = (self.room * 2).min(WEBSOCKET_WRITE);
        }
    }

    /// A close frame was written or comes next: nothing may follow.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed || self.ending.is_some()
    }

    /// Nothing waits to be written.
    pub(crate) fn is_idle(&self) -> bool {
        self.out.is_empty() && self.wants_nothing()
    }

    /// What is in the output is the last: the close frame, or nothing.
    pub(crate) fn is_at_end(&self) -> bool {
        self.closed && self.wants_nothing()
    }

    fn wants_nothing(&self) -> bool {
        self.current.is_none()
            && self.compressing.is_none()
            && self.answers.is_empty()
            && self.ending.is_none()
    }

    /// Answers a ping. With too many answers waiting the latest takes the place of the one before (RFC 6455, 5.5.3): a
    /// peer that pings and does not read must not fill the memory.
    pub(crate) fn answer(&mut self, payload: Bytes) {
        if self.closed {
            return;
        }
        if self.answers.len() >= WEBSOCKET_ANSWERS {
            self.answers.pop_back();
        }
        self.answers.push_back(payload);
    }

    /// Fills the output from what is under way, then from `frames`, which it takes as far as there is room. True when a
    /// close frame was written; what follows it is dropped.
    ///
    /// # Errors
    /// `io` when the system gives no randomness.
    pub(crate) fn fill(
        &mut self,
        frames: &mut VecDeque<Frame>,
        mut begun: impl FnMut(&Frame),
    ) -> Result<bool> {
        while self.out.len() < self.room {
            if self.go_on() {
                continue;
            }
            if self.closed {
                frames.clear();
                return Ok(true);
            }
            // Between frames, not in the middle of one; fragments of a message are no hindrance (RFC 6455, 5.4).
            if let Some(payload) = self.answers.pop_front() {
                self.begin(OpCode::Control(Control::Pong), true, false, payload)?;
                continue;
            }
            if let Some(close) = self.ending.take() {
                self.take(close)?;
                continue;
            }
            if self.compress()? {
                continue;
            }
            let Some(frame) = frames.pop_front() else {
                return Ok(false);
            };
            begun(&frame);
            self.take(frame)?;
        }
        Ok(self.closed)
    }

    /// Ends with a close frame once the frame under way is out; messages not begun are dropped.
    pub(crate) fn close(&mut self, code: Option<u16>, reason: &'static str) {
        if !self.closed && self.ending.is_none() {
            self.compressing = None;
            self.ending = Some(Frame::Close(code, Bytes::from_static(reason.as_bytes())));
        }
    }

    fn take(&mut self, frame: Frame) -> Result<()> {
        match frame {
            Frame::Text(payload) => self.message(OpCode::Data(Data::Text), payload),
            Frame::Binary(payload) => self.message(OpCode::Data(Data::Binary), payload),
            Frame::Fragment {
                kind,
                last,
                payload,
            } => self.fragment(kind, last, payload),
            Frame::Ping(payload) => {
                self.begin(OpCode::Control(Control::Ping), true, false, payload)
            }
            Frame::Pong(payload) => {
                self.begin(OpCode::Control(Control::Pong), true, false, payload)
            }
            Frame::Close(code, reason) => {
                self.closed = true;
                let mut payload = Vec::with_capacity(2 + reason.len());
                if let Some(code) = code {
                    payload.extend_from_slice(&code.to_be_bytes());
                    payload.extend_from_slice(&reason);
                }
                self.begin(OpCode::Control(Control::Close), true, false, payload.into())
            }
        }
    }

    fn message(&mut self, opcode: OpCode, payload: Bytes) -> Result<()> {
        let length = payload.len();
        if self.deflater.as_ref().is_some_and(|it| it.wants(length)) {
            self.compressing = Some(Compressing {
                opcode,
                first: true,
                input: payload,
                last: true,
            });
            return Ok(());
        }
        self.begin(opcode, true, false, payload)
    }

    /// A piece that the caller itself has cut. Compressed they keep their number, but for long ones.
    fn fragment(&mut self, kind: FragmentKind, last: bool, payload: Bytes) -> Result<()> {
        let first = kind != FragmentKind::Continuation;
        let opcode = OpCode::Data(match kind {
            FragmentKind::Text => Data::Text,
            FragmentKind::Binary => Data::Binary,
            FragmentKind::Continuation => Data::Continue,
        });
        if first {
            // How long it becomes is not known yet, unless it ends here.
            let length = if last { payload.len() } else { usize::MAX };
            self.fragments_compressed = self.deflater.as_ref().is_some_and(|it| it.wants(length));
        }
        if self.fragments_compressed {
            self.compressing = Some(Compressing {
                opcode,
                first,
                input: payload,
                last,
            });
            return Ok(());
        }
        self.begin(opcode, last, false, payload)
    }

    /// The next frame of a message that is being compressed; false where there is none.
    fn compress(&mut self) -> Result<bool> {
        let Some(mut message) = self.compressing.take() else {
            return Ok(false);
        };
        let Some(deflater) = &mut self.deflater else {
            return Ok(false);
        };
        let (payload, complete) = deflater.next(&mut message.input, message.last)?;
        let last = complete && message.last;
        let opcode = std::mem::replace(&mut message.opcode, OpCode::Data(Data::Continue));
        let first = std::mem::replace(&mut message.first, false);
        if !complete {
            self.compressing = Some(message);
        }
        self.begin(opcode, last, first, payload)?;
        Ok(true)
    }

    /// Writes the head of a frame, and of its payload as much as there is room for.
    fn begin(
        &mut self,
        opcode: OpCode,
        last: bool,
        compressed: bool,
        payload: Bytes,
    ) -> Result<()> {
        let key = mask::key()?;
        let header = FrameHeader {
            is_final: last,
            rsv1: compressed,
            opcode,
            mask: Some(key),
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        let mut head = Head::default();
        header
            .format(length, &mut head)
            .map_err(|cause| Error::new(ErrorCode::Io, format!("websocket: {cause}")))?;
        self.out.extend_from_slice(&head.bytes[..head.length]);
        self.current = Some(Current { key, left: payload });
        self.go_on();
        Ok(())
    }

    /// Writes more of the payload under way; false when nothing is.
    fn go_on(&mut self) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        let room = self.room.saturating_sub(self.out.len());
        // Control frames, of which an end is near, are always taken whole.
        let count = current.left.len().min(room.max(125));
        let piece = current.left.split_to(count);
        // Masked while the nearest cache has it still.
        for block in piece.chunks(MASKED) {
            let place = self.out.len();
            self.out.extend_from_slice(block);
            mask::apply(&mut current.key, &mut self.out[place..]);
        }
        if current.left.is_empty() {
            self.current = None;
        }
        true
    }
}

/// The head of a frame: 14 bytes at most.
#[derive(Default)]
struct Head {
    bytes: [u8; 14],
    length: usize,
}

impl std::io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = &mut self.bytes[self.length..];
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        self.length += count;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
