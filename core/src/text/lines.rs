//! Lines of a byte stream.

use bytes::Bytes;

use crate::error::{Error, ErrorCode, Result};

/// Splits bytes into lines at `\n` and `\r\n`, wherever the pieces that are pushed were cut.
///
/// ```
/// let mut lines = trunkline::Lines::new(1024);
/// lines.push(b"one\r\ntw");
/// assert_eq!(lines.next_line()?.as_deref(), Some(&b"one"[..]));
/// assert_eq!(lines.next_line()?, None);
/// lines.push(b"o");
/// lines.finish();
/// assert_eq!(lines.next_line()?.as_deref(), Some(&b"two"[..]));
/// # Ok::<(), trunkline::Error>(())
/// ```
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins; what is before it was given out.
    start: usize,
    /// How far the next line was searched for its end.
    searched: usize,
    max_line: usize,
    at_carriage_return: bool,
    /// The line before ended in `\r`: a `\n` that follows belongs to it.
    skip_line_feed: bool,
    finished: bool,
    failed: bool,
}

impl Lines {
    /// Lines of at most `max_line` bytes, their ends not counted.
    pub fn new(max_line: usize) -> Lines {
        Lines {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            max_line,
            at_carriage_return: false,
            skip_line_feed: false,
            finished: false,
            failed: false,
        }
    }

    /// Also ends a line at a `\r` that no `\n` follows. Without this, such a `\r` is a byte like others.
    #[must_use]
    pub fn at_carriage_return(mut self) -> Lines {
        self.at_carriage_return = true;
        self
    }

    /// Takes the next piece. It is kept until its lines are taken, so take them before pushing the next.
    ///
    /// Nothing is taken after [`finish`](Self::finish) or an error.
    pub fn push(&mut self, data: &[u8]) {
        if self.finished || self.failed {
            return;
        }
        // What was given out is dropped only when that is most of it: so each byte is moved once, or twice, in all.
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(data);
    }

    /// Says that nothing follows: what is left is the last line, unless it is empty.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next line without its end. None: more has to be pushed, or all lines were given out.
    ///
    /// # Errors
    ///
    /// `body_too_large` at a line that exceeds the limit, however it is cut, and from then on.
    pub fn next_line(&mut self) -> Result<Option<Bytes>> {
        Ok(self.next_slice()?.map(Bytes::copy_from_slice))
    }

    /// As [`next_line`](Self::next_line), without a copy.
    pub(super) fn next_slice(&mut self) -> Result<Option<&[u8]>> {
        if self.failed {
            return Err(self.too_long());
        }
        if self.skip_line_feed && self.start < self.buffer.len() {
            self.skip_line_feed = false;
            if self.buffer[self.start] == b'\n' {
                self.start += 1;
                self.searched = self.start;
            }
        }
        let rest = &self.buffer[self.searched..];
        let found = if self.at_carriage_return {
            memchr::memchr2(b'\n', b'\r', rest)
        } else {
            memchr::memchr(b'\n', rest)
        };
        let (start, end, next) = match found {
            Some(offset) => {
                let at = self.searched + offset;
                self.skip_line_feed = self.buffer[at] == b'\r';
                let line = &self.buffer[self.start..at];
                let carriage_return = !self.at_carriage_return && line.ends_with(b"\r");
                let end = at - usize::from(carriage_return);
                (self.start, end, at + 1)
            }
            None if self.finished && self.start < self.buffer.len() => {
                (self.start, self.buffer.len(), self.buffer.len())
            }
            None => {
                self.searched = self.buffer.len();
                let line = &self.buffer[self.start..];
                // The `\r` of an end that is cut in two does not count.
                if line.len() - usize::from(line.ends_with(b"\r")) > self.max_line {
                    return Err(self.fail());
                }
                return Ok(None);
            }
        };
        if end - start > self.max_line {
            return Err(self.fail());
        }
        (self.start, self.searched) = (next, next);
        Ok(Some(&self.buffer[start..end]))
    }

    fn fail(&mut self) -> Error {
        self.failed = true;
        self.buffer = Vec::new();
        self.too_long()
    }

    fn too_long(&self) -> Error {
        let message = format!("a line of more than {} bytes", self.max_line);
        Error::new(ErrorCode::BodyTooLarge, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of all pieces, and whether they ended in an error.
    fn lines(mut lines: Lines, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
        let mut all = Vec::new();
        for piece in pieces.iter().map(Some).chain([None]) {
            match piece {
                Some(piece) => lines.push(piece),
                None => lines.finish(),
            }
            loop {
                match lines.next_line() {
                    Ok(Some(line)) => all.push(line.to_vec()),
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(error.code(), ErrorCode::BodyTooLarge);
                        assert!(lines.next_line().is_err(), "the error stays");
                        return (all, true);
                    }
                }
            }
        }
        (all, false)
    }

    /// Whole, cut in two at every byte, and byte by byte.
    fn check(make: impl Fn() -> Lines, text: &[u8], expected: &[&str], fails: bool) {
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        let mut cuts = vec![vec![text], bytes];
        cuts.extend((0..=text.len()).map(|at| vec![&text[..at], &text[at..]]));
        for pieces in cuts {
            let (all, failed) = lines(make(), &pieces);
            let expected: Vec<&[u8]> = expected.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(all, expected, "{pieces:?}");
            assert_eq!(failed, fails, "{pieces:?}");
        }
    }

    #[test]
    fn lines_end_at_line_feeds() {
        let make = || Lines::new(8);
        check(make, b"", &[], false);
        check(make, b"\n", &[""], false);
        check(make, b"a\nb\r\n\r\n\nc", &["a", "b", "", "", "c"], false);
        check(make, b"a\rb\r\r\nc\r", &["a\rb\r", "c\r"], false);
    }

    #[test]
    fn lines_end_at_carriage_returns_if_asked() {
        let make = || Lines::new(8).at_carriage_return();
        check(make, b"a\rb\r\nc\n\rd", &["a", "b", "c", "", "d"], false);
        check(make, b"\r\n\r\r\n\n", &["", "", "", ""], false);
        check(make, b"a\r", &["a"], false);
    }

    #[test]
    fn a_long_line_fails_however_it_is_cut() {
        let make = || Lines::new(3);
        check(make, b"abc\nabc\r\nabc", &["abc", "abc", "abc"], false);
        check(make, b"abc\nabcd", &["abc"], true);
        check(make, b"a\nabcd\nb\n", &["a"], true);
        check(make, b"abc\r", &[], true);
        check(make, b"abc\rd\n", &[], true);
        let make = || Lines::new(3).at_carriage_return();
        check(make, b"abc\rabc\r\nabcd\r", &["abc", "abc"], true);
    }

    #[test]
    fn nothing_is_kept_of_a_line_that_never_ends() {
        let mut lines = Lines::new(1000);
        let mut most = 0;
        for _ in 0..10_000 {
            lines.push(&[b'x'; 100]);
            let _ = lines.next_line();
            most = most.max(lines.buffer.capacity());
        }
        assert!(lines.next_line().is_err());
        assert!(most <= 4000, "{most}");
    }

    #[test]
    fn what_was_given_out_is_let_go() {
        let mut lines = Lines::new(1000);
        for _ in 0..10_000 {
            lines.push(b"some text\nand");
            assert!(lines.next_line().unwrap().is_some());
            assert!(lines.next_line().unwrap().is_none());
            assert!(lines.buffer.capacity() < 1000);
        }
    }
}
