//! HTTP/2 frames (RFC 9113 section 4) and HPACK's plainest form (RFC 7541 section 6.2.2), written by hand so that a script
//! can send broken ones too.

use bytes::Bytes;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const PRIORITY: u8 = 0x20;

/// The length of a frame's header.
pub(crate) const HEADER: usize = 9;
/// The largest payload while no setting says otherwise.
pub(crate) const LARGEST: usize = 16384;

/// A frame as it came.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Bytes,
}

impl Frame {
    /// The payload without padding and priority.
    pub(crate) fn content(&self) -> Result<Bytes, String> {
        let mut content = self.payload.clone();
        if self.flags & PADDED != 0 {
            let pad = usize::from(*content.first().ok_or("a padded frame is empty")?);
            if pad >= content.len() {
                return Err("a frame has more padding than payload".to_owned());
            }
            content = content.slice(1..content.len() - pad);
        }
        if self.kind == HEADERS && self.flags & PRIORITY != 0 {
            if content.len() < 5 {
                return Err("a HEADERS frame is too short for its priority".to_owned());
            }
            content = content.slice(5..);
        }
        Ok(content)
    }
}

/// Writes a frame.
pub(crate) fn write(into: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    write_declaring(into, payload.len() as u32, kind, flags, stream, payload);
}

/// Writes a frame that declares any length.
pub(crate) fn write_declaring(
    into: &mut Vec<u8>,
    length: u32,
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &[u8],
) {
    into.extend_from_slice(&length.to_be_bytes()[1..]);
    into.push(kind);
    into.push(flags);
    into.extend_from_slice(&stream.to_be_bytes());
    into.extend_from_slice(payload);
}

/// Reads a frame's header: the length of the payload, the type, the flags, the stream.
pub(crate) fn parse_header(header: &[u8; HEADER]) -> (usize, u8, u8, u32) {
    let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
    let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]) & 0x7fff_ffff;
    (length, header[3], header[4], stream)
}

/// Adds padding to a payload.
pub(crate) fn padded(payload: &[u8], pad: u8) -> Vec<u8> {
    let mut all = vec![pad];
    all.extend_from_slice(payload);
    all.resize(all.len() + usize::from(pad), 0);
    all
}

/// Encodes fields as literals that are never indexed into a table, with no Huffman code.
pub(crate) fn header_block(fields: &[(String, String)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name);
        string(&mut block, value);
    }
    block
}

fn string(into: &mut Vec<u8>, text: &str) {
    integer(into, text.len());
    into.extend_from_slice(text.as_bytes());
}

/// An integer with a prefix of seven bits, the eighth being zero (RFC 7541 section 5.1).
fn integer(into: &mut Vec<u8>, value: usize) {
    const PREFIX: usize = 0x7f;
    if value < PREFIX {
        into.push(value as u8);
        return;
    }
    into.push(PREFIX as u8);
    let mut rest = value - PREFIX;
    while rest >= 0x80 {
        into.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    into.push(rest as u8);
}

/// The identifier of a setting given by its name, or by the number itself.
pub(crate) fn setting(name: &str) -> Option<u16> {
    match name {
        "HEADER_TABLE_SIZE" => Some(1),
        "ENABLE_PUSH" => Some(2),
        "MAX_CONCURRENT_STREAMS" => Some(3),
        "INITIAL_WINDOW_SIZE" => Some(4),
        "MAX_FRAME_SIZE" => Some(5),
        "MAX_HEADER_LIST_SIZE" => Some(6),
        "ENABLE_CONNECT_PROTOCOL" => Some(8),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fluke_hpack::Decoder;

    use super::{
        END_STREAM, Frame, HEADERS, PADDED, PRIORITY, header_block, padded, parse_header, setting,
        write,
    };

    #[test]
    fn a_frame_header_reads_as_written() {
        let mut wire = Vec::new();
        write(&mut wire, HEADERS, END_STREAM, 7, b"abc");
        assert_eq!(wire, [0, 0, 3, 1, 1, 0, 0, 0, 7, b'a', b'b', b'c']);
        assert_eq!(
            parse_header(wire[..9].try_into().unwrap()),
            (3, HEADERS, END_STREAM, 7)
        );
    }

    #[test]
    fn padding_and_priority_are_taken_off() {
        let content = |flags, payload: &[u8]| {
            Frame {
                kind: HEADERS,
                flags,
                stream: 1,
                payload: Bytes::copy_from_slice(payload),
            }
            .content()
        };
        assert_eq!(content(PADDED, &padded(b"abc", 5)).unwrap(), "abc");
        assert_eq!(content(PADDED, &padded(b"", 0)).unwrap(), "");
        assert_eq!(
            content(PADDED | PRIORITY, &padded(b"12345x", 2)).unwrap(),
            "x"
        );
        assert!(content(PADDED, &[4, 0, 0]).is_err());
        assert!(content(PRIORITY, b"123").is_err());
    }

    #[test]
    fn literals_are_what_a_decoder_reads() {
        let fields: Vec<(String, String)> = [
            (":status", "200".to_owned()),
            ("x", "v".repeat(126)),
            ("y", "v".repeat(70000)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let decoded = Decoder::new().decode(&header_block(&fields)).unwrap();
        let decoded: Vec<(String, String)> = decoded
            .into_iter()
            .map(|(n, v)| (String::from_utf8(n).unwrap(), String::from_utf8(v).unwrap()))
            .collect();
        assert_eq!(decoded, fields);
        assert_eq!(
            header_block(&[("a".to_owned(), "b".to_owned())]),
            [0, 1, b'a', 1, b'b']
        );
    }

    #[test]
    fn settings_have_names_and_numbers() {
        assert_eq!(setting("INITIAL_WINDOW_SIZE"), Some(4));
        assert_eq!(setting("99"), Some(99));
        assert_eq!(setting("WHATEVER"), None);
    }
}
