//! Masking of what a client sends (RFC 6455, 5.3).

use std::cell::RefCell;

use crate::error::{Error, ErrorCode, Result};
use crate::fork;

/// Bytes that are masked at once: as wide as vector registers get, for the compiler to use them.
const WIDTH: usize = 32;
/// Bytes of randomness drawn at once: one system call for a thousand frames.
const BLOCK: usize = 4096;

/// Masks bytes in place; `key` is turned to where the next bytes of the same frame begin.
pub(super) fn apply(key: &mut [u8; 4], bytes: &mut [u8]) {
    let mut wide = [0; WIDTH];
    for (place, byte) in wide.iter_mut().enumerate() {
        *byte = key[place % 4];
    }
    let (blocks, rest) = bytes.as_chunks_mut::<WIDTH>();
    for block in blocks {
        for (byte, mask) in block.iter_mut().zip(wide) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in rest.iter_mut().zip(wide) {
        *byte ^= mask;
    }
    key.rotate_left(rest.len() % 4);
}

/// Random bytes that are handed out four at a time.
struct Drawn {
    bytes: [u8; BLOCK],
    used: usize,
    /// The process that drew them: a forked child must not repeat its parent's.
    generation: u32,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const {
        RefCell::new(Drawn { bytes: [0; BLOCK], used: BLOCK, generation: 0 })
    };
}

/// A key that no peer can predict (RFC 6455, 10.3), from the system's cryptographic source.
///
/// # Errors
/// `io` when the system gives no randomness.
pub(super) fn key() -> Result<[u8; 4]> {
    DRAWN.with_borrow_mut(|drawn| {
        let generation = fork::generation();
        if drawn.used + 4 > BLOCK || drawn.generation != generation {
            getrandom::fill(&mut drawn.bytes)
                .map_err(|cause| Error::new(ErrorCode::Io, format!("websocket mask: {cause}")))?;
            drawn.generation = generation;
            drawn.used = 0;
        }
        let mut key = [0; 4];
        let unused = &mut drawn.bytes[drawn.used..drawn.used + 4];
        key.copy_from_slice(unused);
        // What was handed out is not kept.
        unused.fill(0);
        drawn.used += 4;
        Ok(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6455, 5.7: a masked "Hello".
        let mut bytes = *b"Hello";
        apply(&mut [0x37, 0xfa, 0x21, 0x3d], &mut bytes);
        assert_eq!(bytes, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn pieces_of_any_size_give_what_the_whole_gives() {
        let plain: Vec<u8> = (0..300).map(|number| (number * 7 % 256) as u8).collect();
        let key = [1, 20, 0, 255];
        let expected: Vec<u8> = plain
            .iter()
            .enumerate()
            .map(|(place, byte)| byte ^ key[place % 4])
            .collect();
        for size in 1..=plain.len() {
            let (mut key, mut bytes) = (key, plain.clone());
            for piece in bytes.chunks_mut(size) {
                apply(&mut key, piece);
            }
            assert_eq!(bytes, expected, "pieces of {size}");
        }
    }

    #[test]
    fn keys_do_not_repeat() {
        let keys: std::collections::HashSet<_> = (0..5000).map(|_| key().unwrap()).collect();
        // Among so few a chance repetition is unlikely, and many of them impossible.
        assert!(keys.len() > 4990);
    }
}
