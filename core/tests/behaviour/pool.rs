//! The pool of HTTP/1.1 connections: reuse, expiry, limits, and the order of those who wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline::{Drive, ErrorCode, Manager, ManagerOptions, ManualClock, Request};
use trunkline_test_server::embedded;

use crate::kit::{DRIVES, eventually, fetch, get, manager, options, peer, rest, settle, submit};

#[test]
fn a_connection_is_kept_and_used_again() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let manager = manager(drive);
        let mut last = None;
        for path in [
            "/bytes/0",
            "/bytes/70000",
            "/chunked/70000",
            "/status/204",
            "/trailers",
        ] {
            let answer = fetch(&manager, get(places.http, path)).good();
            if let Some(last) = last.replace(answer.connection()) {
                assert_eq!(answer.connection(), last, "{path}");
                assert!(answer.summary.unwrap().reused);
            }
        }
        eventually(&manager, "its way back", || {
            manager.statistics().connections_idle == 1
        });
        let statistics = manager.statistics();
        assert_eq!(
            (statistics.connections_opened, statistics.connections_active),
            (1, 1)
        );
    }
}

#[test]
fn unused_connections_expire() {
    let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
    for drive in DRIVES {
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options(drive), &clock).unwrap();
        fetch(&manager, get(port, "/")).good();
        let limit = trunkline::limits::IDLE_CONNECTION;
        for _ in 0..3 {
            // Each use lets the time begin anew.
            clock.advance(limit.saturating_sub(Duration::from_secs(1)));
            settle(&manager, 5);
            fetch(&manager, get(port, "/")).good();
        }
        assert_eq!(manager.statistics().connections_opened, 1, "{drive:?}");
        eventually(&manager, "its way back", || {
            manager.statistics().connections_idle == 1
        });
        clock.advance(limit);
        eventually(&manager, "the expiry", || {
            let now = manager.statistics();
            now.connections_active == 0 && now.connections_idle == 0
        });
        fetch(&manager, get(port, "/")).good();
        assert_eq!(manager.statistics().connections_opened, 2);
    }
}

#[test]
fn the_peers_own_limit_counts() {
    let port = peer::peer(|mut stream, _| {
        let answer =
            "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5, max=9\r\ncontent-length: 2\r\n\r\nok";
        peer::answer_all(&mut stream, answer);
    });
    for drive in DRIVES {
        let clock = ManualClock::new();
        let manager = Manager::with_clock(options(drive), &clock).unwrap();
        fetch(&manager, get(port, "/")).good();
        eventually(&manager, "its way back", || {
            manager.statistics().connections_idle == 1
        });
        clock.advance(Duration::from_secs(4));
        fetch(&manager, get(port, "/")).good();
        assert_eq!(manager.statistics().connections_opened, 1);
        eventually(&manager, "its way back", || {
            manager.statistics().connections_idle == 1
        });
        clock.advance(Duration::from_secs(5));
        eventually(&manager, "the expiry", || {
            manager.statistics().connections_active == 0
        });
    }
}

/// A connection that the peer closes while it is unused leaves the pool.
#[test]
fn the_peer_closes_an_unused_connection() {
    let port = peer::peer(|mut stream, _| {
        peer::read_head(&mut stream);
        let _ = std::io::Write::write_all(&mut stream, peer::OK.as_bytes());
        std::thread::sleep(Duration::from_millis(5));
    });
    for drive in DRIVES {
        let manager = manager(drive);
        for _ in 0..10 {
            fetch(&manager, get(port, "/")).good();
            settle(&manager, 10);
        }
        eventually(&manager, "the close", || {
            manager.statistics().connections_active == 0
        });
        assert_eq!(manager.statistics().requests_failed, 0);
    }
}

/// A server that notes the order in which requests come.
fn noting() -> (u16, Arc<Mutex<Vec<usize>>>) {
    let order: Arc<Mutex<Vec<usize>>> = Arc::default();
    let noted = Arc::clone(&order);
    let port = peer::peer(move |mut stream, _| {
        while let Some(head) = peer::read_head(&mut stream) {
            let number = head["GET /".len()..].split(' ').next().unwrap();
            noted.lock().unwrap().push(number.parse().unwrap());
            if std::io::Write::write_all(&mut stream, peer::OK.as_bytes()).is_err() {
                return;
            }
        }
    });
    (port, order)
}

#[test]
fn many_wait_for_one_connection_in_their_order() {
    for drive in DRIVES {
        let (port, order) = noting();
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 1,
            ..options(drive)
        })
        .unwrap();
        let requests: Vec<_> = (0..300)
            .map(|index| submit(&manager, get(port, &format!("/{index}"))))
            .collect();
        for request in &requests {
            assert_eq!(rest(request).good().body, b"ok");
        }
        let seen = order.lock().unwrap().clone();
        assert!(seen.is_sorted(), "{drive:?}: {seen:?}");
        assert_eq!(seen.len(), 300);
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}

