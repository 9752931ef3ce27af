//! The state that a request's task shares with its owner.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::buffer::Buffer;
use super::callback::CallbackSink;
use super::{Event, InlineDriver, Outgoing, Queue, Upload};
use crate::error::{Error, ErrorCode, Result};
use crate::limits::INFORMATIONAL;
use crate::part::{Frame, Head, Part};

const CANCELLED: u8 = 1;
const SHUTDOWN: u8 = 2;

/// Where a request's parts go.
pub(crate) enum Sink {
    Buffer(Buffer),
    Queue(Arc<Queue>),
    Callback(CallbackSink),
}

impl Sink {
    pub(crate) fn new(delivery: super::Delivery, queue: &Arc<Queue>) -> (Sink, u64) {
        match delivery {
            super::Delivery::Recv => (Sink::Buffer(Buffer::default()), 0),
            super::Delivery::Queue { token } => (Sink::Queue(Arc::clone(queue)), token),
            super::Delivery::Callback(callback) => (Sink::Callback(CallbackSink::new(callback)), 0),
        }
    }
}

/// What a request's state is made of.
pub(crate) struct Setup {
    pub(crate) id: u64,
    pub(crate) token: u64,
    pub(crate) sink: Sink,
    pub(crate) credit: usize,
    pub(crate) upload_bound: usize,
    pub(crate) send_bound: usize,
    pub(crate) streamed: bool,
    /// Of a streamed body, where it was given.
    pub(crate) length: Option<u64>,
    pub(crate) websocket: bool,
    pub(crate) manual_release: bool,
    pub(crate) inline: Option<Arc<dyn InlineDriver>>,
    pub(crate) generation: u32,
}

/// The state that a request's task shares with its owner and with its delivered parts.
pub(crate) struct RequestState {
    pub(super) setup: Setup,
    /// Set once the task runs.
    waker: OnceLock<Waker>,
    stop: AtomicU8,
    ended: AtomicBool,
    /// Bytes delivered and not released.
    outstanding: AtomicU64,
    /// Bytes released since the task last looked.
    released: AtomicU64,
    /// The task waits for credit, or wants to hear when this many bytes were released.
    notice_at: AtomicU64,
    /// Body or payload bytes handed to the connection.
    sent: AtomicU64,
    /// The head of the answer was delivered.
    headed: AtomicBool,
    /// Informational answers that came.
    informed: AtomicU32,
    /// Pings of the caller's and the library's so far.
    pings: AtomicU64,
    /// The last round trip of a ping, in nanoseconds; 0 before the first.
    latency: AtomicU64,
    upload: Mutex<Upload>,
    outgoing: Mutex<Outgoing>,
}

impl std::fmt::Debug for RequestState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.setup.id)
            .finish_non_exhaustive()
    }
}

