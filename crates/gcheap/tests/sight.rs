//! What the library shows of a heap: places, paths, retained sizes, pages, growth.

use gcheap::event::SpaceName;
use gcheap::inspect::{Age, Edge};
use gcheap::record::{Any, Smi};
use gcheap::{Error, ErrorKind, GcKind, Heap, HeapOptions, Kind, Value};

gcheap::record! {
    struct Node { next: Node, value: Any } raw { weight: u64 }
}

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

#[test]
fn an_object_ages_is_promoted_and_is_remembered_for_what_it_holds() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let list = scope.array(&[0.into()]).unwrap();
    let mut seen = vec![scope.inspect(list).unwrap()];
    for kind in [GcKind::Minor, GcKind::Minor, GcKind::Major] {
        scope.collect(kind).unwrap();
        seen.push(scope.inspect(list).unwrap());
    }
    assert_eq!(seen.iter().map(|info| info.age).collect::<Vec<_>>(), [Age::New, Age::Intermediate, Age::Old, Age::Old]);
    assert!(seen[1].has_moved_from(&seen[0]) && seen[2].has_moved_from(&seen[1]));
    assert_eq!(seen[3].space, SpaceName::Old);
    let old = scope.object(&[1.into()]).unwrap();
    scope.collect_garbage().unwrap();
    assert_eq!(scope.inspect(old).unwrap().remembered_slots, 0);
    let young = scope.object(&[]).unwrap();
    scope.set_property(old, 0, young.into()).unwrap();
    let info = scope.inspect(old).unwrap();
    assert_eq!((info.remembered_slots, info.marked), (1, false));
    assert!(info.to_string().contains("1 remembered slot"), "{info}");
}

#[test]
fn a_large_object_tells_its_space_and_its_first_page() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let text = scope.string_of_length(1_000_000, false).unwrap();
    let young = scope.inspect(text).unwrap();
    assert_eq!((young.space, young.age, young.size), (SpaceName::NewLargeObject, Age::New, 1_000_016));
    scope.collect_garbage().unwrap();
    let old = scope.inspect(text).unwrap();
    assert_eq!((old.space, old.age), (SpaceName::LargeObject, Age::Old));
    assert!(!old.has_moved_from(&young), "large objects change owner, not place");
}

#[test]
fn a_walk_finds_what_the_books_say_in_every_state() {
    for node in [10, 12, 18, 20, 22, 24, 26] {
        let profile = gcheap::profile::Profile::for_node(node).unwrap();
        let mut heap = Heap::new(HeapOptions { profile, ..HeapOptions::default() }).unwrap();
        let mut scope = heap.scope();
        let kept = scope.array(&[]).unwrap();
        for round in 0..6 {
            for number in 0..20_000 {
                let mut turn = scope.scope();
                let object = turn.object(&[number.into(), Value::Undefined]).unwrap();
                if number % 3 == 0 {
                    turn.array_push(kept, object.into()).unwrap();
                }
            }
            if round == 3 {
                scope.array_truncate(kept, 100).unwrap();
                scope.collect_garbage().unwrap();
            }
            let walked: u64 = scope.walk().map(|object| object.size).sum();
            let used: u64 = scope.space_statistics().iter().map(|space| space.used).sum();
            // Ends of new-space pages that are too small for an object count as used; and, up to 11.3, the open linear area of code
            // space until the first full collection.
            let open = if profile.collection.open_linear_areas_count_as_used { profile.pages.size } else { 0 };
            let fillers = used - walked;
            assert!(fillers < 128 * 1024 + open, "Node {node}, round {round}: {used} used, {walked} walked");
            let reachable = scope.census().total().bytes;
            assert!(reachable <= walked, "Node {node}, round {round}");
        }
    }
}

#[test]
fn what_the_graph_does_not_reach_is_what_a_full_collection_frees() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let kept = scope.array(&[]).unwrap();
    let map = scope.weak_map().unwrap();
    for number in 0..5_000 {
        let mut turn = scope.scope();
        let text = turn.number_to_string(100_000 + number).unwrap();
        let object = turn.object(&[text.into()]).unwrap();
        let value = turn.array(&[object.into()]).unwrap();
        turn.weak_map_set(map, object.upcast(), value.into()).unwrap();
        if number % 7 == 0 {
            turn.array_push(kept, object.into()).unwrap();
        }
    }
    scope.end_job();
    let (objects, bytes) = {
        let total = scope.census().total();
        (total.objects, total.bytes)
    };
    assert!(scope.graph().garbage().count() > 4_000);
    scope.collect_garbage().unwrap();
    let walked: Vec<u64> = scope.walk().map(|object| object.size).collect();
    assert_eq!((walked.len() as u64, walked.iter().sum::<u64>()), (objects, bytes));
    assert_eq!(scope.graph().garbage().count(), 0);
}

