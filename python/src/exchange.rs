//! A submitted request whose parts are taken by blocking calls.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pyo3::prelude::*;
use trunkline::{ErrorCode, Event, Part, RequestHandle, Result};

use crate::engine::Engine;
use crate::errors::checked;
use crate::parts::{lock, part};
use crate::pings::{Answer, Pings};
use crate::timeout::deadline;
use crate::{frames, headers, prepare};

/// How often a blocking call looks for signals, so that Ctrl-C ends it.
const SIGNALS: Duration = Duration::from_millis(200);
/// Parts taken from the core at once.
const BATCH: usize = 1024;

/// A request, and what arrived while something else was waited for. One thread may read while another one writes.
pub(crate) struct Link {
    pub(crate) handle: RequestHandle,
    engine: Arc<Engine>,
    kept: Mutex<Kept>,
    /// Somebody has received, whatever came.
    received: Condvar,
    /// The URL that the request is at.
    asked: Mutex<String>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Event>,
    /// A thread receives for all that wait.
    receiving: bool,
    /// How often somebody has received.
    turns: u64,
    pings: Pings,
}

impl Kept {
    /// Keeps an event for who wants it. One word that there is room is enough, so that those who only write keep one.
    fn keep(&mut self, event: Event) {
        self.pings.note(event.part());
        let is_word = |event: &Event| matches!(event.part(), Part::Writable);
        if !(is_word(&event) && self.events.back().is_some_and(is_word)) {
            self.events.push_back(event);
        }
    }
}

/// Calls `attempt` with near deadlines until it does something else than run out of time, or `until` has passed. The
/// interpreter is free meanwhile; signals are looked at in between.
pub(crate) fn patiently<T: Send>(
    py: Python<'_>,
    until: Option<Instant>,
    attempt: impl Fn(Option<Instant>) -> Result<T> + Sync,
) -> PyResult<T> {
    loop {
        let near = Instant::now() + SIGNALS;
        let slice = until.map_or(near, |until| until.min(near));
        match py.detach(|| attempt(Some(slice))) {
            Err(error)
                if error.code() == ErrorCode::Timeout
                    && until.is_none_or(|until| Instant::now() < until) =>
            {
                py.check_signals()?;
            }
            result => return checked(py, result),
        }
    }
}

impl Link {
    pub(crate) fn new(handle: RequestHandle, url: String, engine: Arc<Engine>) -> Link {
        Link {
            handle,
            engine,
            kept: Mutex::default(),
            received: Condvar::new(),
            asked: Mutex::new(url),
        }
    }

    /// What was kept for later, or what is there now.
    fn at_once(&self) -> Result<Event> {
        let mut kept = lock(&self.kept);
        if let Some(event) = kept.events.pop_front() {
            return Ok(event);
        }
        // A thread that receives keeps what it gets.
        if kept.receiving {
            return Err(trunkline::Error::new(ErrorCode::Again, "nothing yet"));
        }
        let event = self.handle.try_recv()?;
        if kept.pings.note(event.part()) {
            kept.turns += 1;
        }
        if matches!(event.part(), Part::Writable) {
            // A thread that is about to wait for this word must offer once more.
            kept.turns += 1;
        }
        Ok(event)
    }

    /// The next part of the answer if it is there, and no failure; nor a piece of the body, `without_data`: it stays the
    /// request's own, and counts against its credit.
    fn at_hand(&self, without_data: bool) -> Option<Event> {
        loop {
            let event = self.at_once().ok()?;
            match event.part() {
                Part::Writable => {}
                Part::Error(_) => break self.put_back(event),
                Part::Data(_) if without_data => break self.put_back(event),
                _ => break Some(event),
            }
        }
    }

    fn put_back(&self, event: Event) -> Option<Event> {
        lock(&self.kept).events.push_front(event);
        None
    }

