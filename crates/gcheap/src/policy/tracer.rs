//! V8's measurements of itself: speeds, throughputs, survival and mutator utilisation.
//!
//! V8 `GCTracer` (src/heap/gc-tracer.{h,cc}) as a pure state machine. Nothing here asks a clock: every time comes in, in ms.
//! Sizes are bytes, speeds bytes per ms. What always holds: a speed is either unknown or within 1 and 2^30 bytes per ms.
//!
//! The order of calls around one collection is [`sample_allocation`](GcTracer::sample_allocation) at its start, the `record_…` calls,
//! and [`end_of_pause`](GcTracer::end_of_pause). Versions up to 12.4 recompute limits before `record_mark_compact`, later ones
//! after it ([`RecomputeMoment`](crate::profile::RecomputeMoment)).

use crate::event::Speeds;
use crate::profile::{ThroughputModel, TracerRules};

/// Samples that each ring buffer keeps.
pub const RING: usize = 10;
/// Largest speed that V8 believes, bytes per ms.
pub const MAX_SPEED: f64 = (1u64 << 30) as f64;
/// Speed of incremental marking before the first sample, bytes per ms (`kInitialSpeedInBytesPerMillisecond`).
pub const INITIAL_MARKING_SPEED: f64 = 128.0 * 1024.0;
/// Speed of the collector that utilisation assumes when it has no sample, bytes per ms (`kConservativeGcSpeedInBytesPerMillisecond`).
pub const CONSERVATIVE_GC_SPEED: f64 = 200_000.0;
/// Above this utilisation an allocation rate counts as low (`kHighMutatorUtilization`).
pub const HIGH_MUTATOR_UTILIZATION: f64 = 0.993;

/// Speeds below this are not combined, bytes per ms.
const MIN_COMBINED_SPEED: f64 = 0.5;

/// The last [`RING`] samples of something.
///
/// ```
/// use gcheap::policy::tracer::Ring;
/// let mut ring = Ring::default();
/// for sample in 0..12 { ring.push(sample) }
/// assert_eq!(ring.newest_first().next(), Some(11));
/// assert_eq!(ring.len(), 10);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ring<T> {
    samples: [T; RING],
    next: usize,
    len: usize,
}

impl<T: Copy> Ring<T> {
    /// Adds a sample; the eleventh drops the first.
    pub fn push(&mut self, sample: T) {
        self.samples[self.next] = sample;
        self.next = (self.next + 1) % RING;
        self.len = (self.len + 1).min(RING);
    }

    /// Samples kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No sample yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The samples, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = T> + '_ {
        (1..=self.len).map(move |back| self.samples[(self.next + RING - back) % RING])
    }

    /// Forgets every sample.
    pub fn clear(&mut self) {
        (self.next, self.len) = (0, 0);
    }
}

/// Bytes that took a time.
///
/// ```
/// use gcheap::policy::tracer::BytesAndMs;
/// assert_eq!(BytesAndMs { bytes: 3_000, ms: 1.5 }.speed(), Some(2_000.0));
/// assert_eq!(BytesAndMs { bytes: 3_000, ms: 0.0 }.speed(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BytesAndMs {
    /// Bytes.
    pub bytes: u64,
    /// Milliseconds.
    pub ms: f64,
}

impl BytesAndMs {
    /// Bytes per ms within V8's bounds, or `None` when no time passed.
    pub fn speed(self) -> Option<f64> {
        (self.ms > 0.0).then(|| (self.bytes as f64 / self.ms).clamp(1.0, MAX_SPEED))
    }

    fn plus(self, other: BytesAndMs) -> BytesAndMs {
        BytesAndMs { bytes: self.bytes + other.bytes, ms: self.ms + other.ms }
    }
}

/// Average speed of samples, newest first, after `start`; stops as soon as `window_ms` are covered.
fn average_speed(ring: &Ring<BytesAndMs>, start: BytesAndMs, window_ms: Option<f64>) -> Option<f64> {
    let mut sum = start;
    for sample in ring.newest_first() {
        if window_ms.is_some_and(|window| sum.ms >= window) {
            break;
        }
        sum = sum.plus(sample);
    }
    sum.speed()
}

