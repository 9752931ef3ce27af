//! Compressed messages: permessage-deflate (RFC 7692).
//!
//! A context that compresses takes about 256 KiB with a window of 15 bits, one that decompresses about 48 KiB; both shrink
//! with the window. They are made with the first message that needs one, so that connections without any cost nothing.

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::extension::Agreed;
use crate::error::{Error, ErrorCode, Result};

/// What is left out at the end of each message (RFC 7692, 7.2.1).
static TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The smallest window of zlib's compressor: 2^9 bytes.
const SMALLEST: u8 = 9;
/// Compressed bytes that are made at once; what is longer goes out in fragments, so that no message is held twice.
const PIECE: usize = 64 * 1024;
/// The first space for a decompressed message.
const FIRST: usize = 1024;

/// Decompresses what the peer sends.
pub(crate) struct Inflater {
    bits: u8,
    /// Whether each message begins anew.
    forgets: bool,
    engine: Option<Decompress>,
}

impl Inflater {
    pub(crate) fn new(agreed: &Agreed) -> Inflater {
        Inflater {
            // A larger window than the peer's reads all that a smaller one does.
            bits: agreed.server_bits.max(SMALLEST),
            forgets: agreed.server_forgets,
            engine: None,
        }
    }

    /// Decompresses a piece of a message, and appends it to `output`, which may have `most` bytes.
    ///
    /// # Errors
    /// `websocket_protocol` for what is not deflate, `websocket_too_large`.
    pub(super) fn push(&mut self, input: &[u8], output: &mut Vec<u8>, most: usize) -> Result<()> {
        let bits = self.bits;
        let engine = self
            .engine
            .get_or_insert_with(|| Decompress::new_with_window_bits(false, bits));
        let mut input = input;
        loop {
            if output.len() == output.capacity() {
                // One byte past the limit shows that it is exceeded.
                let more = output.len().max(input.len() * 2).max(FIRST);
                output.reserve_exact(more.min((most + 1).saturating_sub(output.len())).max(1));
            }
            let (read, written) = (engine.total_in(), engine.total_out());
            let status = engine
                .decompress_vec(input, output, FlushDecompress::Sync)
                .map_err(|cause| corrupt(&cause.to_string()))?;
            let read = (engine.total_in() - read) as usize;
            let written = engine.total_out() - written;
            input = input.get(read..).unwrap_or_default();
            if output.len() > most {
                return Err(Error::new(
                    ErrorCode::WebSocketTooLarge,
                    format!("websocket: a decompressed message exceeds {most} bytes"),
                ));
            }
            match status {
                // A sender may end the stream itself (RFC 7692, 7.2.3.4); the next block begins another.
                Status::StreamEnd => engine.reset(false),
                _ if output.len() == output.capacity() => continue,
                _ if read == 0 && written == 0 && !input.is_empty() => {
                    return Err(corrupt("the input goes on without output"));
                }
                _ => {}
            }
            if input.is_empty() {
                return Ok(());
            }
        }
    }

    /// Ends a message.
    ///
    /// # Errors
    /// As [`Inflater::push`].
    pub(super) fn finish(&mut self, output: &mut Vec<u8>, most: usize) -> Result<()> {
        self.push(&TAIL, output, most)?;
        if self.forgets
            && let Some(engine) = &mut self.engine
        {
            engine.reset(false);
        }
        Ok(())
    }
}

fn corrupt(why: &str) -> Error {
    Error::new(
        ErrorCode::WebSocketProtocol,
        format!("websocket: a message is not valid deflate: {why}"),
    )
}

/// Compresses what is sent.
pub(crate) struct Deflater {
    bits: u8,
    forgets: bool,
    level: Compression,
    threshold: usize,
    engine: Option<Compress>,
}

impl Deflater {
    /// None where the peer wants a window that the compressor does not have: messages may go uncompressed at any time.
    pub(crate) fn new(agreed: &Agreed) -> Option<Deflater> {
        (agreed.client_bits >= SMALLEST).then(|| Deflater {
            bits: agreed.client_bits,
            forgets: agreed.client_forgets,
            level: Compression::new(agreed.level),
            threshold: agreed.threshold,
            engine: None,
        })
    }

    /// Whether a message of this length is worth it.
    pub(super) fn wants(&self, length: usize) -> bool {
        length >= self.threshold
    }

