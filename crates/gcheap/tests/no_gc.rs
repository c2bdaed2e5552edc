//! Stretches without a collection: what they make, store and refuse, and that every promise of the heap holds behind them.

use gcheap::types::{JsArray, Record, Table};
use gcheap::{Error, ErrorKind, GcKind, Heap, HeapOptions, NoGc, Placement, RecordType, Tagged, TaggedValue, Value};

gcheap::record! {
    struct Cell {
        value: gcheap::record::Any,
    }
}

gcheap::record! {
    struct Point {
        name: gcheap::record::Any,
    } raw {
        x: f64,
        hits: u32,
    }
}

fn heap() -> Heap {
    Heap::new(HeapOptions::for_tests()).unwrap()
}

fn with_nursery() -> Heap {
    Heap::new(HeapOptions { nursery: Some(1 << 20), ..HeapOptions::for_tests() }).unwrap()
}

const NODE: u64 = 24;

fn tree<'n>(no_gc: &mut NoGc<'n, '_, '_>, node: RecordType, depth: u32) -> Result<Tagged<'n, Record>, Error> {
    if depth == 0 {
        return no_gc.record(node, [TaggedValue::Undefined, TaggedValue::Smi(1)]);
    }
    let left = tree(no_gc, node, depth - 1)?;
    let right = tree(no_gc, node, depth - 1)?;
    no_gc.record(node, [left.into(), right.into()])
}

fn leaves<'n>(no_gc: &NoGc<'n, '_, '_>, tree: Tagged<'n, Record>) -> i32 {
    (0..2)
        .map(|side| match no_gc.field(tree, side).unwrap() {
            TaggedValue::Object(child) => leaves(no_gc, no_gc.downcast(child).unwrap()),
            value => value.as_smi().unwrap_or(0),
        })
        .sum()
}

#[test]
fn what_is_made_in_a_stretch_is_there_after_collections() {
    for stress in [None, Some(GcKind::Minor), Some(GcKind::Major)] {
        for mut heap in [heap(), with_nursery()] {
            let node = heap.record_type(2, 0).unwrap();
            if let Some(kind) = stress {
                heap.collect_at_every(1, kind);
            }
            let mut scope = heap.scope();
            let trees: Vec<_> = (0..20)
                .map(|_| {
                    scope
                        .no_gc(255 * NODE, |no_gc| {
                            let root = tree(no_gc, node, 7)?;
                            Ok(no_gc.local(root))
                        })
                        .unwrap()
                })
                .collect();
            scope.collect(GcKind::Minor).unwrap();
            scope.collect(GcKind::Major).unwrap();
            for root in trees {
                let count = scope.no_gc(0, |no_gc| Ok(leaves(no_gc, no_gc.tagged(root)?))).unwrap();
                assert_eq!(count, 128, "{stress:?}");
            }
            scope.verify().unwrap();
        }
    }
}

#[test]
fn a_stretch_allocates_what_was_reserved_and_no_more() {
    let mut heap = heap();
    let (node, wide, raw) =
        (heap.record_type(2, 0).unwrap(), heap.record_type(600, 0).unwrap(), heap.record_type(1, 9).unwrap());
    let mut scope = heap.scope();
    let full = scope.no_gc(2 * NODE + 8, |no_gc| {
        no_gc.record(node, [1.into(), 2.into()])?;
        no_gc.record(node, [1.into(), 2.into()])?;
        no_gc.record(node, [1.into(), 2.into()]).map(|_| ())
    });
    assert_eq!(full.unwrap_err(), ErrorKind::IndexOutOfRange { index: NODE, length: 8 });
    let most = NoGc::MOST_BYTES;
    assert_eq!(
        scope.no_gc(most + 1, |_| Ok(())).unwrap_err(),
        ErrorKind::IndexOutOfRange { index: most + 1, length: most }
    );
    assert!(scope.no_gc(u64::MAX, |_| Ok(())).is_err());
    let refused = scope.no_gc(most, |no_gc| {
        assert!(no_gc.record(node, [1.into()]).is_err(), "too few");
        assert!(no_gc.record(node, [1.into(); 3]).is_err(), "too many");
        assert!(no_gc.record(raw, [1.into()]).is_err(), "raw bytes");
        assert!(no_gc.record(wide, [1.into(); 600]).is_err(), "too wide for one go");
        let cell = no_gc.layout::<Cell>()?;
        assert!(no_gc.record_of(cell, []).is_err() && no_gc.record_of(cell, [1.into(); 2]).is_err());
        let wide = no_gc.empty_record(wide)?;
        no_gc.set_field(wide, 599, 7.into())?;
        assert!(no_gc.set_field(wide, 600, 7.into()).is_err());
        assert!(no_gc.field(wide, 0)?.as_smi().is_none() && no_gc.field(wide, 599)?.as_smi() == Some(7));
        Ok(no_gc.local(wide))
    });
    scope.collect(GcKind::Minor).unwrap();
    assert_eq!(scope.field(refused.unwrap(), 599).unwrap().as_smi(), Some(7));
    scope.verify().unwrap();
}

