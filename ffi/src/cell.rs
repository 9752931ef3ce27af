//! Where delivered parts live while C reads them: cells that are never freed, so that a dead part is noticed, and that
//! are read without a lock, for each part is read several times.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use engine::{Error, ErrorCode, Event, Result};

use crate::fork;
use crate::handle::{GENERATION_MASK, Place, dead, trunk_part};
use crate::pages::Pages;
use crate::request::RequestObject;
use crate::tag::Tag;

/// A delivered part, as C sees it.
pub(crate) struct Content {
    pub(crate) event: Event,
    pub(crate) request: Arc<RequestObject>,
    /// The addresses of both ends as text, written when they are first asked for.
    pub(crate) remote: OnceLock<String>,
    pub(crate) local: OnceLock<String>,
}

impl Content {
    pub(crate) fn new(event: Event, request: Arc<RequestObject>) -> Content {
        Content {
            event,
            request,
            remote: OnceLock::new(),
            local: OnceLock::new(),
        }
    }
}

#[derive(Default)]
struct Cell {
    /// Odd while there is a part.
    generation: AtomicU32,
    content: UnsafeCell<Option<Content>>,
}

// SAFETY: `content` is written by the cell's one owner only, while no part in it is live; the contract forbids reading a
// part on one thread while another makes it die.
unsafe impl Sync for Cell {}

#[derive(Default)]
struct Free {
    unused: Vec<u32>,
    next: u32,
}

/// The cells of one process.
#[derive(Default)]
pub(crate) struct Cells {
    cells: Pages<Cell>,
    free: Mutex<Free>,
}

/// A cell and the right to fill it.
pub(crate) struct OwnedCell {
    index: u32,
    process: u8,
}

impl OwnedCell {
    /// An empty cell.
    ///
    /// # Errors
    /// `busy` when there are tens of millions of them.
    pub(crate) fn new() -> Result<OwnedCell> {
        let registry = fork::registry();
        let mut free = registry
            .cells
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let index = if let Some(index) = free.unused.pop() {
            index
        } else {
            let index = free.next;
            if registry.cells.cells.get_or_make(index).is_none() {
                return Err(Error::new(ErrorCode::Busy, "there are too many live parts"));
            }
            free.next += 1;
            index
        };
        Ok(OwnedCell {
            index,
            process: registry.process,
        })
    }

    /// Puts a part in, in place of a former one, and gives its handle.
    pub(crate) fn put(&mut self, content: Content) -> *const trunk_part {
        self.clear();
        let Some(cell) = self.cell() else {
            return ptr::null();
        };
        // SAFETY: `&mut self` owns the cell, and its generation is even: nobody reads it.
        unsafe { *cell.content.get() = Some(content) };
        let generation = cell
            .generation
            .fetch_add(1, Ordering::AcqRel)
            .wrapping_add(1);
        let place = Place {
            index: self.index,
            generation: generation & GENERATION_MASK,
        };
        ptr::without_provenance(place.encode(Tag::Part, self.process))
    }

    /// Makes the part in it die, which releases its credit.
    pub(crate) fn clear(&mut self) {
        let Some(cell) = self.cell() else { return };
        if cell.generation.load(Ordering::Acquire) & 1 == 0 {
            return;
        }
        cell.generation.fetch_add(1, Ordering::AcqRel);
        // SAFETY: `&mut self` owns the cell, and its generation is even again: nobody reads it.
        let content = unsafe { (*cell.content.get()).take() };
        if let Some(content) = content {
            let ended = content.event.is_terminal();
            drop(content.event);
            if ended {
                content.request.ended();
            }
        }
    }

    fn cell(&self) -> Option<&'static Cell> {
        if self.process == fork::process() {
            fork::registry().cells.cells.get(self.index)
        } else {
            None
        }
    }
}

impl Drop for OwnedCell {
    fn drop(&mut self) {
        self.clear();
        if self.process == fork::process() {
            let cells = &fork::registry().cells;
            cells
                .free
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .unused
                .push(self.index);
        }
    }
}

/// Reads a part.
///
/// # Errors
/// `null_pointer`, `invalid_handle` for a part that is no longer live, `forked`, and those of `read`.
pub(crate) fn with<T>(
    part: *const trunk_part,
    read: impl FnOnce(&Content) -> Result<T>,
) -> Result<T> {
    let place = Place::decode(part.addr(), Tag::Part)?;
    let cell = fork::registry()
        .cells
        .cells
        .get(place.index)
        .ok_or_else(|| dead(Tag::Part))?;
    if cell.generation.load(Ordering::Acquire) & GENERATION_MASK != place.generation
        || place.generation & 1 == 0
    {
        return Err(dead(Tag::Part));
    }
    // SAFETY: the generation says that the part is live; the contract keeps it so while this call runs.
    match unsafe { &*cell.content.get() } {
        Some(content) => read(content),
        None => Err(dead(Tag::Part)),
    }
}
