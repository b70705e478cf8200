//! `logmill workflows`: which there are, and how they went.

use serde_json::{Value, json};

use crate::cli::ask::{Source, complete, target, wait};
use crate::cli::grid::{Cell, Style, grid};
use crate::cli::output::{Format, cell, csv, outln, printable};
use crate::cli::search::window;
use crate::cli::timeline::{colour_of, first_line, took};
use crate::cli::workflow::stalled_after;
use crate::cli::{Common, Usage};
use crate::query::Query;
use crate::search::{Clock, ListRequest, Outcome, Sort, without_pipes, workflows};
use crate::sys::clock;

#[derive(Clone, Copy, clap::ValueEnum)]
enum Ended {
    Completed,
    Failed,
    Cancelled,
    /// Not ended, and there are recent entries
    Running,
    /// Not ended, and no entry for longer than --stalled-after
    Stalled,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Order {
    Start,
    End,
    Duration,
    Retries,
    Errors,
    Lines,
    Type,
    Id,
}

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  logmill workflows --failed --since 24h
  logmill workflows --outcome running,stalled --stalled-after 15m
  logmill workflows --type tdd --agent coder --sort duration --limit 10
  logmill workflows --query '\"rate limit exceeded\"' --format ndjson

Listed is what has an entry in the time that was asked for. Where a start or an end lies outside, the rest of that
workflow is looked for, too.")]
pub struct Arguments {
    /// Those that failed: --outcome failed
    #[arg(long)]
    failed: bool,
    /// How they stand
    #[arg(long, value_enum, value_delimiter = ',', value_name = "OUTCOME")]
    outcome: Vec<Ended>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// In which this agent took part
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Of which an entry matches
    #[arg(long, value_name = "QUERY", default_value = "*")]
    query: String,
    /// From when on
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    /// Until when
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Newest, longest or most first; types and ids by the alphabet
    #[arg(long, value_enum, default_value = "start")]
    sort: Order,
    /// The other way round
    #[arg(long)]
    reverse: bool,
    /// Without an end and without an entry for so long they count as stalled
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    stalled_after: String,
}

impl Ended {
    fn outcome(self) -> Outcome {
        match self {
            Ended::Completed => Outcome::Completed,
            Ended::Failed => Outcome::Failed,
            Ended::Cancelled => Outcome::Cancelled,
            Ended::Running => Outcome::Running,
            Ended::Stalled => Outcome::Stalled,
        }
    }
}

impl Order {
    fn sort(self) -> Sort {
        match self {
            Order::Start => Sort::Start,
            Order::End => Sort::End,
            Order::Duration => Sort::Duration,
            Order::Retries => Sort::Retries,
            Order::Errors => Sort::Errors,
            Order::Lines => Sort::Lines,
            Order::Type => Sort::Type,
            Order::Id => Sort::Id,
        }
    }
}

impl Arguments {
    fn outcomes(&self) -> Vec<Outcome> {
        let failed = self.failed.then_some(Outcome::Failed);
        self.outcome.iter().map(|ended| ended.outcome()).chain(failed).collect()
    }