#[test]
fn raw_bytes_of_a_fresh_record_are_zero() {
    let mut heap = heap();
    // What lay there before is not zero.
    for _ in 0..3 {
        let mut scope = heap.scope();
        for _ in 0..20_000 {
            scope.scope().heap_number(f64::from_bits(u64::MAX)).unwrap();
        }
    }
    let mut scope = heap.scope();
    let point = scope.no_gc(32, |no_gc| {
        let layout = no_gc.layout::<Point>()?;
        let point = no_gc.record_of(layout, [5.into()])?;
        Ok(no_gc.local(point))
    });
    let point = point.unwrap();
    assert_eq!((scope.read(point, Point::x).unwrap(), scope.read(point, Point::hits).unwrap()), (0.0, 0));
    assert_eq!(scope.read(point, Point::name).unwrap().as_smi(), Some(5));
}

#[test]
fn stores_into_old_objects_are_remembered_however_many_they_are() {
    for mut heap in [heap(), with_nursery()] {
        let mut scope = heap.scope();
        let table = scope.table::<Cell>(Placement::Old, 1000).unwrap();
        for round in 0..8 {
            for first in (0..1000).step_by(500) {
                let stored = scope.no_gc(500 * 16, |no_gc| {
                    let (table, cell) = (no_gc.tagged(table)?, no_gc.layout::<Cell>()?);
                    for place in first..first + 500 {
                        let fresh = no_gc.record_of(cell, [(place as i32 + round).into()])?;
                        match no_gc.table_get(table, place)? {
                            // Round by round a list grows from each place; a number in between leaves nothing to be remembered.
                            Some(before) if round % 2 == 1 => {
                                no_gc.write(before, Cell::value, fresh.into())?;
                                if place % 3 == 0 {
                                    no_gc.write(before, Cell::value, 77.into())?;
                                }
                            }
                            _ => no_gc.table_set(table, place, Some(fresh))?,
                        }
                    }
                    Ok(())
                });
                stored.unwrap();
                scope.verify().unwrap();
            }
            scope.collect(if round == 5 { GcKind::Major } else { GcKind::Minor }).unwrap();
            scope.verify().unwrap();
        }
        for place in 0..1000 {
            let outer = scope.table_get(table, place).unwrap().unwrap();
            let inner = scope.read(outer, Cell::value).unwrap();
            if place % 3 == 0 {
                assert_eq!(inner.as_smi(), Some(77));
            } else {
                let inner = scope.downcast::<Cell>(inner.as_object().unwrap()).unwrap();
                assert_eq!(scope.read(inner, Cell::value).unwrap().as_smi(), Some(place as i32 + 7));
            }
        }
    }
}

#[test]
fn what_is_stored_while_marking_runs_is_kept() {
    for mut heap in [heap(), with_nursery()] {
        heap.mark_by_hand(true);
        let mut scope = heap.scope();
        let table = scope.table::<Cell>(Placement::Old, 300).unwrap();
        let hidden = scope.table::<Cell>(Placement::Old, 300).unwrap();
        for place in 0..300 {
            let mut turn = scope.scope();
            let cell = Cell::new(&mut turn, Value::Smi(place as i32)).unwrap();
            turn.table_set(hidden, place, Some(cell)).unwrap();
        }
        scope.collect(GcKind::Major).unwrap();
        let kept = scope.global(table).unwrap();
        assert!(scope.start_marking());
        scope.mark_bytes(1 << 10);
        scope
            .no_gc(300 * 16, |no_gc| {
                let (table, hidden, cell) = (no_gc.tagged(table)?, no_gc.tagged(hidden)?, no_gc.layout::<Cell>()?);
                for place in 0..300 {
                    // From an object that may not have been visited into one that has, old ones and fresh ones.
                    let old = no_gc.table_get(hidden, place)?;
                    no_gc.table_set(hidden, place, None)?;
                    let fresh = no_gc.record_of(cell, [TaggedValue::from(1000 + place as i32)])?;
                    no_gc.table_set(table, place, if place % 2 == 0 { old } else { Some(fresh) })?;
                }
                Ok(())
            })
            .unwrap();
        scope.collect(GcKind::Minor).unwrap();
        scope.finish_marking();
        scope.collect(GcKind::Major).unwrap();
        scope.verify().unwrap();
        let table = scope.open(&kept).unwrap();
        for place in 0..300 {
            let cell = scope.table_get(table, place).unwrap().unwrap();
            let expected = if place % 2 == 0 { place as i32 } else { 1000 + place as i32 };
            assert_eq!(scope.read(cell, Cell::value).unwrap().as_smi(), Some(expected));
        }
    }
}

