//! `logmill rotate`: with files as logrotate does it; without, by the configured policy: by the daemon when one runs,
//! since it knows what was read, otherwise here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::Local;
use serde_json::{Value, json};

use crate::cli::ask::control;
use crate::cli::logrotate::{self, Flags};
use crate::cli::output::{self, Format, outln};
use crate::cli::{Common, Exit, Usage};
use crate::config::{Loaded, load};
use crate::http::Client;
use crate::rotate::{Event, Forecast, Gate, Level, Listener, Locking, NoReader, Options, Rotator, StateFile};
use crate::store::Snapshot;
use crate::sys::files::FileId;
use crate::sys::units::Bytes;

#[derive(clap::Args)]
#[command(args_override_self = true)]
pub struct Arguments {
    /// logrotate files, or folders of them, to apply instead of the configured policy
    #[arg(value_name = "CONFIG")]
    configs: Vec<PathBuf>,
    /// Print what is due, and when the rest will be
    #[arg(long)]
    plan: bool,
    /// Remove the generations that an earlier policy left behind (`--plan` names them)
    #[arg(long, conflicts_with = "plan")]
    remove_orphans: bool,
    #[command(flatten)]
    flags: Flags,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let flags = &arguments.flags;
    if flags.usage {
        let usage = "logmill rotate [-dfv] [-m COMMAND] [-s FILE] [-l FILE] [--plan] [CONFIG]...";
        outln!("Usage: {usage}");
        return Ok(());
    }
    let has_files = !arguments.configs.is_empty() && !arguments.plan && !arguments.remove_orphans;
    if has_files && !is_home(common) {
        return ended(logrotate::run(flags, &arguments.configs, &NoReader));
    }
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let client = Client::of_data_dir(&loaded.config.control_socket());
    if has_files {
        if client.is_some() && !flags.debug {
            let message =
                "a daemon has this data folder and rotates by its own policy: add the sections there, or stop it";
            return Err(Usage::error(message));
        }
        let gate = AtRest::of(&loaded.config.data_dir);
        return ended(logrotate::run(flags, &arguments.configs, &gate));
    }
    match client.filter(|_| arguments.configs.is_empty()) {
        Some(client) => by_daemon(common, arguments, &client),
        None => here(common, arguments, loaded),
    }
}

/// Whether logs are read into a store here, so that rotation has to ask how far.
fn is_home(common: &Common) -> bool {
    let is_named = common.config.is_some() || common.data_dir.is_some();
    is_named || ["config/logmill.toml", "data"].iter().any(|path| Path::new(path).exists())
}

fn ended(code: u8) -> anyhow::Result<()> {
    if code == 0 { Ok(()) } else { Err(anyhow::Error::new(Exit(code))) }
}

fn by_daemon(common: &Common, arguments: &Arguments, client: &Client) -> anyhow::Result<()> {
    let Flags { debug: dry_run, force, .. } = arguments.flags;
    if arguments.plan {
        let answer = control(client, &json!({ "do": "rotation_plan", "force": force }))?;
        return print_plan(common, &answer);
    }
    if arguments.remove_orphans {
        let answer = control(client, &json!({ "do": "remove_orphans" }))?;
        print(common, &serde_json::from_value::<Vec<String>>(answer["lines"].clone())?);
        anyhow::ensure!(answer["failures"] == 0, "{} files could not be removed", answer["failures"]);
        return Ok(());
    }
    let answer = control(client, &json!({ "do": "rotate", "dry_run": dry_run, "force": force }))?;
    let lines: Vec<String> = serde_json::from_value(answer["lines"].clone())?;
    let failures = answer["failures"].as_array().map_or(&[][..], Vec::as_slice);
    print(common, &lines);
    // What failed before, and still does, is told once by the daemon and each time here.
    let untold = failures.iter().map(output::cell).filter(|failure| !lines.contains(failure));
    untold.for_each(|failure| eprintln!("{failure}"));
    anyhow::ensure!(failures.is_empty(), "{} of the rotations failed", failures.len());
    Ok(())
}

