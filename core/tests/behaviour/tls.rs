//! TLS: whom to trust, who we are, which protocol is chosen.

use trunkline::{
    ClientIdentity, Drive, ErrorCode, HttpVersions, Manager, Phase, Protocol, Request, TlsOptions,
    Verify,
};
use trunkline_test_server::embedded::{self, Places};

use crate::kit::{Answer, DRIVES, fetch, options};

pub fn trusting(places: &Places) -> TlsOptions {
    TlsOptions {
        verify: Verify::Ca(std::fs::read(&places.ca).unwrap()),
        ..Default::default()
    }
}

pub fn with(drive: Drive, tls: TlsOptions) -> Manager {
    let mut options = options(drive);
    options.tls = tls;
    Manager::new(options).unwrap()
}

pub fn ask(manager: &Manager, host: &str, port: u16, versions: HttpVersions) -> Answer {
    let mut request = Request::get(&format!("https://{host}:{port}/bytes/1000")).unwrap();
    request.http(versions);
    fetch(manager, request)
}

fn protocol(answer: &Answer) -> Protocol {
    let summary = answer.summary.as_ref().unwrap();
    summary.connection.as_ref().unwrap().protocol
}

#[test]
fn alpn_chooses_the_protocol() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let manager = with(drive, trusting(places));
        for (port, versions, expected) in [
            (places.https, HttpVersions::Auto, Protocol::Http2),
            (places.https, HttpVersions::Http1, Protocol::Http1),
            (places.https, HttpVersions::Http2, Protocol::Http2),
            (places.https1, HttpVersions::Auto, Protocol::Http1),
            (places.https1, HttpVersions::Http1, Protocol::Http1),
        ] {
            for _ in 0..2 {
                let answer = ask(&manager, "localhost", port, versions).good();
                assert_eq!(protocol(&answer), expected, "{versions:?}");
                assert_eq!(answer.body.len(), 1000);
                let connection = answer.summary.unwrap().connection.clone().unwrap();
                assert!(
                    connection
                        .tls
                        .as_ref()
                        .unwrap()
                        .starts_with("TLSv1.3 TLS13_")
                );
            }
        }
        // Auto and HTTP/1.1 only are different origins, even where the outcome is the same.
        assert_eq!(manager.statistics().connections_opened, 5);
        let refused = ask(&manager, "localhost", places.https1, HttpVersions::Http2);
        assert_eq!(refused.code(), ErrorCode::ProtocolNotNegotiated);
        assert_eq!(refused.error.unwrap().phase(), Some(Phase::Tls));
    }
}

#[test]
fn many_requests_to_an_http1_server_connect_side_by_side() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let manager = with(drive, trusting(places));
        let url = format!("https://localhost:{}/delay/20", places.https1);
        let requests: Vec<_> = (0..20)
            .map(|_| crate::kit::submit(&manager, Request::get(&url).unwrap()))
            .collect();
        for request in &requests {
            assert_eq!(protocol(&crate::kit::rest(request).good()), Protocol::Http1);
        }
        assert!(manager.statistics().connections_opened > 1);
    }
}

#[test]
fn a_stranger_is_not_trusted() {
    let server = embedded::start(None).unwrap();
    let other = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        for tls in [TlsOptions::default(), trusting(other.places())] {
            let answer = ask(
                &with(drive, tls),
                "localhost",
                places.https,
                HttpVersions::Auto,
            );
            assert_eq!(
                answer.code(),
                ErrorCode::TlsCertificate,
                "{:?}",
                answer.error
            );
            assert_eq!(answer.error.unwrap().phase(), Some(Phase::Tls));
        }
        let manager = with(
            drive,
            TlsOptions {
                verify: Verify::Nobody,
                ..Default::default()
            },
        );
        ask(&manager, "localhost", places.https, HttpVersions::Auto).good();
    }
}

