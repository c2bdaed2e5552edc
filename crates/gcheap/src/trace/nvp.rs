//! `--trace-gc-nvp`: name=value pairs up to 13.6, a JSON object in 14.6. V8 `GCTracer::PrintNVP` (src/heap/gc-tracer.cc).

use super::nvp_keys::keys;
use super::{Dialect, Process};
use crate::event::{Collector, GcEvent, IncrementalMarking};

/// Writes nvp lines. It remembers what some values refer to: the survivors and the limits of the collection before.
///
/// ```
/// use gcheap::trace::{Dialect, NvpWriter, Process};
/// let writer = NvpWriter::new(Dialect::V8_13_6, Process { pid: 1, isolate: 2 });
/// # let _ = writer;
/// ```
#[derive(Clone, Debug)]
pub struct NvpWriter {
    dialect: Dialect,
    process: Process,
    previous_survived: u64,
    previous_limits: Option<(u64, u64)>,
}

enum Value {
    Number(f64),
    /// Whole in both forms.
    Whole(u64),
    Percent(f64),
    Flag(bool),
    Text(String),
}

impl NvpWriter {
    /// A writer for a process from its first collection on.
    pub fn new(dialect: Dialect, process: Process) -> Self {
        NvpWriter { dialect, process, previous_survived: 0, previous_limits: None }
    }

    /// The line of a collection, newline included.
    pub fn line(&mut self, gc: &GcEvent) -> String {
        let young = gc.collector == Collector::Scavenge;
        let mut line = format!("{} {:8.0} ms: ", self.process.with_id(self.dialect), gc.time_ms);
        let json = self.dialect == Dialect::V8_14_6;
        line.push_str(if json { "GC: {" } else { "" });
        for (index, &(key, decimals)) in keys(self.dialect, young).iter().enumerate() {
            let value = self.value(key, gc);
            if json {
                let separator = if index == 0 { "" } else { "," };
                line.push_str(&format!("{separator}\"{key}\":{}", json_value(value)));
            } else {
                // 13.6 forgot one space.
                let glued = index == 0 || (self.dialect == Dialect::V8_13_6 && key == "clear.join_job");
                line.push_str(if glued { "" } else { " " });
                line.push_str(&format!("{key}={}", plain_value(value, decimals)));
            }
        }
        line.push_str(if json { "}\n" } else { "\n" });
        self.previous_survived = gc.survived;
        self.previous_limits = Some((gc.old_generation_limit, gc.global_limit));
        line
    }

