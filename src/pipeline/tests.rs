//! Tables of lines and what becomes of them.

use super::*;
use crate::record::{EntryBatch, Fingerprint, Level, Outcomes, Position, RawBatch, TAIL_LEN};
use crate::sys::encoding::Encoding;
use crate::sys::files::FileId;

fn position(offset: u64, tail: &[u8]) -> Position {
    let tail = Fingerprint::of(&tail[tail.len().saturating_sub(TAIL_LEN)..]);
    let file = FileId { device: 1, inode: 2, born: 3 };
    Position {
        path: "a.log".into(),
        pipeline: ANY.into(),
        file,
        offset,
        head: Fingerprint::default(),
        tail,
        complete: false,
    }
}

fn parser() -> StreamParser {
    Pipeline::any().stream(&Arc::from("a.log"))
}

/// The bytes from `start` to `end` of `text` as the tailer would hand them on.
fn batch(text: &[u8], start: usize, end: usize, last: bool) -> RawBatch {
    RawBatch {
        source: Arc::from("a.log"),
        offset: start as u64,
        before: position(start as u64, &text[..start]).tail,
        bytes: text[start..end].to_vec(),
        read_time: 5,
        written: 5,
        position: position(end as u64, &text[..end]),
        last,
        ..RawBatch::default()
    }
}

fn raws(batch: &EntryBatch) -> Vec<String> {
    batch.entries.iter().map(|e| e.raw.to_string()).collect()
}

#[test]
fn the_shipped_pipelines_pass_their_samples() {
    let shipped = Pipeline::shipped();
    assert_eq!(shipped.len(), SHIPPED.len());
    for pipeline in shipped {
        let samples = pipeline.test().unwrap_or_else(|error| panic!("{error}"));
        assert!(samples > 0, "{} has no sample", pipeline.name());
    }
}

/// An entry was read when its first line was, whatever time it names and whenever the rest came.
#[test]
fn entries_know_when_they_were_read() {
    let text = b"INFO: a\n2026-11-23 10:15:30 ERROR b\n  more\n2026-11-23 10:15:31 INFO c\n";
    let second = text.len() - b"  more\n2026-11-23 10:15:31 INFO c\n".len();
    let mut parser = parser();
    let mut entries = parser.run(&batch(text, 0, second, false)).entries;
    entries.extend(parser.run(&RawBatch { read_time: 7, ..batch(text, second, text.len(), true) }).entries);
    let times: Vec<_> = entries.iter().map(|entry| (entry.message(), entry.read_time)).collect();
    assert_eq!(times, [("a", Some(5)), ("b\n  more", Some(5)), ("c", Some(7))]);
}

#[test]
fn lines_join_their_entry() {
    let check = |text: &str, want: &[&str]| {
        let out = parser().run(&batch(text.as_bytes(), 0, text.len(), true));
        assert_eq!(raws(&out), want, "{text:?}");
        let Outcomes { lines, parsed, text: plain, joined, .. } = out.outcomes;
        assert_eq!(lines, text.lines().count() as u64, "{text:?}");
        assert_eq!((lines, parsed + plain), (parsed + plain + joined, want.len() as u64), "{text:?}");
    };
    check("", &[]);
    check("\n\n  \n", &[]);
    check("one\ntwo\n", &["one", "two"]);
    check("one\n  more\n\n\ttab\ntwo", &["one\n  more\n\n\ttab", "two"]);
    check("INFO:     a\nb\nc\n\nERROR:    d\n", &["INFO:     a\nb\nc", "ERROR:    d"]);
    check("INFO:     a\r\nb\r\n", &["INFO:     a\nb"]);
    check("2026-11-23 10:15:30 a\nb\n2026-11-23 10:15:31 c\n", &["2026-11-23 10:15:30 a\nb", "2026-11-23 10:15:31 c"]);
    // Prose with a level word, JSON and access lines take no loose lines.
    check("WARNING: prose\nmore\n", &["WARNING: prose", "more"]);
    check("{\"a\":1}\nmore\n", &["{\"a\":1}", "more"]);
    // A traceback holds together anywhere.
    let traceback = "Traceback (most recent call last):\n  File \"x\"\nValueError: y";
    check(&format!("{{\"a\":1}}\n{traceback}\nnext\n"), &[&format!("{{\"a\":1}}\n{traceback}"), "next"]);
    check(&format!("{traceback}\nnext\n"), &[traceback, "next"]);
    let twice =
        format!("{traceback}\n\nDuring handling of the above exception, another exception occurred:\n\n{traceback}");
    check(&format!("{twice}\nnext\n"), &[&twice, "next"]);
    // Others end with their frames.
    let panic = "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:3 +0x1\nexit status 2";
    check(&format!("{panic}\nnext\n"), &[panic, "next"]);
    let thrown =
        "Exception in thread \"main\" a.B: x\nof two lines\n\tat a.B(C.java:1)\nCaused by: a.D\n\tat a.D(C.java:1)";
    check(&format!("{thrown}\nnext\n"), &[thrown, "next"]);
    // What one stream says does not go on in another.
    let letter = |stream: &str, text: &str| {
        format!("{{\"log\":\"{text}\\n\",\"stream\":\"{stream}\",\"time\":\"2026-11-23T10:15:30Z\"}}\n")
    };
    let error = letter("stderr", "2026-11-23 10:15:30 ERROR a");
    let more = letter("stderr", "more");
    let other = letter("stdout", "b");
    let both = format!("{error}{more}");
    check(&format!("{both}{other}"), &[both.trim_end(), other.trim_end()]);
}

