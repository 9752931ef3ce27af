//! `zstd` (RFC 8878), with the window that HTTP allows (RFC 9659).

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::codec::Step;
use super::fields::Coding;
use crate::error::{Error, Result};
use crate::limits::ZSTD_WINDOW;

/// Frames of zstd, one after the other, skippable ones among them.
pub(super) struct Zstd {
    context: DCtx<'static>,
    /// The last frame is whole.
    between: bool,
}

impl Zstd {
    pub(super) fn new() -> Result<Zstd> {
        let mut context =
            DCtx::try_create().ok_or_else(|| Coding::Zstd.broken("no memory for its state"))?;
        context
            .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW.ilog2()))
            .map_err(broken)?;
        Ok(Zstd {
            context,
            between: false,
        })
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        let hint = self
            .context
            .decompress_stream(&mut to, &mut from)
            .map_err(broken)?;
        self.between = hint == 0;
        Ok(Step {
            consumed: from.pos(),
            produced: to.pos(),
        })
    }

    pub(super) fn may_end(&self) -> bool {
        self.between
    }
}

fn broken(code: usize) -> Error {
    Coding::Zstd.broken(get_error_name(code))
}
