//! Puts the parts together: reads the command line, resolves it, runs an engine, and says how the process ends.
//!
//! The only module that touches everything. What holds: nothing is run before the command line, the output file and the
//! memory of the machine have been checked, and the process is not ended here but by what [`main`] returns.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::FromArgMatches;
use serde_json::json;

use crate::calibrate;
use crate::cli::{
    CalibrateCommand, Cli, Command, EngineFlag, Format, LimitsCommand, ListCommand, OnOom, RunOptions, argv, help,
    mistake,
};
use crate::engine::node::NodeEngine;
use crate::engine::node::script::javascript;
use crate::engine::sim::SimEngine;
use crate::engine::{Engine, Outcome, RunError, Sink};
use crate::exit::Exit;
use crate::explain;
use crate::fidelity;
use crate::record::file::{RecordFile, json_line};
use crate::report::text::pad_right;
use crate::report::{Console, Style, colour_on, limits as limits_report};
use crate::settings::{HeapSettings, Memory, Node, Settings, machine};
use crate::text::{Lang, Text};
use crate::workload::{Sizes, Workload, find, shipped};

/// Does what `typed` says; the first word is the name of the program.
pub fn main(typed: impl IntoIterator<Item = OsString>) -> Exit {
    let typed: Vec<OsString> = typed.into_iter().collect();
    let argv = argv::normalise(typed.clone());
    let lang = argv::peek_lang(&argv).unwrap_or_else(Lang::from_environment);
    let parsed = help::command(lang).try_get_matches_from(&argv).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &argv, lang),
    };
    // The command is the first word after the program: there are no options in front of it.
    let flags = typed.iter().skip(2).map(|word| word.to_string_lossy().into_owned()).collect();
    match dispatch(cli.command, flags, lang) {
        Ok(exit) => exit,
        Err(Failure::Usage(text)) => {
            complain(&text, lang);
            Exit::Usage
        }
        Err(Failure::Run(error)) => ended(Err(error), lang),
    }
}

/// Why there is no run.
enum Failure {
    Usage(Text),
    Run(RunError),
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Failure::Run(error)
    }
}

fn refused(error: &clap::Error, argv: &[OsString], lang: Lang) -> Exit {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion, MissingSubcommand,
    };
    let asked_for = match error.kind() {
        DisplayHelp | DisplayVersion => true,
        DisplayHelpOnMissingArgumentOrSubcommand | MissingSubcommand => false,
        _ => {
            complain(&mistake::sentence(error, argv), lang);
            return Exit::Usage;
        }
    };
    let colour = if asked_for { colour_on(&io::stdout()) } else { colour_on(&io::stderr()) };
    let text = error.render();
    let text = help::of_clap(lang, if colour { text.ansi().to_string() } else { text.to_string() });
    if !asked_for {
        // There is nowhere left to say that standard error is closed.
        let _ = io::stderr().write_all(text.as_bytes());
        return Exit::Usage;
    }
    let mut out = io::stdout();
    ended(
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map(|()| Exit::Completed).map_err(RunError::from),
        lang,
    )
}

/// The status of what was done, and the sentence where it failed.
fn ended(done: Result<Exit, RunError>, lang: Lang) -> Exit {
    match done {
        Ok(exit) => exit,
        // Whoever closed the pipe knows why: `membench heap | head` is no failure of ours.
        Err(RunError::Closed) => Exit::Completed,
        Err(RunError::Failed(text)) => {
            complain(&text, lang);
            Exit::Failed
        }
    }
}

fn complain(text: &Text, lang: Lang) {
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(io::stderr(), "membench: {}", text.get(lang));
}