    /// Compresses from `input`, which is consumed, what makes one frame; true with the last of the message, where `last`
    /// says that `input` is the rest of it.
    ///
    /// # Errors
    /// `io` where the compressor fails, which it does not.
    pub(super) fn next(&mut self, input: &mut Bytes, last: bool) -> Result<(Bytes, bool)> {
        if input.is_empty() {
            // The compressor flushes nothing twice. With the tail this is an empty block.
            if last
                && self.forgets
                && let Some(engine) = &mut self.engine
            {
                engine.reset();
            }
            let empty: &[u8] = if last { &TAIL[..1] } else { &[] };
            return Ok((Bytes::from_static(empty), true));
        }
        let (level, bits) = (self.level, self.bits);
        let engine = self
            .engine
            .get_or_insert_with(|| Compress::new_with_window_bits(level, false, bits));
        let mut output = Vec::with_capacity((input.len() + 64).min(PIECE));
        loop {
            let before = engine.total_in();
            engine
                .compress_vec(input, &mut output, FlushCompress::Sync)
                .map_err(|cause| {
                    Error::new(ErrorCode::Io, format!("websocket deflate: {cause}"))
                })?;
            let read = (engine.total_in() - before) as usize;
            bytes::Buf::advance(input, read.min(input.len()));
            if output.len() < output.capacity() {
                // All is out, and ends with the flush.
                break;
            }
            if output.len() >= PIECE && !input.is_empty() {
                return Ok((Bytes::from(output), false));
            }
            // The flush itself needs a little more.
            output.reserve(64);
        }
        if last {
            output.truncate(output.len().saturating_sub(TAIL.len()));
            if self.forgets {
                engine.reset();
            }
        }
        Ok((Bytes::from(output), true))
    }
}

