//! `logmill rate`.

use serde_json::{Value, json};

use crate::cli::ask::{Source, complete, target, wait};
use crate::cli::output::{self, Format, bars, cell, csv, outln, table};
use crate::cli::search::window;
use crate::cli::{Common, Usage};
use crate::query::Query;
use crate::search::{By, RateRequest, rate, without_pipes};
use crate::sys::units::Span;

#[derive(Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum Group {
    None,
    Service,
    WorkflowType,
    Agent,
    Level,
}

#[derive(clap::Args)]
#[command(after_help = "\
Two rates, named apart:
  error rate    entries at error or above, of the entries with a known level
  failure rate  workflows that failed, of the workflows that finished

Examples:
  logmill rate --by workflow_type --since 24h --step 1h
  logmill rate 'agent:coder' --since 1h --step 1m --format json")]
pub struct Arguments {
    /// Count only entries that match
    #[arg(default_value = "*")]
    query: String,
    #[arg(long, value_enum, default_value = "service")]
    by: Group,
    /// From when on
    #[arg(long, value_name = "TIME", default_value = "1h")]
    since: String,
    /// Until when
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Width of a step
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    step: String,
}

impl Group {
    fn by(self) -> By {
        match self {
            Group::None => By::None,
            Group::Service => By::Service,
            Group::WorkflowType => By::WorkflowType,
            Group::Agent => By::Agent,
            Group::Level => By::Level,
        }
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let query = Query::parse(&arguments.query).map_err(Usage::error)?;
    without_pipes(&query).map_err(Usage::error)?;
    let window = window(Some(&arguments.since), arguments.until.as_deref())?;
    let step: Span = arguments.step.parse().map_err(Usage::error)?;
    let step = step.nanoseconds();
    anyhow::ensure!(step >= 1_000_000, Usage("--step must be at least 1ms".to_owned()));
    let by = arguments.by.by();
    let (source, config) = Source::find(common)?;
    let request = RateRequest { query, window, step, by, budget: config.budget() };
    let report = match source {
        Source::Daemon(client) => {
            let by = json!(by);
            let parameters = [
                ("query", Some(arguments.query.clone())),
                ("since", Some(arguments.since.clone())),
                ("until", arguments.until.clone()),
                ("step", Some(arguments.step.clone())),
                ("by", by.as_str().map(str::to_owned)),
            ];
            client.ask(&target("/api/v1/rate", &parameters), None)?.body
        }
        Source::Cluster(cluster) => wait(cluster.rate(&request))?.to_json(by, step),
        Source::Disk(snapshot) => rate(&snapshot, &request)?.to_json(by, step),
    };
    print(&report, common.format_or(Format::Table), step)?;
    complete(&report)
}

const COLUMNS: [&str; 7] = ["entries", "known", "errors", "error_rate", "finished", "failed", "failure_rate"];

fn print(report: &Value, format: Format, step: i64) -> anyhow::Result<()> {
    let empty = Vec::new();
    let groups = report["groups"].as_array().unwrap_or(&empty);
    match format {
        Format::Json => outln!("{report:#}"),
        Format::Ndjson => groups.iter().for_each(|g| outln!("{g}")),
        Format::Raw => anyhow::bail!(Usage("--format raw has no meaning here; take table, json, ndjson or csv".into())),
        Format::Csv => {
            outln!("group,start,{}", COLUMNS.join(","));
            for group in groups {
                for step in group["steps"].as_array().unwrap_or(&empty) {
                    let head = [cell(&group["group"]), cell(&step["start"])];
                    outln!("{}", csv(head.into_iter().chain(COLUMNS.map(|c| cell(&step[c])))));
                }
            }
        }
        Format::Table => {
            let rows: Vec<Vec<String>> = groups.iter().map(row).collect();
            table(&["group", "entries", "errors", "error rate", "finished", "failed", "failure rate"], &rows)?;
            if groups.is_empty() {
                eprintln!("no entry in this window; a longer one: --since 24h");
            }
            plot(groups, step);
        }
    }
    Ok(())
}

fn row(group: &Value) -> Vec<String> {
    let percent = |v: &Value| v.as_f64().map_or_else(|| "-".to_owned(), |r| format!("{:.2} %", r * 100.0));
    vec![
        cell(&group["group"]),
        cell(&group["entries"]),
        cell(&group["errors"]),
        percent(&group["error_rate"]),
        cell(&group["finished"]),
        cell(&group["failed"]),
        percent(&group["failure_rate"]),
    ]
}

/// Most columns of a plot; longer windows show their end.
const PLOT_WIDTH: usize = 100;

/// The error rate of each group over time.
fn plot(groups: &[Value], step: i64) {
    let empty = Vec::new();
    let time = |v: &Value| v["start"].as_str().and_then(|t| chrono::DateTime::parse_from_rfc3339(t).ok());
    let nanoseconds = |v: &Value| time(v).and_then(|t| t.timestamp_nanos_opt());
    let steps = || groups.iter().flat_map(|g| g["steps"].as_array().unwrap_or(&empty));
    let (Some(first), Some(last)) = (steps().filter_map(nanoseconds).min(), steps().filter_map(nanoseconds).max())
    else {
        return;
    };
    let count = ((last - first) / step + 1).min(PLOT_WIDTH as i64);
    let first = last - (count - 1) * step;
    outln!("\nerror rate, a step a column, {} to {}", crate::record::timestamp(first), crate::record::timestamp(last));
    let width = groups.iter().map(|g| cell(&g["group"]).chars().count()).max().unwrap_or(0);
    for group in groups {
        let mut values = vec![None; count as usize];
        for step_value in group["steps"].as_array().unwrap_or(&empty) {
            let at = nanoseconds(step_value).map_or(-1, |t| (t - first).div_euclid(step));
            if let Some(slot) = usize::try_from(at).ok().and_then(|at| values.get_mut(at)) {
                *slot = step_value["error_rate"].as_f64();
            }
        }
        let highest = values.iter().flatten().copied().fold(0.0, f64::max) * 100.0;
        let bars = output::colour(&bars(&values), "31");
        outln!("{:<width$}  {bars}  max {highest:.1} %", cell(&group["group"]));
    }
}
