//! Entries against the words of the format.

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};

use super::*;
use crate::limits;
use crate::part::ConnectionInfo;

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

fn begun(url: &str, fields: &[(&'static str, &'static str)]) -> HarEntry {
    HarEntry {
        started: SystemTime::UNIX_EPOCH + Duration::from_nanos(784_111_777_012_345_678),
        ..HarEntry::begin(&Method::POST, url, &headers(fields))
    }
}

/// An exchange in which everything happened.
fn whole() -> HarEntry {
    let mut exchange = begun(
        "https://user:secret@example.com/a?q=a+b&q=%C3%BC&flag#part",
        &[
            ("content-type", "application/json"),
            ("cookie", "sid=secret; theme=dark"),
            ("authorization", "Basic secret"),
        ],
    );
    exchange.request_body.push(b"{\"a\":");
    exchange.request_body.push(b"1}");
    exchange.response = Some(Head {
        status: StatusCode::SEE_OTHER,
        version: Version::HTTP_2,
        headers: headers(&[
            ("location", "/next"),
            ("content-type", "text/plain"),
            (
                "set-cookie",
                "sid=secret; Path=/; Domain=example.com; HttpOnly; Secure",
            ),
            ("set-cookie", "b=2"),
        ]),
    });
    exchange.response_body.push("grüß".as_bytes());
    exchange.received = Some(4);
    exchange.timings = HarTimings {
        blocked: None,
        dns: Some(Duration::from_micros(1500)),
        connect: Some(Duration::from_millis(20)),
        ssl: Some(Duration::from_millis(15)),
        send: Duration::ZERO,
        wait: Duration::from_millis(30),
        receive: Duration::from_millis(2),
    };
    exchange.connection = Some(Arc::new(ConnectionInfo {
        id: 7,
        protocol: Protocol::Http2,
        remote: Some(([192, 0, 2, 1], 443).into()),
        local: None,
        tls: None,
    }));
    exchange
}

#[test]
fn an_entry_has_every_member_of_the_format() {
    assert_eq!(
        entry(&whole(), false),
        json!({
            "startedDateTime": "1994-11-06T08:49:37.012Z",
            "time": 53.5,
            "request": {
                "method": "POST",
                "url": "https://masked:masked@example.com/a?q=a+b&q=%C3%BC&flag",
                "httpVersion": "HTTP/2",
                "cookies": [
                    { "name": "sid", "value": "[masked]" },
                    { "name": "theme", "value": "[masked]" },
                ],
                "headers": [
                    { "name": "content-type", "value": "application/json" },
                    { "name": "cookie", "value": "[masked]" },
                    { "name": "authorization", "value": "[masked]" },
                ],
                "queryString": [
                    { "name": "q", "value": "a b" },
                    { "name": "q", "value": "ü" },
                    { "name": "flag", "value": "" },
                ],
                "postData": {
                    "mimeType": "application/json",
                    "params": [],
                    "text": "{\"a\":1}",
                },
                "headersSize": -1,
                "bodySize": 7,
            },
            "response": {
                "status": 303,
                "statusText": "See Other",
                "httpVersion": "HTTP/2",
                "cookies": [
                    {
                        "name": "sid",
                        "value": "[masked]",
                        "path": "/",
                        "domain": "example.com",
                        "httpOnly": true,
                        "secure": true,
                    },
                    { "name": "b", "value": "[masked]", "httpOnly": false, "secure": false },
                ],
                "headers": [
                    { "name": "location", "value": "/next" },
                    { "name": "content-type", "value": "text/plain" },
                    { "name": "set-cookie", "value": "[masked]" },
                    { "name": "set-cookie", "value": "[masked]" },
                ],
                "content": { "size": 6, "mimeType": "text/plain", "text": "grüß" },
                "redirectURL": "/next",
                "headersSize": -1,
                "bodySize": 4,
            },
            "cache": {},
            "timings": {
                "blocked": -1,
                "dns": 1.5,
                "connect": 20.0,
                "ssl": 15.0,
                "send": 0.0,
                "wait": 30.0,
                "receive": 2.0,
            },
            "serverIPAddress": "192.0.2.1",
            "connection": "7",
        })
    );
}

