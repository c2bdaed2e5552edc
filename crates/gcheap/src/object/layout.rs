//! Sizes of V8's kinds on x64 without pointer compression, in words, and which of them are tagged.
//!
//! Source: measured object sizes (the tables in docs/architecture.md name them); V8 src/objects/*.tq and the
//! `kHeaderSize` constants. Sizes that differ between versions come in through [`VersionSizes`].

use super::header::{Header, MAX_WORDS};
use super::kind::Kind;
use crate::memory::WORD;

/// Object sizes that are not the same in all versions, in bytes (reference: docs of the profiles).
///
/// ```
/// let sizes = gcheap::VersionSizes { array_buffer: 96, typed_array: 104 };
/// assert_eq!(sizes.array_buffer % 8, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionSizes {
    /// `JSArrayBuffer`.
    pub array_buffer: u64,
    /// `JSTypedArray` (Node's Buffer is one).
    pub typed_array: u64,
}

/// The longest FixedArray that V8 makes (src/objects/fixed-array.h, 128 Mi minus the header).
pub(crate) const MAX_FIXED_ARRAY_LENGTH: u64 = (1 << 27) - 3;
/// The longest string (src/objects/string.h, `String::kMaxLength` on 64 bit).
pub(crate) const MAX_STRING_LENGTH: u64 = (1 << 29) - 24;

const _: () = assert!(MAX_FIXED_ARRAY_LENGTH + 2 < MAX_WORDS);

/// Header word and length word, then `length` tagged slots.
#[inline(always)]
pub(crate) const fn fixed_array(length: u64) -> Header {
    Header::new(Kind::FixedArray, 0, length + 2, length + 1)
}

pub(crate) const fn property_array(length: u64) -> Header {
    Header::new(Kind::PropertyArray, 0, length + 2, length + 1)
}

pub(crate) const fn fixed_double_array(length: u64) -> Header {
    Header::new(Kind::FixedDoubleArray, 0, length + 2, 1)
}

pub(crate) const fn byte_array(bytes: u64) -> Header {
    Header::new(Kind::ByteArray, 0, 2 + bytes.div_ceil(WORD), 1)
}

pub(crate) const HEAP_NUMBER: Header = Header::new(Kind::HeapNumber, 0, 2, 0);
/// Map, site.
pub(crate) const ALLOCATION_MEMENTO: Header = Header::new(Kind::AllocationMemento, 0, 2, 0);

/// Header, hash and length in one raw word, characters.
#[inline(always)]
pub(crate) const fn one_byte_string(length: u64) -> Header {
    Header::new(Kind::OneByteString, 0, 2 + length.div_ceil(WORD), 0)
}

pub(crate) const fn two_byte_string(length: u64) -> Header {
    Header::new(Kind::TwoByteString, 0, 2 + (2 * length).div_ceil(WORD), 0)
}

/// first, second; hash and length.
pub(crate) const CONS_FIRST: u64 = 1;
pub(crate) const CONS_SECOND: u64 = 2;
pub(crate) const CONS_STRING: Header = Header::new(Kind::ConsString, 0, 4, 2);
/// parent, offset; hash and length.
pub(crate) const SLICED_STRING: Header = Header::new(Kind::SlicedString, 0, 4, 2);

/// properties, elements, `slots` in-object properties.
#[inline(always)]
pub(crate) const fn js_object(slots: u64) -> Header {
    Header::new(Kind::JsObject, 0, 3 + slots, 2 + slots)
}

/// properties, elements, length.
pub(crate) const JS_ARRAY: Header = Header::new(Kind::JsArray, 0, 4, 3);

/// scope info, previous, extension, `slots` captured variables.
pub(crate) const fn context(slots: u64) -> Header {
    Header::new(Kind::Context, 0, 4 + slots, 3 + slots)
}

