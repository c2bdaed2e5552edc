//! Many programs on all cores until so many operations have agreed, or one did not.

use crate::coverage::Coverage;
use crate::failure::Failure;
use crate::harness::Harness;
use crate::operation::{Operation, program};
use crate::settings::Settings;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What to run.
///
/// ```
/// use gcheap_check::soak::{Soak, soak};
/// let soaked = soak(&Soak { seed: 1, operations: 2_000, threads: 1, ..Soak::default() }, |_| {});
/// assert!(soaked.unwrap().coverage.operations >= 2_000);
/// ```
#[derive(Clone, Debug)]
pub struct Soak {
    /// The first seed; each program takes the next.
    pub seed: u64,
    /// At least this many operations.
    pub operations: u64,
    /// Threads; the result does not depend on them.
    pub threads: usize,
    /// Node major of every heap instead of the seeds' own.
    pub node: Option<u32>,
    /// Operations of every program instead of the seeds' own.
    pub length: Option<usize>,
}

impl Default for Soak {
    /// 10 million operations from seed 1 on all cores.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
        Soak { seed: 1, operations: 10_000_000, threads, node: None, length: None }
    }
}

impl Soak {
    /// Settings and program of a seed. Most programs are short, some long enough to fill old space.
    pub fn case(&self, seed: u64) -> (Settings, Vec<Operation>) {
        let mut settings = Settings::from_seed(seed);
        settings.node = self.node.unwrap_or(settings.node);
        let length = self.length.unwrap_or([500, 1000, 2000, 4000][(seed % 4) as usize]);
        (settings, program(seed, length))
    }
}

/// What agreed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Soaked {
    /// Programs.
    pub programs: u64,
    /// What they came through.
    pub coverage: Coverage,
}

/// A seed whose program fails.
#[derive(Clone, Debug)]
pub struct SoakFailure {
    /// The seed.
    pub seed: u64,
    /// Its heap.
    pub settings: Settings,
    /// Its program.
    pub program: Vec<Operation>,
    /// How it fails.
    pub failure: Failure,
}

/// Runs seeds in order until enough operations have agreed. `progress` is told how many after every program.
///
/// # Errors
/// The lowest seed that fails among those that were run.
pub fn soak(options: &Soak, progress: impl Fn(u64) + Sync) -> Result<Soaked, Box<SoakFailure>> {
    let (next, done) = (AtomicU64::new(options.seed), AtomicU64::new(0));
    let outcome: Mutex<(Soaked, Option<Box<SoakFailure>>)> = Mutex::default();
    let work = || {
        // Operations are counted when a program is taken, so the set of programs does not depend on the threads.
        while done.load(Ordering::SeqCst) < options.operations {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            let (settings, program) = options.case(seed);
            let before = done.fetch_add(program.len() as u64, Ordering::SeqCst);
            if before >= options.operations {
                break;
            }
            let result = Harness::new(settings.clone()).check(&program);
            let mut outcome = outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match result {
                Ok(coverage) => {
                    outcome.0.programs += 1;
                    outcome.0.coverage.add(&coverage);
                    progress(outcome.0.coverage.operations);
                }
                Err(failure) => {
                    done.store(options.operations, Ordering::SeqCst);
                    if outcome.1.as_ref().is_none_or(|known| seed < known.seed) {
                        outcome.1 = Some(Box::new(SoakFailure { seed, settings, program, failure }));
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(work);
        }
    });
    match outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        (_, Some(failure)) => Err(failure),
        (soaked, None) => Ok(soaked),
    }
}
