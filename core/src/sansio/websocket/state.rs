//! What a connection holds, and one step of it.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::handshake::WebSocketAgreement;
use super::{EndHandler, Flow, FrameHandler, WebSocketSettings};
use crate::delivery::Outgoing;
use crate::error::{Error, ErrorCode, Result};
use crate::part::Frame;
use crate::protocol::websocket::{Accepts, Deflater, Inflater, Receiver, Sender};
use crate::sansio::WakeHandler;
use crate::sansio::memory::Wire;
use crate::sansio::pump::Waiting;

/// A call that is to be made with nothing locked.
pub(super) enum Call {
    Frame(FrameHandler, Frame),
    End(EndHandler, Result<Option<u16>>),
    Wake(WakeHandler),
    /// Nothing: what a handler holds may call the connection when it is dropped.
    Drop(Box<dyn Send>),
}

pub(super) struct State {
    pub(super) wire: Wire,
    pub(super) waiting: Waiting,
    pub(super) outgoing: Outgoing,
    pub(super) send_buffer: usize,
    pub(super) room: Option<WakeHandler>,
    /// Someone makes the calls that are due.
    pub(super) driving: bool,
    receiver: Receiver,
    sender: Sender,
    /// Taken from the queue and not begun.
    batch: VecDeque<Frame>,
    /// Out while it is called.
    frame: Option<FrameHandler>,
    /// None once it was called, or is in `calls`.
    end: Option<EndHandler>,
    calls: VecDeque<Call>,
    paused: bool,
    /// It was to go on while its handler was out.
    resumed: bool,
    /// How it ends, once nothing more is received: it is told when the last frame is in the output.
    outcome: Option<Result<Option<u16>>>,
}

impl State {
    pub(super) fn new(
        settings: &WebSocketSettings,
        agreement: &WebSocketAgreement,
        frame: FrameHandler,
        end: EndHandler,
    ) -> State {
        let accepts = Accepts {
            frame: settings.max_frame_bytes,
            message: settings.max_message_bytes,
            fragments: settings.frames,
        };
        let agreed = agreement.0.as_ref();
        let mut outgoing = Outgoing::default();
        outgoing.open(Vec::new());
        State {
            wire: Wire::default(),
            waiting: Waiting::default(),
            outgoing,
            send_buffer: settings.send_buffer,
            room: None,
            driving: false,
            receiver: Receiver::new(accepts, agreed.map(Inflater::new)),
            sender: Sender::new(agreed.and_then(Deflater::new)),
            batch: VecDeque::new(),
            frame: Some(frame),
            end: Some(end),
            calls: VecDeque::new(),
            paused: false,
            resumed: false,
            outcome: None,
        }
    }

    /// Nothing more is received.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.is_some() || self.end.is_none()
    }

    /// Takes input as far as there is room; at the end all of it, to drop it.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        if self.wire.finished || self.wire.ended {
            return 0;
        }
        if self.is_over() {
            return bytes.len();
        }
        self.wire.feed(bytes)
    }

    pub(super) fn resume(&mut self) {
        self.resumed = self.frame.is_none();
        self.paused = false;
    }

    /// The handler is back; it is given back to be dropped where it is not needed any more.
    pub(super) fn put_back(&mut self, handler: FrameHandler, flow: Flow) -> Option<FrameHandler> {
        self.paused = flow == Flow::Pause && !std::mem::take(&mut self.resumed);
        if self.is_over() {
            return Some(handler);
        }
        self.frame = Some(handler);
        None
    }

    /// Works until there is a call to make. None when nothing is left to do.
    pub(super) fn next_call(&mut self) -> Option<Call> {
        loop {
            let was_over = self.is_over();
            self.write();
            let call = self.calls.pop_front().or_else(|| self.receive());
            if call.is_some() {
                return call;
            }
            // An end that was found just now is still to be told of, and to the peer.
            if self.is_over() == was_over {
                break;
            }
        }
        self.waiting.due(&self.wire).map(Call::Wake)
    }

    /// The next message or control frame.
    fn receive(&mut self) -> Option<Call> {
        if self.is_over() || self.paused {
            return None;
        }
        let handler = self.frame.take()?;
        self.wire.wanted = 0;
        match self.receiver.next(&mut self.wire.input) {
            Ok(Some(frame)) => {
                match &frame {
                    // A copy, for it may wait, and would hold all that was read with it.
                    Frame::Ping(payload) => self.sender.answer(Bytes::copy_from_slice(payload)),
                    Frame::Close(code, _) => {
                        let code = *code;
                        self.shut();
                        self.sender.close(code, "");
                        self.outcome = Some(Ok(code));
                    }
                    _ => {}
                }
                return Some(Call::Frame(handler, frame));
            }
            Ok(None) => {
                self.frame = Some(handler);
                self.wire.wanted = self.receiver.wanted(&self.wire.input);
                if self.wire.ended {
                    let error = Error::new(
                        ErrorCode::ConnectionClosed,
                        "websocket: the connection ended without a close",
                    );
                    self.fail(error, None);
                }
            }
            Err(error) => {
                self.frame = Some(handler);
                // RFC 6455, 7.4.1.
                let code = match error.code() {
                    ErrorCode::WebSocketInvalidUtf8 => 1007,
                    ErrorCode::WebSocketTooLarge => 1009,
                    _ => 1002,
                };
                self.fail(error, Some(code));
            }
        }
        None
    }

    /// It ends with an error, of which the peer is told by a close with this code.
    pub(super) fn fail(&mut self, error: Error, code: Option<u16>) {
        if self.is_over() {
            return;
        }
        self.shut();
        match code {
            Some(code) => self.sender.close(Some(code), ""),
            None => self.wire.finished = true,
        }
        self.outcome = Some(Err(error));
    }

    /// What was not begun to be sent is dropped, and nothing more taken.
    fn shut(&mut self) {
        self.outgoing.shut();
        self.batch.clear();
        self.wire.wanted = 0;
        self.wire.input.clear();
    }

    /// Moves what is to be sent into the output, as far as there is room; at the end says so.
    fn write(&mut self) {
        while !self.wire.finished && !self.wire.output.is_closed() {
            let count = self.wire.output.push(&self.sender.out);
            self.sender.out.advance(count);
            if !self.sender.out.is_empty() {
                return;
            }
            if self.batch.is_empty() && !self.sender.is_closed() {
                // Where someone was refused there is room again.
                if self.outgoing.take_all(&mut self.batch) {
                    let room = self.room.take();
                    self.calls.extend(room.map(Call::Wake));
                }
            }
            if self.batch.is_empty() && self.sender.is_idle() {
                break;
            }
            if let Err(error) = self.sender.fill(&mut self.batch, |_| {}) {
                self.fail(error, None);
            }
        }
        if let Some(outcome) = self.outcome.take() {
            // The last frame is in the output, or will never be.
            self.wire.finished = true;
            let handlers = (self.frame.take(), self.room.take());
            self.calls
                .extend(self.end.take().map(|end| Call::End(end, outcome)));
            self.calls.push_back(Call::Drop(Box::new(handlers)));
        } else if self.wire.output.is_closed() {
            self.outgoing.shut();
            self.batch.clear();
        }
    }
}
