//! What it costs to archive: `cargo bench --bench archive [-- MIB]`. A rotated log of that many MiB (256) into a folder, and
//! read again with its checksum; the same with an S3 server, where `LOGMILL_S3` names one (`http://HOST:PORT/BUCKET`,
//! keys as AWS has them in the environment). Bytes a second, CPU time of this process, and the most memory it had.
//! Prints its own conditions.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use logmill::archive::{Keep, Place, Remote, RotatedLog, S3, Settings, id_and_time, logs, send_log, verify_log};
use logmill::sys::secret::Secret;
use logmill::sys::tls::Tls;
use rustix::time::{ClockId, clock_gettime};

/// As the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;

fn main() {
    let argument = std::env::args().skip(1).find(|argument| argument != "--bench");
    let size: u64 = argument.map_or(256, |text| text.parse().expect("the number of MiB"));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load {}; a log of {size} MiB; best of {ROUNDS}", load.trim());
    let folder = tempfile::tempdir().unwrap();
    let log = rotated(&folder.path().join("api.log.1"), size);
    let place = folder.path().join("archive");
    fs::create_dir(&place).unwrap();
    round("a folder", &settings(Place::Folder(place)), &log);
    match std::env::var("LOGMILL_S3").ok().as_deref().and_then(|text| text.rsplit_once('/')) {
        Some((endpoint, bucket)) => round("S3", &settings(server(endpoint, bucket)), &log),
        None => println!("S3: not measured; LOGMILL_S3 names no server"),
    }
    println!("most memory {}", most_memory());
}

/// Bytes that no checksum and no server can take for others.
fn rotated(path: &Path, size: u64) -> RotatedLog {
    let mut file = File::create(path).unwrap();
    let mut state = 1_u64;
    for _ in 0..size {
        let words = (0..(1 << 20) / 8).flat_map(|_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            state.to_le_bytes()
        });
        file.write_all(&words.collect::<Vec<u8>>()).unwrap();
    }
    let (id, bytes, written) = id_and_time(path).unwrap();
    RotatedLog {
        path: path.into(),
        id,
        log: "/var/log/api.log".into(),
        bytes,
        written,
        ending: String::new(),
        is_final: true,
    }
}

fn server(endpoint: &str, bucket: &str) -> Place {
    let secret = |name: &str| Secret::Environment(name.to_owned());
    Place::S3(Box::new(S3 {
        bucket: bucket.to_owned(),
        prefix: "bench".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        region: "us-east-1".to_owned(),
        allow_http: true,
        tls: Tls::default(),
        access_key: secret("AWS_ACCESS_KEY_ID"),
        secret_key: secret("AWS_SECRET_ACCESS_KEY"),
        token: None,
    }))
}

fn settings(place: Place) -> Settings {
    let (host, retention) = ("bench".to_owned(), Keep::Hold);
    Settings { place, host, partitions: true, logs: true, retention, keep: None, concurrency: 4, bandwidth: None }
}

fn round(name: &str, settings: &Settings, log: &RotatedLog) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let remote = Remote::open(settings).unwrap();
    let (mut sent, mut read) = (Best::new(), Best::new());
    for _ in 0..ROUNDS {
        runtime.block_on(async {
            for key in remote.list("bench").await.unwrap() {
                remote.delete(&key.0).await.unwrap();
            }
        });
        sent.time(|| runtime.block_on(send_log(&remote, "bench", log)).unwrap());
        let (found, problems) = runtime.block_on(logs(&remote, Some("bench"))).unwrap();
        assert!(found.len() == 1 && problems.is_empty(), "{problems:?}");
        read.time(|| runtime.block_on(verify_log(&remote, &found[0].0, &found[0].1)).unwrap());
    }
    println!("{name}: sent {}; read and compared {}", sent.shown(log.bytes), read.shown(log.bytes));
}

/// The shortest time and the least CPU time, in seconds.
struct Best(f64, f64);

impl Best {
    fn new() -> Best {
        Best(f64::INFINITY, f64::INFINITY)
    }

    fn time<T>(&mut self, run: impl FnOnce() -> T) {
        let (begun, before) = (Instant::now(), cpu());
        std::hint::black_box(run());
        *self = Best(self.0.min(begun.elapsed().as_secs_f64()), self.1.min(cpu() - before));
    }

    fn shown(&self, bytes: u64) -> String {
        let mib = bytes as f64 / f64::from(1 << 20);
        format!("{:.0} MiB/s, {:.2} ms CPU a MiB", mib / self.0, self.1 * 1e3 / mib)
    }
}

/// Seconds of CPU that this process had.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn most_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown", str::trim).to_owned()
}
