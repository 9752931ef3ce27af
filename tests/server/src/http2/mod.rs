//! The HTTP/2 steps: one connection's state, what the client sent on it, and what a script wants of that.
//!
//! What arrives is kept in order for each stream, so that a script may expect one stream's frames before another's
//! whichever came first.

mod expect;
mod send;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use fluke_hpack::Decoder;

use crate::bytes::shown;
use crate::fields::Arrived;
use crate::frame::{self, Frame};
use crate::script::{H2Start, StreamRef};
use crate::wire::{Fault, Wire};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const REFUSED_STREAM: u32 = 7;
const FIRST_WINDOW: i64 = 65535;

/// Something the client did; on stream 0 what concerns the connection.
enum Event {
    Headers { fields: Arrived, end: bool },
    Data { octets: Vec<u8>, end: bool },
    Rst(u32),
    Goaway(u32),
    PingAck(Vec<u8>),
    SettingsAck,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Headers { fields, end } => write!(f, "HEADERS {fields:?} (end_stream {end})"),
            Self::Data { octets, end } => write!(f, "DATA {} (end_stream {end})", shown(octets)),
            Self::Rst(code) => write!(f, "RST_STREAM {code}"),
            Self::Goaway(code) => write!(f, "GOAWAY {code}"),
            Self::PingAck(payload) => write!(f, "acknowledged PING {}", shown(payload)),
            Self::SettingsAck => f.write_str("acknowledged SETTINGS"),
        }
    }
}

/// A header block that still lacks its end.
struct Open {
    stream: u32,
    end: bool,
    block: Vec<u8>,
}

/// One connection.
pub(crate) struct Http2 {
    decoder: Decoder<'static>,
    events: VecDeque<(u32, Event)>,
    names: HashMap<String, u32>,
    seen: HashSet<u32>,
    refused: HashSet<u32>,
    live: HashSet<u32>,
    open: Option<Open>,
    limit: Option<usize>,
    auto_window: bool,
    window: i64,
    stream_window: i64,
    stream_windows: HashMap<u32, i64>,
    /// Octets of DATA of which a part was read.
    begun: HashMap<u32, Vec<u8>>,
}

