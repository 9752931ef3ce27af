//! HTTP/2 client connections without a socket.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use bytes::Bytes;
use engine::sansio::http2::{Handlers, Http2Client, HttpError, PushHandler, upgrade_request};
use engine::{Error, ErrorCode, Result};
use http::Request;

use super::engine::{EngineObject, Protocol, insert, insert_object, trunk_wake_callback, wake};
use super::error::{self, trunk_engine_error_callback};
use super::exchange::{self, trunk_exchange_handlers};
use super::fields::{self, trunk_request_head};
use super::hooks::Hooks;
use super::settings::{settings, trunk_http2_settings};
use super::table::{self, Table};
use super::upload::{Rest, UploadObject};
use crate::boundary::{Out, call, value};
use crate::callback::trunk_destroy_callback;
use crate::handle::{self, trunk_engine, trunk_upload};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// Is asked about a request that the server promises to answer. It answers the handlers that take the answer, and sets
/// `*answer_user_data` for them; the user data belongs to the library from then on. NULL refuses the promise
/// (`RST_STREAM` with CANCEL; RFC 9113, 8.4.2).
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `request` and all in it live until the function returns. The handlers are copied then.
pub type trunk_promise_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        request: *const trunk_request_head,
        answer_user_data: *mut *mut c_void,
    ) -> *const trunk_exchange_handlers,
>;

/// The functions that a connection calls. Members may be appended; the library copies the structure.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_connection_handlers {
    /// `sizeof(trunk_connection_handlers)`.
    pub size: usize,
    /// The error of the connection as a whole, once at most; its exchanges are then told each. Required.
    pub error: trunk_engine_error_callback,
    /// The server's promises. NULL: server push is switched off (RFC 9113, 8.4).
    pub promise: trunk_promise_callback,
    /// Disposes of the user data, once nothing of all this will be called. NULL: nothing is called.
    pub destroy: trunk_destroy_callback,
}

// SAFETY: the first member is its size; zeroes are no functions.
unsafe impl Table for trunk_connection_handlers {}

pub(super) type ConnectionHooks = Hooks<trunk_connection_handlers>;

impl ConnectionHooks {
    /// # Safety
    /// As [`table::read`].
    pub(super) unsafe fn read(
        handlers: *const trunk_connection_handlers,
        user_data: *mut c_void,
    ) -> Result<Arc<ConnectionHooks>> {
        // SAFETY: the caller's promise.
        let table = unsafe { table::read(handlers, "handlers") }?;
        if table.error.is_none() {
            return Err(Error::new(
                ErrorCode::NullPointer,
                "the handlers lack error",
            ));
        }
        Ok(Hooks::new(table, user_data, table.destroy))
    }

    fn push_handler(self: &Arc<ConnectionHooks>) -> Option<PushHandler> {
        self.functions.promise?;
        let hooks = Arc::clone(self);
        Some(Box::new(move |request| hooks.promise(&request)))
    }

    fn promise(&self, request: &Request<()>) -> Option<Handlers> {
        let promise = self.functions.promise?;
        let uri = request.uri().to_string();
        let mut user_data = ptr::null_mut();
        let handlers = fields::show(request.headers(), |fields, count| {
            let head = trunk_request_head {
                size: size_of::<trunk_request_head>(),
                method: trunk_view::of_text(request.method().as_str()),
                uri: trunk_view::of_text(&uri),
                fields,
                count,
            };
            // SAFETY: the contract: a function may be called with its user data until that was disposed of; it does not
            // unwind.
            unsafe { promise(self.user_data(), &raw const head, &raw mut user_data) }
        });
        if handlers.is_null() {
            return None;
        }
        value(None, || {
            // SAFETY: the contract: the function has answered handlers, which live on until they were read.
            unsafe { exchange::hooks(handlers, user_data) }.map(|hooks| Some(hooks.handlers()))
        })
    }

    pub(super) fn failed(&self, cause: &HttpError) {
        if let Some(failed) = self.functions.error {
            // SAFETY: as in `promise`.
            error::show(cause, |error| unsafe { failed(self.user_data(), error) });
        }
    }
}

/// Makes an HTTP/2 client connection at its beginning (RFC 9113, 3.4): what it has to write first is the preface. With NULL
/// as `settings` all are at their defaults.
///
/// Ownership: settings and handlers are copied. On success `user_data` belongs to the library until the handlers' `destroy` is
/// called with it. The caller frees `*engine`.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` where a setting is outside what the protocol allows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http2_new(
    settings: *const trunk_http2_settings,
    handlers: *const trunk_connection_handlers,
    user_data: *mut c_void,
    engine: *mut *mut trunk_engine,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(engine, "engine") }?;
        // SAFETY: the contract: structures that are arguments may be read during the call.
        let settings = unsafe { self::settings(settings) }?;
        // SAFETY: as above.
        let hooks = unsafe { ConnectionHooks::read(handlers, user_data) }?;
        out.set(hooks.hand_over(|hooks| {
            let push = hooks.push_handler();
            let client = Http2Client::new(&settings, push, move |error| hooks.failed(&error))?;
            insert(Protocol::Http2(client))
        })?);
        Ok(())
    })
}

