//! Receiver and sender together: the behaviours that Autobahn's groups 1 to 7 ask for, cut at every byte.

mod receiving;
mod sending;

use bytes::{Bytes, BytesMut};

use super::deflate::Inflater;
use super::extension::Agreed;
use super::receiver::{Accepts, Receiver};
use crate::error::ErrorCode;
use crate::part::Frame;

const ACCEPTS: Accepts = Accepts {
    frame: 1 << 20,
    message: 1 << 20,
    fragments: false,
};
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;

/// A frame of a server.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

fn agreed() -> Agreed {
    Agreed {
        server_bits: 15,
        client_bits: 15,
        server_forgets: false,
        client_forgets: false,
        level: 6,
        threshold: 10,
    }
}

/// What a receiver makes of pieces: messages, and the error that it ended with.
fn receive_by(accepts: Accepts, pieces: &[&[u8]]) -> (Vec<Frame>, Option<ErrorCode>) {
    let mut receiver = Receiver::new(accepts, Some(Inflater::new(&agreed())));
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match receiver.next(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error.code())),
            }
        }
    }
    (frames, None)
}

/// The same whether it comes as a whole, byte by byte or in two pieces cut anywhere.
fn receive(bytes: &[u8]) -> (Vec<Frame>, Option<ErrorCode>) {
    let whole = receive_by(ACCEPTS, &[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(receive_by(ACCEPTS, &single), whole, "byte by byte");
    for cut in 0..bytes.len().min(400) {
        let pieces = [&bytes[..cut], &bytes[cut..]];
        assert_eq!(receive_by(ACCEPTS, &pieces), whole, "cut at {cut}");
    }
    whole
}

fn text(payload: impl AsRef<[u8]>) -> Frame {
    Frame::Text(Bytes::copy_from_slice(payload.as_ref()))
}

fn binary(payload: impl AsRef<[u8]>) -> Frame {
    Frame::Binary(Bytes::copy_from_slice(payload.as_ref()))
}
