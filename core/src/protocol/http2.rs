//! HTTP/2 on the h2 crate: one connection, many streams.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};

use super::ping::{Pinger, Shown};
use super::preface::{Settings, Transport};
use super::window::Adaptive;
use crate::drive::{Reactor, Timer};
use crate::error::{Error, ErrorCode, Result};
use crate::limits;
use crate::options::ManagerOptions;
use crate::part::ConnectionInfo;
use crate::request::Target;
use crate::statistics::Counters;

type Connection = h2::client::Connection<Transport, Bytes>;

/// What became of the requests on a connection. It may be kept for longer than the connection stands.
pub(crate) struct Carried {
    /// Requests that hold a stream.
    pub(crate) active: AtomicUsize,
    /// One of them has had its answer.
    pub(crate) answered: AtomicBool,
}

impl Carried {
    /// Whether anyone had an answer, or may still have one.
    pub(crate) fn serves(&self) -> bool {
        self.answered.load(Ordering::Relaxed) || self.active.load(Ordering::Acquire) > 0
    }
}

/// A connection that carries many requests.
pub(crate) struct Http2 {
    pub(crate) sender: SendRequest<Bytes>,
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) carried: Arc<Carried>,
    /// It has carried a request.
    pub(crate) used: AtomicBool,
    /// The origin that it was opened for, where others may share it.
    pub(crate) host: OnceLock<Arc<Target>>,
    /// The receive window of its streams, in bytes.
    pub(crate) window: AtomicU32,
    closed: AtomicBool,
    settings: Settings,
    limit: usize,
    /// The peer's limit that left no room for someone, and one; 0 when nobody was refused.
    refused_at: Arc<AtomicUsize>,
    /// When a sweep last saw it in use.
    touched: Mutex<Instant>,
}

/// A connection after h2's side of the handshake, which nobody runs yet.
pub(crate) struct Begun {
    sender: SendRequest<Bytes>,
    connection: Connection,
    /// The receive window of its streams, in bytes.
    window: u32,
    adaptive: Option<Adaptive>,
    /// Bytes that may be read before others have their turn.
    share: Arc<AtomicUsize>,
    /// The peer's first frame was read.
    first: Arc<AtomicBool>,
    /// What an upgrade needs is done.
    settled: Arc<AtomicBool>,
}

impl Begun {
    /// Begins a connection on a stream.
    pub(crate) async fn new(transport: Transport, options: &ManagerOptions) -> Result<Begun> {
        let stream = transport.stream();
        let (share, received) = (stream.share(), stream.received());
        let (first, settled) = (transport.first_read(), transport.settled());
        let window = first_window(options);
        let adaptive = options
            .http2_adaptive_window
            .then(|| Adaptive::new(received, window, options.http2_stream_window));
        let mut builder = Builder::new();
        // What the protocol has by itself is not said: Go's servers may be in the midst of the answer to an upgrade when
        // they hear it, and then break that off with a change of the table.
        if options.http2_header_table_size != limits::HTTP2_HEADER_TABLE {
            builder.header_table_size(options.http2_header_table_size);
        }
        let (sender, connection) = builder
            .enable_push(false)
            .initial_window_size(window)
            // Streams that stand still for want of credit must never starve the others: each is bounded by its own
            // window, so the connection's may be as large as the protocol allows, and is unless told otherwise.
            .initial_connection_window_size(options.http2_connection_window)
            .max_frame_size(options.http2_max_frame_size)
            .max_header_list_size(header_list(options))
            .initial_max_send_streams(
                limits::HTTP2_INITIAL_STREAMS.min(options.http2_max_concurrent_streams.max(1)),
            )
            .max_send_buffer_size(options.upload_buffer.max(16 * 1024))
            // Frames on their way when a stream is cancelled are no fault of the peer's.
            .max_concurrent_reset_streams(limits::HTTP2_RESET_STREAMS)
            .reset_stream_duration(limits::HTTP2_RESET_MEMORY)
            .max_local_error_reset_streams(Some(limits::HTTP2_STREAM_ERRORS))
            .handshake::<_, Bytes>(transport)
            .await
            .map_err(|cause| failure(&cause, "handshake"))?;
        Ok(Begun {
            sender,
            connection,
            window,
            adaptive,
            share,
            first,
            settled,
        })
    }

