//! Engines that cut the bytes of an answer into lines and into server-sent events.

use std::ptr;
use std::sync::Mutex;

use bytes::Bytes;
use engine::{Lines, Result, ServerSentEvent, ServerSentEvents};

use crate::boundary::{Out, call};
use crate::handle::{self, Handled, trunk_lines, trunk_sse};
use crate::status::trunk_status;
use crate::view::trunk_view;

/// An event of an event stream (WHATWG HTML, 9.2).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct trunk_sse_event {
    /// Its type; `message` where the peer gave none. NULL where there is no event.
    pub event: trunk_view,
    /// The data, its lines joined by `\n`.
    pub data: trunk_view,
    /// The last event id in force; the empty view where there is none.
    pub id: trunk_view,
    /// The milliseconds to wait before reconnecting, if the peer set them since the event before; else -1.
    pub retry_ms: i64,
}

/// An engine, and what it gave last, for as long as C reads it.
pub(crate) struct Engine<E, L> {
    pub(crate) engine: E,
    pub(crate) last: Option<L>,
}

pub(crate) type LinesEngine = Engine<Lines, Bytes>;
pub(crate) type SseEngine = Engine<ServerSentEvents, ServerSentEvent>;

/// Makes an engine.
///
/// # Safety
/// `out` is NULL or may be written during the call.
pub(crate) unsafe fn make<E, L, H>(engine: E, out: *mut *mut H, name: &str) -> Result<()>
where
    Mutex<Engine<E, L>>: Handled,
{
    // SAFETY: the caller's promise.
    let out = unsafe { Out::new(out, name) }?;
    let engine = Engine { engine, last: None };
    out.set(ptr::without_provenance_mut(handle::insert(Mutex::new(
        engine,
    ))?));
    Ok(())
}

/// Changes an engine.
pub(crate) fn change<E, L>(
    handle: usize,
    change: impl FnOnce(&mut Engine<E, L>) -> Result<()>,
) -> trunk_status
where
    Mutex<Engine<E, L>>: Handled,
{
    call(|| handle::change::<Engine<E, L>, ()>(handle, change))
}

/// Makes an engine that cuts bytes into lines of at most `max_line` bytes, at `\n` and `\r\n`, and with `carriage_return`
/// at a lone `\r`, too.
///
/// Ownership: the caller frees `*lines`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_lines_new(
    max_line: usize,
    carriage_return: bool,
    lines: *mut *mut trunk_lines,
) -> trunk_status {
    let mut engine = Lines::new(max_line);
    if carriage_return {
        engine = engine.at_carriage_return();
    }
    // SAFETY: the contract: an out-parameter is NULL or may be written.
    call(|| unsafe { make::<_, Bytes, _>(engine, lines, "lines") })
}

/// Gives it back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_lines_free(lines: *mut trunk_lines) -> trunk_status {
    call(|| handle::free::<Mutex<LinesEngine>>(lines.addr()).map(drop))
}

/// Takes the next piece. It is kept until its lines are taken, so take them before pushing the next. Nothing is taken after
/// `trunk_lines_finish`.
///
/// Ownership: `data` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_lines_push(
    lines: *mut trunk_lines,
    data: trunk_view,
) -> trunk_status {
    change(lines.addr(), |lines: &mut LinesEngine| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        lines.engine.push(unsafe { data.bytes() }?);
        Ok(())
    })
}

/// Says that nothing follows: what is left is the last line, unless it is empty.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_lines_finish(lines: *mut trunk_lines) -> trunk_status {
    change(lines.addr(), |lines: &mut LinesEngine| {
        lines.engine.finish();
        Ok(())
    })
}

/// Takes the next line, without its end. The `data` of `*line` is NULL where there is none: more has to be pushed, or all
/// lines were taken.
///
/// Errors: `TRUNK_ERROR_BODY_TOO_LARGE` at a line that exceeds the limit, and from then on.
/// Valid until: the view lives until the next call of this function for the same engine, or until that is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_lines_next(
    lines: *mut trunk_lines,
    line: *mut trunk_view,
) -> trunk_status {
    change(lines.addr(), |lines: &mut LinesEngine| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(line, "line") }?;
        lines.last = lines.engine.next_line()?;
        let line = lines.last.as_deref();
        out.set(line.map_or(trunk_view::NONE, trunk_view::of));
        Ok(())
    })
}

/// Makes an engine that reads an event stream (`text/event-stream`), whose events have at most `max_event` bytes of data.
///
/// Ownership: the caller frees `*sse`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_sse_new(max_event: usize, sse: *mut *mut trunk_sse) -> trunk_status {
    let engine = ServerSentEvents::new(max_event);
    // SAFETY: the contract: an out-parameter is NULL or may be written.
    call(|| unsafe { make::<_, ServerSentEvent, _>(engine, sse, "sse") })
}

/// Gives it back. NULL is let pass.
///
/// Errors: `TRUNK_ERROR_INVALID_HANDLE`.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_sse_free(sse: *mut trunk_sse) -> trunk_status {
    call(|| handle::free::<Mutex<SseEngine>>(sse.addr()).map(drop))
}

/// Takes the next piece. It is kept until its events are taken, so take them before pushing the next.
///
/// Ownership: `data` is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_sse_push(sse: *mut trunk_sse, data: trunk_view) -> trunk_status {
    change(sse.addr(), |sse: &mut SseEngine| {
        // SAFETY: the contract: a view that is an argument may be read during the call.
        sse.engine.push(unsafe { data.bytes() }?);
        Ok(())
    })
}

/// Says that nothing follows. An event that no empty line ended is dropped, as the standard says.
#[unsafe(no_mangle)]
pub extern "C" fn trunk_sse_finish(sse: *mut trunk_sse) -> trunk_status {
    change(sse.addr(), |sse: &mut SseEngine| {
        sse.engine.finish();
        Ok(())
    })
}

/// Takes the next event. In `*event` the `data` of `event` is NULL where there is none: more has to be pushed, or all
/// events were taken.
///
/// Errors: `TRUNK_ERROR_BODY_TOO_LARGE` at an event or line that exceeds the limit, and from then on.
/// Valid until: the views live until the next call of this function for the same engine, or until that is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trunk_sse_next(
    sse: *mut trunk_sse,
    event: *mut trunk_sse_event,
) -> trunk_status {
    change(sse.addr(), |sse: &mut SseEngine| {
        // SAFETY: the contract: an out-parameter is NULL or may be written.
        let out = unsafe { Out::new(event, "event") }?;
        sse.last = sse.engine.next_event()?;
        out.set(sse.last.as_ref().map_or(NO_EVENT, view));
        Ok(())
    })
}

const NO_EVENT: trunk_sse_event = trunk_sse_event {
    event: trunk_view::NONE,
    data: trunk_view::NONE,
    id: trunk_view::NONE,
    retry_ms: -1,
};

fn view(event: &ServerSentEvent) -> trunk_sse_event {
    let id = event.id.as_deref();
    let retry = event.retry.map(|time| time.as_millis());
    trunk_sse_event {
        event: trunk_view::of_text(&event.event),
        data: trunk_view::of_text(&event.data),
        id: id.map_or(trunk_view::NONE, trunk_view::of_text),
        retry_ms: retry.map_or(-1, |time| i64::try_from(time).unwrap_or(i64::MAX)),
    }
}
