//! V8's text: lines that real processes printed are taken apart and rendered again, and must come out the same to the byte.

use gcheap::event::*;
use gcheap::profile::Profile;
use gcheap::trace::*;

fn dialect(node: u32) -> Dialect {
    Profile::for_node(node).expect("a profile").dialect
}

/// An event with nothing in it.
fn blank() -> GcEvent {
    GcEvent {
        number: 1,
        collector: Collector::Scavenge,
        reason: GcReason::AllocationFailure,
        collector_reason: CollectorReason::None,
        reduce_memory: false,
        interleaved: false,
        incremental: None,
        time_ms: 0.0,
        pause_ms: 0.0,
        mutator_ms: 0.0,
        used_before: 0,
        used_after: 0,
        committed_before: 0,
        committed_after: 0,
        holes_before: 0,
        holes_after: 0,
        pooled: 0,
        young_before: 0,
        promoted: 0,
        survived: 0,
        allocated: 0,
        average_survival_ratio: 0.0,
        new_space_capacity: 0,
        old_generation_limit: 0,
        global_limit: 0,
        mutator_utilization: 1.0,
        average_mutator_utilization: 1.0,
        speeds: Speeds::default(),
        spaces: vec![],
        external_reported: 0,
        backing_stores: 0,
        total_gc_ms: 0.0,
        available: 0,
        sweeping: false,
        controller: None,
    }
}

const GC_REASONS: [GcReason; 5] = [
    GcReason::AllocationFailure,
    GcReason::FinalizeMarkingViaStackGuard,
    GcReason::FinalizeMarkingViaTask,
    GcReason::LastResort,
    GcReason::Testing,
];

/// The text between two others, as a number.
fn number(line: &str, before: &str, after: &str) -> f64 {
    between(line, before, after).trim().parse().unwrap_or_else(|_| panic!("a number after {before:?} in {line}"))
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> &'a str {
    let start = line.find(before).unwrap_or_else(|| panic!("{before:?} in {line}")) + before.len();
    let length = line[start..].find(after).unwrap_or_else(|| panic!("{after:?} in {line}"));
    &line[start..start + length]
}

/// A printed MB as bytes that print the same.
fn bytes(mb: f64) -> u64 {
    (mb * 1_048_576.0).round() as u64
}

fn process_of(line: &str) -> Process {
    let pid = between(line, "[", ":").parse().expect("a pid");
    let isolate = between(line, ":0x", "]");
    let isolate = isolate.strip_suffix(":0").unwrap_or(isolate);
    Process { pid, isolate: u64::from_str_radix(isolate, 16).expect("an address") }
}

fn parse_line(line: &str) -> GcEvent {
    let mut gc = blank();
    gc.time_ms = number(line, "] ", " ms:");
    let body = &line[line.find(" ms: ").expect("a body") + 5..];
    gc.collector = if body.starts_with("Scavenge") { Collector::Scavenge } else { Collector::MarkCompact };
    gc.reduce_memory = body.contains("(reduce)");
    gc.interleaved = body.contains("(interleaved)") || body.contains("(during sweeping)");
    let words: Vec<&str> = body.split_whitespace().collect();
    let arrow = words.iter().position(|&word| word == "->").expect("an arrow");
    let value = |word: &str| bytes(word.trim_matches(['(', ')']).parse().expect("MB"));
    gc.used_before = value(words[arrow - 2]);
    gc.committed_before = value(words[arrow - 1]);
    gc.used_after = value(words[arrow + 1]);
    gc.committed_after = value(words[arrow + 2]);
    if body.contains("pooled: ") {
        gc.pooled = bytes(number(body, "pooled: ", " MB"));
    }
    gc.pause_ms = body[..body.find(" / ").expect("a pause")].rsplit(' ').next().expect("a pause").parse().expect("ms");
    if body.contains("(+ ") {
        gc.incremental = Some(IncrementalMarking {
            main_thread_ms: number(body, "(+ ", " ms in"),
            steps: number(body, "ms in ", " steps") as u32,
            biggest_step_ms: number(body, "biggest step ", " ms"),
            walltime_ms: number(body, "walltime since start of marking ", " ms"),
        });
    }
    gc.average_mutator_utilization = number(body, "average mu = ", ",");
    gc.mutator_utilization = number(body, "current mu = ", ")");
    let reasons = &body[body.find("current mu = ").expect("mu")..];
    // Up to Node 12 nothing but a space stands between the reasons.
    let both = &reasons[reasons.find(") ").expect("a reason") + 2..];
    let split = GC_REASONS.into_iter().find_map(|reason| {
        let rest = both.strip_prefix(&reason.to_string())?;
        Some((reason, rest.strip_prefix(';').unwrap_or(rest).strip_prefix(' ')?))
    });
    let (reason, why) = split.unwrap_or_else(|| panic!("two reasons in {both:?}"));
    gc.reason = reason;
    gc.collector_reason = [
        CollectorReason::None,
        CollectorReason::GcInOldSpaceRequested,
        CollectorReason::IncrementalMarkingForcedFinalization,
        CollectorReason::IncrementalMarkingNeedsFinalization,
        CollectorReason::ScavengeMightNotSucceed,
    ]
    .into_iter()
    .find(|candidate| candidate.to_string() == why)
    .unwrap_or_else(|| panic!("a collector reason called {why:?}"));
    gc
}

