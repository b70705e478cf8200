//! What was put in comes out; damage is an error, never a panic.

use proptest::prelude::*;

use super::frame::{Dictionaries, HEADER, Header, SECTIONS, Section, Unpacker};
use super::template::Renderer;
use super::{Decoder, Encoder, Origin};
use crate::parse::{Clock, Head, Names, Zone, known};
use crate::record::{Columns, Entry, Fields, Level, LevelSource, Row, Text, TimeSource, Value};
use crate::store::StoreError;

/// The entries of a block.
fn decode(block: &[u8], dictionaries: Option<&std::sync::Arc<Dictionaries>>) -> Result<Vec<(u64, Entry)>, StoreError> {
    let mut decoder = Decoder::new();
    decoder.open(dictionaries, &Columns::all(), Origin::Memory(block))?;
    let mut renderer = Renderer::default();
    Ok((0..decoder.len()).map(|i| (decoder.sequence(i), decoder.entry(i, &mut renderer))).collect())
}

fn sections(block: &[u8]) -> [Vec<u8>; SECTIONS] {
    Unpacker::new().sections(block, &Header::read(block, block.len()).unwrap(), None).unwrap()
}

/// A message is a piece of the raw text or stands by itself; what it says is the same.
fn plain(entries: &[(u64, Entry)]) -> Vec<(u64, Entry)> {
    let owned = |entry: &Entry| Entry { message: Text::Owned(entry.message().into()), ..entry.clone() };
    entries.iter().map(|(number, entry)| (*number, owned(entry))).collect()
}

fn encode(entries: &[(u64, Entry)]) -> Vec<u8> {
    Encoder::new(1, None).unwrap().encode(entries).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,6}", "\\PC{0,20}"]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("NaN is not equal to itself", |n| !n.is_nan()).prop_map(Value::Float),
        (-5000i64..5000).prop_map(|n| Value::Float(n as f64 / 1000.0)),
        text().prop_map(|t| Value::Str(t.into())),
    ]
}

fn message(raw: &str, owned: bool, cut: usize) -> Text {
    let start = raw.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(raw.len());
    if owned { Text::Owned(raw[start..].into()) } else { Text::Slice(start as u32..raw.len() as u32) }
}

fn entry() -> impl Strategy<Value = Entry> {
    let ids = (proptest::option::of(text()), proptest::option::of("[ab]"), proptest::option::of(0f64..1e6));
    let times = prop_oneof![any::<i64>(), (0i64..1 << 30).prop_map(|n| n * 1_000_000)];
    let read_times = proptest::option::weighted(0.9, prop_oneof![1 => any::<i64>(), 4 => 5i64..8]);
    let heads = (times, read_times, 0usize..9, 0usize..3, 0usize..3);
    let fields = proptest::collection::vec(("[a-c]{1,2}", value()), 0..4);
    (heads, text(), any::<bool>(), 0usize..4, ids, fields).prop_map(
        |((time, read_time, level, level_source, time_source), raw, owned, cut, (a, b, duration_ms), fields)| Entry {
            time,
            read_time,
            level: Level::ALL[level],
            level_source: LevelSource::ALL[level_source],
            time_source: TimeSource::ALL[time_source],
            message: message(&raw, owned, cut),
            source: raw.as_str().into(),
            service: "s".into(),
            raw: raw.into(),
            workflow_id: a.map(Into::into),
            event: b.map(Into::into),
            duration_ms,
            fields: fields.into_iter().map(|(k, v)| (k.into(), v)).collect(),
            ..Entry::default()
        },
    )
}

