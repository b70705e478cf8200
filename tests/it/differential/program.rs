//! Runs a program on a tree and collects what it says.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use super::case::Case;
use super::tree::Place;

/// A program that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Ran {
    /// The exit code, or how the program ended otherwise.
    pub exit: String,
    pub stdout: String,
    pub stderr: String,
}

pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).map(|folder| Path::new(folder).join(name)).find(|file| file.exists())
}

pub fn is_there(name: &str) -> bool {
    find(name).is_some()
}

/// The stock program. When it is missing nothing can be compared, which CI does not accept.
pub fn stock() -> Option<PathBuf> {
    let found = find("logrotate");
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI must have the program logrotate: apt-get install logrotate");
        eprintln!("SKIPPED: the program logrotate is not installed, nothing was compared");
    }
    found
}

/// One run. Output goes to files, so that a program that hangs can be ended and no pipe fills up.
pub fn run(program: &Path, case: &Case, place: &Place) -> Ran {
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| place.root().join(name));
    let lock = case.locked.then(|| {
        let state = File::open(place.tree().join("state")).unwrap();
        rustix::fs::flock(&state, FlockOperation::NonBlockingLockExclusive).unwrap();
        state
    });
    let mut child = Command::new(program)
        .args(case.args.split_whitespace())
        .current_dir(place.tree())
        .env("LC_ALL", "C")
        .env("TZ", case.zone)
        .env("HOME", place.tree())
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let exit = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().map_or_else(|| status.to_string(), |code| code.to_string());
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            break "hung".into();
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    drop(lock);
    let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Ran { exit, stdout: text(stdout), stderr: text(stderr) }
}
