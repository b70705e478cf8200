//! Programs that compress under `su` are that user for good.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use logmill::rotate::NoReader;

use super::Bench;

const NOBODY: u32 = 65534;

#[test]
fn a_compressor_under_su_cannot_become_root_again() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can act as another user");
        return;
    }
    let elsewhere = tempfile::tempdir().unwrap();
    fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = elsewhere.path().join("packs");
    // Real, effective, saved, of the file system: where one of them is 0 root is one call away.
    let script = "#!/bin/sh\ngrep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' '  ' >&2\nexec gzip\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    // One log, and two that are compressed together.
    for logs in [&["a.log"][..], &["a.log", "b.log"]] {
        let body = format!("rotate 2\nsu {NOBODY} {NOBODY}\ncompress\ncompresscmd {}", program.display());
        let mut bench = Bench::new(&body);
        logs.iter().for_each(|log| bench.write(log, "text"));
        for path in [bench.folder.path().to_owned()].into_iter().chain(logs.iter().map(|log| bench.path(log))) {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let events = bench.tick(&NoReader);
        let told: Vec<String> = events.iter().map(ToString::to_string).collect();
        for who in ["Uid: 65534 65534 65534 65534", "Gid: 65534 65534 65534 65534"] {
            assert_eq!(told.iter().filter(|text| text.contains(who)).count(), logs.len(), "{who}: {told:#?}");
        }
        let groups = told.iter().filter_map(|text| text.lines().find(|line| line.starts_with("Groups:")));
        assert!(groups.clone().count() == logs.len() && groups.clone().all(|line| !line.contains(" 0")), "{told:#?}");
        for log in logs {
            assert_eq!(fs::metadata(bench.path(&format!("{log}.1.gz"))).unwrap().uid(), NOBODY);
        }
    }
}
