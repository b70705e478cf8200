//! Every way a file can move, against the lines that were written. Ticks are called by hand.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::record::Position;
use crate::sys::clock::{self, SECOND};
use crate::sys::files::FileId;
use crate::tail::{Options, Source, Tailer};

/// A folder, a writer with a serial number in each line, and a reader with the positions of a store.
pub(super) struct Bench {
    folder: tempfile::TempDir,
    serial: usize,
    pub tailer: Tailer,
    pub lines: Vec<String>,
    pub positions: BTreeMap<FileId, Position>,
    /// When the positions were taken, as of a commit.
    stopped: i64,
}

impl Bench {
    pub fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let tailer = tailer(folder.path(), Vec::new(), 0);
        Bench { folder, serial: 0, tailer, lines: Vec::new(), positions: BTreeMap::new(), stopped: 0 }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&mut self, name: &str, count: usize) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        for _ in 0..count {
            writeln!(file, "line {}", self.serial).unwrap();
            self.serial += 1;
        }
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// What copytruncate does; `between` lines are written after the copy was made, and are lost.
    fn copy_truncate(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
        OpenOptions::new().write(true).open(self.path(from)).unwrap().set_len(0).unwrap();
    }

    /// A compression that was killed before it removed the plain file.
    fn gzip_beside(&self, name: &str) {
        let bytes = fs::read(self.path(name)).unwrap();
        let modified = fs::metadata(self.path(name)).unwrap().modified().unwrap();
        let file = fs::File::create(self.path(&format!("{name}.gz"))).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap().set_modified(modified).unwrap();
    }

    pub fn gzip(&self, name: &str) {
        self.gzip_beside(name);
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Ticks until nothing more comes; `later` seconds from now.
    pub fn read_at(&mut self, later: i64) {
        self.tailer.look_now();
        for _ in 0..20 {
            let (lines, positions) = (&mut self.lines, &mut self.positions);
            let tick = self.tailer.tick(clock::now() + later * SECOND, &mut |batch| {
                let text = String::from_utf8(batch.bytes).unwrap();
                lines.extend(text.lines().map(str::to_owned));
                positions.insert(batch.position.file, batch.position);
                true
            });
            assert!(tick.errors.is_empty(), "{:?}", tick.errors);
            tick.forget.iter().for_each(|file| drop(positions.remove(file)));
            if !tick.more {
                break;
            }
        }
        self.stopped = clock::now();
    }

    pub fn read(&mut self) {
        self.read_at(0);
    }

    /// A new process with the positions of the old one.
    pub fn restart(&mut self) {
        let positions = self.positions.values().cloned().collect();
        self.tailer = tailer(self.folder.path(), positions, self.stopped);
    }

    /// Every line that was written was read once, in order.
    pub fn check(&self) {
        let want: Vec<String> = (0..self.serial).map(|n| format!("line {n}")).collect();
        let same = self.lines.iter().zip(&want).take_while(|(read, written)| read == written).count();
        let next = |lines: &[String]| lines.iter().skip(same).take(5).cloned().collect::<Vec<_>>();
        assert_eq!(next(&self.lines), next(&want), "after {same} lines");
    }
}

fn tailer(folder: &Path, positions: Vec<Position>, stopped: i64) -> Tailer {
    Tailer::new(vec![source(folder, "*.log")], Options::default(), positions, stopped)
}

fn source(folder: &Path, glob: &str) -> Source {
    let include = vec![folder.join(glob).to_str().unwrap().to_owned()];
    Source { name: "p".into(), include, ..Source::default() }
}

#[test]
fn renamed_and_created_anew() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.write("a.log", 2);
    bench.rename("a.log", "a.log.1");
    bench.write("a.log", 2);
    bench.read();
    bench.check();
    assert_eq!(bench.tailer.rotations, 1);
}

#[test]
fn the_writer_goes_on_in_the_renamed_file() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.rename("a.log", "a.log.1");
    bench.read();
    bench.write("a.log.1", 2);
    bench.read();
    bench.write("a.log", 2);
    bench.read();
    bench.check();
    // Long after it counted as finished it grows again.
    bench.read_at(60);
    bench.write("a.log.1", 2);
    bench.read_at(61);
    bench.check();
}

#[test]
fn several_rotations_between_two_looks() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    for generation in [2, 1] {
        // The older ones would shift; their number does not matter here.
        bench.rename("a.log", &format!("a.log.{generation}"));
        bench.write("a.log", 3);
        // Time stamps of files come in steps of some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    bench.read();
    bench.check();
}

