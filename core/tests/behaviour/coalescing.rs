//! HTTP/2 connections that serve several origins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use trunkline::{
    Drive, ErrorCode, HttpVersions, Manager, ManagerOptions, ManualClock, Request, RequestHandle,
    TlsOptions, Verify,
};

use super::proxy::through;
use crate::kit::relay::{Relay, Speaks};
use crate::kit::{Answer, DRIVES, eventually, fetch, options, rest, settle, stages, submit};

/// The names of the certificate.
const NAMES: [&str; 3] = ["one.test", "two.test", "*.wild.test"];

/// A TLS server for several names, which tells on which connection each was asked for.
struct Several {
    port: u16,
    ca: Vec<u8>,
    /// Connection and host of each request.
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    release: Arc<Notify>,
    runtime: tokio::runtime::Runtime,
}

#[derive(Clone, Copy, Default)]
struct Manners {
    /// Answers 421 to hosts other than the one of the handshake.
    misdirects: bool,
    /// Goes away after the first answer to `two.test`.
    leaves: bool,
}

impl Several {
    fn start(manners: Manners) -> Several {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))
            .unwrap();
        let several = Several {
            port: listener.local_addr().unwrap().port(),
            ca: authority.pem().into_bytes(),
            seen: Arc::default(),
            release: Arc::default(),
            runtime,
        };
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (seen, release) = (Arc::clone(&several.seen), Arc::clone(&several.release));
        several.runtime.spawn(async move {
            let count = AtomicUsize::new(0);
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let (acceptor, seen, release) =
                    (acceptor.clone(), Arc::clone(&seen), Arc::clone(&release));
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await.ok()?;
                    let named = stream.get_ref().1.server_name().map(str::to_owned);
                    serve(stream, number, named, manners, seen, release).await
                });
            }
        });
        several
    }

    /// Options that trust it, and know all of its names, and a stranger's, by this address.
    fn options(&self, drive: Drive, address: IpAddr) -> ManagerOptions {
        let names = ["one.test", "two.test", "a.wild.test", "a.b.wild.test"];
        let here = vec![SocketAddr::new(address, self.port)];
        let resolve = names.map(|name| (name.to_owned(), self.port, here.clone()));
        ManagerOptions {
            http2_coalescing: true,
            tls: TlsOptions {
                verify: Verify::Ca(self.ca.clone()),
                ..Default::default()
            },
            resolve: resolve.into(),
            ..options(drive)
        }
    }

    fn manager(&self, drive: Drive) -> Manager {
        Manager::new(self.options(drive, Ipv4Addr::LOCALHOST.into())).unwrap()
    }

    fn request(&self, host: &str, path: &str) -> Request {
        Request::get(&format!("https://{host}:{}{path}", self.port)).unwrap()
    }

    fn ask(&self, manager: &Manager, host: &str) -> Answer {
        fetch(manager, self.request(host, "/"))
    }

    fn hold(&self, manager: &Manager, host: &str) -> RequestHandle {
        submit(manager, self.request(host, "/hold"))
    }

    /// What was asked for since the last time.
    fn seen(&self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn serve(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    number: usize,
    named: Option<String>,
    manners: Manners,
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    release: Arc<Notify>,
) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let host = request.uri().host()?.to_owned();
        seen.lock().unwrap().push((number, host.clone()));
        let status = if manners.misdirects && named.as_deref() != Some(&host) {
            421
        } else {
            200
        };
        let waits = (request.uri().path() == "/hold").then(|| Arc::clone(&release));
        tokio::spawn(async move {
            if let Some(release) = waits {
                release.notified().await;
            }
            let mut body = request.into_body();
            while let Some(Ok(data)) = body.data().await {
                let _ = body.flow_control().release_capacity(data.len());
            }
            let head = http::Response::builder().status(status).body(()).unwrap();
            if let Ok(mut stream) = respond.send_response(head, false) {
                let _ = stream.send_data(Bytes::from_static(b"ok"), true);
            }
        });
        if manners.leaves && host == "two.test" && status == 200 {
            connection.graceful_shutdown();
        }
    }
    Some(())
}

fn pairs(seen: &[(usize, String)]) -> Vec<(usize, &str)> {
    seen.iter().map(|(at, host)| (*at, host.as_str())).collect()
}

#[test]
fn the_names_of_a_certificate_share_a_connection() {
    for drive in DRIVES {
        let server = Several::start(Manners::default());
        let manager = server.manager(drive);
        for host in [
            "one.test",
            "two.test",
            "a.wild.test",
            "two.test",
            "one.test",
        ] {
            assert_eq!(server.ask(&manager, host).good().body, b"ok");
        }
        assert!(server.seen().iter().all(|(connection, _)| *connection == 0));
        assert_eq!(manager.statistics().connections_opened, 1);
        // A wildcard stands for one label.
        let stranger = server.ask(&manager, "a.b.wild.test");
        assert_eq!(stranger.code(), ErrorCode::TlsCertificate);
        assert!(server.seen().is_empty());
    }
}

