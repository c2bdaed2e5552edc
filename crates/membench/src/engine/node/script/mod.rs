//! The JavaScript program that does what a workload says. Pure: a workload and a seed in, a text out.
//!
//! The program is meant to be read: literals stand at their sites, one site a shape, as a person would write them. A named
//! shape is a function, and so is a value that takes a loop to make. What holds: no function captures a variable that keeps
//! things, so it lives on the stack only (a captured variable would move to a context in the heap), and what the program
//! prints allocates next to nothing.
//!
//! It loads no module but `fs`, which every process has loaded already: `v8`, `os` or `perf_hooks` alone would add half a
//! MB of heap that the workload does not ask for.
//!
//! It talks in lines that start with [`MARK`], written straight to file descriptor 1, so that nothing is lost when the
//! process aborts.

mod values;

use std::fmt::Write;

use crate::settings::machine::HEADROOM;
use crate::text::Lang;
use crate::workload::random::{Random, SCRAMBLE};
use crate::workload::{Bound, Container, Count, Gc, Keep, Step, Value, WHOLE_SHARE, Workload};
use values::Values;

/// The start of each line that the program prints.
pub const MARK: &str = "@membench ";

/// The program for `workload`, CommonJS, for Node 10 and later (14 and later where it has weak references).
///
/// ```
/// use membench::engine::node::script::javascript;
/// use membench::workload::{Sizes, shipped};
/// let program = javascript(&shipped("heap", Sizes::default()).unwrap(), 1);
/// assert!(program.contains("items.push({ id: n, name: 'item' + n, data: [n, n + 1, n + 2] });"));
/// ```
pub fn javascript(workload: &Workload, seed: u64) -> String {
    let mut values = Values::new(workload);
    let waits = workload.any_step(&|step| matches!(step, Step::Wait { .. }));
    let depth = usize::from(waits);
    let mut body = String::new();
    variables(&mut body, workload, depth);
    steps(&mut body, workload, &mut values, &workload.steps, depth);

    let mut program = head(workload);
    helpers(&mut program, workload, seed);
    program.push_str(&values.functions());
    if waits {
        program.push_str("async function main() {\n");
    }
    program.push_str(&body);
    let end = format!("fs.writeSync(1, `{MARK}{{\"end\":{{\"timeMs\":${{process.uptime() * 1000}}}}}}\\n`);\n");
    let _ = write!(program, "\n{}{end}", "  ".repeat(depth));
    if waits {
        program.push_str("}\n\nmain();\n");
    }
    program
}

/// What every program begins with: who made it, how it tells what it sees.
fn head(workload: &Workload) -> String {
    let mut program = format!(
        "'use strict';\n\
         // {name}: {description}.\n\
         // Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE\n\
         const fs = require('fs');\n\
         \n",
        name = workload.name,
        description = workload.description.get(Lang::En).trim_end_matches('.').replace('\n', " "),
    );
    program.push_str(&format!(
        "fs.writeSync(1, `{MARK}{{\"start\":{{\"node\":\"${{process.versions.node}}\",\"v8\":\"${{process.versions.v8}}\"}}}}\\n`);\n\n"
    ));
    program.push_str(&format!(
        "function sample(iteration, label) {{\n  \
           const time = process.uptime() * 1000;\n  \
           const m = process.memoryUsage();\n  \
           fs.writeSync(1, `{MARK}{{\"sample\":{{\"iteration\":${{iteration}},\"label\":\"${{label}}\",\"timeMs\":${{time}},\
         \"rss\":${{m.rss}},\"heapTotal\":${{m.heapTotal}},\"heapUsed\":${{m.heapUsed}},\"external\":${{m.external}},\
         \"arrayBuffers\":${{m.arrayBuffers || 0}}}}}}\\n`);\n\
         }}\n\n"
    ));
    program
}

