//! What a hostile but safe program can try on stretches in which literals are made: every promise of the heap holds behind it.

use gcheap::profile::{NODE_10, NODE_24, NODE_26};
use gcheap::types::{JsArray, JsObject};
use gcheap::{
    Compaction, Error, ErrorKind, GcKind, Heap, HeapOptions, LiteralRoom, Literals, Local, Placement, Scope,
    TaggedValue, TaggedWord, Value,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Fields that a literal has at most.
const MOST: usize = 500;

fn heaps() -> impl Iterator<Item = Heap> {
    [(&NODE_10, None), (&NODE_24, None), (&NODE_24, Some(256 << 10)), (&NODE_26, None)]
        .into_iter()
        .map(|(profile, nursery)| Heap::new(HeapOptions { profile, nursery, ..HeapOptions::for_tests() }).unwrap())
}

/// Room at hand in old space: whoever allocates there gets a linear area.
fn with_old_room(scope: &mut Scope<'_>) {
    scope.object_literal(Placement::Old, &[]).unwrap();
}

#[test]
fn rooms_of_any_size_add_up_and_are_refused_only() {
    let all = LiteralRoom { young: u64::MAX, old: u64::MAX };
    let one = LiteralRoom::of_object(Placement::Young, 1) + LiteralRoom::of_object(Placement::Old, 1);
    assert_eq!((all + one).times_in(all), 1);
    assert_eq!((all + all).times_in(LiteralRoom::default()), 0);
    for fields in [0, 1, 500, 501, 511, 512, 1 << 28, 1 << 61, u64::MAX - 2, u64::MAX] {
        for placement in [Placement::Young, Placement::Old] {
            let (object, array) = (LiteralRoom::of_object(placement, fields), LiteralRoom::of_array(placement, fields));
            assert!(object.young + object.old >= 24 && array.young + array.old >= 32);
            assert!(object.times_in(LiteralRoom::default()) == 0 && array.times_in(all) > 0);
        }
    }
}

#[test]
fn literals_of_any_length_are_what_they_say_or_refused() {
    for mut heap in heaps() {
        let site = heap.allocation_site();
        let mut scope = heap.scope();
        let values = vec![3; 1 << 12];
        for count in (0..20).chain([499, MOST, MOST + 1, 509, 510, 511, 512, 513, 1 << 12]) {
            for placement in [Placement::Young, Placement::YoungWithMemento(site), Placement::Old] {
                with_old_room(&mut scope);
                let mut turn = scope.scope();
                let made = turn.literals(|literals| {
                    let words: Vec<TaggedWord<'_>> = values[..count].iter().map(|&value| value.into()).collect();
                    let needed = LiteralRoom::of_object(placement, count as u64)
                        + LiteralRoom::of_array(placement, count as u64);
                    let before = literals.room();
                    if needed.times_in(before) == 0 {
                        return Ok(None);
                    }
                    let made = literals.object(placement, &words).and_then(|object| {
                        let array = literals.array(placement, &words)?;
                        Ok((literals.local(object), literals.local(array)))
                    });
                    assert_eq!(made.is_ok(), count <= MOST, "{count}");
                    let Ok(made) = made else { return Ok(None) };
                    let after = literals.room();
                    assert_eq!((before.young - after.young, before.old - after.old), (needed.young, needed.old));
                    Ok(Some(made))
                });
                let Some((object, array)) = made.unwrap() else { continue };
                for kind in [None, Some(GcKind::Minor), Some(GcKind::Major)] {
                    if let Some(kind) = kind {
                        turn.collect(kind).unwrap();
                    }
                    assert_eq!(turn.array_length(array).unwrap(), count as u64);
                    for index in 0..count as u64 {
                        assert_eq!(turn.property(object, index).unwrap().as_smi(), Some(3));
                        assert_eq!(turn.array_get(array, index).unwrap().as_smi(), Some(3));
                    }
                    turn.verify().unwrap();
                }
            }
        }
    }
}

/// How a stretch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    Error,
    Panic,
}

