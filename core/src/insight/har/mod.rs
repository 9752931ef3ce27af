//! HTTP archives (HAR 1.2, <http://www.softwareishard.com/blog/har-12-spec/>): what was asked and answered, for the
//! tools of browsers and others.

mod entry;
mod json;

use std::collections::VecDeque;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use crate::error::{Error, ErrorCode, Result};
use crate::limits;

pub(crate) use entry::{HarEntry, HarTimings};

/// A record of exchanges that can be written as an HTTP archive. Cheap to clone: the clones are one record. Any number
/// of threads may use it.
///
/// It keeps the last 1000 exchanges, 64 KiB of each body and 64 MiB in all; older ones go. Credentials (the fields
/// `authorization`, `proxy-authorization`, `cookie` and `set-cookie`, what was marked as sensitive, and the user and
/// password of a URL) are written as `[masked]` unless asked otherwise. Bodies and queries are written as they are.
#[derive(Clone, Default)]
pub struct HarLog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    credentials: bool,
    stopped: AtomicBool,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    kept: VecDeque<Arc<HarEntry>>,
    bytes: usize,
    dropped: u64,
}

impl HarLog {
    /// An empty record that hides credentials.
    pub fn new() -> HarLog {
        HarLog::default()
    }

    /// An empty record that shows credentials.
    pub fn with_credentials() -> HarLog {
        HarLog(Arc::new(Shared {
            credentials: true,
            ..Shared::default()
        }))
    }

    /// Whether exchanges are recorded that begin from now on. Default yes.
    pub fn set_recording(&self, recording: bool) {
        self.0.stopped.store(!recording, Ordering::Relaxed);
    }

    pub(crate) fn is_recording(&self) -> bool {
        !self.0.stopped.load(Ordering::Relaxed)
    }

    /// Adds an exchange that has ended.
    pub(crate) fn record(&self, entry: HarEntry) {
        let entry = Arc::new(entry);
        let mut entries = self.lock();
        entries.bytes += entry.weight();
        entries.kept.push_back(entry);
        while entries.kept.len() > limits::HAR_ENTRIES || entries.bytes > limits::HAR_BYTES {
            let Some(oldest) = entries.kept.pop_front() else {
                break;
            };
            entries.bytes -= oldest.weight();
            entries.dropped += 1;
        }
    }

    /// The archive as JSON, in the order in which the exchanges ended.
    pub fn to_json(&self) -> String {
        // The text is made without the lock, so that nobody who records waits for it.
        let (entries, dropped) = {
            let entries = self.lock();
            (entries.kept.clone(), entries.dropped)
        };
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| json::entry(entry, self.0.credentials))
            .collect();
        let mut log = json!({
            "version": "1.2",
            "creator": { "name": "trunkline", "version": env!("CARGO_PKG_VERSION") },
            "entries": entries,
        });
        if dropped > 0 {
            log["comment"] = json!(format!("{dropped} older entries were dropped"));
        }
        json!({ "log": log }).to_string()
    }

    /// Writes the archive to a file. One that is new only its owner may read.
    ///
    /// # Errors
    /// `io` where it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(self.to_json().as_bytes()))
            .map_err(|cause| {
                let message = format!("cannot write HTTP archive {}: {cause}", path.display());
                Error::new(ErrorCode::Io, message).with_source(cause)
            })
    }

    /// Forgets every exchange.
    pub fn clear(&self) {
        *self.lock() = Entries::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without the exchanges: they may hold credentials.
impl fmt::Debug for HarLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HarLog")
            .field("entries", &self.lock().kept.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use http::{HeaderMap, Method};
    use serde_json::Value;

    use super::*;

    fn entry(index: usize) -> HarEntry {
        let url = format!("http://example.com/{index}");
        HarEntry::begin(&Method::GET, &url, &HeaderMap::new())
    }

    fn urls(log: &HarLog) -> Vec<String> {
        let archive: Value = serde_json::from_str(&log.to_json()).unwrap();
        let entries = archive["log"]["entries"].as_array().unwrap();
        entries
            .iter()
            .map(|entry| entry["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn an_empty_archive_is_whole() {
        let archive: Value = serde_json::from_str(&HarLog::new().to_json()).unwrap();
        assert_eq!(
            archive,
            json!({ "log": {
                "version": "1.2",
                "creator": { "name": "trunkline", "version": env!("CARGO_PKG_VERSION") },
                "entries": [],
            } })
        );
    }

    #[test]
    fn the_last_thousand_are_kept_and_the_others_counted() {
        let log = HarLog::new();
        for index in 0..limits::HAR_ENTRIES + 2 {
            log.clone().record(entry(index));
        }
        let urls = urls(&log);
        assert_eq!(urls.len(), limits::HAR_ENTRIES);
        assert_eq!(urls[0], "http://example.com/2");
        let archive: Value = serde_json::from_str(&log.to_json()).unwrap();
        assert_eq!(archive["log"]["comment"], "2 older entries were dropped");
        log.clear();
        assert_eq!(format!("{log:?}"), "HarLog { entries: 0 }");
        assert_eq!(log.lock().bytes, 0);
    }

    #[test]
    fn all_together_stay_below_their_limit() {
        let log = HarLog::new();
        // Many bytes in the URL, for one body alone has a limit of its own.
        let large = |index: usize| HarEntry {
            url: format!("http://example.com/{index}?{}", "x".repeat(1024 * 1024)),
            ..entry(index)
        };
        for index in 0..70 {
            log.record(large(index));
        }
        assert!(log.lock().bytes <= limits::HAR_BYTES);
        assert_eq!(log.lock().kept.len(), 63);
        log.record(HarEntry {
            url: "x".repeat(limits::HAR_BYTES),
            ..entry(0)
        });
        assert_eq!(log.lock().kept.len(), 0);
        assert_eq!(log.lock().bytes, 0);
    }

    #[test]
    fn a_saved_archive_is_private_and_the_same_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.har");
        let log = HarLog::new();
        log.record(entry(1));
        log.save(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), log.to_json());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = log.save(&folder.path().join("none/log.har")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Io);
    }
}
