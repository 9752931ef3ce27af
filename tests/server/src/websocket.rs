//! The WebSocket steps: the upgrade of RFC 6455 section 4 and the frames of its section 5.

use base64::Engine as _;
use bytes::Bytes;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::bytes::{Octets, shown};
use crate::fields;
use crate::http1;
use crate::http2::Http2;
use crate::script::{CloseReason, Expected, H2Data, WsAccept, WsExpect, WsSend};
use crate::wire::{Fault, Wire};

const CLOSE: u8 = 8;
/// The length that says that two octets of length follow.
const SHORT: u8 = 0x7e;
/// The length that says that eight octets of length follow.
const LONG: u8 = 0x7f;
/// The mask of frames that ought to have none.
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// Reads the upgrade, checks it, answers it.
pub(crate) async fn accept(wire: &mut Wire, how: &WsAccept) -> Result<(), Fault> {
    let expected = Expected {
        method: Some("GET".to_owned()),
        headers: how.expect.clone(),
        ..Expected::default()
    };
    let head = http1::expect_head(wire, &expected).await?;
    let value = |name| fields::value(&head.fields, name).unwrap_or_default();
    if !value("upgrade").eq_ignore_ascii_case("websocket") {
        return Err(format!(
            "expected upgrade: websocket, got {:?}",
            value("upgrade")
        ));
    }
    if !value("connection")
        .split(',')
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    {
        return Err(format!(
            "expected connection: upgrade, got {:?}",
            value("connection")
        ));
    }
    fields::same(
        "sec-websocket-version",
        Some("13"),
        &value("sec-websocket-version"),
    )?;
    let key = value("sec-websocket-key");
    let octets = base64::engine::general_purpose::STANDARD
        .decode(&key)
        .unwrap_or_default();
    if octets.len() != 16 {
        return Err(format!(
            "expected a sec-websocket-key of 16 octets, got {key:?}"
        ));
    }
    let status = how.status.unwrap_or(101);
    let mut answer = format!(
        "HTTP/1.1 {status} {}\r\n",
        if status == 101 {
            "Switching Protocols"
        } else {
            "Answer"
        }
    );
    if status == 101 {
        let accept = how
            .accept
            .clone()
            .unwrap_or_else(|| derive_accept_key(key.as_bytes()));
        answer.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
        answer.push_str(&accept);
        answer.push_str("\r\n");
    }
    for (name, value) in &how.headers {
        answer.extend([name.as_str(), ": ", value, "\r\n"]);
    }
    answer.push_str("\r\n");
    let mut out = answer.into_bytes();
    out.extend_from_slice(how.tail.as_slice());
    wire.send(&out).await
}

/// Sends a frame.
pub(crate) async fn send(wire: &mut Wire, http2: &mut Http2, frame: &WsSend) -> Result<(), Fault> {
    let out = encode(frame);
    if let Some(stream) = &frame.stream {
        let data = H2Data {
            stream: stream.clone(),
            data: Octets::from(out),
            end_stream: false,
            pad: None,
            frame: frame.split.then_some(1),
            ignore_window: false,
        };
        return http2.send_data(wire, &data).await;
    }
    if frame.split {
        wire.send_split(&out).await
    } else {
        wire.send(&out).await
    }
}

/// Sends a close frame.
pub(crate) async fn send_close(wire: &mut Wire, (code, reason): &CloseReason) -> Result<(), Fault> {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(reason.as_bytes());
    }
    let mut out = vec![0x80 | CLOSE, payload.len() as u8];
    out.extend_from_slice(&payload);
    wire.send(&out).await
}

/// Reads a frame and checks it.
pub(crate) async fn expect(
    wire: &mut Wire,
    http2: &mut Http2,
    expected: &WsExpect,
) -> Result<(), Fault> {
    let from = match &expected.stream {
        Some(stream) => Some((http2.number(stream)?, http2)),
        None => None,
    };
    let (first, payload) = read(&mut Source { wire, from }).await?;
    let opcode = first & 0x0f;
    if first & 0x70 != 0 {
        return Err(format!("the frame has reserved bits: {first:#04x}"));
    }
    let wanted = expected.opcode.as_ref().map(crate::script::Opcode::number);
    let wanted = wanted.or_else(|| expected.close.as_ref().map(|_| CLOSE));
    if wanted.is_some_and(|wanted| wanted != opcode) {
        let wanted = wanted.unwrap_or_default();
        return Err(format!(
            "expected a frame with opcode {wanted}, got {opcode} with {}",
            shown(&payload)
        ));
    }
    if let Some(fin) = expected.fin
        && fin != (first & 0x80 != 0)
    {
        return Err(format!("expected a frame with fin {fin}"));
    }
    if let Some(wanted) = &expected.payload
        && wanted.as_slice() != payload
    {
        return Err(format!(
            "expected payload {}, got {}",
            shown(wanted.as_slice()),
            shown(&payload)
        ));
    }
    match &expected.close {
        Some(wanted) => check_close(wanted, &payload),
        None => Ok(()),
    }
}

