//! Blocks of text for people. Pure.
//!
//! MB is 1,048,576 bytes, as V8 has it. A column is a cell of a terminal: Chinese characters take two.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use crate::record::{ConfigRecord, SampleRecord};
use crate::text::{Lang, Text};
use crate::workload::Label;

/// Bytes as MB.
pub fn mib(bytes: u64) -> f64 {
    // Sizes stay far below 2^53.
    bytes as f64 / 1_048_576.0
}

/// The cells that `text` takes on a terminal.
///
/// ```
/// assert_eq!(membench::report::text::width("RSS (物理内存):"), 15);
/// ```
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` followed by blanks up to `columns`.
pub fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `text` after blanks up to `columns`.
pub fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A label and the column in which its number ends.
type Line = (&'static str, usize);

const ENGLISH: [Line; 5] =
    [("RSS:", 23), ("Heap Total:", 23), ("Heap Used:", 23), ("External:", 23), ("ArrayBuffers:", 23)];

// The last number ends one column earlier: the text of a sample is a contract, and this is how it stands there.
const CHINESE: [Line; 5] = [
    ("RSS (物理内存):", 28),
    ("Heap Total (堆总量):", 28),
    ("Heap Used (堆使用):", 28),
    ("External (对外内存):", 28),
    ("ArrayBuffers:", 27),
];

/// A sample as a block, followed by an empty line.
pub fn sample(lang: Lang, title: &Text, sample: &SampleRecord, colour: bool) -> String {
    let what = label(sample.label, sample.iteration);
    let mut block = heading(&format!("{} - {}", title.get(lang), what.get(lang)), colour);
    let lines = match lang {
        Lang::En => ENGLISH,
        Lang::Zh => CHINESE,
    };
    let values = [sample.rss, sample.heap_total, sample.heap_used, sample.external, sample.array_buffers];
    for ((label, end), bytes) in lines.into_iter().zip(values) {
        let number = format!("{:.2}", mib(bytes));
        let number = pad_left(&number, end.saturating_sub(width(label)));
        let _ = writeln!(block, "{label}{number} MB");
    }
    block.push('\n');
    block
}

/// What a sample shows, in words.
pub fn label(label: Label, iteration: u64) -> Text {
    match label {
        Label::Start => Text::new("start", "开始"),
        Label::Iteration => Text::new(format!("iteration {iteration}"), format!("第{iteration}次迭代")),
        Label::Cleared => Text::new("cleared", "清除引用后"),
        Label::AfterGc => Text::new("after gc", "GC 后"),
    }
}

/// A line that stands out.
pub fn heading(text: &str, colour: bool) -> String {
    if colour { format!("\x1b[1m=== {text} ===\x1b[0m\n") } else { format!("=== {text} ===\n") }
}

/// What runs, in a few words.
pub fn engine_name(config: &ConfigRecord) -> String {
    match config.engine {
        "sim" => format!("gcheap (Node {})", config.node),
        _ => format!("node {}", config.node),
    }
}

/// What was asked and what it means here, followed by an empty line.
pub fn config(lang: Lang, config: &ConfigRecord) -> String {
    let mut first = engine_name(config);
    if let Some(v8) = &config.v8 {
        let _ = write!(first, ", V8 {v8}");
    }
    let flags = if config.flags.is_empty() { "-".to_owned() } else { config.flags.join(" ") };
    let limits = &config.limits;
    let names = match lang {
        Lang::En => ["old space", "semi-space", "heap limit", "memory"],
        Lang::Zh => ["老生代", "半空间", "堆上限", "内存"],
    };
    let sizes = [limits.max_old_space, limits.max_semi_space, limits.heap_size_limit, Some(config.memory)];
    let known: Vec<String> =
        names.into_iter().zip(sizes).filter_map(|(name, bytes)| Some(format!("{name} {} MB", short(bytes?)))).collect();
    let (flags_name, settings_name, comma) = match lang {
        Lang::En => ("Flags:    ", "Settings: ", ", "),
        Lang::Zh => ("参数:", "设置:", ","),
    };
    format!("{first}\n{flags_name}{flags}\n{settings_name}{}\n\n", known.join(comma))
}

/// MB without a fraction where there is none.
pub fn short(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) { (bytes >> 20).to_string() } else { format!("{:.2}", mib(bytes)) }
}
