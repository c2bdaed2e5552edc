//! Texts in a stretch without a collection: of numbers, and concatenations.
//!
//! What holds is what holds for [`Literals`]: each does what the operation of [`Scope`](super::scope::Scope) with its name does.

use super::error::{Error, ErrorKind};
use super::handle::types::JsString;
use super::literal_room::LiteralRoom;
use super::literals::Literals;
use super::number_text::integer_text;
use super::strings::{
    CHARACTERS, CONS_LENGTH, INITIAL_CACHE_ENTRIES, MIN_INDIRECT_LENGTH, SEQUENTIAL_LENGTH, SHORT, used,
};
use super::tagged::Tagged;
use crate::memory::WORD;
use crate::object::layout;
use crate::object::word;
use crate::object::{Header, Kind};

/// Characters of the longest text of a small integer: `-2147483648`.
const LONGEST_INTEGER: u64 = 11;

/// At most 16 one-byte characters, the first in the lowest byte, and how many they are.
type ShortText = (u128, u64);

impl<'n> Literals<'n, '_, '_> {
    /// The most that the text of a small integer and a concatenation take together ([`Self::number_to_string`],
    /// [`Self::concat`]); `None` while the number-string cache would have to grow.
    #[inline]
    pub fn room_of_text(&self) -> Option<LiteralRoom> {
        if matches!(self.strings.cache, Some((_, entries)) if 2 * entries == 2 * INITIAL_CACHE_ENTRIES) {
            return None;
        }
        let number = layout::one_byte_string(LONGEST_INTEGER).bytes() + self.strings.padding * WORD;
        let both = layout::one_byte_string(MIN_INDIRECT_LENGTH).bytes().max(layout::CONS_STRING.bytes());
        let both = LiteralRoom::in_new(both + self.strings.padding * WORD);
        Some(
            both + if self.strings.numbers_are_old { LiteralRoom::in_old(number) } else { LiteralRoom::in_new(number) },
        )
    }

