//! Roots: what keeps objects alive from outside the heap, and what looks at them without keeping them alive.
//!
//! Plain tables of tagged words that collectors read and rewrite. The types that users hold
//! ([`Local`](crate::Local), [`Global`](crate::Global), [`WeakHandle`](crate::WeakHandle)) are indexes into them.

use crate::mutants::{Mutant, on};
use crate::object::word::{UNDEFINED, is_reference};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Slots with a generation, so that an index kept too long is recognised.
#[derive(Default)]
pub(crate) struct Table {
    words: Vec<u64>,
    generations: Vec<u32>,
    free: Vec<u32>,
}

impl Table {
    pub(crate) fn insert(&mut self, word: u64) -> (u32, u32) {
        if let Some(index) = self.free.pop() {
            self.words[index as usize] = word;
            return (index, self.generations[index as usize]);
        }
        self.words.push(word);
        self.generations.push(0);
        (self.words.len() as u32 - 1, 0)
    }

    pub(crate) fn remove(&mut self, index: u32, generation: u32) {
        let slot = index as usize;
        if self.generations.get(slot) == Some(&generation) {
            // No generation is any other handle's: a place is free once the only one is dropped.
            self.generations[slot] = generation.wrapping_add(1);
            self.words[slot] = UNDEFINED;
            self.free.push(index);
        }
    }

    pub(crate) fn get(&self, index: u32, generation: u32) -> Option<u64> {
        (self.generations.get(index as usize) == Some(&generation)).then(|| self.words[index as usize])
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

/// Indexes whose owners were dropped while the heap was out of reach.
pub(crate) type Dropped = Arc<Mutex<Vec<(u32, u32)>>>;

/// Numbers of the heap's own strong roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Internal {
    /// The objects of a fresh Node that stay alive.
    Baseline,
    /// Those of them that are let go of when they have become old.
    UnusedCode,
    /// Number-to-string cache, flushed by mark-compacts.
    NumberStringCache,
    /// What flattened cons strings end with.
    EmptyString,
    /// A large object that start-up made.
    StartupLarge,
    /// The table of targets of WeakRefs that were made or read in the current job (V8 `weak_refs_keep_during_job`). The last.
    KeptDuringJob,
}

const INTERNAL: usize = Internal::KeptDuringJob as usize + 1;

/// All roots of a heap.
#[derive(Default)]
pub(crate) struct Roots {
    /// The handle stack: words of the open scopes, the innermost last (V8's stack and main-thread handles).
    pub(crate) handles: Vec<u64>,
    pub(crate) internal: [u64; INTERNAL],
    pub(crate) globals: Table,
    pub(crate) weak: Table,
    /// Targets of WeakRefs of the current job that have no identity hash, which the table of [`Internal::KeptDuringJob`] needs.
    pub(crate) kept_during_job: Vec<u64>,
    /// Cleared weak cells whose callbacks wait to run.
    pub(crate) finalization_queue: VecDeque<u64>,
    pub(crate) dropped_globals: Dropped,
    pub(crate) dropped_weak: Dropped,
}

impl Roots {
    /// Frees the slots of dropped globals and weak handles.
    pub(crate) fn reap(&mut self) {
        for (dropped, table) in [(&self.dropped_globals, &mut self.globals), (&self.dropped_weak, &mut self.weak)] {
            // A poisoned lock only means that a drop panicked elsewhere; the list itself is whole.
            let mut dropped = dropped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            for (index, generation) in dropped.drain(..) {
                table.remove(index, generation);
            }
        }
    }

    /// Roots that do not lie on the stack: what marking sees when it starts (V8 `IncrementalMarking::MarkRoots`).
    pub(crate) fn for_each_global(&mut self, mut visit: impl FnMut(&mut u64)) {
        let globals = self.globals.words_mut().iter_mut().skip(2 * usize::from(on(Mutant::SkipGlobals)));
        for word in self.internal.iter_mut().chain(globals).chain(&mut self.finalization_queue) {
            if is_reference(*word) {
                visit(word);
            }
        }
    }

    /// The stack: handles, and what the running job keeps beside its table.
    pub(crate) fn for_each_stack(&mut self, mut visit: impl FnMut(&mut u64)) {
        let skipped = usize::from(on(Mutant::SkipHandle));
        for word in self.handles.iter_mut().skip(skipped).chain(&mut self.kept_during_job) {
            if is_reference(*word) {
                visit(word);
            }
        }
    }

    /// Every strong root with words that say what it is.
    pub(crate) fn describe_strong(&self) -> Vec<(u64, &'static str)> {
        let (queue, rest_of_queue) = self.finalization_queue.as_slices();
        let (internal, kept) = self.internal.split_at(Internal::KeptDuringJob as usize);
        let groups: [(&[u64], &'static str); 7] = [
            (&self.handles, "a handle of an open scope"),
            (internal, "a root of the heap itself"),
            (kept, "a WeakRef used in the current job"),
            (self.globals.words(), "a global handle"),
            (&self.kept_during_job, "a WeakRef used in the current job"),
            (queue, "the finalization queue"),
            (rest_of_queue, "the finalization queue"),
        ];
        groups
            .iter()
            .flat_map(|(words, name)| words.iter().filter(|word| is_reference(**word)).map(|word| (*word, *name)))
            .collect()
    }
}
