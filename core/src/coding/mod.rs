//! Content decoding (RFC 9110, 8.4): the body of an answer as it was before its codings were applied.
//!
//! Each coding is a layer. A layer holds one piece of output, and makes the next only when that one has been taken, so that
//! what is held does not depend on how much a body grows.

mod brotli;
mod codec;
mod fields;
mod zlib;
mod zstd;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use self::codec::Codec;
use self::fields::{Coding, codings};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::{DECODE_PIECE, DECODE_RATIO_FROM, DECODE_STEPS};

/// What an `accept-encoding` field asks for where bodies are decoded.
pub(crate) const ACCEPT: &str = "gzip, deflate, br, zstd";

/// What a decoded body may grow to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Decoded bytes in all; 0 for no limit.
    pub(crate) bytes: u64,
    /// Decoded bytes for each byte received, beyond the first [`DECODE_RATIO_FROM`]; 0 for no limit.
    pub(crate) ratio: u32,
}

impl Limits {
    /// The limits of what is made on the way. It may exceed what comes of it: a coding makes some bodies larger.
    fn on_the_way(self) -> Limits {
        let more = |bytes: u64| bytes.saturating_mul(2).saturating_add(DECODE_RATIO_FROM);
        Limits {
            bytes: if self.bytes == 0 { 0 } else { more(self.bytes) },
            ratio: self.ratio,
        }
    }
}

/// Decodes one body: pieces of the wire go in by `push`, decoded ones come out by `pull`.
pub(crate) struct Decoder {
    wire: Wire,
    /// In the order in which they are undone.
    layers: Vec<Layer>,
    limits: Limits,
    failed: Option<Error>,
}

impl Decoder {
    /// None where there is nothing to decode: no field, `identity`, or a coding that is not known. The body is then to be
    /// handed over as it came.
    ///
    /// # Errors
    ///
    /// `decode_failed` if there are too many codings.
    pub(crate) fn new(headers: &HeaderMap, limits: Limits) -> Result<Option<Decoder>> {
        let codings = codings(headers)?;
        if codings.is_empty() {
            return Ok(None);
        }
        Ok(Some(Decoder {
            wire: Wire::default(),
            layers: codings.into_iter().rev().map(Layer::new).collect(),
            limits,
            failed: None,
        }))
    }

