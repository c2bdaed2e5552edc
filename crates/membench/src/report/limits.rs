//! The limits of a heap, each with where it comes from. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use gcheap::policy::{Adjustment, Limits, Origin, Provenance};
use gcheap::profile::Profile;
use serde::Serialize;

use super::text::{pad_left, pad_right, short, width};
use crate::record::LimitsRecord;
use crate::settings::{Memory, MemoryOrigin};
use crate::text::{Lang, Text};

/// The line of `limits --format json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename = "limits", rename_all = "camelCase")]
pub struct Record {
    /// Major version.
    pub node: String,
    /// Version of V8.
    pub v8: String,
    /// Memory that the process believes it has, bytes.
    pub memory: u64,
    /// The limits, bytes.
    #[serde(flatten)]
    pub limits: LimitsRecord,
    /// Where each of them comes from, under the same key.
    pub origin: BTreeMap<&'static str, String>,
}

/// The limits as a record.
pub fn record(profile: &Profile, memory: Memory, limits: &Limits) -> Record {
    let origins = &limits.origins;
    let origin = BTreeMap::from([
        ("memory", memory_origin(memory.origin).to_string()),
        ("maxOldSpace", origins.max_old_generation.to_string()),
        ("maxSemiSpace", origins.max_semi_space.to_string()),
        ("heapSizeLimit", origins.heap_size_limit.to_string()),
        ("initialOldSpace", origins.initial_old_generation.to_string()),
    ]);
    Record {
        node: profile.node_major.to_string(),
        v8: profile.v8_version.to_owned(),
        memory: memory.bytes,
        limits: LimitsRecord::from(limits),
        origin,
    }
}

/// The limits for people, a line each.
pub fn text(lang: Lang, profile: &Profile, memory: Memory, limits: &Limits) -> String {
    let origins = &limits.origins;
    let rows = [
        (Text::new("Memory", "内存"), memory.bytes, memory_origin(memory.origin)),
        (Text::new("Max old space", "老生代上限"), limits.max_old_generation, origin(&origins.max_old_generation)),
        (
            Text::new("Initial old limit", "老生代初始限额"),
            limits.initial_old_generation,
            origin(&origins.initial_old_generation),
        ),
        (Text::new("Max semi-space", "半空间上限"), limits.max_semi_space, origin(&origins.max_semi_space)),
        (
            Text::new("Initial semi-space", "半空间初始大小"),
            limits.initial_semi_space,
            origin(&origins.initial_semi_space),
        ),
        (Text::new("Heap size limit", "堆大小上限"), limits.heap_size_limit, origin(&origins.heap_size_limit)),
    ];
    let names = rows.iter().map(|(name, ..)| width(name.get(lang))).max().unwrap_or(0);
    let mut text = format!("Node {}, V8 {}\n", profile.node_major, profile.v8_version);
    for (name, bytes, origin) in &rows {
        let name = pad_right(name.get(lang), names);
        let _ = writeln!(text, "{name}{} MB  {}", pad_left(&short(*bytes), 11), origin.get(lang));
    }
    text
}

fn memory_origin(origin: MemoryOrigin) -> Text {
    match origin {
        MemoryOrigin::Typed => Text::new("flag --memory", "参数 --memory"),
        MemoryOrigin::Machine => Text::new("this machine", "本机"),
        MemoryOrigin::Container => Text::new("limit of this container", "容器限制"),
    }
}

fn origin(provenance: &Provenance) -> Text {
    let zh = match provenance.origin {
        Origin::VersionDefault => "此版本的默认值".to_owned(),
        Origin::PhysicalMemory { total } => format!("由 {} MB 内存推出", short(total)),
        Origin::Flag(flag) => format!("参数 {flag}"),
        Origin::Derived(formula) => formula.to_owned(),
    };
    let adjusted = provenance.adjustment.map(|adjustment| match adjustment {
        Adjustment::RoundedUpToPowerOfTwo => ",向上取 2 的幂".to_owned(),
        Adjustment::RaisedTo(bound) => format!(",提高到 {bound}"),
        Adjustment::LoweredTo(bound) => format!(",降低到 {bound}"),
        Adjustment::RoundedDownToPage => ",向下取整页".to_owned(),
    });
    Text::new(provenance.to_string(), format!("{zh}{}", adjusted.unwrap_or_default()))
}
