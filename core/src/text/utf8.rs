//! UTF-8 that is checked while it comes in (RFC 3629).

/// Checks text that comes in pieces; a character may be cut anywhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Utf8 {
    /// The beginning of a character whose rest has not come.
    begun: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// Checks the next piece; false at the first byte with which nothing valid can begin or go on.
    #[must_use]
    pub(crate) fn push(&mut self, mut piece: &[u8]) -> bool {
        while self.length > 0 {
            let Some((first, rest)) = piece.split_first() else {
                return true;
            };
            piece = rest;
            self.begun[self.length] = *first;
            self.length += 1;
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                Err(cause) if cause.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(piece) {
            Ok(_) => true,
            Err(cause) if cause.error_len().is_some() => false,
            Err(cause) => {
                let begun = &piece[cause.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.length = begun.len();
                true
            }
        }
    }

    /// Ends the text, after which another may begin; false where it ends within a character.
    #[must_use]
    pub(crate) fn finish(&mut self) -> bool {
        std::mem::take(&mut self.length) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [&str; 4] = [
        "",
        "Hello-µ@ßöäüàá-UTF-8!!",
        "κόσμε",
        "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}",
    ];

    fn check(pieces: &[&[u8]]) -> bool {
        let mut utf8 = Utf8::default();
        pieces.iter().all(|piece| utf8.push(piece)) && utf8.finish()
    }

    #[test]
    fn text_may_be_cut_anywhere() {
        for text in GOOD.map(str::as_bytes) {
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert!(check(&pieces), "{text:?} cut at {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn what_is_invalid_for_the_standard_library_is_so_in_pieces() {
        let mut bytes = GOOD.concat().into_bytes();
        for place in 0..bytes.len() {
            for wrong in [0x00, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xf5, 0xff] {
                let right = std::mem::replace(&mut bytes[place], wrong);
                let valid = std::str::from_utf8(&bytes).is_ok();
                let single: Vec<&[u8]> = bytes.chunks(1).collect();
                assert_eq!(check(&single), valid, "{wrong:#x} at {place}");
                bytes[place] = right;
            }
        }
    }

    #[test]
    fn it_fails_at_the_first_bad_byte() {
        // A surrogate, a character past the last one, an overlong form: each is known by its second byte.
        for bad in [[0xed, 0xa0], [0xf4, 0x90], [0xc0, 0xaf], [0xf0, 0x80]] {
            let mut utf8 = Utf8::default();
            let first = utf8.push(&bad[..1]);
            assert_eq!(first, bad[0] != 0xc0);
            assert!(!first || !utf8.push(&bad[1..]), "{bad:?}");
        }
        let mut utf8 = Utf8::default();
        assert!(utf8.push(&[0xe2, 0x82]));
        assert!(!utf8.finish());
    }
}
