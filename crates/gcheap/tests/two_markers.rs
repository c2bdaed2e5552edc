//! Two threads that mark, and what a large heap gives back: nothing of it shows, whatever the graph and whatever moves.

use gcheap::types::JsArray;
use gcheap::{Compaction, GcKind, Heap, HeapOptions, HeapStatistics, Local, Placement, Scope, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// Objects behind one another in arrays that are long enough for pieces, each of which both threads can come upon from many sides.
fn grow(scope: &mut Scope<'_>, all: Local<'_, JsArray>, random: &mut impl FnMut(u64) -> u64, rounds: u64) {
    for round in 0..rounds {
        let mut turn = scope.scope();
        let length = turn.array_length(all).unwrap().max(1);
        let one = turn.array_get(all, random(length)).unwrap_or(Value::Undefined);
        let other = turn.array_get(all, random(length)).unwrap_or(Value::Undefined);
        let placement = if random(3) == 0 { Placement::Old } else { Placement::Young };
        let inner = turn.array_literal(placement, &[one, (round as i32).into(), other]).unwrap();
        if round % 5_000 == 0 {
            // Long, old, and full of what is found elsewhere too.
            let long = turn.array_with_length(Placement::Old, 20_000).unwrap();
            for place in 0..20_000 {
                let mut slot = turn.scope();
                let value = slot.array_get(all, random(length)).unwrap_or(Value::Undefined);
                slot.array_set(long, place, value).unwrap();
            }
            turn.array_push(all, long.into()).unwrap();
        }
        turn.array_push(all, inner.into()).unwrap();
    }
}

/// What a run says of itself: its events and its end.
fn run(parallel_marking: bool, marks_ahead: bool) -> (Vec<String>, HeapStatistics) {
    let mut heap =
        Heap::new(HeapOptions { parallel_marking, baseline: false, verify: true, ..HeapOptions::default() }).unwrap();
    let events = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&events);
    heap.subscribe(move |event| told.borrow_mut().push(format!("{event:?}")));
    heap.force_compaction(Compaction::Every);
    let mut seed = 5u32;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u64::from(seed >> 8) % below
    };
    let mut scope = heap.scope();
    let all = scope.array(&[]).unwrap();
    for round in 0..4 {
        grow(&mut scope, all, &mut random, 60_000);
        if marks_ahead {
            scope.mark_by_hand(true);
            scope.start_marking();
            scope.mark_bytes(1 << 20);
            // Old objects that are born marked, and young ones behind them.
            grow(&mut scope, all, &mut random, 5_000);
        }
        for _ in 0..20_000 {
            let place = random(scope.array_length(all).unwrap());
            scope.array_set(all, place, Value::Smi(round)).unwrap();
        }
        scope.collect(GcKind::Major).unwrap();
        // What is remembered now is remembered anew.
        let fresh = scope.array(&[round.into()]).unwrap();
        for place in (0..scope.array_length(all).unwrap()).step_by(1000) {
            scope.array_set(all, place, fresh.into()).unwrap();
        }
        scope.collect(GcKind::Minor).unwrap();
        scope.verify().unwrap();
        let found = scope.array_get(all, 1000).unwrap().as_object().unwrap();
        assert!(scope.is_same(found, fresh).unwrap());
    }
    let statistics = scope.statistics();
    drop(scope);
    drop(heap);
    (events.take(), statistics)
}

#[test]
fn two_markers_leave_what_one_leaves_where_pages_are_evacuated_and_marking_has_begun() {
    for marks_ahead in [false, true] {
        let alone = run(false, marks_ahead);
        for _ in 0..3 {
            let together = run(true, marks_ahead);
            for (number, (one, two)) in alone.0.iter().zip(&together.0).enumerate() {
                assert_eq!(one, two, "event {number}");
            }
            assert_eq!((alone.0.len(), &alone.1), (together.0.len(), &together.1));
        }
    }
}