fn dispatch(command: Command, flags: Vec<String>, lang: Lang) -> Result<Exit, Failure> {
    let sizes = |options: &RunOptions, records, buffer_size| Sizes {
        iterations: options.iterations,
        records,
        buffer_size,
        set: Vec::new(),
    };
    let (name, sizes, options) = match command {
        Command::Heap(heap) => ("heap".to_owned(), sizes(&heap.options, heap.records, None), heap.options),
        Command::Buffer(buffer) => {
            ("buffer".to_owned(), sizes(&buffer.options, None, buffer.buffer_size), buffer.options)
        }
        Command::Compare(compare) => {
            ("compare".to_owned(), sizes(&compare.options, compare.records, compare.buffer_size), compare.options)
        }
        Command::Run(run) => {
            let sizes = Sizes { set: run.set, ..sizes(&run.options, run.records, run.buffer_size) };
            let workload = find(&run.workload, sizes).map_err(Failure::Usage)?;
            if let Some(path) = &run.emit_js {
                return emit_js(&workload, run.options.seed, path);
            }
            return workload_run(&workload, flags, &run.options, lang);
        }
        Command::List(command) => return Ok(list(&command, lang)?),
        Command::Limits(command) => return limits(&command, lang),
        Command::Calibrate(command) => return calibration(&command, lang),
        Command::Explain(command) => {
            explain::run(&command, lang)?;
            return Ok(Exit::Completed);
        }
        Command::Fidelity(command) => {
            let wanted = fidelity::Wanted::resolve(&command).map_err(Failure::Usage)?;
            let document = command.write.as_deref().map(|path| file_to_write("--write", path)).transpose()?;
            fidelity::run(&command, &wanted, document, lang)?;
            return Ok(Exit::Completed);
        }
    };
    let workload = shipped(&name, sizes).map_err(Failure::Usage)?;
    workload_run(&workload, flags, &options, lang)
}

fn emit_js(workload: &Workload, seed: u64, path: &Path) -> Result<Exit, Failure> {
    let flag = "--emit-js";
    let file = file_to_write(flag, path)?;
    file.whole(&javascript(workload, seed)).map_err(|error| RunError::Failed(unwritable(flag, path, &error)))?;
    Ok(Exit::Completed)
}

fn workload_run(workload: &Workload, flags: Vec<String>, options: &RunOptions, lang: Lang) -> Result<Exit, Failure> {
    let (mut settings, notes) = Settings::resolve(flags, options).map_err(Failure::Usage)?;
    let file = options.output.as_deref().map(|path| file_to_write("--output", path)).transpose()?;
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    match &options.engine {
        EngineFlag::Sim => engines.push(Box::new(SimEngine)),
        EngineFlag::Node(path) => engines.push(Box::new(NodeEngine::locate(path.as_deref(), settings.node)?)),
        EngineFlag::Both(path) => {
            let node = NodeEngine::locate(path.as_deref(), settings.node)?;
            // Side by side only makes sense for one and the same version.
            if !settings.node.typed
                && let Some(same) = settings.for_node(node.major())
            {
                settings = same;
            }
            engines.push(Box::new(SimEngine));
            engines.push(Box::new(node));
        }
    }
    let mut console = Console::standard(Style::new(options.format, lang, engines.len() > 1), workload, file);
    for note in notes.iter().chain(&memory_check(workload, &settings)?) {
        console.note(note)?;
    }
    let mut outcomes = Vec::new();
    for engine in &mut engines {
        let outcome = match engine.run(workload, &settings, &mut console) {
            Ok(outcome) => outcome,
            Err(error) => {
                // The run that failed says how the process ends, whether or not the other one can be told.
                let _ = console.tell_what_ended();
                return Err(error.into());
            }
        };
        if let Outcome::Stopped(why) = &outcome {
            console.note(why)?;
        }
        outcomes.push(outcome);
    }
    console.finish()?;
    Ok(if outcomes.contains(&Outcome::OutOfMemory) {
        Exit::OutOfMemory { abort: options.on_oom == OnOom::Abort }
    } else if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Stopped(_))) {
        Exit::Failed
    } else {
        Exit::Completed
    })
}

/// Makes sure that a file can be written before there is anything to write.
fn file_to_write(flag: &str, path: &Path) -> Result<RecordFile, Failure> {
    RecordFile::create(path).map_err(|error| Failure::Usage(unwritable(flag, path, &error)))
}

fn unwritable(flag: &str, path: &Path, error: &io::Error) -> Text {
    let path = path.display();
    Text::new(format!("{flag}: {path} cannot be written: {error}"), format!("{flag}:无法写入 {path}:{error}"))
}

