//! The oracle against faults on purpose: a fault that nothing notices is a hole in the tests.

use crate::failure::Failure;
use crate::operation::Action;
use crate::soak::Soak;
use crate::{Caught, Harness};
use gcheap::mutants::{Mutant, with};
use std::io::Write;

/// How a fault was noticed.
#[derive(Clone, Debug)]
pub struct Noticed {
    /// By what.
    pub by: Caught,
    /// After how many operations, over all programs.
    pub operations: u64,
    /// The seed of the program.
    pub seed: u64,
    /// The action that showed it.
    pub action: Action,
    /// In words.
    pub failure: Failure,
}

/// Runs programs with a fault until it is noticed; `None` if `operations` agreed in spite of it.
///
/// `verifier` says whether [`gcheap::Heap::verify`] runs after every collection: without it the oracle has to notice.
///
/// ```
/// use gcheap::mutants::Mutant;
/// use gcheap_check::mutation::hunt;
/// assert!(hunt(Mutant::ForgetForwardedRoot, 5_000, true).is_some());
/// ```
pub fn hunt(mutant: Mutant, operations: u64, verifier: bool) -> Option<Noticed> {
    let programs = Soak::default();
    let (mut done, mut seed) = (0, 0);
    while done < operations {
        seed += 1;
        let (mut settings, program) = programs.case(seed);
        settings.verify = verifier;
        match with(mutant, || Harness::new(settings).check(&program)) {
            Ok(coverage) => done += coverage.operations,
            Err(failure) => {
                let action = program.get(failure.at).map_or(Action::Compare, |operation| operation.action);
                return Some(Noticed {
                    by: failure.by,
                    operations: done + failure.at as u64 + 1,
                    seed,
                    action,
                    failure,
                });
            }
        }
    }
    None
}

/// Hunts every fault (or the one named `only`) and writes a Markdown table; whether all were noticed.
///
/// # Errors
/// `out` cannot be written, or there is no fault of that name.
pub fn table(out: &mut impl Write, operations: u64, only: Option<&str>) -> Result<bool, Box<dyn std::error::Error>> {
    let wanted: Vec<Mutant> =
        Mutant::ALL.into_iter().filter(|mutant| only.is_none_or(|name| name == format!("{mutant:?}"))).collect();
    if wanted.is_empty() {
        return Err(format!("there is no fault {}: {:?}", only.unwrap_or_default(), Mutant::ALL).into());
    }
    writeln!(out, "| fault | noticed by | after operations | words |")?;
    writeln!(out, "|---|---|---:|---|")?;
    let mut survivors = 0;
    for mutant in &wanted {
        match hunt(*mutant, operations, true) {
            Some(noticed) => writeln!(
                out,
                "| {mutant:?} | {} | {} | {} |",
                noticed.by.name(),
                noticed.operations,
                shorten(&noticed.failure.message)
            )?,
            None => {
                survivors += 1;
                writeln!(out, "| {mutant:?} | **nobody** | {operations} | |")?;
            }
        }
        out.flush()?;
    }
    writeln!(out, "\n{} of {} faults were noticed", wanted.len() - survivors, wanted.len())?;
    Ok(survivors == 0)
}

fn shorten(message: &str) -> String {
    let after_operation = message.split_once("}: ").or(message.split_once("}, ")).map_or(message, |(_, rest)| rest);
    let line: String = after_operation.replace('|', "/").chars().take(120).collect();
    line.replace('\n', " ")
}
