//! What this machine has: memory, container limits, and what this process takes of it. Reads only.
//!
//! The limit of a container is read as libuv reads it (`src/unix/linux.c`, `uv_get_constrained_memory`): from the
//! control group that the process itself is in, version 2 or 1. A limit above the physical memory is none.

use std::fs;
use std::path::{Path, PathBuf};

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::{Memory, MemoryOrigin};

/// The memory that a process started here believes it has.
pub fn memory() -> Memory {
    let physical = system().total_memory();
    match Group::of_this_process().and_then(|group| group.limit()) {
        Some(limit) if limit < physical => Memory { bytes: limit, origin: MemoryOrigin::Container },
        _ => Memory { bytes: physical, origin: MemoryOrigin::Machine },
    }
}

/// Processors that this process may use.
pub fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

/// Bytes that can be taken now without swapping and without meeting the limit of the container.
pub fn available() -> u64 {
    let machine = system().available_memory();
    let container = Group::of_this_process().and_then(|group| group.available());
    container.map_or(machine, |container| container.min(machine))
}

/// What is left alone when memory is taken: a machine with nothing available swaps or kills.
pub const HEADROOM: u64 = 64 << 20;

/// Whether `bytes` more can be taken now; if not, how many bytes are available.
///
/// # Errors
///
/// The bytes that are available, [`HEADROOM`] included, when they do not suffice.
pub fn room_for(bytes: u64) -> Result<(), u64> {
    let available = available();
    if bytes.saturating_add(HEADROOM) <= available { Ok(()) } else { Err(available) }
}

/// Resident bytes of this process; 0 where the system does not tell.
pub fn rss() -> u64 {
    status_field(None, "VmRSS:")
}

/// The most resident bytes that this process, or the process `pid`, ever had; 0 where the system does not tell.
pub fn peak_rss(pid: Option<u32>) -> u64 {
    status_field(pid, "VmHWM:")
}

fn system() -> System {
    System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()))
}

fn status_field(pid: Option<u32>, field: &str) -> u64 {
    let path = match pid {
        Some(pid) => format!("/proc/{pid}/status"),
        None => "/proc/self/status".to_owned(),
    };
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().map_or(0, |kib: u64| kib * 1024)
}

/// A memory control group.
#[derive(Debug, PartialEq)]
enum Group {
    V2(PathBuf),
    V1(PathBuf),
}

impl Group {
    fn of_this_process() -> Option<Group> {
        Group::parse(&fs::read_to_string("/proc/self/cgroup").ok()?, Path::new("/sys/fs/cgroup"))
    }

    /// The memory group named in the text of `/proc/self/cgroup`.
    fn parse(text: &str, mount: &Path) -> Option<Group> {
        let mut unified = None;
        for line in text.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
            if controllers.split(',').any(|name| name == "memory") {
                let full = mount.join("memory").join(path);
                // Inside a container the path is the host's, and only the mount point is there.
                return Some(Group::V1(if full.is_dir() { full } else { mount.join("memory") }));
            }
            if controllers.is_empty() {
                let full = mount.join(path);
                unified = Some(Group::V2(if full.is_dir() { full } else { mount.to_owned() }));
            }
        }
        unified
    }

    fn limit(&self) -> Option<u64> {
        match self {
            Group::V2(path) => {
                // Either of the two may say `max`, which is no number and no limit.
                [read(path, "memory.max"), read(path, "memory.high")].into_iter().flatten().min()
            }
            // "No limit" is the largest multiple of a page: it is far above any physical memory.
            Group::V1(path) => read(path, "memory.limit_in_bytes"),
        }
    }

    fn available(&self) -> Option<u64> {
        let (path, usage, cache) = match self {
            Group::V2(path) => (path, "memory.current", "inactive_file "),
            Group::V1(path) => (path, "memory.usage_in_bytes", "total_inactive_file "),
        };
        let limit = self.limit()?;
        let stat = fs::read_to_string(path.join("memory.stat")).unwrap_or_default();
        let reclaimable = stat.lines().find_map(|line| line.strip_prefix(cache)?.trim().parse().ok()).unwrap_or(0);
        Some(limit.saturating_sub(read(path, usage)?.saturating_sub(reclaimable)))
    }
}

fn read(directory: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(directory.join(file)).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_are_found() {
        let mount = Path::new("/nowhere");
        assert_eq!(Group::parse("0::/user.slice/a.scope\n", mount), Some(Group::V2("/nowhere".into())));
        let first = "12:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/x\n";
        assert_eq!(Group::parse(first, mount), Some(Group::V1("/nowhere/memory".into())));
        assert_eq!(Group::parse("", mount), None);
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(memory().bytes > 0);
        assert!(available() <= system().total_memory());
        if cfg!(target_os = "linux") {
            assert!(rss() > 0 && peak_rss(None) >= rss() / 2);
        }
    }
}
