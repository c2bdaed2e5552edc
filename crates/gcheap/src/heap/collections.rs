//! Map and Set: V8's ordered hash tables, with its growth and shrinking.
//!
//! Keys are compared as JavaScript's `SameValueZero`: numbers and strings by value, everything else by identity.

use super::Heap;
use super::allocate::smi;
use super::error::{Error, ErrorKind};
use super::handle::types::{JsMap, JsSet};
use super::handle::{Local, Value};
use super::scope::Scope;
use crate::memory::WORD;
use crate::object::growth::{ORDERED_TABLE_INITIAL, ORDERED_TABLE_MAX, ordered_table_capacity};
use crate::object::layout;
use crate::object::word::{self, HOLE, UNDEFINED, address as address_of, as_smi, is_reference, reference};
use crate::object::{Header, Kind};
use crate::roots::Internal;
use crate::space::pages::YOUNG;

const TABLE: u64 = 3;
const LENGTH: u64 = 1;
const ELEMENTS: u64 = 2;
const DELETED: u64 = 3;
const BUCKETS: u64 = 4;
const FIRST_BUCKET: u64 = 5;
/// A link that is no entry: the small integer -1.
const END_OF_CHAIN: u64 = word::smi(-1);

/// The hash of an object shares a word with the length of its property array (V8 `PropertyArray::LengthField`).
const LENGTH_BITS: u32 = 10;
/// V8 `PropertyArray::HashField`.
const HASH_MASK: u32 = 0x1f_ffff;

/// What a Set says that cannot grow any more.
const SET_FULL: &str = "Set maximum size exceeded";

/// The two tables differ in the words of an entry only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Map,
    Set,
}

impl Table {
    fn entry_words(self) -> u64 {
        match self {
            Table::Map => 3,
            Table::Set => 2,
        }
    }

    fn header(self, capacity: u64) -> Header {
        match self {
            Table::Map => layout::ordered_hash_map(capacity),
            Table::Set => layout::ordered_hash_set(capacity),
        }
    }
}

/// A well-mixed hash of a small integer (the finaliser of MurmurHash3; what matters is that it is fixed).
pub(crate) fn mix(mut hash: u32) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

impl Heap {
    /// Hash of a key. An object gets an identity hash at first use, kept in its properties word; objects that have no
    /// such word (boxed numbers, functions …) hash by kind alone.
    pub(crate) fn hash(&mut self, key: u64) -> u32 {
        if !is_reference(key) {
            return mix((key >> 32) as u32 ^ key as u32);
        }
        let object = address_of(key);
        let header = self.header(object);
        match header.kind() {
            Kind::OneByteString | Kind::TwoByteString | Kind::ConsString | Kind::SlicedString => {
                self.string_hash(object)
            }
            Kind::HeapNumber => {
                // All that is not a number is one key.
                let number = f64::from_bits(self.load(object, 1));
                let bits = if number.is_nan() { f64::NAN } else { number }.to_bits();
                mix(bits as u32 ^ (bits >> 32) as u32)
            }
            kind if Self::has_identity_hash(kind) => self.identity_hash(object),
            Kind::Record => mix(u32::from(header.type_id())),
            _ => mix(u32::from(header.kind_number())),
        }
    }

    /// Objects with a properties word keep a hash of their own there.
    pub(crate) fn has_identity_hash(kind: Kind) -> bool {
        matches!(
            kind,
            Kind::JsObject
                | Kind::JsArray
                | Kind::JsFunction
                | Kind::JsMap
                | Kind::JsSet
                | Kind::JsWeakMap
                | Kind::JsWeakRef
                | Kind::JsArrayBuffer
                | Kind::JsTypedArray
                | Kind::JsFinalizationRegistry
                | Kind::JsPromise
        )
    }

