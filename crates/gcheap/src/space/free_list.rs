//! Free blocks of a paged space, by size category (V8 src/heap/free-list.h).
//!
//! Blocks are linked through the free memory itself: header, then the address of the next block. The list holds no
//! block of a page that waits for the sweeper or is to be evacuated.

use crate::memory::{Reservation, WORD};
use crate::object::{Header, Kind};

/// Smallest block of each category, bytes (V8 `FreeListManyCached::categories_min`).
const CATEGORY_MIN: [u64; 24] = [
    24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 512, 1024, 2048, 4096, 8192, 16384,
    32768, 65536,
];
const LAST: usize = CATEGORY_MIN.len() - 1;
/// Blocks below this are waste (V8 `kMinBlockSize`).
pub(crate) const MIN_BLOCK: u64 = CATEGORY_MIN[0];
/// The mutator looks for blocks that leave this much room (V8 `FreeListManyCachedFastPath::kFastPathOffset`).
const FAST_PATH_ROOM: u64 = 1920;
/// Up to here an object is tiny, and categories from 256 bytes on will do (V8 `kTinyObjectMaxSize`).
const TINY: u64 = 128;
const TINY_CATEGORIES: std::ops::Range<usize> = 15..18;

/// Who asks: the mutator wants long blocks to bump in, a collector wants blocks that fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    Mutator,
    Collector,
}

#[derive(Default)]
pub(crate) struct FreeList {
    /// Address of the first block of each category, 0 for none.
    heads: [u64; 24],
    /// Bytes in the list.
    pub(crate) available: u64,
}

fn category(bytes: u64) -> usize {
    CATEGORY_MIN.partition_point(|&min| min <= bytes) - 1
}

/// The first category all of whose blocks have at least `bytes`.
fn fitting_category(bytes: u64) -> usize {
    CATEGORY_MIN.partition_point(|&min| min < bytes)
}

/// The type of fillers that stand for waste: holes too small for the list. Other fillers count as allocated.
pub(crate) const WASTE: u16 = 1;

/// Makes a run of words look like free memory. Returns true if it is long enough for the list.
pub(crate) fn write_free(memory: &mut Reservation, address: u64, bytes: u64) -> bool {
    let words = bytes / WORD;
    match words {
        0 => false,
        1 | 2 => {
            memory.set_word(address, Header::new(Kind::Filler, WASTE, words, 0).0);
            false
        }
        _ => {
            memory.set_word(address, Header::new(Kind::FreeSpace, 0, words, 0).0);
            memory.set_word(address + WORD, 0);
            true
        }
    }
}

impl FreeList {
    /// Adds a run of free bytes; returns how many of them are too few to be used (waste).
    pub(crate) fn add(&mut self, memory: &mut Reservation, address: u64, bytes: u64) -> u64 {
        if !write_free(memory, address, bytes) {
            return bytes;
        }
        let head = &mut self.heads[category(bytes)];
        memory.set_word(address + WORD, *head);
        *head = address;
        self.available += bytes;
        0
    }

    fn pop(&mut self, memory: &Reservation, category: usize) -> Option<(u64, u64)> {
        let address = self.heads[category];
        if address == 0 {
            return None;
        }
        self.heads[category] = memory.word(address + WORD);
        let bytes = Header(memory.word(address)).bytes();
        self.available -= bytes;
        Some((address, bytes))
    }

    fn search(&mut self, memory: &mut Reservation, category: usize, bytes: u64) -> Option<(u64, u64)> {
        let mut previous = 0;
        let mut address = self.heads[category];
        while address != 0 {
            let next = memory.word(address + WORD);
            let size = Header(memory.word(address)).bytes();
            if size >= bytes {
                if previous == 0 {
                    self.heads[category] = next;
                } else {
                    memory.set_word(previous + WORD, next);
                }
                self.available -= size;
                return Some((address, size));
            }
            previous = address;
            address = next;
        }
        None
    }

