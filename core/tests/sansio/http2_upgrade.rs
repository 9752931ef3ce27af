//! Connections upgraded from HTTP/1.1: against a scripted peer, and against servers that are installed.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use trunkline::sansio::http2::{Http2Client, Http2Settings, upgrade_request};
use trunkline::sansio::{Engine, ReadOperation, WriteOperation, WriteResult};

use crate::record::{Record, get};
use crate::scripted::*;

fn upgraded(record: &Record) -> Http2Client {
    let settings = Http2Settings::default();
    let request = Request::get("http://example.test/first")
        .header("cookie", "a=b")
        .header("x-long", "y".repeat(100))
        .body(())
        .unwrap();
    let handlers = record.handlers("/first");
    let error = record.connection();
    let (client, _) =
        Http2Client::after_upgrade(request, &settings, handlers, None, error).unwrap();
    client
}

#[test]
fn the_request_tells_the_settings() {
    let request = Request::post("http://user@example.test:81/path?query")
        .header("x-field", "value")
        .body(Bytes::from_static(b"body"))
        .unwrap();
    let settings = Http2Settings::default();
    let text = String::from_utf8(upgrade_request(&request, &settings, false).unwrap()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(body, "body");
    assert_eq!(
        lines[..4],
        [
            "POST /path?query HTTP/1.1",
            "host: example.test:81",
            "connection: Upgrade, HTTP2-Settings",
            "upgrade: h2c",
        ]
    );
    assert!(lines[4].starts_with("http2-settings: "));
    // ENABLE_PUSH is 2 (RFC 9113, 6.5.2): `AAIAAAAA` where it stands at the start of six octets.
    assert!(lines[4].contains("AAIAAAAA"), "{}", lines[4]);
    assert_eq!(lines[5..], ["content-length: 4", "x-field: value"]);
    let bad = Request::get("/").body(Bytes::new()).unwrap();
    assert!(upgrade_request(&bad, &settings, false).is_err());
    let bad = Request::get("http://a/")
        .header("upgrade", "x")
        .body(Bytes::new())
        .unwrap();
    assert!(upgrade_request(&bad, &settings, false).is_err());
}

#[test]
fn stream_one_is_answered_and_its_headers_never_sent() {
    for step in [1, usize::MAX] {
        let record = Record::default();
        let client = upgraded(&record);
        let first = written(&client);
        assert!(first.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        let kinds: Vec<(u8, u32)> = frames(&first)
            .iter()
            .map(|frame| (frame.0, frame.2))
            .collect();
        assert_eq!(kinds, [(SETTINGS, 0), (WINDOW_UPDATE, 0)]);
        let answer = [
            settings(),
            headers(1, 0, &[(":status", "200"), ("content-length", "5")]),
            frame(DATA, END_STREAM, 1, b"first"),
        ];
        feed(&client, &answer.concat(), step);
        assert_eq!(record.of("/first"), ["head 200", "data first", "end"]);
        // The peer's own SETTINGS are acknowledged, once.
        let acknowledged = frames(&written(&client));
        assert_eq!(acknowledged, [(SETTINGS, ACK, 0, vec![])]);
        // What the encoder knows and what the decoder does are still the same.
        let mut decoder = fluke_hpack::Decoder::new();
        for stream in [3, 5, 7] {
            client
                .request_without_body(
                    Request::get("http://example.test/next")
                        .header("cookie", "a=b")
                        .body(())
                        .unwrap(),
                    record.handlers("/next"),
                )
                .unwrap();
            let sent = frames(&written(&client));
            let (kind, _, number, block) = &sent[0];
            assert_eq!((*kind, *number), (HEADERS, stream));
            let fields = decoder.decode(block).unwrap();
            assert!(
                fields.contains(&(b":path".to_vec(), b"/next".to_vec())),
                "{fields:?}"
            );
            assert!(
                fields.contains(&(b"cookie".to_vec(), b"a=b".to_vec())),
                "{fields:?}"
            );
        }
        assert!(record.of("connection").is_empty());
    }
}

/// A server that was started, and is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // Politely: it ends its own processes then.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Starts a server on a port that is free; none where it is not installed.
fn start(name: &str, arguments: impl Fn(u16) -> Vec<String>) -> Option<(Program, u16)> {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new(name);
    command
        .args(arguments(port))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let program = Program(command.spawn().ok()?);
    let limit = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < limit, "{name} does not listen");
        std::thread::yield_now();
    }
    Some((program, port))
}

/// Upgrades on a connection to it, and asks twice more.
fn upgrade_at(port: u16) -> Record {
    let record = Record::default();
    let uri = format!("http://127.0.0.1:{port}/");
    let settings = Http2Settings::default();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let asked = Request::get(&uri).body(Bytes::new()).unwrap();
    stream
        .write_all(&upgrade_request(&asked, &settings, false).unwrap())
        .unwrap();
    let mut came = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&came));
        came.extend_from_slice(&buffer[..count]);
        if let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    assert!(
        came.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&came)
    );
    let handlers = record.handlers("first");
    let request = asked.map(|_| ());
    let error = record.connection();
    let (client, _) =
        Http2Client::after_upgrade(request, &settings, handlers, None, error).unwrap();
    client.read(&came[end..]);
    for name in ["second", "third"] {
        client
            .request_without_body(
                Request::get(&uri)
                    .header("x-same", "value")
                    .body(())
                    .unwrap(),
                record.handlers(name),
            )
            .unwrap();
    }
    loop {
        // Not earlier: after GOAWAY Apache begins with nothing that it has not begun with.
        let ended = |name| record.of(name).last().is_some_and(|line| line == "end");
        if ["first", "second", "third"].into_iter().all(ended) {
            client.shutdown();
        }
        while let WriteOperation::Write(vectors) = client.next_write_operation() {
            let count = stream.write(&vectors[0]).unwrap();
            client.report_write_result(WriteResult::Written(count));
        }
        if client.is_closed() || client.next_read_operation() != ReadOperation::Read {
            return record;
        }
        match stream.read(&mut buffer).unwrap() {
            0 => client.read_eof(),
            count => assert_eq!(client.read(&buffer[..count]), count),
        }
    }
}

