//! `[[metric]]`: numbers that a pipeline declares. They are counted in the room `metrics`; here is what they are.

use toml::Spanned;

use crate::pipeline::definition::query_or_all;
use crate::pipeline::place::Place;
use crate::pipeline::tables::MetricTable;
use crate::pipeline::{Pipeline, PipelineError};
use crate::query::{Field, Query};

/// Beginnings of names that are in use.
const TAKEN: [&str; 9] =
    ["logmill_", "log_", "host_", "service_", "folder_", "filesystem_", "probe_", "process_", "__"];
/// Labels that Prometheus or histograms give a meaning to.
const TAKEN_LABELS: [&str; 4] = ["le", "quantile", "job", "instance"];
const MAX_LABELS: usize = 8;
const MAX_BUCKETS: usize = 50;
/// Metrics of one pipeline: each looks at every entry.
const MAX_METRICS: usize = 100;
/// Where nothing is said: Prometheus's own, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug)]
pub struct Metric {
    pub name: Box<str>,
    pub help: Box<str>,
    pub kind: MetricKind,
    /// The entries that count.
    pub query: Query,
    /// What is added, set or observed. A counter without one adds 1.
    pub value: Option<Field>,
    /// With the fields whose values they have.
    pub labels: Vec<(Box<str>, Field)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum MetricKind {
    Counter,
    Gauge,
    /// Upper bounds of the buckets, ascending.
    Histogram(Box<[f64]>),
}

pub(super) fn compile(place: &Place<'_>, tables: Vec<Spanned<MetricTable>>) -> Result<Vec<Metric>, PipelineError> {
    if let Some(table) = tables.get(MAX_METRICS) {
        return Err(place.wrong(table.span(), format!("a pipeline has at most {MAX_METRICS} metrics")));
    }
    let mut metrics: Vec<Metric> = Vec::new();
    for table in tables {
        let table = table.into_inner();
        let name = table.name.clone();
        let metric = metric(place, table)?;
        if metrics.iter().any(|other| other.name == metric.name) {
            return Err(place.wrong(name.span(), format!("there is a metric {:?} already", metric.name)));
        }
        metrics.push(metric);
    }
    Ok(metrics)
}

fn metric(place: &Place<'_>, table: MetricTable) -> Result<Metric, PipelineError> {
    let name = name(place, &table.name)?;
    let kind = kind(place, &table)?;
    if table.value.is_none() && kind != MetricKind::Counter {
        let message = format!("a {} needs a value: value = \"duration_ms\"", table.kind.get_ref());
        return Err(place.wrong(table.kind.span(), message));
    }
    if table.labels.len() > MAX_LABELS {
        let message = format!("{} labels; a metric has at most {MAX_LABELS}", table.labels.len());
        return Err(place.wrong(table.name.span(), message));
    }
    let label = |(name, field): (&Spanned<String>, &String)| Ok((label(place, name)?, Field::from_name(field)));
    Ok(Metric {
        help: table.help.clone().unwrap_or_else(|| format!("Declared in {}.", place.path.display())).into(),
        query: query_or_all(place, table.query.as_ref())?,
        value: table.value.as_deref().map(Field::from_name),
        labels: table.labels.iter().map(label).collect::<Result<_, _>>()?,
        name,
        kind,
    })
}

fn name(place: &Place<'_>, name: &Spanned<String>) -> Result<Box<str>, PipelineError> {
    let text = name.get_ref();
    if !is_name(text) {
        let message = format!("{text:?} is no name of a metric; use letters, digits and _, such as orders_total");
        return Err(place.wrong(name.span(), message));
    }
    if let Some(taken) = TAKEN.iter().find(|taken| text.starts_with(**taken)) {
        return Err(place.wrong(name.span(), format!("names that begin with {taken} are in use; take another")));
    }
    Ok(text.as_str().into())
}

fn label(place: &Place<'_>, name: &Spanned<String>) -> Result<Box<str>, PipelineError> {
    let text = name.get_ref();
    match is_name(text) && !text.starts_with("__") && !TAKEN_LABELS.contains(&text.as_str()) {
        true => Ok(text.as_str().into()),
        false => {
            let taken = TAKEN_LABELS.join(", ");
            let message = format!("{text:?} is no label; use letters, digits and _, and none of {taken}");
            Err(place.wrong(name.span(), message))
        }
    }
}

fn is_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=200).contains(&text.len()) && text.bytes().all(good) && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn kind(place: &Place<'_>, table: &MetricTable) -> Result<MetricKind, PipelineError> {
    let kind = match &**table.kind.get_ref() {
        "counter" => MetricKind::Counter,
        "gauge" => MetricKind::Gauge,
        "histogram" => return histogram(place, table),
        other => {
            let message = format!("there is no kind {other:?}; there are counter, gauge, histogram");
            return Err(place.wrong(table.kind.span(), message));
        }
    };
    match &table.buckets {
        Some(buckets) => Err(place.wrong(buckets.span(), "only a histogram has buckets")),
        None if kind == MetricKind::Counter && !table.name.get_ref().ends_with("_total") => {
            let message = format!("a counter's name ends in _total: {}_total", table.name.get_ref());
            Err(place.wrong(table.name.span(), message))
        }
        None => Ok(kind),
    }
}

fn histogram(place: &Place<'_>, table: &MetricTable) -> Result<MetricKind, PipelineError> {
    let Some(buckets) = &table.buckets else { return Ok(MetricKind::Histogram(BUCKETS.into())) };
    let bounds = buckets.get_ref();
    let ascend = bounds.is_sorted_by(|a, b| a < b) && bounds.iter().all(|bound| bound.is_finite());
    if !ascend || !(1..=MAX_BUCKETS).contains(&bounds.len()) {
        let message = format!("buckets are 1 to {MAX_BUCKETS} upper bounds, ascending: [0.1, 1, 10]");
        return Err(place.wrong(buckets.span(), message));
    }
    Ok(MetricKind::Histogram(bounds.as_slice().into()))
}

/// Metrics that two pipelines declare in different ways.
pub(super) fn disagreements(pipelines: &[Pipeline]) -> Vec<PipelineError> {
    let mut errors = Vec::new();
    for (index, pipeline) in pipelines.iter().enumerate() {
        for metric in pipeline.metrics() {
            let labels = |metric: &Metric| metric.labels.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            let other = pipelines[..index].iter().find(|other| {
                let same = other.metrics().iter().find(|other| other.name == metric.name);
                same.is_some_and(|same| same.kind != metric.kind || labels(same) != labels(metric))
            });
            if let Some(other) = other {
                let message = format!(
                    "declares the metric {} with another kind, labels or buckets than {}",
                    metric.name,
                    other.path().display()
                );
                errors.push(PipelineError::Folder { path: pipeline.path().to_owned(), message });
            }
        }
    }
    errors
}
