//! Objects that die soon, and fresh ones stored into old ones.

use super::number_in_place;
use crate::workload::{CHURN_WORDS, RING, Random, Scale};
use gcheap::record::Any;
use gcheap::types::Record;
use gcheap::{Error, Heap, Placement, TaggedValue, Value};

/// Turns of a loop that are one stretch without a collection.
const TURNS: u32 = 256;

pub(super) fn churn(heap: &mut Heap, scale: Scale) -> Result<u64, Error> {
    let mut types = Vec::new();
    for words in CHURN_WORDS {
        types.push(heap.record_type(words as u64, 0)?);
    }
    let mut scope = heap.scope();
    let mut rings = Vec::new();
    for _ in CHURN_WORDS {
        rings.push(scope.table::<Record>(Placement::Young, u64::from(RING))?);
    }
    let mut total = 0;
    for first in (0..scale.churn).step_by(TURNS as usize) {
        let last = scale.churn.min(first + TURNS);
        total += scope.no_gc(u64::from(TURNS) * 6 * 8, |no_gc| {
            let mut total = 0;
            let rings =
                [no_gc.tagged(rings[0])?, no_gc.tagged(rings[1])?, no_gc.tagged(rings[2])?, no_gc.tagged(rings[3])?];
            for number in first..last {
                let (size, place) = (number as usize % 4, u64::from(number / 4 % RING));
                let ring = rings[size];
                if let Some(before) = no_gc.table_get(ring, place)? {
                    total +=
                        no_gc.field(before, CHURN_WORDS[size] as u64 - 1)?.as_smi().map_or(0, |number| number as u64);
                }
                let value = |word: i32| TaggedValue::Smi(number as i32 + word);
                let object = match size {
                    0 => no_gc.record(types[0], [value(0), value(1)])?,
                    1 => no_gc.record(types[1], [value(0), value(1), value(2)])?,
                    2 => no_gc.record(types[2], [value(0), value(1), value(2), value(3)])?,
                    _ => no_gc.record(types[3], [value(0), value(1), value(2), value(3), value(4)])?,
                };
                no_gc.table_set(ring, place, Some(object))?;
            }
            Ok(total)
        })?;
    }
    for (ring, words) in rings.into_iter().zip(CHURN_WORDS) {
        for place in 0..u64::from(RING) {
            total += number_in_place(&scope, ring, place, words as u64 - 1)?;
        }
    }
    Ok(total)
}

gcheap::record! {
    /// An object with one field: a number, or another such object.
    struct Cell {
        value: Any,
    }
}

pub(super) fn oldnew(heap: &mut Heap, scale: Scale) -> Result<u64, Error> {
    let mut scope = heap.scope();
    let old = scope.table::<Cell>(Placement::Young, u64::from(scale.old))?;
    for place in 0..u64::from(scale.old) {
        let mut turn = scope.scope();
        let object = Cell::new(&mut turn, Value::Undefined)?;
        turn.table_set(old, place, Some(object))?;
    }
    let mut random = Random::new();
    for first in (0..scale.stores).step_by(TURNS as usize) {
        let last = scale.stores.min(first + TURNS);
        scope.no_gc(u64::from(TURNS) * 2 * 8, |no_gc| {
            let (old, cell) = (no_gc.tagged(old)?, no_gc.layout::<Cell>()?);
            for number in first..last {
                let fresh = no_gc.record_of(cell, [TaggedValue::Smi(number as i32)])?;
                if let Some(object) = no_gc.table_get(old, u64::from(random.below(scale.old)))? {
                    no_gc.write(object, Cell::value, fresh.into())?;
                }
            }
            Ok(())
        })?;
    }
    let mut total = 0;
    for place in 0..u64::from(scale.old) {
        let mut turn = scope.scope();
        let Some(object) = turn.table_get(old, place)? else { continue };
        if let Some(stored) = turn.read(object, Cell::value)?.as_object() {
            let stored = turn.downcast::<Cell>(stored)?;
            total += turn.read(stored, Cell::value)?.as_smi().map_or(0, |number| number as u64);
        }
    }
    Ok(total)
}
