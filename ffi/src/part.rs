//! Reading the parts of an answer.

use std::ffi::c_void;
use std::ptr;

use engine::{Error, ErrorCode, Frame, Head, Part, Result};
use http::{HeaderMap, Version};

use crate::boundary::{Out, call, value};
use crate::cell::with;
use crate::handle::{trunk_part, trunk_request};
use crate::message::{self, TRUNK_FRAME_NONE, trunk_frame_kind};
use crate::status::trunk_status;
use crate::view::{trunk_header, trunk_view};

/// The kind of a part: one of `TRUNK_PART_*`. A request delivers them in this order: informational and redirects, any number; one
/// head; data or frames, any number; trailers, at most once; then done or error, exactly once. Kinds may be added.
pub type trunk_kind = i32;

/// No part: the handle is NULL or dead.
pub const TRUNK_PART_NONE: trunk_kind = 0;
/// An informational (1xx) answer: status and header fields.
pub const TRUNK_PART_INFORMATIONAL: trunk_kind = 1;
/// The final answer: status and header fields. For a WebSocket the status is 101, or over HTTP/2 200: it is open.
pub const TRUNK_PART_HEAD: trunk_kind = 2;
/// Bytes of the body.
pub const TRUNK_PART_DATA: trunk_kind = 3;
/// Header fields after the body.
pub const TRUNK_PART_TRAILERS: trunk_kind = 4;
/// A WebSocket message or control frame.
pub const TRUNK_PART_FRAME: trunk_kind = 5;
/// There is room again for what was refused with `TRUNK_ERROR_AGAIN`. Not a piece of the answer: it may come at any time
/// before the terminal part.
pub const TRUNK_PART_WRITABLE: trunk_kind = 6;
/// The end: everything was delivered.
pub const TRUNK_PART_DONE: trunk_kind = 7;
/// The end: the request failed.
pub const TRUNK_PART_ERROR: trunk_kind = 8;
/// A redirect that was followed: status, header fields, and the URL that it led to.
pub const TRUNK_PART_REDIRECT: trunk_kind = 9;
/// A WebSocket was lost and is open again, with this status and these header fields. It comes between frames.
pub const TRUNK_PART_RECONNECTED: trunk_kind = 10;
/// The answer to a ping of `trunk_websocket_ping`. It comes between frames.
pub const TRUNK_PART_LATENCY: trunk_kind = 11;

/// The error of asking a part for what it does not have.
pub(crate) fn wrong_kind(what: &str) -> Error {
    Error::new(
        ErrorCode::InvalidState,
        format!("a part of this kind has no {what}"),
    )
}

/// Status line and header fields of a part that has them.
fn head<'a>(part: &'a Part, what: &str) -> Result<&'a Head> {
    match part {
        Part::Informational(head) | Part::Head(head) | Part::Reconnected(head) => Ok(head),
        Part::Redirect(redirect) => Ok(&redirect.head),
        _ => Err(wrong_kind(what)),
    }
}

/// The header fields of a part that has some.
fn fields(part: &Part) -> Result<&HeaderMap> {
    match part {
        Part::Trailers(trailers) => Ok(trailers),
        _ => head(part, "header fields").map(|head| &head.headers),
    }
}

/// Whether `part` is live, with the reason where it is not.
///
/// Errors: `TRUNK_ERROR_NULL_POINTER`, `TRUNK_ERROR_INVALID_HANDLE`, `TRUNK_ERROR_FORKED`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_check(part: *const trunk_part) -> trunk_status {
    call(|| with(part, |_| Ok(())))
}

/// The kind of a part; `TRUNK_PART_NONE` for one that is not live.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_kind(part: *const trunk_part) -> trunk_kind {
    value(TRUNK_PART_NONE, || {
        with(part, |content| {
            Ok(match content.event.part() {
                Part::Informational(_) => TRUNK_PART_INFORMATIONAL,
                Part::Redirect(_) => TRUNK_PART_REDIRECT,
                Part::Head(_) => TRUNK_PART_HEAD,
                Part::Data(_) => TRUNK_PART_DATA,
                Part::Trailers(_) => TRUNK_PART_TRAILERS,
                Part::Frame(_) => TRUNK_PART_FRAME,
                Part::Reconnected(_) => TRUNK_PART_RECONNECTED,
                Part::Latency(_) => TRUNK_PART_LATENCY,
                Part::Writable => TRUNK_PART_WRITABLE,
                Part::Done(_) => TRUNK_PART_DONE,
                Part::Error(_) => TRUNK_PART_ERROR,
                _ => {
                    return Err(Error::new(
                        ErrorCode::Unsupported,
                        "a kind that this ABI does not know",
                    ));
                }
            })
        })
    })
}

/// Whether the part is the last of its request.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_is_terminal(part: *const trunk_part) -> bool {
    value(false, || {
        with(part, |content| Ok(content.event.is_terminal()))
    })
}

/// The request of a part, to cancel it or to write to it; NULL once it was freed.
///
/// Ownership: borrowed; where the request was submitted without an owner it lives until its terminal part dies.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_request(part: *const trunk_part) -> *mut trunk_request {
    value(ptr::null_mut(), || {
        with(part, |content| {
            Ok(ptr::without_provenance_mut(content.request.handle()))
        })
    })
}

/// The number of the part's request, as `trunk_request_id` gives it.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_request_id(part: *const trunk_part) -> u64 {
    value(0, || with(part, |content| Ok(content.event.request_id())))
}

