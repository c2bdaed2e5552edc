//! Whether a heap can be made of a profile: the numbers that the mechanism relies on without asking again.
//!
//! Those of the shipped profiles are V8's. A profile of one's own may have any, and what a page or an object cannot be must not
//! reach the places where addresses are worked out of it.

use super::allocate::SURELY_REGULAR;
use super::error::{Error, ErrorKind};
use super::strings::INITIAL_CACHE_ENTRIES;
use crate::memory::WORD;
use crate::profile::Profile;

/// Sizes of pages, bytes: 64 parts of a page have remembered bits of their own, each of a whole word of bits; and 2^16 pages of the
/// largest size are still more than any heap has.
const PAGES: std::ops::RangeInclusive<u64> = (64 << 10)..=(64 << 20);
/// Words of an array buffer: header, properties, elements, which backing store, its length. A typed array has a word more.
const ARRAY_BUFFER: u64 = 5;
/// More than any version has.
const LARGEST: u64 = 1 << 10;

/// Bytes of a space that are used when a program starts.
const MOST_AT_START: u64 = 1 << 30;
/// Entries of the number-string cache once it is full: more than its first size, and a FixedArray of 16 MiB at most.
const CACHE_ENTRIES: std::ops::RangeInclusive<u64> = 2 * INITIAL_CACHE_ENTRIES..=1 << 20;

/// Elements of an array: with its header, 2 GiB of address space.
const LONGEST: u64 = 1 << 28;

/// # Errors
/// The first number that cannot be.
pub(super) fn check(profile: &Profile) -> Result<(), Error> {
    let (pages, objects) = (&profile.pages, &profile.objects);
    let header_fits = pages.header >= WORD && pages.header <= pages.size / 4 && pages.header.is_multiple_of(WORD);
    let object_of = |words: u64, bytes: u64| (words * WORD..=LARGEST).contains(&bytes) && bytes.is_multiple_of(WORD);
    let start = &profile.baseline;
    let holds_none_or_an_array = |bytes: u64| bytes == 0 || (2 * WORD..=MOST_AT_START).contains(&bytes);
    let old = start.old.used.checked_sub(start.old_garbage);
    let rules = [
        (
            PAGES.contains(&pages.size) && pages.size.is_power_of_two(),
            "pages.size",
            "a power of two from 64 KiB to 64 MiB",
        ),
        (header_fits, "pages.header", "whole words, at most a quarter of a page"),
        (
            pages.max_regular_object >= SURELY_REGULAR
                && pages.header.checked_add(pages.max_regular_object).is_some_and(|end| end <= pages.size),
            "pages.max_regular_object",
            "at least 16 KiB and no more than fits on a page",
        ),
        (pages.os_page.is_power_of_two(), "pages.os_page", "a power of two"),
        (
            object_of(ARRAY_BUFFER, objects.js_array_buffer),
            "objects.js_array_buffer",
            "whole words, from 40 bytes to 1 KiB",
        ),
        (
            object_of(ARRAY_BUFFER + 1, objects.js_typed_array),
            "objects.js_typed_array",
            "whole words, from 48 bytes to 1 KiB",
        ),
        (object_of(0, objects.string_padding), "objects.string_padding", "whole words, at most 1 KiB"),
        (object_of(0, objects.context_padding), "objects.context_padding", "whole words, at most 1 KiB"),
        (
            CACHE_ENTRIES.contains(&objects.number_string_cache_entries)
                && objects.number_string_cache_entries.is_power_of_two(),
            "objects.number_string_cache_entries",
            "a power of two from 512 to 2^20",
        ),
        (objects.max_fixed_array_length <= LONGEST, "objects.max_fixed_array_length", "at most 2^28"),
        (
            (2 * WORD..=pages.max_regular_object).contains(&profile.new_space.copy_buffer)
                && profile.new_space.copy_buffer.is_multiple_of(WORD),
            "new_space.copy_buffer",
            "whole words that fit on a page",
        ),
        (old.is_some(), "baseline.old_garbage", "no more than what is used"),
        (
            [start.old, start.trusted, start.code, start.new].iter().all(|space| space.used <= MOST_AT_START),
            "baseline",
            "spaces of which at most 1 GiB is used",
        ),
        (
            holds_none_or_an_array(start.large_object.used) && holds_none_or_an_array(start.read_only_used),
            "baseline",
            "large and read-only objects of 16 bytes to 1 GiB, or none",
        ),
    ];
    match rules.into_iter().find(|(holds, ..)| !holds) {
        Some((_, number, must)) => Err(ErrorKind::Profile { number, must }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_can_be() {
        for node in [10, 12, 18, 20, 22, 24, 26] {
            check(Profile::for_node(node).unwrap()).unwrap();
        }
    }
}
