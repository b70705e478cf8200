//! `logmill demo`: the real daemon in a folder of its own, fed by the generator, asked with the real commands.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use crate::cli::output::{colour, outln};
use crate::generate::{Generator, Line};
use crate::http::Client;
use crate::sys::clock::{self, SECOND};

#[derive(clap::Args)]
pub struct Arguments {
    /// Folder to make and work in [default: a new one among the temporary files]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Entries to write a second, 1 to 50000
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    rate: u32,
    /// For how long to write before the demo ends
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(5..=3600))]
    seconds: u32,
    /// Of the generated logs
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// So much history is written before the daemon starts, so that rates have something to show.
const HISTORY: i64 = 20 * 60 * SECOND;
/// Mean time between two things that happen in the history.
const HISTORY_STEP: i64 = SECOND / 5;
/// How long anything may take that has to happen in the demo.
const PATIENCE: Duration = Duration::from_secs(30);

const CONFIG: &str = r#"# The demo's configuration: what differs from the defaults.
http = "127.0.0.1:0"     # any free port; the one in use is in data/http.addr

[rotation]
policy = "config/logrotate.conf"
every = "500ms"
"#;

const POLICY: &str = r#"# As shipped, but small, so that rotation shows at once.
"logs/orchestrator*.log" "logs/api.log" "logs/*/*.log" {
    size 400k
    rotate 5
    compress
    missingok
    notifempty
    copytruncate
}
"#;

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = make_folder(arguments.dir.as_deref())?;
    say(&format!("a folder of its own: {}", folder.display()));
    let mut writer = Writer::new(&folder, arguments.seed);
    let history = writer.history()?;
    say(&format!("{history} entries of the last 20 minutes written to logs/; now the daemon: logmill run"));
    let mut daemon = Daemon::start(&folder)?;
    let demo = Demo { folder: &folder, rate: arguments.rate };
    demo.story(&mut writer, &mut daemon, Duration::from_secs(arguments.seconds.into()))?;
    daemon.stop()?;
    epilogue(&folder);
    Ok(())
}

fn make_folder(wanted: Option<&Path>) -> anyhow::Result<PathBuf> {
    let default = || std::env::temp_dir().join(format!("logmill-demo-{}", std::process::id()));
    let folder = wanted.map_or_else(default, Path::to_owned);
    // Made by us or not used: another's folder among the temporary files could hold anything.
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.with_context(|| format!("cannot make {}; name a new folder with --dir", folder.display()))?;
    fs::create_dir(folder.join("config"))?;
    fs::create_dir(folder.join("logs"))?;
    fs::write(folder.join("config/logmill.toml"), CONFIG)?;
    fs::write(folder.join("config/logrotate.conf"), POLICY)?;
    Ok(fs::canonicalize(folder)?)
}

/// What happens, in order, while the logs are written.
struct Demo<'a> {
    folder: &'a Path,
    rate: u32,
}

