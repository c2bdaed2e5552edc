//! What the collectors promise, one behaviour a test, seen through the façade only.

use gcheap::event::{Collector, Event, GcEvent, SpaceName};
use gcheap::policy::Flags;
use gcheap::profile::{NODE_18, Profile};
use gcheap::time::CostModel;
use gcheap::types::JsArray;
use gcheap::{Error, GcKind, Heap, HeapOptions, HeapStatistics, Local, Placement, Scope, Value};
use std::cell::RefCell;
use std::rc::Rc;

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

fn used(heap: &Heap, name: SpaceName) -> u64 {
    heap.space_statistics().iter().find(|space| space.space == name).unwrap().used
}

fn collections(heap: &mut Heap) -> Rc<RefCell<Vec<GcEvent>>> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    heap.subscribe(move |event| {
        if let Event::Gc(gc) = event {
            sink.borrow_mut().push((**gc).clone());
        }
    });
    seen
}

/// A linked list of `length` two-slot objects, each one's first slot its place.
fn list<'s>(scope: &mut Scope<'s>, length: i32) -> Result<Local<'s, JsArray>, Error> {
    let holder = scope.array(&[Value::Undefined])?;
    for place in 0..length {
        let mut turn = scope.scope();
        let next = turn.array_get(holder, 0)?;
        let node = turn.object(&[place.into(), next])?;
        turn.array_set(holder, 0, node.into())?;
    }
    Ok(holder)
}

#[test]
fn an_object_is_promoted_when_it_survives_for_the_second_time() {
    let mut heap = heap();
    let seen = collections(&mut heap);
    let mut scope = heap.scope();
    scope.object(&[1.into()]).unwrap();
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!((used(&scope, SpaceName::New), used(&scope, SpaceName::Old)), (32, 0));
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!((used(&scope, SpaceName::New), used(&scope, SpaceName::Old)), (0, 32));
    assert_eq!(seen.borrow().iter().map(|gc| (gc.survived, gc.promoted)).collect::<Vec<_>>(), [(32, 0), (0, 32)]);
}

#[test]
fn a_large_young_object_changes_owner_at_its_first_scavenge() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let array = scope.array_with_length(Placement::Young, 20_000).unwrap();
    scope.array_set(array, 19_999, 7.into()).unwrap();
    assert_eq!(used(&scope, SpaceName::NewLargeObject), 160_016);
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!(used(&scope, SpaceName::NewLargeObject), 0);
    assert_eq!(used(&scope, SpaceName::LargeObject), 160_016);
    assert_eq!(scope.array_get(array, 19_999).unwrap().as_smi(), Some(7));
}

#[test]
fn a_dead_large_object_is_unmapped() {
    let mut heap = heap();
    let before = heap.memory_usage().heap_total;
    heap.scope().array_with_length(Placement::Young, 100_000).unwrap();
    assert!(heap.memory_usage().heap_total >= before + 800_000);
    heap.collect(GcKind::Minor).unwrap();
    assert_eq!(used(&heap, SpaceName::NewLargeObject), 0);
    assert!(heap.memory_usage().heap_total < before + 2_000_000);
}

#[test]
fn an_array_above_the_regular_maximum_never_lies_on_a_regular_page() {
    let mut heap = heap();
    let mut scope = heap.scope();
    // 131,072 bytes are regular, eight more are not, although a page would have room for them.
    scope.array_with_length(Placement::Young, 16_382).unwrap();
    assert_eq!(used(&scope, SpaceName::NewLargeObject), 0);
    scope.array_with_length(Placement::Young, 16_383).unwrap();
    assert_eq!(used(&scope, SpaceName::NewLargeObject), 131_080);
    scope.array_with_length(Placement::Old, 16_383).unwrap();
    assert_eq!(used(&scope, SpaceName::LargeObject), 131_080);
}

