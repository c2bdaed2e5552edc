//! The workloads on boa_gc: mark and sweep over objects of malloc.

use boa_gc::{Finalize, Gc, GcRefCell as Cell, Trace, force_collect};

include!("refcell.rs");
