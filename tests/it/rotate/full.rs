//! A disk that is really full: every byte stays somewhere, the error says so, and with space again the next run finishes.

use std::fs;

use chrono::TimeDelta;
use logmill::rotate::{Event, Locking, NoReader, StateFile};

use super::{Bench, contents, now};
use crate::home::SmallDisk;

const BLOCK: u64 = 4096;
/// Of the log.
const BLOCKS: u64 = 10;

/// Lines that compress badly.
fn text() -> String {
    let mut number = 7u64;
    let mut line = || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{number:020} {:016x}\n", number ^ (number >> 7))
    };
    let mut text = String::new();
    while (text.len() as u64) < BLOCKS * BLOCK - 100 {
        text.push_str(&line());
    }
    text
}

/// What is in all files, without the blank line that a cut leaves.
fn lines(bench: &Bench) -> Vec<String> {
    let mut lines = contents(bench.folder.path());
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// Rotates with everything from no space at all to more than enough.
fn fill_and_rotate(bench: &mut Bench, disk: &SmallDisk, body: &str) {
    let (mut failed, mut succeeded) = (0, 0);
    for free in (0..2 * BLOCKS + 4).map(|blocks| blocks * BLOCK) {
        for name in bench.names() {
            fs::remove_file(bench.path(&name)).unwrap();
        }
        bench.restart(body);
        bench.write("a.log", &text());
        bench.write("a.log.1", "an older one\n");
        drop(bench.state());
        disk.fill_but(free);
        let mut want = contents(bench.folder.path());
        let events = bench.tick(&NoReader);
        let failures: Vec<String> = events.iter().filter(|e| e.is_failure()).map(ToString::to_string).collect();
        let whole = |text: &String| text.contains("No space left on device") && text.contains("a.log");
        let state = |text: &String| text.contains("No space left on device") && text.contains("state");
        assert!(failures.iter().all(|text| whole(text) || state(text)), "{body}, {free} bytes free: {failures:?}");
        *(if failures.is_empty() { &mut succeeded } else { &mut failed }) += 1;
        assert!(lines(bench) == want, "{body}, {free} bytes free: {:?}", bench.names());

        disk.free();
        let later = "written later\n";
        let rest = fs::read_to_string(bench.path("a.log")).unwrap_or_default();
        bench.write("a.log", &(rest + later));
        want.push(later.trim_end().to_owned());
        want.sort();
        bench.restart(body);
        let events = bench.tick_at(now() + TimeDelta::days(1), &NoReader);
        assert!(!events.iter().any(Event::is_failure), "{body}, {free} bytes were free: {events:?}");
        assert!(lines(bench) == want, "{body}, {free} bytes were free: {:?}", bench.names());
        let plain = bench.names().iter().filter(|name| name.starts_with("a.log.") && !name.ends_with(".gz")).count();
        assert!(!body.contains("compress") || plain == 0, "{body}, {free}: {:?}", bench.names());
        assert!(bench.names().iter().all(|name| !name.contains("tmp")), "{body}, {free}: {:?}", bench.names());
    }
    println!("{}: {failed} times too full, {succeeded} times enough", body.replace('\n', " "));
    assert!(failed > 0 && succeeded > 0, "{body}: too full {failed} times, and {succeeded} times not");
}

fn every_way(bench: &mut Bench, disk: &SmallDisk) {
    for body in ["copytruncate", "copytruncate\ncompress", "create\ncompress", "compress", "renamecopy\ncompress"] {
        fill_and_rotate(bench, disk, &format!("rotate 9\nnotifempty\n{body}"));
    }
}

#[test]
fn in_memory() {
    let mut bench = Bench::new("");
    let folder = bench.folder.path().to_owned();
    let Some(disk) = SmallDisk::in_memory(&folder, "512k") else { return };
    every_way(&mut bench, &disk);
}

#[test]
fn on_ext4() {
    let mut bench = Bench::new("");
    let folder = bench.folder.path().to_owned();
    let Some(disk) = SmallDisk::in_a_file(&folder, 1 << 20) else { return };
    every_way(&mut bench, &disk);
}

/// Where the state cannot be written, a log that is due would be due again at every look, until nothing is left of its
/// generations.
#[test]
fn what_the_state_file_has_no_room_for_is_not_forgotten() {
    let mut bench = Bench::new("rotate 9\ndaily\ncreate");
    let folder = bench.folder.path().to_owned();
    let Some(disk) = SmallDisk::in_memory(&folder, "512k") else { return };
    bench.rotator.set_force(false);
    let (log, state) = (bench.path("a.log"), bench.path("state"));
    bench.write("a.log", "today\n");
    for (name, text) in [("a.log.1", "one\n"), ("a.log.2", "two\n")] {
        bench.write(name, text);
    }
    // Another line fits in the block, or the half of one.
    for missing in [10, 60, 4000] {
        let head = format!("logrotate state -- version 2\n\"{}\" 2026-11-20-0:0:0\n", log.display());
        let other = "x".repeat(BLOCK as usize - head.len() - "\"/\" 2026-11-23-0:0:0\n".len() - missing);
        fs::write(&state, format!("{head}\"/{other}\" 2026-11-23-0:0:0\n")).unwrap();
        disk.fill_but(0);
        let rotated = |events: &[Event]| events.iter().filter(|event| event.to_string().contains("rotated to")).count();
        let events = bench.tick(&NoReader);
        assert_eq!(rotated(&events), 1, "{missing}: {events:?}");
        assert!(events.iter().any(|event| event.to_string().contains("state: No space left on device")), "{events:?}");
        let names = bench.names();
        for second in 1..100 {
            let events = bench.tick_at(now() + TimeDelta::seconds(2 * second), &NoReader);
            assert_eq!(rotated(&events), 0, "{missing}, {second}: {events:?}");
        }
        assert_eq!(bench.names(), names);
        let problems = StateFile::open(&state, Locking::ReadOnly).unwrap().1;
        assert_eq!(problems, [], "{missing}: half a line was left");
        disk.free();
        assert_eq!(bench.tick_at(now() + TimeDelta::seconds(300), &NoReader), []);
        let (saved, problems) = StateFile::open(&state, Locking::ReadOnly).unwrap();
        assert_eq!((saved.last(&log), problems), (Some(now().naive_local()), vec![]));
    }
}
