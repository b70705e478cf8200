//! Sinks against receivers that take everything and do nothing: entries a second, CPU time an entry, memory; from a store
//! as it is written and from a sealed one, which is what catching up after an outage costs. And what a sink that nobody
//! answers costs ingest. Prints its own conditions.
//!
//! cargo bench --bench ship [-- ENTRIES]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logmill::daemon::{Engine, Shipping};
use logmill::generate::corpus_json;
use logmill::ship::{Shipment, Sinks, sinks};
use logmill::store::{Options, Packing, Sealer, Writer, identity};
use logmill::sys::clock;
use logmill::sys::process::{cpu_seconds, peak_resident_bytes, resident_bytes, thread_cpu_seconds};
use logmill::sys::units::Bytes;
use serde_json::{Value, json};

/// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SEED: u64 = 1;
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", "ship", data, sink] => println!("{}", ship(Path::new(data), sink)),
        ["child", "ingest", folder, sinks] => println!("{}", ingest(Path::new(folder), sinks)),
        [] => run(300_000),
        [entries] => run(entries.parse().expect("the number of entries")),
        _ => panic!("usage: ship [ENTRIES]"),
    }
}

fn child(arguments: &[&str]) -> Value {
    let output = Command::new(std::env::current_exe().unwrap()).arg("child").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(entries: u64) {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu =
        cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or(" unknown").trim_matches(['\t', ':', ' ']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{cores} cores of {cpu}; load {}; seed {SEED}; {entries} entries (JSON)", load.trim());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let log = path("corpus.jsonl");
    corpus_json(SEED, entries, &mut std::io::BufWriter::new(File::create(&log).unwrap())).unwrap();
    dead_sink(folder.path());
    let data = path("plain/data");
    let made = child(&["ingest", &path("plain"), ""]);
    println!(
        "  of {} bytes an entry in the log",
        fs::metadata(&log).unwrap().len() / made["entries"].as_u64().unwrap()
    );
    for (store, is_sealed) in [("as written", false), ("sealed", true)] {
        if is_sealed {
            seal(Path::new(&data));
        }
        for (name, sink) in kinds(folder.path()) {
            let _ = fs::remove_file(format!("{data}/ship/x.json"));
            let found = child(&["ship", &data, &sink]);
            let number = |name: &str| found[name].as_f64().unwrap();
            println!(
                "{name:22} store {store:10} {:>8.0} entries/s, {:>5.2} us CPU an entry, memory {} over {}",
                number("entries") / number("seconds"),
                number("cpu") * 1e6 / number("entries"),
                Bytes(number("peak") as u64 - number("before") as u64),
                Bytes(number("before") as u64),
            );
        }
    }
}

/// Definitions, each with a receiver of its own.
fn kinds(folder: &Path) -> Vec<(&'static str, String)> {
    let web = |kind: &str, more: &str| format!("kind = \"{kind}\"\nurl = \"http://{}\"\n{more}", http_receiver());
    vec![
        ("http ndjson, plain", web("http", "compression = \"none\"")),
        ("http ndjson, gzip", web("http", "")),
        ("http ndjson, zstd", web("http", "compression = \"zstd\"")),
        ("http, 4 at once", web("http", "concurrency = 4")),
        ("elasticsearch, gzip", web("elasticsearch", "index = \"x\"")),
        ("loki, gzip", web("loki", "")),
        ("otlp protobuf, gzip", web("otlp", "")),
        ("otlp json, gzip", web("otlp", "encoding = \"json\"")),
        ("syslog tcp", format!("kind = \"syslog\"\nurl = \"tcp://{}\"", line_receiver())),
        ("syslog udp", format!("kind = \"syslog\"\nurl = \"udp://{}\"", datagram_receiver())),
        ("file", format!("kind = \"file\"\npath = {:?}", folder.join("out.ndjson").display().to_string())),
    ]
}

fn http_receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|stream| drop(std::thread::spawn(move || swallow(stream))));
    });
    address
}

/// Reads requests and says yes, in words that `_bulk` understands, too.
fn swallow(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(_) => {}
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"errors\":false}").unwrap();
    }
}

fn line_receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let swallow = |mut stream: TcpStream| drop(std::io::copy(&mut stream, &mut std::io::sink()));
        listener.incoming().flatten().for_each(|stream| drop(std::thread::spawn(move || swallow(stream))));
    });
    address
}

