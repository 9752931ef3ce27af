//! An upgrade from HTTP/1.1 to HTTP/2 in clear text (RFC 7540, 3.2; RFC 9113 has dropped it, servers have not).
//!
//! h2 has no entry for connections whose first request was sent already. It is made to send that once more, as stream 1, and
//! its HEADERS are kept from the peer. So that both sides' tables for compressing fields stay the same, h2 is told
//! meanwhile that the peer has none.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use tokio::io::{AsyncWrite, ReadBuf};

use super::http2::{first_window, header_list};
use crate::limits;
use crate::options::ManagerOptions;

/// The field that tells the SETTINGS (RFC 7540, 3.2.1).
pub(crate) const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

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

/// Parameters of SETTINGS (RFC 9113, 6.5.2).
const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// Adds the fields that ask for the upgrade.
pub(crate) fn ask(headers: &mut HeaderMap, options: &ManagerOptions) {
    // The size of the table is left to the SETTINGS of the connection: h2 holds to it once those are acknowledged.
    let told = payload(&[
        (ENABLE_PUSH, 0),
        (INITIAL_WINDOW_SIZE, first_window(options)),
        (MAX_FRAME_SIZE, options.http2_max_frame_size),
        (MAX_HEADER_LIST_SIZE, header_list(options)),
    ]);
    let asked = HeaderValue::from_static("Upgrade, HTTP2-Settings");
    headers.insert(CONNECTION, asked);
    headers.insert(UPGRADE, HeaderValue::from_static("h2c"));
    // Its letters may all stand in a field.
    if let Ok(told) = HeaderValue::try_from(URL_SAFE_NO_PAD.encode(told)) {
        headers.insert(HTTP2_SETTINGS, told);
    }
}

/// Whether the answer with status 101 names this protocol (RFC 9110, 7.8).
pub(crate) fn is_agreed(headers: &HeaderMap) -> bool {
    let names = headers.get_all(UPGRADE).into_iter();
    names
        .filter_map(|names| names.to_str().ok())
        .flat_map(|names| names.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("h2c"))
}

fn payload(values: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(values.len() * 6);
    for (name, value) in values {
        payload.extend(name.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    payload
}

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
