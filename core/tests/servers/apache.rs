//! Apache httpd: credentials, redirects, codings, `expect`, hints, over both versions of HTTP.

use trunkline::{
    Auth, ErrorCode, HarLog, HttpVersions, Manager, ManagerOptions, PolicyOverrides, Protocol,
    Request, Verify,
};
use trunkline_test_server::embedded;

use crate::kit::{Answer, DRIVES, PATIENCE, fetch, options, rest, submit};
use crate::program::{Program, Running, SIZES, find, free_port};
use crate::{echo, exercise, protocol, trusting};

/// Where Debian keeps the modules.
const MODULES: &str = "/usr/lib/apache2/modules";

struct Apache {
    program: Program,
    plain: String,
    tls: String,
    port: u16,
    /// Ended when dropped.
    _processes: (Running, embedded::Server),
}

/// One process, which is ended by ending it; none where httpd is missing.
fn start() -> Option<Apache> {
    let path = find("apache2")?;
    let backend = embedded::start(None).unwrap();
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.files();
    program.certificate();
    // Both are of the user "me" with the password "pw".
    program.write("basic", "me:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n");
    program.write("digest", "me:trunkline:657ac30ff0ef9b48b5c91e6490fc0026\n");
    let folder = program.path().display().to_string();
    let config = include_str!("apache.conf")
        .replace("FOLDER", &folder)
        .replace("MODULES", MODULES)
        .replace("PLAIN", &plain.to_string())
        .replace("TLS", &tls.to_string())
        .replace("BACKEND", &backend.places().http.to_string());
    program.write("httpd.conf", &config);
    let config = format!("{folder}/httpd.conf");
    let running = program.start(&path, &["-X", "-f", &config], &[plain, tls]);
    Some(Apache {
        program,
        plain: format!("http://127.0.0.1:{plain}"),
        tls: format!("https://localhost:{tls}"),
        port: plain,
        _processes: (running, backend),
    })
}

impl Apache {
    /// Every way to speak with it.
    fn ways(&self) -> [(&str, HttpVersions, Protocol); 4] {
        [
            (&self.plain, HttpVersions::Auto, Protocol::Http1),
            (&self.plain, HttpVersions::Http2, Protocol::Http2),
            (&self.tls, HttpVersions::Auto, Protocol::Http2),
            (&self.tls, HttpVersions::Http1, Protocol::Http1),
        ]
    }

    /// Runs a test with each drive and each way, and a manager that keeps an archive.
    fn each(&self, test: impl Fn(&Client<'_>)) {
        for drive in DRIVES {
            for (base, versions, protocol) in self.ways() {
                let log = HarLog::new();
                let mut options = ManagerOptions {
                    har: Some(log.clone()),
                    http: versions,
                    ..options(drive)
                };
                options.tls.verify = Verify::Ca(self.program.authority());
                let manager = Manager::new(options).unwrap();
                test(&Client {
                    manager,
                    log,
                    base,
                    protocol,
                });
            }
        }
    }
}

struct Client<'a> {
    manager: Manager,
    log: HarLog,
    base: &'a str,
    protocol: Protocol,
}

impl Client<'_> {
    fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("{}{path}", self.base)).unwrap()
    }

    /// The answer and the statuses of all legs that led to it.
    fn ask(&self, request: Request) -> (Answer, Vec<u64>) {
        self.log.clear();
        let answer = fetch(&self.manager, request).good();
        let archive: serde_json::Value = serde_json::from_str(&self.log.to_json()).unwrap();
        let entries = archive["log"]["entries"].as_array().unwrap();
        let statuses = entries
            .iter()
            .map(|entry| entry["response"]["status"].as_u64().unwrap());
        (answer, statuses.collect())
    }

    fn with(&self, method: &str, path: &str, set: impl Fn(&mut PolicyOverrides)) -> Request {
        let mut request = self.request(method, path);
        set(request.policy());
        request
    }
}

fn basic(password: &str) -> Auth {
    Auth::Basic {
        user: "me".into(),
        password: password.into(),
    }
}

fn digest(password: &str) -> Auth {
    Auth::Digest {
        user: "me".into(),
        password: password.into(),
    }
}

#[test]
fn apache_files() {
    let Some(apache) = start() else { return };
    for drive in DRIVES {
        let manager = trusting(drive, &apache.program);
        for (base, versions, protocol) in apache.ways() {
            exercise(&manager, base, versions, protocol);
        }
        assert_eq!(manager.statistics().requests_failed, 0, "{drive:?}");
        echo(&manager, &format!("ws://127.0.0.1:{}/ws", apache.port));
    }
}

