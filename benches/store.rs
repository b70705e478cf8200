//! What sealed partitions cost and how fast they answer, beside the goals: ingest, sealing, size by part, questions
//! warm and cold, and the same questions put to a scan of the raw files. Prints its own conditions.
//!
//! cargo bench --bench store [-- ENTRIES | FILE…]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use logmill::generate::{CORPUS_START, Generator, corpus_json, corpus_text};
use logmill::pipeline::{Pipeline, StreamParser};
use logmill::search::{self, Body, Budget, Request, Window};
use logmill::store::{Options as StoreOptions, Packing, Sealer, Snapshot, Writer};
use logmill::sys::clock;
use logmill::sys::process::{cpu_seconds, peak_resident_bytes, thread_cpu_seconds};
use logmill::sys::units::Bytes;
use logmill::tail::{Options as TailOptions, Source, Tailer};
use serde_json::{Value, json};

/// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 1;
const DEFAULT_ENTRIES: u64 = 2_500_000;
/// As the daemon does by default.
const COMMIT_ENTRIES: usize = 200_000;
const RUNS: usize = 9;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["child", "ingest", data, ref logs @ ..] => println!("{}", ingest(Path::new(data), logs)),
        ["child", "seal", data] => println!("{}", seal(Path::new(data))),
        ["child", "ask", data, ref own @ ..] => println!("{}", ask(Path::new(data), own)),
        [] => run(DEFAULT_ENTRIES, &[]),
        [first, ..] => match first.parse() {
            Ok(entries) => run(entries, &[]),
            Err(_) => run(0, &words),
        },
    }
}

/// Each step in a process of its own, so that peak memory is its own.
fn child(arguments: &[&str]) -> Value {
    let output = Command::new(std::env::current_exe().unwrap()).arg("child").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(entries: u64, files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(" unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = cpu.trim_matches(['\t', ':', ' ']);
    println!("{cores} cores of {cpu}; {}; seed {SEED}; commit every {COMMIT_ENTRIES} entries", folder.path().display());
    let logs: Vec<String> = match files {
        [] => generate(folder.path(), entries),
        files => files.iter().map(|file| (*file).to_owned()).collect(),
    };
    let raw: u64 = logs.iter().map(|log| fs::metadata(log).unwrap().len()).sum();
    let data = folder.path().join("data").display().to_string();
    let mut arguments = vec!["ingest", data.as_str()];
    arguments.extend(logs.iter().map(String::as_str));
    let ingested = child(&arguments);
    let count = ingested["entries"].as_f64().unwrap();
    println!("\n{count} entries, {:.1} MB", raw as f64 / 1e6);
    print_cost("ingest", &ingested, count, raw, "goal 3.3 (text), 4.5 (JSON)");
    let sealed = child(&["seal", &data]);
    print_cost("seal", &sealed, count, raw, "goal 2, 200 MB");
    print_parts(Path::new(&data), raw);
    let answers = child(&["ask", &data]);
    println!("\n  question, median of {RUNS} runs                       warm     CPU    cold  hits       goal");
    for answer in answers.as_array().unwrap() {
        let number = |key: &str| answer[key].as_f64().unwrap();
        println!(
            "  {:46} {:7.1} {:7.1} {:7.1}  {:<9}  {}",
            answer["question"].as_str().unwrap(),
            number("warm"),
            number("cpu"),
            number("cold"),
            number("hits"),
            answer["goal"].as_str().unwrap(),
        );
    }
    grep(&logs);
}

fn print_cost(name: &str, result: &Value, entries: f64, raw: u64, goal: &str) {
    let micros = |seconds: &Value| seconds.as_f64().unwrap() * 1e6 / entries;
    let stage = |s: &Value| format!("{} {:.2}", s[0].as_str().unwrap(), micros(&s[1]));
    let stages: Vec<String> = result["stages"].as_array().into_iter().flatten().map(stage).collect();
    println!(
        "  {name:8} {:5.2} CPU µs/entry ({}), {:.0} entries/s, peak {:.0} MB, {:.3} of raw on disk; {goal}",
        micros(&result["cpu"]),
        stages.join(", "),
        entries / result["seconds"].as_f64().unwrap(),
        result["peak"].as_f64().unwrap() / 1e6,
        result["disk"].as_f64().unwrap() / raw as f64,
    );
}

/// The three shapes of the home system, each a third of the entries and all over the same day.
fn generate(folder: &Path, entries: u64) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    let logs = vec![path("orchestrator.log"), path("orchestrator-json.log"), path("api.log")];
    let open = |path: &str| BufWriter::new(File::create(path).unwrap());
    corpus_text(SEED, entries / 3, &mut open(&logs[0])).unwrap();
    corpus_json(SEED + 1, entries / 3, &mut open(&logs[1])).unwrap();
    let mut api = open(&logs[2]);
    let mut generator = Generator::new(SEED + 2, CORPUS_START);
    let mut left = entries / 3;
    while left > 0 {
        let line = generator.next();
        if &*line.file == "logs/api.log" {
            api.write_all(line.text.as_bytes()).unwrap();
            left -= 1;
        }
    }
    logs
}

fn files(data: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(data.join("partitions")).unwrap().flatten().map(|item| item.path());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap().flatten().map(|item| item.path())).collect()
}

