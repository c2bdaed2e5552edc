//! Marking: a depth-first walk over a bitmap, in one go or in steps.
//!
//! An object is marked when it is pushed, so it is pushed once. In front of the stack stands a short queue: the header
//! of an object is fetched while the objects before it are visited. Long arrays are visited in pieces, so the stack
//! grows with the depth of the graph, not with the width of one array.
//!
//! Where everything is visited to the end, two threads may do it (`parallel_mark`): the order has no influence on what
//! is marked, on live bytes, or on the set of recorded slots.
//!
//! While marking runs the write barrier marks every object that is stored into another, and objects allocated in
//! old space are marked at once (black allocation). Stack roots are seen only by the final pause.

use super::Mechanism;
use super::background_mark::Held;
use crate::memory::{BitTable, MarkView, Reservation, Share, Slots, Top, WORD, Worklist};
use crate::mutants::{Mutant, on};
use crate::object::word::{address as address_of, is_reference, is_weak_reference};
use crate::object::{Header, USUAL_TAGGED};
use crate::space::pages::{CANDIDATE, YOUNG};

/// Entries of the prefetching queue.
const QUEUE: usize = 8;
/// Tagged words of an object that are visited in one piece.
pub(super) const PIECE: u64 = 1024;
// What is usual has no more slots than a view finds without another mask.
const _: () = assert!(USUAL_TAGGED <= Reservation::MOST_IN_A_RUN && USUAL_TAGGED <= PIECE);

/// Objects that differ only in the address bits below this are neighbours: probably in the cache already.
const NEAR: u64 = 4096;

/// Bytes that the memory gives at once: a marker that looks at the header of an object has read as many.
const LINE: u64 = 64;

/// What a tagged word takes beyond that, as if so many bytes were read: a long array of small integers takes the marker 1.2 to
/// 1.6 ns a word, an object that it comes upon 30 to 70. (A measurement: full collections of real Nodes over lists, trees,
/// records, arrays, sets and strings.)
const TAGGED: u64 = 2;

/// Bytes that are read by one thread before two are thought of.
const WARM_UP: u64 = 4 << 20;
/// Slots and objects that wait: with fewer, a second thread would only wait too.
const ENOUGH_FOR_TWO: usize = 512;

/// A marking cycle.
#[derive(Default)]
pub(crate) struct Marking {
    /// Between the start of incremental marking and the end of the full collection.
    pub(crate) active: bool,
    /// Marked objects whose slots were not visited.
    pub(super) worklist: Worklist<u32>,
    /// Long objects that were not visited to the end.
    pub(super) pieces: Worklist<Piece>,
    /// Of those that were not visited, what background markers have taken for themselves.
    pub(super) held: Vec<Held>,
    /// The same of the write barrier: only a full segment of what it marks is seen (V8 `MarkingBarrier::current_worklists_`).
    pub(super) stored: Held,
    /// Slots of old objects that point into evacuation candidates.
    pub(crate) recorded: Worklist<u32>,
    /// Pages to be evacuated.
    pub(crate) candidates: Vec<u64>,
    /// Bytes that the marker has read in this cycle: headers and tagged words, and what lies in the line of a header. The rest of a
    /// string or of a backing store of doubles costs it nothing.
    pub(crate) read_bytes: u64,
    /// A second thread may help where the outcome is the same.
    pub(crate) parallel: bool,
}

/// What of a long object was not visited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Piece {
    pub(super) object: u32,
    /// The first slot of it, and the last one; an object that has become shorter ends before.
    pub(super) first: u32,
    pub(super) last: u32,
}

#[inline(always)]
pub(super) fn pack(address: u64) -> u32 {
    (address / WORD) as u32
}

#[inline(always)]
pub(super) fn unpack(index: u32) -> u64 {
    u64::from(index) * WORD
}

impl Marking {
    pub(crate) fn has_candidates(&self) -> bool {
        !self.candidates.is_empty()
    }

    pub(crate) fn record_slot(&mut self, slot: u64) {
        self.recorded.push(pack(slot));
    }

    /// Marking barrier: what is stored is marked (Dijkstra), and recorded if it lies on a page that is to be evacuated. V8 does not look at the
    /// colour of the object that it is stored into, which a marker may be visiting (src/heap/marking-barrier.cc), nor does this.
    #[cold]
    #[inline(never)]
    pub(crate) fn barrier(&mut self, marks: &mut BitTable, host: u64, host_flags: u8, slot: u64, value: (u64, u8)) {
        let (value, value_flags) = value;
        if on(Mutant::DropMarkingBarrier) {
            return;
        }
        if value_flags & CANDIDATE != 0 && host_flags & YOUNG == 0 && marks.get(host) {
            self.record_slot(slot);
        }
        if !is_weak_reference(value) && marks.set(value) {
            self.stored.push(pack(address_of(value)), &mut self.worklist);
        }
    }

