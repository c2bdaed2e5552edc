//! What is wrong with a workload file, as one sentence that names the place. Pure.
//!
//! What holds: every sentence exists in both languages. Sentences that travel through serde, which knows one language
//! only, carry both, one behind the other ([`both`]).

use std::fmt::Display;
use std::ops::Range;

use crate::text::Text;

/// Stands between the two wordings of one sentence.
const BETWEEN: char = '\u{1f}';

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Bytes of the file that it is about.
    pub span: Range<usize>,
    /// What it is and what was expected.
    pub what: Text,
}

impl Mistake {
    /// A mistake at `span`.
    pub fn new(span: Range<usize>, en: impl Into<String>, zh: impl Into<String>) -> Mistake {
        Mistake { span, what: Text::new(en, zh) }
    }

    /// The sentence with `file`, line and column in front.
    pub fn sentence(&self, file: &str, source: &str) -> Text {
        let start = (0..=self.span.start.min(source.len())).rev().find(|&at| source.is_char_boundary(at));
        let before = &source[..start.unwrap_or(0)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        use crate::text::Lang::{En, Zh};
        Text::new(
            format!("{file}:{line}:{column}: {}", self.what.get(En)),
            format!("{file}:{line}:{column}:{}", self.what.get(Zh)),
        )
    }
}

/// Both wordings in one text, for errors that pass through serde.
pub(super) fn both(en: impl Display, zh: impl Display) -> String {
    format!("{en}{BETWEEN}{zh}")
}

impl From<toml::de::Error> for Mistake {
    fn from(error: toml::de::Error) -> Mistake {
        let span = error.span().unwrap_or_default();
        let message = error.message();
        if let Some((key, known)) = two_parts(message, "unknown field ", ", ") {
            let known = known
                .trim_start_matches("expected one of ")
                .trim_start_matches("expected ")
                .replace("` or `", "`, `")
                .replace('`', "");
            let key = key.replace('`', "");
            return Mistake::new(
                span,
                format!("there is no key {key:?} here: known are {known}"),
                format!("此处没有键 {key:?}:可用的有 {known}"),
            );
        }
        if let Some(key) = message.strip_prefix("missing field ") {
            let key = key.replace('`', "");
            return Mistake::new(span, format!("the key {key:?} is missing"), format!("缺少键 {key:?}"));
        }
        for wrong in ["invalid type: ", "invalid value: "] {
            if let Some((found, expected)) = two_parts(message, wrong, ", expected ") {
                // Whoever writes TOML has not heard of what Rust calls a number that is too long for it.
                let found = found.trim_end_matches(" as i128").trim_end_matches(" as u128");
                // A sentence of ours names both languages in what it expects.
                let (en, zh) = expected.split_once(BETWEEN).unwrap_or_else(|| type_words(expected));
                return Mistake::new(
                    span,
                    format!("expected {en}, found {}", found.replace('`', "")),
                    format!("应为{zh},实为 {}", found.replace('`', "")),
                );
            }
        }
        if let Some((en, zh)) = message.split_once(BETWEEN) {
            return Mistake::new(span, en, zh);
        }
        let line = message.lines().next().unwrap_or_default();
        Mistake::new(span, format!("this is not TOML: {line}"), format!("不是合法的 TOML:{line}"))
    }
}

/// What serde calls its types, in the words of TOML.
fn type_words(expected: &str) -> (&str, &str) {
    match expected {
        "a sequence" => ("an array", "数组"),
        "a boolean" => ("true or false", "true 或 false"),
        "a string" => ("a text", "文本"),
        "a map" => ("a table", "表"),
        "f64" => ("a number", "数"),
        other if other.starts_with("struct ") => ("a table", "表"),
        other => (other, other),
    }
}

fn two_parts<'a>(message: &'a str, start: &str, between: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(start)?.split_once(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn a_place_is_told_in_lines_and_characters() {
        let mistake = Mistake::new(8..9, "no", "否");
        assert_eq!(mistake.sentence("a.toml", "x\n中 = y\n").get(Lang::En), "a.toml:2:5: no");
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        assert_eq!(Mistake::new(99..100, "no", "否").sentence("a", "x").get(Lang::En), "a:1:2: no");
    }
}
