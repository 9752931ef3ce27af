//! A WebSocket server on loopback, over a connection of its own or over HTTP/2, that does what a test tells it.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trunkline::{Delivery, Drive, HttpVersions, Manager, Request, RequestHandle};
use tungstenite::handshake::derive_accept_key;

/// What carries the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Http1,
    Http2,
}

/// Each drive with each transport.
pub const ALL: [(Drive, Over); 4] = [
    (Drive::Inline, Over::Http1),
    (Drive::Inline, Over::Http2),
    (Drive::Threads(1), Over::Http1),
    (Drive::Threads(1), Over::Http2),
];

pub const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;

enum Link {
    Http1(TcpStream),
    Http2(RecvStream, SendStream<Bytes>),
}

/// A WebSocket in the hands of a test.
pub struct Wire {
    link: Link,
    buffer: Vec<u8>,
    /// The fields of the request.
    pub asked: HeaderMap,
}

impl Wire {
    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        match &mut self.link {
            Link::Http1(stream) => {
                let _ = stream.write_all(bytes).await;
            }
            Link::Http2(_, send) => {
                let mut left = Bytes::copy_from_slice(bytes);
                while !left.is_empty() {
                    send.reserve_capacity(left.len());
                    let Some(Ok(room)) = std::future::poll_fn(|cx| send.poll_capacity(cx)).await
                    else {
                        return;
                    };
                    let piece = left.split_to(room.min(left.len()));
                    if send.send_data(piece, false).is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// A frame of HTTP/2 that has no data.
    pub fn nothing(&mut self) {
        if let Link::Http2(_, send) = &mut self.link {
            send.send_data(Bytes::new(), false).unwrap();
        }
    }

    /// Whether the stream of HTTP/2 has ended with what was read last.
    pub fn has_ended(&self) -> bool {
        match &self.link {
            Link::Http1(_) => false,
            Link::Http2(receive, _) => self.buffer.is_empty() && receive.is_end_stream(),
        }
    }

    pub async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&frame(first, payload)).await;
    }

    pub async fn close(&mut self, code: u16) {
        self.frame(FIN | 8, &code.to_be_bytes()).await;
    }

    async fn fill(&mut self, wanted: usize) -> Option<()> {
        while self.buffer.len() < wanted {
            match &mut self.link {
                Link::Http1(stream) => match stream.read_buf(&mut self.buffer).await {
                    Ok(1..) => {}
                    _ => return None,
                },
                Link::Http2(receive, _) => {
                    let data = receive.data().await?.ok()?;
                    let _ = receive.flow_control().release_capacity(data.len());
                    self.buffer.extend_from_slice(&data);
                }
            }
        }
        Some(())
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        self.fill(count).await?;
        Some(self.buffer.drain(..count).collect())
    }

    /// The next frame of the client: its first byte and its payload. None at the end.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.take(2).await?;
        assert_eq!(head[1] & 0x80, 0x80, "a client masks");
        let length = match head[1] & 0x7f {
            126 => self.take(2).await?,
            127 => self.take(8).await?,
            short => vec![short],
        };
        let length = length
            .iter()
            .fold(0, |all, byte| all << 8 | usize::from(*byte));
        let key = self.take(4).await?;
        let mut payload = self.take(length).await?;
        for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
        Some((head[0], payload))
    }

    /// The code of the client's close, which comes next.
    pub async fn close_code(&mut self) -> Option<u16> {
        let (first, payload) = self.next().await?;
        assert_eq!(first, FIN | 8, "a close, not {payload:?}");
        Some(
            payload
                .get(..2)
                .map_or(0, |code| u16::from_be_bytes([code[0], code[1]])),
        )
    }

    /// Whether the client ended without a further frame.
    pub async fn is_over(&mut self) -> bool {
        self.fill(1).await.is_none()
    }

    /// Sends every message back until the client closes.
    pub async fn echo(&mut self) {
        while let Some((first, payload)) = self.next().await {
            match first & 0x0f {
                9 => self.frame(FIN | 0x0a, &payload).await,
                10 => {}
                _ => self.frame(first, &payload).await,
            }
            if first & 0x0f == 8 {
                return;
            }
        }
    }

    /// Breaks it off.
    pub fn abort(self) {
        match self.link {
            Link::Http1(stream) => drop(stream),
            Link::Http2(_, mut send) => send.send_reset(Reason::INTERNAL_ERROR),
        }
    }
}

/// A frame of a server.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// What is done with a WebSocket that was opened.
pub type Serve = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a server answers.
#[derive(Clone, Default)]
pub struct Answers {
    /// Fields of the answer.
    pub fields: Vec<(&'static str, &'static str)>,
    /// The first so many are answered with 503 and a body.
    pub refuses: usize,
    /// What the first requests are answered with: status and fields.
    pub first: Vec<(u16, Vec<(&'static str, &'static str)>)>,
    /// HTTP/2 that takes no WebSocket.
    pub offers_none: bool,
}

/// A server; the second argument of `serve` counts what it serves.
pub struct Server {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
    shared: Arc<Shared>,
}

/// The clients have gone by then: every WebSocket must have come to its end as the test wanted.
impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let until = Instant::now() + crate::kit::PATIENCE;
        while self.shared.running.load(Ordering::SeqCst) > 0 {
            assert!(
                Instant::now() < until,
                "a WebSocket of the server has not ended"
            );
            std::thread::yield_now();
        }
        let failed = self.shared.failed.load(Ordering::SeqCst);
        assert_eq!(failed, 0, "WebSockets of the server that failed");
    }
}