    /// Nothing is left to visit.
    pub(crate) fn is_drained(&self) -> bool {
        self.worklist.is_empty()
            && self.pieces.is_empty()
            && self.held.iter().all(Held::is_empty)
            && self.stored.is_empty()
    }

    /// After a scavenge: renames what moved, drops what died. `place_waiting` is asked for the objects that were not
    /// visited at all.
    pub(crate) fn update(
        &mut self,
        place: impl Fn(u64) -> Option<u64>,
        mut place_waiting: impl FnMut(u64) -> Option<u64>,
    ) {
        // Markers stop for a scavenge.
        self.share_held();
        self.worklist.retain_map(|index| place_waiting(unpack(index)).map(pack));
        self.pieces
            .retain_map(|piece| place(unpack(piece.object)).map(|address| Piece { object: pack(address), ..piece }));
    }

    /// Recorded slots, consumed.
    pub(crate) fn take_recorded(&mut self) -> impl Iterator<Item = u64> + '_ {
        std::iter::from_fn(|| self.recorded.pop().map(unpack))
    }

    pub(crate) fn reset(&mut self) {
        self.active = false;
        self.held.iter_mut().chain([&mut self.stored]).for_each(Held::clear);
        self.worklist.reset();
        self.pieces.reset();
        self.recorded.reset();
        self.candidates.clear();
        self.read_bytes = 0;
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

    /// Visits marked objects until nothing is left (true) or `budget` bytes were read.
    pub(crate) fn drain_marking(&mut self, budget: u64) -> bool {
        self.marking.share_held();
        if self.marking.has_candidates() { self.drain::<true>(budget) } else { self.drain::<false>(budget) }
    }

    fn drain<const CANDIDATES: bool>(&mut self, budget: u64) -> bool {
        if budget < u64::MAX || !self.marking.parallel {
            return self.drain_alone::<CANDIDATES>(budget);
        }
        // With nothing left at the end, the outcome does not depend on the order: a second thread is welcome once there is
        // enough for both.
        while !self.drain_alone::<CANDIDATES>(WARM_UP) {
            let waiting = self.marking.worklist.len() + self.marking.pieces.len() * PIECE as usize;
            if waiting >= ENOUGH_FOR_TWO && self.drain_in_parallel::<CANDIDATES>() {
                break;
            }
        }
        true
    }

    #[inline(never)]
    fn drain_alone<const CANDIDATES: bool>(&mut self, budget: u64) -> bool {
        let marking = &mut self.marking;
        let mut marker = Marker {
            waiting: &mut marking.worklist,
            pieces: &mut marking.pieces,
            recorded: &mut marking.recorded,
            view: self.spaces.pages.mark_view(),
            read: 0,
        };
        let done = marker.drain::<CANDIDATES>(budget);
        marking.read_bytes += marker.read;
        done
    }
}

/// The marking loop's own state.
pub(super) struct Marker<'m, S: Share> {
    pub(super) waiting: &'m mut Worklist<u32>,
    pub(super) pieces: &'m mut Worklist<Piece>,
    pub(super) recorded: &'m mut Worklist<u32>,
    pub(super) view: MarkView<'m, S>,
    /// Bytes read.
    pub(super) read: u64,
}

/// Tagged words of an object that are visited in one go.
pub(super) struct Run<'m> {
    address: u64,
    pub(super) slots: Slots<'m>,
}

/// What the loop holds in registers: nothing here is reached through a pointer that a call could write through.
pub(super) struct Hand<'m, S: Share> {
    pub(super) waiting: Top<'m, u32>,
    pub(super) view: MarkView<'m, S>,
    pub(super) read: u64,
}

