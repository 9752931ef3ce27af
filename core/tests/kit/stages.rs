//! A request brought to each stage of its life, where it stays by itself.

use std::any::Any;
use std::time::Instant;

use trunkline::{Drive, HttpVersions, Manager, ManagerOptions, Part, Request, RequestHandle};

use super::peer;
use super::{PATIENCE, eventually, get, get2, options, soon, submit, turn};

/// A request that has come to some stage.
pub struct Stage {
    pub name: &'static str,
    pub manager: Manager,
    pub request: RequestHandle,
    /// A request of the same manager that must not notice.
    pub other: Option<RequestHandle>,
    pub keep: Box<dyn Any>,
}

type Setup = fn(Drive, u16) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>);

/// Every stage by its name. `port` is that of the embedded server's clear text.
pub fn stages() -> Vec<(&'static str, Setup)> {
    vec![
        ("submitted", submitted),
        ("pool", pool),
        ("resolve", resolve),
        ("connect", connect),
        ("tls", tls),
        ("write", write),
        ("starved upload", starved),
        ("first byte", |drive, port| {
            waiting(drive, get(port, "/hang"))
        }),
        ("first byte http/2", |drive, port| {
            waiting(drive, get2(port, "/hang"))
        }),
        ("receive", |drive, port| {
            receiving(drive, get(port, "/drip/1000/50"))
        }),
        ("receive http/2", |drive, port| {
            receiving(drive, get2(port, "/drip/1000/50"))
        }),
        ("zero credit", |drive, port| {
            without_credit(drive, get(port, "/bytes/9000000"))
        }),
        ("zero credit http/2", |drive, port| {
            without_credit(drive, get2(port, "/bytes/9000000"))
        }),
        ("websocket handshake", |drive, _| {
            let request = Request::get(&format!("ws://127.0.0.1:{}/", peer::silent())).unwrap();
            waiting(drive, request)
        }),
        ("websocket", |drive, port| {
            let request = Request::get(&format!("ws://127.0.0.1:{port}/ws")).unwrap();
            receiving(drive, request)
        }),
    ]
}

pub fn stage(name: &'static str, setup: Setup, drive: Drive, port: u16) -> Stage {
    let (manager, request, other, keep) = setup(drive, port);
    Stage {
        name,
        manager,
        request,
        other,
        keep,
    }
}

fn submitted(
    drive: Drive,
    port: u16,
) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    let request = submit(&manager, get(port, "/hang"));
    (manager, request, None, Box::new(()))
}

fn pool(drive: Drive, port: u16) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(ManagerOptions {
        max_connections_per_origin: 1,
        ..options(drive)
    })
    .unwrap();
    let first = submit(&manager, get(port, "/delay/300"));
    let second = submit(&manager, get(port, "/hang"));
    eventually(&manager, "the first request's sending", || {
        manager.statistics().bytes_sent > 0
    });
    (manager, second, Some(first), Box::new(()))
}

fn resolve(drive: Drive, _: u16) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    // Whatever the system's resolver says of it comes later than what the tests do next, or is an end as well.
    let manager = Manager::new(options(drive)).unwrap();
    let request = submit(&manager, Request::get("http://name.invalid/").unwrap());
    (manager, request, None, Box::new(()))
}

fn connect(drive: Drive, _: u16) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    let hole = peer::blackhole();
    let request = submit(&manager, get(hole.port, "/"));
    turn(&manager);
    (manager, request, None, Box::new(hole))
}

fn tls(drive: Drive, _: u16) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let mut made = options(drive);
    made.tls.verify = trunkline::Verify::Nobody;
    let manager = Manager::new(made).unwrap();
    let url = format!("https://127.0.0.1:{}/", peer::silent());
    let request = submit(&manager, Request::get(&url).unwrap());
    eventually(&manager, "the client hello", || {
        manager.statistics().bytes_sent > 0
    });
    (manager, request, None, Box::new(()))
}

fn write(drive: Drive, _: u16) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    let url = format!("http://127.0.0.1:{}/", peer::deaf());
    let mut request = Request::new("POST", &url).unwrap();
    request.body(vec![7; 64 << 20]);
    let request = submit(&manager, request);
    wait_until_it_stands(&manager);
    (manager, request, None, Box::new(()))
}

fn starved(
    drive: Drive,
    port: u16,
) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    let mut request = Request::new("POST", &format!("http://127.0.0.1:{port}/upload")).unwrap();
    request.streamed_body(None).http(HttpVersions::Http2);
    let request = submit(&manager, request);
    request.write(vec![7; 1000]).unwrap();
    wait_until_it_stands(&manager);
    (manager, request, None, Box::new(()))
}

fn waiting(
    drive: Drive,
    request: Request,
) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    let request = submit(&manager, request);
    wait_until_it_stands(&manager);
    (manager, request, None, Box::new(()))
}

fn receiving(
    drive: Drive,
    request: Request,
) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    let request = submit(&manager, request);
    let event = request.recv(soon()).unwrap();
    assert!(matches!(event.part(), Part::Head(_)), "{event:?}");
    (manager, request, None, Box::new(()))
}

fn without_credit(
    drive: Drive,
    mut request: Request,
) -> (Manager, RequestHandle, Option<RequestHandle>, Box<dyn Any>) {
    let manager = Manager::new(options(drive)).unwrap();
    request.credit(1);
    let request = submit(&manager, request);
    wait_until_it_stands(&manager);
    (manager, request, None, Box::new(()))
}

/// Waits until something was sent and nothing moves any more.
pub fn wait_until_it_stands(manager: &Manager) {
    let until = Instant::now() + PATIENCE;
    let moved = || {
        let now = manager.statistics();
        (now.bytes_sent, now.bytes_received)
    };
    let mut last = moved();
    let mut still = 0;
    while still < 20 {
        assert!(Instant::now() < until, "it never stands still");
        turn(manager);
        std::thread::sleep(std::time::Duration::from_millis(1));
        let now = moved();
        still = if now == last && now.0 > 0 {
            still + 1
        } else {
            0
        };
        last = now;
    }
}
