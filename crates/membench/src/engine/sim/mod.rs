//! gcheap as an engine: a workload is carried out on a simulated heap, object for object as V8's code would.
//!
//! Touches the heap through its public, safe interface only. What holds: every record but `rss`, `peakRss` and `wallMs` is
//! a function of the workload and the settings.

mod code;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use gcheap::event::Event;
use gcheap::time::{Clock, RealClock, VirtualClock};
use gcheap::trace::{Process, TraceOptions, Tracer};
use gcheap::types::{JsArray, JsString};
use gcheap::{Error, GcKind, Heap, HeapOptions, Local, Placement, Scope};

use super::{Engine, FatalText, Outcome, RunError, Sink};
use crate::cli::ClockFlag;
use crate::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, OutcomeKey, SampleRecord};
use crate::settings::{Settings, machine};
use crate::workload::{Label, Shape, Step, Value, Workload};
use code::Code;

/// The process and isolate that trace lines name: the simulated process is always the same one.
const PROCESS: Process = Process { pid: 1, isolate: 0x1000_0000 };
/// Records between two looks at what the heap has told.
const RECORDS_A_LOOK: u64 = 4096;

/// Runs workloads on gcheap.
#[derive(Debug, Default)]
pub struct SimEngine;

impl Engine for SimEngine {
    fn run(&mut self, workload: &Workload, settings: &Settings, sink: &mut dyn Sink) -> Result<Outcome, RunError> {
        let started = Instant::now();
        sink.config(ConfigRecord::simulated(workload, settings))?;
        let clock: Box<dyn Clock> = match settings.clock {
            ClockFlag::Virtual => Box::new(VirtualClock::default()),
            ClockFlag::Real => Box::new(RealClock::default()),
        };
        let mut heap = Heap::new(HeapOptions {
            profile: settings.node.profile,
            flags: settings.heap.flags(),
            physical_memory: Some(settings.memory.bytes),
            clock,
            ..HeapOptions::default()
        })
        .map_err(refused)?;
        let events: Events = Rc::default();
        let told = Rc::clone(&events);
        heap.subscribe(move |event| told.borrow_mut().push_back(event.clone()));
        let dialect = settings.node.profile.dialect;
        let options = TraceOptions { gc: settings.trace.gc, nvp: settings.trace.nvp, verbose: settings.trace.verbose };
        let read_only = settings.node.profile.baseline.read_only_used;
        let mut run = Run {
            codes: Vec::new(),
            n: 0,
            iteration: 0,
            events,
            tracer: Tracer::new(dialect, PROCESS, options, read_only),
            settings,
            sink,
        };
        let ended = run.workload(workload, &mut heap);
        let outcome = run.finish(ended, &heap, started)?;
        Ok(outcome)
    }
}

/// A heap that cannot even be made.
fn refused(error: Error) -> RunError {
    RunError::failed(format!("the heap cannot be made: {error}"), format!("无法创建堆:{error}"))
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
    /// Function bodies with literals, in the order in which the steps name them.
    codes: Vec<Code>,
    n: i32,
    iteration: u64,
    events: Events,
    tracer: Tracer,
    settings: &'r Settings,
    sink: &'r mut dyn Sink,
}

