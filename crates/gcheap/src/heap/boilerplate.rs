//! Boilerplates: things made of literals that are copied, and differ from each other in a number only.
//!
//! What [`Literals`] works out anew for each thing is worked out once: each word is a constant and one of a few values that
//! are known when a copy is made, the number say, or the place where the copy lies. What holds: a copy leaves the heap as the
//! operations of [`Literals`] do that the boilerplate was put together of, in the same order. Where that is not certain nothing
//! happens at all, and the caller is told so.

use super::allocate::smi;
use super::error::Error;
use super::handle::types::JsString;
use super::literal_room::MOST_WORDS;
use super::literals::Literals;
use super::number_text::integer_text;
use super::objects::ELEMENTS;
use super::site::Placement;
use super::strings::{INITIAL_CACHE_ENTRIES, MIN_INDIRECT_LENGTH, SEQUENTIAL_LENGTH};
use super::tagged::{Tagged, TaggedWord};
use crate::memory::{Sum, WORD};
use crate::mutants::{Mutant, on};
use crate::object::layout::{self, ALLOCATION_MEMENTO};
use crate::object::word::{self, UNDEFINED, reference};
use crate::object::{Header, Kind};
use std::ops::RangeInclusive;

/// What is added to the constant of a word: nothing;
const NOTHING: u8 = 0;
/// where the copy lies in new space, and in old;
const YOUNG: u8 = 1;
const OLD: u8 = 2;
/// the number as a small integer;
const NUMBER: u8 = 3;
/// its digits; and where they stand in the text that ends in them, of which there may be two words.
const DIGITS: u8 = 4;
const TEXT: u8 = 5;
const MORE_TEXT: u8 = 6;

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
    /// What lies in new space, and in old.
    young: Block,
    old: Block,
    /// Words of the old block that refer to the young one.
    remembered: Vec<u32>,
    sites: Vec<u32>,
    text: Option<Text>,
    /// The number that it was put together for, and those for which it is the same.
    number: i32,
    numbers: RangeInclusive<i32>,
    stack: Vec<Sum>,
}

/// What lies in one space.
#[derive(Debug, Default)]
struct Block {
    words: Vec<Sum>,
    objects: u64,
}

impl Block {
    fn bytes(&self) -> u64 {
        self.words.len() as u64 * WORD
    }

    /// An object begins; where.
    fn begin(&mut self, header: Header) -> u64 {
        let at = self.bytes();
        self.objects += 1;
        self.constants(&[header.0]);
        at
    }

    fn constants(&mut self, words: &[u64]) {
        self.words.extend(words.iter().map(|&word| (word, NOTHING)));
    }
}

/// A text that ends in the number.
#[derive(Debug)]
struct Text {
    /// A reference to the string of the number.
    number: Sum,
    /// Bits that come before the number.
    shift: u64,
}

impl Boilerplate {
    /// One that nothing was put in yet. With a text it is good for numbers of as many digits as this one has.
    pub fn new(literals: &Literals<'_, '_, '_>, number: i32) -> Boilerplate {
        Boilerplate {
            heap: literals.number,
            padding: literals.strings.padding,
            numbers_are_old: literals.strings.numbers_are_old,
            young: Block::default(),
            old: Block::default(),
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
        self.stack.push((word::smi(more), NUMBER));
    }

    /// `undefined`.
    pub fn undefined(&mut self) {
        self.stack.push((UNDEFINED, NOTHING));
    }

    fn block(&mut self, is_old: bool) -> &mut Block {
        if is_old { &mut self.old } else { &mut self.young }
    }

    fn write(&mut self, is_old: bool, values: Vec<Sum>) {
        for value in values {
            if is_old && value.1 == YOUNG {
                self.remembered.push(self.old.words.len() as u32);
            }
            self.block(is_old).words.push(value);
        }
    }

    fn memento(&mut self, placement: Placement) {
        if let Placement::YoungWithMemento(site) = placement {
            self.young.constants(&[ALLOCATION_MEMENTO.0, u64::from(site.number)]);
            self.sites.push(site.number);
        }
    }

    /// The last values, if there are so many and the placement is one of this heap.
    fn values(&mut self, placement: Placement, count: usize) -> Option<Vec<Sum>> {
        if matches!(placement, Placement::YoungWithMemento(site) if site.heap != self.heap) {
            return None;
        }
        let first = self.stack.len().checked_sub(count)?;
        (count as u64 <= MOST_WORDS - 12).then(|| self.stack.split_off(first))
    }

    /// As [`Literals::object`], of the last values.
    pub fn object(&mut self, placement: Placement, fields: usize) -> Option<()> {
        let (values, is_old) = (self.values(placement, fields)?, placement == Placement::Old);
        let fields = fields as u64;
        let block = self.block(is_old);
        let at = block.begin(Header::small(Kind::JsObject, 3 + fields, 2 + fields));
        block.constants(&[UNDEFINED; 2]);
        self.write(is_old, values);
        self.memento(placement);
        self.stack.push(reference_to(is_old, at));
        Some(())
    }

    /// As [`Literals::array`], of the last values.
    pub fn array(&mut self, placement: Placement, length: usize) -> Option<()> {
        let (values, is_old) = (self.values(placement, length)?, placement == Placement::Old);
        let length = length as u64;
        let block = self.block(is_old);
        let at = block.begin(layout::JS_ARRAY);
        block.constants(&[UNDEFINED, UNDEFINED, smi(length)]);
        self.memento(placement);
        if length > 0 {
            let block = self.block(is_old);
            let store = block.begin(Header::small(Kind::FixedArray, length + 2, length + 1));
            block.words[(at / WORD + ELEMENTS) as usize] = reference_to(is_old, store);
            block.constants(&[smi(length)]);
            self.write(is_old, values);
        }
        self.stack.push(reference_to(is_old, at));
        Some(())
    }

    /// As [`Literals::concat_number`], once in a thing, where the number has at most eight digits and the whole is short.
    pub fn text<'n>(&mut self, literals: &Literals<'n, '_, '_>, first: Tagged<'n, JsString>) -> Option<()> {
        let (_, length) = integer_text(self.number);
        let (start, start_length) = literals.short_one_byte_text(first)?;
        let whole_length = start_length + length;
        let is_first = self.text.is_none() && literals.number == self.heap;
        if !is_first || self.number < 0 || length > WORD || whole_length >= MIN_INDIRECT_LENGTH {
            return None;
        }
        let (first, next) = (10i32.pow(length as u32 - 1), 10i32.pow(length as u32));
        self.numbers = if length == 1 { 0..=9 } else { first..=next - 1 };
        let number = self.string(self.numbers_are_old, length, &[(0, DIGITS)]);
        let words = [(start as u64, TEXT), ((start >> 64) as u64, MORE_TEXT)];
        let whole = self.string(false, whole_length, &words[..whole_length.div_ceil(WORD) as usize]);
        self.text = Some(Text { number, shift: 8 * start_length });
        self.stack.push(whole);
        Some(())
    }

