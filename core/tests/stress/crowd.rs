//! Twenty threads on ten slots: a hundred thousand requests, cancelled at random moments by their owners and by others.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trunkline::{Control, Drive, ErrorCode, Manager, ManagerOptions, Request};
use trunkline_test_server::embedded;

use crate::alone;
use crate::kit::{self, Answer, Random, eventually, fetch, finish, get, get2, options, submit};

const THREADS: usize = 20;
const SLOTS: usize = 10;
const REQUESTS: usize = 100_000;

/// What each thread has under way, for the others to cancel.
type Reach = [Mutex<Option<Control>>; THREADS];

#[test]
fn http1_inline() {
    crowd(Drive::Inline, get);
}

#[test]
fn http1_threads() {
    crowd(Drive::Threads(1), get);
}

#[test]
fn http2_inline() {
    crowd(Drive::Inline, get2);
}

#[test]
fn http2_threads() {
    crowd(Drive::Threads(1), get2);
}

fn crowd(drive: Drive, ask: fn(u16, &str) -> Request) {
    let _alone = alone();
    let server = embedded::start(None).unwrap();
    let port = server.places().http;
    let seed = seed();
    // Shown where the test fails, wherever that is.
    println!("TRUNKLINE_SEED={seed}");
    let before = held();
    let manager = Manager::new(ManagerOptions {
        max_connections_per_origin: SLOTS,
        http2_max_concurrent_streams: SLOTS,
        ..options(drive)
    })
    .unwrap();
    let tally = Tally::default();
    let reach: Reach = Default::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (manager, tally, reach) = (&manager, &tally, &reach);
            scope.spawn(move || {
                let mut random = Random::new(seed + thread as u64);
                for _ in 0..REQUESTS / THREADS {
                    one(manager, port, ask, &mut random, reach, thread, tally);
                }
            });
        }
    });
    drop(reach);
    eventually(
        &manager,
        &format!("the return to rest, seed {seed}"),
        || {
            let now = manager.statistics();
            now.requests_active == 0
                && now.streams_active == 0
                && now.connections_active <= SLOTS as u64
                && now.connections_idle <= now.connections_active
        },
    );
    for _ in 0..SLOTS {
        let answer = fetch(&manager, ask(port, "/bytes/1000")).good();
        assert_eq!(answer.body.len(), 1000, "seed {seed}");
    }
    let now = manager.statistics();
    let why = format!("seed {seed}: {now:?} {tally:?}");
    assert_eq!(now.requests_submitted, (REQUESTS + SLOTS) as u64, "{why}");
    assert_eq!(
        now.requests_submitted,
        now.requests_completed + now.requests_failed,
        "{why}"
    );
    assert_eq!(
        now.errors,
        [(ErrorCode::Cancelled, now.requests_failed)],
        "{why}"
    );
    // Of the dropped ones nobody knows how they ended.
    let (done, cancelled, dropped) = tally.all();
    let completed = now.requests_completed - SLOTS as u64;
    assert!(
        completed >= done && completed <= done + dropped && now.requests_failed >= cancelled,
        "{why}"
    );
    // Both ends of the mixture have been met often.
    assert!(
        done > 10_000 && cancelled > 10_000 && dropped > 10_000,
        "{why}"
    );
    assert!(manager.shutdown(Instant::now() + kit::PATIENCE).unwrap());
    let now = manager.statistics();
    assert_eq!(
        (
            now.requests_active,
            now.streams_active,
            now.connections_active,
            now.connections_idle
        ),
        (0, 0, 0, 0),
        "seed {seed}"
    );
    assert_eq!(
        now.connections_opened, now.connections_closed,
        "seed {seed}"
    );
    drop(manager);
    // The server's ends are in this process too, and close a moment later.
    let until = Instant::now() + kit::PATIENCE;
    loop {
        let left: Vec<_> = held().difference(&before).cloned().collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "seed {seed}: {left:?} stay open");
        std::thread::yield_now();
    }
}

/// One request, to its end or to some moment before it.
fn one(
    manager: &Manager,
    port: u16,
    ask: fn(u16, &str) -> Request,
    random: &mut Random,
    reach: &Reach,
    thread: usize,
    tally: &Tally,
) {
    const PATHS: [&str; 6] = [
        "/bytes/10",
        "/bytes/2000",
        "/chunked/40000",
        "/delay/1",
        "/drip/20/1",
        "/hang",
    ];
    let path = PATHS[random.below(PATHS.len())];
    let request = submit(manager, ask(port, path));
    *lock(&reach[thread]) = Some(request.control());
    let mut answer = Answer::default();
    // What never ends by itself is cancelled in any case.
    match random.below(if path == "/hang" { 4 } else { 8 }) {
        0 => request.cancel(),
        1 => {
            spin(random.below(300));
            request.cancel();
        }
        2 => {
            let until = Instant::now() + Duration::from_micros(random.below(2000) as u64);
            for _ in 0..=random.below(3) {
                let ended = match request.recv(Some(until)) {
                    Ok(event) => answer.add(event.into_part()),
                    Err(error) => {
                        assert_eq!(error.code(), ErrorCode::Timeout);
                        false
                    }
                };
                if ended {
                    break;
                }
            }
            request.cancel();
        }
        3 => {
            spin(random.below(100));
            drop(request);
            lock(&reach[thread]).take();
            tally.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        4 => {
            if let Some(other) = &*lock(&reach[random.below(THREADS)]) {
                other.cancel();
            }
        }
        _ => {}
    }
    if !answer.is_ended() {
        finish(&request, &mut answer);
    }
    lock(&reach[thread]).take();
    match &answer.error {
        None => tally.done.fetch_add(1, Ordering::Relaxed),
        Some(error) => {
            assert_eq!(error.code(), ErrorCode::Cancelled, "{path}: {error}");
            tally.cancelled.fetch_add(1, Ordering::Relaxed)
        }
    };
}

/// How the requests ended, as their owners saw it.
#[derive(Debug, Default)]
struct Tally {
    done: AtomicU64,
    cancelled: AtomicU64,
    dropped: AtomicU64,
}

impl Tally {
    fn all(&self) -> (u64, u64, u64) {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (get(&self.done), get(&self.cancelled), get(&self.dropped))
    }
}

/// Passes some microseconds without giving the processor away.
fn spin(micros: usize) {
    let until = Instant::now() + Duration::from_micros(micros as u64);
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Another one in each run; `TRUNKLINE_SEED` repeats one.
fn seed() -> u64 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    match std::env::var("TRUNKLINE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) + NEXT.fetch_add(1000, Ordering::Relaxed) as u64
        }
    }
}

/// Every open descriptor by its number and what it refers to.
pub fn held() -> BTreeSet<String> {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let target = std::fs::read_link(&path).ok()?;
            // The listing's own.
            let own = target.starts_with("/proc");
            (!own).then(|| format!("{} {}", path.display(), target.display()))
        })
        .collect()
}
