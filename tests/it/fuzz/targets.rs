//! The readers, each with inputs to begin with, words that mean something to it, and what must be true whatever it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use logmill::query::Query;
use logmill::receive::protocols::{Malformed, Reader, bulk, lines as lines_of_text, loki, otlp, syslog};
use logmill::receive::{Received, decode};
use logmill::record::Entry;
use logmill::rotate::plan::{plan, tidy};
use logmill::rotate::{Level, Listed, Listing, Locking, Policy, Problem, Section, StateFile, due};
use logmill::sys::files::FileId;

use crate::fuzz::{elastic, lines};
use crate::rotate::now;

pub struct Target {
    pub name: &'static str,
    pub corpus: &'static [&'static str],
    pub words: &'static [&'static str],
    /// Inputs in an ordinary run; files take their time.
    pub rounds: u64,
    /// What the input showed; an input that shows something new is mutated further. Panics when something is wrong.
    pub run: fn(&[u8]) -> Vec<String>,
}

pub const ALL: &[Target] = &[
    Target { name: "policy", corpus: POLICIES, words: DIRECTIVES, rounds: 4_000, run: policy },
    Target { name: "policy files", corpus: POLICIES, words: DIRECTIVES, rounds: 400, run: policy_files },
    Target { name: "rotation state", corpus: STATES, words: STATE_WORDS, rounds: 400, run: state },
    Target { name: "lines", corpus: lines::LOGS, words: lines::PIECES, rounds: 2_000, run: lines::lines },
    Target {
        name: "pipeline",
        corpus: lines::DEFINITIONS,
        words: lines::DEFINITION_WORDS,
        rounds: 1_000,
        run: lines::definition,
    },
    Target { name: "alerts and sinks", corpus: TOML, words: TOML_WORDS, rounds: 1_500, run: definitions },
    Target { name: "received", corpus: BODIES, words: BODY_WORDS, rounds: 2_000, run: received },
    Target { name: "query", corpus: QUERIES, words: QUERY_WORDS, rounds: 4_000, run: query },
    Target { name: "elastic", corpus: elastic::REQUESTS, words: elastic::WORDS, rounds: 2_000, run: elastic::elastic },
];

const TOML: &[&str] = &[
    include_str!("../../../config/alerts.toml"),
    "[[alert]]\nname = 'a'\nquery = 'level:error | stats count() as value by service'\nover = '5m'\nabove = 3\nsummary = '{{ labels.service }} {{ value | short }}'\n[[probe]]\nname = 'p'\ntls = 'localhost:443'\n",
    "[[notifier]]\nkind = 'webhook'\nurl = 'http://h/'\nbody = { a = '{{ alerts[0].summary }}' }\nfilter = { severity = 'c*' }\n[[notifier]]\nkind = 'email'\nserver = 'h'\nfrom = 'a@b'\nto = ['c@d']\n",
    "[[sink]]\nname = 'a'\nkind = 'http'\nurl = 'http://h/'\nquery = 'level>=info'\ntemplate = '${message:json}'\n[sink.batch]\nage = '1s'\n[sink.fields]\nrename = { message = 'msg' }\n",
    "[[sink]]\nname = 'b'\nkind = 'syslog'\nurl = 'tls://h'\nfacility = 'local0'\nstructured = 'a@1'\n[[sink]]\nname = 'c'\nkind = 'nats'\nurl = 'nats://h'\nsubject = 'a.b'\n",
];

const TOML_WORDS: &[&str] = &[
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "'",
    "\"",
    "\n",
    "{{ ",
    " }}",
    "| short",
    "-1",
    "1e999",
    "'1s'",
    "'0s'",
    "'9999999d'",
    "name",
    "url",
    "kind",
    "query",
    "above",
    "below",
    "every",
    "for",
    "tls",
    "silence = {}",
    "failure_rate = {}",
    "[sink.retry]",
    "min",
    "max",
];

