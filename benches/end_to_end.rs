//! From a file to committed and searchable entries, on one reading and one indexing thread, split by stage; beside
//! it tantivy with one document an entry, over the same entries. Prints its own conditions.
//!
//! cargo bench --bench end_to_end [-- ENTRIES]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use logmill::generate::{corpus_json, corpus_text};
use logmill::pipeline::{Pipeline, StreamParser};
use logmill::query::Query;
use logmill::record::{Entry, EntryBatch};
use logmill::search::{Budget, Request, Window, find};
use logmill::store::{Options as StoreOptions, Writer};
use logmill::sys::clock;
use logmill::sys::files::folder_size;
use logmill::sys::process::{cpu_seconds, peak_resident_bytes, thread_cpu_seconds};
use logmill::tail::{Options as TailOptions, Source, Tailer};
use serde_json::{Value, json};

/// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 1;
const DEFAULT_ENTRIES: u64 = 500_000;
/// As the daemon does by default.
const COMMIT_ENTRIES: usize = 200_000;
const PROBES: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", "logmill", log, data] => println!("{}", logmill(Path::new(log), Path::new(data))),
        ["child", "tantivy", log, data] => println!("{}", tantivy(Path::new(log), Path::new(data))),
        ["child", "visible", folder] => println!("{}", visible(Path::new(folder))),
        [] => compare(DEFAULT_ENTRIES),
        [entries] => compare(entries.parse().expect("the number of entries")),
        _ => panic!("usage: end_to_end [ENTRIES]"),
    }
}