/// Refuses a run that this machine cannot even begin, and warns of one that it cannot end.
fn memory_check(workload: &Workload, settings: &Settings) -> Result<Option<Text>, RunError> {
    let estimate = workload.estimate();
    let limit = settings.limits.heap_size_limit;
    let heap = estimate.heap.map_or(limit, |heap| heap.min(limit));
    let first = heap.saturating_add(estimate.buffers_per_iteration);
    if let Err(available) = machine::room_for(first) {
        let (first, available) = (first >> 20, available >> 20);
        return Err(RunError::failed(
            format!(
                "this machine has {available} MB available and the run may take {first} MB: choose a smaller --max-old-space, fewer --iterations or smaller sizes"
            ),
            format!(
                "本机可用内存为 {available} MB,而运行可能需要 {first} MB:请减小 --max-old-space、--iterations 或各项大小"
            ),
        ));
    }
    let whole = heap.saturating_add(estimate.buffers);
    Ok(machine::room_for(whole).err().map(|available| {
        let (whole, available) = (whole >> 20, available >> 20);
        Text::new(
            format!("all iterations take about {whole} MB and this machine has {available} MB available: the run will stop early"),
            format!("全部迭代约需 {whole} MB,而本机可用内存为 {available} MB:运行将提前停止"),
        )
    }))
}

fn list(command: &ListCommand, lang: Lang) -> Result<Exit, RunError> {
    let mut out = io::stdout();
    let workloads = shipped::all();
    let widest = workloads.iter().map(|workload| workload.name.len()).max().unwrap_or(0);
    for workload in &workloads {
        let line = match command.format {
            Format::Text => {
                format!("{}{}\n", pad_right(&workload.name, widest + 2), workload.description.get(lang)).into_bytes()
            }
            Format::Json => {
                let parameters: serde_json::Map<_, _> = workload
                    .parameters
                    .iter()
                    .map(|parameter| (parameter.name.clone(), json!(parameter.value)))
                    .collect();
                json_line(&Listed { name: &workload.name, description: workload.description.get(lang), parameters })?
            }
        };
        out.write_all(&line)?;
    }
    out.flush()?;
    Ok(Exit::Completed)
}

/// A line of `list`.
#[derive(serde::Serialize)]
#[serde(tag = "type", rename = "workload")]
struct Listed<'a> {
    name: &'a str,
    description: &'a str,
    parameters: serde_json::Map<String, serde_json::Value>,
}

fn calibration(command: &CalibrateCommand, lang: Lang) -> Result<Exit, Failure> {
    let flag = "--write";
    let file = match &command.write {
        Some(path) => Some((path, file_to_write(flag, path)?)),
        None => None,
    };
    let found = calibrate::calibrate(&command.node)?;
    let output = match command.format {
        Format::Json => json_line(&calibrate::json(&found)).map_err(RunError::from)?,
        Format::Text => calibrate::text(lang, &found).into_bytes(),
    };
    if let Some((path, file)) = file {
        file.whole(&found.file.to_toml()).map_err(|error| RunError::Failed(unwritable(flag, path, &error)))?;
    }
    let mut out = io::stdout();
    out.write_all(&output).and_then(|()| out.flush()).map_err(RunError::from)?;
    Ok(Exit::Completed)
}

fn limits(command: &LimitsCommand, lang: Lang) -> Result<Exit, Failure> {
    let (heap, notes) = HeapSettings::resolve(&command.heap);
    let memory = Memory::resolve(command.platform.memory);
    let node = Node::resolve(&command.platform).map_err(Failure::Usage)?;
    let limits = heap.limits(memory, node.profile).map_err(Failure::Usage)?;
    for note in &notes {
        complain(note, lang);
    }
    let output = match command.format {
        Format::Json => json_line(&limits_report::record(node.profile, memory, &limits)).map_err(RunError::from)?,
        Format::Text => limits_report::text(lang, node.profile, memory, &limits).into_bytes(),
    };
    let mut out = io::stdout();
    out.write_all(&output).and_then(|()| out.flush()).map_err(RunError::from)?;
    Ok(Exit::Completed)
}
