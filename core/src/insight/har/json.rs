//! An exchange as JSON. Cookies, query and redirection are taken out of what was recorded, so that they cannot differ.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, COOKIE, HeaderName, LOCATION, SET_COOKIE};
use http::{HeaderMap, Version};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::entry::{HarBody, HarEntry, HarTimings};
use crate::insight::{MASKED, masked};
use crate::part::{Head, Protocol};

/// The format's word for what is not known or did not take place.
const UNKNOWN: i64 = -1;

/// The entry of an archive for this exchange.
pub(super) fn entry(entry: &HarEntry, credentials: bool) -> Value {
    let mut object = json!({
        "startedDateTime": date(entry.started),
        "time": milliseconds(total(&entry.timings)),
        "request": request(entry, credentials),
        "response": response(entry, credentials),
        "cache": {},
        "timings": timings(&entry.timings),
    });
    if let Some(connection) = &entry.connection {
        object["connection"] = json!(connection.id.to_string());
        if let Some(remote) = connection.remote {
            object["serverIPAddress"] = json!(remote.ip().to_string());
        }
    }
    if let Some(error) = &entry.error {
        object["_error"] = json!(error);
    }
    object
}

fn request(entry: &HarEntry, credentials: bool) -> Value {
    let url = Url::parse(&entry.url).ok();
    let query: Vec<Value> = url
        .iter()
        .flat_map(Url::query_pairs)
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let protocol = entry
        .connection
        .as_ref()
        .map(|connection| connection.protocol);
    let version = match protocol {
        Some(Protocol::Http1 | Protocol::WebSocket) => "HTTP/1.1",
        Some(Protocol::Http2) => "HTTP/2",
        None => "",
    };
    let headers = &entry.request_headers;
    let mut object = json!({
        "method": entry.method.as_str(),
        "url": url.map_or_else(|| entry.url.clone(), |url| shown(url, credentials)),
        "httpVersion": version,
        "cookies": request_cookies(headers, credentials),
        "headers": fields(headers, credentials),
        "queryString": query,
        "headersSize": UNKNOWN,
        "bodySize": entry.request_body.size(),
    });
    if entry.request_body.size() > 0 {
        let mut data = json!({ "mimeType": field(headers, &CONTENT_TYPE), "params": [] });
        // The format foresees no encoding here; names of one's own begin with an underscore.
        text(&mut data, &entry.request_body, "_encoding");
        object["postData"] = data;
    }
    object
}

fn response(entry: &HarEntry, credentials: bool) -> Value {
    let empty = HeaderMap::new();
    let head = entry.response.as_ref();
    let headers = head.map_or(&empty, |head| &head.headers);
    let mut content = json!({
        "size": entry.response_body.size(),
        "mimeType": field(headers, &CONTENT_TYPE),
    });
    text(&mut content, &entry.response_body, "encoding");
    json!({
        // Browsers write 0 where there was no answer.
        "status": head.map_or(0, |head| head.status.as_u16()),
        "statusText": head.and_then(|head| head.status.canonical_reason()).unwrap_or_default(),
        "httpVersion": head.map_or("", |head| version(head.version)),
        "cookies": response_cookies(headers, credentials),
        "headers": fields(headers, credentials),
        "content": content,
        "redirectURL": head.map_or_else(String::new, redirect),
        "headersSize": UNKNOWN,
        "bodySize": entry.received.map_or(json!(UNKNOWN), |received| json!(received)),
    })
}

fn redirect(head: &Head) -> String {
    if head.status.is_redirection() {
        field(&head.headers, &LOCATION)
    } else {
        String::new()
    }
}

