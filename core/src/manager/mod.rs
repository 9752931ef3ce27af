//! The manager: owns the reactors, the pools and the limits; everything hangs off one.

mod reactors;

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderMap, HeaderValue, USER_AGENT};

use crate::connect::{Connector, Resolver, Routes, Tls};
use crate::delivery::{
    Delivery, Event, InlineDriver, Queue, RequestHandle, RequestState, Setup, Sink,
};
use crate::drive::{Background, Inline, ManualClock, Reactor};
use crate::error::{Error, ErrorCode, Result};
use crate::exchange::{AtEnd, Exchange};
use crate::fork;
use crate::limits::{self, Budget};
use crate::options::{Drive, ManagerOptions};
use crate::pool::Pool;
use crate::request::{Body, Request};
use crate::statistics::{Counters, Statistics, add};

use reactors::{Live, Reactors};

/// Opens, pools and supervises connections, and hands answers over part by part. Cheap to clone.
///
/// When the last clone is dropped the manager closes: requests that still run end with `shutdown`.
#[derive(Clone)]
pub struct Manager {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager")
            .field("drive", &self.inner.options.drive)
            .finish_non_exhaustive()
    }
}

struct Inner {
    options: Arc<ManagerOptions>,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    live: Arc<Live>,
    routes: Arc<Routes>,
    /// Taken out only in a forked child, where the parent's sockets must not be touched.
    reactors: std::mem::ManuallyDrop<Reactors>,
    last_id: AtomicU64,
    generation: u32,
}

impl Manager {
    /// A manager with these options. With [`Drive::Threads`] its threads start now.
    ///
    /// # Errors
    /// `invalid_argument` for certificates, pins or proxies of the environment that cannot be read, for numbers that
    /// HTTP/2 does not allow, and for a drive without threads; `invalid_header` for a field for proxies that is not for
    /// callers to write; `io` when the system gives no descriptor or thread.
    pub fn new(options: ManagerOptions) -> Result<Manager> {
        Manager::build(options, None)
    }

    /// A manager whose deadlines go by a clock that is moved by hand. For tests.
    ///
    /// # Errors
    /// As [`Manager::new`].
    pub fn with_clock(options: ManagerOptions, clock: &ManualClock) -> Result<Manager> {
        Manager::build(options, Some(clock))
    }