/// Makes literals of all sorts until there is no room at all, puts some into the arrays, and ends as it is told. How many elements
/// the arrays have got.
fn exhaust<'n>(
    literals: &mut Literals<'n, '_, '_>,
    arrays: [Local<'_, JsArray>; 2],
    made: &mut Vec<i32>,
    seed: u64,
    placements: &[Placement],
) -> Result<(), Error> {
    let arrays = [literals.tagged(arrays[0])?, literals.tagged(arrays[1])?];
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut last: TaggedWord<'n> = TaggedWord::UNDEFINED;
    let mut refused = 0;
    let mut number = made.len() as i32;
    while refused < 40 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let placement = placements[random as usize % placements.len()];
        // Shorter and shorter, so that not a word is left in the end.
        let length = if refused == 0 { (random >> 20) as usize % 70 } else { 40 - refused };
        let mut values = vec![last; length];
        if let Some(first) = values.first_mut() {
            *first = number.into();
        }
        let fresh: Result<TaggedWord<'n>, Error> = match (random >> 8) % 3 {
            0 => literals.object(placement, &values).map(TaggedWord::from),
            1 => literals.array(placement, &values).map(TaggedWord::from),
            _ => literals.heap_number(f64::from(number)).map(TaggedWord::from),
        };
        let Ok(fresh) = fresh else {
            refused += 1;
            continue;
        };
        last = fresh;
        let inner = [number.into(), last];
        let (Ok(pair), room) = (literals.array(placement, &inner), literals.array_room(arrays[0])) else { continue };
        if room == 0 || literals.array_room(arrays[1]) == 0 {
            assert!(literals.array_push(arrays[if room == 0 { 0 } else { 1 }], pair.into()).is_err());
            continue;
        }
        for array in arrays {
            literals.array_push(array, pair.into())?;
        }
        made.push(number);
        number += 1;
    }
    Ok(())
}