proptest! {
    #[test]
    fn round_trip(entries in proptest::collection::vec((any::<u64>(), entry()), 0..40)) {
        let block = encode(&entries);
        prop_assert_eq!(decode(&block, None).unwrap(), plain(&entries));
        let trained = std::sync::Arc::new(Dictionaries::new(sections(&block)));
        let again = Encoder::new(3, Some(&trained)).unwrap().encode(&entries).unwrap();
        prop_assert_eq!(decode(&again, Some(&trained)).unwrap(), plain(&entries));
    }

    /// Whatever is asked for, in whichever steps, a row has it as the entry has.
    #[test]
    fn columns_come_as_asked(
        entries in proptest::collection::vec((any::<u64>(), entry()), 1..20),
        asked in proptest::collection::vec((0u16..512, any::<[bool; 4]>(), 0usize..3), 1..4),
    ) {
        let block = encode(&entries);
        let columns = |(named, [read_time, duration, message, raw], fields): &(u16, [bool; 4], usize)| Columns {
            named: *named,
            read_time: *read_time,
            duration: *duration,
            message: *message,
            raw: *raw,
            fields: [Fields::None, Fields::Some(vec!["a".into(), "bb".into()]), Fields::All][*fields].clone(),
        };
        let mut decoder = Decoder::new();
        let mut all = columns(&asked[0]);
        decoder.open(None, &all, Origin::Memory(&block)).unwrap();
        for more in &asked {
            decoder.want(&columns(more)).unwrap();
            all = all.and(&columns(more));
        }
        for (index, (sequence, entry)) in entries.iter().enumerate() {
            let row = decoder.row(index);
            prop_assert_eq!((decoder.sequence(index), row.time(), row.level()), (*sequence, entry.time, entry.level));
            let named = (0..9).filter(|c| all.has_named(*c));
            prop_assert!(named.into_iter().all(|c| row.named(c) == Row::named(entry, c)));
            prop_assert!(!all.read_time || row.read_time() == entry.read_time);
            prop_assert!(!all.duration || row.duration_ms() == entry.duration_ms);
            prop_assert!(!all.message || row.message() == entry.message());
            prop_assert!(!all.raw || row.raw() == *entry.raw);
            prop_assert!(all.fields == Fields::None || row.field("bb") == Row::field(entry, "bb"));
        }
    }

    #[test]
    fn damage_is_an_error(entries in proptest::collection::vec((any::<u64>(), entry()), 1..10), at: usize, bit in 0u8..8) {
        let mut block = encode(&entries);
        let at = at % block.len();
        block[at] ^= 1 << bit;
        prop_assert!(decode(&block, None).is_err());
        prop_assert!(decode(&block[..at], None).is_err());
    }

    /// The checksums are right but the columns are nonsense: what a defect of ours would write.
    #[test]
    fn nonsense_columns_do_not_panic(
        plain in proptest::collection::vec(proptest::collection::vec(prop_oneof![0u8..9, any::<u8>()], 0..60), SECTIONS),
        count in 0usize..300,
    ) {
        let sections: [Vec<u8>; SECTIONS] = plain.try_into().unwrap();
        let block = super::frame::Packer::new(1, None).unwrap().pack(count, &sections).unwrap();
        let _ = decode(&block, None);
    }

    /// One section of a good block is nonsense.
    #[test]
    fn a_nonsense_section_does_not_panic(
        entries in proptest::collection::vec((any::<u64>(), entry()), 1..10),
        which in 0usize..SECTIONS,
        at: usize,
        byte: u8,
    ) {
        let mut sections = sections(&encode(&entries));
        if !sections[which].is_empty() {
            let at = at % sections[which].len();
            sections[which][at] = byte;
        }
        let block = super::frame::Packer::new(1, None).unwrap().pack(entries.len(), &sections).unwrap();
        let _ = decode(&block, None);
    }
}

/// What is read together, or has no other time, costs a few bytes a block.
#[test]
fn times_of_reading_cost_next_to_nothing() {
    let check = |read_time: fn(i64) -> Option<i64>, most: usize| {
        let entry = |n: i64| Entry { time: n * 1_000_003, read_time: read_time(n), ..Entry::default() };
        let entries: Vec<_> = (0..256).map(|n| (n as u64, entry(n))).collect();
        let block = encode(&entries);
        assert_eq!(decode(&block, None).unwrap(), plain(&entries));
        let mut column = Vec::new();
        super::read_times::write(&mut column, &entries);
        assert!(column.len() <= most, "{} bytes", column.len());
    };
    check(|_| Some(1_795_600_000_123_456_789), 16);
    check(|n| Some(1_795_600_000_123_456_789 + n / 64 * 200_000_000), 32);
    check(|n| Some(n * 1_000_003), 2);
    check(|_| None, 8);
}

