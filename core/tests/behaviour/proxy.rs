//! Through proxies that do what they are asked for.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use trunkline::{
    Drive, Frame, HttpVersions, Manager, ManagerOptions, NoProxy, Part, Protocol, Proxy,
    ProxyOption, ProxyRules, Request, TlsOptions,
};
use trunkline_test_server::embedded::{self, Places};

use super::tls::trusting;
use crate::kit::peer::{self, OK, read_head};
use crate::kit::relay::{Relay, Speaks};
use crate::kit::{DRIVES, fetch, get, options, soon, submit};

fn folder(places: &Places) -> &Path {
    places.ca.parent().unwrap()
}

pub fn through(drive: Drive, url: &str) -> ManagerOptions {
    ManagerOptions {
        proxy: ProxyOption::Rules(ProxyRules::all(Proxy::parse(url).unwrap())),
        ..options(drive)
    }
}

/// A name that leads nowhere but through the proxy.
const NAME: &str = "target.test";

fn echo(manager: &Manager, url: &str) {
    let socket = submit(manager, Request::get(url).unwrap());
    let head = socket.recv(soon()).unwrap();
    assert!(matches!(head.part(), Part::Head(_)), "{url}: {head:?}");
    socket.send(Frame::Text("hello".into())).unwrap();
    let frame = socket.recv(soon()).unwrap();
    assert!(matches!(frame.part(), Part::Frame(Frame::Text(text)) if text == "hello"));
    socket.cancel();
}

#[test]
fn everything_goes_through_a_tunnel() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for (speaks, scheme) in [
        (Speaks::Http, "http"),
        (Speaks::Https, "https"),
        (Speaks::Socks, "socks5h"),
    ] {
        for (drive, login) in DRIVES.into_iter().zip([true, false]) {
            let relay = Relay::start(speaks, login, folder(places));
            let user = if login { "me:p%77@" } else { "" };
            let mut made = through(drive, &format!("{scheme}://{user}localhost:{}", relay.port));
            made.tls = TlsOptions {
                hostname: Some("localhost".to_owned()),
                ..trusting(places)
            };
            made.proxy_tls = trusting(places);
            let manager = Manager::new(made).unwrap();
            for (tls, port, versions, protocol) in [
                ("s", places.https, HttpVersions::Auto, Protocol::Http2),
                ("s", places.https, HttpVersions::Http1, Protocol::Http1),
                ("", places.http, HttpVersions::Http2, Protocol::Http2),
            ] {
                for length in [3, 3_000_000] {
                    let url = format!("http{tls}://{NAME}:{port}/bytes/{length}");
                    let mut request = Request::get(&url).unwrap();
                    request.http(versions);
                    let answer = fetch(&manager, request).good();
                    assert_eq!(answer.body.len(), length);
                    let connection = answer.summary.unwrap().connection.clone().unwrap();
                    assert_eq!(connection.protocol, protocol);
                    assert_eq!(connection.tls.is_some(), tls == "s");
                    assert_eq!(connection.remote.unwrap().port(), relay.port);
                }
                let asked = relay.seen().pop().unwrap();
                assert!(asked.contains(&format!("{NAME}:{port}")), "{asked}");
            }
            // The second request of each kind found the first one's connection.
            assert_eq!(relay.seen().len(), 3);
            let url = format!("https://{NAME}:{}/upload", places.https1);
            let mut upload = Request::new("POST", &url).unwrap();
            upload.body(vec![7; 3_000_000]);
            let answer = fetch(&manager, upload).good();
            assert!(answer.body.starts_with(b"{\"bytes\":3000000,"));
            echo(&manager, &format!("ws://{NAME}:{}/ws", places.http));
            echo(&manager, &format!("wss://{NAME}:{}/ws", places.https1));
            assert_eq!(relay.seen().len(), 6);
        }
    }
}

