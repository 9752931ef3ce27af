//! Reading the terminal part of an answer: why it failed, or how it went.

use std::net::SocketAddr;
use std::sync::OnceLock;

use engine::{ConnectionInfo, Error, ErrorCode, Part, Phase, Protocol, Result, Summary};

use crate::boundary::value;
use crate::cell::{Content, with};
use crate::handle::trunk_part;
use crate::part::wrong_kind;
use crate::status::{TRUNK_OK, trunk_status};
use crate::view::trunk_view;

/// A step of a request's life: one of `TRUNK_PHASE_*`.
pub type trunk_phase = i32;

/// No phase is known.
pub const TRUNK_PHASE_NONE: trunk_phase = 0;
/// Waiting for a connection or stream of the pool.
pub const TRUNK_PHASE_POOL: trunk_phase = 1;
/// Resolving the host name.
pub const TRUNK_PHASE_RESOLVE: trunk_phase = 2;
/// Establishing the transport connection.
pub const TRUNK_PHASE_CONNECT: trunk_phase = 3;
/// The TLS handshake, and the handshake of the protocol after it.
pub const TRUNK_PHASE_TLS: trunk_phase = 4;
/// Sending the request.
pub const TRUNK_PHASE_WRITE: trunk_phase = 5;
/// Waiting for the head of the answer.
pub const TRUNK_PHASE_FIRST_BYTE: trunk_phase = 6;
/// Receiving the answer.
pub const TRUNK_PHASE_RECEIVE: trunk_phase = 7;

/// A protocol: one of `TRUNK_PROTOCOL_*`.
pub type trunk_protocol = i32;

/// No connection was reached.
pub const TRUNK_PROTOCOL_NONE: trunk_protocol = 0;
/// HTTP/1.1, and HTTP/1.0 answers.
pub const TRUNK_PROTOCOL_HTTP_1: trunk_protocol = 1;
/// HTTP/2.
pub const TRUNK_PROTOCOL_HTTP_2: trunk_protocol = 2;
/// WebSocket.
pub const TRUNK_PROTOCOL_WEBSOCKET: trunk_protocol = 3;

/// A point that a request passes: one of `TRUNK_TIMING_*`.
pub type trunk_timing = i32;

/// The host name was resolved.
pub const TRUNK_TIMING_RESOLVED: trunk_timing = 1;
/// The transport connection stood.
pub const TRUNK_TIMING_CONNECTED: trunk_timing = 2;
/// The TLS handshake was done.
pub const TRUNK_TIMING_SECURED: trunk_timing = 3;
/// It held a connection, new or reused.
pub const TRUNK_TIMING_ACQUIRED: trunk_timing = 4;
/// The head of the answer was there.
pub const TRUNK_TIMING_FIRST_BYTE: trunk_timing = 5;
/// The end.
pub const TRUNK_TIMING_TOTAL: trunk_timing = 6;

fn error(part: &Part) -> Result<&Error> {
    match part {
        Part::Error(error) => Ok(error),
        _ => Err(wrong_kind("error")),
    }
}

fn summary(part: &Part) -> Result<&Summary> {
    match part {
        Part::Done(summary) => Ok(summary),
        _ => Err(wrong_kind("summary")),
    }
}

fn connection(part: &Part) -> Result<&ConnectionInfo> {
    summary(part)?
        .connection
        .as_deref()
        .ok_or_else(|| Error::new(ErrorCode::InvalidState, "the request reached no connection"))
}

/// Why the request failed: one of `TRUNK_ERROR_*` for a part of kind `TRUNK_PART_ERROR`, else `TRUNK_OK`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_error(part: *const trunk_part) -> trunk_status {
    value(TRUNK_OK, || {
        with(part, |content| {
            error(content.event.part()).map(|error| trunk_status::from(error.code() as u16))
        })
    })
}

/// What was wrong and where.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_error_message(part: *const trunk_part) -> trunk_view {
    value(trunk_view::NONE, || {
        with(part, |content| {
            error(content.event.part()).map(|error| trunk_view::of_text(error.message()))
        })
    })
}

/// The phase in which the request failed; `TRUNK_PHASE_NONE` where none is known.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_error_phase(part: *const trunk_part) -> trunk_phase {
    value(TRUNK_PHASE_NONE, || {
        with(part, |content| {
            Ok(match error(content.event.part())?.phase() {
                None => TRUNK_PHASE_NONE,
                Some(Phase::Pool) => TRUNK_PHASE_POOL,
                Some(Phase::Resolve) => TRUNK_PHASE_RESOLVE,
                Some(Phase::Connect) => TRUNK_PHASE_CONNECT,
                Some(Phase::Tls) => TRUNK_PHASE_TLS,
                Some(Phase::Write) => TRUNK_PHASE_WRITE,
                Some(Phase::FirstByte) => TRUNK_PHASE_FIRST_BYTE,
                Some(Phase::Receive) => TRUNK_PHASE_RECEIVE,
            })
        })
    })
}

