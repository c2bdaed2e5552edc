//! Weak objects: WeakRefs, weak cells of FinalizationRegistries, ephemeron tables.
//!
//! Each is on a list from its allocation on. A collection walks the lists, not the heap: what died is dropped, what moved is
//! renamed. Targets are cleared by mark-compacts; a scavenge keeps young targets alive up to V8 13.6 and clears them from 14.6 on. Entries of
//! ephemeron tables die with their keys in both.

use super::Mechanism;
use crate::memory::{Reservation, WORD};
use crate::mutants::{Mutant, on};
use crate::object::Header;
use crate::object::word::{HOLE, UNDEFINED, is_reference, is_weak, reference};

/// An ephemeron table and whether a scavenge has to look into it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EphemeronTable {
    pub(crate) address: u64,
    pub(crate) has_young: bool,
}

#[derive(Default)]
pub(crate) struct WeakObjects {
    pub(crate) weak_refs: Vec<u64>,
    pub(crate) weak_cells: Vec<u64>,
    pub(crate) ephemeron_tables: Vec<EphemeronTable>,
}

impl WeakObjects {
    /// Nothing weak is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.weak_refs.is_empty() && self.weak_cells.is_empty() && self.ephemeron_tables.is_empty()
    }

    /// Renames what moved and drops what `place` does not know any more.
    pub(crate) fn update(&mut self, place: impl Fn(u64) -> Option<u64>) {
        let lists = if on(Mutant::ForgetWeakCell) { 1 } else { 2 };
        for list in [&mut self.weak_refs, &mut self.weak_cells].into_iter().take(lists) {
            list.retain_mut(|address| match place(*address) {
                Some(now) => {
                    *address = now;
                    true
                }
                None => false,
            });
        }
        self.ephemeron_tables.retain_mut(|table| match place(table.address) {
            Some(now) => {
                table.address = now;
                true
            }
            None => false,
        });
    }
}

/// Word index of the number of entries, of deleted entries and of the capacity in an ephemeron table.
pub(crate) const EPHEMERON_COUNT: u64 = 2;
pub(crate) const EPHEMERON_DELETED: u64 = 3;
const EPHEMERON_FIRST: u64 = 5;

pub(crate) fn ephemeron_capacity(memory: &Reservation, table: u64) -> u64 {
    (Header(memory.word(table)).words() - EPHEMERON_FIRST) / 2
}

/// Slots of key and value of every entry.
pub(crate) fn ephemeron_entries(table: u64, capacity: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..capacity).map(move |index| {
        let key = table + (EPHEMERON_FIRST + 2 * index) * WORD;
        (key, key + WORD)
    })
}

/// Empties an entry whose key has died.
pub(crate) fn remove_ephemeron(memory: &mut Reservation, table: u64, key_slot: u64, value_slot: u64) {
    memory.set_word(key_slot, HOLE);
    memory.set_word(value_slot, HOLE);
    let count = memory.word(table + EPHEMERON_COUNT * WORD);
    let deleted = memory.word(table + EPHEMERON_DELETED * WORD);
    memory.set_word(table + EPHEMERON_COUNT * WORD, count - 1);
    memory.set_word(table + EPHEMERON_DELETED * WORD, deleted + 1);
}

/// Word index of the target of a WeakRef.
pub(crate) const WEAK_REF_TARGET: u64 = 3;
/// Word indexes of a weak cell.
pub(crate) const CELL_REGISTRY: u64 = 1;
pub(crate) const CELL_HOLDINGS: u64 = 2;
pub(crate) const CELL_TARGET: u64 = 3;
pub(crate) const CELL_TOKEN: u64 = 4;
pub(crate) const CELL_PREVIOUS: u64 = 5;
pub(crate) const CELL_NEXT: u64 = 6;
/// Word index of the list of active cells of a FinalizationRegistry.
pub(crate) const REGISTRY_ACTIVE: u64 = 3;

/// What a full collection finds in the tables that are alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EphemeronEntries {
    /// Entries whose keys are alive.
    pub(crate) kept: u64,
    /// Entries that it drops.
    pub(crate) dropped: u64,
}

