//! Proxies that are told by digest who asks.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};

use trunkline::limits::CHALLENGE_ROUNDS;
use trunkline::{
    Drive, ErrorCode, Manager, ManagerOptions, Proxy, ProxyAuth, ProxyOption, ProxyRules, Request,
};
use trunkline_test_server::embedded;

use super::proxy::through;
use super::tls::trusting;
use crate::kit::peer::{self, OK, read_head};
use crate::kit::{DRIVES, fetch};

fn digested(drive: Drive, user: &str, port: u16) -> ManagerOptions {
    ManagerOptions {
        proxy_auth: ProxyAuth::Digest,
        ..through(drive, &format!("http://{user}@127.0.0.1:{port}"))
    }
}

fn hash(text: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    hash.as_ref()
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The value of a parameter of the credential in a head.
fn given<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let field = head.split("proxy-authorization: Digest ").nth(1)?;
    let line = field.split("\r\n").next()?;
    let mut all = line.split(", ").filter_map(|one| one.split_once('='));
    all.find(|(known, _)| *known == name)
        .map(|(_, value)| value.trim_matches('"'))
}

/// Checks a credential as RFC 7616, 3.4.1 says, for user `me` and password `p@w`.
fn proves(head: &str, nonce: &str) -> bool {
    let of = |name| given(head, name).unwrap_or_default();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let key = hash("me:the proxy:p@w");
    let proof = hash(&format!("{method}:{target}"));
    let rest = format!(
        "{nonce}:{}:{}:{}:{proof}",
        of("nc"),
        of("cnonce"),
        of("qop")
    );
    of("uri") == target && of("nonce") == nonce && of("response") == hash(&format!("{key}:{rest}"))
}

fn refusal(nonce: &str, stale: bool) -> String {
    format!(
        "HTTP/1.1 407 Who\r\nproxy-authenticate: Basic realm=\"the proxy\"\r\nproxy-authenticate: Digest \
         realm=\"the proxy\", nonce=\"{nonce}\", qop=\"auth\", algorithm=SHA-256, stale={stale}\r\n\
         content-length: 2\r\n\r\nno"
    )
}

