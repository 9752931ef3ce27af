//! One stream: a request on its way out, its answer on its way in.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use h2::client::{PushPromises, PushedResponseFuture, ResponseFuture};
use h2::{Reason, RecvStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response};

use super::error;
use super::upload::Upload;
use super::waker::{Ready, StreamWaker};
use super::{BodyPart, Flow, Handlers, HttpError};
use crate::limits::INFORMATIONAL;
use crate::sansio::exchange::{FlushHandler, PartHandler, RoomHandler};
use crate::sansio::frames::Came;

/// The answer, as far as it has come.
pub(super) enum Receive {
    Head(ResponseFuture),
    Pushed(PushedResponseFuture),
    Body(Incoming),
    Ended,
}

/// The body of an answer.
pub(super) struct Incoming {
    stream: RecvStream,
    /// Who takes its parts; out while it is called.
    pub(super) handler: Option<PartHandler>,
    paused: bool,
    /// It was to go on while its handler was out.
    resumed: bool,
    /// What follows is trailers or the end.
    data_ended: bool,
    trailers_ended: bool,
    /// Bytes that are with the handler, whose window is given back after that.
    held: usize,
}

impl Incoming {
    /// The handler is back; it is given back where it has replaced itself.
    pub(super) fn put_back(&mut self, handler: PartHandler, flow: Flow) -> Option<PartHandler> {
        self.release();
        self.paused = flow == Flow::Pause && !std::mem::take(&mut self.resumed);
        if self.handler.is_some() {
            return Some(handler);
        }
        self.handler = Some(handler);
        None
    }

    pub(super) fn resume(&mut self) {
        self.resumed = self.handler.is_none();
        self.paused = false;
    }

    /// Gives the window of what was handed over back to the peer.
    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        // It fails only for more than was received.
        let _ = self.stream.flow_control().release_capacity(held);
    }
}

/// A stream of the connection.
pub(super) struct Stream {
    /// Tells it from others that had its place before.
    pub(super) serial: u64,
    pub(super) id: u32,
    pub(super) handlers: Handlers,
    pub(super) receive: Receive,
    pub(super) upload: Option<Upload>,
    pub(super) wake: Arc<StreamWaker>,
    waker: Waker,
    promises: Option<PushPromises>,
    /// What `content-length` says.
    expected: Option<u64>,
    informed: u32,
}

/// What a stream has come to.
pub(super) enum Step {
    /// Nothing, until it is woken.
    Pending,
    /// Both sides are done.
    Done,
    Failed(HttpError),
    Promise(Request<()>, PushedResponseFuture),
    Informational(Response<()>),
    Head(Response<()>),
    Part(PartHandler, BodyPart),
    Trailers(HeaderMap),
    Flushed(FlushHandler),
    Room(RoomHandler),
}

impl Stream {
    pub(super) fn new(
        (serial, place): (u64, usize),
        ready: &Arc<Ready>,
        handlers: Handlers,
        mut receive: Receive,
        upload: Option<Upload>,
        takes_promises: bool,
    ) -> Stream {
        let wake = StreamWaker::new(ready, place);
        let (id, promises) = match &mut receive {
            Receive::Head(response) => {
                let promises = takes_promises.then(|| response.push_promises());
                (response.stream_id().as_u32(), promises)
            }
            Receive::Pushed(response) => (response.stream_id().as_u32(), None),
            Receive::Body(_) | Receive::Ended => (0, None),
        };
        // The first poll tells h2 whom to wake.
        wake.ready();
        Stream {
            serial,
            id,
            handlers,
            receive,
            upload,
            waker: wake.waker(),
            wake,
            promises,
            expected: None,
            informed: 0,
        }
    }

    /// One step on: what there is to be told of.
    pub(super) fn poll(&mut self, came: Came) -> Step {
        self.wake.begin();
        let waker = self.waker.clone();
        let cx = &mut Context::from_waker(&waker);
        if let Some(promises) = &mut self.promises {
            let polled = pin!(promises.push_promise()).poll(cx);
            match polled {
                Poll::Ready(Some(Ok(promise))) => {
                    let (request, response) = promise.into_parts();
                    return Step::Promise(request, response);
                }
                // The answer tells of errors.
                Poll::Ready(_) => self.promises = None,
                Poll::Pending => {}
            }
        }
        if let Some(step) = self.poll_upload(cx) {
            return step;
        }
        let step = self.poll_receive(cx, came);
        match step {
            Step::Pending if matches!(self.receive, Receive::Ended) && self.is_sent() => Step::Done,
            step => step,
        }
    }

