//! Logs that are not in UTF-8, in the real program: the same text gives the same entries, while it grows, is rotated in
//! every way, and the program is killed.

use std::fs;
use std::io::Write;

use crate::home::{Home, append, wait_until};

const CONFIG: &str = r#"
[store]
commit_every = "100ms"
[follow]
discover_every = "100ms"
[rotation]
every = "100ms"
"#;

const POLICY: &str = r#"
"logs/renamed*.log" {
    size 20k
    rotate 1000
    create
    compress
}
"logs/copied*.log" {
    size 20k
    rotate 1000
    copytruncate
    compress
}
"#;

const PIPELINE: &str = r#"
name = "all"
[source]
include = ["logs/*.log"]
zone = "UTC"
"#;

fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf16be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn utf_16_is_followed_through_rotations_and_kills() {
    let home = Home::new(CONFIG);
    home.write("pipelines/all.toml", PIPELINE);
    home.write("config/logrotate.conf", POLICY);
    let logs = [
        ("renamed-le.log", utf16le as fn(&str) -> Vec<u8>),
        ("renamed-be.log", utf16be),
        ("copied-le.log", utf16le),
        ("plain.log", |text| text.as_bytes().to_vec()),
    ];
    for (name, encode) in &logs[..3] {
        append(&home.path("logs").join(name), encode("\u{feff}"));
    }
    let mut daemon = home.run();
    let rounds = 40;
    for round in 0..rounds {
        let text: String = (round * 20..round * 20 + 20)
            .map(|n| format!("2026-11-23 10:15:30,004 - größe.ĊĊ - INFO - 🚀 n{n} ਊ\n  indented\n"))
            .collect();
        for (name, encode) in &logs {
            // In pieces that end anywhere.
            let path = home.path("logs").join(name);
            let is_copied = name.starts_with("copied");
            if is_copied {
                // What is written between the last read and the truncation of a copy would be lost.
                wait_until("the copy is cut", || fs::metadata(&path).unwrap().len() < 20_000);
            }
            // Into one file: what a rotation in between parts is two entries.
            let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
            let pieces = if is_copied { usize::MAX } else { 777 };
            encode(&text).chunks(pieces).for_each(|piece| file.write_all(piece).unwrap());
        }
        if round % 10 == 5 {
            daemon.kill();
            daemon = home.run();
        }
    }
    daemon.settle();
    let want: Vec<String> = (0..rounds * 20).map(|n| format!("🚀 n{n} ਊ\n  indented")).collect();
    for (name, _) in &logs {
        let mut found = home.messages(&format!("source:*{name}"));
        found.sort_by_key(|message| {
            let number = message.split(' ').find_map(|word| word.strip_prefix('n')?.parse::<u32>().ok());
            number.unwrap_or_else(|| panic!("{name}: {message:?}"))
        });
        assert_eq!(found, want, "{name}");
    }
    let rotated = home.names("logs").iter().filter(|name| name.ends_with(".gz")).count();
    assert!(rotated > 3, "{:?}", home.names("logs"));
    let status = daemon.status();
    assert_eq!(status["lines"]["invalid_utf8"], 0, "{}", home.log());
}

#[test]
fn an_encoding_is_told_or_seen() {
    let home = Home::new(CONFIG);
    home.write("pipelines/all.toml", PIPELINE);
    let latin =
        PIPELINE.replace("all", "latin").replace("*.log", "*.old").replace("zone", "encoding = \"latin1\"\nzone");
    home.write("pipelines/latin.toml", &latin);
    fs::write(home.path("logs/a.old"), b"gr\xfc\xdfe\n").unwrap();
    fs::write(home.path("logs/b.old"), "\u{feff}schöne grüße\n").unwrap();
    // Without a mark, seen by its zeros.
    fs::write(home.path("logs/c.log"), utf16be("INFO: hello from far away\nbye\n")).unwrap();
    let daemon = home.run();
    daemon.settle();
    let mut messages = home.messages("*");
    messages.sort();
    assert_eq!(messages, ["bye", "grüße", "hello from far away", "schöne grüße"]);
    let parsed = home.ok(&["parse", "logs/a.old", "--raw"]);
    assert!(parsed.contains("grüße"), "{parsed}");
    home.write("pipelines/latin.toml", &latin.replace("latin1", "klingon"));
    let (code, said) = home.fails(&["check"]);
    assert!(code == 2 && said.contains("pipelines/latin.toml:5:12: \"klingon\" is no encoding"), "{code} {said}");
}