/// One allocation throughput under either model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Throughput {
    counter: u64,
    /// Sampled since the end of the last pause.
    since_pause: BytesAndMs,
    ring: Ring<BytesAndMs>,
    smoothed: f64,
    ever_sampled: bool,
}

impl Throughput {
    fn sample(&mut self, counter: u64, ms: f64, model: ThroughputModel) {
        let sample = BytesAndMs { bytes: counter.saturating_sub(self.counter), ms };
        self.counter = counter;
        self.since_pause = self.since_pause.plus(sample);
        if let ThroughputModel::Smoothed { half_life_ms } = model
            && ms > 0.0
        {
            let now = sample.bytes as f64 / ms;
            let weight_of_past = (-ms / half_life_ms).exp2();
            self.smoothed = (now + (self.smoothed - now) * weight_of_past).min(MAX_SPEED);
            self.ever_sampled = true;
        }
    }

    fn end_of_pause(&mut self) {
        if self.since_pause.ms > 0.0 {
            self.ring.push(self.since_pause);
        }
        self.since_pause = BytesAndMs::default();
    }

    /// `whole_ring`: without the time window, as low-rate tests ask for it.
    fn speed(&self, model: ThroughputModel, whole_ring: bool) -> Option<f64> {
        match model {
            ThroughputModel::Window { window_ms } => {
                average_speed(&self.ring, self.since_pause, (!whole_ring).then_some(window_ms))
            }
            ThroughputModel::Smoothed { .. } => self.ever_sampled.then_some(self.smoothed),
        }
    }
}

/// What a mark-compact tells the tracer.
///
/// ```
/// use gcheap::policy::tracer::MarkCompactSample;
/// let atomic = MarkCompactSample { end_ms: 100.0, pause_ms: 20.0, bytes_after: 1 << 20, incremental: None };
/// assert_eq!(atomic.duration_ms(), 20.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkCompactSample {
    /// When the pause ended.
    pub end_ms: f64,
    /// Length of the pause.
    pub pause_ms: f64,
    /// Object bytes of all spaces after it.
    pub bytes_after: u64,
    /// Marking on the main thread before the pause, when it finished incremental marking.
    pub incremental: Option<BytesAndMs>,
}

impl MarkCompactSample {
    /// Pause and incremental steps, ms: the time that utilisation counts against the collector.
    pub fn duration_ms(&self) -> f64 {
        self.pause_ms + self.incremental.map_or(0.0, |part| part.ms)
    }
}

/// The state machine.
///
/// ```
/// use gcheap::{policy::tracer::{GcTracer, MarkCompactSample}, profile::NODE_24};
/// let mut tracer = GcTracer::new(NODE_24.tracer);
/// tracer.record_mark_compact(&MarkCompactSample { end_ms: 100.0, pause_ms: 25.0, bytes_after: 1_000_000, incremental: None });
/// assert_eq!(tracer.current_mutator_utilization(), 0.75);
/// assert_eq!(tracer.mark_compact_speed(), Some(40_000.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GcTracer {
    rules: TracerRules,
    sampled_at: Option<f64>,
    young: Throughput,
    old: Throughput,
    scavenges: Ring<BytesAndMs>,
    mark_compacts: Ring<BytesAndMs>,
    incremental_mark_compacts: Ring<BytesAndMs>,
    compactions: Ring<BytesAndMs>,
    marking_speed: Option<f64>,
    survival: Ring<f64>,
    previous_mark_compact_end: Option<f64>,
    average_mutator_ms: f64,
    average_mark_compact_ms: f64,
    current_utilization: f64,
}

impl GcTracer {
    /// The tracer of a process that starts now, at 0 ms.
    pub fn new(rules: TracerRules) -> Self {
        GcTracer {
            rules,
            sampled_at: rules.first_sample_counts.then_some(0.0),
            young: Throughput::default(),
            old: Throughput::default(),
            scavenges: Ring::default(),
            mark_compacts: Ring::default(),
            incremental_mark_compacts: Ring::default(),
            compactions: Ring::default(),
            marking_speed: None,
            survival: Ring::default(),
            previous_mark_compact_end: rules.first_mark_compact_counts.then_some(0.0),
            average_mutator_ms: 0.0,
            average_mark_compact_ms: 0.0,
            current_utilization: 1.0,
        }
    }

