//! WeakRef, WeakMap, FinalizationRegistry with the semantics of ECMAScript and V8.
//!
//! A WeakRef keeps its target for the rest of the job in which it was made or read ([`Heap::end_job`] ends a job);
//! mark-compacts clear targets, scavenges from V8 14.6 on. Callbacks of a FinalizationRegistry are queued by the collections that clear and taken
//! with [`Scope::take_finalization`] when the job has ended; [`Heap::job`] and [`Heap::run_finalizers`] put both in order.
//!
//! JavaScript refuses to hold some values weakly (strings, numbers, a target that is its own held value); here any object can
//! be, so who models JavaScript checks that before.

use super::Heap;
use super::error::Error;
use super::handle::types::{JsFinalizationRegistry, JsWeakMap, JsWeakRef};
use super::handle::{Local, Value};
use super::scope::Scope;
use crate::collect::weak::{
    CELL_HOLDINGS, CELL_NEXT, CELL_PREVIOUS, CELL_REGISTRY, CELL_TARGET, CELL_TOKEN, EPHEMERON_COUNT,
    EPHEMERON_DELETED, EphemeronTable, REGISTRY_ACTIVE, WEAK_REF_TARGET, ephemeron_capacity, ephemeron_entries,
};
use crate::memory::WORD;
use crate::object::growth::{PRETENURED_TABLE_CAPACITY, hash_table_capacity, hash_table_has_room};
use crate::object::layout;
use crate::object::word::{HOLE, UNDEFINED, address as address_of, is_reference, reference, weak_reference};
use crate::roots::Internal;
use crate::space::pages::YOUNG;

const TABLE: u64 = 3;
const EPHEMERON_LENGTH: u64 = 1;
const EPHEMERON_INITIAL: u64 = 4;
/// So many targets may be kept twice before the list is looked through.
const KEPT_UNSORTED: usize = 64;

/// A queued callback of a FinalizationRegistry.
#[derive(Clone, Copy, Debug)]
pub struct Finalization<'s> {
    /// The registry whose callback is due.
    pub registry: Local<'s, JsFinalizationRegistry>,
    /// The held value of the registration.
    pub holdings: Value<'s>,
}

impl Heap {
    /// The current job (a macrotask and its microtasks) has ended: WeakRef targets that it used may die from now on
    /// (ECMAScript `ClearKeptObjects`).
    pub fn end_job(&mut self) {
        self.mechanism.roots.kept_during_job.clear();
        self.mechanism.roots.internal[Internal::KeptDuringJob as usize] = UNDEFINED;
    }

