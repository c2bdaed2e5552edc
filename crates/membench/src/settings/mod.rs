//! What the flags mean here: flags as typed, plus this machine, plus what the Node version says.
//!
//! This module reads the machine ([`machine`]) and changes nothing. What holds: after [`Settings::resolve`] no engine
//! needs to look at a flag, an environment variable or `/proc` to know what was asked of it.

pub mod machine;

use gcheap::policy::{Flags, Limits, LimitsError, limits};
use gcheap::profile::Profile;
use gcheap::time::CostModel;

use crate::calibrate::CostFile;
use crate::cli::value::{DEFAULT_NODE, Kib, Mib, Percent};
use crate::cli::{ClockFlag, HeapFlags, PlatformFlags, RunOptions};
use crate::report::text::short;
use crate::text::Text;

/// Settings of a run as resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The flags after the command, as typed.
    pub flags: Vec<String>,
    /// The Node version to behave as.
    pub node: Node,
    /// The flags that size the heap, the classic one translated.
    pub heap: HeapSettings,
    /// The memory that the process believes it has.
    pub memory: Memory,
    /// What all of that makes of the limits, each with where it comes from.
    pub limits: Limits,
    /// `gc()` steps are executed.
    pub expose_gc: bool,
    /// Which of V8's lines are shown.
    pub trace: Trace,
    /// Which clock the simulated heap has.
    pub clock: ClockFlag,
    /// What work costs in virtual time; `None`: as the profile of the Node version has it.
    pub cost: Option<CostModel>,
    /// Seed of everything that is random.
    pub seed: u64,
}

/// The Node version to behave as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// All that V8 does differently there.
    pub profile: &'static Profile,
    /// It was asked for by name, not taken as the default.
    pub typed: bool,
}

/// The heap flags that were given. `None`: V8's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapSettings {
    /// `--max-old-space-size`.
    pub max_old_space: Option<Mib>,
    /// `--max-semi-space-size`.
    pub max_semi_space: Option<Mib>,
    /// `--min-semi-space-size`.
    pub min_semi_space: Option<Mib>,
    /// `--initial-old-space-size`.
    pub initial_old_space: Option<Mib>,
    /// `--max-old-space-size-percentage`.
    pub max_old_space_percentage: Option<Percent>,
    /// `--max-heap-size`.
    pub max_heap: Option<Mib>,
}

/// An amount of memory and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes.
    pub bytes: u64,
    /// Who says so.
    pub origin: MemoryOrigin,
}

/// Who says how much memory there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOrigin {
    /// `--memory`.
    Typed,
    /// The machine.
    Machine,
    /// The limit of the container (control group) that membench runs in.
    Container,
}

/// Which of V8's lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// `--trace-gc`.
    pub gc: bool,
    /// `--trace-gc-verbose`.
    pub verbose: bool,
    /// `--trace-gc-nvp`.
    pub nvp: bool,
}

impl Trace {
    /// Any of them.
    pub fn any(self) -> bool {
        self.gc || self.verbose || self.nvp
    }
}

impl Settings {
    /// Settings for `options`, and a note for each flag that was taken but is not what it was.
    ///
    /// # Errors
    ///
    /// Flags that contradict each other.
    pub fn resolve(flags: Vec<String>, options: &RunOptions) -> Result<(Settings, Vec<Text>), Text> {
        let (heap, notes) = HeapSettings::resolve(&options.heap);
        let node = Node::resolve(&options.platform)?;
        let memory = Memory::resolve(options.platform.memory);
        let limits = heap.limits(memory, node.profile)?;
        let settings = Settings {
            flags,
            node,
            heap,
            memory,
            limits,
            expose_gc: options.expose_gc,
            trace: Trace { gc: options.trace_gc, verbose: options.trace_gc_verbose, nvp: options.trace_gc_nvp },
            clock: options.clock,
            cost: options.cost_model.as_deref().map(CostFile::read).transpose()?.map(|file| file.cost),
            seed: options.seed,
        };
        Ok((settings, notes))
    }

    /// The same settings for another Node version: the limits follow it. `None` when there is no profile of it, or
    /// when it does not take these flags.
    pub fn for_node(&self, major: u32) -> Option<Settings> {
        let profile = Profile::for_node(major)?;
        let limits = self.heap.limits(self.memory, profile).ok()?;
        Some(Settings { node: Node { profile, ..self.node }, limits, ..self.clone() })
    }
}

impl Node {
    /// The version that was typed, or the default.
    ///
    /// # Errors
    ///
    /// There is no profile of it.
    pub fn resolve(flags: &PlatformFlags) -> Result<Node, Text> {
        let major = flags.node.unwrap_or(DEFAULT_NODE);
        let profile = Profile::for_node(major).ok_or_else(|| crate::cli::value::not_supported(major))?;
        Ok(Node { profile, typed: flags.node.is_some() })
    }
}

impl HeapSettings {
    /// The heap flags as typed, and a note for a flag that was translated.
    pub fn resolve(flags: &HeapFlags) -> (HeapSettings, Vec<Text>) {
        let mut notes = Vec::new();
        let classic = flags.max_new_space_size.map(|size| {
            let (semi_space, note) = classic_new_space(size);
            notes.push(note);
            semi_space
        });
        let heap = HeapSettings {
            max_old_space: flags.max_old_space,
            max_semi_space: flags.max_semi_space.or(classic),
            min_semi_space: flags.min_semi_space_size,
            initial_old_space: flags.initial_old_space_size,
            max_old_space_percentage: flags.max_old_space_size_percentage,
            max_heap: flags.max_heap_size,
        };
        (heap, notes)
    }

