//! The store against a plain list of the same entries: whatever was added, committed, rolled, sealed and asked in
//! whatever order, the answers are those of a scan that looks at every entry.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use crate::query::Query;
use crate::record::{Entry, Level, Position, Text, Value};
use crate::search::{Budget, By, Counts, RateRequest, Request, Window, find, rate};
use crate::store::{Options, Packing, Sealer, Shared, Writer};
use crate::sys::clock::SECOND;
use crate::sys::units::Bytes;

const WORDS: [&str; 15] = [
    "timeout",
    "connection",
    "error",
    "wf-8f3a12cd",
    "req_82ab19",
    "12345",
    "404",
    "404.0",
    "Ünïcode",
    "user_id=7",
    "/api/v1",
    "deadbeef01",
    "null",
    "a-very-long-word-that-is-longer-than-forty-bytes-altogether_and_more_and_more_and_more",
    "x",
];
const SERVICES: [&str; 3] = ["api", "Orchestrator", "sessions"];
const QUERIES: [&str; 44] = [
    "req_82ab19",
    "req*",
    "req_8*",
    "*_82ab*",
    "/eq_82/",
    "/^head .*timeout$/",
    "/error x|x error/ level>=info",
    "*",
    "timeout",
    "TIMEOUT",
    "\"connection timeout\"",
    "wf-8f3a12cd",
    "8f3a12cd",
    "12345",
    "404",
    "status:404",
    "status:404.0",
    "status:null",
    "-status:*",
    "status:*",
    "time*",
    "*out",
    "t*out",
    "/time(d )?out/",
    "/3a12/",
    "/[0-9]{5}/",
    "ünïcode",
    "level:error",
    "level>=warning",
    "-level:error",
    "service:api",
    "service:orchestrator",
    "service:(api OR sessions)",
    "workflow_id:*",
    "-workflow_id:*",
    "duration_ms>50",
    "read_time>=1970-01-01T00:02:00Z",
    "error -read_time:*",
    "read_time:1970-01-01 status:404",
    "error OR timeout",
    "error -timeout",
    "*long*",
    "/forty/",
    "message:/more_and_more_and_more$/",
];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Add { group: usize, entries: Vec<Entry> },
    Commit,
    Roll,
    Seal,
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6);
    let value = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(Value::Int(404))),
        Just(Some(Value::Float(404.0))),
        Just(Some(Value::Float(0.5))),
        prop::sample::select(&WORDS[..]).prop_map(|word| Some(Value::Str(word.into()))),
    ];
    // Times repeat, so that their order by arrival counts.
    let head = (
        0..40_i64,
        prop::option::weighted(0.9, 0..4_i64),
        prop::sample::select(&Level::ALL[..]),
        prop::sample::select(&SERVICES[..]),
    );
    let options =
        (any::<bool>(), any::<bool>(), prop::option::of(0.0..100.0_f64), prop::sample::select(&["", "a", "b"][..]));
    (words, value, head, options).prop_map(
        |(words, status, (time, read_time, level, service), (has_id, is_slice, duration_ms, event))| {
            let message = words.join(" ");
            let raw: Box<str> = if is_slice { format!("head {message}").into() } else { "other raw text".into() };
            let slice = Text::Slice(5..raw.len() as u32);
            Entry {
                time: time * 7 * SECOND,
                read_time: read_time.map(|n| n * 60 * SECOND + 1),
                level,
                raw,
                message: if is_slice { slice } else { Text::Owned(message.into()) },
                source: format!("{service}.log").into(),
                service: service.into(),
                workflow_id: has_id.then(|| "wf-1".into()),
                event: (!event.is_empty()).then(|| event.into()),
                duration_ms,
                fields: status.map(|value| ("status".into(), value)).into_iter().collect(),
                ..Entry::default()
            }
        },
    )
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, prop::collection::vec(any_entry(), 1..120))
            .prop_map(|(group, entries)| Step::Add { group, entries }),
        2 => Just(Step::Commit),
        1 => Just(Step::Roll),
        1 => Just(Step::Seal),
    ]
}

/// Everything that was added, with its sequence number.
pub(super) type Truth = Vec<(u64, Entry)>;

fn newest_first(truth: &Truth, query: &Query, window: Window) -> Vec<(u64, Entry)> {
    let is_hit = |entry: &Entry| window.contains(entry.time) && query.matches(entry);
    let mut hits: Vec<_> = truth.iter().filter(|(_, entry)| is_hit(entry)).cloned().collect();
    hits.sort_by_key(|(sequence, entry)| std::cmp::Reverse((entry.time, *sequence)));
    hits
}

