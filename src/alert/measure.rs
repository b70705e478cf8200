//! What is measured: numbers with labels, from the entries of a window, from the host, from probes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::alert::rule::Labels;
use crate::metrics::Sample;
use crate::query::Query;
use crate::record::Value;
use crate::search::{Answer, Body, Budget, By, RateReport, RateRequest, Request, Role, Table, Window, ask, rate};
use crate::store::Snapshot;
use crate::sys::clock::SECOND;
use crate::sys::{files, process};

/// See the module. Spans are nanoseconds.
#[derive(Clone, Debug)]
pub enum Measure {
    /// Failed of finished workflows, where at least so many finished.
    FailureRate { by: By, over: i64, at_least: u64 },
    /// The last counted column of a table, or the column `value`; with `change`, by how much it is more than that much
    /// earlier.
    Query { query: Query, over: i64, change: Option<i64> },
    /// One count divided by another.
    Ratio { counts: Box<Pair>, at_least: f64 },
    /// One count less another.
    Difference { counts: Box<Pair> },
    /// Seconds since the last entry of a pipeline, or of the files of a glob.
    Silence { who: Who },
    /// 1 when a probe succeeded, 0 when not.
    Probe,
    /// How long a probe took, in seconds.
    ProbeSeconds,
    /// Days until a certificate ends.
    TlsDays,
    /// Free share of file systems.
    DiskFree { paths: Vec<PathBuf> },
    /// Used share of the host's memory.
    MemoryUsed,
    /// A metric of this program; with `change`, by how much it is more than that much earlier.
    Metric { name: String, labels: Labels, change: Option<i64> },
}

/// Two counts over the same window, by the same labels. Both queries end with `stats count() as value by …`.
#[derive(Clone, Debug)]
pub struct Pair {
    pub first: Query,
    pub second: Query,
    pub over: i64,
}

/// Whose silence.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// By name; `*` is each of them.
    Pipeline(String),
    Source(glob::Pattern),
}

/// When something of a file was last seen to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub source: String,
    pub pipeline: String,
    pub at: i64,
}

/// What a probe came to last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeResult {
    pub ok: bool,
    pub seconds: f64,
    /// Why not.
    pub error: Option<String>,
    /// When the certificate ends; nanoseconds since the epoch.
    pub expires: Option<i64>,
}

/// Where measures come from. The daemon is one; tests have another.
pub trait Sources {
    fn snapshot(&self) -> Snapshot;
    /// What one question may cost.
    fn budget(&self) -> Budget;
    /// Samples of a metric; none where it is not known.
    fn metric(&self, name: &str) -> Vec<Sample>;
    fn heard(&self) -> Vec<Heard>;
    fn data_dir(&self) -> PathBuf;
    /// By the probe's name; none of a probe that never succeeded and is not required.
    fn probes(&self) -> BTreeMap<String, ProbeResult>;
}

/// No more samples than this are made of one measure.
pub const MAX_SAMPLES: usize = 1_000;

impl Measure {
    /// Whether it is of entries, so that it can be measured for any time.
    pub fn is_of_entries(&self) -> bool {
        matches!(
            self,
            Measure::FailureRate { .. } | Measure::Query { .. } | Measure::Ratio { .. } | Measure::Difference { .. }
        )
    }

    /// Whether it has nothing to do with what was logged.
    pub fn is_of_the_host(&self) -> bool {
        !self.is_of_entries() && !matches!(self, Measure::Silence { .. })
    }

    /// Whether it is 0 where there are no entries any more.
    pub fn is_nothing_without_entries(&self) -> bool {
        matches!(self, Measure::Query { change: Some(_), .. } | Measure::Difference { .. })
    }

    /// The window, of those that have one.
    pub fn window(&self) -> Option<i64> {
        match self {
            Measure::FailureRate { over, .. } | Measure::Query { over, .. } => Some(*over),
            Measure::Ratio { counts, .. } | Measure::Difference { counts } => Some(counts.over),
            _ => None,
        }
    }

