//! Boilerplates: things made of literals that are copied, and differ from each other in a number only.
//!
//! What [`Literals`] works out anew for each thing is worked out once, word by word. A copy is a run of words in each space; then
//! what hangs on the number, or on where the copy lies, is put in. What holds: a copy leaves the heap as the operations of
//! [`Literals`] do that the boilerplate was put together of, in the same order. Where that is not certain nothing happens at all, and the caller
//! is told so.

use super::allocate::smi;
use super::error::Error;
use super::handle::types::JsString;
use super::literal_room::MOST_WORDS;
use super::literals::Literals;
use super::number_text::integer_text;
use super::objects::ELEMENTS;
use super::site::Placement;
use super::strings::{CHARACTERS, INITIAL_CACHE_ENTRIES, MIN_INDIRECT_LENGTH, SEQUENTIAL_LENGTH};
use super::tagged::{Tagged, TaggedWord};
use crate::memory::WORD;
use crate::mutants::{Mutant, on};
use crate::object::layout::{self, ALLOCATION_MEMENTO};
use crate::object::word::{self, UNDEFINED, reference};
use crate::object::{Header, Kind};
use std::ops::RangeInclusive;

/// A thing made of literals, to be copied (V8 copies literals from boilerplates too). It is put together as a stack machine would:
/// [`number`](Self::number), [`undefined`](Self::undefined) and [`text`](Self::text) leave a value, [`object`](Self::object) and
/// [`array`](Self::array) take some and leave one; what is left last is the thing. `None`: it is none of those that can be copied.
///
/// ```
/// use gcheap::{Boilerplate, Heap, HeapOptions, Placement};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let kept = scope.array_with_length(Placement::Young, 0)?;
/// scope.array_push(kept, 0.into())?;
/// scope.literals(|literals| {
///     let kept = literals.tagged(kept)?;
///     let mut pair = Boilerplate::new(literals, 0);
///     pair.number(0);
///     pair.number(1);
///     assert!(pair.array(Placement::Young, 2).is_some());
///     for number in 0..3 {
///         if let Some(copy) = literals.copy(&pair, number)? {
///             literals.array_push(kept, copy)?;
///         }
///     }
///     Ok(())
/// })?;
/// assert_eq!(scope.array_length(kept)?, 4);
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Debug)]
pub struct Boilerplate {
    /// The heap that it is for.
    heap: u32,
    /// Words more in a string than the layout says, and where those of numbers are born.
    padding: u64,
    numbers_are_old: bool,
    /// Those in new space, those in old space.
    blocks: [Block; 2],
    /// Words of the old block that refer to the young one.
    remembered: Vec<u32>,
    sites: Vec<u32>,
    text: Option<Text>,
    /// The number that it was put together for, and those for which it is the same.
    number: i32,
    numbers: RangeInclusive<i32>,
    stack: Vec<Item>,
}

/// What lies in one space.
#[derive(Debug, Default)]
struct Block {
    words: Vec<u64>,
    objects: u64,
    /// Words that are the number and so much.
    numbers: Vec<(u32, i32)>,
    /// Words that refer to a place of a block.
    references: Vec<(u32, Place)>,
}

/// A word of a block.
#[derive(Clone, Copy, Debug)]
struct Place {
    is_old: bool,
    at: u32,
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Undefined,
    Number(i32),
    Object(Place),
}

/// A text that ends in the number.
#[derive(Debug)]
struct Text {
    /// The string of the number.
    number: Place,
    /// The whole, in the young block.
    whole: u32,
    /// What it begins with, and the bits that this takes.
    start: u128,
    shift: u64,
    /// It has a second word of characters.
    is_long: bool,
}

impl Boilerplate {
    /// One that nothing was put in yet. With a text it is good for numbers of as many digits as this one has.
    pub fn new(literals: &Literals<'_, '_, '_>, number: i32) -> Boilerplate {
        Boilerplate {
            heap: literals.number,
            padding: literals.strings.padding,
            numbers_are_old: literals.strings.numbers_are_old,
            blocks: Default::default(),
            remembered: Vec::new(),
            sites: Vec::new(),
            text: None,
            number,
            numbers: i32::MIN..=i32::MAX,
            stack: Vec::new(),
        }
    }

    /// The number of the copy and so much.
    pub fn number(&mut self, more: i32) {
        self.stack.push(Item::Number(more));
    }

