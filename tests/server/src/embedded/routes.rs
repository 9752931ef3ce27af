//! What each path answers.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRAILER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{AnyBody, channel, patterned, whole};
use super::websocket;

type Answer = Response<AnyBody>;

/// Answers one request.
pub(super) async fn answer(request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let pieces: Vec<&str> = path.split('/').skip(1).collect();
    let number = |index: usize| {
        pieces
            .get(index)
            .and_then(|piece| piece.parse::<u64>().ok())
    };
    match (request.method(), pieces.as_slice()) {
        (&Method::GET | &Method::HEAD, ["bytes", _]) => {
            number(1).map_or_else(bad, |length| octets(length, true))
        }
        (&Method::GET | &Method::HEAD, ["chunked", _]) => {
            number(1).map_or_else(bad, |length| octets(length, false))
        }
        (&Method::POST | &Method::PUT, ["echo"]) => echo(request),
        (&Method::POST | &Method::PUT, ["upload"]) => upload(request.into_body()).await,
        (_, ["status", _]) => number(1)
            .and_then(|code| u16::try_from(code).ok())
            .map_or_else(bad, status),
        (_, ["headers"]) => json_answer(&fields(request.headers())),
        (_, ["delay", _]) => match number(1) {
            Some(pause) => delay(pause).await,
            None => bad(),
        },
        (&Method::GET, ["trailers"]) => trailers(),
        (&Method::POST, ["trailers"]) => echo_trailers(request.into_body()).await,
        (&Method::GET, ["drip", _, _]) => match (number(1), number(2)) {
            (Some(length), Some(pause)) => drip(length, pause),
            _ => bad(),
        },
        (&Method::GET, ["resource", id]) => resource(id),
        (_, ["hang"]) => std::future::pending().await,
        (&Method::GET, ["ws"]) => websocket::upgrade(request),
        (_, [""]) => text(StatusCode::OK, "trunkline test server\n"),
        _ => text(StatusCode::NOT_FOUND, "no such path\n"),
    }
}

pub(super) fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(whole(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer
}

fn bad() -> Answer {
    text(StatusCode::BAD_REQUEST, "not a number\n")
}

fn json_answer(value: &Value) -> Answer {
    let mut answer = Response::new(whole(value.to_string()));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn octets(length: u64, told: bool) -> Answer {
    let mut answer = Response::new(patterned(length, told));
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    answer
}

fn status(code: u16) -> Answer {
    // A final status: hyper will not send another one.
    let Some(code) = StatusCode::from_u16(code)
        .ok()
        .filter(|code| code.as_u16() >= 200)
    else {
        return bad();
    };
    text(
        code,
        if matches!(code.as_u16(), 204 | 205 | 304) {
            ""
        } else {
            "status\n"
        },
    )
}

fn echo(request: Request<Incoming>) -> Answer {
    let kind = request.headers().get(CONTENT_TYPE).cloned();
    let mut answer = Response::new(request.into_body().boxed());
    if let Some(kind) = kind {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    answer
}

async fn upload(mut body: Incoming) -> Answer {
    let mut bytes = 0_u64;
    let mut sum = crc32fast::Hasher::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return text(StatusCode::BAD_REQUEST, "the body broke off\n");
        };
        if let Some(data) = frame.data_ref() {
            bytes += data.len() as u64;
            sum.update(data);
        }
    }
    json_answer(&json!({"bytes": bytes, "crc32": format!("{:08x}", sum.finalize())}))
}

fn fields(headers: &HeaderMap) -> Value {
    let joined = |name: &HeaderName| {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        (name.to_string(), Value::String(values.join(", ")))
    };
    Value::Object(headers.keys().map(joined).collect())
}

async fn delay(pause: u64) -> Answer {
    tokio::time::sleep(Duration::from_millis(pause)).await;
    text(StatusCode::OK, "late\n")
}

fn trailers() -> Answer {
    let (sender, body) = channel();
    tokio::spawn(async move {
        let mut fields = HeaderMap::new();
        fields.insert("x-sum", HeaderValue::from_static("42"));
        // The receiver is gone when the client is.
        let _ = sender
            .send(Frame::data(Bytes::from_static(b"with trailers\n")))
            .await;
        let _ = sender.send(Frame::trailers(fields)).await;
    });
    let mut answer = Response::new(body);
    answer
        .headers_mut()
        .insert(TRAILER, HeaderValue::from_static("x-sum"));
    answer
}

async fn echo_trailers(body: Incoming) -> Answer {
    match body.collect().await {
        Ok(collected) => json_answer(&collected.trailers().map_or_else(|| json!({}), fields)),
        Err(_) => text(StatusCode::BAD_REQUEST, "the body broke off\n"),
    }
}

fn drip(length: u64, pause: u64) -> Answer {
    let (sender, body) = channel();
    tokio::spawn(async move {
        for _ in 0..length {
            if sender
                .send(Frame::data(Bytes::from_static(b".")))
                .await
                .is_err()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    });
    Response::new(body)
}

/// About 1 KiB of JSON that differs for each identifier.
fn resource(id: &str) -> Answer {
    let tags: Vec<String> = (0..40)
        .map(|index| format!("{id}-tag-{index:02}"))
        .collect();
    json_answer(
        &json!({"id": id, "name": format!("resource {id}"), "state": "ready", "tags": tags,
        "links": {"self": format!("/resource/{id}"), "all": "/resource"}, "note": "x".repeat(256)}),
    )
}
