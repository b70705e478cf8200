//! What it costs to take entries of others: `cargo bench --bench receive [-- ENTRIES]`. CPU time an entry for each protocol,
//! from the body to entries; then the journal, by batches of different sizes, each durable before the next. On one thread.
//! Prints its own conditions.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use logmill::generate::corpus_json;
use logmill::pipeline::Pipeline;
use logmill::receive::protocols::{Reader, bulk, lines, otlp, syslog};
use logmill::receive::{Journal, Received, Rules};
use logmill::search::{Fed, Place};
use logmill::ship::kinds::otlp_encode;
use logmill::ship::{Item, Mapping};
use logmill::sys::process::thread_cpu_seconds;

/// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 1;
const ROUNDS: usize = 5;
const NOW: i64 = 1_795_600_000_000_000_000;

fn main() {
    let argument = std::env::args().skip(1).find(|argument| argument != "--bench");
    let count: u64 = argument.map_or(20_000, |text| text.parse().expect("the number of entries"));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut corpus = Vec::new();
    corpus_json(SEED, count, &mut corpus).unwrap();
    let received = lines::read(&corpus, &reader()).unwrap();
    let count = received.len();
    println!(
        "load {}; seed {SEED}; {count} entries of {} bytes (JSON); best of {ROUNDS}",
        load.trim(),
        corpus.len() / count
    );
    let items: Vec<Item> = received.iter().zip(0..).map(|(one, sequence)| item(one, sequence)).collect();
    let records: Vec<u8> =
        items.iter().flat_map(|item| (item.entry.to_json(true).to_string() + "\n").into_bytes()).collect();
    let documents: Vec<u8> =
        records.split_inclusive(|byte| *byte == b'\n').flat_map(|line| [b"{\"create\":{}}\n", line].concat()).collect();
    let logs = || otlp_encode::Logs::new(&Mapping::default(), &items);
    let (protobuf, json) = (otlp_encode::protobuf(&logs()), otlp_encode::json(&logs()));
    let message = |item: &Item| format!("<13>1 2026-11-26T10:00:00Z h app 1 - - {}", item.entry.message()).into_bytes();
    let messages: Vec<Vec<u8>> = items.iter().map(message).collect();
    parse("JSON as programs log it", count, || lines::read(&corpus, &reader()).unwrap().len());
    parse("another logmill's entries", count, || lines::read(&records, &reader()).unwrap().len());
    parse("_bulk", count, || bulk::read(&documents, &reader()).unwrap().received.len());
    parse("OTLP, protobuf", count, || otlp::protobuf(&protobuf, &reader()).unwrap().len());
    parse("OTLP, JSON", count, || otlp::json(&json, &reader()).unwrap().len());
    // As a connection reads them: one reader for what came at once.
    parse("syslog, RFC 5424", count, || {
        let reader = reader();
        messages.iter().filter_map(|bytes| syslog::message(bytes, &reader)).count()
    });
    let rules = rules();
    let screen = || rules.screen("lines", received.clone(), NOW).0.len();
    parse("a copy, without rules", count, || received.clone().len());
    parse("a copy, redacted", count, screen);
    for size in [1, 10, 100, 1_000, 10_000] {
        journal(size, &received);
    }
}

/// All recipes, and a filter that everything passes.
fn rules() -> Rules {
    let definition = "name = \"bench\"\n[source]\ninclude = []\n[filter]\nkeep = \"*\"\n[redact]\n\
        recipes = [\"keys\", \"tokens\", \"email\", \"credit_card\", \"ipv4\"]\n";
    let mut rules = Rules::default();
    rules.set("lines", Pipeline::parse(definition, Path::new("bench")).expect("a pipeline"));
    rules
}

fn reader() -> Reader {
    Reader::new("bench", "bench", NOW)
}

fn item(received: &Received, sequence: u64) -> Item {
    Item::new("00c0ffee00c0ffee", Fed { place: Place { partition: 1, sequence }, entry: received.entry.clone() })
}

fn parse(name: &str, count: usize, run: impl Fn() -> usize) {
    let time = |_| {
        let before = thread_cpu_seconds();
        assert_eq!(black_box(run()), count, "{name}");
        thread_cpu_seconds() - before
    };
    let best = (0..ROUNDS).map(time).min_by(f64::total_cmp).unwrap_or(f64::NAN);
    println!("{name:<28} {:>6.2} us CPU an entry", best * 1e6 / count as f64);
}

/// Batches one after the other, at most a second's worth.
fn journal(size: usize, received: &[Received]) {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
    let batch = vec![received[..size.min(received.len())].to_vec()];
    let (begun, cpu, mut batches) = (Instant::now(), thread_cpu_seconds(), 0);
    while begun.elapsed().as_secs_f64() < 1.0 {
        journal.append(&batch).unwrap();
        batches += 1;
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), thread_cpu_seconds() - cpu);
    let entries = (batches * batch[0].len()) as f64;
    println!(
        "journal, {size:>6} at once       {:>6.2} us CPU an entry, {:>8.0} entries/s, {:>6.2} ms a batch",
        cpu * 1e6 / entries,
        entries / seconds,
        seconds * 1e3 / f64::from(batches as u32)
    );
}
