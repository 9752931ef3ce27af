//! HTTP/1.1 on hyper's client connection.

use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use super::{Abort, Gate};
use crate::connect::Stream;
use crate::delivery::{RequestState, UploadPiece};
use crate::drive::Reactor;
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::options::ManagerOptions;
use crate::part::{ConnectionInfo, Part};
use crate::request::SourceReader;
use crate::statistics::{Counters, OpenConnection};

/// A connection that carries one request at a time. Dropping it closes the socket.
pub(crate) struct Http1 {
    pub(crate) sender: SendRequest<UploadBody>,
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) reused: bool,
    /// How long the peer keeps it when unused, if it said so.
    pub(crate) keep_alive: Option<Duration>,
    abort: Abort,
    counting: Weak<OpenConnection>,
    socket: Weak<OwnedFd>,
    received: Arc<AtomicU64>,
}

impl Http1 {
    /// Takes a stream into use. With `upgrade` it can be taken over after a 101 answer.
    pub(crate) async fn open(
        stream: Stream,
        info: Arc<ConnectionInfo>,
        options: &ManagerOptions,
        reactor: &Arc<Reactor>,
        counters: &Arc<Counters>,
        upgrade: bool,
    ) -> Result<Http1> {
        let (socket, received) = (stream.socket(), stream.received());
        let mut builder = Builder::new();
        // hyper's own default is the same number and needs no list on the heap for each answer.
        if options.max_headers != limits::HEADERS {
            builder.max_headers(options.max_headers);
        }
        let (sender, connection) = builder
            .max_header_size(options.max_header_bytes)
            .max_buf_size(limits::HTTP1_READ)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|cause| failure(cause, "handshake"))?;
        let abort = Abort::default();
        let counted = OpenConnection::new(counters, info.id);
        let counting = Arc::downgrade(&counted);
        let supervisor = abort.clone();
        if upgrade {
            reactor.spawn(async move {
                let _ = supervisor.supervise(connection.with_upgrades()).await;
                drop(counted);
            });
        } else {
            reactor.spawn(async move {
                // Its errors reach the request that it carries.
                let _ = supervisor.supervise(connection).await;
                drop(counted);
            });
        }
        Ok(Http1 {
            sender,
            info,
            reused: false,
            keep_alive: None,
            abort,
            counting,
            socket,
            received,
        })
    }

    /// Bytes that the peer has sent on it so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Keeps it counted as open when another protocol goes on with it; none where it has ended.
    pub(crate) fn counted(&self) -> Option<Arc<OpenConnection>> {
        self.counting.upgrade()
    }

    /// Whether it can carry another request. `look` asks the system whether the peer has closed it meanwhile, for when
    /// the reactor may not have run since.
    pub(crate) fn is_open(&self, look: bool) -> bool {
        if self.sender.is_closed() {
            return false;
        }
        if !look {
            return true;
        }
        let Some(socket) = self.socket.upgrade() else {
            return false;
        };
        let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
        match rustix::net::recv(&*socket, &mut [0u8; 1], flags) {
            // The end, or what nobody asked for: a notice of closing, which must not pass for the next answer.
            Ok(_) => false,
            Err(cause) => cause == rustix::io::Errno::AGAIN,
        }
    }
}

impl Drop for Http1 {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// What is handed over of a whole body at a time, so that its progress shows.
const CHUNK: usize = 64 * 1024;

/// A request's body as hyper reads it.
pub(crate) enum UploadBody {
    Whole {
        state: Arc<RequestState>,
        left: Bytes,
    },
    Streamed {
        state: Arc<RequestState>,
        length: Option<u64>,
    },
    Source {
        state: Arc<RequestState>,
        length: Option<u64>,
        reader: Box<SourceReader>,
    },
    /// One of the others, once the peer wants it.
    Expected {
        gate: Arc<Gate>,
        body: Box<UploadBody>,
    },
}

impl Body for UploadBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            UploadBody::Whole { left, .. } if left.is_empty() => Poll::Ready(None),
            UploadBody::Whole { state, left } => {
                let chunk = left.split_to(left.len().min(CHUNK));
                state.uploaded(chunk.len());
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            UploadBody::Streamed { state, .. } => {
                let (piece, room) = state.lock_upload().next(cx.waker());
                if room {
                    state.deliver(Part::Writable);
                }
                match piece {
                    UploadPiece::Data(data) => {
                        state.uploaded(data.len());
                        Poll::Ready(Some(Ok(Frame::data(data))))
                    }
                    UploadPiece::End(trailers) => {
                        state.uploaded(0);
                        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
                    }
                    UploadPiece::Failed(why) => {
                        let error = Error::new(ErrorCode::UploadFailed, why);
                        state.lock_upload().broken = Some(error.clone());
                        Poll::Ready(Some(Err(error)))
                    }
                    UploadPiece::Pending => Poll::Pending,
                }
            }
            UploadBody::Expected { gate, body } => {
                std::task::ready!(gate.poll(cx));
                Pin::new(&mut **body).poll_frame(cx)
            }
            UploadBody::Source { state, reader, .. } => match reader.next() {
                Ok(Some(data)) => {
                    state.uploaded(data.len());
                    Poll::Ready(Some(Ok(Frame::data(data))))
                }
                Ok(None) => {
                    state.lock_upload().complete = true;
                    state.uploaded(0);
                    Poll::Ready(None)
                }
                Err(error) => {
                    state.lock_upload().broken = Some(error.clone());
                    Poll::Ready(Some(Err(error)))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            UploadBody::Whole { left, .. } => left.is_empty(),
            UploadBody::Expected { body, .. } => body.is_end_stream(),
            UploadBody::Streamed { .. } | UploadBody::Source { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            UploadBody::Whole { left, .. } => SizeHint::with_exact(left.len() as u64),
            UploadBody::Expected { body, .. } => body.size_hint(),
            UploadBody::Streamed { length, .. } | UploadBody::Source { length, .. } => {
                length.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}

/// The library's error for one of hyper's.
pub(crate) fn failure(cause: hyper::Error, doing: &str) -> Error {
    use std::error::Error as _;
    let mut source = cause.source();
    while let Some(inner) = source {
        if let Some(own) = inner.downcast_ref::<Error>() {
            return own.clone();
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let code = match io.kind() {
                std::io::ErrorKind::UnexpectedEof => ErrorCode::ConnectionClosed,
                // hyper's chunk decoder speaks of bad framing by these kinds.
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                    ErrorCode::Http1Malformed
                }
                _ => ErrorCode::ConnectionReset,
            };
            return Error::new(code, format!("{doing}: {cause}: {io}")).with_source(cause);
        }
        source = inner.source();
    }
    // hyper has a question for this only on its server side.
    let code = if cause.is_parse() && cause.to_string().contains("too large") {
        ErrorCode::HeaderTooLarge
    } else if cause.is_parse() {
        ErrorCode::Http1Malformed
    } else if cause.is_user() {
        ErrorCode::InvalidState
    } else {
        ErrorCode::ConnectionClosed
    };
    Error::new(code, format!("{doing}: {cause}")).with_source(cause)
}
