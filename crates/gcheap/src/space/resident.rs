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
    /// In the order in which they came. A page that was removed, and may have come again, stays until its turn comes.
    queue: VecDeque<Arrival>,
    /// The number of each page's last arrival; 0: it is not in the set.
    arrivals: Vec<u64>,
    /// Pages in the set.
    pub(crate) count: u64,
    /// Arrivals so far.
    arrived: u64,
    cycle: u32,
}

/// A page came.
#[derive(Debug)]
struct Arrival {
    page: u64,
    number: u64,
    cycle: u32,
}

/// Arrivals that are kept though their pages are gone, beside as many as there are pages.
const STALE: usize = 64;

impl ResidentFree {
    pub(crate) fn insert(&mut self, page: u64) {
        let index = page as usize;
        if index >= self.arrivals.len() {
            self.arrivals.resize(index + 1, 0);
        }
        if self.arrivals[index] != 0 {
            return;
        }
        if self.queue.len() > 2 * self.count as usize + STALE {
            self.queue.retain(|arrival| self.arrivals[arrival.page as usize] == arrival.number);
        }
        self.arrived += 1;
        self.arrivals[index] = self.arrived;
        self.count += 1;
        self.queue.push_back(Arrival { page, number: self.arrived, cycle: self.cycle });
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, page: u64) -> bool {
        match self.arrivals.get_mut(page as usize) {
            Some(number) if *number != 0 => {
                *number = 0;
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
        while let Some(&Arrival { page, number, cycle }) = self.queue.front() {
            if self.cycle - cycle < cycles {
                return None;
            }
            self.queue.pop_front();
            if self.arrivals[page as usize] == number {
                self.remove(page);
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

    #[test]
    fn a_page_that_comes_again_has_not_been_free_for_long() {
        let mut set = ResidentFree::default();
        set.insert(3);
        for _ in 0..CYCLES {
            set.end_cycle();
        }
        assert!(set.remove(3));
        set.insert(3);
        assert_eq!(set.take_long_free(), None);
        assert_eq!((set.take_oldest(), set.count), (Some(3), 0));
    }

    #[test]
    fn pages_that_come_and_go_leave_nothing_behind() {
        let mut set = ResidentFree::default();
        for page in (0..10).cycle().take(10_000) {
            set.insert(page);
            set.remove(page);
        }
        assert_eq!(set.count, 0);
        assert!(set.queue.len() <= STALE + 1, "{}", set.queue.len());
    }
}
