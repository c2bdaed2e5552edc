//! Assertions about a heap that explain themselves when they do not hold.
//!
//! Each is a function that returns `Ok(())` or a [`Failure`] whose text says what was expected, what is, and what holds the
//! object or what has grown. In a test use `?`, or `.unwrap()` to be pointed at the line. They only look: nothing is
//! collected by them, so a test says itself when it collects.
//!
//! ```
//! use gcheap::{Heap, HeapOptions, assert};
//!
//! fn main() -> Result<(), assert::Failure> {
//!     let mut heap = Heap::new(HeapOptions::for_tests())?;
//!     let weak = {
//!         let mut scope = heap.scope();
//!         let entry = scope.object(&[1.into()])?;
//!         scope.weak_handle(entry)?
//!     };
//!     let told = assert::collected(&heap, &weak).unwrap_err().to_string();
//!     assert!(told.contains("nothing holds it"), "{told}");
//!     heap.collect_garbage()?;
//!     assert::collected(&heap, &weak)
//! }
//! ```

use crate::event::Collector;
use crate::inspect::{Census, EventLog, Graph, Label, Node, ObjectInfo};
use crate::{Error, Heap, Local, Type, WeakHandle};

/// Kinds that an explanation lists before it stops.
const LISTED: usize = 6;

/// What did not hold, in words. Its `Debug` form is the text too, so that `unwrap` and a test that returns it show it.
///
/// ```
/// use gcheap::assert::Failure;
/// let failure = Failure::from(gcheap::Error::from(gcheap::ErrorKind::WrongHeap));
/// assert_eq!(format!("{failure:?}"), failure.to_string());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { message: error.to_string() }
    }
}

fn fail<T>(message: String) -> Result<T, Failure> {
    Err(Failure { message })
}

/// What the weak handle looks at was collected.
///
/// # Errors
/// If it is alive: where it is and what holds it.
pub fn collected<T: Type>(heap: &Heap, weak: &WeakHandle<T>) -> Result<(), Failure> {
    let Some(info) = heap.inspect_weak(weak)? else { return Ok(()) };
    let why = match heap.path_to_weak(weak)? {
        Some(path) => format!("held by {path}"),
        None if info.is_promoted() => {
            "nothing holds it: it is old and waits for a full collection (Heap::collect_garbage)".to_owned()
        }
        None => "nothing holds it: it waits for a collection (Heap::collect)".to_owned(),
    };
    fail(format!("expected the {} to be collected, but it is alive\n  it is: {info}\n  {why}", info.label()))
}

/// What the weak handle looks at is alive.
///
/// # Errors
/// If it was collected.
pub fn alive<T: Type>(heap: &Heap, weak: &WeakHandle<T>) -> Result<(), Failure> {
    match heap.inspect_weak(weak)? {
        Some(_) => Ok(()),
        None => fail(format!(
            "expected the {} to be alive, but it was collected ({} scavenges and {} mark-compacts have run)",
            T::NAME,
            heap.scavenges(),
            heap.mark_compacts()
        )),
    }
}

/// The object lies in the old generation.
///
/// # Errors
/// If it is young: where it is and how old.
pub fn promoted<T: Type>(heap: &Heap, local: Local<'_, T>) -> Result<(), Failure> {
    let info = heap.inspect(local)?;
    if info.is_promoted() {
        return Ok(());
    }
    fail(format!("expected the {} to be old\n  it is: {info}", info.label()))
}

/// The object lies elsewhere than at an earlier [`Heap::inspect`].
///
/// # Errors
/// If it lies where it was.
///
/// ```
/// use gcheap::{GcKind, Heap, HeapOptions, assert};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let text = scope.string("moves")?;
/// let before = scope.inspect(text)?;
/// assert!(assert::moved(&scope, text, &before).is_err());
/// scope.collect(GcKind::Minor)?;
/// assert::moved(&scope, text, &before)?;
/// # Ok::<(), assert::Failure>(())
/// ```
pub fn moved<T: Type>(heap: &Heap, local: Local<'_, T>, earlier: &ObjectInfo) -> Result<(), Failure> {
    let info = heap.inspect(local)?;
    if info.has_moved_from(earlier) {
        return Ok(());
    }
    fail(format!("expected the {} to have moved, but it lies where it was\n  it is: {info}", info.label()))
}