impl Demo<'_> {
    fn story(&self, writer: &mut Writer, daemon: &mut Daemon, time: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        let seen = |status: &Value, writer: &Writer| status["entries_read"].as_u64() == Some(writer.written());
        writer.until(self.rate, || Ok(begun.elapsed() > Duration::from_secs(2) && daemon.is_up()?))?;
        say("the newest entries, a moment after they were written");
        self.logmill(&["search", "*", "--limit", "5"])?;
        writer.write_for(self.rate, time / 4)?;
        say("a search");
        self.logmill(&["search", "level>=error \"timed out\"", "--limit", "3"])?;
        writer.write_for(self.rate, time / 4)?;
        say("how many entries are errors, and how many workflows failed");
        self.logmill(&["rate", "--by", "workflow_type", "--since", "20m", "--step", "1m"])?;
        say("a rotation: waiting for a file to reach 400 KiB …");
        let waited = Instant::now();
        writer.until(self.rate, || {
            anyhow::ensure!(waited.elapsed() < PATIENCE, "no file was rotated in time; see daemon.log");
            Ok(self.compressed()?.len() > 1)
        })?;
        self.compressed()?.iter().for_each(|name| outln!("  {name}"));
        writer.until(self.rate, || Ok(begun.elapsed() >= time))?;
        writer.flush()?;
        let waited = Instant::now();
        let status = loop {
            let status = daemon.status()?;
            if seen(&status, writer) || waited.elapsed() > PATIENCE {
                break status;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        say("nothing lost, nothing twice");
        outln!("  {} entries written, {} indexed", writer.written(), status["entries_read"]);
        anyhow::ensure!(seen(&status, writer), "the index does not have what was written; see daemon.log");
        Ok(())
    }

    /// Runs one of our own commands as a user would.
    fn logmill(&self, arguments: &[&str]) -> anyhow::Result<()> {
        outln!("{}", colour(&format!("$ logmill {}", shown(arguments)), "1"));
        let status = Command::new(std::env::current_exe()?).args(arguments).current_dir(self.folder).status()?;
        anyhow::ensure!(status.success(), "`logmill {}` failed", shown(arguments));
        Ok(())
    }

    /// Rotated and compressed logs.
    fn compressed(&self) -> anyhow::Result<Vec<String>> {
        let logs = self.folder.join("logs");
        let pattern = format!("{}/**/*.gz", glob::Pattern::escape(&logs.display().to_string()));
        let mut names = Vec::new();
        for path in glob::glob(&pattern)?.flatten() {
            let size = fs::metadata(&path).map_or(0, |m| m.len());
            let name = path.strip_prefix(self.folder).unwrap_or(&path).display().to_string();
            names.push(format!("{name} ({})", crate::sys::units::Bytes(size)));
        }
        Ok(names)
    }
}

/// Arguments as one types them in a shell.
fn shown(arguments: &[&str]) -> String {
    let quote = |a: &&str| if a.contains([' ', '*', '"', '>']) { format!("'{a}'") } else { (*a).to_owned() };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}

fn say(text: &str) {
    outln!("\n{} {text}", colour("==", "32"));
}

fn epilogue(folder: &Path) {
    say("try it yourself");
    let program = std::env::current_exe().map_or_else(|_| "logmill".to_owned(), |p| p.display().to_string());
    outln!("  cd {}", folder.display());
    outln!("  {program} search 'workflow_type:tdd level>=warning' --since 10m");
    outln!("  {program} rate --by agent --format json");
    outln!("  {program} status");
    outln!("  {program} parse logs/api.log | head -3");
    outln!("  {program} run            # goes on following; SIGTERM or Ctrl-C stops it");
    outln!("and in a folder with a ./logs of your own: {program} run");
}

/// The generator, and the files it writes to.
struct Writer {
    folder: PathBuf,
    generator: Generator,
    files: HashMap<Arc<str>, BufWriter<File>>,
}

/// Files kept open at once; session folders come and go.
const MAX_OPEN: usize = 64;

impl Writer {
    fn new(folder: &Path, seed: u64) -> Writer {
        let generator = Generator::new(seed, clock::now() - HISTORY);
        Writer { folder: folder.to_owned(), generator, files: HashMap::new() }
    }

    fn written(&self) -> u64 {
        self.generator.truth().entries
    }

    /// Writes the past; returns how many entries that is.
    fn history(&mut self) -> anyhow::Result<u64> {
        self.generator.set_step(HISTORY_STEP);
        let now = clock::now();
        while self.generator.time() < now {
            let line = self.generator.next();
            self.write(&line)?;
        }
        self.flush()?;
        Ok(self.written())
    }

    fn write_for(&mut self, rate: u32, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        self.until(rate, || Ok(Instant::now() >= end))
    }

    /// Writes at the rate until `done`.
    fn until(&mut self, rate: u32, mut done: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        const TICK: Duration = Duration::from_millis(100);
        // The generator's own time is the real one; each event leaves about two and a half entries.
        self.generator.set_step(SECOND * 5 / 2 / i64::from(rate));
        let (begun, before) = (Instant::now(), self.written());
        while !done()? {
            let wanted = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
            self.generator.set_time(clock::now());
            while self.written() - before < wanted {
                let line = self.generator.next();
                self.write(&line)?;
            }
            self.flush()?;
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    fn write(&mut self, line: &Line) -> anyhow::Result<()> {
        if !self.files.contains_key(&line.file) {
            if self.files.len() >= MAX_OPEN {
                self.flush()?;
                self.files.clear();
            }
            let path = self.folder.join(&*line.file);
            path.parent().map(fs::create_dir_all).transpose()?;
            let file = OpenOptions::new().create(true).append(true).open(&path)?;
            self.files.insert(line.file.clone(), BufWriter::new(file));
        }
        if let Some(file) = self.files.get_mut(&line.file) {
            file.write_all(line.text.as_bytes())?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.files.values_mut().try_for_each(Write::flush)?)
    }
}

/// The daemon, as a process of its own; killed if the demo ends early.
struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    fn start(folder: &Path) -> anyhow::Result<Daemon> {
        let log = File::create(folder.join("daemon.log"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("run").current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Daemon { child: command.spawn()?, socket: folder.join("data/control.sock") })
    }

    fn is_up(&mut self) -> anyhow::Result<bool> {
        if let Some(status) = self.child.try_wait()? {
            anyhow::bail!("the daemon ended with {status}; see daemon.log");
        }
        Ok(Client::of_data_dir(&self.socket).is_some())
    }

    fn status(&self) -> anyhow::Result<Value> {
        let client = Client::of_data_dir(&self.socket).context("the daemon is gone; see daemon.log")?;
        Ok(client.ask("/status", None)?.body)
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        crate::sys::process::terminate(self.child.id())?;
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the daemon ended with {status}; see daemon.log");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone after stop(): then this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
