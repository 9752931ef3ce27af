//! Peers on loopback that do exactly what a test tells them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// Listens on a free port and serves each connection on a thread of its own; the second argument counts them.
pub fn peer(serve: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for (count, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { return };
            let _ = stream.set_nodelay(true);
            let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
            let serve = std::sync::Arc::clone(&serve);
            std::thread::spawn(move || serve(stream, count));
        }
    });
    port
}

/// A peer that accepts and says nothing.
pub fn silent() -> u16 {
    peer(|mut stream, _| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

/// A peer that accepts and does not even read.
pub fn deaf() -> u16 {
    peer(|stream, _| {
        std::thread::sleep(Duration::from_secs(60));
        drop(stream);
    })
}

/// An address that answers no connect: a listener whose backlog is full.
pub struct Blackhole {
    pub port: u16,
    _sockets: Vec<OwnedFd>,
}

pub fn blackhole() -> Blackhole {
    let socket = || {
        rustix::net::socket_with(
            AddressFamily::INET,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .unwrap()
    };
    let listener = socket();
    let any = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    rustix::net::bind(&listener, &any).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let name = rustix::net::getsockname(&listener).unwrap();
    let address: std::net::SocketAddr = name.try_into().unwrap();
    let mut sockets = vec![listener];
    for _ in 0..4 {
        let filler = socket();
        let _ = rustix::net::connect(&filler, &address);
        sockets.push(filler);
    }
    std::thread::sleep(Duration::from_millis(20));
    Blackhole {
        port: address.port(),
        _sockets: sockets,
    }
}

/// Reads the head of an HTTP/1.1 request; none when the client has closed.
pub fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// Answers every HTTP/1.1 request on a connection with these bytes.
pub fn answer_all(stream: &mut TcpStream, answer: &str) {
    while read_head(stream).is_some() {
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// One HTTP/2 frame.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

impl Frame {
    pub fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Frame {
        Frame {
            kind,
            flags,
            stream,
            payload: payload.to_vec(),
        }
    }

    /// A head with status 200, by the static table.
    pub fn head(stream: u32, end: bool) -> Frame {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        Frame::new(HEADERS, flags, stream, &[0x88])
    }

    pub fn goaway(last: u32, code: u32) -> Frame {
        let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
        Frame::new(GOAWAY, 0, 0, &payload)
    }

    pub fn settings(values: &[(u16, u32)]) -> Frame {
        let mut payload = Vec::new();
        for (name, value) in values {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        Frame::new(SETTINGS, 0, 0, &payload)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = (self.payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// The server's side of an HTTP/2 connection, frame by frame.
pub struct Http2Peer(pub TcpStream);

/// Agrees to HTTP/2 in clear text.
pub const SWITCH_H2C: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n";

impl Http2Peer {
    /// Takes a request over HTTP/1.1 that asks for HTTP/2, agrees, and says these frames in the same write; the request's
    /// head.
    pub fn upgrade(mut stream: TcpStream, frames: &[Frame]) -> Option<(Http2Peer, String)> {
        let head = read_head(&mut stream)?;
        assert!(head.contains("\r\nupgrade: h2c\r\n"), "{head}");
        let mut answer = SWITCH_H2C.as_bytes().to_vec();
        answer.extend(frames.iter().flat_map(Frame::bytes));
        stream.write_all(&answer).ok()?;
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).ok()?;
        assert_eq!(&preface[..3], b"PRI");
        Some((Http2Peer(stream), head))
    }

    /// Takes the client's preface and says its settings.
    pub fn accept(mut stream: TcpStream, settings: &[(u16, u32)]) -> Option<Http2Peer> {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).ok()?;
        assert_eq!(&preface[..3], b"PRI");
        let mut peer = Http2Peer(stream);
        peer.send(&Frame::settings(settings));
        Some(peer)
    }

    pub fn send(&mut self, frame: &Frame) {
        let _ = self.0.write_all(&frame.bytes());
    }

    /// The next frame; none when the client has closed. Settings are acknowledged on the way.
    pub fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).ok()?;
        let frame = Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        };
        if frame.kind == SETTINGS && frame.flags == 0 {
            self.send(&Frame::new(SETTINGS, 1, 0, &[]));
        }
        Some(frame)
    }

    /// The next frame of this kind.
    pub fn read_kind(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.read()?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// Answers the next request with `ok`; its stream.
    pub fn answer(&mut self) -> Option<u32> {
        let stream = self.read_kind(HEADERS)?.stream;
        self.send(&Frame::head(stream, false));
        self.send(&Frame::new(DATA, END_STREAM, stream, b"ok"));
        Some(stream)
    }
}
