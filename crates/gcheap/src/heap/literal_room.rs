//! How much room a literal takes, and in which space.

use super::site::Placement;
use crate::memory::Reservation;
use crate::object::layout::{self, ALLOCATION_MEMENTO};
use std::ops::Add;

/// Words of a literal, header included, at most.
pub(super) const MOST_WORDS: u64 = Reservation::MOST_IN_A_RUN;

/// Bytes in new and in old space. Sums saturate: more than a number can say fits nowhere either.
///
/// ```
/// use gcheap::{LiteralRoom, Placement};
/// let pair = LiteralRoom::of_object(Placement::Young, 2);
/// let both = pair + LiteralRoom::of_array(Placement::Old, 3);
/// assert_eq!((both.young, both.old), (40, 32 + 40));
/// assert_eq!(pair.times_in(LiteralRoom { young: 100, old: 0 }), 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiteralRoom {
    /// Bytes in new space.
    pub young: u64,
    /// Bytes in old space.
    pub old: u64,
}

impl LiteralRoom {
    /// What an object literal of so many fields takes.
    pub fn of_object(placement: Placement, fields: u64) -> LiteralRoom {
        Self::placed(placement, layout::js_object(fields.min(MOST_WORDS)).bytes())
    }

    /// What an array literal of so many elements takes.
    pub fn of_array(placement: Placement, length: u64) -> LiteralRoom {
        let array = Self::placed(placement, layout::JS_ARRAY.bytes());
        let store = if length == 0 { 0 } else { layout::fixed_array(length.min(MOST_WORDS)).bytes() };
        array + if placement == Placement::Old { Self::in_old(store) } else { Self::in_new(store) }
    }

    /// What a boxed double takes.
    pub fn of_number() -> LiteralRoom {
        Self::in_new(layout::HEAP_NUMBER.bytes())
    }

    fn placed(placement: Placement, bytes: u64) -> LiteralRoom {
        match placement {
            Placement::Young => Self::in_new(bytes),
            Placement::YoungWithMemento(_) => Self::in_new(bytes + ALLOCATION_MEMENTO.bytes()),
            Placement::Old => Self::in_old(bytes),
        }
    }

    pub(super) fn in_new(bytes: u64) -> LiteralRoom {
        LiteralRoom { young: bytes, old: 0 }
    }

    pub(super) fn in_old(bytes: u64) -> LiteralRoom {
        LiteralRoom { young: 0, old: bytes }
    }

    /// How many of this size fit.
    pub fn times_in(self, room: LiteralRoom) -> u64 {
        let times = |room: u64, each: u64| room.checked_div(each).unwrap_or(u64::MAX);
        times(room.young, self.young).min(times(room.old, self.old))
    }
}

impl Add for LiteralRoom {
    type Output = LiteralRoom;

    fn add(self, other: LiteralRoom) -> LiteralRoom {
        LiteralRoom { young: self.young.saturating_add(other.young), old: self.old.saturating_add(other.old) }
    }
}