pub fn start<F>(serve: impl Fn(Wire, usize) -> F + Send + Sync + 'static) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    start_with(Answers::default(), serve)
}

pub fn start_with<F>(
    answers: Answers,
    serve: impl Fn(Wire, usize) -> F + Send + Sync + 'static,
) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let shared = Arc::new(Shared {
        answers,
        count: AtomicUsize::new(0),
        running: AtomicUsize::new(0),
        failed: AtomicUsize::new(0),
        serve: Box::new(move |wire, number| Box::pin(serve(wire, number))),
    });
    let server = Server {
        port,
        connections,
        shared: Arc::clone(&shared),
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = stream.set_nodelay(true);
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
        });
    });
    server
}

struct Shared {
    answers: Answers,
    count: AtomicUsize,
    running: AtomicUsize,
    failed: AtomicUsize,
    serve: Box<dyn Fn(Wire, usize) -> Serve + Send + Sync>,
}

impl Shared {
    /// Does what the test wants with a WebSocket, and notes how that ended.
    async fn run(&self, wire: Wire, number: usize) {
        self.running.fetch_add(1, Ordering::SeqCst);
        if tokio::spawn((self.serve)(wire, number)).await.is_err() {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut first = [0; 3];
    while stream
        .peek(&mut first)
        .await
        .is_ok_and(|count| (1..3).contains(&count))
    {
        tokio::task::yield_now().await;
    }
    if &first == b"PRI" {
        http2(stream, shared).await;
    } else {
        http1(stream, shared).await;
    }
}

async fn http1(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let mut asked = HeaderMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        let name = http::HeaderName::try_from(name).unwrap();
        asked.append(name, value.parse().unwrap());
    }
    let number = shared.count.fetch_add(1, Ordering::SeqCst);
    let Some(key) = asked.get("sec-websocket-key") else {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
        return;
    };
    if let Some((status, fields)) = shared.answers.first.get(number) {
        let mut answer = format!("HTTP/1.1 {status} First\r\ncontent-length: 0\r\n");
        for (name, value) in fields {
            answer.extend([name, ": ", value, "\r\n"]);
        }
        let _ = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
        return;
    }
    if number < shared.answers.refuses {
        let _ = stream
            .write_all(b"HTTP/1.1 503 Busy\r\nx-why: load\r\ncontent-length: 5\r\n\r\nlater")
            .await;
        return;
    }
    let accept = derive_accept_key(key.as_bytes());
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\n"
    );
    for (name, value) in &shared.answers.fields {
        answer.extend([name, ": ", value, "\r\n"]);
    }
    answer.push_str("\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
    let wire = Wire {
        link: Link::Http1(stream),
        buffer: Vec::new(),
        asked,
    };
    shared.run(wire, number).await;
}

async fn http2(stream: TcpStream, shared: Arc<Shared>) {
    let mut builder = h2::server::Builder::new();
    // A stream that is not read must not use up what all streams share, as it may with the protocol's own size.
    builder.initial_connection_window_size(1 << 20);
    if !shared.answers.offers_none {
        builder.enable_connect_protocol();
    }
    let Ok(mut connection) = builder.handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, answer))) = connection.accept().await {
        tokio::spawn(stream_of(request, answer, Arc::clone(&shared)));
    }
}

async fn stream_of(
    request: http::Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    shared: Arc<Shared>,
) {
    let is_websocket = request.method() == Method::CONNECT
        && request
            .extensions()
            .get::<Protocol>()
            .is_some_and(|protocol| protocol.as_str() == "websocket");
    if !is_websocket {
        let mut body = answer.send_response(Response::new(()), false).unwrap();
        let _ = body.send_data(Bytes::from_static(b"ok"), true);
        return;
    }
    assert_eq!(request.headers()["sec-websocket-version"], "13");
    assert!(!request.headers().contains_key("sec-websocket-key"));
    assert!(request.uri().scheme().is_some() && request.uri().authority().is_some());
    let number = shared.count.fetch_add(1, Ordering::SeqCst);
    let mut response = Response::new(());
    if let Some((status, fields)) = shared.answers.first.get(number) {
        *response.status_mut() = StatusCode::from_u16(*status).unwrap();
        for (name, value) in fields {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        let _ = answer.send_response(response, true);
        return;
    }
    if number < shared.answers.refuses {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
            .headers_mut()
            .insert("x-why", "load".parse().unwrap());
        let mut body = answer.send_response(response, false).unwrap();
        let _ = body.send_data(Bytes::from_static(b"later"), true);
        return;
    }
    for (name, value) in &shared.answers.fields {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    let send = answer.send_response(response, false).unwrap();
    let (parts, receive) = request.into_parts();
    let wire = Wire {
        link: Link::Http2(receive, send),
        buffer: Vec::new(),
        asked: parts.headers,
    };
    shared.run(wire, number).await;
}

/// A request for a WebSocket at this server.
pub fn request(over: Over, port: u16) -> Request {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut request = Request::get(&format!("ws://{address}/chat?room=1")).unwrap();
    if over == Over::Http2 {
        request.http(HttpVersions::Http2);
    }
    request
}

pub fn open(manager: &Manager, over: Over, port: u16) -> RequestHandle {
    manager.submit(request(over, port), Delivery::Recv).unwrap()
}