/// Some lines are of two formats: where formats change, that of the entry before does not decide.
#[test]
fn mixed_formats_are_told_apart_line_by_line() {
    let hadoop = "2026-11-23 10:15:30,123 INFO [main] com.example.Main: a\n";
    let log4j = "2026-11-23 10:15:31,123 INFO [main] starting up\n";
    let text = [hadoop, log4j, hadoop].concat();
    let out = parser().run(&batch(text.as_bytes(), 0, text.len(), true));
    let loggers: Vec<_> = out.entries.iter().map(|entry| entry.logger.as_deref().unwrap_or("")).collect();
    assert_eq!(loggers, ["com.example.Main", "main", "com.example.Main"]);
}

#[test]
fn frames_beyond_the_most_lines_stay_together() {
    let text = format!("java.lang.StackOverflowError\n{}", "\tat a.B(C.java:1)\n".repeat(1_200));
    let out = parser().run(&batch(text.as_bytes(), 0, text.len(), true));
    let lines: Vec<_> = out.entries.iter().map(|entry| entry.raw.lines().count()).collect();
    assert_eq!(lines, [500, 500, 201]);
}

#[test]
fn the_last_entry_waits() {
    let text = b"INFO:     a\nb\nINFO:     c\nd\n";
    let mut parser = parser();
    let out = parser.run(&batch(text, 0, text.len(), false));
    assert_eq!(raws(&out), ["INFO:     a\nb"]);
    assert_eq!(out.position, position(14, &text[..14]), "behind the first entry");
    assert!(parser.is_waiting());
    let out = parser.flush().unwrap();
    assert_eq!(raws(&out), ["INFO:     c\nd"]);
    assert_eq!(out.position, position(text.len() as u64, text));
    assert!(parser.flush().is_none());
}

#[test]
fn bytes_that_are_no_text() {
    let text = b"\0\0\0INFO:     a\xffb\nINFO:     \xc3\xa9\0x\n";
    let out = parser().run(&batch(text, 0, text.len(), true));
    assert_eq!(raws(&out), ["INFO:     a\u{fffd}b", "INFO:     é\0x"]);
    assert_eq!((out.outcomes.nul_bytes, out.outcomes.invalid_utf8), (3, 1));
}

#[test]
fn a_cut_line_is_marked_and_its_last_character_whole() {
    let mut raw = batch("é€\n".as_bytes(), 0, 6, true);
    raw.bytes.remove(4);
    raw.truncated = true;
    raw.position.offset = 5_000_000;
    let out = parser().run(&raw);
    assert_eq!(raws(&out), ["é"]);
    assert_eq!((out.outcomes.truncated, out.outcomes.invalid_utf8), (1, 0));
    assert_eq!(out.entries[0].field("truncated"), Some(crate::record::ValueRef::Bool(true)));
    assert_eq!(out.position.offset, 5_000_000);
}

