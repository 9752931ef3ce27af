//! Characters of a body by the charset of its content type (WHATWG Encoding; RFC 9110, 8.3).

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

/// Bytes that are decoded at once.
const STEP: usize = 4096;

/// The value of the `charset` parameter of a content type, for example of `text/html; charset=utf-8`; quotes are removed.
///
/// The first of several counts. None where there is none, or it is empty.
pub fn charset_of(content_type: &str) -> Option<&str> {
    let mut rest = content_type.split_once(';')?.1;
    loop {
        let name_end = rest.find([';', '='])?;
        let name = rest[..name_end].trim_start();
        let is_value = rest[name_end..].starts_with('=');
        rest = &rest[name_end + 1..];
        if !is_value {
            continue;
        }
        let value = match rest.strip_prefix('"') {
            Some(quoted) => {
                let end = end_of_quoted(quoted);
                rest = quoted[end..].split_once(';').map_or("", |(_, rest)| rest);
                &quoted[..end]
            }
            None => {
                let (value, following) = rest.split_once(';').unwrap_or((rest, ""));
                rest = following;
                value.trim()
            }
        };
        if name.eq_ignore_ascii_case("charset") && !value.is_empty() {
            return Some(value);
        }
    }
}

/// Where the closing quote is, or the text ends; an escaped quote closes nothing (RFC 9110, 5.6.4).
fn end_of_quoted(quoted: &str) -> usize {
    let mut escaped = false;
    let closing = quoted.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.unwrap_or(quoted.len())
}

/// Decodes text, wherever the pieces were cut. What is malformed becomes U+FFFD.
///
/// A byte order mark at the beginning wins over the charset, and is not part of the text.
///
/// ```
/// let mut decoder = trunkline::TextDecoder::for_content_type("text/plain; charset=iso-8859-1");
/// assert_eq!(decoder.encoding(), "windows-1252");
/// assert_eq!(decoder.decode(b"na\xefve"), "na\u{ef}ve");
/// assert_eq!(decoder.finish(), "");
/// ```
pub struct TextDecoder {
    decoder: Decoder,
    finished: bool,
}

impl TextDecoder {
    /// A decoder for a charset's label, by the labels of the WHATWG Encoding standard; UTF-8 where it does not know it.
    pub fn new(label: &str) -> TextDecoder {
        let encoding = Encoding::for_label(label.as_bytes()).unwrap_or(UTF_8);
        TextDecoder {
            decoder: encoding.new_decoder(),
            finished: false,
        }
    }

    /// A decoder for the charset that a content type names; UTF-8 where it names none.
    pub fn for_content_type(content_type: &str) -> TextDecoder {
        TextDecoder::new(charset_of(content_type).unwrap_or_default())
    }

    /// The standard's name of the encoding. A byte order mark may change it with the first bytes.
    pub fn encoding(&self) -> &'static str {
        self.decoder.encoding().name()
    }

    /// The text of the next piece. A character that is cut waits for its rest.
    ///
    /// Empty after [`finish`](Self::finish).
    pub fn decode(&mut self, data: &[u8]) -> String {
        self.run(data, false)
    }

    /// Says that nothing follows: a character that is still cut becomes U+FFFD.
    pub fn finish(&mut self) -> String {
        self.run(b"", true)
    }

    fn run(&mut self, mut data: &[u8], last: bool) -> String {
        // The decoder may not be used after its end.
        if self.finished {
            return String::new();
        }
        self.finished = last;
        let mut text = String::with_capacity(data.len());
        loop {
            let (piece, following) = data.split_at(data.len().min(STEP));
            // The decoder wants room for the longest text that can come of its input. Step by step that is little.
            let room = self.decoder.max_utf8_buffer_length(piece.len());
            text.reserve(room.unwrap_or(4 * STEP));
            let last = last && following.is_empty();
            let (result, read, _) = self.decoder.decode_to_string(piece, &mut text, last);
            data = data.get(read..).unwrap_or_default();
            if following.is_empty() && result == CoderResult::InputEmpty {
                return text;
            }
        }
    }
}

