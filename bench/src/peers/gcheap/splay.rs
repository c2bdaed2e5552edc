//! A splay tree whose nodes carry payloads.
//!
//! Top-down splaying after Sleator and Tarjan, "Self-Adjusting Binary Search Trees", 1985.

use super::{number_field, record_field};
use crate::workload::{PAYLOAD_DEPTH, PAYLOAD_ELEMENTS, Random, Scale, leaf_text};
use gcheap::types::{JsArray, JsString, Record};
use gcheap::{Error, Heap, Local, NoGc, RecordType, Scope, Tagged, TaggedValue, Value};

const KEY: u64 = 0;
const PAYLOAD: u64 = 1;
const LEFT: u64 = 2;
const RIGHT: u64 = 3;

/// The tree: a record whose only field is the root, and the layouts.
struct Tree<'s> {
    holder: Local<'s, Record>,
    node: RecordType,
    pair: RecordType,
}

pub(super) fn run(heap: &mut Heap, scale: Scale) -> Result<u64, Error> {
    let (holder, node, pair) = (heap.record_type(1, 0)?, heap.record_type(4, 0)?, heap.record_type(2, 0)?);
    let mut scope = heap.scope();
    let tree = Tree { holder: scope.record(holder, &[])?, node, pair };
    let mut random = Random::new();
    for _ in 0..scale.nodes {
        tree.insert_new(&mut scope, &mut random)?;
    }
    for _ in 0..scale.replacements {
        let key = tree.insert_new(&mut scope, &mut random)?;
        let victim = tree.greatest_below(&mut scope, key)?.unwrap_or(key);
        tree.remove(&mut scope, victim)?;
    }
    match record_field(&mut scope, tree.holder, 0)? {
        Some(root) => checksum(&mut scope, root),
        None => Ok(0),
    }
}

/// Bytes of a node.
const NODE: u64 = 40;

impl Tree<'_> {
    fn insert_new(&self, scope: &mut Scope<'_>, random: &mut Random) -> Result<u32, Error> {
        let mut scope = scope.scope();
        let key = loop {
            let key = random.key();
            if !self.contains(&mut scope, key)? {
                break key;
            }
        };
        let payload = payload(&mut scope, self.pair, PAYLOAD_DEPTH, &leaf_text(key))?;
        scope.no_gc(2 * NODE, |no_gc| {
            let (holder, payload) = (no_gc.tagged(self.holder)?, no_gc.tagged(payload)?);
            self.splay(no_gc, holder, key)?;
            let node = no_gc.record(
                self.node,
                [TaggedValue::Smi(key as i32), payload.into(), TaggedValue::Undefined, TaggedValue::Undefined],
            )?;
            if let Some(root) = record_in(no_gc, holder, 0)? {
                let (near, far) =
                    if number_in(no_gc, root, KEY)? < u64::from(key) { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
                let beyond = no_gc.field(root, far)?;
                no_gc.set_field(node, near, root.into())?;
                no_gc.set_field(node, far, beyond)?;
                no_gc.set_field(root, far, TaggedValue::Undefined)?;
            }
            no_gc.set_field(holder, 0, node.into())
        })?;
        Ok(key)
    }

    fn contains(&self, scope: &mut Scope<'_>, key: u32) -> Result<bool, Error> {
        scope.no_gc(NODE, |no_gc| {
            let holder = no_gc.tagged(self.holder)?;
            self.splay(no_gc, holder, key)?;
            match record_in(no_gc, holder, 0)? {
                Some(root) => Ok(number_in(no_gc, root, KEY)? == u64::from(key)),
                None => Ok(false),
            }
        })
    }

    fn greatest_below(&self, scope: &mut Scope<'_>, key: u32) -> Result<Option<u32>, Error> {
        scope.no_gc(NODE, |no_gc| {
            let holder = no_gc.tagged(self.holder)?;
            self.splay(no_gc, holder, key)?;
            let Some(root) = record_in(no_gc, holder, 0)? else { return Ok(None) };
            let own = number_in(no_gc, root, KEY)? as u32;
            if own < key {
                return Ok(Some(own));
            }
            let Some(mut node) = record_in(no_gc, root, LEFT)? else { return Ok(None) };
            while let Some(next) = record_in(no_gc, node, RIGHT)? {
                node = next;
            }
            Ok(Some(number_in(no_gc, node, KEY)? as u32))
        })
    }

    fn remove(&self, scope: &mut Scope<'_>, key: u32) -> Result<(), Error> {
        scope.no_gc(2 * NODE, |no_gc| {
            let holder = no_gc.tagged(self.holder)?;
            self.splay(no_gc, holder, key)?;
            let Some(root) = record_in(no_gc, holder, 0)? else { return Ok(()) };
            let (left, right) = (no_gc.field(root, LEFT)?, no_gc.field(root, RIGHT)?);
            if left.as_object().is_none() {
                return no_gc.set_field(holder, 0, right);
            }
            no_gc.set_field(holder, 0, left)?;
            self.splay(no_gc, holder, key)?;
            match record_in(no_gc, holder, 0)? {
                Some(root) => no_gc.set_field(root, RIGHT, right),
                None => Ok(()),
            }
        })
    }

    /// Moves the node with the key, or one beside where it would be, to the root.
    fn splay<'n>(&self, no_gc: &mut NoGc<'n, '_, '_>, holder: Tagged<'n, Record>, key: u32) -> Result<(), Error> {
        let Some(mut current) = record_in(no_gc, holder, 0)? else { return Ok(()) };
        let key = u64::from(key);
        let dummy = no_gc.record(self.node, [TaggedValue::Undefined; 4])?;
        let (mut left, mut right) = (dummy, dummy);
        loop {
            let own = number_in(no_gc, current, KEY)?;
            let (near, far) = match key.cmp(&own) {
                std::cmp::Ordering::Less => (LEFT, RIGHT),
                std::cmp::Ordering::Greater => (RIGHT, LEFT),
                std::cmp::Ordering::Equal => break,
            };
            let Some(mut child) = record_in(no_gc, current, near)? else { break };
            let child_key = number_in(no_gc, child, KEY)?;
            if (near == LEFT && key < child_key) || (near == RIGHT && key > child_key) {
                let inner = no_gc.field(child, far)?;
                no_gc.set_field(current, near, inner)?;
                no_gc.set_field(child, far, current.into())?;
                current = child;
                match record_in(no_gc, current, near)? {
                    Some(next) => child = next,
                    None => break,
                }
            }
            if near == LEFT {
                no_gc.set_field(right, LEFT, current.into())?;
                right = current;
            } else {
                no_gc.set_field(left, RIGHT, current.into())?;
                left = current;
            }
            current = child;
        }
        let (inner_left, inner_right) = (no_gc.field(current, LEFT)?, no_gc.field(current, RIGHT)?);
        no_gc.set_field(left, RIGHT, inner_left)?;
        no_gc.set_field(right, LEFT, inner_right)?;
        let (new_left, new_right) = (no_gc.field(dummy, RIGHT)?, no_gc.field(dummy, LEFT)?);
        no_gc.set_field(current, LEFT, new_left)?;
        no_gc.set_field(current, RIGHT, new_right)?;
        no_gc.set_field(holder, 0, current.into())
    }
}

