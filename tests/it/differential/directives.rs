//! Every directive alone and in the pairs that have to do with each other, forced, over four rounds.

use super::case::{Case, logs};
use super::run;

/// How many, from which number, how the log is taken.
const KEEPING: &[&str] = &[
    "",
    "rotate 0",
    "rotate 1",
    "rotate 2",
    "rotate -1",
    "rotate 9 ; start 0",
    "rotate 2 ; start 0",
    "rotate 2 ; start 5",
    "rotate 0 ; start 3",
    "rotate -1 ; size 1",
    "rotate 2 ; notifempty",
    "rotate 2 ; notifempty ; ifempty",
    "rotate 2 ; missingok",
    "rotate 2 ; missingok ; nomissingok",
    "rotate 2 ; create",
    "rotate 2 ; create 0600",
    "rotate 2 ; create 0600 ; notifempty",
    "rotate 2 ; create 600",
    "rotate 2 ; create 02755",
    "rotate 2 ; create 0",
    "rotate 2 ; create ; nocreate",
    "rotate 2 ; nocreate ; create 0644",
    "rotate 2 ; copy",
    "rotate 2 ; copy ; create 0600",
    "rotate 2 ; copy ; nocopy",
    "rotate 0 ; copy",
    "rotate 2 ; copytruncate",
    "rotate 0 ; copytruncate",
    "rotate 2 ; copytruncate ; create 0600",
    "rotate 2 ; copytruncate ; nocopytruncate",
    "rotate 2 ; copytruncate ; compress ; notifempty",
    "rotate 2 ; copy ; copytruncate",
    "rotate 2 ; renamecopy",
    "rotate 2 ; renamecopy ; create",
    "rotate 2 ; renamecopy ; create 0600 ; compress",
    "rotate 0 ; renamecopy",
    "rotate 2 ; renamecopy ; norenamecopy",
    "rotate 2 ; renamecopy ; copytruncate",
    "rotate 2 ; copytruncate ; renamecopy",
    "rotate 2 ; copy ; renamecopy",
    "rotate 2 ; errors someone",
    "rotate 2 ; allowhardlink",
    "rotate 2 ; noallowhardlink",
    "rotate 2 ; ignoreduplicates",
    "rotate 2 ; sharedscripts",
    "rotate 2 ; sharedscripts ; nosharedscripts",
    "rotate 2 ; nomail",
    "rotate 2 ; nomail ; maillast ; mailfirst",
    "rotate 1 ; shred",
    "rotate 1 ; shred ; noshred",
    "rotate 1 ; shred ; shredcycles 1",
    "rotate 1 ; shred ; shredcycles 2 ; compress",
    "rotate 0 ; shred",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "hourly",
    "hourly ; rotate 2",
    "daily ; rotate 2",
    "weekly 3 ; rotate 2",
    "size 1k ; rotate 2",
    "minsize 1M ; daily ; rotate 2",
    "maxsize 1 ; daily ; rotate 2",
    "minage 30 ; daily ; rotate 2",
];

const COMPRESSING: &[&str] = &[
    "compress",
    "rotate 2 ; compress",
    "rotate 0 ; compress",
    "rotate -1 ; compress",
    "rotate 1 ; compress",
    "rotate 2 ; compress ; nocompress",
    "rotate 3 ; compress ; delaycompress",
    "rotate 1 ; compress ; delaycompress",
    "rotate 0 ; compress ; delaycompress",
    "rotate -1 ; compress ; delaycompress",
    "rotate 3 ; delaycompress",
    "rotate 3 ; compress ; delaycompress ; nodelaycompress",
    "rotate 3 ; compress ; delaycompress ; start 0",
    "rotate 3 ; compress ; start 4",
    "rotate 3 ; compress ; create 0600",
    "rotate 3 ; compress ; copy",
    "rotate 3 ; compress ; copytruncate",
    "rotate 3 ; compress ; delaycompress ; copytruncate",
    "rotate 3 ; compress ; delaycompress ; renamecopy",
    "rotate 3 ; compress ; compressext .packed",
    "rotate 3 ; compress ; compressext packed",
    "rotate 3 ; compressext .packed",
    "rotate 3 ; compress ; compressoptions -1",
    "rotate 3 ; compress ; compressoptions -9 -n",
    "rotate 3 ; compress ; compressoptions \"-9\" '-n'",
    "rotate 3 ; compress ; compresscmd /usr/bin/bzip2",
    "rotate 3 ; compress ; compresscmd /usr/bin/xz",
    "rotate 3 ; compress ; compresscmd xz ; compressext .lzma",
    "rotate 3 ; compress ; compresscmd /usr/bin/zstd",
    "rotate 3 ; compress ; compresscmd /usr/bin/zstd ; compressoptions -19 -q",
    "rotate 3 ; compress ; delaycompress ; compresscmd /usr/bin/xz ; compressext .xz",
    "rotate 3 ; compress ; compressext .x ; compresscmd /usr/bin/bzip2",
    "rotate 3 ; compress ; compresscmd BIN/gz-copies",
    "rotate 3 ; compress ; compresscmd BIN/gz-says",
    "rotate 3 ; compress ; compresscmd BIN/gz-tells",
    "rotate 3 ; compress ; compresscmd BIN/gz-tells ; compressoptions a b",
    "rotate 3 ; compress ; compresscmd BIN/gz-tells ; compressoptions 'a b' c\\ d \"e f\"",
    "rotate 3 ; compress ; compresscmd BIN/gz-tells ; compressoptions $HOME *",
    "rotate 3 ; compress ; delaycompress ; compresscmd BIN/gz-tells",
    "rotate 3 ; compress ; uncompresscmd /bin/false",
];

