//! A peer that never answers a WebSocket's close.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use trunkline::{Delivery, Drive, ErrorCode, Frame, ManagerOptions, ManualClock, Part, Request};

#[test]
fn an_unanswered_close_ends_after_its_time() {
    for drive in [Drive::Inline, Drive::Threads(1)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            // Open, and then never read again: the socket is kept until the test is over.
            tungstenite::accept(stream).unwrap()
        });
        let clock = ManualClock::new();
        let options = ManagerOptions {
            drive,
            ..Default::default()
        };
        let manager = trunkline::Manager::with_clock(options, &clock).unwrap();
        let request = Request::get(&format!("ws://127.0.0.1:{port}/")).unwrap();
        let socket = manager.submit(request, Delivery::Recv).unwrap();
        let soon = || Some(Instant::now() + Duration::from_secs(20));
        assert!(matches!(socket.recv(soon()).unwrap().part(), Part::Head(_)));
        let _open = peer.join().unwrap();
        socket.send(Frame::Close(Some(1000), "".into())).unwrap();
        // Time enough for the close to leave; no part comes of it.
        let nothing = socket
            .recv(Some(Instant::now() + Duration::from_millis(50)))
            .unwrap_err();
        assert_eq!(nothing.code(), ErrorCode::Timeout);
        clock.advance(trunkline::limits::WEBSOCKET_CLOSE);
        let event = socket.recv(soon()).unwrap();
        let Part::Error(error) = event.part() else {
            panic!("{event:?}")
        };
        assert_eq!(error.code(), ErrorCode::ConnectionClosed, "{error}");
    }
}