    /// The limits that these flags give on a machine with `memory`, in the arithmetic of `profile`'s V8.
    ///
    /// # Errors
    ///
    /// Flags that contradict each other.
    pub fn limits(&self, memory: Memory, profile: &Profile) -> Result<Limits, Text> {
        let limits =
            limits(&self.flags(), Some(memory.bytes), profile).map_err(|error| self.refused(&error, memory))?;
        if let Some(Mib(semi)) = self.max_semi_space
            && limits.max_semi_space > limits.max_old_generation
        {
            // V8 would take it, but such a young generation can never be promoted: it is a slip of the unit.
            let old = limits.max_old_generation >> 20;
            return Err(Text::new(
                format!("--max-semi-space-size {semi}: one semi-space is larger than the old generation of {old} MB"),
                format!("--max-semi-space-size {semi}:单个半空间大于 {old} MB 的老生代"),
            ));
        }
        Ok(limits)
    }

    /// Flags that give no heap, in both languages.
    fn refused(&self, error: &LimitsError, memory: Memory) -> Text {
        if let (LimitsError::Zero { flag: flag @ "--max-old-space-size-percentage" }, Some(share)) =
            (error, self.max_old_space_percentage)
        {
            let (share, memory) = (share.percent(), short(memory.bytes));
            return Text::new(
                format!("{flag}: {share} % of {memory} MB is less than 1 MB: give a larger share"),
                format!("{flag}:{memory} MB 的 {share} % 不足 1 MB:请给出更大的占比"),
            );
        }
        let zh = match error {
            LimitsError::Zero { flag } => format!("{flag} 为 0,放不下任何对象:请给出以 MB 为单位的大小"),
            LimitsError::BeyondAddressSpace { flag, mb } => {
                format!("{flag}={mb} 超出进程地址空间:单位是 MB,不是字节")
            }
            LimitsError::AllThreeGiven => {
                "--max-heap-size、--max-old-space-size 和 --max-semi-space-size 互相矛盾:最多给出其中两个".into()
            }
            LimitsError::SemiSpaceAboveHeap { semi_mb, heap_mb } => format!(
                "--max-semi-space-size={semi_mb} 需要 {} MB 的新生代(三个半空间),而 --max-heap-size 是 {heap_mb}",
                semi_mb.saturating_mul(3)
            ),
            LimitsError::OldSpaceAboveHeap { old_mb, heap_mb } => {
                format!("--max-old-space-size={old_mb} 使 --max-heap-size={heap_mb} 没有新生代的余地")
            }
            LimitsError::NotInThisVersion { flag, node } => {
                format!("Node {node} 没有 {flag}:请改用 --max-old-space-size 或更高版本")
            }
            other => other.to_string(),
        };
        Text::new(error.to_string(), zh)
    }

    /// The flags as gcheap has them.
    pub fn flags(&self) -> Flags {
        let mb = |size: Option<Mib>| size.map(|size| size.0);
        Flags {
            max_old_space_size_mb: mb(self.max_old_space),
            max_semi_space_size_mb: mb(self.max_semi_space),
            min_semi_space_size_mb: mb(self.min_semi_space),
            initial_old_space_size_mb: mb(self.initial_old_space),
            max_heap_size_mb: mb(self.max_heap),
            max_old_space_size_percentage: self.max_old_space_percentage.map(Percent::percent),
            ..Flags::default()
        }
    }
}

impl Memory {
    /// The memory that was typed, or what this machine or its container has.
    pub fn resolve(typed: Option<u64>) -> Memory {
        match typed {
            Some(bytes) => Memory { bytes, origin: MemoryOrigin::Typed },
            None => machine::memory(),
        }
    }
}

/// What `--max-new-space-size` meant, in the flag that replaced it.
fn classic_new_space(size: Kib) -> (Mib, Text) {
    // The whole new space was two semi-spaces; V8 now counts one, in MiB.
    let semi_space = Mib(size.0.div_ceil(2).div_ceil(1024));
    let note = Text::new(
        format!(
            "V8 dropped --max-new-space-size (KB, the whole new space); --max-semi-space-size (MB, one semi-space) \
             replaced it: taking {} KB as --max-semi-space-size={}",
            size.0, semi_space.0
        ),
        format!(
            "V8 已取消 --max-new-space-size(KB,整个新生代空间),由 --max-semi-space-size(MB,单个半空间)取代:\
             将 {} KB 视为 --max-semi-space-size={}",
            size.0, semi_space.0
        ),
    );
    (semi_space, note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_flag_is_translated_and_said() {
        let flags = HeapFlags { max_new_space_size: Some(Kib(32_768)), ..HeapFlags::default() };
        let (heap, notes) = HeapSettings::resolve(&flags);
        assert_eq!(heap.max_semi_space, Some(Mib(16)));
        assert_eq!(notes.len(), 1);
        assert_eq!(classic_new_space(Kib(1)).0, Mib(1));
    }
}