/// Definitions: refused with a place, or taken; nothing else.
fn definitions(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("x.toml");
    let brief = |text: String| text.chars().filter(|c| !c.is_ascii_digit()).take(40).collect::<String>();
    let alerts = match logmill::config::alerts::parse(&text, path) {
        Ok(rules) => format!("alerts {} {}", rules.alerts.len().min(4), rules.notifiers.len().min(3)),
        Err(wrong) => {
            assert!(wrong.iter().all(|wrong| wrong.to_string().contains("x.toml")), "{wrong:?}");
            wrong.first().map_or_else(String::new, |wrong| brief(wrong.to_string()))
        }
    };
    let sinks = match logmill::ship::sinks(&text, path) {
        Ok(sinks) => format!("sinks {}", sinks.len().min(3)),
        Err(wrong) => {
            assert!(wrong.to_string().contains("x.toml"), "{wrong}");
            brief(wrong.to_string())
        }
    };
    vec![alerts, sinks]
}

const BODIES: &[&str] = &[
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"a\",\"value\":{\"kvlistValue\":{\"values\":[]}}}]},\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"1\",\"body\":{\"stringValue\":\"x\"}}]}]}]}",
    "{\"streams\":[{\"stream\":{\"app\":\"a\"},\"values\":[[\"1\",\"line\",{\"k\":\"v\"}]]}]}",
    "{\"create\":{\"_id\":\"1\"}}\n{\"message\":\"x\",\"@timestamp\":\"2026-11-24T06:00:00Z\"}\n{\"delete\":{}}\n",
    "{\"timestamp\":\"2026-11-24T06:00:00Z\",\"timestamp_source\":\"line\",\"message\":\"m\",\"id\":\"a-1-1\"}\nplain\n",
    "<34>1 2026-11-24T06:00:00Z h app 1 - [a b=\"c\"] hello\n12 <13>x: hello",
    "\u{a}\u{10}\u{12}\u{e}\u{12}\u{c}\u{2a}\u{4}\u{a}\u{2}hi\u{32}\u{4}\u{a}\u{2}kk",
];

const BODY_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    "\u{a}",
    "\u{12}",
    "\u{2a}",
    "\u{32}",
    "\u{7f}",
    "null",
    "-1",
    "1e999",
    "{a=\"b\"}",
    "\"body\"",
    "\"attributes\"",
    "\"streams\"",
    "\"values\"",
    "\"create\"",
    "\"index\"",
    "<13>",
    "99999 ",
    "\u{0}",
];

/// What was received as whichever protocol: entries whose messages are theirs, or a reason; an entry stays the same when it
/// is written down and read again.
fn received(bytes: &[u8]) -> Vec<String> {
    let reader = || Reader::new("fuzz", "fuzz", 1_795_600_000_000_000_000).from_sender(Some("s".to_owned()));
    let mut seen = Vec::new();
    let mut look = |name: &str, got: Result<Vec<Received>, Malformed>| match got {
        Ok(received) => {
            for one in &received {
                let object = one.entry.to_json(true);
                let again = Entry::from_json(&object).unwrap_or_else(|| panic!("{name}: {object}"));
                assert_eq!(again.to_json(true), object, "{name}");
            }
            seen.push(format!("{name} {}", received.len().min(4)));
        }
        Err(why) => {
            seen.push(format!("{name} {}", why.0.chars().filter(|c| !c.is_ascii_digit()).take(24).collect::<String>()))
        }
    };
    look("otlp json", otlp::json(bytes, &reader()));
    look("otlp", otlp::protobuf(bytes, &reader()));
    look("loki json", loki::json(bytes, &reader()));
    look("loki", loki::protobuf(bytes, &reader()));
    look("bulk", bulk::read(bytes, &reader()).map(|bulk| bulk.received));
    look("lines", lines_of_text::read(bytes, &reader()));
    look("message", Ok(syslog::message(bytes, &reader()).into_iter().collect()));
    let mut frames = syslog::Frames::default();
    frames.room().extend_from_slice(bytes);
    let mut taken = 0;
    let done = frames.take(|message| taken += message.len());
    assert!(taken <= bytes.len() && done.is_ok_and(|done| done <= bytes.len()) || frames.is_inside());
    for encoding in ["gzip", "zstd", "snappy", "deflate"] {
        if let Ok(content) = decode(bytes, Some(encoding), 1 << 16) {
            assert!(content.len() <= 1 << 16, "{encoding}");
        }
    }
    seen
}