#[test]
fn no_credential_is_written_unless_it_is_asked_for() {
    assert!(!entry(&whole(), false).to_string().contains("secret"));
    let shown = entry(&whole(), true);
    assert_eq!(shown["request"]["headers"][2]["value"], "Basic secret");
    assert_eq!(shown["request"]["cookies"][0]["value"], "secret");
    assert_eq!(shown["response"]["cookies"][0]["value"], "secret");
    assert_eq!(
        shown["request"]["url"],
        "https://user:secret@example.com/a?q=a+b&q=%C3%BC&flag"
    );
    assert!(!shown.to_string().contains("masked"));
}

#[test]
fn a_request_without_an_answer_has_an_empty_one_and_its_error() {
    let mut exchange = begun("http://example.com/", &[]);
    exchange.error = Some("connect_failed: refused".to_owned());
    let written = entry(&exchange, false);
    assert_eq!(written["_error"], "connect_failed: refused");
    assert_eq!(written["request"]["httpVersion"], "");
    assert_eq!(written["request"].get("postData"), None);
    assert_eq!(written.get("serverIPAddress"), None);
    assert_eq!(
        written["response"],
        json!({
            "status": 0,
            "statusText": "",
            "httpVersion": "",
            "cookies": [],
            "headers": [],
            "content": { "size": 0, "mimeType": "" },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        })
    );
}

#[test]
fn bodies_that_are_no_text_are_base64() {
    let mut exchange = begun("http://example.com/", &[]);
    exchange.request_body.push(b"\xFF\x00");
    exchange.response_body.push(b"caf\xE9");
    let written = entry(&exchange, false);
    let data = &written["request"]["postData"];
    assert_eq!(
        (&data["text"], &data["_encoding"]),
        (&json!("/wA="), &json!("base64"))
    );
    let content = &written["response"]["content"];
    assert_eq!(
        (&content["text"], &content["encoding"]),
        (&json!("Y2Fm6Q=="), &json!("base64"))
    );
}

#[test]
fn a_body_that_the_limit_cuts_in_a_character_is_text_all_the_same() {
    let mut body = HarBody::default();
    body.push(&vec![b'a'; limits::HAR_BODY_BYTES - 1]);
    body.push("üb".as_bytes());
    let mut object = json!({});
    text(&mut object, &body, "encoding");
    assert_eq!(
        object["text"].as_str().map(str::len),
        Some(limits::HAR_BODY_BYTES - 1)
    );
    assert_eq!(object["comment"], "the first 65536 of 65538 bytes");
    assert_eq!(object.get("encoding"), None);
    // A character that is cut by the peer is no text.
    let mut body = HarBody::default();
    body.push(b"a\xC3");
    text(&mut object, &body, "encoding");
    assert_eq!(object["encoding"], "base64");
}

#[test]
fn cookies_and_urls_that_are_odd_are_shown_as_they_are() {
    let mut exchange = begun("no url", &[("cookie", "=a; b; c=d=e")]);
    exchange.response = Some(Head {
        status: StatusCode::OK,
        version: Version::HTTP_10,
        headers: headers(&[("set-cookie", "plain; path"), ("location", "/ignored")]),
    });
    let written = entry(&exchange, true);
    assert_eq!(written["request"]["url"], "no url");
    assert_eq!(written["request"]["queryString"], json!([]));
    assert_eq!(
        written["request"]["cookies"],
        json!([
            { "name": "", "value": "a" },
            { "name": "", "value": "b" },
            { "name": "c", "value": "d=e" },
        ])
    );
    assert_eq!(
        written["response"]["cookies"],
        json!([{ "name": "", "value": "plain", "path": "", "httpOnly": false, "secure": false }])
    );
    assert_eq!(written["response"]["redirectURL"], "");
    assert_eq!(written["response"]["httpVersion"], "HTTP/1.0");
}