    fn identity_hash(&mut self, object: u64) -> u32 {
        let properties = self.load(object, 1);
        if let Some(hash) = as_smi(properties) {
            return hash as u32;
        }
        if is_reference(properties) {
            let store = address_of(properties);
            let word = self.load(store, 1) >> 32;
            if word >> LENGTH_BITS != 0 {
                return (word >> LENGTH_BITS) as u32;
            }
            let hash = self.next_identity_hash();
            self.store_raw(store, 1, (u64::from(hash) << LENGTH_BITS | word) << 32);
            return hash;
        }
        let hash = self.next_identity_hash();
        self.store_raw(object, 1, word::smi(hash as i32));
        hash
    }

    fn next_identity_hash(&mut self) -> u32 {
        self.identity_hashes = self.identity_hashes.wrapping_add(1);
        (mix(self.identity_hashes) & HASH_MASK).max(1)
    }

    /// The first word of a property array: its length (the header has it in full) and the identity hash that its object got
    /// before, if it got one.
    pub(crate) fn length_and_hash(&self, length: u64, properties: u64) -> u64 {
        let hash = match as_smi(properties) {
            Some(hash) => hash as u32 as u64,
            None if is_reference(properties) => self.load(address_of(properties), 1) >> 32 >> LENGTH_BITS,
            None => 0,
        };
        (hash << LENGTH_BITS | length & ((1 << LENGTH_BITS) - 1)) << 32
    }

    /// Word index of the bucket of a hash; the number of buckets is a power of two.
    fn bucket(buckets: u64, hash: u32) -> u64 {
        FIRST_BUCKET + (u64::from(hash) & (buckets - 1))
    }

    fn small(&self, object: u64, index: u64) -> u64 {
        as_smi(self.load(object, index)).unwrap_or(0) as u32 as u64
    }

    /// Word index of the entry of a key.
    fn find_entry(&mut self, table: u64, kind: Table, key: u64) -> Option<u64> {
        let buckets = self.small(table, BUCKETS);
        let hash = self.hash(key);
        let mut link = self.load(table, Self::bucket(buckets, hash));
        let entries = FIRST_BUCKET + buckets;
        while let Some(entry) = as_smi(link).filter(|_| link != END_OF_CHAIN) {
            let at = entries + entry as u64 * kind.entry_words();
            if self.same_value(self.load(table, at), key) {
                return Some(at);
            }
            link = self.load(table, at + kind.entry_words() - 1);
        }
        None
    }

    pub(crate) fn same_value(&self, one: u64, two: u64) -> bool {
        if one == two {
            return true;
        }
        if !(is_reference(one) && is_reference(two)) {
            return false;
        }
        let (one, two) = (address_of(one), address_of(two));
        let (first, second) = (self.header(one).kind(), self.header(two).kind());
        if first == Kind::HeapNumber && second == Kind::HeapNumber {
            let (one, two) = (f64::from_bits(self.load(one, 1)), f64::from_bits(self.load(two, 1)));
            return one == two || one.is_nan() && two.is_nan();
        }
        self.is_string(first) && self.is_string(second) && self.equal_strings(one, two)
    }

    fn is_string(&self, kind: Kind) -> bool {
        matches!(kind, Kind::OneByteString | Kind::TwoByteString | Kind::ConsString | Kind::SlicedString)
    }

    /// The word of a key. The hole marks deleted entries and is `undefined` to whoever looks at it, as in JavaScript; a number
    /// that a small integer can be is one, -0 too (V8 `CollectionsBuiltinsAssembler::NormalizeNumberKey`).
    fn key_word(&self, key: Value<'_>) -> Result<u64, Error> {
        Ok(match self.value_word(key)? {
            HOLE => UNDEFINED,
            word if is_reference(word) && self.header(address_of(word)).is(Kind::HeapNumber) => {
                let number = f64::from_bits(self.load(address_of(word), 1));
                let whole = number as i32;
                if f64::from(whole) == number { word::smi(whole) } else { word }
            }
            word => word,
        })
    }

    fn write_empty_table(&mut self, table: u64, header: Header, capacity: u64) {
        let buckets = capacity / 2;
        let words = header.words();
        self.store_raw(table, LENGTH, smi(words - 2));
        self.store_raw(table, ELEMENTS, smi(0));
        self.store_raw(table, DELETED, smi(0));
        self.store_raw(table, BUCKETS, smi(buckets));
        let memory = &mut self.mechanism.spaces.pages.memory;
        memory.fill_words(table + FIRST_BUCKET * WORD, buckets, END_OF_CHAIN);
        memory.fill_words(table + (FIRST_BUCKET + buckets) * WORD, words - FIRST_BUCKET - buckets, UNDEFINED);
    }

