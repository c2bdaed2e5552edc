//! Node's spellings, brought to one form before clap reads them. Pure.
//!
//! V8 takes `-` and `_` in flag names as the same letter (`src/flags/flags.cc`, `NormalizeChar`). Names are rewritten,
//! values are left as they are: `--output=my_file` keeps its underscore.

use std::ffi::{OsStr, OsString};

/// `argv` with `_` turned into `-` in the names of long flags, up to a lone `--`.
///
/// ```
/// use membench::cli::argv::normalise;
/// let argv = normalise(["membench", "heap", "--max_old_space_size=256"].map(Into::into));
/// assert_eq!(argv[2], "--max-old-space-size=256");
/// ```
pub fn normalise(argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut flags_may_follow = true;
    let mut argv: Vec<OsString> = argv
        .into_iter()
        .map(|argument| {
            flags_may_follow &= argument != "--";
            if flags_may_follow { normalise_flag(&argument).unwrap_or(argument) } else { argument }
        })
        .collect();
    // `help` in front of a command is how others spell `--help` behind it.
    if argv.get(1).is_some_and(|word| word == "help") {
        argv.remove(1);
        let command = argv.get(1).is_some_and(|word| !word.to_string_lossy().starts_with('-'));
        argv.insert(if command { 2 } else { 1 }, "--help".into());
    }
    argv
}

fn normalise_flag(argument: &OsStr) -> Option<OsString> {
    let text = argument.to_str()?;
    let name = text.strip_prefix("--")?;
    let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
    let name = name.replace('_', "-");
    Some(match value {
        Some(value) => format!("--{name}={value}").into(),
        None => format!("--{name}").into(),
    })
}

/// The value of `--lang` as far as it can be told without parsing: an error about the rest should speak it too.
pub fn peek_lang(argv: &[OsString]) -> Option<crate::text::Lang> {
    use clap::ValueEnum;
    let mut words = argv.iter().filter_map(|argument| argument.to_str());
    let mut lang = None;
    while let Some(word) = words.next() {
        let value = if word == "--lang" { words.next() } else { word.strip_prefix("--lang=") };
        lang = value.and_then(|value| crate::text::Lang::from_str(value, true).ok()).or(lang);
    }
    lang
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(argument: &str) -> String {
        normalise([argument.into()])[0].to_str().unwrap().to_owned()
    }

    #[test]
    fn names_change_and_values_do_not() {
        assert_eq!(one("--max_old_space_size=256"), "--max-old-space-size=256");
        assert_eq!(one("--output=a_b=c_d"), "--output=a_b=c_d");
        assert_eq!(one("--expose_gc"), "--expose-gc");
        assert_eq!(one("a_b"), "a_b");
        assert_eq!(one("-a_b"), "-a_b");
    }

    #[test]
    fn help_in_front_of_a_command_is_asked_behind_it() {
        assert_eq!(normalise(["membench", "help", "heap"].map(Into::into)), ["membench", "heap", "--help"]);
        assert_eq!(normalise(["membench", "help"].map(Into::into)), ["membench", "--help"]);
        let chinese = normalise(["membench", "help", "--lang", "zh"].map(Into::into));
        assert_eq!(chinese, ["membench", "--help", "--lang", "zh"]);
        assert_eq!(normalise(["membench", "run", "help"].map(Into::into)), ["membench", "run", "help"]);
    }

    #[test]
    fn nothing_changes_after_a_lone_double_dash() {
        let argv = normalise(["--a_b", "--", "--a_b"].map(Into::into));
        assert_eq!(argv, ["--a-b", "--", "--a_b"]);
    }
}
