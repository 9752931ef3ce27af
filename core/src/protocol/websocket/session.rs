//! An open WebSocket: messages out of the request's queue, messages in as parts.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::error::{CapacityError, Error as WsError, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Message, Utf8Bytes};

use crate::connect::Stream;
use crate::delivery::RequestState;
use crate::drive::{Reactor, Timer};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::WEBSOCKET_CLOSE;
use crate::options::ManagerOptions;
use crate::part::{Frame, Part};

/// How long the peer may take to close the transport after the closing handshake.
const LINGER: Duration = Duration::from_secs(2);
/// Octets that wait for the socket beyond which a ping is answered no more, except the last (RFC 6455, 5.5.3): a peer
/// that pings and does not read must not fill the memory.
const ANSWERS: usize = 256 * 1024;
/// Messages read before others get their turn.
const BUDGET: usize = 256;

/// Lets tungstenite, which blocks by name, use a stream that does not.
struct Bridge<'a, 'b> {
    stream: &'a mut Stream,
    cx: &'a mut Context<'b>,
}

fn now_or_again<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Bridge<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        now_or_again(Pin::new(&mut *self.stream).poll_read(self.cx, &mut buf))?;
        Ok(buf.filled().len())
    }
}

impl Write for Bridge<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        now_or_again(Pin::new(&mut *self.stream).poll_write(self.cx, buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        now_or_again(Pin::new(&mut *self.stream).poll_flush(self.cx))
    }
}

/// An open WebSocket.
pub(crate) struct Session {
    stream: Stream,
    context: WebSocketContext,
    state: Arc<RequestState>,
    out: VecDeque<Frame>,
    /// The socket takes no more right now.
    blocked: bool,
    unflushed: bool,
    received: u64,
    close_sent: bool,
    close_received: bool,
    linger: Timer,
}

impl Session {
    /// `early` are bytes that came with the answer to the upgrade.
    pub(crate) fn new(
        stream: Stream,
        early: &Bytes,
        state: Arc<RequestState>,
        options: &ManagerOptions,
        reactor: &Arc<Reactor>,
    ) -> Session {
        let config = WebSocketConfig::default()
            .max_frame_size(Some(options.websocket_max_frame_bytes))
            .max_message_size(Some(options.websocket_max_message_bytes))
            .write_buffer_size(64 * 1024)
            .max_write_buffer_size(ANSWERS);
        let context =
            WebSocketContext::from_partially_read(early.to_vec(), Role::Client, Some(config));
        state.lock_outgoing().open();
        Session {
            stream,
            context,
            state,
            out: VecDeque::new(),
            blocked: false,
            unflushed: true,
            received: 0,
            close_sent: false,
            close_received: false,
            linger: Timer::new(reactor),
        }
    }

