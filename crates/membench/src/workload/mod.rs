//! What is done: a workload is data, a list of steps that every engine interprets in its own way.
//!
//! This module touches nothing and runs nothing. What holds: a [`Workload`] says everything that a run depends on but
//! the heap's settings, so the simulated heap and the JavaScript program made from it do the same work, object for
//! object and in the same order.
//!
//! One counter `n` counts the records of the whole run, from 0. [`Value`]s are read before it moves on.

pub mod shipped;

use serde::{Deserialize, Serialize};

use crate::cli::value::Mib;
use crate::text::Text;
pub use shipped::{Sizes, shipped};

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
    /// The sizes that were chosen, for the records.
    pub parameters: Vec<Parameter>,
    /// Arrays that live in variables of the program; [`RootId`] counts them from 0.
    pub roots: Vec<Root>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One size of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the records, camelCase.
    pub name: &'static str,
    /// Its value; counts as they are, sizes in bytes, `None` for "without end".
    pub value: Option<u64>,
}

/// A variable that holds an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its name in the program.
    pub name: String,
    /// A [`Step::Drop`] clears it; the variable of a root that is never dropped is a constant.
    pub dropped: bool,
}

/// Which of [`Workload::roots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RootId(pub usize);

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Takes a sample.
    Sample {
        /// What the sample shows.
        label: Label,
    },
    /// Does `body` again and again; each round is an iteration, and iterations count on through the whole run, from 1.
    Repeat {
        /// How often; `None` until memory runs out.
        times: Option<u64>,
        /// What each iteration does.
        body: Vec<Step>,
    },
    /// Makes `count` records of one shape and pushes each on the array `into`; `n` moves on by one after each.
    Records {
        /// How many.
        count: u64,
        /// Their shape: one object literal, at one place of the program.
        shape: Shape,
        /// Where they are kept.
        into: RootId,
    },
    /// Ends the run as stopped if `bytes` are more than what the machine has available now.
    NeedMemory {
        /// What the next step takes outside the heap.
        bytes: u64,
    },
    /// Allocates one Buffer, fills it, and pushes it on the array `into`.
    Buffer {
        /// Its length in bytes.
        bytes: u64,
        /// Every byte of it.
        fill: u8,
        /// Where it is kept.
        into: RootId,
    },
    /// Drops the array that a variable holds: the variable becomes null.
    Drop {
        /// Which.
        root: RootId,
    },
    /// Does `body` only if `gc()` is exposed.
    IfGcExposed {
        /// What is done then.
        body: Vec<Step>,
    },
    /// A full collection: `gc()`.
    Gc,
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

/// An object literal: its properties in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The properties.
    pub fields: Vec<Field>,
}

/// One property of an object literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, a JavaScript identifier.
    pub name: String,
    /// What it holds.
    pub value: Value,
}

/// What a property or an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `n + k`, a small integer.
    Counter(u32),
    /// `'prefix' + n`, a new flat string.
    Text {
        /// The part before the number, ASCII letters.
        prefix: String,
    },
    /// An array literal of values.
    Array(Vec<Value>),
    /// An object literal inside.
    Object(Shape),
}

/// What a run will roughly take: enough to warn about, not to account with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of objects in the heap; `None` when the run only ends with the heap.
    pub heap: Option<u64>,
    /// Bytes outside the heap at the end.
    pub buffers: u64,
    /// Bytes outside the heap that one iteration adds.
    pub buffers_per_iteration: u64,
}

impl Workload {
    /// The parameter called `name`.
    pub fn parameter(&self, name: &str) -> Option<u64> {
        self.parameters.iter().find(|parameter| parameter.name == name)?.value
    }

    /// How many iterations it has; `None` until memory runs out.
    pub fn iterations(&self) -> Option<u64> {
        self.steps.iter().try_fold(0_u64, |sum, step| match step {
            Step::Repeat { times, .. } => Some(sum.saturating_add((*times)?)),
            _ => Some(sum),
        })
    }

    /// What the whole run will roughly take.
    pub fn estimate(&self) -> Estimate {
        let mut estimate = Estimate { heap: Some(0), ..Estimate::default() };
        for step in &self.steps {
            if let Step::Repeat { times, body } = step {
                let (heap, buffers) = body.iter().map(Step::size).fold((0, 0), add);
                estimate.heap =
                    estimate.heap.zip(*times).map(|(sum, times)| sum.saturating_add(heap.saturating_mul(times)));
                estimate.buffers = estimate.buffers.saturating_add(buffers.saturating_mul(times.unwrap_or(1)));
                estimate.buffers_per_iteration = estimate.buffers_per_iteration.max(buffers);
            } else {
                let (heap, buffers) = step.size();
                estimate.heap = estimate.heap.map(|sum| sum.saturating_add(heap));
                estimate.buffers = estimate.buffers.saturating_add(buffers);
            }
        }
        estimate
    }
}

impl Step {
    /// Bytes in the heap and outside it that one execution leaves behind, roughly.
    fn size(&self) -> (u64, u64) {
        match self {
            Step::Records { count, shape, .. } => (count.saturating_mul(shape.size() + 12), 0),
            Step::Buffer { bytes, .. } => (200, *bytes),
            Step::Repeat { times, body } => {
                let (heap, buffers) = body.iter().map(Step::size).fold((0, 0), add);
                (heap.saturating_mul(times.unwrap_or(1)), buffers.saturating_mul(times.unwrap_or(1)))
            }
            _ => (0, 0),
        }
    }
}

impl Shape {
    /// Bytes of one object of this shape with all it holds, roughly.
    fn size(&self) -> u64 {
        24 + self.fields.iter().map(|field| 8 + field.value.size()).sum::<u64>()
    }
}

impl Value {
    fn size(&self) -> u64 {
        match self {
            Value::Counter(_) => 0,
            Value::Text { .. } => 32,
            Value::Array(values) => 48 + values.iter().map(|value| 8 + value.size()).sum::<u64>(),
            Value::Object(shape) => shape.size(),
        }
    }
}

fn add(sum: (u64, u64), more: (u64, u64)) -> (u64, u64) {
    (sum.0.saturating_add(more.0), sum.1.saturating_add(more.1))
}

/// A size in the words of people: `100 MB`.
pub(crate) fn megabytes(size: Mib) -> String {
    format!("{} MB", size.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_of_a_bounded_run_is_near_what_node_keeps() {
        let sizes = Sizes { iterations: Some(10), ..Sizes::default() };
        let heap = shipped("heap", sizes).unwrap().estimate().heap.unwrap();
        let measured = 10 * 75_000 * 160;
        assert!(heap.abs_diff(measured) < measured / 10, "{heap}");
    }

    #[test]
    fn an_endless_run_has_no_estimate_and_buffers_are_counted() {
        assert_eq!(shipped("heap", Sizes::default()).unwrap().estimate().heap, None);
        let buffer = shipped("buffer", Sizes::default()).unwrap().estimate();
        assert_eq!(buffer.buffers, 1000 << 20);
        assert_eq!(buffer.buffers_per_iteration, 100 << 20);
    }
}