/// By the configured policy, or for a plan by the given one.
fn here(common: &Common, arguments: &Arguments, loaded: Loaded) -> anyhow::Result<()> {
    let flags = &arguments.flags;
    let mut policy = loaded.policy;
    if !arguments.configs.is_empty() {
        let (given, problems) = crate::rotate::Policy::load(&arguments.configs);
        policy = given.into();
        problems.iter().filter(|p| p.level == Level::Error).for_each(|problem| eprintln!("error: {problem}"));
    }
    let path = flags.state.clone().unwrap_or_else(|| loaded.config.rotation_state());
    let looks = flags.debug || arguments.plan;
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !looks) {
        std::fs::create_dir_all(folder)?;
    }
    let (mut state, problems) = StateFile::open(&path, if looks { Locking::ReadOnly } else { Locking::Try })?;
    problems.iter().for_each(|problem| eprintln!("warning: {problem}"));
    let mut rotator = Rotator::new(policy, Options { force: flags.force, finish: true, ..Options::default() });
    if arguments.configs.is_empty() {
        rotator.set_budgets(loaded.config.budgets());
    }
    let now = Local::now().fixed_offset();
    if looks {
        let (forecasts, trimming) = (rotator.forecast(now, &state), rotator.trimming(&state));
        if arguments.plan {
            let logs = forecasts.iter().map(Forecast::to_json).collect::<Vec<_>>();
            print_plan(common, &json!({ "logs": logs, "archives": trimming.to_json() }))?;
        } else {
            let due = forecasts.iter().filter(|forecast| forecast.due.is_ok()).map(ToString::to_string);
            print(common, &due.chain(trimming.removals.iter().map(ToString::to_string)).collect::<Vec<_>>());
        }
        return Ok(());
    }
    let (mut heard, gate) = (Heard::default(), AtRest::of(&loaded.config.data_dir));
    let done = match arguments.remove_orphans {
        true => rotator.remove_orphans(now, &gate, &mut heard),
        false => rotator.tick(now, &mut state, &gate, &mut heard),
    };
    let failures = heard.0.iter().filter(|event| event.is_failure()).count();
    print(common, &heard.0.iter().map(ToString::to_string).collect::<Vec<_>>());
    anyhow::ensure!(done, "{failures} of the rotations failed");
    Ok(())
}

#[derive(Default)]
struct Heard(Vec<Event>);

impl Listener for Heard {
    fn event(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
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
    fn known(&self, _: &Path, _: FileId) -> bool {
        true
    }
    fn settled(&self, _: &Path, _: &Path, id: FileId, size: u64) -> bool {
        self.0.get(&id).is_none_or(|offset| *offset >= size)
    }
    fn truncated(&self, _: &Path) {}
    fn renamed(&self, _: &Path, _: &Path) {}
    fn compressed(&self, _: FileId, _: &Path) {}
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

fn print_plan(common: &Common, plan: &Value) -> anyhow::Result<()> {
    if common.format == Some(Format::Json) {
        outln!("{plan}");
        return Ok(());
    }
    let logs = plan["logs"].as_array().map_or(&[][..], Vec::as_slice);
    let rows = logs.iter().map(|log| ["log", "size", "now", "next"].map(|column| output::cell(&log[column])));
    output::table(&["LOG", "SIZE", "NOW", "NEXT"], &rows.map(Vec::from).collect::<Vec<_>>())?;
    for log in logs {
        for orphan in log["orphans"].as_array().into_iter().flatten() {
            outln!(
                "{} was left by an earlier policy and is kept; `logmill rotate --remove-orphans` removes it",
                output::cell(orphan)
            );
        }
    }
    print_archives(&plan["archives"]);
    Ok(())
}

/// What the budgets have, and what would go for them.
fn print_archives(archives: &Value) {
    let list = |name: &str| archives[name].as_array().cloned().unwrap_or_default();
    for budget in list("budgets") {
        let of = |name: &str| Bytes(budget[name].as_u64().unwrap_or_default());
        let folder = budget["folder"].as_str().map_or(String::new(), |folder| format!(" under {folder}"));
        let generations = output::cell(&budget["generations"]);
        outln!("{generations} generations{folder} take {} of {}", of("bytes"), of("limit"));
    }
    for removal in list("removals") {
        let [file, size, why] = ["file", "size", "why"].map(|name| output::cell(&removal[name]));
        outln!("{file} ({size}) goes with the next look, once it is read: {why}");
    }
}
