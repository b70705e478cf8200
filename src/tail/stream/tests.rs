//! Lines, long lines, holes and rewritten content of one file.

use super::*;
use std::fs;

const LIMIT: usize = 100;

fn stream(path: &Path, offset: u64) -> Stream {
    let source = path.to_str().unwrap().into();
    let opened = Opened::open(path, FileId::of(&fs::metadata(path).unwrap())).unwrap();
    Stream::new(Start { id: StreamId(1), source, pipeline: "p", encoding: None, offset, retired: false }, opened)
        .unwrap()
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
fn positions_behind_what_was_passed_over_are_right() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (folder.path().join("log"), folder.path().join("log.gz"));
    let long = |length: usize| format!("{}{length}\n", "x".repeat(length)).into_bytes();
    let check = |parts: &[Vec<u8>], limit: usize| {
        fs::write(&plain, parts.concat()).unwrap();
        let mut encoder =
            flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::new(1));
        encoder.write_all(&parts.concat()).unwrap();
        encoder.finish().unwrap();
        for path in [&plain, &packed] {
            let (mut stream, mut is_over) = (stream(path, 0), false);
            stream.refresh(0).unwrap();
            while !is_over {
                match stream.read(limit, true).unwrap() {
                    Read::Batch(batch) => is_over = batch.last,
                    Read::Busy => continue,
                    Read::Nothing | Read::Replaced => panic!("{} {limit}", path.display()),
                }
                let position = stream.position();
                let is_right = Content::open(path).unwrap().0.matches(&position).unwrap();
                assert!(is_right || position.offset == 0, "{} {limit}: {position:?}", path.display());
            }
            assert_eq!(stream.offset, parts.concat().len() as u64, "{} {limit}", path.display());
        }
    };
    for limit in [100, 1000, 1024, 2000] {
        check(&[long(3000), long(10), long(50_000), long(2000)], limit);
        check(&[long(500), long(limit), long(2 * limit - 5), long(3 * limit + 10), long(7)], limit);
        check(&[vec![0; 5000], long(5), vec![0; 3000], long(5000)], limit);
        check(&[long(20), vec![0; 5000], long(5)], limit);
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

#[test]
fn lines_of_utf_16_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let encoded = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let batches = |stream: &mut Stream| {
        let mut all = Vec::new();
        stream.refresh(0).unwrap();
        while let Read::Batch(batch) = stream.read(LIMIT, false).unwrap() {
            let (text, is_invalid) = batch.encoding.decode(&batch.bytes, batch.truncated);
            assert!(!is_invalid, "{:x?}", batch.bytes);
            all.push((batch.offset, text.into_owned(), batch.truncated));
        }
        all
    };
    // The last end of a line is half there, and an end looks like half of one.
    let text = "\u{feff}one\n\u{10a}two\n";
    let bytes = encoded(text);
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let mut first = stream(&path, 0);
    assert_eq!(batches(&mut first), [(0, "\u{feff}one\n".to_owned(), false)]);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(batches(&mut first), [(10, "\u{10a}two\n".to_owned(), false)]);
    // A line that is too long, whose end comes in halves; read from the middle, as after a restart.
    let text = format!("{text}{}\nx\n", "\u{a0a}".repeat(LIMIT));
    let bytes = encoded(&text);
    let end = bytes.len() - 5;
    fs::write(&path, &bytes[..end]).unwrap();
    let mut second = stream(&path, 20);
    assert_eq!(batches(&mut second), []);
    fs::write(&path, &bytes).unwrap();
    let cut = "\u{a0a}".repeat(LIMIT / 2) + "\n";
    assert_eq!(batches(&mut second), [(20, cut, true), (20 + 2 * LIMIT as u64 + 2, "x\n".to_owned(), false)]);
    // Emptied and written on without a mark.
    fs::write(&path, encoded("y\n")).unwrap();
    second.refresh(0).unwrap();
    assert!(matches!(second.read(LIMIT, false).unwrap(), Read::Replaced));
    assert_eq!(batches(&mut second.rewound(StreamId(2))), [(0, "y\n".to_owned(), false)]);
}
