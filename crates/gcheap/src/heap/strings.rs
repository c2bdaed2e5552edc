//! Strings: sequential, cons and sliced, with V8's thresholds; the number-to-string cache.

use super::Heap;
use super::allocate::smi;
use super::error::{Error, ErrorKind};
use super::handle::Local;
use super::handle::types::JsString;
use super::number_text::integer_text;
use super::scope::Scope;
use crate::memory::WORD;
use crate::object::layout::{self, MAX_STRING_LENGTH};
use crate::object::word::{self, UNDEFINED, address as address_of, reference};
use crate::object::{Header, Kind};
use crate::roots::Internal;
use crate::space::pages::YOUNG;

/// Concatenations and substrings below this length are copied (V8 `ConsString::kMinLength`, `SlicedString::kMinLength`).
pub(super) const MIN_INDIRECT_LENGTH: u64 = 13;

const FIRST: u64 = layout::CONS_FIRST;
const SECOND: u64 = layout::CONS_SECOND;
pub(super) const CONS_LENGTH: u64 = 3;
const PARENT: u64 = 1;
const OFFSET: u64 = 2;
pub(super) const SEQUENTIAL_LENGTH: u64 = 1;
pub(super) const CHARACTERS: u64 = 2;
/// Entries of the number-string cache when the isolate is made (V8 `Heap::CreateInitialObjects`).
pub(crate) const INITIAL_CACHE_ENTRIES: u64 = 256;
/// Texts up to this many characters are handled in registers.
pub(super) const SHORT: u64 = 16;

impl Heap {
    /// The header of a string with what this version's strings have more than the layout: it lies behind the characters.
    #[inline(always)]
    fn padded(&self, header: Header) -> Header {
        Header::new(header.kind(), 0, header.words() + self.profile.objects.string_padding / WORD, header.tagged())
    }

    pub(crate) fn raw_string_length(&self, string: u64) -> u64 {
        let index = match self.header(string).kind() {
            Kind::ConsString | Kind::SlicedString => CONS_LENGTH,
            _ => SEQUENTIAL_LENGTH,
        };
        self.load(string, index) & 0xffff_ffff
    }

    /// Length in characters (UTF-16 units).
    pub fn string_length(&self, string: Local<'_, JsString>) -> Result<u64, Error> {
        Ok(self.raw_string_length(self.typed(string)?))
    }

    fn is_two_byte(&self, string: u64) -> bool {
        let mut pending = vec![string];
        while let Some(string) = pending.pop() {
            match self.header(string).kind() {
                Kind::TwoByteString => return true,
                Kind::ConsString => {
                    pending.push(address_of(self.load(string, FIRST)));
                    pending.push(address_of(self.load(string, SECOND)));
                }
                Kind::SlicedString => pending.push(address_of(self.load(string, PARENT))),
                _ => {}
            }
        }
        false
    }

    /// Calls `sink` with the pieces of sequential text that make up a string: address of the sequential string, first
    /// character, number of characters. Iterative: chains of cons strings can be millions long.
    fn for_each_piece(&self, string: u64, mut sink: impl FnMut(&Self, u64, u64, u64)) {
        let mut pending = vec![(string, 0, self.raw_string_length(string))];
        while let Some((string, start, length)) = pending.pop() {
            if length == 0 {
                continue;
            }
            match self.header(string).kind() {
                Kind::ConsString => {
                    let first = address_of(self.load(string, FIRST));
                    let second = address_of(self.load(string, SECOND));
                    let first_length = self.raw_string_length(first);
                    let in_first = first_length.saturating_sub(start).min(length);
                    let second_start = start.saturating_sub(first_length);
                    pending.push((second, second_start, length - in_first));
                    pending.push((first, start, in_first));
                }
                Kind::SlicedString => {
                    let offset = word::as_smi(self.load(string, OFFSET)).unwrap_or(0) as u32 as u64;
                    pending.push((address_of(self.load(string, PARENT)), start + offset, length));
                }
                _ => sink(self, string, start, length),
            }
        }
    }

