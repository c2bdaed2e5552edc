//! The end: V8 `V8::FatalProcessOutOfMemory` (src/api/api.cc) and Node's `OOMErrorHandler` (src/node_errors.cc).

use super::{Dialect, RingBuffer};
use crate::event::{Fatal, Location};

/// The full `FATAL ERROR` line, without newline.
///
/// ```
/// # let fatal = gcheap::event::Fatal { location: gcheap::event::Location::ReachedHeapLimit, time_ms: 0.0, requested: 0, used: 0, committed: 0,
/// #     old_generation_capacity: 0, max_old_generation: 0, ineffective_mark_compacts: 0, average_mutator_utilization: 0.0, system_refused: false };
/// assert_eq!(
///     gcheap::trace::fatal_message(&fatal),
///     "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"
/// );
/// ```
pub fn fatal_message(fatal: &Fatal) -> String {
    let whose = if fatal.system_refused { "process" } else { "JavaScript heap" };
    format!("FATAL ERROR: {} Allocation failed - {whose} out of memory", fatal.location)
}

/// What a process prints on standard error before it aborts: all it says, or the end of it where the dialect
/// [splits it](Dialect::prints_last_collections_to_stdout). The frames at its end are this library's own.
///
/// ```
/// use gcheap::trace::{Dialect, RingBuffer, fatal_text};
/// # let fatal = gcheap::event::Fatal { location: gcheap::event::Location::ReachedHeapLimit, time_ms: 0.0, requested: 0, used: 0, committed: 0,
/// #     old_generation_capacity: 0, max_old_generation: 0, ineffective_mark_compacts: 0, average_mutator_utilization: 0.0, system_refused: false };
/// let mut ring = RingBuffer::default();
/// ring.push("[1:0x2]       25 ms: Scavenge ...\n");
/// let text = fatal_text(Dialect::V8_13_6, &ring, &fatal);
/// assert!(text.starts_with("\n<--- Last few GCs --->\n[1:0x2]       25 ms: Scavenge ...\n\nFATAL ERROR: Reached heap limit "));
/// ```
pub fn fatal_text(dialect: Dialect, ring: &RingBuffer, fatal: &Fatal) -> String {
    let mut text = String::new();
    if !dialect.prints_last_collections_to_stdout() {
        text.push_str(&last_collections(dialect, ring));
    }
    text.push_str(&fatal_message(fatal));
    text.push_str(if dialect.has_native_headline() { "\n----- Native stack trace -----\n\n" } else { "\n" });
    for (index, frame) in frames(fatal.location).iter().enumerate() {
        text.push_str(&format!("{:2}: {frame} [gcheap]\n", index + 1));
    }
    text
}

/// What a process prints on standard output before it aborts: nothing from Node 18 on, before that the last collections and a JavaScript
/// stack. No JavaScript runs here, so the stack has the one frame that V8's always begins with.
///
/// ```
/// use gcheap::trace::{Dialect, RingBuffer, fatal_stdout};
/// let ring = RingBuffer::default();
/// assert!(fatal_stdout(Dialect::V8_6_8, &ring).contains("==== JS stack trace ===="));
/// assert_eq!(fatal_stdout(Dialect::V8_10_2, &ring), "");
/// ```
pub fn fatal_stdout(dialect: Dialect, ring: &RingBuffer) -> String {
    if !dialect.prints_last_collections_to_stdout() {
        return String::new();
    }
    let rule = "=".repeat(41);
    format!("{}==== JS stack trace {rule}\n\n    0: ExitFrame [gcheap]\n\n", last_collections(dialect, ring))
}

fn last_collections(dialect: Dialect, ring: &RingBuffer) -> String {
    let stack = if dialect.has_js_stacktrace_section() { "\n<--- JS stacktrace --->\n\n" } else { "" };
    format!("\n<--- Last few GCs --->\n{}\n{stack}", ring.tail())
}

/// The way from the end to the program, in our own names: there are no addresses to show, and Node's would be a lie.
fn frames(location: Location) -> &'static [&'static str] {
    match location {
        Location::ReachedHeapLimit => {
            &["gcheap::Heap::fatal", "gcheap::Heap::check_hard_limit", "gcheap::Heap::collect", "gcheap::Scope::alloc"]
        }
        Location::IneffectiveMarkCompacts => &[
            "gcheap::Heap::fatal",
            "gcheap::Heap::check_ineffective",
            "gcheap::Heap::recompute_limits",
            "gcheap::Heap::collect",
            "gcheap::Scope::alloc",
        ],
        Location::CallAndRetryLast => &["gcheap::Heap::fatal", "gcheap::Heap::last_resort", "gcheap::Scope::alloc"],
        Location::InvalidTableSize | Location::InvalidArrayLength => {
            &["gcheap::Heap::fatal", "gcheap::Heap::grow_backing_store", "gcheap::Scope::alloc"]
        }
        Location::CommittingSemiSpace => {
            &["gcheap::Heap::fatal", "gcheap::Heap::commit_from_space", "gcheap::Heap::collect", "gcheap::Scope::alloc"]
        }
        Location::ScavengerSemiSpaceCopy => {
            &["gcheap::Heap::fatal", "gcheap::Heap::scavenge", "gcheap::Heap::collect", "gcheap::Scope::alloc"]
        }
        Location::YoungObjectPromotion => {
            &["gcheap::Heap::fatal", "gcheap::Heap::evacuate", "gcheap::Heap::collect", "gcheap::Scope::alloc"]
        }
    }
}