/// Joins a stream to a port of this machine, both ways, to the end of either.
fn join(mut stream: TcpStream, port: u16) {
    let mut target = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (mut from, mut to) = (stream.try_clone().unwrap(), target.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut target, &mut stream);
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// A proxy that forwards nothing but answers itself, and makes tunnels; and the heads that it saw. Each good answer with
/// `renews` names the next nonce.
fn proxy(renews: bool) -> (u16, Receiver<String>) {
    let (sender, seen) = mpsc::channel();
    let count = AtomicUsize::new(0);
    let port = peer::peer(move |mut stream, _| {
        while let Some(head) = read_head(&mut stream) {
            let of = |number| format!("nonce {}", if renews { number } else { 0 });
            let turn = count.load(Ordering::SeqCst);
            let good = proves(&head, &of(turn));
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let connect = head.starts_with("CONNECT ");
            sender.send(head).unwrap();
            if !good {
                stream
                    .write_all(refusal(&of(turn), false).as_bytes())
                    .unwrap();
                continue;
            }
            count.fetch_add(1, Ordering::SeqCst);
            let told = format!(
                "\r\nproxy-authentication-info: nextnonce=\"{}\"\r\n",
                of(turn + 1)
            );
            if connect {
                let yes = format!("HTTP/1.1 200 Yes{told}\r\n");
                stream.write_all(yes.as_bytes()).unwrap();
                return join(stream, target.rsplit_once(':').unwrap().1.parse().unwrap());
            }
            let answer = OK.replacen("\r\n", &told, 1);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (port, seen)
}

/// Nonce and count of each head that came.
fn uses(seen: &Receiver<String>) -> Vec<(Option<String>, Option<String>)> {
    let of = |head: &str, name| given(head, name).map(str::to_owned);
    seen.try_iter()
        .map(|head| (of(&head, "nonce"), of(&head, "nc")))
        .collect()
}

fn used(nonce: &str, count: u32) -> (Option<String>, Option<String>) {
    (Some(nonce.to_owned()), Some(format!("{count:08x}")))
}

#[test]
fn tunnels_answer_the_challenge_and_remember_it() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        for renews in [false, true] {
            let (port, seen) = proxy(renews);
            let made = ManagerOptions {
                tls: trusting(places),
                ..digested(drive, "me:p%40w", port)
            };
            let manager = Manager::new(made).unwrap();
            for target in [places.https, places.https1, places.https] {
                let url = format!("https://localhost:{target}/bytes/9");
                assert_eq!(
                    fetch(&manager, Request::get(&url).unwrap())
                        .good()
                        .body
                        .len(),
                    9
                );
            }
            // The third request found the first one's connection.
            let second = if renews {
                used("nonce 1", 1)
            } else {
                used("nonce 0", 2)
            };
            assert_eq!(uses(&seen), [(None, None), used("nonce 0", 1), second]);
            assert_eq!(manager.statistics().connections_opened, 2);
        }
    }
}

#[test]
fn forwarded_requests_answer_it_too() {
    for drive in DRIVES {
        for renews in [false, true] {
            let (port, seen) = proxy(renews);
            let manager = Manager::new(digested(drive, "me:p%40w", port)).unwrap();
            for url in [
                "http://u@one.test/a?b=c#d",
                "http://two.test",
                "http://[::1]:8/",
            ] {
                let answer = fetch(&manager, Request::get(url).unwrap()).good();
                assert_eq!((answer.status(), &answer.body[..]), (200, &b"ok"[..]));
            }
            let later = if renews {
                [used("nonce 1", 1), used("nonce 2", 1)]
            } else {
                [used("nonce 0", 2), used("nonce 0", 3)]
            };
            let all = uses(&seen);
            assert_eq!(all[..2], [(None, None), used("nonce 0", 1)]);
            assert_eq!(all[2..], later);
            assert_eq!(manager.statistics().connections_opened, 1);
        }
    }
}

/// The origin's challenge and the proxy's do not use up each other's tries.
#[test]
fn a_proxy_and_an_origin_may_both_challenge() {
    for drive in DRIVES {
        let (sender, seen) = mpsc::channel();
        let port = peer::peer(move |mut stream, _| {
            while let Some(head) = read_head(&mut stream) {
                let answer = if !proves(&head, "p") {
                    refusal("p", false)
                } else if head.contains("\r\nauthorization: Digest ") {
                    OK.to_owned()
                } else {
                    let asks = "HTTP/1.1 401 Who\r\nwww-authenticate: Digest realm=\"o\", nonce=\"o\", qop=\"auth\"\r\n";
                    format!("{asks}content-length: 0\r\n\r\n")
                };
                sender.send(head).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let mut made = digested(drive, "me:p%40w", port);
        made.policy.auth = trunkline::Auth::Digest {
            user: "u".to_owned(),
            password: "w".to_owned(),
        };
        let manager = Manager::new(made).unwrap();
        let request = Request::get("http://one.test/").unwrap();
        assert_eq!(fetch(&manager, request).good().status(), 200);
        assert_eq!(uses(&seen), [(None, None), used("p", 1), used("p", 2)]);
    }
}

#[test]
fn wrong_credentials_are_tried_once() {
    for drive in DRIVES {
        let (port, seen) = proxy(false);
        let manager = Manager::new(digested(drive, "me:wrong", port)).unwrap();
        let failed = fetch(&manager, Request::get("https://one.test/").unwrap());
        assert_eq!(failed.code(), ErrorCode::ProxyAuthentication);
        assert!(failed.error.unwrap().message().contains("407 Who"));
        assert_eq!(uses(&seen), [(None, None), used("nonce 0", 1)]);
        let manager = Manager::new(digested(drive, "me:wrong", port)).unwrap();
        let refused = fetch(&manager, Request::get("http://one.test/").unwrap()).good();
        assert_eq!((refused.status(), &refused.body[..]), (407, &b"no"[..]));
        assert_eq!(uses(&seen), [(None, None), used("nonce 0", 1)]);
    }
}

#[test]
fn a_proxy_that_calls_every_nonce_stale_is_given_up() {
    for drive in DRIVES {
        let (sender, seen) = mpsc::channel();
        let port = peer::peer(move |mut stream, _| {
            while let Some(head) = read_head(&mut stream) {
                let number = sender
                    .send(head)
                    .map(|()| stream.peer_addr().unwrap().port());
                let random = format!("{number:?} {:?}", std::time::Instant::now());
                let _ = stream.write_all(refusal(&hash(&random), true).as_bytes());
            }
        });
        let manager = Manager::new(digested(drive, "me:p%40w", port)).unwrap();
        let failed = fetch(&manager, Request::get("https://one.test/").unwrap());
        assert_eq!(failed.code(), ErrorCode::ProxyAuthentication);
        assert_eq!(uses(&seen).len(), CHALLENGE_ROUNDS as usize + 1);
        let refused = fetch(&manager, Request::get("http://one.test/").unwrap()).good();
        assert_eq!(refused.status(), 407);
        // The first of these brought a proof that was remembered.
        assert_eq!(uses(&seen).len(), CHALLENGE_ROUNDS as usize + 1);
    }
}

/// Whoever is not the proxy gets nothing, and the program's own field is left alone.
#[test]
fn only_the_proxy_is_answered() {
    for drive in DRIVES {
        let (port, seen) = proxy(false);
        let made = ManagerOptions {
            proxy: ProxyOption::None,
            ..digested(drive, "me:p%40w", port)
        };
        let manager = Manager::new(made).unwrap();
        let url = format!("http://127.0.0.1:{port}/");
        let refused = fetch(&manager, Request::get(&url).unwrap()).good();
        assert_eq!(refused.status(), 407);
        assert_eq!(uses(&seen), [(None, None)]);

        let manager = Manager::new(digested(drive, "me:p%40w", port)).unwrap();
        let mut own = Request::get("http://one.test/").unwrap();
        own.header("proxy-authorization", b"Bearer own").unwrap();
        assert_eq!(fetch(&manager, own).good().status(), 407);
        let heads: Vec<String> = seen.try_iter().collect();
        assert_eq!(heads.len(), 1);
        assert!(heads[0].contains("\r\nproxy-authorization: Bearer own\r\n"));

        // Without the option nobody is told the password by proof, but in the clear, as ever.
        let mut made = digested(drive, "me:p%40w", port);
        made.proxy_auth = ProxyAuth::Basic;
        let failed = fetch(
            &Manager::new(made).unwrap(),
            Request::get("https://one.test/").unwrap(),
        );
        assert_eq!(failed.code(), ErrorCode::ProxyAuthentication);
        let heads: Vec<String> = seen.try_iter().collect();
        assert!(heads.len() == 1 && heads[0].contains("proxy-authorization: Basic "));
    }
}

#[test]
fn what_is_not_utf_8_is_refused() {
    for drive in DRIVES {
        let (port, seen) = proxy(false);
        for url in ["http://one.test/", "https://one.test/"] {
            let mut made = digested(drive, "me:p%40w", port);
            let bad = Proxy::parse(&format!("http://me:%ff@127.0.0.1:{port}")).unwrap();
            made.proxy = ProxyOption::Rules(ProxyRules::all(bad));
            let manager = Manager::new(made).unwrap();
            let failed = fetch(&manager, Request::get(url).unwrap());
            assert_eq!(failed.code(), ErrorCode::InvalidArgument);
        }
        assert_eq!(seen.try_iter().count(), 0);
    }
}
