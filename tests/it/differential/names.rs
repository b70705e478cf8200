//! What is already there: generations, gaps, strange names, names that are taken.

use super::case::{Case, lines, logs, one};
use super::run;

/// Directives over `a.log`, and the tree they find.
fn found(body: &str, setup: &str) -> Case {
    one(body).named(&format!("{body} | {setup}")).setup(setup).rounds(3)
}

const NUMBERED: &[(&str, &str)] = &[
    ("rotate 3", "gen a.log.1 a.log.2 a.log.3"),
    ("rotate 3", "gen a.log.1 a.log.2 a.log.3 a.log.4 a.log.5 a.log.6"),
    ("rotate 3", "gen a.log.2"),
    ("rotate 3", "gen a.log.1 a.log.3"),
    ("rotate 3", "gen a.log.3 a.log.4"),
    ("rotate 3", "gen a.log.0 a.log.1"),
    ("rotate 3", "gen a.log.01 a.log.1"),
    ("rotate 3", "gen a.log.1.gz a.log.2.gz a.log.3.gz"),
    ("rotate 3", "gen a.log.1 a.log.2.gz a.log.3.gz"),
    ("rotate 3", "mkdir a.log.1; echo in > a.log.1/x"),
    ("rotate 3", "mkdir a.log.2; echo in > a.log.2/x; gen a.log.1"),
    ("rotate 1", "mkdir a.log.1; echo in > a.log.1/x"),
    ("rotate 1", "mkdir a.log.2; gen a.log.1"),
    ("rotate 2", "ln -s b.log a.log.1"),
    ("rotate 2", "ln -s nowhere a.log.1"),
    ("rotate 2", "ln -s b.log a.log.2"),
    ("rotate 2", "gen a.log.1; ln a.log.1 other"),
    ("rotate 2 ; compress", "ln -s b.log a.log.1.gz"),
    ("rotate 2 ; compress", "mkdir a.log.1.gz"),
    ("rotate 3 ; compress", "gen a.log.1.gz a.log.2.gz a.log.3.gz a.log.4.gz"),
    ("rotate 3 ; compress", "gen a.log.2 a.log.3.gz"),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1 a.log.2.gz a.log.3.gz"),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1 a.log.1.gz a.log.2.gz"),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1 a.log.2 a.log.3"),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1 a.log.1.gz; echo kept > a.log.1.gz-$(ago 0 %Y%m%d%H).backup"),
    (
        "rotate 3 ; compress ; delaycompress ; create",
        "gen a.log.1 a.log.1.gz; mkdir a.log.1.gz-$(ago 0 %Y%m%d%H).backup",
    ),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1; mkdir a.log.1.gz"),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1; : > a.log.1"),
    ("rotate 3 ; compress ; delaycompress", "mkdir a.log.1"),
    ("rotate 3 ; compress ; delaycompress", "ln -s b.log a.log.1"),
    ("rotate 3 ; compress ; delaycompress", "gen a.log.1; ln a.log.1 other"),
    ("rotate 3 ; compress ; delaycompress ; start 0", "gen a.log.0 a.log.1.gz"),
    ("rotate 3 ; start 5", "gen a.log.1 a.log.5 a.log.6 a.log.7 a.log.8 a.log.9"),
    ("rotate 3 ; start 5 ; compress", "gen a.log.5.gz a.log.7.gz a.log.8.gz"),
    ("rotate 0 ; start 0 ; copytruncate", "gen a.log.0"),
    ("rotate 0 ; copytruncate ; compress ; delaycompress ; extension .log", "gen a.2.log.gz a.3.log.gz"),
    ("rotate 0 ; start 2 ; copy ; compress", "gen a.log.1 a.log.2.gz a.log.3.gz"),
    ("rotate 2 ; compress", "chmod 6755 a.log"),
    ("rotate 0 ; start 5", "gen a.log.1 a.log.5 a.log.6"),
    ("rotate 0", "gen a.log.1 a.log.2"),
    ("rotate 0 ; compress", "gen a.log.2 a.log.1.gz a.log.2.gz"),
    ("rotate -1", "gen a.log.1 a.log.2 a.log.3 a.log.5"),
    ("rotate -1 ; compress", "gen a.log.1.gz a.log.2.gz a.log.4.gz"),
    ("rotate -1 ; start 0", "gen a.log.0 a.log.1 a.log.2"),
    ("rotate 2 ; extension .log", "gen a.1.log a.2.log a.log.1"),
    ("rotate 2 ; extension .log ; compress", "gen a.1.log.gz a.2.log.gz"),
    ("rotate 2 ; addextension .old", "gen a.log.1.old a.log.2.old a.log.1"),
    ("rotate 2 ; addextension .log ; compress", "gen a.1.log.gz a.2.log.gz a.log.1"),
    ("rotate 2 ; olddir old", "mkdir old; gen old/a.log.1 old/a.log.2 a.log.1"),
    ("rotate 2 ; copytruncate", "gen a.log.1 a.log.2"),
    ("rotate 2 ; copytruncate", "mkdir a.log.1"),
    ("rotate 2 ; copytruncate", "ln -s b.log a.log.1"),
    ("rotate 2 ; copytruncate", "gen big; truncate -s 1M a.log; echo end >> a.log"),
    ("rotate 2 ; copy", "truncate -s 200k a.log; echo end >> a.log; truncate -s 1M a.log"),
    ("rotate 2 ; copy", "head -c 300000 /dev/zero > a.log"),
    ("rotate 2 ; copy", "chmod 000 a.log"),
    ("rotate 2 ; renamecopy", "gen a.log.tmp"),
    ("rotate 2 ; renamecopy", "mkdir a.log.tmp"),
    ("rotate 2 ; renamecopy", "gen a.log.1 a.log.2"),
    ("rotate 2 ; compressext .gz ; compress ; compresscmd /usr/bin/bzip2", "gen a.log.1.gz a.log.2.bz2"),
    ("rotate 2 ; shred", "gen a.log.1 a.log.2"),
    ("rotate 2 ; shred", "gen a.log.1 a.log.2; ln a.log.2 other"),
    ("rotate 2 ; shred ; compress", "gen a.log.1.gz a.log.2.gz"),
    ("rotate 2 ; shred ; shredcycles 1", "gen a.log.1; : > a.log.2"),
];

