//! A submitted request in its owner's hands.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use super::Event;
use super::state::{Control, RequestState, Sink};
use crate::error::{Error, ErrorCode, Result};

/// A submitted request, owned by who submitted it. With [`super::Delivery::Recv`] dropping it cancels the request.
#[derive(Debug)]
pub struct RequestHandle {
    control: Control,
}

impl Deref for RequestHandle {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl RequestHandle {
    pub(crate) fn new(state: Arc<RequestState>) -> RequestHandle {
        RequestHandle {
            control: Control::new(state),
        }
    }

    /// A further reference to the request, which does not own it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Takes the next part, waiting for it until `deadline` (`None`: until it comes).
    ///
    /// # Errors
    /// `timeout` at the deadline, `end_of_parts` after the terminal part, `invalid_state` for another delivery,
    /// `busy` from inside a callback, `forked`.
    pub fn recv(&self, deadline: Option<Instant>) -> Result<Event> {
        self.control.alive()?;
        let state = &self.control.0;
        match &state.setup.sink {
            Sink::Buffer(buffer) => buffer.take(state.setup.inline.as_deref(), deadline),
            _ => Err(Error::new(
                ErrorCode::InvalidState,
                "the request is not delivered by recv",
            )),
        }
    }

    /// Takes up to `max` parts into `batch`, waiting for the first until `deadline` (`None`: until it comes); how many.
    ///
    /// # Errors
    /// As [`RequestHandle::recv`]; then nothing was taken.
    pub fn recv_many(
        &self,
        batch: &mut Vec<Event>,
        max: usize,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        if max == 0 {
            return Ok(0);
        }
        batch.push(self.recv(deadline)?);
        match &self.control.0.setup.sink {
            Sink::Buffer(buffer) => Ok(1 + buffer.take_more(batch, max - 1)),
            _ => Ok(1),
        }
    }

    /// Takes the next part if one is there; does not run the reactor.
    ///
    /// # Errors
    /// `again` when there is none yet, else as [`RequestHandle::recv`].
    pub fn try_recv(&self) -> Result<Event> {
        self.control.alive()?;
        match &self.control.0.setup.sink {
            Sink::Buffer(buffer) => buffer
                .try_take()
                .unwrap_or_else(|| Err(Error::new(ErrorCode::Again, "no part is there yet"))),
            _ => Err(Error::new(
                ErrorCode::InvalidState,
                "the request is not delivered by recv",
            )),
        }
    }
}

impl Drop for RequestHandle {
    fn drop(&mut self) {
        if let Sink::Buffer(buffer) = &self.control.0.setup.sink
            && self.control.alive().is_ok()
        {
            self.control.cancel();
            buffer.discard();
        }
    }
}
