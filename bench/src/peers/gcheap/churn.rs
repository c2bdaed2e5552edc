//! Objects that die soon, and fresh ones stored into old ones.

use super::{number_field, number_in_element, record_element, record_field};
use crate::workload::{CHURN_WORDS, RING, Random, Scale};
use gcheap::{Error, Heap, Placement, Value};

pub(super) fn churn(heap: &mut Heap, scale: Scale) -> Result<u64, Error> {
    let mut types = Vec::new();
    for words in CHURN_WORDS {
        types.push(heap.record_type(words as u64, 0)?);
    }
    let mut scope = heap.scope();
    let mut rings = Vec::new();
    for _ in CHURN_WORDS {
        rings.push(scope.array_with_length(Placement::Young, u64::from(RING))?);
    }
    let mut total = 0;
    for number in 0..scale.churn {
        let mut turn = scope.scope();
        let (size, place) = (number as usize % 4, u64::from(number / 4 % RING));
        let words = CHURN_WORDS[size];
        total += number_in_element(&turn, rings[size], place, words as u64 - 1)?;
        let value = |word: i32| Value::Smi(number as i32 + word);
        let object = match size {
            0 => turn.record(types[0], &[value(0), value(1)])?,
            1 => turn.record(types[1], &[value(0), value(1), value(2)])?,
            2 => turn.record(types[2], &[value(0), value(1), value(2), value(3)])?,
            _ => turn.record(types[3], &[value(0), value(1), value(2), value(3), value(4)])?,
        };
        turn.array_set(rings[size], place, object.into())?;
    }
    for (ring, words) in rings.into_iter().zip(CHURN_WORDS) {
        for place in 0..u64::from(RING) {
            total += number_in_element(&scope, ring, place, words as u64 - 1)?;
        }
    }
    Ok(total)
}

pub(super) fn oldnew(heap: &mut Heap, scale: Scale) -> Result<u64, Error> {
    let small = heap.record_type(1, 0)?;
    let mut scope = heap.scope();
    let old = scope.array_with_length(Placement::Young, u64::from(scale.old))?;
    for place in 0..u64::from(scale.old) {
        let mut turn = scope.scope();
        let object = turn.record(small, &[Value::Undefined])?;
        turn.array_set(old, place, object.into())?;
    }
    let mut random = Random::new();
    for number in 0..scale.stores {
        let mut turn = scope.scope();
        let fresh = turn.record(small, &[Value::Smi(number as i32)])?;
        if let Some(object) = record_element(&mut turn, old, u64::from(random.below(scale.old)))? {
            turn.set_field(object, 0, fresh.into())?;
        }
    }
    let mut total = 0;
    for place in 0..u64::from(scale.old) {
        let mut turn = scope.scope();
        let Some(object) = record_element(&mut turn, old, place)? else { continue };
        if let Some(stored) = record_field(&mut turn, object, 0)? {
            total += number_field(&mut turn, stored, 0)?;
        }
    }
    Ok(total)
}
