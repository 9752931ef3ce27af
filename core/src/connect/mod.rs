//! Connecting: names to addresses, addresses to sockets, through a proxy where there is one, sockets to TLS.

mod happy_eyeballs;
mod proxy;
mod resolve;
mod socket;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use rustls_pki_types::CertificateDer;

use crate::auth::Challenges;
use crate::cookies::CookieJar;
use crate::drive::{Io, Reactor};
use crate::error::{Error, ErrorCode, Phase, Result};
use crate::limits::{Budget, CHALLENGE_ROUNDS};
use crate::options::{HttpVersions, ManagerOptions, Proxy, ProxyKind};
use crate::request::{Route, Target};
use crate::statistics::Counters;

use proxy::Tunnel;
pub(crate) use proxy::{Login, Routes, add_forwarding};
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
    /// The other end of the socket: the proxy's, where there is one.
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    /// Version and cipher of the TLS with the target.
    pub(crate) tls: Option<String>,
    /// The target's, where other origins that it names may share the connection.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

impl Connected {
    /// Whether a certificate is valid for this host.
    pub(crate) fn is_named(certificate: &CertificateDer<'_>, host: &str) -> bool {
        tls::is_named(certificate, host)
    }
}

/// What is needed to connect; one for each reactor.
pub(crate) struct Connector {
    pub(crate) options: Arc<ManagerOptions>,
    /// What a request without fields of its own has: a host yet to be named, `user-agent`, `accept`; the second, where
    /// its body is decoded, `accept-encoding` too.
    pub(crate) usual_fields: [HeaderMap; 2],
    /// The value of `user-agent` for requests that have none.
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) tls: Arc<Tls>,
    /// For proxies that are spoken to over TLS.
    pub(crate) proxy_tls: Arc<Tls>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) challenges: Arc<Challenges>,
    pub(crate) cookies: CookieJar,
    pub(crate) budget: Arc<Budget>,
}

impl Connector {
    /// Connects, with TLS where the target has it; directly to these addresses, if they are known. Dropping the future
    /// closes whatever was opened.
    pub(crate) async fn connect(
        &self,
        target: &Target,
        known: Option<Vec<SocketAddr>>,
        progress: &dyn Progress,
    ) -> Result<Connected> {
        let (stream, (remote, local)) = match &target.route {
            Route::Direct => {
                let io = self.direct(target, known, progress).await?;
                let addresses = addresses_of(&io);
                (Stream::Plain(io), addresses)
            }
            // Boxed, so that direct connections take no room for it.
            Route::Forward(proxy) => Box::pin(self.through(proxy, None, progress)).await?,
            Route::Tunnel(proxy) => Box::pin(self.through(proxy, Some(target), progress)).await?,
        };
        if !target.tls {
            let http2 = target.versions == HttpVersions::Http2;
            return Ok(Connected {
                stream,
                http2,
                remote,
                local,
                tls: None,
                certificate: None,
            });
        }
        progress.enter(Phase::Tls);
        let (stream, http2, description) = self
            .secure(stream, target)
            .await
            .map_err(|error| error.in_phase(Phase::Tls))?;
        let shares = self.options.http2_coalescing
            && http2
            && target.route == Route::Direct
            && self.tls.vouches_for_names();
        let certificate = if shares { stream.certificate() } else { None };
        Ok(Connected {
            stream,
            http2,
            remote,
            local,
            tls: Some(description),
            certificate,
        })
    }

    /// TLS with the target.
    async fn secure(&self, stream: Stream, target: &Target) -> Result<(Stream, bool, String)> {
        let (host, versions) = (target.host.as_str(), target.versions);
        if let Stream::Plain(io) = stream {
            let secured = self.tls.handshake(io, host, versions).await?;
            let stream = Stream::Tls(Box::new(secured.stream));
            return Ok((stream, secured.http2, secured.description));
        }
        // TLS in the proxy's TLS.
        let secured = Box::pin(self.tls.handshake(stream, host, versions)).await?;
        let stream = Stream::Tunnel(Box::new(secured.stream));
        Ok((stream, secured.http2, secured.description))
    }