/// As when comparing: where the message stands does not matter.
fn plain(entries: &[(u64, Entry)]) -> Vec<(u64, Entry)> {
    let owned = |entry: &Entry| Entry { message: Text::Owned(entry.message().into()), ..entry.clone() };
    entries.iter().map(|(sequence, entry)| (*sequence, owned(entry))).collect()
}

fn pages(shared: &Shared, query: &Query, window: Window, limit: usize) -> Vec<(u64, Entry)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let request = Request { query: query.clone(), window, limit, after, budget: Budget::default() };
        let found = find(&shared.snapshot(), &request).unwrap();
        assert!(found.partial.is_none() && found.effort.damaged.is_empty(), "{found:?}");
        assert!(found.entries.len() == limit || found.next.is_none(), "a page that is not full is the last");
        all.extend(found.entries);
        after = found.next;
        if after.is_none() {
            return all;
        }
    }
}

fn compare(shared: &Shared, truth: &Truth, query: &str, window: Window) {
    let parsed: Query = query.parse().unwrap();
    let want = newest_first(truth, &parsed, window);
    for limit in [3, 1000] {
        let got = pages(shared, &parsed, window, limit);
        assert_eq!(plain(&got), plain(&want), "{query} in {window:?}, {limit} a page");
    }
    let request = RateRequest { query: parsed, window, step: 60 * SECOND, by: By::None, budget: Budget::default() };
    let report = rate(&shared.snapshot(), &request).unwrap();
    let mut total = Counts::default();
    report.groups.values().flat_map(|steps| steps.values()).for_each(|counts| total.add(counts));
    assert_eq!(total.entries, want.len() as u64, "{query}");
    assert_eq!(total.errors, want.iter().filter(|(_, entry)| entry.level.is_error()).count() as u64, "{query}");
}

pub(super) struct Model {
    _folder: tempfile::TempDir,
    pub(super) writer: Writer,
    pub(super) truth: Truth,
    now: i64,
}

impl Model {
    pub(super) fn new() -> Model {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::open(folder.path(), Options { partition_bytes: Bytes(1 << 30) }).unwrap();
        Model { _folder: folder, writer, truth: Vec::new(), now: crate::sys::clock::now() }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Add { group, entries } => {
                let next = self.truth.len() as u64;
                self.truth.extend((next..).zip(entries.iter().cloned()));
                self.writer.add(group, entries, Position::default()).unwrap();
            }
            Step::Commit => self.writer.commit().unwrap(),
            Step::Roll => {
                self.writer.commit().unwrap();
                self.now += 86_400 * SECOND;
                self.writer.roll_if_due(self.now).unwrap();
            }
            Step::Seal => self.seal(),
        }
    }

    /// Packs the oldest partition, also one that was packed before.
    fn seal(&mut self) {
        let shared = self.writer.shared();
        let mut views = shared.partitions();
        views.pop();
        if let Some(view) = views.first() {
            let sealed = Sealer::run(view, Packing::default(), &AtomicBool::new(false)).unwrap();
            assert!(shared.replace(sealed));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_as_a_plain_list_does(
        steps in prop::collection::vec(any_step(), 1..14),
        window in prop_oneof![Just((i64::MIN, i64::MAX)), (0..200_i64, 1..300_i64).prop_map(|(a, b)| (a * SECOND, (a + b) * SECOND))],
        asked in prop::sample::select(&QUERIES[..]),
    ) {
        let mut model = Model::new();
        let window = Window { since: window.0, until: window.1 };
        let shared = model.writer.shared();
        for step in steps {
            model.step(step);
            compare(&shared, &model.truth, asked, window);
        }
        for query in QUERIES {
            compare(&shared, &model.truth, query, window);
        }
    }

    #[test]
    fn pages_do_not_move_while_entries_arrive(
        first in prop::collection::vec(any_entry(), 20..300),
        steps in prop::collection::vec(any_step(), 1..8),
    ) {
        let mut model = Model::new();
        model.step(Step::Add { group: 0, entries: first });
        let want: Vec<u64> = newest_first(&model.truth, &Query::all(), Window::ALL).iter().map(|(n, _)| *n).collect();
        let shared = model.writer.shared();
        let (mut got, mut after, mut steps) = (Vec::new(), None, steps.into_iter());
        loop {
            let request = Request { query: Query::all(), window: Window::ALL, limit: 9, after, budget: Budget::default() };
            let found = find(&shared.snapshot(), &request).unwrap();
            got.extend(found.entries.iter().map(|(sequence, _)| *sequence));
            after = found.next;
            if after.is_none() {
                break;
            }
            steps.next().into_iter().for_each(|step| model.step(step));
        }
        prop_assert_eq!(got, want);
    }
}