/// Each run in a process of its own, so that peak memory is its own.
fn child(arguments: &[&str]) -> Value {
    let output = Command::new(std::env::current_exe().unwrap()).arg("child").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn compare(entries: u64) {
    let folder = tempfile::tempdir().unwrap();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu =
        cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(" unknown").trim_matches(['\t', ':', ' ']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores of {cpu}; {}; seed {SEED}; commit every {COMMIT_ENTRIES} entries", folder.path().display());
    for (name, is_json) in [("text", false), ("json", true)] {
        let log = folder.path().join("logs/orchestrator.log");
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let mut out = BufWriter::new(File::create(&log).unwrap());
        let truth = match is_json {
            true => corpus_json(SEED, entries, &mut out),
            false => corpus_text(SEED, entries, &mut out),
        };
        let truth = truth.unwrap();
        out.flush().unwrap();
        println!("\n{name}: {} entries, {:.1} MB", truth.entries, truth.bytes as f64 / 1e6);
        let path = |name: &str| folder.path().join(name).display().to_string();
        for run in ["logmill", "tantivy"] {
            let data = path(&format!("{run}-{name}"));
            let result = child(&[run, &path("logs/orchestrator.log"), &data]);
            assert_eq!(result["entries"], truth.entries, "{run} does not have every entry");
            report(run, &result, truth.bytes);
            fs::remove_dir_all(data).unwrap();
        }
    }
    let visible = child(&["visible", &folder.path().join("visible").display().to_string()]);
    println!(
        "\na written line is found after {} ms (median of {PROBES}), {} ms at most",
        visible["median"], visible["max"]
    );
}

fn report(name: &str, result: &Value, raw: u64) {
    let entries = result["entries"].as_f64().unwrap();
    let micros = |key: &str| result[key].as_f64().unwrap() * 1e6 / entries;
    let stages: Vec<String> = result["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| format!("{} {:.2}", s[0].as_str().unwrap(), s[1].as_f64().unwrap() * 1e6 / entries))
        .collect();
    println!(
        "  {name:8} {:5.2} CPU µs/entry ({}), {:.0} entries/s, peak {:.0} MB, {:.3} of raw on disk",
        micros("cpu"),
        stages.join(", "),
        entries / result["seconds"].as_f64().unwrap(),
        result["peak"].as_f64().unwrap() / 1e6,
        result["disk"].as_f64().unwrap() / raw as f64,
    );
}

/// Reads the whole log once and hands the entries of each batch on; returns CPU seconds of reading and of parsing.
fn read(log: &Path, mut take: impl FnMut(EntryBatch)) -> (f64, f64) {
    let include = vec![log.display().to_string()];
    let source = Source { name: "orchestrator".into(), include, ..Source::default() };
    let mut tailer = Tailer::new(vec![source], TailOptions::default(), Vec::new(), 0);
    let pipeline = Pipeline::shipped().into_iter().find(|p| p.name() == "orchestrator").unwrap();
    let mut parser: Option<StreamParser> = None;
    let (mut reading, mut parsing) = (0.0, 0.0);
    loop {
        let (begun, mut aside) = (thread_cpu_seconds(), 0.0);
        let tick = tailer.tick(clock::now(), &mut |batch| {
            let begun = thread_cpu_seconds();
            let parser = parser.get_or_insert_with(|| pipeline.stream(&batch.source));
            let entries = parser.run(&batch);
            parsing += thread_cpu_seconds() - begun;
            take(entries);
            aside += thread_cpu_seconds() - begun;
            true
        });
        reading += thread_cpu_seconds() - begun - aside;
        assert!(tick.errors.is_empty(), "{:?}", tick.errors);
        if !tick.more {
            break;
        }
    }
    if let Some(last) = parser.and_then(|mut p| p.flush()) {
        take(last);
    }
    (reading, parsing)
}

fn logmill(log: &Path, data: &Path) -> Value {
    let begun = Instant::now();
    let cpu_before = cpu_seconds();
    let mut writer = Writer::open(data, StoreOptions::default()).unwrap();
    let (mut entries, mut adding, mut committing) = (0, 0.0, 0.0);
    let (reading, parsing) = read(log, |batch| {
        entries += batch.entries.len();
        let begun = thread_cpu_seconds();
        writer.add(0, batch.entries, batch.position).unwrap();
        adding += thread_cpu_seconds() - begun;
        if writer.waiting_entries() >= COMMIT_ENTRIES {
            let begun = thread_cpu_seconds();
            writer.commit().unwrap();
            committing += thread_cpu_seconds() - begun;
        }
    });
    writer.commit().unwrap();
    drop(writer);
    let cpu = cpu_seconds() - cpu_before;
    // What this thread did not do: tantivy's indexing and merging threads.
    let indexing = cpu - reading - parsing - adding - committing;
    json!({
        "entries": entries, "cpu": cpu, "seconds": begun.elapsed().as_secs_f64(),
        "peak": peak_resident_bytes(), "disk": folder_size(data),
        "stages": [["read", reading], ["parse", parsing], ["blocks", adding], ["commit", committing], ["tantivy", indexing]],
    })
}

/// One document an entry, as one would begin with tantivy: words of the text, level and ids as keys, time as a
/// column, the raw text stored (not compressed: the store's own blocks are, so the feature is not built).
fn tantivy(log: &Path, data: &Path) -> Value {
    use tantivy::schema::{FAST, IndexRecordOption, STORED, STRING, SchemaBuilder, TextFieldIndexing, TextOptions};
    fs::create_dir_all(data).unwrap();
    let begun = Instant::now();
    let cpu_before = cpu_seconds();
    let mut builder = SchemaBuilder::new();
    let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::Basic).set_fieldnorms(false);
    let text = builder.add_text_field("text", TextOptions::default().set_indexing_options(indexing).set_stored());
    let keys = builder.add_text_field("keys", STRING);
    let time = builder.add_i64_field("time", FAST | STORED);
    let index = ::tantivy::Index::create_in_dir(data, builder.build()).unwrap();
    let mut writer = index.writer_with_num_threads(1, 32 << 20).unwrap();
    let document = |entry: &Entry| {
        let mut document = ::tantivy::TantivyDocument::default();
        document.add_text(text, &entry.raw);
        document.add_i64(time, entry.time);
        document.add_text(keys, entry.level.name());
        entry.named().iter().filter_map(|(_, value)| *value).for_each(|value| document.add_text(keys, value));
        document
    };
    let (mut entries, mut waiting, mut adding, mut committing) = (0, 0, 0.0, 0.0);
    let (reading, parsing) = read(log, |batch| {
        entries += batch.entries.len();
        waiting += batch.entries.len();
        let begun = thread_cpu_seconds();
        batch.entries.iter().for_each(|entry| {
            writer.add_document(document(entry)).unwrap();
        });
        adding += thread_cpu_seconds() - begun;
        if waiting >= COMMIT_ENTRIES {
            waiting = 0;
            let begun = thread_cpu_seconds();
            writer.commit().unwrap();
            committing += thread_cpu_seconds() - begun;
        }
    });
    writer.commit().unwrap();
    writer.wait_merging_threads().unwrap();
    let cpu = cpu_seconds() - cpu_before;
    let indexing = cpu - reading - parsing - adding - committing;
    json!({
        "entries": entries, "cpu": cpu, "seconds": begun.elapsed().as_secs_f64(),
        "peak": peak_resident_bytes(), "disk": folder_size(data),
        "stages": [["read", reading], ["parse", parsing], ["documents", adding], ["commit", committing], ["tantivy", indexing]],
    })
}

/// How long it takes until the daemon's engine finds a line that was just written, in milliseconds.
fn visible(folder: &Path) -> Value {
    fs::create_dir_all(folder.join("logs")).unwrap();
    std::env::set_current_dir(folder).unwrap();
    let loaded = logmill::config::load(None, |config| config.http = "off".into()).unwrap();
    let engine = logmill::daemon::Engine::start(loaded, true).unwrap();
    let mut log = File::options().create(true).append(true).open("logs/api.log").unwrap();
    let mut times = Vec::new();
    for probe in 0..PROBES {
        std::thread::sleep(Duration::from_millis(37 * probe as u64 % 300));
        // A heading behind it, as in a file that goes on growing, or nothing: then the entry waits for more lines.
        let next = if probe % 2 == 0 { "INFO:     next\n" } else { "" };
        let begun = Instant::now();
        write!(log, "INFO:     probe{probe}x\n{next}").unwrap();
        let query = Query::parse(&format!("probe{probe}x")).unwrap();
        loop {
            let request =
                Request { query: query.clone(), window: Window::ALL, limit: 1, after: None, budget: Budget::default() };
            if !find(&engine.shared.snapshot(), &request).unwrap().entries.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        times.push(begun.elapsed().as_millis() as u64);
    }
    engine.stop(Duration::from_secs(10));
    times.sort_unstable();
    json!({ "median": times[PROBES / 2], "max": times[PROBES - 1] })
}
