//! copytruncate under fire: a program writes as fast as it can while its log is cut again and again, and then every
//! line is counted in all generations.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logmill::rotate::{Cut, CutMethod, copy_and_truncate};
use logmill::sys::files::{FileId, padding_of};

/// Bytes in a line, with its end.
const LINE: usize = 80;
const LASTS: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_millis(100);

/// Appends numbered lines, each by one call, until it is told to stop; how many.
fn write(log: &Path, stop: &AtomicBool) -> usize {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
    let mut line = [b'.'; LINE];
    line[LINE - 1] = b'\n';
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut rest = next;
        for digit in line[..9].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        file.write_all(&line).unwrap();
        next += 1;
    }
    next
}

/// Whether logs in a folder can be cut without a loss.
pub fn can_collapse(folder: &Path) -> bool {
    let (log, to) = (folder.join("probe"), folder.join("probe.1"));
    fs::write(&log, "a line of some length\n".repeat(10_000)).unwrap();
    let cut = copy_and_truncate(&log, &to, FileId::of(&fs::metadata(&log).unwrap())).unwrap();
    [log, to].iter().for_each(|file| fs::remove_file(file).unwrap());
    if cut.method != CutMethod::Collapse {
        println!("no FALLOC_FL_COLLAPSE_RANGE in {}: only tight cuts", folder.display());
    }
    cut.method == CutMethod::Collapse
}

/// What became of the lines.
#[derive(Debug, PartialEq)]
struct Count {
    written: usize,
    rotations: usize,
    lost: usize,
    repeated: usize,
    torn: usize,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Count { written, rotations, lost, repeated, torn } = self;
        write!(f, "{written} written, {rotations} rotations: {lost} lost, {repeated} repeated, {torn} torn")
    }
}

/// Lets `rotate` work on a log that is being written.
fn under_fire(log: &Path, mut rotate: impl FnMut(usize)) -> (usize, usize) {
    let stop = AtomicBool::new(false);
    fs::write(log, "").unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(log, &stop));
        let begun = Instant::now();
        let mut rotations = 0;
        while begun.elapsed() < LASTS {
            std::thread::sleep(EVERY);
            rotations += 1;
            rotate(rotations);
        }
        stop.store(true, Ordering::Relaxed);
        (writer.join().unwrap(), rotations)
    })
}

/// Counts the lines in `files`, the oldest first.
fn count(files: &[PathBuf], written: usize, rotations: usize) -> Count {
    let (mut seen, mut torn) = (vec![0u8; written], 0);
    for file in files {
        let bytes = fs::read(file).unwrap();
        for line in bytes[padding_of(&bytes)..].split_inclusive(|byte| *byte == b'\n') {
            let number = (line.len() == LINE).then(|| std::str::from_utf8(&line[..9]).ok()?.parse::<usize>().ok());
            match number.flatten().and_then(|number| seen.get_mut(number)) {
                Some(times) => *times = times.saturating_add(1),
                None => torn += 1,
            }
        }
    }
    let lost = seen.iter().filter(|times| **times == 0).count();
    let repeated = seen.iter().filter(|times| **times > 1).count();
    Count { written, rotations, lost, repeated, torn }
}

/// `bystander`: a process has the log open that does not append (it writes nothing), so that it is cut tightly.
fn ours(folder: &Path, bystander: bool) -> (Count, Vec<Cut>) {
    let log = folder.join("a.log");
    let open = || fs::OpenOptions::new().write(true).create(true).truncate(false).open(&log).unwrap();
    let sleep = || Command::new("sleep").arg("60").stdout(open()).spawn().unwrap();
    let mut bystander = bystander.then(sleep);
    let name = |number: usize| folder.join(format!("a.log.{number}"));
    let mut cuts = Vec::new();
    let (written, rotations) = under_fire(&log, |number| {
        let id = FileId::of(&fs::metadata(&log).unwrap());
        cuts.push(copy_and_truncate(&log, &name(number), id).unwrap());
    });
    let pid = bystander.as_mut().map(|child| {
        child.kill().unwrap();
        child.wait().unwrap();
        child.id()
    });
    assert!(cuts.iter().all(|cut| cut.not_appending == pid), "{pid:?} {cuts:?}");
    let files: Vec<PathBuf> = (1..=rotations).map(name).chain([log.clone()]).collect();
    let count = count(&files, written, rotations);
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    (count, cuts)
}

/// `None` where there is no logrotate.
fn stock(folder: &Path) -> Option<Count> {
    if Command::new("logrotate").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "logrotate is missing");
        println!("SKIPPED: logrotate is missing, nothing to compare with");
        return None;
    }
    let (log, conf) = (folder.join("stock.log"), folder.join("stock.conf"));
    let user = "su root root\n"; // A folder that others may write to is refused otherwise.
    let su = if is_root() { user } else { "" };
    fs::write(&conf, format!("{} {{\n{su}rotate 1000\ncopytruncate\n}}\n", log.display())).unwrap();
    let (written, rotations) = under_fire(&log, |_| {
        let mut command = Command::new("logrotate");
        let status = command.arg("-f").arg("-s").arg(folder.join("stock.state")).arg(&conf).status().unwrap();
        assert!(status.success(), "{status}");
    });
    let numbered = (1..=rotations).rev().map(|number| folder.join(format!("stock.log.{number}")));
    let files: Vec<PathBuf> = numbered.filter(|file| file.exists()).chain([log]).collect();
    let count = count(&files, written, rotations);
    files.iter().for_each(|file| fs::remove_file(file).unwrap());
    Some(count)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[test]
fn a_log_is_cut_under_fire() {
    // What is in memory knows no collapse; it is cut tightly.
    for folder in [tempfile::tempdir(), tempfile::tempdir_in("/dev/shm")] {
        let Ok(folder) = folder else { continue };
        let can_collapse = can_collapse(folder.path());
        println!("in {}", folder.path().display());
        let stock = stock(folder.path());
        stock.iter().for_each(|stock| println!("  stock: {stock}"));
        for bystander in [false, true] {
            let (own, cuts) = ours(folder.path(), bystander);
            let collapsed = cuts.iter().filter(|cut| cut.method == CutMethod::Collapse).count();
            let at_risk: u64 = cuts.iter().map(|cut| cut.at_risk).sum();
            println!("  ours:  {own}; {collapsed} took blocks out, {at_risk} bytes seen at risk");
            assert_eq!(own.repeated, 0, "{own}");
            assert!(own.lost < own.written / 20, "{own}");
            assert_eq!(collapsed > 0, can_collapse && !bystander, "{cuts:?}");
            // A log that has not one block yet is cut tightly, too.
            if collapsed == cuts.len() {
                assert_eq!((own.lost, own.torn), (0, 0), "{own}");
            }
            // In memory a sync takes no time, and whoever is interrupted between two calls loses more.
            if let Some(stock) = stock.as_ref().filter(|_| can_collapse) {
                assert!(own.lost <= stock.lost, "ours: {own}; stock: {stock}");
            }
        }
    }
}
