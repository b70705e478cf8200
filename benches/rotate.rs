//! Rotation beside the stock logrotate, in the same run and with the same files and configuration: one large log, a
//! thousand small ones, a thousand that are not due, and memory at a file larger than any cache. Compression alone is
//! put beside `gzip -6`. Prints its own conditions; what each side made is compared with the plain text.
//!
//! cargo bench --bench rotate [-- [all | large | small | idle | alone | memory | pieces] [GB of the file of `memory`]]

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use logmill::generate::{corpus_json, corpus_text};
use logmill::rotate::{Compressor, compress, compress_all};
use logmill::sys::units::Bytes;

const SEED: u64 = 1;
const RUNS: usize = 5;
const LARGE: u64 = 200_000_000;
const SMALL: usize = 2_000;
const FILES: usize = 1_000;
/// Goal of the memory that compressing takes, whatever the size of the file.
const MEMORY: u64 = 32 << 20;
/// Clock ticks a second in /proc, the same on every Linux.
const TICKS: f64 = 100.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", "one", from, to, how] => child_one(Path::new(from), Path::new(to), &compressor(how)),
        ["child", "many", folder, at_once] => child_many(Path::new(folder), at_once == "all"),
        [] => run("all", 2),
        [case] => run(case, 2),
        [case, size] => run(case, size.parse().expect("the size in GB")),
        _ => panic!("usage: rotate [all | large | small | idle | alone | memory | pieces] [GB]"),
    }
}

fn run(case: &str, size: u64) {
    let folder = tempfile::tempdir().unwrap();
    conditions(folder.path());
    // ext4 passes inodes over that were freed lately, one by one, and what one run removes would make the next one slow:
    // each folder goes to another part of the disk. Elsewhere it is refused and not needed.
    let _ = Command::new("chattr").arg("+T").arg(folder.path()).stderr(Stdio::null()).status();
    let plain = folder.path().join("plain");
    corpus(&plain);
    let is = |name: &str| case == "all" || case == name;
    if is("alone") {
        alone(folder.path(), &plain);
    }
    if is("pieces") {
        levels(folder.path(), &plain);
    }
    if is("large") {
        large(folder.path(), &plain);
    }
    if is("small") {
        small(folder.path(), &plain);
    }
    if is("idle") {
        idle(folder.path());
    }
    if is("memory") {
        memory(folder.path(), &plain, size);
    }
}

fn conditions(folder: &Path) {
    let first_line = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("?").to_owned()
    };
    let folder = folder.to_str().unwrap();
    println!(
        "{} cores of {}; {} on {}; Linux {}; load {}",
        std::thread::available_parallelism().map_or(0, usize::from),
        first_line("sh", &["-c", "sed -n 's/^model name.*: //p' /proc/cpuinfo"]),
        folder,
        first_line("sh", &["-c", &format!("df --output=fstype {folder} | tail -n 1")]),
        first_line("uname", &["-r"]),
        first_line("cat", &["/proc/loadavg"]),
    );
    println!(
        "{}; {}; {}, {}; seed {SEED}; {RUNS} runs a side, in turns; CPU with children; smallest and median",
        first_line("logrotate", &["--version"]),
        first_line("gzip", &["--version"]),
        first_line(&logmill(), &["--version"]),
        logmill(),
    );
}

/// Another build can be put beside stock with `LOGMILL=…`.
fn logmill() -> String {
    std::env::var("LOGMILL").unwrap_or_else(|_| env!("CARGO_BIN_EXE_logmill").to_owned())
}

/// Half text with tracebacks, half JSON lines, in stretches of about 20 MB.
fn corpus(path: &Path) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut seed = SEED;
    while fs::metadata(path).unwrap().len() < LARGE {
        corpus_text(seed, 80_000, &mut out).unwrap();
        corpus_json(seed, 40_000, &mut out).unwrap();
        out.flush().unwrap();
        seed += 1;
    }
    out.get_ref().set_len(LARGE).unwrap();
}

#[derive(Clone, Copy, Debug)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak: u64,
}

/// Runs it to its end. Peak memory is of the process and its children together, looked at every few milliseconds.
fn measure(command: &mut Command) -> Cost {
    rustix::fs::sync();
    let before = children_cpu();
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let (wall, peak) = watch(&mut child);
    let wall = wall.unwrap_or_else(|| begun.elapsed().as_secs_f64());
    Cost { wall, cpu: children_cpu() - before, peak }
}

fn watch(child: &mut Child) -> (Option<f64>, u64) {
    let (pid, over, begun) = (child.id(), AtomicBool::new(false), Instant::now());
    std::thread::scope(|scope| {
        let look = || {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(peak_of(pid));
                std::thread::sleep(Duration::from_millis(5));
            }
            peak
        };
        let watcher = scope.spawn(look);
        let status = child.wait().unwrap();
        let wall = begun.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        assert!(status.success(), "{status}");
        (Some(wall), watcher.join().unwrap())
    })
}

fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let of_children: u64 = children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(peak_of).sum();
    kib.unwrap_or(0u64) * 1024 + of_children
}

