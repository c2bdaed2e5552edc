//! What work costs in virtual time. The numbers are measurements of real processes divided by the bytes they moved;
//! they decide *when* V8's time-driven rules fire, never *what* those rules say.

use super::ms_to_ns;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

const MIB: f64 = 1_048_576.0;

/// The price of each kind of work. Every field is plain data; change one and see what a faster collector would do.
///
/// ```
/// use gcheap::time::{CostModel, MarkCompactWork};
/// let cost = CostModel { mark_compact_base_ms: 0.0, ..CostModel::REFERENCE };
/// let work = MarkCompactWork { live: 1_000_000, read: 1_000_000, read_ahead: 0, moved: 0 };
/// assert_eq!(cost.mark_compact_ns(&work), 560_000); // half a ns a byte
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(default, deny_unknown_fields))]
pub struct CostModel {
    /// Program time for each object allocated, ns.
    pub mutator_ns_per_object: f64,
    /// Program time for each byte allocated, ns.
    pub mutator_ns_per_byte: f64,
    /// How many times as long the program and the main thread's own marking take while background markers have something to do: they want
    /// the same processors.
    pub slowdown_while_marking: f64,
    /// How many times as long the program takes while background sweepers are at work: three of them and the program share two
    /// processors.
    pub slowdown_while_sweeping: f64,
    /// The same for a scavenge, which waits for helpers of its own.
    pub scavenge_slowdown_while_sweeping: f64,
    /// How many times as long sweepers take for their work during a scavenge.
    pub sweep_slowdown_while_scavenging: f64,
    /// Program time for each byte of a new page or a large object, which the system has to map and clear when it is touched first, ns.
    pub fresh_memory_ns_per_byte: f64,
    /// Program time for each byte of an array-buffer backing store that is filled, ns.
    pub backing_store_fill_ns_per_byte: f64,
    /// Length of a scavenge that finds nothing alive, ms.
    pub scavenge_base_ms: f64,
    /// Scavenge time for each byte copied or promoted, ns.
    pub scavenge_ns_per_byte: f64,
    /// Length of a mark-compact of an empty heap, ms.
    pub mark_compact_base_ms: f64,
    /// Pause for each byte that the marker reads in it, ns.
    pub mark_compact_ns_per_byte: f64,
    /// Pause for each byte that the marker had read before it, ns.
    pub mark_compact_ns_per_marked_byte: f64,
    /// Pause for each byte that is moved though the marker does not read it: characters, doubles, ns.
    pub mark_compact_ns_per_moved_byte: f64,
    /// Main-thread stop at the start of marking, ms. Not part of any pause in V8's books.
    pub marking_start_base_ms: f64,
    /// The same for each MiB of old objects, ms.
    pub marking_start_ms_per_mib: f64,
    /// Least program time between the start of marking and its completion where the main thread does not mark by a schedule, ms.
    pub marking_minimum_ms: f64,
    /// Time of the background markers for each byte they read while the program runs, ns.
    pub concurrent_marking_ns_per_byte: f64,
    /// Main-thread time for each byte read in an incremental step, ns.
    pub incremental_marking_ns_per_byte: f64,
    /// Main-thread time of an incremental step beside what it marks, ms: work is shared and helpers are woken.
    pub incremental_step_base_ms: f64,
    /// Time from one task of marking to the next in the event loop, ms.
    pub task_gap_ms: f64,
    /// Time of the background sweepers for each byte of page while the program runs, ns.
    pub sweep_ns_per_byte: f64,
    /// The same when the program waits for them and helps, before marking can start anew.
    pub finish_sweeping_ns_per_byte: f64,
    /// Pause of a mark-compact for each entry of a weak map whose key is alive, ns.
    pub ephemeron_ns: f64,
    /// The same for each entry that it drops, ns.
    pub dead_ephemeron_ns: f64,
}

/// What a mark-compact had to do. The marker reads headers and tagged words; what is in strings and arrays of doubles is live but costs it
/// nothing.
///
/// ```
/// use gcheap::time::{CostModel, MarkCompactWork};
/// let strings = MarkCompactWork { live: 50_000_000, read: 1_000_000, read_ahead: 0, moved: 0 };
/// let records = MarkCompactWork { read: 50_000_000, ..strings };
/// assert!(CostModel::REFERENCE.mark_compact_ns(&strings) < CostModel::REFERENCE.mark_compact_ns(&records) / 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkCompactWork {
    /// Bytes that are alive at its end.
    pub live: u64,
    /// Bytes that the marker read in this cycle.
    pub read: u64,
    /// Of these, before the pause.
    pub read_ahead: u64,
    /// Bytes that were copied or promoted.
    pub moved: u64,
}

