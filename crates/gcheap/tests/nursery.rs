//! A nursery of which nearly everything survives is handed over whole; where something waits for a death, it is not.

use gcheap::event::{Event, SpaceName};
use gcheap::types::Record;
use gcheap::{GcKind, Heap, HeapOptions, Local, RecordType, Scope};
use std::cell::RefCell;
use std::rc::Rc;

const NURSERY: u64 = 1 << 20;

/// A heap with a nursery, and the promoted bytes of each of its scavenges.
fn heap() -> (Heap, Rc<RefCell<Vec<u64>>>) {
    let mut heap = Heap::new(HeapOptions { nursery: Some(NURSERY), ..HeapOptions::for_tests() }).unwrap();
    let promoted = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&promoted);
    heap.subscribe(move |event| {
        if let Event::Gc(gc) = event {
            seen.borrow_mut().push(gc.promoted);
        }
    });
    (heap, promoted)
}

/// Prepends records to a list; every `garbage`th record is not kept.
fn grow<'s>(scope: &mut Scope<'s>, cell: RecordType, list: Local<'s, Record>, count: i32, garbage: i32) {
    for number in 0..count {
        let mut turn = scope.scope();
        let next = turn.field(list, 0).unwrap();
        let fresh = turn.record(cell, &[next, number.into()]).unwrap();
        if number % garbage != 0 {
            turn.set_field(list, 0, fresh.into()).unwrap();
        }
    }
}

fn length(scope: &mut Scope<'_>, list: Local<'_, Record>) -> u64 {
    let mut look = scope.peek(list).unwrap();
    let mut length = 0;
    while let Some(next) = look.field(0).unwrap().as_object() {
        look = next.downcast().unwrap();
        length += 1;
    }
    length
}

#[test]
fn a_nursery_that_survives_becomes_old_with_what_is_dead_on_it() {
    let (mut heap, promoted) = heap();
    let cell = heap.record_type(2, 0).unwrap();
    let mut scope = heap.scope();
    let list = scope.record(cell, &[]).unwrap();
    grow(&mut scope, cell, list, 400_000, 10);
    assert_eq!(length(&mut scope, list), 360_000);
    let whole = promoted.borrow().iter().filter(|&&bytes| bytes > NURSERY * 97 / 100).count();
    let looked =
        promoted.borrow().iter().filter(|&&bytes| (NURSERY * 80 / 100..NURSERY * 92 / 100).contains(&bytes)).count();
    assert!(whole > looked && looked >= 2, "{:?}", promoted.borrow());
    scope.verify().unwrap();
    let before = scope.statistics().used_heap_size;
    scope.collect(GcKind::Major).unwrap();
    let freed = before - scope.statistics().used_heap_size;
    assert!(freed > whole as u64 * NURSERY / 20, "the dead among them go with the next full collection: {freed}");
    assert_eq!(length(&mut scope, list), 360_000);
    scope.verify().unwrap();
}

#[test]
fn a_nursery_whose_objects_die_is_looked_at_each_time() {
    let (mut heap, promoted) = heap();
    let cell = heap.record_type(2, 0).unwrap();
    let mut scope = heap.scope();
    let list = scope.record(cell, &[]).unwrap();
    grow(&mut scope, cell, list, 400_000, 1);
    assert!(promoted.borrow().iter().all(|&bytes| bytes < NURSERY / 10), "{:?}", promoted.borrow());
}

#[test]
fn what_is_weak_is_looked_at() {
    let (mut heap, _) = heap();
    let cell = heap.record_type(2, 0).unwrap();
    let mut scope = heap.scope();
    let list = scope.record(cell, &[]).unwrap();
    grow(&mut scope, cell, list, 200_000, 1000);
    let weak = {
        let mut turn = scope.scope();
        let dead = turn.record(cell, &[]).unwrap();
        turn.weak_handle(dead).unwrap()
    };
    let scavenges = scope.scavenges();
    while scope.scavenges() == scavenges {
        grow(&mut scope, cell, list, 1000, 1000);
    }
    assert!(scope.open_weak(&weak).unwrap().is_none());
}

#[test]
fn a_collection_on_request_looks_at_the_nursery() {
    let (mut heap, promoted) = heap();
    let cell = heap.record_type(2, 0).unwrap();
    let mut scope = heap.scope();
    let list = scope.record(cell, &[]).unwrap();
    grow(&mut scope, cell, list, 200_000, 1000);
    let kept = scope.record(cell, &[7.into(), 8.into()]).unwrap();
    scope.collect(GcKind::Minor).unwrap();
    grow(&mut scope, cell, list, 10_000, 1);
    scope.collect(GcKind::Minor).unwrap();
    assert!(promoted.borrow().last().is_some_and(|&bytes| bytes < 1000), "{:?}", promoted.borrow());
    assert_eq!(scope.inspect(kept).unwrap().space, SpaceName::Old);
}

#[test]
fn young_objects_of_every_sort_are_handed_over() {
    let (mut heap, _) = heap();
    let cell = heap.record_type(2, 0).unwrap();
    let mut scope = heap.scope();
    let list = scope.record(cell, &[]).unwrap();
    let texts = scope.array(&[]).unwrap();
    for round in 0..120 {
        grow(&mut scope, cell, list, 2000, 1000);
        let mut turn = scope.scope();
        let text = turn.string_of_length(5000, round % 2 == 0).unwrap();
        let large = turn.array_with_length(gcheap::Placement::Young, 40_000).unwrap();
        turn.array_set(large, 39_999, text.into()).unwrap();
        turn.array_push(texts, large.into()).unwrap();
        if round % 30 == 29 {
            turn.array_set(texts, 0, round.into()).unwrap();
        }
    }
    scope.verify().unwrap();
    scope.collect(GcKind::Major).unwrap();
    scope.verify().unwrap();
    for place in 1..120 {
        let mut turn = scope.scope();
        let large = turn.array_get(texts, place).unwrap().as_object().unwrap();
        let large = turn.downcast(large).unwrap();
        let text = turn.array_get(large, 39_999).unwrap().as_object().unwrap();
        let text = turn.downcast(text).unwrap();
        assert_eq!(turn.string_length(text).unwrap(), 5000);
    }
}
