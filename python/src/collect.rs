//! Gathers the parts of one request into a whole answer.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use trunkline::{Control, Error, ErrorCode, Event, Head, Part, Redirect, Summary};

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) head: Box<Head>,
    pub(crate) informational: Vec<Head>,
    /// The redirects that were followed.
    pub(crate) redirects: Vec<Redirect>,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    pub(crate) summary: Arc<Summary>,
}

/// What was gathered so far. Its bytes are released as they come, so a bound on the body is a bound on memory.
#[derive(Default)]
pub(crate) struct Collector {
    head: Option<Box<Head>>,
    informational: Vec<Head>,
    redirects: Vec<Redirect>,
    first: Bytes,
    rest: BytesMut,
    trailers: Option<Box<HeaderMap>>,
    /// Bytes the body may have; 0 sets no limit.
    max: usize,
    refused: Option<Error>,
}

impl Collector {
    pub(crate) fn new(max: usize) -> Collector {
        Collector {
            max,
            ..Collector::default()
        }
    }

    /// Takes the next part. The outcome, once the last one was taken.
    pub(crate) fn take(&mut self, event: Event) -> Option<Result<Answer, Error>> {
        if matches!(event.part(), Part::Data(_)) && self.max > 0 {
            self.check(&event.control(), event.part().credit());
        }
        match event.into_part() {
            Part::Informational(head) => self.informational.push(*head),
            Part::Redirect(redirect) => self.redirects.push(*redirect),
            Part::Head(head) => self.head = Some(head),
            Part::Data(data) => self.append(data),
            Part::Trailers(trailers) => self.trailers = Some(trailers),
            Part::Done(summary) => return Some(self.finish(summary)),
            Part::Error(error) => return Some(Err(self.refused.take().unwrap_or(error))),
            _ => {}
        }
        None
    }

    fn append(&mut self, data: Bytes) {
        if self.refused.is_some() {
            return;
        }
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest.reserve(2 * (self.first.len() + data.len()));
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
    }

    fn check(&mut self, control: &Control, more: usize) {
        if self.refused.is_none() && self.first.len() + self.rest.len() + more > self.max {
            let text = format!("the body is larger than the {} bytes allowed", self.max);
            self.refused = Some(Error::new(ErrorCode::BodyTooLarge, text));
            self.first = Bytes::new();
            self.rest = BytesMut::new();
            control.cancel();
        }
    }

    fn finish(&mut self, summary: Arc<Summary>) -> Result<Answer, Error> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        let Some(head) = self.head.take() else {
            return Err(Error::new(
                ErrorCode::Panic,
                "the request ended without a head",
            ));
        };
        let first = std::mem::take(&mut self.first);
        let rest = std::mem::take(&mut self.rest);
        Ok(Answer {
            head,
            informational: std::mem::take(&mut self.informational),
            redirects: std::mem::take(&mut self.redirects),
            body: if rest.is_empty() {
                first
            } else {
                rest.freeze()
            },
            trailers: self.trailers.take(),
            summary,
        })
    }
}
