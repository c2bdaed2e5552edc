//! The help in both languages. Pure.
//!
//! English stands where the options are declared; this is the Chinese of it. What holds: each text of each command has one, which a
//! test sees to. What clap says by itself is replaced in the text that it made.

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};

use super::Cli;
use crate::text::Lang;

/// The command line, its texts in `lang`.
///
/// ```
/// use membench::cli::help::command;
/// use membench::text::Lang;
/// let help = command(Lang::Zh).find_subcommand("list").unwrap().get_about().unwrap().to_string();
/// assert_eq!(help, "列出自带负载,每个一行");
/// ```
pub fn command(lang: Lang) -> Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Zh => translated(Cli::command()),
    }
}

fn translated(command: Command) -> Command {
    let text = |text: Option<&StyledStr>| text.and_then(|text| chinese(&text.to_string()));
    let (about, after) = (text(command.get_about()), text(command.get_after_help()));
    let mut command = command.mut_args(argument).mut_subcommands(translated);
    if let Some(text) = about {
        command = command.about(text);
    }
    if let Some(text) = after {
        command = command.after_help(text);
    }
    command
}

fn argument(mut argument: Arg) -> Arg {
    if let Some(text) = argument.get_help().and_then(|text| chinese(&text.to_string())) {
        argument = argument.help(text);
    }
    if let Some(heading) = argument.get_help_heading().and_then(written) {
        argument = argument.help_heading(heading);
    }
    argument
}

/// What a help or version text says in `lang`, after clap has made it of [`command`].
pub fn of_clap(lang: Lang, text: String) -> String {
    match lang {
        Lang::En => text,
        Lang::Zh => OF_CLAP.iter().fold(text, |text, (en, zh)| text.replace(en, zh)),
    }
}

/// Words of clap that it has no setting for, and the descriptions of values, which belong to their types. What contains another one
/// comes first.
const OF_CLAP: [(&str, &str); 24] = [
    ("Print help (see a summary with '-h')", "显示帮助(-h 为简略帮助)"),
    ("Print help (see more with '--help')", "显示帮助(--help 为详细帮助)"),
    ("Print help", "显示帮助"),
    ("Print version", "显示版本"),
    ("Usage:", "用法:"),
    ("Commands:", "命令:"),
    ("Arguments:", "参数:"),
    ("Options:", "选项:"),
    ("Possible values:", "可用值:"),
    ("[possible values:", "[可用值:"),
    ("[default:", "[默认:"),
    ("[aliases:", "[别名:"),
    ("[alias:", "[别名:"),
    ("- text: For people", "- text: 供人阅读"),
    ("- json: One JSON object a line", "- json: 每行一个 JSON 对象"),
    ("- en: English", "- en: 英文"),
    ("- zh: Chinese", "- zh: 中文"),
    ("- abort: Raise SIGABRT as Node does", "- abort: 与 Node 一样触发 SIGABRT"),
    ("- exit:  Leave with status 134", "- exit:  以状态码 134 退出"),
    (
        "- virtual: Time advances by the cost model: the same on every machine",
        "- virtual: 时间按成本模型推进:在任何机器上都相同",
    ),
    ("- real:    Time of this machine", "- real:    本机时间"),
    ("[OPTIONS]", "[选项]"),
    ("<COMMAND>", "<命令>"),
    ("[COMMAND]", "[命令]"),
];

/// The Chinese of a text of the command line.
fn chinese(text: &str) -> Option<String> {
    let majors = super::value::node_majors(", ");
    Some(written(&text.replace(&majors, "{majors}"))?.replace("{majors}", &majors.replace(", ", "、")))
}

fn written(text: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(en, _)| *en == text).map(|(_, zh)| *zh)
}

