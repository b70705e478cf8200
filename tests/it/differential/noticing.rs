//! The harness itself: a stock program to which something was done must be told from the stock program.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::case::one;
use super::tree::Place;
use super::{judge, program};

/// What a false program does after (or to) the stock one, in shell, and what of it the harness must tell.
const FALSE: &[(&str, &str)] = &[
    ("exit 1", "exit code"),
    ("echo chatter", "stdout"),
    ("echo 'error: none' >&2", "message only in ours"),
    ("echo extra > DIR/new", "new: only in ours"),
    ("rm DIR/a.log.1.gz", "a.log.1.gz: missing in ours"),
    ("chmod 600 DIR/a.log", "a.log, mode"),
    ("chmod 700 DIR/d", "d, mode"),
    ("touch DIR/a.log.1.gz", "a.log.1.gz, mtime"),
    ("touch -d @1000000000 DIR/a.log", "a.log, mtime"),
    ("ln DIR/a.log DIR/d/x", "a.log, links"),
    ("echo more >> DIR/a.log", "a.log, content"),
    ("gunzip -c DIR/a.log.1.gz > DIR/x; touch -r DIR/a.log.1.gz DIR/x; mv DIR/x DIR/a.log.1.gz", "a.log.1.gz, packed"),
    ("echo | gzip > DIR/x; touch -r DIR/a.log.1.gz DIR/x; mv DIR/x DIR/a.log.1.gz", "a.log.1.gz, content"),
    ("rm DIR/l; ln -s elsewhere DIR/l", "l, kind"),
    ("rm DIR/a.log; mkdir DIR/a.log", "a.log, kind"),
    ("sed -i 's/b.log. .*/b.log\" 2026-1-3-0:0:0/' DIR/state", "state, entry"),
    ("sed -i '/a.log/d' DIR/state", "state, entry"),
    ("sed -i 's/a.log. .*/a.log\" 2026-1-3-0:0:0/' DIR/state", "state, entry"),
    ("chmod 600 DIR/state", "state, mode"),
    (
        "cp --sparse=never DIR/holes DIR/x; touch -r DIR/holes DIR/x; chmod --reference DIR/holes DIR/x; mv DIR/x DIR/holes",
        "holes, holes",
    ),
    ("sleep 0", ""),
];

/// Those that need root, or a program.
const FALSE_AS_ROOT: &[(&str, &str)] =
    &[("chown nobody DIR/a.log.1.gz", "a.log.1.gz, owner"), ("setfacl -m u:nobody:r DIR/a.log", "a.log, acl")];

#[test]
fn differences_are_told() {
    let Some(stock) = program::stock() else { return };
    let place = Place::new();
    let root = rustix::process::geteuid().is_root() && program::is_there("setfacl");
    let rows = FALSE.iter().chain(if root { FALSE_AS_ROOT } else { &[] });
    let case = one("rotate 2 ; compress ; create ; postrotate ; echo said; echo complained >&2 ; endscript")
        .setup("mkdir d; ln -s b.log l; state b.log 2026-1-2-0:0:0; truncate -s 200k holes")
        .at(&place);
    for (number, (deed, told)) in rows.enumerate() {
        let program = place.root().join(format!("false-{number}"));
        let text = format!("#!/bin/sh\n{} \"$@\" || exit\n{}\n", stock.display(), place.paths(deed));
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let found = judge("noticing", &stock, &program, &case, &place).wrong;
        match told {
            &"" => assert!(found.is_empty(), "after {deed:?}, which does nothing: {found:?}"),
            told => assert!(found.iter().any(|text| text.contains(told)), "after {deed:?}: {found:?}, not {told:?}"),
        }
    }
}
