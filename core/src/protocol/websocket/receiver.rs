//! Frames in, messages out: RFC 6455, 5, on tungstenite's frame layer. It opens no socket.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::deflate::{self, Inflater};
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::part::{FragmentKind, Frame};
use crate::text::Utf8;

/// The longest payload of a control frame (RFC 6455, 5.5).
const CONTROL: usize = 125;

/// What a receiver accepts, and how it hands it over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepts {
    /// Bytes of a frame.
    pub(crate) frame: usize,
    /// Bytes of a message, once decompressed.
    pub(crate) message: usize,
    /// Frames are handed over as they came, and not put together.
    pub(crate) fragments: bool,
}

/// A frame whose head was read.
#[derive(Clone, Copy)]
struct Head {
    opcode: OpCode,
    last: bool,
    compressed: bool,
    /// Of its payload, what is still to come.
    left: usize,
}

/// A message whose last frame has not come.
struct Open {
    text: bool,
    compressed: bool,
    /// What of it was put together.
    payload: Vec<u8>,
    /// Its length so far, whether or not it was put together.
    length: usize,
    frames: usize,
}

/// Puts messages together and checks them.
pub(crate) struct Receiver {
    accepts: Accepts,
    inflater: Option<Inflater>,
    head: Option<Head>,
    /// Bytes of the frame in work, still in the buffer, that were found to be UTF-8.
    checked: usize,
    open: Option<Open>,
    utf8: Utf8,
}

impl Receiver {
    pub(crate) fn new(accepts: Accepts, inflater: Option<Inflater>) -> Receiver {
        Receiver {
            accepts,
            inflater,
            head: None,
            checked: 0,
            open: None,
            utf8: Utf8::default(),
        }
    }

    /// Bytes that are wanted to end the frame in work.
    pub(crate) fn wanted(&self, input: &BytesMut) -> usize {
        self.head
            .map_or(0, |head| head.left.saturating_sub(input.len()))
    }

