//! What must not grow: how soon a written line is found while ten thousand a second are written, memory, the start on many
//! sealed partitions, how soon a cancelled question ends, and what a thousand hostile questions leave behind. Prints its
//! own conditions.
//!
//! cargo bench --bench limits [-- ENTRIES]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use logmill::daemon::Engine;
use logmill::generate::corpus_json;
use logmill::query::Query;
use logmill::search::{Budget, Request, Window, ask, find};
use logmill::store::{Options, Packing, Sealer, Snapshot, Writer};
use logmill::sys::clock;
use logmill::sys::process::resident_bytes;
use logmill::sys::units::Bytes;
use serde_json::json;

/// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LINES_A_SECOND: u64 = 10_000;
const SECONDS: u64 = 10;
const PROBES: u64 = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", "visible", folder] => visible(Path::new(folder)),
        ["child", "start", data] => start(Path::new(data)),
        ["child", "questions", data] => questions(Path::new(data)),
        [] => run(1_000_000),
        [entries] => run(entries.parse().expect("the number of entries")),
        _ => panic!("usage: limits [ENTRIES]"),
    }
}

fn child(arguments: &[&str]) {
    let status = Command::new(std::env::current_exe().unwrap()).arg("child").args(arguments).status().unwrap();
    assert!(status.success(), "{arguments:?}: {status}");
}

fn run(entries: u64) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores; {entries} entries (JSON) a partition");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    child(&["visible", &path("visible")]);
    let log = path("corpus.jsonl");
    corpus_json(1, entries, &mut std::io::BufWriter::new(File::create(&log).unwrap())).unwrap();
    let data = folder.path().join("data");
    make(&data, Path::new(&log), folder.path());
    child(&["questions", &data.display().to_string()]);
    repeat(&data);
    child(&["start", &data.display().to_string()]);
}

/// Imports the log and seals what it became.
fn make(data: &Path, log: &Path, folder: &Path) {
    let config = format!("data_dir = {:?}\nhttp = \"off\"\n", data.display().to_string());
    fs::write(folder.join("logmill.toml"), config).unwrap();
    let loaded = logmill::config::load(Some(&folder.join("logmill.toml")), |_| ()).unwrap();
    let engine = Engine::start(loaded, false).unwrap();
    let begun = Instant::now();
    engine.ingest(vec![log.to_owned()], Some("orchestrator".to_owned()));
    let mut peak = 0;
    while !engine.board.lock().ingests.values().next().is_some_and(|state| state.is_over()) {
        peak = peak.max(resident_bytes());
        std::thread::sleep(Duration::from_millis(20));
    }
    engine.stop(Duration::from_secs(600));
    println!("memory at full ingest {} ({:.1} s); goal 150 MB", Bytes(peak), begun.elapsed().as_secs_f64());
    let mut writer = Writer::open(data, Options::default()).unwrap();
    writer.roll_if_due(clock::now() + 2 * 86_400 * clock::SECOND).unwrap();
    let view = writer.shared().partitions().remove(0);
    Sealer::run(&view, Packing::default(), &AtomicBool::new(false)).unwrap();
    drop(writer);
    fs::remove_dir_all(&view.path).unwrap();
}

/// The sealed partition again and again, by hard links, until they are 100 GB of raw logs.
fn repeat(data: &Path) {
    let partitions = data.join("partitions");
    let raw = Snapshot::of_disk(data).unwrap().partitions[0].summary.as_ref().unwrap().raw_bytes;
    let count = 100_000_000_000 / raw.max(1);
    for number in 3..count + 3 {
        let copy = partitions.join(format!("{number:06}.1"));
        fs::create_dir(&copy).unwrap();
        for file in fs::read_dir(partitions.join("000001.1")).unwrap().flatten() {
            fs::hard_link(file.path(), copy.join(file.file_name())).unwrap();
        }
    }
}

fn start(data: &Path) {
    let before = resident_bytes();
    let begun = Instant::now();
    let writer = Writer::open(data, Options::default()).unwrap();
    let opened = begun.elapsed();
    let snapshot = writer.shared().snapshot();
    println!(
        "start on {} sealed partitions, 100 GB of raw logs: {:.1} ms, {} of memory; goal 200 ms, 40 MB",
        snapshot.partitions.len() - 1,
        opened.as_secs_f64() * 1e3,
        Bytes(resident_bytes() - before.min(resident_bytes()))
    );
    let begun = Instant::now();
    let request = request("level>=error", 50);
    find(&snapshot, &request).unwrap();
    println!(
        "  then the newest 50 errors: {:.1} ms, {} in all",
        begun.elapsed().as_secs_f64() * 1e3,
        Bytes(resident_bytes())
    );
}

fn request(query: &str, limit: usize) -> Request {
    let query: Query = query.parse().unwrap();
    Request { query, window: Window::ALL, limit, after: None, budget: Budget::default() }
}

