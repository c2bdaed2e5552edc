//! Running out, limits, statistics, misuse: errors are values and the heap is valid behind each of them.

use gcheap::event::{Event, SpaceName};
use gcheap::policy::Flags;
use gcheap::profile::Profile;
use gcheap::{BackendKind, Error, ErrorKind, GcKind, Heap, HeapOptions, Placement, Value};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

fn small(node: u32) -> HeapOptions {
    HeapOptions {
        profile: Profile::for_node(node).unwrap(),
        flags: Flags { max_old_space_size_mb: Some(8), max_semi_space_size_mb: Some(1), ..Flags::default() },
        ..HeapOptions::for_tests()
    }
}

/// Pushes objects until the heap refuses.
fn fill(heap: &mut Heap) -> Error {
    let mut scope = heap.scope();
    let kept = scope.array(&[]).unwrap();
    loop {
        let mut turn = scope.scope();
        let pushed = turn.object(&[1.into(), 2.into()]).and_then(|object| turn.array_push(kept, object.into()));
        if let Err(error) = pushed {
            turn.verify().unwrap();
            return error;
        }
    }
}

#[test]
fn out_of_memory_is_an_error_and_the_heap_goes_on() {
    for node in [20, 22, 24, 26] {
        for backend in [BackendKind::default(), BackendKind::Portable] {
            let mut heap = Heap::new(HeapOptions { backend, ..small(node) }).unwrap();
            for _ in 0..3 {
                let error = fill(&mut heap);
                assert!(error.out_of_memory().is_some(), "Node {node}: {error}");
                heap.collect_garbage().unwrap();
                assert!(heap.statistics().used_heap_size < 1 << 20, "Node {node}");
            }
        }
    }
}

#[test]
fn the_system_may_refuse_any_page() {
    for node in [20, 22, 24, 26] {
        for pages in 0..24 {
            let mut heap = Heap::new(small(node)).unwrap();
            heap.refuse_pages_after(Some(pages));
            let error = fill(&mut heap);
            assert!(error.out_of_memory().unwrap().system_refused, "Node {node}, {pages} pages: {error}");
            heap.verify().unwrap();
            heap.refuse_pages_after(None);
            heap.collect_garbage().unwrap();
            let mut scope = heap.scope();
            let text = scope.string("it serves again").unwrap();
            scope.collect(GcKind::Minor).unwrap();
            assert_eq!(scope.string_value(text).unwrap(), "it serves again");
        }
    }
}

#[test]
fn a_callback_near_the_limit_raises_it_and_it_is_restored() {
    let mut heap = Heap::new(small(24)).unwrap();
    let asked = Rc::new(Cell::new(0));
    let counter = Rc::clone(&asked);
    heap.add_near_heap_limit_callback(move |current, initial| {
        counter.set(counter.get() + 1);
        if current < 2 * initial { current + (4 << 20) } else { current }
    });
    heap.automatically_restore_initial_heap_limit(0.5);
    let initial = heap.statistics().heap_size_limit;
    let error = fill(&mut heap);
    assert!(asked.get() >= 2, "asked {} times", asked.get());
    assert!(error.out_of_memory().unwrap().max_old_generation >= 16 << 20);
    assert!(heap.statistics().heap_size_limit > initial);
    heap.collect_garbage().unwrap();
    assert_eq!(heap.statistics().heap_size_limit, initial);
}

#[test]
fn a_callback_may_answer_with_any_number() {
    for answer in [0, 1, 1 << 47, u64::MAX] {
        let mut heap = Heap::new(HeapOptions::for_tests()).unwrap();
        heap.add_near_heap_limit_callback(move |_, _| answer);
        let mut scope = heap.scope();
        let kept = scope.array(&[]).unwrap();
        let mut pushed = 0;
        // 100 MB in a heap of 64 MB.
        while pushed < 1000 {
            let mut turn = scope.scope();
            let text = turn.string_of_length(100_000, false);
            if text.and_then(|text| turn.array_push(kept, text.into())).is_err() {
                break;
            }
            pushed += 1;
        }
        assert_eq!(pushed == 1000, answer >= 1 << 47, "{answer}: {pushed}");
        scope.array_clear(kept).unwrap();
        scope.collect_garbage().unwrap();
        scope.verify().unwrap();
    }
}