    /// Looks until there is something to see, and receives what comes meanwhile, or lets another thread do it.
    fn wait<T>(&self, until: Option<Instant>, look: impl Fn() -> Option<Result<T>>) -> Result<T> {
        loop {
            let turns = lock(&self.kept).turns;
            if let Some(seen) = look() {
                return seen;
            }
            let mut kept = lock(&self.kept);
            if kept.turns != turns {
                continue;
            }
            if kept.receiving {
                let left = until.map_or(SIGNALS, |until| {
                    until.saturating_duration_since(Instant::now())
                });
                if left.is_zero() {
                    return Err(trunkline::Error::new(
                        ErrorCode::Timeout,
                        "nothing came in the time given",
                    ));
                }
                drop(self.received.wait_timeout(kept, left));
                continue;
            }
            kept.receiving = true;
            drop(kept);
            let mut batch = Vec::new();
            let outcome = self.handle.recv_many(&mut batch, BATCH, until);
            let mut kept = lock(&self.kept);
            kept.receiving = false;
            kept.turns += 1;
            for event in batch {
                kept.keep(event);
            }
            drop(kept);
            self.received.notify_all();
            outcome?;
        }
    }

    /// The next event, `Writable` among them.
    fn any(&self, py: Python<'_>, until: Option<Instant>) -> PyResult<Event> {
        match self.at_once() {
            Err(error) if error.code() == ErrorCode::Again => patiently(py, until, |slice| {
                self.wait(slice, || lock(&self.kept).events.pop_front().map(Ok))
            }),
            event => checked(py, event),
        }
    }

    /// The next part of the answer.
    pub(crate) fn next(&self, py: Python<'_>, until: Option<Instant>) -> PyResult<Event> {
        loop {
            let event = self.any(py, until)?;
            if !matches!(event.part(), Part::Writable) {
                return Ok(event);
            }
        }
    }

    /// The parts that have come, `limit` at most; waits for the first. Words that there is room may be among them.
    pub(crate) fn many(
        &self,
        py: Python<'_>,
        limit: usize,
        until: Option<Instant>,
    ) -> PyResult<VecDeque<Event>> {
        let take = || {
            let mut kept = lock(&self.kept);
            if kept.events.len() <= limit {
                return std::mem::take(&mut kept.events);
            }
            let rest = kept.events.split_off(limit);
            std::mem::replace(&mut kept.events, rest)
        };
        let there = take();
        if !there.is_empty() {
            return Ok(there);
        }
        patiently(py, until, |slice| {
            self.wait(slice, || {
                let events = take();
                (!events.is_empty()).then_some(Ok(events))
            })
        })
    }

    /// Sends a ping and waits for its answer; none where the connection was lost before it came. `ended` tells that nothing
    /// more will come.
    pub(crate) fn ping(
        &self,
        py: Python<'_>,
        payload: Option<&Bytes>,
        until: Option<Instant>,
    ) -> PyResult<Option<Duration>> {
        let key = Mutex::new(0);
        self.insist(py, until, |handle| {
            *lock(&key) = lock(&self.kept).pings.ask(handle, payload)?;
            Ok(())
        })?;
        let key = *lock(&key);
        let answer = patiently(py, until, |slice| {
            self.wait(slice, || {
                let mut kept = lock(&self.kept);
                match kept.pings.answer(key) {
                    Some(Answer::Took(time)) => Some(Ok(Some(time))),
                    Some(Answer::Lost) => Some(Ok(None)),
                    None if kept.events.back().is_some_and(|event| event.is_terminal()) => {
                        Some(Ok(None))
                    }
                    None => None,
                }
            })
        });
        lock(&self.kept).pings.forget(key);
        answer
    }

    /// With the inline drive: sends now what was queued. Else nothing would before the next call that waits.
    pub(crate) fn flush(&self, py: Python<'_>) -> PyResult<()> {
        if self.engine.inline {
            let flushed = py.detach(|| self.engine.manager.flush());
            checked(py, flushed)?;
        }
        Ok(())
    }