/// Seconds that all children which ended so far took, with theirs.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[13..15].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Both sides in turns; the goals are shares of what the first takes.
fn compare(title: &str, goals: (f64, Option<f64>), sides: [(&str, &dyn Fn() -> Cost); 2]) {
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (side, costs) in sides.iter().zip(&mut costs) {
            costs.push(side.1());
        }
    }
    println!("\n{title}");
    let of = |costs: &[Cost], key: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(key).collect();
        all.sort_by(f64::total_cmp);
        (all[0], all[all.len() / 2])
    };
    let table = costs.each_ref().map(|costs| (of(costs, |c| c.wall), of(costs, |c| c.cpu)));
    for ((name, _), ((wall, cpu), costs)) in sides.iter().zip(table.iter().zip(&costs)) {
        let peak = Bytes(costs.iter().map(|c| c.peak).max().unwrap());
        println!("  {name:28} wall {:.3} {:.3} s   CPU {:.2} {:.2} s   peak {peak}", wall.0, wall.1, cpu.0, cpu.1);
    }
    let [stock, ours] = table;
    let cpu_goal = goals.1.map_or(String::new(), |goal| format!(" (goal {goal})"));
    println!(
        "  shares of the medians: wall {:.2} (goal {}), CPU {:.2}{cpu_goal}",
        ours.0.1 / stock.0.1,
        goals.0,
        ours.1.1 / stock.1.1
    );
}

fn compressor(how: &str) -> Compressor {
    let words: Vec<String> = how.split_whitespace().map(str::to_owned).collect();
    Compressor::of(&words[0], &words[1..], None)
}

fn this(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("child").args(arguments);
    command
}

fn child_one(from: &Path, to: &Path, how: &Compressor) {
    compress(from, to, how).unwrap();
}

/// Compresses and removes all of a folder.
fn child_many(folder: &Path, at_once: bool) {
    let how = Compressor::default();
    let plain = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path());
    let jobs: Vec<(PathBuf, PathBuf)> = plain.map(|from| (from.clone(), from.with_extension("gz"))).collect();
    if at_once {
        compress_all(&jobs, &how).into_iter().for_each(|result| drop(result.unwrap()));
    } else {
        jobs.iter().for_each(|(from, to)| drop(compress(from, to, &how).unwrap()));
    }
    jobs.iter().for_each(|(from, _)| fs::remove_file(from).unwrap());
}

fn alone(folder: &Path, plain: &Path) {
    let (theirs, ours) = (folder.join("theirs.gz"), folder.join("ours.gz"));
    let gzip = || {
        let (input, output) = (File::open(plain).unwrap(), File::create(&theirs).unwrap());
        rustix::fs::sync();
        let before = children_cpu();
        let mut child = Command::new("gzip").arg("-6").stdin(input).stdout(output).spawn().unwrap();
        let (wall, peak) = watch(&mut child);
        Cost { wall: wall.unwrap(), cpu: children_cpu() - before, peak }
    };
    let own = || {
        let _ = fs::remove_file(&ours);
        measure(&mut this(&["one", plain.to_str().unwrap(), ours.to_str().unwrap(), "gzip"]))
    };
    compare("200 MB, compression alone, ours synced", (0.55, Some(0.85)), [("gzip -6", &gzip), ("ours", &own)]);
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    println!("  size: {} against {}", Bytes(size(&ours)), Bytes(size(&theirs)));
    verify(&ours, plain);
}

/// What other ways cost; no goals.
fn levels(folder: &Path, plain: &Path) {
    println!("\n200 MB by level, once each");
    for how in ["gzip -1", "gzip -6", "gzip -9", "zstd -1", "zstd -3", "zstd -9", "zstd -15", "zstd -19"] {
        let to = folder.join("level");
        let _ = fs::remove_file(&to);
        let cost = measure(&mut this(&["one", plain.to_str().unwrap(), to.to_str().unwrap(), how]));
        let after = fs::metadata(&to).unwrap().len();
        println!("  {how:9} {:.2} s, CPU {:.2} s, peak {}, {}", cost.wall, cost.cpu, Bytes(cost.peak), Bytes(after));
    }
}

fn verify(compressed: &Path, plain: &Path) {
    let script = "zcat < \"$1\" | cmp - \"$2\"";
    let status = Command::new("bash").args(["-o", "pipefail", "-c", script, "bash"]).args([compressed, plain]).status();
    assert!(status.unwrap().success(), "{} is not {}", compressed.display(), plain.display());
    println!("  zcat | cmp: the same");
}

/// A folder with a configuration for its logs. Each is new, and stays until the end.
struct Site {
    folder: PathBuf,
}

impl Site {
    fn new(parent: &Path, name: &str, body: &str) -> Site {
        let site = Site { folder: parent.join(name) };
        if site.folder.exists() {
            let old = (0..).map(|n| parent.join(format!("{name}.{n}"))).find(|path| !path.exists());
            fs::rename(&site.folder, old.unwrap()).unwrap();
        }
        fs::create_dir_all(site.folder.join("logs")).unwrap();
        let conf = format!("{}/*.log {{\n{body}\n}}\n", site.folder.join("logs").display());
        fs::write(site.folder.join("conf"), conf).unwrap();
        fs::set_permissions(site.folder.join("conf"), Permissions::from_mode(0o644)).unwrap();
        site
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(name)
    }

