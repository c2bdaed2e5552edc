//! Marking in steps, as background markers do it: what a marker holds for itself is seen by nobody else.
//!
//! V8's worklists are pools of segments (`heap::base::Worklist`). A marker takes a segment from the pool and fills another one
//! with what it comes upon; only full segments go to the pool. So the children of a list or of a narrow graph stay with the marker,
//! and marking looks done to the main thread long before it is. It may touch what marking in one go may. What holds: every
//! marked object that was not visited is either in the pool or held, and both are visited to the end by the final pause.

use super::Mechanism;
use super::mark::{Hand, Marking, pack, unpack};
use crate::memory::Worklist;
use crate::object::word::{is_reference, is_weak_reference};
use crate::space::pages::{CANDIDATE, YOUNG};

/// Least that a marker reads in its turn, bytes.
const LEAST_SHARE: u64 = 1024;

/// What a marker holds: the segment that it fills and the one that it works through. Only it sees them.
#[derive(Default)]
pub(crate) struct Held {
    filled: Vec<u32>,
    worked: Vec<u32>,
    /// Entries of a segment.
    segment: usize,
}

impl Held {
    fn new(segment: usize) -> Held {
        Held { segment, ..Held::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled.is_empty() && self.worked.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.filled.clear();
        self.worked.clear();
    }

    #[inline(always)]
    pub(super) fn push(&mut self, index: u32, pool: &mut Worklist<u32>) {
        if self.filled.len() >= self.segment {
            publish(&mut self.filled, pool);
        }
        self.filled.push(index);
    }

    #[inline(always)]
    fn pop(&mut self, pool: &mut Worklist<u32>) -> Option<u32> {
        if self.worked.is_empty() {
            if self.filled.is_empty() {
                self.take_from(pool);
            } else {
                std::mem::swap(&mut self.worked, &mut self.filled);
            }
        }
        self.worked.pop()
    }

    /// One that holds nothing takes a segment of the pool.
    fn take_from(&mut self, pool: &mut Worklist<u32>) {
        if !self.is_empty() {
            return;
        }
        self.worked.extend(std::iter::from_fn(|| pool.pop()).take(self.segment));
        // In the order in which it was filled.
        self.worked.reverse();
    }

    /// Everybody sees it now.
    pub(super) fn publish(&mut self, pool: &mut Worklist<u32>) {
        publish(&mut self.worked, pool);
        publish(&mut self.filled, pool);
    }
}

fn publish(segment: &mut Vec<u32>, pool: &mut Worklist<u32>) {
    segment.drain(..).for_each(|index| pool.push(index));
}

impl Marking {
    /// So many background markers, and the write barrier, hold segments of so many entries.
    pub(crate) fn set_background(&mut self, markers: usize, segment: usize) {
        self.held = (0..markers).map(|_| Held::new(segment)).collect();
        self.stored = Held::new(segment);
    }

    /// Everybody shares what they hold.
    pub(super) fn share_held(&mut self) {
        self.held.iter_mut().chain([&mut self.stored]).for_each(|held| held.publish(&mut self.worklist));
    }

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
        let mut held = Held::new(self.marking.stored.segment);
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
                (Some(index), _) => hand.open(unpack(index), pieces),
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
        let mut held = Held::new(4);
        for index in 1..=4 {
            held.push(index, &mut pool);
        }
        assert!(pool.is_empty());
        held.push(100, &mut pool);
        assert_eq!((pool.len(), held.pop(&mut pool)), (4, Some(100)));
        assert_eq!(held.pop(&mut pool), Some(4), "nothing held: a segment of the pool is taken");
        assert!(pool.is_empty() && !held.is_empty());
        held.publish(&mut pool);
        assert_eq!(pool.len(), 3);
    }
}