#[test]
fn real_trace_lines_are_rendered_again_to_the_byte() {
    let mut lines = 0;
    for row in include_str!("data/trace_gc.tsv").lines().filter(|row| !row.starts_with('#')) {
        let (node, line) = row.split_once('\t').expect("two columns");
        let node = node.parse().expect("a major");
        assert_eq!(trace_gc_line(dialect(node), &process_of(line), &parse_line(line)), format!("{line}\n"));
        lines += 1;
    }
    assert!(lines > 50, "{lines}");
}

#[test]
fn node_22_says_0_steps_whatever_there_were() {
    let mut gc = blank();
    gc.collector = Collector::MarkCompact;
    gc.incremental = Some(IncrementalMarking { main_thread_ms: 2.6, steps: 7, biggest_step_ms: 1.0, walltime_ms: 9.0 });
    let line = |dialect| trace_gc_line(dialect, &Process { pid: 1, isolate: 2 }, &gc);
    assert!(line(Dialect::V8_12_4).contains("(+ 2.6 ms in 0 steps since start of marking, biggest step 0.0 ms, "));
    assert!(line(Dialect::V8_13_6).contains("(+ 2.6 ms in 7 steps since start of marking, biggest step 1.0 ms, "));
}

#[test]
fn the_last_few_gcs_of_real_deaths_are_cut_as_v8_cut_them() {
    let deaths = [
        (10, include_str!("data/fatal_10.txt")),
        (12, include_str!("data/fatal_12.txt")),
        (18, include_str!("data/fatal_18.txt")),
        (20, include_str!("data/fatal_20.txt")),
        (22, include_str!("data/fatal_22.txt")),
        (24, include_str!("data/fatal_24.txt")),
        (26, include_str!("data/fatal_26.txt")),
    ];
    let mut checked = 0;
    for (node, file) in deaths {
        for death in file.split("#### lines\n").skip(1) {
            let (lines, rest) = death.split_once("#### text\n").expect("lines, then text");
            let text = rest.strip_suffix("#### end\n").expect("an end");
            let mut ring = RingBuffer::default();
            for line in lines.split_inclusive('\n') {
                ring.push(line);
            }
            let location = [Location::ReachedHeapLimit, Location::IneffectiveMarkCompacts]
                .into_iter()
                .find(|location| text.contains(&location.to_string()))
                .expect("a location");
            let fatal = Fatal { location, ..no_fatal() };
            let ours = fatal_text(dialect(node), &ring, &fatal);
            let (ours, frames) = ours.split_at(ours.find(" 1: gcheap::").expect("frames"));
            assert!(frames.starts_with(" 1: gcheap::"));
            let ours = ours.strip_suffix("----- Native stack trace -----\n\n").unwrap_or(ours);
            // Up to Node 12 all but the message goes to standard output, before the JavaScript stack.
            let stdout = fatal_stdout(dialect(node), &ring);
            let text = match text.split_once("#### stderr\n") {
                Some((real, rest)) => {
                    assert_eq!(stdout.split("==== JS stack trace").next(), Some(real), "Node {node}");
                    rest
                }
                None => {
                    assert_eq!(stdout, "", "Node {node}");
                    text
                }
            };
            assert_eq!(ours, text, "Node {node}");
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
}

fn no_fatal() -> Fatal {
    Fatal {
        location: Location::ReachedHeapLimit,
        time_ms: 0.0,
        requested: 0,
        used: 0,
        committed: 0,
        old_generation_capacity: 0,
        max_old_generation: 0,
        ineffective_mark_compacts: 0,
        average_mutator_utilization: 0.0,
        system_refused: false,
    }
}

#[test]
fn the_end_of_a_machine_is_told_apart_from_the_end_of_a_heap() {
    let refused = Fatal { system_refused: true, location: Location::CommittingSemiSpace, ..no_fatal() };
    assert_eq!(
        fatal_message(&refused),
        "FATAL ERROR: Committing semi space failed. Allocation failed - process out of memory"
    );
}

#[test]
fn the_ring_buffer_cuts_lines_at_255_bytes_and_keeps_512() {
    // (lengths of lines, newline included) -> (bytes kept, length of the tail, the tail starts with a newline)
    let rows: [(&[usize], usize, usize, bool); 8] = [
        (&[], 0, 0, false),
        // A single whole line: its newline is the end of everything.
        (&[100], 100, 100, false),
        (&[100, 100], 200, 101, true),
        // A line of exactly 255 bytes keeps its newline, one of 256 loses it.
        (&[255, 10], 265, 11, true),
        (&[256, 10], 265, 265, false),
        (&[300, 300], 510, 510, false),
        (&[300, 300, 300], 512, 512, false),
        (&[200, 200, 200], 512, 401, true),
    ];
    for (lines, kept, tail, newline_first) in rows {
        let mut ring = RingBuffer::default();
        for &length in lines {
            ring.push(&format!("{}\n", "x".repeat(length - 1)));
        }
        assert_eq!(ring.contents().len(), kept, "{lines:?}");
        assert_eq!(ring.tail().len(), tail, "{lines:?}");
        assert_eq!(ring.tail().starts_with('\n'), newline_first, "{lines:?}");
    }
}

/// A printed figure in KB, cut, as bytes in the middle of what it can have been.
fn kib(line: &str, before: &str) -> u64 {
    let rest = &line[line.find(before).unwrap_or_else(|| panic!("{before:?} in {line}")) + before.len()..];
    let rest = rest.trim_start_matches([' ', '*']);
    let end = rest.find(|digit: char| !digit.is_ascii_digit()).expect("a unit");
    rest[..end].parse::<u64>().expect("KB") << 10
}

fn parse_block(block: &str) -> (GcEvent, u64) {
    let line =
        |label: &str| block.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label} in {block}"));
    let mut gc = parse_line(block.lines().find(|line| line.contains("average mu")).expect("a trace line"));
    gc.committed_after = kib(line("] Memory allocator,"), "used:");
    gc.available = kib(line("] Memory allocator,"), "available:");
    gc.sweeping = block.contains("(*)");
    gc.external_reported = kib(line("External memory reported:"), "reported:");
    if block.contains("Backing store memory:") {
        gc.backing_stores = kib(line("Backing store memory:"), "memory:");
    }
    gc.total_gc_ms = line("Total time spent in GC").rsplit(' ').nth(1).expect("ms").parse().expect("ms");
    if block.contains(" buffering ") {
        gc.pooled = kib(line(" buffering "), "committed:");
    }
    for (label, space) in [
        ("New space,", SpaceName::New),
        ("New large object space,", SpaceName::NewLargeObject),
        ("Old space,", SpaceName::Old),
        ("Read-only space,", SpaceName::ReadOnly),
        ("Code space,", SpaceName::Code),
        ("Map space,", SpaceName::Map),
        ("Large object space,", SpaceName::LargeObject),
        ("Code large object space,", SpaceName::CodeLargeObject),
        ("Trusted space,", SpaceName::Trusted),
        ("Trusted large object space,", SpaceName::TrustedLargeObject),
    ] {
        let Some(line) = block.lines().find(|line| line.contains(&format!("] {label}"))) else { continue };
        gc.spaces.push(SpaceSize {
            space,
            used: kib(line, "used:"),
            available: kib(line, "available:"),
            committed: kib(line, "committed:"),
            physical: 0,
        });
    }
    // What the young generation's survivors were can be told only from the share that the line on fast promotion shows.
    if block.contains("survival rate:") {
        let new = gc.spaces.iter().find(|size| size.space == SpaceName::New).expect("new space");
        let percent = number(block, "survival rate: ", "%") as u64;
        let survived = (percent * (new.used + new.available)).div_ceil(100);
        gc.promoted = survived;
    }
    let factor = |line: &&str| line.contains("[HeapController] factor") || line.contains("Heap growing factor");
    if let Some(factor) = block.lines().find(factor) {
        let (limit, global) = match block.contains("Grow: old size") {
            true => (line("Grow: old size"), line("Grow: old size")),
            false => (line("[HeapController] Limit"), line("[GlobalMemoryController] Limit")),
        };
        let used_factor = |line: &str| match line.ends_with(')') {
            true => number(line, " KB (", ")"),
            false => 0.0,
        };
        gc.controller = Some(LimitUpdate {
            old_size: kib(limit, "old size:"),
            new_limit: kib(limit, "new limit:"),
            global_size: kib(global, "old size:"),
            new_global_limit: kib(global, "new limit:"),
            factor: used_factor(limit),
            dynamic_factor: number(factor, "factor ", " "),
            gc_speed: number(factor, "(gc=", ","),
            mutator_speed: number(factor, "mutator=", ")"),
        });
    }
    (gc, kib(line("] Read-only space,"), "used:"))
}

/// "All spaces" is a sum of bytes of which the block shows whole KB only: its figures may differ by a few.
fn same_but_for_sums(ours: &str, real: &str) -> bool {
    let figures =
        |text: &str| -> Vec<i64> { text.split([' ', ':', '*']).filter_map(|word| word.parse().ok()).collect() };
    let shape = |text: &str| {
        text.chars().filter(|character| !character.is_ascii_digit() && *character != ' ').collect::<String>()
    };
    ours.contains("] All spaces,")
        && ours.len() == real.len()
        && shape(ours) == shape(real)
        && figures(ours).iter().zip(figures(real)).all(|(ours, real)| (ours - real).abs() <= 12)
}

fn gc_pooled(line: &str) -> u64 {
    kib(line, "committed:")
}

#[test]
fn real_verbose_blocks_are_rendered_again_to_the_byte() {
    let files = [
        (10, include_str!("data/verbose_10.txt")),
        (12, include_str!("data/verbose_12.txt")),
        (18, include_str!("data/verbose_18.txt")),
        (20, include_str!("data/verbose_20.txt")),
        (22, include_str!("data/verbose_22.txt")),
        (24, include_str!("data/verbose_24.txt")),
        (26, include_str!("data/verbose_26.txt")),
    ];
    for (node, file) in files {
        for block in file.split("####\n") {
            let (gc, read_only_used) = parse_block(block);
            let line = block.lines().find(|line| line.contains("average mu")).expect("a trace line");
            let options = TraceOptions { gc: true, nvp: false, verbose: true };
            let mut tracer = Tracer::new(dialect(node), process_of(line), options, read_only_used);
            let ours = tracer.render(&Event::Gc(Box::new(gc)));
            assert_eq!(ours.lines().count(), block.lines().count(), "Node {node}:\n{ours}\n{block}");
            for (ours, real) in ours.lines().zip(block.lines()) {
                let same = if real.contains("average mu") {
                    // Sizes in MB, parsed from the block's KB: tested on its own above.
                    true
                } else if real.contains("Controller]") || real.contains("Heap growing") || real.contains("Grow:") {
                    // Printed a moment before or after the collection's time.
                    ours.split_once(" ms: ").map(|(_, text)| text) == real.split_once(" ms: ").map(|(_, text)| text)
                } else if real.contains("Unmapper buffering") && !gc_pooled(real).is_multiple_of(256 << 10) {
                    // 11.3 also queues large pages, which the number of chunks counts.
                    true
                } else {
                    ours == real || same_but_for_sums(ours, real)
                };
                assert!(same, "Node {node}:\n{ours}\n{real}");
            }
        }
    }
}

#[test]
fn nvp_lines_have_the_keys_of_real_ones_in_their_order() {
    let files = [
        (10, include_str!("data/nvp_10.txt")),
        (12, include_str!("data/nvp_12.txt")),
        (18, include_str!("data/nvp_18.txt")),
        (20, include_str!("data/nvp_20.txt")),
        (22, include_str!("data/nvp_22.txt")),
        (24, include_str!("data/nvp_24.txt")),
        (26, include_str!("data/nvp_26.txt")),
    ];
    /// Everything but the digits of the values.
    fn shape(line: &str) -> String {
        let mut shape = String::new();
        for pair in line.trim_end().split([' ', ',']).filter(|pair| pair.contains(['=', ':'])) {
            let (key, value) = pair.rsplit_once(if pair.contains('=') { '=' } else { ':' }).expect("a pair");
            let is_number = value.trim_end_matches(['%', '}']).parse::<f64>().is_ok();
            shape.push_str(&format!("{key} {}\n", if is_number { "#" } else { value }));
        }
        shape
    }
    for (node, file) in files {
        let real: Vec<&str> = file.lines().collect();
        let process = process_of(real[0]);
        let mut writer = NvpWriter::new(dialect(node), process);
        let mut gc = blank();
        gc.time_ms = number(real[0], "] ", " ms:");
        gc.young_before = 1 << 20;
        gc.survived = 1 << 19;
        let young = writer.line(&gc);
        assert_eq!(shape(&young), shape(real[0]), "Node {node}");
        gc.collector = Collector::MarkCompact;
        gc.reason = GcReason::Testing;
        gc.collector_reason = CollectorReason::GcInOldSpaceRequested;
        gc.time_ms = number(real[1], "] ", " ms:");
        gc.promoted = 1 << 18;
        let full = writer.line(&gc);
        assert_eq!(shape(&full), shape(real[1]), "Node {node}");
        assert!(full.contains(if node == 26 { "\"promotion_rate\":50" } else { "promotion_rate=50.0%" }), "{full}");
    }
}

#[test]
fn nvp_values_of_real_scavenges_come_out_the_same() {
    let row = include_str!("data/nvp_24.txt").lines().next().expect("a line");
    let value = |key: &str| number(&format!("{row} "), &format!(" {key}="), " ");
    let percent = |key: &str| between(row, &format!(" {key}="), "%").parse::<f64>().expect("a share");
    let mut gc = blank();
    gc.time_ms = number(row, "] ", " ms:");
    gc.pause_ms = value("pause");
    gc.mutator_ms = value("mutator");
    gc.used_before = value("start_object_size") as u64;
    gc.used_after = value("end_object_size") as u64;
    gc.committed_before = value("start_memory_size") as u64;
    gc.committed_after = value("end_memory_size") as u64;
    gc.allocated = value("allocated") as u64;
    gc.survived = value("new_space_survived") as u64;
    gc.young_before = 1_048_512;
    gc.average_survival_ratio = percent("average_survival_ratio");
    gc.new_space_capacity = value("new_space_capacity") as u64;
    gc.old_generation_limit = value("old_gen_allocation_limit") as u64;
    gc.global_limit = value("global_allocation_limit") as u64;
    let new_space = value("new_space_allocation_throughput");
    gc.speeds.new_space_allocation = Some(new_space);
    gc.speeds.old_generation_allocation = Some(value("allocation_throughput") - new_space);
    let ours = NvpWriter::new(Dialect::V8_13_6, process_of(row)).line(&gc);
    for key in [
        "pause",
        "mutator",
        "gc",
        "reduce_memory",
        "interleaved",
        "start_object_size",
        "end_memory_size",
        "allocated",
        "promoted",
        "new_space_survived",
        "promotion_ratio",
        "average_survival_ratio",
        "new_space_survive_rate_",
        "new_space_capacity",
        "old_gen_allocation_limit",
        "global_allocation_limit",
        "allocation_throughput",
    ] {
        let pair = |line: &str| between(&format!("{line} "), &format!(" {key}="), " ").to_owned();
        assert_eq!(pair(&ours), pair(row), "{key}");
    }
}

#[test]
fn a_full_collections_nvp_line_shows_the_limits_before_it() {
    let mut writer = NvpWriter::new(Dialect::V8_13_6, Process { pid: 1, isolate: 2 });
    let mut gc = blank();
    gc.old_generation_limit = 111;
    writer.line(&gc);
    gc.collector = Collector::MarkCompact;
    gc.old_generation_limit = 222;
    assert!(writer.line(&gc).contains(" old_gen_allocation_limit=111 "));
    assert!(writer.line(&gc).contains(" old_gen_allocation_limit=222 "));
}

#[test]
fn the_ring_is_fed_without_trace_gc_and_not_by_nvp_lines() {
    let process = Process { pid: 1, isolate: 2 };
    let event = Event::Gc(Box::new(blank()));
    let mut silent = Tracer::new(Dialect::V8_13_6, process, TraceOptions::default(), 0);
    assert_eq!(silent.render(&event), "");
    assert!(silent.ring().contents().contains("Scavenge"));
    let mut nvp = Tracer::new(Dialect::V8_13_6, process, TraceOptions { nvp: true, ..TraceOptions::default() }, 0);
    assert!(nvp.render(&event).contains("gc=s"));
    assert_eq!(nvp.ring().contents(), "");
    assert!(nvp.fatal_text(&no_fatal()).starts_with("\n<--- Last few GCs --->\n\nFATAL ERROR"));
    let other = Event::NewSpaceResized { from: 1, to: 2, time_ms: 0.0 };
    assert_eq!(silent.render(&other), "");
}

#[test]
fn the_heap_controller_speaks_before_the_line_up_to_12_4_and_after_the_block_later() {
    for profile in Profile::all() {
        let mut gc = blank();
        gc.controller = Some(LimitUpdate {
            old_size: 1 << 20,
            new_limit: 2 << 20,
            global_size: 1 << 20,
            new_global_limit: 4 << 20,
            factor: 1.1,
            dynamic_factor: 1.3,
            gc_speed: 0.0,
            mutator_speed: 5.0,
        });
        let options = TraceOptions { gc: true, nvp: false, verbose: true };
        let mut tracer = Tracer::new(profile.dialect, Process { pid: 1, isolate: 2 }, options, 0);
        let text = tracer.render(&Event::Gc(Box::new(gc)));
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("Fast promotion")).collect();
        let first = lines[0].contains("] factor 1.3 ") || lines[0].contains("Heap growing factor 1.3 ");
        assert_eq!(first, profile.node_major <= 22);
        assert_eq!(text.contains("(1.1)\n"), profile.node_major <= 22);
    }
}

#[test]
fn verbose_alone_prints_the_lines_of_trace_gc_but_not_in_node_10() {
    for profile in Profile::all() {
        let options = TraceOptions { verbose: true, ..TraceOptions::default() };
        let mut tracer = Tracer::new(profile.dialect, Process { pid: 1, isolate: 2 }, options, 0);
        let text = tracer.render(&Event::Gc(Box::new(blank())));
        assert_eq!(text.contains("Scavenge"), profile.node_major != 10, "Node {}", profile.node_major);
        assert_eq!(text.contains("Fast promotion mode"), profile.node_major <= 18, "Node {}", profile.node_major);
    }
}

#[test]
fn the_name_value_pairs_of_node_22_say_0_steps_too() {
    let mut gc = blank();
    gc.collector = Collector::MarkCompact;
    gc.incremental = Some(IncrementalMarking { main_thread_ms: 2.6, steps: 7, biggest_step_ms: 1.0, walltime_ms: 9.0 });
    let line = |dialect| NvpWriter::new(dialect, Process { pid: 1, isolate: 2 }).line(&gc);
    assert!(line(Dialect::V8_12_4).contains("incremental_steps_count=0 "));
    assert!(line(Dialect::V8_11_3).contains("incremental_steps_count=7 "));
}
