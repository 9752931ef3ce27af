//! What goes out, and what comes back of it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::{ACCEPTS, FIN, RSV1, agreed, binary, frame, text};
use crate::error::Result;
use crate::limits::{WEBSOCKET_WRITE, WEBSOCKET_WRITE_SLOW};
use crate::part::FragmentKind::{Continuation, Text};
use crate::part::Frame;
use crate::protocol::websocket::deflate::{Deflater, Inflater};
use crate::protocol::websocket::receiver::Receiver;
use crate::protocol::websocket::sender::Sender;

/// Everything that a sender writes, unmasked: first byte and payload of each frame.
fn drain(sender: &mut Sender, frames: Vec<Frame>) -> Vec<(u8, Vec<u8>)> {
    let mut queue = VecDeque::from(frames);
    let mut bytes = Vec::new();
    loop {
        sender.fill(&mut queue, |_| {}).unwrap();
        if sender.out.is_empty() {
            break;
        }
        assert!(sender.out.len() <= WEBSOCKET_WRITE_SLOW + 256);
        bytes.extend_from_slice(&sender.out.split());
    }
    assert!(sender.is_idle() && queue.is_empty());
    unmask(&bytes)
}

#[test]
fn more_is_written_at_once_to_a_connection_that_takes_it() {
    let mut sender = Sender::new(None);
    let mut queue = VecDeque::from([binary(vec![7; 8 * WEBSOCKET_WRITE])]);
    let mut next = |sender: &mut Sender| {
        sender.fill(&mut queue, |_| {}).unwrap();
        sender.out.split().len()
    };
    let mut expected = WEBSOCKET_WRITE_SLOW;
    while expected < WEBSOCKET_WRITE {
        let count = next(&mut sender);
        assert_eq!(count, expected);
        sender.was_taken(count, true);
        expected *= 2;
    }
    for _ in 0..2 {
        let count = next(&mut sender);
        assert_eq!(count, WEBSOCKET_WRITE);
        sender.was_taken(count, true);
    }
    sender.was_taken(WEBSOCKET_WRITE, false);
    assert_eq!(next(&mut sender), WEBSOCKET_WRITE_SLOW);
    // Less than was possible says nothing.
    sender.was_taken(100, true);
    assert_eq!(next(&mut sender), WEBSOCKET_WRITE_SLOW);
}

fn unmask(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let first = bytes[0];
        assert_eq!(bytes[1] & 0x80, 0x80, "masked");
        let (length, head) = match bytes[1] & 0x7f {
            126 => (u16::from_be_bytes([bytes[2], bytes[3]]) as usize, 4),
            127 => {
                let length: [u8; 8] = bytes[2..10].try_into().unwrap();
                (u64::from_be_bytes(length) as usize, 10)
            }
            short => (usize::from(short), 2),
        };
        let key = &bytes[head..head + 4];
        let payload = bytes[head + 4..head + 4 + length]
            .iter()
            .zip(key.iter().cycle());
        frames.push((first, payload.map(|(byte, key)| byte ^ key).collect()));
        bytes = &bytes[head + 4 + length..];
    }
    frames
}

#[test]
fn frames_go_out_masked_and_in_bounded_pieces() {
    let long: Vec<u8> = (0..1_000_000).map(|number| (number % 251) as u8).collect();
    let mut sender = Sender::new(None);
    let close = Frame::Close(Some(4000), Bytes::from_static(b"bye"));
    let late = text("late");
    let sent = vec![
        text("Hello"),
        binary(&long),
        Frame::Ping(Bytes::new()),
        close,
        late,
    ];
    let frames = drain(&mut sender, sent);
    assert_eq!(frames.len(), 4);
    assert_eq!(frames[0], (FIN | 1, b"Hello".to_vec()));
    assert!(frames[1] == (FIN | 2, long));
    assert_eq!(frames[2], (FIN | 9, Vec::new()));
    assert_eq!(frames[3], (FIN | 8, b"\x0f\xa0bye".to_vec()));
}

