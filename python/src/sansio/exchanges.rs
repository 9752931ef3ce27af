//! Exchanges by their number, and the handlers that note what happens on them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use trunkline::sansio::exchange::{
    BodyPart, Flow, Handlers, RequestBody, RequestHandle, ResponseBody,
};
use trunkline::{Error, ErrorCode};

use super::events::Event;
use super::link::{Events, lock};

/// An exchange under way.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) upload: Option<RequestBody>,
    /// Its end was said: from then on it only serves to give the exchange up.
    closed: bool,
    /// Of a request without a body.
    pub(super) handle: Option<RequestHandle>,
    answer: Option<ResponseBody>,
    paused: Arc<AtomicBool>,
    /// Its answer is complete.
    answered: bool,
}

/// The exchanges of a connection by their number.
#[derive(Clone, Default)]
pub(super) struct Exchanges {
    pub(super) all: Arc<Mutex<HashMap<u64, Exchange>>>,
    last: Arc<AtomicU64>,
    pub(super) events: Events,
}

impl Exchanges {
    pub(super) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Forgets the answer of an exchange that has ended, and the exchange where nothing is left of it.
    pub(super) fn ended(&self, number: u64, failed: bool) {
        let mut all = lock(&self.all);
        let Some(exchange) = all.get_mut(&number) else {
            return;
        };
        exchange.answered = true;
        let answer = exchange.answer.take();
        let gone = if failed || exchange.upload.is_none() || exchange.closed {
            all.remove(&number)
        } else {
            None
        };
        drop(all);
        // They may call the connection.
        drop((answer, gone));
    }

    fn has(&self, number: u64) -> bool {
        lock(&self.all).contains_key(&number)
    }

    /// Handlers that note what happens, for a new exchange. A push that was given up before its answer came is told of no more,
    /// and reset when that comes.
    pub(super) fn handlers(&self, number: u64) -> Handlers {
        let paused = Arc::new(AtomicBool::new(false));
        let exchange = Exchange {
            paused: Arc::clone(&paused),
            ..Exchange::default()
        };
        lock(&self.all).insert(number, exchange);
        let (answered, failed) = (self.clone(), self.clone());
        let (trailed, informed) = (self.events.clone(), self.events.clone());
        Handlers::new(
            move |response, body| {
                if !answered.has(number) {
                    return;
                }
                answered.events.push(Event::Answer(number, response));
                let parts = answered.clone();
                body.read(move |part| match part {
                    BodyPart::Data(data) => {
                        parts.events.push(Event::Data(number, data));
                        if paused.load(Ordering::Relaxed) {
                            Flow::Pause
                        } else {
                            Flow::Continue
                        }
                    }
                    BodyPart::End => {
                        parts.events.push(Event::End(number));
                        parts.ended(number, false);
                        Flow::Continue
                    }
                });
                if let Some(exchange) = lock(&answered.all).get_mut(&number) {
                    exchange.answer = Some(body);
                }
            },
            move |cause| {
                if failed.has(number) {
                    failed.events.push(Event::Failed(number, cause));
                    failed.ended(number, true);
                }
            },
        )
        .on_trailers(move |fields| trailed.push(Event::Trailers(number, fields)))
        .on_informational(move |response| informed.push(Event::Informational(number, response)))
    }

    /// Calls with an exchange's upload.
    pub(super) fn upload<T>(
        &self,
        number: u64,
        call: impl FnOnce(&RequestBody) -> trunkline::Result<T>,
    ) -> trunkline::Result<T> {
        let taken = lock(&self.all)
            .get_mut(&number)
            .filter(|exchange| !exchange.closed)
            .and_then(|exchange| exchange.upload.take());
        let Some(upload) = taken else {
            return Err(Error::new(
                ErrorCode::InvalidState,
                format!("exchange {number} takes no more of a body"),
            ));
        };
        let done = call(&upload);
        // Unless it has ended meanwhile it goes back.
        let mut all = lock(&self.all);
        let upload = match all.get_mut(&number) {
            Some(exchange) => {
                exchange.upload = Some(upload);
                None
            }
            None => Some(upload),
        };
        drop(all);
        drop(upload);
        done
    }

    pub(super) fn close(&self, number: u64, trailers: http::HeaderMap) -> trunkline::Result<()> {
        self.upload(number, |upload| {
            if trailers.is_empty() {
                upload.close();
            } else {
                upload.close_with_trailers(trailers);
            }
            Ok(())
        })?;
        let mut all = lock(&self.all);
        let Some(exchange) = all.get_mut(&number) else {
            return Ok(());
        };
        exchange.closed = true;
        let gone = if exchange.answered {
            all.remove(&number)
        } else {
            None
        };
        drop(all);
        drop(gone);
        Ok(())
    }

    pub(super) fn pause(&self, number: u64, pause: bool) {
        let mut all = lock(&self.all);
        let Some(exchange) = all.get_mut(&number) else {
            return;
        };
        exchange.paused.store(pause, Ordering::Relaxed);
        let answer = if pause { None } else { exchange.answer.take() };
        drop(all);
        if let Some(answer) = answer {
            answer.resume();
            let mut all = lock(&self.all);
            // It may have ended meanwhile.
            if let Some(exchange) = all.get_mut(&number).filter(|it| !it.answered) {
                exchange.answer = Some(answer);
            }
        }
    }

    pub(super) fn cancel(&self, number: u64, code: u32) {
        let Some(exchange) = lock(&self.all).remove(&number) else {
            return;
        };
        if let Some(upload) = exchange.upload {
            upload.cancel(code);
        } else if let Some(handle) = exchange.handle {
            handle.cancel(code);
        } else if let Some(answer) = exchange.answer {
            answer.cancel(code);
        }
    }
}
