//! HTTP/2 frames as they pass between h2 and the transport: frames of our own are put between h2's, some are kept from one
//! side, and a little is noted of each (RFC 9113, 4.1). What is in them is h2's business.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};
use foldhash::HashMap;
use tokio::io::ReadBuf;

use super::memory::Output;

/// Bytes of the head of a frame.
const HEAD: usize = 9;
/// Bytes of the client's preface before its first frame (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// The longest frame that is put between h2's: PING and GOAWAY have eight bytes.
const OWN: usize = HEAD + 8;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// `END_STREAM` of DATA and HEADERS, ACK of SETTINGS and PING.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// The head of a frame, and how much of the frame has passed.
#[derive(Default)]
struct Passing {
    head: [u8; HEAD],
    filled: usize,
    /// Of the head, what went on.
    passed: usize,
    /// Of the payload, what is to come.
    left: usize,
    kept: bool,
}

impl Passing {
    /// Takes bytes of the head; true when it is complete.
    fn fill(&mut self, bytes: &mut impl Buf) -> bool {
        let count = (HEAD - self.filled).min(bytes.remaining());
        bytes.copy_to_slice(&mut self.head[self.filled..self.filled + count]);
        self.filled += count;
        if self.filled < HEAD {
            return false;
        }
        let [high, middle, low, ..] = self.head;
        self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
        true
    }

    fn kind(&self) -> u8 {
        self.head[3]
    }

    fn has(&self, flag: u8) -> bool {
        self.head[4] & flag != 0
    }

    fn stream(&self) -> u32 {
        let [.., one, two, three, four] = self.head;
        u32::from_be_bytes([one & 0x7f, two, three, four])
    }
}

/// What came on a stream.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Came {
    /// Bytes of its body.
    pub(super) body: u64,
    /// The peer has ended it.
    pub(super) ended: bool,
}

/// The frames of one connection.
#[derive(Default)]
pub(super) struct Frames {
    incoming: Passing,
    outgoing: Passing,
    preface: usize,
    /// Between a HEADERS frame and the end of its CONTINUATION frames nothing may come (RFC 9113, 6.10).
    in_block: bool,
    /// The same of what comes in, where it began with a `PUSH_PROMISE`.
    in_promise: bool,
    own: VecDeque<[u8; OWN]>,
    /// Payloads of pings whose answers are waited for.
    pings: VecDeque<[u8; 8]>,
    answer: Vec<u8>,
    /// Payloads of those that came.
    pub(super) answered: VecDeque<[u8; 8]>,
    came: HashMap<u32, Came>,
    /// The payload in passing begins with the length of its padding.
    padded: bool,
    /// The first four bytes of a promise, behind its padding's length, name the stream.
    promised: [u8; 4],
    promised_filled: usize,
    /// The highest stream whose HEADERS have gone out.
    pub(super) last_opened: u32,
    /// The highest stream that the peer has promised.
    pub(super) last_promised: u32,
    /// The peer's first frame is still to come.
    awaits_preface: bool,
    /// It was not SETTINGS (RFC 9113, 3.4): nothing more is read.
    pub(super) lacks_preface: bool,
    /// Nothing is read after a promise until it was taken up or refused: the stream's frames may follow at once.
    pub(super) paused: bool,
    /// Acknowledgements of SETTINGS that the peer is not to see.
    kept_acknowledgements: u32,
    /// The first request was sent by other means: its HEADERS are not to be.
    keep_first: bool,
    /// The payload of the client's SETTINGS.
    settings: Vec<u8>,
    settings_complete: bool,
}

impl Frames {
    /// The frames of a new connection.
    pub(super) fn new() -> Frames {
        Frames {
            preface: PREFACE,
            awaits_preface: true,
            ..Frames::default()
        }
    }

    /// Keeps back the HEADERS of stream 1, and as many acknowledgements of SETTINGS.
    pub(super) fn keep_first(&mut self, acknowledgements: u32) {
        self.keep_first = true;
        self.kept_acknowledgements = acknowledgements;
    }

    /// What came until now was not the peer's.
    pub(super) fn await_preface(&mut self) {
        self.awaits_preface = true;
    }

    /// The payload of the client's first SETTINGS, once they have passed.
    pub(super) fn settings(&self) -> &[u8] {
        &self.settings
    }