/// A closure: arrow functions and methods have no prototype slot.
pub(crate) const fn js_function(prototype_slot: bool) -> Header {
    if prototype_slot { Header::new(Kind::JsFunction, 0, 8, 7) } else { Header::new(Kind::JsFunction, 0, 7, 6) }
}

pub(crate) const JS_PROMISE: Header = Header::new(Kind::JsPromise, 0, 6, 4);
/// properties, elements, table.
pub(crate) const JS_MAP: Header = Header::new(Kind::JsMap, 0, 4, 3);
pub(crate) const JS_SET: Header = Header::new(Kind::JsSet, 0, 4, 3);
pub(crate) const JS_WEAK_MAP: Header = Header::new(Kind::JsWeakMap, 0, 4, 3);

/// Three bookkeeping words, `capacity / 2` buckets, `capacity` entries of key, value and chain.
pub(crate) const fn ordered_hash_map(capacity: u64) -> Header {
    let slots = 3 + capacity / 2 + 3 * capacity;
    Header::new(Kind::OrderedHashMap, 0, 2 + slots, 1 + slots)
}

/// As the map, with entries of key and chain.
pub(crate) const fn ordered_hash_set(capacity: u64) -> Header {
    let slots = 3 + capacity / 2 + 2 * capacity;
    Header::new(Kind::OrderedHashSet, 0, 2 + slots, 1 + slots)
}

/// Three bookkeeping words and pairs of weak key and value. No word counts as tagged: whether a value is held depends
/// on its key, so the collectors treat the table on their own.
pub(crate) const fn ephemeron_hash_table(capacity: u64) -> Header {
    Header::new(Kind::EphemeronHashTable, 0, 2 + 3 + 2 * capacity, 0)
}

/// properties, elements, target.
pub(crate) const JS_WEAK_REF: Header = Header::new(Kind::JsWeakRef, 0, 4, 3);
/// registry, holdings, target, token, previous, next; then raw.
pub(crate) const WEAK_CELL: Header = Header::new(Kind::WeakCell, 0, 9, 6);
/// properties, elements, active cells, cleared cells; then raw.
pub(crate) const JS_FINALIZATION_REGISTRY: Header = Header::new(Kind::JsFinalizationRegistry, 0, 9, 4);

/// properties, elements; then raw: which backing store, byte length.
pub(crate) const fn js_array_buffer(sizes: &VersionSizes) -> Header {
    Header::new(Kind::JsArrayBuffer, 0, sizes.array_buffer / WORD, 2)
}

/// properties, elements, buffer or on-heap data; then raw: offset, length.
pub(crate) const fn js_typed_array(sizes: &VersionSizes) -> Header {
    Header::new(Kind::JsTypedArray, 0, sizes.typed_array / WORD, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_measured_on_node() {
        let cases = [
            (fixed_array(4), 48),
            (fixed_double_array(4), 48),
            (byte_array(5), 24),
            (HEAP_NUMBER, 16),
            (one_byte_string(5), 24),
            (one_byte_string(9), 32),
            (two_byte_string(10), 40),
            (CONS_STRING, 32),
            (SLICED_STRING, 32),
            (js_object(3), 48),
            (JS_ARRAY, 32),
            (context(1), 40),
            (js_function(false), 56),
            (js_function(true), 64),
            (JS_PROMISE, 48),
            (JS_MAP, 32),
            (ordered_hash_map(4), 152),
            (ordered_hash_set(4), 120),
            (ordered_hash_map(8), 264),
            (ephemeron_hash_table(4), 104),
            (JS_WEAK_REF, 32),
            (WEAK_CELL, 72),
            (js_array_buffer(&VersionSizes { array_buffer: 88, typed_array: 96 }), 88),
            (js_typed_array(&VersionSizes { array_buffer: 96, typed_array: 104 }), 104),
            (ALLOCATION_MEMENTO, 16),
        ];
        for (header, bytes) in cases {
            assert_eq!(header.bytes(), bytes, "{}", header.kind().name());
        }
    }
}
