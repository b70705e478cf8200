//! Where cases happen: makes the tree of a case, writes to its logs between rounds, gives files fixed times.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::TimeZone;
use chrono_tz::Tz;
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps};

use super::case::Case;

pub const DAY: i64 = 86_400;

/// Files that a step has just made count as ten days old, a minute younger each round, whoever made them and when.
const AGE: i64 = 10 * DAY;

/// What setups may use: `$NOW` (seconds), `$TODAY`, `$D` and `$H` (seconds of a day and an hour), `state LOG SECONDS`
/// or `state LOG DATE` for an entry in the state file, `aged FILE SECONDS`, `gen FILE...` for files with their names in
/// them (compressed when the name says so), `ago SECONDS FORMAT`.
const PRELUDE: &str = r#"
set -e
D=86400 H=3600
ago() { date -d "@$((NOW - $1))" +"$2"; }
state() {
    [ -e state ] || { echo 'logrotate state -- version 2' > state; chmod 640 state; }
    case $2 in *-*) stamp=$2;; *) stamp=$(ago "$2" %Y-%-m-%-d-%-H:%-M:%-S);; esac
    echo "\"$DIR/$1\" $stamp" >> state
}
aged() { touch -d "@$((NOW - $2))" "$1"; }
gen() {
    for file; do
        case $file in
            *.gz) (umask 027; echo "was $file" | gzip -n > "$file");;
            *.bz2) (umask 027; echo "was $file" | bzip2 > "$file");;
            *) (umask 027; echo "was $file" > "$file");;
        esac
    done
}
"#;

/// Scripts for configurations to name. They tell what they were asked in `DIR/ran` or `DIR/mailed`.
const SCRIPTS: &[(&str, &str)] = &[
    ("mail", "{ printf '<%s>' \"$@\"; echo; cat; echo .; } >> DIR/mailed"),
    ("mail-fails", "cat > /dev/null; echo no post today >&2; exit 7"),
    ("gz-says", "echo \"all is well\" >&2; exec gzip -n \"$@\""),
    ("gz-tells", "echo \"$# $* ${LOGROTATE_COMPRESSED_FILENAME-unset}\" >> DIR/ran; exec gzip -n"),
    ("gz-fails", "head -c 5; exit 3"),
    ("gz-fails-loudly", "echo disk full >&2; echo really >&2; exit 1"),
    ("gz-copies", "exec cat"),
];

/// A log that the writer keeps writing to.
pub struct Log {
    path: PathBuf,
    mode: u32,
    owner: (u32, u32),
    empty: bool,
}

/// A folder with `tree`, the same for all cases of a theme, and what must not be in it.
pub struct Place {
    root: tempfile::TempDir,
    tree: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        // Files made without a mode must not depend on who runs the tests.
        rustix::process::umask(Mode::from_raw_mode(0o022));
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let place = Self { tree: root.path().join("tree"), root };
        fs::create_dir(place.bin()).unwrap();
        for (name, text) in SCRIPTS {
            let path = place.bin().join(name);
            fs::write(&path, place.paths(&format!("#!/bin/sh\n{text}\n"))).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        place
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn tree(&self) -> &Path {
        &self.tree
    }

    fn bin(&self) -> PathBuf {
        self.root().join("bin")
    }

    pub fn paths(&self, text: &str) -> String {
        text.replace("DIR", &self.tree.display().to_string()).replace("BIN", &self.bin().display().to_string())
    }

    /// Makes the tree of `case` anew and says which logs are in it.
    pub fn make(&self, case: &Case, now: i64) -> Vec<Log> {
        if self.tree.exists() {
            fs::remove_dir_all(&self.tree).unwrap();
        }
        fs::create_dir(&self.tree).unwrap();
        let files: [(&str, u32, &str); 4] = [
            ("a.log", 0o640, "a.log in round 0\n"),
            ("b.log", 0o604, "b.log in round 0\n"),
            ("empty.log", 0o644, ""),
            ("conf", 0o644, &case.config),
        ];
        for (name, mode, text) in files {
            let path = self.tree.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        if !case.setup.is_empty() {
            self.shell(&case.setup, case, 0, now);
        }
        let mut logs = Vec::new();
        for_files(&self.tree, &mut |path, meta| {
            if path.extension().is_some_and(|e| e == "log") && meta.is_file() {
                let owner = (meta.uid(), meta.gid());
                logs.push(Log { path: path.into(), mode: meta.mode() & 0o7777, owner, empty: meta.size() == 0 });
            }
        });
        logs.sort_by(|a, b| a.path.cmp(&b.path));
        logs
    }

    fn shell(&self, commands: &str, case: &Case, round: usize, now: i64) {
        let zone: Tz = case.zone.parse().unwrap();
        let today = zone.timestamp_opt(now, 0).unwrap().format("%Y%m%d");
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("{PRELUDE}\n{commands}"))
            .current_dir(&self.tree)
            .env("DIR", &self.tree)
            .env("NOW", now.to_string())
            .env("TODAY", today.to_string())
            .env("ROUND", round.to_string())
            .env("TZ", case.zone)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the setup of {} failed: {text}", case.name);
    }

    /// A round of the writers: each appends to its log, or makes it anew.
    pub fn write(&self, logs: &[Log], case: &Case, round: usize, now: i64) {
        for log in logs {
            let missing = log.path.symlink_metadata().is_err();
            let Ok(mut file) = OpenOptions::new().append(true).create(true).mode(0o600).open(&log.path) else {
                continue; // Rotation put something else there.
            };
            if !log.empty {
                writeln!(file, "{} in round {round}", log.path.file_name().unwrap().display()).unwrap();
            }
            if missing {
                chown(&log.path, Some(log.owner.0), Some(log.owner.1)).unwrap();
                fs::set_permissions(&log.path, Permissions::from_mode(log.mode)).unwrap();
            }
        }
        if !case.between.is_empty() {
            self.shell(&case.between, case, round, now);
        }
    }

    /// Gives what has been made just now the time of the round.
    pub fn settle(&self, round: usize, now: i64) {
        let tv_sec = now - AGE + 60 * i64::try_from(round).unwrap();
        let time = Timespec { tv_sec, tv_nsec: 0 };
        for_files(&self.tree, &mut |path, meta| {
            if meta.is_file() && is_now(meta.mtime(), now) {
                let times = Timestamps { last_access: time, last_modification: time };
                rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
            }
        });
    }
}

/// Whether a time is one that a run gave, rather than the harness.
pub fn is_now(seconds: i64, now: i64) -> bool {
    (now - 120..now + 600).contains(&seconds)
}

/// Calls `with` for everything under `folder`, links not followed.
pub fn for_files(folder: &Path, with: &mut dyn FnMut(&Path, &fs::Metadata)) {
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, meta) = (item.path(), item.metadata().unwrap());
        with(&path, &meta);
        if meta.is_dir() {
            for_files(&path, with);
        }
    }
}
