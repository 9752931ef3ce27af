//! What was delivered against what should have been.

use http::HeaderMap;
use trunkline::{Frame, Part};
use trunkline_test_server::script;

/// A delivered part, kept for comparison.
#[derive(Debug)]
pub enum Recorded {
    Informational(u16, HeaderMap),
    Redirect(u16, HeaderMap, String),
    Head(u16, HeaderMap),
    Data(Vec<u8>),
    Trailers(HeaderMap),
    Frame(Frame),
    Done,
    Error(String, String),
}

impl Recorded {
    pub fn of(part: &Part) -> Recorded {
        match part {
            Part::Informational(head) => {
                Recorded::Informational(head.status.as_u16(), head.headers.clone())
            }
            Part::Redirect(redirect) => {
                let url = redirect.url.splitn(4, '/').nth(3).unwrap_or_default();
                let head = &redirect.head;
                Recorded::Redirect(
                    head.status.as_u16(),
                    head.headers.clone(),
                    format!("/{url}"),
                )
            }
            Part::Head(head) => Recorded::Head(head.status.as_u16(), head.headers.clone()),
            Part::Data(data) => Recorded::Data(data.to_vec()),
            Part::Trailers(trailers) => Recorded::Trailers((**trailers).clone()),
            Part::Frame(frame) => Recorded::Frame(frame.clone()),
            Part::Done(_) => Recorded::Done,
            Part::Error(error) => {
                Recorded::Error(error.code().name().to_owned(), error.to_string())
            }
            other => panic!("{other:?} is not recorded"),
        }
    }
}

/// The first difference, if any.
pub fn differences(expected: &[script::Part], recorded: &[Recorded]) -> Option<String> {
    let mut delivered: Vec<Recorded> = Vec::new();
    for part in recorded {
        match (delivered.last_mut(), part) {
            (Some(Recorded::Data(all)), Recorded::Data(more)) => all.extend_from_slice(more),
            (_, part) => delivered.push(copy(part)),
        }
    }
    let mut rest = delivered.iter().peekable();
    for expected in expected {
        if let script::Part::DataAny(_) = expected {
            if matches!(rest.peek(), Some(Recorded::Data(_))) {
                rest.next();
            }
            continue;
        }
        if let script::Part::Data(data) = expected
            && data.data.is_empty()
            && !matches!(rest.peek(), Some(Recorded::Data(_)))
        {
            continue;
        }
        let Some(found) = rest.next() else {
            return Some(format!("{expected:?} did not come"));
        };
        if !matches(expected, found) {
            let expected: String = format!("{expected:?}").chars().take(400).collect();
            let last = delivered.last().map(shorten);
            return Some(format!(
                "expected {expected}, got {}, at last {last:?}",
                shorten(found)
            ));
        }
    }
    rest.next()
        .map(|more| format!("{} came too much", shorten(more)))
}

fn shorten(part: &Recorded) -> String {
    format!("{part:?}").chars().take(400).collect()
}

fn copy(part: &Recorded) -> Recorded {
    match part {
        Recorded::Informational(status, headers) => {
            Recorded::Informational(*status, headers.clone())
        }
        Recorded::Redirect(status, headers, url) => {
            Recorded::Redirect(*status, headers.clone(), url.clone())
        }
        Recorded::Head(status, headers) => Recorded::Head(*status, headers.clone()),
        Recorded::Data(data) => Recorded::Data(data.clone()),
        Recorded::Trailers(trailers) => Recorded::Trailers(trailers.clone()),
        Recorded::Frame(frame) => Recorded::Frame(frame.clone()),
        Recorded::Done => Recorded::Done,
        Recorded::Error(name, text) => Recorded::Error(name.clone(), text.clone()),
    }
}

fn matches(expected: &script::Part, found: &Recorded) -> bool {
    match (expected, found) {
        (script::Part::Informational(expected), Recorded::Informational(status, headers)) => {
            expected.informational == *status && fields_match(&expected.headers, headers)
        }
        (script::Part::Redirect(expected), Recorded::Redirect(status, headers, url)) => {
            expected.redirect == *status
                && expected.url == *url
                && fields_match(&expected.headers, headers)
        }
        (script::Part::Head(expected), Recorded::Head(status, headers)) => {
            expected.head == *status && fields_match(&expected.headers, headers)
        }
        (script::Part::Data(expected), Recorded::Data(data)) => expected.data.as_slice() == data,
        (script::Part::Trailers(expected), Recorded::Trailers(trailers)) => {
            fields_match(&expected.trailers, trailers)
        }
        (script::Part::Frame(expected), Recorded::Frame(found)) => match (&expected.frame, found) {
            (script::Frame::Text(expected), Frame::Text(found)) => expected.as_bytes() == found,
            (script::Frame::Binary(expected), Frame::Binary(found))
            | (script::Frame::Ping(expected), Frame::Ping(found))
            | (script::Frame::Pong(expected), Frame::Pong(found)) => expected.as_slice() == found,
            (script::Frame::Close((code, reason)), Frame::Close(found_code, found)) => {
                code == found_code && reason.as_bytes() == found
            }
            _ => false,
        },
        (script::Part::Done(_), Recorded::Done) => true,
        (script::Part::Error(expected), Recorded::Error(name, _)) => expected.error.holds(name),
        _ => false,
    }
}

fn fields_match(
    expected: &std::collections::BTreeMap<String, Option<String>>,
    found: &HeaderMap,
) -> bool {
    expected.iter().all(|(name, value)| {
        let all: Vec<_> = found
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        match value {
            None => all.is_empty(),
            Some(value) => !all.is_empty() && all.join(", ") == *value,
        }
    })
}
