//! The first word of an object: kind, size and how many of its words are tagged.
//!
//! ```text
//! forwarded    address of the new place                                            …0
//! small        tagged words : 20 | size in words : 20 | type : 16 | kind : 6 |     01
//! large        tagged words : 28 | size in words : 28             | kind : 6 |     11
//! ```
//!
//! Tagged words follow the header directly; what remains up to the size is raw. Only objects of a million words and
//! more take the large form, which has no room for a type.

use super::kind::Kind;
use crate::memory::WORD;

/// A header that is known not to be a forwarding address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header(pub(crate) u64);

const PRESENT: u64 = 1;
const LARGE: u64 = 2;
const KIND_SHIFT: u32 = 2;
const SMALL_LIMIT: u64 = 1 << 20;
/// Tagged words of which most objects have fewer; a power of two.
pub(crate) const USUAL_TAGGED: u64 = 512;
/// An object has fewer words than this (2 GiB).
pub(crate) const MAX_WORDS: u64 = 1 << 28;

impl Header {
    /// A header. `words` counts the header; `tagged` does not.
    #[inline(always)]
    pub(crate) const fn new(kind: Kind, type_id: u16, words: u64, tagged: u64) -> Header {
        debug_assert!(tagged < words && words < MAX_WORDS);
        if words < SMALL_LIMIT {
            Header(tagged << 44 | words << 24 | (type_id as u64) << 8 | (kind as u64) << KIND_SHIFT | PRESENT)
        } else {
            Header(tagged << 36 | words << 8 | (kind as u64) << KIND_SHIFT | LARGE | PRESENT)
        }
    }

    /// A header of the small form, for fewer words than it can say.
    #[inline(always)]
    pub(crate) const fn small(kind: Kind, words: u64, tagged: u64) -> Header {
        debug_assert!(tagged < words && words < SMALL_LIMIT);
        Header(tagged << 44 | words << 24 | (kind as u64) << KIND_SHIFT | PRESENT)
    }

    /// Whether a first word is a header, not a forwarding address.
    #[inline(always)]
    pub(crate) const fn is_present(word: u64) -> bool {
        word & PRESENT != 0
    }

    /// Size in words, header included.
    #[inline(always)]
    pub(crate) const fn words(self) -> u64 {
        if self.0 & LARGE == 0 { (self.0 >> 24) & (SMALL_LIMIT - 1) } else { (self.0 >> 8) & (MAX_WORDS - 1) }
    }

    /// Size in bytes, header included.
    #[inline(always)]
    pub(crate) const fn bytes(self) -> u64 {
        self.words() * WORD
    }

    /// Tagged words after the header.
    #[inline(always)]
    pub(crate) const fn tagged(self) -> u64 {
        if self.0 & LARGE == 0 { self.0 >> 44 } else { self.0 >> 36 }
    }

    /// Whether size and tagged words are in the small form; then [`Self::small_words`] and [`Self::small_tagged`] say them.
    #[inline(always)]
    pub(crate) const fn is_small(self) -> bool {
        self.0 & LARGE == 0
    }

    /// Small form, and less than [`USUAL_TAGGED`] tagged words: all but long arrays.
    #[inline(always)]
    pub(crate) const fn is_usual(self) -> bool {
        self.0 & (LARGE | !(USUAL_TAGGED - 1) << 44) == 0
    }

    /// As [`Self::words`], of a small form.
    #[inline(always)]
    pub(crate) const fn small_words(self) -> u64 {
        (self.0 >> 24) & (SMALL_LIMIT - 1)
    }

    /// As [`Self::tagged`], of a small form.
    #[inline(always)]
    pub(crate) const fn small_tagged(self) -> u64 {
        self.0 >> 44
    }

    #[inline(always)]
    pub(crate) const fn kind_number(self) -> u8 {
        (self.0 >> KIND_SHIFT) as u8 & 63
    }

    /// The kind; [`Kind::Filler`] where the number is not one (a word that is no header).
    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        Kind::from_number(self.kind_number()).unwrap_or(Kind::Filler)
    }

    #[inline(always)]
    pub(crate) const fn is(self, kind: Kind) -> bool {
        self.kind_number() == kind as u8
    }

    /// Whether a small form says that an object has `tagged` words behind its header and nothing else.
    #[inline(always)]
    pub(crate) const fn is_small_of(self, tagged: u64) -> bool {
        debug_assert!(self.is_small());
        self.0 >> 24 == (tagged << 20 | (tagged + 1))
    }

    /// Whether the kind is among these, one bit each by their numbers. Of one kind only it is one comparison with a constant.
    #[inline(always)]
    pub(crate) const fn is_one_of(self, kinds: u64) -> bool {
        if kinds.is_power_of_two() {
            self.kind_number() == kinds.trailing_zeros() as u8
        } else {
            kinds >> self.kind_number() & 1 != 0
        }
    }

    /// The type of a record; 0 for V8's kinds.
    #[inline(always)]
    pub(crate) const fn type_id(self) -> u16 {
        if self.0 & LARGE == 0 { (self.0 >> 8) as u16 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_give_back_what_went_in() {
        for (words, tagged) in [(1, 0), (2, 1), (16_384, 16_383), (1 << 20, 5), ((1 << 28) - 1, (1 << 28) - 2)] {
            let header = Header::new(Kind::FixedArray, 0, words, tagged);
            assert!(Header::is_present(header.0));
            assert_eq!((header.words(), header.tagged(), header.kind()), (words, tagged, Kind::FixedArray));
        }
        assert_eq!(Header::small(Kind::JsObject, 7, 3), Header::new(Kind::JsObject, 0, 7, 3));
        let header = Header::new(Kind::Record, 65_535, (1 << 20) - 1, 3);
        assert_eq!((header.type_id(), header.words(), header.tagged()), (65_535, (1 << 20) - 1, 3));
    }

    #[test]
    fn every_kind_survives_its_number() {
        for number in 0..32 {
            let kind = Kind::from_number(number).unwrap();
            assert_eq!(kind as u8, number);
            assert!(Header::new(kind, 0, 2, 0).is(kind));
        }
        assert_eq!(Kind::from_number(32), None);
    }
}
