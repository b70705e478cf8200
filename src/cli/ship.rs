//! `logmill ship`.

use serde_json::{Value, json};

use crate::cli::ask::{Host, control};
use crate::cli::output::{Format, cell, colour, outln, table};
use crate::cli::{Common, Usage};
use crate::config::{Config, Loaded, load};
use crate::http::Client;
use crate::query::parse_time;
use crate::search::{place_of_end, place_since};
use crate::ship::{Sinks, State};
use crate::store::{Committed, Writer, identity};
use crate::sys::clock;

#[derive(clap::Args)]
#[command(after_help = "Sinks are defined in config/sinks.toml; src/ship/manual.md says how.")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// How far each sink is, what became of entries, and why one stands still (this is what is done without a word)
    Status,
    /// Send once more what is not older than a time, and everything that came after it
    Replay {
        sink: String,
        /// As for `search`: 2h, yesterday, 2026-11-23 08:00
        #[arg(long, value_name = "TIME")]
        since: String,
    },
    /// Leave out everything that is committed by now
    Skip { sink: String },
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.action {
        None | Some(Action::Status) => status(common),
        Some(Action::Replay { sink, since }) => {
            let time = parse_time(since, clock::now()).map_err(Usage::error)?;
            moved(common, &json!({ "do": "ship_replay", "sink": sink, "since": time }), |sinks, committed| {
                let place = place_since(committed, time)?;
                Ok((sinks.find(sink).map_err(Usage::error)?, place))
            })
        }
        Some(Action::Skip { sink }) => {
            moved(common, &json!({ "do": "ship_skip", "sink": sink }), |sinks, committed| {
                Ok((sinks.find(sink).map_err(Usage::error)?, place_of_end(committed)))
            })
        }
    }
}

/// What a running daemon is asked, or else done to the cursor's file, which nobody uses while the store is locked.
fn moved(
    common: &Common,
    question: &Value,
    place: impl FnOnce(&Sinks, &Committed) -> anyhow::Result<(State, crate::search::Place)>,
) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let answer = match Client::of_data_dir(&loaded.config.control_socket()) {
        Some(client) => control(&client, question)?,
        None => {
            let writer = open(&loaded.config)?;
            let committed = writer.shared().committed();
            let sinks = sinks(&loaded, &committed)?;
            let (state, place) = place(&sinks, &committed)?;
            let lanes = vec![place; state.cursor().lanes.len()];
            state.save(lanes)?;
            let name = &state.sink.name;
            json!(format!("{name} goes on at entry {} of partition {:06}", place.sequence, place.partition))
        }
    };
    match common.format {
        Some(Format::Json) => outln!("{}", json!({ "done": answer })),
        _ => outln!("{}", cell(&answer)),
    }
    Ok(())
}

fn open(config: &Config) -> anyhow::Result<Writer> {
    anyhow::ensure!(config.data_dir.exists(), "there is no logmill data in {}", config.data_dir.display());
    Ok(Writer::open(&config.data_dir, config.store_options())?)
}

/// The sinks as their cursors say.
pub fn sinks(loaded: &Loaded, committed: &Committed) -> anyhow::Result<Sinks> {
    if loaded.sinks.is_empty() {
        return Ok(Sinks::default());
    }
    let store = identity(&loaded.config.data_dir)?;
    Ok(Sinks::open(&loaded.sinks, &loaded.config.data_dir, &store, committed))
}

fn status(common: &Common) -> anyhow::Result<()> {
    let found = match Host::find(common)?.0 {
        Host::Daemon(client) => client.ask("/status", None)?.body["sinks"].clone(),
        Host::Disk(snapshot) => {
            let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
            let next_sequence = snapshot.payload()?.next_sequence;
            let committed = Committed { partitions: snapshot.partitions, next_sequence };
            sinks(&loaded, &committed)?.to_json(&committed)
        }
    };
    let all = found.as_array().map_or(&[][..], Vec::as_slice);
    match common.format_or(Format::Table) {
        Format::Json => outln!("{found:#}"),
        Format::Ndjson => all.iter().for_each(|sink| outln!("{sink}")),
        _ if all.is_empty() => outln!("no sinks; config/sinks.toml defines them"),
        _ => print(all)?,
    }
    Ok(())
}

fn print(sinks: &[Value]) -> anyhow::Result<()> {
    let row = |sink: &Value| {
        let counts = &sink["counts"];
        let names = ["delivered", "dead", "dropped", "retries"];
        let mut row = vec![cell(&sink["name"]), cell(&sink["kind"]), cell(&sink["to"]), cell(&sink["behind"])];
        row.extend(names.map(|name| cell(&counts[name])));
        row
    };
    let rows: Vec<Vec<String>> = sinks.iter().map(row).collect();
    table(&["sink", "kind", "to", "behind", "delivered", "dead", "dropped", "retries"], &rows)?;
    for sink in sinks.iter().filter(|sink| !sink["problem"].is_null()) {
        let problem = &sink["problem"];
        outln!(
            "{} {} since {}: {}",
            colour("problem:", "31"),
            cell(&sink["name"]),
            cell(&problem["since"]),
            cell(&problem["why"])
        );
    }
    Ok(())
}
