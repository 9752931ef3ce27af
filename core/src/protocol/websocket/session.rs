//! An open WebSocket: messages out of the request's queue, messages in as parts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::buffers;
use super::deflate::{Deflater, Inflater};
use super::extension::Agreed;
use super::keep_alive::KeepAlive;
use super::receiver::{Accepts, Receiver};
use super::sender::Sender;
use super::transport::Transport;
use crate::delivery::RequestState;
use crate::drive::{Reactor, Timer};
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits;
use crate::options::{ManagerOptions, Policy};
use crate::part::{Frame, Latency, Part};

/// Reads, or writes, in a row before others have their turn.
const ROUNDS: usize = 8;

/// How a session is to be.
pub(crate) struct Setup {
    pub(crate) agreed: Option<Agreed>,
    pub(crate) max_message: usize,
}

/// The peer's close, and its code where it gave one.
#[derive(Clone, Copy)]
struct PeersClose(Option<u16>);

/// An open WebSocket.
pub(crate) struct Session {
    transport: Transport,
    receiver: Receiver,
    sender: Sender,
    state: Arc<RequestState>,
    reactor: Arc<Reactor>,
    input: BytesMut,
    /// Taken from the request's queue and not begun.
    batch: VecDeque<Frame>,
    received: u64,
    close_sent: bool,
    close_received: Option<PeersClose>,
    close_timeout: Duration,
    /// The connection takes nothing more, but what the peer has sent before can be read still.
    unwritable: Option<Error>,
    /// The peer broke the protocol or is gone, and was told so.
    failed: bool,
    /// The peer broke the protocol right behind messages that the caller may still answer.
    fault: Option<Error>,
    put_off: bool,
    keep_alive: KeepAlive,
    linger: Timer,
}

impl Session {
    /// `early` are bytes that came with the answer to the upgrade.
    pub(crate) fn new(
        transport: Transport,
        early: &Bytes,
        state: Arc<RequestState>,
        setup: &Setup,
        (options, policy): (&ManagerOptions, &Policy),
        reactor: &Arc<Reactor>,
    ) -> Session {
        let accepts = Accepts {
            frame: options.websocket_max_frame_bytes,
            message: setup.max_message,
            fragments: policy.websocket_frames,
        };
        let agreed = setup.agreed.as_ref();
        Session {
            transport,
            receiver: Receiver::new(accepts, agreed.map(Inflater::new)),
            sender: Sender::new(agreed.and_then(Deflater::new)),
            state,
            reactor: Arc::clone(reactor),
            input: BytesMut::from(&early[..]),
            batch: VecDeque::new(),
            received: 0,
            close_sent: false,
            close_received: None,
            close_timeout: policy.websocket_close_timeout.min(limits::FOREVER),
            unwritable: None,
            failed: false,
            fault: None,
            put_off: false,
            keep_alive: KeepAlive::new(policy, reactor),
            linger: Timer::new(reactor),
        }
    }

    /// Payload bytes received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the peer is to be told why it failed: after an error.
    pub(crate) fn has_parting_word(&self) -> bool {
        self.failed && self.sender.is_closed() && self.unwritable.is_none()
    }

    /// What was taken from the queue and not begun.
    pub(crate) fn take_unsent(&mut self) -> VecDeque<Frame> {
        std::mem::take(&mut self.batch)
    }

