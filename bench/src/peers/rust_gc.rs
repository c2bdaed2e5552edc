//! The workloads on gc (rust-gc): mark and sweep over objects of malloc, with rooted and unrooted pointers.

use gc::{Finalize, Gc, GcCell as Cell, Trace, force_collect};

include!("refcell.rs");
