//! Delivery of a WebSocket to a function that answers with frames.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Delivery, Event};
use crate::error::ErrorCode;
use crate::part::{Frame, Part};

/// What a function says to a part; see [`Delivery::answered`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameAnswer {
    /// Go on.
    Continue,
    /// Go on, and send these frames.
    Send(Vec<Frame>),
    /// It is enough: the WebSocket is closed with 1000, and no more frames are handed over.
    Halt,
    /// The same after these frames. If one of them is a close it is that.
    HaltWith(Vec<Frame>),
}

impl Delivery {
    /// Hands the parts of a WebSocket to this function, which answers each. It runs on the thread of the reactor and must
    /// not block. Answers that the queue has no room for wait, and the parts that they answer keep their credit meanwhile:
    /// so a peer that sends and does not read is read no more.
    pub fn answered(mut answer: impl FnMut(&Part) -> FrameAnswer + Send + 'static) -> Delivery {
        let mut waiting = Waiting::default();
        Delivery::Callback(Box::new(move |event: Event| {
            if matches!(event.part(), Part::Writable) {
                waiting.send(&event);
            }
            let ends = event.is_terminal();
            if waiting.halted && !ends && matches!(event.part(), Part::Frame(_)) {
                return;
            }
            match answer(event.part()) {
                FrameAnswer::Continue => return,
                FrameAnswer::Send(frames) => waiting.frames.extend(frames),
                FrameAnswer::Halt => waiting.halt(Vec::new()),
                FrameAnswer::HaltWith(frames) => waiting.halt(frames),
            }
            if !ends {
                waiting.send(&event);
                waiting.keep(event);
            }
        }))
    }
}

/// Answers that the queue had no room for.
#[derive(Default)]
struct Waiting {
    frames: VecDeque<Frame>,
    /// What they answer; its credit is not given back before they are sent.
    events: Vec<Event>,
    halted: bool,
}

impl Waiting {
    fn halt(&mut self, frames: Vec<Frame>) {
        if std::mem::replace(&mut self.halted, true) {
            return;
        }
        let closes = frames.iter().any(|frame| matches!(frame, Frame::Close(..)));
        self.frames.extend(frames);
        if !closes {
            self.frames
                .push_back(Frame::Close(Some(1000), Bytes::new()));
        }
    }

    fn send(&mut self, event: &Event) {
        let control = event.control();
        while !self.frames.is_empty() {
            match control.send_many(&mut self.frames) {
                Ok(_) => {}
                Err(error) if error.code() == ErrorCode::Again => return,
                // A frame that is not allowed, or a WebSocket that takes no more: the peer's close is on its way, or the
                // terminal part.
                Err(error) => {
                    tracing::debug!(request = control.id(), %error, "an answer was not sent");
                    if error.code() == ErrorCode::InvalidState {
                        self.frames.clear();
                    } else {
                        self.frames.pop_front();
                    }
                }
            }
        }
        self.events.clear();
    }

    fn keep(&mut self, event: Event) {
        if !self.frames.is_empty() {
            self.events.push(event);
        }
    }
}
