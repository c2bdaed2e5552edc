//! A wrong command line as one sentence. Reads what clap found out and words it; touches nothing else.

use std::error::Error;
use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use crate::text::Text;
use crate::workload::is_path;
use crate::workload::shipped::NAMES;

/// The sentence for an error of clap about `argv`.
pub fn sentence(error: &clap::Error, argv: &[OsString]) -> Text {
    let flag = context(error, ContextKind::InvalidArg).map(|flag| bare(&flag)).unwrap_or_default();
    let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::ValueValidation => match error.source().and_then(|source| source.downcast_ref::<Text>()) {
            Some(text) => Text::new(
                format!("{flag}: {}", text.get(crate::text::Lang::En)),
                format!("{flag}:{}", text.get(crate::text::Lang::Zh)),
            ),
            None => Text::new(format!("{flag}: {value:?} is not valid"), format!("{flag}:{value:?} 无效")),
        },
        ErrorKind::UnknownArgument => {
            let near = context(error, ContextKind::SuggestedArg).map(|near| bare(&near));
            if is_option_of_a_command(&flag)
                && argv.get(1).is_some_and(|word| word.to_string_lossy().starts_with(&flag))
            {
                Text::new(
                    format!("{flag} stands behind the command: membench COMMAND {flag}"),
                    format!("{flag} 应写在命令之后:membench 命令 {flag}"),
                )
            } else if flag.starts_with('-') {
                suggestion(Text::new(format!("there is no option {flag}"), format!("没有选项 {flag}")), near)
            } else {
                Text::new(format!("{flag:?} is one word too many"), format!("多余的参数 {flag:?}"))
            }
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            if is_path(&name) || NAMES.contains(&name.as_str()) {
                return Text::new(
                    format!("{name} is a workload, not a command: membench run {name}"),
                    format!("{name} 是负载,不是命令:membench run {name}"),
                );
            }
            let near = context(error, ContextKind::SuggestedSubcommand);
            suggestion(Text::new(format!("there is no command {name}"), format!("没有命令 {name}")), near)
        }
        ErrorKind::InvalidValue => {
            let valid = context(error, ContextKind::ValidValue).unwrap_or_default();
            match (value.is_empty(), valid.is_empty()) {
                (true, true) => Text::new(format!("{flag} needs a value"), format!("{flag} 需要一个值")),
                (true, false) => {
                    Text::new(format!("{flag} needs a value: {valid}"), format!("{flag} 需要一个值:{valid}"))
                }
                (false, _) => Text::new(
                    format!("{flag}: {value:?} is none of {valid}"),
                    format!("{flag}:{value:?} 不属于 {valid}"),
                ),
            }
        }
        ErrorKind::TooManyValues => {
            Text::new(format!("{flag} takes no value, not even {value:?}"), format!("{flag} 不接受值 {value:?}"))
        }
        ErrorKind::ArgumentConflict => {
            let other = context(error, ContextKind::PriorArg).map(|flag| bare(&flag)).unwrap_or_default();
            Text::new(
                format!("{flag} and {other} say the same thing: give one of them"),
                format!("{flag} 与 {other} 含义相同:只能给出其中之一"),
            )
        }
        ErrorKind::InvalidUtf8 => {
            // clap does not say which one it is.
            let word = argv.iter().find(|word| word.to_str().is_none()).map(|word| word.to_string_lossy());
            let word = word.unwrap_or_default();
            Text::new(format!("{word:?} is not text in UTF-8"), format!("{word:?} 不是 UTF-8 文本"))
        }
        ErrorKind::MissingRequiredArgument => Text::new(format!("{flag} is missing"), format!("缺少 {flag}")),
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            let line = line.strip_prefix("error: ").unwrap_or(line);
            Text::new(line, line)
        }
    }
}

fn is_option_of_a_command(flag: &str) -> bool {
    let command = Cli::command();
    let mut options = command.get_subcommands().flat_map(|command| command.get_arguments());
    flag.strip_prefix("--").is_some_and(|name| options.any(|option| option.get_long() == Some(name)))
}

fn suggestion(text: Text, near: Option<String>) -> Text {
    use crate::text::Lang::{En, Zh};
    match near {
        Some(near) => {
            Text::new(format!("{}: did you mean {near}?", text.get(En)), format!("{}:是否想用 {near}?", text.get(Zh)))
        }
        None => Text::new(format!("{}: see --help", text.get(En)), format!("{}:请看 --help", text.get(Zh))),
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if texts.is_empty() => None,
        // Suggestions come worst first, lists of valid values in their own order.
        ContextValue::Strings(texts) if kind == ContextKind::ValidValue => Some(texts.join(", ")),
        ContextValue::Strings(texts) => texts.last().cloned(),
        _ => None,
    }
}

/// `--max-old-space <MB>` without its placeholder.
fn bare(flag: &str) -> String {
    flag.split([' ', '=']).next().unwrap_or(flag).to_owned()
}
