//! Playing the script of one connection, step by step.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bytes::shown;
use crate::http1::{self, Head};
use crate::http2::Http2;
use crate::script::{Protocol, Step, WaitClose};
use crate::verdict::Record;
use crate::websocket;
use crate::wire::{Fault, Wire};

/// How long a step may take before the client is taken to have failed.
const STEP: Duration = Duration::from_secs(10);

/// Plays a script and records what came of it; afterwards holds the connection until the client closes it.
pub(crate) async fn play(
    stream: TcpStream,
    protocol: Protocol,
    steps: &[Step],
    record: &Record,
    connection: usize,
) {
    let mut player = Player {
        wire: Some(Wire::new(stream)),
        protocol,
        head: Head::default(),
        http2: Http2::new(),
    };
    for (index, step) in steps.iter().enumerate() {
        record.at(connection, index);
        let outcome = timeout(STEP, player.step(step, record)).await;
        let outcome = outcome
            .unwrap_or_else(|_| Err(format!("nothing came of it within {} s", STEP.as_secs())));
        if let Err(why) = outcome {
            record.fault(format!("connection {connection} step {index}: {why}"));
            return;
        }
    }
    record.ended(connection);
    if let Err(why) = player.linger(steps).await {
        record.fault(format!("connection {connection}, its script played: {why}"));
    }
}

struct Player {
    /// `None` once the script has reset the connection.
    wire: Option<Wire>,
    protocol: Protocol,
    head: Head,
    http2: Http2,
}

impl Player {
    async fn step(&mut self, step: &Step, record: &Record) -> Result<(), Fault> {
        if matches!(step, Step::Reset(_)) {
            let Some(wire) = self.wire.take() else {
                return Ok(());
            };
            // A reset takes from the client what it has not read yet; the script means it to come after.
            wire.wait_read().await?;
            return wire.reset();
        }
        let Self {
            wire: Some(wire),
            protocol,
            head,
            http2,
        } = self
        else {
            return Err("the script has reset this connection already".to_owned());
        };
        match step {
            Step::ExpectRequest(expected) => {
                *head = http1::expect_head(wire, expected).await?;
                http1::expect_body(wire, head, expected).await
            }
            Step::ExpectHead(expected) => {
                *head = http1::expect_head(wire, expected).await?;
                Ok(())
            }
            Step::ExpectBody(expected) => http1::expect_body(wire, head, expected).await,
            Step::Send(octets) => wire.send_text(octets.as_slice()).await,
            Step::SendSplit(octets) => wire.send_split(octets.as_slice()).await,
            Step::Close(_) | Step::ShutdownWrite(_) => wire.shutdown_write().await,
            Step::Reset(_) => Ok(()),
            Step::WaitClose(wait) => {
                let discard = matches!(wait, WaitClose::Options { discard: true });
                if protocol.is_http2() {
                    http2.wait_close(wire, discard).await
                } else {
                    wire.wait_close(discard).await
                }
            }
            Step::Hang(_) => hang(wire, record).await,
            Step::H2Start(start) => http2.start(wire, start).await,
            Step::H2ExpectHeaders(expected) => http2.expect_headers(wire, expected).await,
            Step::H2ExpectData(expected) => http2.expect_data(wire, expected).await,
            Step::H2ExpectTrailers(expected) => http2.expect_trailers(wire, expected).await,
            Step::H2ExpectRst(expected) => http2.expect_rst(wire, expected).await,
            Step::H2ExpectGoaway(expected) => http2.expect_goaway(wire, expected).await,
            Step::H2ExpectPing(payload) => http2.expect_ping(wire, payload.as_slice()).await,
            Step::H2ExpectSettingsAck(_) => http2.expect_settings_ack(wire).await,
            Step::H2Headers(headers) => http2.send_headers(wire, headers).await,
            Step::H2Data(data) => http2.send_data(wire, data).await,
            Step::H2Rst(rst) => http2.send_rst(wire, rst).await,
            Step::H2Goaway(goaway) => http2.send_goaway(wire, goaway).await,
            Step::H2Ping(payload) => http2.send_ping(wire, payload.as_slice()).await,
            Step::H2WindowUpdate(update) => http2.send_window_update(wire, update).await,
            Step::H2Settings(settings) => http2.send_settings(wire, settings).await,
            Step::H2Frame(frame) => http2.send_frame(wire, frame).await,
            Step::WsAccept(how) => websocket::accept(wire, how).await,
            Step::WsSend(frame) => websocket::send(wire, http2, frame).await,
            Step::WsSendClose(close) => websocket::send_close(wire, close).await,
            Step::WsExpect(expected) => websocket::expect(wire, http2, expected).await,
        }
    }

    /// Reads on until the client closes: to drop a socket that holds unread octets would reset it, and the client could lose
    /// what it was sent. A further HTTP/1.1 request is one the script did not foresee.
    async fn linger(self, steps: &[Step]) -> Result<(), Fault> {
        let Some(mut wire) = self.wire else {
            return Ok(());
        };
        let foreseen =
            self.protocol != Protocol::Http1 || matches!(steps.last(), Some(Step::Close(_)));
        if !foreseen && (!wire.kept().is_empty() || wire.fill().await?) {
            return Err(format!("the client sent {}", shown(wire.kept())));
        }
        wire.wait_close(true).await
    }
}

/// Holds still until the client closes. A client that closes while it has more to send than fits is only noticed by reading,
/// which is done once the runner, its requests ended, asks for the verdict.
async fn hang(wire: &mut Wire, record: &Record) -> Result<(), Fault> {
    tokio::select! {
        closed = wire.watch_close() => return closed,
        () = record.asked() => {}
    }
    wire.wait_close(true).await
}
