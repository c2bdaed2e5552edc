//! What becomes of strings that were flattened and of strings that are keys, and of code that nobody calls any more.

use gcheap::event::SpaceName;
use gcheap::profile::{NODE_20, NODE_24, NODE_26, Profile};
use gcheap::types::JsString;
use gcheap::{Error, GcKind, Heap, HeapOptions, Kind, Local, Scope};

/// Bytes of a cons string, and of `name-of-shard-7`, 15 characters, as a sequential string.
const CONS: u64 = 32;
const FLAT: u64 = 32;

fn heap(profile: &'static Profile) -> Heap {
    Heap::new(HeapOptions { profile, ..HeapOptions::for_tests() }).unwrap()
}

fn used(heap: &Heap, name: SpaceName) -> u64 {
    heap.space_statistics().iter().find(|space| space.space == name).unwrap().used
}

fn name<'s>(scope: &mut Scope<'s>) -> Result<Local<'s, JsString>, Error> {
    scope.escape(|inner| {
        let (start, end) = (inner.string("name-of-shard-")?, inner.string("7")?);
        inner.concat(start, end)
    })
}

#[test]
fn a_scavenge_puts_the_flat_string_in_the_place_of_a_flattened_one() {
    let mut heap = heap(&NODE_24);
    let mut scope = heap.scope();
    let text = name(&mut scope).unwrap();
    scope.flatten(text).unwrap();
    scope.collect(GcKind::Minor).unwrap();
    let empty = 16;
    assert_eq!(used(&scope, SpaceName::New), FLAT + empty);
    assert_eq!(scope.string_value(text).unwrap(), "name-of-shard-7");
}

#[test]
fn two_references_to_a_flattened_string_stay_references_to_one() {
    let mut heap = heap(&NODE_20);
    let mut scope = heap.scope();
    let text = name(&mut scope).unwrap();
    let pair = scope.array(&[text.into(), text.into()]).unwrap();
    scope.flatten(text).unwrap();
    for _ in 0..3 {
        scope.collect(GcKind::Minor).unwrap();
        let strings = scope.walk().filter(|object| object.kind == Kind::OneByteString && object.size == FLAT).count();
        assert_eq!(strings, 1);
        for index in 0..2 {
            let object = scope.array_get(pair, index).unwrap().as_object().unwrap();
            let string: Local<'_, JsString> = scope.downcast(object).unwrap();
            assert_eq!(scope.string_value(string).unwrap(), "name-of-shard-7");
        }
    }
    scope.verify().unwrap();
}

#[test]
fn a_flattened_key_may_be_replaced_by_a_scavenge_while_it_is_internalized() {
    let mut heap = heap(&NODE_26);
    heap.collect_at_every(1, GcKind::Minor);
    let mut scope = heap.scope();
    let seen = scope.set().unwrap();
    for _ in 0..2 {
        let mut turn = scope.scope();
        let key = name(&mut turn).unwrap();
        turn.set_add(seen, key.into()).unwrap();
        assert_eq!(turn.string_value(key).unwrap(), "name-of-shard-7");
        turn.verify().unwrap();
    }
    assert_eq!(scope.set_size(seen).unwrap(), 1);
}

#[test]
fn a_full_collection_leaves_a_flattened_string_as_it_is() {
    let mut heap = heap(&NODE_24);
    let mut scope = heap.scope();
    let text = name(&mut scope).unwrap();
    scope.flatten(text).unwrap();
    scope.collect(GcKind::Major).unwrap();
    let empty = 16;
    assert_eq!(used(&scope, SpaceName::Old), CONS + FLAT + empty);
}

#[test]
fn a_text_that_becomes_a_key_is_made_flat_and_old_in_node_26_alone() {
    for (profile, old) in [(&NODE_24, 0), (&NODE_26, FLAT)] {
        let mut heap = heap(profile);
        let mut scope = heap.scope();
        let set = scope.set().unwrap();
        let text = name(&mut scope).unwrap();
        let before = used(&scope, SpaceName::Old);
        scope.set_add(set, text.into()).unwrap();
        assert_eq!(used(&scope, SpaceName::Old) - before, old, "Node {}", profile.node_major);
        let equal = name(&mut scope).unwrap();
        scope.set_add(set, equal.into()).unwrap();
        assert_eq!(scope.set_size(set).unwrap(), 1);
        assert!(scope.set_has(set, equal.into()).unwrap());
        assert_eq!(used(&scope, SpaceName::Old) - before, old, "Node {}", profile.node_major);
    }
}

#[test]
fn a_slice_that_becomes_a_key_does_not_hold_its_parent() {
    let mut heap = heap(&NODE_26);
    let mut scope = heap.scope();
    let map = scope.map().unwrap();
    {
        let mut turn = scope.scope();
        let parent = turn.string_of_length(50_000, true).unwrap();
        let key = turn.substring(parent, 1, 21).unwrap();
        turn.map_set(map, key.into(), 1.into()).unwrap();
    }
    scope.collect(GcKind::Major).unwrap();
    assert!(scope.memory_usage().heap_used < 10_000);
    let key = scope.map_first_key(map).unwrap().unwrap().as_object().unwrap();
    let key: Local<'_, JsString> = scope.downcast(key).unwrap();
    assert_eq!(scope.string_value(key).unwrap(), "\u{4e2d}".repeat(20));
}

#[test]
fn unused_code_goes_with_the_sixth_full_collection_that_the_heap_itself_began() {
    let after = |full: u32, forced: u32| {
        let flags = gcheap::policy::Flags { max_old_space_size_mb: Some(64), ..Default::default() };
        let mut heap = Heap::new(HeapOptions { profile: &NODE_24, flags, ..HeapOptions::default() }).unwrap();
        for _ in 0..forced {
            heap.collect(GcKind::Major).unwrap();
        }
        for _ in 0..full {
            assert!(heap.start_marking());
            heap.collect(GcKind::Major).unwrap();
        }
        used(&heap, SpaceName::Trusted)
    };
    let unused = NODE_24.baseline.unused_code.trusted;
    let before = after(5, 3);
    let gone = before - after(6, 0);
    assert!(gone.abs_diff(unused) < 2_048, "{gone} bytes, {unused} were to go");
}
