//! What is in a tree, in words that can be compared and shown.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::tree::{for_files, is_now};

/// Name in the tree → (what, how it is).
pub type Files = BTreeMap<String, Vec<(&'static str, String)>>;

/// From this size on, whether a file has holes is told.
const HOLES_FROM: u64 = 65_536;

pub fn take(tree: &Path, now: i64, zone: &str) -> Files {
    let zone: Tz = zone.parse().unwrap();
    let mut files = Files::new();
    for_files(tree, &mut |path, meta| {
        let name = path.strip_prefix(tree).unwrap().display().to_string();
        files.insert(name, describe(path, meta, now, zone));
    });
    files
}

fn describe(path: &Path, meta: &fs::Metadata, now: i64, zone: Tz) -> Vec<(&'static str, String)> {
    let kind = match meta.file_type() {
        kind if kind.is_symlink() => format!("link to {}", fs::read_link(path).unwrap().display()),
        kind if kind.is_dir() => "folder".into(),
        kind if kind.is_fifo() => "fifo".into(),
        kind if kind.is_file() => "file".into(),
        kind => format!("{kind:?}"),
    };
    let mut said = vec![("kind", kind), ("owner", format!("{}:{}", meta.uid(), meta.gid()))];
    if !meta.is_symlink() {
        said.push(("mode", format!("{:o}", meta.mode() & 0o7777)));
        said.push(("acl", acl(path)));
    }
    if !meta.is_file() {
        return said;
    }
    let mtime = if is_now(meta.mtime(), now) { "now".into() } else { meta.mtime().to_string() };
    said.push(("mtime", mtime));
    said.push(("links", meta.nlink().to_string()));
    if meta.size() >= HOLES_FROM {
        said.push(("holes", (meta.blocks() * 512 < meta.size()).to_string()));
    }
    let (packed, text) = content(path, now, zone);
    said.extend([("packed", packed.to_owned()), ("content", text)]);
    said
}

/// An ACL beyond the mode, as `tag:id:permissions` in the kernel's order.
fn acl(path: &Path) -> String {
    let mut bytes = [0_u8; 4096];
    let Ok(length) = rustix::fs::getxattr(path, c"system.posix_acl_access", &mut bytes[..]) else {
        return "none".into();
    };
    let entry = |e: &[u8]| format!("{}:{}:{}", e[0], i32::from_le_bytes([e[4], e[5], e[6], e[7]]), e[2]);
    bytes[..length].get(4..).unwrap_or_default().chunks_exact(8).map(entry).collect::<Vec<_>>().join(" ")
}

/// How a file is compressed, by its first bytes, and what it says.
fn content(path: &Path, now: i64, zone: Tz) -> (&'static str, String) {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Only root reads everything.
        Err(error) => return ("unreadable", error.to_string()),
    };
    let (packed, bytes) = match &bytes[..] {
        [0x1f, 0x8b, ..] => ("gzip", gunzip(&bytes).unwrap_or(bytes)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ("zstd", zstd::stream::decode_all(&bytes[..]).unwrap_or(bytes)),
        [b'B', b'Z', b'h', ..] => ("bzip2", unpack("bzip2", path).unwrap_or(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => ("xz", unpack("xz", path).unwrap_or(bytes)),
        _ => ("plain", bytes),
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (packed, if text.starts_with("logrotate state -- ") { state(&text, now, zone) } else { text })
}

/// Stock packs what is packed when a pattern matches it; what is said is the innermost text.
fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
    match &plain[..] {
        [0x1f, 0x8b, ..] => Some(gunzip(&plain).unwrap_or(plain)),
        _ => Some(plain),
    }
}

fn unpack(program: &str, path: &Path) -> Option<Vec<u8>> {
    let file = fs::File::open(path).unwrap();
    let output = Command::new(program).arg("-dc").stdin(file).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// A state file whose order says nothing, and in which the time of the run is "now".
fn state(text: &str, now: i64, zone: Tz) -> String {
    let (head, entries) = text.split_once('\n').unwrap_or((text, ""));
    let entry = |line: &str| match line.rsplit_once(' ') {
        Some((path, time)) if is_stamp_of_now(time, now, zone) => format!("{path} now\n"),
        _ => format!("{line}\n"),
    };
    let mut entries: Vec<_> = entries.lines().map(entry).collect();
    entries.sort();
    format!("{head}\n{}", entries.concat())
}

/// Whether the local time of an entry is that of the run. The clock that programs ask may be some milliseconds behind.
fn is_stamp_of_now(text: &str, now: i64, zone: Tz) -> bool {
    let stamp = NaiveDateTime::parse_from_str(text, "%Y-%m-%d-%H:%M:%S").ok();
    stamp
        .and_then(|stamp| zone.from_local_datetime(&stamp).latest())
        .is_some_and(|t| (now - 1..now + 600).contains(&t.timestamp()))
}
