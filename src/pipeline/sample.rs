//! The samples in a pipeline file: lines, and what must come of them.

use std::ops::Range;
use std::sync::Arc;

use chrono::DateTime;
use serde_json::Value as Json;
use toml::{Spanned, Value as Toml};

use crate::parse::Zone;
use crate::pipeline::definition::zone;
use crate::pipeline::place::Place;
use crate::pipeline::tables::TestTable;
use crate::pipeline::{Compiled, PipelineError, StreamParser};
use crate::record::{Entry, RawBatch};

/// When a sample is read that names no time at all.
const READ_TIME: i64 = 1_700_000_000_000_000_000;

/// Lines, and what they are to become.
#[derive(Debug)]
pub struct Sample {
    /// The definition that it stands in, and where.
    definition: Arc<str>,
    at: Range<usize>,
    source: String,
    zone: Option<Zone>,
    /// When its lines are read, nanoseconds since the epoch.
    read_time: i64,
    lines: String,
    /// Each names some of what the entry must have.
    entries: Vec<Vec<Want>>,
}

/// What one part of an entry must be.
#[derive(Debug)]
struct Want {
    name: String,
    value: Toml,
    /// Where that is said.
    at: Range<usize>,
}

pub fn compile(place: &Place<'_>, tables: Vec<Spanned<TestTable>>) -> Result<Vec<Sample>, PipelineError> {
    let definition: Arc<str> = if tables.is_empty() { Arc::default() } else { place.text.into() };
    tables.into_iter().map(|table| sample(place, &definition, table)).collect()
}

fn sample(place: &Place<'_>, definition: &Arc<str>, table: Spanned<TestTable>) -> Result<Sample, PipelineError> {
    let at = table.span();
    let table = table.into_inner();
    let want = |(name, value): (String, Spanned<Toml>)| Want { name, at: value.span(), value: value.into_inner() };
    let entries: Vec<Vec<Want>> =
        table.entries.into_iter().map(|entry| entry.into_iter().map(want).collect()).collect();
    let read_time = match &table.read {
        Some(read) => moment(read.get_ref()).ok_or_else(|| {
            place.wrong(read.span(), "a sample is read at a time with a zone: read = \"2026-11-23T12:00:00Z\"")
        })?,
        // Years that the lines leave out are then those that the entries have, whenever the sample is tried.
        None => latest(&entries).unwrap_or(READ_TIME),
    };
    Ok(Sample {
        definition: definition.clone(),
        at,
        source: table.source,
        zone: zone(place, table.zone.as_ref())?,
        read_time,
        lines: table.lines,
        entries,
    })
}

/// The latest time that entries are to have.
fn latest(entries: &[Vec<Want>]) -> Option<i64> {
    entries.iter().flatten().filter(|want| want.name == "timestamp").filter_map(|want| moment(&want.value)).max()
}

/// The moment that a time with its zone stands for, in quotes or not.
fn moment(time: &Toml) -> Option<i64> {
    match time {
        Toml::String(text) => moment_of(text),
        Toml::Datetime(time) => moment_of(&time.to_string()),
        _ => None,
    }
}

fn moment_of(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()
}

/// Runs all samples; returns how many there are.
pub fn run(pipeline: &Arc<Compiled>) -> Result<usize, PipelineError> {
    for (index, sample) in pipeline.samples.iter().enumerate() {
        let entries = entries(pipeline, sample);
        let place = Place { text: &sample.definition, path: &pipeline.path };
        let wrong = |at: &Range<usize>, message| place.wrong(at.clone(), format!("sample {}: {message}", index + 1));
        for (number, (wanted, entry)) in sample.entries.iter().zip(&entries).enumerate() {
            let found = entry.to_json(true);
            for want in wanted {
                if let Some(difference) = difference(&want.name, &want.value, &found[&want.name]) {
                    let message = format!("entry {}: {difference}; the entry is {found}", number + 1);
                    return Err(wrong(&want.at, message));
                }
            }
        }
        if entries.len() != sample.entries.len() {
            let extra = entries.get(sample.entries.len()).map(|e| format!("; the next is {:?}", &*e.raw));
            let (found, want) = (entries.len(), sample.entries.len());
            let message = format!("gives {found} entries, not {want}{}", extra.unwrap_or_default());
            return Err(wrong(&sample.at, message));
        }
    }
    Ok(pipeline.samples.len())
}

fn entries(pipeline: &Arc<Compiled>, sample: &Sample) -> Vec<Entry> {
    let source: Arc<str> = Arc::from(sample.source.as_str());
    let mut parser = StreamParser::new(pipeline.clone(), &source, true);
    if let Some(zone) = &sample.zone {
        parser.set_zone(zone.clone());
    }
    let batch = RawBatch {
        source,
        bytes: sample.lines.clone().into_bytes(),
        read_time: sample.read_time,
        written: sample.read_time,
        last: true,
        ..RawBatch::default()
    };
    parser.run(&batch).entries
}

/// Where `found` lacks what `want` says; objects may have more than is said.
fn difference(name: &str, want: &Toml, found: &Json) -> Option<String> {
    match (want, found) {
        (Toml::Table(want), Json::Object(_) | Json::Null) => {
            want.iter().find_map(|(key, want)| difference(&format!("{name}.{key}"), want, &found[key]))
        }
        (Toml::Datetime(_), Json::String(found)) if moment(want).is_some_and(|at| moment_of(found) == Some(at)) => None,
        _ => {
            let want = json(want);
            let is_same = want == *found || want.is_number() && want.as_f64() == found.as_f64();
            (!is_same).then(|| format!("{name} is {found}, not {want}"))
        }
    }
}

/// A date of TOML is the text it is written as.
fn json(value: &Toml) -> Json {
    match value {
        Toml::String(text) => Json::from(text.as_str()),
        Toml::Integer(number) => Json::from(*number),
        Toml::Float(number) => Json::from(*number),
        Toml::Boolean(truth) => Json::from(*truth),
        Toml::Datetime(time) => Json::from(time.to_string()),
        Toml::Array(values) => values.iter().map(json).collect(),
        Toml::Table(table) => Json::Object(table.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
    }
}