impl RequestState {
    pub(crate) fn new(setup: Setup) -> Arc<RequestState> {
        let upload = Upload::new(setup.length);
        Arc::new(RequestState {
            setup,
            waker: OnceLock::new(),
            stop: AtomicU8::new(0),
            ended: AtomicBool::new(false),
            outstanding: AtomicU64::new(0),
            released: AtomicU64::new(0),
            notice_at: AtomicU64::new(u64::MAX),
            sent: AtomicU64::new(0),
            headed: AtomicBool::new(false),
            informed: AtomicU32::new(0),
            pings: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            upload: Mutex::new(upload),
            outgoing: Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.setup.id
    }

    pub(crate) fn token(&self) -> u64 {
        self.setup.token
    }

    pub(crate) fn manual_release(&self) -> bool {
        self.setup.manual_release
    }

    /// Delivers a part. After the terminal part nothing is delivered any more. True when it was.
    pub(crate) fn deliver(self: &Arc<Self>, part: Part) -> bool {
        if self.ended.load(Ordering::Acquire) {
            return false;
        }
        if part.is_terminal() {
            self.ended.store(true, Ordering::Release);
            self.lock_outgoing().shut();
            self.lock_upload().close();
        }
        let credit = part.credit() as u64;
        if credit > 0 {
            self.outstanding.fetch_add(credit, Ordering::AcqRel);
        }
        let event = |part| Event::new(Arc::clone(self), part);
        match &self.setup.sink {
            Sink::Buffer(buffer) => buffer.deliver(part),
            Sink::Queue(queue) => queue.deliver(event(part)),
            Sink::Callback(callback) => callback.deliver(event(part)),
        }
        true
    }

    /// Delivers frames, which come together: what each delivery costs besides is paid once.
    pub(crate) fn deliver_frames(self: &Arc<Self>, frames: &mut Vec<Frame>) {
        if self.ended.load(Ordering::Acquire) {
            frames.clear();
            return;
        }
        if frames.is_empty() {
            return;
        }
        let credit: usize = frames.iter().map(Frame::credit).sum();
        self.outstanding.fetch_add(credit as u64, Ordering::AcqRel);
        let event = |frame| Event::new(Arc::clone(self), Part::Frame(frame));
        match &self.setup.sink {
            Sink::Buffer(buffer) => buffer.deliver_frames(frames),
            Sink::Queue(queue) => queue.deliver_all(frames.drain(..).map(event)),
            // What comes after a cancel is not delivered any more.
            Sink::Callback(callback) => {
                let events = frames.drain(..).map(event);
                for event in events.take_while(|_| self.stop.load(Ordering::Acquire) == 0) {
                    callback.deliver(event);
                }
            }
        }
    }

    /// Delivers the head of the answer; where there was one before, a WebSocket is open again.
    pub(crate) fn deliver_head(self: &Arc<Self>, head: Head) {
        let head = Box::new(head);
        self.deliver(if self.headed.swap(true, Ordering::Relaxed) {
            Part::Reconnected(head)
        } else {
            Part::Head(head)
        });
    }

    /// The number of a further ping.
    pub(crate) fn next_ping(&self) -> u64 {
        self.pings.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A ping was answered after so long.
    pub(crate) fn measured(&self, round_trip: Duration) {
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.latency.store(nanos.max(1), Ordering::Relaxed);
    }

    pub(super) fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Whether the manager is shutting down, which ends the request.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.stop.load(Ordering::Acquire) == SHUTDOWN
    }

    /// Whether the head of the answer was delivered.
    pub(crate) fn has_head(&self) -> bool {
        self.headed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Remembers whom to wake when the owner does something.
    pub(crate) fn attach(&self, waker: &Waker) {
        let _ = self.waker.get_or_init(|| waker.clone());
    }

    pub(super) fn wake(&self) {
        // In a forked child the reactor, and the descriptor that wakes it, are the parent's.
        if crate::fork::is_forked(self.setup.generation) {
            return;
        }
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// The error to end with when the owner or the manager stopped the request.
    pub(crate) fn stopped(&self) -> Option<Error> {
        match self.stop.load(Ordering::Acquire) {
            0 => None,
            CANCELLED => Some(Error::new(
                ErrorCode::Cancelled,
                "the request was cancelled",
            )),
            _ => Some(Error::new(ErrorCode::Shutdown, "the manager was shut down")),
        }
    }

    fn stop(&self, why: u8) {
        if self
            .stop
            .compare_exchange(0, why, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
        {
            self.wake();
        }
    }

    /// False when it had its end already: all that is stopped then is what it says to its peer after that.
    pub(crate) fn shut_down(&self) -> bool {
        let ended = self.is_ended();
        self.stop(SHUTDOWN);
        !ended
    }

    /// Gives back `bytes` of credit.
    pub(crate) fn release(&self, bytes: usize) {
        if crate::fork::is_forked(self.setup.generation) {
            return;
        }
        let bytes = bytes as u64;
        let mut before = self.outstanding.load(Ordering::Acquire);
        // Never below zero, whatever a caller that releases by hand says.
        let freed = loop {
            let freed = bytes.min(before);
            match self.outstanding.compare_exchange_weak(
                before,
                before - freed,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => break freed,
                Err(now) => before = now,
            }
        };
        let released = self.released.fetch_add(freed, Ordering::SeqCst) + freed;
        if released >= self.notice_at.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Bytes released since the last call.
    pub(crate) fn take_released(&self) -> u64 {
        self.released.swap(0, Ordering::AcqRel)
    }

    /// Whether more may be delivered. If not, the task is woken when that changes; if so, when `notice` bytes were
    /// released since the last [`RequestState::take_released`].
    pub(crate) fn has_credit(&self, notice: u64) -> bool {
        let credit = self.setup.credit as u64;
        if self.outstanding.load(Ordering::Acquire) < credit {
            if self.notice_at.load(Ordering::Relaxed) != notice {
                self.notice_at.store(notice, Ordering::SeqCst);
            }
            return true;
        }
        // Ask for a notice, then look again: a release in between must not be missed.
        self.notice_at.store(0, Ordering::SeqCst);
        self.outstanding.load(Ordering::SeqCst) < credit
    }

    /// Bytes of the credit that are left.
    pub(crate) fn credit_left(&self) -> u64 {
        let credit = self.setup.credit as u64;
        credit.saturating_sub(self.outstanding.load(Ordering::Acquire))
    }

    /// Whether something was delivered and is not released.
    pub(crate) fn is_owed(&self) -> bool {
        self.outstanding.load(Ordering::Acquire) > 0
    }

    /// Delivers an informational answer, if there were not too many already: they take no credit. The task is woken when
    /// there are, to end the request.
    pub(crate) fn inform(self: &Arc<Self>, head: Head) {
        match self.informed.fetch_add(1, Ordering::Relaxed) {
            // Of a WebSocket that is opened again they are nobody's.
            ..INFORMATIONAL if self.has_head() => {}
            ..INFORMATIONAL => {
                self.deliver(Part::Informational(Box::new(head)));
            }
            INFORMATIONAL => self.wake(),
            _ => {}
        }
    }

    /// Informational answers that came.
    pub(crate) fn informed(&self) -> u32 {
        self.informed.load(Ordering::Relaxed)
    }

    /// Whether so much was released since the last [`RequestState::take_released`] that a notice is due.
    pub(crate) fn has_released(&self, notice: u64) -> bool {
        self.released.load(Ordering::SeqCst) >= notice
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The connection took so much of the body; the task looks what that means for its deadline.
    pub(crate) fn uploaded(&self, bytes: usize) {
        self.count_sent(bytes);
        self.wake();
    }

    /// A new attempt begins.
    pub(crate) fn reset_sent(&self) {
        self.sent.store(0, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn lock_upload(&self) -> MutexGuard<'_, Upload> {
        self.upload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock_outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may be done to a request from anywhere, callbacks included; no call blocks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control(pub(super) Arc<RequestState>);

impl Control {
    pub(crate) fn new(state: Arc<RequestState>) -> Control {
        Control(state)
    }

    /// The number of the request, unique in its manager.
    pub fn id(&self) -> u64 {
        self.0.id()
    }

    /// The number given with [`super::Delivery::Queue`], else 0.
    pub fn token(&self) -> u64 {
        self.0.token()
    }

    /// Whether the terminal part was delivered (it may still wait to be taken).
    pub fn is_ended(&self) -> bool {
        self.0.is_ended()
    }

    /// Ends the request: its stream or connection is given up and the terminal part is `cancelled`. Nothing happens when
    /// it has ended already. With the inline drive the reactor acts on it when it next runs.
    pub fn cancel(&self) {
        // After the end only the connection's way back to the pool is left, which is not to be disturbed.
        if !crate::fork::is_forked(self.0.setup.generation) && !self.0.is_ended() {
            self.0.stop(CANCELLED);
        }
    }

    /// Gives back bytes of credit; for requests with `manual_release`.
    pub fn release(&self, bytes: usize) {
        if !crate::fork::is_forked(self.0.setup.generation) {
            self.0.release(bytes);
        }
    }

    /// Writes a piece of a streamed body.
    ///
    /// # Errors
    /// `again` when the queue is full: nothing was taken, a `Writable` part tells when there is room. `invalid_state`
    /// when the body is not streamed, finished, or no longer wanted.
    pub fn write(&self, data: impl Into<Bytes>) -> Result<()> {
        self.streamed()?;
        let reader = self
            .0
            .lock_upload()
            .write(data.into(), self.0.setup.upload_bound)?;
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Ends a streamed body, with trailers where given.
    ///
    /// # Errors
    /// `invalid_state` as for [`Control::write`].
    pub fn finish(&self, trailers: Option<HeaderMap>) -> Result<()> {
        self.streamed()?;
        let reader = self.0.lock_upload().finish(trailers)?;
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Gives the body up: the request ends with `upload_failed`, and the peer sees an incomplete request.
    ///
    /// # Errors
    /// `invalid_state` as for [`Control::write`].
    pub fn fail(&self, why: impl Into<String>) -> Result<()> {
        self.streamed()?;
        let reader = self.0.lock_upload().fail(why.into())?;
        reader.into_iter().for_each(Waker::wake);
        Ok(())
    }

    pub(super) fn alive(&self) -> Result<()> {
        if crate::fork::is_forked(self.0.setup.generation) {
            return Err(crate::fork::error());
        }
        Ok(())
    }

    fn streamed(&self) -> Result<()> {
        self.alive()?;
        if self.0.setup.streamed {
            Ok(())
        } else {
            Err(Error::new(
                ErrorCode::InvalidState,
                "the request's body is not streamed",
            ))
        }
    }
}
