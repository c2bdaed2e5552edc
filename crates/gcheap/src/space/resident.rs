//! Free pages whose memory the system has not been given back yet.
//!
//! What is given back must be cleared by the system when it is touched anew, in small pages where a large one was cut up. So
//! it stays until it has been free for some full collections: then the heap has no use for it.

use std::collections::VecDeque;

/// Full collections that a page stays free before its memory is given back. An own choice: the size to which a heap grows
/// varies from one collection to the next.
const CYCLES: u32 = 4;

/// A set of pages that knows since when.
#[derive(Debug, Default)]
pub(crate) struct ResidentFree {
    /// Pages and the cycle in which they came, the oldest first. Pages that were removed stay until their turn comes.
    queue: VecDeque<(u64, u32)>,
    /// Which pages are in the set, one bit each.
    present: Vec<u64>,
    /// Pages in the set.
    pub(crate) count: u64,
    cycle: u32,
}

impl ResidentFree {
    pub(crate) fn insert(&mut self, page: u64) {
        let (word, bit) = ((page / 64) as usize, 1 << (page % 64));
        if word >= self.present.len() {
            self.present.resize(word + 1, 0);
        }
        if self.present[word] & bit == 0 {
            self.present[word] |= bit;
            self.count += 1;
            self.queue.push_back((page, self.cycle));
        }
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, page: u64) -> bool {
        let bit = 1 << (page % 64);
        match self.present.get_mut((page / 64) as usize) {
            Some(word) if *word & bit != 0 => {
                *word ^= bit;
                self.count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The page that came first.
    pub(crate) fn take_oldest(&mut self) -> Option<u64> {
        self.take(0)
    }

    /// A page that has been there for some full collections.
    pub(crate) fn take_long_free(&mut self) -> Option<u64> {
        self.take(CYCLES)
    }

    fn take(&mut self, cycles: u32) -> Option<u64> {
        while let Some(&(page, since)) = self.queue.front() {
            if self.cycle - since < cycles {
                return None;
            }
            self.queue.pop_front();
            if self.remove(page) {
                return Some(page);
            }
        }
        None
    }

    /// A full collection has ended.
    pub(crate) fn end_cycle(&mut self) {
        self.cycle = self.cycle.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_free_for_some_cycles_is_long_free() {
        let mut set = ResidentFree::default();
        for page in [5, 700] {
            set.insert(page);
        }
        for _ in 0..CYCLES {
            assert_eq!(set.take_long_free(), None);
            set.end_cycle();
        }
        set.insert(9);
        assert!(set.remove(5));
        let taken: Vec<u64> = std::iter::from_fn(|| set.take_long_free()).collect();
        assert_eq!((taken, set.count), (vec![700], 1));
    }

    #[test]
    fn the_oldest_comes_first_and_removed_ones_do_not_come() {
        let mut set = ResidentFree::default();
        for page in [3, 1, 2] {
            set.insert(page);
        }
        assert!(set.remove(3) && !set.remove(3));
        assert_eq!((set.take_oldest(), set.take_oldest(), set.take_oldest()), (Some(1), Some(2), None));
    }
}
