//! Reads the line with which V8 gives up, in the dialects of Node 10 to 26. Pure.
//!
//! Where Node has been asked to handle it, it prints `FATAL ERROR: …` and aborts. Before Node has an isolate to be asked by, and
//! where V8 asks nobody, V8 prints `# Fatal …` itself and ends by a trap or an illegal instruction.

use crate::report::summary::SIZES;

/// What V8 said when it gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FatalLine {
    /// Where: `Reached heap limit`.
    pub location: String,
    /// The whole sentence.
    pub message: String,
    /// What ran out.
    pub cause: Cause,
    /// Who printed it, and so how the process ends.
    pub voice: Voice,
}

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Room in the heap.
    Heap,
    /// Memory outside the heap, which the system refused.
    Process,
    /// The sizes that V8 can express: an array, a Map or a Set that would be longer than any may be.
    Size,
    /// Nothing: a broken promise of V8, of Node or of an addon.
    Other,
}

/// Who printed the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Node's handler, which aborts.
    Node,
    /// V8 itself, which traps.
    V8,
}

/// What `line` says, wherever in it V8 begins; `None` for any other line.
///
/// ```
/// # use membench::engine::node::fatal_line::{Cause, parse};
/// let fatal = parse("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory").unwrap();
/// assert_eq!((fatal.location.as_str(), fatal.cause), ("Reached heap limit", Cause::Heap));
/// let fatal = parse("# Fatal JavaScript out of memory: GC during deserialization").unwrap();
/// assert_eq!((fatal.location.as_str(), fatal.cause), ("GC during deserialization", Cause::Heap));
/// ```
pub fn parse(line: &str) -> Option<FatalLine> {
    if let Some(at) = line.find("FATAL ERROR: ") {
        return of_node(line[at..].trim_end());
    }
    let at = line.find("# Fatal ")?;
    of_v8(line[at..].trim_end().strip_prefix("# ")?)
}

fn of_node(message: &str) -> Option<FatalLine> {
    let said = message.strip_prefix("FATAL ERROR: ")?;
    let ends = [" Allocation failed - ", " JavaScript heap out of memory", " - process out of memory"];
    let location = ends.into_iter().find_map(|end| said.split_once(end)).map_or(said, |(location, _)| location);
    let cause = if SIZES.contains(&location) {
        Cause::Size
    } else if said.ends_with("JavaScript heap out of memory") || ends.iter().any(|end| said.contains(end)) {
        if said.contains("process out of memory") { Cause::Process } else { Cause::Heap }
    } else {
        Cause::Other
    };
    line(location, message, cause, Voice::Node)
}

/// The beginnings of V8's own messages, Node 10 to 26; what follows is the location.
const BEGINNINGS: [(&str, Cause); 6] = [
    ("Fatal JavaScript out of memory: ", Cause::Heap),
    ("Fatal javascript OOM in ", Cause::Heap),
    ("Fatal process out of memory: ", Cause::Process),
    ("Fatal process OOM in ", Cause::Process),
    ("Fatal JavaScript invalid size error ", Cause::Size),
    ("Fatal error in ", Cause::Other),
];

fn of_v8(message: &str) -> Option<FatalLine> {
    let (begin, cause) = BEGINNINGS.into_iter().find(|(begin, _)| message.starts_with(begin))?;
    // It is the heap limit that left no room for it.
    let cause = if message.ends_with("insufficient memory to create an Isolate") { Cause::Heap } else { cause };
    let location = match cause {
        // What follows is the size, which says nothing to whoever did not write V8.
        Cause::Size => "invalid size error",
        _ => &message[begin.len()..],
    };
    line(location, message, cause, Voice::V8)
}

fn line(location: &str, message: &str, cause: Cause, voice: Voice) -> Option<FatalLine> {
    let location = location.trim();
    (!location.is_empty()).then(|| FatalLine {
        location: location.to_owned(),
        message: message.to_owned(),
        cause,
        voice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_has_its_location_and_its_cause() {
        let cases = [
            (
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
                "Reached heap limit",
                Cause::Heap,
                Voice::Node,
            ),
            (
                "12: FATAL ERROR: invalid table size Allocation failed - JavaScript heap out of memory",
                "invalid table size",
                Cause::Size,
                Voice::Node,
            ),
            (
                "FATAL ERROR: CALL_AND_RETRY_LAST Allocation failed - process out of memory",
                "CALL_AND_RETRY_LAST",
                Cause::Process,
                Voice::Node,
            ),
            ("FATAL ERROR: Zone Allocation failed - process out of memory", "Zone", Cause::Process, Voice::Node),
            (
                "FATAL ERROR: v8::ToLocalChecked Empty MaybeLocal",
                "v8::ToLocalChecked Empty MaybeLocal",
                Cause::Other,
                Voice::Node,
            ),
            (
                "# Fatal javascript OOM in GC during deserialization",
                "GC during deserialization",
                Cause::Heap,
                Voice::V8,
            ),
            (
                "# Fatal process OOM in insufficient memory to create an Isolate",
                "insufficient memory to create an Isolate",
                Cause::Heap,
                Voice::V8,
            ),
            ("app  | # Fatal process out of memory: Zone", "Zone", Cause::Process, Voice::V8),
            (
                "# Fatal JavaScript invalid size error 169220804 (see crbug.com/1201626)",
                "invalid size error",
                Cause::Size,
                Voice::V8,
            ),
            ("# Fatal error in , line 0", ", line 0", Cause::Other, Voice::V8),
        ];
        for (text, location, cause, voice) in cases {
            let fatal = parse(text).expect(text);
            assert_eq!((fatal.location.as_str(), fatal.cause, fatal.voice), (location, cause, voice), "{text}");
            assert!(text.contains(&fatal.message), "{text}");
        }
    }

    #[test]
    fn a_line_without_a_location_says_nothing() {
        for text in
            ["FATAL ERROR: ", "FATAL ERROR:", "# Fatal ", "# Fatal JavaScript out of memory: ", "# Fatality", ""]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
