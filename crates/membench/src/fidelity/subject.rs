//! What is compared: the shipped workloads, and files. Each has its recordings in a directory.
//!
//! Reads workload files and lists directories. What holds: the recordings of a file lie beside it, in the directory
//! `recordings`, unless the command line names another; so a set of files and its recordings are moved together.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::FidelityCommand;
use crate::text::Text;
use crate::workload::shipped::NAMES;
use crate::workload::{Sizes, Workload, from_file, is_path, shipped};

/// Where the recordings of the shipped workloads lie in the repository.
pub const RECORDINGS: &str = "fidelity/recordings";
/// Where the files lie in the repository that nobody tunes to.
pub const UNSEEN: &str = "fidelity/unseen";
/// Where the recordings of files lie, beside them.
const BESIDE: &str = "recordings";

/// Which set a workload is of: each has tables and summaries of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Library {
    /// It comes with membench, and the simulation was brought near to it.
    Shipped,
    /// A file: how near the simulation comes to what it was not made for.
    Unseen,
}

/// One workload that is compared.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What is run.
    pub workload: Workload,
    /// Which set it is of.
    pub library: Library,
    /// Where its recordings lie.
    pub recordings: PathBuf,
}

/// The workloads that `command` asks for: first the shipped ones, then files in the order of their names.
///
/// # Errors
///
/// It names a workload that there is not, or a file or directory that cannot be read.
pub fn subjects(command: &FidelityCommand) -> Result<Vec<Subject>, Text> {
    let (paths, names): (Vec<&String>, Vec<&String>) = command.workloads.iter().partition(|word| is_path(word));
    let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    names.sort_by_key(|name| NAMES.iter().position(|known| known == name));
    if names.is_empty() && paths.is_empty() {
        names = NAMES.to_vec();
    }
    let mut files = Vec::new();
    for path in paths {
        files.extend(workload_files(Path::new(path))?);
    }
    if command.unseen {
        files.extend(workload_files(&upwards(UNSEEN))?);
    }
    files.sort();
    files.dedup();
    let named = command.recordings.as_ref();
    let mut subjects = Vec::new();
    for name in names {
        let recordings = named.cloned().unwrap_or_else(|| upwards(RECORDINGS));
        let workload = shipped(name, Sizes::default())?;
        subjects.push(Subject { workload, library: Library::Shipped, recordings });
    }
    for file in files {
        let recordings = named.cloned().unwrap_or_else(|| file.with_file_name(BESIDE));
        let workload = from_file(&file, &Sizes::default())?;
        subjects.push(Subject { workload, library: Library::Unseen, recordings });
    }
    Ok(subjects)
}

/// `path`, or all workload files in it where it is a directory.
fn workload_files(path: &Path) -> Result<Vec<PathBuf>, Text> {
    if path.extension().is_some_and(|end| end == "toml") {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| {
        Text::new(
            format!("the workload files in {} cannot be read: {error}", path.display()),
            format!("无法读取 {} 中的负载文件:{error}", path.display()),
        )
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    if files.is_empty() {
        let directory = path.display();
        return Err(Text::new(
            format!("there is no workload file in {directory}: their names end in .toml"),
            format!("{directory} 中没有负载文件:文件名应以 .toml 结尾"),
        ));
    }
    Ok(files)
}

/// The directory `part` of the repository, looked for from here upwards.
fn upwards(part: &str) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().map(|directory| directory.join(part)).find(|path| path.is_dir());
    found.unwrap_or_else(|| PathBuf::from(part))
}
