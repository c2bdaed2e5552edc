//! Single phases of a full collection stepped by hand, in any order and between any other operations; and spaces filled so that
//! the next allocation meets the end of them. What a step promises to say is checked at once.

use crate::failure::{Done, wrong};
use crate::operation::{Action, Operation};
use crate::world::World;
use gcheap::{Compaction, GcPhase, Heap, Scope};

impl World<'_> {
    pub(crate) fn phases(&mut self, turn: &mut Scope<'_>, operation: Operation) -> Done {
        let [a, b, c] = operation.numbers;
        let was_marking = turn.is_marking();
        match operation.action {
            Action::StartMarking => {
                // Only what goes on by hand alone is still there at the next step.
                turn.mark_by_hand(!a.is_multiple_of(4));
                let started = turn.start_marking();
                match (started, turn.is_marking()) {
                    (started, true) if started != was_marking => Ok(()),
                    (started, marks) => {
                        wrong(format!("marking ran: {was_marking}, was started: {started}, runs: {marks}"))
                    }
                }
            }
            Action::MarkBytes => {
                for _ in 0..1 + b % 8 {
                    self.coverage.steps_by_hand += u64::from(was_marking);
                    let done = turn.mark_bytes(u64::from(a % 20_000));
                    if !was_marking && !done {
                        return wrong("no marking runs and something is left to mark".to_owned());
                    }
                    if done {
                        break;
                    }
                }
                self.still(turn, was_marking)
            }
            Action::FinishMarking => {
                turn.finish_marking();
                if !turn.mark_bytes(0) {
                    return wrong("something is left to mark after marking was finished".to_owned());
                }
                self.still(turn, was_marking)
            }
            Action::Evacuate => {
                let before = turn.mark_compacts();
                let result = turn.evacuate();
                self.coverage.evacuations_by_hand += u64::from(was_marking);
                if turn.is_marking() || turn.mark_compacts() == before {
                    return wrong(format!("the cycle goes on after its last pause: {result:?}"));
                }
                Ok(result?)
            }
            Action::SweepPage => {
                for _ in 0..1 + a % 6 {
                    let waiting = turn.pages_to_sweep();
                    let swept = turn.sweep_page();
                    let left = turn.pages_to_sweep();
                    if swept != (waiting > 0) || left != waiting.saturating_sub(1) {
                        return wrong(format!("{waiting} pages waited, one was swept: {swept}, and {left} wait"));
                    }
                    self.coverage.pages_swept_by_hand += u64::from(swept);
                }
                self.still(turn, was_marking)
            }
            Action::ForceCompaction => {
                turn.force_compaction(match a % 4 {
                    0 => Compaction::Every,
                    1 => Compaction::Never,
                    _ => Compaction::Policy,
                });
                Ok(())
            }
            Action::ForcePromotion => {
                turn.force_promotion(a.is_multiple_of(2));
                Ok(())
            }
            Action::FillNewSpace => self.filled(turn, was_marking, |heap| heap.fill_new_space(u64::from(c % 5_000))),
            Action::FillOldSpace => self.filled(turn, was_marking, |heap| heap.fill_old_space(u64::from(c % 5_000))),
            Action::RefuseDuring => {
                let phase = if a.is_multiple_of(2) { GcPhase::Scavenge } else { GcPhase::Evacuation };
                turn.refuse_pages_during(phase, b.is_multiple_of(2).then_some(u64::from(c % 4)));
                Ok(())
            }
            other => wrong(format!("{other:?} is no operation on phases")),
        }
    }

    /// A step by hand neither starts nor ends a cycle.
    fn still(&self, turn: &Scope<'_>, was_marking: bool) -> Done {
        match turn.is_marking() == was_marking {
            true => Ok(()),
            false => wrong(format!("marking ran: {was_marking}, and after one step it is {}", !was_marking)),
        }
    }

    /// Filling a space collects nothing, and what was taken is counted.
    fn filled(&mut self, turn: &mut Scope<'_>, was_marking: bool, fill: impl FnOnce(&mut Heap) -> u64) -> Done {
        let count = |heap: &Heap| (heap.scavenges(), heap.mark_compacts());
        let (collections, bytes) = (count(turn), turn.bytes_allocated());
        let taken = fill(turn);
        self.coverage.filled_spaces += u64::from(taken > 0);
        if count(turn) != collections {
            return wrong("filling a space collected".to_owned());
        }
        if turn.bytes_allocated() < bytes + taken {
            return wrong(format!("{taken} bytes were taken, {} are counted", turn.bytes_allocated() - bytes));
        }
        self.still(turn, was_marking)
    }
}

/// Everything that goes by itself goes by itself again.
pub(crate) fn release(heap: &mut Heap) {
    heap.mark_by_hand(false);
    heap.force_compaction(Compaction::Policy);
    heap.force_promotion(false);
    for phase in [GcPhase::Scavenge, GcPhase::Evacuation] {
        heap.refuse_pages_during(phase, None);
    }
}
