//! WebSocket messages and frames, as C has them.

use bytes::Bytes;
use engine::{Error, ErrorCode, FragmentKind, Frame, Result};

use crate::view::trunk_view;

/// The kind of a WebSocket message or frame: one of `TRUNK_FRAME_*`.
pub type trunk_frame_kind = i32;

/// No frame.
pub const TRUNK_FRAME_NONE: trunk_frame_kind = 0;
/// A text message, in UTF-8, or its first fragment.
pub const TRUNK_FRAME_TEXT: trunk_frame_kind = 1;
/// A binary message, or its first fragment.
pub const TRUNK_FRAME_BINARY: trunk_frame_kind = 2;
/// A further fragment of a message.
pub const TRUNK_FRAME_CONTINUATION: trunk_frame_kind = 3;
/// A close frame.
pub const TRUNK_FRAME_CLOSE: trunk_frame_kind = 8;
/// A ping; when it is received it has been answered already.
pub const TRUNK_FRAME_PING: trunk_frame_kind = 9;
/// A pong.
pub const TRUNK_FRAME_PONG: trunk_frame_kind = 10;

/// A WebSocket message or frame, as batches have them. With all else zero a kind and a payload are a whole message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_message {
    /// The payload; of a close frame the reason.
    pub payload: trunk_view,
    /// The kind.
    pub kind: trunk_frame_kind,
    /// The code of a close frame; 0 for none.
    pub code: u16,
    /// Further fragments of the message follow. Where it is set, and for `TRUNK_FRAME_CONTINUATION`, this is a fragment.
    pub more: bool,
}

impl trunk_message {
    /// A view of a frame.
    pub(crate) fn of(frame: &Frame) -> trunk_message {
        trunk_message {
            payload: trunk_view::of(frame.payload()),
            kind: kind(frame),
            code: close_code(frame),
            more: has_more(frame),
        }
    }

    /// The frame that this is, with this payload.
    ///
    /// # Errors
    /// `invalid_argument` for a kind that is not sent, and for a control frame in fragments.
    pub(crate) fn frame(&self, payload: Bytes) -> Result<Frame> {
        let fragment = |kind, payload| Frame::Fragment {
            kind,
            last: !self.more,
            payload,
        };
        match self.kind {
            TRUNK_FRAME_TEXT if self.more => Ok(fragment(FragmentKind::Text, payload)),
            TRUNK_FRAME_BINARY if self.more => Ok(fragment(FragmentKind::Binary, payload)),
            TRUNK_FRAME_CONTINUATION => Ok(fragment(FragmentKind::Continuation, payload)),
            TRUNK_FRAME_TEXT => Ok(Frame::Text(payload)),
            TRUNK_FRAME_BINARY => Ok(Frame::Binary(payload)),
            TRUNK_FRAME_PING if !self.more => Ok(Frame::Ping(payload)),
            TRUNK_FRAME_PONG if !self.more => Ok(Frame::Pong(payload)),
            TRUNK_FRAME_CLOSE if !self.more => {
                Ok(Frame::Close((self.code != 0).then_some(self.code), payload))
            }
            kind => Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("a frame of kind {kind} is not sent so"),
            )),
        }
    }
}

/// The kind of a frame.
pub(crate) fn kind(frame: &Frame) -> trunk_frame_kind {
    match frame {
        Frame::Text(_) => TRUNK_FRAME_TEXT,
        Frame::Binary(_) => TRUNK_FRAME_BINARY,
        Frame::Ping(_) => TRUNK_FRAME_PING,
        Frame::Pong(_) => TRUNK_FRAME_PONG,
        Frame::Close(..) => TRUNK_FRAME_CLOSE,
        Frame::Fragment { kind, .. } => match kind {
            FragmentKind::Text => TRUNK_FRAME_TEXT,
            FragmentKind::Binary => TRUNK_FRAME_BINARY,
            FragmentKind::Continuation => TRUNK_FRAME_CONTINUATION,
        },
    }
}