    /// The answer to the request that asked for the upgrade. It is the first on the connection, and not sent again.
    pub(crate) async fn adopt(&mut self, request: http::Request<()>) -> Result<ResponseFuture> {
        let failed = |cause: h2::Error| failure(&cause, "upgrade");
        let (response, _) = self.sender.send_request(request, true).map_err(failed)?;
        // Nothing is waited for but h2 itself, which may have others' requests only after this one.
        poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut self.connection).poll(cx) {
                let text = "upgrade: the connection ended at once";
                let early = || Error::new(ErrorCode::ConnectionClosed, text);
                return Poll::Ready(Err(ended.err().map_or_else(early, failed)));
            }
            if self.settled.load(Ordering::Relaxed) {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        })
        .await?;
        Ok(response)
    }
}

impl Http2 {
    /// Takes a connection into use. `room_changed` is called when the peer's limit changes after someone found no room,
    /// `at_end` when the connection has ended.
    pub(crate) fn start(
        begun: Begun,
        info: Arc<ConnectionInfo>,
        options: &ManagerOptions,
        reactor: &Arc<Reactor>,
        counters: &Arc<Counters>,
        mut room_changed: impl FnMut() + Send + 'static,
        at_end: impl FnOnce() + Send + 'static,
    ) -> Arc<Http2> {
        let Begun {
            sender,
            mut connection,
            window,
            adaptive,
            share,
            first,
            ..
        } = begun;
        let http2 = Arc::new(Http2 {
            sender,
            info,
            carried: Arc::new(Carried {
                // Whoever opened it.
                active: AtomicUsize::new(1),
                answered: AtomicBool::new(false),
            }),
            used: AtomicBool::new(false),
            host: OnceLock::new(),
            window: AtomicU32::new(window),
            closed: AtomicBool::new(false),
            settings: Settings::default(),
            limit: options.http2_max_concurrent_streams.max(1),
            refused_at: Arc::default(),
            touched: Mutex::new(reactor.now()),
        });
        let pings_unused = options.http2_ping_unused;
        let mut pinger = Pinger::new(
            connection.ping_pong(),
            options.http2_ping_interval,
            adaptive,
            Timer::new(reactor),
        );
        // A window that the peer has not been told of yet: it must have acknowledged the one before.
        let mut grown = None;
        let weak = Arc::downgrade(&http2);
        let refused_at = Arc::clone(&http2.refused_at);
        let (reactor_of_ping, counters) = (Arc::clone(reactor), Arc::clone(counters));
        let mut announced = false;
        reactor.spawn(async move {
            let running = poll_fn(|cx| {
                let in_use = || pings_unused || weak.upgrade().is_some_and(|it| !it.is_unused());
                if let Some(pinger) = &mut pinger {
                    match pinger.poll(cx, &reactor_of_ping, &counters, in_use) {
                        Shown::Nothing => {}
                        Shown::Dead => return Poll::Ready(()),
                        Shown::Window(window) => grown = Some(window),
                    }
                    if let Some(window) = grown
                        && connection.set_initial_window_size(window).is_ok()
                    {
                        grown = None;
                        if let Some(http2) = weak.upgrade() {
                            http2.window.store(window, Ordering::Relaxed);
                        }
                    }
                }
                // Without an end to it, a fast peer would be read until its window is used up before anyone takes the
                // first byte: both sides would wait for each other in turns, and what is taken would be cold.
                share.store(limits::HTTP2_READ, Ordering::Relaxed);
                let polled = Pin::new(&mut connection).poll_connection(cx);
                // What was read was also understood.
                if !announced && first.load(Ordering::Acquire) {
                    announced = true;
                    if let Some(http2) = weak.upgrade() {
                        http2.settings.announce();
                    }
                }
                let refused = refused_at.load(Ordering::Acquire);
                if refused > 0
                    && let Some(http2) = weak.upgrade()
                    && http2.sender.current_max_send_streams() != refused - 1
                {
                    refused_at.store(0, Ordering::Release);
                    room_changed();
                }
                polled
            });
            // Its errors reach the streams that it carries.
            running.await;
            if let Some(http2) = weak.upgrade() {
                http2.closed.store(true, Ordering::Release);
                http2.settings.announce();
            }
            // With it the place among the open ones goes.
            drop(connection);
            at_end();
        });
        http2
    }

