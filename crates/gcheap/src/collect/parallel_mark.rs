//! Marking by two threads, with the outcome of one.
//!
//! Both go through the graph from different ends: a thread that has nothing left is given a part of what waits at the other. Each
//! marks in a table of its own and looks at the other's, without atomic read-modify-writes; what both mark at the same moment is found when the
//! tables are joined, and counts once. It may touch what a [`Marker`] may.
//!
//! What holds: a thread says that it is idle only when it has nothing left, and nobody gives away what nobody takes; so once both
//! are idle nothing is left anywhere.

use super::Mechanism;
use super::mark::{Marker, PIECE, Piece, read_of, unpack};
use crate::memory::{Half, MarkView, Worklist};
use crate::object::Header;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Bytes that are read between two looks at whether the other thread is idle.
const STRETCH: u64 = 256 << 10;
/// Looks at the table before the processor is offered to others.
const PATIENCE: u32 = 64;
/// Waiting objects that are looked through for those that have waited longest.
const MOST_SORTED: usize = 4096;

/// What one thread gives the other.
#[derive(Default)]
struct Given {
    waiting: Vec<u32>,
    pieces: Vec<Piece>,
    /// Threads that have nothing left.
    idle: usize,
}

/// What both threads know.
#[derive(Default)]
struct Exchange {
    given: Mutex<Given>,
    /// A thread is idle and nothing was given to it yet.
    wanted: AtomicBool,
    /// Something was given.
    any: AtomicBool,
    finished: AtomicBool,
    /// One of the threads panics: the other must not wait for it.
    abandoned: AtomicBool,
}

/// Tells the other thread of a panic in this one.
struct Watch<'e>(&'e Exchange);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandoned.store(true, Ordering::Relaxed);
        }
    }
}

impl Exchange {
    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What the other thread can do: half of the rest of a long object, or of what waits that which has waited longest.
    fn give(&self, marker: &mut Marker<'_, Half>) {
        let mut given = self.given();
        if let Some(piece) = marker.pieces.pop() {
            let header = Header(marker.view.word(unpack(piece.object)));
            let last = u64::from(piece.last).min(header.tagged()) as u32;
            let middle = piece.first + last.saturating_sub(piece.first) / 2;
            if u64::from(last.saturating_sub(piece.first)) > 2 * PIECE {
                given.pieces.push(Piece { first: middle + 1, last, ..piece });
                marker.pieces.push(Piece { last: middle, ..piece });
            } else {
                marker.pieces.push(piece);
            }
        }
        if given.pieces.is_empty() {
            let newest = std::iter::from_fn(|| marker.waiting.pop()).take(MOST_SORTED);
            let mut newest = newest.collect::<Vec<u32>>();
            let oldest = newest.split_off(newest.len().div_ceil(2));
            newest.into_iter().rev().for_each(|index| marker.waiting.push(index));
            given.waiting.extend(oldest);
        }
        if !given.pieces.is_empty() || !given.waiting.is_empty() {
            self.wanted.store(false, Ordering::Relaxed);
            self.any.store(true, Ordering::Release);
        }
    }

    /// Whether something was given to this thread, which has it now.
    fn take(&self, given: &mut Given, marker: &mut Marker<'_, Half>) -> bool {
        let any = !given.waiting.is_empty() || !given.pieces.is_empty();
        given.waiting.drain(..).for_each(|index| marker.waiting.push(index));
        given.pieces.drain(..).for_each(|piece| marker.pieces.push(piece));
        self.any.store(false, Ordering::Relaxed);
        any
    }

    /// Waits for something to do; false if nothing is left.
    fn wait(&self, marker: &mut Marker<'_, Half>) -> bool {
        {
            let mut given = self.given();
            if self.take(&mut given, marker) {
                return true;
            }
            given.idle += 1;
            if given.idle == 2 {
                self.finished.store(true, Ordering::Release);
                return false;
            }
            self.wanted.store(true, Ordering::Relaxed);
        }
        let mut looks = 0u32;
        loop {
            if self.any.load(Ordering::Acquire) {
                let mut given = self.given();
                if self.take(&mut given, marker) {
                    given.idle -= 1;
                    return true;
                }
            }
            if self.finished.load(Ordering::Acquire) || self.abandoned.load(Ordering::Relaxed) {
                return false;
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(PATIENCE) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// What one thread works through: its worklists and its view of the heap.
struct Part<'p> {
    waiting: &'p mut Worklist<u32>,
    pieces: &'p mut Worklist<Piece>,
    recorded: &'p mut Worklist<u32>,
    view: MarkView<'p, Half>,
}

impl Part<'_> {
    /// Marks until neither thread has anything left; the bytes that this one read.
    fn mark<const CANDIDATES: bool>(self, exchange: &Exchange) -> u64 {
        let _watch = Watch(exchange);
        let mut marker =
            Marker { waiting: self.waiting, pieces: self.pieces, recorded: self.recorded, view: self.view, read: 0 };
        loop {
            if exchange.wanted.load(Ordering::Relaxed) {
                exchange.give(&mut marker);
            }
            if stretch::<CANDIDATES>(&mut marker) && !exchange.wait(&mut marker) {
                return marker.read;
            }
        }
    }
}

#[inline(never)]
fn stretch<const CANDIDATES: bool>(marker: &mut Marker<'_, Half>) -> bool {
    let until = marker.read.saturating_add(STRETCH);
    marker.drain::<CANDIDATES>(until)
}

impl Mechanism {
    /// Visits all that is left with a second thread; false if the system gave none, and nothing was done.
    pub(super) fn drain_in_parallel<const CANDIDATES: bool>(&mut self) -> bool {
        let exchange = &Exchange::default();
        let marking = &mut self.marking;
        let mark = |mine: MarkView<'_, Half>, theirs: MarkView<'_, Half>| {
            let helped = std::thread::scope(|scope| {
                let helper = std::thread::Builder::new().name("marker".into()).spawn_scoped(scope, move || {
                    let (mut waiting, mut pieces, mut recorded) = (Worklist::new(), Worklist::new(), Worklist::new());
                    let part =
                        Part { waiting: &mut waiting, pieces: &mut pieces, recorded: &mut recorded, view: theirs };
                    let read = part.mark::<CANDIDATES>(exchange);
                    (read, std::iter::from_fn(|| recorded.pop()).collect::<Vec<u32>>())
                });
                let helper = helper.ok()?;
                let part = Part {
                    waiting: &mut marking.worklist,
                    pieces: &mut marking.pieces,
                    recorded: &mut marking.recorded,
                    view: mine,
                };
                marking.read_bytes += part.mark::<CANDIDATES>(exchange);
                Some(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            });
            let Some((read, recorded)) = helped else { return false };
            marking.read_bytes += read;
            recorded.into_iter().for_each(|slot| marking.recorded.push(slot));
            true
        };
        let (done, read_twice) = self.spaces.pages.mark_by_two(mark, read_of);
        self.marking.read_bytes -= read_twice;
        done
    }
}
