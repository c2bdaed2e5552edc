//! Values of flags: each reader says in one sentence what it wants. Pure.
//!
//! Sizes are types here, so that MiB, KiB and bytes cannot be mixed up.

use std::path::PathBuf;

use gcheap::profile::Profile;

use super::EngineFlag;
use crate::text::Text;

/// What `--node` is when it is not given.
pub const DEFAULT_NODE: u32 = 24;

/// One mebibyte, V8's MB.
pub const MIB: u64 = 1 << 20;

/// User space of a 64-bit process: what no size may exceed.
pub(crate) const ADDRESS_SPACE: u64 = 1 << 47;

/// A size as Node's flags have it: whole mebibytes.
///
/// ```
/// assert_eq!(membench::cli::value::Mib(2).bytes(), 2_097_152);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mib(pub u64);

impl Mib {
    /// The same in bytes.
    pub fn bytes(self) -> u64 {
        self.0 * MIB
    }
}

/// An old generation limit among others: a size, or `None` for V8's own default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<Mib>);

/// A size in whole kibibytes, as the classic `--max-new-space-size` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kib(pub u64);

/// A share of the memory in thousandths of a percent, so that it can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u32);

impl Percent {
    /// The same in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// Reads a share in percent, above 0 and at most 100.
pub fn percent(value: &str) -> Result<Percent, Text> {
    match value.trim_end_matches('%').parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 100.0 => Ok(Percent(((share * 1000.0).round() as u32).max(1))),
        _ => Err(Text::new(
            format!("{value:?} is no share of the memory: give a percentage above 0 and at most 100"),
            format!("{value:?} 不是内存占比:请给出大于 0 且不超过 100 的百分数"),
        )),
    }
}

/// Reads a size in MiB.
pub fn mib(value: &str) -> Result<Mib, Text> {
    size(value, MIB, "MB").map(Mib)
}

/// Reads a size in KiB.
pub fn kib(value: &str) -> Result<Kib, Text> {
    size(value, 1024, "KB").map(Kib)
}

/// Reads a size in MiB, or `default`.
pub fn limit(value: &str) -> Result<Limit, Text> {
    if value == "default" { Ok(Limit(None)) } else { mib(value).map(|size| Limit(Some(size))) }
}

fn size(value: &str, unit: u64, name: &str) -> Result<u64, Text> {
    let number = whole(value).ok_or_else(|| {
        Text::new(
            format!("{value:?} is not a number: give a whole number of {name}"),
            format!("{value:?} 不是数字:请给出以 {name} 为单位的整数"),
        )
    })?;
    match number {
        Whole::Negative => Err(Text::new(
            format!("{value} is negative: a size is a whole number of {name} from 1 up"),
            format!("{value} 是负数:大小须为不小于 1 的整数({name})"),
        )),
        Whole::Number(0) => {
            Err(Text::new(format!("0 is no size: give at least 1 {name}"), format!("大小不能为 0:至少为 1 {name}")))
        }
        Whole::Number(number) if number <= ADDRESS_SPACE / unit => Ok(number),
        _ => Err(Text::new(
            format!(
                "{value} {name} is more than the address space of a process: at most {} {name}",
                ADDRESS_SPACE / unit
            ),
            format!("{value} {name} 超出进程地址空间:最多 {} {name}", ADDRESS_SPACE / unit),
        )),
    }
}

/// Reads a count of at least 1.
pub fn count(value: &str) -> Result<u64, Text> {
    match whole(value) {
        Some(Whole::Number(number)) if number > 0 => Ok(number),
        Some(Whole::Large) => Err(Text::new(format!("{value} is too large a count"), format!("{value} 数目过大"))),
        Some(_) => Err(Text::new(
            format!("{value} is no count: give a whole number from 1 up"),
            format!("{value} 不是有效数目:须为不小于 1 的整数"),
        )),
        None => Err(Text::new(
            format!("{value:?} is not a number: give a whole number from 1 up"),
            format!("{value:?} 不是数字:须为不小于 1 的整数"),
        )),
    }
}

/// Reads a seed.
pub fn seed(value: &str) -> Result<u64, Text> {
    match whole(value) {
        Some(Whole::Number(number)) => Ok(number),
        _ => Err(Text::new(
            format!("{value:?} is no seed: give a whole number from 0 to {}", u64::MAX),
            format!("{value:?} 不是有效种子:须为 0 到 {} 的整数", u64::MAX),
        )),
    }
}

