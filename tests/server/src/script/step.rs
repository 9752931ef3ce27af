//! The steps of a server's script.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{CloseReason, FieldList, Fields, OneOrMore};
use crate::bytes::Octets;

/// One step of a connection's script.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Read one HTTP/1.1 request, head and body.
    ExpectRequest(Expected),
    /// Read the head of a request.
    ExpectHead(Expected),
    /// Read the body of the request whose head was read last.
    ExpectBody(Expected),
    /// Write at once.
    Send(Octets),
    /// Write octet by octet.
    SendSplit(Octets),
    /// Close in good order.
    Close(bool),
    /// Reset the connection.
    Reset(bool),
    /// End the direction to the client, go on reading.
    ShutdownWrite(bool),
    /// Wait until the client closes.
    WaitClose(WaitClose),
    /// Neither read nor write until the client closes.
    Hang(bool),
    /// Read preface and SETTINGS, send SETTINGS and an acknowledgement.
    H2Start(H2Start),
    /// Await the HEADERS that open a stream.
    H2ExpectHeaders(H2ExpectHeaders),
    /// Await DATA.
    H2ExpectData(H2ExpectData),
    /// Await trailers.
    H2ExpectTrailers(H2ExpectTrailers),
    /// Await `RST_STREAM`.
    H2ExpectRst(H2ExpectRst),
    /// Await GOAWAY.
    H2ExpectGoaway(H2ExpectGoaway),
    /// Await a PING acknowledgement with this payload.
    H2ExpectPing(Octets),
    /// Await the acknowledgement of SETTINGS.
    H2ExpectSettingsAck(bool),
    /// Send HEADERS and CONTINUATION.
    H2Headers(H2Headers),
    /// Send DATA.
    H2Data(H2Data),
    /// Send `RST_STREAM`.
    H2Rst(H2Rst),
    /// Send GOAWAY.
    H2Goaway(H2Goaway),
    /// Send PING.
    H2Ping(Octets),
    /// Send `WINDOW_UPDATE`.
    H2WindowUpdate(H2WindowUpdate),
    /// Send SETTINGS.
    H2Settings(BTreeMap<String, u32>),
    /// Send any frame, a broken one too.
    H2Frame(H2Frame),
    /// Read and check the upgrade, answer it.
    WsAccept(WsAccept),
    /// Send a frame.
    WsSend(WsSend),
    /// Send a close frame.
    WsSendClose(CloseReason),
    /// Await a frame.
    WsExpect(WsExpect),
}

/// What a request must look like; what is absent is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The method.
    pub method: Option<String>,
    /// The target as sent.
    pub target: Option<String>,
    /// Fields that must match.
    #[serde(default)]
    pub headers: Fields,
    /// The body.
    pub body: Option<Octets>,
    /// Trailers that must match.
    pub trailers: Option<Fields>,
}

/// How the end of a connection is awaited.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum WaitClose {
    /// Nothing but the end may come.
    Plain(bool),
    /// With `discard`, whatever comes before the end is thrown away.
    Options {
        /// Whether to throw away what comes.
        discard: bool,
    },
}

/// A stream by number, or by the name `h2_expect_headers` gave it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum StreamRef {
    /// The stream identifier.
    Number(u32),
    /// A name of the script's own.
    Name(String),
}

/// How an HTTP/2 connection starts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2Start {
    /// The server's settings.
    #[serde(default)]
    pub settings: BTreeMap<String, u32>,
    /// Whether the client's SETTINGS are acknowledged; yes if absent.
    pub ack: Option<bool>,
    /// Whether streams past `MAX_CONCURRENT_STREAMS` are refused with `REFUSED_STREAM`.
    #[serde(default)]
    pub enforce: bool,
    /// Whether DATA that arrive are given back as window at once.
    #[serde(default)]
    pub auto_window: bool,
}

/// The HEADERS that open a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2ExpectHeaders {
    /// The stream; a name is bound to the first new stream with that method and path.
    pub stream: StreamRef,
    /// The method.
    pub method: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// Fields that must match.
    #[serde(default)]
    pub headers: Fields,
    /// Whether they end the stream.
    pub end_stream: Option<bool>,
}

/// DATA of a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2ExpectData {
    /// The stream.
    pub stream: StreamRef,
    /// What they hold together; without it, all until the end of the stream is read.
    pub body: Option<Octets>,
    /// Whether they end the stream.
    pub end_stream: Option<bool>,
}

/// Trailers of a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2ExpectTrailers {
    /// The stream.
    pub stream: StreamRef,
    /// Fields that must match.
    #[serde(default)]
    pub headers: Fields,
}

