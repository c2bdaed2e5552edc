//! What people see: samples, trace lines, last words and a summary, or the records as JSON lines.
//!
//! [`Console`] is the [`Sink`] of the program: it writes to standard output and standard error and to the `--output`
//! file. [`text`] makes blocks of text, [`summary`] says how a run ended and why, [`beside`] lays two runs side by
//! side; these three are pure. What holds: each record or block is one write, so an interrupted run ends with a
//! complete line; standard output carries what was asked for, all else goes to standard error.

pub mod beside;
pub mod limits;
mod progress;
pub mod summary;
pub mod text;

use std::io::{self, IsTerminal, Write};

use crate::cli::Format;
use crate::engine::{FatalText, RunError, Sink};
use crate::record::file::{RecordFile, json_line};
use crate::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, Record, SampleRecord};
use crate::text::{Lang, Text};
use crate::workload::Workload;
use progress::Progress;

/// What one run told, kept for what is said at its end.
#[derive(Clone, Debug)]
pub struct Story {
    /// What was asked.
    pub config: ConfigRecord,
    /// All samples.
    pub samples: Vec<SampleRecord>,
    /// How it ran out of memory, if it did.
    pub fatal: Option<FatalRecord>,
    /// Totals.
    pub end: Option<EndRecord>,
}

/// How output looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// For people or as JSON lines.
    pub format: Format,
    /// In which language.
    pub lang: Lang,
    /// With colour.
    pub colour: bool,
    /// Samples wait for the table of two runs instead of being shown one by one.
    pub beside: bool,
}

impl Style {
    /// The style of standard output.
    pub fn new(format: Format, lang: Lang, beside: bool) -> Style {
        Style { format, lang, colour: colour_on(&io::stdout()), beside }
    }
}

/// Colour is for terminals of people who did not decline it (<https://no-color.org>).
pub fn colour_on(stream: &impl IsTerminal) -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    !declined && stream.is_terminal()
}

/// The standard streams and the output file as a [`Sink`].
pub struct Console<'a> {
    style: Style,
    workload: &'a Workload,
    out: Box<dyn Write + 'a>,
    err: Box<dyn Write + 'a>,
    file: Option<RecordFile>,
    progress: Progress,
    stories: Vec<Story>,
}

impl<'a> Console<'a> {
    /// A console on the standard streams of this process.
    pub fn standard(style: Style, workload: &'a Workload, file: Option<RecordFile>) -> Console<'a> {
        // Where samples scroll by on the same terminal, they are the progress.
        let samples_scroll = io::stdout().is_terminal() && !style.beside;
        let progress = Progress::new(io::stderr().is_terminal() && !samples_scroll);
        Console { progress, ..Console::on(style, workload, file, Box::new(io::stdout()), Box::new(io::stderr())) }
    }

    /// A console on any two streams, without progress.
    pub fn on(
        style: Style,
        workload: &'a Workload,
        file: Option<RecordFile>,
        out: Box<dyn Write + 'a>,
        err: Box<dyn Write + 'a>,
    ) -> Console<'a> {
        Console { style, workload, out, err, file, progress: Progress::new(false), stories: Vec::new() }
    }

    /// What was told, one story a run.
    pub fn stories(&self) -> &[Story] {
        &self.stories
    }

