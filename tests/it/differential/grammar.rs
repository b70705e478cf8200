//! What a configuration may say and what it may not: one file. Includes and several files are in `configs.rs`.

use super::case::{Case, case, lines};
use super::run;

/// Sections that are dropped or not, with a second section that shows whether the rest of the file was read.
fn in_section(body: &str) -> Case {
    let config = format!("DIR/a.log {{\n{}\n}}\nDIR/b.log {{\nrotate 1\n}}\n", lines(body));
    case(format!("in a section: {body}"), config)
}

/// The same directives outside of sections.
fn global(body: &str) -> Case {
    let config = format!("{}\nDIR/a.log {{\nrotate 1\n}}\nDIR/b.log {{\n}}\n", lines(body));
    case(format!("global: {body}"), config)
}

/// Lines that are tried in a section and outside.
const LINES: &[&str] = &[
    "frobnicate",
    "frobnicate 12",
    "Rotate 2",
    "ROTATE 2",
    "rotate",
    "rotate ; weekly",
    "rotate x",
    "rotate 1x",
    "rotate 1 # x",
    "rotate 1 2",
    "rotate -1",
    "rotate -2",
    "rotate +2",
    "rotate 010",
    "rotate 0x3",
    "rotate 99999999999999999999",
    "rotate 4294967297",
    "rotate=2",
    "rotate = 2",
    "rotate =2",
    "rotate= 2",
    "rotate == 2",
    "rotate = = 2",
    "rotate: 2",
    "rotate\t2",
    "  rotate   2  ",
    "rotate 2\r",
    "rotate2",
    "rotate \"2\"",
    "rotate_2",
    "rotate-2",
    "1rotate 2",
    "!rotate",
    "$x",
    "-f",
    "# rotate 3",
    "   # rotate 3",
    "#",
    ";",
    "start",
    "start -1",
    "start x",
    "start 010",
    "start 3 4",
    "size",
    "size 1m",
    "size 1 k",
    "size -1",
    "size k",
    "size 1kb",
    "size 1.5k",
    "size 010",
    "size 0x10",
    "size 1K",
    "size 1G",
    "size 17 ; rotate 1",
    "size=17 ; rotate 1",
    "size 99999999999G",
    "size 18446744073709551616",
    "size +1",
    "size 1k # x",
    "minsize 1q",
    "maxsize x",
    "maxsize",
    "minsize",
    "minage",
    "minage x",
    "minage 1x",
    "minage -1",
    "minage 010",
    "maxage x",
    "maxage -3",
    "maxage 3 4",
    "maxage",
    "shredcycles x",
    "shredcycles -1",
    "shredcycles",
    "shredcycles 2 3",
    "weekly 8",
    "weekly 9",
    "weekly -1",
    "weekly x",
    "weekly 1 2",
    "weekly 01",
    "weekly 3",
    "weekly=3",
    "weekly ",
    "monthly 40",
    "monthly x",
    "daily 5",
    "daily x",
    "hourly x",
    "yearly 1",
    "daily weekly",
    "compress yes",
    "compress ; nocompress",
    "compress=1",
    "compress # really",
    "nocreate 0600",
    "create",
    "create 9999",
    "create 888",
    "create 0640",
    "create 10640",
    "create 100000",
    "create -1",
    "create 0640 root",
    "create 0640 root root",
    "create 0640 root root more",
    "create 0640 nosuch root",
    "create 0640 root nosuch",
    "create root",
    "create root root",
    "create root adm",
    "create nobody",
    "create nosuch",
    "create nosuch root",
    "create 0640 65534 65534",
    "create 0640 54321 54321",
    "create 0640 root:root",
    "create 0640 \"root\" root",
    "create = 0640 root root",
    "create=0640",
    "createolddir nosuch",
    "createolddir 0755 root nosuch",
    "createolddir 9999",
    "su",
    "su root",
    "su root root",
    "su root root root",
    "su nosuch root",
    "su root nosuch",
    "su 0 0",
    "su = root root",
    "su 0640 root root",
    "mail",
    "mail a@b c@d",
    "mail a@b",
    "olddir",
    "olddir DIR/nowhere",
    "olddir nowhere",
    "olddir DIR/b.log",
    "olddir d",
    "olddir /proc",
    "olddir ~nosuch/x",
    "olddir d ; noolddir",
    "extension",
    "extension .log ; rotate 1",
    "extension .log x",
    "addextension",
    "addextension .old",
    "dateformat",
    "dateformat -%Y",
    "dateext ; dateformat -%Y x",
    "dateext ; dateformat -%Y%m%d%H%M%S%s%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y%Y",
    "dateext ; dateformat -0123456789012345678901234567890123456789012345678901234567890123456789",
    "dateext ; dateformat %",
    "dateext ; dateformat -%",
    "compresscmd",
    "compresscmd /nowhere/gzip ; compress ; rotate 1",
    "compresscmd gzip ; compress ; rotate 1",
    "compresscmd /bin/gzip -9 ; compress ; rotate 1",
    "compresscmd \"/bin/gzip\" ; compress ; rotate 1",
    "compressext",
    "compressext .x ; compress ; rotate 1",
    "compressoptions",
    "compressoptions \"abc ; compress ; rotate 1",
    "compressoptions -Z ; compress ; rotate 1",
    "uncompresscmd",
    "uncompresscmd /nowhere",
    "tabooext",
    "tabooext x",
    "tabooext + x",
    "taboopat",
    "taboopat *x",
    "taboopat + *x",
    "include",
    "include DIR/nowhere",
    "include DIR/d",
    "errors",
    "errors a@b",
    "missingok x",
    "sharedscripts 1",
    "endscript",
    "prerotate ; echo $0 $1 $2 >> DIR/ran ; endscript",
    "prerotate x ; echo hi >> DIR/ran ; endscript",
    "prerotate ; endscript",
    "prerotate ;   endscript",
    "prerotate ; echo hi >> DIR/ran; endscript",
    "prerotate ; echo hi >> DIR/ran ; endscript now",
    "prerotate ; echo hi >> DIR/ran ; endscripts",
    "prerotate ; echo hi >> DIR/ran ; endscripts ; endscript",
    "prerotate ; echo endscript >> DIR/ran ; endscript",
    "prerotate ; echo '}' >> DIR/ran ; endscript",
    "prerotate ; # comment ; echo '#' >> DIR/ran ; endscript",
    "prerotate ; cat <<E >> DIR/ran ; in a here text ; E ; endscript",
    "postrotate ; echo one >> DIR/ran ; endscript ; postrotate ; echo two >> DIR/ran ; endscript",
    "postrotate ; echo hi",
    "firstaction ; echo \"$0|$1|$2\" >> DIR/ran ; endscript",
    "lastaction ; echo \"$0|$1|$2\" >> DIR/ran ; endscript",
    "preremove ; echo \"$0|$1|$2\" >> DIR/ran ; endscript ; rotate 0",
    "DIR/empty.log",
    "\"DIR/empty.log\"",
    "DIR/empty.log { ; rotate 1 ; }",
    "{",
    "} ; {",
    "}",
    "} x",
    "} rotate 2",
    "rotate 2 }",
    "compress }",
];