    /// Measures as of `now`. The error says why nothing is known.
    pub fn take(&self, sources: &dyn Sources, now: i64) -> Result<Vec<Sample>, String> {
        let mut samples = match self {
            Measure::FailureRate { by, over, at_least } => failure_rates(sources, *by, *over, *at_least, now)?,
            Measure::Query { query, over, change: None } => rows(sources, query, *over, now)?,
            Measure::Query { query, over, change: Some(change) } => {
                let (then, mut all) =
                    (rows(sources, query, *over, now.saturating_sub(*change))?, rows(sources, query, *over, now)?);
                less(&mut all, &then);
                all
            }
            Measure::Ratio { counts, at_least } => {
                let (first, second) = counts.take(sources, now)?;
                ratios(&first, &second, *at_least)
            }
            Measure::Difference { counts } => {
                let (mut first, second) = counts.take(sources, now)?;
                less(&mut first, &second);
                first
            }
            Measure::Silence { who } => silences(who, &sources.heard(), now),
            Measure::Probe => probed(sources, |result| Some(f64::from(u8::from(result.ok)))),
            Measure::ProbeSeconds => probed(sources, |result| result.ok.then_some(result.seconds)),
            Measure::TlsDays => {
                probed(sources, |result| Some((result.expires? - now) as f64 / (86_400 * SECOND) as f64))
            }
            Measure::DiskFree { paths } => disks(paths, &sources.data_dir())?,
            Measure::MemoryUsed => vec![Sample { labels: Labels::new(), value: memory_used()? }],
            Measure::Metric { name, labels, .. } => {
                let has = |sample: &Sample| labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value));
                sources.metric(name).into_iter().filter(has).collect()
            }
        };
        samples.truncate(MAX_SAMPLES);
        Ok(samples)
    }
}

impl Pair {
    fn take(&self, sources: &dyn Sources, now: i64) -> Result<(Vec<Sample>, Vec<Sample>), String> {
        Ok((rows(sources, &self.first, self.over, now)?, rows(sources, &self.second, self.over, now)?))
    }
}

fn window(over: i64, now: i64) -> Window {
    Window { since: now.saturating_sub(over), until: now }
}

/// Where workflows end and where their types are named.
static LIVES: LazyLock<Query> =
    LazyLock::new(|| Query::parse("event:* OR workflow_type:*").expect("the query is part of the program"));

fn failure_rates(sources: &dyn Sources, by: By, over: i64, at_least: u64, now: i64) -> Result<Vec<Sample>, String> {
    let request =
        RateRequest { query: LIVES.clone(), window: window(over, now), step: over, by, budget: sources.budget() };
    let report = rate(&sources.snapshot(), &request).map_err(|error| error.to_string())?;
    if let Some(reason) = report.partial {
        return Err(format!("not all could be counted: {reason}"));
    }
    let label = serde_json::to_value(by).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let of_group = |(group, steps): (&String, &_)| {
        let total = RateReport::total(steps);
        let value = total.failure_rate().filter(|_| total.finished >= at_least.max(1))?;
        let labels = if by == By::None { Labels::new() } else { Labels::from([(label.clone(), group.clone())]) };
        Some(Sample { labels, value })
    };
    Ok(report.groups.iter().filter_map(of_group).collect())
}

fn rows(sources: &dyn Sources, query: &Query, over: i64, now: i64) -> Result<Vec<Sample>, String> {
    let request =
        Request { query: query.clone(), window: window(over, now), limit: 0, after: None, budget: sources.budget() };
    let Answer { body, partial, .. } = ask(&sources.snapshot(), &request, now).map_err(|error| error.to_string())?;
    match (body, partial) {
        (_, Some(reason)) => Err(format!("not all could be counted: {reason}")),
        (Body::Table(table), None) => Ok(samples_of(&table)),
        (Body::Entries(_), None) => Err("the query gives entries and no numbers".to_owned()),
    }
}