    /// A PING of our own.
    pub(super) fn ping(&mut self, payload: [u8; 8]) {
        self.pings.push_back(payload);
        self.own.push_back(own(PING, payload));
    }

    /// A GOAWAY of our own.
    pub(super) fn go_away(&mut self, code: u32) {
        let mut payload = [0; 8];
        payload[..4].copy_from_slice(&self.last_promised.to_be_bytes());
        payload[4..].copy_from_slice(&code.to_be_bytes());
        self.own.push_back(own(GOAWAY, payload));
    }

    /// Notes what comes on a stream from now on.
    pub(super) fn note(&mut self, stream: u32) {
        self.came.entry(stream).or_default();
    }

    pub(super) fn came(&self, stream: u32) -> Came {
        self.came.get(&stream).copied().unwrap_or_default()
    }

    pub(super) fn forget(&mut self, stream: u32) {
        self.came.remove(&stream);
    }

    /// Writes frames of our own where one may stand. False when they did not all fit.
    pub(super) fn put_own(&mut self, output: &mut Output) -> bool {
        if self.preface > 0 || self.outgoing.filled > 0 || self.in_block || !self.settings_complete
        {
            return true;
        }
        while let Some(frame) = self.own.front() {
            if output.room() < frame.len() {
                return false;
            }
            output.push(frame);
            self.own.pop_front();
        }
        true
    }

    /// What h2 writes. As much as was taken.
    pub(super) fn outgoing(&mut self, bytes: &[u8], output: &mut Output) -> usize {
        let mut rest = bytes;
        loop {
            if !self.put_own(output) {
                break;
            }
            if rest.is_empty() {
                break;
            }
            if self.preface > 0 {
                let count = output.push(&rest[..rest.len().min(self.preface)]);
                rest = &rest[count..];
                self.preface -= count;
                if count == 0 {
                    break;
                }
                continue;
            }
            if self.outgoing.filled < HEAD {
                // Once taken, a head goes out as a whole.
                if output.room() < HEAD {
                    break;
                }
                if !self.outgoing.fill(&mut rest) {
                    break;
                }
                self.decide_outgoing();
                if !self.outgoing.kept {
                    output.push(&self.outgoing.head);
                }
            }
            let there = rest.len().min(self.outgoing.left);
            let count = if self.outgoing.kept {
                there
            } else {
                output.push(&rest[..there])
            };
            if !self.settings_complete {
                self.settings.extend_from_slice(&rest[..count]);
            }
            rest = &rest[count..];
            self.outgoing.left -= count;
            if self.outgoing.left == 0 {
                self.outgoing.filled = 0;
                self.settings_complete = true;
            } else {
                break;
            }
        }
        bytes.len() - rest.len()
    }

    fn decide_outgoing(&mut self) {
        let frame = &mut self.outgoing;
        let (kind, stream) = (frame.kind(), frame.stream());
        frame.kept = match kind {
            HEADERS | CONTINUATION => {
                self.in_block = !frame.has(END_HEADERS);
                self.last_opened = self.last_opened.max(stream);
                let kept = self.keep_first && stream == 1;
                self.keep_first &= !kept || self.in_block;
                kept
            }
            SETTINGS if frame.has(ACK) && self.kept_acknowledgements > 0 => {
                self.kept_acknowledgements -= 1;
                true
            }
            _ => false,
        };
    }