/// `RST_STREAM` of a stream.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2ExpectRst {
    /// The stream.
    pub stream: StreamRef,
    /// The error code.
    pub code: Option<OneOrMore<u32>>,
}

/// GOAWAY.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2ExpectGoaway {
    /// The error code.
    pub code: Option<OneOrMore<u32>>,
}

/// HEADERS to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2Headers {
    /// The stream.
    pub stream: StreamRef,
    /// Fields, pseudo-header fields first.
    pub headers: FieldList,
    /// Whether they end the stream.
    #[serde(default)]
    pub end_stream: bool,
    /// Whether the last frame carries `END_HEADERS`; yes if absent.
    pub end_headers: Option<bool>,
    /// Octets of the header block for each frame.
    pub split: Option<usize>,
    /// Octets of padding in the HEADERS frame.
    pub pad: Option<u8>,
}

/// DATA to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2Data {
    /// The stream.
    pub stream: StreamRef,
    /// The octets.
    #[serde(default)]
    pub data: Octets,
    /// Whether they end the stream.
    #[serde(default)]
    pub end_stream: bool,
    /// Octets of padding in each frame.
    pub pad: Option<u8>,
    /// Octets for each frame; 16384 if absent.
    pub frame: Option<usize>,
    /// Whether the client's flow-control windows are disregarded.
    #[serde(default)]
    pub ignore_window: bool,
}

/// `RST_STREAM` to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2Rst {
    /// The stream.
    pub stream: StreamRef,
    /// The error code.
    pub code: u32,
}

/// GOAWAY to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2Goaway {
    /// The last stream that was or might be processed.
    pub last_stream: StreamRef,
    /// The error code.
    pub code: u32,
    /// Debug data.
    #[serde(default)]
    pub debug: Octets,
}

/// `WINDOW_UPDATE` to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2WindowUpdate {
    /// The stream, 0 for the connection.
    pub stream: StreamRef,
    /// The increment.
    pub increment: u32,
}

/// Any frame to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct H2Frame {
    /// The frame type.
    pub r#type: u8,
    /// The flags.
    #[serde(default)]
    pub flags: u8,
    /// The stream.
    pub stream: StreamRef,
    /// The payload.
    #[serde(default)]
    pub payload: Octets,
    /// A length to declare in place of the payload's.
    pub length: Option<u32>,
}

/// How an upgrade is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WsAccept {
    /// Fields to add to the answer.
    #[serde(default)]
    pub headers: FieldList,
    /// A value in place of the right `Sec-WebSocket-Accept`.
    pub accept: Option<String>,
    /// A status in place of 101.
    pub status: Option<u16>,
    /// Fields of the request that must match.
    #[serde(default)]
    pub expect: Fields,
    /// Octets that go out in the same write as the answer.
    #[serde(default)]
    pub tail: Octets,
}

/// A frame's opcode by number or name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Opcode {
    /// The number, a reserved one too.
    Number(u8),
    /// The name.
    Name(OpcodeName),
}

/// The opcodes of RFC 6455.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpcodeName {
    /// A further fragment.
    Continuation = 0,
    /// Text.
    Text = 1,
    /// Binary.
    Binary = 2,
    /// Close.
    Close = 8,
    /// Ping.
    Ping = 9,
    /// Pong.
    Pong = 10,
}

impl Opcode {
    /// The opcode as it goes over the wire.
    pub fn number(&self) -> u8 {
        match self {
            Self::Number(number) => *number,
            Self::Name(name) => *name as u8,
        }
    }
}

/// A WebSocket frame to send.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WsSend {
    /// The opcode.
    pub opcode: Opcode,
    /// The payload.
    #[serde(default)]
    pub payload: Octets,
    /// Whether it is the last of its message; yes if absent.
    pub fin: Option<bool>,
    /// The reserved bits, RSV1 being 4.
    #[serde(default)]
    pub rsv: u8,
    /// Whether it is masked, as no server may do.
    #[serde(default)]
    pub mask: bool,
    /// A length to declare in place of the payload's.
    pub length: Option<u64>,
    /// Whether it is written octet by octet.
    #[serde(default)]
    pub split: bool,
    /// The HTTP/2 stream that it goes over, where it does.
    pub stream: Option<StreamRef>,
}

/// A WebSocket frame to await.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WsExpect {
    /// The opcode.
    pub opcode: Option<Opcode>,
    /// The payload, unmasked.
    pub payload: Option<Octets>,
    /// Code and reason of a close frame.
    pub close: Option<CloseReason>,
    /// Whether it is the last of its message.
    pub fin: Option<bool>,
    /// The HTTP/2 stream that it comes over, where it does.
    pub stream: Option<StreamRef>,
}
