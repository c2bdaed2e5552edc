//! The oracle as a program: `cargo xtask soak` and `cargo xtask mutants` build and run it.

use gcheap_check::faults::{End, Fault};
use gcheap_check::operation::{program, to_bytes};
use gcheap_check::soak::{Soak, SoakFailure, Soaked, soak};
use gcheap_check::{Harness, replay, shrink::shrink};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const HELP: &str = "\
gcheap-check soak [--operations N] [--seed S] [--threads T] [--node MAJOR] [--length N]
    random programs on heap and model until N operations (10 million) have agreed
gcheap-check replay FILE
    runs a program that a soak has kept
gcheap-check faults [--every N] [--first N]
    memory refused at each place where a program asks for it, the first 1000 or every Nth
gcheap-check seeds DIRECTORY
    seeds for the fuzzing of heap programs
gcheap-check mutants [--operations N] [--only NAME]
    faults on purpose: what notices each, and after how many operations (feature `mutants`)
";

/// How long a failing program is made smaller.
const SHRINKING: Duration = Duration::from_secs(120);

type Outcome = Result<bool, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    match dispatch(&mut out, &arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(out: &mut impl Write, arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words.first() != Some(&"faults") {
        // The text of a panic is part of the failure that is reported.
        std::panic::set_hook(Box::new(|_| {}));
    }
    match words[..] {
        ["soak", ref rest @ ..] => run_soak(out, rest),
        ["replay", file] => run_replay(out, file),
        ["faults", ref rest @ ..] => run_faults(out, rest),
        ["seeds", directory] => write_seeds(directory),
        ["mutants", ref rest @ ..] => run_mutants(out, rest),
        _ => Err(HELP.into()),
    }
}

/// The values of options, each a name and what follows it.
fn options<'a>(
    words: &[&'a str],
    mut set: impl FnMut(&str, &'a str) -> Result<bool, Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} needs a value\n{HELP}", pair[0]).into()) };
        if !set(name, value).map_err(|error| format!("{name} {value}: {error}"))? {
            return Err(format!("there is no option {name}\n{HELP}").into());
        }
    }
    Ok(())
}

/// A number of operations, `_` between digits as in Rust: none would be a run that cannot fail.
fn operations(value: &str) -> Result<u64, Box<dyn std::error::Error>> {
    value.replace('_', "").parse().ok().filter(|count| *count > 0).ok_or_else(|| "give a whole number from 1 up".into())
}

/// A Node major that there is a profile for.
fn node(value: &str) -> Result<u32, Box<dyn std::error::Error>> {
    let major = value.parse().ok().filter(|major| gcheap::profile::Profile::for_node(*major).is_some());
    major.ok_or_else(|| format!("the supported major versions are {:?}", gcheap::profile::Profile::supported()).into())
}

fn run_soak(out: &mut impl Write, words: &[&str]) -> Outcome {
    let mut wanted = Soak::default();
    options(words, |name, value| {
        match name {
            "--operations" => wanted.operations = operations(value)?,
            "--seed" => wanted.seed = value.parse()?,
            "--threads" => wanted.threads = value.parse()?,
            "--node" => wanted.node = Some(node(value)?),
            "--length" => wanted.length = Some(value.parse()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let start = Instant::now();
    let said = Mutex::new(start);
    let progress = |operations: u64| {
        let mut said = said.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if said.elapsed() > Duration::from_secs(10) {
            *said = Instant::now();
            let seconds = start.elapsed().as_secs();
            let _ = writeln!(std::io::stderr(), "{operations} of {} operations, {seconds} s", wanted.operations);
        }
    };
    match soak(&wanted, progress) {
        Ok(soaked) => {
            summary(out, &wanted, &soaked, start.elapsed())?;
            Ok(true)
        }
        Err(failure) => {
            report(out, &wanted, *failure)?;
            Ok(false)
        }
    }
}

fn summary(out: &mut impl Write, wanted: &Soak, soaked: &Soaked, took: Duration) -> std::io::Result<()> {
    let Soaked { programs, coverage } = soaked;
    writeln!(
        out,
        "heap and model agree: {programs} programs from seed {} on, {} threads, {:.0} s",
        wanted.seed,
        wanted.threads,
        took.as_secs_f64()
    )?;
    for (name, count) in coverage.counters() {
        writeln!(out, "{count:>14}  {name}")?;
    }
    Ok(())
}

fn report(out: &mut impl Write, wanted: &Soak, failed: SoakFailure) -> Result<(), Box<dyn std::error::Error>> {
    let SoakFailure { seed, settings, program, failure } = failed;
    let length = program.len();
    writeln!(out, "seed {seed} fails {failure}\n{settings:?}")?;
    writeln!(std::io::stderr(), "making it smaller, {} s at most", SHRINKING.as_secs())?;
    let (small, failure) = shrink(&Harness::new(settings.clone()), program, failure, SHRINKING);
    let file = std::env::temp_dir().join(format!("gcheap-soak-seed-{seed}.txt"));
    std::fs::write(&file, replay::to_text(&settings, &small))?;
    writeln!(out, "{} operations are left: fails {failure}", small.len())?;
    for line in replay::to_text(&settings, &small).lines().take(60) {
        writeln!(out, "    {line}")?;
    }
    let node = wanted.node.map_or(String::new(), |node| format!(" --node {node}"));
    writeln!(out, "replay the small one: cargo xtask soak --replay {}", file.display())?;
    writeln!(out, "replay the whole:     cargo xtask soak --seed {seed} --operations 1 --length {length}{node}")?;
    Ok(())
}

fn run_replay(out: &mut impl Write, file: &str) -> Outcome {
    let file = PathBuf::from(file);
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (settings, program) = replay::from_text(&text)?;
    match Harness::new(settings).check(&program) {
        Ok(coverage) => {
            writeln!(out, "heap and model agree over {} operations", coverage.operations)?;
            Ok(true)
        }
        Err(failure) => {
            writeln!(out, "fails {failure}")?;
            Ok(false)
        }
    }
}

fn run_faults(out: &mut impl Write, words: &[&str]) -> Outcome {
    let (mut every, mut first) = (1, usize::MAX);
    options(words, |name, value| {
        match name {
            "--every" => every = value.parse::<usize>()?.max(1),
            "--first" => first = value.parse()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let start = Instant::now();
    let all = Fault::opportunities().map_err(|broken| broken.message)?;
    let (mut errors, mut absorbed) = (0, 0);
    for fault in all.iter().take(first).step_by(every) {
        match fault.inject() {
            Ok(End::Error) => errors += 1,
            Ok(End::Absorbed) => absorbed += 1,
            Err(broken) => {
                writeln!(out, "{fault:?} breaks the heap ({}): {}", broken.by.name(), broken.message)?;
                return Ok(false);
            }
        }
    }
    let (all, seconds) = (all.len(), start.elapsed().as_secs_f64());
    writeln!(
        out,
        "{} faults of {all} opportunities: {errors} ended in an error, {absorbed} were absorbed, all verify and go on; \
         {seconds:.0} s",
        errors + absorbed
    )?;
    Ok(true)
}

fn write_seeds(directory: &str) -> Outcome {
    std::fs::create_dir_all(directory)?;
    for seed in 0..24u8 {
        let mut bytes = vec![seed];
        bytes.extend(to_bytes(&program(u64::from(seed), 20 + 10 * usize::from(seed))));
        std::fs::write(PathBuf::from(directory).join(format!("program-{seed:02}")), bytes)?;
    }
    Ok(true)
}

#[cfg(not(feature = "mutants"))]
fn run_mutants(_: &mut impl Write, _: &[&str]) -> Outcome {
    Err("this build has no mutants: cargo run -p gcheap-check --release --features mutants -- mutants".into())
}

#[cfg(feature = "mutants")]
fn run_mutants(out: &mut impl Write, words: &[&str]) -> Outcome {
    let (mut operations, mut only) = (200_000, None);
    options(words, |name, value| {
        match name {
            "--operations" => operations = self::operations(value)?,
            "--only" => only = Some(value),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    gcheap_check::mutation::table(out, operations, only)
}
