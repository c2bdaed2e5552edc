//! The heap's numbers against each other, against what was true before, and against what the model holds.

use crate::failure::{Done, Found};
use crate::model::{Id, Node};
use crate::world::World;
use gcheap::{Heap, Local};
use std::collections::BTreeMap;

/// Bytes that the heap may still hold for itself when a program has dropped everything: the number-to-string cache.
const OWN_BYTES: u64 = 256 << 10;

/// What a heap has counted so far; none of it goes down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    objects: u64,
    bytes: u64,
    scavenges: u64,
    mark_compacts: u64,
    peak: u64,
    gc_ms: f64,
    time_ms: f64,
}

impl Counters {
    fn of(heap: &Heap) -> Counters {
        Counters {
            objects: heap.objects_allocated(),
            bytes: heap.bytes_allocated(),
            scavenges: heap.scavenges(),
            mark_compacts: heap.mark_compacts(),
            peak: heap.peak_committed(),
            gc_ms: heap.total_gc_ms(),
            time_ms: heap.time_ms(),
        }
    }

    /// Takes the heap's counters of now.
    ///
    /// # Errors
    /// One of them went down.
    pub(crate) fn advance(&mut self, heap: &Heap) -> Result<(), Found> {
        let now = Counters::of(heap);
        let pairs = [
            ("objects allocated", self.objects as f64, now.objects as f64),
            ("bytes allocated", self.bytes as f64, now.bytes as f64),
            ("scavenges", self.scavenges as f64, now.scavenges as f64),
            ("mark-compacts", self.mark_compacts as f64, now.mark_compacts as f64),
            ("peak of mapped bytes", self.peak as f64, now.peak as f64),
            ("ms of pauses", self.gc_ms, now.gc_ms),
            ("ms of the clock", self.time_ms, now.time_ms),
        ];
        for (name, before, after) in pairs {
            if after < before {
                return Err(Found::statistics(format!("{name} went down from {before} to {after}")));
            }
        }
        *self = now;
        Ok(())
    }
}

/// What must hold between the numbers of one moment.
///
/// # Errors
/// Two of them contradict each other.
pub(crate) fn consistent(heap: &Heap) -> Result<(), Found> {
    let (statistics, usage) = (heap.statistics(), heap.memory_usage());
    let spaces = heap.space_statistics();
    let used: u64 = spaces.iter().map(|space| space.used).sum();
    let committed: u64 = spaces.iter().map(|space| space.committed).sum();
    let equal = [
        ("heapUsed and used_heap_size", usage.heap_used, statistics.used_heap_size),
        ("heapTotal and total_heap_size", usage.heap_total, statistics.total_heap_size),
        ("used_heap_size and the spaces' sum", statistics.used_heap_size, used),
        ("total_heap_size and the spaces' sum", statistics.total_heap_size, committed),
    ];
    for (names, one, other) in equal {
        if one != other {
            return Err(Found::statistics(format!("{names} differ: {one} and {other} bytes")));
        }
    }
    let ordered = [
        ("used_heap_size", statistics.used_heap_size, "total_heap_size", statistics.total_heap_size),
        ("total_heap_size", statistics.total_heap_size, "its peak", heap.peak_committed()),
        ("arrayBuffers", usage.array_buffers, "external", usage.external),
    ];
    for (name, low, other, high) in ordered {
        if low > high {
            return Err(Found::statistics(format!("{name} is {low} bytes, more than {other}, {high} bytes")));
        }
    }
    Ok(())
}

/// Bytes that an object cannot do without, whatever the slack of its stores. Strings share their characters and count nothing.
fn least_bytes(node: &Node) -> u64 {
    let words = match node {
        Node::Dead | Node::Text(_) | Node::WeakMap(_) => 0,
        Node::Object(slots) => 1 + slots.len(),
        Node::Array(slots) => 4 + slots.len(),
        Node::Doubles(doubles) => 4 + doubles.len(),
        Node::Closure(slots) => 4 + slots.len(),
        Node::Map(entries) => 3 * entries.len(),
        Node::Set(keys) => 2 * keys.len(),
        Node::Record(slots, raw) => 1 + slots.len() + raw.len() / 8,
        Node::Table(slots) => 3 + slots.len(),
        Node::Number(_) | Node::Promise | Node::WeakRef(..) | Node::Registry(_) => 2,
        Node::Buffer(_) | Node::Typed(..) => 4,
    };
    words as u64 * 8
}

impl World<'_> {
    /// After every operation.
    pub(crate) fn check_statistics(&mut self, heap: &Heap) -> Result<(), Found> {
        self.counters.advance(heap)?;
        consistent(heap)
    }

    /// What was found alive needs its room.
    pub(crate) fn compare_sums(&self, heap: &Heap, found: &BTreeMap<Id, Local<'_>>) -> Done {
        let nodes = || found.keys().map(|&id| &self.model.nodes[id]);
        let least: u64 = nodes().map(least_bytes).sum();
        let used = heap.statistics().used_heap_size;
        if used < least {
            return Err(Found::statistics(format!("used_heap_size is {used}, but {least} bytes are reachable")).into());
        }
        let stores: u64 = nodes().map(store_bytes).sum();
        let counted = heap.memory_usage().array_buffers - self.own_array_buffers;
        if counted < stores {
            return Err(
                Found::statistics(format!("arrayBuffers is {counted}, but {stores} bytes are reachable")).into()
            );
        }
        Ok(())
    }

    /// After a full collection that freed exactly what cannot be reached.
    pub(crate) fn exact_sums(&self, heap: &Heap, reachable: &[bool]) -> Done {
        let alive = self.model.nodes.iter().zip(reachable).filter(|(_, reachable)| **reachable);
        let stores: u64 = alive.map(|(node, _)| store_bytes(node)).sum();
        let counted = heap.memory_usage().array_buffers - self.own_array_buffers;
        if counted != stores {
            let message = format!("arrayBuffers is {counted} after a full collection, {stores} bytes are reachable");
            return Err(Found::statistics(message).into());
        }
        Ok(())
    }

    /// After everything was dropped and collected.
    pub(crate) fn nothing_is_left(&self, heap: &Heap) -> Result<(), Found> {
        let usage = heap.memory_usage();
        let most = self.used_at_start + OWN_BYTES;
        if usage.heap_used > most {
            return Err(Found::statistics(format!("nothing is kept, but heapUsed is {}, not {most}", usage.heap_used)));
        }
        if usage.array_buffers != self.own_array_buffers {
            let (found, own) = (usage.array_buffers, self.own_array_buffers);
            return Err(Found::statistics(format!("nothing is kept, but arrayBuffers is {found}, not {own}")));
        }
        Ok(())
    }
}

fn store_bytes(node: &Node) -> u64 {
    if let Node::Buffer(bytes) = node { bytes.len() as u64 } else { 0 }
}
