//! WebSocket echo server for the bench: `bench-echo PORT`. One thread; every read is answered with at most one write,
//! so that the client under test is the limit, not this program.

mod frame;
mod handshake;

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};

/// Size of one read, and of the answer held back before reading stops until the client takes some.
const READ: usize = 256 * 1024;
const BACKLOG: usize = 4 * 1024 * 1024;

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
            if let Err(error) = serve(stream).await {
                match error.kind() {
                    ErrorKind::ConnectionReset
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof => {}
                    _ => eprintln!("connection: {error}"),
                }
            }
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
async fn echo(stream: &TcpStream, mut input: Vec<u8>) -> std::io::Result<()> {
    let mut output: Vec<u8> = Vec::with_capacity(READ);
    let mut written = 0;
    let mut scratch = vec![0; READ];
    let mut closing = false;
    loop {
        if output.is_empty() && closing {
            return Ok(());
        }
        let mut interest = None;
        if output.len() - written < BACKLOG && !closing {
            interest = Some(Interest::READABLE);
        }
        if written < output.len() {
            interest = Some(interest.map_or(Interest::WRITABLE, |i| i | Interest::WRITABLE));
        }
        let Some(interest) = interest else {
            return Ok(());
        };
        let ready = stream.ready(interest).await?;
        if ready.is_readable() && !closing {
            match stream.try_read(&mut scratch) {
                Ok(0) => return Ok(()),
                Ok(n) => {
                    // Whole frames are echoed straight from the read buffer; only a split one is kept.
                    if input.is_empty() {
                        let (used, close) = frame::echo_all(&mut scratch[..n], &mut output)?;
                        input.extend_from_slice(&scratch[used..n]);
                        closing = close;
                    } else {
                        input.extend_from_slice(&scratch[..n]);
                        let (used, close) = frame::echo_all(&mut input, &mut output)?;
                        input.drain(..used);
                        closing = close;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if written < output.len() {
            match stream.try_write(&output[written..]) {
                Ok(n) => written += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if written == output.len() {
                output.clear();
                written = 0;
            }
        }
    }
}
