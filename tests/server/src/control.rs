//! The control port: plain HTTP/1.1 that tells the verdicts.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::cases::Stage;

/// Answers `GET /verdict`, `GET /verdict/NAME` and `POST /reset/NAME`.
pub(crate) async fn serve(listener: TcpListener, stage: Arc<Stage>) {
    while let Ok((stream, _)) = listener.accept().await {
        let stage = stage.clone();
        let service = service_fn(move |request| {
            let stage = stage.clone();
            async move { Ok::<_, Infallible>(answer(&request, &stage).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(request: &Request<Incoming>, stage: &Stage) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let (status, told) = match (
        request.method(),
        path.trim_start_matches('/').split_once('/'),
    ) {
        (&Method::GET, None) if path == "/verdict" => (StatusCode::OK, all(stage)),
        (&Method::GET, Some(("verdict", name))) => match stage.record(name) {
            Some(record) => (StatusCode::OK, verdict(record.verdict().await)),
            None => unknown(),
        },
        (&Method::POST, Some(("reset", name))) if stage.reset(name) => {
            (StatusCode::OK, json!({"ok": true}))
        }
        _ => unknown(),
    };
    let mut response = Response::new(Full::new(Bytes::from(told.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        "content-type",
        hyper::header::HeaderValue::from_static("application/json"),
    );
    response
}

fn unknown() -> (StatusCode, Value) {
    (
        StatusCode::NOT_FOUND,
        json!({"ok": false, "why": "no such case"}),
    )
}

fn verdict(verdict: Result<(), String>) -> Value {
    match verdict {
        Ok(()) => json!({"ok": true}),
        Err(why) => json!({"ok": false, "why": why}),
    }
}

fn all(stage: &Stage) -> Value {
    let settled = |name: &str| Some((name.to_owned(), verdict(stage.record(name)?.settled()?)));
    Value::Object(stage.names().filter_map(settled).collect())
}
