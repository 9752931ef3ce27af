//! What HTTP/2 does by itself where a connection is driven.

use std::sync::Arc;

use http::{HeaderMap, Request, Version};

use super::Handlers;
use super::state::{Own, State};
use super::stream::{Receive, Stream};
use super::upload::Upload;
use crate::error::{Error, ErrorCode, Result};
use crate::sansio::exchange::{
    Call, Calls, ErrorHandler, Flow, HttpError, InformationalHandler, Key, Machine, PartHandler,
    Pieces,
};

/// What the handles of a connection share.
pub(super) type Shared = crate::sansio::exchange::Shared<State>;

impl State {
    /// Sends a request; `complete` where its head is all.
    pub(super) fn send(
        &mut self,
        mut request: Request<()>,
        handlers: Handlers,
        complete: bool,
    ) -> Result<Key> {
        *request.version_mut() = Version::HTTP_2;
        // Each clone may have one stream that waits for its turn.
        let mut sender = self.sender.clone().ok_or_else(closed)?;
        let (response, stream) = sender
            .send_request(request, complete)
            .map_err(|cause| refused(&cause))?;
        let upload = Upload::new(stream, complete);
        Ok(self.insert(handlers, Receive::Head(response), Some(upload)))
    }

    /// The sending side of a stream that takes more; it is polled after that.
    fn open_upload(&mut self, key: Key) -> Option<&mut Upload> {
        let stream = self.stream(key)?;
        let upload = stream.upload.as_mut();
        let upload = upload.filter(|upload| !upload.is_ending())?;
        stream.wake.ready();
        Some(upload)
    }
}

impl Machine for State {
    type Own = Own;
    type Gone = Stream;

    fn calls(&mut self) -> &mut Calls<Own, Stream> {
        &mut self.calls
    }

    fn wake(&self) {
        self.ready.wake_connection();
    }

    fn next_call(&mut self) -> Option<Call<Own>> {
        self.step()
    }

    fn make(shared: &Arc<Shared>, call: Own) {
        match call {
            Own::Answered(handler) => handler(),
            Own::Promise(mut handler, request, response) => {
                let accepted = handler(*request);
                let mut state = shared.lock();
                if state.connection.is_some() {
                    state.push = Some(handler);
                }
                match accepted {
                    Some(handlers) => {
                        state.insert(handlers, Receive::Pushed(response), None);
                    }
                    None => {
                        drop(state);
                        // That resets the stream.
                        drop(response);
                    }
                }
            }
        }
    }

    fn change<R>(&mut self, key: Key, change: impl FnOnce(&mut Pieces) -> R) -> Option<R> {
        Some(change(&mut self.open_upload(key)?.pieces))
    }

    fn queued(&mut self, key: Key) -> Option<usize> {
        let upload = self.stream(key)?.upload.as_ref()?;
        (!upload.is_ending()).then(|| upload.pieces.queued())
    }

    fn finish(&mut self, key: Key, trailers: Option<HeaderMap>) {
        if let Some(upload) = self.open_upload(key) {
            upload.finish(trailers);
        }
    }

    fn put_back_informational(&mut self, key: Key, handler: InformationalHandler) {
        if let Some(stream) = self.stream(key) {
            stream.handlers.informational = Some(handler);
        }
    }

    fn put_back(&mut self, key: Key, handler: PartHandler, flow: Flow) -> Option<PartHandler> {
        match self.stream(key).map(|stream| &mut stream.receive) {
            Some(Receive::Body(body)) => body.put_back(handler, flow),
            _ => Some(handler),
        }
    }

    fn read(&mut self, key: Key, handler: PartHandler) -> Option<PartHandler> {
        let Some(stream) = self.stream(key) else {
            return Some(handler);
        };
        let Receive::Body(body) = &mut stream.receive else {
            return Some(handler);
        };
        stream.wake.ready();
        body.handler.replace(handler)
    }

    fn resume(&mut self, key: Key) {
        if let Some(stream) = self.stream(key)
            && let Receive::Body(body) = &mut stream.receive
        {
            body.resume();
            stream.wake.ready();
        }
    }

    fn cancel(&mut self, key: Key, code: u32) -> Option<ErrorHandler> {
        if let Some(stream) = self.stream(key) {
            stream.reset(code.into());
        }
        self.ready.wake_connection();
        self.remove(key)
    }

    fn fail(&mut self, cause: &HttpError) {
        if self.connection.is_some() {
            self.break_off(h2::Reason::INTERNAL_ERROR, cause);
        }
    }
}

/// The answer to what comes after the end.
pub(super) fn closed() -> Error {
    Error::new(
        ErrorCode::Closed,
        "http/2: the connection takes no more requests",
    )
}

fn refused(cause: &h2::Error) -> Error {
    let text = format!("http/2: {cause}");
    if cause.is_go_away() {
        Error::new(ErrorCode::Http2Goaway, text).unprocessed()
    } else if cause.is_io() || cause.is_reset() {
        Error::new(ErrorCode::Closed, text)
    } else {
        Error::new(ErrorCode::InvalidArgument, text)
    }
}