impl Http2 {
    pub(crate) fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            events: VecDeque::new(),
            names: HashMap::new(),
            seen: HashSet::new(),
            refused: HashSet::new(),
            live: HashSet::new(),
            open: None,
            limit: None,
            auto_window: false,
            window: FIRST_WINDOW,
            stream_window: FIRST_WINDOW,
            stream_windows: HashMap::new(),
            begun: HashMap::new(),
        }
    }

    /// Reads the preface and the client's SETTINGS, answers both.
    pub(crate) async fn start(&mut self, wire: &mut Wire, start: &H2Start) -> Result<(), Fault> {
        let preface = wire.read_exact(PREFACE.len()).await?;
        if preface != PREFACE {
            return Err(format!(
                "expected the HTTP/2 preface, got {}",
                shown(&preface)
            ));
        }
        let first = self
            .read_frame(wire)
            .await?
            .ok_or("expected SETTINGS, got the end of the connection")?;
        if first.kind != frame::SETTINGS || first.flags & frame::ACK != 0 {
            return Err(format!("expected SETTINGS, got {first:?}"));
        }
        self.apply_settings(&first)?;
        if start.enforce {
            self.limit = start
                .settings
                .get("MAX_CONCURRENT_STREAMS")
                .map(|limit| *limit as usize);
        }
        self.auto_window = start.auto_window;
        let mut out = Vec::new();
        frame::write(
            &mut out,
            frame::SETTINGS,
            0,
            0,
            &settings_payload(&start.settings)?,
        );
        if start.ack.unwrap_or(true) {
            frame::write(&mut out, frame::SETTINGS, frame::ACK, 0, b"");
        }
        wire.send(&out).await
    }

    /// The number behind a reference.
    pub(crate) fn number(&self, stream: &StreamRef) -> Result<u32, Fault> {
        match stream {
            StreamRef::Number(number) => Ok(*number),
            StreamRef::Name(name) => self
                .names
                .get(name)
                .copied()
                .ok_or_else(|| format!("no stream is named {name:?} yet")),
        }
    }

    /// The server has ended this stream.
    pub(crate) fn ended(&mut self, stream: u32) {
        self.live.remove(&stream);
    }

    /// How much may be sent on a stream now, from `least` to `wanted`; waits while the windows allow less.
    pub(crate) async fn reserve(
        &mut self,
        wire: &mut Wire,
        stream: u32,
        least: usize,
        wanted: usize,
    ) -> Result<usize, Fault> {
        loop {
            let own = self.stream_windows.get(&stream).copied().unwrap_or(0) + self.stream_window;
            let free = own.min(self.window).min(wanted as i64);
            if least == 0 || free >= least as i64 {
                let free = free.max(0);
                *self.stream_windows.entry(stream).or_insert(0) -= free;
                self.window -= free;
                return Ok(free as usize);
            }
            if !self.pump(wire).await? {
                return Err(format!(
                    "the connection ended while stream {stream} waited for its window"
                ));
            }
        }
    }

    async fn read_frame(&mut self, wire: &mut Wire) -> Result<Option<Frame>, Fault> {
        if !wire.fill_to(frame::HEADER).await? {
            return Ok(None);
        }
        let mut header = [0; frame::HEADER];
        header.copy_from_slice(&wire.kept()[..frame::HEADER]);
        let (length, kind, flags, stream) = frame::parse_header(&header);
        if !wire.fill_to(frame::HEADER + length).await? {
            return Ok(None);
        }
        let payload = wire.take(frame::HEADER + length).slice(frame::HEADER..);
        Ok(Some(Frame {
            kind,
            flags,
            stream,
            payload,
        }))
    }

    /// Reads one frame and keeps what it says; `false` at the end of the connection.
    async fn pump(&mut self, wire: &mut Wire) -> Result<bool, Fault> {
        let Some(frame) = self.read_frame(wire).await? else {
            return Ok(false);
        };
        let stream = frame.stream;
        match frame.kind {
            frame::DATA => self.on_data(wire, &frame).await?,
            frame::HEADERS => {
                let block = frame.content()?.to_vec();
                self.open = Some(Open {
                    stream,
                    end: frame.flags & frame::END_STREAM != 0,
                    block,
                });
                self.on_block(wire, frame.flags).await?;
            }
            frame::CONTINUATION => {
                let open = self
                    .open
                    .as_mut()
                    .ok_or("CONTINUATION follows no HEADERS")?;
                open.block.extend_from_slice(&frame.payload);
                self.on_block(wire, frame.flags).await?;
            }
            frame::RST_STREAM => {
                self.live.remove(&stream);
                if !self.refused.contains(&stream) {
                    self.events
                        .push_back((stream, Event::Rst(word(&frame, 0)?)));
                }
            }
            frame::SETTINGS if frame.flags & frame::ACK != 0 => {
                self.events.push_back((0, Event::SettingsAck));
            }
            frame::SETTINGS => {
                self.apply_settings(&frame)?;
                let mut out = Vec::new();
                frame::write(&mut out, frame::SETTINGS, frame::ACK, 0, b"");
                wire.send(&out).await?;
            }
            frame::PING if frame.flags & frame::ACK != 0 => {
                self.events
                    .push_back((0, Event::PingAck(frame.payload.to_vec())));
            }
            frame::PING => {
                let mut out = Vec::new();
                frame::write(&mut out, frame::PING, frame::ACK, 0, &frame.payload);
                wire.send(&out).await?;
            }
            frame::GOAWAY => self.events.push_back((0, Event::Goaway(word(&frame, 4)?))),
            frame::WINDOW_UPDATE => {
                let increment = i64::from(word(&frame, 0)? & 0x7fff_ffff);
                if stream == 0 {
                    self.window += increment;
                } else {
                    *self.stream_windows.entry(stream).or_insert(0) += increment;
                }
            }
            _ => {}
        }
        Ok(true)
    }

    async fn on_data(&mut self, wire: &mut Wire, frame: &Frame) -> Result<(), Fault> {
        let length = frame.payload.len() as u32;
        let end = frame.flags & frame::END_STREAM != 0;
        if self.auto_window && length > 0 {
            let mut out = Vec::new();
            frame::write(&mut out, frame::WINDOW_UPDATE, 0, 0, &length.to_be_bytes());
            if !end {
                frame::write(
                    &mut out,
                    frame::WINDOW_UPDATE,
                    0,
                    frame.stream,
                    &length.to_be_bytes(),
                );
            }
            wire.send(&out).await?;
        }
        if !self.refused.contains(&frame.stream) {
            self.events.push_back((
                frame.stream,
                Event::Data {
                    octets: frame.content()?.to_vec(),
                    end,
                },
            ));
        }
        Ok(())
    }

    async fn on_block(&mut self, wire: &mut Wire, flags: u8) -> Result<(), Fault> {
        if flags & frame::END_HEADERS == 0 {
            return Ok(());
        }
        let Some(Open { stream, end, block }) = self.open.take() else {
            return Ok(());
        };
        let decoded = self
            .decoder
            .decode(&block)
            .map_err(|error| format!("a header block is broken: {error:?}"))?;
        let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
        let fields = decoded
            .into_iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        if self.refused.contains(&stream) {
            return Ok(());
        }
        if self.seen.insert(stream) {
            if self.limit.is_some_and(|limit| self.live.len() >= limit) {
                self.refused.insert(stream);
                let mut out = Vec::new();
                frame::write(
                    &mut out,
                    frame::RST_STREAM,
                    0,
                    stream,
                    &REFUSED_STREAM.to_be_bytes(),
                );
                return wire.send(&out).await;
            }
            self.live.insert(stream);
        }
        self.events
            .push_back((stream, Event::Headers { fields, end }));
        Ok(())
    }

    fn apply_settings(&mut self, frame: &Frame) -> Result<(), Fault> {
        if !frame.payload.len().is_multiple_of(6) {
            return Err("the client's SETTINGS have a wrong length".to_owned());
        }
        for pair in frame.payload.chunks_exact(6) {
            if u16::from_be_bytes([pair[0], pair[1]]) == 4 {
                self.stream_window =
                    i64::from(u32::from_be_bytes([pair[2], pair[3], pair[4], pair[5]]));
            }
        }
        Ok(())
    }
}

/// The payload of SETTINGS.
pub(crate) fn settings_payload(
    settings: &std::collections::BTreeMap<String, u32>,
) -> Result<Vec<u8>, Fault> {
    let mut payload = Vec::new();
    for (name, value) in settings {
        let number = frame::setting(name).ok_or_else(|| format!("no setting is named {name}"))?;
        payload.extend_from_slice(&number.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    Ok(payload)
}

fn word(frame: &Frame, at: usize) -> Result<u32, Fault> {
    let octets = frame
        .payload
        .get(at..at + 4)
        .ok_or_else(|| format!("{frame:?} is too short"))?;
    Ok(u32::from_be_bytes([
        octets[0], octets[1], octets[2], octets[3],
    ]))
}