const POLICIES: &[&str] = &[
    include_str!("../../../config/logrotate.conf"),
    "# only\nrotate 3\n/a {\n}\n\n\"/b c\" '/d' {\ndaily\n}\n",
    "weekly\nrotate 4\ncreate\ndateext\ntabooext + .old,.bak\ntaboopat *.x\n/var/log/wtmp {\n monthly\n minsize 1M\n create 0664 root utmp\n}\n",
    "/l/*.log /m/**/[a-c]?.log {\n size=10k\n maxsize 5M\n maxage 7\n minage 1\n copytruncate\n compress\n delaycompress\n compresscmd /bin/zstd\n compressoptions -19 --long\n compressext .zst\n uncompresscmd /bin/unzstd\n}\n",
    "/a.log {\n sharedscripts\n firstaction\n  echo }\n endscript\n prerotate\n  true\n endscript\n postrotate\n kill -HUP `cat /x`\nendscript\n lastaction\n endscript\n preremove\n endscript\n missingok\n notifempty\n}\n",
    "/a.log {\n dateext\n dateformat -%Y%m%d-%H%M%S.%s\n dateyesterday\n extension .log\n addextension .x\n olddir old\n createolddir 0755 root root\n su root root\n hourly\n}\n",
    "/a {\n mail a@b\n mailfirst\n shred\n shredcycles 3\n start 0\n rotate -1\n renamecopy\n allowhardlink\n ignoreduplicates\n minutes 5\n}\n/a {\n copy\n nocreate\n weekly 7\n monthly 31\n yearly\n}\n",
    "/a {\nrotate x\nprerotate\n}\nendscript\n}\n/b {\n}",
    "~/x.log {\ndaily compress rotate 3\n}\n} \n",
];

const DIRECTIVES: &[&str] = &[
    "\n",
    " ",
    "{",
    "}",
    "#",
    "\"",
    "'",
    "\\",
    "=",
    "/",
    "*",
    "**",
    "[",
    "]",
    "?",
    "~/",
    "\t",
    "\r\n",
    "\u{0}",
    "\u{feff}",
    "ü",
    "%",
    "rotate ",
    "size ",
    "minsize ",
    "maxsize ",
    "maxage ",
    "minage ",
    "start ",
    "daily",
    "hourly",
    "weekly ",
    "monthly ",
    "yearly",
    "minutes ",
    "compress",
    "nocompress",
    "delaycompress",
    "copytruncate",
    "copy",
    "renamecopy",
    "create ",
    "nocreate",
    "dateext",
    "dateformat ",
    "-%Y%m%d",
    "%s",
    "%H%M",
    "extension ",
    "addextension ",
    "olddir ",
    "noolddir",
    "createolddir ",
    "missingok",
    "ifempty",
    "notifempty",
    "sharedscripts",
    "prerotate\n",
    "postrotate\n",
    "firstaction\n",
    "lastaction\n",
    "preremove\n",
    "endscript\n",
    "compresscmd ",
    "compressoptions ",
    "compressext ",
    "uncompresscmd ",
    "mail ",
    "nomail",
    "mailfirst",
    "maillast",
    "shred",
    "shredcycles ",
    "su ",
    "root root",
    "tabooext ",
    "taboopat ",
    "+",
    "errors ",
    "include ",
    "allowhardlink",
    "ignoreduplicates",
    "/l/a.log {\n",
    "k",
    "M",
    "G",
    "0640",
];

/// No mutation may read the machine's own files, some of which never end.
fn without_includes(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"include") {
            bytes[at] = b'I';
        }
    }
    bytes
}