/// The user data that the part's request was submitted with.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_user_data(part: *const trunk_part) -> *mut c_void {
    value(ptr::null_mut(), || {
        with(part, |content| Ok(content.request.user_data().0))
    })
}

/// The status code of an informational part, a redirect or a head; else 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_status(part: *const trunk_part) -> u16 {
    value(0, || {
        with(part, |content| {
            head(content.event.part(), "status").map(|head| head.status.as_u16())
        })
    })
}

/// The HTTP version of an informational part, a redirect or a head, times ten: 10, 11 or 20; else 0.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_version(part: *const trunk_part) -> u16 {
    value(0, || {
        with(part, |content| {
            let head = head(content.event.part(), "version")?;
            Ok(match head.version {
                Version::HTTP_09 => 9,
                Version::HTTP_10 => 10,
                Version::HTTP_2 => 20,
                Version::HTTP_3 => 30,
                _ => 11,
            })
        })
    })
}

/// The absolute URL that a redirect led to; its `data` is NULL for another part.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_url(part: *const trunk_part) -> trunk_view {
    value(trunk_view::NONE, || {
        with(part, |content| match content.event.part() {
            Part::Redirect(redirect) => Ok(trunk_view::of_text(&redirect.url)),
            _ => Err(wrong_kind("url")),
        })
    })
}

/// The number of header fields of an informational part, a redirect, a head or trailers; else 0. A repeated name counts each time.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_header_count(part: *const trunk_part) -> usize {
    value(0, || {
        with(part, |content| {
            fields(content.event.part()).map(HeaderMap::len)
        })
    })
}

/// The header field at `index`, from 0. Fields of one name keep their order.
///
/// Errors: `TRUNK_ERROR_INVALID_ARGUMENT` past the last, `TRUNK_ERROR_INVALID_STATE` for a part of another kind.
/// Valid until: `*header` lives as long as the part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_part_header_at(
    part: *const trunk_part,
    index: usize,
    header: *mut trunk_header,
) -> trunk_status {
    call(|| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(header, "header") };
        let header = with(part, |content| {
            let (name, value) =
                fields(content.event.part())?
                    .iter()
                    .nth(index)
                    .ok_or_else(|| {
                        Error::new(
                            ErrorCode::InvalidArgument,
                            format!("there is no header {index}"),
                        )
                    })?;
            Ok(trunk_header {
                name: trunk_view::of_text(name.as_str()),
                value: trunk_view::of(value.as_bytes()),
            })
        })?;
        out?.set(header);
        Ok(())
    })
}

/// The first value of the header field with this name, in any case; its `data` is NULL where there is none.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_part_header(
    part: *const trunk_part,
    name: trunk_view,
) -> trunk_view {
    value(trunk_view::NONE, || {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        let name = unsafe { name.text("the name") }?;
        with(part, |content| {
            let found = fields(content.event.part())?.get(name);
            Ok(found.map_or(trunk_view::NONE, |value| trunk_view::of(value.as_bytes())))
        })
    })
}

/// The bytes of a data part, or the payload of a frame (of a close frame: the reason); else the empty view.
///
/// Valid until: the view lives as long as the part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_data(part: *const trunk_part) -> trunk_view {
    value(trunk_view::NONE, || {
        with(part, |content| match content.event.part() {
            Part::Data(data) => Ok(trunk_view::of(data)),
            Part::Frame(frame) => Ok(trunk_view::of(frame.payload())),
            _ => Err(wrong_kind("data")),
        })
    })
}

/// The kind of a frame; `TRUNK_FRAME_NONE` for another part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_frame_kind(part: *const trunk_part) -> trunk_frame_kind {
    value(TRUNK_FRAME_NONE, || {
        with(part, |content| match content.event.part() {
            Part::Frame(frame) => Ok(message::kind(frame)),
            _ => Err(wrong_kind("frame")),
        })
    })
}

/// The code of a close frame; 0 where the peer gave none, and for another part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_close_code(part: *const trunk_part) -> u16 {
    value(0, || {
        with(part, |content| match content.event.part() {
            Part::Frame(frame @ Frame::Close(..)) => Ok(message::close_code(frame)),
            _ => Err(wrong_kind("close code")),
        })
    })
}

/// Whether a frame is a fragment that others of its message follow: with `trunk_manager_options_set_websocket_frames`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_frame_has_more(part: *const trunk_part) -> bool {
    value(false, || {
        with(part, |content| match content.event.part() {
            Part::Frame(frame) => Ok(message::has_more(frame)),
            _ => Err(wrong_kind("frame")),
        })
    })
}

/// The number of the ping whose answer took so long, as `trunk_websocket_ping` gave it; 0 for another part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_ping(part: *const trunk_part) -> u64 {
    value(0, || {
        with(part, |content| match content.event.part() {
            Part::Latency(latency) => Ok(latency.ping),
            _ => Err(wrong_kind("ping")),
        })
    })
}

/// From handing a ping to the connection to reading its answer, in nanoseconds; 0 for another part.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_part_round_trip(part: *const trunk_part) -> u64 {
    value(0, || {
        with(part, |content| match content.event.part() {
            Part::Latency(latency) => {
                Ok(u64::try_from(latency.round_trip.as_nanos()).unwrap_or(u64::MAX))
            }
            _ => Err(wrong_kind("round trip")),
        })
    })
}