fn check(record: &Record) {
    for name in ["first", "second", "third"] {
        let told = record.of(name);
        assert!(
            told.first().is_some_and(|line| line.starts_with("head ")),
            "{name}: {told:?}"
        );
        assert_eq!(told.last().unwrap(), "end", "{name}: {told:?}");
    }
    assert!(record.of("connection").is_empty());
}

#[test]
fn nghttpd_or_nghttpx_upgrades() {
    // A back end that nobody serves: its answers are 503, over HTTP/2.
    let started = start("nghttpx", |port| {
        let mut arguments = vec![format!("-f127.0.0.1,{port};no-tls")];
        arguments.extend(["-b127.0.0.1,1", "--workers=1", "--conf=/dev/null"].map(str::to_owned));
        arguments
    });
    let Some((_program, port)) = started else {
        return;
    };
    check(&upgrade_at(port));
}

#[test]
fn apache_upgrades() {
    let modules = "/usr/lib/apache2/modules";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    std::fs::write(folder.path().join("index.html"), "from apache").unwrap();
    let started = start("/usr/sbin/apache2", |port| {
        let load: String = ["mpm_event", "authz_core", "http2", "dir"]
            .map(|name| format!("LoadModule {name}_module {modules}/mod_{name}.so"))
            .join("\n");
        let text = format!(
            "{load}\nServerName localhost\nServerRoot {path}\nPidFile {path}/pid\nErrorLog {path}/log\n\
             Listen 127.0.0.1:{port}\nProtocols h2c http/1.1\nH2Upgrade on\nKeepAliveTimeout 60\nDocumentRoot {path}\n\
             DirectoryIndex index.html\nDefaultRuntimeDir {path}\n"
        );
        std::fs::write(folder.path().join("conf"), text).unwrap();
        ["-DFOREGROUND", "-f"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{path}/conf")])
            .collect()
    });
    let Some((_program, port)) = started else {
        return;
    };
    // Apache says GOAWAY at once where it has answered the upgrade and finds nothing further to do yet.
    let record = (0..50)
        .map(|_| upgrade_at(port))
        .find(|record| {
            assert_eq!(record.of("first").last().unwrap(), "end");
            record.of("second") != ["protocol 0 received"]
        })
        .unwrap();
    check(&record);
    assert_eq!(record.of("first")[1], "data from apache");
    assert_eq!(record.of("third")[1], "data from apache");
}

#[test]
fn h2o_upgrades() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let started = start("h2o", |port| {
        let text = format!(
            "num-threads: 1\nuser: root\npid-file: {path}/pid\nlisten: {{host: 127.0.0.1, port: {port}}}\n\
             hosts: {{default: {{paths: {{/: {{status: ON}}}}}}}}\n"
        );
        std::fs::write(folder.path().join("conf"), text).unwrap();
        vec!["-c".to_owned(), format!("{path}/conf")]
    });
    let Some((_program, port)) = started else {
        return;
    };
    check(&upgrade_at(port));
}

#[test]
fn caddy_upgrades() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let started = start("caddy", |port| {
        let text = format!(
            "{{\nadmin off\nauto_https off\nstorage file_system {path}\nservers {{\nprotocols h1 h2 h2c\n}}\n}}\n\
             http://127.0.0.1:{port} {{\nrespond hello\n}}\n"
        );
        std::fs::write(folder.path().join("Caddyfile"), text).unwrap();
        ["run", "--config"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{path}/Caddyfile")])
            .collect()
    });
    let Some((_program, port)) = started else {
        return;
    };
    let record = upgrade_at(port);
    check(&record);
    assert_eq!(record.of("third")[1], "data hello");
}

#[test]
fn hypercorn_upgrades() {
    let application = "
async def app(scope, receive, send):
    if scope['type'] == 'http':
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        await send({'type': 'http.response.body', 'body': b'hello'})
    else:
        while True:
            event = await receive()
            await send({'type': event['type'] + '.complete'})
            if event['type'] == 'lifespan.shutdown':
                return
";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hello.py"), application).unwrap();
    let module = folder.path().join("hello").display().to_string();
    let name = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/hypercorn");
    let started = start(name, |port| {
        vec![
            "-b".to_owned(),
            format!("127.0.0.1:{port}"),
            format!("{module}:app"),
        ]
    });
    let Some((_program, port)) = started else {
        return;
    };
    let record = upgrade_at(port);
    check(&record);
    assert_eq!(record.of("third")[1], "data hello");
}

#[test]
fn a_request_that_http2_cannot_carry_is_refused() {
    let record = Record::default();
    let client = Http2Client::new(&Http2Settings::default(), None, record.connection()).unwrap();
    let wrong = Request::get("/").body(()).unwrap();
    assert!(
        client
            .request_without_body(wrong, record.handlers("/"))
            .is_err()
    );
    let mut wrong = get("/");
    wrong
        .headers_mut()
        .insert("connection", "close".parse().unwrap());
    assert!(
        client
            .request_without_body(wrong, record.handlers("/"))
            .is_err()
    );
}