#[test]
fn a_page_that_is_mostly_alive_is_handed_over_whole() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let list = list(&mut scope, 20_000).unwrap();
    scope.collect_garbage().unwrap();
    assert!(scope.promoted_pages() >= 2, "{} pages", scope.promoted_pages());
    assert_eq!(used(&scope, SpaceName::New), 0);
    let head = scope.array_get(list, 0).unwrap().as_object().unwrap();
    let head = scope.downcast(head).unwrap();
    assert_eq!(scope.property(head, 0).unwrap().as_smi(), Some(19_999));
}

#[test]
fn a_fragmented_page_is_emptied_and_released() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let kept = scope.array_with_length(Placement::Old, 2_000).unwrap();
    for index in 0..40_000 {
        let mut turn = scope.scope();
        let object = turn.object_literal(Placement::Old, &[index.into(), 0.into(), 0.into()]).unwrap();
        if index % 20 == 0 {
            turn.array_set(kept, index as u64 / 20, object.into()).unwrap();
        }
    }
    scope.collect_garbage().unwrap(); // frees the nineteen of twenty; their pages are now full of holes
    let fragmented = scope.memory_usage().heap_total;
    scope.collect_garbage().unwrap();
    assert!(scope.evacuated_pages() >= 4, "{} pages", scope.evacuated_pages());
    assert!(scope.memory_usage().heap_total + (1 << 20) < fragmented);
    for index in 0..2_000 {
        let object = scope.array_get(kept, index).unwrap().as_object().unwrap();
        let object = scope.downcast(object).unwrap();
        assert_eq!(scope.property(object, 0).unwrap().as_smi(), Some(index as i32 * 20));
    }
}

#[test]
fn a_young_object_that_only_an_old_one_holds_survives_a_scavenge() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let old = scope.object_literal(Placement::Old, &[Value::Undefined]).unwrap();
    {
        let mut turn = scope.scope();
        let young = turn.string("remembered").unwrap();
        turn.set_property(old, 0, young.into()).unwrap();
    }
    for _ in 0..3 {
        scope.collect(GcKind::Minor).unwrap();
    }
    let text = scope.property(old, 0).unwrap().as_object().unwrap();
    let text = scope.downcast(text).unwrap();
    assert_eq!(scope.string_value(text).unwrap(), "remembered");
}

#[test]
fn a_write_while_marking_runs_keeps_what_was_written() {
    let flags = Flags { max_old_space_size_mb: Some(256), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, ..HeapOptions::for_tests() }).unwrap();
    let seen = collections(&mut heap);
    let mut scope = heap.scope();
    let kept = scope.array(&[]).unwrap();
    let mut number = 0;
    while seen.borrow().iter().filter(|gc| gc.incremental.is_some()).count() < 2 {
        let mut turn = scope.scope();
        let object = turn.object(&[number.into(), 0.into(), 0.into(), 0.into()]).unwrap();
        turn.array_push(kept, object.into()).unwrap();
        // An old element moves to another slot, which the marker may have visited already.
        let length = turn.array_length(kept).unwrap();
        let (from, to) = (length / 3, length / 2);
        let (one, two) = (turn.array_get(kept, from).unwrap(), turn.array_get(kept, to).unwrap());
        turn.array_set(kept, to, one).unwrap();
        turn.array_set(kept, from, two).unwrap();
        number += 1;
    }
    let mut found = vec![false; number as usize];
    for index in 0..number as u64 {
        let mut turn = scope.scope();
        let object = turn.array_get(kept, index).unwrap().as_object().unwrap();
        let object = turn.downcast(object).unwrap();
        found[turn.property(object, 0).unwrap().as_smi().unwrap() as usize] = true;
    }
    assert!(found.iter().all(|&found| found));
    scope.verify().unwrap();
}

