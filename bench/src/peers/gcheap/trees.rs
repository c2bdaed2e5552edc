//! Binary trees.

use crate::workload::Scale;
use gcheap::types::Record;
use gcheap::{Error, Heap, Local, Peek, RecordType, Scope, Value};

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
    Ok(total + count(scope.peek(long_lived)?)?)
}

fn built_and_counted(scope: &mut Scope<'_>, node: RecordType, depth: u32) -> Result<u64, Error> {
    let mut scope = scope.scope();
    let tree = build(&mut scope, node, depth)?;
    count(scope.peek(tree)?)
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

fn count(tree: Peek<'_, Record>) -> Result<u64, Error> {
    let Some(left) = tree.field(0)?.as_object() else {
        return Ok(1);
    };
    let mut total = 1 + count(left.downcast()?)?;
    if let Some(right) = tree.field(1)?.as_object() {
        total += count(right.downcast()?)?;
    }
    Ok(total)
}