/// Reads `name=value`.
pub fn setting(value: &str) -> Result<(String, String), Text> {
    match value.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.into(), value.into())),
        _ => Err(Text::new(
            format!("{value:?} sets nothing: write NAME=VALUE"),
            format!("{value:?} 没有设置任何参数:请写成 NAME=VALUE"),
        )),
    }
}

/// Reads a Node major version; `v24` is taken too.
pub fn node_major(value: &str) -> Result<u32, Text> {
    let major = value.strip_prefix('v').unwrap_or(value).parse().ok();
    major.filter(|major| Profile::for_node(*major).is_some()).ok_or_else(|| not_supported(value))
}

/// There is no profile for Node `version`.
pub fn not_supported(version: impl std::fmt::Display) -> Text {
    Text::new(
        format!("Node {version} is not supported: the supported major versions are {}", node_majors(", ")),
        format!("不支持 Node {version}:支持的主版本为 {}", node_majors("、")),
    )
}

/// The Node versions that there is a profile for.
pub fn node_majors(separator: &str) -> String {
    Profile::supported().iter().map(u32::to_string).collect::<Vec<_>>().join(separator)
}

/// Reads an amount of memory with a unit, in bytes.
///
/// `Ki Mi Gi Ti` are binary and `K M G T` decimal, as in Kubernetes; `k m g t` are binary, as in Docker; a bare
/// number is bytes.
///
/// ```
/// use membench::cli::value::memory;
/// assert_eq!(memory("512Mi"), Ok(512 << 20));
/// assert_eq!(memory("4g"), Ok(4 << 30));
/// assert!(memory("512").is_err());
/// ```
pub fn memory(value: &str) -> Result<u64, Text> {
    let digits = value.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let unit: u64 = match unit {
        "" => 1,
        "Ki" | "KiB" | "k" => 1 << 10,
        "Mi" | "MiB" | "m" => 1 << 20,
        "Gi" | "GiB" | "g" => 1 << 30,
        "Ti" | "TiB" | "t" => 1 << 40,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        _ => return Err(not_memory(value)),
    };
    let number = match whole(number).ok_or_else(|| not_memory(value))? {
        Whole::Number(number) => number,
        Whole::Negative => return Err(not_memory(value)),
        Whole::Large => u64::MAX,
    };
    match number.checked_mul(unit) {
        Some(bytes) if bytes <= ADDRESS_SPACE => {
            if bytes >= MIB {
                return Ok(bytes);
            }
            Err(Text::new(
                format!("{value} is less than one MiB: write 512Mi or 4Gi"),
                format!("{value} 不足 1 MiB:请写成 512Mi 或 4Gi"),
            ))
        }
        _ => Err(Text::new(
            format!("{value} is more than the address space of a process: at most 128Ti"),
            format!("{value} 超出进程地址空间:最多 128Ti"),
        )),
    }
}

fn not_memory(value: &str) -> Text {
    Text::new(
        format!("{value:?} is no amount of memory: write 512Mi or 4Gi"),
        format!("{value:?} 不是内存大小:请写成 512Mi 或 4Gi"),
    )
}

/// Reads `sim`, `node`, `node=PATH`, `both` or `both=PATH`.
pub fn engine(value: &str) -> Result<EngineFlag, Text> {
    let (kind, path) = value.split_once('=').map_or((value, None), |(kind, path)| (kind, Some(PathBuf::from(path))));
    match (kind, path) {
        (_, Some(path)) if path.as_os_str().is_empty() => Err(Text::new(
            format!("{value:?} names no program: write {kind}=PATH or {kind}"),
            format!("{value:?} 没有给出程序:请写成 {kind}=PATH 或 {kind}"),
        )),
        ("sim", None) => Ok(EngineFlag::Sim),
        ("node", path) => Ok(EngineFlag::Node(path)),
        ("both", path) => Ok(EngineFlag::Both(path)),
        _ => Err(Text::new(
            format!("{value:?} is no engine: sim, node, node=PATH, both or both=PATH"),
            format!("没有引擎 {value:?}:可用 sim、node、node=PATH、both 或 both=PATH"),
        )),
    }
}

/// What a word of digits says.
enum Whole {
    Number(u64),
    Negative,
    /// A number, but not one that fits.
    Large,
}

/// `None` when `value` is not a whole number at all.
fn whole(value: &str) -> Option<Whole> {
    let (negative, digits) = match value.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match (negative, digits.parse()) {
        (true, _) => Whole::Negative,
        (false, Ok(number)) => Whole::Number(number),
        (false, Err(_)) => Whole::Large,
    })
}
