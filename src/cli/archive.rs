//! `logmill archive`.

use serde_json::{Value, json};

use crate::archive::{Archive, Manifest, Remote, Settings, manifests, verify};
use crate::cli::ask::Source;
use crate::cli::output::{Format, cell, colour, outln, table};
use crate::cli::{Common, Exit};
use crate::config::load;
use crate::daemon::NO_ARCHIVE;
use crate::record::timestamp;
use crate::store::known_identity;
use crate::sys::units::Bytes;

#[derive(clap::Args)]
#[command(after_help = "[archive] in config/logmill.toml says where it is; src/archive/manual.md says how.")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// What is archived, what waits, and why nothing can be sent (this is what is done without a word)
    Status,
    /// The partitions in the archive
    List(Which),
    /// Read all of the archive and compare its checksums
    Verify(Which),
}

#[derive(clap::Args)]
struct Which {
    /// Of this host only [default: the one that archives from here]
    #[arg(long)]
    host: Option<String>,
    /// Of all hosts
    #[arg(long, conflicts_with = "host")]
    all: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.action {
        None | Some(Action::Status) => status(common),
        Some(Action::List(which)) => list(common, which, false),
        Some(Action::Verify(which)) => list(common, which, true),
    }
}

fn status(common: &Common) -> anyhow::Result<()> {
    let found = match Source::find(common)?.0 {
        Source::Daemon(client) => client.ask("/status", None)?.body["archive"].clone(),
        Source::Disk(_) => {
            let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
            let data = &loaded.config.data_dir;
            let store = known_identity(data)?.unwrap_or_default();
            Archive::open(loaded.archive.clone(), data, &store).to_json()
        }
    };
    if common.format_or(Format::Table) != Format::Table {
        outln!("{found}");
        return Ok(());
    }
    if found.is_null() {
        outln!("{NO_ARCHIVE}");
        return Ok(());
    }
    let counts = &found["counts"];
    let row = ["partitions", "failures", "partitions_lost", "expired", "restored"].map(|name| cell(&counts[name]));
    let mut row = Vec::from(row);
    row.insert(0, cell(&found["to"]));
    row.insert(1, cell(&found["waiting"]));
    row.insert(2, Bytes(counts["bytes"].as_u64().unwrap_or(0)).to_string());
    table(&["to", "waiting", "sent", "archived", "failures", "lost", "expired", "restored"], &[row])?;
    let problem = &found["problem"];
    if !problem.is_null() {
        outln!("{} since {}: {}", colour("problem:", "31"), cell(&problem["since"]), cell(&problem["why"]));
    }
    Ok(())
}

fn list(common: &Common, which: &Which, is_verified: bool) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let settings = loaded.archive.as_deref().ok_or_else(|| anyhow::anyhow!(NO_ARCHIVE))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (rows, problems) = runtime.block_on(look(settings, which, is_verified))?;
    match common.format_or(Format::Table) {
        Format::Json => outln!("{}", json!({ "partitions": rows, "problems": problems })),
        Format::Ndjson => rows.iter().for_each(|row| outln!("{row}")),
        _ => {
            let names = ["host", "store", "partition", "generation", "from", "to", "entries", "size"];
            let cells = |row: &Value| names.iter().map(|name| cell(&row[*name])).collect::<Vec<_>>();
            table(&names, &rows.iter().map(cells).collect::<Vec<_>>())?;
        }
    }
    for problem in &problems {
        eprintln!("{} {problem}", colour("problem:", "31"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Exit(1).into()) }
}

async fn look(settings: &Settings, which: &Which, is_verified: bool) -> anyhow::Result<(Vec<Value>, Vec<String>)> {
    let remote = Remote::open(settings)?;
    let host = which.host.as_deref().or(Some(settings.host.as_str())).filter(|_| !which.all);
    let (found, mut problems) = manifests(&remote, host).await?;
    let mut rows = Vec::new();
    for manifest in &found {
        if is_verified && let Err(error) = verify(&remote, manifest).await {
            problems.push(error.to_string());
        }
        rows.push(row(manifest));
    }
    Ok((rows, problems))
}

fn row(manifest: &Manifest) -> Value {
    json!({
        "host": manifest.host, "store": manifest.store, "partition": manifest.number,
        "generation": manifest.generation, "from": timestamp(manifest.oldest_time),
        "to": timestamp(manifest.newest_time), "entries": manifest.entries, "bytes": manifest.bytes(),
        "size": Bytes(manifest.bytes()).to_string(), "files": manifest.files.len(),
    })
}
