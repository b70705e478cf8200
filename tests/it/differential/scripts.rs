//! Scripts: their order and arguments, and what follows when one of them fails.

use super::case::{Case, case, lines, logs};
use super::run;

const KINDS: [&str; 5] = ["firstaction", "prerotate", "postrotate", "lastaction", "preremove"];

/// All scripts, each telling its arguments; `fails` ends with an error, for `a.log` or where there is one log for all.
fn scripts(fails: &str) -> String {
    let script = |kind: &&str| {
        let end = match *kind {
            kind if kind != fails => "true",
            // One argument may name one log, or be the pattern of all.
            _ => "case \"$1\" in *b.log*) case \"$1\" in *a.log*) exit 3;; esac;; *) exit 3;; esac",
        };
        format!(
            "{kind}\necho \"{kind}|$0|$1|$2|$#\" >> DIR/ran\necho {kind} says\nls DIR >> DIR/ran\n{end}\nendscript\n"
        )
    };
    KINDS.iter().map(script).collect()
}

fn telling(pattern: &str, body: &str, fails: &str) -> Case {
    let name = format!("{pattern} with {body}, {} fails", if fails.is_empty() { "nothing" } else { fails });
    case(name, format!("{pattern} {{\n{}\n{}}}\n", lines(body), scripts(fails))).rounds(2)
}

const BODIES: &[&str] = &[
    "rotate 1",
    "rotate 1 ; sharedscripts",
    "rotate 1 ; dateext ; dateformat -%Y%m%d%H",
    "rotate 0",
    "rotate 0 ; sharedscripts",
    "rotate 1 ; copytruncate",
    "rotate 0 ; copytruncate",
    "rotate 1 ; copytruncate ; sharedscripts",
    "rotate 1 ; copy",
    "rotate 1 ; renamecopy",
    "rotate 1 ; renamecopy ; sharedscripts",
    "rotate 1 ; create 0600 ; sharedscripts",
    "rotate 1 ; extension .log",
    "rotate 1 ; olddir old",
    "rotate 1 ; notifempty",
    "rotate 1 ; missingok ; sharedscripts",
];

const COMPRESSED: &[&str] = &[
    "rotate 1 ; compress",
    "rotate 1 ; compress ; sharedscripts",
    "rotate 1 ; compress ; delaycompress",
    "rotate 2 ; compress ; delaycompress ; sharedscripts",
    "rotate 0 ; compress",
    "rotate 1 ; compress ; copytruncate",
    "rotate 1 ; compress ; renamecopy ; sharedscripts",
];

/// Patterns: all logs, with an empty one, with a missing one.
const PATTERNS: &[&str] = &[
    "DIR/a.log DIR/b.log",
    "DIR/?.log DIR/empty.log",
    "DIR/a.log DIR/none.log DIR/b.log",
    "\"DIR/a.log\"   DIR/b.log",
];

fn all(bodies: &[&str], fails: &[&str], rounds: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for pattern in PATTERNS {
        for body in bodies {
            for fails in fails {
                cases.push(telling(pattern, body, fails).setup("mkdir old").rounds(rounds));
            }
        }
    }
    cases
}

/// What a script may do to the files around it.
fn meddling() -> Vec<Case> {
    let with = |name: &str, body: &str| logs(body).named(name).rounds(2);
    vec![
        with("prerotate removes the log", "rotate 2 ; prerotate ; rm $1 ; endscript"),
        with("prerotate writes to the log", "rotate 2 ; prerotate ; echo more >> $1 ; endscript"),
        with("prerotate makes the target", "rotate 2 ; prerotate ; echo early > $1.1 ; endscript"),
        with("postrotate removes the generation", "rotate 2 ; postrotate ; rm $2 ; endscript"),
        with("postrotate removes the generation, compress", "rotate 2 ; compress ; postrotate ; rm $2 ; endscript"),
        with("postrotate moves the generation", "rotate 2 ; postrotate ; mv $2 $2.moved ; endscript"),
        with("postrotate makes the log", "rotate 2 ; postrotate ; echo new > $1 ; endscript"),
        with(
            "postrotate compresses",
            "rotate 2 ; compress ; postrotate ; gzip -n < $2 > $2.gz; touch -d @1000000000 $2.gz ; endscript",
        ),
        with("firstaction removes a log", "rotate 2 ; firstaction ; rm -f DIR/b.log ; endscript"),
        with(
            "firstaction fills an empty log",
            "rotate 2 ; notifempty ; firstaction ; echo x > DIR/empty.log ; endscript",
        ),
        with("preremove removes the file", "rotate 1 ; preremove ; rm $1 ; endscript"),
        with("a script is killed", "rotate 2 ; prerotate ; kill -9 $$ ; endscript"),
        with("a script is not shell", "rotate 2 ; postrotate ; nosuchprogram ; endscript"),
        with("a script is bad shell", "rotate 2 ; postrotate ; if ; endscript"),
        with("a script writes to stderr", "rotate 2 ; postrotate ; echo $2 >&2 ; endscript"),
        with("a script leaves a process", "rotate 2 ; postrotate ; sleep 0.01 & ; endscript"),
        with("a script reads", "rotate 2 ; postrotate ; cat >> DIR/ran ; endscript"),
        with(
            "a script tells where it is",
            "rotate 2 ; postrotate ; pwd >> DIR/ran; id -u >> DIR/ran; umask >> DIR/ran ; endscript",
        ),
        with(
            "a script of many lines",
            "rotate 2 ; postrotate ; if true ; then ; echo \"$1\" >> DIR/ran ; fi ; endscript",
        ),
        with(
            "scripts of two kinds with the same text",
            "rotate 2 ; prerotate ; echo x >> DIR/ran ; endscript ; postrotate ; echo x >> DIR/ran ; endscript",
        ),
        with(
            "a script changes variables",
            "rotate 2 ; prerotate ; export X=1 ; endscript ; postrotate ; echo \"<$X>\" >> DIR/ran ; endscript",
        ),
    ]
}

