//! What a connection holds, and one step of it: poll what there is, and name the call that is due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::receive::{Receive, Step};
use super::upload::Upload;
use super::{Handlers, HttpError, UpgradeHandler};
use crate::error::{Error, ErrorCode};
use crate::protocol::http1::failure;
use crate::sansio::exchange::{Call, Calls, ErrorHandler, Key};
use crate::sansio::memory::Pipe;

/// A call that only HTTP/1.1 makes: the connection is the program's.
pub(super) struct Upgraded(
    pub(super) UpgradeHandler,
    pub(super) Response<()>,
    pub(super) Bytes,
);

/// Says that something is to be polled.
#[derive(Default)]
pub(super) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A request and its answer.
pub(super) struct Exchange {
    serial: u64,
    pub(super) handlers: Handlers,
    pub(super) upload: Upload,
    /// None once it was sent.
    request: Option<Request<Upload>>,
    /// None before that.
    pub(super) receive: Option<Receive>,
}

pub(super) type Conn = Connection<TokioIo<Pipe>, Upload>;

pub(super) struct State {
    pub(super) pipe: Pipe,
    pub(super) flag: Arc<Flag>,
    waker: Waker,
    /// None once it has ended.
    connection: Option<Conn>,
    /// How it has ended, until what came before was taken up.
    ended: Option<Result<(), HttpError>>,
    /// None once nothing more is to be asked.
    sender: Option<SendRequest<Upload>>,
    /// The first is under way; the others wait for their turn.
    exchanges: VecDeque<Exchange>,
    serial: u64,
    pub(super) leaving: bool,
    pub(super) calls: Calls<Upgraded, Exchange>,
}

impl State {
    pub(super) fn new(
        pipe: Pipe,
        flag: Arc<Flag>,
        (sender, connection): (SendRequest<Upload>, Conn),
        on_error: ErrorHandler,
    ) -> State {
        flag.wake_by_ref();
        State {
            pipe,
            waker: Waker::from(Arc::clone(&flag)),
            flag,
            connection: Some(connection),
            ended: None,
            sender: Some(sender),
            exchanges: VecDeque::new(),
            serial: 0,
            leaving: false,
            calls: Calls::new(on_error),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.sender.is_some() && !self.leaving
    }

    pub(super) fn has_ended(&self) -> bool {
        self.connection.is_none()
    }

    /// Takes up an exchange.
    pub(super) fn insert(&mut self, request: Request<Upload>, handlers: Handlers) -> Key {
        self.serial += 1;
        self.exchanges.push_back(Exchange {
            serial: self.serial,
            handlers,
            upload: request.body().clone(),
            request: Some(request),
            receive: None,
        });
        self.flag.wake_by_ref();
        Key {
            place: 0,
            serial: self.serial,
        }
    }

    pub(super) fn exchange(&mut self, key: Key) -> Option<&mut Exchange> {
        let mut exchanges = self.exchanges.iter_mut();
        exchanges.find(|exchange| exchange.serial == key.serial)
    }

    /// Gives an exchange up; one that is under way takes the connection with it.
    pub(super) fn give_up(&mut self, key: Key) {
        let place = self.exchanges.iter().position(|it| it.serial == key.serial);
        let Some(exchange) = place.and_then(|place| self.exchanges.remove(place)) else {
            return;
        };
        let begun = exchange.receive.is_some();
        self.let_go(exchange);
        if begun {
            self.end(None);
        }
    }

    /// Whoever waits for something of an exchange that is over is told.
    fn let_go(&mut self, exchange: Exchange) {
        let mut upload = exchange.upload.lock();
        upload.shut();
        let lost = upload.pieces.take_unflushed();
        self.calls
            .extend(lost.map(|handler| Call::Flushed(handler, false)));
        let unused = upload.pieces.take_waiting();
        self.calls
            .extend(unused.map(|handler| Call::Drop(Box::new(handler))));
        drop(upload);
        self.calls.let_go(exchange);
    }

    /// Works until there is a call to make. None when nothing is left to do.
    pub(super) fn step(&mut self) -> Option<Call<Upgraded>> {
        loop {
            if let Some(call) = self.calls.next() {
                return Some(call);
            }
            if self.flag.0.swap(false, Ordering::AcqRel) {
                self.poll_connection();
                self.begin_next();
                self.poll_exchange();
            } else if let Some(ended) = self.ended.take() {
                // What came before the end was taken up.
                self.end(ended.err());
            } else {
                return None;
            }
        }
    }

    fn poll_connection(&mut self) {
        self.pipe.lock().blocked = false;
        if self.ended.is_none()
            && let Some(connection) = &mut self.connection
        {
            let cx = &mut Context::from_waker(&self.waker);
            if let Poll::Ready(ended) = connection.poll_without_shutdown(cx) {
                self.ended = Some(ended.map_err(|cause| failure(cause, "http/1.1").into()));
            }
        }
        self.calls.polled(&self.pipe.lock());
    }

    /// Sends the next request, where the connection can carry one.
    fn begin_next(&mut self) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        let Some(exchange) = self.exchanges.front_mut() else {
            if self.leaving {
                self.end(None);
            }
            return;
        };
        let cx = &mut Context::from_waker(&self.waker);
        if exchange.request.is_none() || !matches!(sender.poll_ready(cx), Poll::Ready(Ok(()))) {
            return;
        }
        if let Some(request) = exchange.request.take() {
            let may_upgrade = exchange.handlers.upgrade.is_some();
            exchange.receive = Some(Receive::new(sender, request, may_upgrade));
            self.flag.wake_by_ref();
        }
    }

