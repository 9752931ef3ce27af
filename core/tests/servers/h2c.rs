//! Servers that change from HTTP/1.1 to HTTP/2 in clear text, besides Apache, nghttpx and hypercorn.

use trunkline::{HttpVersions, Protocol, Request};

use crate::kit::{DRIVES, fetch, manager};
use crate::program::{Program, find, free_port};
use crate::{exercise, protocol};

/// Bodies of all sizes on one upgraded connection, with and without a request's body.
fn upgrades(port: u16) {
    let base = format!("http://127.0.0.1:{port}");
    for drive in DRIVES {
        let manager = manager(drive);
        exercise(&manager, &base, HttpVersions::Upgrade, Protocol::Http2);
        let mut request = Request::new("POST", &format!("{base}/10")).unwrap();
        request.http(HttpVersions::Upgrade).body(vec![7; 10_000]);
        // It is the protocol that counts: files take no POST.
        assert_eq!(protocol(&fetch(&manager, request).good()), Protocol::Http2);
        let statistics = manager.statistics();
        assert_eq!(
            (statistics.connections_opened, statistics.requests_failed),
            (1, 0),
            "{drive:?}"
        );
    }
}

#[test]
fn h2o() {
    let Some(path) = find("h2o") else { return };
    let port = free_port();
    let program = Program::folder();
    program.files();
    let folder = program.path().display();
    let text = format!(
        "num-threads: 1\nuser: root\npid-file: {folder}/pid\nlisten: {{host: 127.0.0.1, port: {port}}}\n\
         hosts: {{default: {{paths: {{/: {{file.dir: {folder}/files}}}}}}}}\n"
    );
    program.write("h2o.conf", &text);
    let _running = program.start(&path, &["-c", "h2o.conf"], &[port]);
    upgrades(port);
}

#[test]
fn caddy() {
    let Some(path) = find("caddy") else { return };
    let port = free_port();
    let program = Program::folder();
    program.files();
    let folder = program.path().display();
    let text = format!(
        "{{\nadmin off\nauto_https off\nstorage file_system {folder}\nservers {{\nprotocols h1 h2 h2c\n}}\n}}\n\
         http://127.0.0.1:{port} {{\nroot * {folder}/files\nfile_server\n}}\n"
    );
    program.write("Caddyfile", &text);
    let arguments = ["run", "--config", "Caddyfile"];
    let _running = program.start(&path, &arguments, &[port]);
    upgrades(port);
}
