//! Connecting: names to addresses, addresses to sockets, sockets to TLS.

mod happy_eyeballs;
mod resolve;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use crate::auth::Challenges;
use crate::cookies::CookieJar;
use crate::drive::{Io, Reactor};
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::Budget;
use crate::options::{HttpVersions, ManagerOptions};
use crate::request::Target;
use crate::statistics::Counters;

pub(crate) use resolve::Resolver;
pub(crate) use stream::Stream;
pub(crate) use tls::Tls;

/// Hears which phase of connecting begins, so that its deadline applies.
pub(crate) trait Progress: Sync {
    fn enter(&self, phase: Phase);
}

/// A connection that stands.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    /// The protocol that ALPN chose, where TLS did.
    pub(crate) http2: bool,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) tls: Option<String>,
}

/// What is needed to connect; one for each reactor.
pub(crate) struct Connector {
    pub(crate) options: Arc<ManagerOptions>,
    /// What a request without fields of its own has: a host yet to be named, `user-agent`, `accept`.
    pub(crate) usual_fields: HeaderMap,
    /// The value of `user-agent` for requests that have none.
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) cookies: CookieJar,
    pub(crate) budget: Arc<Budget>,
}

impl Connector {
    /// Connects, with TLS where the target has it. Dropping the future closes whatever was opened.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        progress: &dyn Progress,
    ) -> Result<Connected> {
        let io = if let Some(path) = &self.options.unix_socket {
            progress.enter(Phase::Connect);
            self.unix(path).await?
        } else {
            progress.enter(Phase::Resolve);
            let addresses = self
                .resolver
                .resolve(&self.options.resolve, &target.host, target.port)
                .await?;
            progress.enter(Phase::Connect);
            happy_eyeballs::connect(addresses, &self.reactor, &self.counters)
                .await
                .map_err(|cause| {
                    Error::new(
                        ErrorCode::ConnectFailed,
                        format!("connect to {}:{}: {cause}", target.host, target.port),
                    )
                    .with_source(cause)
                })?
        };
        let (remote, local) = addresses_of(&io);
        if !target.tls {
            let http2 = target.versions == HttpVersions::Http2;
            return Ok(Connected {
                stream: Stream::Plain(io),
                http2,
                remote,
                local,
                tls: None,
            });
        }
        progress.enter(Phase::Tls);
        let (stream, http2, description) = self.tls.handshake(io, target).await?;
        Ok(Connected {
            stream,
            http2,
            remote,
            local,
            tls: Some(description),
        })
    }

    async fn unix(&self, path: &Path) -> Result<Io> {
        let failed = |cause: &dyn std::fmt::Display| {
            Error::new(
                ErrorCode::ConnectFailed,
                format!("connect to unix socket {}: {cause}", path.display()),
            )
        };
        let address = rustix::net::SocketAddrUnix::new(path).map_err(|cause| failed(&cause))?;
        let begin = || {
            let socket = happy_eyeballs::socket(rustix::net::AddressFamily::UNIX)?;
            match rustix::net::connect(&socket, &address) {
                Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
                Err(cause) => return Err(cause.into()),
            }
            Io::new(socket, &self.reactor, &self.counters)
        };
        let io = begin().map_err(|cause: std::io::Error| failed(&cause))?;
        std::future::poll_fn(|cx| io.poll_connected(cx))
            .await
            .map_err(|cause| failed(&cause))?;
        Ok(io)
    }
}

fn addresses_of(io: &Io) -> (Option<SocketAddr>, Option<SocketAddr>) {
    let socket = io.socket();
    let remote = rustix::net::getpeername(socket)
        .ok()
        .and_then(|address| address?.try_into().ok());
    let local = rustix::net::getsockname(socket)
        .ok()
        .and_then(|address| address.try_into().ok());
    (remote, local)
}