    fn units(&self, string: u64) -> Vec<u16> {
        let mut units = Vec::with_capacity(self.raw_string_length(string) as usize);
        self.for_each_piece(string, |heap, sequential, start, length| {
            let two_byte = heap.header(sequential).is(Kind::TwoByteString);
            let memory = &heap.mechanism.spaces.pages.memory;
            let text = sequential + CHARACTERS * WORD;
            if two_byte {
                let bytes = memory.slice(text, 2 * (start + length));
                units.extend(
                    bytes[2 * start as usize..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])),
                );
            } else {
                units.extend(memory.slice(text, start + length)[start as usize..].iter().map(|&byte| u16::from(byte)));
            }
        });
        units
    }

    /// The text of a string; lone surrogates become U+FFFD.
    pub fn string_value(&self, string: Local<'_, JsString>) -> Result<String, Error> {
        Ok(String::from_utf16_lossy(&self.units(self.typed(string)?)))
    }

    #[inline]
    fn allocate_one_byte(&mut self, text: &[u8]) -> Result<u64, Error> {
        let header = self.padded(layout::one_byte_string(text.len() as u64));
        let string = self.allocate(header)?;
        self.write_one_byte(string, header, text);
        Ok(string)
    }

    #[inline]
    fn write_one_byte(&mut self, string: u64, header: Header, text: &[u8]) {
        self.store_raw(string, SEQUENTIAL_LENGTH, text.len() as u64);
        if !text.is_empty() {
            self.store_raw(string, header.words() - 1, 0);
            let address = string + CHARACTERS * WORD;
            self.mechanism.spaces.pages.memory.slice_mut(address, text.len() as u64).copy_from_slice(text);
        }
    }

    fn allocate_units(&mut self, units: &[u16]) -> Result<u64, Error> {
        if units.iter().all(|&unit| unit < 256) {
            let bytes: Vec<u8> = units.iter().map(|&unit| unit as u8).collect();
            return self.allocate_one_byte(&bytes);
        }
        let header = self.padded(layout::two_byte_string(units.len() as u64));
        let string = self.allocate(header)?;
        self.store_raw(string, SEQUENTIAL_LENGTH, units.len() as u64);
        self.store_raw(string, header.words() - 1, 0);
        let address = string + CHARACTERS * WORD;
        let bytes = self.mechanism.spaces.pages.memory.slice_mut(address, 2 * units.len() as u64);
        for (pair, unit) in bytes.chunks_exact_mut(2).zip(units) {
            pair.copy_from_slice(&unit.to_le_bytes());
        }
        Ok(string)
    }

    pub(crate) fn string_hash(&self, string: u64) -> u32 {
        // FNV-1a over UTF-16 units, so that equal texts of different representations hash alike.
        let mut hash = 0x811c_9dc5u32;
        for unit in self.units(string) {
            hash = (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193);
        }
        super::collections::mix(hash)
    }

    pub(crate) fn equal_strings(&self, one: u64, two: u64) -> bool {
        self.raw_string_length(one) == self.raw_string_length(two) && self.units(one) == self.units(two)
    }

    /// The characters of a sequential one-byte string of at most 16, the first in the lowest byte.
    #[inline]
    fn short_text(&self, string: u64, length: u64) -> Option<u128> {
        if length > SHORT || !self.header(string).is(Kind::OneByteString) {
            return None;
        }
        // No word is read that is not of the string: behind it the memory may end.
        let low = if length > 0 { self.load(string, CHARACTERS) } else { 0 };
        let high = if length > WORD { self.load(string, CHARACTERS + 1) } else { 0 };
        Some(used(low, high, length))
    }

    /// A one-byte string of at most 16 characters, the first in the lowest byte: two words at most, no copying.
    #[inline]
    fn allocate_short(&mut self, text: u128, length: u64) -> Result<u64, Error> {
        let header = self.padded(layout::one_byte_string(length));
        let string = self.allocate(header)?;
        self.write_short(string, text, length);
        Ok(string)
    }

    /// The string of a number (V8 `Factory::NumberToStringCacheSet`).
    #[inline]
    fn allocate_number_string(&mut self, text: u128, length: u64) -> Result<u64, Error> {
        if !self.profile.objects.number_strings_are_old {
            return self.allocate_short(text, length);
        }
        let string = self.allocate_old(self.padded(layout::one_byte_string(length)))?;
        self.write_short(string, text, length);
        Ok(string)
    }

    /// The number-string cache, and where in it a number with this hash stands: its key, and the string behind it.
    #[inline]
    fn number_string_slot(&self, hash: u32) -> Option<(u64, u64)> {
        let cache = address_of(self.mechanism.roots.internal[Internal::NumberStringCache as usize]);
        if cache == 0 {
            return None;
        }
        let entries = (self.header(cache).words() - 2) / 2;
        Some((cache, 2 + 2 * (u64::from(hash) & (entries - 1))))
    }

    /// V8 `Factory::NumberToStringCacheSet`.
    #[inline]
    fn cache_number_string(&mut self, hash: u32, key: u64, string: u64) {
        let Some((cache, slot)) = self.number_string_slot(hash) else { return };
        if self.header(cache).words() == 2 + 2 * INITIAL_CACHE_ENTRIES {
            // Start-up has filled it so far that the next number collides: that makes the full cache, and is forgotten itself.
            let entries = self.profile.objects.number_string_cache_entries;
            // Without memory for it the small one goes on serving.
            let _ = self.make_number_string_cache(2 * entries);
        } else {
            self.store(cache, slot, key);
            self.store(cache, slot + 1, reference(string));
        }
    }

    #[inline]
    fn write_short(&mut self, string: u64, text: u128, length: u64) {
        self.store_raw(string, SEQUENTIAL_LENGTH, length);
        if length > 0 {
            self.store_raw(string, CHARACTERS, text as u64);
        }
        if length > WORD {
            self.store_raw(string, CHARACTERS + 1, (text >> 64) as u64);
        }
    }
}

