//! `gzip` (RFC 1952) and `deflate` (RFC 1950, RFC 1951).

use flate2::{Decompress, FlushDecompress, Status};

use super::codec::Step;
use super::fields::Coding;
use crate::error::Result;

/// How each gzip member begins: two bytes of magic and the only method there is (RFC 1952, 2.3.1).
const MEMBER: [u8; 3] = [0x1f, 0x8b, 8];
/// The largest window that deflate has: 32 KiB.
const WINDOW_BITS: u8 = 15;

/// Members of gzip, one after the other. What follows them and does not begin like one is ignored, as browsers do.
pub(super) struct Gzip {
    engine: Decompress,
    state: GzipState,
}

#[derive(Clone, Copy)]
enum GzipState {
    /// Inside a member.
    Member,
    /// After a member; so many bytes of the next one's beginning were seen.
    Between(usize),
    /// After the last member.
    Over,
}

impl Gzip {
    pub(super) fn new() -> Gzip {
        Gzip {
            engine: Decompress::new_gzip(WINDOW_BITS),
            state: GzipState::Member,
        }
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step> {
        match self.state {
            GzipState::Member => {
                let (step, ended) = inflate(&mut self.engine, Coding::Gzip, input, output)?;
                if ended {
                    self.state = GzipState::Between(0);
                }
                Ok(step)
            }
            GzipState::Between(seen) => self.look_for_member(seen, input, output),
            GzipState::Over => Ok(Step::swallowed(input)),
        }
    }

    fn look_for_member(&mut self, seen: usize, input: &[u8], output: &mut [u8]) -> Result<Step> {
        let missing = MEMBER.get(seen..).unwrap_or_default();
        let common = missing.iter().zip(input).take_while(|(a, b)| a == b);
        let consumed = common.count();
        if consumed == missing.len() {
            self.engine.reset(true);
            self.state = GzipState::Member;
            // The beginning may have come in several pieces, so the engine gets it from here. It is header, no data.
            inflate(&mut self.engine, Coding::Gzip, &MEMBER, output)?;
        } else if consumed < input.len() {
            self.state = GzipState::Over;
            return Ok(Step::swallowed(input));
        } else {
            self.state = GzipState::Between(seen + consumed);
        }
        Ok(Step {
            consumed,
            produced: 0,
        })
    }

    pub(super) fn may_end(&self) -> bool {
        !matches!(self.state, GzipState::Member)
    }
}

/// A deflate stream in its zlib envelope or, against the standard, without it (RFC 9110, 8.4.1.2). What follows is ignored.
pub(super) struct Deflate(DeflateState);

enum DeflateState {
    /// The first byte, if it was seen: the second decides about the envelope.
    Beginning(Option<u8>),
    Inside(Decompress),
    Over,
}

impl Deflate {
    pub(super) fn new() -> Deflate {
        Deflate(DeflateState::Beginning(None))
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step> {
        match &mut self.0 {
            DeflateState::Beginning(first) => {
                let mut bytes = first.iter().chain(input).copied();
                let (Some(one), two) = (bytes.next(), bytes.next()) else {
                    return Ok(Step::swallowed(input));
                };
                let Some(two) = two else {
                    *first = Some(one);
                    return Ok(Step::swallowed(input));
                };
                let consumed = if first.is_some() { 1 } else { 2 };
                let mut engine = Decompress::new(is_zlib(one, two));
                // Two bytes hold at most the codes of one byte of data; it has room, for no output is empty.
                let (step, ended) = inflate(&mut engine, Coding::Deflate, &[one, two], output)?;
                self.0 = if ended {
                    DeflateState::Over
                } else {
                    DeflateState::Inside(engine)
                };
                Ok(Step { consumed, ..step })
            }
            DeflateState::Inside(engine) => {
                let (step, ended) = inflate(engine, Coding::Deflate, input, output)?;
                if ended {
                    self.0 = DeflateState::Over;
                }
                Ok(step)
            }
            DeflateState::Over => Ok(Step::swallowed(input)),
        }
    }

    pub(super) fn may_end(&self) -> bool {
        matches!(self.0, DeflateState::Over)
    }
}

/// Whether two bytes are a zlib header (RFC 1950, 2.2). A raw stream begins so only if its padding bits are set.
fn is_zlib(one: u8, two: u8) -> bool {
    one & 0x0f == 8 && one >> 4 <= 7 && u16::from_be_bytes([one, two]).is_multiple_of(31)
}

/// One step of the engine, and whether its stream ended.
fn inflate(
    engine: &mut Decompress,
    coding: Coding,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Step, bool)> {
    let (taken, made) = (engine.total_in(), engine.total_out());
    let status = engine
        .decompress(input, output, FlushDecompress::None)
        .map_err(|error| coding.broken(error))?;
    let step = Step {
        consumed: (engine.total_in() - taken) as usize,
        produced: (engine.total_out() - made) as usize,
    };
    Ok((step, status == Status::StreamEnd))
}
