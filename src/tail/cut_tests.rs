//! Logs whose head is taken out while they are read, against the lines that were written.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use crate::record::Fingerprint;
use crate::tail::tests::Bench;

const BLOCK: usize = 4096;

/// What of a cut was done.
#[derive(Clone, Copy, PartialEq)]
enum Done {
    All,
    /// The end of the copy is still at the front of the log, and the copy has its hidden name.
    NotBlanked,
}

impl Bench {
    /// Takes out the head of `log` up to line `lines` of it, as `rotate` does; the copy becomes `to`.
    fn cut_head(&self, log: &str, to: &str, lines: usize, done: Done) {
        let text = fs::read_to_string(self.path(log)).unwrap();
        let length: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
        let mut rest = text.as_bytes()[length / BLOCK * BLOCK..].to_vec();
        if done == Done::All {
            blank(&mut rest[..length % BLOCK]);
        }
        fs::write(self.path(to), &text[..length]).unwrap();
        let file = OpenOptions::new().write(true).open(self.path(log)).unwrap();
        file.write_all_at(&rest, 0).unwrap();
        file.set_len(rest.len() as u64).unwrap();
    }
}

fn blank(bytes: &mut [u8]) {
    bytes.fill(b' ');
    if let Some(last) = bytes.last_mut() {
        *last = b'\n';
    }
}

/// How the reader learns of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reader {
    Running,
    Restarted,
    /// And the copy was compressed meanwhile.
    RestartedPacked,
}

impl Reader {
    const ALL: [Reader; 3] = [Reader::Running, Reader::Restarted, Reader::RestartedPacked];

    fn learns(self, bench: &mut Bench, copies: &[&str]) {
        if self == Reader::RestartedPacked {
            copies.iter().for_each(|copy| bench.gzip(copy));
        }
        if self != Reader::Running {
            bench.restart();
        }
        bench.read();
        bench.check();
        bench.restart();
        bench.write("a.log", 3);
        bench.read();
        bench.check();
        bench.read_at(60);
        bench.check();
    }
}

#[test]
fn the_reader_was_in_the_head_or_behind_it() {
    for reader in Reader::ALL {
        for (read, written, cut) in [
            (10, 5000, 5000),   // nearly nothing was read
            (3000, 5000, 4000), // somewhere in the head
            (4000, 5000, 4000), // exactly to its end
            (4001, 5000, 4000), // the bytes before the offset are in the copy and in the log
            (4020, 5000, 4000),
            (5000, 5000, 4000), // far behind it
            (5000, 5000, 5000),
            (5000, 5000, 401),
        ] {
            println!("{reader:?} {read} {written} {cut}");
            let mut bench = Bench::new();
            bench.write("a.log", read);
            bench.read();
            bench.write("a.log", written - read);
            bench.cut_head("a.log", "a.log.1", cut, Done::All);
            reader.learns(&mut bench, &["a.log.1"]);
        }
    }
}

#[test]
fn cut_twice_between_two_looks() {
    for reader in Reader::ALL {
        for (read, first, second) in [(3000, 4000, 4000), (4500, 4000, 2000), (5000, 4000, 1000), (5000, 1000, 4500)] {
            println!("{reader:?} {read} {first} {second}");
            let mut bench = Bench::new();
            bench.write("a.log", read);
            bench.read();
            bench.write("a.log", 5000 - read);
            bench.cut_head("a.log", "a.log.2", first, Done::All);
            std::thread::sleep(std::time::Duration::from_millis(20));
            bench.write("a.log", 5000);
            // The blank line is the first one now.
            bench.cut_head("a.log", "a.log.1", 1 + second, Done::All);
            bench.write("a.log", 100);
            reader.learns(&mut bench, &["a.log.1", "a.log.2"]);
        }
    }
}

#[test]
fn a_cut_again_and_again() {
    let mut bench = Bench::new();
    for round in 0..12 {
        bench.write("a.log", 2000);
        bench.read();
        bench.write("a.log", round * 10);
        let _ = fs::rename(bench.path("a.log.1"), bench.path(&format!("a.log.{}", 20 - round)));
        bench.cut_head("a.log", "a.log.1", 1500 + round * 45, Done::All);
        if round % 3 == 1 {
            bench.restart();
        }
        bench.read();
        bench.check();
    }
    assert!(bench.tailer.status().iter().all(|file| file.offset == file.size));
}

#[test]
fn a_cut_that_is_not_finished_is_waited_for() {
    for restarted in [false, true] {
        for read in [3000, 4020, 5000] {
            let mut bench = Bench::new();
            bench.write("a.log", read);
            bench.read();
            bench.write("a.log", 5000 - read);
            bench.cut_head("a.log", ".a.log.1.cut.tmp", 4000, Done::NotBlanked);
            if restarted {
                bench.restart();
            }
            bench.read();
            assert_eq!(bench.lines.len(), read);
            let length = fs::metadata(bench.path(".a.log.1.cut.tmp")).unwrap().len() as usize;
            let mut blanks = vec![0; length % BLOCK];
            blank(&mut blanks);
            OpenOptions::new().write(true).open(bench.path("a.log")).unwrap().write_all_at(&blanks, 0).unwrap();
            bench.rename(".a.log.1.cut.tmp", "a.log.1");
            Reader::Running.learns(&mut bench, &[]);
        }
    }
}

#[test]
fn a_log_with_nothing_but_a_blank_line_is_read_and_not_known() {
    let mut bench = Bench::new();
    bench.write("a.log", 3000);
    bench.read();
    bench.cut_head("a.log", "a.log.1", 3000, Done::All);
    bench.read();
    let status = bench.tailer.status().into_iter().find(|file| !file.retired).unwrap();
    assert!(status.size > 0 && status.offset == status.size && status.head.len == 0, "{status:?}");
    bench.restart();
    bench.read();
    bench.write("a.log", 1);
    bench.read();
    bench.check();
    assert!(bench.tailer.status().iter().any(|file| file.head.len > 0));
}

#[test]
fn the_first_entry_waited_for_lines_when_it_was_cut() {
    // The index says where the first entry begins while the reader is behind it.
    let mut bench = Bench::new();
    bench.write("a.log", 3000);
    bench.read();
    bench.positions.values_mut().for_each(|p| (p.offset, p.tail) = (0, Fingerprint::of(b"")));
    bench.lines.clear();
    for name in [None, Some("a.log.1")] {
        if let Some(copy) = name {
            bench.cut_head("a.log", copy, 2900, Done::All);
        }
        bench.restart();
        let positions = bench.positions.clone();
        bench.read();
        bench.check();
        if name.is_none() {
            bench.lines.clear();
            bench.positions = positions;
        }
    }
}