const DATED: &[&str] = &[
    "rotate 3 ; dateext",
    "rotate 0 ; dateext",
    "rotate 3 ; dateext ; nodateext",
    "rotate 3 ; dateext ; dateyesterday",
    "rotate 3 ; dateext ; datehourago",
    "rotate 3 ; dateext ; hourly",
    "rotate 3 ; dateext ; hourly ; dateyesterday",
    "rotate 3 ; dateext ; hourly ; datehourago",
    "rotate 3 ; dateext ; dateformat .%Y",
    "rotate 3 ; dateext ; dateformat -%Y-%m-%d_%H",
    "rotate 3 ; dateext ; dateformat -%d.%m.%Y ; extension .log",
    "rotate 3 ; dateext ; dateformat .%d-%m-%Y ; extension .log ; dateyesterday",
    "rotate 3 ; dateext ; dateformat -%Y%% ; extension .log",
    "rotate 3 ; dateext ; dateformat -%Y-%q",
    "rotate 3 ; dateext ; dateformat -%V-%Y",
    "rotate 3 ; dateext ; dateformat fixed",
    "rotate 3 ; dateext ; dateformat -%Y%m%d ; olddir old",
    "rotate 3 ; dateext ; dateformat -*%Y[a]?",
    "rotate 3 ; dateext ; dateformat /%Y",
    "rotate 3 ; dateformat -%Y",
    "rotate 3 ; dateext ; start 4",
    "rotate 3 ; dateext ; create 0600",
    "rotate 3 ; dateext ; copytruncate",
    "rotate 3 ; dateext ; copy",
    "rotate 3 ; dateext ; renamecopy",
    "rotate 3 ; dateext ; addextension .old",
    "rotate 3 ; dateext ; addextension .log",
];

const NAMED: &[&str] = &[
    "rotate 2 ; extension .log",
    "rotate 2 ; extension log",
    "rotate 2 ; extension .log ; compress",
    "rotate 2 ; extension .log ; compress ; delaycompress",
    "rotate 2 ; extension .txt",
    "rotate 2 ; extension .log ; olddir old",
    "rotate 2 ; addextension .old",
    "rotate 2 ; addextension .log",
    "rotate 2 ; addextension .log ; compress",
    "rotate 2 ; addextension .old ; compress ; delaycompress",
    "rotate 2 ; addextension .old ; extension .log",
    "rotate 2 ; addextension .old ; extension .txt",
    "rotate 2 ; extension .log ; start 0",
    "rotate 2 ; olddir DIR/old",
    "rotate 2 ; olddir old",
    "rotate 2 ; olddir ./old/",
    "rotate 2 ; olddir ~/old",
    "rotate 2 ; olddir old ; compress",
    "rotate 2 ; olddir old ; compress ; delaycompress",
    "rotate 2 ; olddir old ; copytruncate",
    "rotate 2 ; olddir old ; renamecopy",
    "rotate 2 ; olddir old ; copy ; compress",
    "rotate 2 ; olddir old ; noolddir",
    "rotate 2 ; olddir new ; createolddir",
    "rotate 2 ; olddir new ; createolddir 0700",
    "rotate 2 ; olddir new/deep/er ; createolddir 0710",
    "rotate 2 ; olddir old ; createolddir 0700",
    "rotate 2 ; olddir new ; createolddir ; nocreateolddir",
];

fn table(rows: &[&str]) -> Vec<Case> {
    rows.iter().map(|body| logs(body).setup("mkdir old")).collect()
}

/// Dated names collide in the second round of a day: what that does is in `names.rs`.
fn once_a_day(rows: &[&str]) -> Vec<Case> {
    let with_compress = |body: &&str| logs(&format!("{body} ; compress")).setup("mkdir old").rounds(1);
    table(rows).into_iter().map(|case| case.rounds(1)).chain(rows.iter().map(with_compress)).collect()
}

#[test]
fn keeping_and_taking() {
    run("keeping and taking", table(KEEPING));
}

#[test]
fn compressing() {
    run("compressing", table(COMPRESSING));
}

#[test]
fn dated_names() {
    run("dated names", once_a_day(DATED));
}

#[test]
fn numbered_names() {
    run("numbered names", table(NAMED));
}