#[test]
fn a_panic_in_a_stretch_leaves_a_valid_heap() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let table = scope.table::<Cell>(Placement::Old, 10).unwrap();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _: Result<(), Error> = scope.no_gc(1000, |no_gc| {
            let (table, cell) = (no_gc.tagged(table)?, no_gc.layout::<Cell>()?);
            let fresh = no_gc.record_of(cell, [3.into()])?;
            no_gc.table_set(table, 4, Some(fresh))?;
            panic!("on purpose");
        });
    }));
    assert!(result.is_err());
    scope.verify().unwrap();
    scope.collect(GcKind::Minor).unwrap();
    let cell = scope.table_get(table, 4).unwrap().unwrap();
    assert_eq!(scope.read(cell, Cell::value).unwrap().as_smi(), Some(3));
}

#[test]
fn what_belongs_to_another_heap_is_refused() {
    let (mut one, mut two) = (heap(), heap());
    let (mine, foreign) = (one.record_type(1, 0).unwrap(), two.record_type(1, 0).unwrap());
    let mut other = two.scope();
    let text = other.string("elsewhere").unwrap();
    let mut scope = one.scope();
    scope
        .no_gc(100, |no_gc| {
            assert_eq!(no_gc.tagged(text).unwrap_err(), ErrorKind::WrongHeap);
            assert_eq!(no_gc.record(foreign, [1.into()]).unwrap_err(), ErrorKind::WrongHeap);
            assert_eq!(no_gc.empty_record(foreign).unwrap_err(), ErrorKind::WrongHeap);
            // A stretch of another heap inside, each with its own objects.
            let inside = other.no_gc(16, |inner| {
                let theirs = inner.record(foreign, [2.into()])?;
                Ok(inner.local(theirs))
            })?;
            assert_eq!(no_gc.tagged(inside).unwrap_err(), ErrorKind::WrongHeap);
            no_gc.record(mine, [1.into()]).map(|_| ())
        })
        .unwrap();
    scope.verify().unwrap();
}

#[test]
fn a_downcast_to_what_an_object_is_not_is_an_error() {
    let mut heap = heap();
    let mut scope = heap.scope();
    let list = scope.array(&[]).unwrap();
    let point = Point::new(&mut scope, 1.into()).unwrap();
    scope
        .no_gc(16, |no_gc| {
            let (list, point) = (no_gc.tagged(list)?.upcast(), no_gc.tagged(point)?.upcast());
            let (cells, points) = (no_gc.layout::<Cell>()?, no_gc.layout::<Point>()?);
            assert!(no_gc.downcast::<JsArray>(list).is_ok() && no_gc.downcast::<Record>(list).is_err());
            assert!(no_gc.downcast_to(point, points).is_ok() && no_gc.downcast_to(point, cells).is_err());
            assert!(no_gc.downcast_to(list, points).is_err());
            // What a type says of itself does not count.
            assert!(no_gc.downcast::<Point>(point).is_err() && no_gc.downcast::<Table<Point>>(list).is_err());
            assert!(no_gc.downcast::<Record>(point).is_ok());
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_stretch_counts_what_it_allocates() {
    let statistics = |stretch: bool| {
        let mut heap = with_nursery();
        let node = heap.record_type(2, 0).unwrap();
        let mut scope = heap.scope();
        for _ in 0..200_000 {
            if stretch {
                scope.no_gc(NODE, |no_gc| no_gc.record(node, [1.into(), 2.into()]).map(|_| ())).unwrap();
            } else {
                scope.scope().record(node, &[1.into(), 2.into()]).unwrap();
            }
        }
        scope.advance(1.0);
        let statistics = scope.statistics();
        (scope.time_ms(), scope.scavenges(), statistics.used_heap_size, statistics.total_heap_size)
    };
    assert_eq!(statistics(true), statistics(false));
}
