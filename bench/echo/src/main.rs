//! WebSocket echo server for the bench: `bench-echo PORT`. One thread; every read is answered with at most one write,
//! so that the client under test is the limit, not this program.

mod frame;
mod handshake;

use std::io::{ErrorKind, IoSlice};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::net::RecvFlags;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};

/// Size of one read.
const READ: usize = 256 * 1024;
/// Size of the answer held back before reading stops until the client takes some.
const BACKLOG: usize = 4 * 1024 * 1024;
/// How long a connection that is the only one is looked at before this sleeps.
const LOOK: Duration = Duration::from_micros(200);

static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|p| p.parse().ok())
        .unwrap_or(0u16);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening {}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            CONNECTIONS.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = serve(stream).await {
                match error.kind() {
                    ErrorKind::ConnectionReset
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof => {}
                    _ => eprintln!("connection: {error}"),
                }
            }
            CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut input = Vec::with_capacity(READ);
    let answer = loop {
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        if let Some((used, answer)) = handshake::answer(&input)? {
            input.drain(..used);
            break answer;
        }
    };
    stream.write_all(&answer).await?;
    echo(&stream, input).await
}

/// Reads and writes independently of each other, so that a client that only writes for a while blocks nothing.
async fn echo(stream: &TcpStream, begun: Vec<u8>) -> std::io::Result<()> {
    let mut echo = frame::Echo::default();
    let mut input = vec![0; READ + frame::HEAD];
    let mut kept = begun.len();
    if kept > input.len() {
        return Err(ErrorKind::InvalidData.into());
    }
    input[..kept].copy_from_slice(&begun);
    let mut pieces = Vec::new();
    let mut backlog = Backlog::default();
    // What came with the handshake.
    let mut there = kept;
    let mut closing = false;
    let mut looks = 0_u32;
    loop {
        if there > 0 {
            pieces.clear();
            let echoed = echo.feed(&mut input[..there], &mut pieces)?;
            closing = echoed.closing;
            backlog.write(stream, &input, &pieces)?;
            input.copy_within(echoed.used..there, 0);
            kept = there - echoed.used;
            there = 0;
        }
        if closing && backlog.is_empty() {
            return Ok(());
        }
        let mut interest = None;
        if backlog.length() < BACKLOG && !closing {
            interest = Some(Interest::READABLE);
        }
        if !backlog.is_empty() {
            interest = Some(interest.map_or(Interest::WRITABLE, |i| i | Interest::WRITABLE));
        }
        let Some(interest) = interest else {
            return Ok(());
        };
        if backlog.is_empty() && CONNECTIONS.load(Ordering::Relaxed) == 1 {
            match look(stream, &mut input[kept..]) {
                Some(0) => return Ok(()),
                Some(n) => {
                    there = kept + n;
                    looks = looks.wrapping_add(1);
                    // Others may want to connect.
                    if looks.is_multiple_of(64) {
                        tokio::task::yield_now().await;
                    }
                    continue;
                }
                None => {}
            }
        }
        let ready = stream.ready(interest).await?;
        if ready.is_readable() && !closing && backlog.length() < BACKLOG {
            match stream.try_read(&mut input[kept..]) {
                Ok(0) => return Ok(()),
                Ok(n) => there = kept + n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        backlog.flush(stream)?;
    }
}

/// Looks for more before this sleeps, as if on a machine of its own: else a client would spend its time on waking it.
fn look(stream: &TcpStream, space: &mut [u8]) -> Option<usize> {
    let begun = Instant::now();
    while begun.elapsed() < LOOK {
        match rustix::net::recv(stream, &mut *space, RecvFlags::DONTWAIT) {
            Ok((_, count)) => return Some(count),
            // An error comes again where it can be told.
            Err(_) => std::hint::spin_loop(),
        }
    }
    None
}

/// What the client has not taken yet.
#[derive(Default)]
struct Backlog {
    bytes: Vec<u8>,
    written: usize,
}

impl Backlog {
    fn length(&self) -> usize {
        self.bytes.len() - self.written
    }

    fn is_empty(&self) -> bool {
        self.length() == 0
    }

    /// Writes pieces of `input` straight from where they are, and keeps what the client does not take.
    fn write(
        &mut self,
        stream: &TcpStream,
        input: &[u8],
        pieces: &[Range<usize>],
    ) -> std::io::Result<()> {
        let mut taken = 0;
        if self.is_empty() {
            let slices: Vec<_> = pieces
                .iter()
                .map(|piece| IoSlice::new(&input[piece.clone()]))
                .collect();
            taken = match stream.try_write_vectored(&slices) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                taken => taken?,
            };
        }
        for piece in pieces {
            let skipped = taken.min(piece.len());
            taken -= skipped;
            self.bytes
                .extend_from_slice(&input[piece.start + skipped..piece.end]);
        }
        Ok(())
    }

    fn flush(&mut self, stream: &TcpStream) -> std::io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        match stream.try_write(&self.bytes[self.written..]) {
            Ok(n) => self.written += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if self.is_empty() || self.written > BACKLOG {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }
}
