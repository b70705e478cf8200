//! Logs that cannot or must not be rotated, and tools that fail.

use super::case::{Case, case, inner, lines, one};
use super::run;

/// What `a.log` is, and how it is rotated; `b.log` follows in the same set.
fn strange(body: &str, setup: &str) -> Case {
    super::case::logs(body).named(&format!("{body} | {setup}")).setup(setup).rounds(2)
}

/// What a log can be other than a file with text.
const STRANGE: &[&str] = &[
    "rm a.log",
    ": > a.log",
    "rm a.log; ln -s b.log a.log",
    "rm a.log; ln -s nowhere a.log",
    "rm a.log; ln -s d a.log; mkdir d",
    "rm a.log; mkdir a.log",
    "ln a.log other",
    "ln a.log other; ln a.log third",
    "chmod 000 a.log",
    "chmod 4777 a.log",
    "chmod 666 a.log",
    "chown nobody:nogroup a.log",
    "chgrp adm a.log; chmod 2640 a.log",
    "setfacl -m u:nobody:r a.log",
    "setfacl -m u:nobody:rw,g:adm:r,m::r a.log",
    "aged a.log $((-3*D))",
    "aged a.log $((3000*D))",
    "printf 'no newline' > a.log",
    "truncate -s 3M a.log; echo end >> a.log",
    "yes line | head -c 4100 > a.log",
    "printf '\\000\\001' > a.log",
];

const WAYS: &[&str] = &[
    "rotate 2",
    "rotate 2 ; create",
    "rotate 2 ; create 0600",
    "rotate 2 ; compress",
    "rotate 2 ; compress ; delaycompress",
    "rotate 2 ; copytruncate",
    "rotate 2 ; copytruncate ; compress",
    "rotate 2 ; copy",
    "rotate 2 ; renamecopy ; create",
    "rotate 2 ; sharedscripts",
    "rotate 2 ; missingok",
    "rotate 2 ; missingok ; sharedscripts ; notifempty",
    "rotate 2 ; allowhardlink",
    "rotate 2 ; allowhardlink ; compress",
    "rotate 2 ; allowhardlink ; copytruncate",
    "rotate 2 ; extension .log ; olddir d ; createolddir 0750 root adm",
];

/// Only renaming: a copy would wait for a writer for ever.
const FIFOS: &[&str] = &["rotate 2", "rotate 2 ; create", "rotate 2 ; notifempty", "rotate 2 ; sharedscripts"];

/// Folders of `d/x.log`.
const PARENTS: &[&str] = &[
    "chmod 755 d",
    "chmod 777 d",
    "chmod 1777 d",
    "chmod 775 d",
    "chgrp adm d; chmod 775 d",
    "chgrp adm d; chmod 2770 d",
    "chown nobody d; chmod 755 d",
    "chown nobody:nogroup d; chmod 775 d",
    "chmod 702 d",
    "chmod 000 d",
    "chmod 777 d; rm d/x.log",
    "chmod 777 d; : > d/x.log",
    "mv d e; ln -s e d",
    "mv d e; chmod 777 e; ln -s e d",
    "rm -r d",
    "rm -r d; echo file > d",
    "mkdir d/old; chmod 777 d/old",
];

const IN_FOLDERS: &[&str] = &[
    "rotate 2",
    "rotate 2 ; missingok",
    "rotate 2 ; su root adm",
    "rotate 2 ; su nobody nogroup",
    "rotate 2 ; copytruncate",
    "rotate 2 ; olddir old ; createolddir",
];

