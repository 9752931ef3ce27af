//! Fork: in the child every handle answers `forked` and can be freed; the parent notices nothing.
//!
//! A program of its own, for a child holds a copy of every descriptor of its process.

mod kit;

use std::time::{Duration, Instant};

use kit::{DRIVES, get, get2, manager, rest, submit};
use trunkline::{Delivery, Drive, ErrorCode, Frame, ManagerOptions, Part, Request};
use trunkline_test_server::embedded;

/// One test at a time.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Runs `child` in a forked process and waits for it; 0 is success.
#[allow(unsafe_code)]
fn in_child(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child only runs what the library promises for a forked child, and leaves by `_exit`.
    unsafe {
        let pid = libc::fork();
        assert!(pid >= 0, "fork failed");
        if pid == 0 {
            // Never more than this, whatever hangs.
            libc::alarm(20);
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            libc::_exit(code.unwrap_or(99));
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
        assert!(
            libc::WIFEXITED(status),
            "the child was ended by signal {}",
            status & 127
        );
        libc::WEXITSTATUS(status)
    }
}

#[test]
fn the_child_is_told_and_the_parent_notices_nothing() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        for get in [get, get2] {
            let manager = manager(drive);
            let running = submit(&manager, get(port, "/drip/40/5"));
            let mut full = get(port, "/bytes/3000000");
            full.credit(1000);
            let full = submit(&manager, full);
            let mut upload =
                Request::new("POST", &format!("http://127.0.0.1:{port}/upload")).unwrap();
            upload.streamed_body(None);
            let upload = submit(&manager, upload);
            kit::stages::wait_until_it_stands(&manager);
            let queued = manager.submit(get(port, "/bytes/10"), Delivery::Queue { token: 7 });
            let mut handles = Some((manager.clone(), full, upload, queued.unwrap()));
            let code = in_child(|| {
                let (manager, full, upload, queued) = handles.take().unwrap();
                let forked = |error: Option<trunkline::Error>| {
                    error.is_some_and(|error| error.code() == ErrorCode::Forked)
                };
                let told = [
                    forked(manager.submit(get(port, "/"), Delivery::Recv).err()),
                    forked(manager.poll(&mut Vec::new(), 1, None).err()),
                    forked(manager.shutdown(Instant::now() + kit::PATIENCE).err()),
                    forked(manager.descriptor().err()),
                    forked(full.recv(None).err()),
                    forked(full.try_recv().err()),
                    forked(upload.write("four").err()),
                    forked(upload.finish(None).err()),
                    forked(upload.fail("no").err()),
                    forked(upload.send(Frame::Text("x".into())).err()),
                ];
                full.cancel();
                full.release(1 << 20);
                manager.close();
                drop((full, upload, queued));
                drop(manager);
                i32::from(!told.iter().all(|told| *told))
            });
            assert_eq!(code, 0, "{drive:?}");
            let (_, full, upload, _queued) = handles.take().unwrap();
            upload.write("four").unwrap();
            upload.finish(None).unwrap();
            let sent = rest(&upload).good().body;
            assert!(String::from_utf8(sent).unwrap().contains("\"bytes\":4"));
            assert_eq!(rest(&full).good().body.len(), 3_000_000);
            rest(&running).good();
            let mut batch = Vec::new();
            while !batch
                .last()
                .is_some_and(|event: &trunkline::Event| event.is_terminal())
            {
                assert!(manager.poll(&mut batch, 9, kit::soon()).unwrap() > 0);
            }
            assert!(matches!(batch.last().unwrap().part(), Part::Done(_)));
        }
    }
}

/// A child makes a manager of its own, which works like any other.
#[test]
fn a_child_may_make_its_own_manager() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let parents = manager(Drive::Threads(1));
    kit::fetch(&parents, get(port, "/bytes/10")).good();
    for drive in DRIVES {
        let code = in_child(|| {
            let manager = manager(drive);
            let body = kit::fetch(&manager, get(port, "/bytes/1000")).good().body;
            // And the child's child is told again.
            let inner = in_child(|| {
                let refused = manager.submit(get(port, "/"), Delivery::Recv);
                i32::from(refused.err().map(|error| error.code()) != Some(ErrorCode::Forked))
            });
            drop(manager);
            i32::from(body.len() != 1000) + 2 * inner
        });
        assert_eq!(code, 0, "{drive:?}");
    }
    kit::fetch(&parents, get(port, "/bytes/10")).good();
}

/// Forks in the midst of traffic: locks that the reactor holds at that moment stay locked in the child.
#[test]
fn a_child_hangs_on_no_lock() {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let manager = trunkline::Manager::new(ManagerOptions {
        drive: Drive::Threads(2),
        ..Default::default()
    })
    .unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let (manager, stop) = (manager.clone(), std::sync::Arc::clone(&stop));
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    kit::fetch(&manager, get2(port, "/bytes/100000")).good();
                }
            })
        })
        .collect();
    for _ in 0..60 {
        let mut request = get2(port, "/bytes/3000000");
        request.credit(1000);
        let handle = submit(&manager, request);
        // Parts in hand, and parts not taken, are freed in the child while the reactor goes on.
        let mut taken = Some((handle.recv(kit::soon()).unwrap(), handle));
        std::thread::sleep(Duration::from_millis(1));
        let code = in_child(|| {
            let (event, handle) = taken.take().unwrap();
            drop(event);
            drop(handle);
            0
        });
        assert_eq!(code, 0);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
}