impl<S: Share> Marker<'_, S> {
    /// Visits until nothing is left or `budget` bytes were read; whether nothing is left.
    #[inline(always)]
    pub(super) fn drain<const CANDIDATES: bool>(&mut self, budget: u64) -> bool {
        // The loop twice: where the size of a page is known to the compiler it takes no register.
        if self.view.has_usual_pages() {
            self.visit_all::<CANDIDATES, true>(budget)
        } else {
            self.visit_all::<CANDIDATES, false>(budget)
        }
    }

    #[inline(always)]
    fn visit_all<const CANDIDATES: bool, const USUAL: bool>(&mut self, budget: u64) -> bool {
        let Marker { waiting, pieces, recorded, view, read } = self;
        let mut hand = Hand { waiting: waiting.top(), view: view.reborrow().with_pages::<USUAL>(), read: *read };
        // Popped objects whose headers are on their way, the oldest at `turn`; 0 is an empty place.
        let mut queue = [0u32; QUEUE];
        let mut turn = 0usize;
        let mut here = 0;
        let done = loop {
            let mut run = match hand.waiting.pop() {
                Some(index) => {
                    let mut address = hand.view.place(unpack(index));
                    // What lies near the object before it needs no time to arrive.
                    if address ^ here >= NEAR {
                        hand.view.prefetch(address);
                        let oldest = std::mem::replace(&mut queue[turn % QUEUE], index);
                        turn = turn.wrapping_add(1);
                        if oldest == 0 {
                            continue;
                        }
                        address = hand.view.place(unpack(oldest));
                    }
                    if hand.read >= budget {
                        hand.waiting.push(pack(address));
                        break false;
                    }
                    hand.open(address, pieces)
                }
                None => match queue.iter_mut().find(|place| **place != 0) {
                    Some(place) => hand.open(unpack(std::mem::take(place)), pieces),
                    None => match pieces.pop() {
                        Some(piece) => hand.next_piece(piece, pieces),
                        None => break true,
                    },
                },
            };
            // From object to neighbour without a detour over the stack: what was allocated together lies together.
            loop {
                here = run.address;
                let next = hand.visit::<CANDIDATES>(run, recorded);
                if next == 0 {
                    break;
                }
                if next ^ here >= NEAR {
                    hand.waiting.push(pack(next));
                    break;
                }
                run = hand.open(next, pieces);
            }
        };
        for index in queue {
            if index != 0 {
                hand.waiting.push(index);
            }
        }
        *read = hand.read;
        done
    }
}

impl<'m, S: Share> Hand<'m, S> {
    /// The slots of a marked object, which counts as live from here on.
    #[inline(always)]
    pub(super) fn open(&mut self, address: u64, pieces: &mut Worklist<Piece>) -> Run<'m> {
        let address = self.view.place(address);
        let header = Header(self.view.word(address));
        if header.is_usual() {
            let bytes = header.small_words() * WORD;
            self.view.add_live(address, bytes + WORD * u64::from(on(Mutant::WrongLiveBytes)));
            let tagged = header.small_tagged();
            self.read += (WORD + tagged * TAGGED).max(bytes.min(LINE));
            return Run { address, slots: self.view.few_slots(address, tagged) };
        }
        self.view.add_live(address, header.bytes());
        if !header.is_small() || header.small_tagged() > PIECE {
            return self.next_piece(Piece { object: pack(address), first: 1, last: u32::MAX }, pieces);
        }
        self.read += (WORD + header.tagged() * TAGGED).max(header.bytes().min(LINE));
        Run { address, slots: self.view.slots(address + WORD, header.tagged()) }
    }

    /// A piece of a long object; the rest waits.
    #[inline(always)]
    pub(super) fn next_piece(&mut self, piece: Piece, pieces: &mut Worklist<Piece>) -> Run<'m> {
        let address = self.view.place(unpack(piece.object));
        let count = cut(pieces, Header(self.view.word(address)), piece);
        self.read += count * TAGGED;
        Run { address, slots: self.view.slots(address + u64::from(piece.first) * WORD, count) }
    }

    /// Marks what the slots refer to and pushes it, all but the last: that is returned, to be visited next if it lies near.
    #[inline(always)]
    fn visit<const CANDIDATES: bool>(&mut self, run: Run<'m>, recorded: &mut Worklist<u32>) -> u64 {
        let mut next = 0;
        for (slot, word) in run.slots {
            if !is_reference(word) {
                continue;
            }
            if CANDIDATES && self.view.flags(word) & CANDIDATE != 0 && self.view.flags(slot) & YOUNG == 0 {
                record(recorded, slot);
            }
            if is_weak_reference(word) {
                continue;
            }
            let place = self.view.place(word);
            if self.view.set_mark(place) {
                if next != 0 {
                    self.waiting.push(pack(next));
                }
                next = place;
            }
        }
        next
    }
}

#[cold]
#[inline(never)]
fn cut(pieces: &mut Worklist<Piece>, header: Header, piece: Piece) -> u64 {
    let (first, end) = (u64::from(piece.first), header.tagged().min(u64::from(piece.last)));
    let last = end.min(first + PIECE - 1);
    if last < end {
        pieces.push(Piece { first: (last + 1) as u32, ..piece });
    }
    (last + 1).saturating_sub(first)
}

/// Bytes that a marker reads of an object, as [`Hand::open`] and [`Hand::next_piece`] count them.
pub(super) fn read_of(header: Header) -> u64 {
    let tagged = header.tagged() * TAGGED;
    let whole = header.is_small() && header.small_tagged() <= PIECE;
    if whole { (WORD + tagged).max(header.bytes().min(LINE)) } else { tagged }
}

#[inline(never)]
fn record(recorded: &mut Worklist<u32>, slot: u64) {
    recorded.push(pack(slot));
}
