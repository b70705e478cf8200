//! What was put in comes out; damage is an error, never a panic.

use proptest::prelude::*;

use super::{Encoder, Want, decode};
use crate::record::{Entry, Level, LevelSource, Text, TimeSource, Value};

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
    let heads = (times, 0usize..9, 0usize..3, 0usize..3);
    let fields = proptest::collection::vec(("[a-c]{1,2}", value()), 0..4);
    (heads, text(), any::<bool>(), 0usize..4, ids, fields).prop_map(
        |((time, level, level_source, time_source), raw, owned, cut, (a, b, duration_ms), fields)| Entry {
            time,
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
        let payload = Encoder::new().unwrap().encode(&entries).unwrap();
        prop_assert_eq!(&decode(&payload, Want::All).unwrap(), &entries);
        let heads = decode(&payload, Want::Heads).unwrap();
        prop_assert!(heads.iter().zip(&entries).all(|(a, b)| a.0 == b.0 && a.1.time == b.1.time && a.1.event == b.1.event));
    }

    #[test]
    fn damage_is_an_error(entries in proptest::collection::vec((any::<u64>(), entry()), 1..10), at: usize, bit in 0u8..8) {
        let mut payload = Encoder::new().unwrap().encode(&entries).unwrap();
        let at = at % payload.len();
        payload[at] ^= 1 << bit;
        // A changed length may still decompress; anything but a wrong answer will do.
        prop_assert!(decode(&payload, Want::All).map_or(true, |e| e == entries));
    }

    /// The checksum is right but the columns are nonsense: what a defect of ours would write.
    #[test]
    fn nonsense_columns_do_not_panic(plain in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut payload = vec![super::VERSION];
        payload.extend((plain.len() as u32).to_le_bytes());
        let frame = zstd::bulk::compress(&plain, 1).unwrap();
        payload.extend(xxhash_rust::xxh3::xxh3_64(&frame).to_le_bytes());
        payload.extend(frame);
        let _ = decode(&payload, Want::All);
    }
}
