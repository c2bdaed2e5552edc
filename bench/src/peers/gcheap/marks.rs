//! Forced collections of a live heap: a list, a graph in random order, arrays of leaves.

use super::{number_field, record_element, record_field};
use crate::measure::{Outcome, time_collections};
use crate::workload::{LEAVES, Random, Scale};
use gcheap::types::Record;
use gcheap::{Error, Heap, Local, Placement, Scope, Value};

pub(super) fn list(heap: &mut Heap, scale: Scale) -> Result<Outcome, Error> {
    let node = heap.record_type(2, 0)?;
    let holder = heap.record_type(1, 0)?;
    let mut scope = heap.scope();
    let head = scope.record(holder, &[])?;
    for number in 0..scale.live {
        let mut turn = scope.scope();
        let next = turn.field(head, 0)?;
        let cell = turn.record(node, &[next, Value::Smi(number as i32)])?;
        turn.set_field(head, 0, cell.into())?;
    }
    let collections_ms = time_collections(|| scope.collect_garbage())?;
    let mut checksum = 0;
    loop {
        // The list is consumed: the head moves on, so no handle is kept for a cell that is behind.
        let mut turn = scope.scope();
        let Some(cell) = record_field(&mut turn, head, 0)? else { break };
        checksum += number_field(&mut turn, cell, 1)?;
        let next = turn.field(cell, 0)?;
        turn.set_field(head, 0, next)?;
    }
    Ok(Outcome { checksum, collections_ms })
}

pub(super) fn graph(heap: &mut Heap, scale: Scale) -> Result<Outcome, Error> {
    let node = heap.record_type(4, 0)?;
    let mut scope = heap.scope();
    let global = {
        let mut scope = scope.scope();
        let nodes = scope.array_with_length(Placement::Young, u64::from(scale.live))?;
        for number in 0..scale.live {
            let mut turn = scope.scope();
            let fields = [Value::Undefined, Value::Undefined, Value::Undefined, Value::Smi(number as i32)];
            let object = turn.record(node, &fields)?;
            turn.array_set(nodes, u64::from(number), object.into())?;
        }
        let mut random = Random::new();
        let order = random.permutation(scale.live);
        for (place, &own) in order.iter().enumerate() {
            let mut turn = scope.scope();
            let Some(object) = record_element(&mut turn, nodes, u64::from(own))? else { continue };
            for side in 0..2 {
                if let Some(&child) = order.get(2 * place + 1 + side) {
                    let child = turn.array_get(nodes, u64::from(child))?;
                    turn.set_field(object, side as u64, child)?;
                }
            }
            let other = turn.array_get(nodes, u64::from(random.below(scale.live)))?;
            turn.set_field(object, 2, other)?;
        }
        let root = scope.array_get(nodes, u64::from(order[0]))?.as_object().map(|root| scope.global(root));
        root.transpose()?
    };
    let Some(global) = global else { return Ok(Outcome::default()) };
    let collections_ms = time_collections(|| scope.collect_garbage())?;
    let root = scope.open(&global)?;
    let root = scope.downcast(root)?;
    Ok(Outcome { checksum: sum_of_graph(&mut scope, root)?, collections_ms })
}

fn sum_of_graph(scope: &mut Scope<'_>, node: Local<'_, Record>) -> Result<u64, Error> {
    let mut scope = scope.scope();
    let mut sum = number_field(&mut scope, node, 3)?;
    if let Some(other) = record_field(&mut scope, node, 2)? {
        sum += number_field(&mut scope, other, 3)?;
    }
    for side in 0..2 {
        if let Some(child) = record_field(&mut scope, node, side)? {
            sum += sum_of_graph(&mut scope, child)?;
        }
    }
    Ok(sum)
}

pub(super) fn tree(heap: &mut Heap, scale: Scale) -> Result<Outcome, Error> {
    let leaf = heap.record_type(1, 0)?;
    let mut scope = heap.scope();
    let arrays = scale.live / LEAVES;
    let root = scope.array_with_length(Placement::Young, u64::from(arrays))?;
    for branch in 0..arrays {
        let mut scope = scope.scope();
        let array = scope.array_with_length(Placement::Young, u64::from(LEAVES))?;
        for place in 0..LEAVES {
            let mut turn = scope.scope();
            let object = turn.record(leaf, &[Value::Smi((branch * LEAVES + place) as i32)])?;
            turn.array_set(array, u64::from(place), object.into())?;
        }
        scope.array_set(root, u64::from(branch), array.into())?;
    }
    let collections_ms = time_collections(|| scope.collect_garbage())?;
    let mut checksum = 0;
    for branch in 0..u64::from(arrays) {
        let mut scope = scope.scope();
        let Some(array) = scope.array_get(root, branch)?.as_object() else { continue };
        let array = scope.downcast(array)?;
        for place in 0..u64::from(LEAVES) {
            let mut turn = scope.scope();
            if let Some(object) = record_element(&mut turn, array, place)? {
                checksum += number_field(&mut turn, object, 0)?;
            }
        }
    }
    Ok(Outcome { checksum, collections_ms })
}
