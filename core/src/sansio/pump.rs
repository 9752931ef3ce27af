//! What all engines answer to whoever drives them, by the state of their transport in memory.

use super::memory::Wire;
use super::{ReadOperation, WakeHandler, WriteOperation};

impl Wire {
    /// What to do with the side that is read.
    pub(super) fn next_read(&self) -> ReadOperation {
        if self.finished || self.ended {
            ReadOperation::Close
        } else if self.input_room() == 0 {
            ReadOperation::Yield
        } else {
            ReadOperation::Read
        }
    }

    /// What to do with the side that is written.
    pub(super) fn next_write(&mut self) -> WriteOperation {
        if !self.output.is_empty() {
            WriteOperation::Write(self.output.vectors())
        } else if self.finished || self.output.is_closed() {
            WriteOperation::Close {
                unsent: self.output.unwritten(),
            }
        } else {
            WriteOperation::Yield
        }
    }

    /// Nothing more will be read and nothing written.
    pub(super) fn is_closed(&self) -> bool {
        (self.finished || self.ended)
            && self.output.is_empty()
            && (self.finished || self.output.is_closed())
    }
}

/// Whoever waits for something to do.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) reader: Option<WakeHandler>,
    pub(super) writer: Option<WakeHandler>,
}

impl Waiting {
    /// Who is to be called, where there is something to do for them.
    pub(super) fn due(&mut self, wire: &Wire) -> Option<WakeHandler> {
        let closed = wire.finished || wire.output.is_closed();
        if self.writer.is_some() && (closed || !wire.output.is_empty()) {
            return self.writer.take();
        }
        if wire.input_room() > 0 || wire.finished || wire.ended {
            return self.reader.take();
        }
        None
    }
}
