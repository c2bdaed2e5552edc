//! What a run came through; a test that saw none of something has not tested it.

use gcheap::event::{Collector, Event, GcReason, Location};

macro_rules! counters {
    ($($name:ident: $words:literal,)*) => {
        /// What a run came through; a test that saw none of something has not tested it.
        ///
        /// ```
        /// let mut total = gcheap_check::Coverage::default();
        /// total.add(&gcheap_check::Coverage { scavenges: 3, ..total });
        /// assert_eq!(total.scavenges, 3);
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Coverage {
            $(#[doc = $words] pub $name: u64,)*
        }

        impl Coverage {
            /// Adds what another run came through.
            pub fn add(&mut self, other: &Coverage) {
                $(self.$name += other.$name;)*
            }

            /// Every counter with its name in words.
            pub fn counters(&self) -> Vec<(&'static str, u64)> {
                vec![$(($words, self.$name),)*]
            }
        }
    };
}

counters! {
    operations: "operations",
    comparisons: "comparisons of heap and model",
    nodes_compared: "objects compared",
    scavenges: "scavenges",
    mark_compacts: "mark-compacts",
    incremental_marks: "mark-compacts with incremental marking",
    marking_starts: "starts of marking",
    steps_by_hand: "steps of marking by hand",
    evacuations_by_hand: "cycles of marking ended by hand",
    pages_swept_by_hand: "pages swept by hand",
    filled_spaces: "spaces filled up",
    interleaved_scavenges: "scavenges during marking",
    evacuated_pages: "evacuated pages",
    promoted_pages: "pages promoted whole",
    lazily_swept: "scavenges during lazy sweeping",
    large_objects: "large objects",
    resizes: "changes of new space's size",
    near_limits: "near-heap-limit callbacks",
    raised_limits: "limits raised by a callback",
    out_of_memory: "out of memory",
    refused_pages: "collections that met a refused page",
    pinned_scavenges: "scavenges that pinned objects",
    aborted_evacuations: "aborted evacuations",
    cleared_weak_refs: "cleared WeakRefs",
    cleared_weak_handles: "cleared weak handles",
    finalizations: "finalization callbacks",
    exact_collections: "full collections compared exactly",
    range_errors: "RangeErrors",
    site_decisions: "decisions on allocation sites",
    custom_operations: "operations of the user",
    stretches: "stretches without a collection",
    literals: "literals by address",
    variables_set: "variables set",
    handed_over: "nurseries handed over whole",
}

/// What the events of a heap tell.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) coverage: Coverage,
    pub(crate) last_was_incremental: bool,
}

impl Seen {
    pub(crate) fn listen(&mut self, event: &Event) {
        let coverage = &mut self.coverage;
        match event {
            Event::Gc(gc) => {
                match gc.collector {
                    Collector::Scavenge => coverage.scavenges += 1,
                    Collector::MarkCompact => coverage.mark_compacts += 1,
                }
                coverage.incremental_marks += u64::from(gc.incremental.is_some());
                coverage.interleaved_scavenges += u64::from(gc.interleaved);
                coverage.lazily_swept += u64::from(gc.sweeping && gc.collector == Collector::Scavenge);
                // A scavenge that frees nothing at all cannot be told from it, but has next to no chance.
                let whole = gc.collector == Collector::Scavenge && gc.reason == GcReason::AllocationFailure;
                coverage.handed_over += u64::from(whole && gc.young_before > 0 && gc.promoted == gc.young_before);
                self.last_was_incremental = gc.incremental.is_some();
            }
            Event::MarkingStarted { .. } => coverage.marking_starts += 1,
            Event::NewSpaceResized { .. } => coverage.resizes += 1,
            Event::NearHeapLimit { .. } => coverage.near_limits += 1,
            Event::AllocationSite { .. } => coverage.site_decisions += 1,
            Event::Fatal(fatal) => {
                coverage.refused_pages += u64::from(fatal.system_refused);
                match fatal.location {
                    Location::ScavengerSemiSpaceCopy => coverage.pinned_scavenges += 1,
                    Location::YoungObjectPromotion => coverage.aborted_evacuations += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}