const DATED: &[(&str, &str)] = &[
    ("rotate 3 ; dateext", "gen a.log-20200101 a.log-20200102 a.log-20200103 a.log-20200104 a.log-20200105"),
    ("rotate 3 ; dateext", "gen a.log-20200101 a.log-20200102.gz a.log-20200103 a.log-20200104.gz a.log-20200105"),
    ("rotate 3 ; dateext", "gen a.log-20209999 a.log-2020 a.log-20200101-x a.log-202001011 a.log-abcdefgh a.log.1"),
    ("rotate 1 ; dateext", "gen a.log-20300101 a.log-20200102 a.log-20310102"),
    ("rotate 0 ; dateext", "gen a.log-20200101 a.log-20200102"),
    ("rotate -1 ; dateext", "gen a.log-20200101 a.log-20200102 a.log-20200103"),
    ("rotate 2 ; dateext ; compress", "gen a.log-20200101.gz a.log-20200102.gz a.log-20200103.gz a.log-20200104"),
    ("rotate 2 ; dateext ; compress ; delaycompress", "gen a.log-20200101.gz a.log-20200102.gz a.log-20200103"),
    ("rotate 2 ; dateext ; compress ; delaycompress", "gen a.log-20200101 a.log-20200102 a.log-20200103"),
    ("rotate 3 ; dateext ; compress ; delaycompress", "gen a.log-20200103 a.log-20200103.gz"),
    ("rotate 2 ; dateext ; dateformat -%d%m%Y", "gen a.log-01022020 a.log-02012020 a.log-03012019 a.log-31122018"),
    ("rotate 2 ; dateext ; dateformat -%d%m%Y ; compress", "gen a.log-01022020.gz a.log-02012020.gz a.log-31122018.gz"),
    ("rotate 2 ; dateext ; dateformat -%d%m%Y", "gen a.log-99992020 a.log-02012020 a.log-03012019"),
    ("rotate 2 ; dateext ; dateformat -%s", "gen a.log-1500000000 a.log-0999999999 a.log-1600000000 a.log-999999999"),
    ("rotate 2 ; dateext ; dateformat -%H%M%S", "gen a.log-010101 a.log-235959 a.log-120000"),
    ("rotate 2 ; dateext ; dateformat .%Y", "gen a.log.2001 a.log.2002 a.log.2003 a.log.1"),
    ("rotate 2 ; dateext ; dateformat -%V", "gen a.log-01 a.log-02 a.log-03"),
    ("rotate 2 ; dateext ; extension .log", "gen a-20200101.log a-20200102.log a-20200103.log a.log-20200101"),
    ("rotate 2 ; dateext ; extension .log ; compress", "gen a-20200101.log.gz a-20200102.log.gz a-20200103.log.gz"),
    ("rotate 2 ; dateext ; addextension .old", "gen a.log-20200101.old a.log-20200102.old a.log-20200103.old"),
    (
        "rotate 2 ; dateext ; olddir old",
        "mkdir old; gen old/a.log-20200101 old/a.log-20200102 old/a.log-20200103 a.log-20200101",
    ),
    ("rotate 2 ; dateext ; hourly", "gen a.log-2020010101 a.log-2020010102 a.log-2020010103 a.log-20200101"),
    (
        "rotate 0 ; dateext ; copytruncate ; olddir old ; dateformat .%d-%m-%Y",
        "mkdir old; gen old/a.log.02-08-2024 old/a.log.04-06-2025",
    ),
    ("rotate 2 ; dateext ; compress ; delaycompress", "gen a.log-20200101.gz; mkdir a.log-20200102"),
    ("rotate 2 ; dateext ; compress ; delaycompress", "gen a.log-20200101.gz; ln -s b.log a.log-20200102"),
    ("rotate 2 ; dateext", "mkdir a.log-20200101 a.log-20200102 a.log-20200103"),
    ("rotate 2 ; dateext", "ln -s b.log a.log-20200101; ln -s b.log a.log-20200102; gen a.log-20200103"),
    ("rotate 2 ; dateext ; copytruncate", "gen a.log-20200101 a.log-20200102 a.log-20200103"),
    ("rotate 2 ; dateext ; renamecopy", "gen a.log-20200101 a.log-20200102 a.log-20200103"),
    ("rotate 2 ; dateext ; shred", "gen a.log-20200101 a.log-20200102 a.log-20200103"),
];

