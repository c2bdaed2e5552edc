//! A managed heap that behaves like V8's, without V8.
//!
//! gcheap is a capped, generational, moving mark-compact heap with V8's limits, policies and fatal errors, driven by a clock
//! that is an input: the same program dies in the same way, at the same place, on every machine. Running out of memory is an
//! [`Error`] with a heap that is still valid behind it.
//!
//! ```
//! use gcheap::{Heap, HeapOptions};
//!
//! let mut heap = Heap::new(HeapOptions::for_tests())?;
//! let mut scope = heap.scope();
//! let leak = scope.array(&[])?;
//! let death = loop {
//!     let mut turn = scope.scope();
//!     let pushed = turn.string_of_length(1000, false).and_then(|text| turn.array_push(leak, text.into()));
//!     if let Err(error) = pushed {
//!         break error;
//!     }
//! };
//! assert!(death.out_of_memory().is_some(), "{death}");
//! scope.array_clear(leak)?; // drop what was kept ...
//! scope.collect_garbage()?; // ... and the heap serves again
//! assert!(scope.statistics().used_heap_size < 1 << 20);
//! # Ok::<(), gcheap::Error>(())
//! ```
//!
//! The floors of the house, downwards only: `heap` (the façade), `collect`, `space`, `object`, `memory` and `roots` are the
//! mechanism; [`policy`] decides, from what a [`profile`] says of a Node version; [`time`] is an input; [`event`] is what
//! happens, and [`trace`] is the text that V8 prints for it. Unsafe code is written in `memory` only.
//!
//! For tests: [`record!`] declares objects of one's own, [`inspect`] shows the heap, [`assert`](mod@assert) explains what does not hold, and
//! `Heap` can be made to collect, move and run out where a test wants it to (docs/tutorial.md).

#![deny(unsafe_op_in_unsafe_fn)]

pub mod assert;
mod collect;
pub mod event;
mod heap;
pub mod inspect;
mod memory;
#[cfg(feature = "mutants")]
pub mod mutants;
#[cfg(not(feature = "mutants"))]
mod mutants;
mod object;
pub mod policy;
pub mod profile;
pub mod record;
mod roots;
mod space;
pub mod time;
pub mod trace;

pub use collect::VerifyError;
pub use heap::boilerplate::Boilerplate;
pub use heap::error::{Error, ErrorKind};
pub use heap::handle::{Global, Local, Type, Value, WeakHandle, types};
pub use heap::literal_room::LiteralRoom;
pub use heap::literals::Literals;
pub use heap::no_gc::{LayoutOf, NoGc};
pub use heap::peek::{Peek, Seen};
pub use heap::scope::{Scope, Variable};
pub use heap::site::{AllocationSite, Placement};
pub use heap::tagged::{Tagged, TaggedValue, TaggedWord};
pub use heap::{Compaction, Finalization, GcKind, GcPhase, Heap, HeapOptions, HeapStatistics, MemoryUsage, RecordType};
pub use memory::Refused;
pub use memory::backend::BackendKind;
pub use object::Kind;
pub use object::layout::VersionSizes;
