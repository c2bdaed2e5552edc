//! Assertions: each holds, fails, and says why.

use gcheap::inspect::EventLog;
use gcheap::{ErrorKind, GcKind, Heap, HeapOptions, assert};

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

/// What a failure says.
fn told(result: Result<(), assert::Failure>) -> String {
    result.expect_err("it should not hold").to_string()
}

#[test]
fn collected_says_what_holds_the_object_or_which_collection_is_due() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let list = scope.array(&[]).unwrap();
    let weak = {
        let mut turn = scope.scope();
        let object = turn.object(&[]).unwrap();
        turn.array_push(list, object.into()).unwrap();
        turn.weak_handle(object).unwrap()
    };
    let text = told(assert::collected(&scope, &weak));
    assert!(text.contains("held by a handle of an open scope -> JSArray element 0 -> JSObject"), "{text}");
    scope.array_set(list, 0, 1.into()).unwrap();
    let text = told(assert::collected(&scope, &weak));
    assert!(text.contains("waits for a collection"), "{text}");
    let other = scope.object(&[]).unwrap();
    scope.array_set(list, 0, other.into()).unwrap();
    let weak = scope.weak_handle(other).unwrap();
    assert::alive(&scope, &weak).unwrap();
    scope.collect_garbage().unwrap();
    scope.array_clear(list).unwrap();
    let text = told(assert::collected(&scope, &weak));
    assert!(text.contains("held by a handle of an open scope -> JSObject"), "{text}");
}

#[test]
fn an_old_object_that_nothing_holds_waits_for_a_full_collection() {
    let mut heap = heap();
    let weak = {
        let mut scope = heap.scope();
        let object = scope.object(&[]).unwrap();
        scope.collect_garbage().unwrap();
        scope.weak_handle(object).unwrap()
    };
    heap.collect(GcKind::Minor).unwrap();
    let text = told(assert::collected(&heap, &weak));
    assert!(text.contains("waits for a full collection"), "{text}");
    heap.collect_garbage().unwrap();
    assert::collected(&heap, &weak).unwrap();
    let text = told(assert::alive(&heap, &weak));
    assert!(text.contains("1 scavenges and 2 mark-compacts"), "{text}");
}

#[test]
fn promoted_says_where_the_object_is() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let object = scope.object(&[]).unwrap();
    scope.collect(GcKind::Minor).unwrap();
    let text = told(assert::promoted(&scope, object));
    assert!(text.contains("in new_space") && text.contains("survived one scavenge"), "{text}");
    scope.collect(GcKind::Minor).unwrap();
    assert::promoted(&scope, object).unwrap();
}

#[test]
fn a_leak_of_backing_stores_is_a_leak() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let list = scope.array(&[1.into()]).unwrap();
    let before = scope.census();
    {
        let mut turn = scope.scope();
        let buffer = turn.array_buffer(100_000).unwrap();
        turn.array_set(list, 0, buffer.into()).unwrap();
    }
    let text = told(assert::no_leak(&scope, &before));
    assert!(text.contains("backing stores: +100000 bytes") && text.contains("JSArrayBuffer: +1 object"), "{text}");
    scope.array_set(list, 0, 1.into()).unwrap();
    assert::no_leak(&scope, &before).unwrap();
}

#[test]
fn garbage_is_no_leak_collected_or_not() {
    let mut heap = heap();
    let before = heap.census();
    for number in 0..1_000 {
        heap.job(|scope| scope.object(&[number.into()]).map(|_| ())).unwrap();
    }
    assert::no_leak(&heap, &before).unwrap();
    assert::reachable_at_most(&heap, 0).unwrap();
}

#[test]
fn collections_are_counted_and_listed() {
    let mut heap = heap();
    let log = EventLog::attach(&mut heap);
    assert::at_most_scavenges(&log, 0).unwrap();
    for _ in 0..10 {
        heap.collect(GcKind::Minor).unwrap();
    }
    let text = told(assert::at_most_scavenges(&log, 9));
    assert!(text.contains("at most 9 scavenge collections, there were 10") && text.lines().count() == 7, "{text}");
    assert::at_most_mark_compacts(&log, 0).unwrap();
}

#[test]
fn an_end_is_in_the_log() {
    let mut heap = heap();
    let log = EventLog::attach(&mut heap);
    heap.refuse_pages_after(Some(0));
    let error = heap.collect(GcKind::Minor).unwrap_err();
    assert_eq!(log.fatal().as_ref(), error.out_of_memory());
    assert_eq!(assert::Failure::from(error.clone()).to_string(), error.to_string());
}

#[test]
fn a_handle_of_another_heap_is_a_failure_too() {
    let (mut one, other) = (heap(), heap());
    let mut scope = one.scope();
    let object = scope.object(&[]).unwrap();
    let weak = scope.weak_handle(object).unwrap();
    for text in [
        told(assert::collected(&other, &weak)),
        told(assert::promoted(&other, object)),
        told(assert::retains_at_most(&other, object, 0)),
    ] {
        assert_eq!(text, ErrorKind::WrongHeap.to_string());
    }
}