    /// Offers something until it is taken. Parts that arrive meanwhile are kept; their credit bounds them.
    pub(crate) fn insist(
        &self,
        py: Python<'_>,
        until: Option<Instant>,
        offer: impl Fn(&RequestHandle) -> Result<()> + Sync,
    ) -> PyResult<()> {
        let taken = || match offer(&self.handle) {
            Err(error) if error.code() == ErrorCode::Again => None,
            outcome => Some(outcome),
        };
        match taken() {
            Some(outcome) => checked(py, outcome),
            None => patiently(py, until, |slice| self.wait(slice, taken)),
        }
    }
}

/// A submitted request whose parts are taken one by one. When it is dropped before its end, it is cancelled.
#[pyclass(frozen, module = "trunkline")]
pub(crate) struct Exchange(pub(crate) Arc<Link>);

#[pymethods]
impl Exchange {
    /// The next part: `Head`, `Data`, `Trailers`, `Frame`, and `Done` at the end. A failed request raises its error;
    /// without a part in `timeout` seconds `CallTimeout` is raised, and nothing is lost.
    #[pyo3(signature = (timeout=None))]
    fn recv<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        part(py, self.0.next(py, deadline(timeout)?)?, &self.0.asked)
    }

    /// Waits for the head of the answer, and takes what has come with it: one piece of the body at most, and `Done` if
    /// the answer is that short. A failure after the head is kept for `recv`.
    fn begin<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut parts = Vec::with_capacity(3);
        let mut open = true;
        while open {
            let event = self.0.next(py, None)?;
            open = !matches!(event.part(), Part::Head(_));
            parts.push(part(py, event, &self.0.asked)?);
        }
        let mut has_data = false;
        while let Some(event) = self.0.at_hand(has_data) {
            has_data |= matches!(event.part(), Part::Data(_));
            parts.push(part(py, event, &self.0.asked)?);
        }
        Ok(parts)
    }

    /// As `recv`, and also `Writable` when there is room again for a piece that `try_write` did not take.
    #[pyo3(signature = (timeout=None))]
    fn recv_any<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        part(py, self.0.any(py, deadline(timeout)?)?, &self.0.asked)
    }

    /// Writes a piece of a streamed body; waits while the queue is full.
    #[pyo3(signature = (data, timeout=None))]
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<()> {
        let data = prepare::shared(data)?;
        self.0
            .insist(py, deadline(timeout)?, |handle| handle.write(data.clone()))
    }

    /// Writes a piece of a streamed body unless the queue is full; says whether it was taken.
    fn try_write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.0.handle.write(prepare::shared(data)?) {
            Ok(()) => Ok(true),
            Err(error) if error.code() == ErrorCode::Again => Ok(false),
            Err(error) => Err(crate::errors::raise(py, &error)),
        }
    }

    /// Ends a streamed body, with trailers where given.
    #[pyo3(signature = (trailers=None))]
    fn finish(&self, py: Python<'_>, trailers: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let trailers = trailers
            .map(|fields| headers::map(py, Some(fields)))
            .transpose()?;
        checked(py, self.0.handle.finish(trailers))
    }

    /// Gives a streamed body up: the request ends with `UploadFailed`.
    fn fail(&self, py: Python<'_>, why: &str) -> PyResult<()> {
        checked(py, self.0.handle.fail(why))
    }

    /// Sends a WebSocket frame of a kind (`text`, `binary`, `continuation`, `ping`, `pong`, `close`); waits while the queue is
    /// full. `last` makes a piece of a message of it.
    #[pyo3(signature = (kind, payload, code=None, timeout=None, last=None))]
    fn send_frame(
        &self,
        py: Python<'_>,
        kind: &str,
        payload: &Bound<'_, PyAny>,
        code: Option<u16>,
        timeout: Option<f64>,
        last: Option<bool>,
    ) -> PyResult<()> {
        let frame = frames::by_kind(kind, payload, code, last)?;
        self.0
            .insist(py, deadline(timeout)?, |handle| handle.send(frame.clone()))
    }

    /// Cancels the request: its last part raises `Cancelled`. Nothing happens when it has ended already.
    fn cancel(&self) {
        self.0.handle.cancel();
    }

    /// Whether the last part was delivered; it may still wait to be taken.
    #[getter]
    fn is_ended(&self) -> bool {
        self.0.handle.is_ended()
    }
}
