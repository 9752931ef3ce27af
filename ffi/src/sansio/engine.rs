//! How every engine is driven.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use engine::sansio::http1::Http1Client;
use engine::sansio::http2::{Http2Client, RequestHandle};
use engine::sansio::websocket::WebSocketClient;
use engine::sansio::{Engine, ReadOperation, Vectors, WakeHandler, WriteOperation, WriteResult};
use engine::{Error, ErrorCode, Result};

use super::hooks::Hooks;
use crate::boundary::{Out, call};
use crate::callback::trunk_destroy_callback;
use crate::handle::{self, trunk_engine};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// What to do next with one side of a transport: one of `TRUNK_OPERATION_*`.
pub type trunk_operation = i32;

/// Read, and give what came to `trunk_engine_read`, or the end to `trunk_engine_read_eof`.
pub const TRUNK_OPERATION_READ: trunk_operation = 1;
/// Write, and tell `trunk_engine_report_write_result` what came of it.
pub const TRUNK_OPERATION_WRITE: trunk_operation = 2;
/// There is nothing to do now: `trunk_engine_yield_reader` or `trunk_engine_yield_writer` tells when there is.
pub const TRUNK_OPERATION_YIELD: trunk_operation = 3;
/// There will be nothing to do any more.
pub const TRUNK_OPERATION_CLOSE: trunk_operation = 4;

/// For `trunk_engine_report_write_result`: the transport takes no more.
pub const TRUNK_WRITE_CLOSED: i64 = -1;

/// What to do with the side of a transport that is written.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_write_operation {
    /// Which: `TRUNK_OPERATION_WRITE`, `TRUNK_OPERATION_YIELD` or `TRUNK_OPERATION_CLOSE`.
    pub operation: trunk_operation,
    /// How many of the vectors are to be written; else 0.
    pub count: u32,
    /// The bytes to be written, in order; laid out as `struct iovec` is.
    pub vectors: [trunk_view; 2],
    /// For `TRUNK_OPERATION_CLOSE`: bytes that were never written, because the transport took no more.
    pub unsent: u64,
}

/// Called once when there is something to do again.
///
/// Threads: as `trunk_head_callback`.
pub type trunk_wake_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// What an engine speaks.
pub(super) enum Protocol {
    Http1(Http1Client),
    Http2(Http2Client),
    WebSocket(WebSocketClient),
}

/// An engine, and the bytes that C may be writing.
pub(crate) struct EngineObject {
    protocol: Protocol,
    offered: Mutex<Vectors>,
    /// The request that asked for the upgrade to HTTP/2, where there was one.
    pub(super) upgraded: Option<RequestHandle>,
}

impl EngineObject {
    pub(super) fn new(protocol: Protocol, upgraded: Option<RequestHandle>) -> EngineObject {
        EngineObject {
            protocol,
            offered: Mutex::default(),
            upgraded,
        }
    }

    fn engine(&self) -> &dyn Engine {
        match &self.protocol {
            Protocol::Http1(client) => client,
            Protocol::Http2(client) => client,
            Protocol::WebSocket(client) => client,
        }
    }

    pub(super) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    pub(super) fn http1(&self) -> Result<&Http1Client> {
        match &self.protocol {
            Protocol::Http1(client) => Ok(client),
            _ => Err(other_protocol("HTTP/1.1")),
        }
    }

    pub(super) fn http2(&self) -> Result<&Http2Client> {
        match &self.protocol {
            Protocol::Http2(client) => Ok(client),
            _ => Err(other_protocol("HTTP/2")),
        }
    }

    pub(super) fn websocket(&self) -> Result<&WebSocketClient> {
        match &self.protocol {
            Protocol::WebSocket(client) => Ok(client),
            _ => Err(other_protocol("WebSocket")),
        }
    }

    fn offer(&self, vectors: Vectors) {
        let before = std::mem::replace(
            &mut *self.offered.lock().unwrap_or_else(PoisonError::into_inner),
            vectors,
        );
        drop(before);
    }

    fn next_write(&self) -> trunk_write_operation {
        let mut answer = trunk_write_operation {
            operation: TRUNK_OPERATION_YIELD,
            count: 0,
            vectors: [trunk_view::NONE; 2],
            unsent: 0,
        };
        match self.engine().next_write_operation() {
            WriteOperation::Write(vectors) => {
                answer.operation = TRUNK_OPERATION_WRITE;
                for (place, vector) in answer.vectors.iter_mut().zip(&*vectors) {
                    *place = trunk_view::of(vector);
                    answer.count += 1;
                }
                self.offer(vectors);
            }
            WriteOperation::Yield => {}
            WriteOperation::Close { unsent } => {
                answer.operation = TRUNK_OPERATION_CLOSE;
                answer.unsent = unsent;
            }
        }
        answer
    }
}

/// The answer to a call that is for engines of another protocol.
pub(super) fn other_protocol(wanted: &str) -> Error {
    Error::new(
        ErrorCode::InvalidHandle,
        format!("this trunk_engine does not speak {wanted}"),
    )
}

/// Makes the handle of an engine.
pub(super) fn insert(protocol: Protocol) -> Result<*mut trunk_engine> {
    insert_object(EngineObject::new(protocol, None))
}

pub(super) fn insert_object(engine: EngineObject) -> Result<*mut trunk_engine> {
    let engine = handle::insert(engine)?;
    Ok(ptr::without_provenance_mut(engine))
}

