//! The phases of the heap, one at a time: allocation, handles, the barrier, and each collector on a heap made for it.
//!
//! Through the public interface, so a collection is measured whole: root scanning, policy and the event are part of it.
//! Each heap is made outside the measured time and holds next to nothing but what its phase works on.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use gcheap::policy::Flags;
use gcheap::types::{JsArray, Record};
use gcheap::{GcKind, Global, Heap, HeapOptions, Placement, RecordType, Value};

fn main() {
    divan::main();
}

/// Objects of a collection.
const OBJECTS: u64 = 100_000;

/// Operations of the small benchmarks in one sample.
const OPERATIONS: u64 = 10_000;

fn heap() -> Heap {
    let flags = Flags { max_semi_space_size_mb: Some(32), min_semi_space_size_mb: Some(32), ..Flags::default() };
    Heap::new(HeapOptions { flags, baseline: false, ..HeapOptions::default() }).expect("a heap")
}

/// A heap whose array holds records of three words; of every `keep_every` that are made one is kept.
struct Filled {
    heap: Heap,
    kept: Global<JsArray>,
    pair: RecordType,
}

fn filled(keep_every: u64) -> Filled {
    let mut heap = heap();
    let pair = heap.record_type(2, 0).expect("a record type");
    let kept = {
        let mut scope = heap.scope();
        let kept = scope.array_with_length(Placement::Young, OBJECTS / keep_every).expect("an array");
        for number in 0..OBJECTS {
            let mut turn = scope.scope();
            let record = turn.record(pair, &[Value::Smi(number as i32), Value::Smi(1)]).expect("a record");
            if number % keep_every == 0 {
                turn.array_set(kept, number / keep_every, record.into()).expect("an element");
            }
        }
        scope.global(kept).expect("a global")
    };
    Filled { heap, kept, pair }
}

/// As [`filled`], all of it in old space.
fn filled_old(keep_every: u64) -> Filled {
    let mut filled = filled(1);
    for _ in 0..2 {
        filled.heap.collect(GcKind::Minor).expect("a scavenge");
    }
    let mut scope = filled.heap.scope();
    let kept = scope.open(&filled.kept).expect("the array");
    for number in (0..OBJECTS).filter(|number| number % keep_every != 0) {
        scope.array_set(kept, number, Value::Undefined).expect("an element");
    }
    drop(scope);
    filled
}

fn collect(mut filled: Filled, kind: GcKind) -> Filled {
    filled.heap.collect(kind).expect("a collection");
    filled
}

/// A scavenge of new space of which one object in so many survives, and is copied.
#[divan::bench(args = [1, 10, 100])]
fn scavenge_one_survivor_in(bencher: Bencher<'_, '_>, keep_every: u64) {
    bencher
        .counter(ItemsCount::new(OBJECTS / keep_every))
        .with_inputs(|| filled(keep_every))
        .bench_values(|filled| collect(filled, GcKind::Minor));
}

/// The second scavenge: the survivors are promoted.
#[divan::bench]
fn promote(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(OBJECTS))
        .with_inputs(|| collect(filled(1), GcKind::Minor))
        .bench_values(|filled| collect(filled, GcKind::Minor));
}

/// A full collection of an old space in which everything lives: marking.
#[divan::bench]
fn mark(bencher: Bencher<'_, '_>) {
    let once = || collect(filled_old(1), GcKind::Major);
    bencher.counter(ItemsCount::new(OBJECTS)).with_inputs(once).bench_values(|filled| collect(filled, GcKind::Major));
}

/// A full collection after which one object in twenty is left on each page: evacuation.
#[divan::bench]
fn evacuate_sparse_pages(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(OBJECTS / 20))
        .with_inputs(|| filled_old(20))
        .bench_values(|filled| collect(filled, GcKind::LastResort));
}

/// A full collection of an old space of which every other object is dead: sweeping, with what marking the other half
/// costs.
#[divan::bench]
fn sweep_half_dead(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::new(OBJECTS * 24))
        .with_inputs(|| filled_old(2))
        .bench_values(|filled| collect(filled, GcKind::Major));
}

/// Records of three words, one scope each.
#[divan::bench]
fn allocate(bencher: Bencher<'_, '_>) {
    let mut heap = heap();
    let pair = heap.record_type(2, 0).expect("a record type");
    bencher.counter(ItemsCount::new(OPERATIONS)).bench_local(|| {
        for number in 0..OPERATIONS {
            let mut scope = heap.scope();
            let record = scope.record(pair, &[Value::Smi(number as i32), Value::Smi(1)]);
            black_box(record.is_ok());
        }
    });
}

/// Stores of a reference, the holder and the value each in a generation.
#[divan::bench(args = ["young to young", "old to young", "old to old"])]
fn barrier(bencher: Bencher<'_, '_>, which: &str) {
    let Filled { mut heap, pair, .. } = filled(OBJECTS);
    let mut scope = heap.scope();
    let old = scope.record(pair, &[]).expect("a record");
    if which != "young to young" {
        for _ in 0..2 {
            scope.collect(GcKind::Minor).expect("a scavenge");
        }
    }
    let young = scope.record(pair, &[]).expect("a record");
    let value = if which == "old to old" { old } else { young };
    bencher.counter(ItemsCount::new(OPERATIONS)).bench_local(|| {
        for number in 0..OPERATIONS {
            let stored = scope.set_field(black_box(old), number % 2, black_box(value).into());
            black_box(stored.is_ok());
        }
    });
}

/// Reads of a field with a reference: each makes a handle.
#[divan::bench]
fn handle(bencher: Bencher<'_, '_>) {
    let mut heap = heap();
    let pair = heap.record_type(2, 0).expect("a record type");
    let mut outer = heap.scope();
    let leaf = outer.record(pair, &[]).expect("a record");
    let node: gcheap::Local<'_, Record> = outer.record(pair, &[leaf.into()]).expect("a record");
    bencher.counter(ItemsCount::new(OPERATIONS)).bench_local(|| {
        for _ in 0..OPERATIONS {
            let mut scope = outer.scope();
            let read = scope.field(black_box(node), 0);
            black_box(read.is_ok());
        }
    });
}
