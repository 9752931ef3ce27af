//! The netrc file, as curl and the ftp of GNU inetutils read it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Auth, credential};
use crate::error::{Error, ErrorCode, Result};
use crate::limits;

/// Basic with what the file has for this host, or none.
///
/// # Errors
/// `io` where `given` cannot be read, or the default file exists and cannot; `invalid_argument` for one that is too long
/// or malformed, with the line.
pub(super) fn find(given: Option<&Path>, host: &str) -> Result<Auth> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => match default_path(std::env::var_os("NETRC"), std::env::home_dir()) {
            Some(path) => path,
            None => return Ok(Auth::None),
        },
    };
    let text = read(&path)?;
    let found = search(&text, host).map_err(|fault| {
        let place = format!(
            "netrc {}, line {}: {}",
            path.display(),
            fault.line,
            fault.what
        );
        Error::new(ErrorCode::InvalidArgument, place)
    })?;
    let Some(entry) = found else {
        return Ok(Auth::None);
    };
    for (what, text) in [("login", &entry.login), ("password", &entry.password)] {
        credential::check(&format!("{what} in netrc {}", path.display()), text)?;
    }
    Ok(Auth::Basic {
        user: entry.login,
        password: entry.password,
    })
}

/// The first that exists of the file that `NETRC` names, or those in the home directory where the variable is not set.
fn default_path(variable: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let candidates = match variable.filter(|path| !path.is_empty()) {
        Some(path) => vec![PathBuf::from(path)],
        None => {
            let home = home?;
            vec![home.join(".netrc"), home.join("_netrc")]
        }
    };
    candidates.into_iter().find(|path| path.exists())
}

fn read(path: &Path) -> Result<String> {
    let failed = |cause: std::io::Error| {
        let place = format!("netrc {}: {cause}", path.display());
        Error::new(ErrorCode::Io, place).with_source(cause)
    };
    let invalid = |why: &str| {
        Error::new(
            ErrorCode::InvalidArgument,
            format!("netrc {}: {why}", path.display()),
        )
    };
    // Asked before it is opened: to open a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::new(
            ErrorCode::Io,
            format!("netrc {}: not a regular file", path.display()),
        ));
    }
    warn(path, &metadata);
    let mut bytes = Vec::new();
    let mut file = File::open(path)
        .map_err(failed)?
        .take(limits::NETRC_BYTES as u64 + 1);
    file.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limits::NETRC_BYTES {
        return Err(invalid(&format!(
            "longer than {} bytes",
            limits::NETRC_BYTES
        )));
    }
    String::from_utf8(bytes).map_err(|_| invalid("not UTF-8"))
}

/// Warns once of a file that others may read.
fn warn(path: &Path, metadata: &std::fs::Metadata) {
    use std::os::unix::fs::PermissionsExt;
    static WARNED: AtomicBool = AtomicBool::new(false);
    if is_open(metadata.permissions().mode()) && !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(path = %path.display(), "netrc can be read by group or others");
    }
}

fn is_open(mode: u32) -> bool {
    mode & 0o044 != 0
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    login: String,
    password: String,
}

const HOST: usize = 0;
const DEFAULT: usize = 1;
const OTHER: usize = 2;

/// What is wrong with a file. The word itself is not told: it may be a password out of place.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: usize,
    what: &'static str,
}

/// The entry of this host: the first that names it, else the default. The whole file is read, so that a fault shows
/// whoever is asked for. An entry without login and password is none.
fn search(text: &str, host: &str) -> std::result::Result<Option<Entry>, Fault> {
    let mut words = Words {
        rest: text,
        line: 1,
    };
    // Of this host, of the default, of any other.
    let mut entries: [Option<Entry>; 3] = Default::default();
    // Which of them the words are about; none before the first machine.
    let mut current = None;
    while let Some(word) = words.keyword()? {
        match word.as_str() {
            "machine" => {
                let ours = is_host(&words.value()?, host) && entries[HOST].is_none();
                current = Some(if ours { HOST } else { OTHER });
            }
            "default" => {
                let first = entries[DEFAULT].is_none();
                current = Some(if first { DEFAULT } else { OTHER });
            }
            "macdef" => words.macro_body()?,
            "login" | "password" | "account" => {
                let value = words.value()?;
                let Some(place) = current else {
                    return Err(words.fault("stands before the first machine"));
                };
                let entry = &mut entries[place];
                match word.as_str() {
                    "login" => entry.get_or_insert_default().login = value,
                    "password" => entry.get_or_insert_default().password = value,
                    // FTP's; nothing of HTTP asks for it.
                    _ => {}
                }
            }
            _ => return Err(words.fault("a word that is no keyword")),
        }
    }
    let [named, default, _] = entries;
    Ok(named.or(default))
}

/// Host names are compared without case; an IPv6 address in a URL has brackets, in a netrc file it need not.
fn is_host(name: &str, host: &str) -> bool {
    let bare = |text: &str| {
        let inner = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        inner.unwrap_or(text).to_ascii_lowercase()
    };
    bare(name) == bare(host)
}

struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl Words<'_> {
    fn fault(&self, what: &'static str) -> Fault {
        Fault {
            line: self.line,
            what,
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut all = self.rest.chars();
        let next = all.next()?;
        self.rest = all.as_str();
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn skip_line(&mut self) {
        while let Some(next) = self.next() {
            if next == '\n' {
                break;
            }
        }
    }

    /// The next word, past comments.
    fn keyword(&mut self) -> std::result::Result<Option<String>, Fault> {
        loop {
            self.skip_space();
            match self.rest.chars().next() {
                None => return Ok(None),
                Some('#') => self.skip_line(),
                Some(_) => return self.word().map(Some),
            }
        }
    }

    /// The word after a keyword; `#` begins no comment here, for it may begin a password.
    fn value(&mut self) -> std::result::Result<String, Fault> {
        let fault = self.fault("a keyword without its value");
        self.skip_space();
        if self.rest.is_empty() {
            return Err(fault);
        }
        self.word()
    }

    fn skip_space(&mut self) {
        while self
            .rest
            .starts_with(|next: char| next.is_ascii_whitespace())
        {
            self.next();
        }
    }

    fn word(&mut self) -> std::result::Result<String, Fault> {
        if !self.rest.starts_with('"') {
            let end = self.rest.find(|next: char| next.is_ascii_whitespace());
            let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = rest;
            return Ok(word.to_owned());
        }
        let fault = self.fault("a quote is not closed");
        self.next();
        let mut word = String::new();
        loop {
            let mut next = self.next();
            match next {
                Some('"') => return Ok(word),
                Some('\\') => {
                    next = self.next().map(|escaped| match escaped {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        other => other,
                    });
                }
                Some('\n') => return Err(fault),
                _ => {}
            }
            match next {
                Some(next) => word.push(next),
                None => return Err(fault),
            }
        }
    }

    /// A macro of FTP: its name, then all lines up to an empty one.
    fn macro_body(&mut self) -> std::result::Result<(), Fault> {
        self.value()?;
        self.skip_line();
        while !self.rest.is_empty() {
            let empty = self
                .rest
                .lines()
                .next()
                .is_none_or(|line| line.trim().is_empty());
            self.skip_line();
            if empty {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
