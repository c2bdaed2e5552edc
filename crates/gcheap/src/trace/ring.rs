//! The last trace lines, kept for the moment of death: V8 `Heap::AddToRingBuffer`, `Heap::GetFromRingBuffer` (src/heap/heap.cc) and
//! `GCTracer::Output` (src/heap/gc-tracer.cc).

use std::collections::VecDeque;

/// Bytes of the buffer that a line is formatted into; one of them is its end mark, so longer lines lose their tail and newline.
pub const LINE_BYTES: usize = 256;
/// Bytes that the ring buffer holds (`Heap::kTraceRingBufferSize`).
pub const RING_BYTES: usize = 512;

/// The ring buffer of one heap. It is fed whether or not `--trace-gc` is on.
///
/// ```
/// use gcheap::trace::RingBuffer;
/// let mut ring = RingBuffer::default();
/// ring.push(&"x".repeat(300));
/// assert_eq!(ring.contents().len(), 255);
/// for _ in 0..2 { ring.push("a whole line\n") }
/// ring.push(&"y".repeat(300));
/// assert_eq!(ring.contents().len(), 512);
/// assert!(ring.tail().starts_with("\na whole line\n"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RingBuffer {
    bytes: VecDeque<u8>,
}

impl RingBuffer {
    /// Adds a line, cut to what V8's buffer takes.
    pub fn push(&mut self, line: &str) {
        let line = line.as_bytes();
        self.bytes.extend(&line[..line.len().min(LINE_BYTES - 1)]);
        let surplus = self.bytes.len().saturating_sub(RING_BYTES);
        self.bytes.drain(..surplus);
    }

    /// All that is kept, oldest first; it starts in the middle of a line once the buffer is full.
    pub fn contents(&self) -> String {
        let (front, back) = self.bytes.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }

    /// What the fatal text shows: from the first newline on, unless that newline is the end of everything.
    pub fn tail(&self) -> String {
        let contents = self.contents();
        match contents.find('\n') {
            Some(newline) if newline + 1 < contents.len() => contents[newline..].to_owned(),
            _ => contents,
        }
    }
}
