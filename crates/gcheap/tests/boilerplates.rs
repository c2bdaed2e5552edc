//! Things that are copied from a boilerplate leave the heap as the same ones through handles do.

use gcheap::profile::{NODE_10, NODE_12, NODE_20, NODE_24, NODE_26, Profile};
use gcheap::types::{JsArray, JsString};
use gcheap::{
    AllocationSite, Boilerplate, Error, ErrorKind, Heap, HeapOptions, HeapStatistics, Literals, Local, Placement,
    Scope, Value,
};
use std::cell::RefCell;
use std::rc::Rc;

const RECORDS: i32 = 120_000;

fn placement(number: i32, site: AllocationSite) -> Placement {
    match number / 1000 % 3 {
        0 => Placement::YoungWithMemento(site),
        1 => Placement::Young,
        _ => Placement::Old,
    }
}

/// The number of a thing: through all lengths, some below zero, some again and again.
fn number_of(turn: i32) -> i32 {
    match turn / 500 % 4 {
        0 => turn,
        1 => turn % 128,
        2 => turn.wrapping_mul(9_973),
        _ => -turn,
    }
}

fn by_handle(
    turn: &mut Scope<'_>,
    kept: Local<'_, JsArray>,
    prefix: Local<'_, JsString>,
    (number, place): (i32, Placement),
) -> Result<(), Error> {
    let text = turn.number_to_string(number)?;
    let text = turn.concat(prefix, text)?;
    let inner = turn.array_literal(place, &[number.into(), number.wrapping_add(1).into()])?;
    let empty = turn.array_literal(Placement::Old, &[])?;
    let record = turn.object_literal(place, &[number.into(), text.into(), inner.into(), empty.into()])?;
    turn.array_push(kept, record.into())?;
    Ok(())
}

fn boilerplate(
    literals: &Literals<'_, '_, '_>,
    prefix: Local<'_, JsString>,
    (number, place): (i32, Placement),
) -> Option<Boilerplate> {
    let mut record = Boilerplate::new(literals, number);
    record.number(0);
    record.text(literals, literals.tagged(prefix).ok()?)?;
    record.number(0);
    record.number(1);
    record.array(place, 2)?;
    record.array(Placement::Old, 0)?;
    record.object(place, 4)?;
    Some(record)
}

/// Events, what the heap says of itself, what was allocated, and how many records were copied.
type Left = (Vec<String>, HeapStatistics, u64, u64, u32);

fn run(copies: bool, profile: &'static Profile, prefix: &str) -> Result<Left, Error> {
    let options = HeapOptions { profile, baseline: false, verify: true, ..HeapOptions::default() };
    let mut heap = Heap::new(options)?;
    let events = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&events);
    heap.subscribe(move |event| told.borrow_mut().push(format!("{event:?}")));
    let site = heap.allocation_site();
    let mut scope = heap.scope();
    let (kept, prefix) = (scope.array(&[])?, scope.string(prefix)?);
    let (mut turn, mut copied) = (0, 0);
    while turn < RECORDS {
        let mut inner = scope.scope();
        if copies {
            let some = inner.literals(|literals| {
                let thing = |turn| (number_of(turn), placement(turn, site));
                let Some(record) = boilerplate(literals, prefix, thing(turn)) else { return Ok(0) };
                let kept = literals.tagged(kept)?;
                let end = turn + 500 - turn % 500;
                for next in turn..end {
                    if literals.array_room(kept) == 0 {
                        return Ok(next - turn);
                    }
                    let Some(copy) = literals.copy(&record, number_of(next))? else { return Ok(next - turn) };
                    literals.array_push(kept, copy)?;
                }
                Ok(end - turn)
            })?;
            turn += some;
            copied += some as u32;
            if some > 0 {
                continue;
            }
        }
        by_handle(&mut inner, kept, prefix, (number_of(turn), placement(turn, site)))?;
        turn += 1;
    }
    scope.collect_garbage()?;
    let (statistics, objects, bytes) = (scope.statistics(), scope.objects_allocated(), scope.bytes_allocated());
    drop(scope);
    Ok((events.take(), statistics, objects, bytes, copied))
}

