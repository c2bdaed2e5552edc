//! Handles keep what they promise, whatever safe code does with heaps and scopes; tables, looks and the nursery.

use gcheap::event::SpaceName;
use gcheap::types::{JsArray, JsString, Object, Record, Table, Type};
use gcheap::{ErrorKind, GcKind, Heap, HeapOptions, Placement, Value};

gcheap::record! {
    struct Cell {
        value: gcheap::record::Any,
    }
}

gcheap::record! {
    struct Other {
        value: gcheap::record::Any,
    }
}

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

fn with_nursery() -> Heap {
    Heap::new(HeapOptions { nursery: Some(1 << 20), ..HeapOptions::for_tests() }).unwrap()
}

#[test]
fn a_handle_is_refused_once_another_scope_could_have_popped_it() {
    let (mut one, mut two) = (heap(), heap());
    let mut scope = one.scope();
    let cell = Cell::new(&mut scope, 1.into()).unwrap();
    let text = scope.string("a string").unwrap();
    {
        let mut other = two.scope();
        // The scope of the second heap ends with the first heap in it and pops its handles.
        std::mem::swap(&mut *scope, &mut *other);
        assert_eq!(other.read(cell, Cell::value).unwrap().as_smi(), Some(1), "so far it is there");
    }
    let mut again = two.scope();
    again.array(&[]).unwrap();
    again.array(&[]).unwrap();
    assert_eq!(again.read(cell, Cell::value).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(again.write(cell, Cell::value, 2.into()).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(again.string_length(text).unwrap_err(), ErrorKind::WrongHeap);
    assert!(again.peek(cell).is_err());
    again.verify().unwrap();
    let list = again.array(&[1.into()]).unwrap();
    assert_eq!(again.array_length(list).unwrap(), 1);
}

#[test]
fn handles_of_a_heap_that_was_replaced_are_refused() {
    let mut one = heap();
    let mut scope = one.scope();
    let list = scope.array(&[1.into()]).unwrap();
    let mut old = std::mem::replace(&mut *scope, heap());
    scope.array(&[]).unwrap();
    assert_eq!(scope.array_length(list).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(old.array_length(list).unwrap(), 1, "it has moved with its heap");
    drop(scope);
    old.verify().unwrap();
    one.verify().unwrap();
}

/// A type of handles that says of itself what is not true.
enum Liar {}

impl Type for Liar {
    const NAME: &'static str = "liar";
    const KINDS: u64 = u64::MAX;
}

impl gcheap::record::RecordLayout for Liar {
    const FIELDS: &'static [&'static str] = &["a", "b", "c", "d", "e", "f", "g"];
    const RAW_BYTES: u64 = 800;
}

#[test]
fn a_type_that_lies_about_itself_gets_no_handle() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let list = scope.array(&[]).unwrap();
    let cell = Cell::new(&mut scope, 1.into()).unwrap();
    for object in [list.upcast(), cell.upcast()] {
        assert!(scope.downcast::<Liar>(object).is_err());
        assert!(scope.peek(object).unwrap().downcast::<Liar>().is_err());
    }
    assert!(scope.record_of::<Liar>(&[]).is_ok(), "one of its own is what it says");
}

#[test]
fn a_table_has_objects_of_its_type_only() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let table = scope.table::<Cell>(Placement::Young, 10).unwrap();
    let cell = Cell::new(&mut scope, 7.into()).unwrap();
    scope.table_set(table, 9, Some(cell)).unwrap();
    assert_eq!(scope.table_length(table).unwrap(), 10);
    assert!(matches!(
        scope.table_get(table, 10).unwrap_err().kind(),
        ErrorKind::IndexOutOfRange { index: 10, length: 10 }
    ));
    assert!(scope.table_set(table, u64::MAX, None).is_err());
    scope.collect(GcKind::Minor).unwrap();
    scope.collect(GcKind::Major).unwrap();
    let found = scope.table_get(table, 9).unwrap().unwrap();
    assert!(scope.is_same(found, cell).unwrap());
    assert!(scope.table_get(table, 0).unwrap().is_none());
    let untyped = table.upcast();
    assert!(scope.downcast::<Table<Cell>>(untyped).is_ok());
    assert!(scope.downcast::<Table<Other>>(untyped).is_err());
    assert!(scope.downcast::<JsArray>(untyped).is_err());
    let texts = scope.table::<JsString>(Placement::Old, 1).unwrap();
    assert!(scope.downcast::<Table<Cell>>(texts).is_err());
    scope.table_set(table, 9, None).unwrap();
    assert!(scope.table_get(table, 9).unwrap().is_none());
}