#[test]
fn generations_from_before_our_time_are_left_alone() {
    let mut bench = Bench::new();
    fs::write(bench.path("a.log.1"), "old\n").unwrap();
    bench.write("a.log", 1);
    bench.read();
    bench.rename("a.log.1", "a.log.2");
    bench.rename("a.log", "a.log.1");
    bench.write("a.log", 1);
    bench.read();
    bench.check();
}

#[test]
fn truncated_in_place() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.copy_truncate("a.log", "a.log.1");
    bench.write("a.log", 2);
    bench.read();
    bench.check();
    assert_eq!(bench.tailer.truncations, 1);
}

#[test]
fn what_was_not_read_before_a_truncation_is_found_in_the_copy() {
    for compressed in [false, true] {
        let mut bench = Bench::new();
        bench.write("a.log", 3);
        bench.read();
        bench.write("a.log", 3);
        bench.copy_truncate("a.log", "a.log.1");
        if compressed {
            bench.gzip("a.log.1");
        }
        bench.write("a.log", 1);
        bench.read();
        bench.check();
        bench.read_at(60);
        bench.check();
    }
}

#[test]
fn truncated_and_grown_beyond_the_old_size() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.copy_truncate("a.log", "a.log.1");
    bench.write("a.log", 30);
    bench.read();
    bench.check();
}

#[test]
fn rotated_while_we_were_away() {
    for compressed in [false, true] {
        let mut bench = Bench::new();
        bench.write("a.log", 3);
        bench.read();
        bench.write("a.log", 3);
        bench.rename("a.log", "a.log.2");
        std::thread::sleep(std::time::Duration::from_millis(20));
        bench.write("a.log", 3);
        bench.rename("a.log", "a.log.1");
        std::thread::sleep(std::time::Duration::from_millis(20));
        bench.write("a.log", 3);
        if compressed {
            bench.gzip("a.log.2");
        }
        bench.restart();
        bench.read();
        bench.check();
        bench.write("a.log", 3);
        bench.read();
        bench.check();
    }
}

#[test]
fn a_compression_that_was_cut_short_repeats_nothing() {
    for finished in [false, true] {
        let mut bench = Bench::new();
        bench.write("a.log", 3);
        bench.read();
        bench.rename("a.log", "a.log.1");
        bench.read_at(if finished { 60 } else { 0 });
        bench.gzip_beside("a.log.1");
        bench.write("a.log", 3);
        if finished {
            bench.read();
        }
        bench.restart();
        bench.read();
        bench.check();
    }
}

#[test]
fn a_compression_is_told_while_names_are_looked_at() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.rename("a.log", "a.log.1");
    bench.write("a.log", 3);
    bench.read_at(60);
    let file = FileId::of(&fs::metadata(bench.path("a.log.1")).unwrap());
    bench.gzip("a.log.1");
    bench.read();
    bench.tailer.compressed(file, &bench.path("a.log.1.gz"));
    bench.read();
    let packed = FileId::of(&fs::metadata(bench.path("a.log.1.gz")).unwrap());
    assert!(bench.tailer.ends().any(|(file, end)| file == packed && end.is_packed), "taken for unknown");
}

#[test]
fn copied_and_truncated_while_we_were_away() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.write("a.log", 3);
    bench.copy_truncate("a.log", "a.log.1");
    bench.write("a.log", 3);
    bench.restart();
    bench.read();
    bench.check();
    bench.restart();
    bench.read();
    bench.check();
}

#[test]
fn restarts_repeat_nothing() {
    let mut bench = Bench::new();
    for round in 0..6 {
        bench.write("a.log", 2);
        bench.write("b.log", 0);
        bench.read();
        if round % 2 == 0 {
            let _ = fs::remove_file(bench.path("a.log.2"));
            if bench.path("a.log.1").exists() {
                bench.rename("a.log.1", "a.log.2");
            }
            bench.rename("a.log", "a.log.1");
        }
        bench.restart();
        bench.read();
    }
    bench.check();
}

#[test]
fn a_last_line_without_end_counts_once_the_file_is_finished() {
    let mut bench = Bench::new();
    bench.write("a.log", 1);
    fs::write(bench.path("a.log"), "line 0\nline 1").unwrap();
    bench.serial = 2;
    bench.read();
    assert_eq!(bench.lines, ["line 0"]);
    bench.rename("a.log", "a.log.1");
    bench.read();
    bench.read_at(60);
    bench.check();
}

