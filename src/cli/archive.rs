//! `logmill archive`.

use serde_json::{Value, json};

use crate::archive::{Archive, Manifest, Remote, Settings, logs, manifests, verify, verify_log};
use crate::cli::ask::Host;
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
    /// The rotated logs in the archive
    Logs(Which),
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
        Some(Action::List(which)) => look(common, which, What::Partitions),
        Some(Action::Logs(which)) => look(common, which, What::Logs),
        Some(Action::Verify(which)) => look(common, which, What::All),
    }
}

fn status(common: &Common) -> anyhow::Result<()> {
    let found = match Host::find(common)?.0 {
        Host::Daemon(client) => client.ask("/status", None)?.body["archive"].clone(),
        Host::Disk(_) => {
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
    let sent = Bytes(counts["bytes"].as_u64().unwrap_or(0));
    outln!("to {}, {sent} sent, {} failures", cell(&found["to"]), cell(&counts["failures"]));
    let row = |name: &str, waiting: &str, done: &str, lost: &str| {
        vec![name.to_owned(), cell(&found[waiting]), cell(&counts[done]), cell(&counts[lost])]
    };
    let rows = [
        row("partitions", "waiting", "partitions", "partitions_lost"),
        row("rotated logs", "logs_waiting", "logs", "logs_lost"),
    ];
    table(&["what", "waiting", "archived", "lost"], &rows)?;
    let problem = &found["problem"];
    if !problem.is_null() {
        outln!("{} since {}: {}", colour("problem:", "31"), cell(&problem["since"]), cell(&problem["why"]));
    }
    for stuck in found["stuck"].as_array().into_iter().flatten().take(STUCK_SHOWN) {
        let (what, since, why) = (cell(&stuck["what"]), cell(&stuck["since"]), cell(&stuck["why"]));
        outln!("{} {what} since {since}: {why}", colour("not sent:", "31"));
    }
    Ok(())
}

/// Partitions and logs that could not be sent, and are shown: while a server is away those are all.
const STUCK_SHOWN: usize = 10;

/// What is shown; all of it is also read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Partitions,
    Logs,
    All,
}

#[derive(Default)]
struct Found {
    partitions: Vec<Value>,
    logs: Vec<Value>,
    problems: Vec<String>,
}

fn look(common: &Common, which: &Which, what: What) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let settings = loaded.archive.as_deref().ok_or_else(|| anyhow::anyhow!(NO_ARCHIVE))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Found { partitions, logs, problems } = runtime.block_on(find(settings, which, what))?;
    match common.format_or(Format::Table) {
        Format::Json => outln!("{}", json!({ "partitions": partitions, "logs": logs, "problems": problems })),
        Format::Ndjson => partitions.iter().chain(&logs).for_each(|row| outln!("{row}")),
        _ => {
            if what != What::Logs {
                print(&["host", "store", "partition", "generation", "from", "to", "entries", "size"], &partitions)?;
            }
            if what != What::Partitions {
                print(&["host", "log", "written", "size", "key"], &logs)?;
            }
        }
    }
    for problem in &problems {
        eprintln!("{} {problem}", colour("problem:", "31"));
    }
    if problems.is_empty() { Ok(()) } else { Err(Exit(1).into()) }
}

fn print(names: &[&str], rows: &[Value]) -> std::io::Result<()> {
    let cells = |row: &Value| names.iter().map(|name| cell(&row[*name])).collect::<Vec<_>>();
    table(names, &rows.iter().map(cells).collect::<Vec<_>>())
}

async fn find(settings: &Settings, which: &Which, what: What) -> anyhow::Result<Found> {
    let remote = Remote::open(settings)?;
    let host = which.host.as_deref().or(Some(settings.host.as_str())).filter(|_| !which.all);
    let mut found = Found::default();
    if what != What::Logs {
        let (partitions, problems) = manifests(&remote, host).await?;
        found.problems.extend(problems);
        for manifest in &partitions {
            if what == What::All
                && let Err(error) = verify(&remote, manifest).await
            {
                found.problems.push(error.to_string());
            }
            found.partitions.push(row(manifest));
        }
    }
    if what != What::Partitions {
        let (logs, problems) = logs(&remote, host).await?;
        found.problems.extend(problems);
        for (key, manifest) in &logs {
            if what == What::All
                && let Err(error) = verify_log(&remote, key, manifest).await
            {
                found.problems.push(error.to_string());
            }
            found.logs.push(json!({
                "host": manifest.host, "log": manifest.log, "file": manifest.file, "key": key,
                "written": timestamp(manifest.written), "bytes": manifest.bytes,
                "size": Bytes(manifest.bytes).to_string(),
            }));
        }
    }
    Ok(found)
}

fn row(manifest: &Manifest) -> Value {
    json!({
        "host": manifest.host, "store": manifest.store, "partition": manifest.number,
        "generation": manifest.generation, "from": timestamp(manifest.oldest_time),
        "to": timestamp(manifest.newest_time), "entries": manifest.entries, "bytes": manifest.bytes(),
        "size": Bytes(manifest.bytes()).to_string(), "files": manifest.files.len(),
    })
}
