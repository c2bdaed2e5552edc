//! A naive model of the heap, and random programs that run on the heap and on the model and must agree.
//!
//! [`operation`] draws programs from a seed, [`model`] says in plain Rust values what they should do, [`check`] does both and
//! compares contents, reachability, weak outcomes, statistics and the promises of [`gcheap::Heap::verify`], and
//! [`mod@shrink`] makes a failing program small. [`Harness`] adds policies, operations and checks of one's own. [`mod@soak`]
//! runs millions of operations, and [`faults`] refuses memory at each place where a program asks for it. docs/testing.md
//! tells how to use them.

mod compare;
mod compare_weak;
mod coverage;
mod failure;
pub mod faults;
mod fuzzed;
mod harness;
pub mod model;
#[cfg(feature = "mutants")]
pub mod mutation;
pub mod operation;
mod operations;
pub mod random;
pub mod replay;
pub mod restless;
mod run;
mod settings;
pub mod shrink;
pub mod soak;
mod statistics;
mod world;

pub use coverage::Coverage;
pub use failure::{Caught, Done, Failure, Found, Stop};
pub use fuzzed::fuzzed;
pub use harness::{CustomOperation, Harness, Hook, Turn};
pub use run::check;
pub use settings::Settings;
pub use world::Pair;