/// Adds what was kept of a body: as text where it is, else in base64, and then `encoding` names the member that says so.
fn text(object: &mut Value, body: &HarBody, encoding: &str) {
    if body.size() == 0 {
        return;
    }
    let kept = match std::str::from_utf8(body.kept()) {
        Ok(text) => Some(text),
        // The limit may have cut a character in two.
        Err(error) if body.is_cut() && error.error_len().is_none() => {
            std::str::from_utf8(&body.kept()[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match kept {
        Some(text) => object["text"] = json!(text),
        None => {
            object["text"] = json!(STANDARD.encode(body.kept()));
            object[encoding] = json!("base64");
        }
    }
    if body.is_cut() {
        let (kept, size) = (body.kept().len(), body.size());
        object["comment"] = json!(format!("the first {kept} of {size} bytes"));
    }
}

fn fields(headers: &HeaderMap, credentials: bool) -> Vec<Value> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = if credentials {
                String::from_utf8_lossy(value.as_bytes())
            } else {
                masked(name, value)
            };
            json!({ "name": name.as_str(), "value": value })
        })
        .collect()
}

/// The first value of a field; empty where there is none.
fn field(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}

fn request_cookies(headers: &HeaderMap, credentials: bool) -> Vec<Value> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(|pair| Value::Object(cookie(pair, credentials)))
        .collect()
}

fn response_cookies(headers: &HeaderMap, credentials: bool) -> Vec<Value> {
    headers
        .get_all(SET_COOKIE)
        .iter()
        .map(|line| {
            let mut pieces = line.as_bytes().split(|byte| *byte == b';');
            let mut object = cookie(pieces.next().unwrap_or_default(), credentials);
            object.insert("httpOnly".to_owned(), json!(false));
            object.insert("secure".to_owned(), json!(false));
            for piece in pieces {
                let (name, value) = pair(piece);
                let (member, value) = match &*name.to_ascii_lowercase() {
                    "path" => ("path", json!(value)),
                    "domain" => ("domain", json!(value)),
                    "httponly" => ("httpOnly", json!(true)),
                    "secure" => ("secure", json!(true)),
                    _ => continue,
                };
                object.insert(member.to_owned(), value);
            }
            Value::Object(object)
        })
        .collect()
}

/// Name and value of a cookie: the name is shown in any case, for it is what one looks for.
fn cookie(text: &[u8], credentials: bool) -> Map<String, Value> {
    let (name, value) = pair(text);
    let (name, value) = if text.contains(&b'=') {
        (name, value)
    } else {
        (String::new(), name)
    };
    let value = if credentials { &value } else { MASKED };
    Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("value".to_owned(), json!(value)),
    ])
}

/// Both sides of the first equals sign.
fn pair(text: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(text);
    let (name, value) = text.split_once('=').unwrap_or((&text, ""));
    (name.trim().to_owned(), value.trim().to_owned())
}

/// A URL as it may be shown, without its fragment, which is not sent.
fn shown(mut url: Url, credentials: bool) -> String {
    url.set_fragment(None);
    // A URL that cannot have a user has none to hide.
    if !credentials && !url.username().is_empty() && url.set_username("masked").is_err() {
        return MASKED.to_owned();
    }
    if !credentials && url.password().is_some() && url.set_password(Some("masked")).is_err() {
        return MASKED.to_owned();
    }
    url.into()
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        _ => "",
    }
}

fn timings(timings: &HarTimings) -> Value {
    let optional =
        |time: Option<Duration>| time.map_or(json!(UNKNOWN), |time| json!(milliseconds(time)));
    json!({
        "blocked": optional(timings.blocked),
        "dns": optional(timings.dns),
        "connect": optional(timings.connect),
        "ssl": optional(timings.ssl),
        "send": milliseconds(timings.send),
        "wait": milliseconds(timings.wait),
        "receive": milliseconds(timings.receive),
    })
}

/// The sum that the format asks for: `ssl` is part of `connect`.
fn total(timings: &HarTimings) -> Duration {
    [timings.blocked, timings.dns, timings.connect]
        .into_iter()
        .flatten()
        .chain([timings.send, timings.wait, timings.receive])
        .sum()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// ISO 8601 with milliseconds.
fn date(moment: SystemTime) -> String {
    let moment = OffsetDateTime::from(moment);
    moment
        .replace_millisecond(moment.millisecond())
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
