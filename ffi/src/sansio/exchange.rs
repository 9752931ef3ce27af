//! Exchanges on an engine that speaks HTTP: a request, and the functions that take its answer.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use engine::sansio::http2::{Flow, Handlers, HttpError, ResponseBody};
use engine::{Error, ErrorCode, Result};
use http::{HeaderMap, Request, Response};

use super::answer::AnswerObject;
use super::engine::{EngineObject, Protocol, other_protocol};
use super::error::{self, trunk_engine_error_callback};
use super::fields::{self, trunk_request_head};
use super::hooks::Hooks;
use super::table::{self, Table};
use super::upload::{Rest, UploadObject};
use crate::boundary::{Out, call, value};
use crate::callback::trunk_destroy_callback;
use crate::handle::{self, trunk_answer, trunk_engine, trunk_upload};
use crate::status::trunk_status;
use crate::view::{trunk_header, trunk_view};

/// How the body of an answer goes on after a piece: one of `TRUNK_FLOW_*`. Every other number is `TRUNK_FLOW_CONTINUE`.
pub type trunk_flow = i32;

/// With the next piece, as soon as it is there.
pub const TRUNK_FLOW_CONTINUE: trunk_flow = 0;
/// Not before `trunk_answer_resume`; the peer may send until the stream's window is used up.
pub const TRUNK_FLOW_PAUSE: trunk_flow = 1;

/// Takes the head of an answer, and the handle of its body: `trunk_answer_read` has it delivered.
///
/// Ownership: `answer` belongs to the caller of the library, who frees it.
/// Threads: the thread that is inside a call of this engine, its uploads or its answers. No lock is held: it may call
/// everything, on the same engine too, and free it. It must not leave by an exception or `longjmp`.
/// Valid until: `fields`, of which there are `count`, live until the function returns.
pub type trunk_head_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        answer: *mut trunk_answer,
        status: u16,
        fields: *const trunk_header,
        count: usize,
    ),
>;

/// Takes an informational answer (1xx); there may be several.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `fields`, of which there are `count`, live until the function returns.
pub type trunk_informational_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: u16,
        fields: *const trunk_header,
        count: usize,
    ),
>;

/// Takes the next bytes of a body and says how to go on. The peer's window is given back when it returns.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `data` lives until the function returns.
pub type trunk_data_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, data: trunk_view) -> trunk_flow>;

/// Takes the trailers of an answer, after the last of its data.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `fields`, of which there are `count`, live until the function returns.
pub type trunk_trailers_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, fields: *const trunk_header, count: usize)>;

/// Says that the body of an answer is complete.
///
/// Threads: as `trunk_head_callback`.
pub type trunk_end_callback = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Takes an HTTP/1.1 connection that the peer has upgraded, with the head of its answer and with the bytes that came behind it;
/// what the engine did not consume comes after these. It ends the exchange: neither `end` nor `error` follows.
///
/// Threads: as `trunk_head_callback`.
/// Valid until: `fields`, of which there are `count`, and `rest` live until the function returns.
pub type trunk_upgraded_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: u16,
        fields: *const trunk_header,
        count: usize,
        rest: trunk_view,
    ),
>;

/// The functions that take an answer. Exactly one of `end` and `error` is called, and last, unless the program has given the
/// exchange up or does not read the body. Members may be appended; the library copies the structure.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_exchange_handlers {
    /// `sizeof(trunk_exchange_handlers)`.
    pub size: usize,
    /// The head; required.
    pub head: trunk_head_callback,
    /// The error of this exchange; required.
    pub error: trunk_engine_error_callback,
    /// The bytes of the body. NULL: they are dropped.
    pub data: trunk_data_callback,
    /// The end of the body. NULL: nothing is called.
    pub end: trunk_end_callback,
    /// The trailers. NULL: they are dropped.
    pub trailers: trunk_trailers_callback,
    /// Informational answers. NULL: they are dropped.
    pub informational: trunk_informational_callback,
    /// Disposes of the user data, once nothing of all this will be called. NULL: nothing is called.
    pub destroy: trunk_destroy_callback,
    /// The connection, where the peer upgrades it: after a 101, or a CONNECT that succeeds. NULL: a 101 is an error.
    pub upgraded: trunk_upgraded_callback,
}

