//! Logs as targets: whatever the bytes, every line is accounted for, and batches may be cut between any lines.

use std::path::Path;

use logmill::pipeline::{Pipeline, StreamParser};
use logmill::record::{Entry, Outcomes, Position, RawBatch};

pub const LOGS: &[&str] = &[
    include_str!("../../formats/android_threadtime.log"),
    include_str!("../../formats/apache_combined.log"),
    include_str!("../../formats/ansi_level.log"),
    include_str!("../../formats/elasticsearch_text.log"),
    include_str!("../../formats/json_pretty.log"),
    include_str!("../../formats/jul_default.log"),
    include_str!("../../formats/klog.log"),
    include_str!("../../formats/log4j_zookeeper.log"),
    include_str!("../../formats/logback_default.log"),
    include_str!("../../formats/mixed_four_formats.log"),
    include_str!("../../formats/mongodb_json.log"),
    include_str!("../../formats/openstack_oslo.log"),
    include_str!("../../formats/postgresql_full.log"),
    include_str!("../../formats/rfc5424_structured.log"),
    include_str!("../../formats/ruby_logger.log"),
    include_str!("../../formats/serilog_clef.log"),
    include_str!("../../formats/squid_access.log"),
    include_str!("../../formats/syslog_rfc3164_pri.log"),
    "{\"log\":\"part\",\"stream\":\"stdout\",\"time\":\"2026-11-23T10:15:30Z\"}\n2026-11-23T10:15:30.1Z stdout P a\n2026-11-23T10:15:30.1Z stdout F b\nweb_1  | x\n",
    "panic: x\n\ngoroutine 1 [running]:\nmain.f(0x0)\n\t/a.go:1\nTraceback (most recent call last):\n  File \"a\"\nE: x\n-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n",
];

pub const PIECES: &[&str] = &[
    "\n",
    " ",
    "\t",
    "\0",
    "\r",
    "\u{1b}[31m",
    "\u{feff}",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ": ",
    " - ",
    "|",
    "<13>",
    "=",
    "ERROR",
    "info",
    "W",
    "2026-11-23 10:15:30",
    "2026-02-29T10:15:30Z",
    "Nov 23 10:15:30",
    "11-23 10:15:30.1",
    "10:15:30",
    "1763892930",
    "99999999999999999999",
    "Europe/Berlin",
    "+14:00",
    "-0000",
    "12:00:00 AM",
    "level=",
    "\"level\":",
    "\"@t\":",
    "password=hunter22",
    "4111111111111111",
    "a@b.example",
    "ü",
    "🚀",
    "\u{202f}PM",
];

const PIPELINE: &str = "name = \"fuzz\"\n[source]\ninclude = [\"x\"]\nzone = \"Europe/Berlin\"\n[redact]\nrecipes = [\"keys\", \"tokens\", \"email\", \"credit_card\", \"ipv4\"]\n";

pub fn lines(input: &[u8]) -> Vec<String> {
    let pipeline = Pipeline::parse(PIPELINE, Path::new("fuzz.toml")).unwrap();
    let (whole, outcomes) = read(pipeline.stream(&"x".into()), &[input]);
    let (parts, _) = read(pipeline.stream(&"x".into()), &input.split_inclusive(|b| *b == b'\n').collect::<Vec<_>>());
    assert_eq!(whole, parts, "entries depend on where batches end");
    assert_eq!(outcomes.lines, input.split_inclusive(|b| *b == b'\n').count() as u64);
    assert_eq!(outcomes.lines, outcomes.parsed + outcomes.text + outcomes.joined, "{outcomes:?}");
    let trait_of = |e: &Entry| format!("{:?} {:?} {:?} {}", e.level, e.time_source, e.logger.is_some(), e.fields.len());
    whole.iter().map(trait_of).collect()
}

fn read(mut parser: StreamParser, batches: &[&[u8]]) -> (Vec<Entry>, Outcomes) {
    let (mut entries, mut outcomes, mut offset) = (Vec::new(), Outcomes::default(), 0);
    for (index, bytes) in batches.iter().enumerate() {
        let batch = RawBatch {
            source: "x".into(),
            offset,
            bytes: bytes.to_vec(),
            read_time: 1_800_000_000_000_000_000,
            written: 1_700_000_000_000_000_000,
            position: Position { offset: offset + bytes.len() as u64, ..Position::default() },
            last: index + 1 == batches.len(),
            ..RawBatch::default()
        };
        let out = parser.run(&batch);
        entries.extend(out.entries);
        outcomes.add(&out.outcomes);
        offset += bytes.len() as u64;
    }
    (entries, outcomes)
}

pub const DEFINITIONS: &[&str] = &[
    include_str!("../../../pipelines/api.toml"),
    "name = \"a\"\n[source]\ninclude = [\"x\"]\n[[format]]\nname = \"b\"\nlayouts = [\"{time} [{level}] ({logger:name})? {a:int}: {message}\"]\n[[format]]\nname = \"c\"\npattern = '(?P<time>[^;]+);(?P<message>.*)'\n[fields]\nextract = [{ pattern = '(?P<x>a+)' }]\ntypes = { a = \"int\" }\n[filter]\nkeep = \"level>=info\"\n[[sample]]\nkeep = 0.5\n[[limit]]\nper_second = 1\n[[test]]\nsource = \"x\"\nlines = 'a'\n[[test.entries]]\nmessage = 'a'\n",
];

pub const DEFINITION_WORDS: &[&str] = &[
    "\n",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")?",
    "=",
    "\\",
    "{time}",
    "{level}",
    "{message}",
    "{x:text}",
    "{_}",
    "(?P<a>",
    ".*",
    "{1000}",
    "[[format]]",
    "[redact]",
    "recipes = [\"keys\"]",
    "[[route]]",
    "query = \"",
    "layouts = [\"",
    "zone = \"",
    "keep = ",
    "1e999",
    "ü",
];

/// A definition is read and its samples run, or a mistake has its place.
pub fn definition(input: &[u8]) -> Vec<String> {
    match Pipeline::parse(&String::from_utf8_lossy(input), Path::new("fuzz.toml")) {
        Ok(pipeline) => vec![format!("{:?}", pipeline.test().map_err(|error| error.to_string().len() / 100))],
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("fuzz.toml:"), "{text}");
            vec![text.split(": ").nth(1).unwrap_or("").chars().filter(|c| c.is_alphabetic()).take(24).collect()]
        }
    }
}
