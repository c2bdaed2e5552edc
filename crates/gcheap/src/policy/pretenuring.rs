//! Where the objects of an allocation site are born.
//!
//! V8 `PretenuringHandler` (src/heap/pretenuring-handler.cc) and `Heap::EvaluateOldSpaceLocalPretenuring` (src/heap/heap.cc).

use crate::event::SiteDecision;
use crate::profile::PretenuringRules;

/// What the decision on a site depends on, at the end of a collection.
///
/// ```
/// use gcheap::{event::SiteDecision, policy::{SiteInputs, decide_site}, profile::NODE_24};
/// let site = SiteInputs { state: SiteDecision::Undecided, created: 4_000, found: 3_900, capacity_reached: false };
/// let verdict = decide_site(&site, &NODE_24.pretenuring).expect("enough mementos");
/// assert_eq!((verdict.decision, verdict.deoptimize), (SiteDecision::MaybeTenure, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteInputs {
    /// Its decision so far.
    pub state: SiteDecision,
    /// Mementos created since the last verdict.
    pub created: u64,
    /// Mementos found behind survivors since then.
    pub found: u64,
    /// The capacity of a semi-space was at or above the threshold during this collection.
    pub capacity_reached: bool,
}

/// The decision on a site; its counters start again in any case.
///
/// ```
/// use gcheap::event::SiteDecision;
/// let verdict = gcheap::policy::SiteVerdict { decision: SiteDecision::Tenure, ratio: 0.9, deoptimize: true };
/// assert!(verdict.ratio > 0.85);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SiteVerdict {
    /// The decision from now on.
    pub decision: SiteDecision,
    /// Found over created, 0 to 1.
    pub ratio: f64,
    /// Code that embeds the site must go.
    pub deoptimize: bool,
}

/// Whether enough mementos of a site were found for a verdict; else what was created and found counts next time too (V8
/// `PretenuringHandler::MergeAllocationSitePretenuringFeedback`).
///
/// ```
/// use gcheap::{policy::enough_mementos, profile::NODE_24};
/// assert!(!enough_mementos(99, &NODE_24.pretenuring) && enough_mementos(100, &NODE_24.pretenuring));
/// ```
pub fn enough_mementos(found: u64, rules: &PretenuringRules) -> bool {
    found >= rules.min_created.max(1)
}

/// The verdict on a site, or `None` when too few mementos were created to tell.
pub fn decide_site(inputs: &SiteInputs, rules: &PretenuringRules) -> Option<SiteVerdict> {
    if inputs.created < rules.min_created.max(1) {
        return None;
    }
    let ratio = inputs.found as f64 / inputs.created as f64;
    let open = matches!(inputs.state, SiteDecision::Undecided | SiteDecision::MaybeTenure);
    let decision = match (open, ratio >= rules.min_ratio) {
        (false, _) => inputs.state,
        (true, false) => SiteDecision::DontTenure,
        (true, true) if inputs.capacity_reached => SiteDecision::Tenure,
        (true, true) => SiteDecision::MaybeTenure,
    };
    Some(SiteVerdict { decision, ratio, deoptimize: open && decision == SiteDecision::Tenure })
}

/// The capacity has just crossed the threshold: the code of every `MaybeTenure` site must go, so that unoptimised code leaves
/// mementos for the next collection.
///
/// ```
/// assert!(gcheap::policy::crossed_pretenuring_threshold(8 << 20, 16 << 20, 16 << 20));
/// assert!(!gcheap::policy::crossed_pretenuring_threshold(16 << 20, 16 << 20, 16 << 20));
/// ```
pub fn crossed_pretenuring_threshold(capacity_before: u64, capacity_now: u64, threshold: u64) -> bool {
    capacity_before < threshold && capacity_now >= threshold
}

/// A full collection left so little that every tenured site is undecided again.
///
/// ```
/// assert!(gcheap::policy::resets_tenured_sites(100 << 20, 4 << 20, &gcheap::profile::NODE_24.pretenuring));
/// ```
pub fn resets_tenured_sites(bytes_before: u64, bytes_after: u64, rules: &PretenuringRules) -> bool {
    bytes_before > 0 && (bytes_after as f64 / bytes_before as f64) < rules.reset_below_survival
}
