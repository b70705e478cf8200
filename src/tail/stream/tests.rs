//! Lines, long lines, holes and rewritten content of one file.

use super::*;
use std::fs;

const LIMIT: usize = 100;

fn stream(path: &Path, offset: u64) -> Stream {
    let source = path.to_str().unwrap().into();
    let opened = Opened::open(path, FileId::of(&fs::metadata(path).unwrap())).unwrap();
    Stream::new(Start { id: StreamId(1), source, pipeline: "p", offset, retired: false }, opened).unwrap()
}

/// Everything there is, as (offset, text, truncated).
fn drain(stream: &mut Stream, last: bool) -> Vec<(u64, String, bool)> {
    let mut all = Vec::new();
    stream.refresh(0).unwrap();
    while let Read::Batch(batch) = stream.read(LIMIT, last).unwrap() {
        if batch.bytes.is_empty() {
            break;
        }
        all.push((batch.offset, String::from_utf8(batch.bytes).unwrap(), batch.truncated));
    }
    all
}

#[test]
fn a_partial_line_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "one\ntwo\nthr").unwrap();
    let mut stream = stream(&path, 0);
    assert_eq!(drain(&mut stream, false), [(0, "one\ntwo\n".to_owned(), false)]);
    fs::write(&path, "one\ntwo\nthree\nfour").unwrap();
    assert_eq!(drain(&mut stream, false), [(8, "three\n".to_owned(), false)]);
    assert_eq!(drain(&mut stream, true), [(14, "four".to_owned(), false)]);
}

#[test]
fn long_lines_are_cut_and_the_next_line_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for length in [98, 99, 100, 101, 199, 200, 350] {
        fs::write(&path, format!("{}\nnext\n", "x".repeat(length))).unwrap();
        let mut stream = stream(&path, 0);
        let all = drain(&mut stream, false);
        let text: String = all.iter().map(|(_, t, _)| t.as_str()).collect();
        assert!(text.ends_with("\nnext\n"), "{length}: {text}");
        if length >= 100 {
            assert_eq!(all[0], (0, format!("{}\n", "x".repeat(LIMIT)), true), "{length}");
        }
        assert_eq!(stream.offset, length as u64 + 6);
        // The position is right: opening there finds the same content.
        assert!(Content::open(&path).unwrap().0.matches(&stream.position()).unwrap());
    }
}

#[test]
fn a_hole_is_no_long_line() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let file = fs::File::create(&path).unwrap();
    file.write_all_at(b"first\nsecond\n", 10 << 20).unwrap();
    let mut stream = stream(&path, 0);
    stream.refresh(0).unwrap();
    let mut lines = Vec::new();
    while let Read::Batch(batch) = stream.read(LIMIT, false).unwrap() {
        lines.extend(String::from_utf8(batch.bytes).unwrap().lines().map(|l| l.trim_matches('\0').to_owned()));
        assert!(Content::open(&path).unwrap().0.matches(&stream.position()).unwrap());
    }
    assert_eq!(lines, ["first", "second"]);
}

#[test]
fn a_file_emptied_within_a_long_line_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for written in ["new\n".to_owned(), "y".repeat(250), format!("{}\n", "y".repeat(300))] {
        fs::write(&path, "x".repeat(250)).unwrap();
        let mut stream = stream(&path, 0);
        stream.refresh(0).unwrap();
        assert!(matches!(stream.read(LIMIT, false).unwrap(), Read::Nothing));
        fs::write(&path, &written).unwrap();
        stream.refresh(0).unwrap();
        assert!(matches!(stream.read(LIMIT, false).unwrap(), Read::Replaced), "{written}");
    }
}

#[test]
fn a_line_longer_than_all_chunks_lets_others_have_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, format!("{}\nnext\n", "x".repeat(LIMIT * LONG_LINE_CHUNKS * 2))).unwrap();
    let mut stream = stream(&path, 0);
    stream.refresh(0).unwrap();
    assert!(matches!(stream.read(LIMIT, false).unwrap(), Read::Busy));
    let mut last = String::new();
    loop {
        match stream.read(LIMIT, false).unwrap() {
            Read::Batch(batch) => last = String::from_utf8(batch.bytes).unwrap(),
            Read::Busy => {}
            Read::Nothing | Read::Replaced => break,
        }
    }
    assert_eq!(last, "next\n");
}

#[test]
fn whole_lines_before_a_partial_one_are_told_to_be_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, format!("{}part", "line\n".repeat(30))).unwrap();
    let mut stream = stream(&path, 0);
    stream.refresh(0).unwrap();
    let mut quiet = None;
    while let Read::Batch(batch) = stream.read(LIMIT, false).unwrap() {
        quiet = batch.quiet_since;
    }
    assert!(quiet.is_some());
}

#[test]
fn truncation_and_rewriting_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "one\ntwo\n").unwrap();
    let mut stream = stream(&path, 0);
    drain(&mut stream, false);
    fs::write(&path, "new\n").unwrap();
    stream.refresh(0).unwrap();
    assert!(matches!(stream.read(LIMIT, false).unwrap(), Read::Replaced));
    fs::write(&path, "something longer than before\n").unwrap();
    stream.refresh(0).unwrap();
    assert!(matches!(stream.read(LIMIT, false).unwrap(), Read::Replaced));
    // Just as long as what was read.
    fs::write(&path, "TWO\nONE\n").unwrap();
    stream.refresh(0).unwrap();
    assert!(matches!(stream.read(LIMIT, false).unwrap(), Read::Replaced));
}
