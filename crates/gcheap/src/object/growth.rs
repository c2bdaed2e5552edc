//! How backing stores and tables grow, as V8 grows them.

/// Capacity of the new backing store when `needed` elements do not fit
/// (src/objects/js-objects.h `JSObject::NewElementsCapacity`).
pub(crate) const fn new_elements_capacity(needed: u64) -> u64 {
    needed + (needed >> 1) + 16
}

/// Slots by which an out-of-object PropertyArray grows (src/objects/js-objects.h `kFieldsAdded`).
pub(crate) const PROPERTY_ARRAY_STEP: u64 = 3;

/// Capacity of a fresh ordered hash table (src/objects/ordered-hash-table.h `kInitialCapacity`).
pub(crate) const ORDERED_TABLE_INITIAL: u64 = 4;
/// Entries an ordered hash table may hold (2^24; the next `set` throws a RangeError).
pub(crate) const ORDERED_TABLE_MAX: u64 = 1 << 24;

/// The successor of an old hash table with more than this capacity is born old
/// (src/objects/hash-table.h `HashTable::kMinCapacityForPretenure`).
pub(crate) const PRETENURED_TABLE_CAPACITY: u64 = 256;

/// Capacity of an ordered hash table that is full: doubled, unless half of it is deleted entries.
pub(crate) const fn ordered_table_capacity(capacity: u64, deleted: u64) -> u64 {
    if deleted >= capacity / 2 { capacity } else { capacity * 2 }
}

/// Capacity of a plain hash table for `entries` (src/objects/hash-table.h `ComputeCapacity`).
pub(crate) const fn hash_table_capacity(entries: u64) -> u64 {
    let wanted = (entries + (entries >> 1)).next_power_of_two();
    if wanted < 4 { 4 } else { wanted }
}

/// Whether a plain hash table has room for `entries` beside its deleted ones: a third stays free, and at most half of what is
/// free is deleted entries (src/objects/hash-table.h `HasSufficientCapacityToAdd`).
pub(crate) const fn hash_table_has_room(capacity: u64, entries: u64, deleted: u64) -> bool {
    entries < capacity && deleted <= (capacity - entries) / 2 && entries + entries / 2 <= capacity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushing_grows_as_node_grows() {
        let mut capacity = 0;
        let mut seen = Vec::new();
        while seen.len() < 13 {
            capacity = new_elements_capacity(capacity + 1);
            seen.push(capacity);
        }
        assert_eq!(seen, [17, 43, 82, 140, 227, 358, 554, 848, 1289, 1951, 2944, 4433, 6667]);
    }

    #[test]
    fn weak_tables_have_room_for_half_as_many_again() {
        assert_eq!([0, 2, 3, 4, 6, 50_000].map(hash_table_capacity), [4, 4, 4, 8, 16, 131_072]);
    }
}