/// Folders for old logs, for `a.log`, `b.log` and two logs in folders of their own.
const OLD_FOLDERS: &[(&str, &str)] = &[
    ("olddir old", ""),
    ("olddir old", "mkdir old d/old e/old"),
    ("olddir old", "mkdir old d/old"),
    ("olddir old ; missingok", "mkdir old d/old; rm e/y.log"),
    ("olddir old ; createolddir", ""),
    ("olddir old ; createolddir", "mkdir old"),
    ("olddir old ; createolddir 0700", "echo file > old"),
    ("olddir old ; createolddir", "echo file > d/old"),
    ("olddir old ; createolddir", "chmod 500 d"),
    ("olddir DIR/old", "mkdir old"),
    ("olddir DIR/old", "mkdir real; ln -s real old"),
    ("olddir DIR/old", "ln -s nowhere old"),
    ("olddir DIR/old ; createolddir", "ln -s nowhere old"),
    ("olddir DIR/old", "mkdir old; chmod 000 old"),
    ("olddir DIR/old", "mkdir old; chmod 777 old"),
    ("olddir DIR/old", "mkdir old; mkdir old/a.log.1"),
    ("olddir DIR/old", "mkdir old; echo mine > old/y.log.1"),
    ("olddir .", ""),
    ("olddir ..", ""),
    ("olddir ../old", "mkdir old"),
    ("olddir DIR/d", ""),
    ("olddir DIR/a.log", ""),
    ("olddir /proc", ""),
    ("olddir /proc ; copy", ""),
    ("olddir /nowhere/at/all", ""),
    ("olddir \"old\"", "mkdir old d/old e/old"),
    ("olddir with blank", "mkdir 'with blank' 'd/with blank' 'e/with blank'"),
    ("olddir old/", "mkdir old d/old e/old"),
    ("olddir old ; compress ; delaycompress", "mkdir old d/old e/old; gen a.log.1 old/a.log.1"),
    ("olddir old ; dateext", "mkdir old d/old e/old; gen a.log-20200101 old/a.log-20200101"),
];

fn compressors() -> Vec<Case> {
    let programs =
        ["/bin/false", "/nowhere/gz", "BIN", "BIN/gz-fails", "BIN/gz-fails-loudly", "BIN/gz-says", "DIR/conf"];
    let ways =
        ["", " ; delaycompress", " ; copytruncate", " ; renamecopy", " ; sharedscripts", " ; dateext", " ; mail a@b"];
    let mut cases = Vec::new();
    for program in programs {
        for way in ways {
            // Once: what the next rotation does to the file left plain is in `names.rs`.
            let case = one(&format!("rotate 3 ; compress ; compresscmd {program}{way}")).mailing();
            cases.push(if way == " ; delaycompress" { case.setup("gen a.log.1 a.log.2.gz") } else { case });
        }
    }
    for options in ["-Z", "--nonsense", "-9 nothing", "\"", "\\", "'a", "-1 -9 -n", "-d", "\"\""] {
        cases.push(one(&format!("rotate 3 ; compress ; compressoptions {options}")));
    }
    cases
}

fn pairs(ways: &[&str], setups: &[&str], with: impl Fn(&str, &str) -> Case) -> Vec<Case> {
    ways.iter().flat_map(|way| setups.iter().map(|setup| with(way, setup)).collect::<Vec<_>>()).collect()
}

#[test]
fn strange_logs() {
    let mut cases = pairs(WAYS, STRANGE, strange);
    cases.extend(pairs(FIFOS, &["rm a.log; mkfifo a.log"], strange));
    run("strange logs", cases);
}

#[test]
fn folders() {
    let with = |body: &str, setup: &str| {
        let make = format!("mkdir d; cp a.log d/x.log; chown nobody:nogroup d/x.log\n{setup}");
        inner(body).named(&format!("{body} | {setup}")).setup(&make)
    };
    run("folders", pairs(IN_FOLDERS, PARENTS, with));
}

#[test]
fn folders_for_old_logs() {
    let with = |(body, setup): &(&str, &str)| {
        let config = format!("DIR/?.log DIR/d/x.log DIR/e/y.log {{\nrotate 2\n{}\n}}\n", lines(body));
        let make = format!("mkdir d e; cp a.log d/x.log; cp a.log e/y.log\n{setup}");
        case(format!("{body} | {setup}"), config).setup(&make).rounds(if body.contains("dateext") { 1 } else { 2 })
    };
    run("folders for old logs", OLD_FOLDERS.iter().map(with).collect());
}

#[test]
fn failing_compressors() {
    run("failing compressors", compressors());
}
