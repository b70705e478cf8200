//! `logmill rotate`: by the daemon when one runs, since it knows what was read; otherwise here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::Local;
use serde_json::json;

use crate::cli::ask::control;
use crate::cli::output::{self, Format, outln};
use crate::cli::{Common, Usage};
use crate::config::load;
use crate::daemon::describe_plan;
use crate::http::Client;
use crate::rotate::{Gate, Options, Policy, Rotator, What};
use crate::store::Snapshot;
use crate::sys::files::FileId;

#[derive(clap::Args)]
pub struct Arguments {
    /// logrotate files to apply instead of the configured policy
    #[arg(value_name = "CONFIG")]
    policies: Vec<PathBuf>,
    /// Only print what would be done
    #[arg(long, short = 'd')]
    dry_run: bool,
    /// Rotate what is not due, too
    #[arg(long, short)]
    force: bool,
    /// State file, shared with logrotate [default: rotation.state in the data folder]
    #[arg(long, short, value_name = "FILE")]
    state: Option<PathBuf>,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let (dry_run, force) = (arguments.dry_run, arguments.force);
    let client = Client::of_data_dir(&loaded.config.control_socket());
    if client.is_some() && !arguments.policies.is_empty() && !dry_run {
        let message = "a daemon has this data folder and rotates by its own policy: add the sections there, or stop it";
        return Err(Usage::error(message));
    }
    let lines: Vec<String> = match client.filter(|_| arguments.policies.is_empty()) {
        Some(client) => {
            let answer = control(&client, &json!({ "do": "rotate", "dry_run": dry_run, "force": force }))?;
            let lines: Vec<String> = serde_json::from_value(answer["lines"].clone())?;
            let failures = answer["failures"].as_array().map_or(&[][..], Vec::as_slice);
            print(common, &lines);
            // What failed before, and still does, is told once by the daemon and each time here.
            let untold = failures.iter().map(output::cell).filter(|failure| !lines.contains(failure));
            untold.for_each(|failure| eprintln!("{failure}"));
            anyhow::ensure!(failures.is_empty(), "{} of the rotations failed", failures.len());
            return Ok(());
        }
        None => {
            let mut policy = loaded.policy;
            if !arguments.policies.is_empty() {
                policy = read(&arguments.policies)?;
            }
            let state = arguments.state.clone().unwrap_or_else(|| loaded.config.rotation_state());
            if let Some(folder) = state.parent().filter(|f| !f.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            let (mut rotator, warnings) = Rotator::new(policy, state, Options { force })?;
            warnings.iter().for_each(|w| eprintln!("warning: {w}"));
            let now = Local::now().fixed_offset();
            if dry_run {
                describe_plan(&rotator.dry_run(now))
            } else {
                let events = rotator.tick(now, &AtRest::of(&loaded.config.data_dir));
                let failed =
                    events.iter().filter(|e| matches!(e.what, What::Failed { .. } | What::ScriptFailed { .. }));
                let failures = failed.count();
                let lines = events.iter().map(ToString::to_string).collect::<Vec<_>>();
                print(common, &lines);
                anyhow::ensure!(failures == 0, "{failures} of the rotations failed");
                return Ok(());
            }
        }
    };
    print(common, &lines);
    Ok(())
}

/// The reader while no daemon runs: what it has begun to read and not finished stays as it is until it runs again.
struct AtRest(HashMap<FileId, u64>);

impl AtRest {
    fn of(data: &Path) -> AtRest {
        let payload = Snapshot::of_disk(data).and_then(|snapshot| snapshot.payload()).unwrap_or_default();
        let unpacked = payload.positions.iter().filter(|position| !position.complete);
        AtRest(unpacked.map(|position| (position.file, position.offset)).collect())
    }
}

impl Gate for AtRest {
    fn settled(&self, _: &Path, _: &Path, id: FileId, size: u64) -> bool {
        self.0.get(&id).is_none_or(|offset| *offset >= size)
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Policy> {
    let mut all = Policy::default();
    for path in paths {
        let (policy, warnings) = Policy::load(path)
            .map_err(|errors| Usage::error(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
        warnings.iter().for_each(|w| eprintln!("warning: {w}"));
        all.sections.extend(policy.sections);
    }
    Ok(all)
}

fn print(common: &Common, lines: &[String]) {
    if common.format == Some(Format::Json) {
        outln!("{}", json!({ "lines": lines }));
        return;
    }
    lines.iter().for_each(|line| outln!("{line}"));
    if lines.is_empty() {
        outln!("nothing is due");
    }
}
