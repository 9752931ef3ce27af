//! Proxies that work, and remember what they were asked for.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::secure;

/// What a relay speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Http,
    Https,
    Socks,
}

/// A running proxy, ended when dropped. Every name leads to this machine.
pub struct Relay {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Relay {
    /// Starts one that demands user `me` and password `pw` if told so. `folder` has its certificate.
    pub fn start(speaks: Speaks, login: bool, folder: &Path) -> Relay {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let acceptor = (speaks == Speaks::Https)
            .then(|| TlsAcceptor::from(Arc::new(secure::server_config(folder, &[]))));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, acceptor) = (Arc::clone(&noted), acceptor.clone());
                tokio::spawn(async move {
                    match (speaks, acceptor) {
                        (Speaks::Socks, _) => socks(stream, &noted, login).await,
                        (_, None) => http(stream, &noted, login).await,
                        (_, Some(acceptor)) => {
                            http(acceptor.accept(stream).await.ok()?, &noted, login).await
                        }
                    }
                });
            }
        });
        Relay {
            port,
            seen,
            _runtime: runtime,
        }
    }

    /// What was asked for so far: heads of CONNECT, or `NAME:PORT` of SOCKS5.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Joins the stream to a port of this machine.
async fn join<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    port: u16,
    answer: &[u8],
) -> Option<()> {
    let mut target = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let _ = target.set_nodelay(true);
    stream.write_all(answer).await.ok()?;
    stream.flush().await.ok()?;
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut target).await;
    Some(())
}

async fn http<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    seen: &Mutex<Vec<String>>,
    login: bool,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let port = head.split(' ').nth(1)?.rsplit_once(':')?.1.parse().unwrap();
    let known = base64::engine::general_purpose::STANDARD.encode("me:pw");
    let admitted = !login || head.contains(&format!("proxy-authorization: Basic {known}\r\n"));
    seen.lock().unwrap().push(head);
    if !admitted {
        let refusal = b"HTTP/1.1 407 Who are you\r\ncontent-length: 3\r\n\r\nno\n";
        stream.write_all(refusal).await.ok()?;
        return stream.shutdown().await.ok();
    }
    join(stream, port, b"HTTP/1.1 200 Connected\r\n\r\n").await
}

async fn piece(stream: &mut TcpStream, length: u8) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

/// A piece whose length comes first.
async fn counted(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u8().await.ok()?;
    piece(stream, length).await
}

async fn socks(mut stream: TcpStream, seen: &Mutex<Vec<String>>, login: bool) -> Option<()> {
    piece(&mut stream, 1).await?;
    let methods = counted(&mut stream).await?;
    let method = if login { 2 } else { 0 };
    let chosen = if methods.contains(&method) {
        method
    } else {
        0xff
    };
    stream.write_all(&[5, chosen]).await.ok()?;
    if login {
        piece(&mut stream, 1).await?;
        let (user, password) = (counted(&mut stream).await?, counted(&mut stream).await?);
        let admitted = user == b"me" && password == b"pw";
        stream.write_all(&[1, u8::from(!admitted)]).await.ok()?;
    }
    let name = match piece(&mut stream, 4).await?[3] {
        1 => format!("{:?}", piece(&mut stream, 4).await?),
        3 => String::from_utf8(counted(&mut stream).await?).unwrap(),
        _ => format!("{:?}", piece(&mut stream, 16).await?),
    };
    let port = stream.read_u16().await.ok()?;
    seen.lock().unwrap().push(format!("{name}:{port}"));
    join(stream, port, &[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await
}
