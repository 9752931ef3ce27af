//! What comes in.

use bytes::{Bytes, BytesMut};

use super::{ACCEPTS, FIN, RSV1, agreed, binary, frame, receive, receive_by, text};
use crate::error::ErrorCode;
use crate::part::FragmentKind::{Binary, Continuation, Text};
use crate::part::Frame;
use crate::protocol::websocket::deflate::Deflater;
use crate::protocol::websocket::receiver::{Accepts, Receiver};

#[test]
fn messages_of_every_length() {
    for length in [0, 1, 125, 126, 127, 128, 65535, 65536] {
        let payload = vec![b'*'; length];
        let bytes = [frame(FIN | 1, &payload), frame(FIN | 2, &payload)].concat();
        assert_eq!(
            receive(&bytes),
            (vec![text(&payload), binary(&payload)], None)
        );
    }
}

#[test]
fn fragments_are_put_together_around_control_frames() {
    let bytes = [
        frame(1, "Hello κ".as_bytes()),
        frame(FIN | 9, b"ping"),
        frame(0, b""),
        frame(FIN | 0x0a, &[0xff; 125]),
        // Cut within a character.
        frame(0, &[0xce]),
        frame(FIN, &[0xba]),
        frame(2, b""),
        frame(0, b"x"),
        frame(FIN, b""),
        frame(FIN | 8, b""),
    ]
    .concat();
    let expected = vec![
        Frame::Ping(Bytes::from_static(b"ping")),
        Frame::Pong(Bytes::from_static(&[0xff; 125])),
        text("Hello κκ"),
        binary("x"),
        Frame::Close(None, Bytes::new()),
    ];
    assert_eq!(receive(&bytes), (expected, None));
}

#[test]
fn what_breaks_the_protocol() {
    let hello = frame(FIN | 1, b"hello");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("rsv2", frame(FIN | 0x20 | 1, b"x")),
        ("rsv3", frame(FIN | 0x10 | 2, b"x")),
        ("rsv1 of a ping", frame(FIN | RSV1 | 9, b"x")),
        ("rsv1 of a close", frame(FIN | RSV1 | 8, b"")),
        (
            "rsv1 of a further frame",
            [frame(2, b"x"), frame(FIN | RSV1, b"x")].concat(),
        ),
        ("opcode 3", frame(FIN | 3, b"")),
        ("opcode 7", frame(FIN | 7, b"x")),
        ("opcode 11", frame(FIN | 0x0b, b"")),
        ("opcode 15", frame(FIN | 0x0f, b"x")),
        ("a ping in fragments", frame(9, b"x")),
        ("a long ping", frame(FIN | 9, &[0; 126])),
        ("a long close", frame(FIN | 8, &[3; 126])),
        ("nothing to continue", frame(FIN, b"x")),
        ("nothing to continue yet", frame(0, b"x")),
        (
            "a message inside another",
            [frame(1, b"a"), frame(FIN | 1, b"b")].concat(),
        ),
        ("a masked frame", vec![FIN | 1, 0x81, 1, 2, 3, 4, 5]),
        (
            "a length of two bytes that fits one",
            vec![FIN | 2, 126, 0, 125],
        ),
        (
            "a length of eight bytes that fits two",
            vec![FIN | 2, 127, 0, 0, 0, 0, 0, 0, 255, 255],
        ),
        (
            "a negative length",
            vec![FIN | 2, 127, 128, 0, 0, 0, 0, 0, 0, 0],
        ),
        ("a close of one byte", frame(FIN | 8, &[3])),
    ];
    for (what, bytes) in cases {
        let expected = (Vec::new(), Some(ErrorCode::WebSocketProtocol));
        assert_eq!(receive(&bytes), expected, "{what}");
        let behind = [hello.clone(), bytes].concat();
        let expected = (vec![text("hello")], Some(ErrorCode::WebSocketProtocol));
        assert_eq!(receive(&behind), expected, "{what}, behind a message");
    }
}

#[test]
fn close_codes() {
    for code in [
        1000u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 3999, 4999,
    ] {
        let payload = [&code.to_be_bytes()[..], "ü".as_bytes()].concat();
        let close = Frame::Close(Some(code), Bytes::from_static("ü".as_bytes()));
        assert_eq!(receive(&frame(FIN | 8, &payload)), (vec![close], None));
    }
    for code in [
        0u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        let got = receive(&frame(FIN | 8, &code.to_be_bytes()));
        assert_eq!(
            got,
            (Vec::new(), Some(ErrorCode::WebSocketProtocol)),
            "{code}"
        );
    }
    let got = receive(&frame(FIN | 8, &[3, 232, 0xce]));
    assert_eq!(got, (Vec::new(), Some(ErrorCode::WebSocketInvalidUtf8)));
}

