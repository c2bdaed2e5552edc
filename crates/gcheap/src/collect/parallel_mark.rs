//! Marking by two threads, with the outcome of one.
//!
//! The address space is striped between the threads. Each marks the objects of its own stripes and sends what it comes upon
//! elsewhere to the other, in batches; so no mark bit needs an atomic operation. It may touch what a [`Marker`] may.
//!
//! What holds: `outstanding` counts the threads that have work and the batches on their way. It only rises where it is
//! above zero, so once it is zero nothing is left anywhere.

use super::Mechanism;
use super::mark::Marker;
use crate::memory::{Half, MarkView, Worklist};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Objects of a batch.
const BATCH: usize = 256;
/// Bytes that are read between two looks at whether the other thread is waiting.
const STRETCH: u64 = 256 << 10;
/// Looks at the inbox before the processor is offered to others.
const PATIENCE: u32 = 64;

/// What was sent to one of the threads.
#[derive(Default)]
struct Inbox {
    /// Objects, and in how many batches they came.
    sent: Mutex<(Vec<u32>, usize)>,
    /// Something was sent.
    any: AtomicBool,
}

/// What both threads know.
struct Exchange {
    inboxes: [Inbox; 2],
    outstanding: AtomicUsize,
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

/// Objects that another marker has to mark.
pub(super) struct Outbox<'e> {
    batch: Vec<u32>,
    to: Option<(&'e Exchange, usize)>,
}

impl<'e> Outbox<'e> {
    /// For a marker that has no other.
    pub(super) fn closed() -> Self {
        Outbox { batch: Vec::new(), to: None }
    }

    fn to(exchange: &'e Exchange, number: usize) -> Self {
        Outbox { batch: Vec::with_capacity(BATCH), to: Some((exchange, number)) }
    }

    #[inline(always)]
    pub(super) fn put(&mut self, index: u32) {
        self.batch.push(index);
        if self.batch.len() >= BATCH {
            Self::send(&mut self.batch, self.to);
        }
    }

    #[inline(never)]
    fn send(batch: &mut Vec<u32>, to: Option<(&Exchange, usize)>) {
        let Some((exchange, number)) = to else { return };
        if batch.is_empty() {
            return;
        }
        exchange.outstanding.fetch_add(1, Ordering::SeqCst);
        let inbox = &exchange.inboxes[number];
        let mut sent = inbox.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        sent.0.append(batch);
        sent.1 += 1;
        inbox.any.store(true, Ordering::Release);
    }
}

impl Exchange {
    /// What was sent to `number`, swapped for an empty list; how many batches it was.
    fn take(&self, number: usize, into: &mut Vec<u32>) -> usize {
        let inbox = &self.inboxes[number];
        if !inbox.any.load(Ordering::Acquire) {
            return 0;
        }
        let mut sent = inbox.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        std::mem::swap(&mut sent.0, into);
        inbox.any.store(false, Ordering::Release);
        std::mem::take(&mut sent.1)
    }
}

/// What one thread works through: its worklists, its half of the heap, its number.
struct Part<'p> {
    waiting: &'p mut Worklist<u32>,
    pieces: &'p mut Worklist<(u32, u32)>,
    recorded: &'p mut Worklist<u32>,
    view: MarkView<'p, Half>,
    number: usize,
}

impl Part<'_> {
    /// Marks until neither thread has anything left; the bytes that this one read. One of the threads begins with work.
    fn mark<const CANDIDATES: bool>(self, exchange: &Exchange, begins: bool) -> u64 {
        let _watch = Watch(exchange);
        let other = 1 - self.number;
        let mut marker = Marker {
            waiting: self.waiting,
            pieces: self.pieces,
            recorded: self.recorded,
            view: self.view,
            away: Outbox::to(exchange, other),
            read: 0,
        };
        let mut received = Vec::new();
        let mut works = begins;
        let mut looks = 0;
        loop {
            let done = !works || stretch::<CANDIDATES>(&mut marker);
            if done || exchange.outstanding.load(Ordering::Relaxed) == 1 {
                Outbox::send(&mut marker.away.batch, marker.away.to);
            }
            let batches = exchange.take(self.number, &mut received);
            if batches > 0 {
                // A batch keeps the count up until it is here; from now on this thread does.
                exchange.outstanding.fetch_sub(batches - usize::from(!works), Ordering::SeqCst);
                works = true;
                looks = 0;
                for index in received.drain(..) {
                    marker.receive(index);
                }
                continue;
            }
            if !done {
                continue;
            }
            if works {
                works = false;
                exchange.outstanding.fetch_sub(1, Ordering::SeqCst);
            }
            if exchange.outstanding.load(Ordering::SeqCst) == 0 || exchange.abandoned.load(Ordering::Relaxed) {
                return marker.read;
            }
            looks += 1;
            if looks % PATIENCE == 0 {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
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
        let exchange = Exchange {
            inboxes: Default::default(),
            outstanding: AtomicUsize::new(1),
            abandoned: AtomicBool::new(false),
        };
        let mut live = self.spaces.pages.no_live_bytes();
        let (mine, theirs) = self.spaces.pages.mark_view().split(&mut live);
        let marking = &mut self.marking;
        let exchange = &exchange;
        let helped = std::thread::scope(|scope| {
            let helper = std::thread::Builder::new().name("marker".into()).spawn_scoped(scope, move || {
                let (mut waiting, mut pieces, mut recorded) = (Worklist::new(), Worklist::new(), Worklist::new());
                let part = Part {
                    waiting: &mut waiting,
                    pieces: &mut pieces,
                    recorded: &mut recorded,
                    view: theirs,
                    number: 1,
                };
                let read = part.mark::<CANDIDATES>(exchange, false);
                (read, std::iter::from_fn(|| recorded.pop()).collect::<Vec<u32>>())
            });
            let helper = helper.ok()?;
            let part = Part {
                waiting: &mut marking.worklist,
                pieces: &mut marking.pieces,
                recorded: &mut marking.recorded,
                view: mine,
                number: 0,
            };
            marking.read_bytes += part.mark::<CANDIDATES>(exchange, true);
            Some(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let Some((read, recorded)) = helped else { return false };
        marking.read_bytes += read;
        recorded.into_iter().for_each(|slot| marking.recorded.push(slot));
        self.spaces.pages.add_live_bytes(&live);
        true
    }
}
