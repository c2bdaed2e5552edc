//! Memory against time: what each policy makes of three programs that share a machine.
//!
//! Each program keeps a ring of texts and replaces one of them at each step, so its garbage is old when it dies and only full
//! collections find it. The programs differ in what they keep and in how fast they go. A policy is judged by the sum over
//! the three: bytes of heap on average, and time spent on full collections. More of one buys less of the other; a policy is better
//! where it needs less of both.
//!
//! `cargo run --release -p gcheap --example policy_tradeoff` prints the table, with `-- --svg` the figure of docs/policies.md.
#![allow(clippy::print_stdout, reason = "an example prints")]

use gcheap::event::{Collector, Event, LimitUpdate};
use gcheap::policy::{
    FixedSize, Flags, InitialLimit, InitialLimitInputs, MemBalancer, Policy, RecomputeInputs, V8Policy, limit_update,
};
use gcheap::profile::Profile;
use gcheap::{Error, Heap, HeapOptions};
use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;

const MIB: f64 = 1_048_576.0;
/// Bytes of a text.
const TEXT: u64 = 8_000;
/// Virtual time that each program runs, ms. The test of the examples is content with less.
const RUN_MS: f64 = if cfg!(test) { 1_000.0 } else { 4_000.0 };
/// What the background markers need for a byte, ns: the time of full collections is not only their pauses.
const MARKING_NS_PER_BYTE: f64 = 1.0;

/// The rule of most runtimes: the heap may grow to a multiple of what is alive.
#[derive(Debug)]
struct Proportional(f64);

impl Policy for Proportional {
    fn recompute_limits(&self, inputs: &RecomputeInputs, _: &Profile) -> LimitUpdate {
        limit_update(inputs, (inputs.old_generation as f64 * self.0) as u64)
    }

    fn shrink_initial_limit(&self, inputs: &InitialLimitInputs) -> InitialLimit {
        FixedSize { bytes: 16 << 20 }.shrink_initial_limit(inputs)
    }
}

/// A program: texts that it keeps, and the time it thinks between two steps, ms.
struct Program {
    keeps: u64,
    thinks_ms: f64,
}

/// A small fast one, one in the middle, a large slow one.
const PROGRAMS: [Program; 3] = [
    Program { keeps: 1_200, thinks_ms: 0.01 },
    Program { keeps: 2_000, thinks_ms: 0.05 },
    Program { keeps: 4_000, thinks_ms: 0.3 },
];

/// Average bytes of heap and ms of full collections, of one program or of several.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    heap: f64,
    gc_ms: f64,
}

fn run(program: &Program, policy: Box<dyn Policy>) -> Result<Cost, Error> {
    let flags = Flags { max_old_space_size_mb: Some(512), max_semi_space_size_mb: Some(1), ..Flags::default() };
    let mut heap = Heap::new(HeapOptions { flags, policy, verify: false, ..HeapOptions::for_tests() })?;
    let gc_ms = Rc::new(Cell::new(0.0));
    let sum = Rc::clone(&gc_ms);
    heap.subscribe(move |event| {
        if let Event::Gc(gc) = event
            && gc.collector == Collector::MarkCompact
        {
            let beside = if gc.incremental.is_some() { gc.used_after as f64 * MARKING_NS_PER_BYTE / 1e6 } else { 0.0 };
            sum.set(sum.get() + gc.pause_ms + beside);
        }
    });
    let mut scope = heap.scope();
    let ring = scope.array(&[])?;
    for _ in 0..program.keeps {
        let mut turn = scope.scope();
        let text = turn.string_of_length(TEXT, false)?;
        turn.array_push(ring, text.into())?;
    }
    // The time in which it only fills up does not count.
    gc_ms.set(0.0);
    let start = scope.time_ms();
    let (mut heap_bytes, mut steps, mut place) = (0.0, 0.0, 0);
    while scope.time_ms() - start < RUN_MS {
        {
            let mut turn = scope.scope();
            let text = turn.string_of_length(TEXT, false)?;
            // A step that shares no factor with the length comes by every place.
            place = (place + 769) % program.keeps;
            turn.array_set(ring, place, text.into())?;
        }
        scope.advance(program.thinks_ms);
        heap_bytes += scope.memory_usage().heap_used as f64;
        steps += 1.0;
    }
    Ok(Cost { heap: heap_bytes / steps, gc_ms: gc_ms.get() })
}

fn sum(policy: impl Fn() -> Box<dyn Policy>) -> Result<Cost, Error> {
    let mut cost = Cost::default();
    for program in &PROGRAMS {
        let one = run(program, policy())?;
        cost.heap += one.heap;
        cost.gc_ms += one.gc_ms;
    }
    Ok(cost)
}

/// A policy with one value of its parameter for each point.
struct Curve {
    name: &'static str,
    colour: &'static str,
    points: Vec<(String, Cost)>,
}

