//! The text that V8 prints for what happened.
//!
//! Each function renders one event, or a [`Tracer`] a whole stream of them, in the dialect of a version: `--trace-gc` lines, their
//! `--trace-gc-nvp` and `--trace-gc-verbose` forms, the ring buffer of the last lines and the fatal text that shows it. This module
//! imports only [`event`](crate::event), so a renderer can never look into a heap; and it writes nothing itself: it gives back
//! strings, whose last character is a newline wherever V8's is.
//!
//! What always holds: byte for byte what a real process prints for the same numbers, except for the frames of the native stack, which
//! are ours.

mod dialect;
mod fatal;
mod line;
mod nvp;
mod nvp_keys;
mod nvp_keys_classic;
mod ring;
mod tracer;
mod verbose;

pub use dialect::Dialect;
pub use fatal::{fatal_message, fatal_stdout, fatal_text};
pub use line::trace_gc_line;
pub use nvp::NvpWriter;
pub use ring::{LINE_BYTES, RING_BYTES, RingBuffer};
pub use tracer::{TraceOptions, Tracer};
pub use verbose::{controller_lines, verbose_block};

use std::fmt;

/// Who speaks: what stands in the brackets before each line.
///
/// ```
/// let process = gcheap::trace::Process { pid: 4987, isolate: 0x1641bca0 };
/// assert_eq!(process.to_string(), "[4987:0x1641bca0]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Address of the isolate.
    pub isolate: u64,
}

impl Process {
    /// The prefix of nvp and controller lines, which later versions end with the isolate's number.
    fn with_id(&self, dialect: Dialect) -> String {
        let id = if dialect.has_isolate_id() { ":0" } else { "" };
        format!("[{}:{:#x}{id}]", self.pid, self.isolate)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:{:#x}]", self.pid, self.isolate)
    }
}

/// V8's "MB".
fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// V8's "KB": whole, cut.
fn kb(bytes: u64) -> u64 {
    bytes / 1_024
}