#[test]
fn what_is_copied_is_what_is_made_by_handles() {
    for profile in [&NODE_10, &NODE_12, &NODE_20, &NODE_24, &NODE_26] {
        for prefix in ["item", ""] {
            let (one, other) = (run(false, profile, prefix).unwrap(), run(true, profile, prefix).unwrap());
            let name = format!("Node {}, prefix {prefix:?}", profile.node_major);
            assert!(other.4 > RECORDS as u32 / 4, "only {} of {RECORDS} records were copied, {name}", other.4);
            for (number, (one, other)) in one.0.iter().zip(&other.0).enumerate() {
                assert_eq!(one, other, "event {number}, {name}");
            }
            assert_eq!((one.0.len(), &one.1, one.2, one.3), (other.0.len(), &other.1, other.2, other.3), "{name}");
        }
    }
}

#[test]
fn a_copy_has_the_values_of_its_number() {
    let mut heap = Heap::new(HeapOptions::for_tests()).unwrap();
    let mut scope = heap.scope();
    let prefix = scope.string("no. ").unwrap();
    let kept = scope.array_with_length(Placement::Young, 1).unwrap();
    scope
        .literals(|literals| {
            let mut pair = Boilerplate::new(literals, 10);
            pair.undefined();
            pair.number(i32::MAX);
            pair.text(literals, literals.tagged(prefix)?).unwrap();
            pair.array(Placement::Young, 3).unwrap();
            let kept = literals.tagged(kept)?;
            assert!(literals.copy(&pair, 9)?.is_none() && literals.copy(&pair, 100)?.is_none(), "not of two digits");
            let copy = literals.copy(&pair, 42)?.unwrap();
            literals.array_set(kept, 0, copy)
        })
        .unwrap();
    let copy = scope.array_get(kept, 0).unwrap().as_object().unwrap();
    let copy: Local<'_, JsArray> = scope.downcast(copy).unwrap();
    let values = [0, 1, 2].map(|index| scope.array_get(copy, index).unwrap());
    assert!(matches!(values[0], Value::Undefined));
    assert_eq!(values[1].as_smi(), Some(42i32.wrapping_add(i32::MAX)));
    let text: Local<'_, JsString> = scope.downcast(values[2].as_object().unwrap()).unwrap();
    assert_eq!(scope.string_value(text).unwrap(), "no. 42");
    scope.verify().unwrap();
}

#[test]
fn what_cannot_be_copied_is_none_and_a_boilerplate_of_another_heap_is_refused() {
    let (mut one, mut other) =
        (Heap::new(HeapOptions::for_tests()).unwrap(), Heap::new(HeapOptions::for_tests()).unwrap());
    let site = other.allocation_site();
    let mut scope = one.scope();
    let (long, wide) = (scope.string("too long a prefix").unwrap(), scope.string("\u{4e2d}").unwrap());
    let boilerplate = scope
        .literals(|literals| {
            let mut thing = Boilerplate::new(literals, -1);
            assert!(thing.object(Placement::Young, 1).is_none(), "there is no value");
            assert!(thing.array(Placement::YoungWithMemento(site), 0).is_none(), "the site is of another heap");
            for prefix in [long, wide] {
                let prefix = literals.tagged(prefix)?;
                assert!(thing.text(literals, prefix).is_none());
            }
            assert!(literals.copy(&thing, 0)?.is_none(), "nothing was put in");
            (0..600).for_each(|more| thing.number(more));
            assert!(thing.array(Placement::Young, 501).is_none() && thing.array(Placement::Young, 500).is_some());
            Ok(thing)
        })
        .unwrap();
    let mut scope = other.scope();
    scope.array(&[]).unwrap();
    let refused = scope.literals(|literals| literals.copy(&boilerplate, 0).map(drop));
    assert!(matches!(refused.unwrap_err().kind(), ErrorKind::WrongHeap));
    scope.verify().unwrap();
}
