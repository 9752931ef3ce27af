//! What of a WebSocket's opening handshake concerns WebSockets; its bytes are the program's.

use std::ptr;
use std::sync::{Mutex, PoisonError};

use engine::sansio::websocket::{WebSocketAgreement, WebSocketHandshake};
use engine::{Error, ErrorCode, Result, WebSocketDeflate};
use http::{HeaderMap, StatusCode};

use super::fields;
use super::table::{self, Table};
use crate::boundary::{Out, call};
use crate::handle::{self, trunk_handshake};
use crate::status::trunk_status;
use crate::view::{trunk_header, trunk_view};

/// A handshake, and what came of it.
pub(crate) struct HandshakeObject {
    handshake: WebSocketHandshake,
    fields: HeaderMap,
    agreement: Mutex<Option<WebSocketAgreement>>,
}

impl HandshakeObject {
    pub(super) fn agreement(&self) -> Result<WebSocketAgreement> {
        let agreement = self
            .agreement
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        agreement.clone().ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidState,
                "the answer to the handshake was not checked, or refused",
            )
        })
    }
}

/// What is offered of compression (permessage-deflate, RFC 7692), and how it is used. The peer may choose less, or nothing. How
/// large a message may become is a setting of the WebSocket. Members may be appended.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_deflate {
    /// `sizeof(trunk_deflate)`.
    pub size: usize,
    /// Bytes of a message below which it is not compressed. 0: 128; 1 compresses every message that is not empty.
    pub threshold: usize,
    /// How hard to compress, from 1 (fast) to 9 (small). 0: 6.
    pub level: u32,
    /// The window that the peer may compress with, as a power of two from 9 to 15. 0: 15.
    pub server_max_window_bits: u8,
    /// The window of what is sent, likewise. 0: 15.
    pub client_max_window_bits: u8,
    /// Ask the peer to compress each message by itself.
    pub server_no_context_takeover: bool,
    /// Compress each message by itself.
    pub client_no_context_takeover: bool,
}

// SAFETY: the first member is its size; the others are numbers and bools, of which zero is false.
unsafe impl Table for trunk_deflate {}

/// The offer of an argument; none for NULL.
///
/// # Safety
/// As [`table::read`].
unsafe fn offer(deflate: *const trunk_deflate) -> Result<Option<WebSocketDeflate>> {
    if deflate.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let told = unsafe { table::read(deflate, "deflate") }?;
    let mut offer = WebSocketDeflate {
        server_no_context_takeover: told.server_no_context_takeover,
        client_no_context_takeover: told.client_no_context_takeover,
        ..WebSocketDeflate::default()
    };
    set(&mut offer.threshold, told.threshold);
    set(&mut offer.level, told.level);
    set(
        &mut offer.server_max_window_bits,
        told.server_max_window_bits,
    );
    set(
        &mut offer.client_max_window_bits,
        told.client_max_window_bits,
    );
    Ok(Some(offer))
}

/// Zero leaves the default.
fn set<N: Default + PartialEq>(place: &mut N, told: N) {
    if told != N::default() {
        *place = told;
    }
}

/// Makes the opening handshake of a WebSocket over HTTP/1.1 (RFC 6455, 4.1), with an offer of compression where `deflate` is
/// set. `fields` (NULL allowed with a count of 0) are those that the program adds to the GET, `sec-websocket-protocol`
/// among them. The program sends all that `trunk_handshake_field` answers, with an engine's request or by itself.
///
/// Ownership: `fields` are copied. The caller frees `*handshake`.
/// Errors: `TRUNK_ERROR_INVALID_HEADER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_handshake_new(
    fields: *const trunk_header,
    count: usize,
    deflate: bool,
    handshake: *mut *mut trunk_handshake,
) -> trunk_status {
    let offer = deflate.then(WebSocketDeflate::default);
    // SAFETY: the contract, which is the same.
    call(|| unsafe { make(fields, count, offer, handshake) })
}

/// As `trunk_handshake_new`, with an offer of this compression; none with NULL.
///
/// Ownership: `fields` and `deflate` are copied. The caller frees `*handshake`.
/// Errors: as `trunk_handshake_new`, and `TRUNK_ERROR_INVALID_ARGUMENT` for a level or a window that is out of range.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_handshake_new_deflate(
    fields: *const trunk_header,
    count: usize,
    deflate: *const trunk_deflate,
    handshake: *mut *mut trunk_handshake,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: a structure that is an argument may be read during the call.
        let offer = unsafe { offer(deflate) }?;
        // SAFETY: the contract, which is the same.
        unsafe { make(fields, count, offer, handshake) }
    })
}

/// # Safety
/// The contract of [`trunk_handshake_new`].
unsafe fn make(
    fields: *const trunk_header,
    count: usize,
    offer: Option<WebSocketDeflate>,
    handshake: *mut *mut trunk_handshake,
) -> Result<()> {
    // SAFETY: the contract: an out-parameter is NULL or may be written.
    let out = unsafe { Out::new(handshake, "handshake") }?;
    // SAFETY: the contract: an array that is an argument holds as many as are said, each with views that may be read.
    let mut fields = unsafe { fields::map(fields, count) }?;
    let handshake = WebSocketHandshake::new(&mut fields, offer)?;
    let object = HandshakeObject {
        handshake,
        fields,
        agreement: Mutex::default(),
    };
    out.set(ptr::without_provenance_mut(handle::insert(object)?));
    Ok(())
}

/// Gives it back; a WebSocket that was made with it goes on. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_handshake_free(handshake: *mut trunk_handshake) -> trunk_status {
    call(|| handle::free::<HandshakeObject>(handshake.addr()).map(drop))
}

/// The field of this number, from 0, that the request has to have. The name's `data` is NULL behind the last.
///
/// Valid until: the views live as long as the handshake.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_handshake_field(
    handshake: *const trunk_handshake,
    index: usize,
    field: *mut trunk_header,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(field, "field") };
        let handshake = handle::get::<HandshakeObject>(handshake.addr())?;
        let found = handshake.fields.iter().nth(index);
        out?.set(found.map_or(
            trunk_header {
                name: trunk_view::NONE,
                value: trunk_view::NONE,
            },
            |(name, value)| trunk_header {
                name: trunk_view::of_text(name.as_str()),
                value: trunk_view::of(value.as_bytes()),
            },
        ));
        Ok(())
    })
}

/// Checks the answer. The subprotocol that the peer has chosen, if any, is among its fields.
///
/// Errors: `TRUNK_ERROR_WEBSOCKET_REJECTED` for another status than 101, `TRUNK_ERROR_WEBSOCKET_HANDSHAKE` for an answer that is
/// not valid, `TRUNK_ERROR_INVALID_HEADER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_handshake_check(
    handshake: *mut trunk_handshake,
    status: u16,
    fields: *const trunk_header,
    count: usize,
) -> trunk_status {
    call(|| {
        let handshake = handle::get::<HandshakeObject>(handshake.addr())?;
        // SAFETY: the contract: an array that is an argument holds as many as are said, each with views that may be read.
        let fields = unsafe { fields::map(fields, count) }?;
        let status = StatusCode::from_u16(status)
            .map_err(|cause| Error::new(ErrorCode::InvalidArgument, cause.to_string()))?;
        let agreement = handshake.handshake.check(status, &fields)?;
        handshake
            .agreement
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(agreement);
        Ok(())
    })
}
