//! What a run will roughly take: enough to warn about, not to account with. Pure.

use super::{Bound, Keep, Shape, Step, Value, Workload};

/// Bytes that a run takes, roughly.
///
/// ```
/// use membench::workload::{Sizes, shipped};
/// let buffer = shipped("buffer", Sizes::default()).unwrap().estimate();
/// assert_eq!((buffer.buffers, buffer.buffers_per_iteration), (1000 << 20, 100 << 20));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes of objects in the heap; `None` when the run only ends with the heap.
    pub heap: Option<u64>,
    /// Bytes outside the heap at the end.
    pub buffers: u64,
    /// Bytes outside the heap that one iteration adds.
    pub buffers_per_iteration: u64,
}

/// Bytes in the heap and outside it.
#[derive(Clone, Copy, Default)]
struct Size {
    heap: u64,
    buffers: u64,
}

impl Size {
    fn times(self, count: u64) -> Size {
        Size { heap: self.heap.saturating_mul(count), buffers: self.buffers.saturating_mul(count) }
    }

    fn plus(self, more: Size) -> Size {
        Size { heap: self.heap.saturating_add(more.heap), buffers: self.buffers.saturating_add(more.buffers) }
    }

    fn heap(heap: u64) -> Size {
        Size { heap, buffers: 0 }
    }
}

impl Workload {
    /// What the whole run will roughly take.
    pub fn estimate(&self) -> Estimate {
        let endless = self.iterations().is_none();
        let per_iteration = self.most_buffers_of_a_round(&self.steps);
        let mut kept = vec![Size::default(); self.keeps.len() + 1];
        self.add(&self.steps, 1, &mut kept);
        let whole = kept.into_iter().fold(Size::default(), Size::plus);
        Estimate {
            heap: (!endless).then_some(whole.heap),
            buffers: whole.buffers,
            buffers_per_iteration: per_iteration,
        }
    }

    /// Adds what `rounds` rounds of the steps leave in each variable; the last entry is for what nothing keeps.
    fn add(&self, steps: &[Step], rounds: u64, kept: &mut [Size]) {
        for step in steps {
            match step {
                Step::Repeat { times, body, .. } => {
                    let times = times.map_or(1, |count| count.most());
                    self.add(body, rounds.saturating_mul(times), kept);
                }
                Step::Make { count, value, keep, .. } => {
                    let one = self.size(value);
                    let made = rounds.saturating_mul(count.map_or(1, |count| count.most()));
                    let (place, count) = match keep {
                        None => (kept.len() - 1, 1),
                        Some(id) => (id.0, still_there(&self.keeps[id.0], made)),
                    };
                    let left = one.plus(Size::heap(12)).times(count);
                    let bounded =
                        keep.is_none_or(|id| matches!(self.keeps[id.0].bound, Bound::Window(_) | Bound::Table(_)));
                    kept[place] = if bounded && kept[place].heap > left.heap {
                        kept[place]
                    } else if bounded {
                        left
                    } else {
                        kept[place].plus(left)
                    };
                }
                _ => {}
            }
        }
    }

    /// Bytes outside the heap that the round with the most of them makes.
    fn most_buffers_of_a_round(&self, steps: &[Step]) -> u64 {
        let rounds = steps.iter().filter_map(|step| match step {
            Step::Repeat { body, iterations: true, .. } => Some(self.buffers_of(body)),
            Step::Repeat { body, .. } => Some(self.most_buffers_of_a_round(body)),
            _ => None,
        });
        rounds.max().unwrap_or_else(|| self.buffers_of(steps))
    }

    fn buffers_of(&self, steps: &[Step]) -> u64 {
        let of = |step: &Step| match step {
            Step::Make { count, value, keep, .. } => {
                let made = count.map_or(1, |count| count.most());
                let left = keep.map_or(1, |id| still_there(&self.keeps[id.0], made));
                self.size(value).times(left).buffers
            }
            Step::Repeat { times, body, .. } => {
                self.buffers_of(body).saturating_mul(times.map_or(1, |count| count.most()))
            }
            _ => 0,
        };
        steps.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Bytes of one value with all it holds.
    fn size(&self, value: &Value) -> Size {
        let of_parts = || value.parts().into_iter().map(|part| self.size(part)).fold(Size::default(), Size::plus);
        let fields = |shape: &Shape| of_parts().plus(Size::heap(24 + 8 * shape.fields.len() as u64));
        match value {
            Value::Integer(_) | Value::Null => Size::default(),
            Value::Double(_) => Size::heap(16),
            Value::Shape(id) => self.size(&self.shapes[id.0].value),
            Value::Text { .. } => Size::heap(32),
            Value::String { length, two_byte } => Size::heap(16 + (length.most() << u64::from(*two_byte))),
            Value::Concat { parts, of, .. } => self.size(of).plus(Size::heap(32)).times(parts.most()),
            Value::Slice { .. } => of_parts().plus(Size::heap(32)),
            Value::Object(shape) | Value::Class(shape) => fields(shape),
            Value::Grown(shape) => fields(shape).plus(Size::heap(40)),
            Value::Array(values) => of_parts().plus(Size::heap(48 + 8 * values.len() as u64)),
            Value::Filled { length, .. } => of_parts().plus(Size::heap(12)).times(length.most()).plus(Size::heap(176)),
            Value::Doubles { length, .. } => Size::heap(12).times(length.most()).plus(Size::heap(176)),
            Value::Map { size, .. } => of_parts().plus(Size::heap(44)).times(size.most()).plus(Size::heap(184)),
            Value::Set { size } => Size::heap(30).times(size.most()).plus(Size::heap(152)),
            Value::List { length, .. } => of_parts().plus(Size::heap(40)).times(length.most()),
            Value::Tree { depth, .. } => of_parts().plus(Size::heap(48)).times((1 << depth) - 1),
            Value::Closure(values) => of_parts().plus(Size::heap(88 + 8 * values.len() as u64)),
            Value::Promise { .. } => Size::heap(48),
            Value::WeakRef(_) => of_parts().plus(Size::heap(32)),
            Value::Finalized(_) | Value::WeakKey { .. } => of_parts().plus(Size::heap(72)),
            Value::Buffer { length, .. } => Size { heap: 200, buffers: length.most() },
            Value::Subarray { .. } => of_parts().plus(Size::heap(104)),
        }
    }

    /// Bytes outside the heap that one value may take.
    pub(super) fn buffer_bytes(&self, value: &Value) -> u64 {
        self.size(value).buffers
    }
}

/// How many of `made` things are still there in the end.
fn still_there(keep: &Keep, made: u64) -> u64 {
    match keep.bound {
        Bound::All => made,
        Bound::Window(most) | Bound::Table(most) => made.min(u64::from(most)),
        Bound::OneIn(every) => made / u64::from(every),
        Bound::Share(millionths) => (made as f64 * f64::from(millionths) / 1e6) as u64,
    }
}

#[cfg(test)]
mod tests {
    use crate::workload::{Sizes, shipped};

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
