//! `logmill ingest`: through the running daemon, or by an engine of our own.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::ask::control;
use crate::cli::{Common, Usage, tell_strangers};
use crate::config::{Loaded, load};
use crate::daemon::{Engine, IngestState};
use crate::http::Client;
use crate::sys::units::Bytes;
use crate::tail::source_for;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  logmill ingest /var/log/orchestrator/orchestrator.log.*.gz
  logmill ingest old.log --pipeline api")]
pub struct Arguments {
    /// Files, plain or compressed (.gz, .zst)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The pipeline that reads them [default: the one whose globs match]
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let files = absolute(&arguments.files)?;
    let begun = Instant::now();
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    check_pipeline(&loaded, arguments.pipeline.as_deref())?;
    if arguments.pipeline.is_none() {
        let sources = loaded.sources();
        tell_strangers(&files.iter().filter(|file| source_for(&sources, file).is_none()).collect::<Vec<_>>());
    }
    let states = match Client::of_data_dir(&loaded.config.control_socket()) {
        Some(client) => beside_daemon(&client, &files, arguments.pipeline.as_deref())?,
        None => alone(loaded, &files, arguments.pipeline.clone())?,
    };
    report(&files, &states, begun.elapsed())
}

fn absolute(files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let here = std::env::current_dir()?;
    files
        .iter()
        .map(|file| match std::fs::metadata(file) {
            Ok(m) if m.is_file() => Ok(here.join(file)),
            Ok(_) => Err(Usage::error(format!("{}: not a regular file", file.display()))),
            Err(e) => Err(Usage::error(format!("{}: {e}", file.display()))),
        })
        .collect()
}

type States = Vec<IngestState>;

fn beside_daemon(client: &Client, files: &[PathBuf], pipeline: Option<&str>) -> anyhow::Result<States> {
    control(client, &json!({ "do": "ingest", "paths": files, "pipeline": pipeline }))?;
    let mut progress = Progress::new();
    let states = loop {
        let answer = control(client, &json!({ "do": "ingest_state", "paths": files }))?;
        let state = |f: &PathBuf| serde_json::from_value(answer[f.display().to_string()].clone()).ok();
        let states: Vec<Option<IngestState>> = files.iter().map(state).collect();
        if let Some(states) = over(&states) {
            break states;
        }
        progress.show(&states);
        std::thread::sleep(Duration::from_millis(100));
    };
    progress.end();
    control(client, &json!({ "do": "commit" }))?;
    Ok(states)
}

fn check_pipeline(loaded: &Loaded, name: Option<&str>) -> anyhow::Result<()> {
    let known: Vec<&str> = loaded.pipelines.iter().map(|p| p.name()).collect();
    match name.filter(|name| !known.contains(name)) {
        Some(name) => Err(Usage::error(format!("no pipeline is called {name:?}; there are {}", known.join(", ")))),
        None => Ok(()),
    }
}

fn alone(loaded: Loaded, files: &[PathBuf], pipeline: Option<String>) -> anyhow::Result<States> {
    let engine = Engine::start(loaded, false)?;
    engine.ingest(files.to_vec(), pipeline);
    let mut progress = Progress::new();
    let states = loop {
        let states: Vec<Option<IngestState>> = {
            let facts = engine.board.lock();
            if let Some(why) = &facts.stuck {
                anyhow::bail!("{why}");
            }
            files.iter().map(|f| facts.ingests.get(f).cloned()).collect()
        };
        if let Some(states) = over(&states) {
            break states;
        }
        progress.show(&states);
        std::thread::sleep(Duration::from_millis(20));
    };
    progress.end();
    anyhow::ensure!(engine.stop(Duration::from_secs(3600)), "not everything could be committed; run it again");
    Ok(states)
}

/// The states, when all are final.
fn over(states: &[Option<IngestState>]) -> Option<States> {
    let done: States = states.iter().flatten().filter(|s| s.is_over()).cloned().collect();
    (done.len() == states.len()).then_some(done)
}

/// A line that is rewritten, on a terminal only.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress { shown: false }
    }

    fn show(&mut self, states: &[Option<IngestState>]) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let (mut offset, mut size, mut done) = (0, 0, 0);
        for state in states.iter().flatten() {
            match state {
                IngestState::Reading { offset: o, size: s, .. } => {
                    offset += o;
                    size += s;
                }
                _ => done += 1,
            }
        }
        eprint!("\r{done} of {} files; {} of {} \x1b[K", states.len(), Bytes(offset), Bytes(size));
        let _ = std::io::stderr().flush();
        self.shown = true;
    }

    fn end(&self) {
        if self.shown {
            eprintln!();
        }
    }
}

fn report(files: &[PathBuf], states: &[IngestState], time: Duration) -> anyhow::Result<()> {
    let (mut failures, mut bytes) = (0, 0);
    for (file, state) in files.iter().zip(states) {
        match state {
            IngestState::Failed { error } => {
                failures += 1;
                eprintln!("{error}");
            }
            IngestState::Known => eprintln!("{}: was read before, or is being followed", file.display()),
            IngestState::Done { bytes: b, .. } => bytes += b,
            IngestState::Reading { .. } => {}
        }
    }
    eprintln!("{} of {} files, {} in {:.1} s", files.len() - failures, files.len(), Bytes(bytes), time.as_secs_f64());
    anyhow::ensure!(failures == 0, "{failures} of {} files could not be read", files.len());
    Ok(())
}
