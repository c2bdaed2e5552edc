//! From what a file says to what is done: names are resolved, parameters put in, and everything that cannot be is refused
//! with its place. Pure.

mod kinds;
mod names;
mod quantities;
mod steps;
mod values;

use std::ops::Range;

use super::mistake::Mistake;
use super::syntax::{File, Words};
use super::{NamedShape, Sizes, Step, Workload};
use crate::text::{Lang, Text};
use quantities::Parameters;

type Result<T> = std::result::Result<T, Mistake>;
type Span = Range<usize>;

/// What was wrong: with the file, or with the sizes that were chosen for it.
pub(super) enum Refused {
    File(Mistake),
    Sizes(Text),
}

impl From<Mistake> for Refused {
    fn from(mistake: Mistake) -> Refused {
        Refused::File(mistake)
    }
}

/// What the parts of a file may refer to.
struct Lower<'f> {
    file: &'f File,
    parameters: Parameters,
    keeps: Vec<steps::KeepEntry>,
    /// Shapes that are being resolved: one that meets itself has no end.
    open: Vec<usize>,
    shapes: Vec<Option<NamedShape>>,
    /// How many values each shape writes out.
    weights: Vec<u64>,
}

/// The workload `name` that `file` says, in `sizes`.
pub(super) fn lower(name: &str, file: &File, sizes: &Sizes) -> std::result::Result<Workload, Refused> {
    let parameters = Parameters::read(&file.parameters)?;
    let parameters = parameters.set(name, sizes).map_err(Refused::Sizes)?;
    let mut lower = Lower {
        file,
        parameters,
        keeps: Vec::new(),
        open: Vec::new(),
        shapes: Vec::new(),
        weights: vec![0; file.shapes.0.len()],
    };
    lower.names()?;
    lower.shapes = file.shapes.0.iter().map(|_| None).collect();
    lower.keeps = file.keep.0.iter().map(|(name, keep)| lower.keep(name, keep)).collect::<Result<_>>()?;
    for index in 0..file.shapes.0.len() {
        lower.shape(index)?;
    }
    let steps = lower.program()?;
    let shapes: Vec<NamedShape> = lower.shapes.into_iter().flatten().collect();
    let keeps = lower.keeps.into_iter().map(|entry| entry.keep).collect();
    let title = match &file.title {
        Some(words) => text(words),
        None => Text::new(format!("{name} test"), format!("{name} 测试")),
    };
    let span = file.description.span();
    let description = text(file.description.get_ref());
    let description = Text::new(
        lower.parameters.fill_in(description.get(Lang::En), &span)?,
        lower.parameters.fill_in(description.get(Lang::Zh), &span)?,
    );
    let about = file.about.as_deref().unwrap_or_default().trim().to_owned();
    let parameters = lower.parameters.records();
    let mut workload = Workload { name: name.into(), title, description, about, parameters, keeps, shapes, steps };
    guard_memory(&mut workload);
    Ok(workload)
}

fn text(words: &Words) -> Text {
    match words {
        Words::One(text) => Text::new(text, text),
        Words::Both { en, zh } => Text::new(en, zh),
    }
}

/// Bytes of Buffers in one step from which on the machine is asked first.
const GUARDED: u64 = 1 << 20;

/// Puts a look at the machine's memory before each step that takes much of it outside the heap.
fn guard_memory(workload: &mut Workload) {
    fn guard(steps: Vec<Step>, workload: &Workload) -> Vec<Step> {
        let mut guarded = Vec::with_capacity(steps.len());
        for mut step in steps {
            match &mut step {
                Step::Make { count, value, .. } => {
                    let made = count.map_or(1, |count| count.most());
                    let bytes = workload.buffer_bytes(value).saturating_mul(made);
                    if bytes >= GUARDED {
                        guarded.push(Step::NeedMemory { bytes });
                    }
                }
                Step::Repeat { body, .. } => *body = guard(std::mem::take(body), workload),
                _ => {}
            }
            guarded.push(step);
        }
        guarded
    }
    let steps = std::mem::take(&mut workload.steps);
    workload.steps = guard(steps, workload);
}

/// `a, b, c`, or what stands for none of them.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> (String, String) {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { ("none".into(), "无".into()) } else { (names.join(", "), names.join("、")) }
}

/// A word that is none of those that are known.
fn unknown<'a>(span: Span, word: &str, en: &str, zh: &str, known: impl Iterator<Item = &'a str>) -> Mistake {
    let (list, list_zh) = listed(known);
    Mistake::new(
        span,
        format!("there is no {en} {word:?}: known are {list}"),
        format!("没有{zh} {word:?}:可用的有 {list_zh}"),
    )
}