    fn string(&mut self, is_old: bool, length: u64, text: &[Sum]) -> Sum {
        let padding = self.padding;
        let block = self.block(is_old);
        let at = block.begin(Header::small(Kind::OneByteString, 2 + text.len() as u64 + padding, 0));
        block.constants(&[length]);
        block.words.extend_from_slice(text);
        (0..padding).for_each(|_| block.constants(&[0]));
        reference_to(is_old, at)
    }
}

fn reference_to(is_old: bool, at: u64) -> Sum {
    (reference(at), if is_old { OLD } else { YOUNG })
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
        let (young_bytes, old_bytes, room) = (of.young.bytes(), of.old.bytes(), self.room());
        let fits = young_bytes <= room.young && old_bytes <= room.old;
        let Some(&value) = of.stack.last() else { return Ok(None) };
        let is_good = young_bytes.max(old_bytes) <= MOST_WORDS * WORD && of.numbers.contains(&number);
        if !fits || !is_good || self.is_marking() {
            return Ok(None);
        }
        let mut bases = [0; 8];
        bases[usize::from(NUMBER)] = word::smi(number);
        let mut cached = None;
        if let Some(text) = &of.text {
            if let Some((cache, entries)) = self.strings.cache {
                let index = 2 + 2 * (u64::from(number as u32) & (entries - 1));
                if entries == INITIAL_CACHE_ENTRIES || self.no_gc.view.element(cache, index) == word::smi(number) {
                    return Ok(None);
                }
                cached = Some((cache, index, text.number));
            }
            let digits = integer_text(number).0;
            bases[usize::from(DIGITS)] = digits as u64;
            bases[usize::from(TEXT)] = (digits << text.shift) as u64;
            bases[usize::from(MORE_TEXT)] = ((digits << text.shift) >> 64) as u64;
        }
        let (young, old) = (self.no_gc.room(young_bytes)?, self.old_room(old_bytes)?);
        // Both have counted one.
        self.no_gc.objects = self.no_gc.objects + of.young.objects - 1;
        self.old_objects = self.old_objects + of.old.objects - 1;
        (bases[usize::from(YOUNG)], bases[usize::from(OLD)]) = (young.address(), old.address());
        let view = &mut self.no_gc.view;
        view.write_sums(young, &of.young.words, &bases);
        view.write_sums(old, &of.old.words, &bases);
        if !on(Mutant::DropGenerationalBarrier) {
            for &at in &of.remembered {
                let slot = view.place(old.address() + u64::from(at) * WORD);
                view.remember(slot);
            }
        }
        for &site in &of.sites {
            if let Some(state) = self.sites.get_mut(site as usize) {
                state.count_created();
            }
        }
        let object = |(at, base): Sum| at + bases[usize::from(base % 8)];
        if let Some((cache, index, string)) = cached {
            let string: Tagged<'n> = Tagged::at(self.no_gc.view.place(object(string)));
            self.no_gc.view.set_element(cache, index, word::smi(number));
            let flags = self.no_gc.view.flags(cache);
            self.store(cache, flags, index + 1, string.into());
        }
        Ok(Some(match value {
            (_, NOTHING) => TaggedWord::UNDEFINED,
            (more, NUMBER) => number.wrapping_add((more >> 32) as i32).into(),
            at => {
                let object: Tagged<'n> = Tagged::at(self.no_gc.view.place(object(at)));
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
