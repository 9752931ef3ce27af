//! The server's side of HTTP/2 with paths that are numbers.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fluke_hpack::Decoder;

use crate::kit::peer::{Frame, HEADERS, Http2Peer};

/// A connection, and the table by which its heads are read.
pub struct Numbered {
    pub peer: Http2Peer,
    table: Decoder<'static>,
}

impl Numbered {
    pub fn accept(stream: TcpStream, settings: &[(u16, u32)]) -> Option<Numbered> {
        Some(Numbered {
            peer: Http2Peer::accept(stream, settings)?,
            table: Decoder::new(),
        })
    }

    /// The next frame; of HEADERS the number that is the path, too.
    pub fn read(&mut self) -> Option<(Frame, usize)> {
        let frame = self.peer.read()?;
        let mut number = 0;
        if frame.kind == HEADERS {
            // Neither padding nor priority, and all in one frame: the client in question does no otherwise.
            assert_eq!(frame.flags & !5, 0, "{frame:?}");
            let fields = self.table.decode(&frame.payload).unwrap();
            let path = fields.iter().find(|(name, _)| name == b":path").unwrap();
            number = std::str::from_utf8(&path.1[1..]).unwrap().parse().unwrap();
        }
        Some((frame, number))
    }
}

/// How often each number was met.
#[derive(Debug, Default)]
pub struct Counts(Mutex<HashMap<usize, usize>>);

impl Counts {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, number: usize) {
        *self.lock().entry(number).or_default() += 1;
    }

    pub fn of(&self, number: usize) -> usize {
        self.lock().get(&number).copied().unwrap_or(0)
    }

    /// Those that were met more than once.
    pub fn repeated(&self) -> Vec<(usize, usize)> {
        let counts = self.lock();
        let repeated = counts.iter().filter(|(_, count)| **count > 1);
        repeated.map(|(number, count)| (*number, *count)).collect()
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }
}
