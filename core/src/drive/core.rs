//! The reactor: tasks that are ready, sockets that are watched, timers that are set.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Registry, Token};
use slab::Slab;

use super::clock::ManualClock;
use super::io::Source;
use super::spin::Spin;
use super::task::Task;
use super::timer::Timers;
use crate::error::{Error, ErrorCode, Result};
use crate::limits;

/// Nobody runs the reactor (inline drive between two calls).
const IDLE: u8 = 0;
/// Somebody runs tasks; what is queued now will be seen before parking.
const RUNNING: u8 = 1;
/// Somebody sleeps in the system's poll and must be interrupted.
const PARKED: u8 = 2;

const WAKE: Token = Token(usize::MAX);
const TIMER: Token = Token(usize::MAX - 1);
/// The longest wait: the system counts milliseconds in 31 bits, and longer ones would wrap.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Tasks polled before sockets are looked at again.
const BUDGET: usize = 512;

thread_local! {
    /// The reactor whose tasks this thread runs at the moment; only ever compared.
    static RUNS_HERE: Cell<*const Reactor> = const { Cell::new(std::ptr::null()) };
}

/// What everyone may touch of a reactor; every lock here is held for a few instructions only.
pub(crate) struct Reactor {
    ready: Mutex<VecDeque<Arc<Task>>>,
    tasks: Mutex<Slab<Option<Arc<Task>>>>,
    pub(super) sources: Mutex<Slab<Arc<Source>>>,
    timers: Mutex<Timers>,
    /// A long download is under way: more of it may come together before it is looked at again.
    bulk: AtomicBool,
    /// Tasks that have had their share of a turn and go on in the next.
    deferred: Mutex<Vec<Waker>>,
    pub(super) registry: Registry,
    waker: mio::Waker,
    mode: AtomicU8,
    /// The waker was used and the wake-up not yet seen.
    interrupted: AtomicBool,
    /// A host watches the descriptor, so that what is queued while nobody runs the reactor must show there.
    watched: AtomicBool,
    /// Shows timers at the descriptor, for such a host.
    alarm: OnceLock<rustix::fd::OwnedFd>,
    alarm_at: Mutex<Option<Instant>>,
    clock: Option<ManualClock>,
    /// The time at the beginning of the turn that runs, in nanoseconds since `base`.
    turn: AtomicU64,
    /// The time at which sockets were last looked at, likewise.
    looked: AtomicU64,
    base: Instant,
    /// Called after each run of tasks.
    flush: Box<dyn Fn() + Send + Sync>,
    descriptor: RawFd,
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reactor")
    }
}