/// Whole files. `A` stands for a section over a.log, `B` for one over b.log.
const FILES: &[(&str, &str)] = &[
    ("an empty file", ""),
    ("a newline", "\n"),
    ("blanks", "   \n\t\n"),
    ("a comment", "# nothing"),
    ("a comment without a newline after a section", "A# the end"),
    ("no newline at the end", "DIR/a.log {\nrotate 1\n}"),
    ("one line", "DIR/a.log { rotate 1 }\nB"),
    ("one line without values", "DIR/a.log { compress }\nB"),
    ("one line and newline", "DIR/a.log { rotate 1\n}\nB"),
    ("brace on its own line", "DIR/a.log\n{\n  rotate 1\n}\nB"),
    ("brace touching", "DIR/a.log{\nrotate 1\n}\nB"),
    ("brace and directive", "DIR/a.log {rotate 1\n}\nB"),
    ("two heads a line", "DIR/a.log DIR/b.log {\nrotate 1\n}\n"),
    ("heads on lines", "DIR/a.log\nDIR/b.log\n{\nrotate 1\n}\n"),
    ("heads with a comment between", "DIR/a.log\n# and\nDIR/b.log\n{\nrotate 1\n}\n"),
    ("heads with an empty line between", "DIR/a.log\n\nDIR/b.log {\nrotate 1\n}\n"),
    ("heads with a backslash at the end", "DIR/a.log \\\nDIR/b.log {\nrotate 1\n}\n"),
    ("quoted head", "\"DIR/a.log\" {\nrotate 1\n}\nB"),
    ("singly quoted head", "'DIR/a.log' {\nrotate 1\n}\nB"),
    ("half quoted head", "\"DIR\"/a.log {\nrotate 1\n}\nB"),
    ("quoted head with a blank", "\"DIR/with blank.log\" {\nrotate 1\n}\nB"),
    ("escaped head with a blank", "DIR/with\\ blank.log {\nrotate 1\n}\nB"),
    ("open quote", "\"DIR/a.log {\nrotate 1\n}\nB"),
    ("open single quote", "'DIR/a.log {\nrotate 1\n}\nB"),
    ("brace in quotes", "\"DIR/a{b.log\" {\nrotate 1\n}\nB"),
    ("quoted star", "\"DIR/[ab].log\" {\nrotate 1\n}\n"),
    ("empty quotes", "\"\" {\nrotate 1\n}\nB"),
    ("question mark", "DIR/?.log {\nrotate 1\n}\n"),
    ("star", "DIR/*.log {\nrotate 1\n}\n"),
    ("class", "DIR/[a-b].log {\nrotate 1\n}\n"),
    ("negated class", "DIR/[!a].log {\nrotate 1\n}\n"),
    ("open class", "DIR/[a.log {\nrotate 1\n}\n"),
    ("hidden files", "DIR/.*.log {\nrotate 1\n}\n"),
    ("star and hidden files", "DIR/*log {\nrotate 1\n}\n"),
    ("star in a folder", "DIR/*/x.log {\nrotate 1\n}\n"),
    ("alternatives", "DIR/{a,b}.log {\nrotate 1\n}\n"),
    ("home", "~/a.log {\nrotate 1\n}\nB"),
    ("home of nobody", "~nosuchuser/a.log {\nrotate 1\n}\nB"),
    ("glob without a match", "DIR/*.nothing {\nrotate 1\n}\nB"),
    ("glob without a match, missingok", "DIR/*.nothing {\nmissingok\n}\nB"),
    ("folder that is missing", "DIR/nowhere/*.log {\nrotate 1\n}\nB"),
    ("folder that is missing, missingok", "DIR/nowhere/*.log {\nmissingok\n}\nB"),
    ("relative head", "a.log {\nrotate 1\n}\nB"),
    ("relative head with a dot", "./a.log {\nrotate 1\n}\nB"),
    ("head that is a word", "logs {\nrotate 1\n}\nB"),
    ("double slash", "DIR//a.log {\nrotate 1\n}\nB"),
    ("dots in a path", "DIR/../tree/a.log {\nrotate 1\n}\nDIR/a.log {\nrotate 2\n}\n"),
    ("no head", "{\nrotate 1\n}\nB"),
    ("closing brace alone", "}\nB"),
    ("closing brace after a section", "A}\nB"),
    ("head without a brace", "B\nDIR/a.log\nrotate 1\n"),
    ("head without a brace before another", "DIR/a.log\nB"),
    ("head at the end", "B\nDIR/a.log"),
    ("head at the end with a newline", "B\nDIR/a.log\n"),
    ("closing brace in a head", "DIR/a.log } {\nB"),
    ("section that does not end", "B\nDIR/a.log {\nrotate 1\n"),
    ("section that does not end at once", "B\nDIR/a.log {"),
    ("script that does not end", "B\nDIR/a.log {\npostrotate\necho hi\n}\n"),
    ("script that does not end, then the section", "B\nDIR/a.log {\npostrotate\necho hi"),
    ("section in a section", "DIR/a.log {\nB}\nDIR/empty.log {\n}\n"),
    ("noise outside", "!!!\nA"),
    ("noise after a section", "A!!!\nB"),
    ("noise before and in sections", "DIR/a.log {\n!!!\n}\nB"),
    ("duplicate", "AA"),
    ("duplicate, others in the same section", "ADIR/a.log DIR/b.log {\nrotate 1\n}\n"),
    ("duplicate last in a section", "ADIR/b.log DIR/a.log {\nrotate 1\n}\n"),
    ("duplicate in a glob", "BDIR/*.log {\nrotate 1\n}\n"),
    ("duplicate in one head", "DIR/a.log DIR/a.log {\nrotate 1\n}\nB"),
    ("duplicate with another spelling", "ADIR//a.log {\nrotate 1\n}\n"),
    ("duplicate of a section in error", "DIR/a.log {\nrotate x\n}\nAB"),
    ("duplicates ignored, said first", "DIR/a.log {\nrotate 1\nignoreduplicates\n}\nDIR/?.log {\nrotate 2\n}\n"),
    ("duplicates ignored, said second", "ADIR/?.log {\nrotate 2\nignoreduplicates\n}\n"),
    ("duplicates ignored for all", "ignoreduplicates\nADIR/?.log {\nrotate 2\n}\n"),
    ("defaults after a section", "Arotate 2\nB"),
    ("defaults before and after", "rotate 2\ncompress\nAnocompress\nB"),
    ("defaults overridden", "rotate 2\ncompress\nDIR/a.log {\nnocompress\n}\nDIR/b.log {\nrotate 0\n}\n"),
    ("default script", "postrotate\necho \"$1|$2\" >> DIR/ran\nendscript\nAB"),
    (
        "default script overridden",
        "postrotate\necho all >> DIR/ran\nendscript\nDIR/a.log {\npostrotate\necho own >> DIR/ran\nendscript\n}\nB",
    ),
    ("error in a default", "rotate x\nAB"),
    ("error in a default after a section", "Arotate x\nB"),
    ("mail as the last line", "DIR/a.log {\nmail\n}\nB"),
    ("line ends of DOS", "DIR/a.log {\r\nrotate 1\r\n}\r\nB"),
    ("line ends of DOS without values", "DIR/a.log {\r\ncompress\r\n}\r\nB"),
    ("text after the closing brace", "DIR/a.log {\nrotate 1\n} # end\nB"),
    ("section after the closing brace", "DIR/a.log {\nrotate 1\n} DIR/b.log {\n}\n"),
    ("a comment in a section at the end of a line", "DIR/a.log {\ncompress # x\n}\nB"),
    ("a comment after the head", "DIR/a.log { # x\nrotate 1\n}\nB"),
    ("a long line", "# LONG\nA"),
    ("a long value", "DIR/a.log {\nolddir LONG\n}\nB"),
    ("a long head", "DIR/LONG {\nrotate 1\n}\nB"),
    ("a long unknown word", "LONG\nA"),
];