/// The column `value`, or the last one that was counted; groups are labels. Rows without a number are left out.
fn samples_of(table: &Table) -> Vec<Sample> {
    let named = table.columns.iter().position(|column| column.name == "value");
    let Some(place) = named.or_else(|| table.columns.iter().rposition(|column| column.role == Role::Counted)) else {
        return Vec::new();
    };
    let sample = |row: &Vec<Value>| {
        let value = row.get(place)?.as_number()?;
        let groups = table.columns.iter().zip(row).filter(|(column, _)| column.role == Role::Group);
        let labels = groups.map(|(column, cell)| (column.name.clone(), cell.to_text().into_owned())).collect();
        Some(Sample { labels, value })
    };
    table.rows.iter().filter_map(sample).collect()
}

fn by_labels(samples: &[Sample]) -> BTreeMap<&Labels, f64> {
    samples.iter().map(|sample| (&sample.labels, sample.value)).collect()
}

/// Takes `others` off, also where there is nothing to take them off.
fn less(samples: &mut Vec<Sample>, others: &[Sample]) {
    let mut others = by_labels(others);
    for sample in samples.iter_mut() {
        sample.value -= others.remove(&sample.labels).unwrap_or(0.0);
    }
    samples.extend(others.into_iter().map(|(labels, value)| Sample { labels: labels.clone(), value: -value }));
}

fn ratios(counts: &[Sample], of: &[Sample], at_least: f64) -> Vec<Sample> {
    let counts = by_labels(counts);
    let enough = of.iter().filter(|all| all.value > 0.0 && all.value >= at_least);
    let ratio = |all: &Sample| Sample {
        labels: all.labels.clone(),
        value: counts.get(&all.labels).copied().unwrap_or(0.0) / all.value,
    };
    enough.map(ratio).collect()
}

/// The label, and its value, of those whose silence is measured.
fn silences(who: &Who, heard: &[Heard], now: i64) -> Vec<Sample> {
    let mut last: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for one in heard {
        let key = match who {
            Who::Pipeline(name) if name == "*" || *name == one.pipeline => ("pipeline", one.pipeline.as_str()),
            Who::Source(pattern) if pattern.matches(&one.source) => ("source", pattern.as_str()),
            _ => continue,
        };
        let at = last.entry(key).or_insert(one.at);
        *at = one.at.max(*at);
    }
    let sample = |((label, name), at): ((&str, &str), i64)| Sample {
        labels: Labels::from([(label.to_owned(), name.to_owned())]),
        value: now.saturating_sub(at).max(0) as f64 / SECOND as f64,
    };
    last.into_iter().map(sample).collect()
}

fn probed(sources: &dyn Sources, value: impl Fn(&ProbeResult) -> Option<f64>) -> Vec<Sample> {
    let sample = |(name, result): (String, ProbeResult)| {
        Some(Sample { value: value(&result)?, labels: Labels::from([("probe".to_owned(), name)]) })
    };
    sources.probes().into_iter().filter_map(sample).collect()
}

/// One sample for each file system. Where no path is named: that of the data folder and that of the working folder.
fn disks(paths: &[PathBuf], data: &Path) -> Result<Vec<Sample>, String> {
    let default = [data.to_owned(), PathBuf::from(".")];
    let paths = if paths.is_empty() { &default[..] } else { paths };
    let (mut samples, mut seen) = (Vec::new(), Vec::new());
    for path in paths {
        let device = std::fs::metadata(path).map(|m| files::FileId::of(&m).device);
        let space = files::disk_space(path);
        let (device, (free, size)) =
            device.and_then(|device| Ok((device, space?))).map_err(|error| format!("{}: {error}", path.display()))?;
        if size > 0 && !seen.contains(&device) {
            seen.push(device);
            let labels = Labels::from([("path".to_owned(), path.display().to_string())]);
            samples.push(Sample { labels, value: free as f64 / size as f64 });
        }
    }
    Ok(samples)
}

fn memory_used() -> Result<f64, String> {
    let (available, total) = process::host_memory().ok_or("/proc/meminfo does not tell how much memory there is")?;
    Ok(1.0 - available as f64 / total as f64)
}