impl<'s> Scope<'s> {
    /// A sequential string: one byte a character if all are Latin-1. Can collect.
    pub fn string(&mut self, text: &str) -> Result<Local<'s, JsString>, Error> {
        let address = if text.is_ascii() {
            check_length(text.len() as u64)?;
            self.allocate_one_byte(text.as_bytes())?
        } else {
            let units: Vec<u16> = text.encode_utf16().collect();
            check_length(units.len() as u64)?;
            self.allocate_units(&units)?
        };
        Ok(self.push_handle(address))
    }

    /// A sequential string of `length` characters `x` (one-byte) or `\u{4e2d}` (two-byte). Can collect.
    pub fn string_of_length(&mut self, length: u64, two_byte: bool) -> Result<Local<'s, JsString>, Error> {
        check_length(length)?;
        let header = if two_byte { layout::two_byte_string(length) } else { layout::one_byte_string(length) };
        let header = self.padded(header);
        let string = self.allocate(header)?;
        self.store_raw(string, SEQUENTIAL_LENGTH, length);
        let fill = if two_byte { 0x4e2d_4e2d_4e2d_4e2d } else { 0x7878_7878_7878_7878 };
        let memory = &mut self.mechanism.spaces.pages.memory;
        memory.fill_words(string + CHARACTERS * WORD, header.words() - CHARACTERS, fill);
        Ok(self.push_handle(string))
    }

    /// The text of an integer, from the number-string cache if it is there (V8 `Factory::NumberToString`). Can collect.
    #[inline]
    pub fn number_to_string(&mut self, number: i32) -> Result<Local<'s, JsString>, Error> {
        let key = word::smi(number);
        let slot = self.number_string_slot(number as u32);
        if let Some((cache, slot)) = slot
            && self.load(cache, slot) == key
        {
            let address = address_of(self.load(cache, slot + 1));
            return Ok(self.push_handle(address));
        }
        let (text, length) = integer_text(number);
        let string = self.allocate_number_string(text, length)?;
        if slot.is_some() {
            self.cache_number_string(number as u32, key, string);
        }
        Ok(self.push_handle(string))
    }

    /// The text of a number as JavaScript writes it. That of a double that is no small integer is born old, because the
    /// number-string cache is (V8 `Factory::HeapNumberToString`; measured on Node 10 to 26). Can collect.
    ///
    /// ```
    /// use gcheap::{Heap, HeapOptions};
    /// let mut heap = Heap::new(HeapOptions::for_tests())?;
    /// let mut scope = heap.scope();
    /// for (number, text) in [(0.5, "0.5"), (-3.0, "-3"), (1e21, "1e+21"), (f64::INFINITY, "Infinity")] {
    ///     let string = scope.double_to_string(number)?;
    ///     assert_eq!(scope.string_value(string)?, text);
    /// }
    /// # Ok::<(), gcheap::Error>(())
    /// ```
    pub fn double_to_string(&mut self, number: f64) -> Result<Local<'s, JsString>, Error> {
        if f64::from(number as i32) == number {
            return self.number_to_string(number as i32);
        }
        let bits = number.to_bits();
        let hash = (bits ^ bits >> 32) as u32;
        if let Some((cache, slot)) = self.number_string_slot(hash) {
            let key = self.load(cache, slot);
            if word::is_reference(key) {
                let key = address_of(key);
                if self.header(key).is(Kind::HeapNumber) && self.load(key, 1) == bits {
                    let address = address_of(self.load(cache, slot + 1));
                    return Ok(self.push_handle(address));
                }
            }
        }
        let key = self.heap_number(number)?;
        let text = double_text(number);
        let header = self.padded(layout::one_byte_string(text.len() as u64));
        let string = self.allocate_old(header)?;
        self.write_one_byte(string, header, text.as_bytes());
        let key = self.word(key)?;
        self.cache_number_string(hash, key, string);
        Ok(self.push_handle(string))
    }

    /// `first + second`: copied below 13 characters, a cons string from there on. Can collect.
    #[inline]
    pub fn concat(
        &mut self,
        first: Local<'_, JsString>,
        second: Local<'_, JsString>,
    ) -> Result<Local<'s, JsString>, Error> {
        let (one, two) = (self.typed(first)?, self.typed(second)?);
        let length = self.raw_string_length(one) + self.raw_string_length(two);
        if length < MIN_INDIRECT_LENGTH {
            let first_length = self.raw_string_length(one);
            if let Some(start) = self.short_text(one, first_length)
                && let Some(end) = self.short_text(two, length - first_length)
            {
                let address = self.allocate_short(end << (8 * first_length) | start, length)?;
                return Ok(self.push_handle(address));
            }
            let mut units = self.units(one);
            units.extend(self.units(two));
            let address = self.allocate_units(&units)?;
            return Ok(self.push_handle(address));
        }
        check_length(length)?;
        if self.raw_string_length(one) == 0 || self.raw_string_length(two) == 0 {
            let address = if self.raw_string_length(one) == 0 { two } else { one };
            return Ok(self.push_handle(address));
        }
        let header = self.padded(layout::CONS_STRING);
        let cons = self.allocate(header)?;
        let (one, two) = (self.word(first)?, self.word(second)?);
        self.initialize(cons, FIRST, &[one, two]);
        self.store_raw(cons, CONS_LENGTH, length);
        Ok(self.push_handle(cons))
    }

    /// A substring: copied below 13 characters, a slice that keeps its parent alive from there on. Can collect.
    pub fn substring(
        &mut self,
        string: Local<'_, JsString>,
        start: u64,
        end: u64,
    ) -> Result<Local<'s, JsString>, Error> {
        let address = self.typed(string)?;
        let length = self.raw_string_length(address);
        if start > end || end > length {
            return Err(Error::out_of_range(end.max(start), length));
        }
        if end - start < MIN_INDIRECT_LENGTH {
            let units = self.units(address)[start as usize..end as usize].to_vec();
            let copy = self.allocate_units(&units)?;
            return Ok(self.push_handle(copy));
        }
        // V8 slices flat strings only: a cons string is flattened first, a slice of a slice refers to its parent.
        if self.header(address).is(Kind::ConsString) {
            self.flatten(string)?;
        }
        let header = self.padded(layout::SLICED_STRING);
        let slice = self.allocate(header)?;
        let (mut parent, mut offset) = (self.address(string)?, start);
        if self.header(parent).is(Kind::ConsString) {
            parent = address_of(self.load(parent, FIRST));
        }
        if self.header(parent).is(Kind::SlicedString) {
            offset += word::as_smi(self.load(parent, OFFSET)).unwrap_or(0) as u32 as u64;
            parent = address_of(self.load(parent, PARENT));
        }
        self.initialize(slice, PARENT, &[reference(parent), smi(offset)]);
        self.store_raw(slice, CONS_LENGTH, end - start);
        Ok(self.push_handle(slice))
    }

    /// Turns a cons string into (flat, empty), as reading its characters does (V8 `String::Flatten`). Can collect.
    pub fn flatten(&mut self, string: Local<'_, JsString>) -> Result<(), Error> {
        let address = self.typed(string)?;
        if !self.header(address).is(Kind::ConsString) {
            return Ok(());
        }
        let second = address_of(self.load(address, SECOND));
        if self.raw_string_length(second) == 0 {
            return Ok(());
        }
        let two_byte = self.is_two_byte(address);
        let length = self.raw_string_length(address);
        let header = if two_byte { layout::two_byte_string(length) } else { layout::one_byte_string(length) };
        let header = self.padded(header);
        // What an old cons string becomes is born old (V8 `String::SlowFlatten`).
        let old = self.mechanism.spaces.pages.flags(address) & YOUNG == 0;
        let flat = if old { self.allocate_old(header)? } else { self.allocate(header)? };
        self.store_raw(flat, SEQUENTIAL_LENGTH, length);
        self.store_raw(flat, header.words() - 1, 0);
        let address = self.address(string)?;
        let mut pieces = Vec::new();
        self.for_each_piece(address, |_, sequential, start, length| pieces.push((sequential, start, length)));
        let mut at = 0;
        for (piece, start, count) in pieces {
            let piece_two_byte = self.header(piece).is(Kind::TwoByteString);
            let memory = &mut self.mechanism.spaces.pages.memory;
            let width = if piece_two_byte { 2 } else { 1 };
            let text =
                memory.slice(piece + CHARACTERS * WORD, width * (start + count))[(width * start) as usize..].to_vec();
            let target = flat + CHARACTERS * WORD;
            if two_byte && !piece_two_byte {
                let bytes = memory.slice_mut(target, 2 * (at + count));
                for (pair, byte) in bytes[2 * at as usize..].chunks_exact_mut(2).zip(text) {
                    pair.copy_from_slice(&[byte, 0]);
                }
            } else {
                memory.slice_mut(target, width * (at + count))[(width * at) as usize..].copy_from_slice(&text);
            }
            at += count;
        }
        let flat: Local<'_, JsString> = self.push_handle(flat);
        let empty = self.empty_string()?;
        let (address, flat) = (self.address(string)?, self.word(flat)?);
        self.store(address, FIRST, flat);
        self.store(address, SECOND, reference(empty));
        Ok(())
    }

    /// A string with the text of one that is flat or flattened, as the string table holds it: an old one stays where it is, of another
    /// one a copy is born old, and what was flattened for it refers to that (V8 `StringTable::LookupString`). There is no table here: whoever
    /// keeps such strings looks for equal ones first. Can collect.
    pub(super) fn internalized(&mut self, string: Local<'_, JsString>) -> Result<Local<'s, JsString>, Error> {
        let address = self.address(string)?;
        let is_cons = self.header(address).is(Kind::ConsString);
        let flat = if is_cons { address_of(self.load(address, FIRST)) } else { address };
        let flat: Local<'s, JsString> = self.push_handle(flat);
        let address = self.address(flat)?;
        let is_sliced = self.header(address).is(Kind::SlicedString);
        if !is_sliced && self.mechanism.spaces.pages.flags(address) & YOUNG == 0 {
            return Ok(flat);
        }
        let (length, two_byte) = (self.raw_string_length(address), self.is_two_byte(address));
        let header = if two_byte { layout::two_byte_string(length) } else { layout::one_byte_string(length) };
        let header = self.padded(header);
        let copy = self.allocate_old(header)?;
        let address = self.address(flat)?;
        self.store_raw(copy, SEQUENTIAL_LENGTH, length);
        if is_sliced {
            self.store_raw(copy, header.words() - 1, 0);
            let units = self.units(address);
            let bytes: Vec<u8> = match two_byte {
                true => units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
                false => units.iter().map(|&unit| unit as u8).collect(),
            };
            let memory = &mut self.mechanism.spaces.pages.memory;
            memory.slice_mut(copy + CHARACTERS * WORD, bytes.len() as u64).copy_from_slice(&bytes);
        } else {
            let words = header.words().min(self.header(address).words()) - CHARACTERS;
            let memory = &mut self.mechanism.spaces.pages.memory;
            memory.copy_words(copy + CHARACTERS * WORD, address + CHARACTERS * WORD, words);
        }
        // A scavenge for the copy may have put the flat string in the place of the flattened one.
        let address = self.address(string)?;
        if self.header(address).is(Kind::ConsString) {
            self.store(address, FIRST, reference(copy));
        }
        Ok(self.push_handle(copy))
    }

    /// The one empty string that flattened strings end with (V8 `ReadOnlyRoots::empty_string`), made at its first use.
    fn empty_string(&mut self) -> Result<u64, Error> {
        let known = self.mechanism.roots.internal[Internal::EmptyString as usize];
        if known != 0 {
            return Ok(address_of(known));
        }
        let empty = self.allocate_one_byte(&[])?;
        self.mechanism.roots.internal[Internal::EmptyString as usize] = reference(empty);
        Ok(empty)
    }
}

