//! Runs every case of `tests/cases` through each delivery and both drives (promise 12).

mod support;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use support::expect::{Recorded, differences};
use support::options::{manager_options, request};
use trunkline::{Control, Delivery, Drive, Frame, Manager, Part, RequestHandle};
use trunkline_test_server::cases::{self, Server};
use trunkline_test_server::script::{self, CancelAfter, Case, Mode, Request};

/// Longer than anything a case waits for.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
enum By {
    Recv,
    Queue,
    Callback,
}

/// One request of a case being played.
struct Player<'a> {
    script: &'a Request,
    control: Control,
    chunks: VecDeque<Vec<u8>>,
    finished: bool,
    recorded: Vec<Recorded>,
}

impl<'a> Player<'a> {
    fn new(script: &'a Request, control: Control) -> Player<'a> {
        let chunks = script
            .body_chunks
            .iter()
            .flatten()
            .map(|chunk| chunk.as_slice().to_vec())
            .collect();
        let mut player = Player {
            script,
            control,
            chunks,
            finished: script.body_chunks.is_none(),
            recorded: Vec::new(),
        };
        if script.cancel_after == Some(CancelAfter::Submit) {
            player.control.cancel();
        }
        player.write();
        player
    }

    fn write(&mut self) {
        while let Some(chunk) = self.chunks.front() {
            match self.control.write(chunk.clone()) {
                Ok(()) => drop(self.chunks.pop_front()),
                // Full: a writable part comes. Ended meanwhile: nothing more to do.
                Err(_) => return,
            }
        }
        if !self.finished {
            self.finished = true;
            let trailers = self.script.trailers.as_ref().map(|fields| {
                let mut trailers = HeaderMap::new();
                for (name, value) in fields {
                    let (name, value) = trunkline::header_field(name, value.as_bytes()).unwrap();
                    trailers.append(name, value);
                }
                trailers
            });
            let _ = self.control.finish(trailers);
        }
    }

    /// True after the last part.
    fn hear(&mut self, part: &Part) -> bool {
        match part {
            Part::Writable => {
                self.write();
                return false;
            }
            Part::Head(_) => {
                for frame in &self.script.send {
                    let _ = self.control.send(self::frame(frame));
                }
                if self.script.cancel_after == Some(CancelAfter::Head) {
                    self.control.cancel();
                }
            }
            Part::Data(_) | Part::Frame(_)
                if self.script.cancel_after == Some(CancelAfter::Data) =>
            {
                self.control.cancel();
            }
            _ => {}
        }
        self.recorded.push(Recorded::of(part));
        part.is_terminal()
    }
}

fn frame(frame: &script::Frame) -> Frame {
    match frame {
        script::Frame::Text(text) => Frame::Text(text.clone().into()),
        script::Frame::Binary(data) => Frame::Binary(data.as_slice().to_vec().into()),
        script::Frame::Ping(data) => Frame::Ping(data.as_slice().to_vec().into()),
        script::Frame::Pong(data) => Frame::Pong(data.as_slice().to_vec().into()),
        script::Frame::Close((code, reason)) => Frame::Close(*code, reason.clone().into()),
    }
}

/// Plays requests that are submitted together; what each delivered.
fn play(
    manager: &Manager,
    requests: &[(&Request, trunkline::Request)],
    by: By,
    inline: bool,
) -> Vec<Vec<Recorded>> {
    match by {
        By::Recv => std::thread::scope(|scope| {
            let threads: Vec<_> = requests
                .iter()
                .map(|(script, request)| {
                    let handle = manager.submit(request.clone(), Delivery::Recv).unwrap();
                    scope.spawn(move || by_recv(script, &handle))
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        }),
        By::Queue => {
            let deliver = |index| Delivery::Queue { token: index };
            together(manager, requests, deliver, |handle| {
                let mut batch = Vec::new();
                manager
                    .poll(&mut batch, 7, Some(Instant::now() + PATIENCE))
                    .unwrap();
                assert!(!batch.is_empty(), "nothing was delivered in time");
                for event in batch {
                    let index = event.token() as usize;
                    handle(index, event.into_part());
                }
            })
        }
        By::Callback => {
            let (sender, receiver) = mpsc::channel();
            let deliver = |index: u64| {
                let sender = sender.clone();
                Delivery::Callback(Box::new(move |event| {
                    let _ = sender.send((index as usize, event.into_part()));
                }))
            };
            together(manager, requests, deliver, |handle| {
                let until = Instant::now() + PATIENCE;
                let (index, part) = loop {
                    if let Ok(found) = receiver.try_recv() {
                        break found;
                    }
                    assert!(Instant::now() < until, "nothing was delivered in time");
                    if inline {
                        manager
                            .poll(
                                &mut Vec::new(),
                                1,
                                Some(Instant::now() + Duration::from_millis(2)),
                            )
                            .unwrap();
                    } else if let Ok(found) = receiver.recv_timeout(Duration::from_millis(50)) {
                        break found;
                    }
                };
                handle(index, part);
            })
        }
    }
}

fn by_recv(script: &Request, handle: &RequestHandle) -> Vec<Recorded> {
    let mut player = Player::new(script, handle.control());
    loop {
        let part = handle
            .recv(Some(Instant::now() + PATIENCE))
            .expect("a part in time")
            .into_part();
        if player.hear(&part) {
            let after = handle.recv(Some(Instant::now())).unwrap_err();
            assert_eq!(after.code(), trunkline::ErrorCode::EndOfParts);
            return player.recorded;
        }
    }
}

fn together(
    manager: &Manager,
    requests: &[(&Request, trunkline::Request)],
    deliver: impl Fn(u64) -> Delivery,
    mut next: impl FnMut(&mut dyn FnMut(usize, Part)),
) -> Vec<Vec<Recorded>> {
    let mut players: Vec<_> = requests
        .iter()
        .enumerate()
        .map(|(index, (script, request))| {
            let handle = manager
                .submit(request.clone(), deliver(index as u64))
                .unwrap();
            Player::new(script, handle.control())
        })
        .collect();
    let mut left = players.len();
    let mut ended = vec![false; left];
    while left > 0 {
        next(&mut |index, part| {
            assert!(!ended[index], "{part:?} came after the terminal part");
            if players[index].hear(&part) {
                ended[index] = true;
                left -= 1;
            }
        });
    }
    players.into_iter().map(|player| player.recorded).collect()
}

/// What a case did otherwise than it should.
fn run(case: &Case, server: &Server, by: By, drive: Drive) -> Vec<String> {
    let port = server.ports().cases[&case.name];
    let manager = Manager::new(manager_options(case, drive)).unwrap();
    let built: Vec<_> = case
        .requests
        .iter()
        .map(|script| (script, request(case, script, port)))
        .collect();
    let inline = drive == Drive::Inline;
    let recorded: Vec<Vec<Recorded>> = match case.mode {
        Mode::Concurrent => play(&manager, &built, by, inline),
        Mode::Sequential => built
            .iter()
            .flat_map(|one| play(&manager, std::slice::from_ref(one), by, inline))
            .collect(),
    };
    let mut wrong = Vec::new();
    for (index, (script, recorded)) in case.requests.iter().zip(&recorded).enumerate() {
        wrong.extend(
            differences(&script.parts, recorded).map(|what| format!("request {index}: {what}")),
        );
    }
    let statistics = manager.statistics();
    if statistics.requests_active != 0 {
        wrong.push(format!(
            "{} requests are still active",
            statistics.requests_active
        ));
    }
    // Closes what is unused, which scripts wait for.
    if !manager.shutdown(Instant::now() + PATIENCE).unwrap() {
        wrong.push("the manager did not come to rest".to_owned());
    }
    drop(manager);
    if let Err(why) = server.verdict(&case.name) {
        wrong.push(format!("server: {why}"));
    }
    wrong
}

fn run_all(by: By, drive: Drive) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let server = cases::start(&directory).unwrap();
    let only = std::env::var("CASE").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in script::load(&directory).unwrap() {
        if only
            .as_ref()
            .is_some_and(|only| !case.name.contains(only.as_str()))
        {
            continue;
        }
        count += 1;
        for what in run(&case, &server, by, drive) {
            wrong.push(format!("{}: {what}", case.name));
        }
    }
    assert!(
        count >= 60 || only.is_some(),
        "only {count} cases were found"
    );
    assert!(
        wrong.is_empty(),
        "{} of {count} cases by {by:?}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

macro_rules! runners {
    ($($name:ident $by:ident $drive:expr;)*) => {
        $( #[test] fn $name() { run_all(By::$by, $drive); } )*
    };
}

runners! {
    cases_by_recv_inline Recv Drive::Inline;
    cases_by_recv_threads Recv Drive::Threads(1);
    cases_by_queue_inline Queue Drive::Inline;
    cases_by_queue_threads Queue Drive::Threads(2);
    cases_by_callback_inline Callback Drive::Inline;
    cases_by_callback_threads Callback Drive::Threads(1);
}
