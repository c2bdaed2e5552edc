//! Marking: a depth-first walk over a bitmap, in one go or in steps.
//!
//! An object is marked when it is pushed, so it is pushed once. In front of the stack stands a short queue: the header
//! of an object is fetched while the objects before it are visited. Long arrays are visited in pieces, so the stack
//! grows with the depth of the graph, not with the width of one array.
//!
//! While marking runs the write barrier marks every object that is stored into a marked one, and objects allocated in
//! old space are marked at once (black allocation). Stack roots are seen only by the final pause.

use super::Mechanism;
use crate::memory::{WORD, Worklist};
use crate::object::Header;
use crate::object::word::{address as address_of, is_reference, is_weak};
use crate::space::pages::{CANDIDATE, YOUNG};

/// Entries of the prefetching queue.
const QUEUE: usize = 8;
/// Tagged words of an object that are visited in one piece.
const PIECE: u64 = 1024;

/// A marking cycle.
pub(crate) struct Marking {
    /// Between the start of incremental marking and the end of the full collection.
    pub(crate) active: bool,
    /// Marked objects whose slots were not visited.
    worklist: Worklist<u32>,
    /// Long objects and the first slot that was not visited.
    pieces: Worklist<(u32, u32)>,
    /// Slots of old objects that point into evacuation candidates.
    pub(crate) recorded: Worklist<u32>,
    /// Pages to be evacuated.
    pub(crate) candidates: Vec<u64>,
    /// Bytes visited in this cycle.
    pub(crate) marked_bytes: u64,
}

impl Default for Marking {
    fn default() -> Self {
        Marking {
            active: false,
            worklist: Worklist::new(),
            pieces: Worklist::new(),
            recorded: Worklist::new(),
            candidates: Vec::new(),
            marked_bytes: 0,
        }
    }
}

#[inline(always)]
fn pack(address: u64) -> u32 {
    (address / WORD) as u32
}

#[inline(always)]
fn unpack(index: u32) -> u64 {
    u64::from(index) * WORD
}

impl Marking {
    pub(crate) fn has_candidates(&self) -> bool {
        !self.candidates.is_empty()
    }

    pub(crate) fn record_slot(&mut self, slot: u64) {
        self.recorded.push(pack(slot));
    }

    /// Nothing is left to visit.
    pub(crate) fn is_drained(&self) -> bool {
        self.worklist.is_empty() && self.pieces.is_empty()
    }

    /// After a scavenge: renames what moved, drops what died.
    pub(crate) fn update(&mut self, place: impl Fn(u64) -> Option<u64>) {
        self.worklist.retain_map(|index| place(unpack(index)).map(pack));
        self.pieces.retain_map(|(index, at)| place(unpack(index)).map(|address| (pack(address), at)));
    }

    /// Recorded slots, consumed.
    pub(crate) fn take_recorded(&mut self) -> impl Iterator<Item = u64> + '_ {
        std::iter::from_fn(|| self.recorded.pop().map(unpack))
    }

    pub(crate) fn reset(&mut self) {
        self.active = false;
        self.worklist.reset();
        self.pieces.reset();
        self.recorded.reset();
        self.candidates.clear();
        self.marked_bytes = 0;
    }
}

impl Mechanism {
    /// Marks the object that a reference points at; true if it was not marked before.
    #[inline(always)]
    pub(crate) fn mark_word(&mut self, word: u64) -> bool {
        let fresh = self.spaces.pages.marks.set(word);
        if fresh {
            self.marking.worklist.push(pack(address_of(word)));
        }
        fresh
    }

    /// Marks the roots that do not lie on the stack.
    pub(crate) fn mark_global_roots(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.for_each_global(|word| {
            self.mark_word(*word);
        });
        self.roots = roots;
    }

    pub(crate) fn mark_stack_roots(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.for_each_stack(|word| {
            self.mark_word(*word);
        });
        self.roots = roots;
    }

    /// Visits marked objects until nothing is left (true) or `budget` bytes were visited.
    pub(crate) fn drain_marking(&mut self, budget: u64) -> bool {
        if self.marking.has_candidates() { self.drain::<true>(budget) } else { self.drain::<false>(budget) }
    }

    fn drain<const CANDIDATES: bool>(&mut self, budget: u64) -> bool {
        // Popped objects whose headers are on their way; a ring.
        let mut queue = [0u32; QUEUE];
        let mut first = 0usize;
        let mut queued = 0usize;
        let mut visited = 0u64;
        let done = loop {
            while queued < QUEUE {
                let Some(index) = self.marking.worklist.pop() else { break };
                self.spaces.pages.memory.prefetch(unpack(index));
                queue[(first + queued) % QUEUE] = index;
                queued += 1;
            }
            if queued == 0 {
                match self.marking.pieces.pop() {
                    Some((index, at)) => {
                        let address = unpack(index);
                        let header = Header(self.spaces.pages.memory.word(address));
                        self.visit_piece::<CANDIDATES>(address, header, u64::from(at));
                        visited += PIECE * WORD;
                    }
                    None => break true,
                }
            } else {
                if visited >= budget {
                    break false;
                }
                let address = unpack(queue[first]);
                first = (first + 1) % QUEUE;
                queued -= 1;
                let header = Header(self.spaces.pages.memory.word(address));
                let bytes = header.bytes();
                self.spaces.pages.add_live(address, bytes);
                visited += bytes;
                let tagged = header.tagged();
                if tagged > PIECE {
                    self.visit_piece::<CANDIDATES>(address, header, 1);
                } else {
                    self.visit_slots::<CANDIDATES>(address, 1, tagged);
                }
            }
        };
        for offset in 0..queued {
            self.marking.worklist.push(queue[(first + offset) % QUEUE]);
        }
        self.marking.marked_bytes += visited;
        done
    }

    /// A piece of a long object; the rest waits.
    #[inline(never)]
    fn visit_piece<const CANDIDATES: bool>(&mut self, address: u64, header: Header, from: u64) {
        let last = header.tagged().min(from + PIECE - 1);
        if last < header.tagged() {
            self.marking.pieces.push((pack(address), (last + 1) as u32));
        }
        self.visit_slots::<CANDIDATES>(address, from, last);
    }

    #[inline(always)]
    fn visit_slots<const CANDIDATES: bool>(&mut self, address: u64, first: u64, last: u64) {
        let mut slot = address + first * WORD;
        let end = address + last * WORD;
        while slot <= end {
            let word = self.spaces.pages.memory.word(slot);
            if is_reference(word) {
                if CANDIDATES
                    && self.spaces.pages.flags(word) & CANDIDATE != 0
                    && self.spaces.pages.flags(slot) & YOUNG == 0
                {
                    self.marking.record_slot(slot);
                }
                if !is_weak(word) {
                    self.mark_word(word);
                }
            }
            slot += WORD;
        }
    }
}
