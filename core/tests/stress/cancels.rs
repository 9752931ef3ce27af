//! Requests are cancelled at random moments; afterwards everything is as before.

use std::time::Instant;

use trunkline::{ErrorCode, Manager, ManagerOptions};
use trunkline_test_server::embedded;

use crate::alone;
use crate::kit::{
    self, Answer, DRIVES, Random, eventually, fetch, finish, get, get2, options, rest, submit,
};

/// Requests are cancelled at random moments over ten connections; afterwards everything is as before.
#[test]
fn five_thousand_random_cancels() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = Manager::new(ManagerOptions {
            max_connections_per_origin: 10,
            ..options(drive)
        })
        .unwrap();
        let mut random = Random::new(42);
        let paths = [
            "/bytes/10",
            "/bytes/300000",
            "/delay/5",
            "/hang",
            "/drip/100/3",
            "/chunked/90000",
        ];
        let mut cancelled = 0;
        while cancelled < 5000 {
            let mut requests: Vec<_> = (0..100)
                .map(|_| submit(&manager, get(port, paths[random.below(paths.len())])))
                .collect();
            while let Some(request) =
                (!requests.is_empty()).then(|| requests.swap_remove(random.below(requests.len())))
            {
                let mut answer = Answer::default();
                match random.below(4) {
                    0 => kit::turn(&manager),
                    1 => {
                        if let Ok(event) = request.recv(kit::after(1)) {
                            answer.add(event.into_part());
                        }
                    }
                    _ => {}
                }
                request.cancel();
                cancelled += 1;
                if random.below(2) == 0 {
                    drop(request);
                } else if !answer.is_ended() {
                    finish(&request, &mut answer);
                    assert!(answer.summary.is_some() || answer.code() == ErrorCode::Cancelled);
                }
            }
        }
        for _ in 0..10 {
            assert_eq!(
                fetch(&manager, get(port, "/bytes/1000")).good().body.len(),
                1000
            );
        }
        eventually(&manager, "the return to rest", || {
            let now = manager.statistics();
            now.requests_active == 0
                && now.connections_active <= 10
                && now.connections_active == now.connections_idle
        });
        assert!(manager.shutdown(Instant::now()).unwrap());
        assert_eq!(manager.statistics().connections_active, 0, "{drive:?}");
    }
}

/// The same on one HTTP/2 connection. A server may end one that resets so many streams, which is its right; then a new
/// one is opened.
#[test]
fn random_cancels_of_streams() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = kit::manager(drive);
        let mut random = Random::new(43);
        for _ in 0..50 {
            let requests: Vec<_> = (0..60)
                .map(|index| {
                    let path = if index % 3 == 0 {
                        "/hang"
                    } else {
                        "/bytes/50000"
                    };
                    (path, submit(&manager, get2(port, path)))
                })
                .collect();
            kit::settle(&manager, random.below(3) as u64);
            for (path, request) in &requests {
                if *path == "/hang" || random.below(2) == 0 {
                    request.cancel();
                }
            }
            for (_, request) in &requests {
                rest(request);
            }
        }
        for _ in 0..10 {
            assert_eq!(
                fetch(&manager, get2(port, "/bytes/1000")).good().body.len(),
                1000
            );
        }
        eventually(&manager, "the return to rest", || {
            let now = manager.statistics();
            now.requests_active == 0 && now.streams_active == 0 && now.connections_active == 1
        });
    }
}
