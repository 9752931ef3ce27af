//! RFC 6455 frames, as much as an echo needs: unmask, turn ping into pong, echo the rest with its fin bit.

use std::io::{Error, ErrorKind};

const OP_CLOSE: u8 = 0x8;
const OP_PING: u8 = 0x9;
const OP_PONG: u8 = 0xa;

/// Answers every whole frame of `input` into `output`. Returns the bytes used and whether a close frame was among them.
pub fn echo_all(input: &mut [u8], output: &mut Vec<u8>) -> Result<(usize, bool), Error> {
    let mut used = 0;
    while let Some((head, length)) = header(&input[used..])? {
        let end = used + head + length;
        if end > input.len() {
            break;
        }
        let first = input[used];
        let (front, payload) = input[..end].split_at_mut(used + head);
        let mask: [u8; 4] = front[used + head - 4..]
            .try_into()
            .expect("a mask is four bytes");
        used = end;
        match first & 0x0f {
            OP_PONG => {}
            OP_PING => push(output, 0x80 | OP_PONG, payload, mask),
            OP_CLOSE => {
                push(output, first, payload, mask);
                return Ok((used, true));
            }
            _ => push(output, first, payload, mask),
        }
    }
    Ok((used, false))
}

/// Length of a client's frame header, mask included, and of its payload; `None` until the header is whole.
fn header(input: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let [_, second, rest @ ..] = input else {
        return Ok(None);
    };
    if second & 0x80 == 0 {
        return Err(Error::new(
            ErrorKind::InvalidData,
            "a client's frame must be masked",
        ));
    }
    let (extended, length) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (2, usize::from(u16::from_be_bytes(*bytes))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (
                8,
                usize::try_from(u64::from_be_bytes(*bytes)).unwrap_or(usize::MAX),
            ),
            None => return Ok(None),
        },
        length => (0, usize::from(length)),
    };
    if length > 64 * 1024 * 1024 {
        return Err(Error::new(ErrorKind::InvalidData, "frame too long"));
    }
    let head = 2 + extended + 4;
    Ok((input.len() >= head).then_some((head, length)))
}

fn push(output: &mut Vec<u8>, first: u8, payload: &mut [u8], mask: [u8; 4]) {
    output.push(first);
    match payload.len() {
        length @ 0..=125 => output.push(length as u8),
        length @ 126..=0xffff => {
            output.push(126);
            output.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            output.push(127);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    unmask(payload, mask);
    output.extend_from_slice(payload);
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes([
        mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3],
    ]);
    let (words, tail) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(mask) {
        *byte ^= key;
    }
    for (byte, key) in tail.iter_mut().skip(4).zip(mask) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::echo_all;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..=125 => frame.push(0x80 | n as u8),
            n => {
                frame.push(0xfe);
                frame.extend_from_slice(&(n as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().enumerate().map(|(i, b)| b ^ mask[i % 4]));
        frame
    }

    #[test]
    fn echoes_whole_frames_and_keeps_the_rest() {
        let mut input = masked(0x82, b"hello, a longer one than eight");
        let whole = input.len();
        input.extend(masked(0x82, &[7; 300]));
        input.truncate(whole + 20);
        let mut output = Vec::new();
        assert_eq!(echo_all(&mut input, &mut output).unwrap(), (whole, false));
        assert_eq!(output[..2], [0x82, 30]);
        assert_eq!(&output[2..], b"hello, a longer one than eight");
    }

    #[test]
    fn unmasks_every_tail_length() {
        for length in 0..40 {
            let payload: Vec<u8> = (0..length).collect();
            let mut input = masked(0x82, &payload);
            let mut output = Vec::new();
            echo_all(&mut input, &mut output).unwrap();
            assert_eq!(output[2..], payload);
        }
    }

    #[test]
    fn answers_ping_and_close() {
        let mut input = masked(0x89, b"p");
        input.extend(masked(0x88, &[3, 232]));
        let mut output = Vec::new();
        assert!(echo_all(&mut input, &mut output).unwrap().1);
        assert_eq!(output, [0x8a, 1, b'p', 0x88, 2, 3, 232]);
    }

    #[test]
    fn refuses_an_unmasked_frame() {
        assert!(echo_all(&mut [0x82, 1, 0], &mut Vec::new()).is_err());
    }
}
