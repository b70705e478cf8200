//! What is due without being forced: dates in the state file, sizes, ages.

use super::case::{Case, case, one};
use super::run;

/// A run that is not forced over `a.log`; the setup says what the state file and the log are like.
fn due(body: &str, setup: &str) -> Case {
    one(body).named(&format!("{body} | {setup}")).setup(setup).due().rounds(2)
}

fn table(rows: &[(&str, &[&str])]) -> Vec<Case> {
    rows.iter().flat_map(|(body, setups)| setups.iter().map(move |setup| due(body, setup))).collect()
}

const NOW: &str = "state a.log 0";
const HOUR: &str = "state a.log $H";
const DAY: &str = "state a.log $D";
const WEEK: &str = "state a.log $((7*D))";
const MONTH: &str = "state a.log $((31*D))";
const YEAR: &str = "state a.log $((366*D))";
const FUTURE: &str = "state a.log $((-2*D))";

const BY_TIME: &[(&str, &[&str])] = &[
    ("rotate 2", &["", NOW, YEAR]),
    ("hourly", &["", NOW, HOUR, DAY, FUTURE, "state a.log $(ago 0 %Y-%-m-%-d-%-H):0:0"]),
    (
        "daily",
        &[
            "",
            NOW,
            HOUR,
            DAY,
            YEAR,
            FUTURE,
            "state a.log $((-20*H))",
            "state a.log $(ago $D %Y-%-m-%-d)-23:59:59",
            "state a.log $(ago 0 %Y-%-m-%-d)-0:0:0",
            "state a.log $(ago 0 %Y-%-m-%-d)",
            "state a.log $(ago $D %Y-%-m-%-d)",
            "state b.log $((2*D))",
        ],
    ),
    ("weekly", &[NOW, DAY, WEEK, "state a.log $((6*D))", "state a.log $((8*D))", FUTURE]),
    ("weekly 7", &[DAY, WEEK, "state a.log $((6*D))", "state a.log $((7*D-60))", "state a.log $((7*D+60))"]),
    ("weekly 0", &[NOW, DAY, "state a.log $((2*D))", WEEK]),
    ("weekly 1", &[DAY, "state a.log $((2*D))", WEEK]),
    ("weekly 2", &[DAY, WEEK]),
    ("weekly 3", &[DAY, WEEK]),
    ("weekly 4", &[NOW, DAY, "state a.log $(ago $D %Y-%-m-%-d)-23:59:59", WEEK]),
    ("weekly 5", &[DAY, WEEK]),
    ("weekly 6", &[DAY, WEEK]),
    ("monthly", &[NOW, DAY, MONTH, YEAR, FUTURE, "state a.log $(ago 0 %Y-%-m)-1-0:0:0"]),
    ("yearly", &[NOW, MONTH, YEAR, FUTURE, "state a.log $(ago 0 %Y)-1-1-0:0:0"]),
];

const BY_SIZE: &[(&str, &[&str])] = &[
    (
        "size 16",
        &["", NOW, "printf 0123456789abcdef > a.log", "printf 0123456789abcde > a.log", "state a.log $((-2*D))"],
    ),
    ("size 17", &["", HOUR]),
    ("size 18", &["", HOUR]),
    ("size 0", &["", ": > a.log"]),
    ("size 1k", &["", "truncate -s 1024 a.log", "truncate -s 1023 a.log", "truncate -s 1025 a.log"]),
    ("size 1M", &["truncate -s 1M a.log", "truncate -s 1048575 a.log"]),
    ("size 1K", &["truncate -s 1024 a.log"]),
    ("size=1k", &["truncate -s 1024 a.log"]),
    ("size = 1k", &["truncate -s 1024 a.log"]),
    ("rotate 1", &["truncate -s 1M a.log", "truncate -s 1048575 a.log", "truncate -s 1048577 a.log"]),
    ("maxsize 17 ; daily", &[NOW, HOUR, DAY, "echo longer >> a.log", "echo longer >> a.log; state a.log 0"]),
    ("maxsize 16 ; daily", &[NOW, HOUR, "state a.log $((20*H))", DAY]),
    ("maxsize 16 ; minsize 1M ; weekly", &[NOW, "state a.log $((2*H))", WEEK]),
    ("maxsize 1k", &["", "truncate -s 1025 a.log; state a.log $((2*H))"]),
    ("minsize 17 ; daily", &[NOW, DAY, "state a.log $((2*D))"]),
    ("minsize 18 ; daily", &[NOW, DAY, "state a.log $((2*D))", "state a.log $((2*D)); echo >> a.log"]),
    ("minsize 1k ; monthly", &[MONTH, "state a.log $((40*D)); truncate -s 2k a.log"]),
    ("minsize 1k", &["truncate -s 1k a.log", "truncate -s 2M a.log"]),
    ("size 1k ; minsize 1M", &["truncate -s 2k a.log"]),
    ("size 1k ; maxsize 10", &["", "state a.log $((2*H))"]),
    ("daily ; size 1k", &[DAY, "truncate -s 2k a.log; state a.log 0"]),
    ("size 1k ; daily", &[DAY, "truncate -s 2k a.log; state a.log 0", "state a.log $((2*D))"]),
    ("daily ; notifempty", &["state a.log $((2*D)); : > a.log"]),
    ("daily ; notifempty ; maxsize 1", &["state a.log $((2*D)); : > a.log"]),
    ("daily", &["state a.log $((2*D)); : > a.log"]),
];

