//! Sentences in the two languages that membench speaks. Touches nothing; every sentence exists in both.

use std::fmt;

/// The language of the output.
///
/// ```
/// use membench::text::Lang;
/// assert_eq!(Lang::from_locale("zh_CN.UTF-8"), Lang::Zh);
/// assert_eq!(Lang::from_locale("C"), Lang::En);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// The language of a POSIX locale name such as `zh_CN.UTF-8`.
    pub fn from_locale(locale: &str) -> Lang {
        if locale.to_ascii_lowercase().starts_with("zh") { Lang::Zh } else { Lang::En }
    }

    /// The language of the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set and not empty.
    pub fn from_environment() -> Lang {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .map_or(Lang::En, |value| Lang::from_locale(&value))
    }
}

/// One sentence in both languages.
///
/// ```
/// use membench::text::{Lang, Text};
/// let text = Text::new("no room", "没有空间");
/// assert_eq!(text.get(Lang::Zh), "没有空间");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    en: String,
    zh: String,
}

impl Text {
    /// Both wordings of one sentence.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Text {
        Text { en: en.into(), zh: zh.into() }
    }

    /// The wording in `lang`.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// That of `names` which somebody most likely meant by `word`; `None` when it is like none of them.
///
/// ```
/// use membench::text::nearest;
/// assert_eq!(nearest("heep", ["heap", "buffer"]), Some("heap"));
/// assert_eq!(nearest("nothing", ["heap", "buffer"]), None);
/// ```
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = names.into_iter().map(|name| (strsim::jaro(word, name), name));
    let (likeness, name) = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness > 0.8).then_some(name)
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for Text {}
