//! `logmill export`.

use std::io::{BufWriter, Write};

use serde_json::json;

use crate::cli::ask::{control, open};
use crate::cli::output::Format;
use crate::cli::search::window;
use crate::cli::{Common, Usage};
use crate::config::load_main;
use crate::http::Client;
use crate::query::Query;
use crate::search::{export, without_pipes};

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  logmill export > everything.ndjson
  logmill export 'source:logs/api.log' --format raw > api.log      the lines as they stood in the file
  logmill export 'level>=error' --since 2026-11-01 --until 2026-12-01")]
pub struct Arguments {
    /// Which entries
    #[arg(default_value = "*")]
    query: String,
    /// Not older: 15m, 7d, 2026-11-23, 2026-11-23T10:15:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let query = Query::parse(&arguments.query).map_err(Usage::error)?;
    without_pipes(&query).map_err(Usage::error)?;
    let window = window(arguments.since.as_deref(), arguments.until.as_deref())?;
    let format = common.format_or(Format::Ndjson);
    if !matches!(format, Format::Ndjson | Format::Raw) {
        return Err(Usage::error("export writes ndjson or raw"));
    }
    let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
    if let Some(client) = Client::of_data_dir(&config.control_socket()) {
        // Everything that was read is to be in it.
        control(&client, &json!({ "do": "commit" }))?;
    }
    let snapshot = open(&config.data_dir)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut failure = None;
    let damaged = export(&snapshot, &query, window, |entry| {
        let written = match format {
            Format::Raw => writeln!(out, "{}", entry.raw),
            _ => writeln!(out, "{}", entry.to_json(true)),
        };
        failure = written.err();
        failure.is_none()
    })?;
    failure.map_or_else(|| out.flush(), Err)?;
    damaged.iter().for_each(|damage| eprintln!("warning: {damage}"));
    anyhow::ensure!(
        damaged.is_empty(),
        "not all could be read; `logmill verify` says what, `logmill reindex` mends it"
    );
    Ok(())
}