#[test]
fn a_table_in_old_space_keeps_young_objects_alive() {
    for mut heap in [heap(), with_nursery()] {
        let mut scope = heap.scope();
        let table = scope.table::<Cell>(Placement::Old, 3000).unwrap();
        for place in 0..3000 {
            let mut turn = scope.scope();
            let cell = Cell::new(&mut turn, Value::Smi(place as i32)).unwrap();
            turn.table_set(table, place, Some(cell)).unwrap();
        }
        scope.collect(GcKind::Minor).unwrap();
        let sum: i32 = (0..3000)
            .map(|place| {
                let look = scope.peek(table).unwrap().get(place).unwrap().unwrap();
                look.downcast::<Record>().unwrap().field(0).unwrap().as_smi().unwrap()
            })
            .sum();
        assert_eq!(sum, 2999 * 3000 / 2);
    }
}

#[test]
fn what_survives_one_collection_of_a_nursery_is_old() {
    let mut heap = with_nursery();
    let mut scope = heap.scope();
    let list = scope.array(&[]).unwrap();
    for round in 0..20_000 {
        let mut turn = scope.scope();
        let cell = Cell::new(&mut turn, Value::Smi(round)).unwrap();
        if round % 10 == 0 {
            turn.array_push(list, cell.into()).unwrap();
        }
    }
    scope.collect(GcKind::Minor).unwrap();
    for place in 0..2000 {
        let mut turn = scope.scope();
        let cell = turn.array_get(list, place).unwrap().as_object().unwrap();
        assert_eq!(turn.inspect(cell).unwrap().space, SpaceName::Old);
        let cell = turn.downcast::<Cell>(cell).unwrap();
        assert_eq!(turn.read(cell, Cell::value).unwrap().as_smi(), Some(place as i32 * 10));
    }
}

#[test]
fn a_look_sees_what_a_handle_sees() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let cell = Cell::new(&mut scope, 3.into()).unwrap();
    let list = scope.array(&[1.into(), cell.into(), Value::Undefined]).unwrap();
    let look = scope.peek(list).unwrap();
    assert_eq!((look.length(), look.size()), (3, scope.size(list).unwrap()));
    assert_eq!(look.element(0).unwrap().as_smi(), Some(1));
    assert!(look.element(2).unwrap().as_object().is_none());
    assert!(look.element(3).is_err());
    let inside = look.element(1).unwrap().as_object().unwrap();
    assert!(inside.downcast::<JsArray>().is_err() && inside.downcast::<Object>().is_ok());
    assert!(inside.downcast::<Other>().is_err());
    assert_eq!(inside.downcast::<Record>().unwrap().field(0).unwrap().as_smi(), Some(3));
    assert!(inside.downcast::<Record>().unwrap().field(1).is_err());
}

#[test]
fn a_nursery_serves_every_profile() {
    for node in [10, 12, 18, 20, 22, 24, 26] {
        let profile = gcheap::profile::Profile::for_node(node).unwrap();
        let mut heap = Heap::new(HeapOptions { profile, nursery: Some(1 << 19), ..HeapOptions::for_tests() }).unwrap();
        let mut scope = heap.scope();
        let kept = scope.array(&[]).unwrap();
        for round in 0..6 {
            for number in 0..3000 {
                let mut turn = scope.scope();
                let object = turn.object(&[Value::Smi(number), Value::Smi(round)]).unwrap();
                if number % 7 == 0 {
                    turn.array_push(kept, object.into()).unwrap();
                }
            }
            scope.collect(if round % 2 == 0 { GcKind::Major } else { GcKind::Minor }).unwrap();
            scope.verify().unwrap_or_else(|broken| panic!("Node {node}, round {round}: {broken}"));
        }
        assert_eq!(scope.array_length(kept).unwrap(), 6 * 429);
    }
}
