//! Every bound of the library by name, with its default. Nothing that a peer can fill grows past one of these.

mod budget;

use std::time::Duration;

pub(crate) use budget::Budget;

/// Bytes of a body that may be delivered and not yet released, for each request.
pub const CREDIT: usize = 1024 * 1024;
/// Bytes of a streamed request body that may be queued before a write answers `again`.
pub const UPLOAD_BUFFER: usize = 256 * 1024;
/// Bytes of a body that are pulled from its source at once.
pub const BODY_PIECE: usize = 64 * 1024;
/// Bytes of outgoing WebSocket messages that may be queued before a send answers `again`.
pub const WEBSOCKET_SEND_BUFFER: usize = 1024 * 1024;
/// Connections to one origin.
pub const CONNECTIONS_PER_ORIGIN: usize = 100;
/// Connections in all.
pub const CONNECTIONS: usize = 1000;
/// Requests that may wait for a connection of one origin.
pub const WAITERS_PER_ORIGIN: usize = 100_000;
/// Bytes of the head of an HTTP/1.1 answer, and of a decoded HTTP/2 header list.
pub const HEADER_BYTES: usize = 64 * 1024;
/// Header fields of an HTTP/1.1 answer.
pub const HEADERS: usize = 100;
/// Informational (1xx) answers to one request.
pub const INFORMATIONAL: u32 = 100;
/// Bytes of an HTTP/1.1 connection that are read ahead, and delivered at once.
pub const HTTP1_READ: usize = 256 * 1024;
/// Bytes of an HTTP/2 connection that are read before those whose answers they are have their turn.
pub const HTTP2_READ: usize = 128 * 1024;
/// Receive window of one HTTP/2 stream, in bytes.
pub const HTTP2_STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// HTTP/2 connections to one origin.
pub const HTTP2_CONNECTIONS_PER_ORIGIN: usize = 1;
/// Other origins that share one HTTP/2 connection with its own.
pub const COALESCED_ORIGINS: usize = 64;
/// Other origins that the peer of one HTTP/2 connection does not serve there (421) before it is asked for no more.
pub const COALESCING_REFUSALS: usize = 64;
/// Receive window of one HTTP/2 stream at first, where it adapts (RFC 9113, 6.9.2).
pub const HTTP2_ADAPTIVE_WINDOW: u32 = 65_535;
/// Receive window of a whole HTTP/2 connection, in bytes: the largest that the protocol allows (RFC 9113, 6.9.1).
pub const HTTP2_CONNECTION_WINDOW: u32 = 2_147_483_647;
/// Bytes of the payload of one HTTP/2 frame.
pub const HTTP2_FRAME_BYTES: u32 = 16 * 1024;
/// Bytes of the table by which an HTTP/2 peer compresses header fields (RFC 7541, 4.2).
pub const HTTP2_HEADER_TABLE: u32 = 4096;
/// Streams that are open at once on one HTTP/2 connection, whatever the peer would allow.
pub const HTTP2_CONCURRENT_STREAMS: usize = 1000;
/// Streams opened before the peer's SETTINGS are known.
pub const HTTP2_INITIAL_STREAMS: usize = 100;
/// How long requests wait for what a peer says to the first one's upgrade to HTTP/2, before they go without it.
pub const UPGRADE_PATIENCE: Duration = Duration::from_secs(1);
/// Cancelled HTTP/2 streams that are remembered on one connection, for frames that are still on their way.
pub const HTTP2_RESET_STREAMS: usize = 4096;
/// How long a cancelled HTTP/2 stream is remembered.
pub const HTTP2_RESET_MEMORY: Duration = Duration::from_secs(10);
/// Faults of single streams, frames on forgotten ones among them, before an HTTP/2 connection is given up.
pub const HTTP2_STREAM_ERRORS: usize = 65_536;
/// Bytes of one WebSocket frame.
pub const WEBSOCKET_FRAME_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of one WebSocket message.
pub const WEBSOCKET_MESSAGE_BYTES: usize = 64 * 1024 * 1024;
/// Frames of one WebSocket message.
pub const WEBSOCKET_FRAGMENTS: usize = 1_048_576;
/// Bytes of a WebSocket that are read at once.
pub const WEBSOCKET_READ: usize = 128 * 1024;
/// Bytes of a WebSocket that are made ready at once for a connection that has taken all of such a piece.
pub const WEBSOCKET_WRITE: usize = 256 * 1024;
/// Bytes of a WebSocket that the system is given at once: it sends them while the next are copied. A TCP that paces (BBR)
/// takes much more for a burst, and spreads it by timers.
pub const WEBSOCKET_PIECE: usize = 32 * 1024;
/// The same for a connection of which that is not known: answers to pings and the close wait behind them.
pub const WEBSOCKET_WRITE_SLOW: usize = 128 * 1024;
/// Frames of a WebSocket that are read before others have their turn.
pub const WEBSOCKET_TURN: usize = 4096;
/// Answers to a peer's pings that wait to be sent; beyond that only the latest ping is answered.
pub const WEBSOCKET_ANSWERS: usize = 256;
/// Pings of one WebSocket whose answers are waited for.
pub const WEBSOCKET_PINGS: usize = 64;
/// How often one request is sent again when that is known to be safe. One that was sent away by GOAWAY does not count where
/// the connection before had an answer for somebody.
pub const REPLAYS: u32 = 10;
/// Refused streams (`REFUSED_STREAM`) of one request that are sent again at once; then with the pauses of retries.
pub const REFUSALS: u32 = 2;
/// Redirects that one request follows.
pub const REDIRECTS: u32 = 10;
/// How often one request is tried again after a pause.
pub const RETRIES: u32 = 3;
/// The pause before the first retry; it doubles with each further one.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause before a retry, where the peer does not name one.
pub const RETRY_PAUSE_MOST: Duration = Duration::from_secs(30);
/// Retries that a manager may make in a row; each request submitted earns a fifth of one.
pub const RETRY_BUDGET: u64 = 100;
/// Challenges that one request, or tunnel, answers in a row: some peers call every nonce stale.
pub const CHALLENGE_ROUNDS: u32 = 3;
/// Bytes of an answer that only leads on which are read so that its connection can be used again.
pub const DISCARD: u64 = 64 * 1024;
/// How long such an answer is read.
pub const DISCARD_TIME: Duration = Duration::from_secs(1);
/// Times that a decoded body may be longer than what was sent.
pub const DECODE_RATIO: u32 = 1000;
/// Bytes of an upgraded connection that are read, and delivered, at once.
pub const TUNNEL_READ: usize = 16 * 1024;
/// How long an unused connection is kept.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(90);
/// Bytes that an answer must still have before it counts as a long download; of unknown length, that it has had.
pub const BULK: u64 = 1024 * 1024;
/// How long a wait of the inline drive, or a host that asks for it, looks for what comes before it sleeps, while peers answer
/// within that time.
pub const SPIN: Duration = Duration::from_micros(50);
/// Bytes of a long download that came together, for another pause to be worth it.
pub const BULK_PIECE: u64 = 8 * 1024;
/// How long more of a long download may come together before it is looked at again.
pub const BULK_PAUSE: Duration = Duration::from_micros(20);
/// A hundred years: longer times are none.
pub(crate) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How long the other address family is waited for before the next attempt (RFC 8305, 5).
pub const HAPPY_EYEBALLS_DELAY: Duration = Duration::from_millis(250);
/// Bytes of a proxy's answers to one CONNECT, informational ones among them.
pub const PROXY_ANSWER_BYTES: usize = 16 * 1024;
/// Addresses of one host name that are tried; the rest is left.
pub const RESOLVED_ADDRESSES: usize = 64;
/// Host names that are looked up at the same time.
pub const RESOLVER_THREADS: usize = 4;
/// How long a WebSocket's own close waits for the peer's.
pub const WEBSOCKET_CLOSE: Duration = Duration::from_secs(10);
/// How long the peer may take to end the connection after the closing handshake of a WebSocket.
pub const WEBSOCKET_LINGER: Duration = Duration::from_secs(2);
/// How long a WebSocket whose peer broke the protocol stays open for answers to messages that came right before.
pub const WEBSOCKET_LAST_WORDS: Duration = Duration::from_millis(100);
/// How long the answer to a keep-alive ping is waited for.
pub const WEBSOCKET_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of messages that are queued while a WebSocket is opened again.
pub const WEBSOCKET_RESUME_QUEUE: usize = 1024 * 1024;
/// Attempts in a row to open a WebSocket again.
pub const WEBSOCKET_RESUMES: u32 = 10;
/// Challenges of one answer that are looked at.
pub const CHALLENGES: usize = 32;
/// Parameters of one challenge.
pub const CHALLENGE_PARAMETERS: usize = 32;
/// Digest challenges that are remembered, of all origins together.
pub const DIGEST_CHALLENGES: usize = 256;
/// Bytes of realm, nonce and opaque of one digest challenge.
pub const DIGEST_CHALLENGE_BYTES: usize = 8 * 1024;
/// Bytes of a netrc file.
pub const NETRC_BYTES: usize = 128 * 1024;
/// Cookies in a jar.
pub const COOKIES: usize = 3000;
/// Cookies of one domain in a jar.
pub const COOKIES_PER_DOMAIN: usize = 50;
/// Bytes of a cookie's name and value together.
pub const COOKIE_BYTES: usize = 4096;
/// Bytes of an attribute of a cookie, its path among them.
pub const COOKIE_ATTRIBUTE_BYTES: usize = 1024;
/// Bytes of a host name that may have cookies (RFC 1035, 3.1).
pub const COOKIE_DOMAIN_BYTES: usize = 253;
/// How long a cookie may be kept: 400 days (RFC 6265bis, 5.5).
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(400 * 24 * 3600);
/// Bytes of the `cookie` field of one request.
pub const COOKIE_HEADER_BYTES: usize = 64 * 1024;
/// Bytes of a file that cookies are loaded from.
pub const COOKIE_FILE_BYTES: usize = 32 * 1024 * 1024;
/// Exchanges that an HTTP archive keeps.
pub const HAR_ENTRIES: usize = 1000;
/// Bytes of one body that an HTTP archive keeps.
pub const HAR_BODY_BYTES: usize = 64 * 1024;
/// Bytes that the exchanges of an HTTP archive may take in all.
pub const HAR_BYTES: usize = 64 * 1024 * 1024;
/// Content codings of one answer, each over the one before.
pub const CONTENT_CODINGS: usize = 4;
/// Bytes of a decoded body that are made, and handed over, at once; each coding holds as many.
pub const DECODE_PIECE: usize = 64 * 1024;
/// Pieces that all codings of one answer make before others have their turn.
pub const DECODE_STEPS: usize = 16;
/// Decoded bytes from which on their ratio to what was sent counts.
pub const DECODE_RATIO_FROM: u64 = 1024 * 1024;
/// Window of a zstd frame, in bytes (RFC 9659, 3).
pub const ZSTD_WINDOW: usize = 8 * 1024 * 1024;
/// Bytes that a connection without a socket of its own takes in before it has worked on them.
pub const SANSIO_INPUT: usize = 64 * 1024;
/// Bytes that such a connection has ready to be written.
pub const SANSIO_OUTPUT: usize = 64 * 1024;
/// Pushed streams that are open at once on such a connection.
pub const SANSIO_PUSHED_STREAMS: u32 = 100;