impl Mechanism {
    /// Marks values of ephemerons whose keys are marked, until nothing changes (V8 `MarkTransitiveClosureUntilFixpoint`).
    pub(crate) fn mark_ephemerons(&mut self) {
        let tables: Vec<u64> = self.weak.ephemeron_tables.iter().map(|table| table.address).collect();
        if tables.is_empty() {
            return;
        }
        let mut seen_tables = vec![false; tables.len()];
        // Entries whose key is not marked yet; once a key is marked its entry is done with for this cycle.
        let mut waiting: Vec<(u64, u64)> = Vec::new();
        loop {
            let mut progress = false;
            for (table, seen) in tables.iter().zip(&mut seen_tables) {
                if !*seen && self.spaces.pages.marks.get(*table) {
                    *seen = true;
                    progress = true;
                    let capacity = ephemeron_capacity(&self.spaces.pages.memory, *table);
                    waiting.extend(
                        ephemeron_entries(*table, capacity)
                            .filter(|(key, _)| is_reference(self.spaces.pages.memory.word(*key))),
                    );
                }
            }
            waiting.retain(|&(key_slot, value_slot)| {
                let key = self.spaces.pages.memory.word(key_slot);
                if !self.spaces.pages.marks.get(key) {
                    return true;
                }
                let value = self.spaces.pages.memory.word(value_slot);
                if is_reference(value) {
                    progress |= self.mark_word(value);
                }
                false
            });
            if !progress || on(Mutant::ForgetEphemeronRound) {
                break;
            }
            self.drain_marking(u64::MAX);
        }
    }

    /// Clears what pointed weakly at unmarked objects. Returns whether finalization callbacks were queued, and the entries of
    /// tables that are alive.
    pub(crate) fn clear_weak(&mut self) -> (bool, EphemeronEntries) {
        let pages = &mut self.spaces.pages;
        let dead = |word: u64, pages: &crate::space::pages::Pages| is_reference(word) && !pages.marks.get(word);
        for word in self.roots.weak.words_mut() {
            if dead(*word, pages) {
                *word = UNDEFINED;
            }
        }
        self.weak.weak_refs.retain(|&weak_ref| {
            let marked = pages.marks.get(weak_ref);
            let target = pages.memory.word(weak_ref + WEAK_REF_TARGET * WORD);
            if marked && (dead(target, pages) || on(Mutant::ClearLiveWeakRef)) {
                pages.memory.set_word(weak_ref + WEAK_REF_TARGET * WORD, UNDEFINED);
            }
            marked
        });
        let mut queued = false;
        let queue = &mut self.roots.finalization_queue;
        self.weak.weak_cells.retain(|&cell| {
            if !pages.marks.get(cell) {
                return false;
            }
            let target = pages.memory.word(cell + CELL_TARGET * WORD);
            if is_weak(target) && dead(target, pages) && !on(Mutant::LoseFinalization) {
                pages.memory.set_word(cell + CELL_TARGET * WORD, UNDEFINED);
                queue.push_back(reference(cell));
                queued = true;
            }
            let token = pages.memory.word(cell + CELL_TOKEN * WORD);
            if is_weak(token) && dead(token, pages) {
                pages.memory.set_word(cell + CELL_TOKEN * WORD, UNDEFINED);
            }
            true
        });
        let mut entries = EphemeronEntries::default();
        self.weak.ephemeron_tables.retain_mut(|table| {
            if !pages.marks.get(table.address) {
                return false;
            }
            let capacity = ephemeron_capacity(&pages.memory, table.address);
            for (key_slot, value_slot) in ephemeron_entries(table.address, capacity) {
                let key = pages.memory.word(key_slot);
                if dead(key, pages) {
                    remove_ephemeron(&mut pages.memory, table.address, key_slot, value_slot);
                    entries.dropped += 1;
                } else if is_reference(key) {
                    entries.kept += 1;
                }
            }
            // What was young may still be after the evacuation that follows (V8 up to 7.8); the next scavenge finds out.
            true
        });
        (queued, entries)
    }
}
