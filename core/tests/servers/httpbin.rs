//! httpbin in hypercorn: what it says of requests, and its answers of all kinds, over both versions of HTTP.

use serde_json::Value;
use trunkline::{
    Auth, HttpVersions, Manager, ManagerOptions, Multipart, Policy, PolicyOverrides, Request,
    Verify,
};

use crate::kit::{Answer, DRIVES, fetch, options};
use crate::program::{Program, Running, find, free_port};

struct Bin {
    program: Program,
    plain: String,
    tls: String,
    /// Ended when dropped.
    _process: Running,
}

fn start() -> Option<Bin> {
    let path = find("hypercorn")?;
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.write("application.py", "from httpbin import app\n");
    let (cert, key) = program.certificate();
    let (at, insecure_at) = (format!("127.0.0.1:{tls}"), format!("127.0.0.1:{plain}"));
    let arguments = [
        "-b",
        &at,
        "--insecure-bind",
        &insecure_at,
        "--certfile",
        &cert,
        "--keyfile",
        &key,
        "wsgi:application:app",
    ];
    let running = program.start(&path, &arguments, &[plain, tls]);
    Some(Bin {
        program,
        plain: format!("http://127.0.0.1:{plain}"),
        tls: format!("https://localhost:{tls}"),
        _process: running,
    })
}

struct Client<'a> {
    manager: Manager,
    base: &'a str,
}

impl Client<'_> {
    fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, &format!("{}{path}", self.base)).unwrap()
    }

    fn get(&self, path: &str, set: impl FnOnce(&mut PolicyOverrides)) -> Answer {
        let mut request = self.request("GET", path);
        set(request.policy());
        fetch(&self.manager, request).good()
    }
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&answer.body).unwrap()
}

/// Runs a test with each drive, over HTTP/1.1 and over TLS with HTTP/2; each client has a jar of its own.
fn each(test: impl Fn(&Client<'_>)) {
    let Some(bin) = start() else { return };
    for drive in DRIVES {
        for base in [&bin.plain, &bin.tls] {
            let mut options = ManagerOptions {
                http: HttpVersions::Auto,
                policy: Policy {
                    cookies: true,
                    decode: true,
                    ..Policy::default()
                },
                ..options(drive)
            };
            options.tls.verify = Verify::Ca(bin.program.authority());
            let manager = Manager::new(options).unwrap();
            test(&Client { manager, base });
        }
    }
}

#[test]
fn httpbin_credentials() {
    each(|client| {
        let (user, password) = ("me".to_owned(), "pw".to_owned());
        let basic = client.get("/basic-auth/me/pw", |policy| {
            let (user, password) = (user.clone(), password.clone());
            policy.auth = Some(Auth::Basic { user, password });
        });
        assert_eq!(json(&basic)["user"], "me");
        let bearer = client.get("/bearer", |policy| {
            policy.auth = Some(Auth::Bearer("abc".into()));
        });
        assert_eq!(json(&bearer)["token"], "abc");
        for path in [
            "auth/me/pw/MD5",
            "auth/me/pw/SHA-256",
            // Each nonce counts twice, then it is stale.
            "auth/me/pw/SHA-256/2",
        ] {
            for _ in 0..4 {
                let answer = client.get(&format!("/digest-auth/{path}"), |policy| {
                    let (user, password) = (user.clone(), password.clone());
                    policy.auth = Some(Auth::Digest { user, password });
                });
                assert_eq!(json(&answer)["user"], "me", "{path}");
            }
        }
        let wrong = client.get("/digest-auth/auth/me/pw/SHA-256", |policy| {
            let (user, password) = (user.clone(), "no".to_owned());
            policy.auth = Some(Auth::Digest { user, password });
        });
        assert_eq!(wrong.status(), 401);
    });
}

#[test]
fn httpbin_answers() {
    each(|client| {
        for (path, sign) in [
            ("/gzip", "gzipped"),
            ("/deflate", "deflated"),
            ("/brotli", "brotli"),
        ] {
            assert_eq!(json(&client.get(path, |_| {}))[sign], true, "{path}");
        }
        for path in [
            "/redirect/5",
            "/relative-redirect/5",
            "/absolute-redirect/5",
        ] {
            let answer = client.get(path, |_| {});
            assert_eq!(answer.redirects.len(), 5, "{path}");
            assert_eq!(answer.status(), 200, "{path}");
        }
        let mut moved = client.request("POST", "/redirect-to?url=%2Fpost&status_code=307");
        moved.body("a body");
        let moved = fetch(&client.manager, moved).good();
        assert_eq!(json(&moved)["data"], "a body");
        let kept = client.get("/cookies/set?a=1&b=2", |_| {});
        assert_eq!(
            json(&kept)["cookies"],
            serde_json::json!({"a": "1", "b": "2"})
        );
        let dropped = client.get("/cookies/delete?a", |_| {});
        assert_eq!(json(&dropped)["cookies"], serde_json::json!({"b": "2"}));
        let streamed = client.get("/stream-bytes/70000?chunk_size=1000", |_| {});
        assert_eq!(streamed.body.len(), 70_000);
    });
}

#[test]
fn httpbin_requests() {
    each(|client| {
        let mut form = client.request("POST", "/post");
        form.form([("a", "1 2"), ("b", "\u{e9}&="), ("a", "3")])
            .unwrap();
        let told = json(&fetch(&client.manager, form).good());
        assert_eq!(
            told["form"],
            serde_json::json!({"a": ["1 2", "3"], "b": "\u{e9}&="})
        );
        let mut parts = Multipart::new().unwrap();
        parts.text("field", "value").unwrap();
        let mut files = client.request("PUT", "/put");
        files.multipart(parts).unwrap();
        let told = json(&fetch(&client.manager, files).good());
        assert_eq!(told["form"]["field"], "value");
        let mut text = client.request("PATCH", "/patch?a=1&a=2");
        text.json("{\"n\": [1, 2]}").unwrap();
        let told = json(&fetch(&client.manager, text).good());
        assert_eq!(told["json"], serde_json::json!({"n": [1, 2]}));
        assert_eq!(told["args"], serde_json::json!({"a": ["1", "2"]}));
    });
}
