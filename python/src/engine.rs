//! The meeting point of a manager and an event loop: one descriptor that the loop watches, one function that turns a
//! whole batch of parts into resolved futures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use slab::Slab;
use trunkline::{Control, Delivery, ErrorCode, Event, Request};

use crate::binding::Binding;
use crate::channel::Channel;
use crate::collect::{Answer, Collector};
use crate::errors::checked;
use crate::looking::Looks;
use crate::parts::lock;

/// How long requests that were told to end are waited for when their manager goes.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// Events taken from the core at once.
const BATCH: usize = 1024;

/// A request under way whose parts come through the manager's queue; the token is its place in the slab.
enum Entry {
    Whole(Box<Whole>),
    Parts(Arc<Channel>),
}

struct Whole {
    collector: Collector,
    control: Option<Control>,
    waiter: Option<Py<PyAny>>,
    outcome: Option<trunkline::Result<Answer>>,
    abandoned: bool,
}

/// One manager, and the loop it is bound to once it was used from one.
pub(crate) struct Engine {
    pub(crate) manager: trunkline::Manager,
    pub(crate) inline: bool,
    entries: Mutex<Slab<Entry>>,
    binding: Mutex<Option<Arc<Binding>>>,
    batch: Mutex<Vec<Event>>,
    turn_is_due: AtomicBool,
    looks: Looks,
    /// Futures of those who wait for the last request to end; the engine is closing.
    closing: Mutex<Option<Vec<Py<PyAny>>>>,
}

impl Engine {
    pub(crate) fn new(manager: trunkline::Manager, inline: bool) -> Engine {
        Engine {
            manager,
            inline,
            entries: Mutex::new(Slab::new()),
            binding: Mutex::new(None),
            batch: Mutex::new(Vec::new()),
            turn_is_due: AtomicBool::new(false),
            looks: Looks::default(),
            closing: Mutex::new(None),
        }
    }

    /// The binding to the running loop; made on first use, and anew when the former loop was closed.
    pub(crate) fn bind(self: &Arc<Self>, py: Python<'_>) -> PyResult<Arc<Binding>> {
        static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let event_loop = RUNNING.import(py, "asyncio", "get_running_loop")?.call0()?;
        let bound = lock(&self.binding).clone();
        if let Some(binding) = bound {
            if binding.event_loop.is(&event_loop) {
                return Ok(binding);
            }
            if !binding.is_closed(py) {
                return Err(PyRuntimeError::new_err(
                    "the client belongs to another event loop, which is still open",
                ));
            }
            self.forget();
        }
        let descriptor = checked(py, self.manager.descriptor())?;
        let binding = Arc::new(Binding::new(self, event_loop, descriptor)?);
        *lock(&self.binding) = Some(Arc::clone(&binding));
        self.turn_is_due.store(false, Ordering::Relaxed);
        self.looks.forget();
        Ok(binding)
    }