/// Mail: who gets what, and what happens when it cannot be sent.
fn mails() -> Vec<Case> {
    let with = |body: &str| logs(body).mailing().rounds(3);
    let mut cases: Vec<_> = [
        "rotate 1 ; mail a@b",
        "rotate 0 ; mail a@b",
        "rotate 1 ; mail a@b ; maillast",
        "rotate 1 ; mail a@b ; mailfirst",
        "rotate 0 ; mail a@b ; mailfirst",
        "rotate 1 ; mail a@b ; nomail",
        "rotate 1 ; mail a@b c@d",
        "rotate 1 ; mail a@b ; compress",
        "rotate 0 ; mail a@b ; compress",
        "rotate 1 ; mail a@b ; compress ; mailfirst",
        "rotate 1 ; mail a@b ; compress ; delaycompress",
        "rotate 1 ; mail a@b ; compress ; delaycompress ; mailfirst",
        "rotate 1 ; mail a@b ; copytruncate",
        "rotate 0 ; mail a@b ; copytruncate",
        "rotate 1 ; mail a@b ; copytruncate ; mailfirst",
        "rotate 1 ; mail a@b ; renamecopy",
        "rotate 1 ; mail a@b ; extension .log",
        "rotate 1 ; mail a@b ; olddir old",
        "rotate 1 ; mail a@b ; sharedscripts ; compress",
        "rotate 1 ; mail a@b ; shred",
        "rotate 1 ; mail a@b ; preremove ; exit 1 ; endscript",
        "rotate 1 ; mail a@b ; mailfirst ; postrotate ; exit 1 ; endscript",
        "rotate 1 ; mail a@b ; compress ; uncompresscmd /bin/false",
        "rotate 1 ; mail a@b ; compress ; uncompresscmd /nowhere",
        "rotate 1 ; mail a@b ; compress ; uncompresscmd zcat",
        "rotate 3 ; mail a@b ; maxage 20",
        "rotate 1 ; mail a@b ; notifempty",
    ]
    .into_iter()
    .map(|body| with(body).setup("mkdir old"))
    .collect();
    for body in ["rotate 1 ; mail a@b", "rotate 1 ; mail a@b ; mailfirst", "rotate 1 ; mail a@b ; compress"] {
        for (name, command) in [("fails", "BIN/mail-fails"), ("is missing", "/nowhere/mail"), ("is a folder", "BIN")] {
            if body.contains("compress") && name != "fails" {
                continue; // Whether the uncompressor notices that nobody reads is a race.
            }
            let args = format!("-f -m {command} -s DIR/state DIR/conf");
            cases.push(logs(body).named(&format!("{body}, the mailer {name}")).args(&args).rounds(3));
        }
    }
    let dated = "rotate 1 ; mail a@b ; dateext";
    let old = "gen a.log-20200101 a.log-20200102 a.log-20200103";
    cases.push(with(dated).setup(old).rounds(1));
    cases.push(with(&format!("{dated} ; mailfirst")).setup(old).rounds(1));
    cases.push(with(&format!("{dated} ; compress")).setup("gen a.log-20200101.gz a.log-20200102.gz").rounds(1));
    cases.push(with(&format!("{dated} ; maxage 20")).setup(&format!("{old}; aged a.log-20200102 $((30*D))")).rounds(1));
    cases
}

#[test]
fn order() {
    run("order of scripts", all(BODIES, &[""], 2));
}

#[test]
fn failures_plain() {
    // The second rotation after a failure meets what the first one left; with compress that loses a file in stock.
    run("failing scripts", all(&BODIES[..10], &KINDS, 2));
}

#[test]
fn failures_compressed() {
    run("failing scripts with compress", all(COMPRESSED, &["", KINDS[0], KINDS[1], KINDS[2], KINDS[3], KINDS[4]], 1));
}

#[test]
fn meddling_scripts() {
    run("meddling scripts", meddling());
}

#[test]
fn mail() {
    run("mail", mails());
}
