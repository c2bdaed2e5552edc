//! What Node 10 and 12 do otherwise than all later versions, on real heaps, verified after every collection.

use gcheap::event::{Collector, Event, SpaceName};
use gcheap::policy::Flags;
use gcheap::profile::{NODE_10, NODE_12, NODE_18, NODE_20, Profile};
use gcheap::{GcKind, Heap, HeapOptions, Value};
use std::cell::RefCell;
use std::rc::Rc;

fn heap(profile: &'static Profile, old_mb: u64) -> Heap {
    let flags = Flags { max_old_space_size_mb: Some(old_mb), ..Flags::default() };
    Heap::new(HeapOptions { profile, flags, verify: true, ..HeapOptions::default() }).expect("a heap")
}

/// The same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn a_heap_that_is_verified_after_each_collection_stays_whole_in_every_version() {
    for profile in Profile::all() {
        let mut heap = heap(profile, 48);
        let mut numbers = Numbers(7);
        let mut scope = heap.scope();
        let table = scope.array(&[]).expect("room");
        for index in 0..400 {
            scope.array_push(table, Value::Smi(index)).expect("room");
        }
        for turn in 0..12_000u64 {
            let mut inner = scope.scope();
            let slot = numbers.below(400);
            let old = inner.array_get(table, numbers.below(400)).expect("an element");
            let made: Value<'_> = match numbers.below(6) {
                0 => inner.object(&[old, Value::Smi(turn as i32)]).expect("room").into(),
                1 => inner.array(&[old, old]).expect("room").into(),
                2 => inner.string_of_length(numbers.below(40), turn % 2 == 0).expect("room").into(),
                3 => inner.closure(&[old], false).expect("room").into(),
                4 => inner.buffer_alloc(numbers.below(200), None).expect("room").into(),
                _ => {
                    let many = inner.array(&[]).expect("room");
                    for _ in 0..numbers.below(300) {
                        inner.array_push(many, Value::Smi(1)).expect("room");
                    }
                    many.into()
                }
            };
            inner.array_set(table, slot, made).expect("an element");
            match numbers.below(400) {
                0 => inner.collect(GcKind::Minor).expect("whole"),
                1 => {
                    inner.collect(GcKind::Major).unwrap_or_else(|error| panic!("Node {}: {error}", profile.node_major))
                }
                _ => {}
            }
        }
        scope.verify().unwrap_or_else(|error| panic!("Node {}: {error}", profile.node_major));
    }
}

#[test]
fn a_survivor_of_one_full_collection_is_still_young_up_to_node_12() {
    for profile in Profile::all() {
        let promoted = Rc::new(RefCell::new(Vec::new()));
        let mut heap = heap(profile, 64);
        let sink = Rc::clone(&promoted);
        heap.subscribe(move |event| {
            if let Event::Gc(gc) = event {
                assert_eq!(gc.collector, Collector::MarkCompact);
                sink.borrow_mut().push((gc.promoted, gc.survived));
            }
        });
        // What start-up left is settled by two collections.
        heap.collect(GcKind::Major).expect("whole");
        heap.collect(GcKind::Major).expect("whole");
        promoted.borrow_mut().clear();
        let mut scope = heap.scope();
        let kept = scope.array(&[]).expect("room");
        for number in 0..1_000 {
            let record = scope.object(&[Value::Smi(number)]).expect("room");
            scope.array_push(kept, record.into()).expect("room");
        }
        for _ in 0..2 {
            scope.collect(GcKind::Major).expect("whole");
        }
        let promoted = promoted.borrow();
        let stays_young = profile.node_major <= 12;
        assert_eq!(promoted[0].0 < 32_000, stays_young, "Node {}: {promoted:?}", profile.node_major);
        assert_eq!(promoted[0].1 >= 32_000, stays_young, "Node {}: {promoted:?}", profile.node_major);
        assert_eq!(promoted[1].0 >= 32_000, stays_young, "Node {}: {promoted:?}", profile.node_major);
    }
}

#[test]
fn a_collection_that_ends_above_the_limit_kills_from_node_18_on_only() {
    for profile in [&NODE_10, &NODE_12, &NODE_18, &NODE_20] {
        let mut heap = heap(profile, 16);
        let mut scope = heap.scope();
        let kept = scope.array(&[]).expect("room");
        let error = loop {
            let mut inner = scope.scope();
            let made = inner.string_of_length(100_000, false).and_then(|text| inner.array_push(kept, text.into()));
            if let Err(error) = made {
                break error;
            }
        };
        let Some(fatal) = error.out_of_memory() else { panic!("{error}") };
        let reached = fatal.location.to_string() == "Reached heap limit";
        assert!(!reached || profile.node_major >= 18, "Node {}: {}", profile.node_major, fatal.location);
    }
}

#[test]
fn a_large_object_of_node_10_is_born_old() {
    let large = |profile| {
        let mut heap = heap(profile, 64);
        let mut scope = heap.scope();
        scope.string_of_length(600_000, false).expect("room");
        let used = |space| {
            scope.space_statistics().iter().find(|size| size.space == space).map_or(0, |size| size.used) / 600_000
        };
        (used(SpaceName::NewLargeObject), used(SpaceName::LargeObject))
    };
    assert_eq!(large(&NODE_10), (0, 1));
    assert_eq!(large(&NODE_12), (1, 0));
}

#[test]
fn a_fresh_process_is_as_large_as_the_real_one() {
    // heapTotal and heapUsed of `require('fs'); console.log(process.memoryUsage())`; what is used is measured to a few KiB.
    for (profile, total, used) in
        [(&NODE_10, 6_537_216, 3_961_184), (&NODE_12, 4_644_864, 2_647_096), (&NODE_18, 4_825_088, 4_042_008)]
    {
        let usage = heap(profile, 256).memory_usage();
        assert_eq!(usage.heap_total, total, "Node {}", profile.node_major);
        assert!(usage.heap_used.abs_diff(used) < 4_096, "Node {}: {}", profile.node_major, usage.heap_used);
    }
}

#[test]
fn strings_and_contexts_of_node_10_have_their_longer_headers() {
    let sizes = |profile: &'static Profile| {
        let mut heap = heap(profile, 64);
        let mut scope = heap.scope();
        let mut grown = |make: &mut dyn FnMut(&mut gcheap::Scope<'_>)| {
            let before = scope.bytes_allocated();
            make(&mut scope);
            scope.bytes_allocated() - before
        };
        let text = grown(&mut |scope| assert!(scope.string("0123456789").is_ok()));
        let closure = grown(&mut |scope| assert!(scope.closure(&[Value::Smi(1)], false).is_ok()));
        (text, closure)
    };
    assert_eq!(sizes(&NODE_10), (40, 104));
    assert_eq!(sizes(&NODE_12), (32, 104));
    assert_eq!(sizes(&NODE_18), (32, 96));
}