#[test]
fn text_fails_at_its_first_bad_byte() {
    let invalid = Some(ErrorCode::WebSocketInvalidUtf8);
    let bad = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited";
    assert_eq!(receive(&frame(FIN | 1, bad)).1, invalid);
    // Long before the end: in one frame, in a fragment, compressed or not.
    let begun = &frame(FIN | 1, bad)[..15];
    assert_eq!(receive_by(ACCEPTS, &[begun]), (Vec::new(), invalid));
    let before = &frame(FIN | 1, bad)[..14];
    assert_eq!(receive_by(ACCEPTS, &[before]), (Vec::new(), None));
    assert_eq!(receive(&frame(1, &bad[..13])), (Vec::new(), invalid));
    let stored = [&[0, 20, 0, 0xeb, 0xff][..], &bad[..13]].concat();
    assert_eq!(receive(&frame(RSV1 | 1, &stored)), (Vec::new(), invalid));
    // It may not end within a character.
    assert_eq!(
        receive(&frame(FIN | 1, &[0xe2, 0x82])),
        (Vec::new(), invalid)
    );
    let cut = [frame(1, &[0xe2]), frame(FIN, &[0x82])].concat();
    assert_eq!(receive(&cut), (Vec::new(), invalid));
}

#[test]
fn limits_hold_before_anything_comes() {
    let accepts = Accepts {
        frame: 100,
        message: 150,
        fragments: false,
    };
    let too_large = Some(ErrorCode::WebSocketTooLarge);
    // The head is enough.
    for head in [
        &[FIN | 2, 101][..],
        &[2, 126, 255, 255],
        &[2, 127, 0, 0, 0, 1, 0, 0, 0, 0],
    ] {
        assert_eq!(
            receive_by(accepts, &[head]),
            (Vec::new(), too_large),
            "{head:?}"
        );
    }
    let first = frame(2, &[0; 100]);
    let pieces: [&[u8]; 2] = [&first, &[FIN, 51]];
    assert_eq!(receive_by(accepts, &pieces), (Vec::new(), too_large));
    let second = frame(FIN, &[0; 50]);
    let pieces: [&[u8]; 2] = [&first, &second];
    assert_eq!(receive_by(accepts, &pieces).0[0].payload().len(), 150);
    // Compressed: what comes of it counts.
    let mut deflater = Deflater::new(&agreed()).unwrap();
    let mut bomb = Bytes::from(vec![0; 151]);
    let (bomb, _) = deflater.next(&mut bomb, true).unwrap();
    let bomb = frame(FIN | RSV1 | 2, &bomb);
    assert_eq!(receive_by(accepts, &[&bomb]), (Vec::new(), too_large));
    // As fragments as well.
    let accepts = Accepts {
        fragments: true,
        ..accepts
    };
    let pieces: [&[u8]; 2] = [&first, &[FIN, 51]];
    assert_eq!(receive_by(accepts, &pieces).1, too_large);
    assert_eq!(receive_by(accepts, &[&bomb]).1, too_large);
}

#[test]
fn frames_may_be_had_as_they_came() {
    let accepts = Accepts {
        fragments: true,
        ..ACCEPTS
    };
    let fragment = |kind, last, payload: &[u8]| Frame::Fragment {
        kind,
        last,
        payload: Bytes::copy_from_slice(payload),
    };
    let mut deflater = Deflater::new(&agreed()).unwrap();
    let mut message = Bytes::from_static(b"compressed");
    let (compressed, _) = deflater.next(&mut message, true).unwrap();
    let (one, other) = compressed.split_at(5);
    let bytes = [
        frame(1, "ä".as_bytes()),
        frame(FIN | 9, b""),
        frame(FIN, b""),
        frame(FIN | 2, b"alone"),
        frame(RSV1 | 2, one),
        frame(FIN, other),
    ]
    .concat();
    let (frames, error) = receive_by(accepts, &[&bytes]);
    assert_eq!(error, None);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(receive_by(accepts, &single), (frames.clone(), None));
    assert_eq!(
        frames[..4],
        [
            fragment(Text, false, "ä".as_bytes()),
            Frame::Ping(Bytes::new()),
            fragment(Continuation, true, b""),
            fragment(Binary, true, b"alone"),
        ]
    );
    assert!(matches!(
        &frames[4],
        Frame::Fragment {
            kind: Binary,
            last: false,
            ..
        }
    ));
    assert!(matches!(
        &frames[5],
        Frame::Fragment {
            kind: Continuation,
            last: true,
            ..
        }
    ));
    let whole = [&frames[4].payload()[..], &frames[5].payload()[..]].concat();
    assert_eq!(whole, b"compressed");
    assert_eq!(
        receive_by(accepts, &[&frame(FIN | 1, &[0xff])]).1,
        Some(ErrorCode::WebSocketInvalidUtf8)
    );
}

#[test]
fn a_message_in_one_frame_is_not_copied() {
    let mut receiver = Receiver::new(ACCEPTS, None);
    let mut input = BytesMut::from(&frame(FIN | 2, &[7; 1000])[..]);
    let place = input[4..].as_ptr();
    let message = receiver.next(&mut input).unwrap().unwrap();
    assert_eq!(message.payload().as_ptr(), place);
}

/// A stream of pseudo-random bytes, the same in every run.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(2) + 1;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
}

#[test]
fn hostile_bytes_do_no_harm() {
    for seed in 0..3000 {
        let mut bytes: Vec<u8> = noise(seed).take(200).collect();
        // Heads that are nearly right lead further.
        bytes[0] = [0x81, 0x82, 0x01, 0xc1, 0xc2, 0x89][seed as usize % 6];
        bytes[1] &= 0x3f;
        for fragments in [false, true] {
            let accepts = Accepts {
                fragments,
                ..ACCEPTS
            };
            let whole = receive_by(accepts, &[&bytes]);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            let pieces = receive_by(accepts, &single);
            assert_eq!(whole.0.len(), pieces.0.len(), "seed {seed}");
        }
    }
}
