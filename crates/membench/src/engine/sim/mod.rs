//! gcheap as an engine: a workload is carried out on a simulated heap, object for object as V8's code would.
//!
//! Touches the heap through its public, safe interface only. What holds: every record but `rss`, `peakRss` and `wallMs` is
//! a function of the workload and the settings.

mod code;
mod compile;
mod keep;
mod liveness;
mod maker;
mod pool;
mod price;
mod program;
mod size;
mod tier;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use gcheap::event::Event;
use gcheap::time::{Clock, RealClock, VirtualClock};
use gcheap::trace::{Process, TraceOptions, Tracer};
use gcheap::{Error, ErrorKind, GcKind, Heap, HeapOptions, Scope};

use super::{Engine, FatalText, Outcome, RunError, Sink};
use crate::cli::ClockFlag;
use crate::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, OutcomeKey, SampleRecord};
use crate::settings::{Settings, machine};
use crate::workload::{Gc, Label, Step, Workload};
use compile::compile;
use maker::Maker;
use price::Prices;
use program::{Make, Part, Plan};

/// The process and isolate that trace lines name: the simulated process is always the same one.
const PROCESS: Process = Process { pid: 1, isolate: 0x1000_0000 };
/// Records between two looks at what the heap has told.
const RECORDS_A_LOOK: u64 = 4096;

/// Bytes that a sample of the JavaScript program leaves beside the texts of its numbers: the answer of `process.memoryUsage`, and
/// a line that is put together and written. Measured on Node 10 to 26, once the code is warm: 1160 to 1420 bytes in all.
const SAMPLE_TEXT: u64 = 1_100;

/// Runs workloads on gcheap.
#[derive(Debug, Default)]
pub struct SimEngine;

impl Engine for SimEngine {
    fn run(&mut self, workload: &Workload, settings: &Settings, sink: &mut dyn Sink) -> Result<Outcome, RunError> {
        simulate(workload, settings, sink, false)
    }
}

/// Runs a workload on gcheap; with `verify` the heap is checked after each collection, which is slow.
///
/// # Errors
///
/// As [`Engine::run`]; and a check that found the heap broken.
pub fn simulate(
    workload: &Workload,
    settings: &Settings,
    sink: &mut dyn Sink,
    verify: bool,
) -> Result<Outcome, RunError> {
    let started = Instant::now();
    sink.config(ConfigRecord::simulated(workload, settings))?;
    let clock: Box<dyn Clock> = match settings.clock {
        ClockFlag::Virtual => Box::new(VirtualClock::default()),
        ClockFlag::Real => Box::new(RealClock::default()),
    };
    let cost = settings.cost.unwrap_or(settings.node.profile.cost);
    let prices = Prices::new(&cost);
    let mut heap = Heap::new(HeapOptions {
        profile: settings.node.profile,
        flags: settings.heap.flags(),
        physical_memory: Some(settings.memory.bytes),
        clock,
        cost: Some(prices.of_allocation(cost)),
        verify,
        parallel_marking: machine::cores() > 1,
        prefault: machine::cores() > 1,
        ..HeapOptions::default()
    })
    .map_err(refused)?;
    let events: Events = Rc::default();
    let told = Rc::clone(&events);
    heap.subscribe(move |event| told.borrow_mut().push_back(event.clone()));
    let dialect = settings.node.profile.dialect;
    let options = TraceOptions { gc: settings.trace.gc, nvp: settings.trace.nvp, verbose: settings.trace.verbose };
    let read_only = settings.node.profile.baseline.read_only_used;
    let tracer = Tracer::new(dialect, PROCESS, options, read_only);
    let mut run = Run { iteration: 0, events, tracer, settings, prices, sink };
    // Node ends when no task is left.
    let ended = run.workload(workload, &mut heap).and_then(|()| Ok(heap.drain_tasks()?));
    run.finish(ended, &heap, started)
}