    /// As [`Scope::number_to_string`](crate::Scope::number_to_string).
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`] for more than there is room for, or where [`Self::room_of_text`] is `None`.
    #[inline]
    pub fn number_to_string(&mut self, number: i32) -> Result<Tagged<'n, JsString>, Error> {
        Ok(self.text_of(number)?.0)
    }

    /// The string of a number, and its text if it had to be made.
    #[inline(always)]
    fn text_of(&mut self, number: i32) -> Result<(Tagged<'n, JsString>, Option<ShortText>), Error> {
        let key = word::smi(number);
        let mut slot = None;
        if let Some((cache, entries)) = self.strings.cache {
            let index = 2 + 2 * (u64::from(number as u32) & (entries - 1));
            let view = &self.no_gc.view;
            if view.element(cache, index) == key {
                return Ok((Tagged::at(view.place(view.element(cache, index + 1))), None));
            }
            if entries == INITIAL_CACHE_ENTRIES {
                return Err(Error::out_of_range(entries, entries));
            }
            slot = Some((cache, index));
        }
        let text = integer_text(number);
        let string = self.short_string(text, self.strings.numbers_are_old)?;
        if let Some((cache, index)) = slot {
            self.no_gc.view.set_element(cache, index, key);
            let flags = self.no_gc.view.flags(cache);
            self.store(cache, flags, index + 1, string.into());
        }
        Ok((string, Some(text)))
    }

    /// [`Self::number_to_string`], and [`Self::concat`] of a string with that.
    ///
    /// # Errors
    /// As these.
    #[inline]
    pub fn concat_number(&mut self, first: Tagged<'n, JsString>, number: i32) -> Result<Tagged<'n, JsString>, Error> {
        let (string, text) = self.text_of(number)?;
        if let Some((end, end_length)) = text {
            let view = &self.no_gc.view;
            let header = Header(view.word(first.place, 0));
            let length = view.word(first.place, SEQUENTIAL_LENGTH) & 0xffff_ffff;
            if header.is(Kind::OneByteString) && length + end_length < MIN_INDIRECT_LENGTH && length <= WORD {
                let start = self.low_text(first, length);
                return self.short_string((end << (8 * length) | start, length + end_length), false);
            }
        }
        self.concat(first, string)
    }

    /// As [`Scope::concat`](crate::Scope::concat), of sequential one-byte strings where the result is short.
    ///
    /// # Errors
    /// [`ErrorKind::IndexOutOfRange`] for more than there is room for; [`ErrorKind::WrongKind`] where one of two strings of less than 13
    /// characters together is of another kind.
    #[inline]
    pub fn concat(
        &mut self,
        first: Tagged<'n, JsString>,
        second: Tagged<'n, JsString>,
    ) -> Result<Tagged<'n, JsString>, Error> {
        let lengths = [self.string_length(first), self.string_length(second)];
        let length = lengths[0] + lengths[1];
        if length < MIN_INDIRECT_LENGTH {
            let (start, end) = (self.short_text(first, lengths[0])?, self.short_text(second, lengths[1])?);
            return self.short_string((end << (8 * lengths[0]) | start, length), false);
        }
        if length > layout::MAX_STRING_LENGTH {
            return Err(ErrorKind::RangeError("Invalid string length").into());
        }
        if lengths.contains(&0) {
            return Ok(if lengths[0] == 0 { second } else { first });
        }
        let header = Header::small(Kind::ConsString, layout::CONS_STRING.words() + self.strings.padding, 2);
        let place = self.no_gc.room(header.bytes())?;
        self.no_gc.view.write_object(place, header.0, 3, |index| [first.word(), second.word(), length][index]);
        Ok(Tagged::at(place))
    }

    #[inline(always)]
    fn string_length(&self, string: Tagged<'n, JsString>) -> u64 {
        let view = &self.no_gc.view;
        let is_indirect = matches!(Header(view.word(string.place, 0)).kind(), Kind::ConsString | Kind::SlicedString);
        view.word(string.place, if is_indirect { CONS_LENGTH } else { SEQUENTIAL_LENGTH }) & 0xffff_ffff
    }

    #[inline(always)]
    fn short_text(&self, string: Tagged<'n, JsString>, length: u64) -> Result<u128, Error> {
        let view = &self.no_gc.view;
        let header = Header(view.word(string.place, 0));
        if length > SHORT || !header.is(Kind::OneByteString) {
            return Err(ErrorKind::WrongKind { expected: "OneByteString", found: header.kind() }.into());
        }
        let high = if length > WORD { view.word(string.place, CHARACTERS + 1) } else { 0 };
        Ok(self.low_text(string, length) | used(0, high, length))
    }

    /// The first eight characters of a sequential one-byte string, or all of a shorter one. No word is read that is not of the
    /// string: behind it the memory may end.
    #[inline(always)]
    pub(super) fn low_text(&self, string: Tagged<'n, JsString>, length: u64) -> u128 {
        let low = if length > 0 { self.no_gc.view.word(string.place, CHARACTERS) } else { 0 };
        used(low, 0, length)
    }

    /// A one-byte string of at most 16 characters, the first in the lowest byte.
    #[inline(always)]
    fn short_string(&mut self, (text, length): ShortText, is_old: bool) -> Result<Tagged<'n, JsString>, Error> {
        let words = length.div_ceil(WORD);
        let header = Header::small(Kind::OneByteString, 2 + words + self.strings.padding, 0);
        let bytes = header.small_words() * WORD;
        let place = if is_old { self.old_room(bytes)? } else { self.no_gc.room(bytes)? };
        let view = &mut self.no_gc.view;
        view.set_word(place, 0, header.0);
        view.set_word(place, SEQUENTIAL_LENGTH, length);
        if words > 0 {
            view.set_word(place, CHARACTERS, text as u64);
        }
        if words > 1 {
            view.set_word(place, CHARACTERS + 1, (text >> 64) as u64);
        }
        Ok(Tagged::at(place))
    }
}
