//! A folder of its own with the real program in it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A configuration in which what is written is seen, committed and finished in a moment.
pub const QUICK: &str = "[store]\ncommit_every = \"100ms\"\n[follow]\ndiscover_every = \"100ms\"\nlinger = \"1s\"\n";

/// How long anything may take in a test before it counts as never.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `done`, or fails saying what did not come.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Appends to a file as a logging program does, in one write.
pub fn append(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::OpenOptions::new().create(true).append(true).mode(0o644).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}

/// Removed when dropped, unless `LOGMILL_KEEP` is set.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// With a configuration that suits tests, and `more` behind it.
    pub fn new(more: &str) -> Home {
        let mut home = Home { folder: tempfile::tempdir().unwrap() };
        if std::env::var_os("LOGMILL_KEEP").is_some() {
            home.folder.disable_cleanup(true);
            println!("kept: {}", home.folder.path().display());
        }
        home.write("config/logmill.toml", &format!("http = \"127.0.0.1:0\"\n{more}"));
        fs::create_dir(home.path("logs")).unwrap();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&self.path(name), text);
    }

    /// Runs a line of shell in the folder.
    pub fn shell(&self, line: &str) {
        let status = Command::new("sh").arg("-c").arg(line).current_dir(self.folder.path()).status().unwrap();
        assert!(status.success(), "{line}: {status}");
    }

    /// What is in a folder, by name.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let items = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = items.map(|i| i.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logmill"));
        command.args(arguments).current_dir(self.folder.path()).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a command that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}\n{errors}{}", output.status, self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and standard error of a command that must fail.
    pub fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
        serde_json::from_str(&self.ok(&arguments)).unwrap()
    }

    /// Entries that match, oldest first.
    pub fn search(&self, query: &str) -> Vec<Value> {
        match self.json(&["search", query, "--limit", "10000"]) {
            Value::Array(entries) => entries,
            other => panic!("{other}"),
        }
    }

    pub fn messages(&self, query: &str) -> Vec<String> {
        self.search(query).iter().map(|e| e["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Starts the daemon and waits until it answers.
    pub fn run(&self) -> Daemon<'_> {
        let daemon = self.spawn();
        wait_until("the daemon answers", || {
            let answers = self.output(&["status"]).status.success() && self.path("data/control.sock").exists();
            assert!(answers || daemon.is_alive(), "the daemon ended:\n{}", self.log());
            answers
        });
        daemon
    }

    /// Starts the daemon without waiting for anything.
    pub fn spawn(&self) -> Daemon<'_> {
        self.spawn_with(&[])
    }

    /// The same, with variables in its environment.
    pub fn spawn_with(&self, variables: &[(&str, &str)]) -> Daemon<'_> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("daemon.log")).unwrap();
        let child =
            self.command(&["run"]).envs(variables.iter().copied()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Daemon { child, home: self }
    }

    /// What the daemon wrote about itself.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }
}

/// Killed when dropped.
pub struct Daemon<'a> {
    child: Child,
    home: &'a Home,
}

impl Daemon<'_> {
    fn is_alive(&self) -> bool {
        Path::new(&format!("/proc/{}/exe", self.child.id())).exists()
    }

    pub fn status(&self) -> Value {
        self.home.json(&["status"])
    }

    /// Everything is read and committed, and stays so for a moment.
    pub fn settle(&self) {
        let (begun, mut since) = (Instant::now(), Instant::now());
        while since.elapsed() < Duration::from_millis(500) {
            let status = self.status();
            let files = status["files"].as_array().unwrap();
            let done = |f: &Value| f["lag_bytes"] == 0 && f["committed"] == f["size"];
            if files.is_empty() || status["entries_waiting"] != 0 || !files.iter().all(done) {
                since = Instant::now();
            }
            let waiting = &status["entries_waiting"];
            let log = || self.home.log();
            assert!(begun.elapsed() < PATIENCE, "not all is committed: {waiting} waiting\n{files:#?}\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// SIGKILL: as if the power failed, for the process.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small file system of its own, unmounted when dropped. Where it cannot be had the test says so, and fails in CI.
pub struct SmallDisk {
    folder: PathBuf,
    /// Where the file is that it is in, to be removed.
    _image: Option<tempfile::NamedTempFile>,
}

impl SmallDisk {
    pub fn in_memory(folder: &Path, size: &str) -> Option<SmallDisk> {
        let options = format!("size={size},mode=755");
        SmallDisk::mount(folder, None, &["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// ext4, which can take blocks out of a file.
    pub fn in_a_file(folder: &Path, bytes: u64) -> Option<SmallDisk> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(bytes).unwrap();
        let path = image.path().to_str().unwrap().to_owned();
        // No journal, which would take most of it; and nothing is kept for root.
        let made = Command::new("mkfs.ext4").args(["-q", "-m", "0", "-O", "^has_journal", &path]).status();
        if !made.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("CI").is_none(), "CI must have mkfs.ext4");
            eprintln!("SKIPPED: there is no mkfs.ext4, a full ext4 was not tried");
            return None;
        }
        SmallDisk::mount(folder, Some(image), &["-o", "loop", &path])
    }

    fn mount(folder: &Path, image: Option<tempfile::NamedTempFile>, arguments: &[&str]) -> Option<SmallDisk> {
        let mounted = Command::new("mount").args(arguments).arg(folder).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            // A container may have no right to mount, whatever is installed in it: that is no fault of ours.
            eprintln!("SKIPPED: {arguments:?} cannot be mounted, a full disk was not tried");
            return None;
        }
        Some(SmallDisk { folder: folder.to_owned(), _image: image })
    }

    /// Takes all space but so many bytes, in the file `filler`.
    pub fn fill_but(&self, bytes: u64) {
        let mut file = fs::File::create(self.folder.join("filler")).unwrap();
        for block in [64 << 10, 1 << 10, 1] {
            while file.write_all(&vec![1; block]).is_ok() {}
        }
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(bytes)).unwrap();
        file.sync_all().unwrap();
    }

    pub fn free(&self) {
        fs::remove_file(self.folder.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}
