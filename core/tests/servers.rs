//! Servers that others wrote, each started on a free port with a folder of its own and ended by its process id.
//!
//! A program that is missing skips its test, unless the environment has `CI=true`: there it fails.

mod kit;

#[path = "servers/apache.rs"]
mod apache;
#[path = "servers/grpc.rs"]
mod grpc;
#[path = "servers/h2c.rs"]
mod h2c;
#[path = "servers/haproxy.rs"]
mod haproxy;
#[path = "servers/httpbin.rs"]
mod httpbin;
#[path = "servers/nghttpx.rs"]
mod nghttpx;
#[path = "servers/program.rs"]
mod program;
#[path = "servers/proxies.rs"]
mod proxies;
#[path = "servers/websocket.rs"]
mod websocket;
#[path = "servers/websocket_servers.rs"]
mod websocket_servers;

use kit::{Answer, DRIVES, fetch, options, rest, soon, submit};
use program::{Program, find, free_port};
use trunkline::{Drive, Frame, HttpVersions, Manager, Part, Protocol, Request, Verify};

fn trusting(drive: Drive, program: &Program) -> Manager {
    let mut options = options(drive);
    options.tls.verify = Verify::Ca(program.authority());
    Manager::new(options).unwrap()
}

fn ask(manager: &Manager, url: &str, versions: HttpVersions) -> Answer {
    let mut request = Request::get(url).unwrap();
    request.http(versions);
    request.header("te", b"trailers").unwrap();
    fetch(manager, request)
}

fn protocol(answer: &Answer) -> Protocol {
    let summary = answer.summary.as_ref().unwrap();
    summary.connection.as_ref().unwrap().protocol
}

/// Bodies of several sizes, alone and side by side.
fn exercise(manager: &Manager, base: &str, versions: HttpVersions, expected: Protocol) {
    for length in program::SIZES {
        let answer = ask(manager, &format!("{base}/{length}"), versions).good();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.body.len(), length, "{base}");
        assert_eq!(protocol(&answer), expected, "{base}");
    }
    assert_eq!(
        ask(manager, &format!("{base}/nowhere"), versions)
            .good()
            .status(),
        404
    );
    let requests: Vec<_> = (0..200)
        .map(|index| {
            let length = program::SIZES[index % program::SIZES.len()];
            let mut request = Request::get(&format!("{base}/{length}")).unwrap();
            request.http(versions);
            (length, submit(manager, request))
        })
        .collect();
    for (length, request) in &requests {
        assert_eq!(rest(request).good().body.len(), *length, "{base}");
    }
}

#[test]
fn nginx() {
    let Some(path) = find("nginx") else { return };
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.files();
    let folder = program.path().display().to_string();
    let (cert, key) = program.certificate();
    program.write(
        "nginx.conf",
        &format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; root {folder}/files; keepalive_requests 50;\n\
             client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;\n\
             uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;\n\
             server {{ listen 127.0.0.1:{plain}; }}\n\
             server {{ listen 127.0.0.1:{tls} ssl http2; ssl_certificate {cert}; ssl_certificate_key {key}; }} }}\n"
        ),
    );
    let config = format!("{folder}/nginx.conf");
    let _running = program.start(&path, &["-p", &folder, "-c", &config], &[plain, tls]);
    for drive in DRIVES {
        let manager = trusting(drive, &program);
        let auto = HttpVersions::Auto;
        exercise(
            &manager,
            &format!("http://127.0.0.1:{plain}"),
            auto,
            Protocol::Http1,
        );
        exercise(
            &manager,
            &format!("https://localhost:{tls}"),
            auto,
            Protocol::Http2,
        );
        exercise(
            &manager,
            &format!("https://localhost:{tls}"),
            HttpVersions::Http1,
            Protocol::Http1,
        );
        assert_eq!(manager.statistics().requests_failed, 0, "{drive:?}");
    }
}

#[test]
fn nghttpd() {
    let Some(path) = find("nghttpd") else { return };
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.files();
    let files = program.path().join("files").display().to_string();
    let (cert, key) = program.certificate();
    let common = [
        "-a",
        "127.0.0.1",
        "-d",
        &files,
        "--trailer",
        "x-sum: 42",
        "--push",
        "/10=/70000",
    ];
    let (plain_text, tls_text) = (plain.to_string(), tls.to_string());
    let mut clear = common.to_vec();
    clear.extend(["--no-tls", &plain_text]);
    let mut secure = common.to_vec();
    secure.extend([tls_text.as_str(), &key, &cert]);
    let _clear = program.start(&path, &clear, &[plain]);
    let _secure = program.start(&path, &secure, &[tls]);
    for drive in DRIVES {
        let manager = trusting(drive, &program);
        for base in [
            format!("http://127.0.0.1:{plain}"),
            format!("https://localhost:{tls}"),
        ] {
            exercise(&manager, &base, HttpVersions::Http2, Protocol::Http2);
            // The push that belongs to it was refused by the settings; the trailers are there.
            let answer = ask(&manager, &format!("{base}/10"), HttpVersions::Http2).good();
            assert_eq!(answer.body.len(), 10);
            assert_eq!(answer.trailers.unwrap()["x-sum"], "42");
        }
        assert_eq!(manager.statistics().connections_opened, 2, "{drive:?}");
    }
}