    /// The same question to a daemon.
    fn target(&self) -> String {
        let outcomes: Vec<&str> = self.outcomes().into_iter().map(Outcome::name).collect();
        let parameters = [
            ("query", Some(self.query.clone())),
            ("since", Some(self.since.clone())),
            ("until", self.until.clone()),
            ("outcome", Some(outcomes.join(",")).filter(|text| !text.is_empty())),
            ("type", self.kind.clone()),
            ("agent", self.agent.clone()),
            ("sort", json!(self.sort.sort()).as_str().map(str::to_owned)),
            ("reverse", Some(self.reverse.to_string())),
            ("limit", Some(self.limit.to_string())),
            ("stalled_after", Some(self.stalled_after.clone())),
        ];
        target("/api/v1/workflows", &parameters)
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> anyhow::Result<()> {
    let query = Query::parse(&arguments.query).map_err(Usage::error)?;
    without_pipes(&query).map_err(Usage::error)?;
    let window = window(Some(&arguments.since), arguments.until.as_deref())?;
    let stalled_after = stalled_after(&arguments.stalled_after)?;
    let (source, config) = Source::find(common)?;
    let request = ListRequest {
        query,
        window,
        outcomes: arguments.outcomes(),
        kind: arguments.kind.clone(),
        agent: arguments.agent.clone(),
        sort: arguments.sort.sort(),
        reverse: arguments.reverse,
        limit: arguments.limit,
        clock: Clock { now: clock::now(), stalled_after },
        budget: config.budget(),
    };
    let answer = match source {
        Source::Daemon(client) => client.ask(&arguments.target(), None)?.body,
        Source::Cluster(cluster) => wait(cluster.workflows(&request))?.to_json(),
        Source::Disk(snapshot) => workflows(&snapshot, &request)?.to_json(),
    };
    print(&answer, common.format_or(Format::Table))?;
    for note in answer["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        eprintln!("note: {note}");
    }
    complete(&answer)
}

const CSV_COLUMNS: [&str; 12] = [
    "id",
    "type",
    "outcome",
    "start",
    "end",
    "duration_ms",
    "last_seen",
    "entries",
    "errors",
    "retries",
    "lines_of_code",
    "error",
];

fn print(answer: &Value, format: Format) -> anyhow::Result<()> {
    let empty = Vec::new();
    let all = answer["workflows"].as_array().unwrap_or(&empty);
    match format {
        Format::Json => outln!("{}", Value::from(all.clone())),
        Format::Ndjson => all.iter().for_each(|workflow| outln!("{workflow}")),
        Format::Raw => anyhow::bail!(Usage("--format raw has no meaning here; take table, json, ndjson or csv".into())),
        Format::Csv => {
            outln!("{},attempts", CSV_COLUMNS.join(","));
            for workflow in all {
                let attempts = workflow["attempts"].as_array().map_or(0, Vec::len).to_string();
                outln!("{}", csv(CSV_COLUMNS.map(|column| cell(&workflow[column])).into_iter().chain([attempts])));
            }
        }
        Format::Table => table(answer, all),
    }
    Ok(())
}

fn table(answer: &Value, all: &[Value]) {
    if all.is_empty() {
        eprintln!("no workflow matches; a longer time: --since 7d");
        return;
    }
    let head = ["id", "type", "outcome", "start", "duration", "tries", "retries", "errors", "lines", "error"];
    let head = head.map(|text| Cell { text: text.to_owned(), code: "1" }).into();
    let rows: Vec<Vec<Cell>> = std::iter::once(head).chain(all.iter().map(row)).collect();
    outln!("{}", grid(&rows, "llllrrrrrl", 0, Style::of_output()).trim_end());
    let outcomes = answer["outcomes"].as_object();
    let counts: Vec<String> = outcomes.into_iter().flatten().map(|(name, count)| format!("{count} {name}")).collect();
    let total: u64 = outcomes.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    let more = if total > all.len() as u64 { "; more of them: --limit" } else { "" };
    outln!("\n{} of {total} workflows: {}{more}", all.len(), counts.join(", "));
}

fn row(workflow: &Value) -> Vec<Cell> {
    let outcome = cell(&workflow["outcome"]);
    // Without a start there is the first entry; it is marked, because it may not be the beginning.
    let start = match workflow["start"].as_str() {
        Some(start) => start.to_owned(),
        None => format!("≤ {}", cell(&workflow["first_seen"])),
    };
    let attempts = workflow["attempts"].as_array().map_or(0, Vec::len);
    vec![
        Cell::from(printable(&cell(&workflow["id"]))),
        printable(&cell(&workflow["type"])).into(),
        Cell { code: colour_of(&outcome), text: outcome },
        start.into(),
        workflow["duration_ms"].as_f64().map(took).unwrap_or_default().into(),
        attempts.to_string().into(),
        cell(&workflow["retries"]).into(),
        cell(&workflow["errors"]).into(),
        cell(&workflow["lines_of_code"]).into(),
        first_line(&cell(&workflow["error"])).into(),
    ]
}
