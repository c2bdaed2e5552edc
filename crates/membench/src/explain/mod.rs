//! What V8 printed, in words: trace lines, whole logs and fatal messages.
//!
//! ```text
//! lines ──read──▶ collections and last words, a process at a time ──words──▶ a line or a block each
//!                                     └──────────verdict──▶ what the whole log says
//! ```
//!
//! Reads a file or standard input, nothing else; no engine is run. What holds: each line that looks like V8's is explained or
//! counted, as left out or as cut off; a text in which nothing is V8's is an error, not silence; and the memory that is taken does
//! not grow with the log.

mod read;
mod verdict;
mod words;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};

use serde::Serialize;

use crate::cli::{ExplainCommand, Format};
use crate::engine::RunError;
use crate::engine::node::fatal_line::FatalLine;
use crate::record::GcRecord;
use crate::record::file::json_line;
use crate::report::text::{pad_right, width};
use crate::text::{Lang, Text};

pub use read::{KEPT, Log, LogReader, Process, Reader, Speaker, read};
pub use verdict::{Tally, Verdict};

/// Explains what `command` names.
///
/// # Errors
///
/// It cannot be read, there is nothing of V8's in it, or the output cannot be written.
pub fn run(command: &ExplainCommand, lang: Lang) -> Result<(), RunError> {
    let mut source = Source::of(command)?;
    let mut out = BufWriter::new(io::stdout());
    let found = match command.format {
        Format::Text => {
            let mut reader = LogReader::default();
            source.lines(|line| {
                reader.line(line);
                Ok(())
            })?;
            let log = reader.end();
            out.write_all(for_people(lang, &log).as_bytes())?;
            !log.processes.is_empty()
        }
        Format::Json => json(lang, &mut source, &mut out)?,
    };
    out.flush()?;
    if found {
        return Ok(());
    }
    Err(RunError::failed(
        "there is no trace line and no fatal message of V8 in it: expected \"[…] 26 ms: Scavenge …\", \
         name=value pairs of --trace-gc-nvp, \"FATAL ERROR: …\" or \"# Fatal …\"",
        "其中没有 V8 的跟踪行或致命错误信息:应为 \"[…] 26 ms: Scavenge …\"、--trace-gc-nvp 的键值对、\"FATAL ERROR: …\" 或 \"# Fatal …\"",
    ))
}

/// What is to be explained.
struct Source {
    text: Box<dyn BufRead>,
    /// What it is called where it cannot be read.
    name: Option<String>,
}

/// V8 prints no line as long as this: what is behind is skipped.
const LONGEST_LINE: u64 = 1 << 20;

impl Source {
    /// The words themselves, where they are V8's, or a file of the name, or standard input.
    fn of(command: &ExplainCommand) -> Result<Source, RunError> {
        let words = command.what.join(" ");
        if words.is_empty() || words == "-" {
            if words.is_empty() && io::stdin().is_terminal() {
                return Err(RunError::failed(
                    "nothing to explain: name a file, quote a line, or pipe a log in: node --trace-gc app.js | membench explain",
                    "没有可解释的内容:请给出文件、引用一行,或用管道传入:node --trace-gc app.js | membench explain",
                ));
            }
            return Ok(Source { text: Box::new(io::stdin().lock()), name: None });
        }
        if !read(&words).processes.is_empty() {
            return Ok(Source { text: Box::new(io::Cursor::new(words)), name: None });
        }
        let [path] = &command.what[..] else {
            return Err(RunError::failed(
                format!("{words:?} is neither output of V8 nor one file"),
                format!("{words:?} 既不是 V8 的输出,也不是单个文件"),
            ));
        };
        let file = File::open(path).map_err(|error| unreadable(Some(path), &error))?;
        Ok(Source { text: Box::new(BufReader::new(file)), name: Some(path.clone()) })
    }

    /// Each line, without its end.
    fn lines(&mut self, mut each: impl FnMut(&str) -> Result<(), RunError>) -> Result<(), RunError> {
        let unreadable = |error: io::Error| unreadable(self.name.as_deref(), &error);
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.text.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
                return Ok(());
            }
            let whole = line.last() == Some(&b'\n') || (line.len() as u64) < LONGEST_LINE;
            each(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']))?;
            if !whole {
                self.text.skip_until(b'\n').map_err(unreadable)?;
            }
        }
    }
}

fn unreadable(name: Option<&str>, error: &io::Error) -> RunError {
    match name {
        Some(path) => RunError::failed(
            format!("{path} is no output of V8, and no file that can be read: {error}"),
            format!("{path} 不是 V8 的输出,也无法作为文件读取:{error}"),
        ),
        None => {
            RunError::failed(format!("standard input cannot be read: {error}"), format!("无法读取标准输入:{error}"))
        }
    }
}

