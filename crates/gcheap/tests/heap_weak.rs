//! WeakRef, WeakMap, FinalizationRegistry, weak handles, array buffers: what dies when.

use gcheap::profile::{NODE_24, NODE_26};
use gcheap::{Error, ErrorKind, GcKind, Heap, HeapOptions};

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

#[test]
fn a_weak_ref_keeps_its_target_for_the_job_and_no_longer() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let weak_ref = scope
        .escape(|inner| {
            let target = inner.object(&[7.into()])?;
            inner.weak_ref(target.upcast())
        })
        .unwrap();
    scope.collect_garbage().unwrap();
    assert!(scope.scope().deref_weak(weak_ref).unwrap().is_some(), "made in this job");
    scope.end_job();
    assert!(scope.scope().deref_weak(weak_ref).unwrap().is_some(), "no collection yet");
    scope.collect_garbage().unwrap();
    assert!(scope.scope().deref_weak(weak_ref).unwrap().is_some(), "read in this job");
    scope.end_job();
    scope.collect_garbage().unwrap();
    assert!(scope.deref_weak(weak_ref).unwrap().is_none());
}

#[test]
fn a_scavenge_clears_no_weak_ref() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let weak_ref = scope
        .escape(|inner| {
            let target = inner.object(&[])?;
            inner.weak_ref(target.upcast())
        })
        .unwrap();
    scope.end_job();
    for _ in 0..3 {
        scope.collect(GcKind::Minor).unwrap();
    }
    assert!(scope.deref_weak(weak_ref).unwrap().is_some());
}

#[test]
fn a_scavenge_of_node_26_clears_weak_refs_and_queues_callbacks() {
    for (profile, cleared) in [(&NODE_24, false), (&NODE_26, true)] {
        let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::for_tests() }).unwrap();
        let mut scope = heap.scope();
        let registry = scope.finalization_registry().unwrap();
        let kept = scope.object(&[]).unwrap();
        let (to_kept, to_dead) = (scope.weak_ref(kept.upcast()).unwrap(), {
            let mut turn = scope.scope();
            let dead = turn.object(&[]).unwrap();
            turn.register(registry, dead.upcast(), 42.into(), None).unwrap();
            let weak_ref = turn.weak_ref(dead.upcast()).unwrap();
            turn.global(weak_ref).unwrap()
        });
        scope.end_job();
        for _ in 0..2 {
            scope.collect(GcKind::Minor).unwrap();
            assert!(scope.deref_weak(to_kept).unwrap().is_some());
        }
        scope.end_job();
        let to_dead = scope.open(&to_dead).unwrap();
        assert_eq!(scope.deref_weak(to_dead).unwrap().is_none(), cleared, "Node {}", profile.node_major);
        let told = scope.take_finalization().map(|due| due.holdings.as_smi());
        assert_eq!(told, cleared.then_some(Some(42)), "Node {}", profile.node_major);
        assert!(scope.take_finalization().is_none());
    }
}

#[test]
fn an_ephemeron_lives_as_long_as_its_key_even_if_the_value_holds_the_key() {
    // A scavenge takes values for strong, and so what they hold.
    for (kind, left) in [(GcKind::Minor, 2), (GcKind::Major, 1)] {
        let mut heap = heap();
        let mut scope = heap.scope();
        let map = scope.weak_map().unwrap();
        let kept = scope.object(&[1.into()]).unwrap();
        {
            let mut turn = scope.scope();
            let key = turn.object(&[2.into()]).unwrap();
            let value = turn.array(&[key.into()]).unwrap();
            turn.weak_map_set(map, key.upcast(), value.into()).unwrap();
            let value = turn.array(&[kept.into()]).unwrap();
            turn.weak_map_set(map, kept.upcast(), value.into()).unwrap();
        }
        assert_eq!(scope.weak_map_size(map).unwrap(), 2);
        scope.collect(kind).unwrap();
        assert_eq!(scope.weak_map_size(map).unwrap(), left, "{kind:?}");
        assert!(scope.weak_map_get(map, kept.upcast()).unwrap().is_some());
    }
}

