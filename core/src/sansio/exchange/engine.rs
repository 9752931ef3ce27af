//! How connections that carry exchanges are driven: bytes in, bytes out.

use std::sync::Arc;

use super::HttpError;
use super::shared::{Machine, Shared};
use crate::sansio::{Cause, Engine, ReadOperation, WakeHandler, WriteOperation, WriteResult};

impl<M: Machine> Engine for Arc<Shared<M>> {
    fn next_read_operation(&self) -> ReadOperation {
        self.drive();
        self.pipe.lock().next_read()
    }

    fn read(&self, bytes: &[u8]) -> usize {
        let mut consumed = 0;
        while consumed < bytes.len() {
            let mut wire = self.pipe.lock();
            let count = if wire.finished {
                0
            } else {
                wire.feed(&bytes[consumed..])
            };
            drop(wire);
            if count == 0 {
                break;
            }
            consumed += count;
            self.lock().wake();
            self.drive();
        }
        consumed
    }

    fn read_eof(&self) {
        self.pipe.lock().ended = true;
        self.lock().wake();
        self.drive();
    }

    fn next_write_operation(&self) -> WriteOperation {
        self.drive();
        self.pipe.lock().next_write()
    }

    fn report_write_result(&self, result: WriteResult) {
        let mut state = self.lock();
        let mut wire = self.pipe.lock();
        match result {
            WriteResult::Written(count) => {
                wire.output.advance(count);
                if wire.blocked {
                    state.wake();
                }
                let written = wire.output.written();
                drop(wire);
                state.calls().flushed(written);
            }
            WriteResult::Closed => {
                // What the peer has sent before can still be read.
                wire.output.close();
                drop(wire);
                state.calls().unflushed();
                state.wake();
            }
        }
        drop(state);
        self.drive();
    }

    fn yield_reader(&self, handler: WakeHandler) {
        let before = self.lock().calls().waiting.reader.replace(handler);
        drop(before);
        self.drive();
    }

    fn yield_writer(&self, handler: WakeHandler) {
        let before = self.lock().calls().waiting.writer.replace(handler);
        drop(before);
        self.drive();
    }

    fn report_exn(&self, cause: Cause) {
        self.lock().fail(&HttpError::Exception(Arc::from(cause)));
        self.drive();
    }

    fn is_closed(&self) -> bool {
        self.pipe.lock().is_closed()
    }
}

/// Has a connection driven by what its handles share, which is its first field.
macro_rules! engine {
    ($client:ty) => {
        impl $crate::sansio::Engine for $client {
            fn next_read_operation(&self) -> $crate::sansio::ReadOperation {
                $crate::sansio::Engine::next_read_operation(&self.0)
            }

            fn read(&self, bytes: &[u8]) -> usize {
                $crate::sansio::Engine::read(&self.0, bytes)
            }

            fn read_eof(&self) {
                $crate::sansio::Engine::read_eof(&self.0);
            }

            fn next_write_operation(&self) -> $crate::sansio::WriteOperation {
                $crate::sansio::Engine::next_write_operation(&self.0)
            }

            fn report_write_result(&self, result: $crate::sansio::WriteResult) {
                $crate::sansio::Engine::report_write_result(&self.0, result);
            }

            fn yield_reader(&self, handler: $crate::sansio::WakeHandler) {
                $crate::sansio::Engine::yield_reader(&self.0, handler);
            }

            fn yield_writer(&self, handler: $crate::sansio::WakeHandler) {
                $crate::sansio::Engine::yield_writer(&self.0, handler);
            }

            fn report_exn(&self, cause: $crate::sansio::Cause) {
                $crate::sansio::Engine::report_exn(&self.0, cause);
            }

            fn is_closed(&self) -> bool {
                $crate::sansio::Engine::is_closed(&self.0)
            }
        }
    };
}

pub(in crate::sansio) use engine;
