//! The peers: who can do a workload.
//!
//! Those in Rust do it in this program; node does it by a program in JavaScript. What holds: a peer that cannot do a
//! workload says so with `None`, and all that can end with the same checksum.

pub mod boa;
mod bump;
pub mod gc_arena;
pub mod gcheap;
// The derive of gc 0.5 puts its impls into a constant.
#[allow(non_local_definitions)]
pub mod rust_gc;

use crate::measure::Outcome;
use crate::workload::{Scale, Workload};
use clap::ValueEnum;

/// Who does a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Peer {
    /// This project.
    Gcheap,
    /// node with --single-threaded-gc: what the ratios are to.
    NodeSt,
    /// node as it comes.
    Node,
    /// The crate gc-arena.
    GcArena,
    /// The crate boa_gc.
    BoaGc,
    /// The crate gc, called rust-gc.
    RustGc,
    /// The crate bumpalo: a limit, not a collector.
    Bumpalo,
    /// A loop by hand: a limit, not a collector.
    ByHand,
}

impl Peer {
    /// All of them, in the order of the table.
    pub const ALL: [Peer; 8] =
        [Peer::Gcheap, Peer::NodeSt, Peer::Node, Peer::GcArena, Peer::BoaGc, Peer::RustGc, Peer::Bumpalo, Peer::ByHand];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Gcheap => "gcheap",
            Peer::NodeSt => "node-st",
            Peer::Node => "node",
            Peer::GcArena => "gc-arena",
            Peer::BoaGc => "boa-gc",
            Peer::RustGc => "rust-gc",
            Peer::Bumpalo => "bumpalo",
            Peer::ByHand => "by-hand",
        }
    }

    /// The name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Peer::Gcheap => "**gcheap**",
            Peer::NodeSt => "V8, single-threaded GC",
            Peer::Node => "V8",
            Peer::BoaGc => "boa_gc",
            Peer::RustGc => "gc (rust-gc)",
            Peer::Bumpalo => "*limit:* bumpalo",
            Peer::ByHand => "*limit:* by hand",
            Peer::GcArena => "gc-arena",
        }
    }

    /// It runs in node.
    pub fn is_node(self) -> bool {
        matches!(self, Peer::Node | Peer::NodeSt)
    }

    /// Whether it can do a workload.
    pub fn can(self, workload: Workload) -> bool {
        match self {
            Peer::Bumpalo => matches!(workload, Workload::Bt16 | Workload::Bt18 | Workload::Churn),
            Peer::ByHand => !matches!(workload, Workload::Oldnew | Workload::Splay),
            _ => true,
        }
    }

    /// Does a workload in this process; `None` if it cannot be done here.
    ///
    /// # Errors
    /// An error of the heap.
    pub fn run(self, workload: Workload, scale: Scale) -> Result<Option<Outcome>, ::gcheap::Error> {
        Ok(match self {
            Peer::Gcheap => Some(gcheap::run(workload, scale)?),
            Peer::GcArena => Some(gc_arena::run(workload, scale)),
            Peer::BoaGc => Some(boa::run(workload, scale)),
            Peer::RustGc => Some(rust_gc::run(workload, scale)),
            Peer::Bumpalo => bump::bumpalo(workload, scale),
            Peer::ByHand => bump::by_hand(workload, scale),
            Peer::Node | Peer::NodeSt => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Peers of this program; those of node are compared by the runner.
    fn checksum(peer: Peer, workload: Workload) -> Option<u64> {
        let work = move || peer.run(workload, Scale::new(workload, true));
        // rust-gc traces by recursion.
        let worker = std::thread::Builder::new().stack_size(1 << 30).spawn(work).expect("a thread");
        worker.join().expect("no panic").expect("no error").map(|outcome| outcome.checksum)
    }

    #[test]
    fn all_peers_end_with_the_same_checksum() {
        for workload in Workload::ALL {
            let expected = checksum(Peer::Gcheap, workload);
            assert!(expected.is_some_and(|checksum| checksum > 0), "{workload:?}");
            for peer in Peer::ALL.into_iter().filter(|peer| peer.can(workload) && !peer.is_node()) {
                assert_eq!(checksum(peer, workload), expected, "{peer:?} {workload:?}");
            }
        }
    }

    #[test]
    fn a_peer_that_cannot_do_a_workload_says_so() {
        for workload in Workload::ALL {
            for peer in Peer::ALL.into_iter().filter(|peer| !peer.is_node()) {
                assert_eq!(checksum(peer, workload).is_some(), peer.can(workload), "{peer:?} {workload:?}");
            }
        }
    }
}
