//! `logmill prune`.

use serde_json::json;

use crate::archive::Archive;
use crate::cli::Common;
use crate::cli::ask::control;
use crate::cli::output::{Format, cell, outln};
use crate::cli::ship::sinks;
use crate::config::load;
use crate::daemon::{Board, Needs, prune};
use crate::http::Client;
use crate::store::{Writer, identity};
use crate::sys::clock;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let config = &loaded.config;
    let mut answer = match Client::of_data_dir(&config.control_socket()) {
        Some(client) => control(&client, &json!({ "do": "prune", "dry_run": arguments.dry_run }))?,
        None => {
            anyhow::ensure!(config.data_dir.exists(), "there is no logmill data in {}", config.data_dir.display());
            // It keeps the lock of the data folder.
            let writer = Writer::open(&config.data_dir, config.store_options())?;
            let shared = writer.shared();
            let store = identity(&config.data_dir)?;
            let archive = Archive::open(loaded.archive.clone(), &config.data_dir, &store);
            let needs = Needs { sinks: sinks(&loaded, &shared.committed())?, archive };
            let (now, board) = (clock::now(), Board::default());
            let plan = prune(&shared, &loaded.retention, &needs, &board, now, arguments.dry_run);
            plan.map_err(anyhow::Error::msg)?.to_json()
        }
    };
    if common.format == Some(Format::Json) {
        answer["dry_run"] = arguments.dry_run.into();
        outln!("{answer}");
        return Ok(());
    }
    let lines = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let verb = if arguments.dry_run { "would remove" } else { "removed" };
    let (removals, held) = (lines("removals"), lines("held"));
    removals.iter().for_each(|removal| outln!("{verb} {}", cell(removal)));
    held.iter().for_each(|held| outln!("kept {}", cell(held)));
    if removals.is_empty() {
        outln!("nothing to remove");
    }
    Ok(())
}