#[test]
fn five_million_elements_of_a_list_are_marked_moved_and_dropped_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(|| {
        let flags = Flags { max_old_space_size_mb: Some(1024), ..Flags::default() };
        let mut heap = Heap::new(HeapOptions { flags, verify: false, ..HeapOptions::for_tests() }).unwrap();
        {
            let mut scope = heap.scope();
            let list = list(&mut scope, 5_000_000).unwrap();
            scope.collect_garbage().unwrap();
            assert_eq!(used(&scope, SpaceName::New), 0);
            assert!(scope.memory_usage().heap_used > 5_000_000 * 40);
            scope.array_clear(list).unwrap();
            scope.collect_garbage().unwrap();
            assert!(scope.memory_usage().heap_used < 1 << 20);
        }
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_scavenge_does_not_look_at_dead_objects() {
    let mut heap = heap();
    let seen = collections(&mut heap);
    let mut scope = heap.scope();
    for _ in 0..10_000 {
        scope.scope().object(&[1.into()]).unwrap();
    }
    scope.collect(GcKind::Minor).unwrap();
    let seen = seen.borrow();
    assert_eq!((seen[0].collector, seen[0].survived, seen[0].promoted), (Collector::Scavenge, 0, 0));
    assert!(seen[0].young_before >= 320_000);
}

#[test]
fn collections_find_the_same_graph_at_every_allocation_of_every_operation() {
    for kind in [GcKind::Minor, GcKind::Major] {
        let mut heap = heap();
        let pair = heap.record_type(2, 5).unwrap();
        heap.collect_at_every(1, kind);
        let mut scope = heap.scope();
        let text = scope.string("a text of more than thirteen").unwrap();
        let tail = scope.string(" characters, größer 文字").unwrap();
        let cons = scope.concat(text, tail).unwrap();
        let slice = scope.substring(cons, 2, 30).unwrap();
        scope.flatten(cons).unwrap();
        let number = scope.heap_number(0.5).unwrap();
        let object = scope.object(&[text.into(), number.into()]).unwrap();
        for index in 2..12 {
            scope.set_property(object, index, slice.into()).unwrap();
        }
        let array = scope.array(&[object.into(), Value::Hole]).unwrap();
        for index in 0..60 {
            scope.array_push(array, index.into()).unwrap();
        }
        let doubles = scope.array_of_doubles(Placement::Young, &[1.5, 2.5]).unwrap();
        let closure = scope.closure(&[array.into(), object.into()], true).unwrap();
        let record = scope.record(pair, &[closure.into()]).unwrap();
        scope.raw_mut(record).unwrap().copy_from_slice(b"bytes");
        let map = scope.map().unwrap();
        let set = scope.set().unwrap();
        let weak_map = scope.weak_map().unwrap();
        for key in 0..40 {
            let mut turn = scope.scope();
            let key_text = turn.number_to_string(key).unwrap();
            turn.map_set(map, key_text.into(), key.into()).unwrap();
            turn.map_set(map, key.into(), object.into()).unwrap();
            turn.set_add(set, key_text.into()).unwrap();
            let weak_key = turn.object(&[key.into()]).unwrap();
            turn.weak_map_set(weak_map, weak_key.upcast(), weak_key.into()).unwrap();
        }
        scope.weak_map_set(weak_map, object.upcast(), record.into()).unwrap();
        for key in 0..30 {
            assert!(scope.map_delete(map, key.into()).unwrap());
        }
        let weak_ref = scope.weak_ref(object.upcast()).unwrap();
        let registry = scope.finalization_registry().unwrap();
        scope.register(registry, object.upcast(), text.into(), Some(array.upcast())).unwrap();
        let buffer = scope.array_buffer(100).unwrap();
        scope.array_buffer_bytes_mut(buffer).unwrap().fill(9);
        let view = scope.view(buffer, 10, 20).unwrap();
        let short = scope.typed_array(8).unwrap();
        let promise = scope.promise().unwrap();

        let whole = "a text of more than thirteen characters, größer 文字";
        assert_eq!(scope.string_value(cons).unwrap(), whole);
        assert_eq!(scope.string_value(slice).unwrap(), whole.chars().skip(2).take(28).collect::<String>());
        assert_eq!(scope.number(number).unwrap(), 0.5);
        assert_eq!(scope.array_length(array).unwrap(), 62);
        assert_eq!(scope.array_get(array, 61).unwrap().as_smi(), Some(59));
        assert_eq!(scope.array_double(doubles, 1).unwrap(), 2.5);
        assert_eq!(scope.raw(record).unwrap(), b"bytes");
        assert_eq!((scope.map_size(map).unwrap(), scope.set_size(set).unwrap()), (50, 40));
        let found = scope.weak_map_get(weak_map, object.upcast()).unwrap().unwrap().as_object().unwrap();
        assert!(scope.is_same(found, record).unwrap());
        let target = scope.deref_weak(weak_ref).unwrap().unwrap();
        assert!(scope.is_same(target, object).unwrap());
        let of_view = scope.buffer_of(view).unwrap().unwrap();
        assert_eq!(scope.array_buffer_bytes(of_view).unwrap(), [9; 100]);
        assert_eq!(scope.typed_array_length(short).unwrap(), 8);
        assert_eq!(scope.kind(promise).unwrap(), gcheap::Kind::JsPromise);
        assert_eq!(scope.queued_finalizations(), 0);
        let again = scope.captured(closure, 1).unwrap().as_object().unwrap();
        assert!(scope.is_same(again, object).unwrap());
        scope.verify().unwrap();
    }
}

/// Rings, lists, trees and arrays that refer to each other across the whole heap, some of it dropped again.
fn tangle(parallel_marking: bool) -> (Vec<String>, HeapStatistics) {
    let mut heap =
        Heap::new(HeapOptions { parallel_marking, baseline: false, verify: true, ..HeapOptions::default() }).unwrap();
    let events = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&events);
    heap.subscribe(move |event| told.borrow_mut().push(format!("{event:?}")));
    let mut scope = heap.scope();
    let all = scope.array(&[]).unwrap();
    let mut seed = 1u32;
    for round in 0..300_000u32 {
        let mut turn = scope.scope();
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u64::from(seed >> 8) % below
        };
        let length = u64::from(round).max(1);
        let one = turn.array_get(all, random(length)).unwrap_or(Value::Undefined);
        let other = turn.array_get(all, random(length)).unwrap_or(Value::Undefined);
        let text = turn.string("a leaf of some length").unwrap();
        let inner = turn.array(&[one, text.into()]).unwrap();
        let object = turn.object(&[inner.into(), other, 7.into()]).unwrap();
        turn.array_push(all, object.into()).unwrap();
        if round % 3 == 0 {
            turn.array_set(all, random(length), Value::Undefined).unwrap();
        }
    }
    scope.collect_garbage().unwrap();
    scope.collect_garbage().unwrap();
    let statistics = scope.statistics();
    drop(scope);
    drop(heap);
    (events.take(), statistics)
}

