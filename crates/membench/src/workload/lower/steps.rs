//! What is kept, and the steps.

use toml::Spanned;

use super::quantities::{COUNT, EVERY, KEPT};
use super::{Lower, Mistake, Result, unknown};
use crate::workload::syntax::{self, KeepTable};
use crate::workload::{Bound, Container, Count, Gc, Keep, KeepId, Label, Step, Value, WHOLE_SHARE};

/// A variable and when it is emptied by itself.
pub(super) struct KeepEntry {
    pub keep: Keep,
    pub until: Until,
}

/// How long things are kept at most.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Dropped,
    Phase,
    Iteration,
}

const CONTAINERS: [(&str, Container); 4] =
    [("array", Container::Array), ("map", Container::Map), ("set", Container::Set), ("list", Container::List)];
const UNTIL: [(&str, Until); 2] = [("phase", Until::Phase), ("iteration", Until::Iteration)];
const GC: [(&str, Gc); 3] = [("full", Gc::Full), ("young", Gc::Young), ("last-resort", Gc::LastResort)];

fn word<T: Copy>(word: &Spanned<String>, en: &str, zh: &str, all: &[(&str, T)]) -> Result<T> {
    let found = all.iter().find(|(name, _)| name == word.get_ref());
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| unknown(word.span(), word.get_ref(), en, zh, all.iter().map(|(name, _)| *name)))
}