/// Names that are taken: see `deviations/` for what the stock program loses then.
fn taken() -> Vec<Case> {
    let today = "echo was today > a.log-$TODAY";
    let today_gz = "echo was today | gzip -n > a.log-$TODAY.gz";
    let one = |name: &str, body: &str, setup: &str| one(body).named(name).setup(setup);
    vec![
        one("compress finds a plain generation in its way", "rotate 3 ; compress", "gen a.log.1 a.log.2.gz"),
        one("compress fails every time", "rotate 3 ; compress ; compresscmd BIN/gz-fails", "").rounds(3),
        one("postrotate fails every time with compress", "rotate 3 ; compress ; postrotate ; exit 1 ; endscript", "")
            .rounds(3),
        one("dateext finds its name taken", "rotate 3 ; dateext", today),
        one("dateext with compress finds its name taken", "rotate 3 ; dateext ; compress", today_gz),
        one("dateext with compress finds a plain generation of today", "rotate 3 ; dateext ; compress", today),
        one("dateext finds a compressed generation of today", "rotate 3 ; dateext", today_gz),
        one("dateext finds a folder of its name", "rotate 3 ; dateext ; compress", "mkdir a.log-$TODAY"),
    ]
}

/// Wildcards that match what rotation makes.
fn greedy() -> Vec<Case> {
    let greedy = |pattern: &str, body: &str| {
        logs(body)
            .named(&format!("{pattern} with {body}"))
            .setup(&format!("mkdir d; cp a.log b.log d/; cat > conf <<'E'\nDIR/{pattern} {{\n{}\n}}\nE", lines(body)))
            .rounds(3)
    };
    vec![
        greedy("d/*", "rotate 2"),
        greedy("d/*", "rotate 1 ; compress"),
        greedy("d/a.log*", "rotate 2"),
        greedy("d/[ab].log", "rotate 2"),
        greedy("*/?.log", "rotate 2"),
        greedy("{a,b}.log", "rotate 2"),
        greedy("*.log", "rotate 2 ; sharedscripts"),
    ]
}

fn table(rows: &[(&str, &str)]) -> Vec<Case> {
    rows.iter().map(|(body, setup)| found(body, setup)).collect()
}

#[test]
fn numbered_generations() {
    run("numbered generations", table(NUMBERED));
}

#[test]
fn dated_generations() {
    run("dated generations", table(DATED).into_iter().map(|case| case.rounds(1)).collect());
}

#[test]
fn taken_names() {
    run("taken names", taken());
}

#[test]
fn greedy_wildcards() {
    run("greedy wildcards", greedy());
}