// SAFETY: the first member is its size; zeroes are no functions.
unsafe impl Table for trunk_exchange_handlers {}

/// The functions of one exchange.
pub(super) type ExchangeHooks = Hooks<trunk_exchange_handlers>;

/// The table of an argument, with its user data.
///
/// # Safety
/// As [`table::read`].
///
/// # Errors
/// As [`table::read`]; `null_pointer` where a required function is.
pub(super) unsafe fn hooks(
    handlers: *const trunk_exchange_handlers,
    user_data: *mut c_void,
) -> Result<Arc<ExchangeHooks>> {
    // SAFETY: the caller's promise.
    let table = unsafe { table::read(handlers, "handlers") }?;
    if table.head.is_none() || table.error.is_none() {
        return Err(Error::new(
            ErrorCode::NullPointer,
            "the handlers lack head or error",
        ));
    }
    Ok(Hooks::new(table, user_data, table.destroy))
}

impl ExchangeHooks {
    /// What the core calls.
    pub(super) fn handlers(self: Arc<ExchangeHooks>) -> Handlers {
        let (informed, trailed) = (Arc::clone(&self), Arc::clone(&self));
        let (failed, upgraded) = (Arc::clone(&self), Arc::clone(&self));
        let mut handlers = Handlers::new(
            move |response, body| ExchangeHooks::head(self, &response, body),
            move |error| failed.failed(&error),
        );
        if trailed.functions.trailers.is_some() {
            handlers = handlers.on_trailers(move |fields| trailed.trailers(&fields));
        }
        if informed.functions.informational.is_some() {
            handlers = handlers.on_informational(move |response| informed.informational(&response));
        }
        if upgraded.functions.upgraded.is_some() {
            handlers =
                handlers.on_upgrade(move |response, rest| upgraded.upgraded(&response, &rest));
        }
        handlers
    }

    fn upgraded(&self, response: &Response<()>, rest: &[u8]) {
        if let Some(take) = self.functions.upgraded {
            let (status, rest) = (response.status().as_u16(), trunk_view::of(rest));
            fields::show(response.headers(), |fields, count| {
                // SAFETY: as in `head`.
                unsafe { take(self.user_data(), status, fields, count, rest) }
            });
        }
    }

    fn head(self: Arc<ExchangeHooks>, response: &Response<()>, body: ResponseBody) {
        let Some(head) = self.functions.head else {
            return;
        };
        let user_data = self.user_data();
        value((), || {
            // Where no handle can be made the body is dropped, which resets the stream.
            let answer = handle::insert(AnswerObject::new(body, self))?;
            fields::show(response.headers(), |fields, count| {
                // SAFETY: the contract: a function may be called with its user data until that was disposed of; it does
                // not unwind. The answer keeps the user data until it is read or freed.
                unsafe {
                    head(
                        user_data,
                        ptr::without_provenance_mut(answer),
                        response.status().as_u16(),
                        fields,
                        count,
                    );
                }
            });
            Ok(())
        });
    }

    fn failed(&self, cause: &HttpError) {
        if let Some(failed) = self.functions.error {
            // SAFETY: as in `head`.
            error::show(cause, |error| unsafe { failed(self.user_data(), error) });
        }
    }

    fn trailers(&self, trailers: &HeaderMap) {
        if let Some(take) = self.functions.trailers {
            fields::show(trailers, |fields, count| {
                // SAFETY: as in `head`.
                unsafe { take(self.user_data(), fields, count) }
            });
        }
    }

    fn informational(&self, response: &Response<()>) {
        if let Some(take) = self.functions.informational {
            let status = response.status().as_u16();
            fields::show(response.headers(), |fields, count| {
                // SAFETY: as in `head`.
                unsafe { take(self.user_data(), status, fields, count) }
            });
        }
    }

    pub(super) fn data(&self, bytes: &[u8]) -> Flow {
        let flow = self
            .functions
            .data
            // SAFETY: as in `head`.
            .map_or(TRUNK_FLOW_CONTINUE, |data| unsafe {
                data(self.user_data(), trunk_view::of(bytes))
            });
        if flow == TRUNK_FLOW_PAUSE {
            Flow::Pause
        } else {
            Flow::Continue
        }
    }