impl CostModel {
    /// Costs measured on a quiet 2-core machine, in between those of Node 18, 20, 22, 24 and 26, which differ by a third. The mutator's are
    /// those of optimised code that makes small objects in memory it has used before: 36 ns for a record of 174 bytes.
    ///
    /// The slowdown is that of Node 20 to 26 while asynchronous programs are marked, 2.1 to 2.4: four markers and the program share two
    /// processors, of which each has two fifths. A byte of an incremental step is assumed to cost what it costs in the pause; a step that
    /// finds nothing to mark took 0.012 to 0.015 ms. The stop at the start of marking is the mean of 94 cycles of Node 22 and 26: in 51 the
    /// program went on after 0.3 ms; in 43 its markers, which had just been woken, got the processors first, and it went on after
    /// 1.8 to 3.4 ms. Sweeping: with 180 MB alive, a program that only calculates ran half as fast for 20 to 25 ms after a full collection
    /// on Node 20 and 22, with 60 MB for 8; a full collection directly behind another one took 12 to 20 ms longer than one
    /// after a wait, on Node 20 to 26; scavenges between full collections near the limit took three times as long as others on
    /// Node 20, twice on 22. Entries of weak maps: maps of 15,000 to 100,000 living keys with up to 240,000 dead ones, with the map and
    /// without, on a day on which pauses took a quarter longer than on the others, which was taken off; what a dead one takes is
    /// that of Node 18 to 22.
    pub const REFERENCE: CostModel = CostModel {
        mutator_ns_per_object: 0.0,
        mutator_ns_per_byte: 0.21,
        slowdown_while_marking: 2.4,
        slowdown_while_sweeping: 2.0,
        scavenge_slowdown_while_sweeping: 2.0,
        sweep_slowdown_while_scavenging: 1.5,
        fresh_memory_ns_per_byte: 0.45,
        backing_store_fill_ns_per_byte: 0.57,
        scavenge_base_ms: 0.2,
        scavenge_ns_per_byte: 0.6,
        mark_compact_base_ms: 2.0,
        mark_compact_ns_per_byte: 0.56,
        mark_compact_ns_per_marked_byte: 0.12,
        mark_compact_ns_per_moved_byte: 1.0,
        marking_start_base_ms: 1.5,
        marking_start_ms_per_mib: 0.005,
        marking_minimum_ms: 0.1,
        concurrent_marking_ns_per_byte: 0.7,
        incremental_marking_ns_per_byte: 0.56,
        incremental_step_base_ms: 0.012,
        task_gap_ms: 0.01,
        sweep_ns_per_byte: 0.14,
        finish_sweeping_ns_per_byte: 0.105,
        ephemeron_ns: 80.0,
        dead_ephemeron_ns: 120.0,
    };

    /// The reference costs with another speed of the program, ns per byte allocated.
    pub const fn with_mutator(ns_per_byte: f64) -> CostModel {
        CostModel { mutator_ns_per_byte: ns_per_byte, ..CostModel::REFERENCE }
    }

    /// Program time for `objects` allocations of `bytes` in all, ns.
    pub fn mutator_ns(&self, objects: u64, bytes: u64) -> u64 {
        (objects as f64 * self.mutator_ns_per_object + bytes as f64 * self.mutator_ns_per_byte).round() as u64
    }

    /// Program time for memory that is touched first, ns.
    pub fn fresh_memory_ns(&self, bytes: u64) -> u64 {
        (bytes as f64 * self.fresh_memory_ns_per_byte).round() as u64
    }

    /// Program time for filling a backing store, ns.
    pub fn fill_ns(&self, bytes: u64) -> u64 {
        (bytes as f64 * self.backing_store_fill_ns_per_byte).round() as u64
    }

    /// Length of a scavenge that copied or promoted `survived` bytes, ns.
    pub fn scavenge_ns(&self, survived: u64) -> u64 {
        ms_to_ns(self.scavenge_base_ms + survived as f64 * self.scavenge_ns_per_byte / 1e6)
    }

    /// Time to move so many live bytes off their pages in a mark-compact, part of its pause, ns: they are copied as in a scavenge.
    pub fn evacuation_ns(&self, live: u64) -> u64 {
        (live as f64 * self.scavenge_ns_per_byte).round() as u64
    }

    /// Pause of a mark-compact, ns.
    pub fn mark_compact_ns(&self, work: &MarkCompactWork) -> u64 {
        let ahead = work.read_ahead.min(work.read);
        // Of what is moved, as much is data as of all that is alive.
        let data = work.live.saturating_sub(work.read) as f64 / (work.live as f64).max(1.0);
        let ns = (work.read - ahead) as f64 * self.mark_compact_ns_per_byte
            + ahead as f64 * self.mark_compact_ns_per_marked_byte
            + work.moved as f64 * data * self.mark_compact_ns_per_moved_byte;
        ms_to_ns(self.mark_compact_base_ms + ns / 1e6)
    }

