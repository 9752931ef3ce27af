//! HTTP/1.1 client connections without a socket.

use std::ffi::c_void;

use engine::sansio::http1::{Http1Client, Http1Settings};

use super::engine::{Protocol, insert};
use super::http2::{ConnectionHooks, trunk_connection_handlers};
use crate::boundary::{Out, call};
use crate::handle::{self, trunk_engine};
use crate::sansio::EngineObject;
use crate::status::trunk_status;

/// Makes an HTTP/1.1 client connection at its beginning (RFC 9112). It carries one exchange at a time; others wait for their
/// turn. `max_headers` is how many fields an answer may have (0: 100), `max_header_bytes` the bytes of its head (0: 64 KiB). The
/// `promise` of the handlers is never called.
///
/// Ownership: the handlers are copied. On success `user_data` belongs to the library until their `destroy` is called with it.
/// The caller frees `*engine`.
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` for less than 8192 `max_header_bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_http1_new(
    max_headers: usize,
    max_header_bytes: usize,
    handlers: *const trunk_connection_handlers,
    user_data: *mut c_void,
    engine: *mut *mut trunk_engine,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(engine, "engine") }?;
        // SAFETY: the contract: structures that are arguments may be read during the call.
        let hooks = unsafe { ConnectionHooks::read(handlers, user_data) }?;
        let defaults = Http1Settings::default();
        let told = |told: usize, default| if told == 0 { default } else { told };
        let settings = Http1Settings {
            max_headers: told(max_headers, defaults.max_headers),
            max_header_bytes: told(max_header_bytes, defaults.max_header_bytes),
        };
        out.set(hooks.hand_over(|hooks| {
            let client = Http1Client::new(&settings, move |error| hooks.failed(&error))?;
            insert(Protocol::Http1(client))
        })?);
        Ok(())
    })
}

/// Asks no more: the connection closes when the requests that were made have their answers.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE` for an engine that speaks another protocol.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_http1_shutdown(engine: *mut trunk_engine) -> trunk_status {
    call(|| {
        let engine = handle::get::<EngineObject>(engine.addr())?;
        engine.http1()?.shutdown();
        Ok(())
    })
}