#[test]
fn however_a_stretch_that_uses_all_room_ends_nothing_is_lost_or_mistaken() {
    for state in 0..7 {
        for end in [End::Well, End::Error, End::Panic] {
            for mut heap in heaps() {
                heap.mark_by_hand(state >= 4);
                let site = heap.allocation_site();
                if state == 1 {
                    heap.force_compaction(Compaction::Every);
                }
                let mut scope = heap.scope();
                let young = scope.array(&[]).unwrap();
                let old = scope.array_literal(Placement::Old, &[]).unwrap();
                let mut made = Vec::new();
                for round in 0..6 {
                    for array in [young, old] {
                        // Room for more: what grows keeps a half more.
                        scope.array_push(array, Value::Smi(made.len() as i32)).unwrap();
                    }
                    made.push(made.len() as i32);
                    match state {
                        2 => scope.collect_at_every(5, GcKind::Minor),
                        3 => scope.collect_at_handles((round % 2 == 1).then_some(GcKind::Minor)),
                        4.. => {
                            scope.start_marking();
                            scope.mark_bytes([0, 100, 1 << 20][state - 4]);
                        }
                        _ => {}
                    }
                    with_old_room(&mut scope);
                    let placements = [Placement::Young, Placement::YoungWithMemento(site), Placement::Old];
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        let mut turn = scope.scope();
                        turn.literals(|literals| {
                            exhaust(literals, [young, old], &mut made, round + 7 * state as u64 + 1, &placements)?;
                            match end {
                                End::Well => Ok(()),
                                End::Error => Err(ErrorKind::WrongHeap.into()),
                                End::Panic => resume_unwind(Box::new(())),
                            }
                        })
                    }));
                    assert_eq!(result.is_err(), end == End::Panic);
                    scope.verify().unwrap_or_else(|error| panic!("state {state}, {end:?}: {error}"));
                    match round % 3 {
                        0 => scope.collect(GcKind::Minor).unwrap(),
                        1 => scope.finish_marking(),
                        _ => scope.collect(GcKind::Major).unwrap(),
                    };
                    scope.verify().unwrap_or_else(|error| panic!("state {state}, {end:?}: {error}"));
                    for array in [young, old] {
                        assert_eq!(scope.array_length(array).unwrap(), made.len() as u64);
                        for &number in &made {
                            let mut turn = scope.scope();
                            let found = match turn.array_get(array, number as u64).unwrap() {
                                Value::Smi(found) => Some(found),
                                Value::Object(pair) => {
                                    let pair = turn.downcast::<JsArray>(pair).unwrap();
                                    assert_eq!(turn.array_length(pair).unwrap(), 2);
                                    turn.array_get(pair, 0).unwrap().as_smi()
                                }
                                _ => None,
                            };
                            assert_eq!(found, Some(number), "state {state}, {end:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn an_array_for_whose_elements_there_is_no_room_leaves_what_can_be_walked() {
    for mut heap in heaps() {
        for placement in [Placement::Young, Placement::Old] {
            for left in (32..400).step_by(8) {
                let mut scope = heap.scope();
                with_old_room(&mut scope);
                scope
                    .literals(|literals| {
                        let room = |literals: &Literals<'_, '_, '_>| {
                            let room = literals.room();
                            if placement == Placement::Old { room.old } else { room.young }
                        };
                        let big = [TaggedWord::UNDEFINED; 20];
                        while room(literals) >= left + 500 {
                            literals.object(placement, &big)?;
                        }
                        while room(literals) >= left + 24 {
                            literals.object(placement, &[])?;
                        }
                        let ends = literals.array(placement, &[TaggedWord::UNDEFINED; 100]);
                        assert!(ends.is_err());
                        Ok(())
                    })
                    .unwrap();
                scope.verify().unwrap();
                scope.statistics();
                scope.collect(GcKind::Minor).unwrap();
                scope.verify().unwrap();
                scope.array_literal(placement, &[1.into()]).unwrap();
                scope.collect(GcKind::Major).unwrap();
                scope.verify().unwrap();
            }
        }
    }
}

#[test]
fn holes_and_any_small_integer_are_values_of_literals() {
    for mut heap in heaps() {
        let mut scope = heap.scope();
        let kept = scope
            .literals(|literals| {
                let values =
                    [TaggedValue::Hole.into(), i32::MIN.into(), i32::MAX.into(), 0.into(), TaggedWord::UNDEFINED];
                let (object, array) =
                    (literals.object(Placement::Young, &values)?, literals.array(Placement::Young, &values)?);
                literals.array_set(array, 4, TaggedValue::Hole.into())?;
                for index in [5, 6, 1 << 32, 1 << 60, (1 << 61) - 3, u64::MAX - 2, u64::MAX] {
                    assert!(literals.array_set(array, index, 1.into()).is_err());
                }
                assert!(!format!("{:?} {literals:?}", values[0]).is_empty());
                Ok((literals.local(object), literals.local(array)))
            })
            .unwrap();
        let (object, array): (Local<'_, JsObject>, Local<'_, JsArray>) = kept;
        scope.collect(GcKind::Minor).unwrap();
        assert!(matches!(scope.property(object, 0).unwrap(), Value::Hole));
        assert_eq!(scope.array_get(array, 1).unwrap().as_smi(), Some(i32::MIN));
        assert!(matches!(scope.array_get(array, 4).unwrap(), Value::Hole));
        scope.verify().unwrap();
    }
}

#[test]
fn stretches_of_two_heaps_one_inside_the_other_keep_apart() {
    let (mut one, mut two) = (
        Heap::new(HeapOptions::for_tests()).unwrap(),
        Heap::new(HeapOptions { profile: &NODE_10, ..HeapOptions::for_tests() }).unwrap(),
    );
    let (mine, theirs) = (one.allocation_site(), two.allocation_site());
    let (mut outer, mut inner) = (one.scope(), two.scope());
    let (here, there) = (outer.array(&[0.into()]).unwrap(), inner.array(&[0.into()]).unwrap());
    for round in 0..200 {
        let result = catch_unwind(AssertUnwindSafe(|| {
            outer.literals(|first| {
                let array = first.tagged(here)?;
                assert!(first.tagged(there).is_err());
                assert!(first.object(Placement::YoungWithMemento(theirs), &[]).is_err());
                inner.literals(|second| {
                    let other = second.tagged(there)?;
                    assert!(second.tagged(here).is_err());
                    assert!(second.object(Placement::YoungWithMemento(mine), &[]).is_err());
                    let object = second.array(Placement::YoungWithMemento(theirs), &[(-round).into()])?;
                    second.array_set(other, 0, object.into())
                })?;
                inner.collect(if round % 3 == 0 { GcKind::Major } else { GcKind::Minor })?;
                let object = first.array(Placement::YoungWithMemento(mine), &[round.into()])?;
                first.array_set(array, 0, object.into())?;
                if round % 4 == 1 {
                    resume_unwind(Box::new(()));
                }
                Ok(())
            })
        }));
        assert_eq!(result.is_err(), round % 4 == 1);
        for (scope, array, number) in [(&mut outer, here, round), (&mut inner, there, -round)] {
            scope.verify().unwrap();
            let mut turn = scope.scope();
            let pair = turn.array_get(array, 0).unwrap().as_object().unwrap();
            let pair = turn.downcast::<JsArray>(pair).unwrap();
            assert_eq!(turn.array_get(pair, 0).unwrap().as_smi(), Some(number));
        }
        outer.collect(GcKind::Minor).unwrap();
    }
}

#[test]
fn literals_of_swapped_heaps_take_no_handle_of_the_other() {
    let (mut one, mut two) =
        (Heap::new(HeapOptions::for_tests()).unwrap(), Heap::new(HeapOptions::for_tests()).unwrap());
    let (mut first, mut second) = (one.scope(), two.scope());
    let array = first.array(&[1.into()]).unwrap();
    std::mem::swap(&mut *first, &mut *second);
    assert_eq!(first.literals(|literals| literals.tagged(array).map(drop)).unwrap_err(), ErrorKind::WrongHeap);
    let made = second.literals(|literals| {
        let object = literals.object(Placement::Young, &[7.into()])?;
        Ok(literals.local(object))
    });
    let made = made.unwrap();
    std::mem::swap(&mut *first, &mut *second);
    assert_eq!(second.literals(|literals| literals.tagged(made).map(drop)).unwrap_err(), ErrorKind::WrongHeap);
    drop(first);
    let mut again = one.scope();
    let _text = again.string("in its place").unwrap();
    assert_eq!(again.literals(|literals| literals.tagged(made).map(drop)).unwrap_err(), ErrorKind::WrongHeap);
    again.verify().unwrap();
}
