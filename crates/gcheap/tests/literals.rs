//! Literals by address leave the heap as the same ones through handles do.

use gcheap::types::{JsArray, JsString};
use gcheap::{
    AllocationSite, Error, ErrorKind, GcKind, Heap, HeapOptions, HeapStatistics, LiteralRoom, Literals, Local,
    Placement, Scope, Tagged, TaggedWord,
};
use std::cell::RefCell;
use std::rc::Rc;

const RECORDS: i32 = 200_000;

/// Where the literals of a record go, by its number.
fn placement(number: i32, site: AllocationSite) -> Placement {
    match number / 1000 % 3 {
        0 => Placement::YoungWithMemento(site),
        1 => Placement::Young,
        _ => Placement::Old,
    }
}

fn text_number(number: i32) -> i32 {
    // Some again and again, so that the cache has them; some long, some negative.
    match number % 4 {
        0 => number % 64,
        1 => -number,
        _ => number.wrapping_mul(40_503),
    }
}

fn by_handle(
    turn: &mut Scope<'_>,
    kept: Local<'_, JsArray>,
    prefix: Local<'_, JsString>,
    number: i32,
    place: Placement,
) -> Result<(), Error> {
    let text = turn.number_to_string(text_number(number))?;
    let text = turn.concat(prefix, text)?;
    let double = turn.heap_number(0.5)?;
    let inner = turn.array_literal(place, &[number.into(), double.into()])?;
    let empty = turn.array_literal(place, &[])?;
    let record = turn.object_literal(place, &[number.into(), text.into(), inner.into(), empty.into()])?;
    turn.array_push(kept, record.into())?;
    Ok(())
}

fn by_address<'n>(
    literals: &mut Literals<'n, '_, '_>,
    kept: Tagged<'n, JsArray>,
    prefix: Tagged<'n, JsString>,
    number: i32,
    place: Placement,
) -> Result<(), Error> {
    let text = if number % 2 == 0 {
        literals.concat_number(prefix, text_number(number))?
    } else {
        let text = literals.number_to_string(text_number(number))?;
        literals.concat(prefix, text)?
    };
    let double = literals.heap_number(0.5)?;
    let inner = literals.array(place, &[number.into(), double.into()])?;
    let empty = literals.array(place, &[])?;
    let record = literals.object(place, &[number.into(), text.into(), inner.into(), empty.into()])?;
    literals.array_push(kept, record.into())
}

/// What a run leaves: its events, what the heap says of itself, what was allocated, and how many records were made by address.
fn run(stretches: bool, prefix: &str) -> Result<(Vec<String>, HeapStatistics, u64, u64, i32), Error> {
    let mut heap = Heap::new(HeapOptions { baseline: false, verify: true, ..HeapOptions::default() })?;
    let events = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&events);
    heap.subscribe(move |event| told.borrow_mut().push(format!("{event:?}")));
    let site = heap.allocation_site();
    let mut scope = heap.scope();
    let (kept, prefix) = (scope.array(&[])?, scope.string(prefix)?);
    let mut made = 0;
    let mut number = 0;
    while number < RECORDS {
        let place = placement(number, site);
        let mut turn = scope.scope();
        if stretches {
            let some = turn.literals(|literals| {
                let (kept, prefix) = (literals.tagged(kept)?, literals.tagged(prefix)?);
                let Some(text) = literals.room_of_text() else { return Ok(0) };
                let each = LiteralRoom::of_object(place, 4)
                    + LiteralRoom::of_array(place, 2)
                    + LiteralRoom::of_array(place, 0)
                    + LiteralRoom::of_number()
                    + text;
                let room = each.times_in(literals.room()).min(literals.array_room(kept));
                let some = (room as i32).min(1000 - number % 1000);
                for number in number..number + some {
                    by_address(literals, kept, prefix, number, place)?;
                }
                Ok(some)
            })?;
            made += some;
            number += some;
            if some > 0 {
                continue;
            }
        }
        by_handle(&mut turn, kept, prefix, number, place)?;
        number += 1;
    }
    scope.collect_garbage()?;
    let (statistics, objects, bytes) = (scope.statistics(), scope.objects_allocated(), scope.bytes_allocated());
    drop(scope);
    Ok((events.take(), statistics, objects, bytes, made))
}