    /// Runs it to its end: ready with the code of the peer's close when the closing handshake is done. After an error
    /// [`Session::poll_closed`] tells the peer.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<u16>>> {
        let opened = self.poll_open(cx);
        let received = match opened.or_else(|error| self.put_off(error, cx)) {
            Ok(received) => received,
            Err(error) => {
                self.fail(&error, cx);
                return Poll::Ready(Err(error));
            }
        };
        if let Some(PeersClose(code)) = self.close_received {
            if self.sender.is_idle() || self.unwritable.is_some() || received.is_ready() {
                return Poll::Ready(Ok(code));
            }
            // The peer has said its last: for how long it does not take our answer is no longer of interest.
            if self.linger.is_unset() {
                self.linger.set_after(limits::WEBSOCKET_LINGER);
            }
            return self.linger.poll(cx).map(|()| Ok(code));
        }
        if received.is_ready() {
            let error = self.unwritable.take().unwrap_or_else(|| {
                Error::new(
                    ErrorCode::ConnectionClosed,
                    "websocket: the connection ended without a close",
                )
            });
            self.failed = true;
            return Poll::Ready(Err(error));
        }
        if self.close_sent {
            return self.poll_unanswered(cx).map(Err);
        }
        Poll::Pending
    }

    /// Sends and receives what can be; ready at the end of what the peer sends.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>> {
        if self.fault.is_some() {
            return self.poll_fault(cx);
        }
        self.send(cx)?;
        let received = self.receive(cx);
        if !self.sender.is_closed()
            && matches!(received, Ok(Poll::Pending))
            && let Some(ping) = self.keep_alive.poll(cx, &self.state)?
        {
            self.batch.push_back(ping);
        }
        // Answers to pings and closes, and what callbacks have sent.
        self.send(cx)?;
        received
    }

    /// What the peer did wrong counts a moment later where messages came before it that the caller has not let go of: what
    /// it sends for them is to go out before the close.
    fn put_off(&mut self, error: Error, cx: &mut Context<'_>) -> Result<Poll<()>> {
        let late = self.close_sent || self.unwritable.is_some();
        if self.put_off || late || !is_fault(&error) || !self.state.is_owed() {
            return Err(error);
        }
        self.linger.set_after(limits::WEBSOCKET_LAST_WORDS);
        self.put_off = true;
        self.fault = Some(error);
        self.poll_fault(cx)
    }

    /// Sends what there is until it is time to act upon the peer's fault.
    fn poll_fault(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>> {
        self.send(cx)?;
        match self.linger.poll(cx) {
            Poll::Ready(()) => match self.fault.take() {
                Some(error) => {
                    self.linger.set(None);
                    Err(error)
                }
                None => Ok(Poll::Pending),
            },
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// Our close waits for the peer's, but not for ever (RFC 6455, 7.1.7).
    fn poll_unanswered(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        if self.linger.is_unset() {
            self.linger.set_after(self.close_timeout);
        }
        self.linger.poll(cx).map(|()| {
            self.failed = true;
            Error::new(
                ErrorCode::ConnectionClosed,
                format!(
                    "websocket: the peer did not answer the close within {:?}",
                    self.close_timeout
                ),
            )
            .in_phase(Phase::Receive)
        })
    }

    /// After the end: sends what is still to be sent, and lets the peer close the transport first, for a while (RFC 6455,
    /// 7.1.1).
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.linger.is_unset() {
            self.linger.set_after(limits::WEBSOCKET_LINGER);
        }
        if self.linger.poll(cx).is_ready() {
            self.transport.abort();
            return Poll::Ready(());
        }
        self.batch.clear();
        if self.send(cx).is_err() || self.unwritable.is_some() {
            return Poll::Ready(());
        }
        if self.failed && self.sender.is_idle() {
            self.transport.finish(cx);
        }
        for _ in 0..ROUNDS {
            self.input.clear();
            self.make_room();
            match self.transport.poll_read(cx, &mut self.input) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => {
                    self.transport.ended();
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    self.input = BytesMut::new();
                    return Poll::Pending;
                }
            }
        }
        self.reactor.defer(cx.waker());
        Poll::Pending
    }

    /// Tells the peer what it did wrong (RFC 6455, 7.1.7).
    fn fail(&mut self, error: &Error, cx: &mut Context<'_>) {
        let code = match error.code() {
            ErrorCode::WebSocketProtocol => 1002,
            ErrorCode::WebSocketInvalidUtf8 => 1007,
            ErrorCode::WebSocketTooLarge => 1009,
            ErrorCode::IdleTimeout | ErrorCode::Io => 1011,
            _ => {
                self.failed = true;
                return;
            }
        };
        self.failed = true;
        self.batch.clear();
        self.state.lock_outgoing().shut();
        self.sender.close(Some(code), "");
        self.linger.set_after(limits::WEBSOCKET_LINGER);
        // As far as the connection takes it at once; the rest follows.
        let _ = self.send(cx);
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.unwritable.is_some() {
            return Ok(());
        }
        for _ in 0..ROUNDS {
            // Nothing more is taken before what was taken is on its way, or the bound of the queue would mean nothing.
            if self.batch.is_empty() && self.sender.out.is_empty() && !self.sender.is_closed() {
                let room = self.state.lock_outgoing().take_all(&mut self.batch);
                if room {
                    self.state.deliver(Part::Writable);
                }
            }
            if self.batch.is_empty() && self.sender.is_idle() {
                buffers::give_output(&mut self.sender.out);
                return Ok(());
            }
            let room = self.sender.room();
            buffers::take_output(&mut self.sender.out, room);
            let (state, keep_alive) = (&self.state, &mut self.keep_alive);
            self.close_sent |= self.sender.fill(&mut self.batch, |frame| {
                state.count_sent(frame.payload().len());
                if let Frame::Ping(payload) = frame {
                    keep_alive.sent(payload);
                }
            })?;
            let last = self.sender.is_at_end() && (self.failed || self.close_received.is_some());
            let count = self.sender.out.len();
            let written = self.transport.poll_write(cx, &mut self.sender.out, last);
            self.sender.was_taken(count, written.is_ready());
            match written {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    self.unwritable = Some(error);
                    return Ok(());
                }
            }
        }
        self.reactor.defer(cx.waker());
        Ok(())
    }

    /// Ready at the end of what the peer sends.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>> {
        let mut frames = Vec::new();
        for _ in 0..ROUNDS {
            if self.close_received.is_some() {
                return Ok(Poll::Pending);
            }
            if !self.state.has_credit(u64::MAX) {
                // A peer that is not read cannot be blamed for its silence.
                self.keep_alive.heard();
                return Ok(Poll::Pending);
            }
            let outcome = self.decode(&mut frames);
            self.state.deliver_frames(&mut frames);
            if outcome? {
                continue;
            }
            self.make_room();
            match self.transport.poll_read(cx, &mut self.input) {
                Poll::Ready(Ok(0)) => return Ok(Poll::Ready(())),
                Poll::Ready(Ok(_)) => self.keep_alive.heard(),
                Poll::Ready(Err(error)) => {
                    self.unwritable.get_or_insert(error);
                    return Ok(Poll::Ready(()));
                }
                Poll::Pending => {
                    buffers::give_input(&mut self.input);
                    return Ok(Poll::Pending);
                }
            }
        }
        self.reactor.defer(cx.waker());
        Ok(Poll::Pending)
    }

    /// Takes the frames out of what was read, as far as there is credit for them; true when more may be there.
    fn decode(&mut self, frames: &mut Vec<Frame>) -> Result<bool> {
        let credit = self.state.credit_left();
        let mut used = 0;
        while used < credit && frames.len() < limits::WEBSOCKET_TURN {
            let Some(frame) = self.receiver.next(&mut self.input)? else {
                return Ok(false);
            };
            self.received += frame.payload().len() as u64;
            match &frame {
                // A copy, for it may wait, and would hold all that was read with it.
                Frame::Ping(payload) => self.sender.answer(Bytes::copy_from_slice(payload)),
                Frame::Pong(payload) => {
                    if let Some((ping, round_trip)) = self.keep_alive.answered(payload, &self.state)
                    {
                        if let Some(ping) = ping {
                            self.state.deliver_frames(frames);
                            self.state
                                .deliver(Part::Latency(Latency { ping, round_trip }));
                        }
                        continue;
                    }
                }
                Frame::Close(code, _) => {
                    self.close_received = Some(PeersClose(*code));
                    self.linger.set(None);
                    self.batch.clear();
                    self.state.lock_outgoing().shut();
                    self.sender.close(*code, "");
                    frames.push(frame);
                    return Ok(true);
                }
                _ => {}
            }
            used += frame.credit() as u64;
            frames.push(frame);
        }
        Ok(true)
    }

    fn make_room(&mut self) {
        let wanted = self.receiver.wanted(&self.input);
        buffers::take_input(&mut self.input, wanted);
    }
}

/// Whether the peer broke the protocol, of which it is told.
fn is_fault(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::WebSocketProtocol
            | ErrorCode::WebSocketInvalidUtf8
            | ErrorCode::WebSocketTooLarge
    )
}

impl Drop for Session {
    /// A manager that shuts down says goodbye (RFC 6455, 7.4.1), as far as the connection takes it at once, and waits no
    /// longer for who has said it.
    fn drop(&mut self) {
        if !self.state.is_shut_down() || self.failed {
            return;
        }
        let mut cx = Context::from_waker(Waker::noop());
        if !self.sender.is_closed() {
            self.batch.clear();
            self.state.lock_outgoing().shut();
            self.sender.close(Some(1001), "");
            self.failed = true;
            if self.send(&mut cx).is_err() {
                return;
            }
        } else if self.close_received.is_none() || !self.sender.is_idle() {
            return;
        }
        self.transport.finish(&mut cx);
        self.transport.leave(&self.reactor);
    }
}
