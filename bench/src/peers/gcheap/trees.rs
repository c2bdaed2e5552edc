//! Binary trees.

use crate::workload::Scale;
use gcheap::types::Record;
use gcheap::{Error, Heap, Local, NoGc, RecordType, Scope, Tagged, TaggedValue};

/// Trees of this depth are built in one stretch without a collection.
const FOLDED: u32 = 8;
/// Bytes of a node.
const NODE: u64 = 24;

pub(super) fn run(heap: &mut Heap, scale: Scale) -> Result<u64, Error> {
    let node = heap.record_type(2, 0)?;
    let mut scope = heap.scope();
    let mut total = built_and_counted(&mut scope, node, scale.depth + 1)?;
    let long_lived = build(&mut scope, node, scale.depth)?;
    for (depth, times) in scale.trees() {
        for _ in 0..times {
            total += built_and_counted(&mut scope, node, depth)?;
        }
    }
    Ok(total + counted(&mut scope, long_lived)?)
}

fn built_and_counted(scope: &mut Scope<'_>, node: RecordType, depth: u32) -> Result<u64, Error> {
    let mut scope = scope.scope();
    let tree = build(&mut scope, node, depth)?;
    counted(&mut scope, tree)
}

fn build<'s>(scope: &mut Scope<'s>, node: RecordType, depth: u32) -> Result<Local<'s, Record>, Error> {
    if depth <= FOLDED {
        return scope.no_gc(((2 << depth) - 1) * NODE, |no_gc| {
            let tree = folded(no_gc, node, depth)?;
            Ok(no_gc.local(tree))
        });
    }
    scope.escape(|inner| {
        let left = build(inner, node, depth - 1)?;
        let right = build(inner, node, depth - 1)?;
        inner.record(node, &[left.into(), right.into()])
    })
}

fn folded<'n>(no_gc: &mut NoGc<'n, '_, '_>, node: RecordType, depth: u32) -> Result<Tagged<'n, Record>, Error> {
    if depth == 0 {
        return no_gc.record(node, [TaggedValue::Undefined, TaggedValue::Undefined]);
    }
    let left = folded(no_gc, node, depth - 1)?;
    let right = folded(no_gc, node, depth - 1)?;
    no_gc.record(node, [left.into(), right.into()])
}

fn counted(scope: &mut Scope<'_>, tree: Local<'_, Record>) -> Result<u64, Error> {
    scope.no_gc(0, |no_gc| count(no_gc, no_gc.tagged(tree)?))
}

fn count<'n>(no_gc: &NoGc<'n, '_, '_>, tree: Tagged<'n, Record>) -> Result<u64, Error> {
    let Some(left) = no_gc.field(tree, 0)?.as_object() else {
        return Ok(1);
    };
    let mut total = 1 + count(no_gc, no_gc.downcast(left)?)?;
    if let Some(right) = no_gc.field(tree, 1)?.as_object() {
        total += count(no_gc, no_gc.downcast(right)?)?;
    }
    Ok(total)
}
