//! Pages of the system made present ahead: what the heap will use next is cleared by a thread of its own.
//!
//! The thread has the system do it and reads and writes no memory itself, so it shares nothing with the heap but the queue of
//! what it is to do, which stands behind a lock. The system changes nothing that was ever written there, so no result can depend on how far
//! the thread has come. What holds: it has ended before the address space that it was told of is given back.

use super::backend::populate;
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

/// A range that was committed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: a run is a place and a length; the thread that gets one only tells the system of it.
unsafe impl Send for Run {}

#[derive(Default)]
struct Work {
    waiting: VecDeque<Run>,
    /// What is being made present now.
    current: Option<Run>,
    /// Nothing more will come.
    ended: bool,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    /// Something came, ended, or was done.
    changed: Condvar,
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait<'w>(&self, work: MutexGuard<'w, Work>) -> MutexGuard<'w, Work> {
        self.changed.wait(work).unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Makes present what comes, until nothing more will.
    fn serve(&self) {
        let mut work = self.work();
        while !work.ended {
            work.current = work.waiting.pop_front();
            let Some(run) = work.current else {
                work = self.wait(work);
                continue;
            };
            drop(work);
            populate(run.start, run.bytes);
            work = self.work();
            work.current = None;
            self.changed.notify_all();
        }
    }
}

/// The thread, and what it is to do.
pub(super) struct Prefaulter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Prefaulter {
    /// None if the system gives no thread.
    pub(super) fn start() -> Option<Prefaulter> {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("prefault".into()).spawn(move || own.serve()).ok()?;
        Some(Prefaulter { shared, thread: Some(thread) })
    }

    /// A range will be used soon. It must have been committed, and must not be given back before the prefaulter is dropped.
    pub(super) fn ask(&self, start: NonNull<u8>, bytes: usize) {
        self.shared.work().waiting.push_back(Run { start, bytes });
        self.shared.changed.notify_all();
    }

    /// The range that starts there is about to be used: what has not begun is dropped, what has begun is waited for, lest
    /// the system clear the same page for two threads.
    pub(super) fn settle(&self, start: NonNull<u8>) {
        let mut work = self.shared.work();
        work.waiting.retain(|run| run.start != start);
        while work.current.is_some_and(|run| run.start == start) {
            work = self.shared.wait(work);
        }
    }
}

impl Drop for Prefaulter {
    fn drop(&mut self) {
        self.shared.work().ended = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It does nothing that panics; if it did, it has ended.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::backend::BackendKind;
    use crate::memory::reservation::Reservation;

    #[test]
    fn what_is_made_present_ahead_keeps_what_is_written_and_the_end_waits_for_the_thread() {
        let (page, bytes) = (256 << 10, 64 << 20);
        for kind in [BackendKind::default(), BackendKind::Portable] {
            let mut memory = Reservation::new(kind.make(), bytes, page).unwrap();
            memory.prefault();
            for start in (0..bytes / 2).step_by(page as usize) {
                memory.commit_chunks(start, page).unwrap();
                (start..start + page).step_by(4096).for_each(|address| memory.set_word(address, address + 1));
                memory.reuse_discarded(start, page);
            }
            memory.commit(bytes - (8 << 20), 8 << 20).unwrap();
            assert_eq!(memory.word(bytes - 8), 0);
            assert!((0..bytes / 2).step_by(4096).all(|address| memory.word(address) == address + 1), "{kind:?}");
        }
    }
}
