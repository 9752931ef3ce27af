//! haproxy before the embedded server: both versions of HTTP, limits, connections that are closed early, a reload.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trunkline::{DelayOption, ErrorCode, HttpVersions, Protocol, Request, RequestHandle, Retry};
use trunkline_test_server::embedded;

use crate::kit::{DRIVES, PATIENCE, fetch, get, manager, rest, submit};
use crate::program::{Program, Running, find, free_port};
use crate::{ask, echo, exercise, trusting};

struct Front {
    program: Program,
    plain: String,
    tls: String,
    hasty: u16,
    narrow: u16,
    running: Running,
    _backend: embedded::Server,
}

/// A master with a worker, which ends with it; none where haproxy is missing.
fn start() -> Option<Front> {
    let path = find("haproxy")?;
    let backend = embedded::start(None).unwrap();
    let ports = [(); 4].map(|()| free_port());
    let [plain, tls, hasty, narrow] = ports;
    let program = Program::folder();
    let (cert, key) = program.certificate();
    let both = [cert, key].map(|path| std::fs::read_to_string(path).unwrap());
    program.write("both.pem", &both.concat());
    let config = include_str!("haproxy.cfg")
        .replace("FOLDER", &program.path().display().to_string())
        .replace("PLAIN", &plain.to_string())
        .replace("TLS", &tls.to_string())
        .replace("HASTY", &hasty.to_string())
        .replace("NARROW", &narrow.to_string())
        .replace("BACKEND", &backend.places().http.to_string());
    program.write("haproxy.cfg", &config);
    let running = program.start(&path, &["-W", "-f", "haproxy.cfg"], &ports);
    Some(Front {
        program,
        plain: format!("http://127.0.0.1:{plain}"),
        tls: format!("https://localhost:{tls}"),
        hasty,
        narrow,
        running,
        _backend: backend,
    })
}

impl Front {
    /// Every way to speak with it.
    fn ways(&self) -> [(&str, HttpVersions, Protocol); 4] {
        [
            (&self.plain, HttpVersions::Auto, Protocol::Http1),
            (&self.plain, HttpVersions::Http2, Protocol::Http2),
            (&self.tls, HttpVersions::Auto, Protocol::Http2),
            (&self.tls, HttpVersions::Http1, Protocol::Http1),
        ]
    }
}

#[test]
fn haproxy() {
    let Some(front) = start() else { return };
    for drive in DRIVES {
        let manager = trusting(drive, &front.program);
        for (base, versions, protocol) in front.ways() {
            exercise(&manager, base, versions, protocol);
            let answer = ask(&manager, &format!("{base}/trailers"), versions).good();
            assert_eq!(answer.trailers.unwrap()["x-sum"], "42", "{base}");
            let answer = ask(&manager, &format!("{base}/hinted"), versions).good();
            assert_eq!((answer.informational, answer.body.len()), (1, 10), "{base}");
            // The answer comes while most of the body is still here.
            let mut closed = Request::new("POST", &format!("{base}/closed")).unwrap();
            closed.http(versions).body(vec![7; 8_000_000]);
            assert_eq!(fetch(&manager, closed).good().status(), 413, "{base}");
        }
        echo(
            &manager,
            &format!("{}/ws", front.plain.replacen("http", "ws", 1)),
        );
        assert_eq!(manager.statistics().requests_failed, 0, "{drive:?}");
    }
}

#[test]
fn haproxy_is_asked_again_after_503() {
    let Some(front) = start() else { return };
    for drive in DRIVES {
        let manager = trusting(drive, &front.program);
        for (base, versions, _) in front.ways() {
            let mut flaky = Request::get(&format!("{base}/flaky")).unwrap();
            flaky.http(versions);
            flaky.policy().retry = Some(Retry::SafeTransient);
            // The peer names the pause: this one would never end.
            let never = DelayOption(Some(Arc::new(|_| Duration::MAX)));
            flaky.policy().retry_delay = Some(never);
            let answer = fetch(&manager, flaky).good();
            assert_eq!((answer.status(), answer.body.len()), (200, 10), "{base}");
        }
        assert_eq!(manager.statistics().retries, 8, "{drive:?}");
    }
}

