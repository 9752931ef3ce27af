//! A server that answers like an ordinary web server: clear text, TLS, TLS with a client certificate, a Unix socket.

mod body;
mod routes;
mod tls;
mod websocket;

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde::Serialize;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

/// Flow-control window of an HTTP/2 stream, wide enough that it does not slow a test.
const STREAM_WINDOW: u32 = 1 << 20;
/// Flow-control window of an HTTP/2 connection.
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Streams a client may have open at once.
const STREAMS: u32 = 1000;

/// Where the server is, and the files a client needs.
#[derive(Clone, Debug, Serialize)]
pub struct Places {
    /// Port of clear-text HTTP/1.1, and of HTTP/2 with prior knowledge.
    pub http: u16,
    /// Port of TLS with ALPN `h2` and `http/1.1`.
    pub https: u16,
    /// Port of TLS with ALPN `http/1.1` only.
    pub https1: u16,
    /// Port of TLS that demands a client certificate.
    pub mtls: u16,
    /// Path of the Unix socket, which speaks what `http` speaks.
    pub unix: PathBuf,
    /// The authority that issued all certificates, in PEM.
    pub ca: PathBuf,
    /// A client certificate that `mtls` accepts, in PEM.
    pub client_cert: PathBuf,
    /// Its key, in PEM.
    pub client_key: PathBuf,
}

/// A running server; it stops when dropped.
pub struct Server {
    places: Places,
    runtime: Option<tokio::runtime::Runtime>,
    _directory: Option<TempDir>,
}

impl Server {
    /// Where the server is.
    pub fn places(&self) -> &Places {
        &self.places
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Starts the server on threads of its own. Certificates and socket go into `directory`, or into one that lives as long as
/// the server.
///
/// # Errors
/// Ports that cannot be bound, files that cannot be written.
pub fn start(directory: Option<&Path>) -> io::Result<Server> {
    let own = if directory.is_none() {
        Some(tempfile::tempdir()?)
    } else {
        None
    };
    let directory = match (directory, &own) {
        (Some(given), _) => {
            std::fs::create_dir_all(given)?;
            given.canonicalize()?
        }
        (None, Some(own)) => own.path().to_owned(),
        (None, None) => return Err(io::Error::other("no directory")),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("embedded")
        .enable_all()
        .build()?;
    let places = runtime.block_on(raise(&directory))?;
    Ok(Server {
        places,
        runtime: Some(runtime),
        _directory: own,
    })
}

async fn raise(directory: &Path) -> io::Result<Places> {
    let identity = tls::Identity::write(directory).map_err(io::Error::other)?;
    let acceptor = |protocols: &[&str], client| -> io::Result<TlsAcceptor> {
        let config = identity
            .server_config(protocols, client)
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    };
    let unix = directory.join("server.sock");
    if unix.exists() {
        std::fs::remove_file(&unix)?;
    }
    let listener = UnixListener::bind(&unix)?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, false));
        }
    });
    Ok(Places {
        http: listen(None, false).await?,
        https: listen(Some(acceptor(&["h2", "http/1.1"], false)?), false).await?,
        https1: listen(Some(acceptor(&["http/1.1"], false)?), true).await?,
        mtls: listen(Some(acceptor(&["h2", "http/1.1"], true)?), false).await?,
        unix,
        ca: identity.ca,
        client_cert: identity.client_cert,
        client_key: identity.client_key,
    })
}

async fn listen(acceptor: Option<TlsAcceptor>, http1_only: bool) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Latency only; an answer is right without it.
            let _ = stream.set_nodelay(true);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => serve(stream, http1_only).await,
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream, http1_only).await;
                        }
                    }
                }
            });
        }
    });
    Ok(port)
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, http1_only: bool) {
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(routes::answer(request).await) });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS)
        // However many a test cancels: else the server would end their neighbours with them.
        .max_pending_accept_reset_streams(None)
        .max_local_error_reset_streams(None);
    let builder = if http1_only {
        builder.http1_only()
    } else {
        builder
    };
    // A client that goes away, or a test that breaks the connection, is no concern of the server's.
    let _ = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::start;

    #[test]
    fn it_answers_and_writes_its_files() {
        let server = start(None).unwrap();
        let places = server.places().clone();
        for path in [
            &places.unix,
            &places.ca,
            &places.client_cert,
            &places.client_key,
        ] {
            assert!(path.exists(), "{}", path.display());
        }
        let exchange = |request: &str| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, places.http)).unwrap();
            write!(stream, "{request}").unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        };
        let end = "HTTP/1.1\r\nhost: h\r\nconnection: close\r\n";
        assert!(exchange(&format!("GET /bytes/300000 {end}\r\n")).len() > 300_000);
        assert!(exchange(&format!("GET /status/418 {end}\r\n")).starts_with("HTTP/1.1 418"));
        let upload = exchange(&format!(
            "POST /upload {end}content-length: 9\r\n\r\n123456789"
        ));
        assert!(
            upload.ends_with(r#"{"bytes":9,"crc32":"cbf43926"}"#),
            "{upload}"
        );
        assert!(
            exchange(&format!("GET /trailers {end}te: trailers\r\n\r\n")).contains("x-sum: 42\r\n")
        );
        assert!(exchange(&format!("GET /nowhere {end}\r\n")).starts_with("HTTP/1.1 404"));
        drop(server);
        assert!(!places.ca.exists());
    }
}
