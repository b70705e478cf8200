//! What an alert measures.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use crate::alert::{Measure, Pair, Who};
use crate::config::alerts::tables::{AlertTable, DifferenceTable, ProbeWord, RatioTable, SilenceTable};
use crate::config::alerts::{File, Wrong};
use crate::query::Query;
use crate::query::pipe::Pipe;
use crate::sys::units::Span;

/// Labels that counts may be grouped by.
const MAX_BY: usize = 5;
/// A longer window costs too much to be looked at again and again.
const MAX_WINDOW: Duration = Duration::from_secs(7 * 86_400);

const NAMES: &str = "failure_rate, query, ratio, difference, silence, probe, disk_free, memory_used or metric";

pub(super) fn measure(file: &File<'_>, table: &AlertTable, span: Range<usize>) -> Result<Measure, Wrong> {
    let mut measures = Vec::new();
    if let Some(rate) = &table.failure_rate {
        let over = window(file, &rate.over)?;
        measures.push(Measure::FailureRate { by: rate.by, over, at_least: rate.at_least });
    }
    if let Some(query) = &table.query {
        measures.push(of_query(file, table, query)?);
    }
    if let Some(RatioTable { query, of, over, by, at_least }) = &table.ratio {
        let counts = Box::new(pair(file, (query, of), over, by)?);
        measures.push(Measure::Ratio { counts, at_least: *at_least });
    }
    if let Some(DifferenceTable { query, less, over, by }) = &table.difference {
        measures.push(Measure::Difference { counts: Box::new(pair(file, (query, less), over, by)?) });
    }
    if let Some(silence) = &table.silence {
        measures.push(Measure::Silence { who: who(file, silence)? });
    }
    if let Some(word) = table.probe {
        measures.push(match word {
            ProbeWord::Up => Measure::Probe,
            ProbeWord::Seconds => Measure::ProbeSeconds,
            ProbeWord::TlsDays => Measure::TlsDays,
        });
    }
    if let Some(disk) = &table.disk_free {
        measures.push(Measure::DiskFree { paths: disk.paths.clone() });
    }
    if table.memory_used.is_some() {
        measures.push(Measure::MemoryUsed);
    }
    if let Some(metric) = &table.metric {
        let change = metric.change.map(Span::nanoseconds);
        measures.push(Measure::Metric { name: metric.name.clone(), labels: metric.labels.clone(), change });
    }
    let count = measures.len();
    match (measures.pop(), count) {
        (Some(_), 1) if table.query.is_none() && (table.over.is_some() || table.change.is_some()) => {
            Err(file.wrong(span, "`over` and `change` beside the measure are for a query; others have theirs inside"))
        }
        (Some(measure), 1) => Ok(measure),
        _ => Err(file.wrong(span, format!("an alert measures one thing; write one of {NAMES}"))),
    }
}

fn window(file: &File<'_>, over: &Spanned<Span>) -> Result<i64, Wrong> {
    match over.get_ref().0 {
        Duration::ZERO => Err(file.wrong(over.span(), "a window of no length has nothing in it")),
        long if long > MAX_WINDOW => Err(file.wrong(over.span(), format!("must be at most {}", Span(MAX_WINDOW)))),
        _ => Ok(over.get_ref().nanoseconds()),
    }
}

/// A query without times of its own: the window is where it looks.
fn parsed(file: &File<'_>, text: &Spanned<String>) -> Result<Query, Wrong> {
    let query = file.0.query(text).map_err(|error| error.to_string())?;
    match query.window() == (i64::MIN..=i64::MAX) {
        true => Ok(query),
        false => {
            Err(file
                .wrong(text.span(), "a query here has no condition on timestamp; `over` says how far back it looks"))
        }
    }
}

fn of_query(file: &File<'_>, table: &AlertTable, text: &Spanned<String>) -> Result<Measure, Wrong> {
    let query = parsed(file, text)?;
    if !query.pipes().iter().any(Pipe::is_aggregation) {
        let message = "a query here needs a number: put `| stats count() as value` behind it";
        return Err(file.wrong(text.span(), message));
    }
    let over = table.over.as_ref().ok_or_else(|| {
        file.wrong(text.span(), "a query needs `over` beside it, which says how far back it looks: over = \"15m\"")
    })?;
    Ok(Measure::Query { query, over: window(file, over)?, change: table.change.map(Span::nanoseconds) })
}

fn pair(
    file: &File<'_>,
    (first, second): (&Spanned<String>, &Spanned<String>),
    over: &Spanned<Span>,
    by: &[Spanned<String>],
) -> Result<Pair, Wrong> {
    let good = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
    if let Some(bad) = by.iter().find(|name| !good(name.get_ref())) {
        return Err(file.wrong(bad.span(), format!("{:?} is no name of a field", bad.get_ref())));
    }
    if by.len() > MAX_BY {
        return Err(file.wrong(by[MAX_BY].span(), format!("at most {MAX_BY} fields")));
    }
    let names: Vec<&str> = by.iter().map(|name| name.get_ref().as_str()).collect();
    let behind = if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) };
    let counted = |text: &Spanned<String>| {
        if !parsed(file, text)?.pipes().is_empty() {
            let message = "only entries are counted here; leave out what is behind the |";
            return Err(file.wrong(text.span(), message));
        }
        let counted = format!("({}) | stats count() as value{behind}", text.get_ref());
        Query::parse(&counted).map_err(|error| file.wrong(text.span(), format!("query: {}", error.message)))
    };
    Ok(Pair { first: counted(first)?, second: counted(second)?, over: window(file, over)? })
}

fn who(file: &File<'_>, table: &Spanned<SilenceTable>) -> Result<Who, Wrong> {
    let SilenceTable { pipeline, source } = table.get_ref();
    match (pipeline, source) {
        (Some(name), None) => Ok(Who::Pipeline(name.clone())),
        (None, Some(source)) => {
            let wrong = |error: glob::PatternError| file.wrong(source.span(), format!("is no glob: {}", error.msg));
            glob::Pattern::new(source.get_ref()).map(Who::Source).map_err(wrong)
        }
        _ => Err(file.wrong(table.span(), "write either { pipeline = \"api\" } or { source = \"logs/*.log\" }")),
    }
}
