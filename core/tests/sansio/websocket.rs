//! WebSockets without a socket: with tungstenite as their peer, and with frames made by hand.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use http::{HeaderMap, StatusCode};
use trunkline::sansio::websocket::{
    Flow, WebSocketAgreement, WebSocketClient, WebSocketHandshake, WebSocketSettings,
};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};
use trunkline::{ErrorCode, Frame, WebSocketDeflate};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// What the handlers were told, a line each.
type Told = Arc<Mutex<Vec<String>>>;

fn shown(frame: &Frame) -> String {
    let text = |bytes: &[u8]| {
        let sum = bytes.iter().fold(0_u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add((*byte).into())
        });
        format!("{} {sum}", bytes.len())
    };
    match frame {
        Frame::Text(text) => format!("text {}", String::from_utf8_lossy(text)),
        Frame::Binary(bytes) => format!("binary {}", text(bytes)),
        Frame::Close(code, reason) => {
            format!("close {code:?} {}", String::from_utf8_lossy(reason))
        }
        other => format!("{other:?}"),
    }
}

fn client(agreement: &WebSocketAgreement, settings: &WebSocketSettings) -> (WebSocketClient, Told) {
    let told = Told::default();
    let (frames, ended) = (Arc::clone(&told), Arc::clone(&told));
    let client = WebSocketClient::new(
        settings,
        agreement,
        move |frame| {
            frames.lock().unwrap().push(shown(&frame));
            Flow::Continue
        },
        move |outcome| {
            let line = match outcome {
                Ok(code) => format!("end {code:?}"),
                Err(error) => format!("failed {}", error.code().name()),
            };
            ended.lock().unwrap().push(line);
        },
    );
    (client, told)
}

fn plain() -> (WebSocketClient, Told) {
    client(
        &WebSocketAgreement::default(),
        &WebSocketSettings::default(),
    )
}

/// All that a client has to write, `step` bytes at once.
fn written(client: &WebSocketClient, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while let WriteOperation::Write(vectors) = client.next_write_operation() {
        let count = vectors[0].len().min(step);
        all.extend_from_slice(&vectors[0][..count]);
        client.report_write_result(WriteResult::Written(count));
    }
    all
}

fn feed(client: &WebSocketClient, bytes: &[u8], step: usize) {
    for piece in bytes.chunks(step) {
        let mut taken = 0;
        while taken < piece.len() {
            let count = client.read(&piece[taken..]);
            if count == 0 {
                return;
            }
            taken += count;
        }
    }
}

