//! The JavaScript program that does what a workload says. Pure: a workload in, a text out.
//!
//! The program is meant to be read: literals stand at their sites, one site a shape, as a person would write them. What
//! holds: no function captures a root, so a root lives on the stack only (a captured variable would move to a context
//! in the heap), and what the program prints allocates next to nothing.
//!
//! It loads no module but `fs`, which every process has loaded already: `v8`, `os` or `perf_hooks` alone would add half a
//! MB of heap that the workload does not ask for.
//!
//! It talks in lines that start with [`MARK`], written straight to file descriptor 1, so that nothing is lost when the
//! process aborts.

use std::fmt::Write;

use crate::settings::machine::HEADROOM;
use crate::text::Lang;
use crate::workload::{Shape, Step, Value, Workload};

/// The start of each line that the program prints.
pub const MARK: &str = "@membench ";

/// The program for `workload`, CommonJS, for Node 10 and later.
pub fn javascript(workload: &Workload) -> String {
    let mut program = format!(
        "'use strict';\n\
         // {name}: {description}.\n\
         // Made by membench. By hand: node --max-old-space-size=256 --expose-gc --trace-gc FILE\n\
         const fs = require('fs');\n\
         \n",
        name = workload.name,
        description = workload.description.get(Lang::En),
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
    if any(&workload.steps, &|step| matches!(step, Step::NeedMemory { .. })) {
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
    for root in &workload.roots {
        let keyword = if root.dropped { "let" } else { "const" };
        let _ = writeln!(program, "{keyword} {} = [];", root.name);
    }
    if any(&workload.steps, &|step| matches!(step, Step::Records { .. })) {
        program.push_str("let n = 0;\n");
    }
    program.push_str("let iteration = 0;\n\n");
    steps(&mut program, workload, &workload.steps, 0);
    program
        .push_str(&format!("\nfs.writeSync(1, `{MARK}{{\"end\":{{\"timeMs\":${{process.uptime() * 1000}}}}}}\\n`);\n"));
    program
}

fn any(steps: &[Step], wanted: &dyn Fn(&Step) -> bool) -> bool {
    steps.iter().any(|step| {
        wanted(step)
            || match step {
                Step::Repeat { body, .. } | Step::IfGcExposed { body } => any(body, wanted),
                _ => false,
            }
    })
}

fn steps(program: &mut String, workload: &Workload, list: &[Step], depth: usize) {
    let indent = "  ".repeat(depth);
    let root = |id: &crate::workload::RootId| workload.roots[id.0].name.as_str();
    for step in list {
        program.push_str(&indent);
        match step {
            Step::Sample { label } => {
                let _ = writeln!(program, "sample(iteration, '{}');", label.key());
            }
            Step::Repeat { times, body } => {
                match times {
                    Some(times) => {
                        let round = format!("round{depth}");
                        let _ = writeln!(program, "for (let {round} = 0; {round} < {times}; {round}++) {{");
                    }
                    None => program.push_str("for (;;) {\n"),
                }
                let _ = writeln!(program, "{indent}  iteration++;");
                steps(program, workload, body, depth + 1);
                let _ = writeln!(program, "{indent}}}");
            }
            Step::Records { count, shape, into } => {
                let into = root(into);
                let _ = writeln!(program, "for (let i = 0; i < {count}; i++) {{");
                let _ = writeln!(program, "{indent}  {into}.push({});", object(shape));
                let _ = writeln!(program, "{indent}  n++;");
                let _ = writeln!(program, "{indent}}}");
            }
            Step::NeedMemory { bytes } => {
                let _ = writeln!(program, "needMemory(iteration, {bytes});");
            }
            Step::Buffer { bytes, fill, into } => {
                let _ = writeln!(program, "{}.push(Buffer.alloc({bytes}, {fill}));", root(into));
            }
            Step::Drop { root: dropped } => {
                let _ = writeln!(program, "{} = null;", root(dropped));
            }
            Step::IfGcExposed { body } => {
                program.push_str("if (typeof gc === 'function') {\n");
                steps(program, workload, body, depth + 1);
                let _ = writeln!(program, "{indent}}}");
            }
            Step::Gc => program.push_str("gc();\n"),
        }
    }
}

fn object(shape: &Shape) -> String {
    let fields: Vec<String> =
        shape.fields.iter().map(|field| format!("{}: {}", field.name, literal(&field.value))).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn literal(value: &Value) -> String {
    match value {
        Value::Counter(0) => "n".into(),
        Value::Counter(more) => format!("n + {more}"),
        Value::Text { prefix } => format!("'{prefix}' + n"),
        Value::Array(values) => format!("[{}]", values.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(shape) => object(shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Sizes, shipped};

    #[test]
    fn the_record_literal_is_the_one_of_the_mission() {
        let program = javascript(&shipped("heap", Sizes::default()).unwrap());
        assert!(program.contains("for (let i = 0; i < 75000; i++) {"));
        assert!(program.contains("items.push({ id: n, name: 'item' + n, data: [n, n + 1, n + 2] });"));
        assert!(program.contains("const items = [];"));
    }
}