    /// The next message or control frame, none while `input` has too little. A payload that lies in `input` as a whole is
    /// a slice of it.
    ///
    /// # Errors
    /// `websocket_protocol`, `websocket_invalid_utf8`, `websocket_too_large`; afterwards nothing more may be asked.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Frame>> {
        loop {
            let head = match self.head {
                Some(head) => head,
                None => match self.read_head(input)? {
                    Some(head) => head,
                    None => return Ok(None),
                },
            };
            let OpCode::Data(data) = head.opcode else {
                if input.len() < head.left {
                    return Ok(None);
                }
                let payload = input.split_to(head.left).freeze();
                self.head = None;
                return control(head.opcode, payload).map(Some);
            };
            let frame = if head.last && self.is_whole(data) {
                self.whole(head, data, input)?
            } else if self.accepts.fragments {
                self.fragment(head, data, input)?
            } else {
                self.piece(head, input)?
            };
            if frame.is_some() || self.head.is_some() {
                return Ok(frame);
            }
        }
    }

    /// Whether the frame in work is a message by itself, and may be handed over as it is in the buffer.
    fn is_whole(&self, data: Data) -> bool {
        !self.accepts.fragments
            && data != Data::Continue
            && self.open.as_ref().is_some_and(|open| !open.compressed)
    }

    fn read_head(&mut self, input: &mut BytesMut) -> Result<Option<Head>> {
        let mut cursor = Cursor::new(&input[..]);
        let parsed = FrameHeader::parse(&mut cursor)
            .map_err(|cause| protocol(&cause.to_string()).with_source(cause))?;
        let Some((header, length)) = parsed else {
            return Ok(None);
        };
        let size = cursor.position() as usize;
        if header.mask.is_some() {
            return Err(protocol("a frame of the server is masked (RFC 6455, 5.1)"));
        }
        if size != header.len(length) {
            return Err(protocol(
                "a length is not in its shortest form (RFC 6455, 5.2)",
            ));
        }
        if header.rsv2 || header.rsv3 {
            return Err(reserved());
        }
        let left = self.check_length(length)?;
        let mut head = Head {
            opcode: header.opcode,
            last: header.is_final,
            compressed: header.rsv1,
            left,
        };
        match header.opcode {
            OpCode::Control(_) => {
                if header.rsv1 {
                    return Err(reserved());
                }
                if !head.last || left > CONTROL {
                    return Err(protocol(
                        "a control frame is fragmented or longer than 125 bytes (RFC 6455, 5.5)",
                    ));
                }
            }
            OpCode::Data(data) => self.begin(&mut head, data)?,
        }
        input.advance(size);
        self.head = Some(head);
        self.checked = 0;
        Ok(Some(head))
    }

    fn check_length(&self, length: u64) -> Result<usize> {
        match usize::try_from(length) {
            _ if length >> 63 != 0 => Err(protocol("a length has its highest bit set")),
            Ok(length) if length <= self.accepts.frame => Ok(length),
            _ => Err(too_large("a frame", self.accepts.frame)),
        }
    }

    /// A data frame begins or continues a message.
    fn begin(&mut self, head: &mut Head, data: Data) -> Result<()> {
        if let Some(open) = &mut self.open {
            if data != Data::Continue {
                return Err(protocol("a message begins inside another (RFC 6455, 5.4)"));
            }
            // Only the first frame of a message has the bit (RFC 7692, 6).
            if head.compressed {
                return Err(reserved());
            }
            head.compressed = open.compressed;
            open.frames += 1;
            if open.frames > limits::WEBSOCKET_FRAGMENTS {
                return Err(Error::new(
                    ErrorCode::WebSocketTooLarge,
                    format!(
                        "websocket: a message has more than {} fragments",
                        limits::WEBSOCKET_FRAGMENTS
                    ),
                ));
            }
        } else {
            if data == Data::Continue {
                return Err(protocol("a frame continues no message (RFC 6455, 5.4)"));
            }
            if head.compressed && self.inflater.is_none() {
                return Err(reserved());
            }
            self.open = Some(Open {
                text: data == Data::Text,
                compressed: head.compressed,
                payload: Vec::new(),
                length: 0,
                frames: 1,
            });
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if !open.compressed {
            // Before a byte of it has come: nobody is to send much in vain.
            open.length = open.length.saturating_add(head.left);
            if open.length > self.accepts.message {
                return Err(too_large("a message", self.accepts.message));
            }
        }
        Ok(())
    }

    /// A message in one frame: the payload stays where it is.
    fn whole(&mut self, head: Head, data: Data, input: &mut BytesMut) -> Result<Option<Frame>> {
        let text = data == Data::Text;
        let there = input.len().min(head.left);
        if text {
            if there == head.left && self.checked == 0 {
                std::str::from_utf8(&input[..there]).map_err(|_| invalid_text())?;
            } else {
                valid(self.utf8.push(&input[self.checked..there]))?;
                self.checked = there;
                if there == head.left {
                    valid(self.utf8.finish())?;
                }
            }
        }
        if there < head.left {
            return Ok(None);
        }
        self.head = None;
        self.open = None;
        let payload = input.split_to(head.left).freeze();
        Ok(Some(if text {
            Frame::Text(payload)
        } else {
            Frame::Binary(payload)
        }))
    }

    /// A frame that is put together with others, or decompressed: as much as there is is taken out of the buffer.
    fn piece(&mut self, head: Head, input: &mut BytesMut) -> Result<Option<Frame>> {
        let ended = self.take(head, input)?;
        if !(ended && head.last) {
            return Ok(None);
        }
        let Some(mut open) = self.open.take() else {
            return Ok(None);
        };
        self.close(&mut open)?;
        let payload = deflate::into_bytes(open.payload);
        Ok(Some(if open.text {
            Frame::Text(payload)
        } else {
            Frame::Binary(payload)
        }))
    }

    /// A frame that is handed over as it came.
    fn fragment(&mut self, head: Head, data: Data, input: &mut BytesMut) -> Result<Option<Frame>> {
        let kind = match data {
            Data::Text => FragmentKind::Text,
            Data::Continue => FragmentKind::Continuation,
            _ => FragmentKind::Binary,
        };
        let payload = if head.compressed {
            if !self.take(head, input)? {
                return Ok(None);
            }
            match &mut self.open {
                Some(open) if !head.last => std::mem::take(&mut open.payload).into(),
                _ => Bytes::new(),
            }
        } else {
            let there = input.len().min(head.left);
            if self.open.as_ref().is_some_and(|open| open.text) {
                valid(self.utf8.push(&input[self.checked..there]))?;
                self.checked = there;
            }
            if there < head.left {
                return Ok(None);
            }
            self.head = None;
            input.split_to(head.left).freeze()
        };
        if !head.last {
            return Ok(Some(Frame::Fragment {
                kind,
                last: false,
                payload,
            }));
        }
        let Some(mut open) = self.open.take() else {
            return Ok(None);
        };
        self.close(&mut open)?;
        let payload = if open.compressed {
            deflate::into_bytes(open.payload)
        } else {
            payload
        };
        Ok(Some(Frame::Fragment {
            kind,
            last: true,
            payload,
        }))
    }

    /// Takes what there is of the frame in work into the open message; true at the end of the frame.
    fn take(&mut self, head: Head, input: &mut BytesMut) -> Result<bool> {
        let Some(open) = &mut self.open else {
            return Ok(false);
        };
        let there = input.len().min(head.left);
        let before = open.payload.len();
        if let Some(inflater) = self.inflater.as_mut().filter(|_| open.compressed) {
            let most = self.accepts.message.saturating_sub(open.length);
            inflater.push(&input[..there], &mut open.payload, before + most)?;
            open.length += open.payload.len() - before;
        } else {
            open.payload.extend_from_slice(&input[..there]);
        }
        if open.text {
            valid(self.utf8.push(&open.payload[before..]))?;
        }
        input.advance(there);
        let left = head.left - there;
        self.head = (left > 0).then_some(Head { left, ..head });
        Ok(left == 0)
    }

    /// Ends a message.
    fn close(&mut self, open: &mut Open) -> Result<()> {
        if let Some(inflater) = self.inflater.as_mut().filter(|_| open.compressed) {
            let before = open.payload.len();
            let most = self.accepts.message.saturating_sub(open.length);
            inflater.finish(&mut open.payload, before + most)?;
            if open.text {
                valid(self.utf8.push(&open.payload[before..]))?;
            }
        }
        if open.text {
            valid(self.utf8.finish())?;
        }
        Ok(())
    }
}

