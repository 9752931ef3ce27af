//! The case files: what is sent, what the server plays, what the client must deliver.

mod step;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::bytes::Octets;
pub use step::*;

/// Header fields that must match; `None` stands for a field that must be absent.
pub type Fields = BTreeMap<String, Option<String>>;

/// Header fields in the order in which they are sent.
pub type FieldList = Vec<(String, String)>;

/// A close code (`None`: the frame carried none) and its reason.
pub type CloseReason = (Option<u16>, String);

/// One file of cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// What the file is about.
    pub about: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case: requests, the server's script, the parts to be delivered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique over all files, in kebab case.
    pub name: String,
    /// What it shows, and where that is written.
    pub about: String,
    /// Numbers of the promises it tests.
    pub promises: Vec<u8>,
    /// What is spoken.
    pub protocol: Protocol,
    /// Options of the manager.
    #[serde(default)]
    pub manager: BTreeMap<String, serde_json::Value>,
    /// How the requests follow each other.
    #[serde(default)]
    pub mode: Mode,
    /// What the client submits.
    pub requests: Vec<Request>,
    /// What the server plays.
    pub server: Server,
}

/// What is spoken on the connections of a case.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1 in clear text.
    Http1,
    /// HTTP/2 in clear text with prior knowledge.
    Http2,
    /// HTTP/1.1 in clear text that asks for HTTP/2.
    Upgrade,
    /// WebSocket over HTTP/1.1 in clear text.
    Websocket,
    /// WebSocket over HTTP/2 in clear text with prior knowledge (RFC 8441).
    #[serde(rename = "websocket_http2")]
    WebsocketHttp2,
}

impl Protocol {
    /// Whether HTTP/2 is spoken.
    pub fn is_http2(self) -> bool {
        matches!(self, Protocol::Http2 | Protocol::WebsocketHttp2)
    }

    /// Whether the requests open a WebSocket.
    pub fn is_websocket(self) -> bool {
        matches!(self, Protocol::Websocket | Protocol::WebsocketHttp2)
    }
}

/// How the requests of a case follow each other.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The next is submitted when the former has ended.
    #[default]
    Sequential,
    /// All are submitted at once.
    Concurrent,
}

/// One request the client submits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method; `GET` if absent.
    #[serde(default = "get")]
    pub method: String,
    /// The target; `/` if absent.
    #[serde(default = "root")]
    pub path: String,
    /// Header fields to add.
    #[serde(default)]
    pub headers: FieldList,
    /// A body that is given whole.
    pub body: Option<Octets>,
    /// A body that is streamed.
    pub body_chunks: Option<Vec<Octets>>,
    /// Trailers after a streamed body.
    pub trailers: Option<FieldList>,
    /// Options of the request.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
    /// When the client cancels.
    pub cancel_after: Option<CancelAfter>,
    /// Frames a WebSocket client sends.
    #[serde(default)]
    pub send: Vec<Frame>,
    /// What must be delivered.
    pub parts: Vec<Part>,
}

/// When the client cancels a request.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum CancelAfter {
    /// At once.
    Submit,
    /// When the head was delivered.
    Head,
    /// When the first data were delivered.
    Data,
}

/// A WebSocket frame, sent or delivered.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Octets),
    /// A ping.
    Ping(Octets),
    /// A pong.
    Pong(Octets),
    /// A close frame.
    Close(CloseReason),
}

/// A part the client must deliver.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// An informational head.
    Informational(Informational),
    /// A redirect that was followed.
    Redirect(Redirect),
    /// The head of the answer.
    Head(Head),
    /// Body data, consecutive parts put together.
    Data(Data),
    /// Body data of whatever length and content.
    DataAny(DataAny),
    /// Trailers.
    Trailers(Trailers),
    /// A WebSocket frame.
    Frame(Framed),
    /// The good end.
    Done(Done),
    /// The bad end.
    Error(Failed),
}

/// An informational head.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Informational {
    /// The status.
    pub informational: u16,
    /// Fields that must match.
    #[serde(default)]
    pub headers: Fields,
}

/// A redirect that was followed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// The status.
    pub redirect: u16,
    /// Path and query of where it led.
    pub url: String,
    /// Fields that must match.
    #[serde(default)]
    pub headers: Fields,
}

/// The head of the answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The status.
    pub head: u16,
    /// Fields that must match.
    #[serde(default)]
    pub headers: Fields,
}

/// Body data.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// All of them.
    pub data: Octets,
}

/// Body data of whatever length.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataAny {
    /// Always true.
    pub data_any: bool,
}

/// Trailers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailers {
    /// Fields that must match.
    pub trailers: Fields,
}

/// A WebSocket frame.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framed {
    /// The frame.
    pub frame: Frame,
}

/// The good end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Always true.
    pub done: bool,
}

/// The bad end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The name of the error.
    pub error: OneOrMore<String>,
}

/// One value, or several of which any will do.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore<T> {
    /// Exactly this.
    One(T),
    /// Any of these.
    More(Vec<T>),
}

impl<T: PartialEq> OneOrMore<T> {
    /// Whether the value is the one, or one of those, that will do.
    pub fn holds(&self, value: &T) -> bool {
        match self {
            Self::One(one) => one == value,
            Self::More(several) => several.contains(value),
        }
    }
}

/// What the server plays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// One script for each connection, in the order in which they are accepted.
    #[serde(default)]
    pub connections: Vec<Vec<Step>>,
    /// Whether the port listens at all; if not, a connection is refused.
    #[serde(default = "yes")]
    pub listen: bool,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

fn yes() -> bool {
    true
}

/// Reads every case file in a directory, in the order of their names.
///
/// # Errors
/// A file that cannot be read or is not of this form, a name that occurs twice, a case without an end.
pub fn load(directory: &Path) -> Result<Vec<Case>, String> {
    let entries = std::fs::read_dir(directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    paths.sort();
    let mut cases: Vec<Case> = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let file: CaseFile =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        for case in file.cases {
            check(&case).map_err(|why| format!("{}: {}: {why}", path.display(), case.name))?;
            if cases.iter().any(|other| other.name == case.name) {
                return Err(format!("{}: {} occurs twice", path.display(), case.name));
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

fn check(case: &Case) -> Result<(), String> {
    let kebab =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if case.name.is_empty() || !case.name.chars().all(kebab) {
        return Err("the name is not in kebab case".to_owned());
    }
    for (index, request) in case.requests.iter().enumerate() {
        let ends = request
            .parts
            .iter()
            .filter(|part| matches!(part, Part::Done(_) | Part::Error(_)))
            .count();
        if ends != 1 || !matches!(request.parts.last(), Some(Part::Done(_) | Part::Error(_))) {
            return Err(format!(
                "request {index} does not end in exactly one of done and error"
            ));
        }
        if request.body.is_some() && request.body_chunks.is_some() {
            return Err(format!("request {index} has two bodies"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Step, load};

    #[test]
    fn every_case_file_is_well_formed() {
        let cases = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases")).unwrap();
        assert!(cases.len() >= 70, "{} cases", cases.len());
    }

    #[test]
    fn a_misspelt_step_is_refused() {
        assert!(serde_json::from_str::<Step>(r#"{"sendd": "a"}"#).is_err());
        assert!(
            serde_json::from_str::<Step>(r#"{"h2_rst": {"stream": 1, "code": 8, "why": 1}}"#)
                .is_err()
        );
        assert!(serde_json::from_str::<Step>(r#"{"wait_close": {"discard": true}}"#).is_ok());
        assert!(serde_json::from_str::<Step>(r#"{"wait_close": true}"#).is_ok());
    }
}
