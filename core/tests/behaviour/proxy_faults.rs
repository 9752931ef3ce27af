//! Through proxies that do not do what they are asked for.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use trunkline::{
    Drive, ErrorCode, Manager, ManagerOptions, ManualClock, Phase, Request, TlsOptions, Verify,
};
use trunkline_test_server::embedded;

use super::proxy::through;
use crate::kit::peer::{self, read_head};
use crate::kit::relay::{Relay, Speaks};
use crate::kit::{Answer, DRIVES, eventually, fetch, rest, submit};

fn ask(manager: &Manager) -> Answer {
    fetch(manager, Request::get("https://target.test/").unwrap())
}

fn failed(options: ManagerOptions, code: ErrorCode, words: &str) {
    let manager = Manager::new(options).unwrap();
    let answer = ask(&manager);
    assert_eq!(answer.code(), code, "{:?}", answer.error);
    let error = answer.error.unwrap();
    assert_eq!(error.phase(), Some(Phase::Connect), "{error}");
    assert!(error.message().contains(words), "{error}");
    assert_eq!(manager.statistics().connections_opened, 0);
}

/// Reads what a SOCKS5 client says until it waits for its answer.
fn socks_request(stream: &mut TcpStream) -> Option<()> {
    stream.read_exact(&mut [0; 3]).ok()?;
    stream.write_all(&[5, 0]).ok()?;
    stream.read_exact(&mut [0; 7 + "target.test".len()]).ok()
}

const YES: &[u8] = b"HTTP/1.1 200 OK\r\nvia: x\r\n\r\n";
const SOCKS_YES: &[u8] = &[5, 0, 0, 1, 1, 2, 3, 4, 0, 80];

#[test]
fn nobody_listens() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unused.local_addr().unwrap().port();
    drop(unused);
    for drive in DRIVES {
        for scheme in ["http", "https", "socks5h"] {
            let options = through(drive, &format!("{scheme}://127.0.0.1:{port}"));
            failed(options, ErrorCode::ConnectFailed, &port.to_string());
        }
        let manager = Manager::new(through(drive, "http://proxy.invalid:1")).unwrap();
        let answer = ask(&manager);
        assert_eq!(answer.code(), ErrorCode::ResolveFailed);
        assert_eq!(answer.error.unwrap().phase(), Some(Phase::Resolve));
    }
}

#[test]
fn it_refuses() {
    let server = embedded::start(None).unwrap();
    let folder = server.places().ca.parent().unwrap();
    for drive in DRIVES {
        for (speaks, scheme) in [(Speaks::Http, "http"), (Speaks::Socks, "socks5h")] {
            let relay = Relay::start(speaks, true, folder);
            for user in ["", "me:wrong@"] {
                let options = through(drive, &format!("{scheme}://{user}127.0.0.1:{}", relay.port));
                failed(options, ErrorCode::ProxyAuthentication, "through ");
            }
        }
        let port = peer::peer(|mut stream, _| {
            peer::answer_all(&mut stream, "HTTP/1.1 403 Not there\r\n\r\n");
        });
        let options = through(drive, &format!("127.0.0.1:{port}"));
        failed(options, ErrorCode::ProxyFailed, "403 Not there");
        let port = peer::peer(|mut stream, _| {
            let _ = socks_request(&mut stream);
            let _ = stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
        });
        let options = through(drive, &format!("socks5h://127.0.0.1:{port}"));
        failed(options, ErrorCode::ProxyFailed, "connection refused");
    }
}

/// After every byte of an answer that would have been right.
#[test]
fn it_closes_at_every_byte() {
    for drive in DRIVES {
        for (scheme, answer) in [("http", YES), ("socks5h", SOCKS_YES)] {
            let port = peer::peer(move |mut stream, count| {
                if scheme == "http" {
                    let _ = read_head(&mut stream);
                } else {
                    let _ = socks_request(&mut stream);
                }
                let _ = stream.write_all(&answer[..count % answer.len()]);
            });
            let manager = Manager::new(through(drive, &format!("{scheme}://127.0.0.1:{port}")));
            let manager = manager.unwrap();
            for place in 0..answer.len() {
                let answer = ask(&manager);
                assert_eq!(answer.code(), ErrorCode::ProxyFailed, "cut at {place}");
                let error = answer.error.unwrap();
                assert_eq!(error.phase(), Some(Phase::Connect));
                assert!(error.message().contains("closed"), "{error}");
            }
            // The whole answer, and then the end: that is the target's doing.
            let whole = peer::peer(move |mut stream, _| {
                if scheme == "http" {
                    let _ = read_head(&mut stream);
                } else {
                    let _ = socks_request(&mut stream);
                }
                let _ = stream.write_all(answer);
            });
            let manager = Manager::new(through(drive, &format!("{scheme}://127.0.0.1:{whole}")));
            let error = ask(&manager.unwrap()).error.unwrap();
            assert_eq!(error.code(), ErrorCode::TlsFailed, "{error}");
            assert_eq!(error.phase(), Some(Phase::Tls));
        }
    }
}