#[test]
fn an_entry_whose_key_dies_is_gone_after_a_collection_of_either_kind() {
    for kind in [GcKind::Minor, GcKind::Major] {
        let mut heap = heap();
        let mut scope = heap.scope();
        let map = scope.weak_map().unwrap();
        {
            let mut turn = scope.scope();
            let key = turn.object(&[2.into()]).unwrap();
            turn.weak_map_set(map, key.upcast(), 1.into()).unwrap();
        }
        scope.collect(kind).unwrap();
        assert_eq!(scope.weak_map_size(map).unwrap(), 0, "{kind:?}");
    }
}

#[test]
fn keys_that_come_and_die_do_not_make_a_weak_map_larger() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let map = scope.weak_map().unwrap();
    let mut sizes = Vec::new();
    for _ in 0..50 {
        for round in 0..100 {
            let mut turn = scope.scope();
            let key = turn.object(&[round.into()]).unwrap();
            turn.weak_map_set(map, key.upcast(), 1.into()).unwrap();
        }
        scope.collect_garbage().unwrap();
        sizes.push(scope.memory_usage().heap_used);
    }
    assert_eq!(sizes[1], sizes[49]);
    scope.verify().unwrap();
}

#[test]
fn what_weak_refs_keep_during_a_job_lies_in_the_heap() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let before = scope.bytes_allocated();
    for _ in 0..5 {
        let mut turn = scope.scope();
        let target = turn.object(&[]).unwrap();
        turn.weak_ref(target.upcast()).unwrap();
    }
    // Five objects and WeakRefs, and tables with room for four and for eight.
    assert_eq!(scope.bytes_allocated() - before, 5 * (24 + 32) + 120 + 200);
}

#[test]
fn a_chain_of_ephemerons_is_followed_to_its_end() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let map = scope.weak_map().unwrap();
    let first = scope.object(&[0.into()]).unwrap();
    {
        let mut turn = scope.scope();
        let mut key = first;
        for number in 1..100 {
            let next = turn.object(&[number.into()]).unwrap();
            turn.weak_map_set(map, key.upcast(), next.into()).unwrap();
            key = next;
        }
    }
    for kind in [GcKind::Minor, GcKind::Minor, GcKind::Major] {
        scope.collect(kind).unwrap();
        assert_eq!(scope.weak_map_size(map).unwrap(), 99);
    }
}

#[test]
fn entries_that_come_and_go_do_not_fill_a_weak_map() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let map = scope.weak_map().unwrap();
    let kept = scope.object(&[]).unwrap();
    for round in 0..1000 {
        let mut turn = scope.scope();
        let key = turn.object(&[round.into()]).unwrap();
        turn.weak_map_set(map, key.upcast(), 1.into()).unwrap();
        turn.weak_map_set(map, kept.upcast(), round.into()).unwrap();
        assert!(turn.weak_map_delete(map, key.upcast()).unwrap());
        assert!(!turn.weak_map_delete(map, key.upcast()).unwrap());
        assert!(turn.weak_map_delete(map, kept.upcast()).unwrap());
    }
    assert_eq!(scope.weak_map_size(map).unwrap(), 0);
    scope.verify().unwrap();
}

#[test]
fn callbacks_are_queued_in_the_order_of_registration() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let registry = scope.finalization_registry().unwrap();
    for number in 0..5 {
        let mut turn = scope.scope();
        let target = turn.object(&[number.into()]).unwrap();
        turn.register(registry, target.upcast(), number.into(), None).unwrap();
    }
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!(scope.queued_finalizations(), 0, "a scavenge queues nothing");
    scope.collect_garbage().unwrap();
    assert_eq!(scope.queued_finalizations(), 5);
    for number in 0..5 {
        let taken = scope.take_finalization().unwrap();
        assert_eq!(taken.holdings.as_smi(), Some(number));
        assert!(scope.is_same(taken.registry, registry).unwrap());
    }
    assert!(scope.take_finalization().is_none());
}