    /// Whether the peer takes a CONNECT for another protocol (RFC 8441, 3), once its SETTINGS are known.
    pub(crate) async fn takes_connect(&self) -> bool {
        poll_fn(|cx| self.settings.poll_known(cx)).await;
        self.sender.is_extended_connect_protocol_enabled()
    }

    /// Whether new streams may be opened.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// No new streams: the peer said so, or a stream found the connection broken.
    pub(crate) fn retire(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Takes a place for a stream if the peer's limit and ours leave one.
    pub(crate) fn try_take(&self) -> bool {
        let peers = self.sender.current_max_send_streams();
        if self.carried.active.load(Ordering::Acquire) >= self.limit.min(peers) {
            self.refused_at
                .store(peers.saturating_add(1), Ordering::Release);
            return false;
        }
        self.carried.active.fetch_add(1, Ordering::AcqRel);
        true
    }

    /// Nobody holds a stream of it.
    pub(crate) fn is_unused(&self) -> bool {
        self.carried.active.load(Ordering::Acquire) == 0
    }

    /// It was in use at this time.
    pub(crate) fn touch(&self, now: Instant) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// When it was last known to be in use.
    pub(crate) fn unused_since(&self) -> Instant {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receive window of the streams of a new connection.
pub(super) fn first_window(options: &ManagerOptions) -> u32 {
    if options.http2_adaptive_window {
        limits::HTTP2_ADAPTIVE_WINDOW.min(options.http2_stream_window)
    } else {
        options.http2_stream_window
    }
}

/// Bytes of the header list of an answer.
pub(super) fn header_list(options: &ManagerOptions) -> u32 {
    u32::try_from(options.max_header_bytes).unwrap_or(u32::MAX)
}

trait PollConnection {
    fn poll_connection(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()>;
}

impl PollConnection for Connection {
    fn poll_connection(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<()> {
        Future::poll(self, cx).map(drop)
    }
}

/// The library's error for one of h2's.
pub(crate) fn failure(cause: &h2::Error, doing: &str) -> Error {
    let reason = cause.reason();
    let text = format!("{doing}: {cause}");
    let error = if cause.is_io() {
        let kind = cause.get_io().map(std::io::Error::kind);
        let closed = matches!(
            kind,
            Some(std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::BrokenPipe)
        );
        Error::new(
            if closed {
                ErrorCode::ConnectionClosed
            } else {
                ErrorCode::ConnectionReset
            },
            text,
        )
    } else if cause.is_go_away() && cause.is_remote() {
        Error::new(ErrorCode::Http2Goaway, text).unprocessed()
    } else if cause.is_reset() && cause.is_remote() {
        let error = Error::new(ErrorCode::Http2StreamReset, text);
        if reason == Some(h2::Reason::REFUSED_STREAM) {
            error.unprocessed()
        } else {
            error
        }
    } else {
        Error::new(ErrorCode::Http2Protocol, text)
    };
    match reason {
        Some(reason) => error.with_peer_code(reason.into()),
        None => error,
    }
}
