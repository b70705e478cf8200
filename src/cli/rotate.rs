//! `logmill rotate`: by the daemon when one runs, since it knows what was read; otherwise here.

use std::path::PathBuf;

use chrono::Local;
use serde_json::json;

use crate::cli::ask::control;
use crate::cli::output::{Format, outln};
use crate::cli::{Common, Usage};
use crate::config::load;
use crate::daemon::describe_plan;
use crate::http::Client;
use crate::rotate::{NoReader, Options, Policy, Rotator, What};

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
    let lines: Vec<String> = match client.filter(|_| arguments.policies.is_empty()) {
        Some(client) => {
            let answer = control(&client, &json!({ "do": "rotate", "dry_run": dry_run, "force": force }))?;
            serde_json::from_value(answer["lines"].clone())?
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
                let events = rotator.tick(now, &NoReader);
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