/// SOCKS5 with names resolved here takes what the manager knows of names, and plain HTTP/1.1 in a tunnel.
#[test]
fn names_are_resolved_where_the_scheme_says() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let relay = Relay::start(Speaks::Socks, false, folder(places));
        let mut made = through(drive, &format!("socks5://127.0.0.1:{}", relay.port));
        let here = vec![([10, 1, 2, 3], places.http).into()];
        made.resolve = vec![(NAME.to_owned(), places.http, here)];
        let manager = Manager::new(made).unwrap();
        let ask = |host: &str| {
            let url = format!("http://{host}:{}/bytes/9", places.http);
            fetch(&manager, Request::get(&url).unwrap()).good();
            relay.seen().pop().unwrap()
        };
        assert_eq!(ask(NAME), format!("[10, 1, 2, 3]:{}", places.http));
        assert_eq!(ask("127.0.0.9"), format!("[127, 0, 0, 9]:{}", places.http));
        let six = ask("[::1]");
        assert!(six.starts_with("[0, 0, ") && six.contains(", 1]:"), "{six}");
    }
}

#[test]
fn plain_requests_are_forwarded_in_absolute_form() {
    for drive in DRIVES {
        let (heads, seen) = mpsc::channel();
        let port = peer::peer(move |mut stream, count| {
            while let Some(head) = read_head(&mut stream) {
                if head.starts_with("POST") {
                    stream.read_exact(&mut [0; 4]).unwrap();
                }
                heads.send((count, head)).unwrap();
                stream.write_all(OK.as_bytes()).unwrap();
            }
        });
        let mut made = through(drive, &format!("http://me:pw@127.0.0.1:{port}"));
        let names = &mut made.proxy_headers;
        names.insert("x-for-proxy", "yes".parse().unwrap());
        names.insert("accept", "not mine".parse().unwrap());
        let manager = Manager::new(made).unwrap();
        let ask = |url: &str| {
            fetch(&manager, Request::get(url).unwrap()).good();
            seen.recv().unwrap()
        };
        let (connection, head) = ask("http://user@One.test/a?b=c#d");
        let mut lines = head.lines();
        assert_eq!(lines.next(), Some("GET http://one.test/a?b=c HTTP/1.1"));
        for line in [
            "host: one.test",
            "proxy-authorization: Basic bWU6cHc=",
            "authorization: Basic dXNlcjo=",
            "x-for-proxy: yes",
            "accept: */*",
        ] {
            assert!(head.contains(&format!("\r\n{line}\r\n")), "{line}: {head}");
        }
        // Other hosts share the connection to the proxy.
        let (again, head) = ask("http://[::1]:8080");
        assert!(head.starts_with("GET http://[::1]:8080/ HTTP/1.1\r\n"));
        assert_eq!((connection, again), (0, 0));
        let mut upload = Request::new("POST", "http://two.test/").unwrap();
        upload.body("four");
        upload.header("proxy-authorization", b"Bearer own").unwrap();
        fetch(&manager, upload).good();
        let (_, head) = seen.recv().unwrap();
        assert_eq!(head.matches("proxy-authorization").count(), 1, "{head}");
        assert!(head.contains("proxy-authorization: Bearer own\r\n"));
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

#[test]
fn the_target_behind_a_tunnel_sees_nothing_of_it() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let relay = Relay::start(Speaks::Http, true, folder(places));
        let (heads, seen) = mpsc::channel();
        let target = peer::peer(move |mut stream, _| {
            heads.send(read_head(&mut stream).unwrap()).unwrap();
        });
        let mut made = through(drive, &format!("me:pw@127.0.0.1:{}", relay.port));
        let own = made.proxy_headers.entry("x-for-proxy");
        own.or_insert("yes".parse().unwrap());
        let manager = Manager::new(made).unwrap();
        let url = format!("ws://{NAME}:{target}/");
        let answer = fetch(&manager, Request::get(&url).unwrap());
        assert!(answer.error.is_some());
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "CONNECT {NAME}:{target} HTTP/1.1\r\nhost: {NAME}:{target}\r\nx-for-proxy: yes\r\n\
             user-agent: trunkline/{version}\r\nproxy-authorization: Basic bWU6cHc=\r\n\r\n"
        );
        assert_eq!(relay.seen(), [expected]);
        let head = seen.recv().unwrap();
        assert!(head.starts_with("GET / HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains("proxy"), "{head}");
    }
}

/// The target may speak before it is spoken to: its bytes come with the proxy's answer.
#[test]
fn bytes_after_the_answer_are_the_targets() {
    for drive in DRIVES {
        let port = peer::peer(|mut stream, _| {
            let head = read_head(&mut stream).unwrap();
            assert!(head.starts_with("CONNECT "), "{head}");
            let early = peer::Frame::settings(&[(3, 1)]).bytes();
            let answer = [b"HTTP/1.1 200 Yes\r\ncontent-length: 9\r\n\r\n", &early[..]].concat();
            stream.write_all(&answer).unwrap();
            let mut preface = [0; 24];
            stream.read_exact(&mut preface).unwrap();
            let mut peer = peer::Http2Peer(stream);
            peer.answer();
            while peer.read().is_some() {}
        });
        let manager = Manager::new(through(drive, &format!("127.0.0.1:{port}"))).unwrap();
        let mut request = Request::get("http://a.test/").unwrap();
        request.http(HttpVersions::Http2);
        assert_eq!(fetch(&manager, request).good().body, b"ok");
    }
}

#[test]
fn exceptions_and_requests_decide() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let relay = Relay::start(Speaks::Socks, false, folder(places));
        let proxy = Proxy::parse(&format!("socks5h://127.0.0.1:{}", relay.port)).unwrap();
        let rules = ProxyRules {
            no_proxy: NoProxy::parse("localhost, 127.0.0.0/8"),
            ..ProxyRules::all(proxy.clone())
        };
        let manager = Manager::new(ManagerOptions {
            proxy: ProxyOption::Rules(rules),
            ..options(drive)
        })
        .unwrap();
        let request = || get(places.http, "/bytes/5");
        fetch(&manager, request()).good();
        assert!(relay.seen().is_empty());
        let mut asked = request();
        asked.proxy(Some(proxy));
        fetch(&manager, asked).good();
        assert_eq!(relay.seen().len(), 1);
        let url = format!("http://{NAME}:{}/bytes/5", places.http);
        let mut direct = Request::get(&url).unwrap();
        direct.proxy(None);
        assert!(fetch(&manager, direct).error.is_some());
        fetch(&manager, Request::get(&url).unwrap()).good();
        assert_eq!(relay.seen().len(), 2);
        assert_eq!(manager.statistics().connections_opened, 3);
    }
}

/// In a process of its own, for the environment belongs to all threads.
#[test]
fn the_environment_is_read_when_the_manager_is_made() {
    let child = std::env::var("TRUNKLINE_TEST_CHILD").is_ok();
    if !child {
        let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, OK));
        let status = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "proxy::the_environment_is_read_when_the_manager_is_made",
            ])
            .env("TRUNKLINE_TEST_CHILD", "1")
            .env("http_proxy", format!("127.0.0.1:{port}"))
            .env("NO_PROXY", "other.test")
            .env_remove("no_proxy")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let manager = Manager::new(ManagerOptions {
        proxy: ProxyOption::Environment,
        ..options(Drive::Inline)
    })
    .unwrap();
    let answer = fetch(&manager, Request::get("http://any.invalid/").unwrap());
    assert_eq!(answer.good().body, b"ok");
    // Nobody is asked but by the option.
    let manager = Manager::new(options(Drive::Inline)).unwrap();
    let answer = fetch(&manager, Request::get("http://any.invalid/").unwrap());
    assert!(answer.error.is_some());
}
