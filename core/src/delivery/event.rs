//! A delivered part together with its request; it holds the request's credit until it is dropped.

use std::ops::Deref;
use std::sync::Arc;

use super::state::{Control, RequestState};
use crate::part::Part;

/// A delivered part. Dropping it releases its bytes, unless the request releases by hand.
#[derive(Debug)]
pub struct Event {
    state: Arc<RequestState>,
    part: Part,
}

impl Event {
    pub(crate) fn new(state: Arc<RequestState>, part: Part) -> Event {
        Event { state, part }
    }

    /// The number given with [`super::Delivery::Queue`], else 0.
    pub fn token(&self) -> u64 {
        self.state.token()
    }

    /// The number of the request, unique in its manager.
    pub fn request_id(&self) -> u64 {
        self.state.id()
    }

    /// The request, to cancel it or to write to it.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.state))
    }

    pub(super) fn state(&self) -> &Arc<RequestState> {
        &self.state
    }

    /// The part.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Takes the part out and releases its bytes.
    pub fn into_part(mut self) -> Part {
        self.release();
        std::mem::replace(&mut self.part, Part::Writable)
    }

    fn release(&self) {
        let bytes = self.part.credit();
        if bytes > 0 && !self.state.manual_release() {
            self.state.release(bytes);
        }
    }
}

impl Deref for Event {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.part
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.release();
    }
}
