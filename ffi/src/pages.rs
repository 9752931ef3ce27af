//! A growing array whose entries never move, so that looking one up takes no lock.

use std::sync::OnceLock;

const FIRST: usize = 64;
const PAGES: usize = 20;

/// The number of entries that [`Pages`] can hold.
pub(crate) const CAPACITY: u32 = (FIRST * ((1 << PAGES) - 1)) as u32;

/// Pages of 64, 128, 256, ... entries, each made when it is first needed.
pub(crate) struct Pages<T> {
    pages: [OnceLock<Box<[T]>>; PAGES],
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages {
            pages: [const { OnceLock::new() }; PAGES],
        }
    }
}

impl<T: Default> Pages<T> {
    /// The entry at `index`, if its page exists.
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let (page, offset) = locate(index);
        self.pages.get(page)?.get()?.get(offset)
    }

    /// The entry at `index`, whose page is made where it does not exist.
    pub(crate) fn get_or_make(&self, index: u32) -> Option<&T> {
        let (page, offset) = locate(index);
        let size = FIRST << page;
        self.pages
            .get(page)?
            .get_or_init(|| (0..size).map(|_| T::default()).collect())
            .get(offset)
    }
}

fn locate(index: u32) -> (usize, usize) {
    let index = index as usize;
    let page = (index / FIRST + 1).ilog2() as usize;
    (page, index - FIRST * ((1 << page) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_its_own_place() {
        assert_eq!(locate(0), (0, 0));
        assert_eq!(locate(63), (0, 63));
        assert_eq!(locate(64), (1, 0));
        assert_eq!(locate(191), (1, 127));
        assert_eq!(locate(192), (2, 0));
        assert_eq!(
            locate(CAPACITY - 1),
            (PAGES - 1, (FIRST << (PAGES - 1)) - 1)
        );
        let pages = Pages::<u32>::default();
        assert!(pages.get(5).is_none());
        assert_eq!(pages.get_or_make(5), Some(&0));
        assert_eq!(pages.get(5), Some(&0));
        assert!(pages.get_or_make(CAPACITY).is_none());
    }
}
