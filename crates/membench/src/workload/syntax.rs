//! A workload file as it is written: the keys, their types and nothing else. What the words mean is decided in
//! [`lower`](super::lower).
//!
//! What holds: every key is known or refused, and whatever can be wrong later carries its place in the file.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::mistake::both;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub about: Option<String>,
    pub description: Spanned<Words>,
    pub title: Option<Words>,
    #[serde(default)]
    pub parameters: Ordered<Spanned<Quantity>>,
    #[serde(default)]
    pub keep: Ordered<Spanned<Keep>>,
    #[serde(default)]
    pub shapes: Ordered<Spanned<Value>>,
    pub rounds: Option<Spanned<Quantity>>,
    pub phases: Spanned<Vec<Spanned<Phase>>>,
}

/// `[[phases]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Phase {
    pub name: Option<String>,
    pub repeat: Option<Spanned<Quantity>>,
    #[serde(rename = "do")]
    pub body: Vec<Spanned<Step>>,
}

/// A line of `do`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Step {
    pub make: Option<Spanned<Value>>,
    pub count: Option<Spanned<Quantity>>,
    pub keep: Option<Spanned<String>>,
    pub repeat: Option<Spanned<Quantity>>,
    #[serde(rename = "do")]
    pub body: Option<Vec<Spanned<Step>>>,
    pub drop: Option<Spanned<String>>,
    pub gc: Option<Spanned<String>>,
    pub sample: Option<Spanned<String>>,
    pub wait: Option<Spanned<String>>,
}

/// A value that is made: a word, an array literal, or a table with the key of its kind.
#[derive(Debug)]
pub(super) enum Value {
    Word(String),
    Literal(Vec<Spanned<Value>>),
    Table(Box<ValueTable>),
}

/// The keys of a value's table. Which go together is checked later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ValueTable {
    pub text: Option<Spanned<String>>,
    pub string: Option<Spanned<Quantity>>,
    pub concat: Option<Spanned<Quantity>>,
    pub slice: Option<Spanned<Value>>,
    pub object: Option<Spanned<Fields>>,
    pub class: Option<Spanned<Fields>>,
    pub grown: Option<Spanned<Fields>>,
    pub array: Option<Spanned<Quantity>>,
    pub doubles: Option<Spanned<Quantity>>,
    pub map: Option<Spanned<Quantity>>,
    pub set: Option<Spanned<Quantity>>,
    pub list: Option<Spanned<Quantity>>,
    pub tree: Option<Spanned<Quantity>>,
    pub closure: Option<Spanned<Vec<Spanned<Value>>>>,
    pub promise: Option<Spanned<String>>,
    pub weakref: Option<Spanned<Value>>,
    pub finalized: Option<Spanned<Value>>,
    pub weak_key: Option<Spanned<Value>>,
    pub buffer: Option<Spanned<Quantity>>,
    pub subarray: Option<Spanned<Value>>,
    pub of: Option<Spanned<Value>>,
    pub value: Option<Spanned<Value>>,
    pub by: Option<Spanned<String>>,
    pub length: Option<Spanned<Quantity>>,
    pub two_byte: Option<Spanned<bool>>,
    pub flat: Option<Spanned<bool>>,
    pub fill: Option<Spanned<Quantity>>,
    pub pooled: Option<Spanned<bool>>,
}

/// Named fields, or how many small integers.
#[derive(Debug)]
pub(super) enum Fields {
    Named(Ordered<Spanned<Value>>),
    Integers(u64),
}

/// Where things are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KeepTable {
    #[serde(rename = "in")]
    pub container: Option<Spanned<String>>,
    pub window: Option<Spanned<Quantity>>,
    pub table: Option<Spanned<Quantity>>,
    pub fraction: Option<Spanned<Fraction>>,
    pub one_in: Option<Spanned<Quantity>>,
    pub until: Option<Spanned<String>>,
}

/// A word for the container, or all about it.
#[derive(Debug)]
pub(super) enum Keep {
    Word(String),
    Table(Box<KeepTable>),
}

/// How many or how large: a number, a word (a parameter, a size, `endless`), or a range to draw from.
#[derive(Debug)]
pub(super) enum Quantity {
    Number(u64),
    Word(String),
    Range(Box<Range>),
}

/// A range to draw from, both ends included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    pub from: Spanned<Quantity>,
    pub to: Spanned<Quantity>,
}

/// One text, or one in each language.
#[derive(Debug)]
pub(super) enum Words {
    One(String),
    Both { en: String, zh: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BothWords {
    en: String,
    zh: String,
}

/// A share between 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fraction(pub f64);

/// A table in the order in which it is written.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(&both("a table", "一个表"))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Ordered<T>, A::Error> {
                entries(map)
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

fn entries<'de, T: Deserialize<'de>, A: MapAccess<'de>>(mut map: A) -> Result<Ordered<T>, A::Error> {
    let mut all = Vec::new();
    while let Some(entry) = map.next_entry()? {
        all.push(entry);
    }
    Ok(Ordered(all))
}

/// Implements `Deserialize` by a visitor with the given methods.
macro_rules! visited {
    ($name:ident, $en:literal, $zh:literal, { $($method:item)* }) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Seen;
                impl<'de> Visitor<'de> for Seen {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str(&both($en, $zh))
                    }
                    $($method)*
                }
                deserializer.deserialize_any(Seen)
            }
        }
    };
}

visited!(Value, "a value: a word, an array or a table", "一个值:单词、数组或表", {
    fn visit_str<E: Error>(self, word: &str) -> Result<Value, E> {
        Ok(Value::Word(word.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = list.next_element()? {
            all.push(value);
        }
        Ok(Value::Literal(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Value::Table)
    }
});

visited!(Fields, "a table of fields, or how many", "字段表或字段个数", {
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
        entries(map).map(Fields::Named)
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Fields, E> {
        whole(number).map(Fields::Integers)
    }
});

visited!(Keep, "array, map, set, list, or a table", "array、map、set、list 或一个表", {
    fn visit_str<E: Error>(self, word: &str) -> Result<Keep, E> {
        Ok(Keep::Word(word.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Keep, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Keep::Table)
    }
});

visited!(Quantity, "a whole number, a word, or { from, to }", "整数、单词或 { from, to }", {
    fn visit_i64<E: Error>(self, number: i64) -> Result<Quantity, E> {
        whole(number).map(Quantity::Number)
    }
    fn visit_str<E: Error>(self, word: &str) -> Result<Quantity, E> {
        Ok(Quantity::Word(word.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Quantity, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Quantity::Range)
    }
});

visited!(Words, "a text, or { en, zh }", "文本或 { en, zh }", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words::One(text.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Words, A::Error> {
        let BothWords { en, zh } = Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Words::Both { en, zh })
    }
});

visited!(Fraction, "a share above 0 and below 1", "大于 0 且小于 1 的比例", {
    fn visit_f64<E: Error>(self, share: f64) -> Result<Fraction, E> {
        if share > 0.0 && share < 1.0 {
            return Ok(Fraction(share));
        }
        Err(E::custom(both(
            format_args!("expected a share above 0 and below 1, found {share}"),
            format_args!("应为大于 0 且小于 1 的比例,实为 {share}"),
        )))
    }
});

fn whole<E: Error>(number: i64) -> Result<u64, E> {
    u64::try_from(number).map_err(|_| {
        E::custom(both(
            format_args!("expected a whole number from 0 up, found {number}"),
            format_args!("应为不小于 0 的整数,实为 {number}"),
        ))
    })
}
