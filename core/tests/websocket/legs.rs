//! The handshake has what every request has: redirects, cookies, challenges, proxies.

use trunkline::{Auth, Delivery, Part, Proxy};

use crate::kit::manager;
use crate::kit::relay::{Relay, Speaks};
use crate::peer::{ALL, Answers, request, start, start_with};
use crate::{frame, opened, part, text};

#[test]
fn redirects_cookies_and_challenges() {
    for (drive, over) in ALL {
        let answers = Answers {
            first: vec![
                (
                    307,
                    vec![("location", "/room/two"), ("set-cookie", "a=b; Path=/room")],
                ),
                (
                    401,
                    vec![(
                        "www-authenticate",
                        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
                    )],
                ),
            ],
            ..Default::default()
        };
        let server = start_with(answers, |mut wire, number| async move {
            assert_eq!(number, 2);
            assert_eq!(wire.asked["cookie"], "a=b");
            assert_eq!(wire.asked["x-own"], "field");
            let authorization = wire.asked["authorization"].to_str().unwrap();
            assert!(authorization.starts_with("Digest ") && authorization.contains("/room/two"));
            wire.echo().await;
        });
        let manager = manager(drive);
        let mut request = request(over, server.port);
        request.header("x-own", b"field").unwrap();
        let policy = request.policy();
        policy.cookies = Some(true);
        policy.auth = Some(Auth::Digest {
            user: "user".into(),
            password: "password".into(),
        });
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        let Part::Redirect(redirect) = part(&socket) else {
            panic!("no redirect over {over:?}")
        };
        assert!(redirect.url.starts_with("ws://") && redirect.url.ends_with("/room/two"));
        opened(&socket);
        socket.send(text("hello")).unwrap();
        assert_eq!(frame(&socket), text("hello"));
    }
}

#[test]
fn proxies_lead_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(|mut wire, _| async move { wire.echo().await });
    for (drive, over) in ALL {
        for (speaks, scheme) in [(Speaks::Http, "http"), (Speaks::Socks, "socks5")] {
            let proxy = Relay::start(speaks, true, folder.path());
            let manager = manager(drive);
            let mut request = request(over, server.port);
            let url = format!("{scheme}://me:pw@127.0.0.1:{}", proxy.port);
            request.proxy(Some(Proxy::parse(&url).unwrap()));
            let socket = manager.submit(request, Delivery::Recv).unwrap();
            opened(&socket);
            socket.send(text("hello")).unwrap();
            assert_eq!(frame(&socket), text("hello"), "{scheme} over {over:?}");
            assert_eq!(proxy.seen().len(), 1);
        }
    }
}
