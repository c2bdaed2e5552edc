//! The files that membench writes, whole or not at all: records as JSON lines (`--output`), documents, programs.
//!
//! Lines go to a file beside the target, which takes the target's name when the run has ended: whoever finds the
//! target finds all of it. What holds: each line is one write, so what an interrupted run leaves behind under the
//! other name ends with a complete line too. A target that is no regular file (a pipe, a terminal) is written directly.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A file that appears when it is complete.
#[derive(Debug)]
pub struct RecordFile {
    file: File,
    /// Where lines go until the end, and the name it then takes; `None` for a target that is written directly.
    rename: Option<(PathBuf, PathBuf)>,
}

impl RecordFile {
    /// Makes sure that `target` can be written, before anything runs.
    ///
    /// # Errors
    ///
    /// The target or its directory cannot be written.
    pub fn create(target: &Path) -> io::Result<RecordFile> {
        match fs::metadata(target) {
            Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Ok(found) if !found.is_file() => {
                Ok(RecordFile { file: OpenOptions::new().write(true).open(target)?, rename: None })
            }
            Ok(_) => {
                // Renaming over a file that may not be written would do what its owner forbade.
                OpenOptions::new().write(true).open(target)?;
                // And renaming over a link would cut it.
                RecordFile::beside(fs::canonicalize(target)?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => RecordFile::beside(target.to_owned()),
            Err(error) => Err(error),
        }
    }

    fn beside(target: PathBuf) -> io::Result<RecordFile> {
        let mut name = target.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let partial = target.with_file_name(name);
        let file = File::create(&partial)?;
        Ok(RecordFile { file, rename: Some((partial, target)) })
    }

    /// Adds one line.
    ///
    /// # Errors
    ///
    /// The disk failed; the file is then removed when the value is dropped.
    pub fn line(&mut self, record: &impl Serialize) -> io::Result<()> {
        self.file.write_all(&json_line(record)?)
    }

    /// Writes `text` as all that the file has, and gives it its name.
    ///
    /// # Errors
    ///
    /// The disk failed; nothing is left.
    pub fn whole(mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.finish()
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// The disk failed; nothing is left.
    pub fn finish(mut self) -> io::Result<()> {
        let Some((partial, target)) = self.rename.take() else { return Ok(()) };
        // Without this a full disk may only show after the rename.
        let done = self.file.sync_data().and_then(|()| fs::rename(&partial, &target));
        if done.is_err() {
            let _ = fs::remove_file(&partial);
        }
        done
    }
}

impl Drop for RecordFile {
    fn drop(&mut self) {
        if let Some((partial, _)) = self.rename.take() {
            // Nothing can be done about a failure here: the run is already failing for another reason.
            let _ = fs::remove_file(partial);
        }
    }
}

/// `record` as one line with its end.
///
/// # Errors
///
/// Never for the records of this crate.
pub fn json_line(record: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("membench-file-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    #[test]
    fn the_file_appears_only_when_finished() {
        let directory = scratch("finish");
        let target = directory.join("out.jsonl");
        let mut file = RecordFile::create(&target).unwrap();
        file.line(&1).unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "1\n");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_failed_run_leaves_the_old_file_and_nothing_else() {
        let directory = scratch("drop");
        let target = directory.join("out.jsonl");
        fs::write(&target, "old").unwrap();
        let mut file = RecordFile::create(&target).unwrap();
        file.line(&1).unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn directories_and_missing_directories_are_refused() {
        let directory = scratch("refused");
        assert!(RecordFile::create(&directory).is_err());
        assert!(RecordFile::create(&directory.join("none/out.jsonl")).is_err());
        fs::remove_dir_all(directory).unwrap();
    }
}
