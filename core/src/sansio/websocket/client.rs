//! The connection, as its owner drives it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::handshake::WebSocketAgreement;
use super::state::{Call, State};
use super::{Flow, WebSocketSettings};
use crate::delivery::check;
use crate::error::{Error, ErrorCode, Result};
use crate::part::Frame;
use crate::sansio::{Cause, Engine, ReadOperation, WakeHandler, WriteOperation, WriteResult};

/// The client's side of a WebSocket that owns no socket. Clones are the same connection; handlers are dropped at its end, or
/// with the last of its clones.
#[derive(Clone)]
pub struct WebSocketClient(Arc<Mutex<State>>);

impl WebSocketClient {
    /// A connection whose handshake is done: what followed the 101 is given to `read`. `frame` is called with each message
    /// or control frame; after [`Flow::Pause`] not before [`WebSocketClient::resume`]. `end` is called once, last.
    pub fn new(
        settings: &WebSocketSettings,
        agreement: &WebSocketAgreement,
        frame: impl FnMut(Frame) -> Flow + Send + 'static,
        end: impl FnOnce(Result<Option<u16>>) + Send + 'static,
    ) -> WebSocketClient {
        let state = State::new(settings, agreement, Box::new(frame), Box::new(end));
        WebSocketClient(Arc::new(Mutex::new(state)))
    }

    /// Queues a message or a control frame; a close begins the closing handshake, after which nothing more is taken.
    ///
    /// # Errors
    /// `again` while the queue is full: see [`WebSocketClient::on_room`]. `invalid_argument` for what RFC 6455 does not allow
    /// to be sent, `invalid_state` after a close, at the end, and for a message inside another.
    pub fn send(&self, frame: Frame) -> Result<()> {
        check(&frame)?;
        let mut state = self.lock();
        let bound = state.send_buffer;
        state.outgoing.send(frame, bound)?;
        let waits = state.waiting.writer.is_some();
        drop(state);
        if waits {
            self.drive();
        }
        Ok(())
    }

    /// Begins the closing handshake, with a code (RFC 6455, 7.4) and a reason.
    ///
    /// # Errors
    /// As [`WebSocketClient::send`].
    pub fn close(&self, code: Option<u16>, reason: impl Into<Bytes>) -> Result<()> {
        self.send(Frame::Close(code, reason.into()))
    }

    /// Calls `handler` once there is room after [`WebSocketClient::send`] has answered `again`. It is dropped where there
    /// never will be.
    ///
    /// # Errors
    /// `closed` at the end.
    pub fn on_room(&self, handler: impl FnOnce() + Send + 'static) -> Result<()> {
        let mut state = self.lock();
        if state.is_over() {
            return Err(Error::new(
                ErrorCode::Closed,
                "websocket: the connection has ended",
            ));
        }
        let before = state.room.replace(Box::new(handler));
        drop(state);
        drop(before);
        Ok(())
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.lock().resume();
        self.drive();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what there is to do, and makes the calls that are due, unless that is being done already.
    fn drive(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.driving, true) {
            return;
        }
        drop(state);
        let _end = AtEnd(self);
        loop {
            let mut state = self.lock();
            let Some(call) = state.next_call() else {
                state.driving = false;
                return;
            };
            drop(state);
            match call {
                Call::Frame(mut handler, frame) => {
                    let flow = handler(frame);
                    let unused = self.lock().put_back(handler, flow);
                    drop(unused);
                }
                Call::End(handler, outcome) => handler(outcome),
                Call::Wake(handler) => handler(),
                Call::Drop(unused) => drop(unused),
            }
        }
    }
}

impl Engine for WebSocketClient {
    fn next_read_operation(&self) -> ReadOperation {
        self.drive();
        self.lock().wire.next_read()
    }

    fn read(&self, bytes: &[u8]) -> usize {
        let mut consumed = 0;
        while consumed < bytes.len() {
            let count = self.lock().feed(&bytes[consumed..]);
            if count == 0 {
                break;
            }
            consumed += count;
            self.drive();
        }
        consumed
    }

    /// Without a closing handshake before it, that is an error.
    fn read_eof(&self) {
        self.lock().wire.ended = true;
        self.drive();
    }

    fn next_write_operation(&self) -> WriteOperation {
        self.drive();
        self.lock().wire.next_write()
    }

    fn report_write_result(&self, result: WriteResult) {
        let mut state = self.lock();
        match result {
            WriteResult::Written(count) => state.wire.output.advance(count),
            WriteResult::Closed => state.wire.output.close(),
        }
        drop(state);
        self.drive();
    }

    fn yield_reader(&self, handler: WakeHandler) {
        let before = self.lock().waiting.reader.replace(handler);
        drop(before);
        self.drive();
    }

    fn yield_writer(&self, handler: WakeHandler) {
        let before = self.lock().waiting.writer.replace(handler);
        drop(before);
        self.drive();
    }

    /// The peer is sent a close with code 1011 where one can still be sent.
    fn report_exn(&self, cause: Cause) {
        let text = format!("websocket: {cause}");
        let error = Error::new(ErrorCode::ConnectionReset, text).with_source(cause);
        self.lock().fail(error, Some(1011));
        self.drive();
    }

    fn is_closed(&self) -> bool {
        self.lock().wire.is_closed()
    }
}

/// Lets others drive, after a handler that panicked too.
struct AtEnd<'a>(&'a WebSocketClient);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().driving = false;
        }
    }
}
