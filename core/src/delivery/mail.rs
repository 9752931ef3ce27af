//! WebSockets whose events come through one queue: which of them are whose.

use std::sync::Arc;

use super::Event;
use super::state::Control;
use crate::error::Error;
use crate::part::{Frame, Part};

/// What an event is to a WebSocket; see [`Control::parse`].
#[derive(Debug, Clone, Copy)]
pub enum Mail<'event> {
    /// It is this one's, with the frames that it brings: one, or none of any other part, such as the head, room to send,
    /// or the end.
    Frames(&'event [Frame]),
    /// It is this one's last: the WebSocket has failed.
    Error(&'event Error),
    /// It belongs to another request.
    Unknown,
}

impl Control {
    /// Reads an event of the manager's queue, or of a mailbox to which the program has passed it on, for this request.
    /// Nothing is copied: the frames live, and keep their credit, as long as the event.
    pub fn parse<'event>(&self, event: &'event Event) -> Mail<'event> {
        if !Arc::ptr_eq(&self.0, event.state()) {
            return Mail::Unknown;
        }
        match event.part() {
            Part::Frame(frame) => Mail::Frames(std::slice::from_ref(frame)),
            Part::Error(error) => Mail::Error(error),
            _ => Mail::Frames(&[]),
        }
    }
}