/// A heap that cannot even be made.
fn refused(error: Error) -> RunError {
    let (hint, hint_zh) = match error.kind() {
        ErrorKind::Refused(_) => (
            "; it reserves addresses, not memory: raise the limit on them (`ulimit -v unlimited`)",
            "(保留的是地址空间而非内存:请放宽其上限,如 `ulimit -v unlimited`)",
        ),
        _ => ("", ""),
    };
    RunError::failed(format!("the heap cannot be made: {error}{hint}"), format!("无法创建堆:{error}{hint_zh}"))
}

type Events = Rc<RefCell<VecDeque<Event>>>;

/// Why a run ended before its last step.
enum Stop {
    /// The heap said no.
    Heap(Error),
    /// The reader went away or the disk is full.
    Sink(RunError),
    /// The machine has not the memory for the next iteration.
    Memory { needed: u64, available: u64 },
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Heap(error)
    }
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Stop {
        Stop::Sink(error)
    }
}

struct Run<'r> {
    iteration: u64,
    events: Events,
    tracer: Tracer,
    settings: &'r Settings,
    prices: Prices,
    sink: &'r mut dyn Sink,
}

impl Run<'_> {
    fn workload(&mut self, workload: &Workload, heap: &mut Heap) -> Result<(), Stop> {
        let log = code::watch(heap);
        let (program, plan) = compile(workload);
        let mut scope = heap.scope();
        let mut maker = Maker::new(&program, workload, self.settings.seed, self.prices, &log, &mut scope)?;
        self.plan(&plan, &mut maker, &mut scope)
    }

    fn plan(&mut self, plan: &[Plan<'_>], maker: &mut Maker<'_, '_>, scope: &mut Scope<'_>) -> Result<(), Stop> {
        for step in plan {
            if !step.reached.replace(true) {
                maker.reach(step.compiled, step.ends_loop, scope)?;
            }
            match &step.part {
                Part::Make { count, make } => {
                    if count.is_some() {
                        maker.begin(make.body, scope)?;
                    }
                    let count = count.map_or(1, |count| maker.count(count));
                    self.make(count, make, &step.dead_within, maker, scope)?;
                }
                Part::Repeat { times, iterations, at, depth, body } => {
                    let times = times.map(|times| maker.count(times));
                    let mut done = 0;
                    while times.is_none_or(|times| done < times) {
                        self.iteration += u64::from(*iterations);
                        self.plan(body, maker, scope)?;
                        maker.back_edge(*at, *depth, scope)?;
                        done += 1;
                    }
                }
                Part::IfGcExposed(body) => {
                    if self.settings.expose_gc {
                        self.plan(body, maker, scope)?;
                    }
                }
                Part::Do(step) => self.step(step, maker, scope)?,
            }
            maker.forget(&step.dead_after, scope)?;
        }
        Ok(())
    }

    fn make(
        &mut self,
        count: u64,
        make: &Make,
        dead: &[usize],
        maker: &mut Maker<'_, '_>,
        scope: &mut Scope<'_>,
    ) -> Result<(), Stop> {
        let mut thing = 0;
        while thing < count {
            let since_look = thing % RECORDS_A_LOOK;
            if since_look != 0 {
                let made = maker.make_some(make, (RECORDS_A_LOOK - since_look).min(count - thing), scope)?;
                thing += made;
                if made > 0 {
                    continue;
                }
            }
            maker.make(make, scope)?;
            if since_look == 0 {
                self.tell()?;
                maker.forget(dead, scope)?;
            }
            thing += 1;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, maker: &mut Maker<'_, '_>, scope: &mut Scope<'_>) -> Result<(), Stop> {
        match step {
            Step::Sample { label } => self.sample(*label, scope)?,
            Step::NeedMemory { bytes } => {
                if let Err(available) = machine::room_for(*bytes) {
                    return Err(Stop::Memory { needed: *bytes, available });
                }
            }
            Step::Drop { keep, again } => maker.drop_all(keep.0, *again, scope)?,
            Step::Gc(kind) => scope.collect(match kind {
                Gc::Full => GcKind::Major,
                Gc::Young => GcKind::Minor,
                Gc::LastResort => GcKind::LastResort,
            })?,
            Step::Wait { ms } => {
                // The job ends: WeakRefs may be cleared, finalizers run, and the rest of the time nothing happens.
                scope.end_job();
                scope.turn_event_loop(f64::from(*ms))?;
                let mut turn = scope.scope();
                while turn.take_finalization().is_some() {}
            }
            // Comments are for readers; the others are no single steps.
            Step::Comment(_) | Step::Make { .. } | Step::Repeat { .. } | Step::IfGcExposed { .. } => {}
        }
        Ok(())
    }

    fn sample(&mut self, label: Label, scope: &mut Scope<'_>) -> Result<(), Stop> {
        self.tell()?;
        let usage = scope.process_memory_usage();
        let start = &scope.profile().baseline;
        let modelled = start.rss
            + usage.heap_total.saturating_sub(start.heap_total())
            + usage.array_buffers.saturating_sub(start.array_buffers);
        self.sink.sample(SampleRecord {
            iteration: self.iteration,
            label,
            time_ms: scope.time_ms(),
            rss: machine::rss(),
            heap_total: usage.heap_total,
            heap_used: usage.heap_used,
            external: usage.external,
            array_buffers: usage.array_buffers,
            modelled_rss: Some(modelled),
        })?;
        scope.work(self.prices.sample());
        // The JavaScript program writes its samples as text.
        let mut turn = scope.scope();
        let time_ms = turn.time_ms();
        turn.double_to_string(time_ms)?;
        for number in [self.iteration, usage.heap_total, usage.heap_used, usage.external, usage.array_buffers] {
            turn.number_to_string(number as i32)?;
        }
        turn.string_of_length(SAMPLE_TEXT, false)?;
        Ok(())
    }

    /// Passes on what the heap has told since the last look.
    fn tell(&mut self) -> Result<(), RunError> {
        loop {
            let Some(event) = self.events.borrow_mut().pop_front() else { return Ok(()) };
            let text = self.tracer.render(&event);
            let text = text.trim_end_matches('\n');
            if !text.is_empty() {
                self.sink.trace(text)?;
            }
            match event {
                Event::Gc(gc) => self.sink.gc(GcRecord::from(&*gc))?,
                Event::Fatal(fatal) => {
                    let text = FatalText { stdout: self.tracer.fatal_stdout(), stderr: self.tracer.fatal_text(&fatal) };
                    self.sink.fatal(FatalRecord::from_event(&fatal, self.iteration), &text)?;
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self, ended: Result<(), Stop>, heap: &Heap, started: Instant) -> Result<Outcome, RunError> {
        self.tell()?;
        let (key, outcome) = match ended {
            Ok(()) => (OutcomeKey::Completed, Ok(Outcome::Completed)),
            Err(Stop::Heap(error)) if error.out_of_memory().is_some() => {
                (OutcomeKey::OutOfMemory, Ok(Outcome::OutOfMemory))
            }
            Err(Stop::Heap(error)) => {
                let failure = RunError::failed(
                    format!("iteration {}: {error}", self.iteration),
                    format!("第{}次迭代:{error}", self.iteration),
                );
                (OutcomeKey::Stopped, Err(failure))
            }
            Err(Stop::Sink(error)) => return Err(error),
            Err(Stop::Memory { needed, available }) => {
                (OutcomeKey::Stopped, Ok(Outcome::stopped(self.iteration, needed, available)))
            }
        };
        // The iteration in which a run ends early was not completed.
        let completed = if key == OutcomeKey::Completed { self.iteration } else { self.iteration.saturating_sub(1) };
        self.sink.end(EndRecord {
            outcome: key,
            iterations: completed,
            scavenges: heap.scavenges(),
            mark_compacts: heap.mark_compacts(),
            gc_ms: heap.total_gc_ms(),
            time_ms: heap.time_ms(),
            wall_ms: started.elapsed().as_secs_f64() * 1000.0,
            peak_rss: Some(machine::peak_rss(None)),
            objects_allocated: Some(heap.objects_allocated()),
            bytes_allocated: Some(heap.bytes_allocated()),
        })?;
        outcome
    }
}
