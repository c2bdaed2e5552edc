//! One line on a terminal that says how far a long run is. Touches the standard error that it is handed.
//!
//! What holds: nothing is shown in the first second, and the line is gone before anything else is written.

use std::io::Write;
use std::time::{Duration, Instant};

use super::text::mib;
use crate::record::SampleRecord;
use crate::text::Lang;

/// Runs that are shorter than this need no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line is not rewritten more often than this.
const PACE: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    enabled: bool,
    engine: String,
    begun: Instant,
    shown: Option<Instant>,
    visible: bool,
}

impl Progress {
    pub(super) fn new(enabled: bool) -> Progress {
        Progress { enabled, engine: String::new(), begun: Instant::now(), shown: None, visible: false }
    }

    pub(super) fn restart(&mut self, engine: String) {
        self.engine = engine;
        self.begun = Instant::now();
    }

    pub(super) fn show(&mut self, lang: Lang, sample: &SampleRecord, err: &mut dyn Write) {
        let due = self.begun.elapsed() > PATIENCE && self.shown.is_none_or(|shown| shown.elapsed() > PACE);
        if !self.enabled || !due {
            return;
        }
        let (iteration, used, seconds) = (sample.iteration, mib(sample.heap_used), self.begun.elapsed().as_secs_f64());
        let line = match lang {
            Lang::En => format!("{}: iteration {iteration}, heap used {used:.1} MB, {seconds:.1} s", self.engine),
            Lang::Zh => format!("{}:第{iteration}次迭代,堆使用 {used:.1} MB,{seconds:.1} 秒", self.engine),
        };
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(err, "\r\x1b[K{line}");
        let _ = err.flush();
        self.shown = Some(Instant::now());
        self.visible = true;
    }

    pub(super) fn clear(&mut self, err: &mut dyn Write) {
        if self.visible {
            let _ = write!(err, "\r\x1b[K");
            let _ = err.flush();
            self.visible = false;
        }
    }
}
