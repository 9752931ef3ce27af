//! From submission to the end: a request's legs, one after the other.
//!
//! Most requests have one. A redirect, a challenge for credentials or a retry makes another one, which starts at the pool
//! again. The caller sees the parts of the last, and one part for each redirect.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue, PROXY_AUTHORIZATION};

use super::retry::{self, Outcome};
use super::{AtEnd, Exchange, Leg};
use crate::connect::Progress;
use crate::drive::Timer;
use crate::error::{Error, ErrorCode, Phase, Result, shown};
use crate::part::{Part, Redirect};
use crate::request::{Body, Request};
use crate::statistics::add;

/// What the legs so far have used up.
#[derive(Default)]
pub(super) struct Trip {
    pub(super) redirects: u32,
    pub(super) retries: u32,
    /// Challenges answered in a row.
    pub(super) challenges: u32,
    /// Those of a proxy.
    pub(super) proxy_challenges: u32,
    /// The peer does not know `expect`.
    pub(super) unexpected: bool,
    /// Credentials of the request's own are not for where it is now.
    pub(super) abroad: bool,
    /// Attempts in a row to open a WebSocket again.
    pub(super) resumes: u32,
}

/// What comes after an answer that is not the caller's.
pub(super) enum Next {
    /// It leads elsewhere.
    Redirect(Box<Redirect>, Box<Request>),
    /// The same again, after a pause.
    Retry(Duration),
    /// The WebSocket was lost with this error, and is opened again.
    Resume(Error),
    /// The same again, without `expect`.
    WithoutExpect,
    /// The same again, with credentials for the challenge.
    Authorize(HeaderName, HeaderValue),
}

/// How a leg ended that did not fail.
pub(super) enum Arrival {
    /// The answer was delivered to its end.
    Done,
    Next(Next),
}

impl Exchange {
    /// Goes from leg to leg until an answer is the caller's.
    pub(super) async fn journey<F: FnOnce()>(
        &self,
        timer: &mut Timer,
        end: &mut AtEnd<F>,
    ) -> Result<()> {
        let mut trip = Trip::default();
        let mut led: Option<Box<Request>> = None;
        let mut answer = None;
        loop {
            let request = led.as_deref().unwrap_or(&self.submitted);
            let outcome = {
                let leg = Leg::new(self, request, &trip, answer.take())?;
                let attempts = pin!(leg.attempts());
                let outcome = self.timed(attempts, timer, end).await;
                if let Err(error) = &outcome {
                    leg.record_failure(error);
                }
                outcome
            };
            let next = match outcome {
                Ok(Arrival::Done) => return Ok(()),
                Ok(Arrival::Next(next)) => {
                    if matches!(next, Next::Resume(_)) {
                        // It was open: whatever failed before is forgotten.
                        trip.resumes = 0;
                    }
                    next
                }
                Err(error) if trip.resumes > 0 => Next::Resume(error),
                Err(error) => Next::Retry(self.retry_after(&error, request, &trip).ok_or(error)?),
            };
            match next {
                Next::Redirect(redirect, next) => {
                    trip.redirects += 1;
                    trip.challenges = 0;
                    trip.proxy_challenges = 0;
                    trip.abroad = !super::redirect::same_origin(
                        &self.submitted.address.url,
                        &next.address.url,
                    );
                    let url = shown(&next.address.url);
                    tracing::debug!(request = self.state.id(), %url, "redirected");
                    add(&self.pool.connector.counters.redirects, 1);
                    // Nothing of that comes after the head, which a WebSocket has that is opened again.
                    if !self.state.has_head() {
                        self.state.deliver(Part::Redirect(redirect));
                    }
                    led = Some(next);
                }
                Next::Retry(pause) => {
                    trip.retries += 1;
                    tracing::debug!(request = self.state.id(), ?pause, "tried again");
                    add(&self.pool.connector.counters.retries, 1);
                    let paused = pin!(self.pause(pause));
                    self.timed(paused, timer, end).await?;
                }
                Next::Resume(error) => {
                    trip = Trip {
                        abroad: trip.abroad,
                        resumes: trip.resumes + 1,
                        ..Trip::default()
                    };
                    let pause = self.resume_after(error, trip.resumes)?;
                    let paused = pin!(self.pause(pause));
                    self.timed(paused, timer, end).await?;
                }
                Next::WithoutExpect => trip.unexpected = true,
                Next::Authorize(name, value) => {
                    if name == PROXY_AUTHORIZATION {
                        trip.proxy_challenges += 1;
                    } else {
                        trip.challenges += 1;
                    }
                    answer = Some((name, value));
                }
            }
            self.watch.restart();
        }
    }

    /// Waits; no deadline of a phase runs meanwhile.
    async fn pause(&self, pause: Duration) -> Result<()> {
        let mut waiting = Timer::new(&self.pool.connector.reactor);
        waiting.set_after(pause);
        self.watch.enter(Phase::Pool);
        self.watch.hold();
        poll_fn(|cx| waiting.poll(cx)).await;
        Ok(())
    }

    /// Runs a leg, unless its deadline passes. The leg is pinned where it was made: passed on by value it would be in the
    /// task twice, as an argument and where it is polled.
    async fn timed<T, F: FnOnce()>(
        &self,
        mut leg: Pin<&mut impl Future<Output = Result<T>>>,
        timer: &mut Timer,
        end: &mut AtEnd<F>,
    ) -> Result<T> {
        poll_fn(|cx| {
            if let Poll::Ready(result) = leg.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            if self.state.is_ended() {
                // Only the connection's way back to the pool is left. A WebSocket has an end to agree on with its peer
                // as well, and a manager that shuts down waits for that: it takes a bounded time.
                timer.set(None);
                if !self.submitted.address.websocket {
                    end.release();
                }
                return Poll::Pending;
            }
            timer.set(self.watch.deadline());
            if timer.poll(cx).is_ready() {
                return Poll::Ready(Err(self.watch.expired()));
            }
            Poll::Pending
        })
        .await
    }

    /// The pause before a request that failed is tried again.
    fn retry_after(&self, error: &Error, request: &Request, trip: &Trip) -> Option<Duration> {
        // What the caller has seen of an answer cannot be taken back.
        if self.state.has_head()
            || error.code() == ErrorCode::TotalTimeout
            || !self.is_replayable(request)
        {
            return None;
        }
        let url = request.address.url.as_str();
        let outcome = Outcome::Failure(error);
        let pause = retry::pause(
            self.policy(),
            trip.retries + 1,
            &request.method,
            url,
            &outcome,
        )?;
        self.pool.connector.budget.spend().then_some(pause)
    }

    /// Whether the body can be sent once more.
    pub(super) fn is_replayable(&self, request: &Request) -> bool {
        match &request.body {
            Body::Empty | Body::Whole(_) | Body::Source(_) => true,
            Body::Streamed { .. } => !self.state.lock_upload().touched,
        }
    }
}

impl<'a> Leg<'a> {
    fn new(
        exchange: &'a Exchange,
        request: &'a Request,
        trip: &'a Trip,
        answer: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Leg<'a>> {
        let mut leg = Leg {
            exchange,
            request,
            target: exchange.pool.connector.routes.target(request),
            trip,
            gate: None,
            record: None,
            fields: Vec::new(),
            signed_body: None,
        };
        leg.add_fields(answer)?;
        leg.begin_record();
        Ok(leg)
    }
}