    /// `undefined`.
    pub fn undefined(&mut self) {
        self.stack.push(Item::Undefined);
    }

    fn begin(&mut self, is_old: bool, header: Header) -> Place {
        let block = &mut self.blocks[usize::from(is_old)];
        let at = block.words.len() as u32;
        block.words.push(header.0);
        block.objects += 1;
        Place { is_old, at }
    }

    fn write(&mut self, is_old: bool, item: Item) {
        let block = &mut self.blocks[usize::from(is_old)];
        let at = block.words.len() as u32;
        block.words.push(UNDEFINED);
        match item {
            Item::Undefined => {}
            Item::Number(more) => block.numbers.push((at, more)),
            Item::Object(place) => {
                block.references.push((at, place));
                if is_old && !place.is_old {
                    self.remembered.push(at);
                }
            }
        }
    }

    fn write_raw(&mut self, is_old: bool, words: &[u64]) {
        self.blocks[usize::from(is_old)].words.extend_from_slice(words);
    }

    fn memento(&mut self, placement: Placement) -> Option<()> {
        if let Placement::YoungWithMemento(site) = placement {
            if site.heap != self.heap {
                return None;
            }
            self.write_raw(false, &[ALLOCATION_MEMENTO.0, u64::from(site.number)]);
            self.sites.push(site.number);
        }
        Some(())
    }

    fn values(&mut self, count: usize) -> Option<Vec<Item>> {
        let first = self.stack.len().checked_sub(count)?;
        (count as u64 <= MOST_WORDS - 12).then(|| self.stack.split_off(first))
    }

    /// As [`Literals::object`], of the last values.
    pub fn object(&mut self, placement: Placement, fields: usize) -> Option<()> {
        let (values, is_old) = (self.values(fields)?, placement == Placement::Old);
        let fields = fields as u64;
        let object = self.begin(is_old, Header::small(Kind::JsObject, 3 + fields, 2 + fields));
        [Item::Undefined; 2].into_iter().chain(values).for_each(|item| self.write(is_old, item));
        self.memento(placement)?;
        self.stack.push(Item::Object(object));
        Some(())
    }

    /// As [`Literals::array`], of the last values.
    pub fn array(&mut self, placement: Placement, length: usize) -> Option<()> {
        let (values, is_old) = (self.values(length)?, placement == Placement::Old);
        let array = self.begin(is_old, layout::JS_ARRAY);
        let length = length as u64;
        self.write_raw(is_old, &[UNDEFINED, UNDEFINED, smi(length)]);
        self.memento(placement)?;
        if length > 0 {
            let store = self.begin(is_old, Header::small(Kind::FixedArray, length + 2, length + 1));
            self.write_raw(is_old, &[smi(length)]);
            values.into_iter().for_each(|item| self.write(is_old, item));
            self.blocks[usize::from(is_old)].references.push((array.at + ELEMENTS as u32, store));
        }
        self.stack.push(Item::Object(array));
        Some(())
    }

    /// As [`Literals::concat_number`], once in a thing, where the number has at most eight digits and the whole is short.
    pub fn text<'n>(&mut self, literals: &Literals<'n, '_, '_>, first: Tagged<'n, JsString>) -> Option<()> {
        let (digits, length) = integer_text(self.number);
        let (start, start_length) = literals.short_one_byte_text(first)?;
        let whole_length = start_length + length;
        let is_first = self.text.is_none() && literals.number == self.heap;
        if !is_first || self.number < 0 || length > WORD || whole_length >= MIN_INDIRECT_LENGTH {
            return None;
        }
        let (first, next) = (10i32.pow(length as u32 - 1), 10i32.pow(length as u32));
        self.numbers = if length == 1 { 0..=9 } else { first..=next - 1 };
        let number = self.string(self.numbers_are_old, length, digits);
        let whole = self.string(false, whole_length, start);
        let (shift, is_long) = (8 * start_length, whole_length > WORD);
        self.text = Some(Text { number, whole: whole.at, start, shift, is_long });
        self.stack.push(Item::Object(whole));
        Some(())
    }

    fn string(&mut self, is_old: bool, length: u64, text: u128) -> Place {
        let words = length.div_ceil(WORD);
        let string = self.begin(is_old, Header::small(Kind::OneByteString, 2 + words + self.padding, 0));
        self.write_raw(is_old, &[length]);
        self.write_raw(is_old, &[text as u64, (text >> 64) as u64][..words as usize]);
        self.write_raw(is_old, &vec![0; self.padding as usize]);
        string
    }

    fn bytes(&self, is_old: bool) -> u64 {
        self.blocks[usize::from(is_old)].words.len() as u64 * WORD
    }
}

