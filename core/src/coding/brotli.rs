//! `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::codec::Step;
use super::fields::Coding;
use crate::error::Result;

/// A brotli stream. What follows it is ignored.
pub(super) struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    over: bool,
}

impl Brotli {
    pub(super) fn new() -> Brotli {
        let alloc = StandardAlloc::default;
        Brotli {
            // Strict: the windows past 16 MiB of the "large window" extension are no part of the coding.
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            over: false,
        }
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step> {
        if self.over {
            return Ok(Step::swallowed(input));
        }
        let (mut consumed, mut left) = (0, input.len());
        let (mut produced, mut room) = (0, output.len());
        let result = BrotliDecompressStream(
            &mut left,
            &mut consumed,
            input,
            &mut room,
            &mut produced,
            output,
            &mut 0,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => {
                let why = format!("{:?}", self.state.error_code);
                return Err(Coding::Brotli.broken(why));
            }
            BrotliResult::ResultSuccess => self.over = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { consumed, produced })
    }

    pub(super) fn may_end(&self) -> bool {
        self.over
    }
}
