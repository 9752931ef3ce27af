//! The scripted server: a listener for each case, and a control port that tells how the scripts went.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::control;
use crate::play;
use crate::script::{self, Case};
use crate::verdict::Record;

/// Where the cases are served.
#[derive(Clone, Debug, Serialize)]
pub struct Ports {
    /// The port of the verdicts.
    pub control: u16,
    /// The port of each case by its name.
    pub cases: BTreeMap<String, u16>,
}

/// A running scripted server; it stops when dropped.
pub struct Server {
    ports: Ports,
    runtime: tokio::runtime::Handle,
    stage: Arc<Stage>,
    /// Ports that nobody listens on, held so that no other program is given them while the tests run.
    _held: Vec<socket2::Socket>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Where the cases are served.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Waits until the script of a case has ended and says whether it went as written.
    ///
    /// Not for threads of an asynchronous runtime: it blocks.
    ///
    /// # Errors
    /// What the client did otherwise.
    pub fn verdict(&self, name: &str) -> Result<(), String> {
        let record = self
            .stage
            .record(name)
            .ok_or_else(|| format!("no case is named {name}"))?;
        self.runtime.block_on(record.verdict())
    }

    /// Sets a case to its beginning, to be played again.
    pub fn reset(&self, name: &str) -> bool {
        self.stage.reset(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts the scripted server on a thread of its own.
///
/// # Errors
/// Case files that cannot be read, ports that cannot be bound.
pub fn start(directory: &Path) -> io::Result<Server> {
    let cases =
        script::load(directory).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let stage = Arc::new(Stage::new(cases));
    let (ports, held) = runtime.block_on(raise(&stage))?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("cases".to_owned())
        .spawn(move || {
            let _ = runtime.block_on(stopped);
        })?;
    Ok(Server {
        ports,
        runtime: handle,
        stage,
        _held: held,
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// All cases and how far each has come.
pub(crate) struct Stage {
    cases: BTreeMap<String, Acted>,
}

struct Acted {
    case: Case,
    record: Mutex<Arc<Record>>,
}

impl Stage {
    fn new(cases: Vec<Case>) -> Self {
        let acted = |case: Case| {
            let record = Mutex::new(fresh(&case));
            (case.name.clone(), Acted { case, record })
        };
        Self {
            cases: cases.into_iter().map(acted).collect(),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.cases.keys().map(String::as_str)
    }

    pub(crate) fn record(&self, name: &str) -> Option<Arc<Record>> {
        let acted = self.cases.get(name)?;
        Some(
            acted
                .record
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }

    pub(crate) fn reset(&self, name: &str) -> bool {
        let Some(acted) = self.cases.get(name) else {
            return false;
        };
        *acted.record.lock().unwrap_or_else(PoisonError::into_inner) = fresh(&acted.case);
        true
    }

    async fn serve(&self, stream: TcpStream, name: &str) {
        let (Some(acted), Some(record)) = (self.cases.get(name), self.record(name)) else {
            return;
        };
        let connection = record.open();
        match acted.case.server.connections.get(connection) {
            Some(steps) => {
                play::play(stream, acted.case.protocol, steps, &record, connection).await;
            }
            None => record.fault(format!("connection {connection}: the script has none such")),
        }
    }
}

fn fresh(case: &Case) -> Arc<Record> {
    Arc::new(Record::new(case.server.connections.len()))
}

async fn raise(stage: &Arc<Stage>) -> io::Result<(Ports, Vec<socket2::Socket>)> {
    let mut cases = BTreeMap::new();
    let mut held = Vec::new();
    for (name, acted) in &stage.cases {
        let port = if acted.case.server.listen {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let port = listener.local_addr()?.port();
            tokio::spawn(accept(listener, stage.clone(), name.clone()));
            port
        } else {
            let (socket, port) = hold()?;
            held.push(socket);
            port
        };
        cases.insert(name.clone(), port);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let control = listener.local_addr()?.port();
    tokio::spawn(control::serve(listener, stage.clone()));
    Ok((Ports { control, cases }, held))
}

async fn accept(listener: TcpListener, stage: Arc<Stage>, name: String) {
    while let Ok((stream, _)) = listener.accept().await {
        let stage = stage.clone();
        let name = name.clone();
        tokio::spawn(async move { stage.serve(stream, &name).await });
    }
}

/// Takes a port without listening on it.
fn hold() -> io::Result<(socket2::Socket, u16)> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let port = socket
        .local_addr()?
        .as_socket()
        .map_or(0, |address| address.port());
    Ok((socket, port))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use super::start;

    const CASES: &str = r#"{"about": "", "cases": [
        {"name": "hello", "about": "", "promises": [2], "protocol": "http1",
         "requests": [{"parts": [{"head": 200}, {"data": "hi"}, {"done": true}]}],
         "server": {"connections": [[
            {"expect_request": {"method": "POST", "target": "/a", "headers": {"x": "1"}, "body": "abc"}},
            {"send": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"}, {"close": true}]]}},
        {"name": "nobody", "about": "", "promises": [9], "protocol": "http1",
         "requests": [{"parts": [{"error": "connect_failed"}]}],
         "server": {"listen": false}},
        {"name": "stuck", "about": "", "promises": [6], "protocol": "http1",
         "requests": [{"parts": [{"error": "write_timeout"}]}],
         "server": {"connections": [[{"expect_head": {}}, {"hang": true}]]}}]}"#;

    fn exchange(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_script_is_played_and_judged() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.json"), CASES).unwrap();
        let server = start(directory.path()).unwrap();
        let port = server.ports().cases["hello"];
        let request = "POST /a HTTP/1.1\r\nhost: h\r\nx: 1\r\ncontent-length: 3\r\n\r\nabc";
        assert!(exchange(port, request).ends_with("\r\n\r\nhi"));
        assert_eq!(server.verdict("hello"), Ok(()));
        let told = exchange(
            server.ports().control,
            "GET /verdict/hello HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
        );
        assert!(told.ends_with(r#"{"ok":true}"#), "{told}");

        assert!(server.reset("hello"));
        exchange(port, &request.replace("x: 1", "x: 2"));
        assert_eq!(
            server.verdict("hello"),
            Err("connection 0 step 0: expected x: \"1\", got \"2\"".to_owned())
        );
        exchange(port, "");
        assert!(
            server
                .verdict("hello")
                .unwrap_err()
                .contains("connection 1: the script has none such")
        );

        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server.ports().cases["nobody"])).is_err());
        assert_eq!(server.verdict("nobody"), Ok(()));
        assert!(server.verdict("unknown").is_err());
    }

    #[test]
    fn a_client_that_closes_with_octets_unsent_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.json"), CASES).unwrap();
        let server = start(directory.path()).unwrap();
        let address = (Ipv4Addr::LOCALHOST, server.ports().cases["stuck"]);
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nhost: h\r\n\r\n")
            .unwrap();
        stream
            .set_write_timeout(Some(std::time::Duration::from_millis(100)))
            .unwrap();
        while stream.write(&[b'x'; 8192]).is_ok() {}
        drop(stream);
        assert_eq!(server.verdict("stuck"), Ok(()));
    }
}