impl<'n> Literals<'n, '_, '_> {
    /// Makes a copy for a number; none if there is no room for it, marking runs, the text of the number is at hand, or the
    /// boilerplate is not good for the number.
    ///
    /// # Errors
    /// [`ErrorKind::WrongHeap`](crate::ErrorKind::WrongHeap) for a boilerplate of another heap.
    #[inline]
    pub fn copy(&mut self, of: &Boilerplate, number: i32) -> Result<Option<TaggedWord<'n>>, Error> {
        if of.heap != self.number {
            return Err(Error::wrong_heap());
        }
        let (bytes, room) = ([of.bytes(false), of.bytes(true)], self.room());
        let fits = bytes[0] <= room.young && bytes[1] <= room.old && bytes[0].max(bytes[1]) <= MOST_WORDS * WORD;
        let Some(&value) = of.stack.last() else { return Ok(None) };
        if !fits || self.is_marking() || !of.numbers.contains(&number) {
            return Ok(None);
        }
        let mut cached = None;
        if let (Some(text), Some((cache, entries))) = (&of.text, self.strings.cache) {
            let index = 2 + 2 * (u64::from(number as u32) & (entries - 1));
            if entries == INITIAL_CACHE_ENTRIES || self.no_gc.view.element(cache, index) == word::smi(number) {
                return Ok(None);
            }
            cached = Some((cache, index, text.number));
        }
        let places = [self.no_gc.room(bytes[0])?, self.old_room(bytes[1])?];
        // Both counted one.
        self.no_gc.objects = self.no_gc.objects + of.blocks[0].objects - 1;
        self.old_objects = self.old_objects + of.blocks[1].objects - 1;
        let address = |place: Place| places[usize::from(place.is_old)].address() + u64::from(place.at) * WORD;
        let view = &mut self.no_gc.view;
        for (block, place) in of.blocks.iter().zip(places) {
            view.write_words(place, &block.words);
            for &(at, more) in &block.numbers {
                view.set_word(place, at.into(), word::smi(number.wrapping_add(more)));
            }
            for &(at, to) in &block.references {
                view.set_word(place, at.into(), reference(address(to)));
            }
        }
        if let Some(text) = &of.text {
            let digits = integer_text(number).0;
            let string = view.place(address(text.number));
            view.set_word(string, CHARACTERS, digits as u64);
            let whole = digits << text.shift | text.start;
            let first = u64::from(text.whole) + CHARACTERS;
            view.set_word(places[0], first, whole as u64);
            if text.is_long {
                view.set_word(places[0], first + 1, (whole >> 64) as u64);
            }
        }
        if !on(Mutant::DropGenerationalBarrier) {
            for &at in &of.remembered {
                let slot = view.place(places[1].address() + u64::from(at) * WORD);
                view.remember(slot);
            }
        }
        for &site in &of.sites {
            if let Some(state) = self.sites.get_mut(site as usize) {
                state.count_created();
            }
        }
        if let Some((cache, index, string)) = cached {
            let string: Tagged<'n> = Tagged::at(self.no_gc.view.place(address(string)));
            self.no_gc.view.set_element(cache, index, word::smi(number));
            let flags = self.no_gc.view.flags(cache);
            self.store(cache, flags, index + 1, string.into());
        }
        Ok(Some(match value {
            Item::Undefined => TaggedWord::UNDEFINED,
            Item::Number(more) => number.wrapping_add(more).into(),
            Item::Object(place) => {
                let object: Tagged<'n> = Tagged::at(self.no_gc.view.place(address(place)));
                object.into()
            }
        }))
    }

    /// The characters of a string of at most eight of one byte, and how many they are.
    fn short_one_byte_text(&self, string: Tagged<'n, JsString>) -> Option<(u128, u64)> {
        let view = &self.no_gc.view;
        let length = view.word(string.place, SEQUENTIAL_LENGTH) & 0xffff_ffff;
        let is_short = Header(view.word(string.place, 0)).is(Kind::OneByteString) && length <= WORD;
        is_short.then(|| (self.low_text(string, length), length))
    }
}
