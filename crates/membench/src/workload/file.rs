//! Workload files: a text in, a [`Workload`] or one sentence out. [docs/workloads.md] describes the language for its users.
//!
//! Touches no file itself. What holds: what comes out can be run by both engines; everything that cannot be was refused
//! with file, line, column and what was expected.
//!
//! [docs/workloads.md]: https://github.com/gcheap/gcheap/blob/main/docs/workloads.md

use super::lower::{Refused, lower};
use super::mistake::Mistake;
use super::syntax::File;
use super::{Sizes, Workload};
use crate::text::Text;

/// The workload `name` that `source` says, in `sizes`; `file` is what messages call it.
///
/// ```
/// use membench::workload::{Sizes, parse};
/// let source = "description = 'ten small objects'\n[[phases]]\ndo = [{ make = { object = 2 }, count = 10 }]";
/// assert_eq!(parse("ten", "ten.toml", source, &Sizes::default()).unwrap().name, "ten");
/// let error = parse("ten", "ten.toml", "descripton = 'ten'", &Sizes::default()).unwrap_err();
/// assert!(error.to_string().starts_with("ten.toml:1:1: there is no key \"descripton\" here"));
/// ```
///
/// # Errors
///
/// One sentence with file, line and column; or with the flag, where a size was chosen that the workload does not have.
pub fn parse(name: &str, file: &str, source: &str, sizes: &Sizes) -> Result<Workload, Text> {
    let parsed: File = toml::from_str(source).map_err(|error| Mistake::from(error).sentence(file, source))?;
    lower(name, &parsed, sizes).map_err(|refused| match refused {
        Refused::File(mistake) => mistake.sentence(file, source),
        Refused::Sizes(text) => text,
    })
}
