//! RFC 6455 frames, as much as an echo needs: unmask, turn ping into pong, echo the rest with its fin bit. Payloads are
//! passed on as they come and stay where they were read: the head that the server sends is shorter than the one it got, and
//! is written over its end.

use std::io::{Error, ErrorKind};
use std::ops::Range;

const OP_CLOSE: u8 = 0x8;
const OP_PING: u8 = 0x9;
const OP_PONG: u8 = 0xa;

/// The longest head of a client's frame, mask included.
pub const HEAD: usize = 14;
/// A payload up to this long is moved next to the frame before it, for a longer list of pieces costs the system more.
const SMALL: usize = 4 * 1024;

/// The frame whose payload is being passed on.
struct Open {
    left: usize,
    mask: [u8; 4],
    dropped: bool,
    closing: bool,
}

/// Echoes a stream of frames.
#[derive(Default)]
pub struct Echo {
    open: Option<Open>,
}

/// What came of a piece of the stream.
#[derive(Debug, PartialEq)]
pub struct Echoed {
    /// Bytes used up; the rest is part of a head, and belongs before what is read next.
    pub used: usize,
    /// A close frame was echoed: nothing follows.
    pub closing: bool,
}

impl Echo {
    /// Answers `input` in place; adds where the answer lies to `pieces`.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        pieces: &mut Vec<Range<usize>>,
    ) -> Result<Echoed, Error> {
        let mut used = 0;
        loop {
            let mut start = used;
            if self.open.is_none() {
                let Some((head, length)) = header(&input[used..])? else {
                    break;
                };
                let first = input[used];
                used += head;
                let mask = input[used - 4..used]
                    .try_into()
                    .expect("a mask is four bytes");
                let operation = first & 0x0f;
                let first = if operation == OP_PING {
                    0x80 | OP_PONG
                } else {
                    first
                };
                start = used - write_head(&mut input[..used], first, length);
                let open = Open {
                    left: length,
                    mask,
                    dropped: operation == OP_PONG,
                    closing: operation == OP_CLOSE,
                };
                self.open = Some(open);
            }
            let Some(open) = &mut self.open else { break };
            let end = used + open.left.min(input.len() - used);
            unmask(&mut input[used..end], &mut open.mask);
            open.left -= end - used;
            used = end;
            if !open.dropped {
                add(input, pieces, start..end);
            }
            if open.left > 0 {
                break;
            }
            let closing = open.closing;
            self.open = None;
            if closing {
                return Ok(Echoed { used, closing });
            }
        }
        Ok(Echoed {
            used,
            closing: false,
        })
    }
}

/// Adds a piece of the answer, next to the one before it where that is cheap.
fn add(input: &mut [u8], pieces: &mut Vec<Range<usize>>, piece: Range<usize>) {
    match pieces.last_mut() {
        Some(last) if piece.len() <= SMALL => {
            let length = piece.len();
            input.copy_within(piece, last.end);
            last.end += length;
        }
        _ if piece.is_empty() => {}
        _ => pieces.push(piece),
    }
}

/// Length of a client's frame header, mask included, and of its payload; `None` until the header is whole.
fn header(input: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let [_, second, rest @ ..] = input else {
        return Ok(None);
    };
    if second & 0x80 == 0 {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "a client's frame must be masked",
        ));
    }
    let (extended, length) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (2, usize::from(u16::from_be_bytes(*bytes))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (
                8,
                usize::try_from(u64::from_be_bytes(*bytes)).unwrap_or(usize::MAX),
            ),
            None => return Ok(None),
        },
        length => (0, usize::from(length)),
    };
    if length > 64 * 1024 * 1024 {
        return Err(Error::new(ErrorKind::InvalidData, "frame too long"));
    }
    let head = 2 + extended + 4;
    Ok((input.len() >= head).then_some((head, length)))
}

/// Writes the server's head at the end of `space`; its length.
fn write_head(space: &mut [u8], first: u8, length: usize) -> usize {
    let mut head = [first, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let size = match length {
        0..=125 => {
            head[1] = length as u8;
            2
        }
        126..=0xffff => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = 127;
            head[2..].copy_from_slice(&(length as u64).to_be_bytes());
            10
        }
    };
    let start = space.len() - size;
    space[start..].copy_from_slice(&head[..size]);
    size
}

/// Unmasks in place; `mask` is turned to where the next bytes of the frame begin.
fn unmask(payload: &mut [u8], mask: &mut [u8; 4]) {
    let mut wide = [0; 32];
    for (place, byte) in wide.iter_mut().enumerate() {
        *byte = mask[place % 4];
    }
    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        for (byte, key) in block.iter_mut().zip(wide) {
            *byte ^= key;
        }
    }
    for (byte, key) in rest.iter_mut().zip(wide) {
        *byte ^= key;
    }
    mask.rotate_left(rest.len() % 4);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..=125 => frame.push(0x80 | n as u8),
            n @ 126..=0xffff => {
                frame.push(0xfe);
                frame.extend_from_slice(&(n as u16).to_be_bytes());
            }
            n => {
                frame.push(0xff);
                frame.extend_from_slice(&(n as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
        frame
    }

    fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut space = [0; HEAD];
        let size = write_head(&mut space, first, payload.len());
        [&space[HEAD - size..], payload].concat()
    }

    /// The answer to `stream`, read in pieces of `step` bytes.
    fn answer(stream: &[u8], step: usize) -> (Vec<u8>, bool) {
        let (mut echo, mut output, mut kept) = (Echo::default(), Vec::new(), Vec::new());
        for read in stream.chunks(step) {
            kept.extend_from_slice(read);
            let mut pieces = Vec::new();
            let echoed = echo.feed(&mut kept, &mut pieces).unwrap();
            for piece in pieces {
                output.extend_from_slice(&kept[piece]);
            }
            kept.drain(..echoed.used);
            if echoed.closing {
                return (output, true);
            }
        }
        assert_eq!(kept, []);
        (output, false)
    }

    #[test]
    fn echoes_frames_however_they_are_read() {
        let payloads: Vec<Vec<u8>> = [0, 1, 5, 125, 126, 300, 5000, 70_000]
            .map(|length| (0..length).map(|n| (n * 7) as u8).collect())
            .into();
        let mut stream = Vec::new();
        let mut wanted = Vec::new();
        for payload in &payloads {
            stream.extend(masked(0x82, payload));
            wanted.extend(plain(0x82, payload));
        }
        for step in [1, 2, 3, 7, 64, 1000, 4096, 5001, stream.len()] {
            assert_eq!(answer(&stream, step), (wanted.clone(), false), "{step}");
        }
    }

    #[test]
    fn unmasks_every_tail_length() {
        for length in 0..70 {
            let payload: Vec<u8> = (0..length).collect();
            let stream = masked(0x82, &payload);
            assert_eq!(answer(&stream, 100).0, plain(0x82, &payload));
        }
    }

    #[test]
    fn answers_ping_and_close_and_no_pong() {
        let mut stream = masked(0x8a, b"unasked");
        stream.extend(masked(0x89, b"p"));
        stream.extend(masked(0x88, &[3, 232]));
        stream.extend(masked(0x82, b"behind"));
        let wanted = vec![0x8a, 1, b'p', 0x88, 2, 3, 232];
        for step in [1, 5, stream.len()] {
            assert_eq!(answer(&stream, step), (wanted.clone(), true));
        }
    }

    #[test]
    fn refuses_an_unmasked_frame() {
        let refused = Echo::default().feed(&mut [0x82, 1, 0], &mut Vec::new());
        assert!(refused.is_err());
    }
}
