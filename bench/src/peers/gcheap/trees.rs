//! Binary trees.

use super::record_field;
use crate::workload::Scale;
use gcheap::types::Record;
use gcheap::{Error, Heap, Local, RecordType, Scope, Value};

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
    Ok(total + count(&mut scope, long_lived)?)
}

fn built_and_counted(scope: &mut Scope<'_>, node: RecordType, depth: u32) -> Result<u64, Error> {
    let mut scope = scope.scope();
    let tree = build(&mut scope, node, depth)?;
    count(&mut scope, tree)
}

fn build<'s>(scope: &mut Scope<'s>, node: RecordType, depth: u32) -> Result<Local<'s, Record>, Error> {
    if depth == 0 {
        return scope.record(node, &[Value::Undefined, Value::Undefined]);
    }
    scope.escape(|inner| {
        let left = build(inner, node, depth - 1)?;
        let right = build(inner, node, depth - 1)?;
        inner.record(node, &[left.into(), right.into()])
    })
}

fn count(scope: &mut Scope<'_>, tree: Local<'_, Record>) -> Result<u64, Error> {
    let mut scope = scope.scope();
    let Some(left) = record_field(&mut scope, tree, 0)? else {
        return Ok(1);
    };
    let mut total = 1 + count(&mut scope, left)?;
    if let Some(right) = record_field(&mut scope, tree, 1)? {
        total += count(&mut scope, right)?;
    }
    Ok(total)
}