impl Lower<'_> {
    pub(super) fn keep(&self, name: &Spanned<String>, keep: &Spanned<syntax::Keep>) -> Result<KeepEntry> {
        let plain = KeepTable::default();
        let (container, table) = match keep.get_ref() {
            syntax::Keep::Word(container) => (Some(Spanned::new(keep.span(), container.clone())), &plain),
            syntax::Keep::Table(table) => (table.container.clone(), &**table),
        };
        let container = match &container {
            Some(container) => word(container, "container", "容器", &CONTAINERS)?,
            None => Container::Array,
        };
        let number = |quantity, kind| self.parameters.fixed(quantity, kind).map(|number| number as u32);
        let mut bounds = Vec::new();
        if let Some(window) = &table.window {
            bounds.push((window.span(), Bound::Window(number(window, KEPT)?)));
        }
        if let Some(table) = &table.table {
            bounds.push((table.span(), Bound::Table(number(table, KEPT)?)));
        }
        if let Some(every) = &table.one_in {
            bounds.push((every.span(), Bound::OneIn(number(every, EVERY)?)));
        }
        if let Some(share) = &table.fraction {
            let millionths = (share.get_ref().0 * f64::from(WHOLE_SHARE)).round() as u32;
            bounds.push((share.span(), Bound::Share(millionths.clamp(1, WHOLE_SHARE - 1))));
        }
        if let [_, (span, _), ..] = &bounds[..] {
            return Err(Mistake::new(
                span.clone(),
                "only one of window, table, one-in and fraction can hold",
                "window、table、one-in 与 fraction 只能给出一个",
            ));
        }
        let replaced = matches!(bounds.first(), Some((_, Bound::Window(_) | Bound::Table(_))));
        if let (Some((span, _)), Container::Set | Container::List) = (bounds.first().filter(|_| replaced), container) {
            return Err(Mistake::new(
                span.clone(),
                "a window or a table is in an array or a map",
                "window 和 table 只能用于 array 或 map",
            ));
        }
        let until = table.until.as_ref().map_or(Ok(Until::Dropped), |until| word(until, "end", "期限", &UNTIL))?;
        let bound = bounds.first().map_or(Bound::All, |(_, bound)| *bound);
        let keep = Keep { name: name.get_ref().clone(), container, bound, dropped: until != Until::Dropped };
        Ok(KeepEntry { keep, until })
    }

    fn keep_id(&self, name: &Spanned<String>) -> Result<KeepId> {
        let names = || self.keeps.iter().map(|entry| entry.keep.name.as_str());
        names().position(|known| known == name.get_ref()).map(KeepId).ok_or_else(|| {
            unknown(name.span(), name.get_ref(), "variable in [keep] called", " [keep] 中的变量", names())
        })
    }

    /// The whole program.
    pub(super) fn program(&mut self) -> Result<Vec<Step>> {
        let file = self.file;
        if file.phases.get_ref().is_empty() {
            return Err(Mistake::new(
                file.phases.span(),
                "there is nothing to do: give [[phases]]",
                "无事可做:请给出 [[phases]]",
            ));
        }
        let mut steps = Vec::new();
        for phase in file.phases.get_ref() {
            if phase.get_ref().body.is_empty() {
                return Err(Mistake::new(
                    phase.span(),
                    "a phase does something: \"do\" is empty",
                    "阶段须有内容:do 为空",
                ));
            }
            self.phase(phase.get_ref(), &mut steps)?;
        }
        if let Some(rounds) = &file.rounds {
            let times = self.parameters.endless_or_count(rounds, COUNT)?;
            steps = vec![Step::Repeat { times, iterations: false, body: steps }];
        }
        steps.insert(0, Step::Sample { label: Label::Start });
        self.settle_drops(&mut steps);
        Ok(steps)
    }

    fn phase(&mut self, phase: &syntax::Phase, steps: &mut Vec<Step>) -> Result<()> {
        let mut body = self.steps(&phase.body)?;
        let used = |steps: &[Step], until: Until, keeps: &[KeepEntry]| -> Vec<Step> {
            let ids = (0..keeps.len()).map(KeepId);
            ids.filter(|id| keeps[id.0].until == until && steps.iter().any(|step| keeps_in(step, *id)))
                .map(|keep| Step::Drop { keep, again: true })
                .collect()
        };
        if let Some(name) = &phase.name {
            steps.push(Step::Comment(name.lines().next().unwrap_or_default().to_owned()));
        }
        let until_phase = used(&body, Until::Phase, &self.keeps);
        let until_iteration = used(&body, Until::Iteration, &self.keeps);
        match &phase.repeat {
            Some(repeat) => {
                let times = self.parameters.endless_or_count(repeat, COUNT)?;
                if times.is_some_and(|times| matches!(times, Count::Drawn { .. })) {
                    self.parameters.fixed(repeat, COUNT)?;
                }
                body.push(Step::Sample { label: Label::Iteration });
                body.extend(until_iteration);
                steps.push(Step::Repeat { times, iterations: true, body });
            }
            None => {
                steps.extend(body);
                steps.extend(until_iteration);
            }
        }
        steps.extend(until_phase);
        Ok(())
    }

    fn steps(&mut self, list: &[Spanned<syntax::Step>]) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for step in list {
            self.step(step, &mut steps)?;
        }
        Ok(steps)
    }

    fn step(&mut self, spanned: &Spanned<syntax::Step>, steps: &mut Vec<Step>) -> Result<()> {
        let syntax::Step { make, count, keep, repeat, body, drop, gc, sample, wait } = spanned.get_ref();
        let kinds = [make.is_some(), repeat.is_some(), drop.is_some(), gc.is_some(), wait.is_some()];
        let kinds = kinds.into_iter().filter(|given| *given).count();
        if kinds > 1 || (kinds == 0 && sample.is_none()) {
            return Err(Mistake::new(
                spanned.span(),
                "a step has one of make, repeat, drop, gc, wait and sample",
                "一个步骤只能有 make、repeat、drop、gc、wait、sample 之一",
            ));
        }
        let stray = |span: std::ops::Range<usize>, key: &str, owner: &str| {
            Err(Mistake::new(
                span,
                format!("{key:?} belongs to a step with {owner:?}"),
                format!("{key:?} 只能用于带 {owner:?} 的步骤"),
            ))
        };
        if make.is_none() {
            if let Some(count) = count {
                return stray(count.span(), "count", "make");
            }
            if let Some(keep) = keep {
                return stray(keep.span(), "keep", "make");
            }
        }
        if repeat.is_none() && body.is_some() {
            return stray(spanned.span(), "do", "repeat");
        }
        if let Some(sample) = sample.as_ref().filter(|_| kinds == 1 && gc.is_none()) {
            return stray(sample.span(), "sample", "gc");
        }
        if let Some(value) = make {
            steps.push(self.make(value, count.as_ref(), keep.as_ref())?);
        } else if let Some(repeat) = repeat {
            let times = Some(self.parameters.count(repeat, COUNT)?);
            let body = body.as_deref().unwrap_or_default();
            if body.is_empty() {
                return Err(Mistake::new(
                    repeat.span(),
                    "there is nothing to repeat: give \"do\"",
                    "没有可重复的内容:请给出 do",
                ));
            }
            steps.push(Step::Repeat { times, iterations: false, body: self.steps(body)? });
        } else if let Some(name) = drop {
            let ids = match name.get_ref().as_str() {
                "all" => (0..self.keeps.len()).map(KeepId).collect(),
                _ => vec![self.keep_id(name)?],
            };
            for keep in ids {
                self.keeps[keep.0].keep.dropped = true;
                steps.push(Step::Drop { keep, again: false });
            }
        } else if let Some(gc) = gc {
            let mut body = vec![Step::Gc(word(gc, "kind of collection", "回收类型", &GC)?)];
            if let Some(sample) = sample {
                body.push(Step::Sample { label: label(sample)? });
            }
            steps.push(Step::IfGcExposed { body });
        } else if let Some(time) = wait {
            steps.push(Step::Wait { ms: milliseconds(time)? });
        } else if let Some(sample) = sample {
            steps.push(Step::Sample { label: label(sample)? });
        }
        Ok(())
    }

    fn make(
        &mut self,
        made: &Spanned<syntax::Value>,
        count: Option<&Spanned<syntax::Quantity>>,
        keep: Option<&Spanned<String>>,
    ) -> Result<Step> {
        let value = self.value(made)?;
        let count = count.map(|count| self.parameters.count(count, COUNT)).transpose()?;
        let keep = keep.map(|keep| self.keep_id(keep)).transpose()?;
        let place = keep.map(|id| &self.keeps[id.0].keep);
        match value {
            Value::Null | Value::Double(_) => {
                return Err(Mistake::new(
                    made.span(),
                    "a number that is no integer, or null, is not made by itself: put it in an object or an array",
                    "非整数或 null 不能单独创建:请放入对象或数组",
                ));
            }
            Value::Integer(_) if place.is_none() => {
                return Err(Mistake::new(
                    made.span(),
                    "an integer that nothing keeps takes no memory",
                    "不保留的整数不占内存",
                ));
            }
            _ => {}
        }
        let numbered = value.uses_counter(&self.named_shapes())
            || place.is_some_and(|keep| {
                matches!(keep.bound, Bound::Window(_) | Bound::OneIn(_))
                    || (keep.container == Container::Map && !matches!(keep.bound, Bound::Table(_)))
            });
        Ok(Step::Make { count, value, keep, numbered })
    }

    /// A variable that is used again after it was dropped needs a new container.
    fn settle_drops(&self, steps: &mut [Step]) {
        fn settle(steps: &mut [Step], after: &dyn Fn(KeepId) -> bool) {
            for index in 0..steps.len() {
                let (head, rest) = steps.split_at_mut(index + 1);
                let later = |id| rest.iter().any(|step| keeps_in(step, id)) || after(id);
                match &mut head[index] {
                    Step::Drop { keep, again } => *again = later(*keep),
                    Step::Repeat { body, .. } => {
                        // The next round comes after this one.
                        let copy = body.clone();
                        settle(body, &|id| later(id) || copy.iter().any(|step| keeps_in(step, id)));
                    }
                    Step::IfGcExposed { body } => settle(body, &later),
                    _ => {}
                }
            }
        }
        settle(steps, &|_| false);
    }
}

/// Whether a step puts something into a variable.
fn keeps_in(step: &Step, id: KeepId) -> bool {
    let mut found = false;
    step.walk(&mut |step| found |= matches!(step, Step::Make { keep: Some(keep), .. } if *keep == id));
    found
}

fn label(sample: &Spanned<String>) -> Result<Label> {
    word(sample, "sample", "采样", &Label::ALL.map(|label| (label.key(), label)))
}

/// `50 ms` or `2 s`.
fn milliseconds(time: &Spanned<String>) -> Result<u32> {
    let word = time.get_ref();
    let (number, factor) = match word.split_once(' ') {
        Some((number, "ms")) => (number, 1),
        Some((number, "s")) => (number, 1000),
        _ => ("", 1),
    };
    let ms = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    ms.filter(|ms| (1..=3_600_000).contains(ms)).ok_or_else(|| {
        Mistake::new(
            time.span(),
            format!("{word:?} is no time: write \"50 ms\" or \"2 s\", an hour at most"),
            format!("{word:?} 不是有效时间:请写成 \"50 ms\" 或 \"2 s\",最长一小时"),
        )
    })
}