    /// A block of at least `bytes`: address and size.
    pub(crate) fn take(&mut self, memory: &mut Reservation, bytes: u64, origin: Origin) -> Option<(u64, u64)> {
        if self.available < bytes {
            return None;
        }
        if origin == Origin::Mutator {
            for category in fitting_category(bytes + FAST_PATH_ROOM)..=LAST {
                if let Some(block) = self.pop(memory, category) {
                    return Some(block);
                }
            }
            if bytes <= TINY {
                for category in TINY_CATEGORIES.rev() {
                    if let Some(block) = self.pop(memory, category) {
                        return Some(block);
                    }
                }
            }
            if let Some(block) = self.search(memory, LAST, bytes) {
                return Some(block);
            }
        }
        let first_fitting = fitting_category(bytes);
        for category in first_fitting..=LAST {
            if let Some(block) = self.pop(memory, category) {
                return Some(block);
            }
        }
        self.search(memory, category(bytes.max(MIN_BLOCK)), bytes)
    }

    pub(crate) fn clear(&mut self) {
        *self = FreeList::default();
    }

    /// Unlinks the blocks for which `keep` is false; returns their bytes.
    pub(crate) fn retain(&mut self, memory: &mut Reservation, keep: impl Fn(u64) -> bool) -> u64 {
        let mut dropped = 0;
        for category in 0..=LAST {
            let mut address = std::mem::take(&mut self.heads[category]);
            let mut last = 0;
            while address != 0 {
                let next = memory.word(address + WORD);
                if keep(address) {
                    if last == 0 {
                        self.heads[category] = address;
                    } else {
                        memory.set_word(last + WORD, address);
                    }
                    last = address;
                } else {
                    dropped += Header(memory.word(address)).bytes();
                }
                address = next;
            }
            if last != 0 {
                memory.set_word(last + WORD, 0);
            }
        }
        self.available -= dropped;
        dropped
    }

    /// Calls `visit` with address and size of every block.
    pub(crate) fn for_each(&self, memory: &Reservation, mut visit: impl FnMut(u64, u64)) {
        for &head in &self.heads {
            let mut address = head;
            while address != 0 {
                visit(address, Header(memory.word(address)).bytes());
                address = memory.word(address + WORD);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::backend::BackendKind;

    fn memory() -> Reservation {
        let mut memory = Reservation::new(BackendKind::default().make(), 1 << 20, 1 << 18).unwrap();
        memory.commit(0, 1 << 20).unwrap();
        memory
    }

    #[test]
    fn a_collector_takes_a_block_that_fits_and_the_mutator_a_long_one() {
        let mut memory = memory();
        let mut list = FreeList::default();
        assert_eq!(list.add(&mut memory, 4096, 96), 0);
        assert_eq!(list.add(&mut memory, 8192, 16_384), 0);
        assert_eq!(list.take(&mut memory, 96, Origin::Collector), Some((4096, 96)));
        list.add(&mut memory, 4096, 96);
        assert_eq!(list.take(&mut memory, 96, Origin::Mutator), Some((8192, 16_384)));
        assert_eq!(list.take(&mut memory, 96, Origin::Mutator), Some((4096, 96)));
        assert_eq!(list.available, 0);
    }

    #[test]
    fn blocks_below_three_words_are_waste() {
        let mut memory = memory();
        let mut list = FreeList::default();
        assert_eq!(list.add(&mut memory, 4096, 16), 16);
        assert_eq!(list.available, 0);
    }

    #[test]
    fn dropping_the_blocks_of_a_page_leaves_the_others_linked() {
        let mut memory = memory();
        let mut list = FreeList::default();
        for block in 1..=9 {
            list.add(&mut memory, block * 4096, 64);
        }
        assert_eq!(list.retain(&mut memory, |address| address % 8192 != 0), 4 * 64);
        let mut left = Vec::new();
        list.for_each(&memory, |address, _| left.push(address / 4096));
        assert_eq!(left, [9, 7, 5, 3, 1]);
        assert_eq!(list.available, 5 * 64);
    }
}
