//! Slots in a stretch without a collection: fields and places of tables, and what the collectors are told of a store.
//!
//! What holds: a store into an old object is noted at once and remembered before anything can collect, with the stretch at the
//! latest, however it ends; a store while marking runs is told to the marker at once.

use super::NoGc;
use crate::heap::error::Error;
use crate::heap::handle::Type;
use crate::heap::handle::types::{Record, Table};
use crate::heap::objects::{STORE_FIRST, STORE_LENGTH};
use crate::heap::table::places_in;
use crate::heap::tagged::{Tagged, TaggedValue};
use crate::heap::typed_record::{Field, RecordLayout, TaggedField};
use crate::memory::{MutatorView, Place, STORED, WORD};
use crate::mutants::{Mutant, on};
use crate::object::word;
use crate::space::pages::YOUNG;

impl<'n> NoGc<'n, '_, '_> {
    /// Stores into a field and tells the collectors.
    #[inline(always)]
    fn store(&mut self, host: Place<'n>, index: u64, value: TaggedValue<'n>) {
        self.view.set_word(host, index, value.to_word());
        self.tell(host, index, value);
    }

    /// Tells the collectors what was stored.
    #[inline(always)]
    fn tell(&mut self, host: Place<'n>, index: u64, value: TaggedValue<'n>) {
        if let TaggedValue::Object(object) = value
            && self.view.flags(host) & self.exempt == 0
        {
            self.barrier(host, host.address() + index * WORD, object);
        }
    }

    #[inline(always)]
    fn barrier(&mut self, host: Place<'n>, slot: u64, value: Tagged<'n>) {
        if self.exempt == 0 {
            // Marking is active.
            let flags = (self.view.flags(host), self.view.flags(value.place));
            self.marking.barrier(self.marks, host.address(), flags.0, slot, (value.word(), flags.1));
            if flags.0 & YOUNG != 0 {
                return;
            }
        }
        if on(Mutant::DropGenerationalBarrier) {
            return;
        }
        if self.count == STORED {
            if !on(Mutant::ForgetFullNotes) {
                remember_stored(&mut self.view, self.stored, STORED);
            }
            self.count = 0;
        }
        self.stored[self.count % STORED] = slot;
        self.count += 1;
    }

    /// Reads a tagged field of a typed record.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for a field that the type does not have.
    #[inline(always)]
    pub fn read<R: RecordLayout, T: TaggedField>(
        &self,
        record: Tagged<'n, R>,
        field: Field<R, T>,
    ) -> Result<TaggedValue<'n>, Error> {
        Ok(self.value(self.view.word(record.place, 1 + field.index()?)))
    }

    /// Writes a tagged field of a typed record.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange) for a field that the type does not have.
    #[inline(always)]
    pub fn write<R: RecordLayout, T: TaggedField>(
        &mut self,
        record: Tagged<'n, R>,
        field: Field<R, T>,
        value: TaggedValue<'n>,
    ) -> Result<(), Error> {
        self.store(record.place, 1 + field.index()?, value);
        Ok(())
    }

    /// Reads a tagged field.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange)
    #[inline(always)]
    pub fn field(&self, record: Tagged<'n, Record>, index: u64) -> Result<TaggedValue<'n>, Error> {
        self.has_field(record, index)?;
        Ok(self.value(self.view.word(record.place, 1 + index)))
    }

    /// Writes a tagged field.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange)
    #[inline(always)]
    pub fn set_field(&mut self, record: Tagged<'n, Record>, index: u64, value: TaggedValue<'n>) -> Result<(), Error> {
        self.has_field(record, index)?;
        self.store(record.place, 1 + index, value);
        Ok(())
    }

    #[inline(always)]
    fn has_field(&self, record: Tagged<'n, Record>, index: u64) -> Result<(), Error> {
        // Records are short: their headers have the small form.
        let length = self.header(record).small_tagged();
        if index < length { Ok(()) } else { Err(Error::out_of_range(index, length)) }
    }

    /// The object in a place of a table, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange)
    #[inline(always)]
    pub fn table_get<T: Type>(&self, table: Tagged<'n, Table<T>>, index: u64) -> Result<Option<Tagged<'n, T>>, Error> {
        self.has_place(table, index)?;
        let word = self.view.element(table.place, STORE_FIRST + index);
        if !word::is_reference(word) {
            return Ok(None);
        }
        let place = self.view.place(word);
        // Whoever asks for an object uses it. A store would wait for its line with all stores behind it.
        self.view.prefetch(place);
        Ok(Some(Tagged::at(place)))
    }

    /// Puts an object, or none, in a place of a table.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`](crate::ErrorKind::IndexOutOfRange)
    #[inline(always)]
    pub fn table_set<T: Type>(
        &mut self,
        table: Tagged<'n, Table<T>>,
        index: u64,
        object: Option<Tagged<'n, T>>,
    ) -> Result<(), Error> {
        self.has_place(table, index)?;
        let (index, value) = (STORE_FIRST + index, object.map_or(TaggedValue::Undefined, TaggedValue::from));
        self.view.set_element(table.place, index, value.to_word());
        self.tell(table.place, index, value);
        Ok(())
    }

    #[inline(always)]
    fn has_place<T: Type>(&self, table: Tagged<'n, Table<T>>, index: u64) -> Result<(), Error> {
        let length = places_in(self.view.word(table.place, STORE_LENGTH));
        if index < length { Ok(()) } else { Err(Error::out_of_range(index, length)) }
    }
}

/// Remembers the slots that hold a reference to a young object now. Inline it would lie between two stores into old objects, and
/// the less lies there the more of their cache misses overlap.
#[inline(always)]
pub(super) fn remember_stored<'n>(view: &mut MutatorView<'n>, stored: &[u64; STORED], count: usize) {
    for &slot in stored.iter().take(count) {
        let slot = view.place(slot);
        let word = view.word(slot, 0);
        if word::is_reference(word) && view.flags(view.place(word)) & YOUNG != 0 {
            view.remember(slot);
        }
    }
}