/// The code of a close frame, else 0.
pub(crate) fn close_code(frame: &Frame) -> u16 {
    match frame {
        Frame::Close(code, _) => code.unwrap_or(0),
        _ => 0,
    }
}

/// Whether it is a fragment that others follow.
pub(crate) fn has_more(frame: &Frame) -> bool {
    matches!(frame, Frame::Fragment { last: false, .. })
}

/// Copies of messages, as frames. Their payloads share one piece of memory, up to `bytes` of it; what is longer is left,
/// but for the first message.
///
/// # Safety
/// The contract: each has a view that may be read.
///
/// # Errors
/// As [`trunk_message::frame`] and [`trunk_view::bytes`] for the first message; what is wrong with a later one ends the
/// frames before it.
pub(crate) unsafe fn copy(messages: &[trunk_message], bytes: usize) -> Result<Vec<Frame>> {
    let mut total = 0_usize;
    let mut count = 0;
    let mut wrong = None;
    for message in messages {
        // SAFETY: the caller's promise.
        match unsafe { message.payload.bytes() } {
            Ok(payload) if count == 0 || total.saturating_add(payload.len()) <= bytes => {
                total += payload.len();
                count += 1;
            }
            Ok(_) => break,
            Err(error) => {
                wrong = Some(error);
                break;
            }
        }
    }
    if let Some(error) = wrong.filter(|_| count == 0) {
        return Err(error);
    }
    let mut memory = bytes::BytesMut::with_capacity(total);
    let mut frames = Vec::with_capacity(count);
    for message in &messages[..count] {
        // SAFETY: the caller's promise.
        memory.extend_from_slice(unsafe { message.payload.bytes() }?);
        match message.frame(memory.split().freeze()) {
            Ok(frame) => frames.push(frame),
            Err(error) if frames.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: trunk_frame_kind, payload: &'static [u8]) -> trunk_message {
        trunk_message {
            payload: trunk_view::of(payload),
            kind,
            code: 0,
            more: false,
        }
    }

    #[test]
    fn frames_and_messages_are_the_same() {
        let payload = || Bytes::from_static(b"payload");
        let fragment = |kind, last| Frame::Fragment {
            kind,
            last,
            payload: payload(),
        };
        for frame in [
            Frame::Text(payload()),
            Frame::Binary(payload()),
            Frame::Ping(payload()),
            Frame::Pong(payload()),
            Frame::Close(Some(1000), payload()),
            Frame::Close(None, payload()),
            fragment(FragmentKind::Text, false),
            fragment(FragmentKind::Binary, false),
            fragment(FragmentKind::Continuation, false),
            fragment(FragmentKind::Continuation, true),
        ] {
            assert_eq!(trunk_message::of(&frame).frame(payload()).unwrap(), frame);
        }
        for kind in [TRUNK_FRAME_NONE, 4, 7, 11, -1] {
            assert!(message(kind, b"").frame(Bytes::new()).is_err(), "{kind}");
        }
        for kind in [TRUNK_FRAME_CLOSE, TRUNK_FRAME_PING, TRUNK_FRAME_PONG] {
            let mut cut = message(kind, b"");
            cut.more = true;
            assert!(cut.frame(Bytes::new()).is_err(), "{kind}");
        }
    }

    #[test]
    fn as_many_are_copied_as_fit() {
        let copied = |messages: &[trunk_message], bytes| {
            // SAFETY: the views are static.
            unsafe { copy(messages, bytes) }.map(|frames| frames.len())
        };
        let good = message(TRUNK_FRAME_BINARY, b"12345");
        let mut bad = good;
        bad.payload.data = std::ptr::null();
        assert_eq!(copied(&[], 10).unwrap(), 0);
        assert_eq!(copied(&[good, good, good], 10).unwrap(), 2);
        assert_eq!(copied(&[good, good], 1).unwrap(), 1);
        assert_eq!(copied(&[good, bad, good], 100).unwrap(), 1);
        assert_eq!(copied(&[good, message(77, b""), good], 100).unwrap(), 1);
        assert!(copied(&[bad, good], 100).is_err());
        assert!(copied(&[message(77, b""), good], 100).is_err());
    }
}
