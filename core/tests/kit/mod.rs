//! What the tests of the core's behaviour share: managers, answers taken apart, peers that do as they are told.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unnecessary_wraps, reason = "deadlines as the calls take them")]

pub mod peer;
pub mod relay;
pub mod secure;
pub mod stages;

use std::time::{Duration, Instant};

use trunkline::{
    Delivery, Drive, Error, ErrorCode, Head, HttpVersions, Manager, ManagerOptions, Part, Request,
    RequestHandle, Summary,
};

/// Longer than anything a test waits for on purpose.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const DRIVES: [Drive; 2] = [Drive::Inline, Drive::Threads(1)];

pub fn soon() -> Option<Instant> {
    Some(Instant::now() + PATIENCE)
}

pub fn after(millis: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(millis))
}

pub fn options(drive: Drive) -> ManagerOptions {
    ManagerOptions {
        drive,
        ..Default::default()
    }
}

pub fn manager(drive: Drive) -> Manager {
    Manager::new(options(drive)).unwrap()
}

pub fn get(port: u16, path: &str) -> Request {
    Request::get(&format!("http://127.0.0.1:{port}{path}")).unwrap()
}

/// A GET over HTTP/2 by prior knowledge.
pub fn get2(port: u16, path: &str) -> Request {
    let mut request = get(port, path);
    request.http(HttpVersions::Http2);
    request
}

/// A GET over HTTP/1.1 that may ask for HTTP/2.
pub fn get_h2c(port: u16, path: &str) -> Request {
    let mut request = get(port, path);
    request.http(HttpVersions::Upgrade);
    request
}

/// Everything that a request delivered.
#[derive(Debug, Default)]
pub struct Answer {
    pub informational: usize,
    /// Where each redirect led.
    pub redirects: Vec<String>,
    pub head: Option<Head>,
    pub body: Vec<u8>,
    pub trailers: Option<http::HeaderMap>,
    pub summary: Option<std::sync::Arc<Summary>>,
    pub error: Option<Error>,
}

impl Answer {
    /// Takes the next part and checks that it may come here: `(informational | redirect)* head data* trailers? (done | error)`.
    pub fn add(&mut self, part: Part) -> bool {
        assert!(!self.is_ended(), "{part:?} came after the terminal part");
        match part {
            Part::Informational(_) => {
                assert!(self.head.is_none(), "informational after the head");
                self.informational += 1;
            }
            Part::Redirect(redirect) => {
                assert!(self.head.is_none(), "a redirect after the head");
                self.redirects.push(redirect.url);
            }
            Part::Head(head) => {
                assert!(self.head.is_none(), "a second head");
                self.head = Some(*head);
            }
            Part::Data(data) => {
                assert!(self.head.is_some() && self.trailers.is_none());
                self.body.extend_from_slice(&data);
            }
            Part::Trailers(trailers) => {
                assert!(self.head.is_some() && self.trailers.is_none());
                self.trailers = Some(*trailers);
            }
            Part::Done(summary) => {
                assert!(self.head.is_some(), "done without a head");
                self.summary = Some(summary);
            }
            Part::Error(error) => self.error = Some(error),
            Part::Frame(_) => assert!(self.head.is_some()),
            _ => {}
        }
        self.is_ended()
    }

    pub fn is_ended(&self) -> bool {
        self.summary.is_some() || self.error.is_some()
    }

    pub fn status(&self) -> u16 {
        let head = self.head.as_ref();
        head.unwrap_or_else(|| panic!("no head: {:?}", self.error))
            .status
            .as_u16()
    }

    pub fn code(&self) -> ErrorCode {
        match &self.error {
            Some(error) => error.code(),
            None => panic!("no error but {:?}", self.head),
        }
    }

    /// Fails unless the request went well.
    pub fn good(self) -> Answer {
        assert!(self.summary.is_some(), "{:?}", self.error);
        self
    }

    pub fn connection(&self) -> u64 {
        let summary = self.summary.as_ref().unwrap();
        summary.connection.as_ref().unwrap().id
    }
}

/// Takes the rest of a request's parts by `recv`; nothing may follow the last.
pub fn rest(handle: &RequestHandle) -> Answer {
    let mut answer = Answer::default();
    finish(handle, &mut answer);
    answer
}

/// Goes on with an answer of which parts were taken already.
pub fn finish(handle: &RequestHandle, answer: &mut Answer) {
    loop {
        let event = handle.recv(soon()).expect("a part in time");
        if answer.add(event.into_part()) {
            let after = handle.recv(Some(Instant::now())).unwrap_err();
            assert_eq!(after.code(), ErrorCode::EndOfParts);
            return;
        }
    }
}

pub fn submit(manager: &Manager, request: Request) -> RequestHandle {
    manager.submit(request, Delivery::Recv).unwrap()
}

pub fn fetch(manager: &Manager, request: Request) -> Answer {
    rest(&submit(manager, request))
}

/// Lets the reactor work: with the inline drive by turning it here.
pub fn turn(manager: &Manager) {
    let mut batch = Vec::new();
    match manager.poll(&mut batch, 1, Some(Instant::now())) {
        Ok(count) => assert_eq!(count, 0, "{batch:?} was in the queue"),
        Err(error) => assert_eq!(error.code(), ErrorCode::Closed),
    }
}

/// Waits until `happened`, for it happens on other threads, or while the reactor is turned.
pub fn eventually(manager: &Manager, what: &str, happened: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !happened() {
        assert!(
            Instant::now() < until,
            "{what} did not happen: {:?}",
            manager.statistics()
        );
        turn(manager);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Turns the reactor until it has nothing more to do, for what must not happen.
pub fn settle(manager: &Manager, millis: u64) {
    let until = Instant::now() + Duration::from_millis(millis);
    while Instant::now() < until {
        turn(manager);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A small generator of numbers that are the same in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