#[test]
fn it_talks_nonsense() {
    for drive in DRIVES {
        for (scheme, answer, words) in [
            ("http", &b"SSH-2.0-OpenSSH\r\n"[..], "not HTTP/1.1"),
            ("http", &[0; 100], "not HTTP/1.1"),
            ("http", b"HTTP/1.1 abc\r\n\r\n", "not valid"),
            ("socks5h", b"HTTP/1.1 400 Bad\r\n\r\n", "not SOCKS5"),
            ("socks5h", &[5, 9, 9, 9], "not offered"),
        ] {
            let port = peer::peer(move |mut stream, _| {
                let _ = stream.write_all(answer);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
            let options = through(drive, &format!("{scheme}://127.0.0.1:{port}"));
            failed(options, ErrorCode::ProxyFailed, words);
        }
        let endless = peer::peer(|mut stream, _| {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            while stream.write_all(b"x-more: and more of it\r\n").is_ok() {}
        });
        let options = through(drive, &format!("127.0.0.1:{endless}"));
        failed(options, ErrorCode::ProxyFailed, "exceeds 16384 bytes");
        let plain = peer::peer(|mut stream, _| {
            let _ = stream.write_all(b"HTTP/1.1 400 This is no TLS\r\n\r\n");
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let options = through(drive, &format!("https://127.0.0.1:{plain}"));
        failed(options, ErrorCode::TlsFailed, "proxy https://127.0.0.1");
    }
}

/// What is trusted as a target is not trusted as a proxy for that.
#[test]
fn a_strange_proxy_is_not_trusted() {
    let server = embedded::start(None).unwrap();
    let folder = server.places().ca.parent().unwrap();
    for drive in DRIVES {
        let relay = Relay::start(Speaks::Https, false, folder);
        let mut options = through(drive, &format!("https://localhost:{}", relay.port));
        options.tls = TlsOptions {
            verify: Verify::Nobody,
            ..Default::default()
        };
        failed(
            options,
            ErrorCode::TlsCertificate,
            "proxy https://localhost",
        );
        assert!(relay.seen().is_empty());
    }
}

/// The deadline of connecting counts for all that is done with the proxy.
#[test]
fn it_hangs() {
    for drive in DRIVES {
        let begun = |scheme: &str, answer: &'static [u8]| {
            let port = peer::peer(move |mut stream, _| {
                let _ = stream.write_all(answer);
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
            format!("{scheme}://127.0.0.1:{port}")
        };
        for url in [
            begun("http", b""),
            begun("http", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20"),
            begun("https", b""),
            begun("socks5h", b""),
            begun("socks5h", &[5, 0, 5, 0, 0]),
        ] {
            let clock = ManualClock::new();
            let manager = Manager::with_clock(through(drive, &url), &clock).unwrap();
            let request = submit(&manager, Request::get("https://target.test/").unwrap());
            eventually(&manager, "the first bytes", || {
                manager.statistics().bytes_sent > 0
            });
            clock.advance(Duration::from_secs(10));
            let error = rest(&request).error.unwrap();
            assert_eq!(error.code(), ErrorCode::ConnectTimeout, "{url}");
            assert_eq!(error.phase(), Some(Phase::Connect));
        }
    }
}

/// Cancelled while the proxy thinks, the socket is closed at once, and the proxy is asked anew by the next.
#[test]
fn a_cancelled_request_leaves_nothing() {
    for drive in DRIVES {
        let (ended, ends) = mpsc::channel();
        let port = peer::peer(move |mut stream, count| {
            let _ = read_head(&mut stream);
            if count > 0 {
                let _ = stream.write_all(b"HTTP/1.1 500 No\r\n\r\n");
            }
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
            let _ = ended.send(count);
        });
        let manager = Manager::new(through(drive, &format!("127.0.0.1:{port}"))).unwrap();
        let first = submit(&manager, Request::get("https://target.test/").unwrap());
        eventually(&manager, "the first bytes", || {
            manager.statistics().bytes_sent > 0
        });
        let second = submit(&manager, Request::get("https://target.test/").unwrap());
        first.cancel();
        assert_eq!(rest(&first).code(), ErrorCode::Cancelled);
        assert_eq!(rest(&second).code(), ErrorCode::ProxyFailed);
        let mut ends = [ends.recv().unwrap(), ends.recv().unwrap()];
        ends.sort_unstable();
        assert_eq!(ends, [0, 1]);
        if drive == Drive::Inline {
            assert_eq!(manager.statistics().connections_opened, 0);
        }
    }
}