/// Many at once, while the guest's origin is still being looked at.
#[test]
fn all_that_wait_for_the_outcome_share_it() {
    for drive in DRIVES {
        let server = Several::start(Manners::default());
        let manager = server.manager(drive);
        server.ask(&manager, "one.test").good();
        let all: Vec<_> = (0..50)
            .map(|number| {
                let host = ["one.test", "two.test", "a.wild.test"][number % 3];
                submit(&manager, server.request(host, "/"))
            })
            .collect();
        for request in &all {
            assert_eq!(rest(request).good().status(), 200);
        }
        assert_eq!(manager.statistics().connections_opened, 1);
        drop(manager);
    }
}

#[test]
fn who_cannot_be_sure_has_a_connection_of_its_own() {
    type Change = fn(&mut ManagerOptions, &Several);
    let server = Several::start(Manners::default());
    let changes: [(&str, Change); 6] = [
        ("by default", |options, _| options.http2_coalescing = false),
        ("nobody is checked", |options, _| {
            options.tls.verify = Verify::Nobody;
        }),
        ("another name is checked", |options, _| {
            options.tls.hostname = Some("one.test".to_owned());
        }),
        ("no name is sent", |options, _| {
            options.tls.sni = Some(String::new());
        }),
        ("another address", |options, server| {
            let there = SocketAddr::from(([127, 0, 0, 2], server.port));
            options.resolve[1].2 = vec![there];
        }),
        ("http/1.1", |options, _| options.http = HttpVersions::Http1),
    ];
    for drive in DRIVES {
        for (name, change) in &changes {
            let mut made = server.options(drive, Ipv4Addr::LOCALHOST.into());
            change(&mut made, &server);
            let manager = Manager::new(made).unwrap();
            for host in ["one.test", "two.test"] {
                let answer = server.ask(&manager, host);
                // The server speaks nothing but HTTP/2.
                let expected = *name != "http/1.1";
                assert_eq!(answer.summary.is_some(), expected, "{name}: {answer:?}");
            }
            let opened = if *name == "http/1.1" { 0 } else { 2 };
            assert_eq!(manager.statistics().connections_opened, opened, "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(Speaks::Http, false, folder.path());
        let manager = Manager::new(ManagerOptions {
            proxy: through(drive, &format!("http://127.0.0.1:{}", relay.port)).proxy,
            ..server.options(drive, Ipv4Addr::LOCALHOST.into())
        })
        .unwrap();
        for host in ["one.test", "two.test"] {
            server.ask(&manager, host).good();
        }
        assert_eq!(relay.seen().len(), 2);
    }
    // Another port is another server.
    let other = Several::start(Manners::default());
    let mut made = server.options(Drive::Inline, Ipv4Addr::LOCALHOST.into());
    made.resolve.push((
        "two.test".to_owned(),
        other.port,
        vec![([127, 0, 0, 1], server.port).into()],
    ));
    let manager = Manager::new(made).unwrap();
    server.ask(&manager, "one.test").good();
    fetch(&manager, other.request("two.test", "/")).good();
    assert_eq!(manager.statistics().connections_opened, 2);
}

#[test]
fn a_misdirected_request_goes_over_a_connection_of_its_own() {
    for drive in DRIVES {
        let server = Several::start(Manners {
            misdirects: true,
            leaves: true,
        });
        let manager = server.manager(drive);
        server.ask(&manager, "one.test").good();
        // Safe for any method: the server has not processed it.
        let url = format!("https://two.test:{}/", server.port);
        let mut post = Request::new("POST", &url).unwrap();
        post.body(vec![7; 100_000]);
        assert_eq!(fetch(&manager, post).good().status(), 200);
        assert_eq!(manager.statistics().replays, 1);
        assert_eq!(
            pairs(&server.seen()),
            [(0, "one.test"), (0, "two.test"), (1, "two.test")]
        );
        // Its own connection ends, and it is still not for the other one.
        eventually(&manager, "the end of its connection", || {
            manager.statistics().connections_closed == 1
        });
        server.ask(&manager, "two.test").good();
        assert_eq!(pairs(&server.seen()), [(2, "two.test")]);
        server.ask(&manager, "one.test").good();
        assert_eq!(pairs(&server.seen()), [(0, "one.test")]);
        // Others try for themselves.
        server.ask(&manager, "a.wild.test").good();
        assert_eq!(pairs(&server.seen())[0], (0, "a.wild.test"),);
    }
}

#[test]
fn several_misdirected_at_once_all_arrive() {
    for drive in DRIVES {
        let server = Several::start(Manners {
            misdirects: true,
            leaves: false,
        });
        let manager = server.manager(drive);
        server.ask(&manager, "one.test").good();
        let all: Vec<_> = (0..30)
            .map(|_| submit(&manager, server.request("two.test", "/")))
            .collect();
        for request in &all {
            assert_eq!(rest(request).good().status(), 200);
        }
        assert_eq!(manager.statistics().connections_opened, 2);
    }
}

/// What cannot be sent again, and what comes from the origin's own connection, is the caller's.
#[test]
fn other_421s_are_the_callers() {
    for drive in DRIVES {
        let server = Several::start(Manners {
            misdirects: true,
            leaves: false,
        });
        let manager = server.manager(drive);
        server.ask(&manager, "one.test").good();
        let url = format!("https://two.test:{}/", server.port);
        let mut streamed = Request::new("POST", &url).unwrap();
        streamed.streamed_body(None);
        let handle = submit(&manager, streamed);
        handle.write(vec![1; 10]).unwrap();
        handle.finish(None).unwrap();
        assert_eq!(rest(&handle).good().status(), 421);
        let mut own = server.request("one.test", "/");
        own.header("host", format!("two.test:{}", server.port).as_bytes())
            .unwrap();
        assert_eq!(fetch(&manager, own).good().status(), 421);
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// A stream that one origin gives back is for whoever waits, of whichever origin.
#[test]
fn host_and_guest_wait_for_each_other() {
    for drive in DRIVES {
        let server = Several::start(Manners::default());
        let manager = Manager::new(ManagerOptions {
            http2_max_concurrent_streams: 1,
            ..server.options(drive, Ipv4Addr::LOCALHOST.into())
        })
        .unwrap();
        server.ask(&manager, "one.test").good();
        server.ask(&manager, "two.test").good();
        for (holds, waits) in [("one.test", "two.test"), ("two.test", "one.test")] {
            let first = server.hold(&manager, holds);
            stages::wait_until_it_stands(&manager);
            let second = submit(&manager, server.request(waits, "/"));
            settle(&manager, 10);
            server.release.notify_one();
            rest(&first).good();
            rest(&second).good();
            let first = server.hold(&manager, holds);
            stages::wait_until_it_stands(&manager);
            let second = submit(&manager, server.request(waits, "/"));
            settle(&manager, 10);
            first.cancel();
            rest(&second).good();
            // The server still waits for the one that was cancelled.
            server.release.notify_one();
            settle(&manager, 10);
        }
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// A full connection is not waited for by one that is not its guest yet.
#[test]
fn a_full_connection_takes_no_new_guest() {
    for drive in DRIVES {
        let server = Several::start(Manners::default());
        let manager = Manager::new(ManagerOptions {
            http2_max_concurrent_streams: 1,
            ..server.options(drive, Ipv4Addr::LOCALHOST.into())
        })
        .unwrap();
        let first = server.hold(&manager, "one.test");
        stages::wait_until_it_stands(&manager);
        server.ask(&manager, "two.test").good();
        assert_eq!(manager.statistics().connections_opened, 2);
        first.cancel();
    }
}

#[test]
fn the_end_of_a_connection_is_everybodys() {
    for drive in DRIVES {
        let server = Several::start(Manners {
            misdirects: false,
            leaves: true,
        });
        let manager = server.manager(drive);
        for round in 0..5 {
            server.ask(&manager, "one.test").good();
            server.ask(&manager, "a.wild.test").good();
            // Its answer comes with GOAWAY.
            server.ask(&manager, "two.test").good();
            eventually(&manager, "the connection's end", || {
                manager.statistics().connections_closed == round + 1
            });
        }
        assert_eq!(manager.statistics().connections_opened, 5);
    }
}

#[test]
fn a_shared_connection_expires_and_makes_room() {
    for drive in DRIVES {
        let (server, other) = (
            Several::start(Manners::default()),
            Several::start(Manners::default()),
        );
        let clock = ManualClock::new();
        let mut made = server.options(drive, Ipv4Addr::LOCALHOST.into());
        made.max_connections = 1;
        let there = vec![([127, 0, 0, 1], other.port).into()];
        made.resolve
            .push(("one.test".to_owned(), other.port, there));
        made.tls.verify = Verify::Ca([server.ca.clone(), other.ca.clone()].concat());
        let manager = Manager::with_clock(made, &clock).unwrap();
        let share = |opened| {
            server.ask(&manager, "one.test").good();
            // The only place is the host's, and is given up for the guest's own connection or shared.
            server.ask(&manager, "two.test").good();
            assert!(manager.statistics().connections_opened >= opened);
        };
        share(1);
        // A third origin needs the place: whoever holds the connection lets it go.
        fetch(&manager, other.request("one.test", "/")).good();
        share(2);
        clock.advance(std::time::Duration::from_secs(91));
        for _ in 0..2 {
            clock.advance(std::time::Duration::from_secs(91));
            settle(&manager, 10);
        }
        eventually(&manager, "the end of all", || {
            let now = manager.statistics();
            now.connections_opened == now.connections_closed
        });
    }
}
