//! The workloads that come with membench, and the sizes of them that can be chosen. Pure data.

use super::{Field, Label, Parameter, Root, RootId, Shape, Step, Value, Workload, megabytes};
use crate::cli::value::Mib;
use crate::text::Text;

/// Sizes that were chosen; `None` leaves the workload's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Iterations.
    pub iterations: Option<u64>,
    /// Records made in one iteration.
    pub records: Option<u64>,
    /// Length of one Buffer.
    pub buffer_size: Option<Mib>,
}

/// The names of all shipped workloads, in the order in which they are listed.
pub const NAMES: [&str; 3] = ["heap", "buffer", "compare"];

/// All shipped workloads in their own sizes.
///
/// ```
/// assert_eq!(membench::workload::shipped::all().len(), 3);
/// ```
pub fn all() -> Vec<Workload> {
    NAMES.iter().filter_map(|name| shipped(name, Sizes::default()).ok()).collect()
}

/// The shipped workload `name` in `sizes`.
///
/// # Errors
///
/// Names no workload, or gives a size that the workload does not have.
pub fn shipped(name: &str, sizes: Sizes) -> Result<Workload, Text> {
    match name {
        "heap" => {
            unused(name, "--buffer-size", sizes.buffer_size.is_some())?;
            Ok(heap(sizes.iterations, sizes.records.unwrap_or(75_000)))
        }
        "buffer" => {
            unused(name, "--records", sizes.records.is_some())?;
            Ok(buffer(sizes.iterations.unwrap_or(10), sizes.buffer_size.unwrap_or(Mib(100))))
        }
        "compare" => Ok(compare(
            sizes.iterations.unwrap_or(5),
            sizes.records.unwrap_or(50_000),
            sizes.buffer_size.unwrap_or(Mib(20)),
        )),
        _ => Err(Text::new(
            format!("there is no workload {name:?}: the shipped ones are {}", NAMES.join(", ")),
            format!("没有负载 {name:?}:自带的有 {}", NAMES.join("、")),
        )),
    }
}

fn unused(workload: &str, flag: &str, given: bool) -> Result<(), Text> {
    if given {
        return Err(Text::new(
            format!("{flag}: the workload {workload} has no such size"),
            format!("{flag}:负载 {workload} 没有这一参数"),
        ));
    }
    Ok(())
}

fn heap(iterations: Option<u64>, records: u64) -> Workload {
    let items = RootId(0);
    Workload {
        name: "heap".into(),
        title: Text::new("heap test", "堆内存测试"),
        description: Text::new(
            format!("{records} small records an iteration, none ever dropped, until the heap is exhausted"),
            format!("每次迭代创建 {records} 条小记录且永不释放,直到堆耗尽"),
        ),
        parameters: vec![
            Parameter { name: "iterations", value: iterations },
            Parameter { name: "records", value: Some(records) },
        ],
        roots: vec![Root { name: "items".into(), dropped: false }],
        steps: vec![
            Step::Sample { label: Label::Start },
            Step::Repeat {
                times: iterations,
                body: vec![
                    Step::Records {
                        count: records,
                        shape: Shape {
                            fields: vec![
                                field("id", Value::Counter(0)),
                                field("name", Value::Text { prefix: "item".into() }),
                                field("data", Value::Array((0..3).map(Value::Counter).collect())),
                            ],
                        },
                        into: items,
                    },
                    Step::Sample { label: Label::Iteration },
                ],
            },
        ],
    }
}

fn buffer(iterations: u64, size: Mib) -> Workload {
    Workload {
        name: "buffer".into(),
        title: Text::new("buffer test", "Buffer 内存测试"),
        description: Text::new(
            format!("{iterations} iterations of one filled {} Buffer, all kept", megabytes(size)),
            format!("{iterations} 次迭代,每次分配并保留一个填满的 {} Buffer", megabytes(size)),
        ),
        parameters: vec![
            Parameter { name: "iterations", value: Some(iterations) },
            Parameter { name: "bufferSize", value: Some(size.bytes()) },
        ],
        roots: vec![Root { name: "buffers".into(), dropped: false }],
        steps: vec![
            Step::Sample { label: Label::Start },
            Step::Repeat {
                times: Some(iterations),
                body: vec![
                    Step::NeedMemory { bytes: size.bytes() },
                    Step::Buffer { bytes: size.bytes(), fill: 1, into: RootId(0) },
                    Step::Sample { label: Label::Iteration },
                ],
            },
        ],
    }
}

fn compare(iterations: u64, records: u64, size: Mib) -> Workload {
    let (kept_records, kept_buffers) = (RootId(0), RootId(1));
    Workload {
        name: "compare".into(),
        title: Text::new("compare test", "对比测试"),
        description: Text::new(
            format!(
                "{iterations} iterations of {records} records and one filled {} Buffer, then everything is dropped",
                megabytes(size)
            ),
            format!("{iterations} 次迭代,每次 {records} 条记录和一个填满的 {} Buffer,最后全部释放", megabytes(size)),
        ),
        parameters: vec![
            Parameter { name: "iterations", value: Some(iterations) },
            Parameter { name: "records", value: Some(records) },
            Parameter { name: "bufferSize", value: Some(size.bytes()) },
        ],
        roots: vec![Root { name: "records".into(), dropped: true }, Root { name: "buffers".into(), dropped: true }],
        steps: vec![
            Step::Sample { label: Label::Start },
            Step::Repeat {
                times: Some(iterations),
                body: vec![
                    Step::Records {
                        count: records,
                        shape: Shape {
                            fields: vec![
                                field("id", Value::Counter(0)),
                                field("name", Value::Text { prefix: "item".into() }),
                            ],
                        },
                        into: kept_records,
                    },
                    Step::NeedMemory { bytes: size.bytes() },
                    Step::Buffer { bytes: size.bytes(), fill: 1, into: kept_buffers },
                    Step::Sample { label: Label::Iteration },
                ],
            },
            Step::Drop { root: kept_records },
            Step::Drop { root: kept_buffers },
            Step::Sample { label: Label::Cleared },
            Step::IfGcExposed { body: vec![Step::Gc, Step::Sample { label: Label::AfterGc }] },
        ],
    }
}

fn field(name: &str, value: Value) -> Field {
    Field { name: name.into(), value }
}
