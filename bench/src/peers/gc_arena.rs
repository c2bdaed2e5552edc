//! The workloads on gc-arena: incremental mark and sweep, collected between mutations.
//!
//! The arena is asked to collect its debt once a tree or 1,000 objects, as it is meant to be used.

mod simple;
mod splay;

use crate::measure::{Outcome, time_collections};
use crate::workload::{Scale, Workload};
use gc_arena::{Arena, Rootable};

/// Objects between two calls of the collector.
const BATCH: u32 = 1000;

/// Runs a workload.
pub fn run(workload: Workload, scale: Scale) -> Outcome {
    match workload {
        Workload::Bt16 | Workload::Bt18 => simple::trees(scale).into(),
        Workload::Churn => simple::churn(scale).into(),
        Workload::MarkList => simple::mark_list(scale),
        Workload::MarkGraph => simple::mark_graph(scale),
        Workload::MarkTree => simple::mark_tree(scale),
        Workload::Oldnew => simple::oldnew(scale).into(),
        Workload::Splay => splay::run(scale).into(),
    }
}

/// Forced full collections.
fn collections<R>(arena: &mut Arena<R>) -> Vec<f64>
where
    R: for<'a> Rootable<'a>,
    for<'a> gc_arena::arena::Root<'a, R>: gc_arena::Collect<'a>,
{
    time_collections(|| {
        arena.finish_cycle();
        Ok::<(), std::convert::Infallible>(())
    })
    .unwrap_or_default()
}

/// The numbers below `count` in pieces of a batch.
fn batches(count: u32) -> impl Iterator<Item = std::ops::Range<u32>> {
    (0..count).step_by(BATCH as usize).map(move |first| first..count.min(first + BATCH))
}
