//! WebSockets with servers and proxies that others wrote, over HTTP/1.1 and over HTTP/2 (RFC 8441), clear and TLS.

use std::path::Path;

use trunkline::{HttpVersions, Protocol};

use crate::program::{Program, Running, find, free_port};
use crate::websocket::{Traits, Way, exercise, ways};

const ALL: Traits = Traits {
    orders: true,
    deflate: true,
    crowd: 40,
};

/// The server behind the proxies; none where Python or its package is missing.
fn backend(program: &Program) -> Option<(Running, u16)> {
    // The one of the same folder as the package's own program.
    let package = find("websockets")?;
    let python = package.with_file_name("python");
    let port = free_port();
    program.write("websocket.py", include_str!("websocket.py"));
    let arguments = ["websocket.py", &port.to_string()];
    let running = program.start(&python, &arguments, &[port]);
    Some((running, port))
}

/// Starts a proxy with a configuration in which places are filled in.
fn proxy(
    program: &Program,
    path: &Path,
    arguments: &[&str],
    config: &str,
    ports: [u16; 3],
) -> Running {
    let [plain, tls, backend] = ports;
    let (cert, key) = program.certificate();
    let both = [&cert, &key].map(|path| std::fs::read_to_string(path).unwrap());
    program.write("both.pem", &both.concat());
    let folder = program.path().display().to_string();
    let config = config
        .replace("FOLDER", &folder)
        .replace("CERTIFICATE", &cert)
        .replace("KEY", &key)
        .replace("PLAIN", &plain.to_string())
        .replace("TLS", &tls.to_string())
        .replace("BACKEND", &backend.to_string());
    program.write("config", &config);
    let config = format!("{folder}/config");
    let mut arguments = arguments.to_vec();
    arguments.push(&config);
    program.start(path, &arguments, &[plain, tls])
}

#[test]
fn websockets_of_hypercorn() {
    let Some(path) = find("hypercorn") else {
        return;
    };
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.write("application.py", crate::APPLICATION);
    let (cert, key) = program.certificate();
    let (at, secure_at) = (format!("127.0.0.1:{plain}"), format!("127.0.0.1:{tls}"));
    let arguments = [
        "--insecure-bind",
        &at,
        "-b",
        &secure_at,
        "--certfile",
        &cert,
        "--keyfile",
        &key,
        "application:app",
    ];
    let _running = program.start(&path, &arguments, &[plain, tls]);
    let traits = Traits {
        orders: false,
        ..ALL
    };
    exercise(&program, &ways(plain, tls), traits);
}

/// The package itself, and HTTP/1.1 only.
#[test]
fn websockets_of_python() {
    let program = Program::folder();
    let Some((_running, port)) = backend(&program) else {
        return;
    };
    let [clear, ..] = ways(port, port);
    exercise(&program, &[clear], ALL);
}

/// HTTP/2 only.
#[test]
fn websockets_of_node() {
    let Some(path) = find("node") else { return };
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    program.write("websocket.js", include_str!("websocket.js"));
    let (cert, key) = program.certificate();
    let (clear, secure) = (plain.to_string(), tls.to_string());
    let arguments = ["websocket.js", &clear, &secure, &cert, &key];
    let _running = program.start(&path, &arguments, &[plain, tls]);
    let ways: Vec<_> = ways(plain, tls)
        .into_iter()
        .filter(|way| way.protocol == Protocol::Http2)
        .collect();
    let traits = Traits {
        deflate: false,
        ..ALL
    };
    exercise(&program, &ways, traits);
}

#[test]
fn websockets_through_apache() {
    let Some(path) = find("apache2") else { return };
    let program = Program::folder();
    let Some((_backend, backend)) = backend(&program) else {
        return;
    };
    let (plain, tls) = (free_port(), free_port());
    let ports = [plain, tls, backend];
    let config = include_str!("websocket_apache.conf");
    let _running = proxy(&program, &path, &["-X", "-f"], config, ports);
    // The streams of a connection are given few threads at first, which WebSockets keep.
    let traits = Traits { crowd: 4, ..ALL };
    exercise(&program, &ways(plain, tls), traits);
}

#[test]
fn websockets_through_haproxy() {
    let Some(path) = find("haproxy") else { return };
    let program = Program::folder();
    let Some((_backend, backend)) = backend(&program) else {
        return;
    };
    let (plain, tls) = (free_port(), free_port());
    let config = "global\n maxconn 1000\n hard-stop-after 1s\n\
        defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n timeout tunnel 30s\n\
        frontend front\n bind 127.0.0.1:PLAIN\n bind 127.0.0.1:TLS ssl crt FOLDER/both.pem alpn h2,http/1.1\n\
        \x20default_backend back\n\
        backend back\n server one 127.0.0.1:BACKEND\n";
    let ports = [plain, tls, backend];
    let _running = proxy(&program, &path, &["-db", "-f"], config, ports);
    exercise(&program, &ways(plain, tls), ALL);
}

#[test]
fn websockets_through_nghttpx() {
    let Some(path) = find("nghttpx") else { return };
    let program = Program::folder();
    let Some((_backend, backend)) = backend(&program) else {
        return;
    };
    let (plain, tls) = (free_port(), free_port());
    let config = "workers=1\nsingle-process=yes\naccesslog-file=/dev/null\n\
        frontend=127.0.0.1,PLAIN;no-tls\nfrontend=127.0.0.1,TLS\n\
        backend=127.0.0.1,BACKEND\n\
        private-key-file=KEY\ncertificate-file=CERTIFICATE\n";
    let ports = [plain, tls, backend];
    let _running = proxy(&program, &path, &["--conf"], config, ports);
    exercise(&program, &ways(plain, tls), ALL);
}

/// It speaks HTTP/2, but no WebSockets over it: those go over HTTP/1.1.
#[test]
fn websockets_through_nginx() {
    let Some(path) = find("nginx") else { return };
    let program = Program::folder();
    let Some((_backend, backend)) = backend(&program) else {
        return;
    };
    let (plain, tls) = (free_port(), free_port());
    let config = "daemon off; master_process off; pid FOLDER/pid; error_log FOLDER/error.log;\n\
        events { worker_connections 1000; }\n\
        http { access_log off;\n\
        client_body_temp_path FOLDER/t1; proxy_temp_path FOLDER/t2; fastcgi_temp_path FOLDER/t3;\n\
        uwsgi_temp_path FOLDER/t4; scgi_temp_path FOLDER/t5;\n\
        map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n\
        server { listen 127.0.0.1:PLAIN; listen 127.0.0.1:TLS ssl http2;\n\
        ssl_certificate CERTIFICATE; ssl_certificate_key KEY;\n\
        location / { proxy_pass http://127.0.0.1:BACKEND; proxy_http_version 1.1;\n\
        proxy_set_header upgrade $http_upgrade; proxy_set_header connection $connection_upgrade; } } }\n";
    let ports = [plain, tls, backend];
    let _running = proxy(&program, &path, &["-c"], config, ports);
    let [clear, _, secure, _] = ways(plain, tls);
    let auto = Way {
        url: secure.url.clone(),
        versions: HttpVersions::Auto,
        protocol: Protocol::WebSocket,
    };
    exercise(&program, &[clear, secure, auto], ALL);
}