/// Upgrades in clear text. Where Apache has sent all that it can before the client's preface is there, it goes away at once,
/// and leaves what is left of a longer answer. Brotli makes it write an octet past the frames of stream 1.
#[test]
fn apache_upgrades() {
    let Some(apache) = start() else { return };
    let url = format!("{}/10", apache.plain);
    for drive in DRIVES {
        let manager = trusting(drive, &apache.program);
        let upgrading = |method: &str, url: &str| {
            let mut request = Request::new(method, url).unwrap();
            request.http(HttpVersions::Upgrade);
            request
        };
        for _ in 0..20 {
            let answer = fetch(&manager, upgrading("GET", &url)).good();
            assert_eq!(
                (answer.body.len(), protocol(&answer)),
                (10, Protocol::Http2)
            );
        }
        // Those that it has not begun with when it goes away are sent again, by another upgrade.
        let requests: Vec<_> = (0..200)
            .map(|_| submit(&manager, upgrading("GET", &url)))
            .collect();
        for request in &requests {
            let answer = rest(request).good();
            assert_eq!(
                (answer.body.len(), protocol(&answer)),
                (10, Protocol::Http2)
            );
        }
        for _ in 0..10 {
            let mut upload = upgrading("POST", &format!("{}/echo", apache.plain));
            upload.body(vec![7; 30_000]);
            let answer = fetch(&manager, upload).good();
            assert!(answer.body == vec![7; 30_000], "{}", answer.body.len());
        }
        assert_eq!(manager.statistics().requests_failed, 0, "{drive:?}");
    }
}

#[test]
fn apache_credentials() {
    let Some(apache) = start() else { return };
    apache.each(|client| {
        let plain = client.with("GET", "/basic/10", |policy| policy.auth = Some(basic("pw")));
        assert_eq!(client.ask(plain).1, [200]);
        let wrong = client.with("GET", "/basic/10", |policy| policy.auth = Some(basic("no")));
        assert_eq!(client.ask(wrong).1, [401]);
        let none = client.request("GET", "/digest/10");
        assert_eq!(client.ask(none).1, [401]);

        let proven = || {
            client.with("GET", "/digest/10", |policy| {
                policy.auth = Some(digest("pw"));
            })
        };
        let (answer, legs) = client.ask(proven());
        assert_eq!((answer.body.len(), legs), (10, vec![401, 200]));
        let told = &answer.head.unwrap().headers["authentication-info"];
        assert!(told.to_str().unwrap().contains("nextnonce="), "{told:?}");
        // What the challenge and then each answer taught is used from there on.
        for _ in 0..5 {
            assert_eq!(client.ask(proven()).1, [200], "{}", client.base);
        }
        let wrong = client.with("GET", "/digest/10", |policy| {
            policy.auth = Some(digest("no"));
        });
        let (_, legs) = client.ask(wrong);
        assert!(legs.iter().all(|status| *status == 401), "{legs:?}");
        assert!(legs.len() <= 4, "{legs:?}");

        // The body is sent again with the proof.
        let mut upload = client.with("POST", "/proven", |policy| policy.auth = Some(digest("pw")));
        upload.body(vec![7; 100_000]);
        let (answer, _) = client.ask(upload);
        assert_eq!(answer.status(), 200);
        assert!(
            answer.body == vec![7; 100_000],
            "{} bytes",
            answer.body.len()
        );
    });
}

/// Many at once, each of which uses up a count of the nonce.
#[test]
fn apache_digest_in_a_crowd() {
    let Some(apache) = start() else { return };
    apache.each(|client| {
        let requests: Vec<_> = (0..50)
            .map(|_| {
                let request = client.with("GET", "/digest/70000", |policy| {
                    policy.auth = Some(digest("pw"));
                });
                submit(&client.manager, request)
            })
            .collect();
        for request in &requests {
            let answer = rest(request).good();
            assert_eq!((answer.status(), answer.body.len()), (200, 70_000));
        }
    });
}