#[test]
fn an_unregistered_target_queues_nothing() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let registry = scope.finalization_registry().unwrap();
    let token = scope.object(&[]).unwrap();
    {
        let mut turn = scope.scope();
        let target = turn.object(&[1.into()]).unwrap();
        turn.register(registry, target.upcast(), 1.into(), Some(token.upcast())).unwrap();
    }
    assert!(scope.unregister(registry, token.upcast()).unwrap());
    assert!(!scope.unregister(registry, token.upcast()).unwrap());
    scope.collect_garbage().unwrap();
    assert_eq!(scope.queued_finalizations(), 0);
}

#[test]
fn a_weak_handle_is_cleared_by_either_collector() {
    for kind in [GcKind::Minor, GcKind::Major] {
        let mut heap = heap();
        let weak = {
            let mut scope = heap.scope();
            let object = scope.object(&[]).unwrap();
            scope.weak_handle(object).unwrap()
        };
        heap.collect(kind).unwrap();
        assert!(heap.scope().open_weak(&weak).unwrap().is_none(), "{kind:?}");
    }
}

#[test]
fn backing_stores_of_young_and_old_buffers_are_freed_with_them() {
    let mut heap = heap();
    let mut scope = heap.scope();
    scope.scope().array_buffer(1000).unwrap();
    assert_eq!(scope.memory_usage().array_buffers, 1000);
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!(scope.memory_usage().array_buffers, 0);
    {
        let mut turn = scope.scope();
        let buffer = turn.array_buffer(3000).unwrap();
        turn.array_buffer_bytes_mut(buffer).unwrap()[2999] = 5;
        turn.collect(GcKind::Minor).unwrap();
        turn.collect(GcKind::Minor).unwrap();
        assert_eq!(turn.array_buffer_bytes(buffer).unwrap()[2999], 5);
    }
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!(scope.memory_usage().array_buffers, 3000, "it is old by now");
    scope.collect_garbage().unwrap();
    assert_eq!(scope.memory_usage().array_buffers, 0);
}

#[test]
fn a_refused_backing_store_is_a_range_error() {
    let mut heap = heap();
    heap.refuse_backing_stores_after(Some(1));
    let mut scope = heap.scope();
    scope.array_buffer(100).unwrap();
    let refused = scope.array_buffer(100);
    assert!(
        matches!(refused.as_ref().map_err(Error::kind), Err(ErrorKind::RangeError("Array buffer allocation failed"))),
        "{refused:?}"
    );
    scope.refuse_backing_stores_after(None);
    scope.array_buffer(100).unwrap();
}

#[test]
fn an_object_is_found_by_identity_after_it_has_moved_and_grown() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let map = scope.map().unwrap();
    let key = scope.object(&[1.into()]).unwrap();
    scope.map_set(map, key.into(), 1.into()).unwrap();
    // Out-of-object properties take the word in which the identity hash was kept.
    for index in 1..20 {
        scope.set_property(key, index, 0.into()).unwrap();
        scope.collect(GcKind::Minor).unwrap();
        assert_eq!(scope.map_get(map, key.into()).unwrap().and_then(|value| value.as_smi()), Some(1));
    }
}

#[test]
fn the_hole_is_the_key_undefined() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let map = scope.map().unwrap();
    for key in 0..4 {
        scope.map_set(map, key.into(), 0.into()).unwrap();
        assert!(scope.map_delete(map, key.into()).unwrap());
    }
    assert!(!scope.map_delete(map, gcheap::Value::Hole).unwrap(), "deleted entries are no entries");
    scope.map_set(map, gcheap::Value::Hole, 1.into()).unwrap();
    assert!(scope.map_get(map, gcheap::Value::Undefined).unwrap().is_some());
    assert_eq!(scope.map_size(map).unwrap(), 1);
}