/// Connections that are closed as they are used again: GETs do not notice, and no POST runs twice.
#[test]
fn haproxy_closes_what_is_unused() {
    let Some(front) = start() else { return };
    let (mut submitted, mut failed, mut last) = (0, 0, 0);
    for drive in DRIVES {
        let manager = manager(drive);
        // A slower neighbour holds the next request up for about as long as connections are kept.
        let beside = |request: Request| {
            let slower = submit(&manager, get(front.hasty, "/delay/1"));
            let answer = fetch(&manager, request);
            assert_eq!(rest(&slower).good().status(), 200);
            answer
        };
        for _ in 0..300 {
            let answer = beside(get(front.hasty, "/bytes/10")).good();
            assert_eq!((answer.status(), answer.body.len()), (200, 10));
        }
        for number in 0..300 {
            let url = format!("http://127.0.0.1:{}/echo", front.hasty);
            let mut post = Request::new("POST", &url).unwrap();
            post.body(number.to_string().into_bytes());
            submitted += 1;
            let answer = beside(post);
            if let Some(error) = &answer.error {
                // It cannot be known whether it ran.
                assert!(
                    matches!(
                        error.code(),
                        ErrorCode::ConnectionClosed | ErrorCode::ConnectionReset
                    ),
                    "{error:?}"
                );
                failed += 1;
                continue;
            }
            assert_eq!(answer.body, number.to_string().as_bytes());
            let told = &answer.head.unwrap().headers["x-posts"];
            last = told.to_str().unwrap().parse().unwrap();
        }
        assert!(manager.statistics().connections_opened > 10, "{drive:?}");
        assert!(
            (submitted - failed..=submitted).contains(&last),
            "{last} of {submitted}"
        );
        assert!(failed < submitted / 10, "{failed} of {submitted} failed");
    }
}

#[test]
fn haproxy_lets_few_in() {
    let Some(front) = start() else { return };
    for drive in DRIVES {
        let manager = manager(drive);
        let requests: Vec<_> = (0..60)
            .map(|_| submit(&manager, get(front.narrow, "/bytes/70000")))
            .collect();
        for request in &requests {
            assert_eq!(rest(request).good().body.len(), 70_000, "{drive:?}");
        }
    }
}

/// Its workers are replaced while requests are in flight: none fails.
#[test]
fn haproxy_is_reloaded() {
    let Some(front) = start() else { return };
    for drive in DRIVES {
        for (base, versions, protocol) in front.ways() {
            let manager = trusting(drive, &front.program);
            let send = |number: usize| -> RequestHandle {
                // POSTs as well where the peer says which it has taken.
                let post = protocol == Protocol::Http2 && number.is_multiple_of(2);
                let mut request = if post {
                    let mut request = Request::new("POST", &format!("{base}/echo")).unwrap();
                    request.body(vec![7; 100]);
                    request
                } else {
                    Request::get(&format!("{base}/bytes/100")).unwrap()
                };
                request.http(versions);
                submit(&manager, request)
            };
            let until = Instant::now() + PATIENCE;
            let mut done = 0;
            while done < 1000 || manager.statistics().connections_closed == 0 {
                assert!(Instant::now() < until, "no connection was closed");
                // Again where it was told while it was still busy with the time before.
                if done % 2000 == 300 {
                    front.running.signal("USR2");
                }
                let requests: Vec<_> = (0..20).map(send).collect();
                for request in &requests {
                    let answer = rest(request).good();
                    assert_eq!((answer.status(), answer.body.len()), (200, 100), "{base}");
                    done += 1;
                }
            }
            assert_eq!(manager.statistics().requests_failed, 0, "{base}");
        }
    }
}
