//! Other programs: started with what they need, waited for, and their end told as a status.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Why xtask ends with another status than 0.
#[derive(Debug)]
pub struct Failure {
    /// The status to end with.
    pub status: u8,
    /// What to say; nothing when the program that failed has said it.
    pub sentence: Option<String>,
}

impl Failure {
    /// The command line was wrong.
    pub fn usage(sentence: String) -> Failure {
        Failure { status: 2, sentence: Some(sentence) }
    }

    /// Something failed.
    pub fn new(sentence: String) -> Failure {
        Failure { status: 1, sentence: Some(sentence) }
    }
}

/// A program to be run.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    silent: bool,
}

impl Tool {
    /// Any program, run from where the user is.
    pub fn new(program: impl AsRef<OsStr>) -> Tool {
        Tool { command: Command::new(program), silent: false }
    }

    /// The cargo that runs xtask, from the root of the workspace.
    pub fn cargo() -> Tool {
        let mut tool = Tool::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        tool.command.current_dir(root());
        tool
    }

    /// The cargo of nightly Rust, from the root of the workspace.
    pub fn nightly_cargo() -> Tool {
        let mut tool = Tool::new("rustup").args(["run", "nightly", "cargo"]);
        tool.command.current_dir(root());
        tool
    }

    /// One argument more.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Tool {
        self.command.arg(argument);
        self
    }

    /// Arguments more.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Tool {
        self.command.args(arguments);
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Tool {
        self.command.env(name, value);
        self
    }

    /// Does not say that it is run.
    pub fn silent(mut self) -> Tool {
        self.silent = true;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// It could not be started, or ended with another status than 0.
    pub fn run(self) -> Result<(), Failure> {
        match self.status()? {
            0 => Ok(()),
            status => Err(Failure { status, sentence: None }),
        }
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    ///
    /// It could not be started.
    pub fn status(mut self) -> Result<u8, Failure> {
        if !self.silent {
            let words = std::iter::once(Path::new(self.command.get_program()).file_stem().unwrap_or_default())
                .chain(self.command.get_args());
            let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
            super::say(&format!("$ {}\n", words.join(" ")));
        }
        self.command.status().map(shell_status).map_err(|error| {
            let program = self.command.get_program().to_string_lossy();
            Failure::new(format!("{program} cannot be run: {error}"))
        })
    }
}

/// The target that a compiler compiles for when it is told none, from what its `-vV` says.
pub fn host_in(version: &[u8]) -> Option<String> {
    String::from_utf8_lossy(version).lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

/// The status that a shell would show: a signal counts as 128 and its number, so SIGABRT is 134.
fn shell_status(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    // `cargo run` says where the package is; a binary that is started by hand was built beside it.
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or(package.clone(), Path::to_owned)
}

/// Where cargo puts the release build of `name`: beside the build that is running, wherever the target directory is.
///
/// # Errors
///
/// The system does not tell what is running.
pub fn release_binary(name: &str) -> Result<PathBuf, Failure> {
    let running = env::current_exe().map_err(|error| Failure::new(format!("where am I? {error}")))?;
    let target = running.parent().and_then(Path::parent).unwrap_or(Path::new("target"));
    Ok(target.join("release").join(name).with_extension(env::consts::EXE_EXTENSION))
}

/// A directory of that name beside the builds, for builds that must not be mixed with others.
///
/// # Errors
///
/// The system does not tell what is running.
pub fn target_directory(name: &str) -> Result<PathBuf, Failure> {
    let beside = release_binary(name)?;
    Ok(beside.parent().and_then(Path::parent).unwrap_or(Path::new("target")).join(name))
}
