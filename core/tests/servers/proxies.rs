//! Proxies that others wrote, before the embedded server.

use trunkline::{
    ErrorCode, HttpVersions, Manager, Protocol, Proxy, ProxyOption, ProxyRules, Request,
    TlsOptions, Verify,
};
use trunkline_test_server::embedded::{self, Places};

use super::program::{Program, find, free_port};
use super::{echo, protocol};
use crate::kit::{DRIVES, fetch, options, rest, submit};

fn manager(drive: trunkline::Drive, places: &Places, program: &Program, proxy: &str) -> Manager {
    let mut options = options(drive);
    options.tls.verify = Verify::Ca(std::fs::read(&places.ca).unwrap());
    options.proxy = ProxyOption::Rules(ProxyRules::all(Proxy::parse(proxy).unwrap()));
    options.proxy_tls = TlsOptions {
        verify: Verify::Ca(program.authority()),
        ..Default::default()
    };
    Manager::new(options).unwrap()
}

/// Everything that goes through a proxy, alone and side by side.
fn exercise(program: &Program, proxy: &str) {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let manager = manager(drive, places, program, proxy);
        for (base, versions, expected) in [
            (
                format!("http://localhost:{}", places.http),
                HttpVersions::Auto,
                Protocol::Http1,
            ),
            (
                format!("http://localhost:{}", places.http),
                HttpVersions::Http2,
                Protocol::Http2,
            ),
            (
                format!("https://localhost:{}", places.https),
                HttpVersions::Auto,
                Protocol::Http2,
            ),
            (
                format!("https://localhost:{}", places.https1),
                HttpVersions::Auto,
                Protocol::Http1,
            ),
        ] {
            let requests: Vec<_> = (0..40)
                .map(|index| {
                    let length = [0, 10, 70_000, 1_500_000][index % 4];
                    let mut request = Request::get(&format!("{base}/bytes/{length}")).unwrap();
                    request.http(versions);
                    (length, submit(&manager, request))
                })
                .collect();
            for (length, request) in &requests {
                let answer = rest(request).good();
                assert_eq!(answer.status(), 200, "{proxy} {base}");
                assert_eq!(answer.body.len(), *length, "{proxy} {base}");
                assert_eq!(protocol(&answer), expected, "{proxy} {base}");
            }
            let mut upload = Request::new("POST", &format!("{base}/upload")).unwrap();
            upload.http(versions).body(vec![7; 300_000]);
            let answer = fetch(&manager, upload).good();
            assert!(answer.body.starts_with(b"{\"bytes\":300000,"));
        }
        for url in [
            format!("ws://localhost:{}/ws", places.http),
            format!("wss://localhost:{}/ws", places.https1),
        ] {
            echo(&manager, &url);
        }
        // Nobody listens there, which only the proxy knows.
        let nobody = Request::get(&format!("https://localhost:{}/", free_port())).unwrap();
        let answer = fetch(&manager, nobody);
        assert_eq!(answer.code(), ErrorCode::ProxyFailed, "{:?}", answer.error);
    }
}

/// The wrong password, and none.
fn stays_out(program: &Program, scheme: &str, port: u16) {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        for user in ["", "me:wrong@"] {
            let proxy = format!("{scheme}://{user}127.0.0.1:{port}");
            let manager = manager(drive, places, program, &proxy);
            let request = Request::get(&format!("https://localhost:{}/", places.https)).unwrap();
            let answer = fetch(&manager, request);
            assert_eq!(
                answer.code(),
                ErrorCode::ProxyAuthentication,
                "{:?}",
                answer.error
            );
        }
    }
}

#[test]
fn tinyproxy() {
    let Some(path) = find("tinyproxy") else {
        return;
    };
    let port = free_port();
    let program = Program::folder();
    program.write(
        "tinyproxy.conf",
        &format!(
            "Port {port}\nListen 127.0.0.1\nMaxClients 200\nBasicAuth me pw\nLogLevel Error\n"
        ),
    );
    let config = program.path().join("tinyproxy.conf").display().to_string();
    let _running = program.start(&path, &["-d", "-c", &config], &[port]);
    exercise(&program, &format!("http://me:pw@127.0.0.1:{port}"));
    stays_out(&program, "http", port);
}

/// Squid is spoken to in clear text and over TLS.
#[test]
fn squid() {
    let Some(path) = find("squid") else { return };
    let (plain, tls) = (free_port(), free_port());
    let program = Program::folder();
    let (cert, key) = program.certificate();
    program.write(
        "squid.conf",
        &format!(
            "http_port 127.0.0.1:{plain}\nhttps_port 127.0.0.1:{tls} tls-cert={cert} tls-key={key}\n\
             http_access allow all\ncache deny all\ncache_mem 8 MB\nmax_filedescriptors 1024\n\
             pid_filename none\ncache_log /dev/null\naccess_log none\nnetdb_filename none\n\
             pinger_enable off\nshutdown_lifetime 0 seconds\n"
        ),
    );
    let config = program.path().join("squid.conf").display().to_string();
    let _running = program.start(&path, &["-N", "-f", &config], &[plain, tls]);
    exercise(&program, &format!("http://127.0.0.1:{plain}"));
    exercise(&program, &format!("https://localhost:{tls}"));
}

#[test]
fn microsocks() {
    let Some(path) = find("microsocks") else {
        return;
    };
    let port = free_port();
    let program = Program::folder();
    let text = port.to_string();
    let arguments = ["-i", "127.0.0.1", "-p", &text, "-u", "me", "-P", "pw"];
    let _running = program.start(&path, &arguments, &[port]);
    for scheme in ["socks5", "socks5h"] {
        exercise(&program, &format!("{scheme}://me:pw@127.0.0.1:{port}"));
    }
    stays_out(&program, "socks5h", port);
}

/// Without a password and with a wrong one, and names that the proxy resolves.
#[test]
fn dante() {
    let Some(path) = find("danted") else { return };
    let program = Program::folder();
    // It compares passwords with those of the system's users, none of which is known here: only refusals can be shown.
    for method in ["none", "username"] {
        let port = free_port();
        let name = format!("{method}.conf");
        program.write(
            &name,
            &format!(
                "logoutput: stderr\ninternal: 127.0.0.1 port = {port}\nexternal: lo\n\
                 clientmethod: none\nsocksmethod: {method}\nuser.privileged: root\nuser.unprivileged: nobody\n\
                 client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
                 socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n"
            ),
        );
        let _running = program.start(&path, &["-f", &name], &[port]);
        if method == "none" {
            for scheme in ["socks5", "socks5h"] {
                exercise(&program, &format!("{scheme}://127.0.0.1:{port}"));
            }
        } else {
            stays_out(&program, "socks5h", port);
        }
    }
}
