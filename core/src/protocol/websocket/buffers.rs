//! Space to read and to write, which every WebSocket of a thread shares: one that is idle holds none.

use std::cell::Cell;

use bytes::{Buf, BytesMut};

use crate::limits::WEBSOCKET_READ;

/// With less room than this it is not worth to ask the system.
const LEAST: usize = 8 * 1024;
/// A part of a frame up to this long is copied to space of its own while the rest is waited for.
const SMALL: usize = 4 * 1024;

thread_local! {
    static INPUT: Cell<BytesMut> = Cell::default();
    static OUTPUT: Cell<BytesMut> = Cell::default();
}

/// Makes room to read, of which `wanted` bytes would end a frame. That is not trusted: space grows with what has come.
pub(super) fn take_input(input: &mut BytesMut, wanted: usize) {
    let room = input.capacity() - input.len();
    if room >= wanted.clamp(LEAST, WEBSOCKET_READ) {
        return;
    }
    if input.len() <= SMALL {
        let mut shared = INPUT.take();
        shared.extend_from_slice(input);
        *input = shared;
    }
    let room = input.capacity() - input.len();
    if room < wanted.clamp(LEAST, WEBSOCKET_READ) {
        input.reserve(WEBSOCKET_READ.max(wanted.min(input.len())));
    }
}

/// Gives back what is not needed while nothing comes.
pub(super) fn give_input(input: &mut BytesMut) {
    if input.len() <= SMALL && input.capacity() > SMALL * 2 {
        let begun = BytesMut::from(&input[..]);
        let mut shared = std::mem::replace(input, begun);
        let length = shared.len();
        shared.advance(length);
        INPUT.set(shared);
    }
}

/// Makes room to write about so many bytes.
pub(super) fn take_output(output: &mut BytesMut, room: usize) {
    if output.capacity() == 0 {
        *output = OUTPUT.take();
        // With the head of a frame, and a control frame, which are written whole.
        output.reserve(room + 256);
    }
}

/// Gives back what is empty.
pub(super) fn give_output(output: &mut BytesMut) {
    if output.capacity() > 0 || !output.is_empty() {
        OUTPUT.set(std::mem::take(output));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_one_holds_what_has_come_and_no_more() {
        let mut input = BytesMut::new();
        take_input(&mut input, 0);
        assert!(input.capacity() >= WEBSOCKET_READ);
        input.extend_from_slice(b"begun");
        give_input(&mut input);
        assert_eq!(&input[..], b"begun");
        assert!(input.capacity() <= 64);
        take_input(&mut input, 0);
        assert_eq!(&input[..], b"begun");
        assert!(input.capacity() >= LEAST);
        let mut output = BytesMut::new();
        take_output(&mut output, 1000);
        let place = output.as_ptr();
        give_output(&mut output);
        assert_eq!(output.capacity(), 0);
        take_output(&mut output, 1000);
        assert_eq!(output.as_ptr(), place);
    }

    #[test]
    fn space_for_a_large_frame_grows_with_what_has_come() {
        let mut input = BytesMut::new();
        take_input(&mut input, usize::MAX);
        assert!(input.capacity() <= WEBSOCKET_READ * 2);
        input.resize(input.capacity(), 0);
        let before = input.len();
        take_input(&mut input, usize::MAX);
        assert!(input.capacity() > before && input.capacity() <= before * 4);
    }

    #[test]
    fn messages_that_are_kept_are_not_written_over() {
        let mut input = BytesMut::new();
        take_input(&mut input, 0);
        input.extend_from_slice(b"kept");
        let kept = input.split_to(4).freeze();
        give_input(&mut input);
        for _ in 0..100 {
            take_input(&mut input, 0);
            let room = input.capacity() - input.len();
            input.extend_from_slice(&vec![b'x'; room]);
            input.clear();
        }
        assert_eq!(kept, "kept");
    }
}
