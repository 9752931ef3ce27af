//! WebSockets without a socket, after their handshake.

use std::ffi::c_void;
use std::sync::Arc;

use bytes::Bytes;
use engine::sansio::websocket::{Flow, WebSocketAgreement, WebSocketClient, WebSocketSettings};
use engine::{Error, ErrorCode, Frame, Result};

use super::engine::{EngineObject, Protocol, insert, trunk_wake_callback, wake};
use super::exchange::{TRUNK_FLOW_PAUSE, trunk_flow};
use super::handshake::HandshakeObject;
use super::hooks::Hooks;
use super::table::{self, Table};
use crate::boundary::{Out, call};
use crate::callback::trunk_destroy_callback;
use crate::handle::{self, trunk_engine, trunk_handshake};
use crate::message::trunk_message;
use crate::status::{TRUNK_OK, trunk_status};
use crate::view::trunk_view;

/// Takes a message or a control frame and says how to go on, after `TRUNK_FLOW_PAUSE` with `trunk_websocket_engine_resume`.
/// Pings have been answered, and so has the peer's close.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `message` and its payload live until the function returns.
pub type trunk_frame_callback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, message: *const trunk_message) -> trunk_flow,
>;

/// Says how a WebSocket has ended: with `TRUNK_OK` and the code of the peer's close (0: none) where the closing handshake is done;
/// else with what went wrong. `message` says that for people.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `message` lives until the function returns.
pub type trunk_closed_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: trunk_status,
        code: u16,
        message: trunk_view,
    ),
>;

/// The functions that a WebSocket calls. Members may be appended; the library copies the structure.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_websocket_handlers {
    /// `sizeof(trunk_websocket_handlers)`.
    pub size: usize,
    /// Each message and control frame; required.
    pub frame: trunk_frame_callback,
    /// The end, once, last; required.
    pub closed: trunk_closed_callback,
    /// Disposes of the user data, once nothing of all this will be called. NULL: nothing is called.
    pub destroy: trunk_destroy_callback,
}

// SAFETY: the first member is its size; zeroes are no functions.
unsafe impl Table for trunk_websocket_handlers {}

/// What a WebSocket accepts, and how it hands it over. Members may be appended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_websocket_settings {
    /// `sizeof(trunk_websocket_settings)`.
    pub size: usize,
    /// Bytes of a frame that is received. 0: 16 MiB.
    pub max_frame_bytes: usize,
    /// Bytes of a message that is received, once decompressed. 0: 64 MiB.
    pub max_message_bytes: usize,
    /// Bytes that are queued for sending. 0: 1 MiB. A message that is larger is taken when nothing else is queued.
    pub send_buffer: usize,
    /// Data frames are handed over as they came, and not put together to messages.
    pub frames: bool,
}

// SAFETY: the first member is its size; the others are numbers and a bool, of which zero is false.
unsafe impl Table for trunk_websocket_settings {}

type SocketHooks = Hooks<trunk_websocket_handlers>;

impl SocketHooks {
    fn frame(&self, frame: &Frame) -> Flow {
        let message = trunk_message::of(frame);
        let flow = self.functions.frame.map(|take| {
            // SAFETY: the contract: a function may be called with its user data until that was disposed of; it does not
            // unwind.
            unsafe { take(self.user_data(), &raw const message) }
        });
        if flow == Some(TRUNK_FLOW_PAUSE) {
            Flow::Pause
        } else {
            Flow::Continue
        }
    }

    fn closed(&self, outcome: &Result<Option<u16>>) {
        let (status, code, message) = match outcome {
            Ok(code) => (TRUNK_OK, code.unwrap_or(0), trunk_view::NONE),
            Err(error) => (
                trunk_status::from(error.code() as u16),
                0,
                trunk_view::of_text(error.message()),
            ),
        };
        if let Some(closed) = self.functions.closed {
            // SAFETY: as in `frame`.
            unsafe { closed(self.user_data(), status, code, message) }
        }
    }
}