    pub(super) fn end(&self) {
        if let Some(end) = self.functions.end {
            // SAFETY: as in `head`.
            unsafe { end(self.user_data()) }
        }
    }
}

/// Sends a request. With NULL as `upload` it has no body; else its body is written there. Over HTTP/1.1, and beyond the peer's
/// limit of streams, it waits for its turn. Over HTTP/1.1 a body without `content-length` is chunked, and `trailer` has to
/// name its trailers.
///
/// Ownership: request and handlers are copied. On success `user_data` belongs to the library until the handlers'
/// `destroy` is called with it. The caller frees `*upload`.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT`, `TRUNK_ERROR_INVALID_URL` or `TRUNK_ERROR_INVALID_HEADER` for a request that the
/// protocol cannot carry, `TRUNK_ERROR_CLOSED` after a shutdown or the end of the connection,
/// `TRUNK_ERROR_HTTP2_GOAWAY` after the peer's GOAWAY, `TRUNK_ERROR_INVALID_HANDLE` for a WebSocket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_request(
    engine: *mut trunk_engine,
    request: *const trunk_request_head,
    handlers: *const trunk_exchange_handlers,
    user_data: *mut c_void,
    upload: *mut *mut trunk_upload,
) -> trunk_status {
    let bodiless = upload.is_null();
    // SAFETY: the contract, which is the same.
    unsafe { send(engine, request, handlers, user_data, upload, bodiless) }
}

/// As `trunk_engine_request`, with a request that has no body. `*upload` serves to give the exchange up before its answer
/// is there (`trunk_upload_cancel`); to free it changes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_engine_request_without_body(
    engine: *mut trunk_engine,
    request: *const trunk_request_head,
    handlers: *const trunk_exchange_handlers,
    user_data: *mut c_void,
    upload: *mut *mut trunk_upload,
) -> trunk_status {
    // SAFETY: the contract, which is the same.
    unsafe { send(engine, request, handlers, user_data, upload, true) }
}

/// # Safety
/// The contract of [`trunk_engine_request`].
unsafe fn send(
    engine: *mut trunk_engine,
    request: *const trunk_request_head,
    handlers: *const trunk_exchange_handlers,
    user_data: *mut c_void,
    upload: *mut *mut trunk_upload,
    bodiless: bool,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::optional(upload) };
        let engine = handle::get::<EngineObject>(engine.addr())?;
        // SAFETY: the contract: views, arrays and structures that are arguments may be read during the call.
        let request = unsafe { fields::request(request) }?;
        // SAFETY: as above.
        let hooks = unsafe { hooks(handlers, user_data) }?;
        let sent = |hooks: Arc<ExchangeHooks>| ask(&engine, request, hooks.handlers(), bodiless);
        let Some(out) = out else {
            return hooks.hand_over(sent).map(drop);
        };
        // First the handle, so that nothing is sent where there is none.
        let (upload, object) = handle::insert_with(|_| Arc::new(UploadObject::default()))?;
        match hooks.hand_over(sent) {
            Ok(rest) => object.fill(rest),
            Err(error) => {
                handle::remove::<UploadObject>(upload)?;
                return Err(error);
            }
        }
        out.set(ptr::without_provenance_mut(upload));
        Ok(())
    })
}

/// Sends a request on an engine that speaks HTTP.
fn ask(
    engine: &EngineObject,
    request: Request<()>,
    handlers: Handlers,
    bodiless: bool,
) -> Result<Rest> {
    match engine.protocol() {
        Protocol::Http1(client) if bodiless => client
            .request_without_body(request, handlers)
            .map(Rest::Nothing),
        Protocol::Http2(client) if bodiless => client
            .request_without_body(request, handlers)
            .map(Rest::Nothing),
        Protocol::Http1(client) => client.request(request, handlers).map(Rest::Body),
        Protocol::Http2(client) => client.request(request, handlers).map(Rest::Body),
        Protocol::WebSocket(_) => Err(other_protocol("HTTP")),
    }
}