const BY_AGE: &[(&str, &[&str])] = &[
    (
        "daily ; minage 3",
        &["state a.log $((2*D)); aged a.log $((3*D-60))", "state a.log $((2*D)); aged a.log $((3*D+60))"],
    ),
    ("daily ; minage 11", &["state a.log $((2*D))", "state a.log $((12*D))"]),
    ("daily ; minage 9", &["state a.log $((2*D))", NOW]),
    ("size 1 ; minage 30", &[""]),
    ("daily ; minage 30 ; maxsize 1", &["state a.log $((2*D))"]),
    ("daily ; minage 0", &["state a.log $((2*D)); aged a.log 0"]),
    (
        "daily ; rotate 5 ; maxage 20",
        &[
            "state a.log $((2*D)); gen a.log.1 a.log.2 a.log.3; aged a.log.1 $((19*D)); aged a.log.2 $((20*D+60)); aged a.log.3 $((22*D))",
            "state a.log $((2*D)); gen a.log.1 a.log.2 a.log.3; aged a.log.1 $((30*D)); aged a.log.3 $((22*D))",
            "gen a.log.1 a.log.2; aged a.log.1 $((30*D)); aged a.log.2 $((31*D))",
            "state a.log $((2*D)); gen a.log.1.gz a.log.5 a.log.6 a.log.7; aged a.log.1.gz $((30*D)); aged a.log.6 $((31*D)); aged a.log.7 $((31*D))",
            "state a.log $((2*D)); aged a.log $((30*D))",
        ],
    ),
    (
        "daily ; rotate 5 ; maxage 20 ; compress",
        &[
            "state a.log $((2*D)); gen a.log.1.gz a.log.2.gz a.log.3; aged a.log.1.gz $((30*D)); aged a.log.2.gz $((19*D)); aged a.log.3 $((30*D))",
        ],
    ),
    (
        "daily ; rotate -1 ; maxage 20",
        &["state a.log $((2*D)); gen a.log.1 a.log.2 a.log.3; aged a.log.1 $((30*D)); aged a.log.3 $((31*D))"],
    ),
    (
        "daily ; rotate 5 ; maxage 20 ; dateext",
        &[
            "state a.log $((2*D)); gen a.log-20200101 a.log-20200102 a.log-20200103.gz; aged a.log-20200101 $((30*D)); aged a.log-20200103.gz $((31*D))",
            "state a.log $((2*D)); for n in 1 2 3 4 5 6 7; do gen a.log-2020010$n; done; aged a.log-20200107 $((30*D))",
        ],
    ),
    (
        "daily ; rotate -1 ; maxage 20 ; dateext ; compress",
        &["state a.log $((2*D)); gen a.log-20200101.gz a.log-20200102.gz; aged a.log-20200101.gz $((30*D))"],
    ),
    ("daily ; rotate 0 ; maxage 20", &["state a.log $((2*D)); gen a.log.1 a.log.2; aged a.log.2 $((30*D))"]),
    (
        "daily ; rotate 3 ; maxage 20 ; olddir old",
        &[
            "state a.log $((2*D)); mkdir old; gen old/a.log.1 old/a.log.2; aged old/a.log.1 $((30*D)); aged old/a.log.2 $((19*D))",
        ],
    ),
];

