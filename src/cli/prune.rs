//! `logmill prune`.

use serde_json::json;

use crate::cli::Common;
use crate::cli::ask::control;
use crate::cli::output::{Format, outln};
use crate::config::load_main;
use crate::daemon::{Board, prune};
use crate::http::Client;
use crate::store::Writer;
use crate::sys::clock;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
    let removals: Vec<String> = match Client::of_data_dir(&config.control_socket()) {
        Some(client) => {
            let answer = control(&client, &json!({ "do": "prune", "dry_run": arguments.dry_run }))?;
            serde_json::from_value(answer["removals"].clone())?
        }
        None => {
            anyhow::ensure!(config.data_dir.exists(), "there is no logmill data in {}", config.data_dir.display());
            let writer = Writer::open(&config.data_dir, config.store_options())?;
            let (shared, limits) = (writer.shared(), config.limits());
            let dry_run = arguments.dry_run;
            prune(&shared, &limits, &Board::default(), clock::now(), dry_run).map_err(anyhow::Error::msg)?
        }
    };
    if common.format == Some(Format::Json) {
        outln!("{}", json!({ "removals": removals, "dry_run": arguments.dry_run }));
        return Ok(());
    }
    let verb = if arguments.dry_run { "would remove" } else { "removed" };
    removals.iter().for_each(|removal| outln!("{verb} {removal}"));
    if removals.is_empty() {
        outln!("nothing to remove");
    }
    Ok(())
}
