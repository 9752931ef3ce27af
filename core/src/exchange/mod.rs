//! One request's life: attempts on connections, deadlines, the way of its body, the delivery of its parts.

mod attempt;
mod expect;
mod h2c;
mod http1;
mod http2;
mod journey;
mod receive;
mod record;
mod redirect;
mod retry;
mod signed_body;
mod source;
mod tunnel;
mod tunnel_http2;
mod watch;
mod websocket;
mod wire_log;

use std::future::{Future, poll_fn};
use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::Method;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName,
    HeaderValue, USER_AGENT,
};

use crate::coding;
use crate::delivery::RequestState;
use crate::drive::Timer;
use crate::error::{Error, ErrorCode};
use crate::limits::FOREVER;
use crate::options::{ManagerOptions, Policy, Timeouts};
use crate::part::Part;
use crate::pool::Pool;
use crate::protocol::Gate;
use crate::request::Target;
use crate::request::{Body, Request, TimeoutOverrides};
use crate::statistics::{Counters, add};

use journey::Trip;
use record::Record;
pub(crate) use watch::Watch;

/// What one request works with.
pub(crate) struct Exchange {
    /// As it was submitted.
    submitted: Request,
    /// Where it differs from the manager's.
    policy: Option<Box<Policy>>,
    pub(crate) state: Arc<RequestState>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) watch: Watch,
}

/// One request on its way to one answer: the submitted one, or what a redirect, a challenge or a retry made of it.
pub(crate) struct Leg<'a> {
    exchange: &'a Exchange,
    pub(crate) request: &'a Request,
    pub(crate) target: Arc<Target>,
    trip: &'a Trip,
    record: Option<Record>,
    /// Holds the body until the peer wants it.
    gate: Option<Arc<Gate>>,
    /// Fields that are added for this leg: credentials, cookies.
    fields: Vec<(HeaderName, HeaderValue)>,
    /// What is sent in place of the request's body: that in signed chunks.
    signed_body: Option<Box<Body>>,
}

impl Deref for Leg<'_> {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        self.exchange
    }
}

/// Makes sure that the request has its end, whatever becomes of its task, and tells whoever counts.
pub(crate) struct AtEnd<F: FnOnce()> {
    pub(crate) state: Arc<RequestState>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) then: Option<F>,
}

impl<F: FnOnce()> AtEnd<F> {
    fn release(&mut self) {
        if let Some(then) = self.then.take() {
            then();
        }
    }

    fn fail(&self, error: Error) {
        if !self.state.is_ended() {
            add(&self.counters.failed, 1);
            self.counters.error(&error);
            tracing::debug!(request = self.state.id(), %error, "request failed");
            self.state.deliver(Part::Error(error));
        }
    }
}

impl<F: FnOnce()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        // Made only where it is needed: most requests pass here with their end delivered.
        if !self.state.is_ended() {
            self.fail(if std::thread::panicking() {
                Error::new(ErrorCode::Panic, "a bug in the library ended the request")
            } else {
                Error::new(ErrorCode::Shutdown, "the manager was shut down")
            });
        }
        self.release();
    }
}

impl Exchange {
    pub(crate) fn new(
        request: Request,
        state: Arc<RequestState>,
        pool: Arc<Pool>,
    ) -> Box<Exchange> {
        let options = Arc::clone(&pool.connector.options);
        let timeouts = merge(&options.timeouts, &request.timeouts);
        let watch = Watch::new(Arc::clone(&pool.connector.reactor), timeouts);
        let policy = request
            .policy
            .as_ref()
            .map(|overrides| Box::new(overrides.over(&options.policy)));
        // On the heap by itself: as a piece of the task it would be moved several times on the way there.
        Box::new(Exchange {
            submitted: request,
            policy,
            state,
            pool,
            watch,
        })
    }

