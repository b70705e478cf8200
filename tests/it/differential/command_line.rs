//! Options, and the state file as a file.

use super::case::{Case, case};
use super::run;

/// A section for a.log that is due by its date in the state file, called with `args`.
fn called(args: &str) -> Case {
    case(args, "DIR/a.log {\ndaily\nrotate 2\n}\nDIR/b.log {\ndaily\n}\n")
        .setup("state a.log $((3*D)); state b.log 0")
        .args(args)
}

const OPTIONS: &[&str] = &[
    "-s DIR/state DIR/conf",
    "-f -s DIR/state DIR/conf",
    "--force --state DIR/state DIR/conf",
    "--force --state=DIR/state DIR/conf",
    "-fs DIR/state DIR/conf",
    "-fsDIR/state DIR/conf",
    "-s=DIR/state DIR/conf",
    "DIR/conf -f -s DIR/state",
    "DIR/conf -s DIR/state -f",
    "-s DIR/none -s DIR/state DIR/conf",
    "-s DIR/state -s DIR/other DIR/conf",
    "-f -f -s DIR/state DIR/conf",
    "-v -s DIR/state DIR/conf",
    "-vf -s DIR/state DIR/conf",
    "-fv -s DIR/state DIR/conf",
    "-fvs DIR/state DIR/conf",
    "--verbose -s DIR/state DIR/conf",
    "-d -s DIR/state DIR/conf",
    "-df -s DIR/state DIR/conf",
    "-dfv -s DIR/state DIR/conf",
    "--debug --force -s DIR/state DIR/conf",
    "-d -s DIR/none DIR/conf",
    "-d -s DIR/no/folder DIR/conf",
    "-d DIR/none -s DIR/state",
    "-l DIR/log -s DIR/state DIR/conf",
    "-l DIR/log -f -s DIR/state DIR/conf",
    "-l DIR/log -v -s DIR/state DIR/conf",
    "-l DIR/log -d -s DIR/state DIR/conf",
    "--log DIR/log -s DIR/state DIR/conf",
    "--log=DIR/log -s DIR/state DIR/conf",
    "-l DIR/no/log -s DIR/state DIR/conf",
    "-l DIR -s DIR/state DIR/conf",
    "-l DIR/log -s DIR/state DIR/none",
    "-m BIN/mail -s DIR/state DIR/conf",
    "--mail BIN/mail -s DIR/state DIR/conf",
    "--mail=BIN/mail -s DIR/state DIR/conf",
    "--skip-state-lock -s DIR/state DIR/conf",
    "--wait-for-state-lock -s DIR/state DIR/conf",
    "--wait-for-state-lock --skip-state-lock -s DIR/state DIR/conf",
    "-s /dev/null -f DIR/conf",
    "-s DIR -f DIR/conf",
    "-s DIR/no/state -f DIR/conf",
    "-s DIR/new -f DIR/conf",
    "-s new -f conf",
    "-s ~/new -f conf",
    "-s DIR/conf -f DIR/conf",
    "-s DIR/state -f DIR/none",
    "-s DIR/state -f DIR/none DIR/conf",
    "-s DIR/state -f -- DIR/conf",
    "-s DIR/state -f DIR/conf --",
];

/// What a program says of itself is its own.
const OWN_TEXTS: &[&str] = &[
    "--version",
    "--version -f -s DIR/state DIR/conf",
    "--usage",
    "--help",
    "-?",
    "-? -f DIR/conf",
    "",
    "-f",
    "-v",
    "-d",
    "-s DIR/state",
    "-s DIR/state --",
    "-x",
    "-x -f -s DIR/state DIR/conf",
    "-f -s DIR/state DIR/conf -x",
    "-fx -s DIR/state DIR/conf",
    "--nonsense",
    "--nonsense=1 DIR/conf",
    "--force=1 -s DIR/state DIR/conf",
    "--forc -s DIR/state DIR/conf",
    "--f -s DIR/state DIR/conf",
    "-force -s DIR/state DIR/conf",
    "-s",
    "DIR/conf -s",
    "DIR/conf --state",
    "DIR/conf -m",
    "DIR/conf -l",
    "-h",
    "-V",
    "-",
    "- -s DIR/state",
];