impl Heap {
    /// Forgets the cached number strings (V8 does at the start of every mark-compact).
    pub(crate) fn flush_number_string_cache(&mut self) {
        let cache = address_of(self.mechanism.roots.internal[Internal::NumberStringCache as usize]);
        if cache != 0 {
            let words = self.header(cache).words();
            self.mechanism.spaces.pages.memory.fill_words(cache + 2 * WORD, words - 2, UNDEFINED);
            self.mechanism.spaces.pages.forget_slots(cache, cache + words * WORD);
        }
    }

    /// Makes the number-string cache: an old FixedArray of two slots an entry.
    pub(crate) fn make_number_string_cache(&mut self, slots: u64) -> Result<(), Error> {
        let header = layout::fixed_array(slots);
        let spaces = &mut self.mechanism.spaces;
        let cache = if header.bytes() > spaces.pages.geometry.max_regular {
            spaces.large.allocate(&mut spaces.pages, header.bytes())?
        } else {
            spaces.old.allocate_in_gc(&mut spaces.pages, header.bytes())?
        };
        let memory = &mut spaces.pages.memory;
        memory.set_word(cache, header.0);
        memory.set_word(cache + WORD, smi(slots));
        memory.fill_words(cache + 2 * WORD, slots, UNDEFINED);
        self.mechanism.roots.internal[Internal::NumberStringCache as usize] = reference(cache);
        Ok(())
    }
}

fn check_length(length: u64) -> Result<(), Error> {
    if length > MAX_STRING_LENGTH { Err(ErrorKind::RangeError("Invalid string length").into()) } else { Ok(()) }
}

/// As `Number.prototype.toString` writes it: the shortest digits that read as the same double, an exponent from 1e21 on and
/// below 1e-6.
fn double_text(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number < 0.0 { "-Infinity" } else { "Infinity" }.to_owned()
    } else if (1e-6..1e21).contains(&size) {
        number.to_string()
    } else {
        let text = format!("{number:e}");
        if size > 1.0 { text.replace('e', "e+") } else { text }
    }
}

/// The characters of a short one-byte string with these words: the padding behind the last one holds anything.
#[inline(always)]
pub(super) fn used(low: u64, high: u64, length: u64) -> u128 {
    let mask = |bytes: u64| if bytes >= WORD { u64::MAX } else { (1 << (8 * bytes)) - 1 };
    u128::from(low & mask(length)) | u128::from(high & mask(length.saturating_sub(WORD))) << 64
}