    async fn direct(
        &self,
        target: &Target,
        known: Option<Vec<SocketAddr>>,
        progress: &dyn Progress,
    ) -> Result<Io> {
        if let Some(path) = &self.options.unix_socket {
            progress.enter(Phase::Connect);
            return self.unix(path).await;
        }
        let addresses = match known {
            Some(addresses) => addresses,
            None => {
                progress.enter(Phase::Resolve);
                self.addresses(target).await?
            }
        };
        progress.enter(Phase::Connect);
        self.reach(addresses, &target.host, target.port).await
    }

    /// The addresses that a direct connection to this target is tried at.
    pub(crate) async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>> {
        self.resolve(&target.host, target.port).await
    }

    /// A stream to the proxy; to `target`, if it is to be a tunnel. All of it is connecting.
    async fn through(
        &self,
        proxy: &Proxy,
        target: Option<&Target>,
        progress: &dyn Progress,
    ) -> Result<(Stream, (Option<SocketAddr>, Option<SocketAddr>))> {
        progress.enter(Phase::Resolve);
        let resolves_target = ProxyKind::Socks {
            remote_names: false,
        };
        let address = match target {
            Some(target) if proxy.kind() == resolves_target => {
                let found = self.resolve(&target.host, target.port).await?;
                found.first().copied()
            }
            Some(target) => target.literal(),
            None => None,
        };
        let proxies = self.resolve(proxy.host(), proxy.port()).await?;
        progress.enter(Phase::Connect);
        let connecting = async {
            let Some(target) = target else {
                return self.reach_proxy(proxy, proxies).await;
            };
            let tunnel = Tunnel {
                proxy,
                host: &target.host,
                port: target.port,
                address,
                user_agent: self.user_agent.as_ref(),
                headers: &self.options.proxy_headers,
                login: self.proxy_login(proxy)?,
            };
            let mut answer = None;
            for _ in 0..=CHALLENGE_ROUNDS {
                // Each on a connection of its own: a refusal may have a body without end, or the proxy close after it.
                let (mut stream, addresses) = self.reach_proxy(proxy, proxies.clone()).await?;
                answer = tunnel.open(&mut stream, answer).await?;
                if answer.is_none() {
                    return Ok((stream, addresses));
                }
            }
            Err(Error::new(
                ErrorCode::ProxyAuthentication,
                format!("through {proxy}: it calls every nonce stale"),
            ))
        };
        connecting
            .await
            .map_err(|error: Error| error.in_phase(Phase::Connect))
    }

    /// A stream to the proxy itself.
    async fn reach_proxy(
        &self,
        proxy: &Proxy,
        addresses: Vec<SocketAddr>,
    ) -> Result<(Stream, (Option<SocketAddr>, Option<SocketAddr>))> {
        let io = self.reach(addresses, proxy.host(), proxy.port()).await?;
        let addresses = addresses_of(&io);
        if proxy.kind() != (ProxyKind::Http { tls: true }) {
            return Ok((Stream::Plain(io), addresses));
        }
        let versions = HttpVersions::Http1;
        let handshake = self.proxy_tls.handshake(io, proxy.host(), versions);
        let secured = handshake
            .await
            .map_err(|error| error.about(&format!("proxy {proxy}")))?;
        Ok((Stream::Tls(Box::new(secured.stream)), addresses))
    }

    /// How digest is done with this proxy; none where its credentials are sent as they are, or it has none.
    ///
    /// # Errors
    /// As [`Login::digest`].
    pub(crate) fn proxy_login(&self, proxy: &Proxy) -> Result<Option<Login<'_>>> {
        Login::digest(proxy, &self.options, &self.challenges)
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        self.resolver
            .resolve(&self.options.resolve, host, port)
            .await
            .map_err(|error| error.in_phase(Phase::Resolve))
    }

    async fn reach(&self, addresses: Vec<SocketAddr>, host: &str, port: u16) -> Result<Io> {
        let options = &self.options.connection;
        happy_eyeballs::connect(addresses, options, &self.reactor, &self.counters)
            .await
            .map_err(|cause| {
                Error::new(
                    ErrorCode::ConnectFailed,
                    format!("connect to {host}:{port}: {cause}"),
                )
                .with_source(cause)
                .in_phase(Phase::Connect)
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
            let socket = socket::socket(rustix::net::AddressFamily::UNIX)?;
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