    /// Start of a collection (V8 `SampleAllocation`): the counters of bytes allocated in the young generation, and allocated in or
    /// promoted to the old one, both since the start of the process.
    pub fn sample_allocation(&mut self, now_ms: f64, young_counter: u64, old_counter: u64) {
        match self.sampled_at {
            None => {
                self.young.counter = young_counter;
                self.old.counter = old_counter;
            }
            Some(before) => {
                let ms = (now_ms - before).max(0.0);
                self.young.sample(young_counter, ms, self.rules.throughput);
                self.old.sample(old_counter, ms, self.rules.throughput);
            }
        }
        self.sampled_at = Some(now_ms);
    }

    /// End of a pause (V8 `AddAllocation`): the samples become history, and the time that follows is the program's.
    pub fn end_of_pause(&mut self, now_ms: f64) {
        self.young.end_of_pause();
        self.old.end_of_pause();
        if self.sampled_at.is_some() {
            self.sampled_at = Some(now_ms);
        }
    }

    /// A scavenge of `pause_ms` that copied or promoted `survived` bytes.
    pub fn record_scavenge(&mut self, survived: u64, pause_ms: f64) {
        self.scavenges.push(BytesAndMs { bytes: survived, ms: pause_ms });
    }

    /// A mark-compact, and with it the mutator utilisation (V8 `RecordMutatorUtilization`).
    pub fn record_mark_compact(&mut self, sample: &MarkCompactSample) {
        let pause = BytesAndMs { bytes: sample.bytes_after, ms: sample.pause_ms };
        match sample.incremental {
            None => self.mark_compacts.push(pause),
            Some(marking) => {
                if marking.bytes > 0 && marking.ms > 0.0 {
                    let speed = marking.bytes as f64 / marking.ms;
                    self.marking_speed = Some(self.marking_speed.map_or(speed, |before| (before + speed) / 2.0));
                }
                self.incremental_mark_compacts.push(pause);
            }
        }
        if let Some(previous) = self.previous_mark_compact_end {
            let total = sample.end_ms - previous;
            let collector = sample.duration_ms();
            let mutator = total - collector;
            if self.average_mark_compact_ms == 0.0 && self.average_mutator_ms == 0.0 {
                self.average_mark_compact_ms = collector;
                self.average_mutator_ms = mutator;
            } else {
                self.average_mark_compact_ms = (self.average_mark_compact_ms + collector) / 2.0;
                self.average_mutator_ms = (self.average_mutator_ms + mutator) / 2.0;
            }
            self.current_utilization = if total > 0.0 { mutator / total } else { 0.0 };
        }
        self.previous_mark_compact_end = Some(sample.end_ms);
    }

    /// Pages of `live` bytes were evacuated in `ms`.
    pub fn record_compaction(&mut self, live: u64, ms: f64) {
        self.compactions.push(BytesAndMs { bytes: live, ms });
    }

    /// Survival of one collection, percent.
    pub fn record_survival(&mut self, percent: f64) {
        self.survival.push(percent);
    }

    /// Forgets survival (V8 resets it when a context is disposed of).
    pub fn reset_survival(&mut self) {
        self.survival.clear();
    }

    /// Average survival over the last 10 collections, percent; 0 before the first.
    pub fn average_survival_ratio(&self) -> f64 {
        if self.survival.is_empty() {
            return 0.0;
        }
        // Oldest or newest first makes no difference but for the last bit; V8 sums its buffer in order of age.
        self.survival.newest_first().sum::<f64>() / self.survival.len() as f64
    }

    /// Utilisation of the last mark-compact cycle, 0 to 1; 1 before the first.
    pub fn current_mutator_utilization(&self) -> f64 {
        self.current_utilization
    }

    /// Its running average, 0 to 1; 1 before the first.
    pub fn average_mutator_utilization(&self) -> f64 {
        let total = self.average_mutator_ms + self.average_mark_compact_ms;
        if total == 0.0 { 1.0 } else { self.average_mutator_ms / total }
    }

    /// Survived bytes per ms of scavenge.
    pub fn scavenge_speed(&self) -> Option<f64> {
        average_speed(&self.scavenges, BytesAndMs::default(), None)
    }

