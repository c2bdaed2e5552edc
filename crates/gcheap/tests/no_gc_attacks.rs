//! What a hostile but safe program can try on stretches without a collection: every promise of the heap holds behind it.

use gcheap::policy::Flags;
use gcheap::record::{Any, Field, RecordLayout};
use gcheap::types::{Record, Table};
use gcheap::{
    Compaction, Error, ErrorKind, GcKind, Heap, HeapOptions, NoGc, Placement, Scope, Tagged, TaggedValue, Type, Value,
};
use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

gcheap::record! {
    struct Cell {
        value: Any,
    }
}

gcheap::record! {
    struct Nothing {}
}

gcheap::record! {
    struct Numbers {} raw { first: u64, second: u32 }
}

const CELL: u64 = 16;

fn heaps() -> [Heap; 2] {
    [None, Some(256 << 10)].map(|nursery| Heap::new(HeapOptions { nursery, ..HeapOptions::for_tests() }).unwrap())
}

/// A table of cells that have their places as values.
fn full_table<'s>(scope: &mut Scope<'s>, placement: Placement, length: u64) -> gcheap::Local<'s, Table<Cell>> {
    let table = scope.table::<Cell>(placement, length).unwrap();
    for place in 0..length {
        let mut turn = scope.scope();
        let cell = Cell::new(&mut turn, Value::Smi(place as i32)).unwrap();
        turn.table_set(table, place, Some(cell)).unwrap();
    }
    table
}

#[test]
fn any_number_of_bytes_can_be_asked_for_in_any_state() {
    let most = NoGc::MOST_BYTES;
    let sizes = (0..40).chain([255, 4095, 4097, most - 1, most, most + 1, 1 << 32, 1 << 63, u64::MAX - 7, u64::MAX]);
    for bytes in sizes {
        for state in 0..5 {
            for mut heap in heaps() {
                match state {
                    1 => heap.collect_at_every(1, GcKind::Minor),
                    2 => heap.collect_at_handles(Some(GcKind::Major)),
                    3 => heap.force_compaction(Compaction::Every),
                    4 => _ = heap.start_marking(),
                    _ => {}
                }
                let mut scope = heap.scope();
                for _ in 0..3 {
                    let result = scope.no_gc(bytes, |no_gc| {
                        let (cells, empty) = (no_gc.layout::<Cell>()?, no_gc.layout::<Nothing>()?);
                        let mut kept = None;
                        for number in 0..bytes / CELL {
                            let fresh = no_gc.record_of(cells, [TaggedValue::Smi(number as i32)])?;
                            kept.get_or_insert(no_gc.local(fresh));
                        }
                        for _ in 0..bytes % CELL / 8 {
                            no_gc.record_of(empty, [])?;
                        }
                        // Not a word is left.
                        assert!(no_gc.record_of(empty, []).is_err() && no_gc.record_of(cells, [1.into()]).is_err());
                        Ok(kept)
                    });
                    assert_eq!(result.is_err(), bytes > most, "{bytes}");
                    let text = scope.string("behind the stretch").unwrap();
                    if let Ok(Some(cell)) = result {
                        assert_eq!(scope.read(cell, Cell::value).unwrap().as_smi(), Some(0));
                    }
                    assert_eq!(scope.string_value(text).unwrap(), "behind the stretch");
                    scope.verify().unwrap_or_else(|error| panic!("{bytes} bytes, state {state}: {error}"));
                }
            }
        }
    }
}