#[test]
fn a_path_names_each_kind_of_holder_in_words() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let target = scope.string("what is held").unwrap();
    let value: Value<'_> = target.into();
    type Hold = fn(&mut gcheap::Scope<'_>, Value<'_>) -> Result<gcheap::Global, Error>;
    let cases: [(Hold, &str); 9] = [
        (|s, v| s.array(&[1.into(), v]).and_then(|a| s.global(a.upcast())), "JSArray element 1"),
        (|s, v| s.object(&[v]).and_then(|a| s.global(a.upcast())), "JSObject property 0"),
        (
            |s, v| {
                let object = s.object(&[1.into(), 2.into()])?;
                s.set_property(object, 2, 3.into())?;
                s.set_property(object, 3, v)?;
                s.global(object.upcast())
            },
            "JSObject property 3",
        ),
        (|s, v| s.closure(&[1.into(), v], false).and_then(|a| s.global(a.upcast())), "JSFunction captured variable 1"),
        (
            |s, v| {
                let map = s.map()?;
                s.map_set(map, 1.into(), 1.into())?;
                s.map_set(map, 2.into(), v)?;
                s.global(map.upcast())
            },
            "JSMap value of entry 1",
        ),
        (
            |s, v| {
                let map = s.map()?;
                s.map_set(map, v, 1.into())?;
                s.global(map.upcast())
            },
            "JSMap key of entry 0",
        ),
        (
            |s, v| {
                let set = s.set()?;
                s.set_add(set, v)?;
                s.global(set.upcast())
            },
            "JSSet value 0",
        ),
        (|s, v| Node::new(s, None, v).and_then(|a| s.global(a.upcast())), "Node field value"),
        (
            |s, v| {
                let key = s.object(&[])?;
                let map = s.weak_map()?;
                s.weak_map_set(map, key.upcast(), v)?;
                let both = s.array(&[map.into(), key.into()])?;
                s.global(both.upcast())
            },
            "JSArray element 1 -> JSObject value in a WeakMap for this key",
        ),
    ];
    for (hold, words) in cases {
        let held = {
            let mut inner = scope.scope();
            hold(&mut inner, value).unwrap()
        };
        let path = scope.path_to(target).unwrap().unwrap();
        assert_eq!(path.to_string(), format!("a global handle -> {words} -> SeqOneByteString"));
        drop(held);
        scope.collect(GcKind::Minor).unwrap();
        assert_eq!(scope.path_to(target).unwrap(), None, "{words}");
    }
}

#[test]
fn nothing_weak_is_a_path() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let target = scope.object(&[]).unwrap();
    let weak_ref = scope.weak_ref(target.upcast()).unwrap();
    let registry = scope.finalization_registry().unwrap();
    scope.register(registry, target.upcast(), 1.into(), None).unwrap();
    let _handle = scope.weak_handle(target).unwrap();
    let path = scope.path_to(target).unwrap().unwrap();
    assert_eq!(path.to_string(), "a WeakRef used in the current job -> OrderedHashSet value 0 -> JSObject");
    assert_eq!(path.len(), 1);
    scope.end_job();
    assert_eq!(scope.path_to(target).unwrap(), None);
    assert!(scope.deref_weak(weak_ref).unwrap().is_some());
}

