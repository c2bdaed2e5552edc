//! The model: the same graph in plain Rust values, with reachability computed by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Number of a node; never used twice.
pub type Id = usize;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// `undefined`.
    Undefined,
    /// Never written.
    Hole,
    /// A small integer.
    Smi(i32),
    /// Another node.
    Node(Id),
}

/// A key of a Map or Set, compared as JavaScript compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A small integer.
    Smi(i32),
    /// A text, by content.
    Text(Rc<[u16]>),
    /// Any other node, by identity.
    Node(Id),
}

/// A registration of a FinalizationRegistry.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Number that its held value carries.
    pub number: i32,
    /// Where it is registered.
    pub registry: Id,
    /// Watched.
    pub target: Id,
    /// The held value, an array whose first element is the number.
    pub holdings: Id,
    /// For `unregister`, weak.
    pub token: Option<Id>,
}

/// What an object is and holds.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the kinds of the façade")]
pub enum Node {
    /// Known to be unreachable; nobody may come across it.
    Dead,
    Object(Vec<Slot>),
    Array(Vec<Slot>),
    Doubles(Vec<f64>),
    Text(Rc<[u16]>),
    Number(f64),
    Closure(Vec<Slot>),
    Promise,
    /// With the time of insertion.
    Map(BTreeMap<Key, (u64, Slot)>),
    Set(BTreeSet<Key>),
    WeakMap(BTreeMap<Id, Slot>),
    /// The target, `None` once it must be cleared, and the number of mark-compacts when it was last seen alive.
    WeakRef(Option<Id>, u64),
    Registry(Vec<Cell>),
    Buffer(Vec<u8>),
    /// Backing buffer (none for short arrays) and length.
    Typed(Option<Id>, u64),
    Record(Vec<Slot>, Vec<u8>),
    /// Places for objects of any kind, `undefined` where there is none.
    Table(Vec<Slot>),
}

/// All nodes.
#[derive(Default, Debug)]
pub struct Model {
    /// By number.
    pub nodes: Vec<Node>,
}

impl Model {
    /// Adds a node.
    pub fn add(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// What is reachable from some roots: one flag a node.
    pub fn reachable(&self, roots: impl Iterator<Item = Id>) -> Vec<bool> {
        let mut seen = vec![false; self.nodes.len()];
        let mut pending: Vec<Id> = roots.collect();
        let mut weak_maps = Vec::new();
        loop {
            while let Some(id) = pending.pop() {
                if std::mem::replace(&mut seen[id], true) {
                    continue;
                }
                if let Node::WeakMap(_) = self.nodes[id] {
                    weak_maps.push(id);
                }
                self.strong(id, |other| {
                    if !seen[other] {
                        pending.push(other);
                    }
                });
            }
            for &map in &weak_maps {
                let Node::WeakMap(entries) = &self.nodes[map] else { continue };
                for (key, value) in entries {
                    if seen[*key]
                        && let Slot::Node(value) = value
                        && !seen[*value]
                    {
                        pending.push(*value);
                    }
                }
            }
            if pending.is_empty() {
                return seen;
            }
        }
    }

    /// The strong references of a node; what a WeakMap holds depends on its keys and is not among them.
    fn strong(&self, id: Id, mut visit: impl FnMut(Id)) {
        let mut slots = |slots: &[Slot]| {
            for slot in slots {
                if let Slot::Node(id) = slot {
                    visit(*id);
                }
            }
        };
        match &self.nodes[id] {
            Node::Object(fields)
            | Node::Array(fields)
            | Node::Closure(fields)
            | Node::Record(fields, _)
            | Node::Table(fields) => slots(fields),
            Node::Map(entries) => {
                for (key, (_, value)) in entries {
                    slots(&[*value]);
                    if let Key::Node(key) = key {
                        slots(&[Slot::Node(*key)]);
                    }
                }
            }
            Node::Set(keys) => {
                for key in keys {
                    if let Key::Node(key) = key {
                        slots(&[Slot::Node(*key)]);
                    }
                }
            }
            Node::Registry(cells) => cells.iter().for_each(|cell| slots(&[Slot::Node(cell.holdings)])),
            Node::Typed(Some(buffer), _) => slots(&[Slot::Node(*buffer)]),
            _ => {}
        }
    }
}