impl std::fmt::Debug for TextDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextDecoder")
            .field("encoding", &self.encoding())
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_are_found() {
        let cases = [
            ("text/html", None),
            ("text/html;", None),
            ("charset=utf-8", None),
            ("text/html; charset", None),
            ("text/html; charset=", None),
            ("text/html; charset=\"\"", None),
            ("text/html; charset=utf-8", Some("utf-8")),
            ("text/html;CHARSET=UTF-8 ; a=b", Some("UTF-8")),
            ("text/html; charset=\"utf-8\"", Some("utf-8")),
            ("text/html; charset=\"utf-8", Some("utf-8")),
            ("text/html; charset=; charset=b", Some("b")),
            ("text/html; charset=a; charset=b", Some("a")),
            ("text/html; xcharset=a; y;;charset=b", Some("b")),
            ("text/html; x=\"a;charset=c\"; charset=b", Some("b")),
            ("text/html; x=\"a\\\";charset=c\"; charset=b", Some("b")),
            ("text/html; x=\"a\\\\\";charset=c", Some("c")),
            ("text/html; charset='utf-8'", Some("'utf-8'")),
            ("text/html; x=\u{e9}\"; charset=\u{e9}", Some("\u{e9}")),
        ];
        for (content_type, expected) in cases {
            assert_eq!(charset_of(content_type), expected, "{content_type}");
        }
    }

    /// Whole, cut in two at every byte, and byte by byte.
    fn check(label: &str, data: &[u8], expected: &str, encoding: &str) {
        let mut cuts = vec![vec![data], data.chunks(1).collect()];
        cuts.extend((0..=data.len()).map(|at| vec![&data[..at], &data[at..]]));
        for pieces in cuts {
            let mut decoder = TextDecoder::new(label);
            let mut text: String = pieces.iter().map(|piece| decoder.decode(piece)).collect();
            text += &decoder.finish();
            assert_eq!(text, expected, "{label} {pieces:?}");
            assert_eq!(decoder.encoding(), encoding, "{label} {pieces:?}");
            assert_eq!(decoder.decode(b"more") + &decoder.finish(), "");
        }
    }

    #[test]
    fn text_is_decoded_by_its_label() {
        check("", "aé€😀".as_bytes(), "aé€😀", "UTF-8");
        check("no-such", "é".as_bytes(), "é", "UTF-8");
        check(" Latin1 ", b"\xe9\x80", "é€", "windows-1252");
        check(
            "shift_jis",
            b"\x83\x65\x83\x58\x83\x67",
            "テスト",
            "Shift_JIS",
        );
        check("gbk", b"\xc4\xe3\xba\xc3", "你好", "GBK");
        check("euc-kr", b"\xc7\xd1\xb1\xdb", "한글", "EUC-KR");
        check("utf-16", b"a\0\x3d\xd8\0\xde", "a😀", "UTF-16LE");
        check("iso-2022-jp", b"\x1b$B$\"\x1b(Ba", "あa", "ISO-2022-JP");
    }

    #[test]
    fn a_byte_order_mark_wins() {
        check("latin1", b"\xef\xbb\xbf\xc3\xa9", "é", "UTF-8");
        check("utf-8", b"\xff\xfee\0", "e", "UTF-16LE");
        check("utf-8", b"\xfe\xff\0e", "e", "UTF-16BE");
        check("utf-8", b"\xef\xbb", "\u{fffd}", "UTF-8");
    }

    #[test]
    fn what_is_malformed_is_replaced() {
        check("utf-8", b"a\xffb\xe2\x82", "a\u{fffd}b\u{fffd}", "UTF-8");
        check(
            "utf-8",
            b"\xed\xa0\x80",
            "\u{fffd}\u{fffd}\u{fffd}",
            "UTF-8",
        );
        check("utf-16le", b"\0\xd8a\0b", "\u{fffd}a\u{fffd}", "UTF-16LE");
        let long = vec![0xff; 100_000];
        assert_eq!(TextDecoder::new("").decode(&long).chars().count(), 100_000);
    }

    #[test]
    fn long_pieces_are_decoded_step_by_step() {
        let text = "aé€😀".repeat(STEP);
        for at in [0, 1, STEP - 1, STEP, STEP + 1, text.len()] {
            let (first, second) = text.as_bytes().split_at(at);
            let mut decoder = TextDecoder::new("utf-8");
            let whole = decoder.decode(first) + &decoder.decode(second) + &decoder.finish();
            assert!(whole == text, "{at}");
        }
        let ascii = vec![b'a'; 16 * STEP];
        let text = TextDecoder::new("latin1").decode(&ascii);
        assert!(text.len() == ascii.len() && text.capacity() <= 2 * ascii.len());
    }
}