/// Also when each connection serves one request only.
#[test]
fn the_order_survives_connections_that_close() {
    for drive in DRIVES {
        for announced in [true, false] {
            let order: Arc<Mutex<Vec<usize>>> = Arc::default();
            let noted = Arc::clone(&order);
            let port = peer::peer(move |mut stream, _| {
                let Some(head) = peer::read_head(&mut stream) else {
                    return;
                };
                let number = head["GET /".len()..].split(' ').next().unwrap();
                noted.lock().unwrap().push(number.parse().unwrap());
                let close = if announced {
                    "connection: close\r\n"
                } else {
                    ""
                };
                let answer = format!("HTTP/1.1 200 OK\r\n{close}content-length: 2\r\n\r\nok");
                let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
            });
            let manager = Manager::new(ManagerOptions {
                max_connections_per_origin: 1,
                ..options(drive)
            })
            .unwrap();
            let requests: Vec<_> = (0..60)
                .map(|index| submit(&manager, get(port, &format!("/{index}"))))
                .collect();
            for request in &requests {
                assert_eq!(rest(request).good().body, b"ok");
            }
            let mut seen = order.lock().unwrap().clone();
            // A replay is seen again, in its place.
            seen.dedup();
            assert!(seen.is_sorted(), "{drive:?} {announced}: {seen:?}");
        }
    }
}

#[test]
fn the_limit_of_an_origin_holds() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 7,
            ..options(drive)
        })
        .unwrap();
        let requests: Vec<_> = (0..100)
            .map(|_| submit(&manager, get(port, "/delay/3")))
            .collect();
        for request in &requests {
            rest(request).good();
            assert!(manager.statistics().connections_active <= 7);
        }
        assert_eq!(manager.statistics().connections_opened, 7, "{drive:?}");
    }
}

/// When the pool is full, an unused connection of another origin makes room.
#[test]
fn the_total_limit_evicts_what_is_unused() {
    for drive in DRIVES {
        let ports: Vec<u16> = (0..6)
            .map(|_| peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK)))
            .collect();
        let manager = Manager::new(ManagerOptions {
            max_connections: 3,
            ..options(drive)
        })
        .unwrap();
        for _ in 0..5 {
            for port in &ports {
                assert_eq!(fetch(&manager, get(*port, "/")).good().body, b"ok");
                eventually(&manager, "the eviction", || {
                    manager.statistics().connections_active <= 3
                });
            }
        }
        // All at once, more than there is room for.
        let requests: Vec<_> = (0..60)
            .map(|index| submit(&manager, get(ports[index % ports.len()], "/")))
            .collect();
        for request in &requests {
            assert_eq!(rest(request).good().body, b"ok", "{drive:?}");
        }
    }
}

/// An HTTP/2 connection that nobody uses makes room as well.
#[test]
fn the_total_limit_evicts_an_unused_http2_connection() {
    for drive in DRIVES {
        let shared = peer::peer(|stream, _| {
            let Some(mut peer) = peer::Http2Peer::accept(stream, &[]) else {
                return;
            };
            while peer.answer().is_some() {}
        });
        let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
        let manager = Manager::new(ManagerOptions {
            max_connections: 1,
            ..options(drive)
        })
        .unwrap();
        for _ in 0..3 {
            assert_eq!(
                fetch(&manager, crate::kit::get2(shared, "/")).good().body,
                b"ok"
            );
            assert_eq!(
                fetch(&manager, get(port, "/")).good().body,
                b"ok",
                "{drive:?}"
            );
        }
    }
}

/// A WebSocket is counted, though never shared.
#[test]
fn a_websocket_takes_a_place() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 1,
            ..options(drive)
        })
        .unwrap();
        let socket = Request::get(&format!("ws://127.0.0.1:{port}/ws")).unwrap();
        let socket = submit(&manager, socket);
        socket.recv(crate::kit::soon()).unwrap();
        let waiting = submit(&manager, get(port, "/bytes/10"));
        settle(&manager, 20);
        assert!(!waiting.is_ended());
        socket.cancel();
        rest(&waiting).good();
    }
}

/// An origin that is full of unused connections has room for a WebSocket, which needs one of its own.
#[test]
fn a_websocket_evicts_an_unused_connection() {
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 1,
            ..options(drive)
        })
        .unwrap();
        fetch(&manager, get(port, "/bytes/10")).good();
        let socket = Request::get(&format!("ws://127.0.0.1:{port}/ws")).unwrap();
        let socket = submit(&manager, socket);
        socket.recv(crate::kit::soon()).unwrap();
    }
}

/// All that wait share the failure of the attempt they wait for, and the next request tries anew.
#[test]
fn waiters_share_a_failed_attempt() {
    for drive in DRIVES {
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let manager = manager(drive);
        let requests: Vec<_> = (0..50)
            .map(|_| submit(&manager, crate::kit::get2(port, "/")))
            .collect();
        for request in &requests {
            assert_eq!(rest(request).code(), ErrorCode::ConnectFailed);
        }
        let limited = Manager::new(ManagerOptions {
            max_connections_per_origin: 1,
            ..options(drive)
        })
        .unwrap();
        let requests: Vec<_> = (0..50).map(|_| submit(&limited, get(port, "/"))).collect();
        for request in &requests {
            assert_eq!(rest(request).code(), ErrorCode::ConnectFailed);
        }
    }
}

/// Another takes over when the request that was connecting for all is cancelled.
#[test]
fn a_cancelled_attempt_is_taken_over() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        for port in [places.https, places.https1] {
            let mut made = options(drive);
            made.tls.verify = trunkline::Verify::Nobody;
            let manager = Manager::new(made).unwrap();
            let url = format!("https://localhost:{port}/bytes/10");
            let requests: Vec<_> = (0..20)
                .map(|_| submit(&manager, Request::get(&url).unwrap()))
                .collect();
            if drive == Drive::Inline {
                crate::kit::turn(&manager);
            }
            requests[0].cancel();
            requests[1].cancel();
            for request in &requests[2..] {
                rest(request).good();
            }
        }
    }
}
