//! A program with its settings as text, so that a failure can be kept, sent and run again.
//!
//! ```text
//! settings 24 16 2 baseline mmap restless=7 verify compare=0 nursery=1048576 plain
//! Array 3 5 9
//! Minor 0 0 0
//! ```

use crate::operation::{Action, Operation};
use crate::settings::Settings;

/// Settings and program as text, an operation a line.
///
/// ```
/// use gcheap_check::{Settings, operation::program, replay};
/// let (settings, program) = (Settings::from_seed(3), program(3, 20));
/// let text = replay::to_text(&settings, &program);
/// assert_eq!(replay::from_text(&text), Ok((settings, program)));
/// ```
pub fn to_text(settings: &Settings, program: &[Operation]) -> String {
    let mut text = format!(
        "settings {} {} {} {} {} {} {} compare={} {}{}\n",
        settings.node,
        settings.max_old_space_mb,
        settings.max_semi_space_mb,
        if settings.baseline { "baseline" } else { "empty" },
        if settings.portable { "portable" } else { "mmap" },
        settings.restless.map_or("v8".to_owned(), |seed| format!("restless={seed}")),
        if settings.verify { "verify" } else { "trust" },
        settings.compare_every,
        settings.nursery.map_or("semi-spaces".to_owned(), |bytes| format!("nursery={bytes}")),
        if settings.plain { " plain" } else { "" },
    );
    for Operation { action, numbers: [a, b, c] } in program {
        text.push_str(&format!("{} {a} {b} {c}\n", action.name()));
    }
    text
}

/// Reads what [`to_text`] wrote.
///
/// # Errors
/// The line that cannot be read, in words.
pub fn from_text(text: &str) -> Result<(Settings, Vec<Operation>), String> {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let settings = settings(first).ok_or_else(|| format!("{first:?} are no settings"))?;
    let program: Result<Vec<Operation>, String> = lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| operation(line).ok_or_else(|| format!("{line:?} is no operation")))
        .collect();
    Ok((settings, program?))
}

fn settings(line: &str) -> Option<Settings> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["settings", node, old, semi, baseline, backend, policy, verify, compare, ref rest @ ..] = words[..] else {
        return None;
    };
    Some(Settings {
        node: node.parse().ok()?,
        max_old_space_mb: old.parse().ok()?,
        max_semi_space_mb: semi.parse().ok()?,
        baseline: one_of(baseline, "baseline", "empty")?,
        portable: one_of(backend, "portable", "mmap")?,
        restless: match policy.strip_prefix("restless=") {
            Some(seed) => Some(seed.parse().ok()?),
            None if policy == "v8" => None,
            None => return None,
        },
        verify: one_of(verify, "verify", "trust")?,
        compare_every: compare.strip_prefix("compare=")?.parse().ok()?,
        plain: rest.last() == Some(&"plain"),
        nursery: match *rest {
            // Programs that were kept before there were nurseries do not name one.
            [] | ["semi-spaces"] | ["semi-spaces", "plain"] => None,
            [nursery] | [nursery, "plain"] => Some(nursery.strip_prefix("nursery=")?.parse().ok()?),
            _ => return None,
        },
    })
}

fn one_of(word: &str, yes: &str, no: &str) -> Option<bool> {
    if word == yes {
        Some(true)
    } else if word == no {
        Some(false)
    } else {
        None
    }
}

fn operation(line: &str) -> Option<Operation> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, a, b, c] = words[..] else { return None };
    let numbers = [a.parse().ok()?, b.parse().ok()?, c.parse().ok()?];
    Some(Operation { action: Action::from_name(name)?, numbers })
}