/// The helpers that this workload needs.
fn helpers(program: &mut String, workload: &Workload, seed: u64) {
    if workload.any_step(&|step| matches!(step, Step::NeedMemory { .. })) {
        program.push_str(&format!(
            "// Ends the program before it would drive the machine into swapping.\n\
             function needMemory(iteration, bytes) {{\n  \
               const available = process.availableMemory ? process.availableMemory() : require('os').freemem();\n  \
               if (bytes + {HEADROOM} <= available) return;\n  \
               fs.writeSync(1, `{MARK}{{\"stopped\":{{\"iteration\":${{iteration}},\"needed\":${{bytes}},\"available\":${{available}}}}}}\\n`);\n  \
               process.exit(1);\n\
             }}\n\n"
        ));
    }
    if workload.draws() {
        let _ = write!(
            program,
            "// The generator that the simulation has too.\n\
             let random = {};\n\
             function draw(from, to) {{\n  \
               random ^= random << 13;\n  \
               random ^= random >>> 17;\n  \
               random ^= random << 5;\n  \
               return from + (Math.imul(random, {SCRAMBLE}) >>> 1) % (to - from + 1);\n\
             }}\n\n",
            Random::new(seed).state()
        );
    }
    let [narrow, wide] = workload.longest_strings();
    if narrow + wide > 0 {
        program.push_str("// Flat strings are read out of bytes, as a program reads them from a file or a socket.\n");
    }
    if narrow > 0 {
        let _ = writeln!(program, "const bytes = Buffer.alloc({}, 'x');", text_bytes(narrow));
    }
    if wide > 0 {
        let _ = writeln!(program, "const wideBytes = Buffer.alloc({}, '\\u4e2d', 'utf16le');", text_bytes(2 * wide));
    }
    if narrow + wide > 0 {
        program.push('\n');
    }
    if workload.any_value(&|value| matches!(value, Value::Concat { flat: true, .. })) {
        program.push_str(
            "// Reading a character makes a string flat.\n\
             let characters = 0;\n\
             function flatten(string) {\n  \
               characters = (characters + string.charCodeAt(0)) & 0xffff;\n  \
               return string;\n\
             }\n\n",
        );
    }
    if workload.any_value(&|value| matches!(value, Value::Finalized(_))) {
        program.push_str(
            "let finalized = 0;\n\
             const registry = new FinalizationRegistry(() => { finalized++; });\n\
             function withFinalizer(thing, n) {\n  \
               registry.register(thing, n);\n  \
               return thing;\n\
             }\n\n",
        );
    }
    if workload.any_value(&|value| matches!(value, Value::WeakKey { .. })) {
        program.push_str(
            "const weakMap = new WeakMap();\n\
             function weakKey(key, value) {\n  \
               weakMap.set(key, value);\n  \
               return key;\n\
             }\n\n",
        );
    }
    if workload.any_step(&|step| matches!(step, Step::Make { keep: None, .. })) {
        program.push_str(
            "// What nothing keeps is stored here all the same: the optimizer would not allocate it otherwise.\n\
             const sink = { last: null };\n\n",
        );
    }
}

/// Bytes of the Buffer that flat strings are read from: never one that has its bytes in the heap.
pub(crate) fn text_bytes(longest: u64) -> u64 {
    longest.max(128)
}

fn variables(program: &mut String, workload: &Workload, depth: usize) {
    let indent = "  ".repeat(depth);
    for keep in &workload.keeps {
        let keyword = if keep.dropped || keep.container == Container::List { "let" } else { "const" };
        let _ = writeln!(program, "{indent}{keyword} {} = {};", keep.name, container(keep));
    }
    if workload.any_step(&|step| matches!(step, Step::Make { numbered: true, .. })) {
        let _ = writeln!(program, "{indent}let n = 0;");
    }
    let _ = writeln!(program, "{indent}let iteration = 0;\n");
}

fn container(keep: &Keep) -> String {
    match (keep.container, keep.bound) {
        (Container::Array, Bound::Window(size) | Bound::Table(size)) => format!("new Array({size})"),
        (Container::Array, _) => "[]".into(),
        (Container::Map, _) => "new Map()".into(),
        (Container::Set, _) => "new Set()".into(),
        (Container::List, _) => "null".into(),
    }
}

