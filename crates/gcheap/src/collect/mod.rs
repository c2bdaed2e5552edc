//! The collectors: scavenge, mark, evacuate, sweep, weak, verify.
//!
//! Mechanism only. They move, mark and free what they are told to and report bytes; when to run, with which limits
//! and what it costs in time is decided above. They ask malloc for nothing in small pieces: worklists come from
//! bump arenas that are reset when a cycle ends.
//!
//! What holds after every collection, and is checked by [`verify`]: every tagged slot of a live object holds a small
//! value or points at the start of a live object; every slot of an old object that points to a young one is
//! remembered; every byte of a page is object or free; the books of every space agree with a walk over it.

pub(crate) mod array_buffers;
mod background_mark;
pub(crate) mod evacuate;
pub(crate) mod evacuate_by_age;
mod hand_over;
pub(crate) mod mark;
mod parallel_mark;
pub(crate) mod scavenge;
mod update_pointers;
pub(crate) mod verify;
pub(crate) mod weak;

use crate::memory::STORED;
use crate::roots::Roots;
use crate::space::Spaces;
use array_buffers::ArrayBuffers;
use mark::Marking;
use weak::WeakObjects;

pub use verify::VerifyError;

/// Everything that a collector works on.
pub(crate) struct Mechanism {
    pub(crate) spaces: Spaces,
    pub(crate) roots: Roots,
    pub(crate) weak: WeakObjects,
    pub(crate) buffers: ArrayBuffers,
    pub(crate) marking: Marking,
    /// Slots of old objects that a stretch without a collection has stored into; of no meaning between two.
    pub(crate) stored_slots: Box<[u64; STORED]>,
    /// Mementos found behind objects that survived their first scavenge, by site.
    pub(crate) mementos_found: Vec<u32>,
    /// Look for mementos while scavenging.
    pub(crate) count_mementos: bool,
    /// Full collections look for them on pages that become old as a whole too.
    pub(crate) count_mementos_of_promoted_pages: bool,
    /// Full collections promote every young survivor, not only those that have survived before.
    pub(crate) promotes_all: bool,
    /// What is evacuated fills the holes of pages that are swept meanwhile, so many of them for each refill.
    pub(crate) evacuation_sweeps: usize,
    /// Scavenges clear targets of WeakRefs and weak cells too.
    pub(crate) scavenges_clear_weak_refs: bool,
}

impl Mechanism {
    pub(crate) fn new(spaces: Spaces, parallel_marking: bool) -> Self {
        Mechanism {
            spaces,
            roots: Roots::default(),
            weak: WeakObjects::default(),
            buffers: ArrayBuffers::default(),
            marking: Marking { parallel: parallel_marking, ..Marking::default() },
            stored_slots: Box::new([0; STORED]),
            mementos_found: Vec::new(),
            count_mementos: false,
            count_mementos_of_promoted_pages: true,
            promotes_all: true,
            evacuation_sweeps: 0,
            scavenges_clear_weak_refs: false,
        }
    }
}
