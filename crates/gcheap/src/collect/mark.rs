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
use crate::space::pages::{CANDIDATE, MarkingView, YOUNG};

/// Entries of the prefetching queue.
const QUEUE: usize = 8;
/// Tagged words of an object that are visited in one piece.
const PIECE: u64 = 1024;

/// Objects that differ only in the address bits below this are neighbours: probably in the cache already.
const NEAR: u64 = 4096;

/// A marking cycle.
#[derive(Default)]
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

    /// After a scavenge: renames what moved, drops what died. `place_waiting` is asked for the objects that were not
    /// visited at all.
    pub(crate) fn update(
        &mut self,
        place: impl Fn(u64) -> Option<u64>,
        mut place_waiting: impl FnMut(u64) -> Option<u64>,
    ) {
        self.worklist.retain_map(|index| place_waiting(unpack(index)).map(pack));
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
        let mut marker = Marker {
            worklist: std::mem::take(&mut self.marking.worklist),
            pieces: &mut self.marking.pieces,
            recorded: &mut self.marking.recorded,
            view: self.spaces.pages.marking_view(),
        };
        let (done, visited) = marker.drain::<CANDIDATES>(budget);
        self.marking.worklist = marker.worklist;
        self.marking.marked_bytes += visited;
        done
    }
}

/// The marking loop's own state, so that none of it has to be read back from the heap after each store.
struct Marker<'m> {
    worklist: Worklist<u32>,
    pieces: &'m mut Worklist<(u32, u32)>,
    recorded: &'m mut Worklist<u32>,
    view: MarkingView<'m>,
}

impl Marker<'_> {
    /// Visits until nothing is left or `budget` bytes were visited; whether nothing is left, and the bytes.
    #[inline]
    fn drain<const CANDIDATES: bool>(&mut self, budget: u64) -> (bool, u64) {
        // Popped objects whose headers are on their way; a ring.
        let mut queue = [0u32; QUEUE];
        let mut first = 0usize;
        let mut queued = 0usize;
        let mut visited = 0u64;
        let done = loop {
            while queued < QUEUE {
                let Some(index) = self.worklist.pop() else { break };
                self.view.memory.prefetch(unpack(index));
                queue[(first + queued) % QUEUE] = index;
                queued += 1;
            }
            if queued == 0 {
                match self.pieces.pop() {
                    Some((index, at)) => {
                        visited += self.visit_piece::<CANDIDATES>(unpack(index), u64::from(at));
                    }
                    None => break true,
                }
            } else {
                if visited >= budget {
                    break false;
                }
                let mut address = unpack(queue[first]);
                first = (first + 1) % QUEUE;
                queued -= 1;
                // From object to neighbour without a detour over the stack: what was allocated together lies together.
                while address != 0 {
                    let header = Header(self.view.memory.word(address));
                    let bytes = header.bytes();
                    self.view.add_live(address, bytes);
                    let tagged = header.tagged();
                    if tagged > PIECE {
                        visited += self.visit_piece::<CANDIDATES>(address, 1);
                        break;
                    }
                    visited += bytes;
                    address = self.visit_slots::<CANDIDATES>(address, 1, tagged);
                }
            }
        };
        for offset in 0..queued {
            self.worklist.push(queue[(first + offset) % QUEUE]);
        }
        (done, visited)
    }

    /// A piece of a long object; the rest waits. Returns the bytes visited.
    #[inline(never)]
    fn visit_piece<const CANDIDATES: bool>(&mut self, address: u64, from: u64) -> u64 {
        let tagged = Header(self.view.memory.word(address)).tagged();
        let last = tagged.min(from + PIECE - 1);
        if last < tagged {
            self.pieces.push((pack(address), (last + 1) as u32));
        }
        let next = self.visit_slots::<CANDIDATES>(address, from, last);
        if next != 0 {
            self.worklist.push(pack(next));
        }
        (last + 1 - from) * WORD
    }

    /// Marks what the slots refer to and pushes it, all but the last: that is returned if it lies near, to be visited next.
    #[inline(always)]
    fn visit_slots<const CANDIDATES: bool>(&mut self, address: u64, first: u64, last: u64) -> u64 {
        let mut next = 0;
        let slots = self.view.memory.words(address + first * WORD, last + 1 - first);
        for (index, slot) in slots.iter().enumerate() {
            let word = slot.get();
            if is_reference(word) {
                if CANDIDATES && self.view.flags(word) & CANDIDATE != 0 {
                    let slot = address + (first + index as u64) * WORD;
                    if self.view.flags(slot) & YOUNG == 0 {
                        self.recorded.push(pack(slot));
                    }
                }
                if !is_weak(word) && self.view.marks.set(word) {
                    if next != 0 {
                        self.worklist.push(pack(next));
                    }
                    next = address_of(word);
                }
            }
        }
        if next != 0 && next ^ address >= NEAR {
            self.worklist.push(pack(next));
            next = 0;
        }
        next
    }
}