/// The peer's end of a transport in memory.
#[derive(Default)]
struct End {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Read for End {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = target.len().min(self.incoming.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        target[..count].copy_from_slice(&self.incoming[..count]);
        self.incoming.drain(..count);
        Ok(count)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Carries bytes between a client and a server that echoes, until neither has any.
fn pump(client: &WebSocketClient, server: &mut WebSocket<End>, step: usize) {
    loop {
        let sent = written(client, step);
        server.get_mut().incoming.extend_from_slice(&sent);
        loop {
            match server.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    server.send(message).unwrap();
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let _ = server.flush();
        let answer = std::mem::take(&mut server.get_mut().outgoing);
        if sent.is_empty() && answer.is_empty() {
            return;
        }
        feed(client, &answer, step);
    }
}

fn converse(step: usize) -> Vec<String> {
    let (client, told) = plain();
    let mut server = WebSocket::from_raw_socket(End::default(), Role::Server, None);
    server.send(Message::Ping("are you there".into())).unwrap();
    client.send(Frame::Text("naïve".into())).unwrap();
    for size in [0, 125, 126, 65_535, 65_536, 200_000] {
        let payload: Vec<u8> = (0..size).map(|byte: u32| byte as u8).collect();
        client.send(Frame::Binary(payload.into())).unwrap();
    }
    client.send(Frame::Ping("measured".into())).unwrap();
    pump(&client, &mut server, step);
    client.close(Some(1000), "enough").unwrap();
    assert_eq!(
        client.send(Frame::Text("late".into())).unwrap_err().code(),
        ErrorCode::InvalidState
    );
    pump(&client, &mut server, step);
    assert!(client.is_closed());
    assert_eq!(client.next_read_operation(), ReadOperation::Close);
    assert_eq!(client.read(b"more"), 0);
    let told = told.lock().unwrap().clone();
    assert_eq!(told.last().unwrap(), "end Some(1000)");
    told
}

#[test]
fn however_it_is_cut_the_conversation_is_the_same() {
    let whole = converse(usize::MAX);
    assert_eq!(whole[0], "Ping(b\"are you there\")");
    assert_eq!(whole[1], "text naïve");
    assert_eq!(whole.len(), 11);
    for step in [1, 2, 3, 7, 64, 1000, 16_384] {
        assert_eq!(converse(step), whole, "by {step}");
    }
}

#[test]
fn what_the_peer_does_wrong_is_told_to_it() {
    for (frames, code, error) in [
        (&b"\x83\x00"[..], 1002, "websocket_protocol"),
        (b"\x81\x85\0\0\0\0hello", 1002, "websocket_protocol"),
        (b"\x81\x01\xff", 1007, "websocket_invalid_utf8"),
        (b"\x82\x7f\0\0\0\0\x40\0\0\0", 1009, "websocket_too_large"),
        (b"\xc1\x01a", 1002, "websocket_protocol"),
    ] {
        for step in 1..=frames.len() {
            let (client, told) = plain();
            client.send(Frame::Text("first".into())).unwrap();
            assert_eq!(written(&client, step).len(), 2 + 4 + 5);
            feed(&client, frames, step);
            let close = written(&client, step);
            assert_eq!(&close[..2], [0x88, 0x82], "{error}");
            let sent = [close[6] ^ close[2], close[7] ^ close[3]];
            assert_eq!(u16::from_be_bytes(sent), code);
            assert_eq!(*told.lock().unwrap(), [format!("failed {error}")]);
            assert!(client.is_closed());
        }
    }
}

#[test]
fn a_close_of_the_peer_is_answered_and_ends_it() {
    let (client, told) = plain();
    client.send(Frame::Binary(vec![0; 300].into())).unwrap();
    feed(&client, b"\x88\x05\x03\xe9bye", 1);
    assert_eq!(
        *told.lock().unwrap(),
        ["close Some(1001) bye", "end Some(1001)"]
    );
    // The frame that was under way, and the close.
    let all = written(&client, 7);
    assert_eq!(all[all.len() - 8], 0x88);
    assert!(client.is_closed());
    assert_eq!(client.on_room(|| {}).unwrap_err().code(), ErrorCode::Closed);
}

#[test]
fn an_end_without_a_close_is_an_error() {
    let (client, told) = plain();
    feed(&client, b"\x81\x03wh", usize::MAX);
    client.read_eof();
    assert_eq!(*told.lock().unwrap(), ["failed connection_closed"]);
    assert!(client.is_closed());
    let (client, told) = plain();
    client.report_exn("out of order".into());
    assert_eq!(*told.lock().unwrap(), ["failed connection_reset"]);
    let close = written(&client, 1);
    assert_eq!([close[6] ^ close[2], close[7] ^ close[3]], [3, 243]);
    client.report_exn("again".into());
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[test]
fn what_the_transport_does_not_take_is_counted_and_the_rest_read() {
    let (client, told) = plain();
    client.send(Frame::Binary(vec![0; 300].into())).unwrap();
    client.next_write_operation();
    client.report_write_result(WriteResult::Closed);
    feed(&client, b"\x81\x03who\x88\x00", 1);
    assert_eq!(
        *told.lock().unwrap(),
        ["text who", "close None ", "end None"]
    );
    assert!(matches!(
        client.next_write_operation(),
        WriteOperation::Close { unsent: 308 }
    ));
    assert!(client.is_closed());
}

#[test]
fn a_full_queue_refuses_until_there_is_room() {
    let settings = WebSocketSettings {
        send_buffer: 1000,
        ..WebSocketSettings::default()
    };
    let (client, told) = client(&WebSocketAgreement::default(), &settings);
    client.send(Frame::Binary(vec![1; 5000].into())).unwrap();
    let refused = client.send(Frame::Text("more".into())).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Again);
    let (again, noted) = (client.clone(), Arc::clone(&told));
    client
        .on_room(move || {
            again.send(Frame::Text("more".into())).unwrap();
            noted.lock().unwrap().push("room".to_owned());
        })
        .unwrap();
    assert_eq!(written(&client, 100).len(), 5000 + 8 + 4 + 6);
    assert_eq!(*told.lock().unwrap(), ["room"]);
}

#[test]
fn a_pause_holds_the_rest_back_and_its_bytes_are_bounded() {
    let told = Told::default();
    let frames = Arc::clone(&told);
    let client = WebSocketClient::new(
        &WebSocketSettings::default(),
        &WebSocketAgreement::default(),
        move |frame| {
            frames.lock().unwrap().push(shown(&frame));
            Flow::Pause
        },
        |_| {},
    );
    let mut taken = 0;
    while client.next_read_operation() == ReadOperation::Read {
        taken += client.read(b"\x81\x01a");
        assert!(taken < 1_000_000, "no bound");
    }
    assert_eq!(told.lock().unwrap().len(), 1);
    client.resume();
    client.resume();
    assert_eq!(told.lock().unwrap().len(), 3);
    assert_eq!(client.next_read_operation(), ReadOperation::Read);
}

#[test]
fn messages_are_compressed_where_that_was_agreed_on() {
    let mut asked = HeaderMap::new();
    let handshake = WebSocketHandshake::new(&mut asked, Some(WebSocketDeflate::default())).unwrap();
    let mut answer = HeaderMap::new();
    let accept = derive_accept_key(asked["sec-websocket-key"].as_bytes());
    answer.insert("upgrade", "websocket".parse().unwrap());
    answer.insert("connection", "Upgrade".parse().unwrap());
    let refused = handshake.check(StatusCode::OK, &answer).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::WebSocketRejected);
    let status = StatusCode::SWITCHING_PROTOCOLS;
    let unproven = handshake.check(status, &answer).unwrap_err();
    assert_eq!(unproven.code(), ErrorCode::WebSocketHandshake);
    answer.insert("sec-websocket-accept", accept.parse().unwrap());
    assert!(!handshake.check(status, &answer).unwrap().has_deflate());
    answer.insert(
        "sec-websocket-extensions",
        "permessage-deflate".parse().unwrap(),
    );
    let agreement = handshake.check(status, &answer).unwrap();
    assert!(agreement.has_deflate());

    for step in [1, 5, 1000] {
        let (client, told) = client(&agreement, &WebSocketSettings::default());
        let text = "again and ".repeat(1000);
        client.send(Frame::Text(text.clone().into())).unwrap();
        let mut sent = written(&client, step);
        assert_eq!(sent[0], 0xc1);
        assert!(sent.len() < 200, "{} bytes", sent.len());
        let (head, size) = (2 + 4, usize::from(sent[1] & 0x7f));
        let key: Vec<u8> = sent[2..6].to_vec();
        for (place, byte) in sent[head..].iter_mut().enumerate() {
            *byte ^= key[place % 4];
        }
        let mut packed = sent[head..head + size].to_vec();
        packed.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let mut unpacked = Vec::with_capacity(20_000);
        Decompress::new(false)
            .decompress_vec(&packed, &mut unpacked, FlushDecompress::Sync)
            .unwrap();
        assert_eq!(unpacked, text.as_bytes());

        let mut packed = Vec::with_capacity(1000);
        Compress::new(Compression::default(), false)
            .compress_vec(text.as_bytes(), &mut packed, FlushCompress::Sync)
            .unwrap();
        packed.truncate(packed.len() - 4);
        assert!(packed.len() < 126);
        let mut frame = vec![0xc1, packed.len() as u8];
        frame.extend(packed);
        feed(&client, &frame, step);
        assert_eq!(*told.lock().unwrap(), [format!("text {text}")]);
    }
}