/// The code that the peer gave in an HTTP/2 `RST_STREAM` or `GOAWAY` frame; -1 where it gave none.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_error_peer_code(part: *const trunk_part) -> i64 {
    value(-1, || {
        with(part, |content| {
            Ok(error(content.event.part())?
                .peer_code()
                .map_or(-1, i64::from))
        })
    })
}

/// When the request of a part of kind `TRUNK_PART_DONE` passed a point, in nanoseconds from its submission; 0 where it did
/// not pass it.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_timing(part: *const trunk_part, which: trunk_timing) -> u64 {
    value(0, || {
        with(part, |content| {
            let timings = &summary(content.event.part())?.timings;
            let time = match which {
                TRUNK_TIMING_RESOLVED => timings.resolved,
                TRUNK_TIMING_CONNECTED => timings.connected,
                TRUNK_TIMING_SECURED => timings.secured,
                TRUNK_TIMING_ACQUIRED => timings.acquired,
                TRUNK_TIMING_FIRST_BYTE => timings.first_byte,
                TRUNK_TIMING_TOTAL => timings.total,
                _ => {
                    return Err(Error::new(
                        ErrorCode::InvalidArgument,
                        format!("there is no timing {which}"),
                    ));
                }
            };
            Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        })
    })
}

/// How often the request of a part of kind `TRUNK_PART_DONE` was sent: 1, and one more for each safe replay,
/// retry, redirect and answered challenge.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_attempts(part: *const trunk_part) -> u32 {
    value(0, || {
        with(part, |content| Ok(summary(content.event.part())?.attempts))
    })
}

/// Whether the connection of a part of kind `TRUNK_PART_DONE` had served another request before.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_reused(part: *const trunk_part) -> bool {
    value(false, || {
        with(part, |content| Ok(summary(content.event.part())?.reused))
    })
}

/// Bytes of the body (or WebSocket payloads) that the request of a part of kind `TRUNK_PART_DONE` received.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_received(part: *const trunk_part) -> u64 {
    value(0, || {
        with(part, |content| Ok(summary(content.event.part())?.received))
    })
}

/// Bytes of the body (or WebSocket payloads) that the request of a part of kind `TRUNK_PART_DONE` sent.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_sent(part: *const trunk_part) -> u64 {
    value(0, || {
        with(part, |content| Ok(summary(content.event.part())?.sent))
    })
}

/// The number of the connection of a part of kind `TRUNK_PART_DONE`, which no other connection of this process has.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_connection_id(part: *const trunk_part) -> u64 {
    value(0, || {
        with(part, |content| Ok(connection(content.event.part())?.id))
    })
}

/// The protocol of the connection of a part of kind `TRUNK_PART_DONE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_protocol(part: *const trunk_part) -> trunk_protocol {
    value(TRUNK_PROTOCOL_NONE, || {
        with(part, |content| {
            Ok(match connection(content.event.part())?.protocol {
                Protocol::Http1 => TRUNK_PROTOCOL_HTTP_1,
                Protocol::Http2 => TRUNK_PROTOCOL_HTTP_2,
                Protocol::WebSocket => TRUNK_PROTOCOL_WEBSOCKET,
            })
        })
    })
}

/// TLS version and cipher suite of the connection of a part of kind `TRUNK_PART_DONE`, for example
/// `TLSv1.3 TLS13_AES_256_GCM_SHA384`; its `data` is NULL in clear text.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_tls(part: *const trunk_part) -> trunk_view {
    value(trunk_view::NONE, || {
        with(part, |content| {
            let tls = connection(content.event.part())?.tls.as_deref();
            Ok(tls.map_or(trunk_view::NONE, trunk_view::of_text))
        })
    })
}

/// An address of a connection as text, written once.
fn address(
    content: &Content,
    kept: impl FnOnce(&Content) -> &OnceLock<String>,
    of: impl FnOnce(&ConnectionInfo) -> Option<SocketAddr>,
) -> Result<trunk_view> {
    let address = of(connection(content.event.part())?);
    let text = |address: SocketAddr| {
        trunk_view::of_text(kept(content).get_or_init(|| address.to_string()))
    };
    Ok(address.map_or(trunk_view::NONE, text))
}

/// The peer's address and port in the connection of a part of kind `TRUNK_PART_DONE`, for example `192.0.2.1:443` or
/// `[2001:db8::1]:443`; its `data` is NULL for a unix socket.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_remote_address(part: *const trunk_part) -> trunk_view {
    value(trunk_view::NONE, || {
        with(part, |content| {
            address(
                content,
                |content| &content.remote,
                |connection| connection.remote,
            )
        })
    })
}

/// This side's address and port, as `trunk_part_remote_address`.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_local_address(part: *const trunk_part) -> trunk_view {
    value(trunk_view::NONE, || {
        with(part, |content| {
            address(
                content,
                |content| &content.local,
                |connection| connection.local,
            )
        })
    })
}
