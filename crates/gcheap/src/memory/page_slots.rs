//! Which page slots of the reservation are free.
//!
//! Single pages are taken from the low end, runs for large objects from the high end, so that the two do not cut up
//! each other's room. Always the lowest (highest) fitting place: the same requests give the same addresses.

pub(crate) struct PageSlots {
    /// One bit a slot, set where it is in use. Slot 0 is never given out, so that address 0 is no object.
    used: Vec<u64>,
    slots: usize,
    /// Every slot below is in use.
    low: usize,
    /// Every slot at or above is in use.
    high: usize,
}

impl PageSlots {
    pub(crate) fn new(slots: u64) -> Self {
        let slots = slots as usize;
        let mut used = vec![0; slots.div_ceil(64)];
        used[0] = 1;
        PageSlots { used, slots, low: 1, high: slots }
    }

    fn is_used(&self, slot: usize) -> bool {
        self.used[slot / 64] >> (slot % 64) & 1 != 0
    }

    /// The lowest free slot.
    pub(crate) fn take_one(&mut self) -> Option<u64> {
        while self.low < self.slots {
            let word = !self.used[self.low / 64] >> (self.low % 64);
            if word == 0 {
                self.low = (self.low / 64 + 1) * 64;
                continue;
            }
            self.low += word.trailing_zeros() as usize;
            if self.low >= self.slots {
                break;
            }
            let slot = self.low;
            self.used[slot / 64] |= 1 << (slot % 64);
            self.low += 1;
            return Some(slot as u64);
        }
        None
    }

    /// The highest run of `count` free slots.
    pub(crate) fn take_run(&mut self, count: u64) -> Option<u64> {
        let count = count as usize;
        while self.high > 1 && self.is_used(self.high - 1) {
            self.high -= 1;
        }
        let mut length = 0;
        for slot in (1..self.high).rev() {
            if self.is_used(slot) {
                length = 0;
                continue;
            }
            length += 1;
            if length == count {
                for taken in slot..slot + count {
                    self.used[taken / 64] |= 1 << (taken % 64);
                }
                return Some(slot as u64);
            }
        }
        None
    }

    pub(crate) fn give_back(&mut self, first: u64, count: u64) {
        let (first, count) = (first as usize, count as usize);
        for slot in first..first + count {
            debug_assert!(self.is_used(slot));
            self.used[slot / 64] &= !(1 << (slot % 64));
        }
        self.low = self.low.min(first);
        self.high = self.high.max(first + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_pages_come_from_the_low_end_and_runs_from_the_high_end() {
        let mut slots = PageSlots::new(16);
        assert_eq!(slots.take_one(), Some(1));
        assert_eq!(slots.take_run(3), Some(13));
        assert_eq!(slots.take_one(), Some(2));
        assert_eq!(slots.take_run(2), Some(11));
    }

    #[test]
    fn a_freed_run_is_found_again() {
        let mut slots = PageSlots::new(16);
        let first = slots.take_run(4).unwrap();
        let second = slots.take_run(4).unwrap();
        slots.give_back(first, 4);
        assert_eq!(slots.take_run(4), Some(first));
        slots.give_back(second, 4);
        assert_eq!(slots.take_run(3), Some(second + 1));
    }

    #[test]
    fn no_room_is_none_and_slot_zero_is_never_given() {
        let mut slots = PageSlots::new(4);
        assert_eq!((slots.take_one(), slots.take_one(), slots.take_one()), (Some(1), Some(2), Some(3)));
        assert_eq!(slots.take_one(), None);
        assert_eq!(slots.take_run(1), None);
        slots.give_back(2, 1);
        assert_eq!(slots.take_run(1), Some(2));
    }
}
