//! Files that are named by hand: `parse` makes of them what `ingest` stores, by the same pipeline, whatever their path.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::home::Home;

/// With `ROOT` in the place of the folder.
const PIPELINE: &str = "name = \"own\"\n[source]\ninclude = [\"ROOT/logs/*.log\"]\nzone = \"Asia/Tokyo\"\n\
    [redact]\nrecipes = [\"keys\"]\n";

fn home(config: &str) -> Home {
    let home = Home::new(config);
    let root = home.path("").canonicalize().unwrap();
    home.write("pipelines/own.toml", &PIPELINE.replace("ROOT", root.to_str().unwrap().trim_end_matches('/')));
    home
}

fn entries(lines: &[u8]) -> Vec<Value> {
    std::str::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// What `parse -` makes of bytes that come through a pipe.
fn piped(home: &Home, bytes: &[u8]) -> Output {
    let mut command = home.command(&["parse", "-", "--pipeline", "own", "--raw"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
    let writing = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    output
}

#[test]
fn the_pipeline_is_found_whatever_the_path() {
    let home = home("");
    let name = home.path("").canonicalize().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(home.path("logs"), home.path("link")).unwrap();
    let whole = home.path("logs").canonicalize().unwrap();
    let check = |number: usize, folder: &str| {
        let file = format!("{folder}{number}.log");
        let line = format!("2026-11-23 10:15:30 INFO n{number} password=geheim{number}\n");
        home.append(&format!("logs/{number}.log"), line);
        let parsed = home.output(&["parse", &file, "--raw"]);
        assert!(parsed.status.success() && parsed.stderr.is_empty(), "{file}: {parsed:?}");
        home.ok(&["ingest", &file]);
        let stored = home.json(&["search", &format!("n{number}"), "--raw"]);
        for entry in [&entries(&parsed.stdout)[0], &stored[0]] {
            assert_eq!(entry["service"], "own", "{file}: {entry}");
            assert_eq!(entry["timestamp"], "2026-11-23T01:15:30Z", "{file}: {entry}");
            assert!(!entry.to_string().contains("geheim"), "{file}: {entry}");
        }
        let source = stored[0]["source"].as_str().unwrap();
        assert!(source.starts_with('/') && source.ends_with(&format!("/{number}.log")), "{source}");
    };
    let folders = ["logs/", "./logs/", &format!("../{name}/logs/"), "config/../logs/", "link/", "link/../logs/"];
    folders.into_iter().chain([format!("{}/", whole.display()).as_str()]).enumerate().for_each(|(n, f)| check(n, f));
    // What was imported by one name is not read again when it is followed by another.
    let daemon = home.run();
    daemon.settle();
    assert_eq!(home.messages("*").len(), 7, "{:#?}", home.search("*"));
}

#[test]
fn where_no_pipeline_matches_it_is_told() {
    let home = home("");
    home.write("other/a.txt", "hello\n");
    let output = home.output(&["parse", "other/a.txt"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "other/a.txt: no pipeline's globs match; read by the built-in one, ingest (see --pipeline)\n");
    assert_eq!(entries(&output.stdout)[0]["service"], "ingest");
    let output = home.output(&["parse", "other/a.txt", "--pipeline", "own"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    home.write("other/b.txt", "hello\n");
    let output = home.output(&["ingest", "other/a.txt", "other/b.txt"]);
    let said = String::from_utf8(output.stderr).unwrap();
    let place = home.path("other/a.txt");
    let want = format!("{} and 1 more: no pipeline's globs match; read by the built-in one, ingest", place.display());
    assert!(output.status.success() && said.contains(&want), "{said}");
}

/// Everything of an entry but where and when it was read.
fn core(entry: &Value) -> Value {
    ["message", "fields", "level", "raw", "service"].iter().map(|key| entry[key].clone()).collect()
}

#[test]
fn parse_shows_what_is_stored() {
    let home = home("[follow]\nmax_line = \"4KiB\"\n");
    let line = |length: usize, end: &str| format!("2026-11-23 10:15:30 INFO {}{end}", "x".repeat(length));
    let traceback = "Traceback (most recent call last):\n  File \"a.py\"\nValueError: y\n";
    let text = [
        line(10, "\n"),
        traceback.to_owned(),
        line(4096, "\n"),
        line(100_000, "\n"),
        line(5, "\n  joined\n"),
        line(9000, ""),
    ]
    .concat();
    home.write("logs/a.log", &text);
    fs::write(home.path("logs/b.log.1.gz"), gzip(text.as_bytes())).unwrap();
    for file in ["logs/a.log", "logs/b.log.1.gz"] {
        let parsed: Vec<Value> = entries(home.ok(&["parse", file, "--raw"]).as_bytes()).iter().map(core).collect();
        home.ok(&["ingest", file]);
        let stored = home.json(&["search", &format!("source:*{file}"), "--raw", "--limit", "100"]);
        let stored: Vec<Value> = stored.as_array().unwrap().iter().map(core).collect();
        assert_eq!(parsed, stored, "{file}");
        let cut: Vec<bool> = parsed.iter().map(|entry| entry[1]["truncated"] == true).collect();
        assert_eq!(cut, [false, true, true, false, true], "{file}");
        assert!(parsed.iter().all(|entry| entry[3].as_str().unwrap().len() <= 4096), "{file}");
        let piped: Vec<Value> = entries(&piped(&home, text.as_bytes()).stdout).iter().map(core).collect();
        assert_eq!(piped, parsed);
    }
}

#[test]
fn a_line_that_never_ends_takes_no_memory() {
    let home = home("");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    let mebibyte = vec![b'x'; 1 << 20];
    (0..300).for_each(|_| encoder.write_all(&mebibyte).unwrap());
    fs::write(home.path("logs/a.log.1.gz"), encoder.finish().unwrap()).unwrap();
    let limited = "ulimit -v 250000 && exec \"$0\" parse logs/a.log.1.gz";
    let shell = std::process::Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_logmill")])
        .current_dir(home.path(""))
        .output()
        .unwrap();
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    let found = entries(&shell.stdout);
    assert_eq!((found.len(), &found[0]["fields"]["truncated"]), (1, &Value::Bool(true)));
    assert_eq!(found[0]["message"].as_str().unwrap().len(), 1 << 20);
}

#[test]
fn what_cannot_be_read_is_named_and_what_comes_before_damage_shown() {
    let home = home("");
    let text: String = (0..50_000).map(|n| format!("2026-11-23 10:15:30 INFO n{n}\n")).collect();
    let whole = gzip(text.as_bytes());
    fs::write(home.path("logs/no.log.1.gz"), "no gzip\n").unwrap();
    fs::write(home.path("logs/cut.log.1.gz"), &whole[..whole.len() / 2]).unwrap();
    fs::write(home.path("logs/no.log.1.zst"), "no zstd\n").unwrap();
    let check = |file: &str, before: bool| {
        for command in ["parse", "ingest"] {
            let output = home.output(&[command, file]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && said.contains(file), "{command} {file}: {said}");
            assert!(command == "ingest" || said.matches(": ").count() == 2, "told once: {said}");
            assert_eq!(!output.stdout.is_empty(), before && command == "parse", "{command} {file}");
        }
    };
    check("logs/no.log.1.gz", false);
    check("logs/no.log.1.zst", false);
    check("logs/cut.log.1.gz", true);
    check("logs/none.log", false);
    check("logs", false);
}

#[test]
fn years_of_compressed_files_are_those_they_were_written_in() {
    let home = home("");
    let path = home.path("logs/a.log.1.gz");
    fs::write(&path, gzip(b"Nov 20 10:00:00 host sshd[7]: hello\n")).unwrap();
    // 2019-12-01T00:00:00Z.
    let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_575_158_400);
    fs::File::options().append(true).open(Path::new(&path)).unwrap().set_modified(written).unwrap();
    let parsed = home.ok(&["parse", "logs/a.log.1.gz"]);
    home.ok(&["ingest", "logs/a.log.1.gz"]);
    for entry in [&entries(parsed.as_bytes())[0], &home.json(&["search", "hello"])[0]] {
        assert_eq!(entry["timestamp"], "2019-11-20T01:00:00Z", "{entry}");
    }
}
