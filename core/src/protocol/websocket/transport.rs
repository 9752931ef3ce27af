//! What carries a WebSocket: a connection of its own, or a stream of an HTTP/2 connection (RFC 8441).

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::connect::Stream;
use crate::drive::Reactor;
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::protocol::http2;

/// What carries a WebSocket.
pub(crate) enum Transport {
    Stream(Stream),
    Http2(Box<Http2Stream>),
    /// It was given away.
    Gone,
}

/// A stream after its CONNECT was answered. Dropped before its end it is reset with CANCEL (RFC 8441, 5).
pub(crate) struct Http2Stream {
    send: SendStream<Bytes>,
    receive: RecvStream,
    finished: bool,
}

impl Http2Stream {
    pub(crate) fn new(send: SendStream<Bytes>, receive: RecvStream) -> Http2Stream {
        Http2Stream {
            send,
            receive,
            finished: false,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, input: &mut BytesMut) -> Poll<Result<usize>> {
        loop {
            match ready!(self.receive.poll_data(cx)) {
                // A frame without a byte of data is not the end.
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => {
                    // Without credit nothing is read, and the window stays closed. What is read is the session's.
                    let _ = self.receive.flow_control().release_capacity(data.len());
                    input.extend_from_slice(&data);
                    return Poll::Ready(Ok(data.len()));
                }
                Some(Err(cause)) => {
                    return Poll::Ready(Err(http2::failure(&cause, "websocket")));
                }
                None => return Poll::Ready(Ok(0)),
            }
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut BytesMut,
        last: bool,
    ) -> Poll<Result<()>> {
        let broken = |cause: h2::Error| http2::failure(&cause, "websocket");
        while !output.is_empty() {
            if self.send.capacity() == 0 {
                self.send.reserve_capacity(output.len());
                match ready!(self.send.poll_capacity(cx)) {
                    Some(Ok(0)) => continue,
                    Some(Ok(_)) => {}
                    Some(Err(cause)) => return Poll::Ready(Err(broken(cause))),
                    None => return Poll::Ready(Err(closed())),
                }
            }
            let room = self.send.capacity().min(output.len());
            let piece = output.split_to(room).freeze();
            self.finished = last && output.is_empty();
            self.send.send_data(piece, self.finished).map_err(broken)?;
        }
        Poll::Ready(Ok(()))
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            // Fails only when the stream has ended already.
            let _ = self.send.send_data(Bytes::new(), true);
        }
    }
}

fn closed() -> Error {
    Error::new(
        ErrorCode::ConnectionClosed,
        "websocket: the peer takes no more",
    )
}

fn broken(cause: io::Error) -> Error {
    let code = match cause.kind() {
        io::ErrorKind::UnexpectedEof => ErrorCode::ConnectionClosed,
        _ => ErrorCode::ConnectionReset,
    };
    Error::new(code, format!("websocket: {cause}")).with_source(cause)
}

impl Transport {
    /// Reads to the end of `input`; 0 is the end of what the peer sends. `input` has room.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut BytesMut,
    ) -> Poll<Result<usize>> {
        match self {
            Transport::Stream(stream) => {
                // Cancelling this read loses nothing, and it does not outlive the call.
                let read = pin!(stream.read_buf(input));
                read.poll(cx).map_err(broken)
            }
            Transport::Http2(stream) => stream.poll_read(cx, input),
            Transport::Gone => Poll::Ready(Ok(0)),
        }
    }

    /// Writes all of `output`, which is consumed as far as it goes, and has the connection send it. Where it is the `last`
    /// of a stream, it ends that: servers that have forgotten the stream after the closing handshake take a frame for it
    /// that has no data for an error of the whole connection.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut BytesMut,
        last: bool,
    ) -> Poll<Result<()>> {
        match self {
            Transport::Stream(stream) => {
                while !output.is_empty() {
                    let piece = &output[..output.len().min(limits::WEBSOCKET_PIECE)];
                    let written = ready!(Pin::new(&mut *stream).poll_write(cx, piece));
                    match written.map_err(broken)? {
                        0 => return Poll::Ready(Err(closed())),
                        count => output.advance(count),
                    }
                }
                Pin::new(stream).poll_flush(cx).map_err(broken)
            }
            Transport::Http2(stream) => stream.poll_write(cx, output, last),
            Transport::Gone => Poll::Ready(Err(closed())),
        }
    }

    /// Says that nothing more will be sent. Whether the peer still hears it does not matter. That is for who has done wrong:
    /// else the server closes the connection, or the stream, first (RFC 6455, 7.1.1).
    pub(super) fn finish(&mut self, cx: &mut Context<'_>) {
        match self {
            Transport::Stream(stream) => {
                let _ = Pin::new(stream).poll_shutdown(cx);
            }
            Transport::Http2(stream) => stream.finish(),
            Transport::Gone => {}
        }
    }

    /// Keeps a stream until its connection has had a turn: dropped at once it would be reset, and what was written with it.
    pub(super) fn leave(&mut self, reactor: &Arc<Reactor>) {
        if let Transport::Http2(stream) = std::mem::replace(self, Transport::Gone) {
            let waiter = Arc::clone(reactor);
            let mut turns = 2;
            reactor.spawn(poll_fn(move |cx| {
                turns -= 1;
                if turns == 0 {
                    return Poll::Ready(());
                }
                waiter.defer(cx.waker());
                let _ = &stream;
                Poll::Pending
            }));
        }
    }

    /// The peer has ended its side.
    pub(super) fn ended(&mut self) {
        if let Transport::Http2(stream) = self {
            stream.finish();
        }
    }

    /// Gives the transport up.
    pub(super) fn abort(&mut self) {
        if let Transport::Http2(stream) = self {
            stream.send.send_reset(Reason::CANCEL);
        }
    }
}
