//! Which variables of the main program are never read again: optimised code does not hold what they keep.
//!
//! V8's optimising compilers keep a value only as long as something may still use it (safepoint tables); the interpreter holds
//! all its registers. Pure. What holds: a variable that is dead after a step is set before it is used again, or never used.

use super::program::{Part, Plan};
use crate::workload::Step;

/// Fills in, for each step, which of so many variables are dead.
pub(super) fn analyze(plan: &mut [Plan<'_>], variables: usize) {
    backwards(plan, &vec![false; variables]);
}

/// What is live before the steps, when `after` is live behind them.
fn backwards(plan: &mut [Plan<'_>], after: &[bool]) -> Vec<bool> {
    let mut live = after.to_vec();
    for step in plan.iter_mut().rev() {
        step.dead_after = dead(&live);
        match &mut step.part {
            Part::Repeat { times, body, .. } => {
                // An endless loop is left by nobody.
                let behind = if times.is_some() { live } else { vec![false; live.len()] };
                let once = union(&behind, &backwards(body, &behind));
                live = union(&once, &backwards(body, &once));
            }
            Part::IfGcExposed(body) => live = union(&live, &backwards(body, &live)),
            Part::Make { make, .. } => {
                if let Some(keep) = make.place.keep() {
                    live[keep] = true;
                }
            }
            Part::Do(Step::Drop { keep, .. }) => live[keep.0] = false,
            Part::Do(_) => {}
        }
        step.dead_within = dead(&live).into_iter().filter(|keep| step.dead_after.contains(keep)).collect();
    }
    live
}

fn dead(live: &[bool]) -> Vec<usize> {
    live.iter().enumerate().filter(|&(_, &live)| !live).map(|(keep, _)| keep).collect()
}

/// Which of so many variables are dead somewhere before the program ends.
pub(super) fn dying(plan: &[Plan<'_>], variables: usize) -> Vec<bool> {
    let mut dying = vec![false; variables];
    for (number, step) in plan.iter().enumerate() {
        mark_dying(step, number + 1 == plan.len(), &mut dying);
    }
    dying
}

/// `last`: nothing runs behind the step.
fn mark_dying(step: &Plan<'_>, last: bool, dying: &mut [bool]) {
    let behind = if last { &[][..] } else { &step.dead_after };
    step.dead_within.iter().chain(behind).for_each(|&keep| dying[keep] = true);
    if let Part::Repeat { body, .. } | Part::IfGcExposed(body) = &step.part {
        body.iter().for_each(|step| mark_dying(step, false, dying));
    }
}

fn union(one: &[bool], other: &[bool]) -> Vec<bool> {
    one.iter().zip(other).map(|(&one, &other)| one || other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sim::compile::compile;
    use crate::workload::{Sizes, parse, shipped};

    #[test]
    fn a_constant_that_later_phases_do_not_use_dies() {
        let phases = r#"
            description = "one phase loads, the next one only leaks"
            [keep]
            base = "map"
            leak = "array"
            [[phases]]
            repeat = 6
            do = [{ make = { object = 2 }, count = 10, keep = "base" }]
            [[phases]]
            repeat = 6
            do = [{ make = { object = 2 }, count = 10, keep = "leak" }]
        "#;
        let workload = parse("phases", "phases.toml", phases, &Sizes::default()).expect("a workload");
        let (_, plan) = compile(&workload);
        assert_eq!(dying(&plan, workload.keeps.len()), [true, false]);
    }

    #[test]
    fn what_is_dropped_at_the_end_of_an_iteration_is_dead_behind_its_last_use() {
        let workload = shipped("fragmentation", Sizes::default()).expect("shipped");
        let (_, plan) = compile(&workload);
        let body = plan.iter().find_map(|step| match &step.part {
            Part::Repeat { body, .. } => Some(body),
            _ => None,
        });
        let makes: Vec<_> =
            body.expect("a loop").iter().filter(|step| matches!(step.part, Part::Make { .. })).collect();
        assert_eq!(makes.len(), 2);
        assert_eq!(makes[0].dead_after, [0], "`working` is not read in the second loop");
        assert_eq!(makes[1].dead_within, [0]);
        assert!(!makes[0].dead_within.contains(&0));
    }

    #[test]
    fn what_the_next_iteration_reads_is_alive() {
        let workload = shipped("record-leak", Sizes::default()).expect("shipped");
        let (_, plan) = compile(&workload);
        let Some(Part::Repeat { body, .. }) =
            plan.iter().map(|step| &step.part).find(|part| matches!(part, Part::Repeat { .. }))
        else {
            panic!("a loop")
        };
        assert!(body.iter().all(|step| step.dead_after.is_empty()));
    }
}