    /// One step of the exchange under way.
    fn poll_exchange(&mut self) {
        let Some(exchange) = self.exchanges.front_mut() else {
            return;
        };
        let key = Key {
            place: 0,
            serial: exchange.serial,
        };
        let mut upload = exchange.upload.lock();
        self.calls.extend(upload.pieces.take_room().map(Call::Room));
        while let Some(handler) = upload.pieces.take_flushed() {
            // It is with hyper, and goes out with the next poll of the connection that finds room.
            self.calls.flush(handler);
            self.flag.wake_by_ref();
        }
        let sent = upload.is_done();
        drop(upload);
        let Some(receive) = &mut exchange.receive else {
            return;
        };
        let cx = &mut Context::from_waker(&self.waker);
        let step = receive.poll(cx);
        if !matches!(step, Step::Pending) {
            self.flag.wake_by_ref();
        }
        let handlers = &mut exchange.handlers;
        let call = match step {
            Step::Pending => {
                if receive.is_done() && (sent || self.connection.is_none()) {
                    self.finish_first();
                }
                None
            }
            Step::Informational(response) => handlers
                .informational
                .take()
                .map(|handler| Call::Informational(handler, response, key)),
            Step::Head(response) => handlers
                .response
                .take()
                .map(|handler| Call::Response(handler, response, key)),
            Step::Part(handler, part) => Some(Call::Part(handler, part, key)),
            Step::Trailers(trailers) => handlers
                .trailers
                .take()
                .map(|handler| Call::Trailers(handler, trailers)),
            Step::Upgraded(response) => handlers.upgrade.take().map(|handler| {
                let rest = self.take_rest();
                Call::Own(Upgraded(handler, response, rest))
            }),
            Step::Failed(cause) => {
                let failed = handlers.error.take();
                let call = failed.map(|handler| Call::Error(handler, cause));
                self.finish_first();
                call
            }
        };
        let upgraded = matches!(call, Some(Call::Own(_)));
        self.calls.extend(call);
        if upgraded {
            self.finish_first();
            self.end(None);
        }
    }

    /// What came behind an answer that upgrades the connection.
    fn take_rest(&mut self) -> Bytes {
        let mut rest = BytesMut::new();
        if let Some(connection) = self.connection.take() {
            rest.extend_from_slice(&connection.into_parts().read_buf);
        }
        let mut wire = self.pipe.lock();
        rest.extend_from_slice(&wire.input);
        wire.input.clear();
        rest.freeze()
    }

    /// The exchange under way is over.
    fn finish_first(&mut self) {
        if let Some(exchange) = self.exchanges.pop_front() {
            self.let_go(exchange);
        }
        self.flag.wake_by_ref();
    }

    /// The connection is at its end. What has come before can still be taken.
    pub(super) fn end(&mut self, cause: Option<HttpError>) {
        self.connection = None;
        self.sender = None;
        self.pipe.lock().finished = true;
        self.calls.end(cause);
        self.calls.unflushed_later();
        // Those that wait for their turn will not have it.
        let begun = usize::from(
            self.exchanges
                .front()
                .is_some_and(|it| it.receive.is_some()),
        );
        for mut exchange in self.exchanges.split_off(begun) {
            let failed = exchange.handlers.error.take();
            self.let_go(exchange);
            let cause = HttpError::from(
                Error::new(
                    ErrorCode::Closed,
                    "http/1.1: the connection ended before the request had its turn",
                )
                .unprocessed(),
            );
            self.calls
                .extend(failed.map(|handler| Call::Error(handler, cause)));
        }
        self.flag.wake_by_ref();
    }

    /// The program has failed: all hear of it.
    pub(super) fn fail_all(&mut self, cause: &HttpError) {
        self.calls.end(Some(cause.clone()));
        while let Some(mut exchange) = self.exchanges.pop_front() {
            let failed = exchange.handlers.error.take();
            self.let_go(exchange);
            self.calls
                .extend(failed.map(|handler| Call::Error(handler, cause.clone())));
        }
        self.end(None);
    }
}
