//! What a connection's handlers were told, by request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request};
use trunkline::sansio::http2::{BodyPart, Flow, Handlers, HttpError};

/// What was told about each request: a line each, with the bytes of a body together.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<BTreeMap<String, Vec<String>>>>);

impl Record {
    pub fn note(&self, about: &str, what: impl Into<String>) {
        let mut lines = self.0.lock().unwrap();
        lines.entry(about.to_owned()).or_default().push(what.into());
    }

    fn data(&self, about: &str, bytes: &[u8]) {
        let mut lines = self.0.lock().unwrap();
        let lines = lines.entry(about.to_owned()).or_default();
        let before = lines.last().and_then(|line| line.strip_prefix("data "));
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        if let Some(before) = before {
            let joined = format!("data {before}{text}");
            *lines.last_mut().unwrap() = joined;
        } else {
            lines.push(format!("data {text}"));
        }
    }

    /// What was told about one.
    pub fn of(&self, about: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.get(about).cloned().unwrap_or_default()
    }

    pub fn all(&self) -> BTreeMap<String, Vec<String>> {
        self.0.lock().unwrap().clone()
    }

    /// Handlers that note what they are told.
    pub fn handlers(&self, about: &str) -> Handlers {
        let about = || about.to_owned();
        let (record, name) = (self.clone(), about());
        let (failed, failed_name) = (self.clone(), about());
        let (trailed, trailed_name) = (self.clone(), about());
        let (informed, informed_name) = (self.clone(), about());
        Handlers::new(
            move |response, body| {
                record.note(&name, format!("head {}", response.status().as_u16()));
                body.read(move |part| {
                    match part {
                        BodyPart::Data(bytes) => record.data(&name, &bytes),
                        BodyPart::End => record.note(&name, "end"),
                    }
                    Flow::Continue
                });
            },
            move |error| failed.note(&failed_name, shown(&error)),
        )
        .on_trailers(move |trailers| {
            trailed.note(&trailed_name, format!("trailers {}", fields(&trailers)));
        })
        .on_informational(move |response| {
            informed.note(
                &informed_name,
                format!("informational {}", response.status().as_u16()),
            );
        })
    }

    /// The handler of the connection's errors, noted under `connection`.
    pub fn connection(&self) -> impl FnOnce(HttpError) + Send + 'static {
        let record = self.clone();
        move |error| record.note("connection", shown(&error))
    }
}

/// An error without what h2 says of it.
pub fn shown(error: &HttpError) -> String {
    match error {
        HttpError::MalformedResponse(_) => "malformed".to_owned(),
        HttpError::InvalidBodyLength {
            expected, received, ..
        } => {
            format!("length {received} of {expected}")
        }
        HttpError::Protocol {
            code, from_peer, ..
        } => format!(
            "protocol {code} {}",
            if *from_peer { "received" } else { "sent" }
        ),
        HttpError::Exception(cause) => format!("exception {cause}"),
        other => format!("{other:?}"),
    }
}

fn fields(fields: &HeaderMap) -> String {
    let shown = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}={}", value.to_str().unwrap_or("?"))
    };
    fields.iter().map(shown).collect::<Vec<_>>().join(",")
}

/// A request for a path.
pub fn get(path: &str) -> Request<()> {
    Request::get(format!("http://example.test{path}"))
        .body(())
        .unwrap()
}

/// A request with a body.
pub fn post(path: &str) -> Request<()> {
    Request::post(format!("http://example.test{path}"))
        .body(())
        .unwrap()
}
