//! Redirects and retries: what the case files cannot say.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use trunkline::{
    Auth, CookieJar, DelayOption, Delivery, ErrorCode, HarLog, Manager, ManagerOptions,
    ManualClock, Policy, Retry, RetryDecision, limits,
};

use crate::kit::{DRIVES, fetch, get, options, peer, rest};

const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";

/// Answers everything with these words; counts the requests.
fn says(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let port = peer::peer(move |mut stream, _| {
        while peer::read_head(&mut stream).is_some() {
            counted.fetch_add(1, Ordering::SeqCst);
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    (port, count)
}

fn at_once() -> DelayOption {
    DelayOption(Some(Arc::new(|_| Duration::ZERO)))
}

fn with(drive: trunkline::Drive, policy: Policy) -> ManagerOptions {
    ManagerOptions {
        policy,
        ..options(drive)
    }
}

#[test]
fn a_failing_peer_is_not_stormed() {
    for drive in DRIVES {
        let (port, count) = says(BUSY);
        let policy = Policy {
            retry: Retry::SafeTransient,
            retry_delay: at_once(),
            ..Policy::default()
        };
        let manager = Manager::new(with(drive, policy)).unwrap();
        let requests = 1000;
        for _ in 0..requests {
            assert_eq!(fetch(&manager, get(port, "/")).good().status(), 503);
        }
        let retries = count.load(Ordering::SeqCst) - requests;
        // A hundred to begin with, and one for every five requests: not three for each.
        let most = limits::RETRY_BUDGET as usize + requests / 5;
        assert!((most - 1..=most).contains(&retries), "{retries} retries");
        assert_eq!(manager.statistics().retries, retries as u64);
    }
}

#[test]
fn the_usual_pauses_double() {
    let (port, count) = says(BUSY);
    let clock = ManualClock::new();
    let policy = Policy {
        retry: Retry::SafeTransient,
        ..Policy::default()
    };
    let manager = Manager::with_clock(with(trunkline::Drive::Inline, policy), &clock).unwrap();
    let request = manager
        .submit(get(port, "/"), Delivery::Queue { token: 0 })
        .unwrap();
    let mut batch = Vec::new();
    for (sent, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0)] {
        let deadline = Instant::now() + crate::kit::PATIENCE;
        while count.load(Ordering::SeqCst) < sent || manager.statistics().retries < sent as u64 {
            assert!(Instant::now() < deadline, "request {sent} did not come");
            manager.poll(&mut batch, 10, Some(Instant::now())).unwrap();
        }
        assert!(batch.is_empty());
        // A quarter less at most.
        clock.advance(Duration::from_secs_f64(seconds * 0.7));
        for _ in 0..20 {
            manager.poll(&mut batch, 10, Some(Instant::now())).unwrap();
        }
        assert_eq!(count.load(Ordering::SeqCst), sent, "too soon");
        clock.advance(Duration::from_secs_f64(seconds * 0.3));
    }
    while !request.is_ended() {
        manager
            .poll(
                &mut batch,
                10,
                Some(Instant::now() + Duration::from_secs(1)),
            )
            .unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[test]
fn a_function_decides_on_answers_and_errors() {
    for drive in DRIVES {
        let port = peer::peer(move |mut stream, connection| {
            if connection == 0 {
                peer::read_head(&mut stream);
                return;
            }
            while peer::read_head(&mut stream).is_some() {
                let _ = stream.write_all(BUSY.as_bytes());
            }
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&seen);
        let mut request = get(port, "/x?y");
        request.policy().retry = Some(Retry::Callback(Arc::new(move |attempt| {
            let status = attempt.status.map(|status| status.as_u16());
            let error = attempt.error.map(trunkline::Error::code);
            heard.lock().unwrap().push((attempt.number, status, error));
            assert!(attempt.url.ends_with("/x?y") && attempt.method == "GET");
            if attempt.number < 3 {
                RetryDecision::After(Duration::ZERO)
            } else {
                RetryDecision::Stop
            }
        })));
        let answer = fetch(&Manager::new(options(drive)).unwrap(), request).good();
        assert_eq!(answer.status(), 503);
        let seen = seen.lock().unwrap();
        assert!(
            matches!(
                seen[..],
                [
                    (
                        1,
                        None,
                        Some(ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset)
                    ),
                    (2, Some(503), None),
                    (3, Some(503), None)
                ]
            ),
            "{seen:?}"
        );
        assert_eq!(answer.summary.unwrap().attempts, 3);
    }
}

#[test]
fn cancelling_and_shutting_down_end_a_pause() {
    for drive in DRIVES {
        let (port, _) = says(BUSY);
        let policy = Policy {
            retry: Retry::SafeTransient,
            retry_delay: DelayOption(Some(Arc::new(|_| Duration::from_secs(3600)))),
            ..Policy::default()
        };
        let manager = Manager::new(with(drive, policy)).unwrap();
        let paused = || {
            let request = manager.submit(get(port, "/"), Delivery::Recv).unwrap();
            let before = manager.statistics().retries;
            while manager.statistics().retries == before {
                let soon = Some(Instant::now() + Duration::from_millis(1));
                assert_eq!(request.recv(soon).unwrap_err().code(), ErrorCode::Timeout);
            }
            request
        };
        let request = paused();
        request.cancel();
        assert_eq!(rest(&request).code(), ErrorCode::Cancelled);
        let request = paused();
        assert!(!manager.shutdown(Instant::now()).unwrap());
        assert_eq!(rest(&request).code(), ErrorCode::Shutdown);
    }
}

#[test]
fn every_leg_is_in_the_archive() {
    for drive in DRIVES {
        let port = peer::peer(|mut stream, _| {
            while let Some(head) = peer::read_head(&mut stream) {
                let answer = if head.starts_with("GET /a") {
                    "HTTP/1.1 302 Found\r\nlocation: /b\r\nset-cookie: s=secret\r\ncontent-length: 5\r\n\r\nmoved"
                } else {
                    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let log = HarLog::new();
        let jar = CookieJar::new();
        let policy = Policy {
            auth: Auth::Bearer("hidden".to_owned()),
            cookies: true,
            ..Policy::default()
        };
        let manager = Manager::new(ManagerOptions {
            har: Some(log.clone()),
            cookie_jar: Some(jar.clone()),
            ..with(drive, policy)
        })
        .unwrap();
        let answer = fetch(&manager, get(port, "/a")).good();
        assert_eq!(answer.redirects, [format!("http://127.0.0.1:{port}/b")]);
        assert_eq!(jar.cookies().len(), 1);
        // Whoever hears of the end finds all of it there.
        let json = log.to_json();
        assert!(
            !json.contains("hidden") && !json.contains("secret"),
            "{json}"
        );
        let archive: serde_json::Value = serde_json::from_str(&json).unwrap();
        let entries = archive["log"]["entries"].as_array().unwrap();
        let told: Vec<_> = entries
            .iter()
            .map(|entry| {
                let url = entry["request"]["url"].as_str().unwrap();
                let path = &url[url.rfind('/').unwrap()..];
                (
                    path,
                    entry["response"]["status"].as_u64(),
                    entry["response"]["redirectURL"].as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [("/a", Some(302), Some("/b")), ("/b", Some(200), Some(""))]
        );
        assert_eq!(entries[1]["response"]["content"]["text"], "ok");
        let cookie = entries[1]["request"]["headers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["name"] == "cookie");
        assert_eq!(cookie.unwrap()["value"], "[masked]");
    }
}

#[test]
fn a_stopped_archive_takes_nothing_and_can_go_on() {
    let port = peer::peer(|mut stream, _| {
        while peer::read_head(&mut stream).is_some() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let log = HarLog::new();
    let manager = Manager::new(ManagerOptions {
        har: Some(log.clone()),
        ..ManagerOptions::default()
    })
    .unwrap();
    for path in ["/kept", "/left-out", "/again"] {
        log.set_recording(path != "/left-out");
        fetch(&manager, get(port, path)).good();
    }
    drop(manager);
    let json = log.to_json();
    assert!(json.contains("/kept") && json.contains("/again") && !json.contains("/left-out"));
}