#[test]
fn removed_files_are_forgotten() {
    let mut bench = Bench::new();
    bench.write("a.log", 2);
    bench.read();
    fs::remove_file(bench.path("a.log")).unwrap();
    bench.read();
    bench.read_at(60);
    // Two looks in a row have to miss it.
    bench.read_at(61);
    bench.read_at(62);
    bench.check();
    assert!(bench.positions.is_empty());
    assert!(bench.tailer.status().is_empty());
}

#[test]
fn links_and_unreadable_names_cost_only_themselves() {
    let mut bench = Bench::new();
    std::os::unix::fs::symlink("/etc/passwd", bench.path("link.log")).unwrap();
    fs::create_dir(bench.path("folder.log")).unwrap();
    bench.write("a.log", 2);
    let mut lines = 0;
    let mut tick = |at: i64| {
        bench.tailer.tick(at, &mut |batch| {
            lines += batch.bytes.iter().filter(|b| **b == b'\n').count();
            true
        })
    };
    let errors = tick(clock::now()).errors;
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].contains("is a folder") && errors[1].contains("symbolic link"), "{errors:?}");
    // Told once.
    assert!(tick(clock::now() + 5 * SECOND).errors.is_empty());
    assert_eq!(lines, 2);
}

#[test]
fn copied_and_truncated_twice_between_two_looks() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.read();
    for copy in ["a.log.2", "a.log.1"] {
        bench.write("a.log", 3);
        bench.copy_truncate("a.log", copy);
    }
    bench.write("a.log", 1);
    bench.read();
    bench.check();
    bench.restart();
    bench.read();
    bench.check();
}

#[test]
fn an_empty_log_was_filled_and_copied_while_we_were_away() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.copy_truncate("a.log", "a.log.2");
    bench.read();
    std::thread::sleep(std::time::Duration::from_millis(20));
    bench.write("a.log", 3);
    bench.copy_truncate("a.log", "a.log.1");
    bench.write("a.log", 1);
    bench.restart();
    bench.read();
    bench.check();
    bench.restart();
    bench.read();
    bench.check();
}

#[test]
fn from_the_end_concerns_the_first_start_only() {
    let mut bench = Bench::new();
    let at_end = |bench: &Bench, positions, stopped| {
        let source = Source { start_at_end: true, ..source(bench.folder.path(), "*.log") };
        Tailer::new(vec![source], Options::default(), positions, stopped)
    };
    bench.write("a.log", 3);
    bench.tailer = at_end(&bench, Vec::new(), 0);
    bench.read();
    assert!(bench.lines.is_empty());
    // The position from which it began is known, though nothing was read yet.
    bench.write("a.log", 2);
    bench.write("b.log", 1);
    bench.tailer = at_end(&bench, bench.positions.values().cloned().collect(), bench.stopped);
    bench.read();
    assert_eq!(bench.lines, ["line 3", "line 4", "line 5"]);
}

#[test]
fn one_file_under_two_names_is_read_once() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    fs::hard_link(bench.path("a.log"), bench.path("b.log")).unwrap();
    let folder = bench.path("real");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("c.txt"), "line 3\n").unwrap();
    std::os::unix::fs::symlink(&folder, bench.path("linked")).unwrap();
    bench.serial = 4;
    bench.tailer.set_sources(vec![source(bench.folder.path(), "*.log"), source(bench.folder.path(), "*/*.txt")]);
    let lines = &mut bench.lines;
    let tick = bench.tailer.tick(clock::now(), &mut |batch| {
        lines.extend(String::from_utf8(batch.bytes).unwrap().lines().map(str::to_owned));
        true
    });
    assert!(tick.errors[0].to_string().contains("read once"), "{:?}", tick.errors);
    bench.read();
    bench.check();
}

#[test]
fn renamed_to_a_name_that_is_followed_too() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.rename("a.log", "b.log");
    bench.write("b.log", 2);
    bench.read();
    bench.check();
    // Finished under its old name, it goes on under the new one.
    bench.read_at(60);
    bench.write("b.log", 2);
    bench.read_at(61);
    bench.read_at(62);
    bench.check();
}

#[test]
fn what_is_no_longer_wanted_is_not_taken_up_again() {
    let mut bench = Bench::new();
    bench.write("a.log", 3);
    bench.read();
    bench.tailer.set_sources(vec![source(bench.folder.path(), "*.txt")]);
    bench.read_at(60);
    bench.read_at(61);
    bench.write("a.log", 2);
    bench.read_at(62);
    assert_eq!(bench.lines.len(), 3);
}
