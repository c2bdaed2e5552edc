//! Hears a run, simulated or real, and keeps what it is compared by. Touches nothing else.

use super::recording::{Observed, Sample};
use crate::engine::{Engine, FatalText, RunError, Sink};
use crate::record::{ConfigRecord, EndRecord, FatalRecord, GcRecord, SampleRecord};
use crate::settings::Settings;
use crate::text::Text;
use crate::workload::Workload;

/// What `engine` does with `workload`, and with what it began.
///
/// # Errors
///
/// The run could not be done, or the engine did not tell all of it.
pub fn observe(
    engine: &mut dyn Engine,
    workload: &Workload,
    settings: &Settings,
) -> Result<(ConfigRecord, Observed), RunError> {
    let mut ear = Ear::default();
    engine.run(workload, settings, &mut ear)?;
    let (Some(config), Some(end)) = (ear.config, ear.end) else {
        return Err(RunError::failed("the engine did not tell how the run ended", "引擎未报告运行如何结束"));
    };
    let observed = Observed {
        outcome: end.outcome,
        iterations: end.iterations,
        location: ear.location,
        scavenges: end.scavenges,
        mark_compacts: end.mark_compacts,
        samples: ear.samples,
    };
    Ok((config, observed))
}

#[derive(Default)]
struct Ear {
    config: Option<ConfigRecord>,
    samples: Vec<Sample>,
    location: Option<String>,
    end: Option<EndRecord>,
}

impl Sink for Ear {
    fn config(&mut self, record: ConfigRecord) -> Result<(), RunError> {
        self.config = Some(record);
        Ok(())
    }

    fn sample(&mut self, record: SampleRecord) -> Result<(), RunError> {
        self.samples.push(Sample {
            label: record.label,
            iteration: record.iteration,
            heap_total: record.heap_total,
            heap_used: record.heap_used,
            external: record.external,
            array_buffers: record.array_buffers,
        });
        Ok(())
    }

    fn gc(&mut self, _: GcRecord) -> Result<(), RunError> {
        Ok(())
    }

    fn trace(&mut self, _: &str) -> Result<(), RunError> {
        Ok(())
    }

    fn fatal(&mut self, record: FatalRecord, _: &FatalText) -> Result<(), RunError> {
        self.location = Some(record.location);
        Ok(())
    }

    fn end(&mut self, record: EndRecord) -> Result<(), RunError> {
        self.end = Some(record);
        Ok(())
    }

    fn note(&mut self, _: &Text) -> Result<(), RunError> {
        Ok(())
    }
}