fn check_close(wanted: &CloseReason, payload: &[u8]) -> Result<(), Fault> {
    let got = match payload {
        [] => (None, String::new()),
        [high, low, reason @ ..] => (
            Some(u16::from_be_bytes([*high, *low])),
            String::from_utf8_lossy(reason).into_owned(),
        ),
        [_] => return Err("a close frame has a payload of one octet".to_owned()),
    };
    // An endpoint is free to word its own reason; only a code that was asked for without one leaves it open.
    if got.0 != wanted.0 || (!wanted.1.is_empty() && got.1 != wanted.1) {
        return Err(format!("expected close {wanted:?}, got {got:?}"));
    }
    Ok(())
}

/// Where frames are read: the connection, or a stream of it.
struct Source<'a> {
    wire: &'a mut Wire,
    from: Option<(u32, &'a mut Http2)>,
}

impl Source<'_> {
    async fn read_exact(&mut self, count: usize) -> Result<Bytes, Fault> {
        match &mut self.from {
            Some((stream, http2)) => http2.read_octets(self.wire, *stream, count).await,
            None => self.wire.read_exact(count).await,
        }
    }
}

async fn read(source: &mut Source<'_>) -> Result<(u8, Vec<u8>), Fault> {
    let head = source.read_exact(2).await?;
    if head[1] & 0x80 == 0 {
        return Err("the client sent a frame without a mask".to_owned());
    }
    let length = match head[1] & 0x7f {
        SHORT => number(&source.read_exact(2).await?),
        LONG => number(&source.read_exact(8).await?),
        short => usize::from(short),
    };
    let mask = source.read_exact(4).await?;
    let masked = source.read_exact(length).await?;
    Ok((head[0], apply(&mask, &masked)))
}

fn number(octets: &Bytes) -> usize {
    octets
        .iter()
        .fold(0, |number, octet| number << 8 | usize::from(*octet))
}

fn apply(mask: &[u8], octets: &[u8]) -> Vec<u8> {
    octets
        .iter()
        .zip(mask.iter().cycle())
        .map(|(octet, mask)| octet ^ mask)
        .collect()
}

fn encode(frame: &WsSend) -> Vec<u8> {
    let fin = if frame.fin.unwrap_or(true) { 0x80 } else { 0 };
    let mut out = vec![fin | (frame.rsv & 7) << 4 | frame.opcode.number() & 0x0f];
    let masked = if frame.mask { 0x80 } else { 0 };
    let payload = frame.payload.as_slice();
    let length = frame.length.unwrap_or(payload.len() as u64);
    match length {
        0..=125 => out.push(masked | length as u8),
        126..=0xffff => {
            out.push(masked | SHORT);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | LONG);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
    if frame.mask {
        out.extend_from_slice(&MASK);
        out.extend(apply(&MASK, payload));
    } else {
        out.extend_from_slice(payload);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{check_close, encode};

    fn encoded(json: &str) -> Vec<u8> {
        encode(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn frames_are_those_of_the_rfc() {
        // RFC 6455 section 5.7
        assert_eq!(
            encoded(r#"{"opcode": "text", "payload": "Hello"}"#),
            b"\x81\x05Hello"
        );
        assert_eq!(
            encoded(r#"{"opcode": 1, "payload": "Hel", "fin": false}"#),
            b"\x01\x03Hel"
        );
        assert_eq!(
            encoded(r#"{"opcode": "continuation", "payload": "lo"}"#),
            b"\x80\x02lo"
        );
        assert_eq!(
            &encoded(r#"{"opcode": 2, "payload": {"repeat": "a", "count": 256}}"#)[..4],
            b"\x82\x7e\x01\x00"
        );
        let long = encoded(r#"{"opcode": 2, "payload": {"repeat": "a", "count": 65536}}"#);
        assert_eq!(&long[..10], b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
        assert_eq!(encoded(r#"{"opcode": 1, "rsv": 4}"#), b"\xc1\x00");
        assert_eq!(
            encoded(r#"{"opcode": 1, "mask": true, "payload": {"hex": "12"}}"#),
            b"\x81\x81\x12\x34\x56\x78\x00"
        );
        assert_eq!(
            encoded(r#"{"opcode": 9, "length": 126}"#),
            b"\x89\x7e\x00\x7e"
        );
    }

    #[test]
    fn close_codes_are_compared() {
        assert_eq!(
            check_close(&(Some(1000), "bye".to_owned()), b"\x03\xe8bye"),
            Ok(())
        );
        assert_eq!(
            check_close(&(Some(1000), String::new()), b"\x03\xe8any"),
            Ok(())
        );
        assert_eq!(check_close(&(None, String::new()), b""), Ok(()));
        assert!(check_close(&(Some(1000), "bye".to_owned()), b"\x03\xe8").is_err());
        assert!(check_close(&(Some(1001), String::new()), b"\x03\xe8").is_err());
        assert!(check_close(&(None, String::new()), b"\x03").is_err());
    }
}
