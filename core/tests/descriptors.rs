//! Descriptors, threads and memory: whatever becomes of requests and managers, nothing stays behind.
//!
//! A program of its own with one test at a time, for it counts what the whole process holds.

mod kit;

use std::time::{Duration, Instant};

use kit::stages::{stage, stages};
use kit::{DRIVES, eventually, fetch, get, get2, manager, peer, submit};
use trunkline::{Delivery, Drive, Manager};
use trunkline_test_server::embedded;

/// One test at a time.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Sockets of peers come and go on their own threads, so only what a manager opens is counted: epoll, eventfd, timerfd.
fn reactors() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("anon_inode:"))
        .count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "trunkline")
        .count()
}

fn comes_to(what: &str, expected: usize, count: fn() -> usize) {
    let until = Instant::now() + Duration::from_secs(10);
    while count() != expected {
        let (now, held) = (count(), held());
        assert!(
            Instant::now() < until,
            "{what}: {now} of {expected}: {held:?}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn held() -> Vec<String> {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .collect()
}

/// A manager takes everything with it, at whatever stage its requests are and whether or not their parts were taken.
#[test]
fn managers_leave_nothing() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let before = (reactors(), threads());
    for drive in DRIVES {
        for (name, setup) in stages() {
            for how in 0..4 {
                let stage = stage(name, setup, drive, port);
                let kit::stages::Stage {
                    manager,
                    request,
                    other,
                    ..
                } = stage;
                match how {
                    0 => drop(request),
                    1 => {
                        request.cancel();
                        drop(request);
                    }
                    2 => {
                        manager.shutdown(Instant::now()).unwrap();
                        drop(request);
                    }
                    _ => {
                        // Outlives its manager.
                        drop(manager);
                        drop(request);
                        drop(other);
                        comes_to(&format!("{name} {drive:?} {how}"), before.0, reactors);
                        continue;
                    }
                }
                drop(other);
                drop(manager);
                comes_to(&format!("{name} {drive:?} {how}"), before.0, reactors);
            }
        }
    }
    comes_to("threads", before.1, threads);
}

#[test]
fn events_that_nobody_took_leave_nothing() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let before = reactors();
    for drive in DRIVES {
        for shut in [true, false] {
            let manager = manager(drive);
            for token in 0..20 {
                let delivery = Delivery::Queue { token };
                manager.submit(get(port, "/bytes/1000"), delivery).unwrap();
            }
            if shut {
                manager.shutdown(Instant::now() + kit::PATIENCE).unwrap();
            }
            drop(manager);
            comes_to(&format!("{drive:?} {shut}"), before, reactors);
        }
    }
}

/// A cancelled request gives its descriptor back; the manager stays.
#[test]
fn cancelled_requests_give_their_descriptors_back() {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    for drive in DRIVES {
        let manager = manager(drive);
        fetch(&manager, get2(port, "/bytes/1")).good();
        let before = descriptors();
        for _ in 0..5 {
            let requests: Vec<_> = (0..40)
                .map(|index| match index % 4 {
                    0 => submit(&manager, get(port, "/hang")),
                    1 => submit(&manager, get(port, "/drip/1000/20")),
                    2 => submit(&manager, get2(port, "/hang")),
                    _ => submit(&manager, get2(port, "/bytes/5000000")),
                })
                .collect();
            kit::settle(&manager, 10);
            for request in &requests {
                request.cancel();
            }
            kit::settle(&manager, 5);
        }
        eventually(&manager, "the return of the descriptors", || {
            descriptors() <= before
        });
        let now = manager.statistics();
        assert_eq!(
            (now.streams_active, now.connections_active),
            (0, 1),
            "{drive:?}"
        );
        fetch(&manager, get2(port, "/bytes/1")).good();
        assert_eq!(
            manager.statistics().connections_opened,
            now.connections_opened
        );
    }
}

/// Addresses that were tried in vain, and names that were not found.
#[test]
fn failed_attempts_leave_nothing() {
    let _alone = alone();
    let hole = peer::blackhole();
    for drive in DRIVES {
        let good = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
        let addresses = [1, hole.port, 1, good].map(|port| ([127, 0, 0, 1], port).into());
        let manager = Manager::new(trunkline::ManagerOptions {
            resolve: vec![("many.test".to_owned(), 80, addresses.to_vec())],
            ..kit::options(drive)
        })
        .unwrap();
        let before = descriptors();
        for _ in 0..3 {
            let request = trunkline::Request::get("http://many.test/").unwrap();
            fetch(&manager, request).good();
            fetch(&manager, get(1, "/")).error.unwrap();
        }
        // One connection, with both its ends in this process.
        eventually(&manager, "the return of the descriptors", || {
            descriptors() <= before + 2
        });
    }
}

/// Requests that were dropped before their end do not pile up in memory.
#[test]
fn dropped_requests_leave_no_memory() {
    let _alone = alone();
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    };
    let port = peer::peer(|mut stream, _| peer::answer_all(&mut stream, peer::OK));
    for drive in [Drive::Inline, Drive::Threads(1)] {
        let manager = manager(drive);
        let round = || {
            for _ in 0..20_000 {
                drop(submit(&manager, get(port, "/")));
            }
            eventually(&manager, "their end", || {
                manager.statistics().requests_active == 0
            });
        };
        round();
        let before = resident();
        for _ in 0..4 {
            round();
        }
        let grown = resident().saturating_sub(before);
        // Kept, each of eighty thousand would hold a kilobyte or so.
        assert!(grown < 30 << 20, "{drive:?}: grown by {grown} bytes");
    }
}
