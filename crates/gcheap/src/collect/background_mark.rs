//! Marking in steps, as background markers do it: what a marker holds for itself is seen by nobody else.
//!
//! V8's worklists are pools of segments (`heap::base::Worklist`). A marker takes a segment from the pool and fills another one
//! with what it comes upon; only full segments go to the pool. So the children of a list or of a narrow graph stay with the marker,
//! and marking looks done to the main thread long before it is. It may touch what marking in one go may. What holds: every
//! marked object that was not visited is either in the pool or held, and both are visited to the end by the final pause.

use super::Mechanism;
use super::mark::{Hand, Marking, pack};
use crate::memory::Worklist;
use crate::object::word::{is_reference, is_weak_reference};
use crate::space::pages::{CANDIDATE, YOUNG};

/// Entries of a segment of V8's worklists (`MarkingWorklist`).
const SEGMENT: usize = 64;
/// Background markers at work: Node's platform has so many threads (`--v8-pool-size`), whatever the number of processors.
pub(super) const MARKERS: usize = 4;
/// Least that a marker reads in its turn, bytes.
const LEAST_SHARE: u64 = 1024;

/// A segment that only its marker sees.
#[derive(Clone, Copy)]
struct Segment {
    entries: [u32; SEGMENT],
    length: usize,
}

impl Default for Segment {
    fn default() -> Segment {
        Segment { entries: [0; SEGMENT], length: 0 }
    }
}

impl Segment {
    fn pop(&mut self) -> Option<u32> {
        self.length = self.length.checked_sub(1)?;
        Some(self.entries[self.length])
    }

    fn publish(&mut self, pool: &mut Worklist<u32>) {
        self.entries[..self.length].iter().for_each(|&index| pool.push(index));
        self.length = 0;
    }
}

/// What a marker holds: the segment that it fills and the one that it works through.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    filled: Segment,
    worked: Segment,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.filled.length + self.worked.length == 0
    }

    #[inline(always)]
    pub(super) fn push(&mut self, index: u32, pool: &mut Worklist<u32>) {
        if self.filled.length == SEGMENT {
            self.filled.publish(pool);
        }
        self.filled.entries[self.filled.length] = index;
        self.filled.length += 1;
    }

    #[inline(always)]
    fn pop(&mut self, pool: &mut Worklist<u32>) -> Option<u32> {
        if self.worked.length == 0 {
            if self.filled.length > 0 {
                std::mem::swap(&mut self.worked, &mut self.filled);
            } else {
                self.take_from(pool);
            }
        }
        self.worked.pop()
    }

    /// One that holds nothing takes a segment of the pool.
    fn take_from(&mut self, pool: &mut Worklist<u32>) {
        if !self.is_empty() {
            return;
        }
        while self.worked.length < SEGMENT
            && let Some(index) = pool.pop()
        {
            self.worked.entries[self.worked.length] = index;
            self.worked.length += 1;
        }
        // In the order in which it was filled.
        self.worked.entries[..self.worked.length].reverse();
    }

    /// Everybody sees it now.
    pub(super) fn publish(&mut self, pool: &mut Worklist<u32>) {
        self.worked.publish(pool);
        self.filled.publish(pool);
    }
}

impl Marking {
    /// The main thread finds nothing to mark: what is left, if anything, background markers hold.
    pub(crate) fn looks_done(&self) -> bool {
        self.worklist.is_empty() && self.pieces.is_empty()
    }
}

impl Mechanism {
    /// Background markers visit marked objects until nothing is left or `budget` bytes were read. They take turns, and one that
    /// has nothing takes what the pool has.
    pub(crate) fn mark_in_background(&mut self, budget: u64) {
        let mut held = std::mem::take(&mut self.marking.held);
        let mut left = budget;
        loop {
            held.iter_mut().for_each(|held| held.take_from(&mut self.marking.worklist));
            let busy = held.iter().filter(|held| !held.is_empty()).count() as u64;
            let share = (left / busy.max(1)).max(LEAST_SHARE);
            let before = self.marking.read_bytes;
            for held in held.iter_mut().filter(|held| !held.is_empty()) {
                self.mark_with(held, share);
            }
            if busy == 0 && !self.marking.pieces.is_empty() {
                self.mark_with(&mut held[0], share);
            }
            let read = self.marking.read_bytes - before;
            left = left.saturating_sub(read);
            if read == 0 || left == 0 {
                break;
            }
        }
        self.marking.held = held;
    }

    /// The main thread does the same with what it finds, and shares what it has not come to. The bytes that it read.
    pub(crate) fn mark_on_main_thread(&mut self, budget: u64) -> u64 {
        let mut held = Held::default();
        let before = self.marking.read_bytes;
        self.mark_with(&mut held, budget);
        held.publish(&mut self.marking.worklist);
        self.marking.read_bytes - before
    }

    fn mark_with(&mut self, held: &mut Held, budget: u64) {
        if self.marking.has_candidates() {
            self.visit_with::<true>(held, budget);
        } else {
            self.visit_with::<false>(held, budget);
        }
    }

    #[inline(never)]
    fn visit_with<const CANDIDATES: bool>(&mut self, held: &mut Held, budget: u64) {
        let Marking { worklist, pieces, recorded, read_bytes, .. } = &mut self.marking;
        // Nothing is pushed here: what an object refers to goes to what is held.
        let mut none = Worklist::new();
        let mut hand = Hand { waiting: none.top(), view: self.spaces.pages.mark_view(), read: 0 };
        while hand.read < budget {
            let run = match (held.pop(worklist), pieces.is_empty()) {
                (Some(index), _) => hand.open_packed(index, pieces),
                (None, false) => match pieces.pop() {
                    Some(piece) => hand.next_piece(piece, pieces),
                    None => break,
                },
                (None, true) => break,
            };
            for (slot, word) in run.slots {
                if !is_reference(word) {
                    continue;
                }
                if CANDIDATES && hand.view.flags(word) & CANDIDATE != 0 && hand.view.flags(slot) & YOUNG == 0 {
                    recorded.push(pack(slot));
                }
                let place = hand.view.place(word);
                if !is_weak_reference(word) && hand.view.set_mark(place) {
                    held.push(pack(place), worklist);
                }
            }
        }
        *read_bytes += hand.read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_shares_what_does_not_fit_in_a_segment() {
        let mut pool = Worklist::new();
        let mut held = Held::default();
        for index in 1..=SEGMENT as u32 {
            held.push(index, &mut pool);
        }
        assert!(pool.is_empty());
        held.push(100, &mut pool);
        assert_eq!((pool.len(), held.pop(&mut pool)), (SEGMENT, Some(100)));
        assert_eq!(held.pop(&mut pool), Some(SEGMENT as u32), "nothing held: a segment of the pool is taken");
        assert!(pool.is_empty() && !held.is_empty());
        held.publish(&mut pool);
        assert_eq!(pool.len(), SEGMENT - 1);
    }
}
