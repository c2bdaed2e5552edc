//! What differs between Node versions, as data: one file for each major.
//!
//! A [`Profile`] is a plain constant. It holds V8's numbers, names the variants of V8's rules that this version has, and
//! says in what state a fresh Node process begins. It decides nothing itself: the rules are in
//! [`policy`](crate::policy). It may use the layers below it ([`event`](crate::event), [`time`](crate::time) and the
//! dialects of [`trace`](crate::trace)) and never a mechanism. What always holds: two heaps with the same profile, flags,
//! memory and workload behave the same.
//!
//! All sizes are bytes of Linux x64 without pointer compression (a tagged word has 8 bytes).

mod baseline;
mod collection_rules;
mod growing_rules;
mod limit_rules;
mod new_space_rules;
mod node10;
mod node12;
mod node18;
mod node20;
mod node22;
mod node24;
mod node26;
mod site_rules;

pub use baseline::{Baseline, BaselineSpace, ObjectSizes, UnusedCode};
pub use collection_rules::{
    CollectionRules, EvacuationSweeps, ExternalRules, IneffectiveMoment, IneffectiveRules, MarkingSchedule, SoftLimit,
    ThroughputModel, TracerRules,
};
pub use growing_rules::{GrowingRules, InitialShrinking, RecomputeMoment};
pub use limit_rules::{LargeMemory, LimitBound, LimitRules, PageRules, YoungSize};
pub use new_space_rules::{CopyBuffersLeft, NewSpaceRules, PromotionRoom, ResizeMoment};
pub use node10::NODE_10;
pub use node12::NODE_12;
pub use node18::NODE_18;
pub use node20::NODE_20;
pub use node22::NODE_22;
pub use node24::NODE_24;
pub use node26::NODE_26;
pub use site_rules::{
    FullCollectionsCount, MaglevRules, PretenuringRules, PretenuringThreshold, TieringRules, TurbofanRules,
};

use crate::event::SpaceName;
use crate::time::CostModel;
use crate::trace::Dialect;

#[cfg(feature = "serde")]
use serde::Serialize;

pub(crate) const KIB: u64 = 1 << 10;
pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

/// One Node version: V8's constants, the variants of its rules, and the start of a process.
///
/// ```
/// use gcheap::profile::Profile;
/// let node = Profile::for_node(24).expect("Node 24 is supported");
/// assert_eq!(node.v8_version, "13.6.233.17-node.53");
/// assert_eq!(node.pages.usable(), 262_128);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize))]
pub struct Profile {
    /// Node's major version.
    pub node_major: u32,
    /// Node's full version, without the `v`; the binary whose numbers these are.
    pub node_version: &'static str,
    /// `process.versions.v8` of that binary.
    pub v8_version: &'static str,
    /// How this V8 words its traces and its end.
    pub dialect: Dialect,
    /// Spaces in the order of `v8.getHeapSpaceStatistics()` (V8 src/common/globals.h).
    pub spaces: &'static [SpaceName],
    /// Pages and object sizes that decide where an object goes.
    pub pages: PageRules,
    /// Constants of the heap configuration.
    pub limits: LimitRules,
    /// Variants of the growing policy.
    pub growing: GrowingRules,
    /// Variants of the new space's behaviour.
    pub new_space: NewSpaceRules,
    /// Variants of collector choice and of the way to a fatal error.
    pub collection: CollectionRules,
    /// The rule that kills a process that only collects.
    pub ineffective: IneffectiveRules,
    /// External memory.
    pub external: ExternalRules,
    /// Allocation sites.
    pub pretenuring: PretenuringRules,
    /// V8's compilers.
    pub tiering: TieringRules,
    /// How V8's tracer measures.
    pub tracer: TracerRules,
    /// Sizes of objects that differ between versions.
    pub objects: ObjectSizes,
    /// The state that start-up leaves behind.
    pub baseline: Baseline,
    /// What work costs in virtual time.
    pub cost: CostModel,
}

impl Profile {
    /// The profile of a Node major, or `None` when there is none.
    pub fn for_node(major: u32) -> Option<&'static Profile> {
        PROFILES.iter().copied().find(|profile| profile.node_major == major)
    }

    /// The majors that [`for_node`](Profile::for_node) knows, ascending.
    pub fn supported() -> &'static [u32] {
        &[10, 12, 18, 20, 22, 24, 26]
    }

    /// Every profile, oldest first.
    pub fn all() -> &'static [&'static Profile] {
        &PROFILES
    }
}

static PROFILES: [&Profile; 7] = [&NODE_10, &NODE_12, &NODE_18, &NODE_20, &NODE_22, &NODE_24, &NODE_26];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supported_lists_exactly_the_majors_that_have_a_profile() {
        assert_eq!(Profile::supported(), PROFILES.map(|profile| profile.node_major));
        assert!(Profile::supported().iter().all(|&major| Profile::for_node(major).is_some()));
        assert!(Profile::for_node(23).is_none());
    }

    #[test]
    fn no_space_starts_with_more_objects_than_memory() {
        for profile in Profile::all() {
            let start = &profile.baseline;
            for space in [start.new, start.old, start.code, start.trusted, start.large_object] {
                assert!(space.used <= space.committed, "Node {}", profile.node_major);
                assert_eq!(space.committed % profile.pages.os_page, 0, "Node {}", profile.node_major);
            }
            let large = start.large_object;
            assert!(
                large.used == 0 || large.committed == profile.pages.large_page(large.used),
                "Node {}",
                profile.node_major
            );
            if !profile.objects.number_string_cache_starts_small {
                assert_eq!(large.used, profile.objects.number_string_cache_bytes);
            }
            assert!(start.code_live <= start.code.used && start.old_garbage < start.old.used);
        }
    }

    #[test]
    fn every_space_is_listed_once_and_new_space_is_there() {
        for profile in Profile::all() {
            let mut seen = profile.spaces.to_vec();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), profile.spaces.len());
            assert!(profile.spaces.contains(&SpaceName::New));
        }
    }

    #[test]
    fn the_usable_area_of_a_page_is_what_an_empty_new_space_offers() {
        let usable = PROFILES.map(|profile| profile.pages.usable_of(MIB));
        assert_eq!(usable, [1_031_168, 1_047_456, 1_030_976, 1_030_880, 1_030_912, 1_048_512, 1_048_512]);
    }
}