fn policy(input: &[u8]) -> Vec<String> {
    let bytes = without_includes(input);
    let text = String::from_utf8_lossy(&bytes);
    let (policy, problems) = Policy::parse(&text, Path::new("FILE"));
    assert_eq!(Policy::parse(&text, Path::new("FILE")), (policy.clone(), problems.clone()), "read twice");
    has_places(&problems, &[("FILE", &text)]);
    let lines = text.matches('\n').count() + 1;
    for section in &policy.sections {
        assert!((1..=lines).contains(&section.line) && section.line <= section.end && section.end <= lines);
        assert!(!section.patterns.is_empty(), "{}", section.head);
        rotate(section);
    }
    let _ = ["/l/a.log", "/var/log/wtmp", "x"]
        .map(|log| (policy.covers(Path::new(log)), policy.size_limit(Path::new(log))));
    traits(&policy, &problems)
}

/// The same through the file system, as any bytes, in a folder and by an include.
fn policy_files(input: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    let safe = without_includes(input);
    fs::write(&first, &safe).unwrap();
    fs::write(&second, "rotate 7\ninclude 1\n/after {\n}\n").unwrap();
    let (policy, mut problems) = Policy::load(&[folder.path().to_owned()]);
    // The include calls its file by the whole path, the folder does not.
    let prefix = format!("{}/", folder.path().display());
    problems.iter_mut().for_each(|problem| problem.text = problem.text.replace(&prefix, ""));
    let text = String::from_utf8_lossy(&safe);
    has_places(&problems, &[("1", &text), ("2", "\n\n\n")]);
    // Whatever is in a file, the next one is read.
    let after = policy.sections.iter().find(|section| section.head.starts_with("/after"));
    let is_told = problems.iter().any(|problem| problem.costs);
    assert!(after.is_some() || is_told, "{problems:?}");
    traits(&policy, &problems)
}

/// A problem names its file and a line of it, except for those that follow one that does, or are about a whole file.
fn has_places(problems: &[Problem], files: &[(&str, &str)]) {
    const WHOLE: &[&str] = &["found error in ", "Ignoring ", "Potentially dangerous mode on ", "too many mistakes"];
    for problem in problems.iter().filter(|problem| problem.level > Level::Debug) {
        let placed = files.iter().any(|(file, text)| {
            let Some(rest) = problem.text.strip_prefix(file).and_then(|rest| rest.strip_prefix(':')) else {
                return false;
            };
            // Stock names no line for a script without an end: it is the last one.
            let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
            let line = digits.parse().unwrap_or(usize::MAX);
            rest.contains("without endscript") || (1..=text.matches('\n').count() + 1).contains(&line)
        });
        assert!(placed || WHOLE.iter().any(|whole| problem.text.starts_with(whole)), "no place: {problem}");
        assert!(problem.text.len() < (1 << 20), "{} bytes of a problem", problem.text.len());
    }
}

/// What a section leads to must be total, too: names and dates are made of what it says.
fn rotate(section: &Section) {
    let log = PathBuf::from("/l/a.log");
    let mut listing = Listing::default();
    let names =
        ["a.log", "a.log.1", "a.log.2.gz", "a.log-20261101", "a.1.log", "a.log.4294967295", "a.log-99999999.gz"];
    for (inode, name) in (1..).zip(names) {
        let id = FileId { device: 1, inode, born: 0 };
        let listed = Listed { size: 1, data: 1, mtime: 0, id, mode: 0o600, uid: 0, gid: 0, regular: true };
        listing.files.insert(Path::new("/l").join(name), listed);
    }
    if let Ok(plan) = plan(section, &log, &listing, &BTreeSet::new(), &now()) {
        let gone = plan.steps().any(|step| step.to_string().starts_with("remove /l/a.log,"));
        assert!(!gone, "{plan:?}");
    }
    drop(tidy(section, &log, &listing, &now()));
    for last in [None, Some(now().naive_local()), Some(chrono::NaiveDateTime::MIN), Some(chrono::NaiveDateTime::MAX)] {
        let _ = due::due(&section.settings, 1, i64::MIN, last, &now());
        let _ = due::next(section.settings.criterion, last, now().naive_local());
    }
}