    /// What h2 reads.
    pub(super) fn incoming(&mut self, input: &mut BytesMut, target: &mut ReadBuf<'_>, ended: bool) {
        while target.remaining() > 0 && !self.paused && !self.lacks_preface {
            if self.incoming.filled < HEAD {
                if self.incoming.fill(input) {
                    self.decide_incoming();
                    continue;
                }
                // A head that breaks off is h2's to judge.
                let frame = &mut self.incoming;
                if ended && frame.passed < frame.filled {
                    let there = target.remaining().min(frame.filled - frame.passed);
                    target.put_slice(&frame.head[frame.passed..frame.passed + there]);
                    frame.passed += there;
                }
                return;
            }
            let frame = &mut self.incoming;
            if !frame.kept && frame.passed < HEAD {
                let count = target.remaining().min(HEAD - frame.passed);
                target.put_slice(&frame.head[frame.passed..frame.passed + count]);
                frame.passed += count;
                continue;
            }
            let count = if frame.kept {
                frame.left.min(input.len())
            } else {
                target.remaining().min(frame.left).min(input.len())
            };
            if frame.kept {
                self.answer.extend_from_slice(&input[..count]);
            } else {
                target.put_slice(&input[..count]);
            }
            if count > 0 && (self.padded || self.promised_filled < 4) {
                self.look_into(&input[..count]);
            }
            input.advance(count);
            self.incoming.left -= count;
            if self.incoming.left > 0 {
                if input.is_empty() {
                    return;
                }
                continue;
            }
            self.end_incoming();
        }
        // A frame that ends exactly where the target does has ended too.
        if self.incoming.filled == HEAD
            && self.incoming.left == 0
            && (self.incoming.kept || self.incoming.passed == HEAD)
        {
            self.end_incoming();
        }
    }

    fn decide_incoming(&mut self) {
        let frame = &mut self.incoming;
        let (kind, stream, length) = (frame.kind(), frame.stream(), frame.left);
        if std::mem::take(&mut self.awaits_preface) {
            // A GOAWAY says what is wrong.
            let is_preface = kind == SETTINGS && !frame.has(ACK) || kind == GOAWAY;
            self.lacks_preface = !is_preface;
        }
        frame.kept =
            kind == PING && frame.has(ACK) && stream == 0 && length == 8 && !self.pings.is_empty();
        self.answer.clear();
        self.promised_filled = 4;
        self.padded = false;
        match kind {
            DATA | HEADERS => {
                let (padded, ended) = (frame.has(PADDED), frame.has(END_STREAM));
                if let Some(came) = self.came.get_mut(&stream) {
                    came.ended |= ended;
                    if kind == DATA {
                        came.body += length as u64;
                        self.padded = padded;
                    }
                }
            }
            PUSH_PROMISE => {
                self.padded = frame.has(PADDED);
                self.promised_filled = 0;
            }
            _ => {}
        }
    }

    /// The first bytes of a payload: the length of the padding, and what a promise is for.
    fn look_into(&mut self, payload: &[u8]) {
        let mut rest = payload;
        if self.padded {
            let Some((padding, after)) = rest.split_first() else {
                return;
            };
            self.padded = false;
            rest = after;
            if self.incoming.kind() == DATA
                && let Some(came) = self.came.get_mut(&self.incoming.stream())
            {
                came.body = came.body.saturating_sub(u64::from(*padding) + 1);
            }
        }
        while self.promised_filled < 4 {
            let Some((byte, after)) = rest.split_first() else {
                return;
            };
            self.promised[self.promised_filled] = *byte;
            self.promised_filled += 1;
            rest = after;
            if self.promised_filled == 4 {
                let promised = u32::from_be_bytes(self.promised) & 0x7fff_ffff;
                self.last_promised = self.last_promised.max(promised);
            }
        }
    }

    fn end_incoming(&mut self) {
        let frame = &mut self.incoming;
        let (kind, complete) = (frame.kind(), frame.has(END_HEADERS));
        let kept = std::mem::take(&mut frame.kept);
        frame.filled = 0;
        frame.passed = 0;
        if kind == PUSH_PROMISE || (kind == CONTINUATION && self.in_promise) {
            self.in_promise = !complete;
            self.paused = complete;
        }
        if kept
            && let Ok(answer) = <[u8; 8]>::try_from(&self.answer[..])
            && let Some(place) = self.pings.iter().position(|ping| *ping == answer)
        {
            self.pings.remove(place);
            self.answered.push_back(answer);
        }
    }
}

fn own(kind: u8, payload: [u8; 8]) -> [u8; OWN] {
    let mut frame = [0; OWN];
    frame[2] = 8;
    frame[3] = kind;
    frame[HEAD..].copy_from_slice(&payload);
    frame
}

/// A SETTINGS frame that gives the size of the table for compressing fields (RFC 9113, 6.5.2).
pub(super) fn header_table_size(size: u32) -> [u8; HEAD + 6] {
    let [a, b, c, d] = size.to_be_bytes();
    [0, 0, 6, SETTINGS, 0, 0, 0, 0, 0, 0, 1, a, b, c, d]
}