#[test]
fn a_second_marking_thread_changes_no_result() {
    let (alone, together) = (tangle(false), tangle(true));
    assert_eq!(alone.1, together.1);
    for (number, (one, two)) in alone.0.iter().zip(&together.0).enumerate() {
        assert_eq!(one, two, "event {number}");
    }
    assert_eq!(alone.0.len(), together.0.len());
}

/// Bytes that old space has mapped.
fn committed_old(heap: &Heap) -> u64 {
    heap.space_statistics().iter().find(|space| space.space == SpaceName::Old).unwrap().committed
}

/// Two pages of old objects, and what holds every second of them.
fn half_of_old_objects<'s>(scope: &mut Scope<'s>) -> Result<Local<'s, JsArray>, Error> {
    let kept = scope.array(&[])?;
    for place in 0..10_000 {
        let mut turn = scope.scope();
        let object = turn.object_literal(Placement::Old, &[place.into(); 4])?;
        if place % 2 == 0 {
            turn.array_push(kept, object.into())?;
        }
    }
    Ok(kept)
}

/// Two pages of old objects of which every second is dead, not swept yet; then survivors that go to old space. How much it grew.
fn growth_after_a_full_collection(sweep_ns_per_byte: f64) -> Result<u64, Error> {
    let cost = Some(CostModel { sweep_ns_per_byte, ..CostModel::REFERENCE });
    // As Node 18: later full collections sweep pages themselves.
    let mut heap = Heap::new(HeapOptions { cost, profile: &NODE_18, ..HeapOptions::for_tests() })?;
    let mut scope = heap.scope();
    let kept = half_of_old_objects(&mut scope)?;
    scope.collect_garbage()?;
    let before = committed_old(&scope);
    for place in 0..3_000 {
        let mut turn = scope.scope();
        let object = turn.object(&[place.into(); 4])?;
        turn.array_push(kept, object.into())?;
    }
    scope.collect(GcKind::Minor)?;
    scope.collect(GcKind::Minor)?;
    Ok(committed_old(&scope) - before)
}

