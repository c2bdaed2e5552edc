//! How heap and model can disagree, and who noticed it.

use gcheap::{Error, ErrorKind, VerifyError};

/// Which check found that something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caught {
    /// [`gcheap::Heap::verify`] met a promise of the heap that does not hold.
    Verifier,
    /// Graph, contents, weak outcomes or results of calls differ from the model's.
    Oracle,
    /// The heap's numbers contradict each other or the model.
    Statistics,
    /// A hook or an operation of the user said so.
    User,
    /// The code under test panicked.
    Panic,
}

impl Caught {
    /// The name in reports.
    ///
    /// ```
    /// assert_eq!(gcheap_check::Caught::Verifier.name(), "verifier");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Caught::Verifier => "verifier",
            Caught::Oracle => "oracle",
            Caught::Statistics => "statistics",
            Caught::User => "user",
            Caught::Panic => "panic",
        }
    }
}

/// What is wrong, in words.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which check noticed it.
    pub by: Caught,
    /// What was expected and what was found.
    pub message: String,
}

impl Found {
    /// A difference between heap and model.
    pub(crate) fn oracle(message: String) -> Found {
        Found { by: Caught::Oracle, message }
    }

    /// Numbers that cannot be right.
    pub(crate) fn statistics(message: String) -> Found {
        Found { by: Caught::Statistics, message }
    }
}

impl From<VerifyError> for Found {
    fn from(broken: VerifyError) -> Found {
        Found { by: Caught::Verifier, message: broken.message }
    }
}

impl From<Error> for Found {
    /// An error where the model allows none.
    fn from(error: Error) -> Found {
        match error.into_kind() {
            ErrorKind::Verify(broken) => broken.into(),
            other => Found::oracle(format!("an error that should not be: {other}")),
        }
    }
}

/// Why an operation was not done.
#[derive(Debug)]
pub enum Stop {
    /// The heap said so. Out of memory and RangeErrors are a legitimate end of an operation, everything else is a failure.
    Heap(Error),
    /// Something is wrong.
    Wrong(Found),
}

impl Stop {
    /// An operation or a hook of the user has found something wrong.
    ///
    /// ```
    /// use gcheap_check::{Caught, Stop};
    /// assert!(matches!(Stop::wrong("the cache is too large"), Stop::Wrong(found) if found.by == Caught::User));
    /// ```
    pub fn wrong(message: impl Into<String>) -> Stop {
        Stop::Wrong(Found { by: Caught::User, message: message.into() })
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Heap(error)
    }
}

impl From<Found> for Stop {
    fn from(found: Found) -> Stop {
        Stop::Wrong(found)
    }
}

/// What an operation gives.
pub type Done<T = ()> = Result<T, Stop>;

pub(crate) fn wrong<T>(message: String) -> Done<T> {
    Err(Stop::Wrong(Found::oracle(message)))
}

/// A program on which heap and model do not agree.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Index of the operation.
    pub at: usize,
    /// Which check noticed it.
    pub by: Caught,
    /// What differs.
    pub message: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at operation {} ({}): {}", self.at, self.by.name(), self.message)
    }
}

impl std::error::Error for Failure {}