#[test]
fn what_finds_no_room_is_read_for_itself() {
    let object = format!("{{\n{}}}\n", "  \"a\": 1,\n".repeat(499));
    let text = format!("ERROR:    of long ago\n{object}{}", "  \"time\": \"2026-11-23T10:00:00Z\",\n".repeat(2));
    let out = parser().run(&batch(text.as_bytes(), 0, text.len(), true));
    let begun: Vec<_> =
        out.entries.iter().map(|entry| (entry.level, entry.message().lines().next().unwrap())).collect();
    let unknown = Level::Unknown;
    let want = [(Level::Error, "of long ago"), (unknown, "{"), (unknown, "}")];
    assert_eq!(begun, want, "{begun:?}");
}

#[test]
fn entries_have_a_longest() {
    let text = format!("INFO:     a\n{}", "more\n".repeat(1200));
    let out = parser().run(&batch(text.as_bytes(), 0, text.len(), true));
    assert_eq!(out.entries[0].raw.lines().count(), 500);
    assert_eq!(out.outcomes.lines, 1201);
    let text = format!("INFO:     a\n{}\n", "\n".repeat(200_000));
    let out = parser().run(&batch(text.as_bytes(), 0, text.len(), true));
    assert_eq!((raws(&out), out.outcomes.joined), (vec!["INFO:     a".to_owned()], 200_001));
}

