//! The HTTP/1.1 steps: reading requests, all framing of RFC 9112 section 6 included.

use bytes::Bytes;

use crate::bytes::shown;
use crate::fields::{self, Arrived};
use crate::script::Expected;
use crate::wire::{Fault, Wire};

/// The largest head that is read.
const LARGEST_HEAD: usize = 1 << 20;
/// The most header fields that are read.
const MOST_FIELDS: usize = 1024;

/// A request's head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Arrived,
}

/// Reads a head and checks it.
pub(crate) async fn expect_head(wire: &mut Wire, expected: &Expected) -> Result<Head, Fault> {
    let head = read_head(wire).await?;
    fields::same("method", expected.method.as_deref(), &head.method)?;
    fields::same("target", expected.target.as_deref(), &head.target)?;
    fields::check(&expected.headers, &head.fields)?;
    Ok(head)
}

/// Reads the body of a request and checks it.
pub(crate) async fn expect_body(
    wire: &mut Wire,
    head: &Head,
    expected: &Expected,
) -> Result<(), Fault> {
    let (body, trailers) = read_body(wire, head).await?;
    if let Some(wanted) = &expected.body
        && wanted.as_slice() != body
    {
        return Err(format!(
            "expected body {}, got {}",
            shown(wanted.as_slice()),
            shown(&body)
        ));
    }
    expected
        .trailers
        .as_ref()
        .map_or(Ok(()), |wanted| fields::check(wanted, &trailers))
}

async fn read_head(wire: &mut Wire) -> Result<Head, Fault> {
    loop {
        if let Some(end) = wire.kept().windows(4).position(|four| four == b"\r\n\r\n") {
            let octets = wire.take(end + 4);
            return parse_head(&octets);
        }
        if wire.kept().len() > LARGEST_HEAD {
            return Err("the head of the request has no end".to_owned());
        }
        if !wire.fill().await? {
            return Err(match wire.kept() {
                [] => "expected a request, got the end of the connection".to_owned(),
                some => format!(
                    "expected a request, got {} and the end of the connection",
                    shown(some)
                ),
            });
        }
    }
}

fn parse_head(octets: &Bytes) -> Result<Head, Fault> {
    let mut places = vec![httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut places);
    match request.parse(octets) {
        Ok(httparse::Status::Complete(_)) => {}
        other => {
            return Err(format!(
                "expected a request, got {} ({other:?})",
                shown(octets)
            ));
        }
    }
    if request.version != Some(1) {
        return Err("expected HTTP/1.1, got HTTP/1.0".to_owned());
    }
    Ok(Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        fields: request.headers.iter().map(arrived).collect(),
    })
}

fn arrived(field: &httparse::Header<'_>) -> (String, String) {
    (
        field.name.to_ascii_lowercase(),
        String::from_utf8_lossy(field.value).into_owned(),
    )
}

async fn read_body(wire: &mut Wire, head: &Head) -> Result<(Vec<u8>, Arrived), Fault> {
    let coding = fields::value(&head.fields, "transfer-encoding");
    let length = fields::value(&head.fields, "content-length");
    match (coding, length) {
        (Some(coding), Some(length)) => Err(format!(
            "the request has Transfer-Encoding {coding:?} and Content-Length {length:?}"
        )),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => read_chunked(wire).await,
        (Some(coding), None) => Err(format!("the request has Transfer-Encoding {coding:?}")),
        (None, Some(length)) => {
            let length = length
                .parse()
                .map_err(|_| format!("the request has Content-Length {length:?}"))?;
            Ok((wire.read_exact(length).await?.to_vec(), Arrived::new()))
        }
        (None, None) => Ok((Vec::new(), Arrived::new())),
    }
}

async fn read_chunked(wire: &mut Wire) -> Result<(Vec<u8>, Arrived), Fault> {
    let mut body = Vec::new();
    loop {
        let line = wire.read_line().await?;
        let text = String::from_utf8_lossy(&line).into_owned();
        let digits = text.split(';').next().unwrap_or_default().trim();
        let length = usize::from_str_radix(digits, 16)
            .map_err(|_| format!("the request has chunk size {text:?}"))?;
        if length == 0 {
            break;
        }
        body.extend_from_slice(&wire.read_exact(length).await?);
        let end = wire.read_exact(2).await?;
        if *end != *b"\r\n" {
            return Err(format!("a chunk of the request ends in {}", shown(&end)));
        }
    }
    let mut trailers = Arrived::new();
    loop {
        let line = wire.read_line().await?;
        if line.is_empty() {
            return Ok((body, trailers));
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| format!("the request has the trailer {text:?}"))?;
        trailers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}