const APPLICATION: &str = "
async def app(scope, receive, send):
    if scope['type'] == 'websocket':
        await receive()
        await send({'type': 'websocket.accept'})
        while True:
            event = await receive()
            if event['type'] == 'websocket.disconnect':
                return
            await send({'type': 'websocket.send', 'bytes': event.get('bytes'), 'text': event.get('text')})
    elif scope['type'] == 'http':
        body = b''
        while True:
            event = await receive()
            body += event.get('body', b'')
            if not event.get('more_body'):
                break
        name = scope['path'][1:]
        found = name.isdigit() or scope['method'] == 'POST'
        answer = body if scope['method'] == 'POST' else b'x' * int(name) if found else b''
        await send({'type': 'http.response.start', 'status': 200 if found else 404, 'headers': []})
        await send({'type': 'http.response.body', 'body': answer})
    else:
        while True:
            event = await receive()
            await send({'type': event['type'] + '.complete'})
            if event['type'] == 'lifespan.shutdown':
                return
";

#[test]
fn hypercorn() {
    let Some(path) = find("hypercorn") else {
        return;
    };
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.write("application.py", APPLICATION);
    let (cert, key) = program.certificate();
    let (at, secure_at) = (format!("127.0.0.1:{tls}"), format!("127.0.0.1:{plain}"));
    let arguments = [
        "-b",
        &at,
        "--insecure-bind",
        &secure_at,
        "--certfile",
        &cert,
        "--keyfile",
        &key,
        "application:app",
    ];
    let _running = program.start(&path, &arguments, &[plain, tls]);
    for drive in DRIVES {
        let manager = trusting(drive, &program);
        exercise(
            &manager,
            &format!("https://localhost:{tls}"),
            HttpVersions::Auto,
            Protocol::Http2,
        );
        exercise(
            &manager,
            &format!("http://127.0.0.1:{plain}"),
            HttpVersions::Auto,
            Protocol::Http1,
        );
        exercise(
            &manager,
            &format!("http://127.0.0.1:{plain}"),
            HttpVersions::Http2,
            Protocol::Http2,
        );
        exercise(
            &manager,
            &format!("http://127.0.0.1:{plain}"),
            HttpVersions::Upgrade,
            Protocol::Http2,
        );
        let mut request = Request::new("POST", &format!("https://localhost:{tls}/")).unwrap();
        request.body(vec![7; 300_000]);
        assert_eq!(fetch(&manager, request).good().body, vec![7; 300_000]);
        for url in [
            format!("ws://127.0.0.1:{plain}/"),
            format!("wss://localhost:{tls}/"),
        ] {
            echo(&manager, &url);
        }
        // A WebSocket that may do so shares the connection that was upgraded.
        let manager = kit::manager(drive);
        let url = format!("http://127.0.0.1:{plain}/10");
        ask(&manager, &url, HttpVersions::Upgrade).good();
        for versions in [HttpVersions::Auto, HttpVersions::Upgrade] {
            let mut request = Request::get(&format!("ws://127.0.0.1:{plain}/")).unwrap();
            request.http(versions);
            let socket = submit(&manager, request);
            let head = socket.recv(soon()).unwrap();
            assert!(
                matches!(head.part(), Part::Head(head) if head.status == 200),
                "{head:?}"
            );
        }
        assert_eq!(manager.statistics().connections_opened, 1, "{drive:?}");
    }
}

/// Messages come back as they were sent, and the socket is closed in good order.
fn echo(manager: &Manager, url: &str) {
    let socket = submit(manager, Request::get(url).unwrap());
    assert!(matches!(socket.recv(soon()).unwrap().part(), Part::Head(_)));
    let sent = [
        Frame::Text("gr\u{fc}n".into()),
        Frame::Binary(vec![9; 100_000].into()),
        Frame::Text("".into()),
    ];
    for frame in &sent {
        socket.send(frame.clone()).unwrap();
        let event = socket.recv(soon()).unwrap();
        match event.part() {
            Part::Frame(echoed) => assert_eq!(echoed, frame, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
    socket.send(Frame::Close(Some(1000), "bye".into())).unwrap();
    let closed = socket.recv(soon()).unwrap();
    assert!(
        matches!(closed.part(), Part::Frame(Frame::Close(Some(1000), _))),
        "{closed:?}"
    );
    let done = socket.recv(soon()).unwrap();
    assert!(matches!(done.part(), Part::Done(_)), "{url}: {done:?}");
}

/// A unary gRPC call: messages with a prefix, and the status in the trailers.
#[test]
fn etcd() {
    let Some(path) = find("etcd") else { return };
    let (client, peer) = (free_port(), free_port());
    let program = Program::folder();
    let data = program.path().join("data").display().to_string();
    let (here, there) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    let cluster = format!("default={there}");
    let arguments = [
        "--data-dir",
        &data,
        "--listen-client-urls",
        &here,
        "--advertise-client-urls",
        &here,
        "--listen-peer-urls",
        &there,
        "--initial-advertise-peer-urls",
        &there,
        "--initial-cluster",
        &cluster,
    ];
    let _running = program.start(&path, &arguments, &[client]);
    for drive in DRIVES {
        let manager = kit::manager(drive);
        let call = |method: &str, message: &[u8]| {
            grpc::call(&manager, &format!("{here}/{method}"), message)
        };
        // The leader is elected a moment after the port is there.
        let until = std::time::Instant::now() + kit::PATIENCE;
        let put = [grpc::field(1, b"key"), grpc::field(2, b"a value")].concat();
        while call("etcdserverpb.KV/Put", &put).0 != "0" {
            assert!(std::time::Instant::now() < until, "no put went well");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let (status, message) = call("etcdserverpb.KV/Range", &grpc::field(1, b"key"));
        assert_eq!(status, "0", "{drive:?}");
        assert!(
            message.windows(7).any(|piece| piece == b"a value"),
            "{message:?}"
        );
        assert_eq!(call("etcdserverpb.Maintenance/Status", b"").0, "0");
        // Nothing of that name: the status comes in a head that is trailers too.
        assert_eq!(call("etcdserverpb.KV/Nothing", b"").0, "12");
        assert_eq!(manager.statistics().connections_opened, 1);
    }
}