    fn append_entry(&mut self, table: u64, kind: Table, key: u64, value: u64) {
        let buckets = self.small(table, BUCKETS);
        let (live, deleted) = (self.small(table, ELEMENTS), self.small(table, DELETED));
        let entry = live + deleted;
        let hash = self.hash(key);
        let bucket = Self::bucket(buckets, hash);
        let at = FIRST_BUCKET + buckets + entry * kind.entry_words();
        let chain = self.load(table, bucket);
        self.store(table, at, key);
        if kind == Table::Map {
            self.store(table, at + 1, value);
        }
        self.store_raw(table, at + kind.entry_words() - 1, chain);
        self.store_raw(table, bucket, smi(entry));
        self.store_raw(table, ELEMENTS, smi(live + 1));
    }

    /// Live entries of a table, oldest first, as word indexes.
    fn entries(&self, table: u64, kind: Table) -> Vec<u64> {
        let buckets = self.small(table, BUCKETS);
        let used = self.small(table, ELEMENTS) + self.small(table, DELETED);
        (0..used)
            .map(|entry| FIRST_BUCKET + buckets + entry * kind.entry_words())
            .filter(|&at| self.load(table, at) != HOLE)
            .collect()
    }

    /// A new table of `capacity` with the live entries of the old one. Can collect; returns the collection's new table.
    fn rehash(&mut self, owner: Local<'_>, kind: Table, capacity: u64) -> Result<u64, Error> {
        let old = address_of(self.load(self.address(owner)?, TABLE));
        let table = self.allocate_table(kind, capacity, old)?;
        self.move_entries(owner, kind, table)?;
        Ok(table)
    }

    /// The successor of an old table is born old (V8 `OrderedHashTable::Rehash`).
    fn allocate_table(&mut self, kind: Table, capacity: u64, before: u64) -> Result<u64, Error> {
        let header = kind.header(capacity);
        let old = self.mechanism.spaces.pages.flags(before) & YOUNG == 0;
        let table = if old { self.allocate_old(header)? } else { self.allocate(header)? };
        self.write_empty_table(table, header, capacity);
        Ok(table)
    }

    /// Gives the owner a new table, with the live entries of the old one.
    fn move_entries(&mut self, owner: Local<'_>, kind: Table, table: u64) -> Result<(), Error> {
        let owner = self.address(owner)?;
        let old = address_of(self.load(owner, TABLE));
        self.copy_entries(kind, old, table);
        self.store(owner, TABLE, reference(table));
        Ok(())
    }

    fn copy_entries(&mut self, kind: Table, from: u64, to: u64) {
        for at in self.entries(from, kind) {
            let (key, value) = (self.load(from, at), self.load(from, at + 1));
            self.append_entry(to, kind, key, value);
        }
    }

    /// Adds an object to the table of a Set that a root holds; where there is none, one is made. Can collect.
    pub(crate) fn add_to_root(&mut self, root: Internal, object: Local<'_>) -> Result<(), Error> {
        let held = self.mechanism.roots.internal[root as usize];
        let mut table = if is_reference(held) {
            address_of(held)
        } else {
            let header = Table::Set.header(ORDERED_TABLE_INITIAL);
            let table = self.allocate(header)?;
            self.write_empty_table(table, header, ORDERED_TABLE_INITIAL);
            self.mechanism.roots.internal[root as usize] = reference(table);
            table
        };
        let key = self.word(object)?;
        if self.find_entry(table, Table::Set, key).is_some() {
            return Ok(());
        }
        let capacity = 2 * self.small(table, BUCKETS);
        if self.small(table, ELEMENTS) >= capacity {
            if capacity >= ORDERED_TABLE_MAX {
                return Err(ErrorKind::RangeError(SET_FULL).into());
            }
            let larger = self.allocate_table(Table::Set, 2 * capacity, table)?;
            self.copy_entries(Table::Set, address_of(self.mechanism.roots.internal[root as usize]), larger);
            self.mechanism.roots.internal[root as usize] = reference(larger);
            table = larger;
        }
        let key = self.word(object)?;
        self.append_entry(table, Table::Set, key, UNDEFINED);
        Ok(())
    }