/// The state file's own fate.
fn state_file() -> Vec<Case> {
    let with = |name: &str, setup: &str| {
        case(name, "DIR/a.log {\ndaily\nrotate 2\n}\n")
            .setup("state a.log $((3*D))")
            .setup(setup)
            .args("-f -s DIR/state DIR/conf")
    };
    vec![
        with("state 0600", "chmod 600 state").rounds(2),
        with("state 0644", "chmod 644 state").rounds(2),
        with("state 0666", "chmod 666 state"),
        with("state 0400", "chmod 400 state"),
        with("state 0000", "chmod 000 state"),
        with("state 0660 of a group", "chgrp adm state; chmod 660 state"),
        with("state of nobody", "chown nobody:nogroup state"),
        with("state with an ACL", "setfacl -m u:nobody:r state"),
        with("state is missing", "rm state").rounds(2),
        with("state is a link", "mv state real; ln -s real state"),
        with("state is a link to nothing", "rm state; ln -s real state"),
        with("state is a folder", "rm state; mkdir state"),
        with("state has another name", "ln state other"),
        with("state.tmp is there", "echo x > state.tmp"),
        with("state.tmp is a folder", "mkdir state.tmp"),
        with("state.tmp is a link", "ln -s a.log state.tmp"),
        with("state is locked", "true").locked(),
        with("state is locked, -d", "true").locked().args("-d -f -s DIR/state DIR/conf"),
        with("state is locked, --skip-state-lock", "true").locked().args("-f --skip-state-lock -s DIR/state DIR/conf"),
        with("state is locked and readable", "chmod 644 state").locked(),
        with("state is locked, nothing is due", "true").locked().args("-s DIR/state DIR/conf"),
        with("state is locked and the configuration bad", "echo '!!!' > conf").locked(),
        with("state is missing and the configuration bad", "rm state; echo '!!!' > conf"),
        with("state is kept when the configuration is bad", "echo '!!!' > conf"),
        with("state is kept when there is no configuration", "rm conf"),
        with("state is kept when the configuration is empty", ": > conf"),
        with("state of logs that are gone", "state gone.log $((20*D)); state older.log $((400*D))"),
        with("state of another log, not forced", "state b.log $((20*D))").args("-s DIR/state DIR/conf").rounds(2),
        with("state of a log named strangely", "cp a.log 'q\" \\ x.log'; printf 'DIR/*.log {\\ndaily\\n}\\n' > conf")
            .rounds(2),
        with("state of a log with a newline", "cp a.log \"n\nx.log\"; printf 'DIR/*.log {\\ndaily\\n}\\n' > conf")
            .rounds(2),
    ]
}

/// `-d` over everything that would change something.
fn debug() -> Vec<Case> {
    let bodies = [
        "rotate 1",
        "rotate 1\ncompress",
        "rotate 1\ncompress\ndelaycompress",
        "rotate 1\ncopytruncate",
        "rotate 1\ncopy",
        "rotate 1\nrenamecopy",
        "rotate 1\ncreate 0600",
        "rotate 0\nmail a@b",
        "rotate 1\nmail a@b\nmailfirst",
        "rotate 1\nshred",
        "rotate 1\ndateext",
        "rotate 1\nsu nobody nogroup",
        "rotate 1\nolddir new",
        "rotate 1\nolddir new\ncreateolddir",
        "rotate 1\nsharedscripts\nprerotate\necho x >> DIR/ran\nendscript\npostrotate\nexit 1\nendscript",
        "rotate 1\nfirstaction\necho x >> DIR/ran\nendscript\nlastaction\necho x >> DIR/ran\nendscript",
        "rotate 0\npreremove\necho x >> DIR/ran\nendscript",
        "rotate x",
        "daily\nsize 1k\nweekly",
        "rotate 1\nmaxage 3",
    ];
    let case = |body: &str, args: &str| {
        case(format!("{args} with {body}"), format!("DIR/?.log DIR/none {{\n{body}\n}}\n"))
            .setup("gen a.log.1 a.log.2; gen b.log.1.gz; aged a.log.1 $((20*D))")
            .args(&format!("{args} -m BIN/mail -s DIR/state DIR/conf"))
    };
    bodies.iter().flat_map(|body| ["-df", "-vf", "-d"].map(|args| case(body, args))).collect()
}

#[test]
fn options() {
    let mut cases: Vec<_> = OPTIONS.iter().map(|args| called(args)).collect();
    cases.extend(OWN_TEXTS.iter().map(|args| called(args).own_texts().args(args)));
    run("options", cases);
}

#[test]
fn the_state_file() {
    run("the state file", state_file());
}

#[test]
fn debugging() {
    run("debugging", debug());
}
