//! Frames made by hand, for peers that do as no server does.

use trunkline::sansio::http2::Http2Client;
use trunkline::sansio::{Engine, WriteOperation, WriteResult};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

/// A frame (RFC 9113, 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// HEADERS with these fields, none of them compressed (RFC 7541, 6.2.2).
pub fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &block(fields))
}

pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.bytes());
        }
    }
    block
}

pub fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub fn go_away(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// All that a client has to write, as if it went out.
pub fn written(client: &Http2Client) -> Vec<u8> {
    let mut all = Vec::new();
    while let WriteOperation::Write(vectors) = client.next_write_operation() {
        all.extend(vectors.iter().flatten());
        client.report_write_result(WriteResult::Written(vectors.remaining()));
    }
    all
}

/// The frames of what a client wrote: kind, flags, stream, payload.
pub fn frames(written: &[u8]) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut rest = written.strip_prefix(preface).unwrap_or(written);
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
        let stream = u32::from_be_bytes([rest[5], rest[6], rest[7], rest[8]]);
        frames.push((rest[3], rest[4], stream, rest[9..9 + length].to_vec()));
        rest = &rest[9 + length..];
    }
    frames
}

/// Gives a client all of it, `step` bytes at once.
pub fn feed(client: &Http2Client, bytes: &[u8], step: usize) {
    for piece in bytes.chunks(step) {
        let mut rest = piece;
        while !rest.is_empty() {
            let count = client.read(rest);
            if count == 0 {
                return;
            }
            rest = &rest[count..];
        }
    }
}