    /// Strings among the keys are internalized first, where the version does so.
    fn insert(
        &mut self,
        owner: Local<'_>,
        kind: Table,
        key: Value<'_>,
        value: Value<'_>,
        full: &'static str,
    ) -> Result<(), Error> {
        let internalizes = self.profile.objects.string_keys_are_internalized;
        let word = self.key_word(key)?;
        if !internalizes || !is_reference(word) || !self.is_string(self.header(address_of(word)).kind()) {
            return self.insert_key(owner, kind, key, value, full);
        }
        let mut turn = self.scope();
        let string = turn.push_word(word);
        turn.flatten(string)?;
        let table = address_of(turn.load(turn.address(owner)?, TABLE));
        let word = turn.word(string)?;
        if turn.find_entry(table, kind, word).is_some() {
            return turn.insert_key(owner, kind, string.into(), value, full);
        }
        let internalized = turn.internalized(string)?;
        turn.insert_key(owner, kind, internalized.into(), value, full)
    }

    fn insert_key(
        &mut self,
        owner: Local<'_>,
        kind: Table,
        key: Value<'_>,
        value: Value<'_>,
        full: &'static str,
    ) -> Result<(), Error> {
        let mut table = address_of(self.load(self.address(owner)?, TABLE));
        let (key_word, value_word) = (self.key_word(key)?, self.value_word(value)?);
        if let Some(at) = self.find_entry(table, kind, key_word) {
            if kind == Table::Map {
                self.store(table, at + 1, value_word);
            }
            return Ok(());
        }
        let capacity = 2 * self.small(table, BUCKETS);
        let (live, deleted) = (self.small(table, ELEMENTS), self.small(table, DELETED));
        if live + deleted >= capacity {
            let capacity = ordered_table_capacity(capacity, deleted);
            if capacity > ORDERED_TABLE_MAX {
                return Err(ErrorKind::RangeError(full).into());
            }
            table = self.rehash(owner, kind, capacity)?;
        }
        let (key, value) = (self.key_word(key)?, self.value_word(value)?);
        self.append_entry(table, kind, key, value);
        Ok(())
    }

    /// Room for the smaller table is taken first, so that an entry is not gone when there is none.
    fn remove(&mut self, owner: Local<'_>, kind: Table, key: Value<'_>) -> Result<bool, Error> {
        let mut table = address_of(self.load(self.address(owner)?, TABLE));
        let mut key_word = self.key_word(key)?;
        if self.find_entry(table, kind, key_word).is_none() {
            return Ok(false);
        }
        let capacity = 2 * self.small(table, BUCKETS);
        let shrinks = self.small(table, ELEMENTS) - 1 < capacity / 4 && capacity > ORDERED_TABLE_INITIAL;
        let smaller = if shrinks { Some(self.allocate_table(kind, capacity / 2, table)?) } else { None };
        if shrinks {
            table = address_of(self.load(self.address(owner)?, TABLE));
            key_word = self.key_word(key)?;
        }
        let Some(at) = self.find_entry(table, kind, key_word) else { return Ok(false) };
        for index in 0..kind.entry_words() - 1 {
            self.store_raw(table, at + index, HOLE);
        }
        let (live, deleted) = (self.small(table, ELEMENTS), self.small(table, DELETED));
        self.store_raw(table, ELEMENTS, smi(live - 1));
        self.store_raw(table, DELETED, smi(deleted + 1));
        if let Some(smaller) = smaller {
            self.move_entries(owner, kind, smaller)?;
        }
        Ok(true)
    }

    /// Entries of a Map.
    pub fn map_size(&self, map: Local<'_, JsMap>) -> Result<u64, Error> {
        Ok(self.small(address_of(self.load(self.typed(map)?, TABLE)), ELEMENTS))
    }

