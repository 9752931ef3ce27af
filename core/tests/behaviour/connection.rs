//! Sockets as the options want them, and resolvers of the program's own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use trunkline::{
    ConnectionOptions, Drive, ErrorCode, Lookup, Manager, ManagerOptions, ManualClock, Phase,
    Request, Resolve, TcpKeepAlive,
};

use crate::kit::peer::{self, OK};
use crate::kit::{DRIVES, eventually, fetch, get, options, rest, submit, turn};

fn with(drive: Drive, connection: ConnectionOptions) -> ManagerOptions {
    ManagerOptions {
        connection,
        ..options(drive)
    }
}

/// Hands each look-up over to the test.
struct Later(Mutex<mpsc::Sender<(String, u16, Lookup)>>);

impl Resolve for Later {
    fn resolve(&self, host: &str, port: u16, lookup: Lookup) {
        let sender = self.0.lock().unwrap();
        sender.send((host.to_owned(), port, lookup)).unwrap();
    }
}

fn later(drive: Drive) -> (ManagerOptions, mpsc::Receiver<(String, u16, Lookup)>) {
    let (sender, asked) = mpsc::channel();
    let connection = ConnectionOptions {
        resolver: Some(Arc::new(Later(Mutex::new(sender)))),
        ..Default::default()
    };
    (with(drive, connection), asked)
}

/// Lets the reactor work until the resolver is asked.
fn next(manager: &Manager, asked: &mpsc::Receiver<(String, u16, Lookup)>) -> (String, u16, Lookup) {
    let found = std::cell::RefCell::new(None);
    eventually(manager, "a look-up", || {
        *found.borrow_mut() = asked.try_recv().ok();
        found.borrow().is_some()
    });
    found.into_inner().unwrap()
}

#[test]
fn a_resolver_may_answer_later_and_elsewhere() {
    for drive in DRIVES {
        let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, OK));
        let (options, asked) = later(drive);
        let manager = Manager::new(options).unwrap();
        let url = format!("http://Name.test:{port}/");
        let request = submit(&manager, Request::get(&url).unwrap());
        let (host, wanted, lookup) = next(&manager, &asked);
        assert_eq!((host.as_str(), wanted), ("name.test", port));
        // Others go on meanwhile, and addresses never come to it.
        fetch(&manager, get(port, "/")).good();
        let local = Request::get(&format!("http://localhost:{port}/")).unwrap();
        fetch(&manager, local).good();
        assert!(asked.try_recv().is_err() && !lookup.is_abandoned());
        let answering = std::thread::spawn(move || {
            lookup.finish(Ok(vec![(Ipv4Addr::LOCALHOST, wanted).into()]));
        });
        assert_eq!(rest(&request).good().body, b"ok");
        answering.join().unwrap();
    }
}

#[test]
fn a_resolver_may_fail() {
    for drive in DRIVES {
        let (mut options, asked) = later(drive);
        options.resolve = vec![(
            "known.test".to_owned(),
            1,
            vec![(Ipv4Addr::LOCALHOST, 1).into()],
        )];
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options, &clock).unwrap();
        let begin = || submit(&manager, Request::get("http://a.test/").unwrap());
        let failures: [fn(Lookup); 3] = [
            |lookup| lookup.finish(Err(io::Error::other("no such thing"))),
            |lookup| lookup.finish(Ok(Vec::new())),
            drop,
        ];
        for (fail, words) in failures
            .into_iter()
            .zip(["no such thing", "no address", "no outcome"])
        {
            let request = begin();
            fail(next(&manager, &asked).2);
            let error = rest(&request).error.unwrap();
            assert_eq!(error.code(), ErrorCode::ResolveFailed);
            assert_eq!(error.phase(), Some(Phase::Resolve));
            assert!(error.message().contains(words), "{error}");
        }
        // The deadline, and an answer that comes after it.
        let request = begin();
        let (_, _, lookup) = next(&manager, &asked);
        turn(&manager);
        clock.advance(Duration::from_secs(10));
        assert_eq!(rest(&request).code(), ErrorCode::ResolveTimeout);
        eventually(&manager, "its end", || lookup.is_abandoned());
        lookup.finish(Ok(vec![(Ipv4Addr::LOCALHOST, 1).into()]));
        // Overrides come first.
        let known = Request::get("http://known.test:1/").unwrap();
        assert_eq!(fetch(&manager, known).code(), ErrorCode::ConnectFailed);
        assert!(asked.try_recv().is_err());
    }
}

/// As many addresses as a resolver likes to give are not all tried.
#[test]
fn addresses_have_an_end() {
    let (options, asked) = later(Drive::Inline);
    let manager = Manager::new(options).unwrap();
    let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, OK));
    let request = submit(&manager, Request::get("http://a.test/").unwrap());
    let (_, _, lookup) = next(&manager, &asked);
    let mut addresses: Vec<SocketAddr> = vec![(Ipv4Addr::LOCALHOST, 1).into(); 64];
    addresses.push((Ipv4Addr::LOCALHOST, port).into());
    lookup.finish(Ok(addresses));
    assert_eq!(rest(&request).code(), ErrorCode::ConnectFailed);
}

#[test]
fn connections_come_from_the_local_address() {
    for drive in DRIVES {
        let (sender, from) = mpsc::channel();
        let port = peer::peer(move |mut stream, _| {
            sender.send(stream.peer_addr().unwrap().ip()).unwrap();
            peer::answer_all(&mut stream, OK);
        });
        let local = |address: IpAddr| ConnectionOptions {
            local_address: Some(address),
            keep_alive: Some(TcpKeepAlive::default()),
            nodelay: false,
            ..Default::default()
        };
        let two = IpAddr::from([127, 0, 0, 2]);
        let manager = Manager::new(with(drive, local(two))).unwrap();
        // Only addresses of the family that fits are tried.
        for host in ["127.0.0.1", "localhost"] {
            let request = Request::get(&format!("http://{host}:{port}/")).unwrap();
            let answer = fetch(&manager, request).good();
            assert_eq!(from.recv().unwrap(), two);
            let connection = answer.summary.unwrap().connection.clone().unwrap();
            assert_eq!(connection.local.unwrap().ip(), two);
        }
        for (address, words) in [
            (Ipv6Addr::LOCALHOST.into(), "no address that can be reached"),
            (
                IpAddr::from([192, 0, 2, 1]),
                "bind to local address 192.0.2.1",
            ),
        ] {
            let manager = Manager::new(with(drive, local(address))).unwrap();
            let answer = fetch(&manager, get(port, "/"));
            assert_eq!(answer.code(), ErrorCode::ConnectFailed);
            let error = answer.error.unwrap();
            assert!(error.message().contains(words), "{error}");
        }
    }
}

#[test]
fn connections_go_over_the_interface() {
    for drive in DRIVES {
        let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, OK));
        let over = |interface: &str| {
            let connection = ConnectionOptions {
                interface: Some(interface.to_owned()),
                ..Default::default()
            };
            fetch(
                &Manager::new(with(drive, connection)).unwrap(),
                get(port, "/"),
            )
        };
        let answer = over("lo");
        if let Some(error) = &answer.error {
            // Where the system does not allow it, the error says so.
            assert!(error.message().contains("privileged"), "{error}");
        }
        let error = over("nowhere0").error.unwrap();
        assert_eq!(error.code(), ErrorCode::ConnectFailed);
        assert!(
            error.message().contains("bind to interface \"nowhere0\""),
            "{error}"
        );
    }
}
