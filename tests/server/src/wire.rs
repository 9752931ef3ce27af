//! One accepted connection: a socket, and what was read from it but not yet consumed.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

/// Why a script failed, in words for the verdict.
pub(crate) type Fault = String;

/// The most that is kept unread.
const MOST_KEPT: usize = 128 << 20;

/// The socket and its read-ahead.
pub(crate) struct Wire {
    stream: TcpStream,
    kept: BytesMut,
    ended: bool,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Without it, octets written one by one would travel together; a failure shows in the next write.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            kept: BytesMut::with_capacity(16 << 10),
            ended: false,
        }
    }

    /// What was read and not consumed.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Reads once; `false` at the end. A reset counts as an end: which of the two came is for the script to say.
    pub(crate) async fn fill(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        if self.kept.len() >= MOST_KEPT {
            return Err("the client sends without end".to_owned());
        }
        match self.stream.read_buf(&mut self.kept).await {
            Ok(0) => self.ended = true,
            Ok(_) => {}
            Err(error) if gone(&error) => self.ended = true,
            Err(error) => return Err(format!("reading: {error}")),
        }
        Ok(!self.ended)
    }

    /// Reads until that many octets are kept; `false` if the connection ends before.
    pub(crate) async fn fill_to(&mut self, length: usize) -> Result<bool, Fault> {
        while self.kept.len() < length {
            if !self.fill().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes that many octets of what is kept.
    pub(crate) fn take(&mut self, length: usize) -> Bytes {
        self.kept.split_to(length).freeze()
    }

    /// Reads exactly that many octets.
    pub(crate) async fn read_exact(&mut self, length: usize) -> Result<Bytes, Fault> {
        if self.fill_to(length).await? {
            Ok(self.take(length))
        } else {
            Err(format!(
                "expected {length} octets, got {} and the end of the connection",
                self.kept.len()
            ))
        }
    }

    /// Reads a line that ends in CR LF, without them.
    pub(crate) async fn read_line(&mut self) -> Result<Bytes, Fault> {
        loop {
            if let Some(at) = self.kept.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.take(at);
                self.kept.advance(2);
                return Ok(line);
            }
            if !self.fill().await? {
                return Err("expected a line, got the end of the connection".to_owned());
            }
        }
    }

    /// Writes. That the client is gone already is no fault here: what the script expects next will tell.
    pub(crate) async fn send(&mut self, octets: &[u8]) -> Result<(), Fault> {
        match self.stream.write_all(octets).await {
            Err(error) if !gone(&error) => Err(format!("writing: {error}")),
            _ => Ok(()),
        }
    }

    /// Writes octets in which `$PORT` stands for the port of this side, for URLs that lead back here.
    pub(crate) async fn send_text(&mut self, octets: &[u8]) -> Result<(), Fault> {
        const NAME: &[u8] = b"$PORT";
        let port = self
            .stream
            .local_addr()
            .map_err(|why| why.to_string())?
            .port();
        let mut out = Vec::with_capacity(octets.len());
        let mut rest = octets;
        while let Some(at) = rest.windows(NAME.len()).position(|piece| piece == NAME) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(port.to_string().as_bytes());
            rest = &rest[at + NAME.len()..];
        }
        out.extend_from_slice(rest);
        self.send(&out).await
    }

    /// Writes each octet on its own.
    pub(crate) async fn send_split(&mut self, octets: &[u8]) -> Result<(), Fault> {
        for octet in octets {
            self.send(std::slice::from_ref(octet)).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Ends the direction to the client.
    pub(crate) async fn shutdown_write(&mut self) -> Result<(), Fault> {
        match self.stream.shutdown().await {
            Err(error) if !gone(&error) => Err(format!("shutting down: {error}")),
            _ => Ok(()),
        }
    }

    /// Waits until the client's program has read everything that was sent, as the system's table of sockets shows.
    pub(crate) async fn wait_read(&self) -> Result<(), Fault> {
        let addresses = self
            .stream
            .peer_addr()
            .and_then(|peer| Ok((peer, self.stream.local_addr()?)));
        let Ok((peer, own)) = addresses else {
            return Ok(());
        };
        let wanted = format!("{} {}", in_table(peer), in_table(own));
        for _ in 0..5000 {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
            let line = table.lines().find(|line| line.contains(&wanted));
            let unread = line
                .and_then(|line| line.split_whitespace().nth(4))
                .and_then(|queues| queues.split_once(':'))
                .and_then(|(_, unread)| u64::from_str_radix(unread, 16).ok());
            if unread.unwrap_or(0) == 0 {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        Err("the client did not read what was sent before the reset".to_owned())
    }

    /// Makes the drop of this connection a reset.
    pub(crate) fn reset(self) -> Result<(), Fault> {
        self.stream
            .set_zero_linger()
            .map_err(|error| format!("resetting: {error}"))
    }

    /// Waits for the end; anything that comes before is a fault, unless it is to be discarded.
    pub(crate) async fn wait_close(&mut self, discard: bool) -> Result<(), Fault> {
        loop {
            if !discard && !self.kept.is_empty() {
                return Err(format!(
                    "expected the end of the connection, got {}",
                    crate::bytes::shown(&self.kept)
                ));
            }
            self.kept.clear();
            if !self.fill().await? {
                return Ok(());
            }
        }
    }

    /// Waits for the end without reading.
    pub(crate) async fn watch_close(&self) -> Result<(), Fault> {
        // A descriptor of its own: what is known of the readiness of `stream` must stay true for later reads.
        let watching = |error| format!("watching: {error}");
        let copy = self.stream.as_fd().try_clone_to_owned().map_err(watching)?;
        let copy = TcpStream::from_std(copy.into()).map_err(watching)?;
        loop {
            let ready = copy
                .ready(Interest::READABLE | Interest::ERROR)
                .await
                .map_err(watching)?;
            if ready.is_read_closed() || ready.is_error() {
                return Ok(());
            }
            // Nothing is read, but the readiness is spent, so that the next wait is for the next event.
            let _: io::Result<()> =
                copy.try_io(Interest::READABLE, || Err(ErrorKind::WouldBlock.into()));
        }
    }
}

/// An address as `/proc/net/tcp` writes it.
fn in_table(address: std::net::SocketAddr) -> String {
    let octets = match address.ip() {
        std::net::IpAddr::V4(ip) => u32::from_ne_bytes(ip.octets()),
        std::net::IpAddr::V6(_) => 0,
    };
    format!("{octets:08X}:{:04X}", address.port())
}

fn gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected
    )
}
