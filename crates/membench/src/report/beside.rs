//! Two runs of the same workload side by side. Pure.

use super::Story;
use super::summary::outcome;
use super::text::{engine_name, heading, label, mib, pad_left, pad_right, width};
use crate::record::SampleRecord;
use crate::text::{Lang, Text};
use crate::workload::{Label, Workload};

/// Width of one number.
const CELL: usize = 10;

/// The samples of both runs in one table, then how each ended.
pub fn table(lang: Lang, workload: &Workload, first: &Story, second: &Story) -> String {
    let names = [engine_name(&first.config), engine_name(&second.config)];
    let title = format!("{}: {} | {}", workload.title.get(lang), names[0], names[1]);
    let mut text = heading(&title, false);
    text.push_str(&samples(lang, first, second));
    text.push('\n');
    text.push_str(&ends(lang, &names, first, second));
    text
}

fn samples(lang: Lang, first: &Story, second: &Story) -> String {
    let mut keys: Vec<(u64, Label)> = Vec::new();
    for sample in first.samples.iter().chain(&second.samples) {
        let key = (sample.iteration, sample.label);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    // Stable: `cleared` and `after gc` stay behind the iteration that they follow.
    keys.sort_by_key(|(iteration, _)| *iteration);

    type Read = fn(&SampleRecord) -> u64;
    let metrics: [(Text, Read); 4] = [
        (Text::new("Heap Used MB", "堆使用 MB"), |sample| sample.heap_used),
        (Text::new("Heap Total MB", "堆总量 MB"), |sample| sample.heap_total),
        (Text::new("External MB", "对外内存 MB"), |sample| sample.external),
        (Text::new("RSS MB", "物理内存 MB"), |sample| sample.modelled_rss.unwrap_or(sample.rss)),
    ];
    let rows: Vec<String> =
        keys.iter().map(|(iteration, what)| label(*what, *iteration).get(lang).to_owned()).collect();
    let column = rows.iter().map(|row| width(row)).max().unwrap_or(0).max(CELL);

    let mut text = pad_right("", column);
    for (name, _) in &metrics {
        text.push_str(&pad_left(name.get(lang), 2 * CELL + 2));
    }
    text.push('\n');
    text.push_str(&pad_right("", column));
    for _ in &metrics {
        text.push_str("  ");
        for story in [first, second] {
            text.push_str(&pad_left(story.config.engine, CELL));
        }
    }
    text.push('\n');
    for (key, row) in keys.iter().zip(&rows) {
        text.push_str(&pad_right(row, column));
        for (_, read) in &metrics {
            text.push_str("  ");
            for story in [first, second] {
                let sample = story.samples.iter().find(|sample| (sample.iteration, sample.label) == *key);
                let number = sample.map_or("-".to_owned(), |sample| format!("{:.2}", mib(read(sample))));
                text.push_str(&pad_left(&number, CELL));
            }
        }
        text.push('\n');
    }
    text
}

fn ends(lang: Lang, names: &[String; 2], first: &Story, second: &Story) -> String {
    type Read = fn(Lang, &Story) -> Option<String>;
    let lines: [(Text, Read); 8] = [
        (Text::new("Outcome", "结果"), |lang, story| Some(outcome(story.end.as_ref()?.outcome).get(lang).to_owned())),
        (Text::new("Location", "终止位置"), |_, story| Some(story.fatal.as_ref()?.location.clone())),
        (Text::new("Iterations", "迭代次数"), |_, story| Some(story.end.as_ref()?.iterations.to_string())),
        (Text::new("Scavenges", "Scavenge 次数"), |_, story| Some(story.end.as_ref()?.scavenges.to_string())),
        (Text::new("Mark-compacts", "Mark-compact 次数"), |_, story| {
            Some(story.end.as_ref()?.mark_compacts.to_string())
        }),
        (Text::new("GC ms", "GC 毫秒"), |_, story| Some(format!("{:.1}", story.end.as_ref()?.gc_ms))),
        (Text::new("Time ms", "时间 毫秒"), |_, story| Some(format!("{:.1}", story.end.as_ref()?.time_ms))),
        (Text::new("Wall ms", "实际 毫秒"), |_, story| Some(format!("{:.1}", story.end.as_ref()?.wall_ms))),
    ];
    let cells: Vec<[String; 3]> = lines
        .iter()
        .map(|(name, read)| {
            let value = |story| read(lang, story).unwrap_or_else(|| "-".into());
            [name.get(lang).to_owned(), value(first), value(second)]
        })
        .collect();
    let head = [String::new(), names[0].clone(), names[1].clone()];
    let columns =
        [0, 1].map(|column| cells.iter().chain([&head]).map(|row| width(&row[column])).max().unwrap_or(0) + 2);
    let mut text = String::new();
    for row in [head].iter().chain(&cells) {
        let line = format!("{}{}{}", pad_right(&row[0], columns[0]), pad_right(&row[1], columns[1]), row[2]);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