    /// Entries of a Set.
    pub fn set_size(&self, set: Local<'_, JsSet>) -> Result<u64, Error> {
        Ok(self.small(address_of(self.load(self.typed(set)?, TABLE)), ELEMENTS))
    }

    /// Adds or replaces an entry of a Map. The table doubles when it is full. Can collect.
    pub fn map_set(&mut self, map: Local<'_, JsMap>, key: Value<'_>, value: Value<'_>) -> Result<(), Error> {
        self.typed(map)?;
        self.insert(map.upcast(), Table::Map, key, value, "Map maximum size exceeded")
    }

    /// Removes an entry of a Map; whether it was there. A table that is mostly empty is halved. Can collect.
    pub fn map_delete(&mut self, map: Local<'_, JsMap>, key: Value<'_>) -> Result<bool, Error> {
        self.typed(map)?;
        self.remove(map.upcast(), Table::Map, key)
    }

    /// Adds a value to a Set. Can collect.
    pub fn set_add(&mut self, set: Local<'_, JsSet>, value: Value<'_>) -> Result<(), Error> {
        self.typed(set)?;
        self.insert(set.upcast(), Table::Set, value, Value::Undefined, SET_FULL)
    }

    /// Removes a value from a Set; whether it was there. Can collect.
    pub fn set_delete(&mut self, set: Local<'_, JsSet>, value: Value<'_>) -> Result<bool, Error> {
        self.typed(set)?;
        self.remove(set.upcast(), Table::Set, value)
    }

    /// Whether a Set holds a value.
    pub fn set_has(&mut self, set: Local<'_, JsSet>, value: Value<'_>) -> Result<bool, Error> {
        let table = address_of(self.load(self.typed(set)?, TABLE));
        let word = self.key_word(value)?;
        Ok(self.find_entry(table, Table::Set, word).is_some())
    }
}

impl<'s> Scope<'s> {
    fn collection(&mut self, kind: Table) -> Result<u64, Error> {
        let header = kind.header(ORDERED_TABLE_INITIAL);
        let table = self.allocate(header)?;
        self.write_empty_table(table, header, ORDERED_TABLE_INITIAL);
        let table: Local<'_> = self.push_handle(table);
        let header = if kind == Table::Map { layout::JS_MAP } else { layout::JS_SET };
        let owner = self.allocate(header)?;
        let table = self.word(table)?;
        self.initialize(owner, 1, &[UNDEFINED, UNDEFINED, table]);
        Ok(owner)
    }

    /// `new Map()`. Can collect.
    pub fn map(&mut self) -> Result<Local<'s, JsMap>, Error> {
        let map = self.collection(Table::Map)?;
        Ok(self.push_handle(map))
    }

    /// `new Set()`. Can collect.
    pub fn set(&mut self) -> Result<Local<'s, JsSet>, Error> {
        let set = self.collection(Table::Set)?;
        Ok(self.push_handle(set))
    }

    /// The value of a key of a Map.
    pub fn map_get(&mut self, map: Local<'_, JsMap>, key: Value<'_>) -> Result<Option<Value<'s>>, Error> {
        let table = address_of(self.load(self.typed(map)?, TABLE));
        let word = self.key_word(key)?;
        let found = self.find_entry(table, Table::Map, word);
        Ok(found.map(|at| {
            let word = self.load(table, at + 1);
            self.value(word)
        }))
    }

    /// The oldest key of a Map, as `map.keys().next().value`.
    pub fn map_first_key(&mut self, map: Local<'_, JsMap>) -> Result<Option<Value<'s>>, Error> {
        let table = address_of(self.load(self.typed(map)?, TABLE));
        let buckets = self.small(table, BUCKETS);
        let used = self.small(table, ELEMENTS) + self.small(table, DELETED);
        let first = (0..used)
            .map(|entry| FIRST_BUCKET + buckets + entry * Table::Map.entry_words())
            .map(|at| self.load(table, at))
            .find(|&word| word != HOLE);
        Ok(first.map(|word| self.value(word)))
    }
}