#[test]
fn the_name_is_checked_and_may_be_given() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        let wrong = TlsOptions {
            hostname: Some("elsewhere.test".to_owned()),
            ..trusting(places)
        };
        let answer = ask(
            &with(drive, wrong),
            "localhost",
            places.https,
            HttpVersions::Auto,
        );
        assert_eq!(answer.code(), ErrorCode::TlsCertificate);
        let mut made = options(drive);
        made.tls = TlsOptions {
            hostname: Some("localhost".to_owned()),
            ..trusting(places)
        };
        let here = vec![([127, 0, 0, 1], places.https).into()];
        made.resolve = vec![("elsewhere.test".to_owned(), places.https, here)];
        let manager = Manager::new(made).unwrap();
        ask(&manager, "elsewhere.test", places.https, HttpVersions::Auto).good();
    }
}

#[test]
fn a_client_certificate_is_shown() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        for versions in [HttpVersions::Auto, HttpVersions::Http1] {
            let shown = TlsOptions {
                identity: Some(ClientIdentity {
                    certificate: std::fs::read(&places.client_cert).unwrap(),
                    key: std::fs::read(&places.client_key).unwrap(),
                }),
                ..trusting(places)
            };
            ask(&with(drive, shown), "localhost", places.mtls, versions).good();
            let hidden = ask(
                &with(drive, trusting(places)),
                "localhost",
                places.mtls,
                versions,
            );
            // TLS 1.3: the server's refusal comes after the client's handshake is done.
            assert!(hidden.error.is_some(), "{drive:?} {versions:?}");
        }
    }
}

#[test]
fn bad_certificates_are_refused_when_the_manager_is_made() {
    let make = |tls: TlsOptions| {
        let mut options = options(Drive::Inline);
        options.tls = tls;
        Manager::new(options).unwrap_err().code()
    };
    let ca = |pem: &str| TlsOptions {
        verify: Verify::Ca(pem.as_bytes().to_vec()),
        ..Default::default()
    };
    assert_eq!(make(ca("")), ErrorCode::InvalidArgument);
    assert_eq!(make(ca("no certificate")), ErrorCode::InvalidArgument);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(make(ca(broken)), ErrorCode::InvalidArgument);
    let identity = TlsOptions {
        identity: Some(ClientIdentity {
            certificate: Vec::new(),
            key: Vec::new(),
        }),
        ..Default::default()
    };
    assert_eq!(make(identity), ErrorCode::InvalidArgument);
}

#[test]
fn secrets_are_logged_where_asked() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for (index, drive) in DRIVES.into_iter().enumerate() {
        let file = places.ca.with_file_name(format!("keys{index}"));
        let logged = TlsOptions {
            key_log: Some(file.clone()),
            ..trusting(places)
        };
        let manager = with(drive, logged);
        ask(&manager, "localhost", places.https, HttpVersions::Auto).good();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(words.len(), 3, "{line}");
            assert!(words[1].len() == 64 && words[2].len() >= 64, "{line}");
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_unix_socket_stands_in_for_every_host() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let mut made = options(drive);
        made.unix_socket = Some(server.places().unix.clone());
        let manager = Manager::new(made.clone()).unwrap();
        for versions in [HttpVersions::Http1, HttpVersions::Http2] {
            let mut request = Request::get("http://anywhere.test/bytes/70000").unwrap();
            request.http(versions);
            assert_eq!(fetch(&manager, request).good().body.len(), 70_000);
        }
        made.unix_socket = Some("/nonexistent/socket".into());
        let manager = Manager::new(made).unwrap();
        let request = Request::get("http://anywhere.test/").unwrap();
        assert_eq!(fetch(&manager, request).code(), ErrorCode::ConnectFailed);
    }
}

/// Not TLS at all.
#[test]
fn garbage_in_place_of_tls() {
    let server = embedded::start(None).unwrap();
    for drive in DRIVES {
        let manager = with(drive, TlsOptions::default());
        let answer = ask(
            &manager,
            "localhost",
            server.places().http,
            HttpVersions::Auto,
        );
        assert_eq!(answer.code(), ErrorCode::TlsFailed, "{:?}", answer.error);
    }
}
