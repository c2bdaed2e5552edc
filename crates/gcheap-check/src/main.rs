//! Runs random programs on the heap and the model: `--operations N --seed S [--seeds COUNT] [--node MAJOR]
//! [--max-old-space MB]`.

use gcheap_check::{Coverage, Settings, check, operation::program, shrink::shrink};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    match soak(&mut out) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

fn soak(out: &mut impl Write) -> Result<bool, Box<dyn std::error::Error>> {
    let (mut seed, mut seeds, mut operations, mut node, mut max_old) = (1u64, 1u64, 20_000usize, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a number"))?;
        let number: u64 = value.parse().map_err(|_| format!("{name}: {value:?} is not a number"))?;
        match name.as_str() {
            "--seed" => seed = number,
            "--seeds" => seeds = number,
            "--operations" => operations = number as usize,
            "--node" => node = Some(u32::try_from(number)?),
            "--max-old-space" => max_old = Some(number),
            _ => {
                return Err(format!(
                    "unknown option {name}; there are --seed, --seeds, --operations, --node and --max-old-space"
                )
                .into());
            }
        }
    }
    // A failure is reported with its operation; the text of a panic is part of it.
    std::panic::set_hook(Box::new(|_| {}));
    let mut total = Coverage::default();
    for seed in seed..seed + seeds {
        let mut settings = Settings::from_seed(seed);
        settings.node = node.unwrap_or(settings.node);
        settings.max_old_space_mb = max_old.unwrap_or(settings.max_old_space_mb);
        let program = program(seed, operations);
        match check(&settings, &program) {
            Ok(coverage) => total.add(&coverage),
            Err(failure) => {
                writeln!(out, "seed {seed} fails: {failure}\n{settings:?}")?;
                let (small, failure) = shrink(&settings, program, failure, Duration::from_secs(60));
                writeln!(out, "{} operations are left: {failure}", small.len())?;
                for operation in &small {
                    writeln!(out, "    {operation:?}")?;
                }
                writeln!(
                    out,
                    "replay: cargo run -p gcheap-check --release -- --seed {seed} --operations {operations} --node {} \
                     --max-old-space {}",
                    settings.node, settings.max_old_space_mb
                )?;
                return Ok(false);
            }
        }
    }
    writeln!(out, "{seeds} programs of {operations} operations agree with the model\n{total:#?}")?;
    Ok(true)
}