#[test]
fn what_is_made_by_address_is_what_is_made_by_handles() {
    for prefix in ["item", "", "a prefix that makes cons strings"] {
        let (one, other) = (run(false, prefix).unwrap(), run(true, prefix).unwrap());
        assert!(other.4 > RECORDS / 2, "only {} of {RECORDS} records were made in stretches", other.4);
        for (number, (one, other)) in one.0.iter().zip(&other.0).enumerate() {
            assert_eq!(one, other, "event {number}, prefix {prefix:?}");
        }
        assert_eq!(
            (one.0.len(), &one.1, one.2, one.3),
            (other.0.len(), &other.1, other.2, other.3),
            "prefix {prefix:?}"
        );
    }
}

#[test]
fn more_than_there_is_room_for_is_refused_and_nothing_is_given_under_stress() {
    let mut heap = Heap::new(HeapOptions::for_tests()).unwrap();
    let mut scope = heap.scope();
    let refused = scope.literals(|literals| {
        let none = LiteralRoom::of_object(Placement::Old, 1).times_in(literals.room());
        assert_eq!(none, 0, "nothing was allocated in old space yet");
        literals.object(Placement::Old, &[1.into()]).map(drop)
    });
    assert!(matches!(refused.unwrap_err().kind(), ErrorKind::IndexOutOfRange { .. }));
    let refused = scope.literals(|literals| literals.array(Placement::Young, &[TaggedWord::UNDEFINED; 1000]).map(drop));
    assert!(matches!(refused.unwrap_err().kind(), ErrorKind::IndexOutOfRange { .. }));
    scope.collect_at_every(1, GcKind::Minor);
    assert_eq!(scope.literals(|literals| Ok(literals.room())).unwrap(), LiteralRoom::default());
    scope.verify().unwrap();
}

#[test]
fn a_site_and_a_handle_of_another_heap_are_refused() {
    let mut other = Heap::new(HeapOptions::for_tests()).unwrap();
    let site = other.allocation_site();
    let mut other = other.scope();
    let array = other.array(&[1.into()]).unwrap();
    let mut heap = Heap::new(HeapOptions::for_tests()).unwrap();
    let mut scope = heap.scope();
    scope.array(&[]).unwrap();
    let refused = scope.literals(|literals| literals.object(Placement::YoungWithMemento(site), &[]).map(drop));
    assert!(matches!(refused.unwrap_err().kind(), ErrorKind::WrongHeap));
    let refused = scope.literals(|literals| literals.tagged(array).map(drop));
    assert!(matches!(refused.unwrap_err().kind(), ErrorKind::WrongHeap));
    scope.verify().unwrap();
}

#[test]
fn an_element_is_written_below_the_length_only() {
    let mut heap = Heap::new(HeapOptions::for_tests()).unwrap();
    let mut scope = heap.scope();
    let (array, doubles) =
        (scope.array(&[1.into()]).unwrap(), scope.array_of_doubles(Placement::Young, &[0.5]).unwrap());
    let text = scope
        .literals(|literals| {
            let (array, doubles) = (literals.tagged(array)?, literals.tagged(doubles)?);
            let text = literals.number_to_string(i32::MIN)?;
            literals.array_set(array, 0, text.into())?;
            assert!(literals.array_set(array, 1, 2.into()).is_err());
            assert!(literals.array_set(doubles, 0, 2.into()).is_err());
            assert!(literals.array_push(doubles, 2.into()).is_err());
            Ok(literals.local(text))
        })
        .unwrap();
    assert_eq!(scope.string_value(text).unwrap(), "-2147483648");
    scope.verify().unwrap();
}