unsafe fn settings(settings: *const trunk_websocket_settings) -> Result<WebSocketSettings> {
    let mut read = WebSocketSettings::default();
    if settings.is_null() {
        return Ok(read);
    }
    // SAFETY: the caller's promise.
    let told = unsafe { table::read(settings, "settings") }?;
    for (value, into) in [
        (told.max_frame_bytes, &mut read.max_frame_bytes),
        (told.max_message_bytes, &mut read.max_message_bytes),
        (told.send_buffer, &mut read.send_buffer),
    ] {
        if value != 0 {
            *into = value;
        }
    }
    read.frames = told.frames;
    Ok(read)
}

/// Makes the client's side of a WebSocket whose handshake is done (RFC 6455): what followed the 101 is given to
/// `trunk_engine_read`. `handshake` has checked the answer; NULL stands for one without compression that the program has checked
/// itself. With NULL as `settings` all are at their defaults.
///
/// Ownership: settings and handlers are copied; `handshake` stays the caller's. On success `user_data` belongs to the library
/// until the handlers' `destroy` is called with it. The caller frees `*engine`.
/// Errors: `TRUNK_ERROR_INVALID_STATE` for a handshake whose answer was not checked, or refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_engine_new(
    handshake: *const trunk_handshake,
    settings: *const trunk_websocket_settings,
    handlers: *const trunk_websocket_handlers,
    user_data: *mut c_void,
    engine: *mut *mut trunk_engine,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(engine, "engine") }?;
        let agreement = if handshake.is_null() {
            WebSocketAgreement::default()
        } else {
            handle::get::<HandshakeObject>(handshake.addr())?.agreement()?
        };
        // SAFETY: the contract: structures that are arguments may be read during the call.
        let (settings, table) = unsafe {
            (
                self::settings(settings)?,
                table::read(handlers, "handlers")?,
            )
        };
        if table.frame.is_none() || table.closed.is_none() {
            return Err(Error::new(
                ErrorCode::NullPointer,
                "the handlers lack frame or closed",
            ));
        }
        let hooks: Arc<SocketHooks> = Hooks::new(table, user_data, table.destroy);
        out.set(hooks.hand_over(|hooks| {
            let frames = Arc::clone(&hooks);
            insert(Protocol::WebSocket(WebSocketClient::new(
                &settings,
                &agreement,
                move |frame| frames.frame(&frame),
                move |outcome| hooks.closed(&outcome),
            )))
        })?);
        Ok(())
    })
}

/// Queues a message, a fragment or a control frame. A close begins the closing handshake, after which nothing more is taken.
///
/// Ownership: the payload is copied.
/// Errors: `TRUNK_ERROR_AGAIN` while the queue is full: see `trunk_websocket_engine_on_room`. `TRUNK_ERROR_INVALID_ARGUMENT` for
/// what RFC 6455 does not allow to be sent, `TRUNK_ERROR_INVALID_STATE` after a close, at the end, and for a message inside
/// another. `TRUNK_ERROR_INVALID_HANDLE` for an engine that speaks another protocol.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_engine_send(
    engine: *mut trunk_engine,
    message: *const trunk_message,
) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        let client = engine.websocket()?;
        // SAFETY: the contract: a structure that is an argument is NULL or may be read during the call.
        let message = unsafe { message.as_ref() }
            .ok_or_else(|| Error::new(ErrorCode::NullPointer, "the message is NULL"))?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let payload = Bytes::copy_from_slice(unsafe { message.payload.bytes() }?);
        client.send(message.frame(payload)?)
    })
}

/// Has `callback` called once there is room after `trunk_websocket_engine_send` has answered `TRUNK_ERROR_AGAIN`. Where there
/// never will be it is let go. The one before it, if any, is let go too.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it.
/// Errors: `TRUNK_ERROR_CLOSED` at the end; `TRUNK_ERROR_INVALID_HANDLE` for an engine that speaks another protocol.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_websocket_engine_on_room(
    engine: *mut trunk_engine,
    callback: trunk_wake_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        let client = engine.websocket()?;
        wake(callback, user_data, destroy, |handler| {
            client.on_room(handler)
        })
    })
}

/// Goes on after a `TRUNK_FLOW_PAUSE`.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE` for an engine that speaks another protocol.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_websocket_engine_resume(engine: *mut trunk_engine) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        engine.websocket()?.resume();
        Ok(())
    })
}