    /// Payload bytes received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Runs it to its end: ready when the closing handshake is done.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.send(cx)?;
        let read = self.receive(cx);
        // Answers to pings and closes, also when reading has ended.
        if self.unflushed || !self.out.is_empty() {
            match self.send(cx) {
                // The peer has said its last: whether it still takes our answer does not matter.
                Err(_) if self.close_received => return Poll::Ready(Ok(())),
                sent => sent?,
            }
        }
        match read {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending if self.close_sent && !self.close_received => self.poll_unanswered(cx),
            Poll::Pending if self.close_received && self.close_sent && !self.unflushed => {
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Our close waits for the peer's, but not for ever (RFC 6455, 7.1.7).
    fn poll_unanswered(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.linger.is_unset() {
            self.linger.set_after(WEBSOCKET_CLOSE);
        }
        self.linger.poll(cx).map(|()| {
            Err(Error::new(
                ErrorCode::ConnectionClosed,
                format!("websocket: the peer did not answer the close within {WEBSOCKET_CLOSE:?}"),
            ))
        })
    }

    /// After the end: lets the peer close the transport first, for a while (RFC 6455, 7.1.1).
    pub(crate) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.linger.is_unset() {
            self.linger.set_after(LINGER);
        }
        if self.linger.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut bridge = Bridge {
            stream: &mut self.stream,
            cx,
        };
        match self.context.read(&mut bridge) {
            Err(WsError::Io(cause)) if cause.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Result<()> {
        loop {
            // Nothing more is taken before what was taken is on its way, or the bound of the queue would mean nothing.
            if self.blocked {
                self.flush(cx)?;
                if self.blocked {
                    return Ok(());
                }
            }
            if self.out.is_empty() && self.state.lock_outgoing().take_all(&mut self.out) {
                self.state.deliver(Part::Writable);
            }
            if self.out.is_empty() && !self.unflushed {
                return Ok(());
            }
            let mut bridge = Bridge {
                stream: &mut self.stream,
                cx,
            };
            // The caller's own messages are bounded by the queue, and each is taken whatever its size.
            self.context
                .set_config(|config| config.max_write_buffer_size = usize::MAX);
            while let Some(frame) = self.out.pop_front() {
                self.state.count_sent(frame.payload().len());
                self.unflushed = true;
                let closes = matches!(frame, Frame::Close(..));
                self.close_sent |= closes;
                let written = if closes {
                    let close = close_frame(&frame);
                    self.context.close(&mut bridge, close)
                } else {
                    self.context.write(&mut bridge, message(frame))
                };
                match written {
                    Ok(()) => {}
                    Err(WsError::Io(cause)) if cause.kind() == io::ErrorKind::WouldBlock => {
                        self.blocked = true;
                        break;
                    }
                    // After the peer's close nothing more can be sent; the close itself has been answered.
                    Err(WsError::Protocol(ProtocolError::SendAfterClosing)) => {}
                    Err(cause) => return Err(Self::failure(cause)),
                }
            }
            self.context
                .set_config(|config| config.max_write_buffer_size = ANSWERS);
            self.flush(cx)?;
            if self.blocked {
                return Ok(());
            }
        }
    }

    /// Hands what was written to the socket, and says whether that takes no more.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<()> {
        let mut bridge = Bridge {
            stream: &mut self.stream,
            cx,
        };
        let mut flushed = self.context.flush(&mut bridge);
        if self.blocked && flushed.is_ok() {
            // An answer for which there was no room goes now.
            flushed = self.context.flush(&mut bridge);
        }
        self.blocked = false;
        match flushed {
            Ok(()) => self.unflushed = false,
            Err(WsError::Io(cause)) if cause.kind() == io::ErrorKind::WouldBlock => {
                self.blocked = true;
            }
            Err(WsError::ConnectionClosed | WsError::AlreadyClosed) => self.unflushed = false,
            Err(cause) => return Err(Self::failure(cause)),
        }
        Ok(())
    }

    fn receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        for _ in 0..BUDGET {
            if !self.state.has_credit(u64::MAX) {
                return Poll::Pending;
            }
            let mut bridge = Bridge {
                stream: &mut self.stream,
                cx,
            };
            match self.context.read(&mut bridge) {
                Ok(message) => {
                    let Some(frame) = frame(message) else {
                        continue;
                    };
                    self.received += frame.payload().len() as u64;
                    match frame {
                        Frame::Close(..) => {
                            // tungstenite has queued the answer, unless the close was ours.
                            self.close_received = true;
                            self.linger.set(None);
                            self.close_sent = true;
                            self.unflushed = true;
                            self.state.lock_outgoing().shut();
                        }
                        Frame::Ping(_) => self.unflushed = true,
                        _ => {}
                    }
                    self.state.deliver(Part::Frame(frame));
                }
                Err(WsError::Io(cause)) if cause.kind() == io::ErrorKind::WouldBlock => {
                    return Poll::Pending;
                }
                Err(WsError::ConnectionClosed) => return Poll::Ready(Ok(())),
                // After the closing handshake it no longer matters how the transport ends; many peers end TLS without
                // a close_notify.
                Err(WsError::Io(_)) if self.close_received => return Poll::Ready(Ok(())),
                Err(cause) => return Poll::Ready(Err(self.failure_and_close(cause, cx))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells the peer what it did wrong (RFC 6455, 7.1.7), as far as the socket takes it at once.
    fn failure_and_close(&mut self, cause: WsError, cx: &mut Context<'_>) -> Error {
        let error = Self::failure(cause);
        let code = match error.code() {
            ErrorCode::WebSocketProtocol => CloseCode::Protocol,
            ErrorCode::WebSocketInvalidUtf8 => CloseCode::Invalid,
            ErrorCode::WebSocketTooLarge => CloseCode::Size,
            _ => return error,
        };
        let mut bridge = Bridge {
            stream: &mut self.stream,
            cx,
        };
        let _ = self.context.close(
            &mut bridge,
            Some(CloseFrame {
                code,
                reason: Utf8Bytes::default(),
            }),
        );
        error
    }

    fn failure(cause: WsError) -> Error {
        let code = match &cause {
            WsError::Capacity(CapacityError::MessageTooLong { .. }) => ErrorCode::WebSocketTooLarge,
            WsError::Utf8(_) => ErrorCode::WebSocketInvalidUtf8,
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | WsError::ConnectionClosed
            | WsError::AlreadyClosed => ErrorCode::ConnectionClosed,
            WsError::Protocol(_) | WsError::Capacity(_) => ErrorCode::WebSocketProtocol,
            WsError::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                ErrorCode::ConnectionClosed
            }
            _ => ErrorCode::ConnectionReset,
        };
        Error::new(code, format!("websocket: {cause}")).with_source(cause)
    }
}

fn close_frame(frame: &Frame) -> Option<CloseFrame> {
    match frame {
        Frame::Close(Some(code), reason) => Some(CloseFrame {
            code: CloseCode::from(*code),
            reason: Utf8Bytes::try_from(reason.clone()).unwrap_or_default(),
        }),
        _ => None,
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        // Checked to be UTF-8 when it was queued.
        Frame::Text(text) => match Utf8Bytes::try_from(text) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Text(Utf8Bytes::default()),
        },
        Frame::Binary(data) => Message::Binary(data),
        Frame::Ping(data) => Message::Ping(data),
        Frame::Pong(data) => Message::Pong(data),
        Frame::Close(..) => Message::Close(close_frame(&frame)),
    }
}

fn frame(message: Message) -> Option<Frame> {
    Some(match message {
        Message::Text(text) => Frame::Text(text.into()),
        Message::Binary(data) => Frame::Binary(data),
        Message::Ping(data) => Frame::Ping(data),
        Message::Pong(data) => Frame::Pong(data),
        Message::Close(None) => Frame::Close(None, Bytes::new()),
        Message::Close(Some(close)) => Frame::Close(Some(close.code.into()), close.reason.into()),
        Message::Frame(_) => return None,
    })
}
