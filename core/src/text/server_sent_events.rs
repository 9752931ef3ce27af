//! Server-sent events (WHATWG HTML, 9.2.6: interpreting an event stream).

use std::time::Duration;

use super::Lines;
use crate::error::{Error, ErrorCode, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event of an event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSentEvent {
    /// The event's type; `message` where the peer gave none.
    pub event: String,
    /// The data, its lines joined by `\n`.
    pub data: String,
    /// The last event id in force: this event's own, else that of an earlier one. None where there is none, or it is empty.
    pub id: Option<String>,
    /// The time to wait before reconnecting, if the peer set it since the event before.
    pub retry: Option<Duration>,
}

/// Reads an event stream (`text/event-stream`), wherever the pieces that are pushed were cut.
///
/// ```
/// let mut events = trunkline::ServerSentEvents::new(65536);
/// events.push(b"id: 7\ndata: hello\n\nda");
/// let event = events.next_event()?.expect("an event is there");
/// assert_eq!((event.event.as_str(), event.data.as_str()), ("message", "hello"));
/// assert_eq!(event.id.as_deref(), Some("7"));
/// assert_eq!(events.next_event()?, None);
/// # Ok::<(), trunkline::Error>(())
/// ```
#[derive(Debug)]
pub struct ServerSentEvents {
    lines: Lines,
    fields: Fields,
    finished: bool,
    failed: Option<Error>,
}

impl ServerSentEvents {
    /// Events of at most `max_event` bytes of data; no line may be longer either.
    pub fn new(max_event: usize) -> ServerSentEvents {
        ServerSentEvents {
            lines: Lines::new(max_event).at_carriage_return(),
            fields: Fields {
                max_event,
                first_line: true,
                ..Fields::default()
            },
            finished: false,
            failed: None,
        }
    }

    /// Takes the next piece. It is kept until its events are taken, so take them before pushing the next.
    pub fn push(&mut self, data: &[u8]) {
        if !self.finished {
            self.lines.push(data);
        }
    }

    /// Says that nothing follows. An event that no empty line ended is dropped, as the standard says.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// The next event. None: more has to be pushed, or all events were given out.
    ///
    /// # Errors
    ///
    /// `body_too_large` at an event or line that exceeds the limit, and from then on.
    pub fn next_event(&mut self) -> Result<Option<ServerSentEvent>> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let event = self.read();
        if let Err(error) = &event {
            self.failed = Some(error.clone());
            self.lines = Lines::new(0);
            self.lines.finish();
        }
        event
    }

    /// The id to send as `last-event-id` when reconnecting; empty where there is none.
    pub fn last_event_id(&self) -> &str {
        &self.fields.last_event_id
    }

    /// The time to wait before reconnecting, where the peer set one.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.fields.reconnection_time
    }

    fn read(&mut self) -> Result<Option<ServerSentEvent>> {
        while let Some(line) = self.lines.next_slice()? {
            if let Some(event) = self.fields.line(line)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

/// The buffers of the standard's algorithm.
#[derive(Debug, Default)]
struct Fields {
    max_event: usize,
    first_line: bool,
    event: String,
    /// Each line of the data ends with `\n` here.
    data: String,
    id: String,
    last_event_id: String,
    retry: Option<Duration>,
    reconnection_time: Option<Duration>,
}

impl Fields {
    fn line(&mut self, mut line: &[u8]) -> Result<Option<ServerSentEvent>> {
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        self.field(name, value.strip_prefix(b" ").unwrap_or(value))?;
        Ok(None)
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        match name {
            b"event" => self.event = text(value),
            b"data" => {
                self.data.push_str(&String::from_utf8_lossy(value));
                // The last line's end does not count: it is not part of the data.
                if self.data.len() > self.max_event {
                    return Err(Error::new(
                        ErrorCode::BodyTooLarge,
                        format!("an event of more than {} bytes", self.max_event),
                    ));
                }
                self.data.push('\n');
            }
            b"id" if !value.contains(&0) => self.id = text(value),
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                // Only an empty value and one past 64 bits do not parse; neither is a time.
                if let Ok(milliseconds) = text(value).parse() {
                    self.retry = Some(Duration::from_millis(milliseconds));
                    self.reconnection_time = self.retry;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An empty line: what was gathered is an event, if it has data.
    fn dispatch(&mut self) -> Option<ServerSentEvent> {
        self.last_event_id.clone_from(&self.id);
        let mut event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        if event.is_empty() {
            "message".clone_into(&mut event);
        }
        Some(ServerSentEvent {
            event,
            data,
            id: (!self.id.is_empty()).then(|| self.id.clone()),
            retry: self.retry.take(),
        })
    }
}

/// Decoding line by line is decoding the whole: no byte of a longer UTF-8 sequence looks like the end of a line.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: &str, data: &str, id: Option<&str>, retry: Option<u64>) -> ServerSentEvent {
        ServerSentEvent {
            event: event.to_owned(),
            data: data.to_owned(),
            id: id.map(str::to_owned),
            retry: retry.map(Duration::from_millis),
        }
    }

    fn message(data: &str) -> ServerSentEvent {
        event("message", data, None, None)
    }

    fn events(max_event: usize, pieces: &[&[u8]]) -> (Vec<ServerSentEvent>, bool, String) {
        let mut stream = ServerSentEvents::new(max_event);
        let mut all = Vec::new();
        for piece in pieces.iter().map(Some).chain([None]) {
            match piece {
                Some(piece) => stream.push(piece),
                None => stream.finish(),
            }
            loop {
                match stream.next_event() {
                    Ok(Some(event)) => all.push(event),
                    Ok(None) => break,
                    Err(error) => {
                        assert_eq!(error.code(), ErrorCode::BodyTooLarge);
                        assert!(stream.next_event().is_err(), "the error stays");
                        return (all, true, stream.last_event_id().to_owned());
                    }
                }
            }
        }
        (all, false, stream.last_event_id().to_owned())
    }

    /// Whole, cut in two at every byte, and byte by byte; gives the last event id.
    fn check(text: impl AsRef<[u8]>, expected: &[ServerSentEvent]) -> String {
        let text = text.as_ref();
        let (_, _, id) = events(1000, &[text]);
        let mut cuts = vec![vec![text], text.chunks(1).collect()];
        cuts.extend((0..=text.len()).map(|at| vec![&text[..at], &text[at..]]));
        for pieces in cuts {
            let all = events(1000, &pieces);
            assert_eq!(all, (expected.to_vec(), false, id.clone()), "{pieces:?}");
        }
        id
    }

    /// The examples of WHATWG HTML, 9.2.6.
    #[test]
    fn the_standards_examples_are_read() {
        check(
            "data: YHOO\ndata: +2\ndata: 10\n\n",
            &[message("YHOO\n+2\n10")],
        );
        let text = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event";
        let first = event("message", "first event", Some("1"), None);
        let id = check(text, &[first.clone(), message("second event")]);
        assert_eq!(id, "");
        let third = message(" third event");
        check(
            format!("{text}\n\n"),
            &[first, message("second event"), third],
        );
        check("data\n\ndata\ndata\n\ndata:", &[message(""), message("\n")]);
        check(
            "data:test\n\ndata: test\n\n",
            &[message("test"), message("test")],
        );
    }

    #[test]
    fn lines_end_in_three_ways_and_a_mark_may_begin_them() {
        check("\u{feff}data: a\n\n", &[message("a")]);
        check("\u{feff}\u{feff}data: a\n\n", &[]);
        check("data: a\r\rdata: b\r\n\r\n", &[message("a"), message("b")]);
        check("data: a\n\u{feff}data: b\n\n", &[message("a")]);
        check(b"data: \xff\xe2\x82\n\n", &[message("\u{fffd}\u{fffd}")]);
    }

    #[test]
    fn ids_stay_and_types_do_not() {
        let id = check(
            "event: add\nid: 1\ndata: a\n\ndata: b\n\nid: 2\n\nevent: x\n\ndata: c\n\nid: 3\ndata: d\n",
            &[
                event("add", "a", Some("1"), None),
                event("message", "b", Some("1"), None),
                event("message", "c", Some("2"), None),
            ],
        );
        assert_eq!(
            id, "2",
            "the id of an event that did not end is not in force"
        );
        let id = check(
            "id: 1\ndata: a\nid: 2\0\n\n",
            &[event("message", "a", Some("1"), None)],
        );
        assert_eq!(id, "1");
    }

    #[test]
    fn retries_are_digits() {
        let expected = [
            event("message", "a", None, Some(1500)),
            event("message", "b", None, None),
        ];
        check("retry: 1500\n\ndata: a\n\ndata: b\n\n", &expected);
        for wrong in [
            "",
            "+5",
            "-5",
            "5s",
            "1.5",
            " 5",
            "99999999999999999999",
            "\u{0665}",
        ] {
            check(format!("retry: {wrong}\ndata: a\n\n"), &[message("a")]);
        }
        let mut stream = ServerSentEvents::new(100);
        assert_eq!(stream.reconnection_time(), None);
        stream.push(b"retry: 7\n");
        assert_eq!(stream.next_event().unwrap(), None);
        assert_eq!(stream.reconnection_time(), Some(Duration::from_millis(7)));
    }

    #[test]
    fn other_lines_are_ignored() {
        check(
            ":\n: data: x\nfoo: bar\nDATA: x\n data: x\nfoo\ndata: a\n\n\n\n",
            &[message("a")],
        );
    }

    #[test]
    fn large_events_fail() {
        let expected = vec![message("a"), message("12345678\n1234567")];
        let within = b"data: a\n\ndata:12345678\ndata:1234567\n\n";
        let beyond = b"data: a\n\ndata:12345678\ndata:12345678\n\ndata: b\n\n";
        let line = b"data: a\n\n:1234567890123456\n";
        for cut in 0..within.len() {
            let (first, second) = within.split_at(cut);
            assert_eq!(events(16, &[first, second]).0, expected);
            let (first, second) = beyond.split_at(cut);
            let (all, failed, _) = events(16, &[first, second]);
            assert!(failed && all == expected[..1]);
        }
        for cut in 0..line.len() {
            let (first, second) = line.split_at(cut);
            let (all, failed, _) = events(16, &[first, second]);
            assert!(failed && all == expected[..1]);
        }
        let endless = b"data:\n".repeat(100);
        assert!(events(16, &[&endless]).1, "empty lines of data count too");
    }
}
