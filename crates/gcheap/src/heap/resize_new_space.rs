//! New space grows and shrinks, at the start or at the end of a collection, as the version has it.

use super::Heap;
use crate::event::Event;
use crate::policy::{NewSpaceResize, NewSpaceResizeInputs, grow_new_space, shrink_new_space};
use crate::profile::ResizeMoment;

impl Heap {
    pub(super) fn new_space_decision(&self, reduce_memory: bool) -> NewSpaceResize {
        self.policy.resize_new_space(&self.new_space_inputs(reduce_memory))
    }

    pub(super) fn new_space_inputs(&self, reduce_memory: bool) -> NewSpaceResizeInputs {
        let spaces = &self.mechanism.spaces;
        NewSpaceResizeInputs {
            capacity: spaces.new.capacity,
            min: if self.profile.limits.separate_min_semi_space {
                self.limits.min_semi_space
            } else {
                self.limits.initial_semi_space
            },
            max: self.limits.max_semi_space,
            growth_factor: self.limits.semi_space_growth_factor,
            used: spaces.new.size(&spaces.pages),
            page: self.profile.pages.size,
            survived_since_last_expansion: self.state.survived_since_last_expansion,
            throughput: self.tracer.allocation_throughput(),
            low_throughput: self.profile.new_space.low_throughput as f64,
            reduce_memory,
        }
    }

    pub(super) fn forget_survivors(&mut self, forget: bool) {
        if forget {
            self.state.survived_since_last_expansion = 0;
        }
    }

    pub(super) fn grow_new_space(&mut self, capacity: u64) {
        let from = self.mechanism.spaces.new.capacity;
        let capacity = capacity.min(self.limits.max_semi_space.max(from));
        self.state.survived_since_last_expansion = 0;
        let spaces = &mut self.mechanism.spaces;
        spaces.new.capacity = capacity;
        // A refusal leaves the space smaller than its target, which is always allowed.
        let _ = spaces.new.commit_to(&mut spaces.pages);
        let _ = spaces.new.commit_from(&mut spaces.pages);
        let event = Event::NewSpaceResized { from, to: capacity, time_ms: self.time_ms() };
        self.emit(&event);
    }

    pub(super) fn shrink_new_space(&mut self, capacity: u64) {
        let from = self.mechanism.spaces.new.capacity;
        let capacity = capacity.min(from);
        let spaces = &mut self.mechanism.spaces;
        spaces.new.capacity = capacity;
        spaces.new.trim(&mut spaces.pages, true);
        if from != capacity {
            let event = Event::NewSpaceResized { from, to: capacity, time_ms: self.time_ms() };
            self.emit(&event);
        }
    }

    /// Resizing at the end of a collection: what this version decides there, or has decided at the start.
    pub(super) fn resize_at_end(&mut self, reduce_memory: bool) {
        let shrink_decided = std::mem::take(&mut self.shrink_at_end);
        if self.profile.new_space.resize == ResizeMoment::GrowAtStartShrinkAtEnd {
            if let Some(capacity) = shrink_new_space(&self.new_space_inputs(reduce_memory)) {
                self.shrink_new_space(capacity);
            }
            return;
        }
        if self.profile.new_space.resize == ResizeMoment::Start {
            if shrink_decided && let NewSpaceResize::Shrink(capacity) = self.new_space_decision(reduce_memory) {
                self.shrink_new_space(capacity);
            }
            return;
        }
        match self.new_space_decision(reduce_memory) {
            NewSpaceResize::Grow(capacity) => self.grow_new_space(capacity),
            NewSpaceResize::Shrink(capacity) => self.shrink_new_space(capacity),
            NewSpaceResize::Keep { forget_survivors } => self.forget_survivors(forget_survivors),
        }
    }

    /// Resizing at the start of a collection, or the decision to shrink at its end.
    pub(super) fn resize_at_start(&mut self, reduce_memory: bool) {
        if self.profile.new_space.resize == ResizeMoment::GrowAtStartShrinkAtEnd {
            if let Some(capacity) = grow_new_space(&self.new_space_inputs(reduce_memory)) {
                self.grow_new_space(capacity);
            }
        } else if self.profile.new_space.resize == ResizeMoment::Start {
            match self.new_space_decision(reduce_memory) {
                NewSpaceResize::Grow(capacity) => self.grow_new_space(capacity),
                NewSpaceResize::Shrink(_) => self.shrink_at_end = true,
                NewSpaceResize::Keep { forget_survivors } => self.forget_survivors(forget_survivors),
            }
        }
    }
}
