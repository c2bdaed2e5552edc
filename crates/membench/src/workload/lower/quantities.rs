//! Numbers, sizes and parameters.

use toml::Spanned;

use super::{Mistake, Refused, Result, Span, unknown};
use crate::text::Text;
use crate::workload::syntax::{Ordered, Quantity};
use crate::workload::{Count, Parameter, Sizes, size_words};

/// What a quantity may be: its name in messages and its bounds.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub en: &'static str,
    pub zh: &'static str,
    pub least: u64,
    pub most: u64,
}

const fn kind(en: &'static str, zh: &'static str, least: u64, most: u64) -> Kind {
    Kind { en, zh, least, most }
}

/// Things made in one step, and rounds.
pub(super) const COUNT: Kind = kind("count", "数目", 1, 1 << 53);
/// Elements of a collection.
pub(super) const ELEMENTS: Kind = kind("number of elements", "元素个数", 1, 10_000_000);
/// Entries of a Map or Set: V8 holds 2^24.
pub(super) const ENTRIES: Kind = kind("number of entries", "条目数", 1, 1 << 24);
/// Characters: below the length from which on Node keeps a string that it decodes outside the heap (EXTERN_APEX).
pub(super) const CHARACTERS: Kind = kind("length of a string", "字符串长度", 2, 1_000_000);
/// Characters of a slice: V8 copies what is shorter.
pub(super) const SLICED: Kind = kind("length of a slice", "切片长度", 13, 1_000_000);
/// Parts of a concatenation.
pub(super) const PARTS: Kind = kind("number of parts", "拼接段数", 2, 1_000_000);
/// Levels of a tree.
pub(super) const LEVELS: Kind = kind("depth of a tree", "树的深度", 1, 24);
/// Bytes of a Buffer with memory of its own or of a view.
pub(super) const BYTES: Kind = kind("size of a Buffer", "Buffer 大小", 1, 1 << 53);
/// Bytes of a Buffer that is cut into views: smaller ones have no memory outside the heap.
pub(super) const PARENT_BYTES: Kind = kind("size of a Buffer with views", "带视图的 Buffer 大小", 65, 1 << 53);
/// Bytes of a pooled Buffer: below half of the smallest pool of all versions.
pub(super) const POOLED_BYTES: Kind = kind("size of a pooled Buffer", "池化 Buffer 大小", 1, 4095);
/// Things in a window or a table.
pub(super) const KEPT: Kind = kind("number of things kept", "保留个数", 1, 10_000_000);
/// Every so manieth.
pub(super) const EVERY: Kind = kind("interval", "间隔", 2, 1_000_000_000);
/// A byte.
pub(super) const BYTE: Kind = kind("byte", "字节值", 0, 255);

/// The parameters with the values of this run.
pub(super) struct Parameters(Vec<Entry>);

struct Entry {
    name: String,
    /// `None` without end.
    value: Option<u64>,
    size: bool,
}

impl Parameters {
    pub(super) fn read(table: &Ordered<Spanned<Quantity>>) -> Result<Parameters> {
        let entry = |(name, quantity): &(Spanned<String>, Spanned<Quantity>)| {
            let word = name.get_ref();
            let good = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                && word.starts_with(|c: char| c.is_ascii_lowercase())
                && !matches!(word.as_str(), "endless" | "all");
            if !good {
                return Err(Mistake::new(
                    name.span(),
                    format!("{word:?} cannot name a parameter: use small letters, digits and -"),
                    format!("{word:?} 不能作为参数名:只能用小写字母、数字和 -"),
                ));
            }
            let (value, size) = match quantity.get_ref() {
                Quantity::Number(number) if *number > 0 => (Some(*number), false),
                Quantity::Word(word) if word == "endless" => (None, false),
                Quantity::Word(word) => match size(word) {
                    Some(bytes) if bytes > 0 => (Some(bytes), true),
                    _ => return Err(not_a_parameter(quantity.span())),
                },
                _ => return Err(not_a_parameter(quantity.span())),
            };
            Ok(Entry { name: word.clone(), value, size })
        };
        table.0.iter().map(entry).collect::<Result<_>>().map(Parameters)
    }

    /// Puts in what was chosen.
    pub(super) fn set(mut self, workload: &str, sizes: &Sizes) -> std::result::Result<Parameters, Text> {
        let buffer_size = sizes.buffer_size.map(|size| size.bytes());
        let names: Vec<String> = self.0.iter().map(|entry| entry.name.to_string()).collect();
        let flags = [("iterations", sizes.iterations), ("records", sizes.records), ("buffer-size", buffer_size)];
        for (name, value) in flags {
            if let Some(value) = value {
                let flag = format!("--{name}");
                let entry = self
                    .0
                    .iter_mut()
                    .find(|entry| entry.name == name)
                    .ok_or_else(|| no_such(workload, &flag, &names))?;
                entry.value = Some(below_most(&flag, value)?);
            }
        }
        for (name, value) in &sizes.set {
            let flag = format!("--set {name}");
            let entry =
                self.0.iter_mut().find(|entry| entry.name == *name).ok_or_else(|| no_such(workload, &flag, &names))?;
            entry.value = match value.as_str() {
                "endless" if !entry.size => None,
                word => match word.parse().ok().or_else(|| size(word)) {
                    Some(number) if number > 0 => Some(below_most(&flag, number)?),
                    _ => {
                        return Err(Text::new(
                            format!(
                                "{flag}: {value:?} is no value: give a whole number from 1 up, or a size such as \"64 KB\""
                            ),
                            format!("{flag}:{value:?} 不是有效值:须为不小于 1 的整数或 \"64 KB\" 之类的大小"),
                        ));
                    }
                },
            };
        }
        Ok(self)
    }