/// What only its runner touches.
pub(crate) struct Core {
    poll: Poll,
    events: Events,
    batch: VecDeque<Arc<Task>>,
    spin: Spin,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reactor {
    /// A reactor and its core. `flush` is called after each run of tasks.
    pub(crate) fn new(
        clock: Option<ManualClock>,
        flush: Box<dyn Fn() + Send + Sync>,
    ) -> Result<(Arc<Reactor>, Core)> {
        let failed = |cause: std::io::Error| Error::new(ErrorCode::Io, format!("reactor: {cause}"));
        let poll = Poll::new().map_err(failed)?;
        let waker = mio::Waker::new(poll.registry(), WAKE).map_err(failed)?;
        let reactor = Arc::new(Reactor {
            ready: Mutex::default(),
            tasks: Mutex::default(),
            sources: Mutex::default(),
            timers: Mutex::default(),
            bulk: AtomicBool::new(false),
            deferred: Mutex::default(),
            registry: poll.registry().try_clone().map_err(failed)?,
            waker,
            mode: AtomicU8::new(IDLE),
            interrupted: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            alarm: OnceLock::new(),
            alarm_at: Mutex::new(None),
            clock,
            turn: AtomicU64::new(0),
            looked: AtomicU64::new(0),
            base: Instant::now(),
            flush,
            descriptor: poll.as_raw_fd(),
        });
        if let Some(clock) = &reactor.clock {
            clock.follow(&reactor);
        }
        Ok((
            reactor,
            Core {
                poll,
                events: Events::with_capacity(256),
                batch: VecDeque::new(),
                spin: Spin::never(),
            },
        ))
    }

    /// The time that deadlines go by.
    pub(crate) fn now(&self) -> Instant {
        self.clock
            .as_ref()
            .map_or_else(Instant::now, ManualClock::now)
    }

    /// The time at which the turn that runs began: exact enough for a task, and free of charge.
    pub(crate) fn turn(&self) -> Instant {
        match &self.clock {
            Some(clock) => clock.now(),
            None => self.base + Duration::from_nanos(self.turn.load(Ordering::Relaxed)),
        }
    }

    /// How old the news from the sockets are that the turn that runs goes by.
    pub(crate) fn news_age(&self) -> Duration {
        if self.clock.is_some() {
            return Duration::MAX;
        }
        let turn = self.turn.load(Ordering::Relaxed);
        Duration::from_nanos(turn.saturating_sub(self.looked.load(Ordering::Relaxed)))
    }

    fn begin_turn(&self) {
        if self.clock.is_none() {
            let passed = self.base.elapsed().as_nanos() as u64;
            self.turn.store(passed, Ordering::Relaxed);
        }
    }

    /// Runs `future` to its end on this reactor. May be called on any thread.
    pub(crate) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        let task = {
            let mut tasks = lock(&self.tasks);
            let entry = tasks.vacant_entry();
            let task = Task::new(Box::pin(future), Arc::clone(self), entry.key());
            entry.insert(Some(Arc::clone(&task)));
            task
        };
        self.enqueue(task);
    }

    pub(super) fn enqueue(&self, task: Arc<Task>) {
        lock(&self.ready).push_back(task);
        if RUNS_HERE.get() == std::ptr::from_ref(self) {
            // Woken by a task that runs now: seen before parking, and no other thread has to be asked.
            return;
        }
        // Pairs with the store of PARKED: either the runner sees the task, or we see that it sleeps.
        std::sync::atomic::fence(Ordering::SeqCst);
        match self.mode.load(Ordering::SeqCst) {
            RUNNING => {}
            PARKED => self.interrupt(),
            _ if self.watched.load(Ordering::Relaxed) => self.interrupt(),
            _ => {}
        }
    }

    /// Wakes a task in the next turn: what was made for others in this one comes first.
    pub(crate) fn defer(&self, waker: &Waker) {
        lock(&self.deferred).push(waker.clone());
    }

    /// Says that much more of what was just received is on its way. Where the sockets are empty, the runner then sleeps
    /// for a moment before it waits for them: a peer that is nearly as fast would else have to wake it for every TLS
    /// record, which costs both more than the record.
    pub(crate) fn expect_bulk(&self) {
        self.bulk.store(true, Ordering::Relaxed);
    }

    /// Makes a sleeping runner, or a host that watches the descriptor, look again.
    pub(crate) fn interrupt(&self) {
        if !self.interrupted.swap(true, Ordering::AcqRel) {
            let _ = self.waker.wake();
        }
    }

    /// As if `action` were a task that runs now: what it wakes on this thread interrupts nobody. Whoever calls this looks to
    /// the reactor afterwards.
    pub(super) fn quietly<T>(&self, action: impl FnOnce() -> T) -> T {
        /// Puts back what was before, also after a panic.
        struct Outer(*const Reactor);
        impl Drop for Outer {
            fn drop(&mut self) {
                RUNS_HERE.set(self.0);
            }
        }
        let _outer = Outer(RUNS_HERE.replace(std::ptr::from_ref(self)));
        action()
    }

    /// Makes who runs the reactor, or a host that watches the descriptor, see what was woken quietly.
    pub(crate) fn interrupt_for_ready(&self) {
        if !lock(&self.ready).is_empty() {
            self.interrupt();
        }
    }

