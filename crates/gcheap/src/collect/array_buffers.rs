//! Array buffers: real backing stores outside the heap, freed when their objects die.
//!
//! Each JSArrayBuffer with a backing store has an entry on the young or the old list
//! (V8 src/heap/array-buffer-sweeper.h). A scavenge sweeps the young list, a mark-compact both.

use crate::memory::BackingStore;
use crate::mutants::{Mutant, on};

pub(crate) struct ArrayBuffer {
    /// The JSArrayBuffer.
    pub(crate) address: u64,
    /// Accounted bytes.
    pub(crate) bytes: u64,
    pub(crate) store: BackingStore,
}

#[derive(Default)]
pub(crate) struct ArrayBuffers {
    entries: Vec<Option<ArrayBuffer>>,
    free: Vec<u32>,
    young: Vec<u32>,
    old: Vec<u32>,
    /// Bytes held by young buffers.
    pub(crate) young_bytes: u64,
    pub(crate) old_bytes: u64,
}

impl ArrayBuffers {
    pub(crate) fn bytes(&self) -> u64 {
        self.young_bytes + self.old_bytes
    }

    /// Whether an array buffer is young.
    pub(crate) fn has_young(&self) -> bool {
        !self.young.is_empty()
    }

    /// Registers a backing store; its number goes into the object.
    pub(crate) fn insert(&mut self, address: u64, bytes: u64, store: BackingStore, young: bool) -> u32 {
        let entry = Some(ArrayBuffer { address, bytes, store });
        let number = match self.free.pop() {
            Some(number) => {
                self.entries[number as usize] = entry;
                number
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        if young {
            self.young.push(number);
            self.young_bytes += bytes;
        } else {
            self.old.push(number);
            self.old_bytes += bytes;
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&ArrayBuffer> {
        self.entries.get(number as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut ArrayBuffer> {
        self.entries.get_mut(number as usize)?.as_mut()
    }

    fn drop_entry(&mut self, number: u32) {
        self.entries[number as usize] = None;
        self.free.push(number);
    }

    /// After a scavenge. `place` tells where an object is now and whether it is still young; freed bytes are returned.
    pub(crate) fn sweep_young(&mut self, place: impl Fn(u64) -> Option<(u64, bool)>) -> u64 {
        let mut freed = 0;
        for number in std::mem::take(&mut self.young) {
            let Some(entry) = self.entries[number as usize].as_mut() else { continue };
            let bytes = entry.bytes;
            match place(entry.address) {
                Some((address, true)) => {
                    entry.address = address;
                    self.young.push(number);
                }
                Some((address, false)) => {
                    entry.address = address;
                    self.old.push(number);
                    self.young_bytes -= bytes;
                    self.old_bytes += bytes;
                }
                None => {
                    self.young_bytes -= bytes;
                    freed += bytes;
                    self.drop_entry(number);
                }
            }
        }
        freed
    }

    /// After marking: drops the buffers whose objects are not alive; freed bytes are returned.
    pub(crate) fn sweep_all(&mut self, alive: impl Fn(u64) -> bool) -> u64 {
        let mut freed = 0;
        for (list, young) in [(std::mem::take(&mut self.young), true), (std::mem::take(&mut self.old), false)] {
            for number in list {
                let Some(entry) = self.entries[number as usize].as_ref() else { continue };
                let bytes = entry.bytes;
                if alive(entry.address) || on(Mutant::KeepDeadArrayBuffer) {
                    if young { &mut self.young } else { &mut self.old }.push(number);
                } else {
                    freed += bytes;
                    *if young { &mut self.young_bytes } else { &mut self.old_bytes } -= bytes;
                    self.drop_entry(number);
                }
            }
        }
        freed
    }

    /// After evacuation: renames what moved; every survivor is old.
    pub(crate) fn update_all(&mut self, place: impl Fn(u64) -> u64) {
        self.old.append(&mut self.young);
        self.old_bytes += std::mem::take(&mut self.young_bytes);
        for &number in &self.old {
            if let Some(entry) = self.entries[number as usize].as_mut() {
                entry.address = place(entry.address);
            }
        }
    }

    /// After evacuation by age: renames what moved; `young` tells which new places are young.
    pub(crate) fn update_by_age(&mut self, place: impl Fn(u64) -> u64, young: impl Fn(u64) -> bool) {
        let freed = self.sweep_young(|address| {
            let now = place(address);
            Some((now, young(now)))
        });
        debug_assert_eq!(freed, 0);
        for &number in &self.old {
            if let Some(entry) = self.entries[number as usize].as_mut() {
                entry.address = place(entry.address);
            }
        }
    }

    /// Every entry with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &ArrayBuffer)> {
        self.entries.iter().enumerate().filter_map(|(number, entry)| Some((number as u32, entry.as_ref()?)))
    }
}
