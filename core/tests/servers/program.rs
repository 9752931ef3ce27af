//! Programs that a test starts, and ends by their process ids.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use trunkline_test_server::embedded;

/// Lengths of the files that every server offers under their own names.
pub const SIZES: [usize; 4] = [0, 10, 70_000, 1_500_000];

/// Where a program is. When it is nowhere, says so, or fails where it has to be there.
pub fn find(name: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into(), own])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{name} is not installed"
        );
        println!("skipped: {name} is not installed");
    }
    found
}

/// A port that nobody uses right now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A folder for one program, removed in the end, and an authority that issued a certificate for it.
pub struct Program(PathBuf, embedded::Server);

impl Program {
    pub fn folder() -> Program {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("trunkline-servers-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Program(path, embedded::start(None).unwrap())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The authority's certificate.
    pub fn authority(&self) -> Vec<u8> {
        std::fs::read(&self.1.places().ca).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    /// One file of each size.
    pub fn files(&self) {
        let folder = self.0.join("files");
        std::fs::create_dir_all(&folder).unwrap();
        for size in SIZES {
            std::fs::write(folder.join(size.to_string()), vec![b'x'; size]).unwrap();
        }
    }

    /// A certificate for localhost and its key.
    pub fn certificate(&self) -> (String, String) {
        let (cert, key) = (self.0.join("cert.pem"), self.0.join("key.pem"));
        let folder = self.1.places().ca.parent().unwrap();
        std::fs::copy(folder.join("server.pem"), &cert).unwrap();
        std::fs::copy(folder.join("server.key"), &key).unwrap();
        (cert.display().to_string(), key.display().to_string())
    }

    /// Starts it and waits until it listens.
    pub fn start(&self, path: &Path, arguments: &[&str], ports: &[u16]) -> Running {
        let log = std::fs::File::create(self.0.join("log")).unwrap();
        let child = Command::new(path)
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut running = Running(child);
        let until = Instant::now() + Duration::from_secs(30);
        for port in ports {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err() {
                let ended = running.0.try_wait().unwrap();
                let log = || std::fs::read_to_string(self.0.join("log")).unwrap_or_default();
                assert!(ended.is_none(), "{}: {ended:?}: {}", path.display(), log());
                assert!(Instant::now() < until, "{}: {}", path.display(), log());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        running
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running program, ended when dropped.
pub struct Running(Child);

impl Running {
    /// Sends it a signal, by name.
    pub fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success(), "kill -s {name}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