    /// The stop at the start of marking with `old` bytes of old objects, ns.
    pub fn marking_start_ns(&self, old: u64) -> u64 {
        ms_to_ns(self.marking_start_base_ms + old as f64 / MIB * self.marking_start_ms_per_mib)
    }

    /// Program time until the background markers are through with `bytes`, ns.
    pub fn concurrent_marking_ns(&self, bytes: u64) -> u64 {
        ms_to_ns(self.marking_minimum_ms.max(bytes as f64 * self.concurrent_marking_ns_per_byte / 1e6))
    }

    /// Bytes that the background markers mark in `ns` nanoseconds.
    pub fn concurrently_marked_bytes(&self, ns: u64) -> u64 {
        if self.concurrent_marking_ns_per_byte > 0.0 {
            (ns as f64 / self.concurrent_marking_ns_per_byte) as u64
        } else {
            u64::MAX
        }
    }

    /// Main-thread time of an incremental step over `bytes`, ns.
    pub fn incremental_step_ns(&self, bytes: u64) -> u64 {
        (bytes as f64 * self.incremental_marking_ns_per_byte).round() as u64
    }

    /// Bytes that an incremental step marks in `ns` nanoseconds.
    pub fn incrementally_marked_bytes(&self, ns: u64) -> u64 {
        if self.incremental_marking_ns_per_byte > 0.0 {
            (ns as f64 / self.incremental_marking_ns_per_byte) as u64
        } else {
            u64::MAX
        }
    }

    /// Part of the pause of a mark-compact that looks for values of weak maps whose keys are alive, and drops the others, ns.
    ///
    /// ```
    /// use gcheap::time::CostModel;
    /// assert_eq!(CostModel::REFERENCE.ephemerons_ns(1_000, 500), 140_000);
    /// ```
    pub fn ephemerons_ns(&self, kept: u64, dropped: u64) -> u64 {
        (kept as f64 * self.ephemeron_ns + dropped as f64 * self.dead_ephemeron_ns).round() as u64
    }

    /// Time to sweep pages of `bytes` in all while the program runs, ns.
    pub fn sweep_ns(&self, bytes: u64) -> u64 {
        (bytes as f64 * self.sweep_ns_per_byte).round() as u64
    }

    /// How long the program waits for sweepers that would need `left` ns beside it.
    ///
    /// ```
    /// use gcheap::time::CostModel;
    /// assert_eq!(CostModel::REFERENCE.finish_sweeping_ns(1_000_000), 750_000);
    /// ```
    pub fn finish_sweeping_ns(&self, left: u64) -> u64 {
        if self.sweep_ns_per_byte > 0.0 {
            (left as f64 * self.finish_sweeping_ns_per_byte / self.sweep_ns_per_byte).round() as u64
        } else {
            0
        }
    }

    /// Time that work of `ns` takes which others slow down by a factor as long as they need `left` ns for theirs.
    ///
    /// ```
    /// use gcheap::time::CostModel;
    /// assert_eq!((CostModel::beside_ns(100, 2.0, 1_000), CostModel::beside_ns(1_000, 2.0, 100)), (200, 1_050));
    /// ```
    pub fn beside_ns(ns: u64, slowdown: f64, left: u64) -> u64 {
        let slowdown = slowdown.max(1.0);
        let slowed = (left as f64 / slowdown).min(ns as f64);
        ns.saturating_add((slowed * (slowdown - 1.0)).round() as u64)
    }
}

impl Default for CostModel {
    fn default() -> Self {
        CostModel::REFERENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_with_what_was_not_marked_ahead() {
        let cost = CostModel::REFERENCE;
        let work = MarkCompactWork { live: 100_000_000, read: 100_000_000, read_ahead: 0, moved: 0 };
        assert_eq!(cost.mark_compact_ns(&work), 58_000_000);
        assert_eq!(cost.mark_compact_ns(&MarkCompactWork { read_ahead: 100_000_000, ..work }), 14_000_000);
    }

    #[test]
    fn a_scavenge_is_paid_by_its_survivors() {
        assert_eq!(CostModel::REFERENCE.scavenge_ns(1_000_000), 800_000);
        assert_eq!(CostModel::REFERENCE.scavenge_ns(0), 200_000);
    }

    #[test]
    fn marking_starts_with_a_stop_that_grows_with_the_old_generation() {
        assert_eq!(CostModel::REFERENCE.marking_start_ns(100 << 20), 2_000_000);
    }

    #[test]
    fn markers_that_cost_nothing_mark_everything() {
        let cost = CostModel { concurrent_marking_ns_per_byte: 0.0, ..CostModel::REFERENCE };
        assert_eq!(cost.concurrently_marked_bytes(1), u64::MAX);
        assert_eq!(cost.concurrent_marking_ns(u64::MAX), 100_000);
    }
}