impl Run<'_> {
    fn workload(&mut self, workload: &Workload, heap: &mut Heap) -> Result<(), Stop> {
        let deoptimized = Code::watch(heap);
        let mut scope = heap.scope();
        // Module-level variables of a running module body: they lie on the stack and nowhere else.
        let roots = workload.roots.iter().map(|_| scope.array(&[])).collect::<Result<Vec<_>, _>>()?;
        self.codes = code::of_steps(&workload.steps, &mut scope, &deoptimized);
        let texts = code::prefixes(&workload.steps);
        let texts = texts.iter().map(|text| scope.string(text)).collect::<Result<Vec<_>, _>>()?;
        let mut next_code = 0;
        self.steps(&workload.steps, &roots, &texts, &mut next_code, &mut scope)
    }

    fn steps<'s>(
        &mut self,
        steps: &[Step],
        roots: &[Local<'s, JsArray>],
        texts: &[Local<'s, JsString>],
        next_code: &mut usize,
        scope: &mut Scope<'s>,
    ) -> Result<(), Stop> {
        for step in steps {
            match step {
                Step::Sample { label } => self.sample(*label, scope)?,
                Step::Repeat { times, body } => {
                    let first_code = *next_code;
                    let mut done = 0;
                    while times.is_none_or(|times| done < times) {
                        self.iteration += 1;
                        *next_code = first_code;
                        self.steps(body, roots, texts, next_code, scope)?;
                        done += 1;
                    }
                }
                Step::Records { count, shape, into } => {
                    let code = *next_code;
                    *next_code += 1;
                    for record in 0..*count {
                        self.record(shape, roots[into.0], texts, code, scope)?;
                        if record % RECORDS_A_LOOK == 0 {
                            self.tell()?;
                        }
                    }
                }
                Step::NeedMemory { bytes } => {
                    if let Err(available) = machine::room_for(*bytes) {
                        return Err(Stop::Memory { needed: *bytes, available });
                    }
                }
                Step::Buffer { bytes, fill, into } => {
                    let mut turn = scope.scope();
                    let buffer = turn.buffer_alloc(*bytes, Some(*fill))?;
                    turn.array_push(roots[into.0], buffer.into())?;
                }
                Step::Drop { root } => scope.array_clear(roots[root.0])?,
                Step::IfGcExposed { body } => {
                    if self.settings.expose_gc {
                        self.steps(body, roots, texts, next_code, scope)?;
                    }
                }
                Step::Gc => scope.collect(GcKind::Major)?,
            }
        }
        Ok(())
    }

    /// One record, pushed; what else was made is garbage.
    #[inline]
    fn record(
        &mut self,
        shape: &Shape,
        into: Local<'_, JsArray>,
        texts: &[Local<'_, JsString>],
        code: usize,
        scope: &mut Scope<'_>,
    ) -> Result<(), Error> {
        self.codes[code].enter(scope)?;
        let mut turn = scope.scope();
        let mut literal =
            Literals { code: &self.codes[code], n: self.n, site: 0, texts, text: self.codes[code].first_text };
        let record = literal.object(shape, &mut turn)?;
        turn.array_push(into, record)?;
        self.n = self.n.wrapping_add(1);
        Ok(())
    }

    fn sample(&mut self, label: Label, heap: &Heap) -> Result<(), RunError> {
        self.tell()?;
        let usage = heap.memory_usage();
        let start = &heap.profile().baseline;
        let modelled = start.rss
            + usage.heap_total.saturating_sub(start.heap_total())
            + usage.array_buffers.saturating_sub(start.array_buffers);
        self.sink.sample(SampleRecord {
            iteration: self.iteration,
            label,
            time_ms: heap.time_ms(),
            rss: machine::rss(),
            heap_total: usage.heap_total,
            heap_used: usage.heap_used,
            external: usage.external,
            array_buffers: usage.array_buffers,
            modelled_rss: Some(modelled),
        })
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
                    let text = FatalText { stdout: String::new(), stderr: self.tracer.fatal_text(&fatal) };
                    self.sink.fatal(FatalRecord::from_event(&fatal, self.iteration), &text)?;
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self, ended: Result<(), Stop>, heap: &Heap, started: Instant) -> Result<Outcome, RunError> {
        self.tell()?;
        let (key, outcome) = match ended {
            Ok(()) => (OutcomeKey::Completed, Outcome::Completed),
            Err(Stop::Heap(Error::OutOfMemory(_))) => (OutcomeKey::OutOfMemory, Outcome::OutOfMemory),
            Err(Stop::Heap(error)) => {
                return Err(RunError::failed(
                    format!("iteration {}: {error}", self.iteration),
                    format!("第{}次迭代:{error}", self.iteration),
                ));
            }
            Err(Stop::Sink(error)) => return Err(error),
            Err(Stop::Memory { needed, available }) => {
                (OutcomeKey::Stopped, Outcome::stopped(self.iteration, needed, available))
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
        Ok(outcome)
    }
}

/// The literals of one record, visited in the order in which [`code::of_steps`] numbered their sites.
struct Literals<'c, 't> {
    code: &'c Code,
    n: i32,
    site: usize,
    texts: &'c [Local<'t, JsString>],
    text: usize,
}

/// Fields of a literal that fit on the stack; longer literals are rare.
const FEW: usize = 8;

impl Literals<'_, '_> {
    fn place(&mut self) -> Placement {
        let placement = self.code.placement(self.site);
        self.site += 1;
        placement
    }

    #[inline(always)]
    fn value<'s>(&mut self, value: &Value, scope: &mut Scope<'s>) -> Result<gcheap::Value<'s>, Error> {
        match value {
            Value::Counter(more) => Ok(self.n.wrapping_add(*more as i32).into()),
            Value::Text { .. } => {
                let prefix = self.texts[self.text];
                self.text += 1;
                let number = scope.number_to_string(self.n)?;
                Ok(scope.concat(prefix, number)?.into())
            }
            Value::Array(values) => Ok(self.array(values, scope)?.into()),
            Value::Object(shape) => self.object(shape, scope),
        }
    }

    #[inline(never)]
    fn array<'s>(&mut self, values: &[Value], scope: &mut Scope<'s>) -> Result<Local<'s, JsArray>, Error> {
        let placement = self.place();
        let mut few = [gcheap::Value::Undefined; FEW];
        let many = self.values(values.iter(), values.len(), &mut few, scope)?;
        scope.array_literal(placement, many.as_deref().unwrap_or(&few[..values.len().min(FEW)]))
    }

    #[inline(never)]
    fn object<'s>(&mut self, shape: &Shape, scope: &mut Scope<'s>) -> Result<gcheap::Value<'s>, Error> {
        let placement = if shape.fields.is_empty() { Placement::Young } else { self.place() };
        let values = shape.fields.iter().map(|field| &field.value);
        let mut few = [gcheap::Value::Undefined; FEW];
        let many = self.values(values, shape.fields.len(), &mut few, scope)?;
        let values = many.as_deref().unwrap_or(&few[..shape.fields.len().min(FEW)]);
        if values.is_empty() {
            return Ok(scope.empty_object()?.into());
        }
        Ok(scope.object_literal(placement, values)?.into())
    }

    /// Evaluates fields into `few` if they fit there.
    #[inline]
    fn values<'v, 's>(
        &mut self,
        values: impl Iterator<Item = &'v Value>,
        count: usize,
        few: &mut [gcheap::Value<'s>; FEW],
        scope: &mut Scope<'s>,
    ) -> Result<Option<Vec<gcheap::Value<'s>>>, Error> {
        if count > FEW {
            return values.map(|value| self.value(value, scope)).collect::<Result<Vec<_>, _>>().map(Some);
        }
        for (slot, value) in few.iter_mut().zip(values) {
            *slot = self.value(value, scope)?;
        }
        Ok(None)
    }
}
