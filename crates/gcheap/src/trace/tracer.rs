//! A stream of events in, V8's text out.

use super::verbose::fast_promotion_line;
use super::{
    Dialect, NvpWriter, Process, RingBuffer, controller_lines, fatal_stdout, fatal_text, trace_gc_line, verbose_block,
};
use crate::event::{Event, Fatal};

/// Which of V8's trace flags are on.
///
/// ```
/// let options = gcheap::trace::TraceOptions { gc: true, ..Default::default() };
/// assert!(!options.nvp);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceOptions {
    /// `--trace-gc`
    pub gc: bool,
    /// `--trace-gc-nvp`
    pub nvp: bool,
    /// `--trace-gc-verbose`
    pub verbose: bool,
}

/// Renders the events of one heap as V8 would print them, and remembers the last lines for its end.
///
/// ```
/// use gcheap::trace::{Dialect, Process, TraceOptions, Tracer};
/// let tracer = Tracer::new(Dialect::V8_13_6, Process { pid: 1, isolate: 2 }, TraceOptions::default(), 119 << 10);
/// assert_eq!(tracer.ring().contents(), "");
/// ```
#[derive(Clone, Debug)]
pub struct Tracer {
    dialect: Dialect,
    process: Process,
    options: TraceOptions,
    read_only_used: u64,
    nvp: NvpWriter,
    ring: RingBuffer,
}

impl Tracer {
    /// A tracer for a heap from its start on. `read_only_used` are the bytes of the version's read-only space, which verbose blocks show.
    pub fn new(dialect: Dialect, process: Process, options: TraceOptions, read_only_used: u64) -> Self {
        Tracer {
            dialect,
            process,
            options,
            read_only_used,
            nvp: NvpWriter::new(dialect, process),
            ring: RingBuffer::default(),
        }
    }

    /// What V8 prints on standard output for an event, often nothing. Every event must come by here, printed or not: the ring buffer
    /// is fed whatever the options, except by nvp lines.
    pub fn render(&mut self, event: &Event) -> String {
        let Event::Gc(gc) = event else { return String::new() };
        let verbose = self.options.verbose;
        let traces = self.options.gc || (verbose && self.dialect.verbose_implies_trace());
        let controller = match &gc.controller {
            Some(update) if verbose => controller_lines(self.dialect, &self.process, gc.time_ms, update),
            _ => String::new(),
        };
        let promotion = if verbose { fast_promotion_line(self.dialect, &self.process, gc) } else { String::new() };
        let line = if self.options.nvp {
            self.nvp.line(gc)
        } else {
            let line = trace_gc_line(self.dialect, &self.process, gc);
            self.ring.push(&line);
            if traces { line } else { String::new() }
        };
        let block = if traces && verbose {
            verbose_block(self.dialect, &self.process, gc, self.read_only_used)
        } else {
            String::new()
        };
        if self.dialect.controller_comes_first() {
            promotion + &controller + &line + &block
        } else {
            line + &block + &controller
        }
    }

    /// What the process prints on standard error at its end.
    pub fn fatal_text(&self, fatal: &Fatal) -> String {
        fatal_text(self.dialect, &self.ring, fatal)
    }

    /// What the process prints on standard output at its end, after its last trace line.
    pub fn fatal_stdout(&self) -> String {
        fatal_stdout(self.dialect, &self.ring)
    }

    /// The last lines.
    pub fn ring(&self) -> &RingBuffer {
        &self.ring
    }
}
