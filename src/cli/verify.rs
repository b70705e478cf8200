//! `logmill verify`.

use serde_json::json;

use crate::cli::Common;
use crate::cli::ask::open;
use crate::cli::output::{Format, colour, outln};
use crate::config::load_main;
use crate::store::{Checked, PartitionView, StoreError, verify};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these, by number
    #[arg(value_name = "PARTITION")]
    partitions: Vec<u64>,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let config = load_main(common.config.as_deref(), |c| common.adjust(c))?;
    let snapshot = open(&config.data_dir)?;
    let is_wanted = |p: &&PartitionView| arguments.partitions.is_empty() || arguments.partitions.contains(&p.number);
    let mut damaged = 0;
    for partition in snapshot.partitions.iter().filter(is_wanted) {
        let result = verify(partition);
        damaged += usize::from(!matches!(&result, Ok(checked) if checked.problems.is_empty()));
        print(partition, result, common.format_or(Format::Table));
    }
    anyhow::ensure!(damaged == 0, "{damaged} partitions are damaged; `logmill reindex` makes them anew from the logs");
    Ok(())
}

fn print(partition: &PartitionView, result: Result<Checked, StoreError>, format: Format) {
    let checked = result.unwrap_or_else(|error| Checked { problems: vec![error.to_string()], ..Checked::default() });
    let Checked { blocks, entries, problems } = checked;
    if matches!(format, Format::Json | Format::Ndjson) {
        let number = partition.number;
        outln!("{}", json!({ "partition": number, "blocks": blocks, "entries": entries, "problems": problems }));
        return;
    }
    let word = if problems.is_empty() { colour("good", "32") } else { colour("damaged", "31") };
    outln!("{:06} {word}: {entries} entries in {blocks} blocks", partition.number);
    problems.iter().for_each(|problem| outln!("  {problem}"));
}
