//! Finds what V8 printed among other lines. Pure.
//!
//! What holds: a collection counts once, though a fatal message repeats the last ones; lines of several processes or isolates
//! are kept apart; and what is remembered of a log does not grow with its length, so that one of gigabytes can be read.

use std::collections::{BTreeMap, VecDeque};

use super::verdict::{Tally, Verdict};
use crate::engine::node::fatal_line::{self, FatalLine};
use crate::engine::node::trace_line;
use crate::record::GcRecord;

/// What V8 printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// A process or isolate each, in the order in which they first spoke.
    pub processes: Vec<Process>,
    /// Lines that begin as a collection does and do not go on as one.
    pub cut_off: usize,
}

/// So many collections of a process are kept from the beginning of a log, and as many from its end.
pub const KEPT: usize = 1000;

/// What one process, or one isolate of it, printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// What stands in the brackets: `1912:0x14affe30`. `None` for a fatal message alone.
    pub name: Option<String>,
    /// The first collections, [`KEPT`] at most, in order.
    pub first: Vec<GcRecord>,
    /// Collections between these two that were counted and are not kept.
    pub left_out: usize,
    /// The last collections, [`KEPT`] at most, in order.
    pub last: VecDeque<GcRecord>,
    /// Its last words.
    pub fatal: Option<FatalLine>,
    tally: Tally,
}

impl Process {
    /// Collections that it printed.
    pub fn collections(&self) -> usize {
        self.first.len() + self.left_out + self.last.len()
    }

    /// What they say together.
    pub fn verdict(&self) -> Verdict {
        self.tally.verdict()
    }

    fn add(&mut self, gc: GcRecord) {
        self.tally.add(&gc);
        if self.first.len() < KEPT {
            self.first.push(gc);
            return;
        }
        self.last.push_back(gc);
        if self.last.len() > KEPT {
            self.last.pop_front();
            self.left_out += 1;
        }
    }
}

/// Reads `text`, line by line.
///
/// ```
/// use membench::explain::read;
/// let line = "[12:0x3a] 26 ms: Scavenge 3.9 (4.0) -> 3.7 (5.0) MB, 1.22 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ";
/// let log = read(&format!("listening on 8080\n{line}\n"));
/// assert_eq!(log.processes[0].name.as_deref(), Some("12:0x3a"));
/// assert_eq!(log.processes[0].collections(), 1);
/// ```
pub fn read(text: &str) -> Log {
    let mut log = LogReader::default();
    text.lines().for_each(|line| log.line(line));
    log.end()
}

/// A [`Log`] in the making.
#[derive(Debug, Default)]
pub struct LogReader {
    reader: Reader,
    processes: Vec<Process>,
}

impl LogReader {
    /// Reads the next line.
    pub fn line(&mut self, line: &str) {
        if let Some((place, gc)) = self.reader.line(line) {
            if self.processes.len() <= place {
                self.processes.resize_with(place + 1, Process::default);
            }
            self.processes[place].add(gc);
        }
    }

    /// What all lines said.
    pub fn end(mut self) -> Log {
        let cut_off = self.reader.cut_off;
        let speakers = self.reader.end();
        self.processes.resize_with(speakers.len(), Process::default);
        for (process, speaker) in self.processes.iter_mut().zip(speakers) {
            speaker.ring.into_iter().for_each(|gc| process.add(gc));
            process.name = speaker.name;
            process.fatal = speaker.fatal;
        }
        Log { processes: self.processes, cut_off }
    }
}

/// Reads lines one by one and hands on each collection as it is met; the rest is known at the end.
#[derive(Debug, Default)]
pub struct Reader {
    /// In the order in which they first spoke.
    speakers: Vec<Speaker>,
    places: BTreeMap<Option<String>, usize>,
    /// The process whose lines came last: a fatal message does not say whose it is.
    latest: Option<usize>,
    /// Lines behind the heading of the last collections that a fatal message repeats.
    ring_lines: Option<usize>,
    /// Lines that begin as a collection does and do not go on as one.
    pub cut_off: usize,
}

/// A process, or an isolate of it, besides the collections that were handed on.
#[derive(Debug, Default)]
pub struct Speaker {
    /// What stands in the brackets.
    pub name: Option<String>,
    /// What only its fatal message told of: nothing where the log has it all.
    pub ring: Vec<GcRecord>,
    /// Its last words.
    pub fatal: Option<FatalLine>,
    /// Its latest collections, to know them again.
    recent: VecDeque<Likeness>,
}

/// A fatal message repeats at most what fits into 512 characters; the log may go on behind it.
const RECENT: usize = 256;
/// No fatal message repeats so many lines: what looks like one is cut off, and the log goes on.
const RING_LINES: usize = 64;

/// What a line of a collection has behind its time, whole or not.
const NAMES: [&str; 7] =
    [" ms: Scav", " ms: Mark-", " ms: Incremental ", " ms: Minor ", " ms: pause=", " ms: GC: {", " ms: Interleaved "];

impl Reader {
    /// The collection that `line` tells of, with the place of its process among the speakers.
    pub fn line(&mut self, line: &str) -> Option<(usize, GcRecord)> {
        if let Some(fatal) = fatal_line::parse(line) {
            let place = self.latest.unwrap_or_else(|| self.place(None));
            // Node prints some messages twice, as text and in a report: the first one has it all.
            self.speakers[place].fatal.get_or_insert(fatal);
            self.ring_lines = None;
            return None;
        }
        if line.contains("<--- Last few GCs --->") {
            self.ring_lines = Some(0);
            return None;
        }
        self.ring_lines = self.ring_lines.map(|lines| lines + 1).filter(|lines| *lines <= RING_LINES);
        let (name, line) = prefixed(line)?;
        let Some(gc) = trace_line::parse(line) else {
            self.cut_off += usize::from(NAMES.iter().any(|name| line.contains(name)));
            return None;
        };
        let place = self.place(Some(name));
        self.latest = Some(place);
        let speaker = &mut self.speakers[place];
        if self.ring_lines.is_some() {
            speaker.ring.push(gc);
            return None;
        }
        speaker.recent.push_back(Likeness::of(&gc));
        if speaker.recent.len() > RECENT {
            speaker.recent.pop_front();
        }
        Some((place, gc))
    }