    /// Runs `body` as a job: in a scope of its own, after which the job ends. Callbacks that are due wait for
    /// [`Self::run_finalizers`], as they wait in JavaScript for a task of their own.
    ///
    /// ```
    /// use gcheap::{Error, Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let registry = heap.job(|scope| {
    ///     let registry = scope.finalization_registry()?;
    ///     let target = scope.object(&[])?;
    ///     scope.register(registry, target.upcast(), 42.into(), None)?;
    ///     scope.global(registry)
    /// })?;
    /// heap.collect_garbage()?;
    /// let mut told = Vec::new();
    /// let ran = heap.run_finalizers(|_, due| {
    ///     told.push(due.holdings.as_smi());
    ///     Ok::<(), Error>(())
    /// })?;
    /// assert_eq!((ran, told), (1, vec![Some(42)]));
    /// # drop(registry);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn job<R>(&mut self, body: impl FnOnce(&mut Scope<'_>) -> R) -> R {
        let result = body(&mut self.scope());
        self.end_job();
        result
    }

    /// Runs the callbacks that wait, oldest first, each in a scope of its own, all in one job; how many ran. Those that
    /// collections meanwhile queue wait for the next call.
    ///
    /// # Errors
    /// What a callback returns ends the job; the callbacks behind it go on waiting (ECMAScript
    /// `CleanupFinalizationRegistry`).
    pub fn run_finalizers<E>(
        &mut self,
        mut callback: impl for<'s> FnMut(&mut Scope<'s>, Finalization<'s>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let due = self.queued_finalizations();
        let mut ran = 0;
        let mut result = Ok(());
        while ran < due && result.is_ok() {
            let mut scope = self.scope();
            // A callback may have ended registrations of others.
            let Some(finalization) = scope.take_finalization() else { break };
            result = callback(&mut scope, finalization);
            ran += 1;
        }
        self.end_job();
        result.map(|()| ran)
    }

    /// Callbacks that wait to run.
    pub fn queued_finalizations(&self) -> usize {
        self.mechanism.roots.finalization_queue.len()
    }

    /// V8 keeps a Set in the heap (src/heap/heap.cc `Heap::KeepDuringJob`). Can collect.
    fn keep_during_job(&mut self, target: Local<'_>) -> Result<(), Error> {
        let word = self.word(target)?;
        if Self::has_identity_hash(self.header(address_of(word)).kind()) {
            return self.add_to_root(Internal::KeptDuringJob, target);
        }
        // A job that reads the same WeakRefs in a loop must not grow the list.
        let kept = &mut self.mechanism.roots.kept_during_job;
        if kept.last() == Some(&word) {
            return Ok(());
        }
        if kept.len() == kept.capacity() && kept.len() >= KEPT_UNSORTED {
            kept.sort_unstable();
            kept.dedup();
            // Where all differ the list doubles, so that the next look comes after as many again.
            let room = kept.len();
            kept.reserve(room);
        }
        kept.push(word);
        Ok(())
    }

    fn ephemeron_index(&mut self, table: u64, key: u64) -> Result<u64, u64> {
        let capacity = ephemeron_capacity(&self.mechanism.spaces.pages.memory, table);
        let mut index = u64::from(self.hash(key)) & (capacity - 1);
        let mut free = None;
        for _ in 0..capacity {
            let slot = 5 + 2 * index;
            let found = self.load(table, slot);
            if found == key {
                return Ok(slot);
            }
            if found == HOLE {
                free.get_or_insert(slot);
            } else if !is_reference(found) {
                return Err(free.unwrap_or(slot));
            }
            index = (index + 1) & (capacity - 1);
        }
        Err(free.unwrap_or(0))
    }

    fn allocate_ephemeron_table(&mut self, capacity: u64, old: bool) -> Result<u64, Error> {
        let header = layout::ephemeron_hash_table(capacity);
        let table = if old { self.allocate_old(header)? } else { self.allocate(header)? };
        let memory = &mut self.mechanism.spaces.pages.memory;
        for index in EPHEMERON_LENGTH..5 {
            memory.set_word(table + index * WORD, 0);
        }
        memory.fill_words(table + 5 * WORD, header.words() - 5, UNDEFINED);
        self.mechanism.weak.ephemeron_tables.push(EphemeronTable { address: table, has_young: false });
        Ok(table)
    }

    /// Writes an entry. No barrier: scavenges look into the tables that hold something young, and mark-compacts settle
    /// ephemerons in their pause.
    fn write_ephemeron(&mut self, table: u64, slot: u64, key: u64, value: u64) {
        self.store_raw(table, slot, key);
        self.store_raw(table, slot + 1, value);
        let young = |word: u64| is_reference(word) && self.mechanism.spaces.pages.flags(word) & YOUNG != 0;
        if (young(key) || young(value))
            && let Some(entry) =
                self.mechanism.weak.ephemeron_tables.iter_mut().rev().find(|entry| entry.address == table)
        {
            entry.has_young = true;
        }
    }

    /// Adds or replaces an entry of a WeakMap: the value lives as long as key and map do. Can collect.
    pub fn weak_map_set(&mut self, map: Local<'_, JsWeakMap>, key: Local<'_>, value: Value<'_>) -> Result<(), Error> {
        let mut table = address_of(self.load(self.typed(map)?, TABLE));
        let key_word = self.word(key)?;
        let value_word = self.value_word(value)?;
        match self.ephemeron_index(table, key_word) {
            Ok(slot) => {
                self.write_ephemeron(table, slot, key_word, value_word);
                return Ok(());
            }
            Err(_) => {
                let count = self.load(table, EPHEMERON_COUNT);
                // V8 `ObjectHashTableBase::Put`: more than a third of the entries are deleted ones.
                if 2 * self.load(table, EPHEMERON_DELETED) > count {
                    self.rehash_ephemerons(table);
                }
                let deleted = self.load(table, EPHEMERON_DELETED);
                let capacity = ephemeron_capacity(&self.mechanism.spaces.pages.memory, table);
                if !hash_table_has_room(capacity, count + 1, deleted) {
                    // V8 `HashTable::EnsureCapacity`: a table of some size that is old has an old successor.
                    let old =
                        capacity > PRETENURED_TABLE_CAPACITY && self.mechanism.spaces.pages.flags(table) & YOUNG == 0;
                    let fresh = self.allocate_ephemeron_table(hash_table_capacity(count + 1), old)?;
                    let owner = self.address(map)?;
                    table = address_of(self.load(owner, TABLE));
                    for (key, value) in self.live_ephemerons(table) {
                        self.add_ephemeron(fresh, key, value);
                    }
                    self.store(owner, TABLE, reference(fresh));
                    table = fresh;
                }
            }
        }
        let (key, value) = (self.word(key)?, self.value_word(value)?);
        self.add_ephemeron(table, key, value);
        Ok(())
    }

    fn live_ephemerons(&self, table: u64) -> Vec<(u64, u64)> {
        let memory = &self.mechanism.spaces.pages.memory;
        ephemeron_entries(table, ephemeron_capacity(memory, table))
            .map(|(key_slot, value_slot)| (memory.word(key_slot), memory.word(value_slot)))
            .filter(|&(key, _)| is_reference(key))
            .collect()
    }

    /// Adds an entry whose key is not there and for which there is room.
    fn add_ephemeron(&mut self, table: u64, key: u64, value: u64) {
        let Err(slot) = self.ephemeron_index(table, key) else { return };
        if self.load(table, slot) == HOLE {
            let deleted = self.load(table, EPHEMERON_DELETED);
            self.store_raw(table, EPHEMERON_DELETED, deleted - 1);
        }
        self.write_ephemeron(table, slot, key, value);
        let count = self.load(table, EPHEMERON_COUNT);
        self.store_raw(table, EPHEMERON_COUNT, count + 1);
    }

    /// Puts the entries of a table anew, so that it has no deleted ones.
    fn rehash_ephemerons(&mut self, table: u64) {
        let entries = self.live_ephemerons(table);
        self.store_raw(table, EPHEMERON_COUNT, 0);
        self.store_raw(table, EPHEMERON_DELETED, 0);
        let words = self.header(table).words();
        self.mechanism.spaces.pages.memory.fill_words(table + 5 * WORD, words - 5, UNDEFINED);
        for (key, value) in entries {
            self.add_ephemeron(table, key, value);
        }
    }

    /// Removes an entry of a WeakMap; whether it was there.
    pub fn weak_map_delete(&mut self, map: Local<'_, JsWeakMap>, key: Local<'_>) -> Result<bool, Error> {
        let table = address_of(self.load(self.typed(map)?, TABLE));
        let key = self.word(key)?;
        let Ok(slot) = self.ephemeron_index(table, key) else { return Ok(false) };
        let address = table + slot * WORD;
        crate::collect::weak::remove_ephemeron(&mut self.mechanism.spaces.pages.memory, table, address, address + WORD);
        Ok(true)
    }

    /// Entries of a WeakMap (what JavaScript does not tell).
    pub fn weak_map_size(&self, map: Local<'_, JsWeakMap>) -> Result<u64, Error> {
        Ok(self.load(address_of(self.load(self.typed(map)?, TABLE)), EPHEMERON_COUNT))
    }

    /// Registers `target` with a registry: after it has died, the callback is queued with `holdings`. What `holdings`
    /// reaches lives as long as the registration: a target among it never dies (JavaScript throws where it is the
    /// target itself, and for a string). Can collect.
    pub fn register(
        &mut self,
        registry: Local<'_, JsFinalizationRegistry>,
        target: Local<'_>,
        holdings: Value<'_>,
        token: Option<Local<'_>>,
    ) -> Result<(), Error> {
        self.typed(registry)?;
        self.word(target)?;
        self.value_word(holdings)?;
        let header = layout::WEAK_CELL;
        let cell =
            if self.profile.objects.weak_cells_are_old { self.allocate_old(header)? } else { self.allocate(header)? };
        let registry_address = self.address(registry)?;
        let token = match token {
            Some(token) => weak_reference(self.address(token)?),
            None => UNDEFINED,
        };
        let (target, holdings) = (weak_reference(self.address(target)?), self.value_word(holdings)?);
        let next = self.load(registry_address, REGISTRY_ACTIVE);
        self.initialize(cell, CELL_REGISTRY, &[reference(registry_address), holdings, target, token, UNDEFINED, next]);
        for index in CELL_NEXT + 1..header.words() {
            self.store_raw(cell, index, 0);
        }
        if is_reference(next) {
            self.store(address_of(next), CELL_PREVIOUS, reference(cell));
        }
        self.store(registry_address, REGISTRY_ACTIVE, reference(cell));
        self.mechanism.weak.weak_cells.push(cell);
        Ok(())
    }

    /// Takes a cell out of its registry's list.
    fn unlink_cell(&mut self, cell: u64) {
        let registry = address_of(self.load(cell, CELL_REGISTRY));
        let (previous, next) = (self.load(cell, CELL_PREVIOUS), self.load(cell, CELL_NEXT));
        if is_reference(next) {
            self.store(address_of(next), CELL_PREVIOUS, previous);
        }
        if is_reference(previous) {
            self.store(address_of(previous), CELL_NEXT, next);
        } else {
            self.store(registry, REGISTRY_ACTIVE, next);
        }
        self.store_raw(cell, CELL_PREVIOUS, UNDEFINED);
        self.store_raw(cell, CELL_NEXT, UNDEFINED);
    }

    /// Ends the registrations made with a token; whether there was one.
    pub fn unregister(&mut self, registry: Local<'_, JsFinalizationRegistry>, token: Local<'_>) -> Result<bool, Error> {
        let registry = self.typed(registry)?;
        let token = self.address(token)?;
        let mut found = false;
        let mut next = self.load(registry, REGISTRY_ACTIVE);
        while is_reference(next) {
            let cell = address_of(next);
            next = self.load(cell, CELL_NEXT);
            let word = self.load(cell, CELL_TOKEN);
            if is_reference(word) && address_of(word) == token {
                self.unlink_cell(cell);
                self.store_raw(cell, CELL_TARGET, UNDEFINED);
                self.mechanism.roots.finalization_queue.retain(|&queued| address_of(queued) != cell);
                found = true;
            }
        }
        Ok(found)
    }
}

