//! Worklists of the collectors: chunked stacks in a bump arena.
//!
//! A collector at the limit must not ask malloc for room in small pieces, and must not copy a growing vector while
//! the heap is full. Segments are bumped from an arena, reused within a cycle, and the whole is reset at its end.

use bumpalo::Bump;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Entries of a segment.
const SEGMENT: usize = 2048;

struct Segment<T> {
    previous: Option<NonNull<Segment<T>>>,
    entries: [T; SEGMENT],
}

/// A last-in first-out list of plain values.
pub(crate) struct Worklist<T: Copy + Default> {
    arena: Bump,
    /// The segment on top; its first `length` entries are the newest of the list.
    top: Option<NonNull<Segment<T>>>,
    length: usize,
    /// Full segments under the top.
    below: usize,
    /// Segments emptied in this cycle, for reuse.
    spare: Option<NonNull<Segment<T>>>,
    entries: PhantomData<T>,
}

impl<T: Copy + Default> Default for Worklist<T> {
    fn default() -> Self {
        Worklist::new()
    }
}

impl<T: Copy + Default> Worklist<T> {
    pub(crate) fn new() -> Self {
        Worklist { arena: Bump::new(), top: None, length: 0, below: 0, spare: None, entries: PhantomData }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0 && self.below == 0
    }

    pub(crate) fn len(&self) -> usize {
        if self.top.is_none() { 0 } else { self.below * SEGMENT + self.length }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        if let Some(top) = self.top
            && self.length < SEGMENT
        {
            // SAFETY: `top` was allocated from `arena`, which is not reset while the segment is linked; the index is
            // below SEGMENT; `&mut self` makes the access exclusive.
            unsafe { (*top.as_ptr()).entries[self.length] = value };
            self.length += 1;
            return;
        }
        self.push_segment(value);
    }

    #[cold]
    fn push_segment(&mut self, value: T) {
        let segment = match self.spare {
            Some(spare) => {
                // SAFETY: spare segments live in the same arena and are linked from nowhere else.
                self.spare = unsafe { (*spare.as_ptr()).previous };
                spare
            }
            None => {
                NonNull::from(self.arena.alloc_with(|| Segment { previous: None, entries: [T::default(); SEGMENT] }))
            }
        };
        if self.top.is_some() {
            self.below += 1;
        }
        // SAFETY: the segment is ours alone (fresh, or just unlinked from the spare list).
        unsafe {
            (*segment.as_ptr()).previous = self.top;
            (*segment.as_ptr()).entries[0] = value;
        }
        self.top = Some(segment);
        self.length = 1;
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.length == 0 && !self.drop_segment() {
            return None;
        }
        let top = self.top?;
        self.length -= 1;
        // SAFETY: as in `push`; entries below `length` were written.
        Some(unsafe { (*top.as_ptr()).entries[self.length] })
    }

    /// Unlinks an empty top segment; false when there is nothing below it.
    #[cold]
    fn drop_segment(&mut self) -> bool {
        let Some(top) = self.top else { return false };
        // SAFETY: `top` is a live segment of the arena.
        let Some(previous) = (unsafe { (*top.as_ptr()).previous }) else { return false };
        // SAFETY: `top` becomes the head of the spare list; nothing else points to it afterwards.
        unsafe { (*top.as_ptr()).previous = self.spare };
        self.spare = Some(top);
        self.top = Some(previous);
        self.below -= 1;
        self.length = SEGMENT;
        true
    }

