//! Options of a WebSocket that a manager and a request have alike.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use engine::{Error, ErrorCode, Frame, Head, Result, WebSocketDeflate, WebSocketReconnect};

use crate::boundary::value;
use crate::callback::{Function, UserData, trunk_destroy_callback};
use crate::message::{copy, trunk_message};
use crate::policy::{PolicyHolder, PolicyMut};
use crate::status::{TRUNK_OK, trunk_status};
use crate::view::{array, trunk_header, trunk_view};

/// Says what is sent first on a WebSocket that is open again, before what was queued meanwhile: it answers how many
/// messages these are, and writes where they are to `*messages`. `status` and `headers` are those of the answer that
/// opened it.
///
/// Ownership: the messages are copied when the function has returned; they stay the caller's.
/// Threads: the thread that runs the reactor, as for `trunk_part_callback`; for several requests also several at once.
/// Valid until: `headers` live until the function returns.
pub type trunk_resume_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: u16,
        headers: *const trunk_header,
        count: usize,
        messages: *mut *const trunk_message,
    ) -> usize,
>;

type Resume = unsafe extern "C" fn(
    *mut c_void,
    u16,
    *const trunk_header,
    usize,
    *mut *const trunk_message,
) -> usize;

/// Offers compression, or does not.
pub(crate) fn offer_deflate<H: PolicyHolder>(options: *mut H, offered: bool) -> trunk_status {
    H::change_policy(options, |policy| {
        let place = match policy {
            PolicyMut::Defaults(policy) => &mut policy.websocket_deflate,
            PolicyMut::Overrides(policy) => policy.websocket_deflate.get_or_insert_default(),
        };
        *place = offered.then(|| place.take().unwrap_or_default());
        Ok(())
    })
}

/// Offers compression, changed so.
pub(crate) fn set_deflate<H: PolicyHolder>(
    options: *mut H,
    set: impl FnOnce(&mut WebSocketDeflate),
) -> trunk_status {
    H::change_policy(options, |policy| {
        let place = match policy {
            PolicyMut::Defaults(policy) => &mut policy.websocket_deflate,
            PolicyMut::Overrides(policy) => policy.websocket_deflate.get_or_insert_default(),
        };
        let mut deflate = place.clone().unwrap_or_default();
        set(&mut deflate);
        deflate.check()?;
        *place = Some(deflate);
        Ok(())
    })
}

/// Opens what was lost again, or does not.
pub(crate) fn allow_reconnect<H: PolicyHolder>(options: *mut H, allowed: bool) -> trunk_status {
    H::change_policy(options, |policy| {
        let place = match policy {
            PolicyMut::Defaults(policy) => &mut policy.websocket_reconnect,
            PolicyMut::Overrides(policy) => policy.websocket_reconnect.get_or_insert_default(),
        };
        let before = place.take();
        if allowed {
            *place = Some(before.unwrap_or_default());
            return Ok(None);
        }
        Ok(before)
    })
}

/// Opens what was lost again, changed so.
pub(crate) fn set_reconnect<H: PolicyHolder>(
    options: *mut H,
    set: impl FnOnce(&mut WebSocketReconnect) -> Result<()>,
) -> trunk_status {
    H::change_policy(options, |policy| {
        let place = match policy {
            PolicyMut::Defaults(policy) => &mut policy.websocket_reconnect,
            PolicyMut::Overrides(policy) => policy.websocket_reconnect.get_or_insert_default(),
        };
        let mut reconnect = place.clone().unwrap_or_default();
        set(&mut reconnect)?;
        Ok(place.replace(reconnect))
    })
}

/// The codes of an argument.
///
/// # Safety
/// As [`array`].
///
/// # Errors
/// As [`array`].
pub(crate) unsafe fn set_codes<H: PolicyHolder>(
    options: *mut H,
    codes: *const u16,
    count: usize,
) -> trunk_status {
    set_reconnect(options, |reconnect| {
        // SAFETY: the caller's promise.
        reconnect.close_codes = unsafe { array(codes, count, "codes") }?.to_vec();
        Ok(())
    })
}

/// Lets a function of the caller's say what is sent first.
pub(crate) fn set_resume<H: PolicyHolder>(
    options: *mut H,
    callback: trunk_resume_callback,
    user_data: *mut c_void,
    destroy: trunk_destroy_callback,
) -> trunk_status {
    let status = set_reconnect(options, |reconnect| {
        reconnect.resume = callback.map(|callback| -> engine::ResumeFunction {
            let function = Function::new(callback, user_data, destroy);
            Arc::new(move |head| resume(&function, head))
        });
        Ok(())
    });
    if status == TRUNK_OK && callback.is_none() {
        UserData(user_data).destroy(destroy);
    }
    status
}

fn resume(function: &Function<Resume>, head: &Head) -> Vec<Frame> {
    value(Vec::new(), || {
        let headers: Vec<trunk_header> = head
            .headers
            .iter()
            .map(|(name, value)| trunk_header {
                name: trunk_view::of_text(name.as_str()),
                value: trunk_view::of(value.as_bytes()),
            })
            .collect();
        let mut messages = ptr::null();
        let status = head.status.as_u16();
        // SAFETY: the contract: the callback may be called until its destroy hook was; it does not unwind.
        let count = function.call(|resume, user_data| unsafe {
            resume(
                user_data,
                status,
                headers.as_ptr(),
                headers.len(),
                &raw mut messages,
            )
        });
        // SAFETY: the contract: what the callback gave leads to as many messages as it said.
        let messages = unsafe { array(messages, count, "messages") }?;
        // SAFETY: the contract: each has a view that may be read.
        let frames = unsafe { copy(messages, usize::MAX) }?;
        if frames.len() < messages.len() {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("message {} of a resume cannot be sent", frames.len()),
            ));
        }
        Ok(frames)
    })
}