    /// Whether a host watches the descriptor.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub(super) fn timers(&self) -> MutexGuard<'_, Timers> {
        lock(&self.timers)
    }

    /// The descriptor that is readable whenever the reactor has something to do.
    pub(crate) fn watch(&self) -> Result<RawFd> {
        if self.alarm.get().is_none() {
            use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
            let failed = |cause: &dyn std::fmt::Display| {
                Error::new(ErrorCode::Io, format!("timerfd: {cause}"))
            };
            let alarm = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
            )
            .map_err(|cause| failed(&cause))?;
            self.registry
                .register(
                    &mut mio::unix::SourceFd(&alarm.as_raw_fd()),
                    TIMER,
                    mio::Interest::READABLE,
                )
                .map_err(|cause| failed(&cause))?;
            let _ = self.alarm.set(alarm);
        }
        self.watched.store(true, Ordering::SeqCst);
        if !lock(&self.ready).is_empty() {
            self.interrupt();
        }
        self.arm();
        Ok(self.descriptor)
    }

    /// Sets the alarm to the next timer, for a host that watches the descriptor. An alarm that is early stays.
    fn arm(&self) {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        let (Some(alarm), None) = (self.alarm.get(), &self.clock) else {
            return;
        };
        let Some(next) = self.timers().next() else {
            return;
        };
        let mut armed = lock(&self.alarm_at);
        if armed.is_some_and(|at| at <= next) {
            return;
        }
        let left = next
            .saturating_duration_since(Instant::now())
            .max(Duration::from_nanos(1));
        let value = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let spec = Itimerspec {
            it_interval: zero,
            it_value: value,
        };
        if timerfd_settime(alarm, TimerfdTimerFlags::empty(), &spec).is_ok() {
            *armed = Some(next);
        }
    }

    /// Drops every task. To be called by the holder of the core when the reactor will not run again.
    pub(crate) fn abandon(&self) {
        lock(&self.ready).clear();
        loop {
            let tasks: Vec<_> = lock(&self.tasks).drain().flatten().collect();
            if tasks.is_empty() {
                break;
            }
            for task in tasks {
                task.abandon();
            }
        }
        lock(&self.ready).clear();
        (self.flush)();
    }
}

impl Core {
    /// Runs what is ready, until nothing is or the budget is used up. True when something may still be ready.
    pub(crate) fn run(&mut self, reactor: &Reactor) -> bool {
        reactor.mode.store(RUNNING, Ordering::SeqCst);
        reactor.begin_turn();
        let mut budget = BUDGET;
        let outer = RUNS_HERE.replace(std::ptr::from_ref(reactor));
        loop {
            if self.batch.is_empty() {
                std::mem::swap(&mut self.batch, &mut *lock(&reactor.ready));
            }
            let Some(task) = self.batch.pop_front() else {
                break;
            };
            if task.run() {
                lock(&reactor.tasks).try_remove(task.key);
            }
            budget -= 1;
            if budget == 0 {
                break;
            }
        }
        RUNS_HERE.set(outer);
        (reactor.flush)();
        let deferred = std::mem::take(&mut *lock(&reactor.deferred));
        let more = budget == 0 || !deferred.is_empty();
        deferred.into_iter().for_each(Waker::wake);
        more
    }