    /// The top of the list in registers, for a loop that does little else than pushing and popping.
    #[inline]
    pub(crate) fn top(&mut self) -> Top<'_, T> {
        let (begin, at) = self.bounds();
        // SAFETY: a segment has SEGMENT entries.
        let end = if self.top.is_some() { unsafe { begin.add(SEGMENT) } } else { begin };
        Top { list: self, begin, at, end }
    }

    /// First entry of the top segment, and the place behind its last.
    fn bounds(&self) -> (*mut T, *mut T) {
        match self.top {
            // SAFETY: `top` is a live segment and `length` is at most SEGMENT.
            Some(top) => unsafe {
                let begin = (&raw mut (*top.as_ptr()).entries).cast::<T>();
                (begin, begin.add(self.length))
            },
            None => (NonNull::dangling().as_ptr(), NonNull::dangling().as_ptr()),
        }
    }

    /// Keeps the entries for which `keep` returns a value, newest first, with that value.
    pub(crate) fn retain_map(&mut self, mut keep: impl FnMut(T) -> Option<T>) {
        let mut kept = Vec::with_capacity(self.len());
        while let Some(value) = self.pop() {
            kept.extend(keep(value));
        }
        for value in kept.into_iter().rev() {
            self.push(value);
        }
    }

    /// Forgets everything and gives the arena back, all but its largest chunk.
    pub(crate) fn reset(&mut self) {
        self.top = None;
        self.spare = None;
        self.length = 0;
        self.below = 0;
        self.arena.reset();
        // A cycle over a wide heap may have needed megabytes; an idle heap must not keep them resident.
        if self.arena.allocated_bytes() > 1 << 20 {
            self.arena = Bump::new();
        }
    }
}

/// The top segment of a [`Worklist`] in registers. What holds: `begin <= at <= end`, all in the top segment (or all the same
/// dangling pointer if there is none); the length of the list is brought up to date when it is left.
pub(crate) struct Top<'w, T: Copy + Default> {
    list: &'w mut Worklist<T>,
    begin: *mut T,
    at: *mut T,
    end: *mut T,
}

impl<T: Copy + Default> Top<'_, T> {
    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        if self.at == self.end {
            (self.begin, self.at, self.end) = Self::overflow(self.list);
        }
        // SAFETY: `at` is below `end` now, in the segment on top, which `list` (borrowed exclusively) owns.
        unsafe {
            *self.at = value;
            self.at = self.at.add(1);
        }
    }

    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.at == self.begin {
            (self.begin, self.at, self.end) = Self::underflow(self.list)?;
        }
        // SAFETY: `at` is above `begin`: the entry below it was written.
        unsafe {
            self.at = self.at.sub(1);
            Some(*self.at)
        }
    }

    /// The top is full, or there is none: a new one on it.
    #[cold]
    #[inline(never)]
    fn overflow(list: &mut Worklist<T>) -> (*mut T, *mut T, *mut T) {
        if list.top.is_some() {
            list.length = SEGMENT;
        }
        list.push_segment(T::default());
        let (begin, _) = list.bounds();
        // SAFETY: a segment has SEGMENT entries.
        (begin, begin, unsafe { begin.add(SEGMENT) })
    }

    /// The top is empty: the full segment below it, if there is one.
    #[cold]
    #[inline(never)]
    fn underflow(list: &mut Worklist<T>) -> Option<(*mut T, *mut T, *mut T)> {
        list.length = 0;
        if !list.drop_segment() {
            return None;
        }
        let (begin, end) = list.bounds();
        Some((begin, end, end))
    }
}

impl<T: Copy + Default> Drop for Top<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: both point into the same segment, or are the same dangling pointer.
        self.list.length = unsafe { self.at.offset_from(self.begin) } as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_popped_in_reverse_across_segments() {
        let mut list = Worklist::new();
        for round in 0..3 {
            for value in 0..10_000u32 {
                list.push(value);
            }
            assert_eq!(list.len(), 10_000);
            for value in (0..10_000u32).rev() {
                assert_eq!(list.pop(), Some(value), "round {round}");
            }
            assert!(list.is_empty() && list.pop().is_none());
        }
        list.reset();
        list.push(1);
        assert_eq!(list.pop(), Some(1));
    }

    #[test]
    fn retain_map_keeps_order_and_drops_the_rest() {
        let mut list = Worklist::new();
        (0..5000u32).for_each(|value| list.push(value));
        list.retain_map(|value| (value % 2 == 0).then_some(value * 10));
        assert_eq!(list.len(), 2500);
        assert_eq!((list.pop(), list.pop()), (Some(49_980), Some(49_960)));
    }
}
