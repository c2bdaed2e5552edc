//! Which keys of a value's table name its kind, and which go with it.

use toml::Spanned;

use super::{Mistake, Result, Span};
use crate::workload::syntax::ValueTable;

/// The kinds and the keys that go with each.
const KINDS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("string", &["two-byte"]),
    ("concat", &["of", "flat"]),
    ("slice", &["length"]),
    ("object", &[]),
    ("class", &[]),
    ("grown", &[]),
    ("array", &["of", "by"]),
    ("doubles", &["by"]),
    ("map", &["of"]),
    ("set", &[]),
    ("list", &["of"]),
    ("tree", &["of"]),
    ("closure", &[]),
    ("promise", &[]),
    ("weakref", &[]),
    ("finalized", &[]),
    ("weak-key", &["value"]),
    ("buffer", &["fill", "pooled"]),
    ("subarray", &["length"]),
];

impl ValueTable {
    /// The keys that name a kind and are there, with their places.
    fn kinds(&self) -> Vec<(&'static str, Span)> {
        macro_rules! there {
            ($($field:ident $key:literal),*) => {{
                let mut found = Vec::new();
                $(if let Some(value) = &self.$field { found.push(($key, value.span())); })*
                found
            }};
        }
        there!(
            text "text", string "string", concat "concat", slice "slice", object "object", class "class",
            grown "grown", array "array", doubles "doubles", map "map", set "set", list "list", tree "tree",
            closure "closure", promise "promise", weakref "weakref", finalized "finalized", weak_key "weak-key",
            buffer "buffer", subarray "subarray"
        )
    }

    /// Refuses keys that do not go with the kind.
    pub(super) fn refuse_strays(&self, kind: &str) -> Result<()> {
        let others = [
            ("of", self.of.as_ref().map(Spanned::span)),
            ("value", self.value.as_ref().map(Spanned::span)),
            ("by", self.by.as_ref().map(Spanned::span)),
            ("length", self.length.as_ref().map(Spanned::span)),
            ("two-byte", self.two_byte.as_ref().map(Spanned::span)),
            ("flat", self.flat.as_ref().map(Spanned::span)),
            ("fill", self.fill.as_ref().map(Spanned::span)),
            ("pooled", self.pooled.as_ref().map(Spanned::span)),
        ];
        let allowed = KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| *keys);
        for (key, span) in others {
            if let Some(span) = span.filter(|_| !allowed.contains(&key)) {
                return Err(Mistake::new(
                    span,
                    format!("{key:?} does not go with {kind:?}"),
                    format!("{key:?} 不能与 {kind:?} 同用"),
                ));
            }
        }
        Ok(())
    }
}

/// The kind that a table names.
pub(super) fn one_kind(table: &ValueTable, span: &Span) -> Result<&'static str> {
    match &table.kinds()[..] {
        [(kind, _)] => Ok(kind),
        [] => {
            let (list, list_zh) = super::listed(KINDS.iter().map(|(name, _)| *name));
            Err(Mistake::new(
                span.clone(),
                format!("a value has the key of its kind: {list}"),
                format!("值须有其种类的键:{list_zh}"),
            ))
        }
        [(one, _), (other, span), ..] => Err(Mistake::new(
            span.clone(),
            format!("a value is of one kind, not both {one:?} and {other:?}"),
            format!("值只能有一个种类,不能同时是 {one:?} 和 {other:?}"),
        )),
    }
}
