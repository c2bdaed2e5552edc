//! Tagged words.
//!
//! | lowest bits | meaning |
//! |---|---|
//! | `…0`, upper half the value, lower half zero | small integer (Smi), 32 bits, as V8 has it without pointer compression |
//! | `…0`, other | undefined, the hole |
//! | `01` | strong reference: address + 1 |
//! | `11` | weak reference: address + 3 |

/// `undefined`.
pub(crate) const UNDEFINED: u64 = 2;
/// An array slot that was never written.
pub(crate) const HOLE: u64 = 4;
const REFERENCE: u64 = 1;
const WEAK: u64 = 2;

#[inline(always)]
pub(crate) const fn smi(value: i32) -> u64 {
    (value as u32 as u64) << 32
}

#[inline(always)]
pub(crate) const fn as_smi(word: u64) -> Option<i32> {
    if word as u32 == 0 { Some((word >> 32) as i32) } else { None }
}

#[inline(always)]
pub(crate) const fn reference(address: u64) -> u64 {
    address | REFERENCE
}

#[inline(always)]
pub(crate) const fn weak_reference(address: u64) -> u64 {
    address | REFERENCE | WEAK
}

#[inline(always)]
pub(crate) const fn is_reference(word: u64) -> bool {
    word & REFERENCE != 0
}

#[inline(always)]
pub(crate) const fn is_weak(word: u64) -> bool {
    word & 3 == 3
}

/// As [`is_weak`], of a word that is known to be a reference.
#[inline(always)]
pub(crate) const fn is_weak_reference(word: u64) -> bool {
    word & WEAK != 0
}

/// The address in a reference of either strength.
#[inline(always)]
pub(crate) const fn address(word: u64) -> u64 {
    word & !3
}

/// A strong reference to what a reference of either strength refers to.
#[inline(always)]
pub(crate) const fn strong(word: u64) -> u64 {
    word & !WEAK
}

/// The same strength of reference to another place.
#[inline(always)]
pub(crate) const fn moved_to(word: u64, address: u64) -> u64 {
    address | (word & 3)
}
