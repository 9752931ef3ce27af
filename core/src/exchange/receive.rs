//! What is done with an answer: whose it is, how its body is decoded, how its end is told.

use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use http::response::Parts;
use http::{HeaderMap, StatusCode};

use super::Leg;
use super::journey::Next;
use super::redirect;
use super::retry::{self, Outcome};
use super::signed_body::signed_body;
use crate::auth::AuthRequest;
use crate::coding::{self, Decoder};
use crate::connect::Login;
use crate::cookies;
use crate::error::{Error, ErrorCode, Phase, Result, shown};
use crate::limits;
use crate::options::ProxyAuth;
use crate::part::{Head, Part, Redirect};
use crate::request::{Body, Route};
use crate::statistics::add;

/// What becomes of an answer.
pub(super) enum Reception {
    /// It is the caller's; its body is decoded where there is a decoder.
    Deliver(Option<Box<Decoder>>),
    /// It only leads on.
    Discard(Next),
}

impl<'a> Leg<'a> {
    /// Adds the fields that this leg alone has: credentials, cookies.
    pub(super) fn add_fields(&mut self, answer: Option<(HeaderName, HeaderValue)>) -> Result<()> {
        let policy = self.exchange.policy();
        if policy.cookies
            && let Some(cookies) = self
                .pool
                .connector
                .cookies
                .header(&self.request.address.url, true)
        {
            let cookies = cookies::joined(&self.request.headers, cookies);
            self.fields.push((COOKIE, cookies));
        }
        self.expect();
        let answer = self.add_proxy_login(answer)?;
        let policy = self.exchange.policy();
        match answer {
            Some(field) => self.fields.push(field),
            None if policy.auth.is_none() || self.request.headers.contains_key(AUTHORIZATION) => {}
            None if self.may_authorize() => {
                let origin = self.request.address.origin();
                let memory = &self.pool.connector.challenges;
                let authorized = policy.auth.authorize(
                    &self.auth_request(&self.request.headers),
                    &origin,
                    memory,
                )?;
                self.fields.extend(authorized.fields);
                if let (Some(signer), Body::Source(body)) = (authorized.chunks, &self.request.body)
                {
                    self.signed_body = Some(Box::new(signed_body(signer, Arc::clone(body))));
                }
            }
            None => {}
        }
        Ok(())
    }

    /// Adds the credential for a proxy that forwards, where it is told by digest who asks; gives back an answer that is
    /// not for it.
    fn add_proxy_login(
        &mut self,
        answer: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Option<(HeaderName, HeaderValue)>> {
        let Some((name, value)) = answer else {
            if let Some(login) = self.proxy_login()?
                && let Some(value) = login.authorize(&self.auth_request(&self.request.headers))?
            {
                self.fields.push((PROXY_AUTHORIZATION, value));
            }
            return Ok(None);
        };
        if name == PROXY_AUTHORIZATION {
            self.fields.push((name, value));
            return Ok(None);
        }
        self.add_proxy_login(None)?;
        Ok(Some((name, value)))
    }

    /// How digest is done with the proxy that forwards this request.
    fn proxy_login(&self) -> Result<Option<Login<'a>>> {
        match &self.target.route {
            Route::Forward(proxy)
                if self.options().proxy_auth == ProxyAuth::Digest
                    && !self.request.headers.contains_key(PROXY_AUTHORIZATION) =>
            {
                self.exchange.pool.connector.proxy_login(proxy)
            }
            _ => Ok(None),
        }
    }

    /// Whether the request's credentials are for where this leg goes. Those of a netrc file are looked up for each host.
    fn may_authorize(&self) -> bool {
        let policy = self.exchange.policy();
        !self.trip.abroad || policy.redirect_trusted || policy.auth.is_by_host()
    }

    fn auth_request<'h>(&'h self, headers: &'h HeaderMap) -> AuthRequest<'h> {
        AuthRequest {
            method: &self.request.method,
            url: self.request.address.url.as_str(),
            host: &self.request.address.host,
            headers,
            body: match &self.request.body {
                Body::Empty => Some(&[]),
                Body::Whole(body) => Some(body),
                _ => None,
            },
            source: match &self.request.body {
                Body::Source(source) => source.length(),
                _ => None,
            },
        }
    }

    /// Decides on an answer by its head, and delivers that if the answer is the caller's.
    ///
    /// # Errors
    /// `too_many_redirects`, `redirect_refused`; those of the decoder.
    pub(super) fn receive(&self, head: Parts) -> Result<Reception> {
        self.watch.first_byte();
        self.record_head(&head);
        self.log_answer(&head);
        let policy = self.exchange.policy();
        if policy.cookies {
            let jar = &self.pool.connector.cookies;
            jar.store(&self.request.address.url, &head.headers);
        }
        // Nothing else is asked of most answers.
        if head.status.as_u16() >= 300
            && let Some(next) = self.next(&head)?
        {
            return Ok(Reception::Discard(next));
        }
        if let Some(login) = self.proxy_login()? {
            login.informed(&head.headers);
        }
        if !policy.auth.is_none() {
            let memory = &self.pool.connector.challenges;
            policy
                .auth
                .informed(&head.headers, false, &self.request.address.origin(), memory);
        }
        let decoder = if policy.decode {
            let limits = coding::Limits {
                bytes: policy.max_decoded_bytes,
                ratio: policy.max_decode_ratio,
            };
            Decoder::new(&head.headers, limits)?.map(Box::new)
        } else {
            None
        };
        // A WebSocket that is opened again has its head already: an answer that does not open it is nobody's.
        if self.state.has_head() && !super::websocket::opens(&head) {
            return Err(super::websocket::rejected(head.status));
        }
        self.state.deliver_head(Head {
            status: head.status,
            version: head.version,
            headers: head.headers,
        });
        Ok(Reception::Deliver(decoder))
    }

