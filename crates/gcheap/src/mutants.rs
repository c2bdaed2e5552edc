//! Faults on purpose in the mechanism, to see whether verifier and oracle notice them.
//!
//! Each fault is one condition at the place that it breaks. Without the feature `mutants` the condition is the constant
//! `false` and nothing of it is compiled; with it, the fault that [`with`] names is switched on for the calling thread.
//! A heap with a fault stays memory-safe, but its promises are broken: that is the point.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A young reference stored into an old object is not remembered.
    DropGenerationalBarrier,
    /// What is stored into a marked object is not marked, nor recorded for evacuation.
    DropMarkingBarrier,
    /// Collectors do not see the first handle of the stack.
    SkipHandle,
    /// Collectors do not see the first two roots that are not on the stack.
    SkipGlobals,
    /// Marking looks at ephemerons only once.
    ForgetEphemeronRound,
    /// Scavenges look at ephemerons only once.
    ForgetYoungEphemeronRound,
    /// A page that is nearly empty is released as if it were empty.
    ReleasePageEarly,
    /// The first recorded slot is not updated after evacuation.
    MissSlotInEvacuation,
    /// Objects that were copied by a full collection keep their old references.
    MissFreshRunInEvacuation,
    /// The marker counts a word too many for each object it visits.
    WrongLiveBytes,
    /// The list of weak cells is not renamed when cells move.
    ForgetWeakCell,
    /// The slots of a promoted object that point to young objects are not remembered.
    LoseSlotAtPromotion,
    /// The sweeper takes the last word of an object for free memory.
    FreeListOverlap,
    /// A root keeps the old address of an object that a scavenge has moved.
    ForgetForwardedRoot,
    /// A full collection frees no backing store.
    KeepDeadArrayBuffer,
    /// The sweeper does not see the first object of a page.
    SweepMarkedObject,
    /// A shortened array leaves a filler that is a word too short.
    WrongTrim,
    /// Full collections clear the targets of WeakRefs that are alive.
    ClearLiveWeakRef,
    /// A dead target queues no callback.
    LoseFinalization,
    /// Released pages stay counted as mapped.
    LeakMappedBytes,
    /// Objects born in old space while marking runs are marked, but not counted as alive.
    UncountedBlackAllocation,
    /// Slots of promoted objects that point to pages chosen for evacuation are not recorded.
    LoseCandidateAtPromotion,
    /// Scavenges forget that a table holds young entries.
    ForgetYoungTable,
    /// A handed-over page keeps the references of its objects as they were.
    MissPromotedPage,
    /// A young large object that died is kept and its pages with it.
    KeepDeadLargeObject,
    /// The slots that a stretch without a collection has noted are not remembered when it ends.
    ForgetNotedSlots,
    /// They are not when there is no room for more of them.
    ForgetFullNotes,
    /// The slots of a promoted object are not visited.
    SkipPromotedVisit,
    /// The unused end of a nursery page that is handed over stays as it is.
    KeepRestOfNursery,
}

impl Mutant {
    /// Every fault.
    #[cfg(feature = "mutants")]
    pub const ALL: [Mutant; 29] = [
        Mutant::DropGenerationalBarrier,
        Mutant::DropMarkingBarrier,
        Mutant::SkipHandle,
        Mutant::SkipGlobals,
        Mutant::ForgetEphemeronRound,
        Mutant::ForgetYoungEphemeronRound,
        Mutant::ReleasePageEarly,
        Mutant::MissSlotInEvacuation,
        Mutant::MissFreshRunInEvacuation,
        Mutant::WrongLiveBytes,
        Mutant::ForgetWeakCell,
        Mutant::LoseSlotAtPromotion,
        Mutant::FreeListOverlap,
        Mutant::ForgetForwardedRoot,
        Mutant::KeepDeadArrayBuffer,
        Mutant::SweepMarkedObject,
        Mutant::WrongTrim,
        Mutant::ClearLiveWeakRef,
        Mutant::LoseFinalization,
        Mutant::LeakMappedBytes,
        Mutant::UncountedBlackAllocation,
        Mutant::LoseCandidateAtPromotion,
        Mutant::ForgetYoungTable,
        Mutant::MissPromotedPage,
        Mutant::KeepDeadLargeObject,
        Mutant::ForgetNotedSlots,
        Mutant::ForgetFullNotes,
        Mutant::SkipPromotedVisit,
        Mutant::KeepRestOfNursery,
    ];
}

#[cfg(feature = "mutants")]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Runs `body` with a fault in every heap that this thread uses meanwhile.
///
/// ```
/// use gcheap::mutants::{Mutant, with};
/// use gcheap::{GcKind, Heap, HeapOptions};
/// let noticed = with(Mutant::ForgetForwardedRoot, || {
///     let mut heap = Heap::new(HeapOptions::for_tests())?;
///     let mut scope = heap.scope();
///     scope.object(&[1.into()])?;
///     scope.collect(GcKind::Minor)
/// });
/// assert!(noticed.is_err_and(|error| matches!(error.kind(), gcheap::ErrorKind::Verify(_))));
/// ```
#[cfg(feature = "mutants")]
pub fn with<T>(mutant: Mutant, body: impl FnOnce() -> T) -> T {
    struct Off(Option<Mutant>);
    impl Drop for Off {
        fn drop(&mut self) {
            ACTIVE.set(self.0);
        }
    }
    let _off = Off(ACTIVE.replace(Some(mutant)));
    body()
}

/// Whether a fault is switched on.
#[cfg(feature = "mutants")]
#[inline]
pub(crate) fn on(mutant: Mutant) -> bool {
    ACTIVE.get() == Some(mutant)
}

/// Whether a fault is switched on: never.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}
