//! Every mistake on the command line gets one sentence that says what to do, status 2, and nothing on standard output.

mod common;

use common::{membench, run};

/// `arguments <tab> sentence`, the sentence without `membench: `; `{majors}` stands for the supported Node versions,
/// `{workloads}` for the shipped workloads.
const TABLE: &str = include_str!("data/bad-input.tsv");

#[test]
fn each_mistake_has_its_sentence() {
    let mut wrong = Vec::new();
    for row in TABLE.lines().filter(|row| !row.starts_with('#') && !row.is_empty()) {
        let (arguments, sentence) = row.split_once('\t').expect("a tab");
        let sentence = sentence
            .replace("{majors}", &membench::cli::value::node_majors(", "))
            .replace("{workloads}", &membench::workload::shipped::NAMES.join(", "));
        let output = run(&arguments.split(' ').collect::<Vec<_>>());
        let said = String::from_utf8(output.stderr).unwrap();
        if said != format!("membench: {sentence}\n") || output.status.code() != Some(2) || !output.stdout.is_empty() {
            wrong.push(format!("{arguments}\n  expected: {sentence}\n  got {:?}: {said}", output.status.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_sentence_is_chinese_where_chinese_is_asked_for() {
    for arguments in
        [&["heap", "--max-old-space", "0", "--lang", "zh"][..], &["heap", "--lang=zh", "--max_old_space=0"]]
    {
        let output = run(arguments);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "membench: --max-old-space:大小不能为 0:至少为 1 MB\n");
        assert_eq!(output.status.code(), Some(2));
    }
    let output = membench().args(["heap", "--max-old-space", "0"]).env("LC_ALL", "zh_CN.UTF-8").output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("大小不能为 0"));
}

#[test]
fn no_command_shows_the_help() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage: membench"));
}

#[test]
fn the_scenarios_name_their_sizes_in_help() {
    for (command, flags) in [
        ("heap", &["--records", "--iterations"][..]),
        ("buffer", &["--buffer-size", "--iterations"]),
        ("compare", &["--records", "--buffer-size", "--iterations"]),
    ] {
        let output = run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        let help = String::from_utf8(output.stdout).unwrap();
        for flag in flags {
            assert!(help.contains(flag), "{command} {flag}");
        }
    }
}