#[test]
fn apache_redirects() {
    let Some(apache) = start() else { return };
    apache.each(|client| {
        let (answer, legs) = client.ask(client.request("GET", "/moved"));
        assert_eq!((answer.body.len(), legs), (10, vec![301, 200]));
        let mut other = client.request("POST", "/other");
        other.body("a form");
        assert_eq!(client.ask(other).1, [303, 200]);
        let mut again = client.request("PUT", "/again/echo");
        again.body(vec![7; 100_000]);
        let (answer, legs) = client.ask(again);
        assert_eq!(legs, [307, 200]);
        assert!(
            answer.body == vec![7; 100_000],
            "{} bytes",
            answer.body.len()
        );
        let gone = client.with("GET", "/gone", |policy| policy.status_errors = Some(true));
        let answer = fetch(&client.manager, gone);
        assert_eq!(
            (answer.status(), answer.code()),
            (410, ErrorCode::HttpStatus)
        );
        let answer = fetch(&client.manager, client.request("GET", "/round/a"));
        assert_eq!(answer.code(), ErrorCode::TooManyRedirects);
        assert_eq!(answer.redirects.len(), 10);
        let away = fetch(&client.manager, client.request("GET", "/away"));
        if client.base.starts_with("https") {
            assert_eq!(away.code(), ErrorCode::RedirectRefused);
            let allowed = client.with("GET", "/away", |policy| {
                policy.redirect_downgrade = Some(true);
            });
            // That port speaks both versions, and is asked by prior knowledge where only HTTP/2 was allowed.
            assert_eq!(client.ask(allowed).1, [302, 200]);
        } else {
            assert_eq!(away.good().body.len(), 10);
        }
    });
}

#[test]
fn apache_codings() {
    let Some(apache) = start() else { return };
    apache.each(|client| {
        for (path, coding) in [("/gzip", "gzip"), ("/br", "br")] {
            for length in SIZES {
                let path = format!("{path}/{length}");
                let decoded = client.with("GET", &path, |policy| {
                    policy.decode = Some(true);
                    policy.max_decode_ratio = Some(0);
                });
                let (answer, _) = client.ask(decoded);
                assert!(answer.body == vec![b'x'; length], "{path}");
                let mut raw = client.request("GET", &path);
                raw.header("accept-encoding", coding.as_bytes()).unwrap();
                let (raw, _) = client.ask(raw);
                if length > 1000 {
                    assert_eq!(raw.head.unwrap().headers["content-encoding"], coding);
                    assert!(raw.body.len() < length / 20, "{}", raw.body.len());
                }
            }
        }
        let bomb = client.with("GET", "/gzip/1500000", |policy| {
            policy.decode = Some(true);
            policy.max_decode_ratio = Some(500);
        });
        let answer = fetch(&client.manager, bomb);
        assert_eq!(answer.code(), ErrorCode::DecodedTooLarge);
    });
}

#[test]
fn apache_expects() {
    let Some(apache) = start() else { return };
    apache.each(|client| {
        let expect = |path: &str| {
            let mut request = client.with("POST", path, |policy| {
                policy.expect_continue = Some(Some(PATIENCE));
            });
            request.body(vec![7; 300_000]);
            request
        };
        let (answer, _) = client.ask(expect("/echo"));
        assert!(
            answer.body == vec![7; 300_000],
            "{} bytes",
            answer.body.len()
        );
        // The answer comes in place of the word to go on: nothing of the body is sent.
        let (answer, _) = client.ask(expect("/closed"));
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.summary.unwrap().sent, 0, "{}", client.base);
    });
}

#[test]
fn apache_heads() {
    let Some(apache) = start() else { return };
    apache.each(|client| {
        let (answer, _) = client.ask(client.request("HEAD", "/70000"));
        let headers = &answer.head.as_ref().unwrap().headers;
        assert_eq!(headers["content-length"], "70000");
        assert!(answer.body.is_empty());
        let mut known = client.request("GET", "/70000");
        known
            .header("if-none-match", headers["etag"].as_bytes())
            .unwrap();
        let (answer, legs) = client.ask(known);
        assert_eq!((answer.body.len(), legs), (0, vec![304]));
        let mut part = client.request("GET", "/70000");
        part.header("range", b"bytes=10-19").unwrap();
        let (answer, legs) = client.ask(part);
        assert_eq!((answer.body.len(), legs), (10, vec![206]));
        let (answer, _) = client.ask(client.request("GET", "/chunked/70000"));
        assert_eq!(answer.body.len(), 70_000);
        assert!(answer.head.unwrap().headers.get("content-length").is_none());
        // Hints are told over HTTP/2 alone.
        let (answer, _) = client.ask(client.request("GET", "/hinted/10"));
        let hints = usize::from(client.protocol == Protocol::Http2);
        assert_eq!(answer.informational, hints, "{}", client.base);
        assert_eq!(answer.body.len(), 10);
    });
}
