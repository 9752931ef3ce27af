//! Sending and receiving over a WebSocket.

use std::collections::VecDeque;

use bytes::Bytes;
use engine::{Error, ErrorCode, Frame, Mail};

use crate::boundary::{Out, call};
use crate::cell::with;
use crate::handle::{self, trunk_part, trunk_request};
use crate::message::{TRUNK_FRAME_CLOSE, copy, trunk_frame_kind, trunk_message};
use crate::request::RequestObject;
use crate::status::trunk_status;
use crate::view::{array, trunk_view};

/// Bytes of messages that are copied at once, and queued under one lock.
const BATCH: usize = 64 * 1024;

fn send(request: *mut trunk_request, frame: Frame) -> engine::Result<()> {
    handle::get::<RequestObject>(request.addr())?
        .control()?
        .send(frame)
}

/// Sends a message or control frame of `kind` over an open WebSocket, that is after its head (status 101, or of HTTP/2 200) has
/// come. A close frame is sent with `trunk_websocket_close`; `TRUNK_FRAME_CONTINUATION` is the last fragment of a message
/// whose others `trunk_websocket_send_many` has sent.
///
/// Ownership: `payload` is copied.
/// Errors: `TRUNK_ERROR_AGAIN` when the queue is full: nothing was taken, a part of kind `TRUNK_PART_WRITABLE` tells when
/// there is room. `TRUNK_ERROR_INVALID_STATE` when the request is not an open WebSocket. `TRUNK_ERROR_INVALID_ARGUMENT`
/// for text that is not UTF-8, or a ping or pong of more than 125 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_send(
    request: *mut trunk_request,
    kind: trunk_frame_kind,
    payload: trunk_view,
) -> trunk_status {
    call(|| {
        let message = trunk_message {
            payload,
            kind,
            code: 0,
            more: false,
        };
        // A wrong handle is named before a wrong kind.
        let request = handle::get::<RequestObject>(request.addr())?;
        if kind == TRUNK_FRAME_CLOSE {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a close is sent with trunk_websocket_close",
            ));
        }
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let payload = Bytes::copy_from_slice(unsafe { payload.bytes() }?);
        request.control()?.send(message.frame(payload)?)
    })
}

/// Sends as many of `count` messages or frames as the queue has room for, in order and as one batch; `*sent` tells how many.
/// Fewer than `count` mean that the next one answers for itself: the next call says what is wrong with it.
///
/// Ownership: the payloads are copied.
/// Errors: as `trunk_websocket_send` and `trunk_websocket_close`, for the first message; then nothing was taken.
/// `TRUNK_ERROR_INVALID_STATE` also for a message that begins inside another one that is sent in fragments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_send_many(
    request: *mut trunk_request,
    messages: *const trunk_message,
    count: usize,
    sent: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(sent, "sent") };
        let request = handle::get::<RequestObject>(request.addr())?;
        let out = out?;
        // SAFETY: the contract: an array that is an argument holds as many as are said.
        let messages = unsafe { array(messages, count, "messages") }?;
        let control = request.control()?;
        let mut taken = 0;
        while taken < count {
            // SAFETY: the contract: each has a view that may be read.
            let copied = unsafe { copy(&messages[taken..], BATCH) };
            let queued = copied.and_then(|frames| {
                let (wanted, mut frames) = (frames.len(), VecDeque::from(frames));
                control
                    .send_many(&mut frames)
                    .map(|queued| (queued, queued == wanted))
            });
            match queued {
                Ok((queued, all)) => {
                    taken += queued;
                    if !all {
                        break;
                    }
                }
                Err(error) if taken == 0 => return Err(error),
                Err(_) => break,
            }
        }
        out.set(taken);
        Ok(())
    })
}

/// Takes up to `room` messages and frames of a request that was submitted with `trunk_manager_submit_recv`, and waits for the
/// first as `trunk_request_recv` does; `*count` tells how many. Control frames are among them, by their kind. Where the next
/// part is no frame (the head, the end, room to send) none are taken, and the call succeeds with a count of 0:
/// `trunk_request_recv` takes that part.
///
/// Errors: as `trunk_request_recv`.
/// Threads: as `trunk_request_recv`.
/// Valid until: the payloads live, and keep their credit, until the next call of this function or of `trunk_request_recv`
/// on the request, whatever that call answers, or until the request is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_recv_many(
    request: *mut trunk_request,
    timeout_ms: i64,
    messages: *mut trunk_message,
    room: usize,
    count: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: out-parameters are NULL or may be written.
        let (messages, out) = unsafe { (Out::new(messages, "messages"), Out::new(count, "count")) };
        let request = handle::get::<RequestObject>(request.addr())?;
        let (messages, out) = (messages?, out?);
        let taken = request.recv_many(timeout_ms, room, |frames| {
            // SAFETY: the contract: there is room for as many as were asked for, and no more are taken.
            unsafe { messages.set_all(frames.iter().map(trunk_message::of)) };
            frames.len()
        });
        let count = request.unless_freed(taken)?;
        out.set(count);
        Ok(())
    })
}