    /// The loop that this was last used from.
    pub(crate) fn event_loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let binding = lock(&self.binding);
        binding
            .as_ref()
            .map(|binding| binding.event_loop.clone_ref(py))
    }

    /// With the inline drive: has the loop turn the reactor once it has run what is ready now.
    pub(crate) fn turn_soon(&self, py: Python<'_>, binding: &Binding) -> PyResult<()> {
        if self.inline && !self.turn_is_due.swap(true, Ordering::Relaxed) {
            binding.turn_soon(py)?;
            self.looks.queued();
        }
        Ok(())
    }

    /// With the inline drive, before a task waits: sends now what it wrote, instead of a pass of the loop later.
    pub(crate) fn flush(&self, py: Python<'_>, binding: &Binding) -> PyResult<()> {
        if self.inline && checked(py, self.manager.flush())? {
            self.turn_is_due.store(false, Ordering::Relaxed);
            return self.turn_soon(py, binding);
        }
        self.turn_is_due.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// As `turn_soon`, after a call that needs no binding of its own.
    pub(crate) fn nudge(&self, py: Python<'_>) -> PyResult<()> {
        if !self.inline {
            return Ok(());
        }
        let bound = lock(&self.binding).clone();
        match bound {
            Some(binding) => self.turn_soon(py, &binding),
            None => Ok(()),
        }
    }

    /// Submits a request whose whole answer is wanted; `waiter` is resolved when it is there. The token finds it again.
    pub(crate) fn submit_whole(
        &self,
        py: Python<'_>,
        request: Request,
        max: usize,
        waiter: Py<PyAny>,
    ) -> PyResult<usize> {
        let whole = Whole {
            collector: Collector::new(max),
            control: None,
            waiter: Some(waiter),
            outcome: None,
            abandoned: false,
        };
        let token = lock(&self.entries).insert(Entry::Whole(Box::new(whole)));
        match self.manager.submit(
            request,
            Delivery::Queue {
                token: token as u64,
            },
        ) {
            Ok(handle) => {
                if let Some(Entry::Whole(whole)) = lock(&self.entries).get_mut(token) {
                    whole.control = Some(handle.control());
                }
                Ok(token)
            }
            Err(error) => {
                let entry = lock(&self.entries).try_remove(token);
                drop(entry);
                Err(crate::errors::raise(py, &error))
            }
        }
    }

    /// Submits a request whose parts go to `channel`.
    pub(crate) fn submit_parts(
        &self,
        py: Python<'_>,
        request: Request,
        channel: &Arc<Channel>,
    ) -> PyResult<Control> {
        let token = lock(&self.entries).insert(Entry::Parts(Arc::clone(channel)));
        match self.manager.submit(
            request,
            Delivery::Queue {
                token: token as u64,
            },
        ) {
            Ok(handle) => Ok(handle.control()),
            Err(error) => {
                lock(&self.entries).try_remove(token);
                Err(crate::errors::raise(py, &error))
            }
        }
    }

    /// The outcome of a whole-answer request, which is then forgotten; none while it is under way.
    pub(crate) fn outcome(&self, token: usize) -> Option<trunkline::Result<Answer>> {
        let mut entries = lock(&self.entries);
        let Some(Entry::Whole(whole)) = entries.get_mut(token) else {
            return None;
        };
        let outcome = whole.outcome.take()?;
        let entry = entries.remove(token);
        drop(entries);
        drop(entry);
        Some(outcome)
    }

    /// Has another future resolved when the outcome is there.
    pub(crate) fn wait(&self, token: usize, waiter: Py<PyAny>) {
        let mut waiter = Some(waiter);
        if let Some(Entry::Whole(whole)) = lock(&self.entries).get_mut(token) {
            std::mem::swap(&mut whole.waiter, &mut waiter);
        }
        drop(waiter);
    }

    /// Nobody waits for this request any more: it is cancelled, and forgotten at its end.
    pub(crate) fn abandon(&self, token: usize) {
        let mut entries = lock(&self.entries);
        let Some(Entry::Whole(whole)) = entries.get_mut(token) else {
            return;
        };
        let waiter = whole.waiter.take();
        whole.abandoned = true;
        let control = whole.control.take();
        let ended = whole.outcome.is_some().then(|| entries.remove(token));
        drop(entries);
        if let (None, Some(control)) = (&ended, control) {
            control.cancel();
        }
        drop((waiter, ended));
    }

    /// Takes what the core has ready (or will have at `until`) and resolves the futures that wait for it.
    pub(crate) fn turn(&self, py: Python<'_>, until: Option<Instant>) -> PyResult<()> {
        let mut batch = std::mem::take(&mut *lock(&self.batch));
        let deadline = Some(until.unwrap_or_else(Instant::now));
        let taken = if self.inline || until.is_some() {
            py.detach(|| self.manager.poll(&mut batch, BATCH, deadline))
        } else {
            // Only a queue is emptied here: not worth giving the interpreter away for.
            self.manager.poll(&mut batch, BATCH, deadline)
        };
        // Of a manager that is closed nothing comes any more; a turn may still have been due.
        let taken = match taken {
            Err(error) if error.code() == ErrorCode::Closed => Ok(0),
            taken => taken,
        };
        self.hand_out(py, batch, checked(py, taken))
    }

    /// What was to be sent soon, unless it was meanwhile.
    pub(crate) fn turn_if_due(&self, py: Python<'_>) -> PyResult<()> {
        self.looks.ran();
        if self.turn_is_due.swap(false, Ordering::Relaxed) {
            self.turn(py, None)
        } else {
            Ok(())
        }
    }

    /// For a loop that would now sleep: looks a moment longer for what comes.
    pub(crate) fn look(&self, py: Python<'_>) -> PyResult<()> {
        let bound = lock(&self.binding).clone();
        let Some((binding, host)) = bound.as_ref().and_then(|it| Some((it, it.host.as_ref()?)))
        else {
            return Ok(());
        };
        if !self.looks.is_next(host) {
            return binding.look_soon(py);
        }
        if host.has_others(py, self.looks.turns()) || lock(&self.entries).is_empty() {
            return Ok(());
        }
        let mut batch = std::mem::take(&mut *lock(&self.batch));
        let begun = Instant::now();
        let taken = py.detach(|| self.manager.look(&mut batch, BATCH, || host.is_called()));
        self.looks.took(begun.elapsed());
        // Of a manager that is closed nothing comes any more.
        self.hand_out(py, batch, Ok(taken.unwrap_or_default()))
    }

    /// Resolves the futures that wait for these events, and tells listeners of them.
    fn hand_out(
        &self,
        py: Python<'_>,
        mut batch: Vec<Event>,
        taken: PyResult<usize>,
    ) -> PyResult<()> {
        let result = taken.and_then(|taken| {
            let (mut ready, mut heard) = (Vec::new(), Vec::new());
            self.sort(&mut batch, &mut ready, &mut heard);
            resolve(py, ready)?;
            self.tell(py, &heard)?;
            // The descriptor tells what the reactor has left to do, but not of a queue that was not emptied.
            if taken == BATCH {
                self.nudge(py)
            } else if taken > 0 {
                self.look_soon(py)
            } else {
                Ok(())
            }
        });
        batch.clear();
        *lock(&self.batch) = batch;
        result?;
        self.finish_closing(py)
    }

    /// Has the loop look, where it can be asked whether to, and where that is of use.
    fn look_soon(&self, py: Python<'_>) -> PyResult<()> {
        let bound = lock(&self.binding).clone();
        let Some(binding) = bound.filter(|it| self.inline && it.host.is_some()) else {
            return Ok(());
        };
        if self.manager.may_look() && self.looks.begin() {
            return binding.look_soon(py);
        }
        Ok(())
    }

    /// Hands each part to its request; collects the futures of those that have something to see now, and the requests that
    /// have a listener.
    fn sort(
        &self,
        batch: &mut Vec<Event>,
        ready: &mut Vec<Py<PyAny>>,
        heard: &mut Vec<Arc<Channel>>,
    ) {
        let mut entries = lock(&self.entries);
        let mut events = batch.drain(..).peekable();
        while let Some(event) = events.next() {
            let token = event.token() as usize;
            match entries.get_mut(token) {
                Some(Entry::Whole(whole)) => {
                    let Some(outcome) = whole.collector.take(event) else {
                        continue;
                    };
                    if whole.abandoned {
                        entries.remove(token);
                        continue;
                    }
                    whole.outcome = Some(outcome);
                    ready.extend(whole.waiter.take());
                }
                Some(Entry::Parts(channel)) => {
                    let mut last = event.is_terminal();
                    let mut inbox = channel.open();
                    inbox.put(event, ready);
                    // What came together is put in together.
                    while let Some(event) = events.next_if(|next| next.token() as usize == token) {
                        last |= event.is_terminal();
                        inbox.put(event, ready);
                    }
                    if inbox.is_heard() {
                        heard.push(Arc::clone(channel));
                    }
                    drop(inbox);
                    if last {
                        entries.remove(token);
                    }
                }
                None => {}
            }
        }
    }

    /// Hands what has come to its listeners, and sends what they answer.
    pub(crate) fn tell(&self, py: Python<'_>, heard: &[Arc<Channel>]) -> PyResult<()> {
        if heard.is_empty() {
            return Ok(());
        }
        let bound = lock(&self.binding).clone();
        let Some(binding) = bound else {
            return Ok(());
        };
        // What listeners send goes out with the flush.
        let told = self.manager.quietly(|| {
            heard.iter().try_for_each(|channel| {
                channel
                    .hand_over(py)
                    .or_else(|error| binding.complain(py, error))
            })
        });
        self.flush(py, &binding)?;
        told
    }

    /// Closes the manager; a future that is resolved when every request has ended, if some have not.
    pub(crate) fn close<'py>(
        self: &Arc<Self>,
        py: Python<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.manager.close();
        let bound = lock(&self.binding).clone();
        let Some(binding) = bound else {
            return Ok(None);
        };
        let idle = self.is_idle();
        if idle || binding.is_closed(py) {
            self.forget();
            binding.detach(py);
            return Ok(None);
        }
        let future = binding.create_future.bind(py).call0()?;
        lock(&self.closing)
            .get_or_insert_default()
            .push(future.clone().unbind());
        self.turn_soon(py, &binding)?;
        Ok(Some(future))
    }

    /// Whether every request has ended, though its answer may still wait to be taken.
    fn is_idle(&self) -> bool {
        let entries = lock(&self.entries);
        entries
            .iter()
            .all(|(_, entry)| matches!(entry, Entry::Whole(whole) if whole.outcome.is_some()))
    }

    fn finish_closing(&self, py: Python<'_>) -> PyResult<()> {
        if lock(&self.closing).is_none() || !self.is_idle() {
            return Ok(());
        }
        let waiting = lock(&self.closing).take().unwrap_or_default();
        let bound = lock(&self.binding).take();
        if let Some(binding) = bound {
            binding.detach(py);
        }
        resolve(py, waiting)
    }

    /// Forgets the loop, and the futures of a loop that is gone.
    fn forget(&self) {
        let bound = lock(&self.binding).take();
        let mut waiters = Vec::new();
        for (_, entry) in lock(&self.entries).iter_mut() {
            match entry {
                Entry::Whole(whole) => waiters.extend(whole.waiter.take()),
                Entry::Parts(channel) => channel.forget(&mut waiters),
            }
        }
        drop((bound, waiters));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.inline {
            return;
        }
        // The manager waits for its threads, and one of them may be about to ask a Python function. Once every request
        // has ended none does, so that is waited for while others have the interpreter.
        Python::try_attach(|py| {
            py.detach(|| {
                self.manager.close();
                let _ = self.manager.shutdown(Instant::now() + LAST_WORDS);
            });
        });
    }
}

/// Resolves futures in one call; those that were cancelled meanwhile are left alone.
fn resolve(py: Python<'_>, futures: Vec<Py<PyAny>>) -> PyResult<()> {
    static RESOLVE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if futures.is_empty() {
        return Ok(());
    }
    RESOLVE
        .import(py, "trunkline._loop", "resolve")?
        .call1((PyList::new(py, futures)?,))
        .map(|_| ())
}
