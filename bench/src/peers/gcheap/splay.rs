//! A splay tree whose nodes carry payloads.
//!
//! Top-down splaying after Sleator and Tarjan, "Self-Adjusting Binary Search Trees", 1985.

use super::{number_field, record_field};
use crate::workload::{PAYLOAD_DEPTH, PAYLOAD_ELEMENTS, Random, Scale, leaf_text};
use gcheap::types::{JsArray, JsString, Record};
use gcheap::{Error, Heap, Local, RecordType, Scope, Value};

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
    match tree.root(&mut scope)? {
        Some(root) => checksum(&mut scope, root),
        None => Ok(0),
    }
}

impl Tree<'_> {
    fn root<'s>(&self, scope: &mut Scope<'s>) -> Result<Option<Local<'s, Record>>, Error> {
        record_field(scope, self.holder, 0)
    }

    fn set_root(&self, scope: &mut Scope<'_>, root: Value<'_>) -> Result<(), Error> {
        scope.set_field(self.holder, 0, root)
    }

    fn insert_new(&self, scope: &mut Scope<'_>, random: &mut Random) -> Result<u32, Error> {
        let mut scope = scope.scope();
        let key = loop {
            let key = random.key();
            if !self.contains(&mut scope, key)? {
                break key;
            }
        };
        let payload = payload(&mut scope, self.pair, PAYLOAD_DEPTH, &leaf_text(key))?;
        self.splay(&mut scope, key)?;
        let node = scope.record(self.node, &[Value::Smi(key as i32), payload.into()])?;
        if let Some(root) = self.root(&mut scope)? {
            let (near, far) =
                if number_field(&mut scope, root, KEY)? < u64::from(key) { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
            let beyond = scope.field(root, far)?;
            scope.set_field(node, near, root.into())?;
            scope.set_field(node, far, beyond)?;
            scope.set_field(root, far, Value::Undefined)?;
        }
        self.set_root(&mut scope, node.into())?;
        Ok(key)
    }

    fn contains(&self, scope: &mut Scope<'_>, key: u32) -> Result<bool, Error> {
        self.splay(scope, key)?;
        let mut scope = scope.scope();
        match self.root(&mut scope)? {
            Some(root) => Ok(number_field(&mut scope, root, KEY)? == u64::from(key)),
            None => Ok(false),
        }
    }

    fn greatest_below(&self, scope: &mut Scope<'_>, key: u32) -> Result<Option<u32>, Error> {
        self.splay(scope, key)?;
        let mut scope = scope.scope();
        let Some(root) = self.root(&mut scope)? else { return Ok(None) };
        let own = number_field(&mut scope, root, KEY)? as u32;
        if own < key {
            return Ok(Some(own));
        }
        let Some(mut node) = record_field(&mut scope, root, LEFT)? else { return Ok(None) };
        while let Some(next) = record_field(&mut scope, node, RIGHT)? {
            node = next;
        }
        Ok(Some(number_field(&mut scope, node, KEY)? as u32))
    }

    fn remove(&self, scope: &mut Scope<'_>, key: u32) -> Result<(), Error> {
        self.splay(scope, key)?;
        let mut scope = scope.scope();
        let Some(root) = self.root(&mut scope)? else { return Ok(()) };
        let (left, right) = (scope.field(root, LEFT)?, scope.field(root, RIGHT)?);
        if left.as_object().is_none() {
            return self.set_root(&mut scope, right);
        }
        self.set_root(&mut scope, left)?;
        self.splay(&mut scope, key)?;
        match self.root(&mut scope)? {
            Some(root) => scope.set_field(root, RIGHT, right),
            None => Ok(()),
        }
    }

    /// Moves the node with the key, or one beside where it would be, to the root.
    fn splay(&self, scope: &mut Scope<'_>, key: u32) -> Result<(), Error> {
        let mut scope = scope.scope();
        let Some(mut current) = self.root(&mut scope)? else { return Ok(()) };
        let key = u64::from(key);
        let dummy = scope.record(self.node, &[])?;
        let (mut left, mut right) = (dummy, dummy);
        loop {
            let own = number_field(&mut scope, current, KEY)?;
            let (near, far) = match key.cmp(&own) {
                std::cmp::Ordering::Less => (LEFT, RIGHT),
                std::cmp::Ordering::Greater => (RIGHT, LEFT),
                std::cmp::Ordering::Equal => break,
            };
            let Some(mut child) = record_field(&mut scope, current, near)? else { break };
            let child_key = number_field(&mut scope, child, KEY)?;
            if (near == LEFT && key < child_key) || (near == RIGHT && key > child_key) {
                let inner = scope.field(child, far)?;
                scope.set_field(current, near, inner)?;
                scope.set_field(child, far, current.into())?;
                current = child;
                match record_field(&mut scope, current, near)? {
                    Some(next) => child = next,
                    None => break,
                }
            }
            if near == LEFT {
                scope.set_field(right, LEFT, current.into())?;
                right = current;
            } else {
                scope.set_field(left, RIGHT, current.into())?;
                left = current;
            }
            current = child;
        }
        let (inner_left, inner_right) = (scope.field(current, LEFT)?, scope.field(current, RIGHT)?);
        scope.set_field(left, RIGHT, inner_left)?;
        scope.set_field(right, LEFT, inner_right)?;
        let (new_left, new_right) = (scope.field(dummy, RIGHT)?, scope.field(dummy, LEFT)?);
        scope.set_field(current, LEFT, new_left)?;
        scope.set_field(current, RIGHT, new_right)?;
        self.set_root(&mut scope, current.into())
    }
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