#[test]
fn wherever_a_stretch_is_left_by_a_panic_or_an_error_the_heap_is_valid() {
    for left_after in 0..40 {
        for by_panic in [false, true] {
            for marking in [false, true] {
                for mut heap in heaps() {
                    heap.mark_by_hand(true);
                    let mut scope = heap.scope();
                    let table = full_table(&mut scope, Placement::Old, 300);
                    scope.collect(GcKind::Major).unwrap();
                    if marking {
                        scope.start_marking();
                        scope.mark_bytes(1 << 20);
                    }
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        scope.no_gc(600 * CELL, |no_gc| {
                            let (table, cell) = (no_gc.tagged(table)?, no_gc.layout::<Cell>()?);
                            for step in 0.. {
                                // More are noted than wait together.
                                let place = (step * 7) % 300;
                                let before = no_gc.table_get(table, place)?;
                                let value = before.map_or(TaggedValue::Hole, TaggedValue::from);
                                let fresh = no_gc.record_of(cell, [value])?;
                                no_gc.table_set(table, place, Some(fresh))?;
                                no_gc.write(fresh, Cell::value, TaggedValue::Smi(place as i32))?;
                                if let Some(before) = before {
                                    no_gc.write(before, Cell::value, fresh.into())?;
                                }
                                if step == left_after * 8 {
                                    if by_panic {
                                        resume_unwind(Box::new(()));
                                    }
                                    no_gc.table_get(table, 300)?;
                                }
                            }
                            Ok(())
                        })
                    }));
                    assert_eq!(result.is_err(), by_panic);
                    scope.verify().unwrap();
                    scope.collect(GcKind::Minor).unwrap();
                    scope.finish_marking();
                    scope.verify().unwrap();
                    scope.collect(GcKind::Major).unwrap();
                    for place in 0..300 {
                        let mut turn = scope.scope();
                        let cell = turn.table_get(table, place).unwrap().unwrap();
                        assert_eq!(turn.read(cell, Cell::value).unwrap().as_smi(), Some(place as i32));
                    }
                }
            }
        }
    }
}

/// Says that it is a cell, and has fields that no cell has.
#[derive(Debug)]
enum Liar {}

impl Type for Liar {
    const NAME: &'static str = "Liar";
    const KINDS: u64 = u64::MAX;
    fn record_key() -> Option<TypeId> {
        Some(TypeId::of::<Cell>())
    }
}

impl RecordLayout for Liar {
    const FIELDS: &'static [&'static str] = &["a", "b", "c", "d", "e", "f", "g", "h"];
    const RAW_BYTES: u64 = 0;
}

/// A layout that no record can have.
macro_rules! impossible {
    ($($name:ident: $fields:expr, $raw:expr;)*) => {$(
        #[derive(Debug)]
        enum $name {}
        impl Type for $name {
            const NAME: &'static str = "impossible";
            const KINDS: u64 = 0;
        }
        impl RecordLayout for $name {
            const FIELDS: &'static [&'static str] = $fields;
            const RAW_BYTES: u64 = $raw;
        }
    )*};
}

impossible! {
    Endless: &["a"], u64::MAX;
    Huge: &["a"], 1 << 20;
    Wide: &["a"; 20_000], 0;
    Both: &["a"; 16_383], u64::MAX - 7;
}

#[test]
fn a_type_that_lies_about_itself_reaches_nobody_elses_words() {
    for mut heap in heaps() {
        let mut scope = heap.scope();
        let (cell, neighbour) = (Cell::new(&mut scope, 1.into()).unwrap(), Cell::new(&mut scope, 2.into()).unwrap());
        assert!(scope.downcast::<Liar>(cell).is_err());
        scope
            .no_gc(NoGc::MOST_BYTES, |no_gc| {
                let (cell, liars) = (no_gc.tagged(cell)?, no_gc.layout::<Liar>()?);
                assert!(no_gc.downcast::<Liar>(cell).is_err() && no_gc.downcast_to(cell, liars).is_err());
                assert!(no_gc.downcast::<Table<Cell>>(cell).is_err());
                // Its own records are what it says.
                let liar = no_gc.record_of(liars, [TaggedValue::Smi(3); 8])?;
                no_gc.write(liar, Field::<Liar, Any>::at(7), 4.into())?;
                assert_eq!(no_gc.read(liar, Field::<Liar, Any>::at(7))?.as_smi(), Some(4));
                for index in [8, 9, 511, 512, 1 << 20, usize::MAX / 8, usize::MAX] {
                    assert!(no_gc.write(liar, Field::<Liar, Any>::at(index), 5.into()).is_err());
                    assert!(no_gc.read(liar, Field::<Liar, Any>::at(index)).is_err());
                    assert!(no_gc.write(cell, Field::<Cell, Any>::at(index), 5.into()).is_err());
                }
                assert!(no_gc.layout::<Endless>().is_err() && no_gc.layout::<Huge>().is_err());
                assert!(no_gc.layout::<Wide>().is_err() && no_gc.layout::<Both>().is_err());
                Ok(())
            })
            .unwrap();
        assert_eq!(scope.read(neighbour, Cell::value).unwrap().as_smi(), Some(2));
        scope.verify().unwrap();
    }
}

