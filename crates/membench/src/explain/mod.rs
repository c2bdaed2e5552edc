//! What V8 printed, in words: trace lines, whole logs and fatal messages.
//!
//! ```text
//! text ──read──▶ collections and last words, a process at a time ──words──▶ a line or a block each
//!                                     └──────────verdict──▶ what the whole log says
//! ```
//!
//! Reads a file or standard input, nothing else; no engine is run. What holds: each line that looks like V8's is explained or
//! counted as cut off, and a text in which nothing is V8's is an error, not silence.

mod read;
mod verdict;
mod words;

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use serde::Serialize;

use crate::cli::{ExplainCommand, Format};
use crate::engine::RunError;
use crate::record::GcRecord;
use crate::record::file::json_line;
use crate::report::summary;
use crate::report::text::{pad_right, width};
use crate::text::{Lang, Text};

pub use read::{Fatal, Log, Process, read};
pub use verdict::Verdict;

/// Explains what `command` names.
///
/// # Errors
///
/// It cannot be read, there is nothing of V8's in it, or the output cannot be written.
pub fn run(command: &ExplainCommand, lang: Lang) -> Result<(), RunError> {
    let text = text_of(command)?;
    let log = read(&text);
    if log.processes.is_empty() {
        return Err(RunError::failed(
            "there is no trace line and no fatal message of V8 in it: expected \"[…] 26 ms: Scavenge …\", \
             name=value pairs of --trace-gc-nvp, or \"FATAL ERROR: …\"",
            "其中没有 V8 的跟踪行或致命错误信息:应为 \"[…] 26 ms: Scavenge …\"、--trace-gc-nvp 的键值对或 \"FATAL ERROR: …\"",
        ));
    }
    let output = match command.format {
        Format::Text => for_people(lang, &log).into_bytes(),
        Format::Json => json(lang, &log)?,
    };
    let mut out = io::stdout();
    out.write_all(&output)?;
    out.flush()?;
    Ok(())
}

/// What is to be explained: the words themselves, where they are V8's, or a file of the name, or standard input.
fn text_of(command: &ExplainCommand) -> Result<String, RunError> {
    let words = command.what.join(" ");
    if !words.is_empty() && words != "-" {
        if !read(&words).processes.is_empty() {
            return Ok(words);
        }
        let [path] = &command.what[..] else {
            return Err(RunError::failed(
                format!("{words:?} is neither output of V8 nor one file"),
                format!("{words:?} 既不是 V8 的输出,也不是单个文件"),
            ));
        };
        let bytes = fs::read(Path::new(path)).map_err(|error| {
            RunError::failed(
                format!("{path} is no output of V8, and no file that can be read: {error}"),
                format!("{path} 不是 V8 的输出,也无法作为文件读取:{error}"),
            )
        })?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    if words.is_empty() && io::stdin().is_terminal() {
        return Err(RunError::failed(
            "nothing to explain: name a file, quote a line, or pipe a log in: node --trace-gc app.js | membench explain",
            "没有可解释的内容:请给出文件、引用一行,或用管道传入:node --trace-gc app.js | membench explain",
        ));
    }
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(|error| {
        RunError::failed(format!("standard input cannot be read: {error}"), format!("无法读取标准输入:{error}"))
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Everything in words: a block where there is one collection, a line each where there are more, then what they say together.
pub fn for_people(lang: Lang, log: &Log) -> String {
    let mut parts = Vec::new();
    for process in &log.processes {
        if log.processes.len() > 1 {
            parts.push(format!("=== {} ===\n", process.name.as_deref().unwrap_or("-")));
        }
        match &process.collections[..] {
            [] => {}
            [gc] => parts.push(aligned(lang, &words::block(gc))),
            many => {
                parts.push(many.iter().map(|gc| format!("{}\n", words::sentence(gc).get(lang))).collect());
                parts.push(aligned(lang, &Verdict::of(many).lines()));
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

/// A line for each collection and each fatal message, then one for the whole.
///
/// # Errors
///
/// Never.
pub fn json(lang: Lang, log: &Log) -> Result<Vec<u8>, RunError> {
    let mut lines = Vec::new();
    for process in &log.processes {
        let name = process.name.as_deref();
        for gc in &process.collections {
            let meaning = words::sentence(gc);
            lines.extend(json_line(&Line::Gc { process: name, gc, meaning: meaning.get(lang) })?);
        }
        if let Some(Fatal { location, message }) = &process.fatal {
            let meaning = summary::why(location, None);
            lines.extend(json_line(&Line::Fatal { process: name, location, message, meaning: meaning.get(lang) })?);
        }
        if !process.collections.is_empty() {
            lines.extend(json_line(&Line::Explain { process: name, verdict: &Verdict::of(&process.collections) })?);
        }
    }
    Ok(lines)
}
