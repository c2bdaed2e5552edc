//! What the new space of a version does. Plain data: what each number is, and where V8 has it.

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// When the new space is resized (V8 `Heap::ShouldResizeNewSpace` and its callers).
///
/// ```
/// use gcheap::profile::{NODE_20, NODE_24, ResizeMoment};
/// assert_eq!((NODE_20.new_space.resize, NODE_24.new_space.resize), (ResizeMoment::Start, ResizeMoment::End));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum ResizeMoment {
    /// Decided at the start of every collection from the survivors of earlier ones; growth acts at once, shrinking at the end.
    Start,
    /// Decided and done at the end of every collection; its own survivors count.
    End,
    /// Growth is decided and done at the start, shrinking decided and done at the end (10.2 and earlier).
    GrowAtStartShrinkAtEnd,
}

/// What the test for promoting a whole young generation asks room for (V8 `Heap::CanPromoteYoungAndExpandOldGeneration`).
///
/// ```
/// use gcheap::profile::{NODE_22, PromotionRoom};
/// assert_eq!(NODE_22.new_space.promotion_room, PromotionRoom::TargetCapacity);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub enum PromotionRoom {
    /// Usable bytes of the semi-space's pages (11.3).
    UsableCapacity,
    /// The target capacity, whole pages (12.4).
    TargetCapacity,
    /// Usable bytes of the larger of current and target page count (13.6 and later).
    UsableOfLarger,
}

/// Variants of the new space's behaviour (V8 src/heap/new-spaces.cc, src/heap/heap.cc).
///
/// ```
/// assert!(gcheap::profile::NODE_26.new_space.lazy_commit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct NewSpaceRules {
    /// When it is resized.
    pub resize: ResizeMoment,
    /// Pages are committed one by one as allocation reaches them (14.6), not all at once.
    pub lazy_commit: bool,
    /// A full collection swaps the semi-spaces too, keeping their pages (14.6).
    pub full_collection_flips: bool,
    /// It may exceed its capacity while major marking runs (13.6 and later).
    pub expands_during_marking: bool,
    /// A full collection promotes every young survivor (10.2 and later); before, it copied those that had survived nothing yet
    /// within new space, as a scavenge does.
    pub full_collection_promotes_all: bool,
    /// There is a new large-object space (7.8 and later); before, large objects were born old.
    pub has_large_objects: bool,
    /// A scavenge clears WeakRefs and queues finalizers whose targets it finds dead (14.6, `--handle-weak-ref-weakly-in-minor-gc`);
    /// before, it kept all targets alive.
    pub scavenges_clear_weak_refs: bool,
    /// A program that returns to its event loop with new space this full is scavenged by a task, percent of the capacity; 0 where
    /// there is no such task (V8 `ScavengeJob`, from 8.2 on).
    pub task_trigger_percent: u64,
    /// What has to fit before a scavenge is tried.
    pub promotion_room: PromotionRoom,
    /// Below this allocation throughput it shrinks, bytes per ms.
    pub low_throughput: u64,
    /// A page with more live bytes than this share of its usable area is moved whole by a full collection, percent.
    pub page_promotion_percent: u64,
    /// Size of the local buffers that a scavenger task copies into, bytes.
    pub copy_buffer: u64,
    /// A task takes whole buffers only, so what a page has beyond its last whole one stays unused (10.2 and 11.3; V8
    /// `EvacuationAllocator`); later it takes the rest too.
    pub takes_whole_copy_buffers: bool,
    /// What tasks that help leave of them.
    pub copy_buffers_left: CopyBuffersLeft,
    /// Rests of pages of at least this size are kept for later when allocation moves on, bytes.
    pub parked_buffer_min: u64,
}

/// What tasks of a scavenge leave unused of their local buffers, and what stays in new space as fillers until the next one: how
/// much it is on average (a measurement). The last buffer of the task that comes last is given back; so there is nothing where
/// one task does all the work, and the longer a scavenge takes, the more tasks have had a share in it.
///
/// ```
/// let left = gcheap::profile::NODE_22.new_space.copy_buffers_left;
/// assert_eq!(left.bytes(1_000_000, 32 << 10), 6_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct CopyBuffersLeft {
    /// Whatever survives, hundredths of a buffer.
    pub hundredths: u64,
    /// More with what survives, thousandths of its bytes.
    pub survivors_permille: u64,
    /// But no more than so much for that, hundredths of a buffer.
    pub most_hundredths: u64,
}

impl CopyBuffersLeft {
    /// None that counts: what is left is given back.
    pub const NONE: CopyBuffersLeft = CopyBuffersLeft { hundredths: 0, survivors_permille: 0, most_hundredths: 0 };
    /// As measured on Node 22 and 24, where scavenges copied and promoted 0.2 to 24 MB.
    pub const WITH_SURVIVORS: CopyBuffersLeft =
        CopyBuffersLeft { hundredths: 0, survivors_permille: 6, most_hundredths: 120 };

    /// Bytes that a scavenge with so many bytes of survivors, copied and promoted, leaves of buffers of this size.
    pub const fn bytes(self, survived: u64, buffer: u64) -> u64 {
        let (more, most) = (survived * self.survivors_permille / 1000, self.most_hundredths * buffer / 100);
        self.hundredths * buffer / 100 + if more < most { more } else { most }
    }
}