fn datagram_receiver() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while socket.recv(&mut buffer).is_ok() {}
    });
    address
}

/// Ships a whole store.
fn ship(data: &Path, sink: &str) -> Value {
    let writer = Writer::open(data, Options::default()).unwrap();
    let (shared, store) = (writer.shared(), identity(data).unwrap());
    let text = format!("[[sink]]\nname = \"x\"\n{sink}\n");
    let found = sinks(&text, Path::new("sinks.toml")).unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
    let state = Sinks::open(&found, data, &store, &shared.committed()).states().remove(0);
    let (before, cpu, begun) = (resident_bytes(), cpu_seconds(), Instant::now());
    let end = shared.committed_sequence();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut took = Duration::ZERO;
    runtime.block_on(async {
        let shipment = Shipment { state: state.clone(), shared, data: data.to_owned(), stop: stopped };
        let watch = async {
            while state.place().sequence < end {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            took = begun.elapsed();
            stop.send(true).unwrap();
        };
        tokio::join!(shipment.run(), watch);
    });
    json!({
        "entries": state.cursor().counts.delivered, "seconds": took.as_secs_f64(), "cpu": cpu_seconds() - cpu,
        "before": before, "peak": peak_resident_bytes(),
    })
}

/// Imports the log beside the sinks of a file, or beside none.
fn ingest(folder: &Path, sinks: &str) -> Value {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let log = folder.with_file_name("corpus.jsonl");
    fs::write(folder.join("sinks.toml"), sinks).unwrap();
    let show = |name: &str| folder.join(name).display().to_string();
    let config = format!("data_dir = {:?}\nsinks = {:?}\nhttp = \"off\"\n", show("data"), show("sinks.toml"));
    fs::write(folder.join("logmill.toml"), config).unwrap();
    let loaded = logmill::config::load(Some(&folder.join("logmill.toml")), |_| ()).unwrap();
    let engine = Engine::start(loaded, false).unwrap();
    let stops = Arc::new(AtomicBool::new(false));
    let shipping = Shipping::new(&engine);
    let thread = {
        let stops = stops.clone();
        std::thread::spawn(move || {
            shipping.run(&stops);
            thread_cpu_seconds()
        })
    };
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    engine.ingest(vec![log], Some("orchestrator".to_owned()));
    while !engine.board.lock().ingests.values().next().is_some_and(|state| state.is_over()) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let entries = engine.board.lock().entries;
    engine.stop(Duration::from_secs(600));
    stops.store(true, Ordering::Release);
    let cpu = cpu_seconds() - cpu;
    let ship = thread.join().unwrap();
    json!({ "seconds": seconds, "cpu": cpu, "entries": entries, "ship": ship })
}

/// Ingest with and without a sink that refuses every connection, in turns.
fn dead_sink(folder: &Path) {
    let dead = "[[sink]]\nname = \"dead\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9/\"\n";
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (sinks, into) in [("", &mut without), (dead, &mut with)] {
            let found = child(&["ingest", &folder.join("turn").display().to_string(), sinks]);
            let number = |name: &str| found[name].as_f64().unwrap();
            into.push((number("seconds"), number("cpu"), number("ship")));
        }
    }
    type Run = (f64, f64, f64);
    let median = |runs: &[Run], of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let change = |of: fn(&Run) -> f64| (median(&with, of) / median(&without, of) - 1.0) * 100.0;
    println!(
        "a dead sink beside ingest: time {:+.1} %, CPU {:+.1} % (medians of {ROUNDS} in turns; {:.2} s without); its own thread used {:.2} % of the CPU time; goal < 2 %",
        change(|run| run.0),
        change(|run| run.1),
        median(&without, |run| run.0),
        median(&with, |run| run.2) / median(&with, |run| run.1) * 100.0
    );
}

fn seal(data: &Path) {
    let mut writer = Writer::open(data, Options::default()).unwrap();
    writer.roll_if_due(clock::now() + 2 * 86_400 * clock::SECOND).unwrap();
    let view = writer.shared().partitions().remove(0);
    Sealer::run(&view, Packing::default(), &AtomicBool::new(false)).unwrap();
    drop(writer);
    fs::remove_dir_all(&view.path).unwrap();
}
