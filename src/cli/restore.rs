//! `logmill restore`.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::archive::{Archive, Wanted};
use crate::cli::output::{Format, cell, colour, outln};
use crate::cli::{Common, Exit, Usage};
use crate::config::{Loaded, load};
use crate::daemon::{NO_ARCHIVE, Restore, bring_back};
use crate::http::Client;
use crate::query::parse_time;
use crate::store::{Snapshot, known_identity};
use crate::sys::clock;
use crate::sys::lock::try_lock;
use crate::sys::units::{Bytes, Span};

/// A daemon may take so long to fetch what is wanted.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

#[derive(clap::Args)]
#[command(after_help = "What is fetched comes whole: partitions with at least one entry of the time. \
                        `logmill archive list` shows what there is; src/archive/manual.md says more.")]
pub struct Arguments {
    /// From then on; as for `search`: 3d, yesterday, 2026-11-23 08:00
    #[arg(long, value_name = "TIME")]
    since: String,
    /// Before then [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// For so long retention leaves it alone
    #[arg(long, value_name = "SPAN", default_value = "7d")]
    keep: Span,
    /// What this host archived [default: the one that archives from here]
    #[arg(long)]
    host: Option<String>,
    /// Of this store, where a host had several; `logmill archive list` shows them
    #[arg(long)]
    store: Option<String>,
    /// Only say what would be fetched
    #[arg(long)]
    dry_run: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    let now = clock::now();
    let until = arguments.until.as_deref().map(|text| parse_time(text, now)).transpose().map_err(Usage::error)?;
    let restore = Restore {
        since: parse_time(&arguments.since, now).map_err(Usage::error)?,
        until: until.unwrap_or(now),
        host: arguments.host.clone(),
        store: arguments.store.clone(),
        kept_until: now.saturating_add(arguments.keep.nanoseconds()),
        dry_run: arguments.dry_run,
    };
    if restore.since >= restore.until {
        return Err(Usage::error("--since is not before --until"));
    }
    let answer = match Client::of_data_dir(&loaded.config.control_socket()) {
        Some(client) => ask(&client, &restore)?,
        None => without_daemon(&loaded, &restore)?,
    };
    print(common, &answer)
}

fn ask(client: &Client, restore: &Restore) -> anyhow::Result<Value> {
    let Restore { since, until, host, store, kept_until, dry_run } = restore;
    let question = json!({
        "do": "restore", "since": since, "until": until, "host": host, "store": store, "kept_until": kept_until,
        "dry_run": dry_run,
    });
    let answer = client.answer("/control", Some(&question), PATIENCE)?;
    if answer.status >= 400 {
        anyhow::bail!("{}", answer.body["detail"].as_str().unwrap_or("the daemon refused, and did not say why"));
    }
    Ok(answer.body)
}

/// Nobody else may use the folder meanwhile.
fn without_daemon(loaded: &Loaded, restore: &Restore) -> anyhow::Result<Value> {
    let settings = loaded.archive.as_ref().ok_or_else(|| anyhow::anyhow!(NO_ARCHIVE))?;
    let data = &loaded.config.data_dir;
    std::fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let lock = try_lock(&data.join("LOCK")).with_context(|| format!("cannot lock {}", data.display()))?;
    let _lock =
        lock.with_context(|| format!("another logmill writes to {}; ask it, or stop it first", data.display()))?;
    let views = Snapshot::of_disk(data)?.partitions;
    let own = known_identity(data)?;
    let wanted = Wanted {
        since: restore.since,
        until: restore.until,
        store: restore.store.clone(),
        own: own.clone(),
        present: views.iter().map(|view| view.number).collect(),
        active: views.last().filter(|view| view.generation == 0).map(|view| view.number),
    };
    let archive = own.map(|store| Archive::open(Some(settings.clone()), data, &store));
    let arrived = |_| {
        archive.iter().for_each(Archive::restored);
        Ok(())
    };
    bring_back(settings, restore, &wanted, data, arrived).map_err(anyhow::Error::msg)
}

fn print(common: &Common, answer: &Value) -> anyhow::Result<()> {
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    let (restored, left, problems) = (list("restored"), list("left"), list("problems"));
    if common.format_or(Format::Table) == Format::Table {
        let verb = if answer["dry_run"] == true { "would restore" } else { "restored" };
        let name = |one: &Value| {
            let size = Bytes(one["bytes"].as_u64().unwrap_or(0));
            let number = one["partition"].as_u64().unwrap_or(0);
            let (entries, from, to) = (cell(&one["entries"]), cell(&one["from"]), cell(&one["to"]));
            format!("partition {number:06}: {entries} entries, {size}, from {from} to {to}")
        };
        restored.iter().for_each(|one| outln!("{verb} {}", name(one)));
        left.iter().for_each(|one| outln!("left {}: {}", name(one), cell(&one["why"])));
        if restored.is_empty() && left.is_empty() {
            outln!("the archive has nothing of this time");
        }
    } else {
        outln!("{answer}");
    }
    for problem in &problems {
        eprintln!("{} {}", colour("problem:", "31"), cell(problem));
    }
    if problems.is_empty() { Ok(()) } else { Err(Exit(1).into()) }
}
