//! A naive model of the heap, and random programs that run on the heap and on the model and must agree.
//!
//! [`operation`] draws programs from a seed, [`model`] says in plain Rust values what they should do, [`run`] does both and
//! compares contents, reachability, weak outcomes and the promises of [`gcheap::Heap::verify`], and [`shrink`] makes a
//! failing program small. `cargo run -p gcheap-check --release -- --seed S --operations N` replays one seed.

pub mod model;
pub mod operation;
pub mod random;
pub mod restless;
pub mod run;
pub mod shrink;

pub use run::{Coverage, Failure, Settings, check};