/// What a part is to a WebSocket: one of `TRUNK_MAIL_*`.
pub type trunk_mail = i32;

/// It belongs to another request.
pub const TRUNK_MAIL_UNKNOWN: trunk_mail = 0;
/// It is this one's, and brings a message or frame.
pub const TRUNK_MAIL_FRAME: trunk_mail = 1;
/// It is this one's, and brings none: its head, room to send, the answer to a ping, the end; `trunk_part_kind` tells.
pub const TRUNK_MAIL_OTHER: trunk_mail = 2;
/// It is this one's last: it has failed, and `trunk_part_error` tells why.
pub const TRUNK_MAIL_ERROR: trunk_mail = 3;

/// Reads a part for one WebSocket of several whose parts come together, from the manager's queue or a mailbox to which the
/// program has passed them on: `*mail` tells whether it is this one's, and `*message` is the frame that it brings, if any; else
/// it is left as it was.
///
/// Errors: `TRUNK_ERROR_NULL_POINTER`, `TRUNK_ERROR_INVALID_HANDLE` for a request or a part that is not live.
/// Valid until: the payload lives, and keeps its credit, as long as the part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_parse(
    request: *const trunk_request,
    part: *const trunk_part,
    mail: *mut trunk_mail,
    message: *mut trunk_message,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: out-parameters are NULL or may be written.
        let (mail, message) = unsafe { (Out::new(mail, "mail"), Out::new(message, "message")) };
        let request = handle::get::<RequestObject>(request.addr())?;
        let control = request.control()?;
        let (mail, message) = (mail?, message?);
        with(part, |content| {
            mail.set(match control.parse(&content.event) {
                Mail::Unknown => TRUNK_MAIL_UNKNOWN,
                Mail::Error(_) => TRUNK_MAIL_ERROR,
                Mail::Frames([frame, ..]) => {
                    message.set(trunk_message::of(frame));
                    TRUNK_MAIL_FRAME
                }
                Mail::Frames([]) => TRUNK_MAIL_OTHER,
            });
            Ok(())
        })
    })
}

/// Pings the peer of an open WebSocket. A part of kind `TRUNK_PART_LATENCY` with the same number (`trunk_part_ping`) tells how
/// long the answer took.
///
/// Errors: as `trunk_websocket_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_ping(
    request: *mut trunk_request,
    ping: *mut u64,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(ping, "ping") };
        let request = handle::get::<RequestObject>(request.addr())?;
        let out = out?;
        out.set(request.control()?.ping()?);
        Ok(())
    })
}

/// How long the last ping and its answer took, in nanoseconds, those of `websocket_ping_interval` among them; 0 before the
/// first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_latency(
    request: *const trunk_request,
    nanoseconds: *mut u64,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(nanoseconds, "nanoseconds") };
        let request = handle::get::<RequestObject>(request.addr())?;
        let out = out?;
        let latency = request.control()?.latency().unwrap_or_default();
        out.set(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        Ok(())
    })
}

/// Begins the closing handshake of an open WebSocket, with a code (RFC 6455, 7.4; 0 sends none) and a reason. When the
/// peer has answered, its close frame and then the terminal part are delivered.
///
/// Ownership: `reason` is copied.
/// Errors: `TRUNK_ERROR_INVALID_STATE` when the request is not an open WebSocket, `TRUNK_ERROR_INVALID_ARGUMENT` for a
/// code that must not be sent, or a reason that is not UTF-8, has more than 123 bytes, or comes without a code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_close(
    request: *mut trunk_request,
    code: u16,
    reason: trunk_view,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let reason = Bytes::copy_from_slice(unsafe { reason.bytes() }?);
        send(request, Frame::Close((code != 0).then_some(code), reason))
    })
}
