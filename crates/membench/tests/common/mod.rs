//! What several tests need: the program, scratch directories, and texts to compare with.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program under test, in English unless told otherwise and without the settings of whoever runs the tests.
pub fn membench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_membench"));
    command.env_remove("LANG").env_remove("LC_MESSAGES").env("LC_ALL", "C");
    command
}

/// Runs `membench` with `arguments`.
pub fn run(arguments: &[&str]) -> Output {
    membench().args(arguments).output().expect("membench starts")
}

/// A file of tests/data.
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Compares with a file of tests/data; `UPDATE_SNAPSHOTS=1` writes it anew, to be read in the diff.
pub fn snapshot(name: &str, actual: &str) {
    let path = data(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, actual).expect("the snapshot can be written");
    }
    let expected = fs::read_to_string(&path).expect("the snapshot is there");
    assert_eq!(actual, expected, "{name} differs");
}

/// An empty directory that is removed in the end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// A directory for the test `name`.
    pub fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("membench-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a scratch directory can be made");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
