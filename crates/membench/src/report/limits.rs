//! The limits of a heap, each with where it comes from, and the wall that a growing process meets first. Pure.

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
    /// First capacity of one semi-space, bytes.
    pub initial_semi_space: u64,
    /// Where each of them comes from, under the same key.
    pub origin: BTreeMap<&'static str, String>,
    /// What a process whose heap grows meets first.
    pub wall: Wall,
}

/// What a process whose heap grows meets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wall {
    /// Which of the two.
    pub first: First,
    /// Memory that the process holds when its heap is full, bytes: what a fresh process holds, with the old generation at its
    /// maximum and both semi-spaces in place of what the heap held then. Buffers come on top.
    pub rss_at_heap_limit: u64,
}

/// The two walls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// V8's limit: a fatal error and status 134.
    Heap,
    /// The memory of the container or machine: the kernel kills, status 137.
    Memory,
}

impl Wall {
    /// The wall of a process with these limits on a machine with `memory` bytes.
    pub fn of(profile: &Profile, memory: u64, limits: &Limits) -> Wall {
        let start = &profile.baseline;
        let full = limits.max_old_generation.saturating_add(2 * limits.max_semi_space);
        let rss_at_heap_limit = start.rss.saturating_sub(start.heap_total()).saturating_add(full);
        let first = if rss_at_heap_limit <= memory { First::Heap } else { First::Memory };
        Wall { first, rss_at_heap_limit }
    }
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
        ("initialSemiSpace", origins.initial_semi_space.to_string()),
    ]);
    Record {
        node: profile.node_major.to_string(),
        v8: profile.v8_version.to_owned(),
        memory: memory.bytes,
        limits: LimitsRecord::from(limits),
        initial_semi_space: limits.initial_semi_space,
        origin,
        wall: Wall::of(profile, memory.bytes, limits),
    }
}

/// The limits for people, a line each, and what they mean for a process that grows.
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
    let _ = writeln!(text, "{}", wall(memory, &Wall::of(profile, memory.bytes, limits)).get(lang));
    text
}

fn wall(memory: Memory, wall: &Wall) -> Text {
    let (rss, memory) = (short(wall.rss_at_heap_limit), short(memory.bytes));
    match wall.first {
        First::Heap => Text::new(
            format!(
                "A growing heap meets V8's limit first (status 134): the process then holds about {rss} MB of {memory} MB. Buffers \
                 are not limited by it; they meet the memory."
            ),
            format!(
                "不断增长的堆先达到 V8 上限(退出状态 134):此时进程约占 {memory} MB 中的 {rss} MB。Buffer 不受此上限约束,先耗尽的是内存。"
            ),
        ),
        First::Memory => Text::new(
            format!(
                "A growing process meets the memory first (killed, status 137): with a full heap it would hold about {rss} MB of \
                 {memory} MB. A lower --max-old-space-size lets it end with V8's message instead."
            ),
            format!(
                "不断增长的进程先耗尽内存(被系统终止,退出状态 137):堆满时约需 {rss} MB,而内存只有 {memory} MB。\
                 调低 --max-old-space-size 可使其以 V8 的错误信息结束。"
            ),
        ),
    }
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
        Origin::Derived(formula) => phrase(formula).to_owned(),
    };
    let adjusted = provenance.adjustment.map(|adjustment| match adjustment {
        Adjustment::RoundedUpToPowerOfTwo => ",向上取 2 的幂".to_owned(),
        Adjustment::RaisedTo(bound) => format!(",提高到{}", phrase(bound)),
        Adjustment::LoweredTo(bound) => format!(",降低到{}", phrase(bound)),
        Adjustment::RoundedDownToPage => ",向下取整页".to_owned(),
        Adjustment::RoundedDownToMib => ",向下取整 MB".to_owned(),
    });
    Text::new(provenance.to_string(), format!("{zh}{}", adjusted.unwrap_or_default()))
}

/// The formulas and bounds that limits name, in Chinese.
fn phrase(english: &str) -> &str {
    match english {
        "old generation + 3 * semi-space" => "老生代上限 + 3 × 半空间上限",
        "whole pages of (old generation + 2 * semi-space)" => "(老生代上限 + 2 × 半空间上限)折算为整页",
        "2 * old generation" => "2 × 老生代上限",
        "initial semi-space" => "半空间初始大小",
        "0: no initial size was configured" => "0:未设置初始大小",
        "the smallest semi-space" => "最小的半空间",
        "the largest semi-space" => "半空间上限",
        "the largest semi-space of this version" => "此版本允许的最大半空间",
        "half of the largest old generation" => "老生代上限的一半",
        "a page for each paged space" => "每个分页空间各一页",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use gcheap::policy::{Flags, limits};
    use gcheap::profile::{NODE_22, NODE_24};

    use super::*;

    /// Every flag alone, at sizes that make every adjustment happen.
    fn many_flags() -> Vec<Flags> {
        let mut all = vec![Flags::default()];
        for mb in [1, 3, 16, 64, 100, 257, 600, 5_000] {
            let some = Some(mb);
            all.extend([
                Flags { max_old_space_size_mb: some, ..Flags::default() },
                Flags { max_semi_space_size_mb: some, ..Flags::default() },
                Flags { min_semi_space_size_mb: some, ..Flags::default() },
                Flags { initial_old_space_size_mb: some, ..Flags::default() },
                Flags { initial_heap_size_mb: some, ..Flags::default() },
                Flags { max_heap_size_mb: some, ..Flags::default() },
            ]);
        }
        all
    }

    #[test]
    fn no_english_is_left_in_a_chinese_origin() {
        let mut seen = 0;
        for profile in Profile::all() {
            for memory in [100 << 20, 700 << 20, (1025 << 20) + 4096, 64 << 30] {
                for flags in many_flags() {
                    let Ok(limits) = limits(&flags, Some(memory), profile) else { continue };
                    let memory = Memory { bytes: memory, origin: MemoryOrigin::Typed };
                    for line in text(Lang::Zh, profile, memory, &limits).lines().skip(1) {
                        let words =
                            line.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
                        let known = ["MB", "V8", "Buffer"];
                        let mut english = words
                            .filter(|word| word.contains(|letter: char| letter.is_ascii_alphabetic()))
                            .filter(|word| !word.starts_with("--") && !known.contains(word));
                        assert_eq!(english.next(), None, "{line}");
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 1_000, "{seen}");
    }

    #[test]
    fn a_small_container_is_met_before_the_limit_that_v8_derives_from_it() {
        let wall = |memory: u64, profile| {
            let limits = limits(&Flags::default(), Some(memory), profile).expect("valid");
            Wall::of(profile, memory, &limits).first
        };
        // Below 512 MiB the default old generation is larger than half the memory, down to larger than all of it.
        assert_eq!(wall(256 << 20, &NODE_22), First::Memory);
        assert_eq!(wall(8 << 30, &NODE_24), First::Heap);
    }

    #[test]
    fn a_lower_flag_moves_the_wall_from_the_container_to_v8() {
        let first = |mb| {
            let flags = Flags { max_old_space_size_mb: Some(mb), ..Flags::default() };
            let limits = limits(&flags, Some(512 << 20), &NODE_22).expect("valid");
            Wall::of(&NODE_22, 512 << 20, &limits).first
        };
        assert_eq!((first(1_024), first(256)), (First::Memory, First::Heap));
    }
}
