//! Pings of a WebSocket whose answers are waited for.

use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline::{Control, Frame, Part, Result};

/// What became of a ping.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// It was answered after so long.
    Took(Duration),
    /// The connection was lost before the answer came.
    Lost,
}

struct Asked {
    key: u64,
    /// What the core knows it by, where it made the payload.
    number: Option<u64>,
    payload: Bytes,
    since: Instant,
    answer: Option<Answer>,
}

/// Pings that were sent, in their order.
#[derive(Default)]
pub(crate) struct Pings {
    asked: Vec<Asked>,
    last: u64,
}

impl Pings {
    /// Sends a ping, with a payload of the library's where none is given. The key finds its answer.
    pub(crate) fn ask(&mut self, control: &Control, payload: Option<&Bytes>) -> Result<u64> {
        let since = Instant::now();
        let number = match payload {
            None => Some(control.ping()?),
            Some(payload) => {
                control.send(Frame::Ping(payload.clone()))?;
                None
            }
        };
        self.last += 1;
        self.asked.push(Asked {
            key: self.last,
            number,
            payload: payload.cloned().unwrap_or_default(),
            since,
            answer: None,
        });
        Ok(self.last)
    }

    /// Looks at a part; true when an answer can be seen now.
    pub(crate) fn note(&mut self, part: &Part) -> bool {
        if self.asked.is_empty() {
            return false;
        }
        let waiting = |asked: &Asked| asked.answer.is_none();
        let (place, exact) = match part {
            Part::Latency(latency) => (
                self.asked
                    .iter()
                    .position(|asked| waiting(asked) && asked.number == Some(latency.ping)),
                Some(latency.round_trip),
            ),
            Part::Frame(Frame::Pong(payload)) => (
                self.asked.iter().position(|asked| {
                    waiting(asked) && asked.number.is_none() && asked.payload == *payload
                }),
                None,
            ),
            Part::Reconnected(_) => {
                for asked in self.asked.iter_mut().filter(|asked| waiting(asked)) {
                    asked.answer = Some(Answer::Lost);
                }
                return true;
            }
            _ => return false,
        };
        let Some(place) = place else { return false };
        // A peer may answer the latest of several pings only (RFC 6455, 5.5.3).
        for asked in &mut self.asked[..=place] {
            if asked.answer.is_none() {
                asked.answer = Some(Answer::Took(asked.since.elapsed()));
            }
        }
        if let Some(exact) = exact {
            self.asked[place].answer = Some(Answer::Took(exact));
        }
        true
    }

    /// The answer to a ping, which is then forgotten; none while it is waited for.
    pub(crate) fn answer(&mut self, key: u64) -> Option<Answer> {
        let place = self.asked.iter().position(|asked| asked.key == key)?;
        let answer = self.asked[place].answer?;
        self.asked.remove(place);
        Some(answer)
    }

    /// Nobody waits for this answer any more.
    pub(crate) fn forget(&mut self, key: u64) {
        self.asked.retain(|asked| asked.key != key);
    }
}