#[test]
fn retained_size_counts_what_only_the_object_holds() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let shared = scope.string_of_length(984, false).unwrap();
    let only = scope.string_of_length(984, false).unwrap();
    let (left, right) = {
        let left = scope.array(&[shared.into(), only.into()]).unwrap();
        let right = scope.array(&[shared.into()]).unwrap();
        (scope.global(left).unwrap(), scope.global(right).unwrap())
    };
    let graph = scope.graph_without_handles();
    let sizes: Vec<(Kind, u64)> = graph
        .nodes()
        .map(|node| (graph.info(node).unwrap().kind, graph.retained_size(node).unwrap()))
        .filter(|(kind, _)| *kind == Kind::JsArray)
        .collect();
    assert_eq!(sizes, [(Kind::JsArray, 32 + 32 + 1000), (Kind::JsArray, 32 + 24)]);
    let shared = graph.node(shared).unwrap();
    assert_eq!(graph.dominator(shared).unwrap(), None, "two arrays hold it");
    let only = graph.node(only).unwrap();
    let store = graph.dominator(only).unwrap().unwrap();
    assert_eq!(graph.info(store).unwrap().kind, Kind::FixedArray);
    assert_eq!(graph.holds(store).unwrap().last().unwrap().0, Edge::Element(1));
    drop((left, right));
}

#[test]
fn a_node_of_another_heap_is_an_error() {
    let (mut one, mut other) = (heap(), heap());
    let mut scope = one.scope();
    let text = scope.string("mine").unwrap();
    let elsewhere = other.scope();
    let (here, there) = (scope.graph(), elsewhere.graph());
    assert!(matches!(there.node(text).as_ref().map_err(Error::kind), Err(ErrorKind::WrongHeap)));
    let node = here.node(text).unwrap();
    assert!(matches!(there.path(node).as_ref().map_err(Error::kind), Err(ErrorKind::WrongHeap)));
    assert!(matches!(there.retained_size(node).as_ref().map_err(Error::kind), Err(ErrorKind::WrongHeap)));
    assert!(matches!(elsewhere.inspect(text).as_ref().map_err(Error::kind), Err(ErrorKind::WrongHeap)));
}

#[test]
fn looking_changes_nothing() {
    let run = |look: bool| {
        let mut heap = heap();
        let log = gcheap::inspect::EventLog::attach(&mut heap);
        let mut scope = heap.scope();
        let list = scope.array(&[]).unwrap();
        for number in 0..60_000 {
            let mut turn = scope.scope();
            let node = Node::new(&mut turn, None, number.into()).unwrap();
            turn.array_push(list, node.into()).unwrap();
            if look && number % 10_000 == 0 {
                turn.path_to(node).unwrap();
                turn.retained_size(list).unwrap();
                assert!(turn.page_map().len() > 1);
                turn.census();
                assert!(turn.walk().count() > 0);
            }
        }
        (log.take(), scope.time_ms())
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn the_page_map_shows_holes_and_compaction_closes_them() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let kept = scope.array(&[]).unwrap();
    for number in 0..40_000 {
        let mut turn = scope.scope();
        let node = Node::new(&mut turn, None, number.into()).unwrap();
        turn.array_push(kept, node.into()).unwrap();
    }
    scope.collect_garbage().unwrap();
    let length = scope.array_length(kept).unwrap();
    for index in (0..length).filter(|index| index % 10 != 0) {
        scope.array_set(kept, index, Value::Undefined).unwrap();
    }
    scope.collect_garbage().unwrap();
    let old = |heap: &Heap| -> Vec<gcheap::inspect::PageInfo> {
        heap.page_map().into_iter().filter(|page| page.space == SpaceName::Old).collect()
    };
    let before = old(&scope);
    assert!(before.iter().filter(|page| page.fragmentation() > 0.9).count() >= 4, "{before:?}");
    scope.collect(GcKind::LastResort).unwrap();
    let after = old(&scope);
    assert!(after.len() < before.len() / 2, "{} pages, then {}", before.len(), after.len());
    assert!(after.iter().all(|page| page.live <= page.allocated && page.allocated <= page.usable));
}

#[test]
fn the_census_tells_records_by_name() {
    let mut heap = heap();
    let mut scope = heap.scope();
    gcheap::record! { struct Other { value: Smi } }
    let before = scope.census();
    let _node = Node::new(&mut scope, None, Value::Undefined).unwrap();
    let _others = [Other::new(&mut scope, 1).unwrap(), Other::new(&mut scope, 2).unwrap()];
    let census = scope.census();
    assert_eq!((census.of_record("Node").bytes, census.of_record("Other").objects), (32, 2));
    assert_eq!(census.of_kind(Kind::Record).objects, 3);
    assert_eq!(census.since(&before).to_string(), "Other: +2 objects, +32 bytes; Node: +1 object, +32 bytes");
}
