//! TLS: versions, pins, the name that is sent, resumed sessions.

use trunkline::{Drive, ErrorCode, HttpVersions, Manager, TlsOptions, TlsVersion, Verify};
use trunkline_test_server::embedded;

use super::tls::{ask, trusting, with};
use crate::kit::{DRIVES, options, secure};

#[test]
fn versions_have_bounds() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    for drive in DRIVES {
        for (min, max, expected) in [
            (TlsVersion::Tls12, TlsVersion::Tls12, "TLSv1.2 "),
            (TlsVersion::Tls13, TlsVersion::Tls13, "TLSv1.3 "),
            (TlsVersion::Tls12, TlsVersion::Tls13, "TLSv1.3 "),
        ] {
            let tls = TlsOptions {
                min_version: min,
                max_version: max,
                ..trusting(places)
            };
            let manager = with(drive, tls);
            let answer = ask(&manager, "localhost", places.https, HttpVersions::Auto).good();
            let connection = answer.summary.unwrap().connection.clone().unwrap();
            let spoken = connection.tls.as_ref().unwrap();
            assert!(spoken.starts_with(expected), "{spoken}");
        }
    }
    let mut none = options(Drive::Inline);
    none.tls.min_version = TlsVersion::Tls13;
    none.tls.max_version = TlsVersion::Tls12;
    let error = Manager::new(none).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

/// The pin of the server's key, found in the error for a wrong one.
#[test]
fn pins_are_checked_whoever_is_trusted() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    let wrong = "sha256//YhKJKSzoTt2b5FP18fvpHo7fJYqQCjAa3HWY3tvRMwE=".to_owned();
    for drive in DRIVES {
        for verify in [Verify::Nobody, trusting(places).verify] {
            let pinned = |pins: Vec<String>| {
                let tls = TlsOptions {
                    verify: verify.clone(),
                    pins,
                    ..Default::default()
                };
                ask(
                    &with(drive, tls),
                    "localhost",
                    places.https,
                    HttpVersions::Auto,
                )
            };
            let refused = pinned(vec![wrong.clone()]);
            assert_eq!(refused.code(), ErrorCode::TlsCertificate);
            let text = refused.error.unwrap().message().to_owned();
            let found = text.split(' ').find(|word| word.starts_with("sha256//"));
            let found = found.unwrap_or_else(|| panic!("{text}")).to_owned();
            assert_ne!(found, wrong);
            pinned(vec![found.clone()]).good();
            pinned(vec![format!("{wrong};{found}")]).good();
        }
        // A pin does not stand in for trust.
        let strict = TlsOptions {
            pins: vec![wrong.clone()],
            ..Default::default()
        };
        let answer = ask(
            &with(drive, strict),
            "localhost",
            places.https,
            HttpVersions::Auto,
        );
        let text = answer.error.unwrap().message().to_owned();
        assert!(text.contains("issuer"), "{text}");
    }
    let mut bad = options(Drive::Inline);
    bad.tls.pins = vec!["sha1//x".to_owned()];
    let error = Manager::new(bad).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[test]
fn the_name_that_is_sent_may_differ_from_the_one_that_is_checked() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    let (port, seen) = secure::server(places.ca.parent().unwrap());
    for drive in DRIVES {
        for (sni, expected) in [
            (None, Some("localhost")),
            (Some("front.test"), Some("front.test")),
            (Some(""), None),
        ] {
            let tls = TlsOptions {
                sni: sni.map(str::to_owned),
                ..trusting(places)
            };
            let manager = with(drive, tls.clone());
            for _ in 0..2 {
                ask(&manager, "localhost", port, HttpVersions::Http1).good();
                let (name, resumed) = seen.lock().unwrap().pop().unwrap();
                assert_eq!(name.as_deref(), expected);
                assert!(!resumed || sni.is_none());
            }
            // The same manager still checks another host's own name.
            let mut made = options(drive);
            made.tls = tls;
            made.resolve = ["localhost", "other.test"]
                .map(|name| (name.to_owned(), port, vec![([127, 0, 0, 1], port).into()]))
                .to_vec();
            let manager = Manager::new(made).unwrap();
            ask(&manager, "localhost", port, HttpVersions::Http1).good();
            let answer = ask(&manager, "other.test", port, HttpVersions::Http1);
            assert_eq!(answer.code(), ErrorCode::TlsCertificate, "{sni:?}");
            seen.lock().unwrap().clear();
        }
    }
    let mut bad = options(Drive::Inline);
    bad.tls.sni = Some("a b".to_owned());
    let error = Manager::new(bad).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
}

#[test]
fn sessions_are_resumed_unless_told_otherwise() {
    let server = embedded::start(None).unwrap();
    let places = server.places();
    let (port, seen) = secure::server(places.ca.parent().unwrap());
    for drive in DRIVES {
        for resumption in [true, false] {
            let tls = TlsOptions {
                resumption,
                ..trusting(places)
            };
            let manager = with(drive, tls);
            for _ in 0..3 {
                ask(&manager, "localhost", port, HttpVersions::Http1).good();
            }
            let resumed: Vec<_> = seen.lock().unwrap().drain(..).map(|one| one.1).collect();
            assert_eq!(resumed, [false, resumption, resumption]);
        }
    }
}
