//! Finds what V8 printed among other lines. Pure.
//!
//! What holds: a collection counts once, though a fatal message repeats the last ones; lines of several processes or isolates
//! are kept apart.

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

/// What one process, or one isolate of it, printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// What stands in the brackets: `1912:0x14affe30`. `None` for a fatal message alone.
    pub name: Option<String>,
    /// The collections, in order.
    pub collections: Vec<GcRecord>,
    /// Its last words.
    pub fatal: Option<Fatal>,
}

/// A fatal message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fatal {
    /// Where V8 gave up: `Reached heap limit`.
    pub location: String,
    /// The whole sentence.
    pub message: String,
}

/// Reads `text`, line by line.
///
/// ```
/// use membench::explain::read;
/// let line = "[12:0x3a] 26 ms: Scavenge 3.9 (4.0) -> 3.7 (5.0) MB, 1.22 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ";
/// let log = read(&format!("listening on 8080\n{line}\n"));
/// assert_eq!(log.processes[0].name.as_deref(), Some("12:0x3a"));
/// assert_eq!(log.processes[0].collections.len(), 1);
/// ```
pub fn read(text: &str) -> Log {
    let mut log = Log::default();
    // The process whose lines came last: a fatal message does not say whose it is.
    let mut last = None;
    // What a fatal message repeats, which is not in the log where only errors were kept.
    let (mut in_ring, mut ring) = (false, Vec::new());
    for line in text.lines() {
        if let Some(fatal) = fatal(line) {
            let place = last.unwrap_or_else(|| log.place(None));
            // Node prints some messages twice, as text and in a report: the first one has it all.
            log.processes[place].fatal.get_or_insert(fatal);
            in_ring = false;
        } else if line.contains("<--- Last few GCs --->") {
            in_ring = true;
        } else if let Some((name, line)) = prefixed(line) {
            if let Some(gc) = trace_line::parse(line) {
                let place = log.place(Some(name));
                last = Some(place);
                if in_ring {
                    ring.push((place, gc));
                } else {
                    log.processes[place].collections.push(gc);
                }
            } else if NAMES.iter().any(|name| line.contains(name)) {
                log.cut_off += 1;
            }
        }
    }
    let logged: Vec<usize> = log.processes.iter().map(|process| process.collections.len()).collect();
    for (place, gc) in ring {
        let collections = &mut log.processes[place].collections;
        if !collections[..logged[place]].iter().any(|there| same(there, &gc)) {
            collections.push(gc);
        }
    }
    log
}

/// What a line of a collection has behind its time, whole or not.
const NAMES: [&str; 7] =
    [" ms: Scav", " ms: Mark-", " ms: Incremental ", " ms: Minor ", " ms: pause=", " ms: GC: {", " ms: Interleaved "];

impl Log {
    fn place(&mut self, name: Option<&str>) -> usize {
        if let Some(place) = self.processes.iter().position(|process| process.name.as_deref() == name) {
            return place;
        }
        self.processes.push(Process { name: name.map(str::to_owned), ..Process::default() });
        self.processes.len() - 1
    }
}

/// The ring of a fatal message repeats lines as they were.
fn same(a: &GcRecord, b: &GcRecord) -> bool {
    (a.kind, a.time_ms.to_bits(), a.pause_ms.to_bits(), a.used_before, a.used_after)
        == (b.kind, b.time_ms.to_bits(), b.pause_ms.to_bits(), b.used_before, b.used_after)
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

/// `FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory`.
fn fatal(line: &str) -> Option<Fatal> {
    let message = &line[line.find("FATAL ERROR: ")?..];
    let said = message.strip_prefix("FATAL ERROR: ")?;
    let end = [" Allocation failed - ", " JavaScript heap out of memory", " - process out of memory"];
    let location = end.into_iter().find_map(|end| said.split_once(end)).map_or(said, |(location, _)| location);
    Some(Fatal { location: location.trim().to_owned(), message: message.trim_end().to_owned() })
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
        assert_eq!((log.processes.len(), log.processes[0].collections.len()), (1, 1));
        assert_eq!(log.processes[0].fatal.as_ref().unwrap().location, "Reached heap limit");
    }

    #[test]
    fn what_only_the_fatal_message_has_counts_and_so_do_collections_that_look_alike() {
        let ring = format!("<--- Last few GCs --->\n{LINE}\n{LINE}\nFATAL ERROR: x\n");
        for (text, expected) in
            [(ring.clone(), 2), (format!("{LINE}\n{LINE}\n{LINE}\n{ring}"), 3), (format!("{ring}{LINE}"), 1)]
        {
            assert_eq!(read(&text).processes[0].collections.len(), expected, "{text}");
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
        let counts: Vec<usize> = log.processes.iter().map(|process| process.collections.len()).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn what_is_cut_off_is_counted_and_other_lines_are_not() {
        let log = read(&format!("{}\n[12:0x3a] 26 ms: All spaces, used: 1 KB\n[notice] ready\n", &LINE[..60]));
        assert_eq!((log.processes.len(), log.cut_off), (0, 1));
    }

    #[test]
    fn a_fatal_message_stands_alone_or_behind_other_words() {
        let cases = [
            ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "Reached heap limit"),
            (
                "12: FATAL ERROR: invalid table size Allocation failed - JavaScript heap out of memory",
                "invalid table size",
            ),
            ("FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - process out of memory", "CALL_AND_RETRY_LAST"),
            ("FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal", "v8::ToLocalChecked Empty MaybeLocal"),
        ];
        for (line, location) in cases {
            let log = read(line);
            assert_eq!(log.processes[0].fatal.as_ref().unwrap().location, location);
            assert_eq!(log.processes[0].name, None);
        }
    }
}