    fn next(&self, head: &Parts) -> Result<Option<Next>> {
        let policy = self.exchange.policy();
        let replayable = self.is_replayable(self.request);
        if head.status == StatusCode::UNAUTHORIZED
            && !policy.auth.is_none()
            && replayable
            && self.trip.challenges < limits::CHALLENGE_ROUNDS
            && self.may_authorize()
        {
            let origin = self.request.address.origin();
            let memory = &self.pool.connector.challenges;
            let tried = self.trip.challenges > 0;
            // With what was refused, so that it is not offered again.
            let headers = self.headers();
            let request = self.auth_request(&headers);
            let answer =
                policy
                    .auth
                    .answer(&head.headers, false, &request, &origin, memory, tried)?;
            if let Some((name, value)) = answer {
                return Ok(Some(Next::Authorize(name, value)));
            }
        }
        if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && replayable
            && self.trip.proxy_challenges < limits::CHALLENGE_ROUNDS
            && let Some(login) = self.proxy_login()?
        {
            let headers = self.headers();
            let tried = self.trip.proxy_challenges > 0;
            let answer = login.answer(&head.headers, &self.auth_request(&headers), tried)?;
            if let Some(value) = answer {
                return Ok(Some(Next::Authorize(PROXY_AUTHORIZATION, value)));
            }
        }
        if head.status == StatusCode::EXPECTATION_FAILED && self.gate.is_some() && replayable {
            return Ok(Some(Next::WithoutExpect));
        }
        if policy.follow_redirects && redirect::leads_on(head.status, &head.headers) {
            if self.trip.redirects >= policy.max_redirects {
                return Err(Error::new(
                    ErrorCode::TooManyRedirects,
                    format!("more than {} redirects", policy.max_redirects),
                ));
            }
            let next =
                redirect::next(self.request, head.status, &head.headers, policy, replayable)?;
            let redirect = Redirect {
                head: Head {
                    status: head.status,
                    version: head.version,
                    headers: head.headers.clone(),
                },
                url: next.address.url.to_string(),
            };
            return Ok(Some(Next::Redirect(Box::new(redirect), Box::new(next))));
        }
        let outcome = Outcome::Answer(head.status, &head.headers);
        let url = self.request.address.url.as_str();
        let number = self.trip.retries + 1;
        let pause = retry::pause(policy, number, &self.request.method, url, &outcome);
        Ok(pause
            .filter(|_| replayable && self.pool.connector.budget.spend())
            .map(Next::Retry))
    }

    /// Delivers the end of a request that went well.
    pub(super) fn done(&self, received: u64, status: StatusCode) {
        self.end_record();
        if self.exchange.policy().status_errors && status.as_u16() >= 400 {
            let error = Error::new(
                ErrorCode::HttpStatus,
                format!(
                    "{} was answered with {status}",
                    shown(&self.request.address.url)
                ),
            )
            .in_phase(Phase::Receive)
            .with_peer_code(u32::from(status.as_u16()));
            self.fail(error);
            return;
        }
        let summary = self.watch.finish(received, self.state.sent());
        add(&self.pool.connector.counters.completed, 1);
        self.state.deliver(Part::Done(Arc::new(summary)));
    }

    /// Delivers the end of a request that failed, while its connection still has something to do.
    pub(super) fn fail(&self, error: Error) {
        let counters = &self.pool.connector.counters;
        add(&counters.failed, 1);
        counters.error(&error);
        self.state.deliver(Part::Error(error));
    }

    /// To be called when a turn's share of a body was received: `before` and `received` bytes in all, of `length`.
    pub(super) fn note_bulk(&self, before: u64, received: u64, length: Option<u64>) {
        let long = match length {
            Some(length) => length.saturating_sub(received) >= limits::BULK,
            None => received >= limits::BULK,
        };
        // In clear text the peer's pieces are large, and a pause costs more than it gains.
        if long && self.target.tls && received - before >= limits::BULK_PIECE {
            self.pool.connector.reactor.expect_bulk();
        }
    }

    /// Ends the request where the body is larger than the manager allows.
    pub(super) fn check_body_limit(&self, received: u64) -> Result<()> {
        let limit = self.options().max_body_bytes;
        if limit > 0 && received > limit {
            return Err(Error::new(
                ErrorCode::BodyTooLarge,
                format!("the body exceeds {limit} bytes"),
            )
            .in_phase(Phase::Receive));
        }
        Ok(())
    }
}