proptest::proptest! {
    /// However the lines are cut into batches, and wherever reading stops and starts again at the position given
    /// out, the entries are the same, and the positions are those of the file.
    #[test]
    fn batches_and_restarts_change_nothing(
        lines in proptest::collection::vec("(INFO:     a|  b|c|\\{\"d\":1\\}||Traceback \\(most recent call last\\):|2026-11-23 10:15:30 - a - INFO - x|E: f)", 0..20),
        cuts in proptest::collection::vec(0usize..20, 0..6),
        restarts in proptest::collection::vec(proptest::bool::ANY, 6),
        encoding in proptest::sample::select(&["utf-8", "utf-16le", "utf-16be"][..]),
    ) {
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        let whole = raws(&parser().run(&batch(text.as_bytes(), 0, text.len(), true)));
        let bytes: &[u8] = &match encoding {
            "utf-8" => text.into_bytes(),
            "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            _ => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        };
        let encoding = Encoding::from_label(encoding).unwrap();
        let batch = |bytes: &[u8], start, end, last| RawBatch { encoding, ..batch(bytes, start, end, last) };
        let mut ends = Vec::new();
        while let Some(end) = encoding.line_end(&bytes[ends.last().copied().unwrap_or(0)..], 0) {
            ends.push(ends.last().copied().unwrap_or(0) + end);
        }
        let mut found = Vec::new();
        let (mut reader, mut read) = (parser(), 0);
        let mut cuts: Vec<usize> = cuts.iter().filter_map(|c| ends.get(*c).copied()).collect();
        cuts.sort_unstable();
        for (cut, restart) in cuts.into_iter().zip(restarts) {
            let cut = cut.max(read);
            let out = reader.run(&batch(bytes, read, cut, false));
            found.extend(raws(&out));
            read = cut;
            let before = &bytes[..out.position.offset as usize];
            let tail = Fingerprint::of(&before[before.len() - (out.position.tail.len as usize)..]);
            proptest::prop_assert_eq!(out.position.tail, tail);
            if restart {
                read = out.position.offset as usize;
                reader = parser();
            }
        }
        found.extend(raws(&reader.run(&batch(bytes, read, bytes.len(), true))));
        proptest::prop_assert_eq!(found, whole);
    }
}

#[test]
fn mistakes_name_their_place() {
    let check = |text: &str, want: &str| {
        let error = Pipeline::parse(text, Path::new("p.toml")).map(|p| p.test().map(|_| ())).map_or_else(
            |error| error.to_string(),
            |tested| tested.map_or_else(|error| error.to_string(), |()| "good".to_owned()),
        );
        assert!(error.starts_with(want), "{text:?}:\n{error}\n{want}");
    };
    let source = "name = \"a\"\n[source]\ninclude = [\"a.log\"]\n";
    check(source, "good");
    check("nam = \"a\"", "p.toml:1:1: unknown field `nam`");
    check("name = \"a\"", "p.toml:1:1: missing field `source`");
    check("name = \"a b\"\n[source]\ninclude = [\"a\"]", "p.toml:1:8: \"a b\" is no name");
    check("name = \"ingest\"\n[source]\ninclude = [\"a\"]", "p.toml:1:8: \"ingest\" is the name of the built-in");
    check("name = \"a\"\n[source]", "p.toml:2:1: missing field `include`");
    check("name = \"a\"\n[source]\ninclude = [\"b\", \"[\"]", "p.toml:3:17: \"[\" is no glob");
    check(&format!("{source}zone = \"Mars\""), "p.toml:4:8: \"Mars\" is no time zone; write \"local\"");
    check(&format!("{source}session_id = \"(\""), "p.toml:4:14: session_id: regex parse error");
    check(&format!("{source}session_id = \"x\""), "p.toml:4:14: session_id needs exactly one group");
    check(&format!("{source}[parse]\nformats = [\"xml\"]"), "p.toml:5:12: there is no format \"xml\"; there are json,");
    let format = |name: &str| format!("[[format]]\nname = \"{name}\"\nlayouts = [\"{{time}} {{message}}\"]\n");
    check(&format!("{source}{}{}", format("b"), format("c")), "good");
    check(
        &format!("{source}{}{}", format("b"), format("b")),
        "p.toml:8:8: there is a format \"b\" already; use another",
    );
    check(&format!("{source}{}", format("nginx")), "p.toml:5:8: there is a format \"nginx\" already; use another");
    let sample = |rest: &str| format!("{source}[[test]]\nsource = \"a.log\"\nlines = \"x\"\n{rest}");
    check(&sample("entries = [{ message = \"x\" }]"), "good");
    check(&sample("entries = [{ message = \"y\" }]"), "p.toml:7:24: sample 1: entry 1: message is \"x\", not \"y\"");
    check(&sample("[[test.entries]]\nfields.a = 1"), "p.toml:8:1: sample 1: entry 1: fields.a is null, not 1");
    check(&sample("entries = [\"x\"]"), "p.toml:7:12: invalid type: string \"x\", expected a map");
    check(&sample("entries = []"), "p.toml:4:1: sample 1: gives 1 entries, not 0; the next is \"x\"");
    check(&sample("entries = [{}, {}]"), "p.toml:4:1: sample 1: gives 1 entries, not 2");
    for read in ["7", "\"yesterday\"", "\"2026-11-23T12:00:00\"", "2026-11-23", "2026-11-23T12:00:00"] {
        check(
            &sample(&format!("read = {read}\nentries = [{{}}]")),
            "p.toml:7:8: a sample is read at a time with a zone",
        );
    }
}

#[test]
fn samples_say_when_they_are_read() {
    let check = |read: &str, lines: &str, entries: &str, want: &str| {
        let text = format!(
            "name = \"a\"\n[source]\ninclude = []\nzone = \"UTC\"\n[[test]]\nsource = \"a.log\"\n{read}\n\
             lines = '''\n{lines}\n'''\nentries = [{entries}]"
        );
        let tested = Pipeline::parse(&text, Path::new("p.toml")).and_then(|pipeline| pipeline.test());
        let got = tested.map_or_else(|error| error.to_string(), |count| format!("good {count}"));
        assert!(got.contains(want), "{read:?} {lines:?} {entries:?}:\n{got}\n{want}");
    };
    let syslog = "Nov 20 10:00:00 host sshd[7]: hello";
    let whole = "2026-11-20 10:00:00 INFO hello";
    // A date without quotes is the text it stands for, and the same moment in whatever zone.
    check("", whole, "{ timestamp = \"2026-11-20T10:00:00Z\" }", "good 1");
    check("", whole, "{ timestamp = 2026-11-20T10:00:00Z }", "good 1");
    check("", whole, "{ timestamp = 2026-11-20T11:00:00.000+01:00 }", "good 1");
    check(
        "",
        whole,
        "{ timestamp = 2026-11-20T10:00:01Z }",
        "is \"2026-11-20T10:00:00Z\", not \"2026-11-20T10:00:01Z\"",
    );
    check("", whole, "{ timestamp = 2026-11-20T10:00:00 }", "is \"2026-11-20T10:00:00Z\", not \"2026-11-20T10:00:00\"");
    check("", "level=info msg=hello day=2026-11-20", "{ fields = { day = 2026-11-20 } }", "good 1");
    check(
        "",
        "level=info msg=hello day=2026-11-20",
        "{ fields = { day = 2026-11-21 } }",
        "fields.day is \"2026-11-20\", not",
    );
    // Unless it is said, the latest time that the entries name; without one, a moment of 2023.
    check("", syslog, "{ timestamp = \"2026-11-20T10:00:00Z\" }", "good 1");
    check("", syslog, "{ timestamp = 2019-11-20T10:00:00Z }", "good 1");
    check("", "no time", "{ read_time = \"2023-11-14T22:13:20Z\", timestamp_source = \"read\" }", "good 1");
    let two = format!("Nov 19 10:00:00 host sshd[7]: hi\n{syslog}");
    let last = "{ timestamp = \"2026-11-20T10:00:00Z\", read_time = \"2026-11-20T10:00:00Z\" }";
    check("", &two, &format!("{{ timestamp = \"2026-11-19T10:00:00Z\" }}, {last}"), "good 1");
    check("read = \"2027-03-01T00:00:00Z\"", syslog, "{ timestamp = \"2026-11-20T10:00:00Z\" }", "good 1");
    check("read = 2026-03-01T00:00:00+01:00", syslog, "{ timestamp = \"2025-11-20T10:00:00Z\" }", "good 1");
    check(
        "read = 2026-03-01T00:00:00Z",
        syslog,
        "{ timestamp = \"2026-11-20T10:00:00Z\" }",
        "is \"2025-11-20T10:00:00Z\"",
    );
    // Notes on times are of that moment.
    check("read = 2026-11-20T09:00:00Z", whole, "{ fields = { timestamp_note = \"future\" } }", "good 1");
    check(
        "",
        whole,
        "{ timestamp = 2026-11-20T10:00:00Z, fields = { timestamp_note = \"future\" } }",
        "timestamp_note is null",
    );
}

#[test]
fn labels_and_service_are_on_every_entry() {
    let text = "name = \"a\"\nservice = \"shop\"\n[source]\ninclude = [\"a.log\"]\n[labels]\nhost = \"h1\"\nrack = 7\n\
        [[test]]\nsource = \"a.log\"\nlines = \"x\"\nentries = [{ service = \"shop\", fields = { host = \"h1\", rack = 7 } }]\n";
    assert_eq!(Pipeline::parse(text, Path::new("p.toml")).unwrap().test().unwrap(), 1);
}

#[test]
fn names_are_used_once() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["a.toml", "b.toml", "c.md"] {
        std::fs::write(folder.path().join(file), "name = \"x\"\n[source]\ninclude = [\"a.log\"]\n").unwrap();
    }
    let errors = load_folder(folder.path()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("b.toml: is called \"x\" like"), "{}", errors[0]);
}

