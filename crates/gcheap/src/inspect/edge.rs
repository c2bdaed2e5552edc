//! Edges: what a slot of an object means to someone who knows JavaScript.

use super::census::Label;
use crate::object::{Header, Kind};
use crate::{Heap, object::word};

/// By which slot one object holds another.
///
/// ```
/// use gcheap::inspect::Edge;
/// assert_eq!(Edge::Element(3).to_string(), "element 3");
/// assert_eq!(Edge::Field { index: 0, name: Some("next") }.to_string(), "field next");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Edge {
    /// An element of an array or of its backing store.
    Element(u64),
    /// A property of an object, in-object ones first.
    Property(u64),
    /// A tagged field of a record.
    Field {
        /// Index among the tagged fields.
        index: u64,
        /// Its name, if the type has one for it.
        name: Option<&'static str>,
    },
    /// A variable that a closure has captured.
    Captured(u64),
    /// The key of an entry of a Map, counted from the oldest.
    MapKey(u64),
    /// The value of an entry of a Map.
    MapValue(u64),
    /// A value of a Set.
    SetValue(u64),
    /// The object is a key of a WeakMap that is alive, and holds the value of its entry.
    WeakMapValue,
    /// A slot with a name of its own.
    Named(&'static str),
    /// A slot without a meaning that has a name.
    Slot(u64),
}

impl std::fmt::Display for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Edge::Element(index) => write!(f, "element {index}"),
            Edge::Property(index) => write!(f, "property {index}"),
            Edge::Field { name: Some(name), .. } => write!(f, "field {name}"),
            Edge::Field { index, .. } => write!(f, "field {index}"),
            Edge::Captured(index) => write!(f, "captured variable {index}"),
            Edge::MapKey(entry) => write!(f, "key of entry {entry}"),
            Edge::MapValue(entry) => write!(f, "value of entry {entry}"),
            Edge::SetValue(entry) => write!(f, "value {entry}"),
            Edge::WeakMapValue => f.write_str("value in a WeakMap for this key"),
            Edge::Named(name) => f.write_str(name),
            Edge::Slot(index) => write!(f, "slot {index}"),
        }
    }
}

/// Words of an ordered hash table before its buckets.
const TABLE_START: u64 = 5;
const TABLE_BUCKETS: u64 = 4;

impl Heap {
    /// What the slot of a word index means.
    pub(super) fn edge(&self, object: u64, header: Header, index: u64) -> Edge {
        let kind = header.kind();
        match (kind, index) {
            (Kind::FixedArray, 2..) => Edge::Element(index - 2),
            (Kind::PropertyArray, 2..) => Edge::Property(index - 2),
            (Kind::Record, _) => {
                Edge::Field { index: index - 1, name: self.record_field_name(header.type_id(), index - 1) }
            }
            (Kind::Context, 4..) => Edge::Captured(index - 4),
            (Kind::Context, 2) => Edge::Named("previous context"),
            (Kind::ConsString, 1) => Edge::Named("first half"),
            (Kind::ConsString, 2) => Edge::Named("second half"),
            (Kind::SlicedString, 1) => Edge::Named("parent string"),
            (Kind::JsFunction, 3) => Edge::Named("context"),
            (Kind::JsMap | Kind::JsSet | Kind::JsWeakMap, 3) => Edge::Named("table"),
            (Kind::JsTypedArray, 3) => Edge::Named("buffer"),
            (Kind::JsFinalizationRegistry, 3 | 4) => Edge::Named("registrations"),
            (Kind::WeakCell, 1) => Edge::Named("registry"),
            (Kind::WeakCell, 2) => Edge::Named("held value"),
            (Kind::WeakCell, 5 | 6) => Edge::Named("neighbour in the registry"),
            (Kind::OrderedHashMap, TABLE_START..) => {
                let at = index - TABLE_START - self.buckets(object).min(index - TABLE_START);
                if at.is_multiple_of(3) { Edge::MapKey(at / 3) } else { Edge::MapValue(at / 3) }
            }
            (Kind::OrderedHashSet, TABLE_START..) => {
                Edge::SetValue((index - TABLE_START - self.buckets(object).min(index - TABLE_START)) / 2)
            }
            (Kind::JsObject, 3..) => Edge::Property(index - 3),
            (_, 1) if is_js_object(kind) => Edge::Named("properties"),
            (_, 2) if is_js_object(kind) => Edge::Named("elements"),
            _ => Edge::Slot(index),
        }
    }

    fn buckets(&self, table: u64) -> u64 {
        word::as_smi(self.load(table, TABLE_BUCKETS)).map_or(0, |buckets| u64::from(buckets as u32))
    }
}

/// Kinds that begin with properties and elements.
fn is_js_object(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::JsObject
            | Kind::JsArray
            | Kind::JsFunction
            | Kind::JsPromise
            | Kind::JsMap
            | Kind::JsSet
            | Kind::JsWeakMap
            | Kind::JsWeakRef
            | Kind::JsFinalizationRegistry
            | Kind::JsArrayBuffer
            | Kind::JsTypedArray
    )
}

/// What a reader means who sees an object hold its store and the store hold something: that the object holds it.
pub(super) fn through_store(owner: Label, in_object: u64, to_store: Edge, store: Label, edge: Edge) -> Option<Edge> {
    let joined = match (to_store, store.kind, edge) {
        (Edge::Named("elements"), Kind::FixedArray, Edge::Element(_))
        | (Edge::Named("context"), Kind::Context, Edge::Captured(_))
        | (Edge::Named("table"), Kind::OrderedHashMap | Kind::OrderedHashSet, _) => edge,
        (Edge::Named("properties"), Kind::PropertyArray, Edge::Property(index)) => Edge::Property(in_object + index),
        _ => return None,
    };
    is_js_object(owner.kind).then_some(joined)
}