    fn build(options: ManagerOptions, clock: Option<&ManualClock>) -> Result<Manager> {
        let generation = fork::generation();
        let counters = Arc::new(Counters::default());
        let mut options = options;
        // Times are added to the clock, which has an end.
        let idle = &mut options.idle_connection_timeout;
        *idle = (*idle).min(limits::FOREVER);
        if let Some(interval) = &mut options.http2_ping_interval {
            *interval = (*interval).clamp(Duration::from_millis(1), limits::FOREVER);
        }
        check_http2(&options)?;
        if let Some(deflate) = &options.policy.websocket_deflate {
            deflate.check()?;
        }
        let options = Arc::new(options);
        let queue = Arc::new(Queue::new(options.drive != Drive::Inline)?);
        let tls = Arc::new(Tls::new(options.tls.clone())?);
        let proxy_tls = Arc::new(Tls::new(options.proxy_tls.clone())?);
        let routes = Arc::new(Routes::new(&options)?);
        let resolver = Arc::new(Resolver::new(options.connection.resolver.clone()));
        let user_agent = match options.user_agent.as_str() {
            "" => None,
            agent => Some(crate::request::header_field("user-agent", agent.as_bytes())?.1),
        };
        let mut usual_fields = HeaderMap::new();
        usual_fields.insert(HOST, HeaderValue::from_static(""));
        if let Some(agent) = &user_agent {
            usual_fields.insert(USER_AGENT, agent.clone());
        }
        usual_fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let mut decoded = usual_fields.clone();
        let accepted = HeaderValue::from_static(crate::coding::ACCEPT);
        decoded.insert(ACCEPT_ENCODING, accepted);
        let usual_fields = [usual_fields, decoded];
        let cookies = options.cookie_jar.clone().unwrap_or_default();
        let challenges = Arc::default();
        let budget = Arc::<Budget>::default();
        let pool = |reactor: &Arc<Reactor>| {
            Pool::new(Connector {
                options: Arc::clone(&options),
                usual_fields: usual_fields.clone(),
                user_agent: user_agent.clone(),
                reactor: Arc::clone(reactor),
                resolver: Arc::clone(&resolver),
                tls: Arc::clone(&tls),
                proxy_tls: Arc::clone(&proxy_tls),
                routes: Arc::clone(&routes),
                counters: Arc::clone(&counters),
                challenges: Arc::clone(&challenges),
                cookies: cookies.clone(),
                budget: Arc::clone(&budget),
            })
        };
        let make = || {
            let flushed = Arc::clone(&queue);
            Reactor::new(clock.cloned(), Box::new(move || flushed.flush()))
        };
        let reactors = match options.drive {
            Drive::Threads(0) => {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    "drive: the number of threads is 0",
                ));
            }
            Drive::Threads(count) => {
                let mut threads = Vec::new();
                for _ in 0..count {
                    let (reactor, core) = make()?;
                    let pool = pool(&reactor);
                    let closing = Arc::clone(&pool);
                    let background =
                        Background::start(Arc::clone(&reactor), core, move || closing.close())?;
                    threads.push((reactor, pool, background));
                }
                Reactors::Threads(threads)
            }
            Drive::Inline => {
                let (reactor, core) = make()?;
                let pool = pool(&reactor);
                Reactors::Inline(
                    Arc::clone(&reactor),
                    pool,
                    Arc::new(Inline::new(reactor, core)),
                )
            }
        };
        let live = {
            let (queue, reactor) = (Arc::clone(&queue), Arc::clone(reactors.first()));
            // Whoever waits in `poll` hears that nothing will come any more.
            Arc::new(Live::new(Box::new(move || {
                queue.close();
                reactor.interrupt();
            })))
        };
        let inner = Inner {
            options,
            queue,
            counters,
            live,
            routes,
            reactors: std::mem::ManuallyDrop::new(reactors),
            last_id: AtomicU64::new(0),
            generation,
        };
        Ok(Manager {
            inner: Arc::new(inner),
        })
    }

    /// Accepts a request; its parts go where `delivery` says. Never blocks, may be called anywhere.
    ///
    /// # Errors
    /// `closed` after shutdown, `forked`, `invalid_argument` for a combination that makes no sense (a body on a
    /// WebSocket or an upgrade), `invalid_header` for a `content-length` that is not the body's. Everything else that goes wrong is
    /// delivered as the request's terminal part.
    pub fn submit(&self, mut request: Request, delivery: Delivery) -> Result<RequestHandle> {
        let inner = &self.inner;
        inner.alive()?;
        request.agree_on_length()?;
        request.check_tunnel()?;
        let websocket = request.is_websocket();
        if websocket
            && (!matches!(request.body, Body::Empty) || request.method != http::Method::GET)
        {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "a WebSocket is opened by a GET without a body",
            ));
        }
        if let Some(deflate) = request.websocket_deflate() {
            deflate.check()?;
        }
        let options = &inner.options;
        let (sink, token) = Sink::new(delivery, &inner.queue);
        let state = RequestState::new(Setup {
            id: inner.last_id.fetch_add(1, Ordering::Relaxed) + 1,
            token,
            sink,
            credit: request.credit.unwrap_or(options.credit).max(1),
            upload_bound: options.upload_buffer,
            send_bound: options.websocket_send_buffer,
            streamed: matches!(request.body, Body::Streamed { .. }) || request.tunnel.is_some(),
            length: match request.body {
                Body::Streamed { length } => length,
                _ => None,
            },
            websocket,
            manual_release: request.manual_release,
            inline: inner
                .reactors
                .inline()
                .map(|inline| Arc::clone(inline) as Arc<dyn InlineDriver>),
            generation: inner.generation,
        });
        let (reactor, pool) = inner.reactors.of(|| inner.routes.target(&request));
        let Some(key) = inner.live.add(&state) else {
            return Err(closed());
        };
        add(&inner.counters.submitted, 1);
        pool.connector.budget.earn();
        let live = Arc::clone(&inner.live);
        let end = AtEnd {
            state: Arc::clone(&state),
            counters: Arc::clone(&inner.counters),
            then: Some(move || live.remove(key)),
        };
        let exchange = Exchange::new(request, Arc::clone(&state), Arc::clone(pool));
        reactor.spawn(exchange.run(end));
        Ok(RequestHandle::new(state))
    }

    /// Takes up to `max` events of requests delivered by [`Delivery::Queue`], waiting for the first until `deadline`
    /// (`None`: until it comes; one that has passed: not at all). With the inline drive it runs the reactor.
    ///
    /// # Errors
    /// `busy` from inside a callback where it would wait or run the reactor, `forked`, `closed` when nothing will come any
    /// more.
    pub fn poll(
        &self,
        batch: &mut Vec<Event>,
        max: usize,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let inner = &self.inner;
        inner.alive()?;
        let queue = &inner.queue;
        loop {
            // Asked before taking: what was delivered before it was closed is taken still.
            let is_closed = queue.is_closed();
            let taken = queue.take(batch, max);
            if taken > 0 {
                self.show_rest(taken == max);
                return Ok(taken);
            }
            if is_closed {
                return Err(closed());
            }
            if let Some(inline) = inner.reactors.inline() {
                if !inline.drive(&|| !queue.is_empty() || queue.is_closed(), deadline)? {
                    let taken = queue.take(batch, max);
                    self.show_rest(taken == max);
                    return Ok(taken);
                }
            } else if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(0);
            } else if inner.reactors.is_current() {
                return Err(Error::new(
                    ErrorCode::Busy,
                    "poll would wait for the callback that it is called from",
                ));
            } else {
                queue.wait(deadline);
            }
        }
    }

    /// With the inline drive, for a host that would now sleep until the descriptor is readable: whether to call
    /// [`Manager::look`] before, which is so as long as peers answer within such a moment. To be asked once for each time.
    pub fn may_look(&self) -> bool {
        let inline = self.inner.reactors.inline();
        self.inner.alive().is_ok() && inline.is_some_and(|inline| inline.may_look())
    }

    /// With the inline drive: as [`Manager::poll`] without waiting, and where nothing is there looks for it a moment longer
    /// ([`limits::SPIN`](crate::limits::SPIN)). A peer on the same machine or in the same rack often answers within that, and a
    /// processor that was put to sleep takes longer to wake. It is given up as soon as `busy` says that the host has something
    /// else to do, of which it is asked all the time. With background threads nothing is looked for.
    ///
    /// # Errors
    /// As those of `poll`.
    pub fn look(
        &self,
        batch: &mut Vec<Event>,
        max: usize,
        busy: impl Fn() -> bool,
    ) -> Result<usize> {
        let inner = &self.inner;
        inner.alive()?;
        let queue = &inner.queue;
        if let Some(inline) = inner.reactors.inline()
            && queue.is_empty()
            && !queue.is_closed()
        {
            inline.look(&|| !queue.is_empty() || queue.is_closed(), &busy);
        }
        let is_closed = queue.is_closed();
        let taken = queue.take(batch, max);
        if taken == 0 && is_closed {
            return Err(closed());
        }
        self.show_rest(taken == max);
        Ok(taken)
    }

    /// With the inline drive: sends what was submitted and written, as far as that needs no news from the system, which
    /// saves a [`Manager::poll`] before waiting for its descriptor. True when events are there to be taken by `poll`. With
    /// background threads they do this by themselves.
    ///
    /// # Errors
    /// `forked`.
    pub fn flush(&self) -> Result<bool> {
        let inner = &self.inner;
        inner.alive()?;
        if let Some(inline) = inner.reactors.inline() {
            inline.run_ready();
        }
        Ok(!inner.queue.is_empty())
    }

    /// With the inline drive, for a host that watches the descriptor: does something that sends or submits without making the
    /// descriptor readable for it, which costs a system call and a [`Manager::poll`] in vain. The host is to call
    /// [`Manager::flush`] or [`Manager::poll`] before it waits again.
    pub fn quietly<T>(&self, action: impl FnOnce() -> T) -> T {
        match self.inner.reactors.inline() {
            Some(inline) if self.inner.alive().is_ok() => inline.quietly(action),
            _ => action(),
        }
    }

    /// What was left in the queue, or was woken quietly, must show at the reactor's descriptor, where that is the one that is
    /// watched.
    fn show_rest(&self, full: bool) {
        let inner = &self.inner;
        if let Some(reactor) = inner.reactors.inline().and(Some(inner.reactors.first()))
            && reactor.is_watched()
        {
            if full && !inner.queue.is_empty() {
                reactor.interrupt();
            } else {
                reactor.interrupt_for_ready();
            }
        }
    }

    /// A descriptor that is readable whenever [`Manager::poll`] has something to do. Owned by the manager.
    ///
    /// # Errors
    /// `io`, `forked`.
    pub fn descriptor(&self) -> Result<RawFd> {
        self.inner.alive()?;
        match (self.inner.queue.watch(), self.inner.reactors.first()) {
            (Some(descriptor), _) => Ok(descriptor.as_raw_fd()),
            (None, reactor) => reactor.watch(),
        }
    }

    /// Takes no more requests, waits until all have ended or the deadline, and ends the rest with `shutdown`. True when
    /// all ended by themselves. A WebSocket counts until its peer has ended the connection, which is waited for 2 s at
    /// most (RFC 6455, 7.1.1).
    ///
    /// # Errors
    /// `busy` from inside a callback, `forked`.
    pub fn shutdown(&self, deadline: Instant) -> Result<bool> {
        let inner = &self.inner;
        inner.alive()?;
        if inner.reactors.is_current() {
            return Err(Error::new(
                ErrorCode::Busy,
                "shutdown would wait for the callback that it is called from",
            ));
        }
        inner.live.close();
        let mut all_ended = inner.wait_for_end(Some(deadline))?;
        if !all_ended {
            all_ended = !inner.live.shut_down();
            // They end at the reactor's next turn.
            inner.wait_for_end(Some(Instant::now() + Duration::from_secs(10)))?;
        }
        inner.reactors.stop();
        Ok(all_ended)
    }

    /// Shuts down at once: requests that run end with `shutdown`. Does not wait, may be called anywhere.
    pub fn close(&self) {
        if self.inner.alive().is_ok() {
            self.inner.live.close();
            self.inner.live.shut_down();
        }
    }

    /// The manager's counters.
    pub fn statistics(&self) -> Statistics {
        self.inner.counters.snapshot()
    }
}