#[test]
fn an_entry_that_waits_while_its_file_is_cut_stays_whole() {
    let text = "2026-11-23 10:15:30,004 - a - ERROR - one\nTraceback (most recent call last):\nValueError: x\n";
    let first = text.find('\n').unwrap() + 1;
    let before = 10_000;
    for (cut, want) in [(before, vec![text.trim_end()]), (before + 1, vec![&text[..first - 1]])] {
        let mut parser = parser();
        let shifted = |start: usize, end: usize, by: usize| {
            let mut batch = batch(text.as_bytes(), start, end, false);
            (batch.offset, batch.position.offset) = (batch.offset + by as u64, batch.position.offset + by as u64);
            batch
        };
        let waiting = parser.run(&shifted(0, first, before));
        assert_eq!((raws(&waiting).len(), waiting.position.offset), (0, before as u64));
        let announced = RawBatch { cut: Some(cut as u64), ..shifted(first, first, 30) };
        let out = parser.run(&announced);
        let stays = cut == before;
        assert_eq!(
            (raws(&out).len(), out.position.offset),
            if stays { (0, before as u64) } else { (1, 30 + first as u64) }
        );
        let rest = parser.run(&shifted(first, text.len(), 30));
        if stays {
            // Until it is complete, its position is the one in the old content.
            assert_eq!((raws(&rest).len(), &rest.position), (0, &out.position));
            let whole = parser.flush().unwrap();
            assert_eq!((raws(&whole), whole.position.offset), (vec![want[0].to_owned()], 30 + text.len() as u64));
        } else {
            assert_eq!(raws(&out), want);
        }
    }
}