    /// Says what two runs have in common and what not, then gives the output file its name.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn finish(mut self) -> Result<(), RunError> {
        if let ([first, second], true, Format::Text) = (&self.stories[..], self.style.beside, self.style.format) {
            let table = beside::table(self.style.lang, self.workload, first, second);
            self.print(&table)?;
        }
        self.progress.clear(&mut self.err);
        match self.file.take() {
            Some(file) => file.finish().map_err(file_error),
            None => Ok(()),
        }
    }

    /// One of two runs failed: the other, if it came to its end, is told as if it had been the only one.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn tell_what_ended(mut self) -> Result<(), RunError> {
        if !self.style.beside || !self.people() {
            return Ok(());
        }
        self.style.beside = false;
        let (lang, colour) = (self.style.lang, self.style.colour);
        for story in std::mem::take(&mut self.stories).iter().filter(|story| story.end.is_some()) {
            self.print(&text::config(lang, &story.config))?;
            for sample in story.samples.iter().filter(|sample| sample.label != crate::workload::Label::Start) {
                self.print(&text::sample(lang, &self.workload.title, sample, colour))?;
            }
            self.told(story)?;
        }
        Ok(())
    }

    /// How a run ended, in words.
    fn told(&mut self, story: &Story) -> Result<(), RunError> {
        let (lang, colour) = (self.style.lang, self.style.colour);
        self.print(&summary::totals(lang, self.workload, story, colour))?;
        if story.fatal.is_some() {
            self.tell(&summary::out_of_memory(lang, self.workload, story));
        }
        Ok(())
    }

    fn record(&mut self, record: Record) -> Result<(), RunError> {
        let line = json_line(&record)?;
        if self.style.format == Format::Json {
            self.print_bytes(&line)?;
        }
        if let Some(file) = &mut self.file {
            file.line(&record).map_err(file_error)?;
        }
        Ok(())
    }

    fn people(&self) -> bool {
        self.style.format == Format::Text
    }

    fn print(&mut self, text: &str) -> Result<(), RunError> {
        self.print_bytes(text.as_bytes())
    }

    fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.progress.clear(&mut self.err);
        match self.out.write_all(bytes).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && self.file.is_some() => {
                // Nobody listens any more, but the file was asked for too.
                self.out = Box::new(io::sink());
                Ok(())
            }
            written => Ok(written?),
        }
    }

    /// What Node prints on standard output, in its own words. Beside JSON lines it goes to standard error: a program that reads
    /// the records finds nothing else there.
    fn dialect(&mut self, text: &str) -> Result<(), RunError> {
        if self.people() {
            return self.print(text);
        }
        self.tell(text);
        Ok(())
    }

    /// Standard error is for people: when it is closed, the run goes on.
    fn tell(&mut self, text: &str) {
        self.progress.clear(&mut self.err);
        let _ = self.err.write_all(text.as_bytes());
        let _ = self.err.flush();
    }
}

fn file_error(error: io::Error) -> RunError {
    RunError::failed(
        format!("the --output file could not be written and is not there: {error}"),
        format!("无法写入 --output 文件,文件未生成:{error}"),
    )
}

impl Sink for Console<'_> {
    fn config(&mut self, record: ConfigRecord) -> Result<(), RunError> {
        self.progress.restart(text::engine_name(&record));
        if self.people() && !self.style.beside {
            let header = text::config(self.style.lang, &record);
            self.print(&header)?;
        }
        self.stories.push(Story { config: record.clone(), samples: Vec::new(), fatal: None, end: None });
        self.record(Record::Config(record))
    }

    fn sample(&mut self, record: SampleRecord) -> Result<(), RunError> {
        if self.people() && !self.style.beside && record.label != crate::workload::Label::Start {
            let block = text::sample(self.style.lang, &self.workload.title, &record, self.style.colour);
            self.print(&block)?;
        }
        self.record(Record::Sample(record.clone()))?;
        self.progress.show(self.style.lang, &record, &mut self.err);
        if let Some(story) = self.stories.last_mut() {
            story.samples.push(record);
        }
        Ok(())
    }

    fn gc(&mut self, record: GcRecord) -> Result<(), RunError> {
        self.record(Record::Gc(record))
    }

    fn trace(&mut self, lines: &str) -> Result<(), RunError> {
        self.dialect(&format!("{lines}\n"))
    }

    fn fatal(&mut self, record: FatalRecord, text: &FatalText) -> Result<(), RunError> {
        if !text.stdout.is_empty() {
            self.dialect(&text.stdout)?;
        }
        self.tell(&text.stderr);
        if let Some(story) = self.stories.last_mut() {
            story.fatal = Some(record.clone());
        }
        self.record(Record::Fatal(record))
    }

    fn end(&mut self, record: EndRecord) -> Result<(), RunError> {
        self.record(Record::End(record.clone()))?;
        let Some(story) = self.stories.last_mut() else { return Ok(()) };
        story.end = Some(record);
        if self.style.beside {
            return Ok(());
        }
        let story = story.clone();
        if self.people() {
            return self.told(&story);
        }
        if story.fatal.is_some() {
            self.tell(&summary::out_of_memory(self.style.lang, self.workload, &story));
        }
        Ok(())
    }

    fn note(&mut self, text: &Text) -> Result<(), RunError> {
        let lang = self.style.lang;
        self.tell(&format!("membench: {}\n", text.get(lang)));
        Ok(())
    }
}