    pub(super) fn records(&self) -> Vec<Parameter> {
        let record = |entry: &Entry| Parameter { name: camel(&entry.name), value: entry.value };
        self.0.iter().map(record).collect()
    }

    /// Replaces `{name}` by the value of the parameter.
    pub(super) fn fill_in(&self, text: &str, span: &Span) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            let entry = self.find(name, span)?;
            filled.push_str(before);
            filled.push_str(&match entry.value {
                Some(bytes) if entry.size => size_words(bytes),
                Some(number) => number.to_string(),
                None => "∞".into(),
            });
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn find(&self, name: &str, span: &Span) -> Result<&Entry> {
        let known = self.0.iter().map(|entry| entry.name.as_str());
        self.0
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| unknown(span.clone(), name, "parameter", "参数", known))
    }

    /// A number that must be fixed.
    pub(super) fn fixed(&self, quantity: &Spanned<Quantity>, kind: Kind) -> Result<u64> {
        match self.count(quantity, kind)? {
            Count::Fixed(number) => Ok(number),
            Count::Drawn { .. } => Err(Mistake::new(
                quantity.span(),
                format!("a {} is fixed, it cannot be drawn", kind.en),
                format!("{}是固定的,不能随机抽取", kind.zh),
            )),
        }
    }

    /// A number or a range.
    pub(super) fn count(&self, quantity: &Spanned<Quantity>, kind: Kind) -> Result<Count> {
        self.endless_or_count(quantity, kind)?.ok_or_else(|| {
            Mistake::new(
                quantity.span(),
                format!("a {} has an end: only the rounds of a phase can be endless", kind.en),
                format!("{}必须有限:只有阶段的轮数可以无限", kind.zh),
            )
        })
    }

    /// A number or a range; `None` without end.
    pub(super) fn endless_or_count(&self, quantity: &Spanned<Quantity>, kind: Kind) -> Result<Option<Count>> {
        let span = quantity.span();
        match quantity.get_ref() {
            Quantity::Range(range) => {
                let end = |end: &Spanned<Quantity>| {
                    let number = self.fixed(end, kind)?;
                    u32::try_from(number).ok().filter(|&number| number < u32::MAX / 2).ok_or_else(|| {
                        Mistake::new(end.span(), "a drawn number is below 2147483647", "抽取的数须小于 2147483647")
                    })
                };
                let (from, to) = (end(&range.from)?, end(&range.to)?);
                if from >= to {
                    return Err(Mistake::new(
                        span,
                        format!("there is nothing to draw from {from} to {to}: \"from\" is the smaller one"),
                        format!("从 {from} 到 {to} 无法抽取:from 须较小"),
                    ));
                }
                Ok(Some(Count::Drawn { from, to }))
            }
            Quantity::Number(number) => self.within(*number, kind, &span).map(Count::Fixed).map(Some),
            Quantity::Word(word) if word == "endless" => Ok(None),
            Quantity::Word(word) => match size(word) {
                Some(bytes) => self.within(bytes, kind, &span).map(Count::Fixed).map(Some),
                None if word.starts_with(|c: char| c.is_ascii_digit()) => Err(Mistake::new(
                    span,
                    format!("{word:?} is no size: write \"64 KB\", with B, KB, MB or GB"),
                    format!("{word:?} 不是有效大小:请写成 \"64 KB\",单位为 B、KB、MB 或 GB"),
                )),
                None => match self.find(word, &span)?.value {
                    Some(number) => self.within(number, kind, &span).map(Count::Fixed).map(Some),
                    None => Ok(None),
                },
            },
        }
    }

    fn within(&self, number: u64, kind: Kind, span: &Span) -> Result<u64> {
        let Kind { en, zh, least, most } = kind;
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(Mistake::new(
            span.clone(),
            format!("{number} is no {en}: it is from {least} to {most}"),
            format!("{number} 不是有效的{zh}:须在 {least} 到 {most} 之间"),
        ))
    }
}

fn not_a_parameter(span: Span) -> Mistake {
    Mistake::new(
        span,
        "a parameter is a whole number from 1 up, a size such as \"64 KB\", or \"endless\"",
        "参数须为不小于 1 的整数、\"64 KB\" 之类的大小或 \"endless\"",
    )
}

/// What no place of a workload takes is refused where it was typed.
fn below_most(flag: &str, number: u64) -> std::result::Result<u64, Text> {
    if number <= COUNT.most {
        return Ok(number);
    }
    Err(Text::new(
        format!("{flag}: {number} is too large: at most {}", COUNT.most),
        format!("{flag}:{number} 过大:最多 {}", COUNT.most),
    ))
}

fn no_such(workload: &str, flag: &str, names: &[String]) -> Text {
    if names.is_empty() {
        return Text::new(
            format!("{flag}: the workload {workload} has no parameters"),
            format!("{flag}:负载 {workload} 没有任何参数"),
        );
    }
    Text::new(
        format!("{flag}: the workload {workload} has no such parameter: it has {}", names.join(", ")),
        format!("{flag}:负载 {workload} 没有这一参数:可用的有 {}", names.join("、")),
    )
}

/// `64 KB` in bytes: binary units, as Node's megabytes are.
fn size(word: &str) -> Option<u64> {
    let (number, unit) = word.split_once(' ')?;
    let shift = match unit {
        "B" => 0,
        "KB" => 10,
        "MB" => 20,
        "GB" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// `buffer-size` as records have it: `bufferSize`.
fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        camel.extend(part.chars().next().map(|c| c.to_ascii_uppercase()));
        camel.extend(part.chars().skip(1));
    }
    camel
}

impl From<Text> for Refused {
    fn from(text: Text) -> Refused {
        Refused::Sizes(text)
    }
}