    /// Takes a piece of the body as it came. It is copied only if `pull` has not yet answered None to the one before.
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.failed.is_some() || self.wire.finished {
            return;
        }
        self.wire.data = if self.wire.data.is_empty() {
            data
        } else {
            [&self.wire.data[..], &data[..]].concat().into()
        };
    }

    /// Says that nothing more will be pushed.
    pub(crate) fn finish(&mut self) {
        self.wire.finished = true;
    }

    /// The next decoded piece, of at most [`DECODE_PIECE`] bytes. None: it needs more input, or the whole body was pulled.
    ///
    /// An empty piece says that much was decoded of which nothing came yet: pull again, after others had their turn.
    ///
    /// # Errors
    ///
    /// `decode_failed` if the body does not follow its codings or ends too early, `decoded_too_large` past a limit. The
    /// same error answers every later call.
    pub(crate) fn pull(&mut self) -> Result<Option<Bytes>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut steps = DECODE_STEPS;
        match fill(&mut self.layers, &mut self.wire, self.limits, &mut steps) {
            Ok(Filled::Starved) => Ok(None),
            Ok(Filled::Paused) => Ok(Some(Bytes::new())),
            Ok(Filled::Output) => Ok(self.layers.last_mut().map(Layer::take_all)),
            Err(error) => {
                self.layers = Vec::new();
                self.wire.data = Bytes::new();
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Whether the whole body was pulled.
    #[cfg(test)]
    pub(crate) fn is_done(&self) -> bool {
        self.layers.last().is_some_and(|layer| layer.ended)
    }
}

/// What came from the network and was not yet decoded.
#[derive(Default)]
struct Wire {
    data: Bytes,
    /// Bytes that the first layer has taken.
    taken: u64,
    finished: bool,
}

impl Wire {
    fn take(&mut self, count: usize) {
        self.data.advance(count);
        self.taken += count as u64;
        if self.data.is_empty() {
            // An empty view would keep the network's buffer alive.
            self.data = Bytes::new();
        }
    }
}

/// One coding, and the piece of output that the next layer, or the caller, has not taken yet.
struct Layer {
    coding: Coding,
    /// Made with the first byte: many answers that name a coding have no body.
    codec: Option<Codec>,
    output: Vec<u8>,
    /// The part of `output` that was not taken.
    from: usize,
    to: usize,
    /// Bytes made so far.
    produced: u64,
    /// The codec keeps nothing back.
    drained: bool,
    /// What is wrong after the output that is there.
    broken: Option<Error>,
    ended: bool,
}

impl Layer {
    fn new(coding: Coding) -> Layer {
        Layer {
            coding,
            codec: None,
            output: Vec::new(),
            from: 0,
            to: 0,
            produced: 0,
            drained: true,
            broken: None,
            ended: false,
        }
    }

    fn pending(&self) -> &[u8] {
        &self.output[self.from..self.to]
    }

    fn take(&mut self, count: usize) {
        self.from += count;
    }

    /// A copy of its own size: a small piece that the caller keeps must not hold a large buffer.
    fn take_all(&mut self) -> Bytes {
        let piece = Bytes::copy_from_slice(self.pending());
        self.from = self.to;
        piece
    }

    /// Makes the next piece of output from `source`, and tells how much of that was taken.
    ///
    /// An error that is met after some output comes with the next call, so that what was good is handed over first.
    fn step(&mut self, source: &[u8]) -> Result<usize> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let codec = match &mut self.codec {
            Some(codec) => codec,
            none => none.insert(Codec::new(self.coding)?),
        };
        self.output.resize(DECODE_PIECE, 0);
        (self.from, self.to) = (0, 0);
        let mut taken = 0;
        loop {
            let step = match codec.step(&source[taken..], &mut self.output[self.to..]) {
                Ok(step) if step.consumed + step.produced == 0 && taken < source.len() => {
                    Err(self.coding.broken("the body leads nowhere"))
                }
                step => step,
            };
            match step {
                Ok(step) => {
                    taken += step.consumed;
                    self.to += step.produced;
                    self.produced += step.produced as u64;
                }
                Err(error) if self.to == 0 => return Err(error),
                Err(error) => self.broken = Some(error),
            }
            self.drained = self.to < self.output.len() && self.broken.is_none();
            if !self.drained || taken == source.len() {
                return Ok(taken);
            }
        }
    }

    /// Nothing more comes in.
    fn end(&mut self) -> Result<()> {
        if self.codec.as_ref().is_some_and(|codec| !codec.may_end()) {
            return Err(self.coding.broken("the body ends too early"));
        }
        *self = Layer {
            produced: self.produced,
            ended: true,
            ..Layer::new(self.coding)
        };
        Ok(())
    }

    /// Compares what was made with the limits; `taken` bytes came from the network for it.
    fn check(&self, limits: Limits, taken: u64) -> Result<()> {
        let what = if limits.bytes != 0 && self.produced > limits.bytes {
            format!("more than {} bytes", limits.bytes)
        } else if limits.ratio != 0
            && self.produced > DECODE_RATIO_FROM
            && self.produced > taken.saturating_mul(u64::from(limits.ratio))
        {
            format!("more than {} times what was sent", limits.ratio)
        } else {
            return Ok(());
        };
        let message = format!("content-encoding {}: {what}", self.coding);
        Err(Error::new(ErrorCode::DecodedTooLarge, message))
    }
}

enum Filled {
    /// The last layer has output.
    Output,
    /// It needs more input, or has ended.
    Starved,
    /// It has had all its steps.
    Paused,
}

/// Makes output for the last of the layers, and for those before it as far as that needs theirs.
fn fill(
    layers: &mut [Layer],
    wire: &mut Wire,
    limits: Limits,
    steps: &mut usize,
) -> Result<Filled> {
    let Some((layer, before)) = layers.split_last_mut() else {
        return Ok(Filled::Starved);
    };
    while layer.pending().is_empty() {
        let source = before.last().map_or(&wire.data[..], Layer::pending);
        if source.is_empty() && layer.drained {
            if layer.ended {
                return Ok(Filled::Starved);
            }
            if !before.is_empty() {
                match fill(before, wire, limits.on_the_way(), steps)? {
                    Filled::Output => continue,
                    Filled::Paused => return Ok(Filled::Paused),
                    Filled::Starved => {}
                }
            }
            if before.last().map_or(wire.finished, |layer| layer.ended) {
                layer.end()?;
            }
            return Ok(Filled::Starved);
        }
        if *steps == 0 {
            return Ok(Filled::Paused);
        }
        *steps -= 1;
        let taken = layer.step(source)?;
        match before.last_mut() {
            Some(previous) => previous.take(taken),
            None => wire.take(taken),
        }
        layer.check(limits, wire.taken)?;
    }
    Ok(Filled::Output)
}

#[cfg(test)]
mod tests;
