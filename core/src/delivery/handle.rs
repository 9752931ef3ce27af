//! A submitted request in its owner's hands.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use super::buffer::Buffer;
use super::state::{Control, RequestState, Sink};
use super::{Event, Frames, InlineDriver};
use crate::error::{Error, ErrorCode, Result};
use crate::part::Part;

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
        let part = self.buffer()?.take(self.driver(), deadline)?;
        Ok(self.event(part))
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
        let more = |part| batch.push(self.event(part));
        Ok(1 + self.buffer()?.take_more(max - 1, more))
    }

    /// Takes up to `max` frames of a WebSocket that come next, in place of those that `batch` had, whose credit is given
    /// back first. It waits for the first part until `deadline` (`None`: until it comes). Where that is no frame, `batch`
    /// is empty and the part is left to [`RequestHandle::recv`].
    ///
    /// # Errors
    /// As [`RequestHandle::recv`]; then `batch` is empty.
    pub fn recv_frames(
        &self,
        batch: &mut Frames,
        max: usize,
        deadline: Option<Instant>,
    ) -> Result<()> {
        batch.clear();
        self.control.alive()?;
        let buffer = self.buffer()?;
        if max == 0 {
            return Ok(());
        }
        batch.fill(&self.control.0, |frames| {
            buffer.take_frames(self.driver(), deadline, frames, max)
        })
    }

    /// Takes the next part if one is there; does not run the reactor.
    ///
    /// # Errors
    /// `again` when there is none yet, else as [`RequestHandle::recv`].
    pub fn try_recv(&self) -> Result<Event> {
        self.control.alive()?;
        let taken = self
            .buffer()?
            .try_take()
            .unwrap_or_else(|| Err(Error::new(ErrorCode::Again, "no part is there yet")))?;
        Ok(self.event(taken))
    }

    fn buffer(&self) -> Result<&Buffer> {
        match &self.control.0.setup.sink {
            Sink::Buffer(buffer) => Ok(buffer),
            _ => Err(Error::new(
                ErrorCode::InvalidState,
                "the request is not delivered by recv",
            )),
        }
    }

    fn driver(&self) -> Option<&dyn InlineDriver> {
        self.control.0.setup.inline.as_deref()
    }

    fn event(&self, part: Part) -> Event {
        Event::new(Arc::clone(&self.control.0), part)
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