    /// Object bytes per ms of mark-compacts that did not follow incremental marking.
    pub fn mark_compact_speed(&self) -> Option<f64> {
        average_speed(&self.mark_compacts, BytesAndMs::default(), None)
    }

    /// The same for those that did: the final pause only.
    pub fn final_mark_compact_speed(&self) -> Option<f64> {
        average_speed(&self.incremental_mark_compacts, BytesAndMs::default(), None)
    }

    /// Bytes per ms of main-thread incremental marking; [`INITIAL_MARKING_SPEED`] before the first sample.
    pub fn incremental_marking_speed(&self) -> f64 {
        self.marking_speed.unwrap_or(INITIAL_MARKING_SPEED)
    }

    /// The collector's speed as the heap controller sees it (V8 `CombinedMarkCompactSpeedInBytesPerMillisecond`): that of atomic
    /// mark-compacts if there are any, else marking and final pause one after the other.
    pub fn combined_mark_compact_speed(&self) -> Option<f64> {
        if let Some(speed) = self.mark_compact_speed() {
            return Some(speed);
        }
        let marking = self.incremental_marking_speed();
        let pause = self.final_mark_compact_speed()?;
        (marking >= MIN_COMBINED_SPEED && pause >= MIN_COMBINED_SPEED).then(|| marking * pause / (marking + pause))
    }

    /// Bytes per ms of page evacuation.
    pub fn compaction_speed(&self) -> Option<f64> {
        average_speed(&self.compactions, BytesAndMs::default(), None)
    }

    /// Young allocation, bytes per ms of program time.
    pub fn new_space_throughput(&self) -> Option<f64> {
        self.young.speed(self.rules.throughput, false)
    }

    /// Old allocation with promotion, bytes per ms of program time: the mutator's speed of the heap controller.
    pub fn old_generation_throughput(&self) -> Option<f64> {
        self.old.speed(self.rules.throughput, false)
    }

    /// Both together, 0 when unknown: what new-space shrinking looks at.
    pub fn allocation_throughput(&self) -> f64 {
        self.new_space_throughput().unwrap_or(0.0) + self.old_generation_throughput().unwrap_or(0.0)
    }

    /// The young generation is hardly allocated in (V8 `Heap::HasLowYoungGenerationAllocationRate`): only then may a scavenge lower limits.
    pub fn has_low_young_allocation_rate(&self) -> bool {
        let mutator = self.young.speed(self.rules.throughput, true).unwrap_or(0.0);
        mutator_utilization(mutator, self.scavenge_speed().unwrap_or(0.0)) > HIGH_MUTATOR_UTILIZATION
    }

    /// The old generation is hardly allocated in (V8 `Heap::HasLowOldGenerationAllocationRate`).
    pub fn has_low_old_allocation_rate(&self) -> bool {
        let mutator = self.old.speed(self.rules.throughput, true).unwrap_or(0.0);
        mutator_utilization(mutator, self.combined_mark_compact_speed().unwrap_or(0.0)) > HIGH_MUTATOR_UTILIZATION
    }

    /// The speeds in the form that events carry.
    pub fn speeds(&self) -> Speeds {
        Speeds {
            scavenge: self.scavenge_speed(),
            mark_compact: self.combined_mark_compact_speed(),
            new_space_allocation: self.new_space_throughput(),
            old_generation_allocation: self.old_generation_throughput(),
        }
    }
}

/// Share of time that the program keeps when it allocates and the collector works at these speeds, bytes per ms (V8
/// `ComputeMutatorUtilization`, src/heap/heap.cc). A program that allocates nothing at all counts as 0, as in V8.
///
/// ```
/// assert_eq!(gcheap::policy::tracer::mutator_utilization(1_000.0, 9_000.0), 0.9);
/// assert_eq!(gcheap::policy::tracer::mutator_utilization(0.0, 9_000.0), 0.0);
/// ```
pub fn mutator_utilization(mutator_speed: f64, gc_speed: f64) -> f64 {
    if mutator_speed == 0.0 {
        return 0.0;
    }
    let gc_speed = if gc_speed == 0.0 { CONSERVATIVE_GC_SPEED } else { gc_speed };
    gc_speed / (mutator_speed + gc_speed)
}