/// Blocks of the version before are read; when an entry of theirs was read is not known.
#[test]
fn the_version_before_is_read() {
    let entry = |n: u64| Entry { time: n as i64, message: Text::Owned("m".into()), ..Entry::default() };
    let entries: Vec<_> = (0..9).map(|n| (n, entry(n))).collect();
    let mut sections = sections(&encode(&entries));
    let mut column = Vec::new();
    super::read_times::write(&mut column, &entries);
    let side = &mut sections[Section::Side as usize];
    let at = side.len() - entries.len() - column.len();
    assert_eq!(side.drain(at..at + column.len()).collect::<Vec<_>>(), column);
    let mut block = super::frame::Packer::new(1, None).unwrap().pack(entries.len(), &sections).unwrap();
    assert!(decode(&block, None).is_err(), "it is not of today");
    let mut of_version = |version: u8| {
        block[0] = version;
        let sum = super::frame::checksum(&block[..HEADER - 4]);
        block[HEADER - 4..HEADER].copy_from_slice(&sum);
        let mut decoder = Decoder::new();
        decoder.open(None, &Columns::all(), Origin::Memory(&block)).map(|()| decoder.is_current())?;
        decode(&block, None)
    };
    assert_eq!(of_version(2).unwrap(), plain(&entries));
    assert!(of_version(1).unwrap_err().to_string().contains("logmill reindex"));
    assert!(of_version(4).unwrap_err().to_string().contains("newer"));
}

/// Lines of the usual shapes are made of their columns: hardly anything is stored as it is.
#[test]
fn templates_are_found() {
    let check = |format: &str, line: &str| {
        let format = known().iter().find(|known| known.name() == format).unwrap();
        let entry = |n: i64| {
            let mut entry = Entry {
                raw: line.replace("NUMBER", &n.to_string()).replace("DIGIT", &(n % 10).to_string()).into(),
                ..Entry::default()
            };
            let mut head = Head::default();
            format.recognises(entry.raw.lines().next().unwrap(), &mut head);
            assert!(format.fill(&mut entry, &head, &mut Clock::new(Zone::utc()), &mut Names::default()), "{line}");
            (n as u64, entry)
        };
        let entries: Vec<_> = (100..200).map(entry).collect();
        let block = encode(&entries);
        assert_eq!(decode(&block, None).unwrap(), plain(&entries));
        let raw = sections(&block)[SECTIONS - 1].len();
        assert!(raw < line.len() + 200, "{line}: {raw} bytes for raw texts");
    };
    check("python", "2026-11-23 10:15:30,NUMBER - orchestrator.x - WARNING - took NUMBER ms\n  more");
    check("uvicorn", "INFO:     127.0.0.1:52NUMBER - \"GET /x HTTP/1.1\" 404 Not Found");
    check("basic_config", "ERROR:orchestrator_api:Starting NUMBER");
    check(
        "json",
        r#"{"timestamp": "2026-11-23T10:15:30.123NUMBER", "level": "INFO", "logger": "a.b", "message": "say \"NUMBER\" \u00e9\n", "line": NUMBER, "taskName": null, "context": {"workflow_id": "wf-8f3aNUMBER"}, "duration_ms": 83.NUMBER, "success": true, "ratio": 1.50}"#,
    );
    check("text", "no shape at all NUMBER");
    // Times of other shapes, and fields that stand by themselves.
    check("access", r#"10.0.0.1 - user_NUMBER [03/Nov/2026:10:1DIGIT:3DIGIT +0100] "GET /x/NUMBER HTTP/1.1" 200 5"#);
    check("nginx", "2026/11/03 10:1DIGIT:3DIGIT [warn] NUMBER#NUMBER: *7 upstream NUMBER");
    check("apache", "[Tue Nov 03 10:1DIGIT:3DIGIT.047NUMBER 2026] [core:error] [pid 7NUMBER] NUMBER is no file");
    check("syslog", "Nov  3 10:1DIGIT:3DIGIT web-1 sshd[NUMBER]: Accepted NUMBER");
    check("golang", "2026/11/03 10:1DIGIT:3DIGIT.004NUMBER main.go:NUMBER: NUMBER requests");
    check("glog", "I1103 10:1DIGIT:3DIGIT.443NUMBER   7NUMBER opened.go:NUMBER] NUMBER of them");
}