/// A function of the caller's that is called once.
pub(super) fn wake(
    callback: trunk_wake_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
    take: impl FnOnce(WakeHandler) -> Result<()>,
) -> Result<()> {
    let callback =
        callback.ok_or_else(|| Error::new(ErrorCode::NullPointer, "the callback is NULL"))?;
    Hooks::new(callback, user_data, destroy).hand_over(|hooks| {
        take(Box::new(move || {
            // SAFETY: the contract: the function may be called with its user data until that was disposed of.
            unsafe { (hooks.functions)(hooks.user_data()) }
        }))
    })
}

/// Gives an engine back. Exchanges on it that have not ended hear nothing more; their user data is disposed of, at the latest
/// when their uploads and answers are given back too. What was to be written is dropped. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_engine_free(engine: *mut trunk_engine) -> trunk_status {
    call(|| handle::free::<EngineObject>(engine.addr()).map(drop))
}

/// What to do with the side of the transport that is read: `TRUNK_OPERATION_READ`, `TRUNK_OPERATION_YIELD` while what is to
/// be written waits, or `TRUNK_OPERATION_CLOSE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_next_read_operation(
    engine: *mut trunk_engine,
    operation: *mut trunk_operation,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(operation, "operation") };
        let engine = handle::get::<EngineObject>(engine.addr())?;
        out?.set(match engine.engine().next_read_operation() {
            ReadOperation::Read => TRUNK_OPERATION_READ,
            ReadOperation::Yield => TRUNK_OPERATION_YIELD,
            ReadOperation::Close => TRUNK_OPERATION_CLOSE,
        });
        Ok(())
    })
}

/// Takes in what was read, and calls the functions that are due. `*consumed` bytes of it were taken; the rest is to be given
/// again. It is less than all where what is to be written waits, or after the end of the connection.
///
/// Ownership: `bytes` are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_read(
    engine: *mut trunk_engine,
    bytes: trunk_view,
    consumed: *mut usize,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(consumed, "consumed") };
        let engine = handle::get::<EngineObject>(engine.addr())?;
        let out = out?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        out.set(engine.engine().read(unsafe { bytes.bytes() }?));
        Ok(())
    })
}

/// The transport has ended. Exchanges that are not complete fail.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_engine_read_eof(engine: *mut trunk_engine) -> trunk_status {
    call(|| {
        handle::get::<EngineObject>(engine.addr())?
            .engine()
            .read_eof();
        Ok(())
    })
}

/// What to do with the side of the transport that is written.
///
/// Valid until: the bytes of the vectors live until `trunk_engine_report_write_result` for this engine, or until that is freed.
/// Other calls leave them as they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_next_write_operation(
    engine: *mut trunk_engine,
    operation: *mut trunk_write_operation,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(operation, "operation") };
        let engine = handle::get::<EngineObject>(engine.addr())?;
        out?.set(engine.next_write());
        Ok(())
    })
}

/// Tells what came of writing what `trunk_engine_next_write_operation` gave: so many bytes were written, from the first on;
/// 0 where none could be now, `TRUNK_WRITE_CLOSED` where none ever can be. After that what the peer has sent can still be
/// read.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for more bytes than were given, and below `TRUNK_WRITE_CLOSED`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_engine_report_write_result(
    engine: *mut trunk_engine,
    written: i64,
) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        let result = if written == TRUNK_WRITE_CLOSED {
            WriteResult::Closed
        } else {
            let offered = engine
                .offered
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remaining();
            let count = usize::try_from(written)
                .ok()
                .filter(|count| *count <= offered);
            WriteResult::Written(count.ok_or_else(|| {
                Error::new(
                    ErrorCode::InvalidArgument,
                    format!("{written} bytes were written of {offered} that were given"),
                )
            })?)
        };
        // Held, they would keep the engine from using their room again.
        engine.offer(Vectors::default());
        engine.engine().report_write_result(result);
        Ok(())
    })
}

fn wait(
    engine: *mut trunk_engine,
    callback: trunk_wake_callback,
    (user_data, destroy): (*mut c_void, trunk_destroy_callback),
    take: impl FnOnce(&dyn Engine, WakeHandler),
) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        wake(callback, user_data, destroy, |handler| {
            take(engine.engine(), handler);
            Ok(())
        })
    })
}

/// Has `callback` called once there may be something to read for: at once, inside this call, if there is. The one before it,
/// if any, is let go.
///
/// Ownership: on success `user_data` belongs to the library until `destroy` (NULL allowed) is called with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_yield_reader(
    engine: *mut trunk_engine,
    callback: trunk_wake_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    wait(engine, callback, (user_data, destroy), |engine, handler| {
        engine.yield_reader(handler);
    })
}

/// Has `callback` called once there may be something to write: at once, inside this call, if there is. The one before it, if
/// any, is let go.
///
/// Ownership: as `trunk_engine_yield_reader`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_yield_writer(
    engine: *mut trunk_engine,
    callback: trunk_wake_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    wait(engine, callback, (user_data, destroy), |engine, handler| {
        engine.yield_writer(handler);
    })
}

/// The program has failed at something that this connection needs, or its transport has: the connection's error callback is
/// told, then that of every exchange, with `TRUNK_FAULT_EXCEPTION` and this message. Where one can still be sent, the peer is
/// told by GOAWAY with `INTERNAL_ERROR`.
///
/// Ownership: `message` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_report_exn(
    engine: *mut trunk_engine,
    message: trunk_view,
) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let message = unsafe { message.text("the message") }?;
        engine.engine().report_exn(message.into());
        Ok(())
    })
}

/// Whether nothing more will be read and nothing written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_is_closed(
    engine: *const trunk_engine,
    closed: *mut bool,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(closed, "closed") };
        let engine = handle::get::<EngineObject>(engine.addr())?;
        out?.set(engine.engine().is_closed());
        Ok(())
    })
}