fn size(data: &Path) -> u64 {
    files(data).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

fn print_parts(data: &Path, raw: u64) {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for file in files(data) {
        let kind = file.extension().or(file.file_name()).unwrap_or_default().to_string_lossy().into_owned();
        *parts.entry(kind).or_default() += fs::metadata(&file).unwrap().len();
    }
    let part = |(kind, bytes): (&String, &u64)| format!("{kind} {:.4}", *bytes as f64 / raw as f64);
    println!(
        "           of raw by part: {}; goal 0.20 in all, 0.13 (JSON)",
        parts.iter().map(part).collect::<Vec<_>>().join(", ")
    );
}

fn pipeline_of(log: &str) -> Pipeline {
    let name = if log.contains("api") { "api" } else { "orchestrator" };
    Pipeline::shipped().into_iter().find(|p| p.name() == name).unwrap()
}

fn ingest(data: &Path, logs: &[&str]) -> Value {
    let begun = Instant::now();
    let cpu_before = cpu_seconds();
    let options = StoreOptions { partition_bytes: Bytes(1 << 40) };
    let mut writer = Writer::open(data, options).unwrap();
    let (mut entries, mut reading, mut parsing, mut adding, mut committing) = (0, 0.0, 0.0, 0.0, 0.0);
    for (group, log) in logs.iter().enumerate() {
        let source = Source { name: "bench".into(), include: vec![(*log).to_owned()], ..Source::default() };
        let mut tailer = Tailer::new(vec![source], TailOptions::default(), Vec::new(), 0);
        let pipeline = pipeline_of(log);
        let mut parser: Option<StreamParser> = None;
        let mut more = true;
        while more {
            let (tick_begun, mut aside) = (thread_cpu_seconds(), 0.0);
            let tick = tailer.tick(clock::now(), &mut |batch| {
                let begun = thread_cpu_seconds();
                let parsed = parser.get_or_insert_with(|| pipeline.stream(&batch.source)).run(&batch);
                let parse_done = thread_cpu_seconds();
                parsing += parse_done - begun;
                entries += parsed.entries.len();
                writer.add(group, parsed.entries, parsed.position).unwrap();
                let add_done = thread_cpu_seconds();
                adding += add_done - parse_done;
                if writer.waiting_entries() >= COMMIT_ENTRIES {
                    writer.commit().unwrap();
                    committing += thread_cpu_seconds() - add_done;
                }
                aside += thread_cpu_seconds() - begun;
                true
            });
            reading += thread_cpu_seconds() - tick_begun - aside;
            more = tick.more;
        }
        if let Some(last) = parser.and_then(|mut parser| parser.flush()) {
            entries += last.entries.len();
            writer.add(group, last.entries, last.position).unwrap();
        }
    }
    writer.commit().unwrap();
    // Ends the partition, so that it can be sealed.
    writer.roll_if_due(clock::now() + 2 * 86_400 * clock::SECOND).unwrap();
    drop(writer);
    let cpu = cpu_seconds() - cpu_before;
    let indexing = cpu - reading - parsing - adding - committing;
    json!({
        "entries": entries, "cpu": cpu, "seconds": begun.elapsed().as_secs_f64(),
        "peak": peak_resident_bytes(), "disk": size(data),
        "stages": [["read", reading], ["parse", parsing], ["blocks", adding], ["commit", committing], ["tantivy", indexing]],
    })
}

fn seal(data: &Path) -> Value {
    let (begun, cpu_before) = (Instant::now(), cpu_seconds());
    let snapshot = Snapshot::of_disk(data).unwrap();
    let old = &snapshot.partitions[0];
    Sealer::run(old, Packing::default(), &AtomicBool::new(false)).unwrap();
    let (cpu, seconds) = (cpu_seconds() - cpu_before, begun.elapsed().as_secs_f64());
    fs::remove_dir_all(&old.path).unwrap();
    json!({ "cpu": cpu, "seconds": seconds, "peak": peak_resident_bytes(), "disk": size(data) })
}

/// Questions with their goals.
const QUESTIONS: [(&str, &str); 9] = [
    ("workflow_id:WORKFLOW", "5 ms, cold 60"),
    ("\"slow operation\" level>=warning", "2 ms (newest 50)"),
    ("* | stats count() by level, step(1m)", "5 ms"),
    ("level>=error | stats count() by workflow_type", "20 ms"),
    ("* | stats count() by logger", "120 ms, two cores"),
    ("* | stats count() by status", "120 ms, two cores"),
    ("/eadlock/", "40 ms, two cores"),
    ("/8f3a1c/", "300 ms, two cores"),
    ("\"operation failed\"", "120 ms, two cores"),
];

/// Asks the questions that have goals, or others.
fn ask(data: &Path, own: &[&str]) -> Value {
    let snapshot = Snapshot::of_disk(data).unwrap();
    let Body::Entries(any) = search::ask(&snapshot, &request("workflow_id:*", 1), 0).unwrap().body else { panic!() };
    let workflow = any[0].1.workflow_id.clone().unwrap();
    let mut answers = Vec::new();
    let own: Vec<(&str, &str)> = own.iter().map(|question| (*question, "")).collect();
    for (question, goal) in if own.is_empty() { &QUESTIONS[..] } else { &own } {
        let question = question.replace("WORKFLOW", &workflow);
        let request = request(&question, if goal.contains("newest 50") { 50 } else { 10_000 });
        let hits = answer(&snapshot, &request);
        let mut times = Vec::new();
        let cpu = cpu_seconds();
        for _ in 0..RUNS {
            let begun = Instant::now();
            answer(&snapshot, &request);
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let cpu = (cpu_seconds() - cpu) * 1e3 / RUNS as f64;
        times.sort_by(f64::total_cmp);
        answers.push(json!({
            "question": question, "goal": goal, "hits": hits, "warm": times[RUNS / 2], "cpu": cpu,
            "cold": cold(data, &request),
        }));
    }
    answers.into()
}

/// With nothing open and nothing in the page cache.
fn cold(data: &Path, request: &Request) -> f64 {
    for file in files(data) {
        let file = File::open(file).unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
    let begun = Instant::now();
    answer(&Snapshot::of_disk(data).unwrap(), request);
    begun.elapsed().as_secs_f64() * 1e3
}

fn request(query: &str, limit: usize) -> Request {
    let budget = Budget { time: Duration::from_secs(600), ..Budget::default() };
    Request { query: query.parse().unwrap(), window: Window::ALL, limit, after: None, budget }
}

/// Number of entries or rows.
fn answer(snapshot: &Snapshot, request: &Request) -> usize {
    let answer = search::ask(snapshot, request, clock::now()).unwrap();
    assert!(answer.partial.is_none(), "{:?}", answer.partial);
    match answer.body {
        Body::Entries(entries) => entries.len(),
        Body::Table(table) => table.rows.len(),
    }
}

/// The yardstick: GNU grep over the raw files in the page cache.
fn grep(logs: &[String]) {
    for pattern in ["eadlock", "8f3a1c", "operation failed"] {
        let begun = Instant::now();
        let Ok(output) = Command::new("grep").args(["-c", "-h", pattern]).args(logs).env("LC_ALL", "C").output() else {
            println!("  no grep here to compare with");
            return;
        };
        let hits: u64 =
            String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse::<u64>().ok()).sum();
        println!("  grep {pattern:41} {:7.1}                  {hits}", begun.elapsed().as_secs_f64() * 1e3);
    }
}