/// Words of messages without what comes from the input, and what sections say.
fn traits(policy: &Policy, problems: &[Problem]) -> Vec<String> {
    let mut traits: BTreeMap<String, ()> = BTreeMap::new();
    for problem in problems {
        let words = problem.text.split_whitespace().filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()));
        traits.insert(words.filter(|word| word.len() < 12).take(8).collect::<Vec<_>>().join(" "), ());
    }
    for section in policy.sections.iter().take(20) {
        let settings = &section.settings;
        let scripts: Vec<_> = settings.scripts.keys().map(ToString::to_string).collect();
        traits.insert(format!("{} {} {scripts:?}", settings.criterion.word(), settings.method()), ());
        let flags = [settings.compress, settings.date_ext, settings.mail.is_some(), settings.old_dir.is_some()];
        traits.insert(format!("{flags:?} {} {}", settings.su.is_some(), settings.create.is_some()), ());
    }
    traits.insert(format!("{} sections", policy.sections.len().min(8)), ());
    traits.into_keys().collect()
}

const STATES: &[&str] = &[
    "logrotate state -- version 2\n\"/a\" 2026-11-24-2:0:9\n\"/a \\\"b\\\\ \\n c\" 2026-1-1\n",
    "logrotate state -- version 1\n/a 2026-11-24\n",
    "",
];
const STATE_WORDS: &[&str] =
    &["\n", "\"", "\\", " ", "-", ":", "/b", "2026-2-30-0:0:0", "logrotate state -- version 2\n", "\u{0}"];

/// What was read is written so that it is read again; a bad line costs no other.
fn state(input: &[u8]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    fs::write(&path, input).unwrap();
    let shape = |problem: &Problem| {
        assert!(problem.text.contains(&path.display().to_string()), "{problem}");
        problem.text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    };
    let (mut state, problems) = match StateFile::open(&path, Locking::Skip) {
        Ok(read) => read,
        Err(error) => {
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
            assert_eq!(fs::read(&path).unwrap(), input, "it is no state file, and stays");
            return vec!["refused".to_owned()];
        }
    };
    let extra = Path::new("/extra log\n\"\\");
    state.stamp(extra, now().naive_local()).unwrap();
    let want: Vec<_> = state.logs().map(|log| (log.clone(), state.last(log))).collect();
    drop(state);
    let (state, again) = StateFile::open(&path, Locking::Skip).unwrap();
    let got: Vec<_> = state.logs().map(|log| (log.clone(), state.last(log))).collect();
    assert_eq!(got, want, "{again:?}");
    let mut traits: Vec<String> = problems.iter().map(shape).collect();
    traits.push(format!("{} logs", want.len().min(8)));
    traits
}

const QUERIES: &[&str] = &[
    "level>=warning source:api \"two words\" -message:x*y | count by level | sort -count | limit 5",
    "(a OR b) AND NOT fields.http.status:/5[0-9]{2}/ after:now-1h before:today",
    "duration>1.5s | rate 5m by source",
    "*",
];
const QUERY_WORDS: &[&str] = &[
    "(",
    ")",
    "\"",
    "/",
    "|",
    "*",
    "?",
    ":",
    ">=",
    "<",
    "=",
    "-",
    "OR",
    "AND",
    "NOT",
    " ",
    "\\",
    "[",
    "{9}",
    "+",
    "now-1h",
    "level",
    "message:",
    "count by ",
    "sort ",
    "limit ",
    "rate ",
    "ü",
    "\u{0}",
    "fields.",
];

/// A query is read, or the place of its mistake is one in it.
fn query(input: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(input);
    let zone = chrono::Utc;
    match Query::parse_at(&text, 1_800_000_000_000_000_000, &zone) {
        Ok(query) => {
            let _ = (query.window(), query.columns(), query.need(), query.text_tests(), query.levels_alone());
            vec![format!("{} pipes {:?}", query.pipes().len(), query.columns())]
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.position) && error.query == text, "{error:?}");
            assert!(!error.to_string().is_empty());
            vec![error.message.split_whitespace().filter(|w| w.chars().all(char::is_alphabetic)).take(6).collect()]
        }
    }
}