#[test]
fn promoted_objects_go_where_the_background_sweepers_found_room() {
    assert_eq!(growth_after_a_full_collection(0.1).unwrap(), 0);
    assert!(growth_after_a_full_collection(1000.0).unwrap() > 0, "the sweepers had not come to it");
}

/// A full collection that promotes every second young object: half of each page dies, so that none is handed over whole.
fn collect_half_of_young_objects(scope: &mut Scope<'_>, kept: Local<'_, JsArray>) -> Result<(), Error> {
    for place in 0..3_000 {
        let mut turn = scope.scope();
        let object = turn.object(&[place.into(); 4])?;
        if place % 2 == 0 {
            turn.array_push(kept, object.into())?;
        }
    }
    scope.collect_garbage()?;
    scope.verify().expect("nothing was put over a living object");
    Ok(())
}

/// Old objects of which every second has died, then a full collection that also promotes young ones. How much old space grew.
fn growth_within_a_full_collection(node: u32) -> Result<u64, Error> {
    let profile = Profile::for_node(node).unwrap();
    let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::for_tests() })?;
    let mut scope = heap.scope();
    let kept = half_of_old_objects(&mut scope)?;
    let before = committed_old(&scope);
    collect_half_of_young_objects(&mut scope, kept)?;
    Ok(committed_old(&scope) - before)
}

#[test]
fn a_full_collection_fills_the_holes_that_it_makes_from_13_6_on() {
    for (node, fills) in [(20, false), (22, false), (24, true), (26, true)] {
        assert_eq!(growth_within_a_full_collection(node).unwrap() == 0, fills, "Node {node}");
    }
}

/// Old pages with large holes, then a full collection that promotes young objects from pages of which half is dead. How much old space grew.
fn growth_beside_large_holes(node: u32) -> Result<u64, Error> {
    let profile = Profile::for_node(node).unwrap();
    let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::for_tests() })?;
    let mut scope = heap.scope();
    let kept = scope.array(&[])?;
    for place in 0..20_000 {
        let mut turn = scope.scope();
        let object = turn.object_literal(Placement::Old, &[place.into(); 4])?;
        if place % 1_000 < 600 {
            turn.array_push(kept, object.into())?;
        }
    }
    let before = committed_old(&scope);
    collect_half_of_young_objects(&mut scope, kept)?;
    Ok(committed_old(&scope) - before.min(committed_old(&scope)))
}

#[test]
fn a_full_collection_fills_large_holes_from_11_3_on() {
    let nothing_swept = growth_beside_large_holes(18).unwrap();
    for node in [20, 22, 24, 26] {
        let growth = growth_beside_large_holes(node).unwrap();
        assert!(growth < nothing_swept, "Node {node}: {growth} bytes, Node 18: {nothing_swept}");
    }
}

#[test]
fn an_old_area_that_the_program_has_open_outlives_a_scavenge_up_to_11_3() {
    for (node, stays) in [(20, true), (22, false)] {
        let profile = Profile::for_node(node).unwrap();
        let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::for_tests() }).unwrap();
        let mut scope = heap.scope();
        scope.collect_garbage().unwrap();
        let before = scope.memory_usage().heap_used;
        let _kept = scope.object_literal(Placement::Old, &[1.into()]).unwrap();
        scope.collect(GcKind::Minor).unwrap();
        // The whole area counts as used as long as it is open.
        assert_eq!(scope.memory_usage().heap_used - before > 1_024, stays, "Node {node}");
    }
}