impl<'s> Scope<'s> {
    /// `new WeakRef(target)`: keeps the target for the rest of the job. JavaScript throws for a string; here any object
    /// of the heap can be a target. Can collect.
    pub fn weak_ref(&mut self, target: Local<'_>) -> Result<Local<'s, JsWeakRef>, Error> {
        self.word(target)?;
        let weak_ref = self.allocate(layout::JS_WEAK_REF)?;
        let word = self.word(target)?;
        self.initialize(weak_ref, 1, &[UNDEFINED, UNDEFINED, weak_reference(address_of(word))]);
        self.mechanism.weak.weak_refs.push(weak_ref);
        let local = self.push_handle(weak_ref);
        self.keep_during_job(target.upcast())?;
        Ok(local)
    }

    /// `weakRef.deref()`: the target, kept for the rest of the job; `None` once it was collected. Can collect.
    pub fn deref_weak(&mut self, weak_ref: Local<'_, JsWeakRef>) -> Result<Option<Local<'s>>, Error> {
        let word = self.load(self.typed(weak_ref)?, WEAK_REF_TARGET);
        if !is_reference(word) {
            return Ok(None);
        }
        let target = self.push_handle(address_of(word));
        self.keep_during_job(target)?;
        if self.stressed {
            self.stress_handle();
        }
        Ok(Some(target))
    }

    /// `new WeakMap()`. Can collect.
    pub fn weak_map(&mut self) -> Result<Local<'s, JsWeakMap>, Error> {
        let table = self.allocate_ephemeron_table(EPHEMERON_INITIAL, false)?;
        let table: Local<'_> = self.push_handle(table);
        let map = self.allocate(layout::JS_WEAK_MAP)?;
        let table = self.word(table)?;
        self.initialize(map, 1, &[UNDEFINED, UNDEFINED, table]);
        Ok(self.push_handle(map))
    }

    /// The value of a key of a WeakMap.
    pub fn weak_map_get(&mut self, map: Local<'_, JsWeakMap>, key: Local<'_>) -> Result<Option<Value<'s>>, Error> {
        let table = address_of(self.load(self.typed(map)?, TABLE));
        let key = self.word(key)?;
        let found = self.ephemeron_index(table, key).ok();
        Ok(found.map(|slot| {
            let word = self.load(table, slot + 1);
            self.value(word)
        }))
    }

    /// `new FinalizationRegistry(callback)`; the callback is the caller's business. Can collect.
    pub fn finalization_registry(&mut self) -> Result<Local<'s, JsFinalizationRegistry>, Error> {
        let header = layout::JS_FINALIZATION_REGISTRY;
        let registry = self.allocate(header)?;
        for index in 1..=header.tagged() {
            self.store_raw(registry, index, UNDEFINED);
        }
        for index in header.tagged() + 1..header.words() {
            self.store_raw(registry, index, 0);
        }
        Ok(self.push_handle(registry))
    }

    /// The next callback to run, oldest first.
    pub fn take_finalization(&mut self) -> Option<Finalization<'s>> {
        let cell = address_of(self.mechanism.roots.finalization_queue.pop_front()?);
        self.unlink_cell(cell);
        let registry = address_of(self.load(cell, CELL_REGISTRY));
        let registry = self.push_handle(registry);
        let holdings = self.load(cell, CELL_HOLDINGS);
        Some(Finalization { registry, holdings: self.value(holdings) })
    }
}
