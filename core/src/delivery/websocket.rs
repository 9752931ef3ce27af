//! What the owner of a WebSocket may do with it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::messages::check;
use super::state::Control;
use crate::error::{Error, ErrorCode, Result};
use crate::part::Frame;

/// How the payload of a ping begins whose answer is waited for; its number follows.
const PING: &[u8; 4] = b"trnk";

/// The payload of a ping whose answer is waited for.
pub(crate) fn ping_payload(number: u64) -> Bytes {
    let mut payload = BytesMut::with_capacity(12);
    payload.put_slice(PING);
    payload.put_u64(number);
    payload.freeze()
}

/// The number of such a ping, by its payload or its answer's.
pub(crate) fn ping_number(payload: &[u8]) -> Option<u64> {
    let number = payload.strip_prefix(PING)?;
    Some(u64::from_be_bytes(number.try_into().ok()?))
}

impl Control {
    /// Sends a WebSocket message or control frame. Text must be UTF-8; a control frame holds 125 bytes at most.
    ///
    /// # Errors
    /// `again` when the queue is full: nothing was taken, a `Writable` part tells when there is room. `invalid_state`
    /// when the request is not an open WebSocket, or a fragment does not fit what was sent before. `invalid_argument` for a
    /// frame that RFC 6455 does not allow.
    pub fn send(&self, frame: Frame) -> Result<()> {
        self.open_for_sending()?;
        check(&frame)?;
        let bound = self.0.setup.send_bound;
        if self.0.lock_outgoing().send(frame, bound)? {
            self.0.wake();
        }
        Ok(())
    }

    /// Sends as many frames as the queue has room for, which are taken from the front of `frames`; how many.
    ///
    /// # Errors
    /// As [`Control::send`] for the first frame that was not taken, where none was taken before it. What is wrong with a
    /// later one is told by the next call.
    pub fn send_many(&self, frames: &mut VecDeque<Frame>) -> Result<usize> {
        self.open_for_sending()?;
        let bound = self.0.setup.send_bound;
        let (mut taken, mut wake, mut failed) = (0, false, None);
        let mut outgoing = self.0.lock_outgoing();
        while let Some(frame) = frames.pop_front() {
            if let Err(error) = check(&frame).and_then(|()| outgoing.admit(&frame, bound)) {
                frames.push_front(frame);
                failed = Some(error);
                break;
            }
            wake |= outgoing.push(frame);
            taken += 1;
        }
        drop(outgoing);
        if wake {
            self.0.wake();
        }
        match failed {
            Some(error) if taken == 0 => Err(error),
            _ => Ok(taken),
        }
    }

    /// Pings the peer of an open WebSocket. A [`crate::Part::Latency`] with the number that is given back tells how long the
    /// answer took.
    ///
    /// # Errors
    /// As [`Control::send`].
    pub fn ping(&self) -> Result<u64> {
        let number = self.0.next_ping();
        self.send(Frame::Ping(ping_payload(number)))?;
        Ok(number)
    }

    /// How long the last ping and its answer took, those of `websocket_ping_interval` among them; none before the first.
    pub fn latency(&self) -> Option<Duration> {
        self.0.latency()
    }

    fn open_for_sending(&self) -> Result<()> {
        self.alive()?;
        if !self.0.setup.websocket {
            return Err(Error::new(
                ErrorCode::InvalidState,
                "the request is not a WebSocket",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_are_known_by_their_payload() {
        for number in [1, 255, u64::MAX] {
            let payload = ping_payload(number);
            assert_eq!(ping_number(&payload), Some(number));
            assert_eq!(ping_number(&payload[1..]), None);
            assert_eq!(ping_number(&payload[..11]), None);
        }
        assert_eq!(ping_number(b""), None);
    }
}
