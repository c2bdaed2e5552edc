//! How membench ends. The four statuses live here and nowhere else, and only [`Exit::leave`] ends the process.

/// How the process ends.
///
/// ```
/// use membench::exit::Exit;
/// assert_eq!(Exit::Usage.status(), 2);
/// assert_eq!(Exit::OutOfMemory { abort: true }.status(), 134);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The workload completed.
    Completed,
    /// The heap ran out of memory.
    OutOfMemory {
        /// Raise SIGABRT, as Node does, instead of leaving quietly with the status that a shell would show for it.
        abort: bool,
    },
    /// The command line was wrong.
    Usage,
    /// Anything else.
    Failed,
}

impl Exit {
    /// The status that a shell shows.
    pub fn status(self) -> u8 {
        match self {
            Exit::Completed => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::OutOfMemory { .. } => 134,
        }
    }

    /// Ends the process. All output must have been written before.
    pub fn leave(self) -> ! {
        match self {
            Exit::OutOfMemory { abort: true } => std::process::abort(),
            other => std::process::exit(i32::from(other.status())),
        }
    }
}