    fn value(&self, key: &str, gc: &GcEvent) -> Value {
        let young = gc.collector == Collector::Scavenge;
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
        // 12.4 resets its step counters before it prints them.
        let marking = gc.incremental.map(|part| match self.dialect {
            Dialect::V8_12_4 => IncrementalMarking { steps: 0, biggest_step_ms: 0.0, ..part },
            _ => part,
        });
        // A full collection prints its line before it sets new limits.
        let limits = match self.previous_limits {
            Some(limits) if !young => limits,
            _ => (gc.old_generation_limit, gc.global_limit),
        };
        match key {
            "pause" => Value::Number(gc.pause_ms),
            "mutator" => Value::Number(gc.mutator_ms),
            "gc" => Value::Text(
                if young {
                    "s"
                } else if self.dialect.says_mark_sweep() {
                    "ms"
                } else {
                    "mc"
                }
                .to_owned(),
            ),
            "reduce_memory" => Value::Flag(gc.reduce_memory),
            "interleaved" | "during_sweeping" => Value::Flag(gc.interleaved),
            "stack" => Value::Flag(true),
            "is_incremental" => Value::Flag(marking.is_some()),
            "reason" => Value::Text(gc.reason.to_string()),
            "collector_reason" => Value::Text(gc.collector_reason.to_string()),
            // The whole of a scavenge is one parallel phase here.
            "scavenge" | "scavenge.parallel" if young => Value::Number(gc.pause_ms),
            "scavenge_throughput" => Value::Number(gc.speeds.scavenge.unwrap_or(0.0).round()),
            "total_size_before" | "start_object_size" => Value::Whole(gc.used_before),
            "total_size_after" | "end_object_size" => Value::Whole(gc.used_after),
            "start_memory_size" => Value::Whole(gc.committed_before),
            "end_memory_size" => Value::Whole(gc.committed_after),
            "holes_size_before" | "start_holes_size" => Value::Whole(gc.holes_before),
            "holes_size_after" | "end_holes_size" => Value::Whole(gc.holes_after),
            "allocated" => Value::Whole(gc.allocated),
            "promoted" => Value::Whole(gc.promoted),
            "new_space_survived" | "semi_space_copied" => Value::Whole(gc.survived),
            "promotion_ratio" => Value::Percent(share(gc.promoted, gc.young_before)),
            "average_survival_ratio" => Value::Percent(gc.average_survival_ratio),
            "promotion_rate" => Value::Percent(share(gc.promoted, self.previous_survived)),
            "new_space_survive_rate" | "new_space_survive_rate_" | "semi_space_copy_rate" => {
                Value::Percent(share(gc.survived, gc.young_before))
            }
            "new_space_allocation_throughput" => Value::Number(gc.speeds.new_space_allocation.unwrap_or(0.0)),
            "allocation_throughput" => Value::Number(
                gc.speeds.new_space_allocation.unwrap_or(0.0) + gc.speeds.old_generation_allocation.unwrap_or(0.0),
            ),
            "new_space_capacity" => Value::Whole(gc.new_space_capacity),
            "old_gen_allocation_limit" => Value::Whole(limits.0),
            "global_allocation_limit" => Value::Whole(limits.1),
            "pool_chunks" | "unmapper_chunks" | "pool_local_chunks" | "pool_total_chunks" => {
                Value::Whole(gc.pooled / (256 << 10))
            }
            "incremental" | "incremental.steps_took" => Value::Number(marking.map_or(0.0, |part| part.main_thread_ms)),
            "incremental_longest_step" => Value::Number(marking.map_or(0.0, |part| part.biggest_step_ms)),
            "incremental_steps_count" => Value::Whole(marking.map_or(0, |part| u64::from(part.steps))),
            // V8's default before it has a sample of its own.
            "incremental_marking_throughput" => Value::Whole(128 << 10),
            "incremental_walltime_duration" => Value::Number(marking.map_or(0.0, |part| part.walltime_ms).round()),
            _ => Value::Number(0.0),
        }
    }
}

fn plain_value(value: Value, decimals: usize) -> String {
    match value {
        Value::Number(number) => format!("{number:.decimals$}"),
        Value::Whole(number) => number.to_string(),
        Value::Percent(number) => format!("{number:.1}%"),
        Value::Flag(flag) => u8::from(flag).to_string(),
        Value::Text(text) => text,
    }
}

fn json_value(value: Value) -> String {
    match value {
        Value::Number(number) | Value::Percent(number) => six_digits(number),
        Value::Whole(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        // Reasons are plain words: nothing in them needs escaping.
        Value::Text(text) => format!("\"{text}\""),
    }
}

/// A number as C++ streams write it: six significant digits, no trailing zeros.
fn six_digits(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return "0".to_owned();
    }
    // Rounding to six digits first decides the exponent: 999999.7 is 1e+06.
    let scientific = format!("{number:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        trim(&format!("{number:.decimals$}"))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::six_digits;

    #[test]
    fn numbers_in_json_have_six_digits_and_no_trailing_zeros() {
        let cases = [
            (0.0, "0"),
            (1.776, "1.776"),
            (14.969, "14.969"),
            (32_912.7, "32912.7"),
            (716_657.0, "716657"),
            (53.654_7, "53.6547"),
            (0.007_299_36, "0.00729936"),
            (0.000_012_5, "1.25e-05"),
            (999_999.7, "1e+06"),
            (1_234_567.0, "1.23457e+06"),
            (30_000.0, "30000"),
        ];
        for (number, expected) in cases {
            assert_eq!(six_digits(number), expected);
        }
    }
}