fn files() -> Vec<Case> {
    let long = "long".repeat(2000);
    let text = |text: &str| {
        let sections = [("A", "DIR/a.log {\nrotate 1\n}\n"), ("B", "DIR/b.log {\nrotate 1\n}\n")];
        // Only capitals that stand for something: at the start of a line, or after another.
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            let mut rest = line;
            while let Some((name, section)) = sections.iter().find(|(name, _)| rest.starts_with(name)) {
                out.push_str(section);
                rest = &rest[name.len()..];
            }
            out.push_str(rest);
        }
        out.replace("LONG", &long)
    };
    let setup = "mkdir d; cp a.log d/x.log; cp a.log 'with blank.log'; cp a.log .hidden.log";
    FILES.iter().map(|(name, config)| case(*name, text(config)).setup(setup)).collect()
}

fn table(with: fn(&str) -> Case) -> Vec<Case> {
    let setup = |line: &str| match line {
        // Enough generations to see how a number was read.
        line if line.trim_start().starts_with("rotate") => {
            "mkdir d; gen a.log.1 a.log.2 a.log.3 a.log.7 a.log.8 a.log.9 a.log.10"
        }
        _ => "mkdir d",
    };
    LINES.iter().map(|line| with(line).setup(setup(line))).collect()
}

/// Text that is no configuration.
fn noise() -> Vec<Case> {
    let conf = |name: &str, make: &str| case(name, "").setup(make);
    vec![
        conf("bytes", "head -c 300 /bin/sh > conf"),
        conf("NULs", "head -c 3000 /dev/zero > conf"),
        conf("a NUL after a section", "printf 'DIR/a.log {\\nrotate 1\\n}\\n\\000DIR/b.log {\\n}\\n' > conf"),
        conf("a NUL in a section", "printf 'DIR/a.log {\\nrotate 1\\n\\000}\\nDIR/b.log {\\n}\\n' > conf"),
        conf("high bytes outside", "printf '\\377\\376\\nDIR/a.log {\\n}\\n' > conf"),
        conf("high bytes in a section", "printf 'DIR/a.log {\\n\\377\\n}\\nDIR/b.log {\\n}\\n' > conf"),
        conf("high bytes in a head", "cp a.log \"$(printf '\\377.log')\"; printf 'DIR/\\377.log {\\n}\\n' > conf"),
        conf("an umlaut in a head", "cp a.log ü.log; printf 'DIR/ü.log {\\nrotate 1\\n}\\n' > conf"),
        conf("an umlaut as a word", "printf 'ümlaut 1\\nDIR/a.log {\\n}\\n' > conf"),
        conf("a byte order mark", "printf '\\357\\273\\277DIR/a.log {\\nrotate 1\\n}\\n' > conf"),
        conf("too large", "head -c 16777217 /dev/zero | tr '\\0' '#' > conf"),
        conf("compressed", "printf 'DIR/a.log {\\n}\\n' | gzip -n > conf"),
    ]
}

#[test]
fn lines_in_sections() {
    run("lines in sections", table(in_section));
}

#[test]
fn lines_outside() {
    run("lines outside", table(global));
}

#[test]
fn whole_files() {
    run("whole files", files());
}

#[test]
fn binary_noise() {
    run("binary noise", noise());
}