    /// Many logs of different content.
    fn many(self, plain: &[u8]) -> Site {
        let texts = plain.chunks(SMALL).take(FILES).enumerate();
        texts.for_each(|(number, text)| fs::write(self.log(&format!("{number}.log")), text).unwrap());
        self
    }

    fn stock(&self, options: &[&str]) -> Cost {
        measure(self.rotate(Command::new("logrotate").args(options)))
    }

    fn ours(&self, options: &[&str]) -> Cost {
        measure(self.rotate(Command::new(logmill()).arg("rotate").args(options)))
    }

    fn rotate<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(&self.folder).arg("-s").arg(self.folder.join("state")).arg(self.folder.join("conf"))
    }
}

fn large(folder: &Path, plain: &Path) {
    let site = |name| {
        let site = Site::new(folder, name, "rotate 3\ncompress");
        fs::copy(plain, site.log("a.log")).unwrap();
        site
    };
    compare(
        "one log of 200 MB, rotated and compressed",
        (0.55, Some(0.85)),
        [("logrotate", &|| site("stock").stock(&["-f"])), ("logmill rotate", &|| site("ours").ours(&["-f"]))],
    );
    for name in ["stock", "ours"] {
        verify(&folder.join(name).join("logs/a.log.1.gz"), plain);
    }
}

fn small(folder: &Path, plain: &Path) {
    let plain = fs::read(plain).unwrap();
    let site = |name| Site::new(folder, name, "rotate 3\ncompress").many(&plain);
    let stock = || site("stock").stock(&["-f"]);
    let title = "1,000 logs of 2 KB, rotated and compressed";
    compare(title, (0.35, None), [("logrotate", &stock), ("logmill rotate", &|| site("ours").ours(&["-f"]))]);
    for (title, how) in [("one after another", "each"), ("at once", "all")] {
        let many = || {
            let site = site("alone");
            measure(&mut this(&["many", site.folder.join("logs").to_str().unwrap(), how]))
        };
        compare(
            &format!("the same, compression and removal alone, {title}"),
            (0.35, None),
            [("logrotate, all of it", &stock), ("ours", &many)],
        );
    }
    let written = |name: &str, file: &str| folder.join(name).join("logs").join(file);
    let count = |name: &str| fs::read_dir(folder.join(name).join("logs")).unwrap().count();
    assert_eq!([count("stock"), count("ours"), count("alone")], [FILES; 3]);
    fs::write(folder.join("small"), &plain[..SMALL]).unwrap();
    for (name, file) in [("stock", "0.log.1.gz"), ("ours", "0.log.1.gz"), ("alone", "0.gz")] {
        verify(&written(name, file), &folder.join("small"));
    }
}

fn idle(folder: &Path) {
    let text = vec![b'x'; SMALL * FILES];
    let site = |name| Site::new(folder, name, "rotate 3\ncompress\ndaily").many(&text);
    let (stock, ours) = (site("stock"), site("ours"));
    // The first look at a log begins its period.
    stock.stock(&[]);
    ours.ours(&[]);
    compare(
        "1,000 logs that are not due",
        (1.0, None),
        [("logrotate", &|| stock.stock(&[])), ("logmill rotate", &|| ours.ours(&[]))],
    );
}

fn memory(folder: &Path, plain: &Path, size: u64) {
    let text = fs::read(plain).unwrap();
    let big = |path: &Path| {
        let mut file = File::create(path).unwrap();
        (0..size * 1_000_000_000 / LARGE).for_each(|_| file.write_all(&text).unwrap());
        // It stands in the header of what is compressed, and the two sides are compared.
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    };
    println!("\none log of {size} GB, once a side; goal {}", Bytes(MEMORY));
    let print = |name: &str, cost: Cost| {
        println!("  {name:28} peak {}, wall {:.1} s, CPU {:.1} s", Bytes(cost.peak), cost.wall, cost.cpu);
    };
    let (from, to) = (folder.join("big"), folder.join("big.gz"));
    big(&from);
    print("compression alone", measure(&mut this(&["one", from.to_str().unwrap(), to.to_str().unwrap(), "gzip"])));
    verify(&to, &from);
    for name in ["ours", "stock"] {
        let site = Site::new(folder, name, "rotate 3\ncompress");
        fs::rename(&from, site.log("a.log")).unwrap();
        match name {
            "ours" => {
                print("logmill rotate", site.ours(&["-f"]));
                // The plain file is gone; what was verified is the same to the byte.
                let same = Command::new("cmp").arg(&to).arg(site.log("a.log.1.gz")).status().unwrap();
                assert!(same.success(), "compressed twice, and not the same");
                big(&from);
            }
            _ => print("logrotate", site.stock(&["-f"])),
        }
    }
}