fn steps(program: &mut String, workload: &Workload, values: &mut Values<'_>, list: &[Step], depth: usize) {
    let indent = "  ".repeat(depth);
    for step in list {
        if let Step::Make { count, value, keep, numbered } = step {
            let value = values.expression(value);
            let keep = keep.map(|id| &workload.keeps[id.0]);
            make(program, *count, &value, keep, *numbered, depth);
            continue;
        }
        program.push_str(&indent);
        match step {
            Step::Comment(text) => {
                let _ = writeln!(program, "// {text}");
            }
            Step::Sample { label } => {
                let _ = writeln!(program, "sample(iteration, '{}');", label.key());
            }
            Step::Repeat { times, iterations, body } => {
                match times {
                    Some(times) => program.push_str(&loop_head(&format!("round{depth}"), *times)),
                    None => program.push_str("for (;;) {\n"),
                }
                if *iterations {
                    let _ = writeln!(program, "{indent}  iteration++;");
                }
                steps(program, workload, values, body, depth + 1);
                let _ = writeln!(program, "{indent}}}");
            }
            Step::NeedMemory { bytes } => {
                let _ = writeln!(program, "needMemory(iteration, {bytes});");
            }
            Step::Drop { keep, again } => {
                let keep = &workload.keeps[keep.0];
                let empty = if *again { container(keep) } else { "null".into() };
                let _ = writeln!(program, "{} = {empty};", keep.name);
            }
            Step::IfGcExposed { body } => {
                program.push_str("if (typeof gc === 'function') {\n");
                steps(program, workload, values, body, depth + 1);
                let _ = writeln!(program, "{indent}}}");
            }
            Step::Gc(kind) => program.push_str(match kind {
                Gc::Full => "gc();\n",
                Gc::Young => "gc({ type: 'minor' });\n",
                Gc::LastResort => "gc({ type: 'major', flavor: 'last-resort' });\n",
            }),
            Step::Wait { ms } => {
                let _ = writeln!(program, "await new Promise((resolve) => setTimeout(resolve, {ms}));");
            }
            Step::Make { .. } => {}
        }
    }
}

/// Makes one thing, or many of them in a loop, and keeps them.
fn make(program: &mut String, count: Option<Count>, value: &str, keep: Option<&Keep>, numbered: bool, depth: usize) {
    let outer = "  ".repeat(depth);
    let several = keep.is_some_and(|keep| matches!(keep.bound, Bound::OneIn(_) | Bound::Share(_)));
    let block = match count {
        Some(count) => {
            program.push_str(&outer);
            program.push_str(&loop_head("i", count));
            true
        }
        None if several => {
            let _ = writeln!(program, "{outer}{{");
            true
        }
        None => false,
    };
    let indent = "  ".repeat(depth + usize::from(block));
    match keep {
        None => {
            let _ = writeln!(program, "{indent}sink.last = {value};");
        }
        Some(keep) => {
            let kept = match keep.bound {
                Bound::OneIn(every) => Some(format!("n % {every} === 0")),
                Bound::Share(millionths) => Some(format!("draw(1, {WHOLE_SHARE}) <= {millionths}")),
                _ => None,
            };
            if let Some(condition) = kept {
                let _ = writeln!(program, "{indent}const thing = {value};");
                let _ = writeln!(program, "{indent}if ({condition}) {};", put(keep, "thing"));
            } else {
                let _ = writeln!(program, "{indent}{};", put(keep, value));
            }
            if let (Bound::Window(size), Container::Map) = (keep.bound, keep.container) {
                let _ = writeln!(program, "{indent}{}.delete(n - {size});", keep.name);
            }
        }
    }
    if numbered {
        let _ = writeln!(program, "{indent}n++;");
    }
    if block {
        let _ = writeln!(program, "{outer}}}");
    }
}

/// The statement that keeps a value.
fn put(keep: &Keep, value: &str) -> String {
    let name = &keep.name;
    match (keep.container, keep.bound) {
        (Container::Array, Bound::Window(size)) => format!("{name}[n % {size}] = {value}"),
        (Container::Array, Bound::Table(size)) => format!("{name}[draw(0, {})] = {value}", size - 1),
        (Container::Array, _) => format!("{name}.push({value})"),
        (Container::Map, Bound::Table(size)) => format!("{name}.set(draw(0, {}), {value})", size - 1),
        (Container::Map, _) => format!("{name}.set(n, {value})"),
        (Container::Set, _) => format!("{name}.add({value})"),
        (Container::List, _) => format!("{name} = {{ value: {value}, next: {name} }}"),
    }
}

/// The head of a loop; a drawn number of rounds is drawn once.
fn loop_head(variable: &str, count: Count) -> String {
    match count {
        Count::Fixed(number) => format!("for (let {variable} = 0; {variable} < {number}; {variable}++) {{\n"),
        Count::Drawn { .. } => format!("for (let {variable} = {}; {variable} > 0; {variable}--) {{\n", number(count)),
    }
}

/// A number, or the drawing of one.
fn number(count: Count) -> String {
    match count {
        Count::Fixed(number) => number.to_string(),
        Count::Drawn { from, to } => format!("draw({from}, {to})"),
    }
}
