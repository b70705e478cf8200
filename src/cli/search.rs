//! `logmill search`.

use serde_json::Value;

use crate::cli::ask::{Source, complete, target, wait};
use crate::cli::output::{self, Format};
use crate::cli::{Common, Usage};
use crate::config::Config;
use crate::query::{Query, parse_time};
use crate::search::{Request, SearchError, Window, ask};
use crate::sys::clock;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  logmill search '*'                                   the newest entries
  logmill search 'level>=error' --since 1h             errors of the last hour
  logmill search 'workflow_id:wf-8f3a12cd' --limit 500
  logmill search '\"connection timeout\" -logger:api.*' --format ndjson
  logmill search 'level>=error | stats count() by service, step(1h)' --since 1d
  logmill search 'level>=error | patterns' --since 1d")]
pub struct Arguments {
    /// What to look for, and what to do with it; * is everything
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
    /// The page behind the one that ended here; the answer names it
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Give the raw text too, in JSON
    #[arg(long)]
    raw: bool,
}

impl Arguments {
    pub fn query(&self) -> &str {
        &self.query
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let format = common.format_or(Format::Table);
    let mut answer = answer(common, arguments, arguments.raw || format == Format::Raw)?;
    if answer["table"].is_object() {
        output::answer_table(&answer["table"], format)?;
        return complete(&answer);
    }
    let Value::Array(mut entries) = answer["entries"].take() else {
        anyhow::bail!("the daemon's answer has no entries");
    };
    entries.reverse();
    output::entries(&entries, format)?;
    if format == Format::Table && entries.is_empty() {
        eprintln!("no entry matches");
    } else if let (Format::Table, Some(next)) = (format, answer["next"].as_str()) {
        eprintln!("there are older ones: --after {next} shows them");
    }
    complete(&answer)
}

/// What the daemon, the cluster, or the store itself answers.
pub fn answer(common: &Common, arguments: &Arguments, raw: bool) -> anyhow::Result<Value> {
    let query = Query::parse(&arguments.query).map_err(Usage::error)?;
    let window = window(arguments.since.as_deref(), arguments.until.as_deref())?;
    let (source, config) = Source::find(common)?;
    match source {
        Source::Daemon(client) => {
            let parameters = [
                ("query", Some(arguments.query.clone())),
                ("since", arguments.since.clone()),
                ("until", arguments.until.clone()),
                ("limit", Some(arguments.limit.to_string())),
                ("after", arguments.after.clone()),
                ("raw", Some(raw.to_string())),
            ];
            Ok(client.ask(&target("/api/v1/search", &parameters), None)?.body)
        }
        Source::Cluster(cluster) => {
            let request = request(arguments, (query, window), &config)?;
            Ok(wait(cluster.answer(&request, clock::now()))?.to_json(raw))
        }
        Source::Disk(snapshot) => {
            let request = request(arguments, (query, window), &config)?;
            match ask(&snapshot, &request, clock::now()) {
                Ok(answer) => Ok(answer.to_json(raw)),
                Err(error @ SearchError::Question(_)) => Err(Usage::error(error)),
                Err(error) => Err(error.into()),
            }
        }
    }
}

fn request(arguments: &Arguments, (query, window): (Query, Window), config: &Config) -> anyhow::Result<Request> {
    let after = arguments.after.as_deref().map(str::parse).transpose().map_err(Usage::error)?;
    Ok(Request { query, window, limit: arguments.limit, after, budget: config.budget() })
}

/// The times of `--since` and `--until`.
pub fn window(since: Option<&str>, until: Option<&str>) -> anyhow::Result<Window> {
    let now = clock::now();
    let time = |text: Option<&str>, default| text.map_or(Ok(default), |t| parse_time(t, now).map_err(Usage::error));
    Ok(Window { since: time(since, i64::MIN)?, until: time(until, i64::MAX)? })
}