    /// Waits for sockets and timers, until `deadline` (`None`: for ever), and wakes their tasks. True when anything
    /// happened.
    pub(crate) fn park(&mut self, reactor: &Reactor, deadline: Option<Instant>) -> bool {
        let mut timeout =
            deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if reactor.clock.is_none()
            && timeout.is_none_or(|timeout| !timeout.is_zero())
            && let Some(next) = reactor.timers().next()
        {
            let left = next.saturating_duration_since(Instant::now());
            timeout = Some(timeout.map_or(left, |timeout| timeout.min(left)));
        }
        if timeout != Some(Duration::ZERO) {
            reactor.mode.store(PARKED, Ordering::SeqCst);
            std::sync::atomic::fence(Ordering::SeqCst);
        }
        if !self.batch.is_empty() || !lock(&reactor.ready).is_empty() {
            timeout = Some(Duration::ZERO);
        }
        // A failed poll (a signal) is a turn in which nothing happened.
        let timeout = timeout.map(|timeout| timeout.min(LONGEST));
        if reactor.bulk.swap(false, Ordering::Relaxed) && timeout != Some(Duration::ZERO) {
            std::thread::sleep(limits::BULK_PAUSE);
        }
        let polled = self.wait(timeout, reactor.clock.is_none());
        reactor.mode.store(RUNNING, Ordering::SeqCst);
        if reactor.clock.is_none() {
            let passed = reactor.base.elapsed().as_nanos() as u64;
            reactor.looked.store(passed, Ordering::Relaxed);
        }
        let mut happened = false;
        if polled.is_ok() && !self.events.is_empty() {
            happened = true;
            let sources = lock(&reactor.sources);
            for event in &self.events {
                match event.token() {
                    // An exchange, for what was written before an interrupt that found it set must be seen from here on.
                    WAKE => {
                        reactor.interrupted.swap(false, Ordering::AcqRel);
                    }
                    TIMER => {
                        if let Some(alarm) = reactor.alarm.get() {
                            let _ = rustix::io::read(alarm, &mut [0u8; 8]);
                        }
                        *lock(&reactor.alarm_at) = None;
                    }
                    Token(key) => {
                        if let Some(source) = sources.get(key) {
                            source.happened(event);
                        }
                    }
                }
            }
        }
        let due = reactor.timers().due(reactor.now());
        happened |= !due.is_empty();
        due.into_iter().for_each(Waker::wake);
        happened
    }

    /// Lets waits look a little longer before they sleep, where that is of use. For the inline drive, whose caller waits
    /// for just this.
    pub(crate) fn look_before_sleeping(&mut self) {
        self.spin = Spin::adaptive();
    }

    /// Whether a wait is to look before it sleeps. To be asked once for each wait.
    pub(super) fn may_look(&mut self, reactor: &Reactor) -> bool {
        reactor.clock.is_none() && self.spin.is_worth_it()
    }

    /// Looks for what makes `ready` hold, for a moment, and runs it; whether it does hold. It is given up, without being
    /// counted, as soon as `busy` says that the host has something else to do.
    pub(super) fn look(
        &mut self,
        reactor: &Reactor,
        ready: &dyn Fn() -> bool,
        busy: &dyn Fn() -> bool,
    ) -> bool {
        let begun = Instant::now();
        let found = loop {
            // What was found last is run, too.
            let more = self.run(reactor);
            if ready() || begun.elapsed() >= limits::SPIN {
                break ready();
            }
            // Its time has passed already, so that it only asks.
            while !more && !self.park(reactor, Some(begun)) && lock(&reactor.ready).is_empty() {
                // What calls the host may be what is looked for: that has come since, then.
                if busy() {
                    if self.park(reactor, Some(begun)) {
                        break;
                    }
                    return false;
                }
                if begun.elapsed() >= limits::SPIN {
                    self.spin.came(false);
                    return false;
                }
                std::hint::spin_loop();
            }
        };
        self.spin.came(found);
        found
    }

    fn wait(&mut self, timeout: Option<Duration>, may_look: bool) -> std::io::Result<()> {
        if timeout == Some(Duration::ZERO) || !may_look || !self.spin.is_worth_it() {
            return self.poll.poll(&mut self.events, timeout);
        }
        let begun = Instant::now();
        let most = timeout.map_or(limits::SPIN, |timeout| timeout.min(limits::SPIN));
        loop {
            self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
            let found = !self.events.is_empty();
            if found || begun.elapsed() >= most {
                self.spin.came(found);
                if found {
                    return Ok(());
                }
                break;
            }
            std::hint::spin_loop();
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
        self.poll.poll(&mut self.events, left)
    }

    /// To be called when the runner leaves (inline drive).
    pub(crate) fn leave(&mut self, reactor: &Reactor) {
        if !self.batch.is_empty() {
            let mut ready = lock(&reactor.ready);
            while let Some(task) = self.batch.pop_back() {
                ready.push_front(task);
            }
        }
        reactor.mode.store(IDLE, Ordering::SeqCst);
        std::sync::atomic::fence(Ordering::SeqCst);
        if reactor.watched.load(Ordering::Relaxed) {
            reactor.arm();
            if !lock(&reactor.ready).is_empty() {
                reactor.interrupt();
            }
        }
    }
}
