//! The workloads: what every peer does, how much of it, and the randomness that they share.
//!
//! Touches nothing. What holds: a workload and a scale decide every number of a run, so that all peers do the same work
//! and end with the same checksum.

use clap::ValueEnum;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Workload {
    /// Binary trees to depth 16.
    Bt16,
    /// Binary trees to depth 18.
    Bt18,
    /// Short-lived objects of four sizes, the newest kept in rings.
    Churn,
    /// Full collections of a live list.
    MarkList,
    /// Full collections of a live graph in random order.
    MarkGraph,
    /// Full collections of live arrays of leaves.
    MarkTree,
    /// Stores of fresh objects into random old ones.
    Oldnew,
    /// A splay tree whose nodes are replaced.
    Splay,
}

impl Workload {
    /// All of them, in the order of the table.
    pub const ALL: [Workload; 8] = [
        Workload::Bt16,
        Workload::Bt18,
        Workload::Churn,
        Workload::MarkList,
        Workload::MarkGraph,
        Workload::MarkTree,
        Workload::Oldnew,
        Workload::Splay,
    ];

    /// The name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Bt16 => "bt16",
            Workload::Bt18 => "bt18",
            Workload::Churn => "churn",
            Workload::MarkList => "mark-list",
            Workload::MarkGraph => "mark-graph",
            Workload::MarkTree => "mark-tree",
            Workload::Oldnew => "oldnew",
            Workload::Splay => "splay",
        }
    }

    /// At most so much of the CPU time of node with a single-threaded collector: what gcheap means to reach.
    pub fn target(self) -> f64 {
        match self {
            Workload::Bt16 => 0.45,
            Workload::Bt18 => 0.25,
            Workload::Churn => 0.30,
            Workload::MarkList => 0.14,
            Workload::MarkGraph => 0.16,
            Workload::MarkTree => 0.18,
            Workload::Oldnew => 0.13,
            Workload::Splay => 0.45,
        }
    }

    /// What is timed are forced collections, not the process.
    pub fn times_collections(self) -> bool {
        matches!(self, Workload::MarkList | Workload::MarkGraph | Workload::MarkTree)
    }
}

/// How much work.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Deepest trees of `bt`.
    pub depth: u32,
    /// Objects of `churn`.
    pub churn: u32,
    /// Live objects of `mark-*`.
    pub live: u32,
    /// Old objects of `oldnew`.
    pub old: u32,
    /// Stores of `oldnew`.
    pub stores: u32,
    /// Nodes of `splay`.
    pub nodes: u32,
    /// Replacements of `splay`.
    pub replacements: u32,
}

impl Scale {
    /// The work that is published, or a short piece of it for instruction counts and tests.
    pub fn new(workload: Workload, short: bool) -> Scale {
        let depth = if workload == Workload::Bt18 { 18 } else { 16 };
        if short {
            let depth = depth - 6;
            Scale {
                depth,
                churn: 200_000,
                live: 100_000,
                old: 50_000,
                stores: 200_000,
                nodes: 500,
                replacements: 1_000,
            }
        } else {
            Scale {
                depth,
                churn: 20_000_000,
                live: 5_000_000,
                old: 2_000_000,
                stores: 20_000_000,
                nodes: 8_000,
                replacements: 80_000,
            }
        }
    }

    /// Depths of the many trees of `bt`, each with how often it is built.
    pub fn trees(self) -> impl Iterator<Item = (u32, u32)> {
        (MIN_DEPTH..=self.depth).step_by(2).map(move |depth| (depth, 1 << (self.depth - depth + MIN_DEPTH)))
    }
}

/// Depth of the smallest trees.
pub const MIN_DEPTH: u32 = 4;

/// Objects of one size that `churn` keeps; there are four sizes.
pub const RING: u32 = 4096;

/// Words of the four sizes of `churn`, header aside.
pub const CHURN_WORDS: [usize; 4] = [2, 3, 4, 5];

/// Leaves of one array in `mark-tree`.
pub const LEAVES: u32 = 1000;

/// Forced collections of `mark-*`; the first is not counted.
pub const COLLECTIONS: usize = 4;

/// Depth of a payload of `splay`.
pub const PAYLOAD_DEPTH: u32 = 5;

/// Elements of the array in a leaf of a payload.
pub const PAYLOAD_ELEMENTS: usize = 10;

/// The text of the leaves of a payload.
pub fn leaf_text(key: u32) -> String {
    format!("String for key {key} in leaf node")
}

/// Marsaglia's xorshift of 32 bits: the same numbers in Rust and in JavaScript.
#[derive(Clone, Debug)]
pub struct Random(u32);

impl Random {
    /// Always the same sequence.
    pub fn new() -> Random {
        Random(0x9E37_79B9)
    }

    /// The next number.
    #[inline]
    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number below `bound`.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        self.next() % bound
    }

    /// A key of `splay`, 30 bits.
    pub fn key(&mut self) -> u32 {
        self.next() >> 2
    }

    /// The numbers below `count` in random order.
    pub fn permutation(&mut self, count: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count).collect();
        for index in (1..count).rev() {
            order.swap(index as usize, self.below(index + 1) as usize);
        }
        order
    }
}

impl Default for Random {
    fn default() -> Self {
        Random::new()
    }
}
