//! What is done: a workload is data, a list of steps that every engine carries out in its own way.
//!
//! This module touches nothing and runs nothing. What holds: a [`Workload`] says everything that a run depends on but the
//! heap's settings and the seed, so the simulated heap and the JavaScript program made from it do the same work, object
//! for object and in the same order.
//!
//! Workloads are written in files ([`mod@file`]); those that come with membench are in [`mod@shipped`]. Here is what such a file
//! means once its names are resolved: whatever could be wrong with it has been refused before.
//!
//! One counter `n` numbers what is made in the whole run, from 0. It moves on by one after each thing whose value or place
//! uses it.

mod estimate;
pub mod file;
mod find;
mod lower;
mod mistake;
pub mod random;
pub mod shipped;
mod syntax;
mod value;

use serde::{Deserialize, Serialize};

use crate::cli::value::Mib;
use crate::text::Text;
pub use estimate::Estimate;
pub use file::parse;
pub use find::{find, from_file, is_path};
pub use mistake::Mistake;
pub use shipped::shipped;
pub use value::{Count, Field, Growth, Shape, Value};

/// A list of steps with a name.
///
/// ```
/// use membench::workload::{Sizes, Step, shipped};
/// let heap = shipped("heap", Sizes::default()).unwrap();
/// assert!(matches!(heap.steps[0], Step::Sample { .. }));
/// assert!(matches!(heap.steps[1], Step::Repeat { times: None, .. }));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The name it is run by.
    pub name: String,
    /// The name on top of each sample: `heap test`, `堆内存测试`.
    pub title: Text,
    /// One sentence: what it does.
    pub description: Text,
    /// Why it exists.
    pub about: String,
    /// The sizes that were chosen, for the records.
    pub parameters: Vec<Parameter>,
    /// Variables of the program that keep things; [`KeepId`] counts them from 0.
    pub keeps: Vec<Keep>,
    /// Shapes with a name: each is a function of the program. [`ShapeId`] counts them from 0.
    pub shapes: Vec<NamedShape>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// Sizes that were chosen; what is not there leaves the workload's own.
///
/// ```
/// use membench::workload::{Sizes, shipped};
/// let sizes = Sizes { records: Some(10), ..Sizes::default() };
/// assert_eq!(shipped("heap", sizes).unwrap().parameter("records"), Some(10));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The parameter `iterations`.
    pub iterations: Option<u64>,
    /// The parameter `records`.
    pub records: Option<u64>,
    /// The parameter `buffer-size`.
    pub buffer_size: Option<Mib>,
    /// Any parameter by its name, with its value as a file has it.
    pub set: Vec<(String, String)>,
}

/// One size of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the records, camelCase.
    pub name: String,
    /// Its value; counts as they are, sizes in bytes, `None` for "without end".
    pub value: Option<u64>,
}

/// A variable that keeps things.
#[derive(Clone, Debug, PartialEq)]
pub struct Keep {
    /// Its name in the program.
    pub name: String,
    /// What it is.
    pub container: Container,
    /// How much of what is made it keeps.
    pub bound: Bound,
    /// A [`Step::Drop`] clears it; the variable of one that is never dropped is a constant.
    pub dropped: bool,
}

/// What keeps things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// An array that things are pushed on; with a window or a table, `new Array(size)` whose elements are replaced.
    Array,
    /// A Map from `n`, or from the place in a table, to the thing.
    Map,
    /// A Set of the things.
    Set,
    /// A linked list: each thing gets a node `{ value, next }` in front of the ones before it.
    List,
}

/// How much of what is made is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Everything.
    All,
    /// The last so many.
    Window(u32),
    /// So many: a new thing takes the place of one that is drawn.
    Table(u32),
    /// Every so manieth.
    OneIn(u32),
    /// A drawn share, in millionths.
    Share(u32),
}

/// Millionths of a [`Bound::Share`].
pub const WHOLE_SHARE: u32 = 1_000_000;

/// A shape that has a name: a function `name(n)` that makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedShape {
    /// The name, a JavaScript identifier.
    pub name: String,
    /// What it makes.
    pub value: Value,
}

/// Which of [`Workload::keeps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeepId(pub usize);

/// Which of [`Workload::shapes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeId(pub usize);

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A name for what follows, for readers of the program.
    Comment(String),
    /// Takes a sample.
    Sample {
        /// What the sample shows.
        label: Label,
    },
    /// Does `body` again and again.
    Repeat {
        /// How often; `None` until memory runs out.
        times: Option<Count>,
        /// Each round is an iteration; iterations count on through the whole run, from 1.
        iterations: bool,
        /// What each round does.
        body: Vec<Step>,
    },
    /// Makes things.
    Make {
        /// How many; `None` is one, without a loop.
        count: Option<Count>,
        /// What.
        value: Value,
        /// Where they are kept; `None`: only the last one can be reached, until the next is made.
        keep: Option<KeepId>,
        /// `n` moves on after each.
        numbered: bool,
    },
    /// Ends the run as stopped if `bytes` are more than what the machine has available now.
    NeedMemory {
        /// What the next step takes outside the heap.
        bytes: u64,
    },
    /// Drops all that a variable keeps.
    Drop {
        /// Which.
        keep: KeepId,
        /// More is kept there later: the variable gets a new, empty container instead of null.
        again: bool,
    },
    /// Does `body` only if `gc()` is exposed.
    IfGcExposed {
        /// What is done then.
        body: Vec<Step>,
    },
    /// A collection.
    Gc(Gc),
    /// Time passes in which nothing is allocated: the event loop turns, tasks and finalizers run.
    Wait {
        /// Milliseconds.
        ms: u32,
    },
}