#[test]
fn pings_are_answered_between_frames_and_in_bounds() {
    let mut sender = Sender::new(None);
    let mut queue = VecDeque::from([binary(vec![1; 300_000]), text("next")]);
    sender.fill(&mut queue, |_| {}).unwrap();
    let mut bytes = sender.out.split().to_vec();
    for number in 0..1000u32 {
        sender.answer(Bytes::copy_from_slice(&number.to_be_bytes()));
    }
    while !(sender.is_idle() && queue.is_empty()) {
        sender.fill(&mut queue, |_| {}).unwrap();
        bytes.extend_from_slice(&sender.out.split());
    }
    let frames = unmask(&bytes);
    assert_eq!(frames[0].1.len(), 300_000);
    let pongs = &frames[1..frames.len() - 1];
    assert!(pongs.iter().all(|(first, _)| *first == FIN | 0x0a));
    assert_eq!(pongs.len(), crate::limits::WEBSOCKET_ANSWERS);
    // The latest is answered whatever else is not.
    assert_eq!(pongs.last().unwrap().1, 999u32.to_be_bytes());
    assert_eq!(frames.last().unwrap().1, b"next");
}

#[test]
fn a_close_waits_for_the_frame_under_way_and_no_other() {
    let mut sender = Sender::new(None);
    let mut queue = VecDeque::from([binary(vec![1; 300_000]), text("never")]);
    sender.fill(&mut queue, |_| {}).unwrap();
    let mut bytes = sender.out.split().to_vec();
    sender.answer(Bytes::from_static(b"pong"));
    sender.close(Some(1002), "");
    assert!(sender.is_closed());
    while !sender.is_idle() {
        sender.fill(&mut queue, |_| {}).unwrap();
        bytes.extend_from_slice(&sender.out.split());
    }
    let kinds: Vec<u8> = unmask(&bytes)
        .iter()
        .map(|(first, _)| first & 0x0f)
        .collect();
    assert_eq!(kinds, [2, 10, 8]);
}

fn echo(sent: Vec<Frame>) -> Result<(Vec<u8>, Vec<Frame>)> {
    let mut sender = Sender::new(Deflater::new(&agreed()));
    let frames = drain(&mut sender, sent);
    let firsts = frames.iter().map(|(first, _)| *first).collect();
    let bytes: Vec<u8> = frames
        .iter()
        .flat_map(|(first, payload)| frame(*first, payload))
        .collect();
    let mut receiver = Receiver::new(ACCEPTS, Some(Inflater::new(&agreed())));
    let (mut input, mut back) = (BytesMut::from(&bytes[..]), Vec::new());
    while let Some(frame) = receiver.next(&mut input)? {
        back.push(frame);
    }
    Ok((firsts, back))
}

#[test]
fn compressed_messages_come_back() {
    let mut noise = vec![0; 200_000];
    getrandom::fill(&mut noise).unwrap();
    let sent = vec![
        text("short"),
        text("long enough to be compressed"),
        text("long enough to be compressed"),
        binary(&noise),
        binary(b""),
    ];
    let (firsts, back) = echo(sent.clone()).unwrap();
    assert!(back == sent);
    assert_eq!(firsts[..3], [FIN | 1, FIN | RSV1 | 1, FIN | RSV1 | 1]);
    // Noise grows past what is made at once, and goes in fragments of which only the first has the bit.
    assert_eq!(firsts[3], RSV1 | 2);
    assert!(firsts[4..firsts.len() - 2].iter().all(|first| *first == 0));
    assert_eq!(firsts[firsts.len() - 2..], [FIN, FIN | 2]);
}

#[test]
fn fragments_of_the_caller_are_one_compressed_message() {
    let fragment = |kind, last, payload: &'static str| Frame::Fragment {
        kind,
        last,
        payload: Bytes::from_static(payload.as_bytes()),
    };
    let sent = vec![
        fragment(Text, false, "one "),
        Frame::Ping(Bytes::new()),
        fragment(Continuation, false, ""),
        fragment(Continuation, false, "two "),
        fragment(Continuation, true, ""),
        fragment(Text, true, "alone"),
        text("and a further message"),
    ];
    let (firsts, back) = echo(sent).unwrap();
    let expected = [
        Frame::Ping(Bytes::new()),
        text("one two "),
        text("alone"),
        text("and a further message"),
    ];
    assert_eq!(back, expected);
    assert_eq!(
        firsts,
        [RSV1 | 1, FIN | 9, 0, 0, FIN, FIN | 1, FIN | RSV1 | 1]
    );
}
