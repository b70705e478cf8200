//! `logmill search`.

use std::time::Duration;

use serde_json::Value;

use crate::cli::ask::{Source, target};
use crate::cli::output::{self, Format};
use crate::cli::{Common, Usage};
use crate::query::{Query, parse_time};
use crate::search::{Request, Window, find};
use crate::sys::clock;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  logmill search '*'                                   the newest entries
  logmill search 'level>=error' --since 1h             errors of the last hour
  logmill search 'workflow_id:wf-8f3a12cd' --limit 500
  logmill search '\"connection timeout\" -logger:api.*' --format ndjson")]
pub struct Arguments {
    /// What to look for; * is everything
    query: String,
    /// Not older: 15m, 7d, 2026-11-23, 2026-11-23T10:15:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The newest N entries
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Give the raw text too, in JSON
    #[arg(long)]
    raw: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let query = Query::parse(&arguments.query).map_err(Usage::error)?;
    let window = window(arguments.since.as_deref(), arguments.until.as_deref())?;
    let format = common.format_or(Format::Table);
    let raw = arguments.raw || format == Format::Raw;
    let (source, _) = Source::find(common)?;
    let (mut entries, more, partial) = match source {
        Source::Daemon(client) => {
            let parameters = [
                ("query", Some(arguments.query.clone())),
                ("since", arguments.since.clone()),
                ("until", arguments.until.clone()),
                ("limit", Some(arguments.limit.to_string())),
                ("raw", Some(raw.to_string())),
            ];
            let mut body = client.ask(&target("/api/v1/search", &parameters), None)?.body;
            let Value::Array(entries) = body["entries"].take() else {
                anyhow::bail!("the daemon's answer has no entries");
            };
            (entries, body["more"] == true, body["partial"] == true)
        }
        Source::Disk(snapshot) => {
            let time_limit = Duration::from_secs(600);
            let found = find(&snapshot, &Request { query, window, limit: arguments.limit, time_limit })?;
            (found.entries.iter().map(|(_, e)| e.to_json(raw)).collect(), found.more, found.partial)
        }
    };
    entries.reverse();
    let answered_less = more && entries.len() < arguments.limit;
    output::entries(&entries, format)?;
    if format == Format::Table && entries.is_empty() {
        eprintln!("no entry matches");
    } else if format == Format::Table && more && !answered_less {
        eprintln!("there are older ones: --limit {} shows more", arguments.limit.max(1) * 10);
    }
    if answered_less && !partial {
        let given = entries.len();
        eprintln!("the daemon gives {given} entries at most; --until asks for older ones, or ask while it is stopped");
    }
    anyhow::ensure!(!partial, "the question took too long; the answer is not complete");
    Ok(())
}

/// The times of `--since` and `--until`.
pub fn window(since: Option<&str>, until: Option<&str>) -> anyhow::Result<Window> {
    let now = clock::now();
    let time = |text: Option<&str>, default| text.map_or(Ok(default), |t| parse_time(t, now).map_err(Usage::error));
    Ok(Window { since: time(since, i64::MIN)?, until: time(until, i64::MAX)? })
}
