//! HTTP/2 over a socket of one's own, by a loop of one's own: `own_socket 127.0.0.1:8080 /path...`. The server speaks HTTP/2
//! in clear text from the first byte.

use std::error::Error;
use std::io::{Read, Write, stdout};
use std::net::TcpStream;
use std::sync::Arc;

use http::Request;
use trunkline::sansio::http2::{BodyPart, Flow, Handlers, Http2Client, Http2Settings};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or("own_socket HOST:PORT PATH...")?;
    let client = Http2Client::new(&Http2Settings::default(), None, |error| {
        eprintln!("connection: {error}");
    })?;
    let asked = Arc::new(());
    for path in arguments {
        let request = Request::get(format!("http://{server}{path}")).body(())?;
        let asking = Arc::clone(&asked);
        let handlers = Handlers::new(
            move |response, body| {
                println!("{path}: {}", response.status());
                body.read(move |part| {
                    // Held until the end of the body: the loop below goes by the count.
                    assert!(Arc::strong_count(&asking) > 1);
                    if let BodyPart::Data(bytes) = part {
                        let _ = stdout().write_all(&bytes);
                    }
                    Flow::Continue
                });
            },
            |error| eprintln!("request: {error}"),
        );
        client.request_without_body(request, handlers)?;
    }
    let mut socket = TcpStream::connect(&server)?;
    let mut buffer = vec![0; 64 * 1024];
    let (mut taken, mut there) = (0, 0);
    while !client.is_closed() {
        if Arc::strong_count(&asked) == 1 {
            client.shutdown();
        }
        while let WriteOperation::Write(vectors) = client.next_write_operation() {
            let written = socket.write_vectored(&vectors.io_slices());
            client.report_write_result(written.map_or(WriteResult::Closed, WriteResult::Written));
        }
        if client.next_read_operation() == ReadOperation::Read {
            if taken == there {
                (taken, there) = (0, socket.read(&mut buffer)?);
            }
            match there {
                0 => client.read_eof(),
                _ => taken += client.read(&buffer[taken..there]),
            }
        }
    }
    Ok(())
}