/// `{majors}` stands for the supported Node versions.
const TEXTS: [(&str, &str); 58] = [
    ("Heap (as in Node)", "堆(与 Node 相同)"),
    ("Output", "输出"),
    ("Size of the workload", "负载规模"),
    ("Tracing (as in Node)", "跟踪(与 Node 相同)"),
    ("What runs it, and its clock", "引擎与时钟"),
    (
        "Memory workloads on a heap that behaves like V8's, or on a real Node.js",
        "在行为与 V8 相同的堆上,或在真实的 Node.js 上运行内存负载",
    ),
    (
        "Node's spellings are accepted: --max-old-space-size=256, --max_old_space_size 256.\nExit status: 0 completed, 134 out of memory (SIGABRT), 2 wrong command line, 1 anything else.",
        "接受 Node 的写法:--max-old-space-size=256、--max_old_space_size 256。\n退出状态:0 完成,134 内存不足(SIGABRT),2 命令行有误,1 其他。",
    ),
    (
        "Small records on an array that is never dropped, until the heap is exhausted",
        "小记录放入永不释放的数组,直到堆耗尽",
    ),
    ("Large filled Buffers that are kept: memory outside the heap", "保留填满的大 Buffer:堆外内存"),
    ("Records and Buffers together, then everything is dropped", "记录与 Buffer 一起,最后全部释放"),
    ("A shipped workload by name, or a workload file by path", "按名称运行自带负载,或按路径运行负载文件"),
    ("The shipped workloads, a line each", "列出自带负载,每个一行"),
    (
        "The limits that flags, memory and Node version give, each with where it comes from",
        "由参数、内存和 Node 版本得出的各项上限及其来源",
    ),
    ("A trace-gc line, a whole log or a fatal message, in words", "用文字解释一行 trace-gc、整份日志或致命错误信息"),
    (
        "The same workloads on gcheap and on real Nodes, and how far apart they are",
        "同样的负载在 gcheap 与真实 Node 上,以及两者的差距",
    ),
    ("Fits the cost model of the virtual clock to a Node on this machine", "将虚拟时钟的成本模型拟合到本机的 Node"),
    (
        "A file, or the line or message itself in quotes; nothing or - is standard input",
        "文件,或加引号的一行或信息本身;不给或给 - 则读标准输入",
    ),
    ("A line for each collection, in the words of V8", "每次回收一行,与 V8 的文字相同"),
    (
        "A parameter of the workload: `items=500`, `buffer-size=\"64 KB\"`; may be repeated",
        "负载的参数:`items=500`、`buffer-size=\"64 KB\"`;可重复",
    ),
    ("Compare with so many of the recorded runs [default: all]", "只与这么多次已记录的运行比较 [默认:全部]"),
    (
        "Directory of the recordings [default: fidelity/recordings of the repository; of a file, recordings beside it]",
        "记录所在目录 [默认:仓库的 fidelity/recordings;对于文件,为其旁边的 recordings]",
    ),
    ("Each collection as name=value pairs", "每次回收以 名称=值 的形式输出"),
    (
        "Execute the gc() steps of the workload; without it they are skipped, as `global.gc?.()` would be",
        "执行负载中的 gc() 步骤;不给则跳过,如同 `global.gc?.()`",
    ),
    ("First allocation limit of the old generation, MiB", "老生代的初始分配限额,MiB"),
    ("First size of a semi-space, MiB", "半空间的初始大小,MiB"),
    ("For people or JSON lines", "供人阅读,或 JSON 行"),
    (
        "How to end when memory runs out: SIGABRT as Node does, or status 134 without a core dump",
        "内存耗尽时如何结束:与 Node 一样触发 SIGABRT,或以状态码 134 退出且无核心转储",
    ),
    ("Iterations of the workload [default: the workload's own]", "负载的迭代次数 [默认:由负载决定]"),
    ("Language of the output [default: from the locale]", "输出语言 [默认:取自区域设置]"),
    ("Limit of both generations together, MiB", "两代合计的上限,MiB"),
    ("Limit of one semi-space of the young generation, MiB", "年轻代单个半空间的上限,MiB"),
    (
        "Memory the process believes it has: 512Mi, 4Gi [default: this machine's, container limit included]",
        "进程认为自己拥有的内存:512Mi、4Gi [默认:本机内存,计入容器限制]",
    ),
    (
        "Name of a shipped workload (`membench list` names them), or path of a workload file",
        "自带负载的名称(见 `membench list`),或负载文件的路径",
    ),
    (
        "Names of shipped workloads, and workload files or directories of them by path [default: all shipped ones]",
        "自带负载的名称,以及负载文件或其目录的路径 [默认:全部自带负载]",
    ),
    ("Node version to behave as: {majors} [default: 24]", "模拟的 Node 版本:{majors} [默认:24]"),
    ("Node versions [default: all that are recorded]", "Node 版本 [默认:所有已记录的]"),
    (
        "Old generation limit as a share of the memory, percent; wins over --max-old-space",
        "老生代上限占内存的百分比;优先于 --max-old-space",
    ),
    ("Old generation limit, MiB", "老生代上限,MiB"),
    (
        "Old generation limits, MiB, or `default` for V8's own [default: all that are recorded]",
        "老生代上限,MiB;`default` 表示 V8 自己的上限 [默认:所有已记录的]",
    ),
    ("Record so many runs of each real Node first", "先在每个真实 Node 上记录这么多次运行"),
    ("Records made in one iteration [default: 50000]", "每次迭代创建的记录数 [默认:50000]"),
    ("Records made in one iteration [default: 75000]", "每次迭代创建的记录数 [默认:75000]"),
    ("Records made in one iteration, where the workload makes records", "每次迭代创建的记录数(若负载创建记录)"),
    ("Seed of everything that is random", "所有随机数的种子"),
    ("Size of one Buffer, MiB [default: 100]", "单个 Buffer 的大小,MiB [默认:100]"),
    ("Size of one Buffer, MiB [default: 20]", "单个 Buffer 的大小,MiB [默认:20]"),
    ("Size of one Buffer, MiB, where the workload makes Buffers", "单个 Buffer 的大小,MiB(若负载创建 Buffer)"),
    ("Sizes of all spaces after each collection", "每次回收后各空间的大小"),
    ("The Node to measure", "要测量的 Node"),
    ("The comparison also as a document, Markdown", "另将比较结果写成 Markdown 文档"),
    ("The records also to a file, as JSON lines", "另将记录以 JSON 行写入文件"),
    (
        "The unseen workloads too: the files in fidelity/unseen, which nobody tunes the simulation to",
        "也包括未参与调校的负载:fidelity/unseen 中的文件",
    ),
    ("Virtual time makes every run reproducible", "虚拟时间使每次运行可重现"),
    (
        "What runs the workload: sim, node, node=PATH, both or both=PATH",
        "由什么运行负载:sim、node、node=PATH、both 或 both=PATH",
    ),
    (
        "What work costs in virtual time: a file that `calibrate --write` wrote [default: the shipped costs of the Node version]",
        "虚拟时间中各项工作的成本:由 `calibrate --write` 写出的文件 [默认:该 Node 版本自带的成本]",
    ),
    (
        "Whole new space, KiB: the classic flag that V8 dropped; --max-semi-space-size replaced it",
        "整个新生代空间,KiB:V8 已取消的旧参数,由 --max-semi-space-size 取代",
    ),
    (
        "Write the JavaScript program of the workload to a file instead of running it",
        "将负载的 JavaScript 程序写入文件,而不运行",
    ),
    ("Write the cost model to a file that --cost-model reads, TOML", "将成本模型写入 --cost-model 可读取的文件,TOML"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(command: &Command, found: &mut Vec<String>) {
        found.extend([command.get_about(), command.get_after_help()].into_iter().flatten().map(StyledStr::to_string));
        for argument in command.get_arguments() {
            found.extend(argument.get_help().map(StyledStr::to_string));
            found.extend(argument.get_help_heading().map(str::to_owned));
        }
        command.get_subcommands().for_each(|command| texts(command, found));
    }

    #[test]
    fn every_text_of_the_help_is_there_in_chinese() {
        let mut found = Vec::new();
        texts(&Cli::command(), &mut found);
        let missing: Vec<_> = found.iter().filter(|text| chinese(text).is_none()).collect();
        assert!(missing.is_empty(), "{missing:#?}");
        let majors = super::super::value::node_majors(", ");
        let found: Vec<_> = found.iter().map(|text| text.replace(&majors, "{majors}")).collect();
        let stale: Vec<_> = TEXTS.iter().filter(|(en, _)| !found.iter().any(|text| text == en)).collect();
        assert!(stale.is_empty(), "{stale:#?}");
    }

    #[test]
    fn nothing_english_is_left_in_the_chinese_help() {
        let mut command = command(Lang::Zh);
        let mut helps = vec![command.render_long_help().to_string()];
        for command in command.get_subcommands_mut() {
            helps.extend([command.render_help().to_string(), command.render_long_help().to_string()]);
        }
        for help in helps {
            let help = of_clap(Lang::Zh, help);
            for line in help.lines() {
                let words = line.split_whitespace().filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
                // Names of commands and values, and what is written in code, stand in both languages.
                assert!(words.count() <= 2 || line.contains('`'), "{line}");
            }
        }
    }
}
