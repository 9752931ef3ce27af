//! The h2 crate's server over a pipe in memory, polled by the test: no runtime, no clock, no thread.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use trunkline::sansio::http2::Http2Client;
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};

#[derive(Default)]
pub struct Pipe {
    pub to_server: Vec<u8>,
    pub to_client: Vec<u8>,
    /// All that the client ever wrote.
    pub written: Vec<u8>,
    pub ended: bool,
    pub shut: bool,
}

#[derive(Clone, Default)]
pub struct End(pub Arc<Mutex<Pipe>>);

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = self.0.lock().unwrap();
        let count = buf.remaining().min(pipe.to_server.len());
        if count == 0 && !pipe.ended {
            return Poll::Pending;
        }
        let bytes: Vec<u8> = pipe.to_server.drain(..count).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().to_client.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().shut = true;
        Poll::Ready(Ok(()))
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Handshake = Pin<Box<dyn Future<Output = Result<Connection<End, Bytes>, h2::Error>>>>;

/// A server, and the client's side of its pipe.
pub struct Server {
    pub end: End,
    connection: Option<Connection<End, Bytes>>,
    handshake: Option<Handshake>,
    tasks: Vec<Task>,
    /// Pushed answers that the client has reset, and by what.
    pub refused: Arc<Mutex<Vec<Reason>>>,
}

impl Server {
    pub fn new() -> Server {
        let end = End::default();
        let mut builder = Builder::new();
        builder.max_concurrent_streams(5);
        let handshake = builder.handshake(end.clone());
        Server {
            end,
            connection: None,
            handshake: Some(Box::pin(handshake)),
            tasks: Vec::new(),
            refused: Arc::default(),
        }
    }

    /// Does what there is to do; false when the connection has ended.
    fn poll(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        if let Some(handshake) = &mut self.handshake {
            match handshake.as_mut().poll(cx) {
                Poll::Ready(Ok(connection)) => self.connection = Some(connection),
                Poll::Ready(Err(_)) => {}
                Poll::Pending => return true,
            }
            self.handshake = None;
        }
        let Some(connection) = &mut self.connection else {
            return false;
        };
        loop {
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    let refused = Arc::clone(&self.refused);
                    self.tasks.push(Box::pin(answer(request, respond, refused)));
                }
                Poll::Ready(_) => {
                    self.connection = None;
                    return false;
                }
                Poll::Pending => break,
            }
        }
        self.tasks
            .retain_mut(|task| task.as_mut().poll(cx).is_pending());
        let _ = connection.poll_accept(cx).is_pending();
        true
    }

    /// Carries bytes between the two, `step` at once, until neither has any.
    pub fn pump(&mut self, client: &Http2Client, step: usize) {
        loop {
            let mut moved = false;
            while let WriteOperation::Write(vectors) = client.next_write_operation() {
                moved = true;
                let bytes: Vec<u8> = vectors.iter().flatten().copied().take(step).collect();
                let mut pipe = self.end.0.lock().unwrap();
                pipe.to_server.extend_from_slice(&bytes);
                pipe.written.extend_from_slice(&bytes);
                drop(pipe);
                client.report_write_result(WriteResult::Written(bytes.len()));
                if step < 64 {
                    break;
                }
            }
            self.poll();
            let bytes = std::mem::take(&mut self.end.0.lock().unwrap().to_client);
            let mut rest = &bytes[..];
            while !rest.is_empty() && client.next_read_operation() == ReadOperation::Read {
                moved = true;
                let count = client.read(&rest[..rest.len().min(step)]);
                rest = &rest[count..];
            }
            // What was not taken comes again.
            let mut pipe = self.end.0.lock().unwrap();
            pipe.to_client.splice(0..0, rest.iter().copied());
            let shut = pipe.shut && pipe.to_client.is_empty();
            drop(pipe);
            if shut && client.next_read_operation() == ReadOperation::Read {
                client.read_eof();
            } else if !moved {
                return;
            }
        }
    }
}

async fn answer(
    mut request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    refused: Arc<Mutex<Vec<Reason>>>,
) {
    let path = request.uri().path().to_owned();
    let mut response = Response::new(());
    match path.as_str() {
        "/echo" => {
            let mut stream = respond.send_response(response, false).unwrap();
            while let Some(data) = request.body_mut().data().await {
                let data = data.unwrap();
                let _ = request
                    .body_mut()
                    .flow_control()
                    .release_capacity(data.len());
                send(&mut stream, data).await;
            }
            let trailers = request.body_mut().trailers().await.unwrap();
            match trailers {
                Some(trailers) => stream.send_trailers(trailers).unwrap(),
                None => stream.send_data(Bytes::new(), true).unwrap(),
            }
        }
        "/trailers" => {
            let mut stream = respond.send_response(response, false).unwrap();
            stream
                .send_data(Bytes::from_static(b"body"), false)
                .unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("checksum", "abc".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        }
        "/early" => {
            let mut early = Response::new(());
            *early.status_mut() = http::StatusCode::EARLY_HINTS;
            respond.send_informational(early).unwrap();
            respond.send_response(response, true).unwrap();
        }
        "/push" => {
            for path in ["/pushed", "/unwanted"] {
                let promise = Request::get(format!("http://example.test{path}"));
                let mut pushed = respond.push_request(promise.body(()).unwrap()).unwrap();
                let mut stream = pushed.send_response(Response::new(()), false).unwrap();
                if path == "/pushed" {
                    stream
                        .send_data(Bytes::from_static(b"pushed"), true)
                        .unwrap();
                } else {
                    // It stays open until the client resets it, or the answer is through.
                    let refused = Arc::clone(&refused);
                    let reset = pin!(std::future::poll_fn(|cx| stream.poll_reset(cx)));
                    let reason = reset.await.unwrap();
                    refused.lock().unwrap().push(reason);
                }
            }
            respond.send_response(response, true).unwrap();
        }
        "/large" => {
            let mut stream = respond.send_response(response, false).unwrap();
            let body: Vec<u8> = (0..300_000_u32)
                .map(|number| b'a' + (number % 26) as u8)
                .collect();
            send(&mut stream, body.into()).await;
            stream.send_data(Bytes::new(), true).unwrap();
        }
        "/refuse" => respond.send_reset(Reason::REFUSED_STREAM),
        _ => {
            let length = path.len();
            response
                .headers_mut()
                .insert("content-length", length.into());
            let mut stream = respond.send_response(response, false).unwrap();
            stream.send_data(path.into(), true).unwrap();
        }
    }
}

async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let room = room.unwrap().unwrap();
        let piece = data.split_to(room.min(data.len()));
        stream.send_data(piece, false).unwrap();
    }
}