#[test]
fn an_index_behind_the_end_is_an_error_however_large() {
    for mut heap in heaps() {
        let (pair, raw) = (heap.record_type(2, 0).unwrap(), heap.record_type(0, 13).unwrap());
        let mut scope = heap.scope();
        let empty = scope.table::<Cell>(Placement::Young, 0).unwrap();
        let table = full_table(&mut scope, Placement::Young, 3);
        scope
            .no_gc(1000, |no_gc| {
                let (empty, table) = (no_gc.tagged(empty)?, no_gc.tagged(table)?);
                let (pair, raw) = (no_gc.record(pair, [1.into(), 2.into()])?, no_gc.empty_record(raw)?);
                for index in [3, 4, 509, 510, 511, 512, 1 << 20, 1 << 32, 1 << 60, 1 << 61, u64::MAX - 1, u64::MAX] {
                    assert!(no_gc.field(pair, index).is_err() && no_gc.set_field(pair, index, 7.into()).is_err());
                    assert!(no_gc.field(raw, index).is_err() && no_gc.set_field(raw, index - 3, 7.into()).is_err());
                    assert!(no_gc.table_get(table, index).is_err() && no_gc.table_set(table, index, None).is_err());
                    assert!(no_gc.table_get(empty, index - 3).is_err());
                    assert!(no_gc.table_set(empty, index - 3, None).is_err());
                }
                Ok(())
            })
            .unwrap();
        scope.verify().unwrap();
    }
}

#[test]
fn a_heap_that_runs_out_in_front_of_a_stretch_serves_again() {
    for nursery in [None, Some(256 << 10)] {
        let flags = Flags { max_old_space_size_mb: Some(8), max_semi_space_size_mb: Some(1), ..Flags::default() };
        let mut heap = Heap::new(HeapOptions { flags, nursery, ..HeapOptions::for_tests() }).unwrap();
        let node = heap.record_type(2, 0).unwrap();
        let mut scope = heap.scope();
        let anchor = scope.record(node, &[]).unwrap();
        let error = loop {
            let grown = scope.no_gc(600 * 24, |no_gc| {
                let anchor = no_gc.tagged(anchor)?;
                for number in 0..600 {
                    let next = no_gc.field(anchor, 0)?;
                    let fresh = no_gc.record(node, [next, number.into()])?;
                    no_gc.set_field(anchor, 0, fresh.into())?;
                }
                Ok(())
            });
            if let Err(error) = grown {
                break error;
            }
        };
        assert!(error.out_of_memory().is_some(), "{error}");
        scope.verify().unwrap();
        let mut length = 0;
        let mut at = scope.field(anchor, 0).unwrap().as_object();
        while let Some(object) = at {
            let record = scope.downcast::<Record>(object).unwrap();
            assert_eq!(scope.field(record, 1).unwrap().as_smi(), Some(599 - length % 600));
            at = scope.field(record, 0).unwrap().as_object();
            length += 1;
        }
        assert!(length % 600 == 0 && length > 100_000);
        scope.set_field(anchor, 0, Value::Undefined).unwrap();
        // What is over its limit may say so once more.
        let _ = scope.collect(GcKind::Major);
        scope.no_gc(24, |no_gc| no_gc.record(node, [1.into(), 2.into()]).map(|_| ())).unwrap();
    }
}

