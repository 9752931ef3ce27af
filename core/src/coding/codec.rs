//! One coding undone step by step, whichever it is.

use super::brotli::Brotli;
use super::fields::Coding;
use super::zlib::{Deflate, Gzip};
use super::zstd::Zstd;
use crate::error::Result;

/// What one step took of its input and wrote to its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
}

impl Step {
    /// All of the input was taken and nothing came of it.
    pub(super) fn swallowed(input: &[u8]) -> Step {
        Step {
            consumed: input.len(),
            produced: 0,
        }
    }
}

/// The state of a body that is being decoded.
pub(super) enum Codec {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Box<Brotli>),
    Zstd(Zstd),
}

impl Codec {
    pub(super) fn new(coding: Coding) -> Result<Codec> {
        Ok(match coding {
            Coding::Gzip => Codec::Gzip(Gzip::new()),
            Coding::Deflate => Codec::Deflate(Deflate::new()),
            Coding::Brotli => Codec::Brotli(Box::new(Brotli::new())),
            Coding::Zstd => Codec::Zstd(Zstd::new()?),
        })
    }

    /// Decodes some of `input` into `output`, which must not be empty.
    ///
    /// When it leaves room in the output it keeps nothing back: only more input brings more output.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step> {
        match self {
            Codec::Gzip(codec) => codec.step(input, output),
            Codec::Deflate(codec) => codec.step(input, output),
            Codec::Brotli(codec) => codec.step(input, output),
            Codec::Zstd(codec) => codec.step(input, output),
        }
    }

    /// Whether the body is whole if nothing follows.
    pub(super) fn may_end(&self) -> bool {
        match self {
            Codec::Gzip(codec) => codec.may_end(),
            Codec::Deflate(codec) => codec.may_end(),
            Codec::Brotli(codec) => codec.may_end(),
            Codec::Zstd(codec) => codec.may_end(),
        }
    }
}