    fn is_sent(&self) -> bool {
        self.upload.as_ref().is_none_or(Upload::is_done)
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Option<Step> {
        let upload = self.upload.as_mut()?;
        let polled = upload.poll(cx);
        if let Some(handler) = upload.pieces.take_flushed() {
            return Some(Step::Flushed(handler));
        }
        if let Some(handler) = upload.pieces.take_room() {
            return Some(Step::Room(handler));
        }
        match polled {
            Poll::Ready(Ok(())) => {}
            // The answer tells of it, unless it is complete.
            Poll::Ready(Err(_)) if !matches!(self.receive, Receive::Ended) => {}
            Poll::Ready(Err(_)) | Poll::Pending if matches!(self.receive, Receive::Ended) => {
                match upload.poll_reset(cx) {
                    // The peer has answered and needs no more of the request (RFC 9113, 8.1).
                    Poll::Ready(Ok(Reason::NO_ERROR)) => return Some(Step::Done),
                    Poll::Ready(Ok(reason)) => {
                        return Some(Step::Failed(HttpError::Protocol {
                            code: reason.into(),
                            message: format!("the rest of the request was refused: {reason}"),
                            from_peer: true,
                        }));
                    }
                    Poll::Ready(Err(cause)) => {
                        return Some(Step::Failed(error::of_connection(cause)));
                    }
                    Poll::Pending => {}
                }
            }
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        None
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, came: Came) -> Step {
        let polled = match &mut self.receive {
            Receive::Head(response) => {
                if let Poll::Ready(Some(Ok(informational))) = response.poll_informational(cx) {
                    self.informed += 1;
                    if self.informed > INFORMATIONAL {
                        return Step::Failed(error::malformed(format!(
                            "more than {INFORMATIONAL} informational answers"
                        )));
                    }
                    return Step::Informational(informational);
                }
                Pin::new(response).poll(cx)
            }
            Receive::Pushed(response) => Pin::new(response).poll(cx),
            Receive::Body(body) => return body.poll(cx, self.expected, came),
            Receive::Ended => return Step::Pending,
        };
        match polled {
            Poll::Pending => Step::Pending,
            Poll::Ready(Err(cause)) => Step::Failed(error::of_stream(cause, None, came)),
            Poll::Ready(Ok(response)) => {
                let (head, stream) = response.into_parts();
                let length = head.headers.get(CONTENT_LENGTH);
                self.expected = length.and_then(|length| length.to_str().ok()?.parse().ok());
                self.receive = Receive::Body(Incoming {
                    stream,
                    handler: None,
                    paused: false,
                    resumed: false,
                    data_ended: false,
                    trailers_ended: false,
                    held: 0,
                });
                Step::Head(Response::from_parts(head, ()))
            }
        }
    }

    /// Ends both sides, as far as they have not. A pushed stream ends when it is dropped.
    pub(super) fn reset(&mut self, reason: Reason) {
        if let Some(upload) = &mut self.upload {
            upload.reset(reason);
        }
    }

    /// The answer is complete.
    pub(super) fn end_receiving(&mut self) {
        self.receive = Receive::Ended;
        self.promises = None;
    }
}

impl Incoming {
    fn poll(&mut self, cx: &mut Context<'_>, expected: Option<u64>, came: Came) -> Step {
        if self.paused || self.handler.is_none() {
            return Step::Pending;
        }
        while !self.data_ended {
            match self.stream.poll_data(cx) {
                Poll::Pending => return Step::Pending,
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => {
                    self.held = data.len();
                    return self.part(BodyPart::Data(data));
                }
                Poll::Ready(Some(Err(cause))) => {
                    if !is_early_end(&cause, came) {
                        return Step::Failed(error::of_stream(cause, expected, came));
                    }
                    self.data_ended = true;
                    self.trailers_ended = true;
                }
                Poll::Ready(None) => self.data_ended = true,
            }
        }
        if !self.trailers_ended {
            match self.stream.poll_trailers(cx) {
                Poll::Pending => return Step::Pending,
                Poll::Ready(Ok(trailers)) => {
                    self.trailers_ended = true;
                    if let Some(trailers) = trailers {
                        return Step::Trailers(trailers);
                    }
                }
                Poll::Ready(Err(cause)) if is_early_end(&cause, came) => {
                    self.trailers_ended = true;
                }
                Poll::Ready(Err(cause)) => {
                    return Step::Failed(error::of_stream(cause, expected, came));
                }
            }
        }
        self.part(BodyPart::End)
    }

    fn part(&mut self, part: BodyPart) -> Step {
        match self.handler.take() {
            Some(handler) => Step::Part(handler, part),
            None => Step::Pending,
        }
    }
}

/// The answer is complete, and the peer asks for no more of the request (RFC 9113, 8.1).
fn is_early_end(cause: &h2::Error, came: Came) -> bool {
    came.ended && cause.is_remote() && cause.is_reset() && cause.reason() == Some(Reason::NO_ERROR)
}
