//! What can go wrong when a heap is used: values, each with a cause.

use crate::event::Fatal;
use crate::memory::Refused;
use crate::object::Kind;

/// Why an operation on a heap was not done. The heap is valid and usable after each of them.
///
/// It is one pointer, so that a result with a handle comes back in registers. What went wrong is its [`kind`](Self::kind).
///
/// ```
/// use gcheap::{Error, ErrorKind, Heap, HeapOptions};
/// let (mut one, mut other) = (Heap::new(HeapOptions::for_tests())?, Heap::new(HeapOptions::for_tests())?);
/// let mut scope = one.scope();
/// let text = scope.string("mine")?;
/// let mut elsewhere = other.scope();
/// assert_eq!(elsewhere.string_length(text).unwrap_err(), ErrorKind::WrongHeap);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Error(Box<ErrorKind>);

/// What went wrong.
///
/// ```
/// use gcheap::{ErrorKind, Heap, HeapOptions};
/// let mut heap = Heap::new(HeapOptions::for_tests())?;
/// let mut scope = heap.scope();
/// let list = scope.array(&[])?;
/// let error = scope.array_get(list, 7).unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::IndexOutOfRange { index: 7, length: 0 }));
/// # Ok::<(), gcheap::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
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
    /// A profile of one's own whose pages or objects cannot be.
    Profile {
        /// The number.
        number: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// 2^32 heaps were made in this process: no number is left to tell another's handles by.
    TooManyHeaps,
    /// Verification after a collection found a broken promise.
    Verify(crate::VerifyError),
}

impl std::fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ErrorKind::OutOfMemory(fatal) => write!(
                f,
                "{} (objects {:.1} MB, mapped {:.1} MB, old generation limit {:.1} MB{})",
                fatal.location,
                mb(fatal.used),
                mb(fatal.committed),
                mb(fatal.max_old_generation),
                if fatal.system_refused { ", the operating system refused memory" } else { "" }
            ),
            ErrorKind::WrongHeap => f.write_str("the handle belongs to another heap or its scope has ended"),
            ErrorKind::WrongKind { expected, found } => write!(f, "expected a {expected}, found a {}", found.name()),
            ErrorKind::WrongValue { expected, found } => write!(f, "expected a {expected}, found {found}"),
            ErrorKind::IndexOutOfRange { index, length } => write!(f, "index {index} is not below the length {length}"),
            ErrorKind::RangeError(text) => write!(f, "RangeError: {text}"),
            ErrorKind::Refused(refused) => write!(f, "no address space for the heap: {refused}"),
            ErrorKind::Limits(limits) => limits.fmt(f),
            ErrorKind::Profile { number, must } => write!(f, "the profile's {number} must be {must}"),
            ErrorKind::TooManyHeaps => {
                f.write_str("this process has made 2^32 heaps and cannot tell the handles of another")
            }
            ErrorKind::Verify(verify) => write!(f, "heap verification failed: {verify}"),
        }
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {}

impl From<ErrorKind> for Error {
    #[cold]
    #[inline(never)]
    fn from(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }
}

impl PartialEq<ErrorKind> for Error {
    fn eq(&self, kind: &ErrorKind) -> bool {
        *self.0 == *kind
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        ErrorKind::Refused(refused).into()
    }
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// What went wrong, to keep.
    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }

    /// The state at the end, if this is the end.
    pub fn out_of_memory(&self) -> Option<&Fatal> {
        match self.kind() {
            ErrorKind::OutOfMemory(fatal) => Some(fatal),
            _ => None,
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn wrong_heap() -> Error {
        ErrorKind::WrongHeap.into()
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn out_of_range(index: u64, length: u64) -> Error {
        ErrorKind::IndexOutOfRange { index, length }.into()
    }
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
