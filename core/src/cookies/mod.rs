//! Cookies (RFC 6265bis): a jar that takes them from answers and gives them to requests.
//!
//! Written here and not around the crate `cookie_store`: that one has no order of creation, no eviction, no prefixes,
//! none of the RFC's limits, and reads dates, nameless cookies and bytes other than UTF-8 as RFC 6265bis does not. What
//! would have been left of it are two comparisons of strings.

mod cookie;
mod date;
mod field;
mod netscape;
mod parse;
mod scope;
mod store;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use std::{fmt, io};

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use tempfile::NamedTempFile;
use url::Url;

use crate::error::{Error, ErrorCode, Result};
use crate::limits;

pub use cookie::{Cookie, SameSite};
pub(crate) use field::joined;
use scope::Origin;
use store::Store;

/// The cookies of a user. Cheap to clone: the clones are one jar. Any number of threads may use it.
///
/// It follows RFC 6265bis with the public suffix list. What is not taken is told at the log level `debug`, by name.
/// Like curl and browsers it takes `localhost`, `127.0.0.1` and `::1` for secure, whatever the scheme.
#[derive(Clone, Default)]
pub struct CookieJar(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How many there are, for those who need not ask further if there are none.
    count: AtomicUsize,
    store: Mutex<Store>,
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> CookieJar {
        CookieJar::default()
    }

    /// Takes every `set-cookie` field of an answer from `url`. A bad one is ignored, as the RFC says.
    pub fn store(&self, url: &Url, headers: &HeaderMap) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let Some(origin) = Origin::of(url) else {
            return;
        };
        let now = SystemTime::now();
        let mut ignored = Vec::new();
        self.change(|store| {
            for line in headers.get_all(SET_COOKIE) {
                let taken = parse::set_cookie(line.as_bytes(), now)
                    .and_then(|received| store.receive(received, &origin, now));
                if let Err(why) = taken {
                    ignored.push((line, why));
                }
            }
        });
        // Not in there: a log may take its time, and whoever reads it may ask for cookies.
        for (line, why) in ignored {
            let name = line.as_bytes().split(|byte| *byte == b'=').next();
            let name = name.filter(|name| name.len() < line.len()).unwrap_or(b"");
            tracing::debug!(
                host = origin.host,
                name = %name.escape_ascii(),
                why,
                "cookie ignored"
            );
        }
    }

    /// The value of the `cookie` field for a request to `url`, marked as sensitive; none where no cookie goes with it.
    ///
    /// `same_site` is false for a request that another site caused: then only cookies with `SameSite=None` go along.
    /// On an empty jar this is one atomic load.
    pub fn header(&self, url: &Url, same_site: bool) -> Option<HeaderValue> {
        if self.0.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let origin = Origin::of(url)?;
        let now = SystemTime::now();
        let field = self.look(|store| store.header(&origin, same_site, now))?;
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(field)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes one cookie as if `url` had sent it, for example `"theme=dark; Path=/; Max-Age=3600"`.
    ///
    /// # Errors
    /// `invalid_url` for a URL that cannot be parsed or has no host; `invalid_argument` for a cookie that this URL
    /// could not set.
    pub fn set(&self, url: &str, set_cookie: &str) -> Result<()> {
        let bad_url =
            |why: &str| Error::new(ErrorCode::InvalidUrl, format!("url of a cookie: {why}"));
        let url = Url::parse(url).map_err(|cause| bad_url(&cause.to_string()))?;
        let origin = Origin::of(&url).ok_or_else(|| bad_url("it has no host with cookies"))?;
        let now = SystemTime::now();
        parse::set_cookie(set_cookie.as_bytes(), now)
            .and_then(|received| self.change(|store| store.receive(received, &origin, now)))
            .map_err(|why| {
                let host = origin.host;
                Error::new(
                    ErrorCode::InvalidArgument,
                    format!("cookie for {host}: {why}"),
                )
            })
    }

    /// Removes the cookies of this domain, path and name, and says whether there were any.
    pub fn remove(&self, domain: &str, path: &str, name: impl AsRef<[u8]>) -> bool {
        let domain = domain.strip_prefix('.').unwrap_or(domain);
        let domain = domain.to_ascii_lowercase();
        self.change(|store| store.remove(&domain, path, name.as_ref())) > 0
    }

    /// Removes all.
    pub fn clear(&self) {
        self.change(Store::clear);
    }

    /// A copy of every cookie whose time is not over, the oldest first.
    pub fn cookies(&self) -> Vec<Cookie> {
        let now = SystemTime::now();
        self.look(|store| store.cookies(now))
    }

    /// Adds the cookies of a file in the format of Netscape, curl and browsers, and answers how many were taken.
    /// Left out are those whose time is over, and those that the RFC forbids.
    ///
    /// # Errors
    /// `io` where the file cannot be read; `invalid_argument` with file and line where it is malformed, or larger
    /// than 32 MiB. Then the jar is as before.
    pub fn load(&self, path: &Path) -> Result<usize> {
        let mut text = Vec::new();
        File::open(path)
            .and_then(|file| {
                file.take(limits::COOKIE_FILE_BYTES as u64 + 1)
                    .read_to_end(&mut text)
            })
            .map_err(|cause| file_error("read", path, cause))?;
        let bad = |why: String| {
            let path = path.display();
            Error::new(
                ErrorCode::InvalidArgument,
                format!("cookie file {path}{why}"),
            )
        };
        if text.len() > limits::COOKIE_FILE_BYTES {
            return Err(bad(": it is too large".to_owned()));
        }
        let cookies =
            netscape::read(&text).map_err(|(line, why)| bad(format!(", line {line}: {why}")))?;
        let now = SystemTime::now();
        let (mut taken, mut ignored) = (0, Vec::new());
        self.change(|store| {
            for cookie in cookies.into_iter().filter(|cookie| !cookie.is_expired(now)) {
                let (domain, name) = (cookie.domain.clone(), cookie.name.clone());
                match store.restore(cookie, now) {
                    Ok(()) => taken += 1,
                    Err(why) => ignored.push((domain, name, why)),
                }
            }
        });
        for (domain, name, why) in ignored {
            tracing::debug!(%domain, name = %name.escape_ascii(), why, "cookie ignored");
        }
        Ok(taken)
    }

    /// Writes all cookies, those of the session too, to a file in the format of Netscape, curl and browsers. The file
    /// is replaced as a whole, and only its owner may read it. `SameSite` has no place in it.
    ///
    /// # Errors
    /// `io` where it cannot be written; then a file that was there is as before.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = netscape::write(&self.cookies());
        replace(path, &text).map_err(|cause| file_error("write", path, cause))
    }

    fn look<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.0.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut store);
        self.0.count.store(store.count(), Ordering::Release);
        result
    }
}

/// Without the cookies: they are credentials.
impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar")
            .field("count", &self.0.count.load(Ordering::Acquire))
            .finish()
    }
}

/// Writes a file beside the old one and puts it in its place, so that nobody ever sees half of it. A new file of
/// `tempfile` has mode 0600.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn file_error(what: &str, path: &Path, cause: io::Error) -> Error {
    let message = format!("cannot {what} cookie file {}: {cause}", path.display());
    Error::new(ErrorCode::Io, message).with_source(cause)
}

#[cfg(test)]
mod tests;