#[test]
fn wherever_the_system_refuses_pages_a_nursery_is_handed_over_or_the_heap_runs_out() {
    let mut ran_out = 0;
    for pages in 0..40 {
        let mut heap = Heap::new(HeapOptions { nursery: Some(512 << 10), ..HeapOptions::for_tests() }).unwrap();
        let node = heap.record_type(2, 0).unwrap();
        let mut scope = heap.scope();
        let table = scope.table::<Record>(Placement::Old, 50_000).unwrap();
        let fill = |scope: &mut Scope<'_>, from: u64| -> Result<(), Error> {
            for chunk in 0..125 {
                scope.no_gc(400 * 24, |no_gc| {
                    let table = no_gc.tagged(table)?;
                    for place in chunk * 400..(chunk + 1) * 400 {
                        let before = no_gc.table_get(table, place)?.map_or(TaggedValue::Undefined, TaggedValue::from);
                        let fresh = no_gc.record(node, [before, ((from + place) as i32).into()])?;
                        no_gc.table_set(table, place, Some(fresh))?;
                    }
                    Ok(())
                })?;
                if chunk % 16 == 0 {
                    let large = scope.array_with_length(Placement::Young, 20_000)?;
                    scope.array_set(large, 19_999, table.into())?;
                }
            }
            Ok(())
        };
        fill(&mut scope, 0).unwrap();
        scope.refuse_pages_after(Some(pages));
        if let Err(error) = fill(&mut scope, 50_000) {
            assert!(error.out_of_memory().is_some(), "{pages} pages: {error}");
            ran_out += 1;
        }
        scope.verify().unwrap_or_else(|error| panic!("{pages} pages: {error}"));
        scope.refuse_pages_after(None);
        fill(&mut scope, 100_000).unwrap();
        scope.verify().unwrap();
        for place in (0..50_000).step_by(97) {
            let mut turn = scope.scope();
            let record = turn.table_get(table, place).unwrap().unwrap();
            assert_eq!(turn.field(record, 1).unwrap().as_smi(), Some(100_000 + place as i32));
        }
    }
    assert!((1..40).contains(&ran_out), "{ran_out}");
}

#[test]
fn stretches_of_two_heaps_one_inside_the_other_keep_apart() {
    let [mut one, mut two] = heaps();
    let (mut outer, mut inner) = (one.scope(), two.scope());
    let (here, there) = (full_table(&mut outer, Placement::Old, 200), full_table(&mut inner, Placement::Young, 200));
    for round in 0..6 {
        let result = catch_unwind(AssertUnwindSafe(|| {
            outer.no_gc(200 * CELL, |first| {
                let (here, cell) = (first.tagged(here)?, first.layout::<Cell>()?);
                assert_eq!(first.tagged(there).unwrap_err(), ErrorKind::WrongHeap);
                for place in 0..200 {
                    let fresh = first.record_of(cell, [TaggedValue::Smi(place as i32)])?;
                    first.table_set(here, place, Some(fresh))?;
                    inner.no_gc(CELL, |second| {
                        let (there, cell) = (second.tagged(there)?, second.layout::<Cell>()?);
                        let fresh = second.record_of(cell, [TaggedValue::Smi(-(place as i32))])?;
                        second.table_set(there, place, Some(fresh))?;
                        if round % 3 == 1 && place == 150 {
                            resume_unwind(Box::new(()));
                        }
                        Ok(())
                    })?;
                    if place % 50 == 0 {
                        inner.collect(if round % 2 == 0 { GcKind::Minor } else { GcKind::Major })?;
                    }
                }
                Ok(())
            })
        }));
        assert_eq!(result.is_err(), round % 3 == 1);
        for scope in [&mut outer, &mut inner] {
            scope.collect(GcKind::Minor).unwrap();
            scope.verify().unwrap();
        }
    }
    for place in 0..200 {
        let cell = outer.table_get(here, place).unwrap().unwrap();
        assert_eq!(outer.read(cell, Cell::value).unwrap().as_smi(), Some(place as i32));
        let cell = inner.table_get(there, place).unwrap().unwrap();
        assert_eq!(inner.read(cell, Cell::value).unwrap().as_smi(), Some(-(place as i32)));
    }
}

