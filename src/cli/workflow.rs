//! `logmill workflow`: one workflow as a timeline.

use anyhow::bail;
use serde_json::Value;

use crate::cli::ask::{Source, complete, encode, target, wait};
use crate::cli::grid::Style;
use crate::cli::output::{Format, outln};
use crate::cli::timeline::timeline;
use crate::cli::{Common, Usage};
use crate::search::{Clock, One, workflow};
use crate::sys::clock;
use crate::sys::units::Span;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  logmill workflow wf-8f3a12cd
  logmill workflow wf-8f3a12cd --format json | jq '.agents'

Not in the logs are told as such: a start or an end that is missing, a second start, an end that was told twice.")]
pub struct Arguments {
    /// The workflow's id, to the letter
    id: String,
    /// Without an end and without an entry for so long it counts as stalled
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    stalled_after: String,
}

fn found(one: One, id: &str) -> anyhow::Result<Value> {
    if one.workflow.is_none() {
        bail!(one.missing(id));
    }
    Ok(one.to_json())
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let format = common.format_or(Format::Table);
    if matches!(format, Format::Csv | Format::Raw) {
        bail!(Usage("a workflow is printed as table, json or ndjson".to_owned()));
    }
    let id = &arguments.id;
    if id.is_empty() {
        bail!(Usage("name the workflow; `logmill workflows` lists those there are".to_owned()));
    }
    let stalled_after = stalled_after(&arguments.stalled_after)?;
    let (source, config) = Source::find(common)?;
    let clock = Clock { now: clock::now(), stalled_after };
    let answer = match source {
        Source::Daemon(client) => {
            let path = format!("/api/v1/workflows/{}", encode(id));
            client.ask(&target(&path, &[("stalled_after", Some(arguments.stalled_after.clone()))]), None)?.body
        }
        Source::Cluster(cluster) => found(wait(cluster.workflow(id, clock, &config.budget()))?, id)?,
        Source::Disk(snapshot) => found(workflow(&snapshot, id, clock, &config.budget())?, id)?,
    };
    let told = &answer["workflow"];
    match format {
        Format::Json => outln!("{told:#}"),
        Format::Ndjson => outln!("{told}"),
        _ => outln!("{}", timeline(told, Style::of_output()).trim_end()),
    }
    complete(&answer)
}

/// The duration of `--stalled-after`, in nanoseconds.
pub fn stalled_after(text: &str) -> anyhow::Result<i64> {
    Ok(text.parse::<Span>().map_err(Usage::error)?.nanoseconds())
}