/// Everything in words: a block where there is one collection, a line each where there are more, then what they say together.
pub fn for_people(lang: Lang, log: &Log) -> String {
    let mut parts = Vec::new();
    for process in &log.processes {
        if log.processes.len() > 1 {
            parts.push(format!("=== {} ===\n", process.name.as_deref().unwrap_or("-")));
        }
        match &process.first[..] {
            [] => {}
            [gc] => parts.push(aligned(lang, &words::block(gc))),
            first => {
                let sentence = |gc: &GcRecord| format!("{}\n", words::sentence(gc).get(lang));
                let mut sentences: String = first.iter().map(sentence).collect();
                if process.left_out > 0 {
                    sentences.push_str(left_out(process.left_out).get(lang));
                }
                sentences.extend(process.last.iter().map(sentence));
                parts.push(sentences);
                parts.push(aligned(lang, &process.verdict().lines()));
            }
        }
        if let Some(fatal) = &process.fatal {
            parts.push(aligned(lang, &words::fatal(fatal)));
        }
    }
    if log.cut_off > 0 {
        let note = Text::new(
            format!(
                "cut off and left out: {} of the lines; V8 keeps only the last few hundred characters for a fatal message",
                log.cut_off
            ),
            format!("有 {} 行不完整:V8 只为致命错误信息保留最后几百个字符", log.cut_off),
        );
        parts.push(format!("{}\n", note.get(lang)));
    }
    parts.join("\n")
}

/// What stands in the place of collections that nobody would read.
fn left_out(count: usize) -> Text {
    Text::new(
        format!("… {count} more, counted below; --format json has a line for each …\n"),
        format!("……另有 {count} 次,已计入下文;--format json 逐行列出……\n"),
    )
}

/// A name and a sentence a line, the sentences in one column.
fn aligned(lang: Lang, lines: &[(Text, Text)]) -> String {
    let column = lines.iter().map(|(name, _)| width(name.get(lang))).max().unwrap_or(0) + 2;
    lines.iter().map(|(name, text)| format!("{}{}\n", pad_right(name.get(lang), column), text.get(lang))).collect()
}

/// A line of `--format json`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    /// A collection.
    Gc {
        /// Process and isolate, as V8 names them.
        process: Option<&'a str>,
        #[serde(flatten)]
        gc: &'a GcRecord,
        /// The same in words.
        meaning: &'a str,
    },
    /// Last words.
    Fatal { process: Option<&'a str>, location: &'a str, message: &'a str, meaning: &'a str },
    /// What the collections of a process say together.
    Explain {
        process: Option<&'a str>,
        #[serde(flatten)]
        verdict: &'a Verdict,
    },
}

/// A line for each collection as it is met, then for each process what only its fatal message told, the message, and a line for
/// the whole; whether there was any.
fn json(lang: Lang, source: &mut Source, out: &mut impl Write) -> Result<bool, RunError> {
    let collection = |out: &mut dyn Write, process: Option<&str>, gc: &GcRecord| -> Result<(), RunError> {
        let meaning = words::sentence(gc);
        Ok(out.write_all(&json_line(&Line::Gc { process, gc, meaning: meaning.get(lang) })?)?)
    };
    let mut reader = Reader::default();
    let mut tallies: Vec<Tally> = Vec::new();
    source.lines(|line| {
        let Some((place, gc)) = reader.line(line) else { return Ok(()) };
        tallies.resize_with(tallies.len().max(place + 1), Tally::default);
        tallies[place].add(&gc);
        collection(out, reader.name(place), &gc)
    })?;
    let speakers = reader.end();
    tallies.resize_with(speakers.len(), Tally::default);
    for (Speaker { name, ring, fatal, .. }, tally) in speakers.iter().zip(&mut tallies) {
        let process = name.as_deref();
        for gc in ring {
            tally.add(gc);
            collection(out, process, gc)?;
        }
        if let Some(fatal) = fatal {
            let FatalLine { location, message, .. } = fatal;
            let meaning = words::cause(fatal);
            out.write_all(&json_line(&Line::Fatal { process, location, message, meaning: meaning.get(lang) })?)?;
        }
        let verdict = tally.verdict();
        if verdict.scavenges + verdict.mark_compacts > 0 {
            out.write_all(&json_line(&Line::Explain { process, verdict: &verdict })?)?;
        }
    }
    Ok(!speakers.is_empty())
}
