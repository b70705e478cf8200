//! `logmill reindex`: the store anew, from the logs and archives that are there.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::output::outln;
use crate::cli::{Common, Usage};
use crate::config::{Loaded, load};
use crate::daemon::{Engine, partitions};
use crate::http::Client;
use crate::store::Snapshot;
use crate::sys::clock;
use crate::sys::units::Bytes;
use crate::tail::{followed, source_like};

#[derive(clap::Args)]
#[command(after_help = "\
Entries whose files are gone cannot be read again. The old store is kept beside the new one until you remove it.")]
pub struct Arguments {
    /// Remove the old store when the new one is complete and has no fewer entries
    #[arg(long)]
    discard: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let loaded = load(common.config.as_deref(), |c| common.adjust(c))?;
    if Client::of_data_dir(&loaded.config.control_socket()).is_some() {
        return Err(Usage::error("a daemon writes to this data folder; stop it first"));
    }
    let data = loaded.config.data_dir.clone();
    let old = Snapshot::of_disk(&data)?;
    let known: BTreeSet<PathBuf> =
        old.payload().unwrap_or_default().positions.iter().map(|p| PathBuf::from(&p.path)).collect();
    let before = entries(&old);
    let aside = set_aside(&data)?;
    let read = read_all(loaded, known);
    let after = Snapshot::of_disk(&data).map_or(0, |snapshot| entries(&snapshot));
    if let Err(error) = read {
        let place = aside.as_deref().unwrap_or(Path::new("-")).display();
        return Err(error.context(format!("the old store is in {place}: put it back as {}/partitions", data.display())));
    }
    outln!("{after} entries from the files that are there; {before} were in the old store");
    match aside {
        Some(aside) if arguments.discard && after >= before => std::fs::remove_dir_all(aside)?,
        Some(aside) => outln!("the old store is kept in {}", aside.display()),
        None => {}
    }
    Ok(())
}

fn entries(snapshot: &Snapshot) -> u64 {
    partitions(&snapshot.partitions, false).0.iter().map(|partition| partition.entries).sum()
}

/// Gives the old partitions another name; where that is.
fn set_aside(data: &Path) -> anyhow::Result<Option<PathBuf>> {
    let partitions = data.join("partitions");
    if !partitions.exists() {
        return Ok(None);
    }
    let aside = data.join(format!("partitions.before-{}", clock::now() / clock::SECOND));
    crate::sys::files::rename_noreplace(&partitions, &aside)?;
    Ok(Some(aside))
}

/// Reads followed logs with all their generations, and then the files that were imported.
fn read_all(loaded: Loaded, known: BTreeSet<PathBuf>) -> anyhow::Result<()> {
    let sources = loaded.sources();
    let (mut logs, imported): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) =
        known.into_iter().partition(|path| source_like(&sources, path).is_some() && !path.is_absolute());
    logs.extend(followed(&sources));
    let imported: Vec<PathBuf> = imported.into_iter().filter(|path| path.is_file()).collect();
    let engine = Engine::from_the_beginning(loaded, &logs)?;
    engine.ingest(imported.clone(), None);
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let facts = engine.board.lock();
        if let Some(why) = &facts.stuck {
            anyhow::bail!("{why}");
        }
        let is_read = facts.files.iter().all(|file| file.offset >= file.size && !file.retired);
        let is_over = imported.iter().all(|path| facts.ingests.get(path).is_some_and(|state| state.is_over()));
        if facts.discoveries >= 2 && is_read && is_over {
            break;
        }
        if std::io::stderr().is_terminal() {
            eprint!("\r{} entries, {} \x1b[K", facts.entries, Bytes(facts.bytes));
            let _ = std::io::stderr().flush();
        }
    }
    anyhow::ensure!(engine.stop(Duration::from_secs(3600)), "not everything could be committed; run it again");
    Ok(())
}