fn curves() -> Result<Vec<Curve>, Error> {
    let mut all = vec![Curve { name: "V8", colour: "#444444", points: vec![("".into(), sum(|| Box::new(V8Policy))?)] }];
    let mut add = |name, colour, values: &[f64], make: &dyn Fn(f64) -> Box<dyn Policy>| {
        let points = values.iter().map(|&value| Ok((value.to_string(), sum(|| make(value))?)));
        all.push(Curve { name, colour, points: points.collect::<Result<_, Error>>()? });
        Ok::<(), Error>(())
    };
    add("fixed size, MiB", "#9467bd", &[40.0, 64.0], &|mib| Box::new(FixedSize { bytes: (mib * MIB) as u64 }))?;
    add("proportional", "#d62728", &[1.25, 1.5, 2.0, 3.0], &|factor| Box::new(Proportional(factor)))?;
    add("MemBalancer", "#1f77b4", &[0.3, 0.1, 0.03, 0.01], &|c| Box::new(MemBalancer { time_per_mib: c }))?;
    Ok(all)
}

/// A figure in logarithmic scales.
fn svg(curves: &[Curve]) -> String {
    let costs = || curves.iter().flat_map(|curve| curve.points.iter().map(|(_, cost)| *cost));
    let range = |of: fn(&Cost) -> f64| {
        let (least, most) = costs().map(|cost| of(&cost)).fold((f64::MAX, 0f64), |(a, b), v| (a.min(v), b.max(v)));
        (least / 1.15, most * 1.15)
    };
    let (heap, time) = (range(|cost| cost.heap / MIB), range(|cost| cost.gc_ms));
    let place = |(least, most): (f64, f64), value: f64| (value / least).ln() / (most / least).ln();
    let x = |cost: &Cost| 70.0 + 540.0 * place(heap, cost.heap / MIB);
    let y = |cost: &Cost| 360.0 - 320.0 * place(time, cost.gc_ms);
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 420\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"760\" height=\"420\" fill=\"#ffffff\"/>\n\
         <path d=\"M70 40V360H610\" fill=\"none\" stroke=\"#444444\"/>\n\
         <text x=\"340\" y=\"400\" text-anchor=\"middle\">heap of all three programs on average, MiB</text>\n\
         <text transform=\"translate(20 200) rotate(-90)\" text-anchor=\"middle\">time of full collections, ms</text>\n",
    );
    for tick in [80.0, 100.0, 120.0, 150.0, 200.0, 250.0, 300.0] {
        if (heap.0..heap.1).contains(&tick) {
            let x = 70.0 + 540.0 * place(heap, tick);
            let _ = writeln!(out, "<path d=\"M{x:.1} 360v5\" stroke=\"#444444\"/>");
            let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"378\" text-anchor=\"middle\">{tick}</text>");
        }
    }
    for tick in [50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0] {
        if (time.0..time.1).contains(&tick) {
            let y = 360.0 - 320.0 * place(time, tick);
            let _ = writeln!(out, "<path d=\"M65 {y:.1}h5\" stroke=\"#444444\"/>");
            let _ = writeln!(out, "<text x=\"60\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>", y + 4.0);
        }
    }
    for (number, curve) in curves.iter().enumerate() {
        let places: Vec<String> =
            curve.points.iter().map(|(_, cost)| format!("{:.1},{:.1}", x(cost), y(cost))).collect();
        let (colour, line) = (curve.colour, places.join(" "));
        let _ = writeln!(out, "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
        for (value, cost) in &curve.points {
            let (x, y) = (x(cost), y(cost));
            let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>");
            let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{value}</text>", x + 6.0, y - 6.0);
        }
        let y = 60 + 20 * number;
        let _ = writeln!(out, "<text x=\"620\" y=\"{y}\" fill=\"{colour}\">{}</text>", curve.name);
    }
    out.push_str("</svg>\n");
    out
}

/// Prints the table, or the figure.
///
/// # Errors
/// A heap that ran out, which none does.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let curves = curves()?;
    if std::env::args().any(|argument| argument == "--svg") {
        print!("{}", svg(&curves));
        return Ok(());
    }
    println!("{:<16} {:>8} {:>10} {:>10}", "policy", "value", "heap MiB", "gc ms");
    for curve in &curves {
        for (value, cost) in &curve.points {
            println!("{:<16} {value:>8} {:>10.1} {:>10.1}", curve.name, cost.heap / MIB, cost.gc_ms);
        }
        // The trade-off of the paper: each step to less memory costs time.
        for pair in curve.points.windows(2) {
            let ((_, small), (_, large)) = (&pair[0], &pair[1]);
            assert!(small.heap <= large.heap && small.gc_ms >= large.gc_ms, "{}: {small:?}, {large:?}", curve.name);
        }
    }
    Ok(())
}
