//! What can go wrong when a heap is used: values, each with a cause.

use crate::event::Fatal;
use crate::memory::Refused;
use crate::object::Kind;

/// Why an operation on a heap was not done. The heap is valid and usable after each of them.
///
/// ```
/// use gcheap::{Error, Heap, HeapOptions};
/// let (mut one, mut other) = (Heap::new(HeapOptions::for_tests())?, Heap::new(HeapOptions::for_tests())?);
/// let mut scope = one.scope();
/// let text = scope.string("mine")?;
/// let mut elsewhere = other.scope();
/// assert!(matches!(elsewhere.string_length(text), Err(Error::WrongHeap)));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The heap has run out. Drop roots, collect, and it serves again.
    OutOfMemory(Box<Fatal>),
    /// A handle of another heap, or one whose scope has ended.
    WrongHeap,
    /// The object is not of the kind that the operation needs.
    WrongKind {
        /// What was needed.
        expected: &'static str,
        /// What it is.
        found: Kind,
    },
    /// A field of a typed record holds no object, or no number, where its type says that it does.
    WrongValue {
        /// What was needed.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// An index at or behind the end.
    IndexOutOfRange {
        /// The index.
        index: u64,
        /// The length.
        length: u64,
    },
    /// A catchable RangeError of JavaScript: the text is V8's.
    RangeError(&'static str),
    /// The system refused the address space of a new heap.
    Refused(Refused),
    /// Limits that cannot be.
    Limits(crate::policy::LimitsError),
    /// Verification after a collection found a broken promise.
    Verify(crate::VerifyError),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::OutOfMemory(fatal) => write!(
                f,
                "{} (objects {:.1} MB, mapped {:.1} MB, old generation limit {:.1} MB{})",
                fatal.location,
                mb(fatal.used),
                mb(fatal.committed),
                mb(fatal.max_old_generation),
                if fatal.system_refused { ", the operating system refused memory" } else { "" }
            ),
            Error::WrongHeap => f.write_str("the handle belongs to another heap or its scope has ended"),
            Error::WrongKind { expected, found } => write!(f, "expected a {expected}, found a {}", found.name()),
            Error::WrongValue { expected, found } => write!(f, "expected a {expected}, found {found}"),
            Error::IndexOutOfRange { index, length } => write!(f, "index {index} is not below the length {length}"),
            Error::RangeError(text) => write!(f, "RangeError: {text}"),
            Error::Refused(refused) => write!(f, "no address space for the heap: {refused}"),
            Error::Limits(limits) => limits.fmt(f),
            Error::Verify(verify) => write!(f, "heap verification failed: {verify}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::Refused(refused)
    }
}

impl Error {
    /// The state at the end, if this is the end.
    pub fn out_of_memory(&self) -> Option<&Fatal> {
        match self {
            Error::OutOfMemory(fatal) => Some(fatal),
            _ => None,
        }
    }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