/// What stands in the state file, and what is made of it.
fn state_files() -> Vec<Case> {
    let state = |name: &str, text: &str| {
        let setup = format!("printf '{text}' > state; chmod 640 state");
        case(name, "DIR/a.log DIR/b.log {\ndaily\nrotate 2\n}\n").setup(&setup).due().rounds(2)
    };
    let head = "logrotate state -- version 2\\n";
    let second = |name: &str, text: &str| state(name, &format!("{head}{text}"));
    vec![
        state("state is empty", ""),
        state("state with only a head", head),
        state("state with a head of version 1", "logrotate state -- version 1\\n\"DIR/a.log\" 2026-1-2\\n"),
        state("state of version 1 without quotes", "logrotate state -- version 1\\nDIR/a.log 2026-1-2\\n"),
        state("state of version 3", "logrotate state -- version 3\\n\"DIR/a.log\" 2026-1-2\\n"),
        state("state with a strange head", "hello\\n\"DIR/a.log\" 2026-1-2\\n"),
        state("state of an empty line", "\\n"),
        state("state without a newline", "logrotate state -- version 2"),
        second("state of a day alone", "\"DIR/a.log\" 2026-1-2\\n"),
        second("state without quotes", "DIR/a.log 2026-1-2-3:4:5\\n"),
        second("state with leading zeros", "\"DIR/a.log\" 2026-01-02-03:04:05\\n"),
        second("state with a blank line", "\\n\"DIR/a.log\" 2026-1-2-3:4:5\\n"),
        second("state with blanks", "   \"DIR/a.log\"    2026-1-2-3:4:5  \\n"),
        second(
            "state with a bad line in the middle",
            "\"DIR/a.log\" 2026-1-2-3:4:5\\nbad\\n\"DIR/b.log\" 2026-1-2-3:4:5\\n",
        )
        .rounds(1),
        second("state with a bad line at the end", "\"DIR/a.log\" 2026-1-2-3:4:5\\nbad\\n"),
        second("state with three words", "\"DIR/a.log\" 2026-1-2-3:4:5 more\\n"),
        second("state with a bad month", "\"DIR/a.log\" 2026-13-2-3:4:5\\n"),
        second("state with a month 0", "\"DIR/a.log\" 2026-0-2-3:4:5\\n"),
        second("state with a bad day", "\"DIR/a.log\" 2026-1-32-3:4:5\\n"),
        second("state with a day that the month lacks", "\"DIR/a.log\" 2026-2-31-3:4:5\\n"),
        second("state with a bad hour", "\"DIR/a.log\" 2026-1-2-24:4:5\\n"),
        second("state with a bad minute", "\"DIR/a.log\" 2026-1-2-3:60:5\\n"),
        second("state with a bad second", "\"DIR/a.log\" 2026-1-2-3:4:62\\n"),
        second("state with a leap second", "\"DIR/a.log\" 2026-1-2-3:4:60\\n"),
        second("state with a bad year", "\"DIR/a.log\" 1800-1-2-3:4:5\\n"),
        second("state with a year before 1996", "\"DIR/a.log\" 1995-1-2-3:4:5\\n"),
        second("state with the year 1996", "\"DIR/a.log\" 1996-1-2-3:4:5\\n"),
        second("state with a far year", "\"DIR/a.log\" 2150-1-2-3:4:5\\n"),
        second("state without a date", "\"DIR/a.log\"\\n"),
        second("state with a word for a date", "\"DIR/a.log\" never\\n"),
        second("state with half a time", "\"DIR/a.log\" 2026-1-2-3\\n"),
        second("state with an open quote", "\"DIR/a.log 2026-1-2-3:4:5\\n"),
        second("state without its last newline", "\"DIR/a.log\" 2026-1-2-3:4:5"),
        second("state that names a log twice", "\"DIR/a.log\" 2026-1-2-3:4:5\\n\"DIR/a.log\" 2026-2-2-3:4:5\\n"),
        second("state with entries of others", "\"/nowhere/x\" 2026-10-1-0:0:0\\n\"/nowhere/y\" 2024-1-2-0:0:0\\n"),
        second(
            "state with old entries of files that exist",
            "\"DIR/empty.log\" 2020-1-1-0:0:0\\n\"DIR/a.log\" 2020-1-1-0:0:0\\n",
        ),
        second("state with escapes", "\"/x/\\\\\"q\\\\\" \\\\\\\\ z\" 2026-10-1-0:0:0\\n"),
        second("state with NULs", "\\000\\000\\000"),
        second("state with a long line", &format!("\"/{}\" 2026-10-1-0:0:0\\n", "x".repeat(5000))),
        state("state of binary noise", "\\001\\377\\376\\n\\200\\n"),
        state("state with line ends of DOS", "logrotate state -- version 2\\r\\n\"DIR/a.log\" 2026-1-2-3:4:5\\r\\n"),
    ]
}

#[test]
fn times() {
    run("times", table(BY_TIME));
}

#[test]
fn times_in_other_zones() {
    let zones = ["Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles"];
    let cases = |zone: &'static str| {
        table(&BY_TIME[2..5]).into_iter().map(move |case| {
            let name = format!("{zone}: {}", case.name);
            case.zone(zone).named(&name)
        })
    };
    run("times in other zones", zones.into_iter().flat_map(cases).collect());
}

#[test]
fn sizes() {
    run("sizes", table(BY_SIZE));
}

#[test]
fn ages() {
    run("ages", table(BY_AGE));
}

#[test]
fn state_file_contents() {
    run("state file contents", state_files());
}
