//! Frames that are taken together.

use std::ops::Deref;
use std::sync::Arc;

use super::state::RequestState;
use crate::error::Result;
use crate::part::Frame;

/// Frames of a WebSocket that were taken together. Clearing or dropping it releases their bytes at once, unless the request
/// releases by hand.
#[derive(Debug, Default)]
pub struct Frames {
    frames: Vec<Frame>,
    /// The request that they came from.
    state: Option<Arc<RequestState>>,
}

impl Frames {
    /// Forgets the frames and releases their bytes.
    pub fn clear(&mut self) {
        if self.frames.is_empty() {
            return;
        }
        let bytes = self.frames.iter().map(Frame::credit).sum();
        // First of all: who reads next finds the space of the payloads free again.
        self.frames.clear();
        if let Some(state) = self.state.as_ref().filter(|state| !state.manual_release()) {
            state.release(bytes);
        }
    }

    /// Fills it, empty as it is.
    pub(super) fn fill(
        &mut self,
        state: &Arc<RequestState>,
        fill: impl FnOnce(&mut Vec<Frame>) -> Result<()>,
    ) -> Result<()> {
        if !self
            .state
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, state))
        {
            self.state = Some(Arc::clone(state));
        }
        fill(&mut self.frames)
    }
}

impl Deref for Frames {
    type Target = [Frame];

    fn deref(&self) -> &[Frame] {
        &self.frames
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.clear();
    }
}
