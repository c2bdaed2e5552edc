//! `cargo xtask X …`: builds and runs membench, checks the workspace, fetches real Nodes.
//!
//! Thin on purpose and without dependencies, so that it is built in a moment: the work is done by the programs that it
//! starts. What holds: it ends with the status of what it ran, and every step that it takes is said on standard error.

mod asan;
mod bench;
mod ci;
mod fetch_node;
mod fuzz;
mod mutants;
mod soak;
mod tool;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use tool::{Failure, Tool};

/// Commands of membench that are passed on as they are.
const PASSED_ON: [&str; 9] = ["heap", "buffer", "compare", "run", "list", "limits", "explain", "fidelity", "calibrate"];

/// Commands of xtask itself.
const OWN: [&str; 9] = ["test", "ci", "docs", "fetch-node", "bench", "soak", "mutants", "fuzz", "asan"];

/// Those of them that have no help of their own.
const HELPED_HERE: [&str; 6] = ["ci", "docs", "fetch-node", "soak", "mutants", "fuzz"];

const HELP: &str = "\
Usage: cargo xtask COMMAND [ARGUMENTS]

Builds membench in release mode and runs it with the same arguments:
  heap, buffer, compare, run, list, limits, explain, fidelity, calibrate      see: cargo xtask heap --help

Works on the workspace:
  test [ARGUMENTS]      cargo test of everything
  ci                    what .ci/run runs: format, clippy, tests, docs, a short run, mutants, a little fuzzing
  docs                  the documentation of all crates
  fetch-node MAJOR...   real Nodes from the npm registry, to target/node/MAJOR/bin/node
  bench [NAME...] [--format json]   gcheap laid beside other collectors (docs/performance.md); bench --help

Looks for faults (docs/testing.md):
  soak [--operations N] [--seed S]   random programs on the heap and on a model; --replay FILE runs one again,
                                     --faults refuses memory at each place where a program asks for it
  mutants [--operations N]           faults on purpose: what notices each
  fuzz [--minutes N | --seconds N] [TARGET...]   coverage-guided fuzzing (nightly Rust)
  asan [ARGUMENTS]                   cargo test under AddressSanitizer (nightly Rust)
";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(command) = arguments.next() else {
        say(HELP);
        return ExitCode::from(2);
    };
    let rest: Vec<OsString> = arguments.collect();
    match dispatch(&command.to_string_lossy(), &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(sentence) = &failure.sentence {
                say(&format!("xtask: {sentence}\n"));
            }
            ExitCode::from(failure.status)
        }
    }
}

fn dispatch(command: &str, rest: &[OsString]) -> Result<(), Failure> {
    match command {
        _ if PASSED_ON.contains(&command) => membench(command, rest),
        _ if HELPED_HERE.contains(&command) && rest.iter().any(|word| word == "--help" || word == "-h") => {
            say(HELP);
            Ok(())
        }
        "test" => Tool::cargo().args(["test", "--workspace"]).args(rest).run(),
        "ci" => nothing_behind(command, rest).and_then(|()| ci::run()),
        "docs" => nothing_behind(command, rest).and_then(|()| ci::docs()),
        "fetch-node" => fetch_node::run(rest),
        "bench" => bench::run(rest),
        "soak" => soak::run(rest),
        "mutants" => mutants::run(rest),
        "fuzz" => fuzz::run(rest),
        "asan" => asan::run(rest),
        "help" | "--help" | "-h" => {
            say(HELP);
            Ok(())
        }
        _ => {
            let known = PASSED_ON.iter().chain(&OWN);
            let nearest =
                known.min_by_key(|known| distance(command, known)).filter(|near| distance(command, near) <= 3);
            Err(Failure::usage(match nearest {
                Some(near) => format!("there is no command {command}: did you mean {near}?"),
                None => format!("there is no command {command}: see cargo xtask help"),
            }))
        }
    }
}

/// A command that takes no arguments would do less than a reader of its command line believes.
fn nothing_behind(command: &str, rest: &[OsString]) -> Result<(), Failure> {
    match rest.first() {
        Some(word) => Err(Failure::usage(format!("{command} takes no arguments, not even {}", word.to_string_lossy()))),
        None => Ok(()),
    }
}

/// Builds membench in release mode and runs `membench command rest…`.
fn membench(command: &str, rest: &[OsString]) -> Result<(), Failure> {
    let program = tool::release_binary("membench")?;
    // The first build takes a minute and should be seen to; later ones would only stand before the output.
    let quiet: &[&str] = if program.exists() { &["--quiet"] } else { &[] };
    Tool::cargo().args(["build", "--release", "--package", "membench"]).args(quiet).silent().run()?;
    Tool::new(program).arg(command).args(rest).silent().run()
}

/// Writes to standard error; where that is closed there is nobody to tell.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Edits between two words (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("heap", "heap"), 0);
        assert_eq!(distance("heep", "heap"), 1);
        assert_eq!(distance("hep", "heap"), 1);
        assert_eq!(distance("", "ci"), 2);
    }

    #[test]
    fn unknown_commands_are_refused_with_the_nearest() {
        let failure = dispatch("compar", &[]).unwrap_err();
        assert_eq!(failure.status, 2);
        assert_eq!(failure.sentence.unwrap(), "there is no command compar: did you mean compare?");
    }

    #[test]
    fn commands_without_arguments_refuse_them_and_others_show_the_help() {
        for command in ["ci", "docs"] {
            assert_eq!(dispatch(command, &["--fast".into()]).unwrap_err().status, 2);
        }
        for command in HELPED_HERE {
            assert!(OWN.contains(&command) && dispatch(command, &["--help".into()]).is_ok());
        }
    }
}