/// A field that holds a record, if it does.
#[inline(always)]
fn record_in<'n>(
    no_gc: &NoGc<'n, '_, '_>,
    record: Tagged<'n, Record>,
    index: u64,
) -> Result<Option<Tagged<'n, Record>>, Error> {
    no_gc.field(record, index)?.as_object().map(|object| no_gc.downcast(object)).transpose()
}

/// A field that holds a small integer; 0 if it does not.
#[inline(always)]
fn number_in<'n>(no_gc: &NoGc<'n, '_, '_>, record: Tagged<'n, Record>, index: u64) -> Result<u64, Error> {
    Ok(no_gc.field(record, index)?.as_smi().map_or(0, |number| number as u64))
}

fn payload<'s>(scope: &mut Scope<'s>, pair: RecordType, depth: u32, text: &str) -> Result<Local<'s, Record>, Error> {
    scope.escape(|inner| {
        if depth == 0 {
            let elements: [Value<'_>; PAYLOAD_ELEMENTS] = std::array::from_fn(|index| Value::Smi(index as i32));
            let array = inner.array(&elements)?;
            let string = inner.string(text)?;
            return inner.record(pair, &[array.into(), string.into()]);
        }
        let left = payload(inner, pair, depth - 1, text)?;
        let right = payload(inner, pair, depth - 1, text)?;
        inner.record(pair, &[left.into(), right.into()])
    })
}

/// Of every node its key, and of one leaf the length of its text and its last element.
fn checksum(scope: &mut Scope<'_>, node: Local<'_, Record>) -> Result<u64, Error> {
    let mut scope = scope.scope();
    let mut sum = number_field(&mut scope, node, KEY)?;
    let Some(mut leaf) = record_field(&mut scope, node, PAYLOAD)? else { return Ok(sum) };
    for _ in 0..PAYLOAD_DEPTH {
        let Some(next) = record_field(&mut scope, leaf, 0)? else { return Ok(sum) };
        leaf = next;
    }
    if let (Value::Object(array), Value::Object(text)) = (scope.field(leaf, 0)?, scope.field(leaf, 1)?) {
        let (array, text): (Local<'_, JsArray>, Local<'_, JsString>) = (scope.downcast(array)?, scope.downcast(text)?);
        let last = scope.array_get(array, PAYLOAD_ELEMENTS as u64 - 1)?.as_smi().unwrap_or(0);
        sum += last as u64 + scope.string_length(text)?;
    }
    for side in [LEFT, RIGHT] {
        if let Some(child) = record_field(&mut scope, node, side)? {
            sum += checksum(&mut scope, child)?;
        }
    }
    Ok(sum)
}