/// A message that was put together, without holding much more space than it needs.
pub(super) fn into_bytes(payload: Vec<u8>) -> Bytes {
    // What is much smaller than its space would hold that for as long as the caller keeps it.
    if payload.capacity() > payload.len() * 2 + FIRST {
        return BytesMut::from(&payload[..]).freeze();
    }
    Bytes::from(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreed(bits: u8, forgets: bool) -> Agreed {
        Agreed {
            server_bits: bits,
            client_bits: bits,
            server_forgets: forgets,
            client_forgets: forgets,
            level: 6,
            threshold: 0,
        }
    }

    fn compress(deflater: &mut Deflater, message: &[u8]) -> Vec<Bytes> {
        let mut input = Bytes::copy_from_slice(message);
        let mut frames = Vec::new();
        loop {
            let (frame, last) = deflater.next(&mut input, true).unwrap();
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

    fn inflate(inflater: &mut Inflater, pieces: &[&[u8]], most: usize) -> Result<Vec<u8>> {
        let mut output = Vec::new();
        for piece in pieces {
            inflater.push(piece, &mut output, most)?;
        }
        inflater.finish(&mut output, most)?;
        Ok(output)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        // RFC 7692, 7.2.3.1 and 7.2.3.2: "Hello", then the same again with the context kept.
        let first: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
        let mut inflater = Inflater::new(&agreed(15, false));
        assert_eq!(inflate(&mut inflater, &[first], 100).unwrap(), b"Hello");
        assert_eq!(inflate(&mut inflater, &[again], 100).unwrap(), b"Hello");
        let mut deflater = Deflater::new(&agreed(15, false)).unwrap();
        assert_eq!(compress(&mut deflater, b"Hello"), [first]);
        assert_eq!(compress(&mut deflater, b"Hello"), [again]);
        let mut forgets = Deflater::new(&agreed(15, true)).unwrap();
        assert_eq!(compress(&mut forgets, b"Hello"), [first]);
        assert_eq!(compress(&mut forgets, b"Hello"), [first]);
        // 7.2.3.3: without compression; 7.2.3.4: a final block; 7.2.3.5: two blocks.
        for example in [
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ][..],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
        ] {
            for cut in 0..=example.len() {
                let mut inflater = Inflater::new(&agreed(15, false));
                let pieces = [&example[..cut], &example[cut..]];
                let whole = inflate(&mut inflater, &pieces, 100).unwrap();
                assert_eq!(whole, b"Hello", "{example:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn an_empty_message_is_one_byte() {
        // RFC 7692, 7.2.3.6.
        let mut deflater = Deflater::new(&agreed(15, true)).unwrap();
        let frames = compress(&mut deflater, b"");
        assert_eq!(frames, [&[0x00][..]]);
        let mut inflater = Inflater::new(&agreed(15, false));
        assert_eq!(inflate(&mut inflater, &[&[0x00]], 100).unwrap(), b"");
    }

    #[test]
    fn a_message_is_forgotten_that_ends_with_an_empty_fragment() {
        let agreed = agreed(15, true);
        let mut deflater = Deflater::new(&agreed).unwrap();
        let mut inflater = Inflater::new(&agreed);
        for _ in 0..2 {
            let mut hello = Bytes::from_static(b"Hello");
            let (first, complete) = deflater.next(&mut hello, false).unwrap();
            let (end, _) = deflater.next(&mut Bytes::new(), true).unwrap();
            assert!(complete);
            let whole = inflate(&mut inflater, &[&first, &end], 100).unwrap();
            assert_eq!(whole, b"Hello");
        }
    }

    #[test]
    fn windows_are_kept_to() {
        // Noise that repeats after 600 bytes: a window of 2^9 cannot see that, one of 2^10 can.
        let mut noise = vec![0; 600];
        getrandom::fill(&mut noise).unwrap();
        let message = [&noise[..], &noise[..]].concat();
        for (bits, sees) in [(9, false), (10, true), (15, true)] {
            let mut deflater = Deflater::new(&agreed(bits, false)).unwrap();
            let frames = compress(&mut deflater, &message);
            assert_eq!(frames.concat().len() < 1000, sees, "{bits} bits");
            let mut inflater = Inflater::new(&agreed(bits, false));
            let pieces: Vec<&[u8]> = frames.iter().map(|frame| &frame[..]).collect();
            assert_eq!(inflate(&mut inflater, &pieces, 2000).unwrap(), message);
        }
        assert!(Deflater::new(&agreed(8, false)).is_none());
        Inflater::new(&agreed(8, false));
    }

    #[test]
    fn long_messages_go_in_fragments_and_come_back() {
        let alike = vec![b'a'; 1_000_000];
        let mut noise = vec![0; 300_000];
        getrandom::fill(&mut noise).unwrap();
        for forgets in [false, true] {
            let mut deflater = Deflater::new(&agreed(15, forgets)).unwrap();
            let mut inflater = Inflater::new(&agreed(15, forgets));
            for message in [&noise[..], &alike, b"", &noise[..PIECE], b"x"] {
                let frames = compress(&mut deflater, message);
                assert!(frames.iter().all(|frame| frame.len() <= PIECE + 128));
                let pieces: Vec<&[u8]> = frames.iter().map(|frame| &frame[..]).collect();
                let back = inflate(&mut inflater, &pieces, 1_000_000).unwrap();
                assert!(back == message, "{} bytes", message.len());
            }
        }
    }

    #[test]
    fn a_bomb_costs_no_more_than_the_limit() {
        let mut deflater = Deflater::new(&agreed(15, false)).unwrap();
        let bomb = compress(&mut deflater, &vec![0; 20_000_000]).concat();
        assert!(bomb.len() < 30_000);
        let mut inflater = Inflater::new(&agreed(15, false));
        let mut output = Vec::new();
        let error = inflater.push(&bomb, &mut output, 100_000).unwrap_err();
        assert_eq!(error.code(), ErrorCode::WebSocketTooLarge);
        assert!(output.capacity() <= 100_001, "{}", output.capacity());
        // Exactly at the limit is allowed.
        let exact = compress(&mut Deflater::new(&agreed(15, false)).unwrap(), &[0; 5000]).concat();
        let mut inflater = Inflater::new(&agreed(15, false));
        assert_eq!(inflate(&mut inflater, &[&exact], 5000).unwrap().len(), 5000);
        let mut inflater = Inflater::new(&agreed(15, false));
        assert!(inflate(&mut inflater, &[&exact], 4999).is_err());
    }

    #[test]
    fn what_is_not_deflate_is_an_error() {
        for wrong in [
            &[0xff; 20][..],
            &[0x07],
            &[0xf2, 0x00, 0x91, 0xff, 0xff, 0xff],
        ] {
            let mut inflater = Inflater::new(&agreed(15, false));
            let error = inflate(&mut inflater, &[wrong], 100).unwrap_err();
            assert_eq!(error.code(), ErrorCode::WebSocketProtocol, "{wrong:?}");
        }
    }
}