#[test]
fn a_handle_of_another_heap_is_refused_wherever_it_is_given() {
    let mut one = Heap::new(small(24)).unwrap();
    let mut other = Heap::new(small(24)).unwrap();
    let foreign_type = one.record_type(1, 0).unwrap();
    let foreign_site = one.allocation_site();
    let record_type = other.record_type(1, 0).unwrap();
    let mut elsewhere = one.scope();
    let foreign = elsewhere.object(&[]).unwrap();
    let foreign_global = elsewhere.global(foreign).unwrap();
    let mut scope = other.scope();
    let object = scope.object(&[1.into()]).unwrap();
    let array = scope.array(&[1.into()]).unwrap();
    let map = scope.map().unwrap();
    let weak_map = scope.weak_map().unwrap();
    let registry = scope.finalization_registry().unwrap();
    let value = Value::from(foreign);
    let refusals = [
        scope.object(&[value]).map(|_| ()),
        scope.array(&[1.into(), value]).map(|_| ()),
        scope.closure(&[value], false).map(|_| ()),
        scope.record(record_type, &[value]).map(|_| ()),
        scope.record(foreign_type, &[]).map(|_| ()),
        scope.object_literal(Placement::YoungWithMemento(foreign_site), &[]).map(|_| ()),
        scope.array_push(array, value).map(|_| ()),
        scope.array_set(array, 0, value),
        scope.set_property(object, 0, value),
        scope.set_property(object, 1, value),
        scope.map_set(map, value, 1.into()),
        scope.map_set(map, 1.into(), value),
        scope.map_delete(map, value).map(|_| ()),
        scope.weak_map_set(weak_map, foreign.upcast(), 1.into()),
        scope.weak_map_set(weak_map, object.upcast(), value),
        scope.weak_ref(foreign.upcast()).map(|_| ()),
        scope.register(registry, foreign.upcast(), 1.into(), None),
        scope.register(registry, object.upcast(), value, None),
        scope.register(registry, object.upcast(), 1.into(), Some(foreign.upcast())),
        scope.global(foreign).map(|_| ()),
        scope.open(&foreign_global).map(|_| ()),
    ];
    for (place, refusal) in refusals.into_iter().enumerate() {
        assert_eq!(refusal.unwrap_err(), ErrorKind::WrongHeap, "refusal {place}");
        scope.verify().unwrap();
    }
    scope.collect(GcKind::Minor).unwrap();
    scope.collect_garbage().unwrap();
}

#[test]
fn an_array_of_doubles_takes_no_tagged_values() {
    let mut heap = Heap::new(small(24)).unwrap();
    let mut scope = heap.scope();
    let doubles = scope.array_of_doubles(Placement::Young, &[1.0, 2.0]).unwrap();
    assert!(matches!(
        scope.array_push(doubles, 1.into()).as_ref().map_err(Error::kind),
        Err(ErrorKind::WrongKind { .. })
    ));
    assert!(matches!(
        scope.array_set(doubles, 0, 1.into()).as_ref().map_err(Error::kind),
        Err(ErrorKind::WrongKind { .. })
    ));
    assert!(matches!(scope.array_get(doubles, 0).as_ref().map_err(Error::kind), Err(ErrorKind::WrongKind { .. })));
    scope.collect_garbage().unwrap();
    assert_eq!(scope.array_double(doubles, 1).unwrap(), 2.0);
}

#[test]
fn an_empty_heap_holds_nothing() {
    for node in [20, 22, 24, 26] {
        let heap = Heap::new(small(node)).unwrap();
        let statistics = heap.statistics();
        assert_eq!((statistics.used_heap_size, statistics.external_memory), (0, 0), "Node {node}");
        assert!(heap.space_statistics().iter().all(|space| space.used == 0));
        assert!(heap.space_statistics().iter().all(|space| space.space == SpaceName::New || space.committed == 0));
        assert_eq!((heap.objects_allocated(), heap.bytes_allocated()), (0, 0));
    }
}

#[test]
fn the_baseline_is_what_the_profile_says() {
    for node in [20, 22, 24, 26] {
        let profile = Profile::for_node(node).unwrap();
        let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::default() }).unwrap();
        heap.verify().unwrap();
        let usage = heap.memory_usage();
        let expected = profile.baseline;
        assert_eq!(usage.external, expected.external, "Node {node}");
        assert_eq!(usage.array_buffers, expected.array_buffers, "Node {node}");
        let near = |found: u64, wanted: u64, what: &str| {
            assert!(found.abs_diff(wanted) <= 4096, "Node {node}, {what}: {found}, not {wanted}");
        };
        near(usage.heap_total, expected.heap_total(), "heapTotal");
        for (space, wanted) in [
            (SpaceName::New, expected.new),
            (SpaceName::Old, expected.old),
            (SpaceName::Code, expected.code),
            (SpaceName::LargeObject, expected.large_object),
        ] {
            let found = heap.space_statistics().into_iter().find(|found| found.space == space).unwrap();
            near(found.committed, wanted.committed, &format!("{} committed", space.key()));
            near(found.used, wanted.used, &format!("{} used", space.key()));
        }
        heap.collect_garbage().unwrap();
        heap.verify().unwrap();
    }
}

#[test]
fn two_runs_give_the_same_events() {
    let run = || {
        let mut heap = Heap::new(HeapOptions { baseline: true, ..small(24) }).unwrap();
        let seen = Rc::new(RefCell::new(Vec::<Event>::new()));
        let sink = Rc::clone(&seen);
        heap.subscribe(move |event| sink.borrow_mut().push(event.clone()));
        fill(&mut heap);
        seen.take()
    };
    let (one, two) = (run(), run());
    assert!(one.len() >= 5);
    assert_eq!(one, two);
}
