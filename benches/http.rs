//! What the daemon's face costs the reading of logs: how fast a log is indexed alone, with a thousand requests of `/health`
//! a second and a scrape each second, and with a hundred live tails. The kinds take turns, so that what else the machine
//! does falls on all of them. Prints its own conditions.
//!
//! cargo bench --bench http [-- ENTRIES [ROUNDS]]

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use logmill::generate::corpus_json;
use logmill::http::Client;
use serde_json::Value;

const SEED: u64 = 1;
const REQUESTS_A_SECOND: u64 = 1000;
const TAILS: usize = 100;
/// As in the kernel.
const TICKS_A_SECOND: f64 = 100.0;

#[derive(Clone, Copy, PartialEq)]
enum Load {
    Nothing,
    /// `/health`, and `/metrics` each second.
    Requests,
    /// With as many different queries.
    Tails,
}

const LOADS: [(Load, &str, f64); 3] = [
    (Load::Nothing, "alone", 0.0),
    (Load::Requests, "1000 /health a second, a scrape a second", 3.0),
    (Load::Tails, "100 live tails", 10.0),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    let (entries, rounds) = (number(0, 1_000_000), number(1, 5));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("corpus.log");
    let mut out = BufWriter::new(File::create(&log).unwrap());
    let truth = corpus_json(SEED, entries, &mut out).unwrap();
    out.flush().unwrap();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu =
        cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(" unknown").trim_matches(['\t', ':', ' ']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{cores} cores of {cpu}, also for who asks; {entries} entries (JSON, seed {SEED}), {:.0} MB; {rounds} rounds",
        truth.bytes as f64 / 1e6
    );
    let (mut rates, mut cpu_seconds) = (vec![Vec::new(); LOADS.len()], vec![Vec::new(); LOADS.len()]);
    for round in 0..rounds as usize {
        for turn in 0..LOADS.len() {
            let place = (turn + round) % LOADS.len();
            let (load, name, _) = LOADS[place];
            let run = run(folder.path(), &log, truth.entries, load);
            println!("  {name}: {:.0} entries/s; CPU of the daemon {:.2} s; {}", run.rate, run.cpu, run.told);
            rates[place].push(run.rate);
            cpu_seconds[place].push(run.cpu);
        }
    }
    for (place, (_, name, goal)) in LOADS.iter().enumerate() {
        let lost = (1.0 - median(&rates[place]) / median(&rates[0])) * 100.0;
        let more = (median(&cpu_seconds[place]) / median(&cpu_seconds[0]) - 1.0) * 100.0;
        let goal = if *goal > 0.0 { format!(" (goal < {goal} %)") } else { String::new() };
        println!(
            "{name}: median {:.0} entries/s, {lost:.1} % less than alone{goal}; {more:.1} % more CPU",
            median(&rates[place])
        );
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Run {
    /// Entries a second.
    rate: f64,
    cpu: f64,
    told: String,
}

/// Killed when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(folder: &Path, log: &Path, entries: u64, load: Load) -> Run {
    let home = folder.join("home");
    fs::create_dir_all(home.join("logs")).unwrap();
    fs::create_dir_all(home.join("config")).unwrap();
    fs::write(home.join("config/logmill.toml"), "http = \"127.0.0.1:0\"\n[rotation]\nenabled = false\n").unwrap();
    let errors = File::create(home.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_logmill"));
    let daemon = Daemon(command.arg("run").current_dir(&home).stdout(Stdio::null()).stderr(errors).spawn().unwrap());
    let socket = home.join("data/control.sock");
    let client = loop {
        std::thread::sleep(Duration::from_millis(20));
        if let (Some(client), true) = (Client::of_data_dir(&socket), home.join("data/http.addr").exists()) {
            break client;
        }
    };
    let address = fs::read_to_string(home.join("data/http.addr")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let loading = {
        let stop = stop.clone();
        std::thread::spawn(move || match load {
            Load::Nothing => String::new(),
            Load::Requests => requests(&address, &stop),
            Load::Tails => tails(&address, &stop),
        })
    };
    std::thread::sleep(Duration::from_secs(1));
    fs::hard_link(log, home.join("logs/orchestrator.log")).unwrap();
    let read = || client.ask("/status", None).unwrap().body["entries_read"].as_u64().unwrap();
    // How soon the file is found is another matter.
    let before = wait(&read, 1);
    let (begun, cpu_before) = (Instant::now(), cpu_of(daemon.0.id()));
    assert_eq!(wait(&read, entries), entries);
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_of(daemon.0.id()) - cpu_before);
    let rate = (entries - before) as f64 / seconds;
    stop.store(true, Ordering::Relaxed);
    let told = loading.join().unwrap();
    drop(daemon);
    fs::remove_dir_all(&home).unwrap();
    Run { rate, cpu, told }
}

/// Until so many entries are read; the number that then is.
fn wait(read: &dyn Fn() -> u64, entries: u64) -> u64 {
    loop {
        match read() {
            now if now >= entries => return now,
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// User and system time of a process.
fn cpu_of(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_A_SECOND
}

/// Asks at a steady pace over one connection.
fn requests(address: &str, stop: &AtomicBool) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let begun = Instant::now();
    let (mut asked, mut scraped) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * REQUESTS_A_SECOND as f64) as u64;
        while asked < due {
            ask(&mut stream, "/health");
            asked += 1;
        }
        while scraped < begun.elapsed().as_secs() {
            ask(&mut stream, "/metrics");
            scraped += 1;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    format!("{:.0} requests/s, {scraped} scrapes", asked as f64 / begun.elapsed().as_secs_f64())
}

/// One request, and all of its answer.
fn ask(stream: &mut TcpStream, target: &str) {
    write!(stream, "GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "the daemon hung up");
        answer.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let size = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= size.parse().unwrap() {
            return;
        }
    }
}

/// Each follows something else: levels, types, words, everything.
fn query(number: usize) -> String {
    match number % 5 {
        0 => format!("line:{number}"),
        1 => format!("level>=error%20-word{number}"),
        2 => format!("workflow_type:tdd%20duration_ms>{number}"),
        3 => format!("timeout%20OR%20word{number}"),
        _ => format!("-word{number}"),
    }
}

fn tails(address: &str, stop: &AtomicBool) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (events, matching, unseen) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let set = tokio::task::LocalSet::new();
    let counts = Arc::new((events, matching, unseen));
    for number in 0..TAILS {
        let (address, counts) = (address.to_owned(), counts.clone());
        set.spawn_local(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let request = format!("GET /api/v1/tail?query={} HTTP/1.0\r\nhost: localhost\r\n\r\n", query(number));
            stream.writable().await.unwrap();
            assert_eq!(stream.try_write(request.as_bytes()).unwrap(), request.len());
            let (mut rest, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
            loop {
                stream.readable().await.unwrap();
                match stream.try_read(&mut buffer) {
                    Ok(0) => return,
                    Ok(length) => rest.extend_from_slice(&buffer[..length]),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                    Err(_) => return,
                }
                let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                for line in String::from_utf8_lossy(&rest[..end]).lines() {
                    count(line, &counts);
                }
                rest.drain(..end);
            }
        });
    }
    runtime.block_on(set.run_until(async {
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }));
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed) / TAILS as u64;
    format!(
        "a tail got {} events; {} matching and {} unseen entries missed",
        of(&counts.0),
        of(&counts.1),
        of(&counts.2)
    )
}

fn count(line: &str, (events, matching, unseen): &(AtomicU64, AtomicU64, AtomicU64)) {
    if line.starts_with("id: ") {
        events.fetch_add(1, Ordering::Relaxed);
    }
    let Some(data) = line.strip_prefix("data: {\"matching\"") else { return };
    let missed: Value = serde_json::from_str(&format!("{{\"matching\"{data}")).unwrap();
    matching.fetch_add(missed["matching"].as_u64().unwrap(), Ordering::Relaxed);
    unseen.fetch_add(missed["unseen"].as_u64().unwrap(), Ordering::Relaxed);
}
