//! A request's clock: which phase it is in, which deadline applies, when it passed each point.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::connect::Progress;
use crate::drive::Reactor;
use crate::error::{Error, ErrorCode, Phase};
use crate::options::Timeouts;
use crate::part::{ConnectionInfo, Summary, Timings};

struct Inner {
    phase: Phase,
    deadline: Option<Instant>,
    timings: Timings,
    connection: Option<Arc<ConnectionInfo>>,
    reused: bool,
    attempts: u32,
}

/// A request's clock.
pub(crate) struct Watch {
    reactor: Arc<Reactor>,
    timeouts: Timeouts,
    begun: Instant,
    inner: Mutex<Inner>,
}

impl Watch {
    pub(crate) fn new(reactor: Arc<Reactor>, timeouts: Timeouts) -> Watch {
        let begun = reactor.now();
        let inner = Inner {
            phase: Phase::Pool,
            deadline: timeouts.pool.map(|pool| begun + pool),
            timings: Timings::default(),
            connection: None,
            reused: false,
            attempts: 0,
        };
        Watch {
            reactor,
            timeouts,
            begun,
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Pool => self.timeouts.pool,
            Phase::Resolve => self.timeouts.resolve,
            Phase::Connect => self.timeouts.connect,
            Phase::Tls => self.timeouts.tls,
            Phase::Write => self.timeouts.write,
            Phase::FirstByte => self.timeouts.first_byte,
            Phase::Receive => self.timeouts.idle,
        }
    }

    /// When the request fails if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let total = self.timeouts.total.map(|total| self.begun + total);
        match (self.lock().deadline, total) {
            (Some(phase), Some(total)) => Some(phase.min(total)),
            (phase, total) => phase.or(total),
        }
    }

    /// The error of the deadline that has passed.
    pub(crate) fn expired(&self) -> Error {
        let phase = self.lock().phase;
        if let Some(total) = self.timeouts.total
            && self.reactor.turn() >= self.begun + total
        {
            let text = format!("not done after {total:?} in all (phase {})", phase.name());
            return Error::new(ErrorCode::TotalTimeout, text).in_phase(phase);
        }
        let code = match phase {
            Phase::Pool => ErrorCode::PoolTimeout,
            Phase::Resolve => ErrorCode::ResolveTimeout,
            Phase::Connect => ErrorCode::ConnectTimeout,
            Phase::Tls => ErrorCode::TlsTimeout,
            Phase::Write => ErrorCode::WriteTimeout,
            Phase::FirstByte => ErrorCode::FirstByteTimeout,
            Phase::Receive => ErrorCode::IdleTimeout,
        };
        let limit = self.limit(phase).unwrap_or_default();
        Error::new(
            code,
            format!("phase {} took longer than {limit:?}", phase.name()),
        )
        .in_phase(phase)
    }

    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Something moved in the phase that runs: its deadline begins anew.
    pub(crate) fn moved(&self, phase: Phase) {
        if self.limit(phase).is_some() {
            self.enter(phase);
        }
    }

    /// No deadline of a phase applies while the caller itself holds the request up.
    pub(crate) fn hold(&self) {
        self.lock().deadline = None;
    }

    /// The caller holds nothing up any more: if no deadline runs, that of `phase` begins.
    pub(crate) fn resume(&self, phase: Phase) {
        if self.limit(phase).is_some() && self.lock().deadline.is_none() {
            self.enter(phase);
        }
    }

    pub(crate) fn acquired(&self, connection: &Arc<ConnectionInfo>, reused: bool) {
        let now = self.reactor.turn();
        let mut inner = self.lock();
        inner.attempts += 1;
        inner.reused = reused;
        inner.connection = Some(Arc::clone(connection));
        let passed = now.saturating_duration_since(self.begun);
        inner.timings.acquired = passed;
        if !reused {
            match inner.phase {
                Phase::Connect => inner.timings.connected = passed,
                Phase::Tls => inner.timings.secured = passed,
                _ => {}
            }
        }
    }

    /// The connection speaks another protocol now.
    pub(crate) fn upgraded(&self, connection: &Arc<ConnectionInfo>) {
        self.lock().connection = Some(Arc::clone(connection));
    }

    pub(crate) fn first_byte(&self) {
        let now = self.reactor.turn();
        let mut inner = self.lock();
        inner.timings.first_byte = now.saturating_duration_since(self.begun);
        inner.phase = Phase::Receive;
        inner.deadline = self.timeouts.idle.map(|idle| now + idle);
    }

    /// The connection that it is or was on.
    pub(crate) fn connection(&self) -> Option<Arc<ConnectionInfo>> {
        self.lock().connection.clone()
    }

    /// The time since its submission.
    pub(crate) fn passed(&self) -> Duration {
        self.reactor.turn().saturating_duration_since(self.begun)
    }

    /// The points of the leg that runs, and now.
    pub(crate) fn timings(&self) -> Timings {
        Timings {
            total: self.passed(),
            ..self.lock().timings
        }
    }

    /// A further leg begins: the points of the former one are none of its own.
    pub(crate) fn restart(&self) {
        self.lock().timings = Timings::default();
        self.enter(Phase::Pool);
    }

    /// How it went, of a request that went well.
    pub(crate) fn finish(&self, received: u64, sent: u64) -> Summary {
        let now = self.reactor.turn();
        let mut inner = self.lock();
        inner.timings.total = now.saturating_duration_since(self.begun);
        Summary {
            connection: inner.connection.clone(),
            reused: inner.reused,
            attempts: inner.attempts,
            received,
            sent,
            timings: inner.timings,
        }
    }
}

impl Progress for Watch {
    fn enter(&self, phase: Phase) {
        let now = self.reactor.turn();
        let passed = now.saturating_duration_since(self.begun);
        let limit = self.limit(phase);
        let mut inner = self.lock();
        match (inner.phase, phase) {
            (Phase::Resolve, Phase::Connect) => inner.timings.resolved = passed,
            (Phase::Connect, Phase::Tls) => inner.timings.connected = passed,
            _ => {}
        }
        inner.phase = phase;
        inner.deadline = limit.map(|limit| now + limit);
    }
}
