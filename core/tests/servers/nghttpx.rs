//! nghttpx before the embedded server and before nghttpd: what a proxy of HTTP/2 passes on, both ways.

use std::io::Write;

use trunkline::{Delivery, HttpVersions, Manager, Protocol, Request};
use trunkline_test_server::embedded;

use crate::kit::{DRIVES, fetch, peer, rest};
use crate::program::{Program, find, free_port};
use crate::{ask, trusting};

/// A streamed body with trailers; the trailers that the server behind has seen.
fn trailers_arrive(manager: &Manager, base: &str, versions: HttpVersions) {
    let mut request = Request::new("POST", &format!("{base}/trailers")).unwrap();
    request.http(versions).streamed_body(None);
    request.header("trailer", b"x-sum").unwrap();
    let handle = manager.submit(request, Delivery::Recv).unwrap();
    handle.control().write(vec![7; 10_000]).unwrap();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "42".parse().unwrap());
    handle.control().finish(Some(trailers)).unwrap();
    let answer = rest(&handle).good();
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told["x-sum"], "42", "{base}");
}

#[test]
fn nghttpx() {
    let Some(path) = find("nghttpx") else { return };
    let backend = embedded::start(None).unwrap();
    let places = backend.places();
    let hints = peer::peer(|mut stream, _| {
        while peer::read_head(&mut stream).is_some() {
            let answer = "HTTP/1.1 103 Early Hints\r\nlink: </s>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    let (cert, key) = program.certificate();
    let front = |port: u16, more: &str| format!("--frontend=127.0.0.1,{port}{more}");
    // HTTP/2 to the server behind, so that what is passed on is what it has said.
    let back = format!("--backend=127.0.0.1,{};;proto=h2", places.http);
    let hinting = format!("--backend=127.0.0.1,{hints};/hinted");
    let (plain_front, tls_front) = (front(plain, ";no-tls"), front(tls, ""));
    let arguments = [
        "--conf=/dev/null",
        "--workers=1",
        "--single-process",
        "--accesslog-file=/dev/null",
        &plain_front,
        &tls_front,
        &back,
        &hinting,
        &key,
        &cert,
    ];
    let _running = program.start(&path, &arguments, &[plain, tls]);
    for drive in DRIVES {
        let manager = trusting(drive, &program);
        for (base, versions, expected) in [
            (
                format!("http://127.0.0.1:{plain}"),
                HttpVersions::Auto,
                Protocol::Http1,
            ),
            (
                format!("http://127.0.0.1:{plain}"),
                HttpVersions::Http2,
                Protocol::Http2,
            ),
            (
                format!("http://127.0.0.1:{plain}"),
                HttpVersions::Upgrade,
                Protocol::Http2,
            ),
            (
                format!("https://localhost:{tls}"),
                HttpVersions::Auto,
                Protocol::Http2,
            ),
        ] {
            for length in [0, 10, 70_000, 1_500_000] {
                let url = format!("{base}/bytes/{length}");
                let answer = ask(&manager, &url, versions).good();
                assert_eq!(answer.body.len(), length, "{base}");
                assert_eq!(crate::protocol(&answer), expected, "{base}");
            }
            let answer = ask(&manager, &format!("{base}/trailers"), versions).good();
            assert_eq!(answer.trailers.unwrap()["x-sum"], "42", "{base}");
            let answer = ask(&manager, &format!("{base}/hinted"), versions).good();
            assert_eq!((answer.informational, answer.body.len()), (1, 2), "{base}");
            trailers_arrive(&manager, &base, versions);
            let mut upload = Request::new("POST", &format!("{base}/echo")).unwrap();
            upload.http(versions).body(vec![7; 300_000]);
            let echoed = fetch(&manager, upload).good().body;
            assert!(echoed == vec![7; 300_000], "{base}: {}", echoed.len());
        }
        assert_eq!(manager.statistics().requests_failed, 0, "{drive:?}");
    }
}