/// RFC 9113, 6.5.2 and 6.9.1.
fn check_http2(options: &ManagerOptions) -> Result<()> {
    let bad = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what));
    if !(1 << 14..1 << 24).contains(&options.http2_max_frame_size) {
        return bad("http2_max_frame_size is not from 16384 to 16777215");
    }
    if options.http2_connection_window > limits::HTTP2_CONNECTION_WINDOW {
        return bad("http2_connection_window is more than 2147483647");
    }
    Ok(())
}

fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the manager has been shut down")
}

impl Inner {
    fn alive(&self) -> Result<()> {
        if fork::is_forked(self.generation) {
            Err(fork::error())
        } else {
            Ok(())
        }
    }

    fn wait_for_end(&self, deadline: Option<Instant>) -> Result<bool> {
        match self.reactors.inline() {
            Some(inline) if !self.live.is_empty() => {
                match inline.drive(&|| self.live.is_empty(), deadline) {
                    Err(error) if error.code() == ErrorCode::Closed => Ok(true),
                    result => result,
                }
            }
            Some(_) => Ok(true),
            None => Ok(self.live.wait_until_empty(deadline)),
        }
    }
}

impl Drop for Inner {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if fork::is_forked(self.generation) {
            // The parent's sockets and threads: left alone, at the cost of the memory.
            return;
        }
        self.live.close();
        self.live.shut_down();
        self.reactors.stop();
        // Events hold their request, and that holds the queue.
        self.queue.discard();
        // SAFETY: this is the drop of the owner; the field is not used again.
        unsafe { std::mem::ManuallyDrop::drop(&mut self.reactors) };
    }
}