/// Kinds of collection that a program can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gc {
    /// `gc()`.
    Full,
    /// `gc({ type: 'minor' })`.
    Young,
    /// `gc({ type: 'major', flavor: 'last-resort' })`.
    LastResort,
}

/// What a sample shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Label {
    /// The state before the first iteration.
    #[serde(rename = "start")]
    Start,
    /// The state after an iteration.
    #[serde(rename = "iteration")]
    Iteration,
    /// The state after all references were dropped.
    #[serde(rename = "cleared")]
    Cleared,
    /// The state after an explicit collection.
    #[serde(rename = "after gc")]
    AfterGc,
}

impl Label {
    /// All of them.
    pub const ALL: [Label; 4] = [Label::Start, Label::Iteration, Label::Cleared, Label::AfterGc];

    /// The spelling of the records.
    pub fn key(self) -> &'static str {
        match self {
            Label::Start => "start",
            Label::Iteration => "iteration",
            Label::Cleared => "cleared",
            Label::AfterGc => "after gc",
        }
    }
}

impl Step {
    /// Calls `visit` with this step and all within it, in order.
    pub fn walk<'w>(&'w self, visit: &mut dyn FnMut(&'w Step)) {
        visit(self);
        if let Step::Repeat { body, .. } | Step::IfGcExposed { body } = self {
            body.iter().for_each(|step| step.walk(visit));
        }
    }
}

impl Workload {
    /// The parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<u64> {
        self.parameters.iter().find(|parameter| parameter.name == name)?.value
    }

    /// How many iterations it has, at most; `None` until memory runs out.
    pub fn iterations(&self) -> Option<u64> {
        fn of(steps: &[Step]) -> Option<u64> {
            steps.iter().try_fold(0_u64, |sum, step| match step {
                Step::Repeat { times, iterations, body } => {
                    let inner = of(body)?.saturating_add(u64::from(*iterations));
                    Some(sum.saturating_add(times.as_ref()?.most().saturating_mul(inner)))
                }
                _ => Some(sum),
            })
        }
        of(&self.steps)
    }

    /// Whether `wanted` holds for any step.
    pub fn any_step(&self, wanted: &dyn Fn(&Step) -> bool) -> bool {
        let mut found = false;
        self.steps.iter().for_each(|step| step.walk(&mut |step| found |= wanted(step)));
        found
    }

    /// Whether `wanted` holds for any value that is made.
    pub fn any_value(&self, wanted: &dyn Fn(&Value) -> bool) -> bool {
        self.any_step(&|step| matches!(step, Step::Make { value, .. } if value.any(&self.shapes, wanted)))
    }

    /// Whether anything is drawn.
    pub fn draws(&self) -> bool {
        let drawn = |count: &Count| matches!(count, Count::Drawn { .. });
        self.keeps.iter().any(|keep| matches!(keep.bound, Bound::Table(_) | Bound::Share(_)))
            || self.any_step(&|step| match step {
                Step::Make { count, .. } => count.as_ref().is_some_and(drawn),
                Step::Repeat { times, .. } => times.as_ref().is_some_and(drawn),
                _ => false,
            })
            || self.any_value(&|value| match value {
                Value::String { length: count, .. }
                | Value::Concat { parts: count, .. }
                | Value::Slice { length: count, .. }
                | Value::Filled { length: count, .. }
                | Value::Doubles { length: count, .. }
                | Value::Map { size: count, .. }
                | Value::Set { size: count }
                | Value::List { length: count, .. }
                | Value::Buffer { length: count, .. }
                | Value::Subarray { length: count, .. } => drawn(count),
                _ => false,
            })
    }

    /// Characters of the longest flat string, one-byte and two-byte; 0 for none.
    pub fn longest_strings(&self) -> [u64; 2] {
        let longest = std::cell::Cell::new([0, 0]);
        self.any_value(&|value| {
            if let Value::String { length, two_byte } = value {
                let mut sizes = longest.get();
                let size = &mut sizes[usize::from(*two_byte)];
                *size = length.most().max(*size);
                longest.set(sizes);
            }
            false
        });
        longest.get()
    }
}

/// A size in the words of people: `100 MB`.
pub(crate) fn size_words(bytes: u64) -> String {
    let unit = [(30, "GB"), (20, "MB"), (10, "KB")].into_iter().find(|(shift, _)| bytes >> shift << shift == bytes);
    match unit {
        Some((shift, unit)) if bytes > 0 => format!("{} {unit}", bytes >> shift),
        _ => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_whole_unit() {
        assert_eq!(
            [0, 1, 1024, 100 << 20, (1 << 20) + 1].map(size_words),
            ["0 B", "1 B", "1 KB", "100 MB", "1048577 B"]
        );
    }
}