    pub(crate) fn policy(&self) -> &Policy {
        self.policy
            .as_deref()
            .unwrap_or_else(|| &self.options().policy)
    }

    /// Runs the request to its end, and its connection to where it can be used again.
    pub(crate) async fn run<F: FnOnce()>(self: Box<Self>, mut end: AtEnd<F>) {
        let mut timer = Timer::new(&self.pool.connector.reactor);
        let failure = self.drive(&mut timer, &mut end).await;
        // What it held was dropped with that future: whoever hears of the end finds the stream and its place free.
        if let Some(error) = failure {
            end.fail(error);
        }
    }

    /// The error to end with, if it did not end well.
    async fn drive<F: FnOnce()>(&self, timer: &mut Timer, end: &mut AtEnd<F>) -> Option<Error> {
        let mut journey = pin!(self.journey(timer, end));
        poll_fn(|cx| {
            self.state.attach(cx.waker());
            if let Some(error) = self.state.stopped() {
                return Poll::Ready(Some(error));
            }
            journey.as_mut().poll(cx).map(Result::err)
        })
        .await
    }

    pub(crate) fn options(&self) -> &ManagerOptions {
        &self.pool.connector.options
    }
}

fn merge(defaults: &Timeouts, overrides: &TimeoutOverrides) -> Timeouts {
    // A time so far away that it cannot be told is none.
    let of = |given: Option<Option<Duration>>, default: Option<Duration>| {
        given.unwrap_or(default).filter(|limit| *limit < FOREVER)
    };
    Timeouts {
        pool: of(overrides.pool, defaults.pool),
        resolve: of(overrides.resolve, defaults.resolve),
        connect: of(overrides.connect, defaults.connect),
        tls: of(overrides.tls, defaults.tls),
        write: of(overrides.write, defaults.write),
        first_byte: of(overrides.first_byte, defaults.first_byte),
        idle: of(overrides.idle, defaults.idle),
        total: of(overrides.total, defaults.total),
    }
}

impl Leg<'_> {
    /// The body as it is sent.
    fn body(&self) -> &Body {
        self.signed_body.as_deref().unwrap_or(&self.request.body)
    }

    /// The request's header fields and those that every request has.
    pub(crate) fn headers(&self) -> HeaderMap {
        let request = self.request;
        if request.headers.is_empty()
            && self.fields.is_empty()
            && request.omitted.is_empty()
            && request.address.authorization.is_none()
            && matches!(request.method, Method::GET | Method::HEAD)
            && !request.address.websocket
        {
            // What most requests are: nothing is asked of the fields one by one.
            let decode = usize::from(self.exchange.policy().decode);
            let mut headers = self.pool.connector.usual_fields[decode].clone();
            if let Some(host) = headers.get_mut(HOST) {
                *host = request.address.authority.clone();
            }
            return headers;
        }
        let mut headers = request.headers.clone();
        if !headers.contains_key(HOST) {
            headers.insert(HOST, request.address.authority.clone());
        }
        for (name, value) in &self.fields {
            headers.insert(name, value.clone());
        }
        if self.exchange.policy().decode {
            let accepted = HeaderValue::from_static(coding::ACCEPT);
            headers.entry(ACCEPT_ENCODING).or_insert(accepted);
        }
        if let Some(agent) = &self.pool.connector.user_agent
            && !headers.contains_key(USER_AGENT)
        {
            headers.insert(USER_AGENT, agent.clone());
        }
        if !headers.contains_key(ACCEPT) && !request.address.websocket {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        if let Some(authorization) = &request.address.authorization
            && !headers.contains_key(AUTHORIZATION)
        {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        // RFC 9110, 8.6: a method that is about a body says that there is none.
        if matches!(request.body, Body::Empty)
            && matches!(request.method, Method::POST | Method::PUT | Method::PATCH)
        {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for name in &request.omitted {
            if !request.headers.contains_key(name) {
                headers.remove(name);
            }
        }
        headers
    }
}