    /// The name of the process at `place`.
    pub fn name(&self, place: usize) -> Option<&str> {
        self.speakers.get(place)?.name.as_deref()
    }

    /// Everybody who spoke, in the order of their places.
    pub fn end(mut self) -> Vec<Speaker> {
        for speaker in &mut self.speakers {
            let recent = &speaker.recent;
            speaker.ring.retain(|gc| !recent.contains(&Likeness::of(gc)));
        }
        self.speakers
    }

    fn place(&mut self, name: Option<&str>) -> usize {
        // Most lines are of the process that spoke last.
        if let Some(place) = self.latest
            && name.is_some()
            && self.name(place) == name
        {
            return place;
        }
        let name = name.map(str::to_owned);
        if let Some(place) = self.places.get(&name) {
            return *place;
        }
        let place = self.speakers.len();
        self.speakers.push(Speaker { name: name.clone(), ..Speaker::default() });
        self.places.insert(name, place);
        place
    }
}

/// By what a line is known again when a fatal message repeats it as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Likeness(&'static str, u64, u64, u64, u64);

impl Likeness {
    fn of(gc: &GcRecord) -> Likeness {
        Likeness(gc.kind, gc.time_ms.to_bits(), gc.pause_ms.to_bits(), gc.used_before, gc.used_after)
    }
}

/// Process and rest of a line, from V8's `[pid:isolate]` on: a container or a supervisor may have put something in front.
fn prefixed(line: &str) -> Option<(&str, &str)> {
    line.match_indices('[').find_map(|(at, _)| {
        let line = &line[at..];
        let name = &line[1..line.find(']')?];
        let (process, isolate) = name.split_once(':')?;
        let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && isolate.starts_with("0x") && line.contains(" ms: ")).then_some((name, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "[12:0x3a] 26 ms: Scavenge 3.9 (4.0) -> 3.7 (5.0) MB, 1.22 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ";

    #[test]
    fn a_line_that_the_fatal_message_repeats_counts_once() {
        let log = read(&format!(
            "{LINE}\n<--- Last few GCs --->\n{LINE}\nFATAL ERROR: Reached heap limit Allocation failed - x\n"
        ));
        assert_eq!((log.processes.len(), log.processes[0].collections()), (1, 1));
        assert_eq!(log.processes[0].fatal.as_ref().unwrap().location, "Reached heap limit");
    }

    #[test]
    fn what_only_the_fatal_message_has_counts_and_so_do_collections_that_look_alike() {
        let ring = format!("<--- Last few GCs --->\n{LINE}\n{LINE}\nFATAL ERROR: x\n");
        for (text, expected) in
            [(ring.clone(), 2), (format!("{LINE}\n{LINE}\n{LINE}\n{ring}"), 3), (format!("{ring}{LINE}"), 1)]
        {
            assert_eq!(read(&text).processes[0].collections(), expected, "{text}");
        }
    }

    #[test]
    fn something_in_front_of_a_line_is_no_matter() {
        for front in ["app-1  | ", "2026-01-02T03:04:05Z ", "[info] [7] "] {
            let log = read(&format!("{front}{LINE}"));
            assert_eq!(log.processes[0].name.as_deref(), Some("12:0x3a"), "{front}");
        }
    }

    #[test]
    fn isolates_are_kept_apart() {
        let other = LINE.replace("0x3a", "0x77");
        let log = read(&format!("{LINE}\n{other}\n{}", LINE.replace("26 ms", "30 ms")));
        let counts: Vec<usize> = log.processes.iter().map(Process::collections).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn what_is_cut_off_is_counted_and_other_lines_are_not() {
        let log = read(&format!("{}\n[12:0x3a] 26 ms: All spaces, used: 1 KB\n[notice] ready\n", &LINE[..60]));
        assert_eq!((log.processes.len(), log.cut_off), (0, 1));
    }

    #[test]
    fn a_fatal_message_stands_alone_or_behind_other_words() {
        for front in ["", "12: ", "app-1  | "] {
            let log = read(&format!("{front}FATAL ERROR: Reached heap limit Allocation failed - x"));
            assert_eq!(log.processes[0].fatal.as_ref().unwrap().location, "Reached heap limit", "{front}");
            assert_eq!(log.processes[0].name, None);
        }
    }

    #[test]
    fn of_a_long_log_the_ends_are_kept_and_all_is_counted() {
        let line = |time| LINE.replace("26 ms", &format!("{time} ms"));
        let text: String = (0..2 * KEPT + 5).map(|time| line(time) + "\n").collect();
        let log = read(&text);
        let process = &log.processes[0];
        assert_eq!((process.first.len(), process.left_out, process.last.len()), (KEPT, 5, KEPT));
        assert_eq!((process.first[0].time_ms, process.last[KEPT - 1].time_ms), (0.0, (2 * KEPT + 4) as f64));
        assert_eq!(process.verdict().scavenges, 2 * KEPT + 5);
    }

    #[test]
    fn a_heading_of_last_collections_without_an_end_does_not_hide_the_log() {
        let text = format!("<--- Last few GCs --->\n{}", format!("{LINE}\n").repeat(5 * RING_LINES));
        assert!(read(&text).processes[0].collections() > 3 * RING_LINES);
    }
}
