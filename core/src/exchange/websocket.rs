//! A WebSocket's life: the upgrade on a connection of its own, then the session.

use std::future::poll_fn;

use http::StatusCode;
use http::header::SEC_WEBSOCKET_PROTOCOL;

use super::Leg;
use super::journey::Arrival;
use super::receive::Reception;
use super::tunnel::upgraded;
use crate::error::{Error, ErrorCode, Result};
use crate::protocol::websocket::{Session, check, prepare};

impl Leg<'_> {
    /// Upgrades and runs the session to its end.
    pub(super) async fn websocket(&self) -> Result<Arrival> {
        let mut lease = self.pool.acquire_alone(&self.target, &self.watch).await?;
        self.watch.acquired(&lease.http1.info, false);
        let mut headers = self.headers();
        let accept = prepare(&mut headers);
        let mut response = self
            .send_http1(&mut lease, headers)
            .await
            .map_err(|failed| failed.error)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status();
            let (head, body) = response.into_parts();
            match self.receive(head)? {
                Reception::Deliver(decoder) => self.receive_http1(body, decoder).await?,
                Reception::Discard(next) => return Ok(Arrival::Next(next)),
            };
            return Err(Error::new(
                ErrorCode::WebSocketRejected,
                format!("the upgrade was answered with status {status}"),
            ));
        }
        check(
            self.request.headers.get(SEC_WEBSOCKET_PROTOCOL),
            response.headers(),
            &accept,
        )?;
        let (stream, early) = upgraded(&mut response).await?;
        let reactor = &self.pool.connector.reactor;
        let mut session = Session::new(stream, &early, self.state.clone(), self.options(), reactor);
        let (head, _) = response.into_parts();
        let status = head.status;
        self.receive(head)?;
        self.watch.hold();
        poll_fn(|cx| session.poll(cx)).await?;
        self.done(session.received(), status);
        poll_fn(|cx| session.poll_closed(cx)).await;
        drop(lease);
        Ok(Arrival::Done)
    }
}