fn control(opcode: OpCode, mut payload: Bytes) -> Result<Frame> {
    match opcode {
        OpCode::Control(Control::Ping) => Ok(Frame::Ping(payload)),
        OpCode::Control(Control::Pong) => Ok(Frame::Pong(payload)),
        _ => {
            if payload.is_empty() {
                return Ok(Frame::Close(None, payload));
            }
            let code = payload
                .try_get_u16()
                .map_err(|_| protocol("a close frame has a payload of one byte"))?;
            if !is_close_code(code) {
                return Err(protocol(&format!(
                    "close code {code} must not be sent (RFC 6455, 7.4)"
                )));
            }
            std::str::from_utf8(&payload).map_err(|_| invalid_text())?;
            Ok(Frame::Close(Some(code), payload))
        }
    }
}

/// Whether a peer may send this code (RFC 6455, 7.4; IANA's registry for 1012 to 1014).
fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn protocol(what: &str) -> Error {
    Error::new(ErrorCode::WebSocketProtocol, format!("websocket: {what}"))
}

fn valid(text: bool) -> Result<()> {
    if text { Ok(()) } else { Err(invalid_text()) }
}

fn invalid_text() -> Error {
    Error::new(
        ErrorCode::WebSocketInvalidUtf8,
        "websocket: a text message is not valid UTF-8 (RFC 6455, 8.1)",
    )
}

fn reserved() -> Error {
    protocol("a reserved bit is set (RFC 6455, 5.2)")
}

fn too_large(what: &str, most: usize) -> Error {
    Error::new(
        ErrorCode::WebSocketTooLarge,
        format!("websocket: {what} exceeds {most} bytes"),
    )
}