/// Nothing that the roots hold has grown since an earlier [`Heap::census`]. Take both in the same scope, for handles are
/// roots.
///
/// # Errors
/// What has grown, and what holds one of the objects that there are more of.
///
/// ```
/// use gcheap::{Heap, HeapOptions, assert};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let listeners = scope.array(&[])?;
/// let before = scope.census();
/// {
///     let mut request = scope.scope();
///     let listener = request.closure(&[1.into()], false)?;
///     request.array_push(listeners, listener.into())?;
/// }
/// let told = assert::no_leak(&scope, &before).unwrap_err().to_string();
/// assert!(told.contains("JSFunction: +1 object, +56 bytes"), "{told}");
/// assert!(told.contains("a handle of an open scope -> JSArray element 0 -> JSFunction"), "{told}");
/// # Ok::<(), gcheap::Error>(())
/// ```
pub fn no_leak(heap: &Heap, before: &Census) -> Result<(), Failure> {
    let growth = heap.census().since(before).grown();
    if growth.is_none() {
        return Ok(());
    }
    let graph = heap.graph();
    let mut message = format!("expected no growth since the census before\n  grew: {growth}");
    for &(label, objects, _) in growth.rows().iter().take(LISTED) {
        if objects > 0
            && let Some(node) = newest(&graph, label)?
            && let Some(path) = graph.path(node)?
        {
            message.push_str(&format!("\n  a {label} is held by {path}"));
        }
    }
    fail(message)
}

/// The object of a label that was reached last: what has been added most recently mostly lies far out.
fn newest<'h>(graph: &Graph<'h>, label: Label) -> Result<Option<Node<'h>>, Failure> {
    let mut found = None;
    for node in graph.nodes() {
        if graph.info(node)?.label() == label {
            found = Some(node);
        }
    }
    Ok(found)
}

/// The object retains at most so many bytes, see [`Graph::retained_size`].
///
/// # Errors
/// How many it does, and of which kinds.
///
/// ```
/// use gcheap::{Heap, HeapOptions, assert};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let cache = scope.array(&[])?;
/// {
///     let mut turn = scope.scope();
///     let text = turn.string_of_length(1000, false)?;
///     turn.array_push(cache, text.into())?;
/// }
/// assert::retains_at_most(&scope, cache, 2000)?;
/// let told = assert::retains_at_most(&scope, cache, 500).unwrap_err().to_string();
/// assert!(told.contains("1016 bytes in 1 SeqOneByteString"), "{told}");
/// # Ok::<(), assert::Failure>(())
/// ```
pub fn retains_at_most<T: Type>(heap: &Heap, local: Local<'_, T>, bytes: u64) -> Result<(), Failure> {
    let graph = heap.graph();
    let node = graph.node(local)?;
    let retained = graph.retained_size(node)?;
    if retained <= bytes {
        return Ok(());
    }
    let mut message =
        format!("expected the {} to retain at most {bytes} bytes, it retains {retained}:", graph.info(node)?.label());
    push_rows(&mut message, &graph.retained(node)?);
    fail(message)
}

/// The roots hold at most so many bytes of objects in all.
///
/// # Errors
/// How many they do, and of which kinds.
pub fn reachable_at_most(heap: &Heap, bytes: u64) -> Result<(), Failure> {
    let census = heap.census();
    let total = census.total().bytes;
    if total <= bytes {
        return Ok(());
    }
    let mut message = format!("expected the roots to hold at most {bytes} bytes, they hold {total}:");
    push_rows(&mut message, &census);
    fail(message)
}

fn push_rows(message: &mut String, census: &Census) {
    for line in census.to_string().lines().take(LISTED) {
        message.push_str("\n  ");
        message.push_str(&line.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

/// The log has at most so many mark-compacts.
///
/// # Errors
/// Each of them with its reason.
///
/// ```
/// use gcheap::{Heap, HeapOptions, assert, inspect::EventLog};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let log = EventLog::attach(&mut heap);
/// heap.collect_garbage()?;
/// assert::at_most_mark_compacts(&log, 1)?;
/// let told = assert::at_most_mark_compacts(&log, 0).unwrap_err().to_string();
/// assert!(told.contains("testing"), "{told}");
/// # Ok::<(), assert::Failure>(())
/// ```
pub fn at_most_mark_compacts(log: &EventLog, most: usize) -> Result<(), Failure> {
    at_most(log, Collector::MarkCompact, most)
}

/// The log has at most so many scavenges.
///
/// # Errors
/// Each of them with its reason.
pub fn at_most_scavenges(log: &EventLog, most: usize) -> Result<(), Failure> {
    at_most(log, Collector::Scavenge, most)
}

fn at_most(log: &EventLog, collector: Collector, most: usize) -> Result<(), Failure> {
    let collections = log.collections(collector);
    if collections.len() <= most {
        return Ok(());
    }
    let name = collector.key();
    let mut message = format!("expected at most {most} {name} collections, there were {}:", collections.len());
    for gc in collections.iter().take(LISTED) {
        message.push_str(&format!(
            "\n  at {:.1} ms for {}: {} bytes used before, {} after",
            gc.time_ms, gc.reason, gc.used_before, gc.used_after
        ));
    }
    fail(message)
}