thread_local! {
    /// The request that this thread has asked for last.
    static UPGRADE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes the bytes of an HTTP/1.1 request that asks for the upgrade to HTTP/2 in clear text (RFC 7540, 3.2; RFC 9113 has
/// dropped it, servers have not), with a body that is sent before the answer. `settings` (NULL allowed) and `push`, whether
/// there will be a `promise` handler, are what the connection is made with after a 101: see `trunk_http2_new_after_upgrade`.
/// The URI has scheme `http`; `host`, `connection`, `upgrade`, `http2-settings` and `content-length` are added to the fields.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for a URI without an authority, fields that have one of those, a CONNECT, and
/// settings that the protocol does not allow; `TRUNK_ERROR_INVALID_URL`, `TRUNK_ERROR_INVALID_HEADER`.
/// Valid until: `*request` lives until the next call of this function on this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http2_upgrade_request(
    asked: *const trunk_request_head,
    body: trunk_view,
    settings: *const trunk_http2_settings,
    push: bool,
    request: *mut trunk_view,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(request, "request") }?;
        // SAFETY: the contract: views, arrays and structures that are arguments may be read during the call.
        let (head, body, settings) = unsafe {
            (
                fields::request(asked)?,
                Bytes::copy_from_slice(body.bytes()?),
                self::settings(settings)?,
            )
        };
        let bytes = upgrade_request(&head.map(|()| body), &settings, push)?;
        let view = |kept: &RefCell<Vec<u8>>| {
            kept.replace(bytes);
            trunk_view::of(&kept.borrow())
        };
        out.set(
            UPGRADE
                .try_with(view)
                .map_err(|_| Error::new(ErrorCode::InvalidState, "the thread is ending"))?,
        );
        Ok(())
    })
}

/// Makes an HTTP/2 client connection that was upgraded from HTTP/1.1: what follows the 101 is given to `trunk_engine_read`.
/// `request`, `settings` and whether `connection` has a `promise` handler are as they were in `trunk_http2_upgrade_request`,
/// whose request is stream 1: its own side is closed, and its answer goes to `handlers`.
///
/// Ownership: everything is copied. On success `user_data` belongs to the library until the `destroy` of `connection` is
/// called with it, and `answer_user_data` until that of `handlers` is. The caller frees `*engine`.
/// Errors: as `trunk_http2_new` and `trunk_engine_request`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http2_new_after_upgrade(
    request: *const trunk_request_head,
    handlers: *const trunk_exchange_handlers,
    answer_user_data: *mut c_void,
    settings: *const trunk_http2_settings,
    connection: *const trunk_connection_handlers,
    user_data: *mut c_void,
    engine: *mut *mut trunk_engine,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(engine, "engine") }?;
        // SAFETY: the contract: views, arrays and structures that are arguments may be read during the call.
        let (request, settings) = unsafe { (fields::request(request)?, self::settings(settings)?) };
        // SAFETY: as above.
        let connection = unsafe { ConnectionHooks::read(connection, user_data) }?;
        out.set(connection.hand_over(|connection| {
            // SAFETY: as above.
            let answer = unsafe { exchange::hooks(handlers, answer_user_data) }?;
            answer.hand_over(|answer| {
                let push = connection.push_handler();
                let (client, first) = Http2Client::after_upgrade(
                    request,
                    &settings,
                    answer.handlers(),
                    push,
                    move |error| connection.failed(&error),
                )?;
                insert_object(EngineObject::new(Protocol::Http2(client), Some(first)))
            })
        })?);
        Ok(())
    })
}

/// A handle of the request that asked for the upgrade, by which it can be given up (`trunk_upload_cancel`). It has no body any
/// more.
///
/// Ownership: the caller frees `*upload`, which changes nothing.
/// Errors: `TRUNK_ERROR_INVALID_STATE` for a connection that was not made by `trunk_http2_new_after_upgrade`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http2_upgraded_request(
    engine: *const trunk_engine,
    upload: *mut *mut trunk_upload,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(upload, "upload") };
        let engine = handle::get::<EngineObject>(engine.addr())?;
        let out = out?;
        let request = engine.upgraded.clone().ok_or_else(|| {
            Error::new(ErrorCode::InvalidState, "the connection was not upgraded")
        })?;
        let object = UploadObject::default();
        object.fill(Rest::Nothing(request));
        out.set(ptr::without_provenance_mut(handle::insert(object)?));
        Ok(())
    })
}

/// Sends a PING (RFC 9113, 6.7) of these 8 bytes, or of eight zeroes with the empty view, and has `callback` called when the
/// peer has acknowledged it. Where it never will it is let go.
///
/// Ownership: `payload` is copied. On success `user_data` belongs to the library until `destroy` (NULL allowed) is called with
/// it.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for another number of bytes, `TRUNK_ERROR_CLOSED` after the end of the connection,
/// `TRUNK_ERROR_INVALID_HANDLE` for an engine that speaks another protocol.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http2_ping(
    engine: *mut trunk_engine,
    payload: trunk_view,
    callback: trunk_wake_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        let client = engine.http2()?;
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let payload = match unsafe { payload.bytes() }? {
            [] => None,
            bytes => Some(bytes.try_into().map_err(|_| {
                Error::new(
                    ErrorCode::InvalidArgument,
                    "a ping has 8 bytes (RFC 9113, 6.7)",
                )
            })?),
        };
        wake(callback, user_data, destroy, |answered| {
            client.ping(payload, answered)
        })
    })
}

/// Asks no more: sends GOAWAY with `NO_ERROR` (RFC 9113, 6.8) behind the requests that were made. Those that are under way go
/// on to their ends; then the connection closes. Some servers, Apache httpd among them, answer none after it that they have
/// not begun with.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE` for an engine that speaks another protocol.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_http2_shutdown(engine: *mut trunk_engine) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        engine.http2()?.shutdown();
        Ok(())
    })
}