fn questions(data: &Path) {
    let snapshot = Snapshot::of_disk(data).unwrap();
    let mut latest = Duration::ZERO;
    for round in 0..20 {
        let cancel = Arc::new(AtomicBool::new(false));
        let mut request = request("/[0-9a-f]{9}/ | stats count() by message", 10);
        request.budget.cancel = cancel.clone();
        let cancelled = Mutex::new(None);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(5 + round * 7));
                *cancelled.lock().unwrap() = Some(Instant::now());
                cancel.store(true, Ordering::Relaxed);
            });
            ask(&snapshot, &request, clock::now()).unwrap();
            // One that ended by itself says nothing.
            if let Some(at) = *cancelled.lock().unwrap() {
                latest = latest.max(at.elapsed());
            }
        });
    }
    let ended = Some(latest).filter(|latest| !latest.is_zero());
    assert!(ended.is_some(), "every question ended before it was cancelled: take more entries");
    println!("a cancelled question ends after {:.1} ms at most (20 times); goal 50 ms", latest.as_secs_f64() * 1e3);
    let before = resident_bytes();
    let begun = Instant::now();
    let (mut answered, mut refused) = (0, 0);
    for number in 0..1000 {
        let Ok(query) = hostile(number).parse::<Query>() else {
            refused += 1;
            continue;
        };
        let budget = Budget { time: Duration::from_millis(20), ..Budget::default() };
        let request = Request { query, window: Window::ALL, limit: 10_000, after: None, budget };
        ask(&snapshot, &request, clock::now()).unwrap();
        answered += 1;
    }
    println!(
        "a thousand hostile questions ({answered} answered, {refused} refused, {:.1} s): memory {} before, {} after",
        begun.elapsed().as_secs_f64(),
        Bytes(before),
        Bytes(resident_bytes())
    );
}

fn hostile(number: usize) -> String {
    let n = number / 10 + 1;
    match number % 10 {
        0 => "(".repeat(n) + "a" + &")".repeat(n),
        1 => format!("/{}/", "(a|b)*".repeat(n)),
        2 => format!("/(x{{1,{n}}}){{1,{n}}}/"),
        3 => "* | stats count() by raw, message, timestamp".to_owned(),
        4 => "* | uniq message, duration_ms | sort -count".to_owned(),
        5 => format!("* | stats count_distinct(raw), quantile(0.{n}, duration_ms) by message"),
        6 => "a ".repeat(n * 4),
        7 => format!("*{}*", "a*".repeat(n)),
        8 => "* | sort message | context 1000 | limit 10000".to_owned(),
        _ => format!("/[^{}]+$/ -level:info", "\u{10ffff}".repeat(n)),
    }
}

/// Writes at a steady pace and asks for some of the lines until they are found.
fn visible(folder: &Path) {
    fs::create_dir_all(folder.join("logs")).unwrap();
    std::env::set_current_dir(folder).unwrap();
    let loaded = logmill::config::load(None, |config| config.http = "off".into()).unwrap();
    let engine = Engine::start(loaded, true).unwrap();
    let mut log = File::options().create(true).append(true).open("logs/api.log").unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let written: Arc<Mutex<Vec<(u64, Instant)>>> = Arc::default();
    let done = Arc::new(AtomicBool::new(false));
    let writer = {
        let (written, done) = (written.clone(), done.clone());
        std::thread::spawn(move || {
            let begun = Instant::now();
            let total = LINES_A_SECOND * SECONDS;
            let every = total / PROBES;
            let mut line = 0;
            while line < total {
                let due = (begun.elapsed().as_secs_f64() * LINES_A_SECOND as f64) as u64;
                while line < due.min(total) {
                    let word =
                        if line % every == 0 { format!("probe{}x", line / every) } else { "GET /health".to_owned() };
                    writeln!(log, "INFO:     {word} {line}").unwrap();
                    if line % every == 0 {
                        written.lock().unwrap().push((line / every, Instant::now()));
                    }
                    line += 1;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            done.store(true, Ordering::Relaxed);
        })
    };
    let mut times = Vec::new();
    loop {
        let waiting: Vec<(u64, Instant)> = written.lock().unwrap().drain(..).collect();
        if waiting.is_empty() && done.load(Ordering::Relaxed) {
            break;
        }
        for (probe, since) in waiting {
            let request = request(&format!("probe{probe}x"), 1);
            while find(&engine.shared.snapshot(), &request).unwrap().entries.is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            times.push(since.elapsed().as_secs_f64() * 1e3);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    writer.join().unwrap();
    let memory = resident_bytes();
    engine.stop(Duration::from_secs(10));
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "a line is found after {:.0} ms (p50), {:.0} ms (p99), {:.0} ms at most, at {LINES_A_SECOND} lines/s; goal 100, 500 ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    println!("  memory then {}: {}", Bytes(memory), json!({ "probes": times.len() }));
}
