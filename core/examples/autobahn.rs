//! Runs the cases of Autobahn's fuzzing server: `autobahn ws://127.0.0.1:9001 [AGENT] [FIRST..LAST]`. Every message is
//! sent back as it came; the server judges.

use std::error::Error;
use std::time::{Duration, Instant};

use trunkline::{
    Delivery, Drive, ErrorCode, Frame, Manager, ManagerOptions, Part, Request, RequestHandle,
    WebSocketDeflate,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Longer than any case takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or("the URL of the server is missing")?;
    let agent = arguments.next().unwrap_or_else(|| "trunkline".to_owned());
    let mut options = ManagerOptions {
        drive: Drive::Inline,
        ..ManagerOptions::default()
    };
    options.policy.websocket_deflate = Some(WebSocketDeflate {
        threshold: 0,
        ..WebSocketDeflate::default()
    });
    let manager = Manager::new(options)?;
    let count: u32 = message(&open(&manager, &format!("{server}/getCaseCount"))?)?
        .ok_or("the server sent no number of cases")?
        .parse()?;
    let (first, last) = match arguments.next() {
        Some(range) => {
            let (first, last) = range.split_once("..").ok_or("not a range")?;
            (first.parse()?, last.parse()?)
        }
        None => (1, count),
    };
    for case in first..=last {
        let socket = open(
            &manager,
            &format!("{server}/runCase?case={case}&agent={agent}"),
        )?;
        if let Err(error) = echo(&socket) {
            println!("case {case}: {error}");
        }
    }
    let report = open(&manager, &format!("{server}/updateReports?agent={agent}"))?;
    message(&report)?;
    println!("{count} cases run");
    Ok(())
}

fn open(manager: &Manager, url: &str) -> Result<RequestHandle> {
    Ok(manager.submit(Request::get(url)?, Delivery::Recv)?)
}

/// The first text, if one comes.
fn message(socket: &RequestHandle) -> Result<Option<String>> {
    let mut text = None;
    loop {
        match socket.recv(Some(Instant::now() + PATIENCE))?.into_part() {
            Part::Frame(Frame::Text(message)) if text.is_none() => {
                text = Some(String::from_utf8(message.into())?);
            }
            Part::Done(_) => return Ok(text),
            Part::Error(error) => return Err(error.into()),
            _ => {}
        }
    }
}

/// Sends every message back until the end.
fn echo(socket: &RequestHandle) -> Result<()> {
    loop {
        match socket.recv(Some(Instant::now() + PATIENCE))?.into_part() {
            Part::Frame(frame @ (Frame::Text(_) | Frame::Binary(_))) => send(socket, &frame)?,
            Part::Done(_) => return Ok(()),
            // What the server did wrong on purpose.
            Part::Error(error) => {
                return match error.code() {
                    ErrorCode::WebSocketProtocol
                    | ErrorCode::WebSocketInvalidUtf8
                    | ErrorCode::ConnectionClosed => Ok(()),
                    _ => Err(error.into()),
                };
            }
            _ => {}
        }
    }
}

fn send(socket: &RequestHandle, frame: &Frame) -> Result<()> {
    loop {
        match socket.send(frame.clone()) {
            Err(error) if error.code() == ErrorCode::Again => {
                // The part that tells of room is the only one that matters now; a message that comes before it would have
                // to be kept.
                match socket.recv(Some(Instant::now() + PATIENCE))?.into_part() {
                    Part::Frame(frame @ (Frame::Text(_) | Frame::Binary(_))) => {
                        return Err(format!("{} bytes had to wait", frame.payload().len()).into());
                    }
                    Part::Error(error) => return Err(error.into()),
                    _ => {}
                }
            }
            // After the peer's close.
            Err(error) if error.code() == ErrorCode::InvalidState => return Ok(()),
            sent => return Ok(sent?),
        }
    }
}