#[test]
fn handles_that_a_stretch_made_are_refused_once_another_could_have_their_place() {
    let [mut one, mut two] = heaps();
    let (mut first, mut second) = (one.scope(), two.scope());
    std::mem::swap(&mut *first, &mut *second);
    // In the heap of the first scope, for as long as the second lives.
    let make = |no_gc: &mut NoGc<'_, '_, '_>, value: i32| -> Result<i32, Error> {
        let layout = no_gc.layout::<Cell>()?;
        let cell = no_gc.record_of(layout, [value.into()])?;
        Ok(no_gc.read(cell, Cell::value)?.as_smi().unwrap_or(0))
    };
    let cell = second.no_gc(2 * CELL, |no_gc| {
        assert_eq!(make(no_gc, 5)?, 5);
        let layout = no_gc.layout::<Cell>()?;
        let cell = no_gc.record_of(layout, [7.into()])?;
        Ok(no_gc.local(cell))
    });
    let cell = cell.unwrap();
    assert_eq!(second.read(cell, Cell::value).unwrap().as_smi(), Some(7));
    std::mem::swap(&mut *first, &mut *second);
    assert_eq!(second.no_gc(0, |no_gc| no_gc.tagged(cell).map(|_| ())).unwrap_err(), ErrorKind::WrongHeap);
    drop(first);
    let mut again = one.scope();
    let _numbers = again.no_gc(24, |no_gc| {
        let layout = no_gc.layout::<Numbers>()?;
        let numbers = no_gc.record_of(layout, [])?;
        Ok(no_gc.local(numbers))
    });
    assert_eq!(again.no_gc(0, |no_gc| no_gc.tagged(cell).map(|_| ())).unwrap_err(), ErrorKind::WrongHeap);
    assert_eq!(again.read(cell, Cell::value).unwrap_err(), ErrorKind::WrongHeap);
    again.verify().unwrap();
}

#[test]
fn scopes_that_are_forgotten_around_stretches_leave_their_handles_valid() {
    for mut heap in heaps() {
        let mut scope = heap.scope();
        let kept = full_table(&mut scope, Placement::Young, 10);
        for number in 0..50 {
            let mut turn = scope.scope();
            turn.no_gc(CELL, |no_gc| {
                let layout = no_gc.layout::<Cell>()?;
                let cell = no_gc.record_of(layout, [number.into()])?;
                no_gc.local(cell);
                Ok(())
            })
            .unwrap();
            std::mem::forget(turn);
            scope.collect(if number % 5 == 0 { GcKind::Major } else { GcKind::Minor }).unwrap();
        }
        let last = scope.table_get(kept, 9).unwrap().unwrap();
        assert_eq!(scope.read(last, Cell::value).unwrap().as_smi(), Some(9));
        scope.verify().unwrap();
    }
}

#[test]
fn a_large_young_table_that_a_stretch_fills_keeps_what_it_holds() {
    for mut heap in heaps() {
        let mut scope = heap.scope();
        let table = scope.table::<Cell>(Placement::Young, 40_000).unwrap();
        let fill = |no_gc: &mut NoGc<'_, '_, '_>, first: u64, sign: i32| -> Result<(), Error> {
            let (table, cell) = (no_gc.tagged(table)?, no_gc.layout::<Cell>()?);
            for place in (first..40_000).step_by(80) {
                let fresh = no_gc.record_of(cell, [TaggedValue::Smi(sign * place as i32)])?;
                no_gc.table_set(table, place, Some(fresh))?;
            }
            Ok(())
        };
        for (round, sign) in [1, -1, 1].into_iter().enumerate() {
            for first in 0..80 {
                scope.no_gc(500 * CELL, |no_gc| fill(no_gc, first, sign)).unwrap();
                if first == 7 * (round as u64 + 1) {
                    scope.collect(GcKind::Minor).unwrap();
                }
            }
            scope.collect(if round == 1 { GcKind::Major } else { GcKind::Minor }).unwrap();
            scope.verify().unwrap();
            for place in (0..40_000).step_by(13) {
                let mut turn = scope.scope();
                let cell = turn.table_get(table, place).unwrap().unwrap();
                assert_eq!(turn.read(cell, Cell::value).unwrap().as_smi(), Some(sign * place as i32));
            }
        }
    }
}

#[test]
fn a_tagged_object_is_as_good_as_its_handle_however_it_was_moved_before() {
    for mut heap in heaps() {
        heap.force_compaction(Compaction::Every);
        let mut scope = heap.scope();
        let table = full_table(&mut scope, Placement::Old, 100);
        for round in 0..6 {
            scope.collect(if round % 2 == 0 { GcKind::Major } else { GcKind::Minor }).unwrap();
            scope
                .no_gc(0, |no_gc| {
                    let table = no_gc.tagged(table)?;
                    for place in 0..100 {
                        let cell: Tagged<'_, Cell> = no_gc.table_get(table, place)?.ok_or(ErrorKind::WrongHeap)?;
                        assert_eq!(no_gc.read(cell, Cell::value)?.as_smi(), Some(place as i32));
                    }
                    Ok(())
                })
                .unwrap();
        }
    }
}
