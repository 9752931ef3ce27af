//! Sending over a WebSocket.

use bytes::Bytes;
use engine::{Error, ErrorCode, Frame};

use crate::boundary::call;
use crate::handle::{self, trunk_request};
use crate::request::RequestObject;
use crate::status::trunk_status;
use crate::view::trunk_view;

/// The kind of a WebSocket message or control frame: one of `TRUNK_FRAME_*`.
pub type trunk_frame_kind = i32;

/// No frame.
pub const TRUNK_FRAME_NONE: trunk_frame_kind = 0;
/// A text message, in UTF-8.
pub const TRUNK_FRAME_TEXT: trunk_frame_kind = 1;
/// A binary message.
pub const TRUNK_FRAME_BINARY: trunk_frame_kind = 2;
/// A close frame.
pub const TRUNK_FRAME_CLOSE: trunk_frame_kind = 8;
/// A ping; when it is received it has been answered already.
pub const TRUNK_FRAME_PING: trunk_frame_kind = 9;
/// A pong.
pub const TRUNK_FRAME_PONG: trunk_frame_kind = 10;

/// The kind of a frame.
pub(crate) fn kind(frame: &Frame) -> trunk_frame_kind {
    match frame {
        Frame::Text(_) => TRUNK_FRAME_TEXT,
        Frame::Binary(_) => TRUNK_FRAME_BINARY,
        Frame::Ping(_) => TRUNK_FRAME_PING,
        Frame::Pong(_) => TRUNK_FRAME_PONG,
        Frame::Close(..) => TRUNK_FRAME_CLOSE,
        // Delivered only where they are asked for, which this interface does not do.
        Frame::Fragment { .. } => TRUNK_FRAME_NONE,
    }
}

fn send(request: *mut trunk_request, frame: Frame) -> engine::Result<()> {
    handle::get::<RequestObject>(request.addr())?
        .control()?
        .send(frame)
}

/// Sends a message or control frame of `kind` over an open WebSocket, that is after its head (status 101) has come. A
/// close frame is sent with `trunk_websocket_close`.
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
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let payload = Bytes::copy_from_slice(unsafe { payload.bytes() }?);
        let frame = match kind {
            TRUNK_FRAME_TEXT => Frame::Text(payload),
            TRUNK_FRAME_BINARY => Frame::Binary(payload),
            TRUNK_FRAME_PING => Frame::Ping(payload),
            TRUNK_FRAME_PONG => Frame::Pong(payload),
            // A wrong handle is named before a wrong kind.
            _ => {
                handle::get::<RequestObject>(request.addr())?;
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    format!("a frame of kind {kind} is not sent so"),
                ));
            }
        };
        send(request, frame)
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
