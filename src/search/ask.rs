//! A whole question: the condition and its pipes. The answer is entries, or a table.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::query::Query;
use crate::query::pipe::{Output, Pipe, SortKey};
use crate::record::{Columns, Entry, Level, Row};
use crate::search::aggregate::{Aggregation, Bundle, Column, Limits, Role, Table, values};
use crate::search::budget::{Budget, Cut, Meter};
use crate::search::entries::{Cursor, EntryId, Request, find, window_of};
use crate::search::scan::{Hits, Scan, Take, Visit};
use crate::search::sorted::sorted;
use crate::search::{Effort, SearchError, Window, context};
use crate::store::Snapshot;

/// Entries that pipes work on one after the other; where there are more, the answer is partial.
pub const MAX_PIPED: usize = 10_000;

/// The answer to a question.
#[derive(Debug)]
pub struct Answer {
    pub body: Body,
    /// Of entries without pipes: what asks for the older ones.
    pub next: Option<Cursor>,
    /// Why the answer is not complete, when it is not.
    pub partial: Option<String>,
    pub effort: Effort,
}

#[derive(Debug)]
pub enum Body {
    /// Newest first, or as sorted.
    Entries(Vec<(u64, Entry)>),
    Table(Table),
}

/// What a table is counted of: entries that are looked at, and those that were counted elsewhere and are not among them.
#[derive(Default)]
pub struct Counted {
    pub snapshot: Snapshot,
    pub bundles: Vec<Bundle>,
}

/// Answers `request`; `now` ends a window that has no end when it is compared with the one before.
pub fn ask(snapshot: &Snapshot, request: &Request, now: i64) -> Result<Answer, SearchError> {
    let pipes = request.query.pipes();
    match pipes.iter().position(Pipe::is_aggregation) {
        None => ask_until(snapshot, request, pipes.len()),
        Some(0) => table([(snapshot, &[]), (snapshot, &[])], request, now),
        // What stands before the aggregation chooses the entries it works on.
        Some(place) => {
            let chosen = ask_until(snapshot, request, place)?;
            table_of(chosen, request, &pipes[place..])
        }
    }
}

/// The entries that so many pipes, none of which aggregates, choose and put in order.
pub fn ask_until(snapshot: &Snapshot, request: &Request, place: usize) -> Result<Answer, SearchError> {
    entries(snapshot, request, request.query.pipes().get(..place).unwrap_or_default())
}

/// Goes on with chosen entries at the pipe of this place. None behind it is `context`.
pub fn ask_from(mut answer: Answer, request: &Request, place: usize) -> Result<Answer, SearchError> {
    let pipes = request.query.pipes().get(place..).unwrap_or_default();
    for (index, pipe) in pipes.iter().enumerate() {
        if pipe.is_aggregation() {
            return table_of(answer, request, &pipes[index..]);
        }
        answer = then(answer, &Snapshot::default(), request, pipe)?;
    }
    Ok(answer)
}

impl Answer {
    /// The answer for machines; `raw` gives the raw texts of entries too.
    pub fn to_json(&self, raw: bool) -> Json {
        let mut answer = json!({
            "next": self.next.map(|cursor| cursor.to_string()),
            "partial": self.partial,
            "effort": self.effort,
        });
        match &self.body {
            Body::Entries(entries) => {
                answer["entries"] =
                    entries.iter().map(|(sequence, entry)| Answer::entry_json(*sequence, entry, raw)).collect();
            }
            Body::Table(table) => answer["table"] = table.to_json(),
        }
        answer
    }

    /// An entry of an answer: it has a name by which it can be asked for again.
    pub fn entry_json(sequence: u64, entry: &Entry, raw: bool) -> Json {
        let mut object = entry.to_json(raw);
        object["id"] = EntryId { time: entry.time, sequence }.to_string().into();
        object
    }
}

fn entries(snapshot: &Snapshot, request: &Request, pipes: &[Pipe]) -> Result<Answer, SearchError> {
    let (keys, rest): (&[SortKey], &[Pipe]) = match pipes {
        [Pipe::Sort(keys), rest @ ..] => (keys, rest),
        _ => (&[], pipes),
    };
    let counts_all = request.query.pipes().iter().any(Pipe::is_aggregation);
    let (limit, is_said) = match rest.first() {
        Some(Pipe::Limit(limit)) => (*limit, true),
        _ if counts_all => (MAX_PIPED, false),
        _ => (request.limit, false),
    };
    let found = match keys {
        [] => find(snapshot, &Request { limit, ..request.clone() })?,
        keys => sorted(snapshot, request, keys, limit)?,
    };
    let is_short = counts_all && !is_said && found.next.is_some();
    let partial = found.partial.map(|cut| cut.to_string());
    let partial =
        partial.or_else(|| is_short.then(|| format!("only {MAX_PIPED} entries were counted; there are more")));
    // A page of sorted entries, or of as many as the question says, has none behind it.
    let next = found.next.filter(|_| keys.is_empty() && !is_said);
    let mut answer = Answer { body: Body::Entries(found.entries), next, partial, effort: found.effort };
    for pipe in rest {
        answer = then(answer, snapshot, request, pipe)?;
    }
    Ok(answer)
}

/// One more pipe on entries, or on the table that `fields` made of them.
fn then(mut answer: Answer, snapshot: &Snapshot, request: &Request, pipe: &Pipe) -> Result<Answer, SearchError> {
    answer.body = match (answer.body, pipe) {
        (Body::Entries(mut entries), Pipe::Limit(limit)) => {
            entries.truncate(*limit);
            Body::Entries(entries)
        }
        (Body::Entries(mut entries), Pipe::Sort(keys)) => {
            entries.sort_by(|a, b| crate::search::sorted::compare(keys, a, b));
            Body::Entries(entries)
        }
        (Body::Entries(entries), Pipe::Context { before, after }) => {
            // What is left of the time.
            let time = request.budget.time.saturating_sub(Duration::from_micros(answer.effort.total_us));
            let meter = Meter::start(&Budget { time, ..request.budget.clone() });
            let around = context::around(snapshot, entries, (*before, *after), &meter)?;
            answer.partial = answer.partial.or_else(|| meter.reason().map(|cut| cut.to_string()));
            Body::Entries(around)
        }
        (Body::Entries(entries), Pipe::Fields(outputs)) => Body::Table(chosen(&entries, outputs)),
        (Body::Table(table), pipe) => Body::Table(table.then(pipe)),
        (body, _) => body,
    };
    Ok(answer)
}

fn chosen(entries: &[(u64, Entry)], outputs: &[Output]) -> Table {
    let column =
        |output: &Output| Column { is_time: output.field.is_time(), ..Column::new(output.name.clone(), Role::Example) };
    let row = |(_, entry): &(u64, Entry)| values(outputs.iter().map(|output| &output.field), entry);
    Table { columns: outputs.iter().map(column).collect(), rows: entries.iter().map(row).collect() }
}

/// The table of chosen entries.
fn table_of(chosen: Answer, request: &Request, pipes: &[Pipe]) -> Result<Answer, SearchError> {
    let Some((first, rest)) = pipes.split_first() else { return Ok(chosen) };
    let limits = limits(request);
    let (Body::Entries(entries), Some(mut aggregation)) =
        (&chosen.body, Aggregation::new(first, request.window, limits))
    else {
        return Err(SearchError::Question("`fields` makes a table; put it behind what counts entries".to_owned()));
    };
    if rest.iter().any(|pipe| matches!(pipe, Pipe::Compare { .. })) {
        return Err(SearchError::Question("`compare` counts all entries; nothing may choose some of them".to_owned()));
    }
    entries.iter().for_each(|(sequence, entry)| aggregation.take(*sequence, entry));
    let partial = chosen.partial.or_else(|| aggregation.is_cut().then(|| groups_cut(request)));
    let mut table = aggregation.finish();
    table.rows.truncate(Aggregation::most(first));
    let table = rest.iter().fold(table, Table::then);
    Ok(Answer { body: Body::Table(table), next: None, partial, effort: chosen.effort })
}

fn limits(request: &Request) -> Limits {
    Limits { groups: request.budget.groups, bytes: request.budget.result_bytes }
}

fn groups_cut(request: &Request) -> String {
    format!(
        "there are more groups than {}, or more of them to remember than fits; some are left out",
        request.budget.groups
    )
}

/// Answers a `request` whose first pipe counts, by what was counted elsewhere: in its window and, where it compares, in the
/// one before. The bundles there are of as much later, as [`spans`] says.
pub fn ask_counted(current: &Counted, earlier: &Counted, request: &Request, now: i64) -> Result<Answer, SearchError> {
    table([current, earlier].map(|counted| (&counted.snapshot, counted.bundles.as_slice())), request, now)
}

/// The window of a question that counts, and how much earlier the one is that it is compared with.
pub fn spans(request: &Request, now: i64) -> Result<(Window, Option<i64>), SearchError> {
    let mut window = request.window.and(window_of(&request.query));
    let Some(Pipe::Compare { before }) = request.query.pipes().get(1) else { return Ok((window, None)) };
    // What is to come has no part in it: the window before ends before now, too.
    window.until = window.until.min(now);
    Ok((window, Some(before.map_or_else(|| length(window), Ok)?)))
}

/// The table of everything that matches, in the window and in the one before.
fn table(of: [(&Snapshot, &[Bundle]); 2], request: &Request, now: i64) -> Result<Answer, SearchError> {
    let meter = Meter::start(&request.budget);
    let Some((first, mut rest)) = request.query.pipes().split_first() else { return find_nothing() };
    let (window, shift) = spans(request, now)?;
    let [(snapshot, bundles), (before, earlier_bundles)] = of;
    let scan = Scan { snapshot, query: &request.query, window, meter: &meter, shift: 0 };
    let (mut table, mut cut, mut effort) = aggregate(&scan, bundles, first, limits(request))?;
    if let Some(shift) = shift {
        let scan = Scan { snapshot: before, shift, ..scan };
        let (earlier, earlier_cut, more) = aggregate(&scan, earlier_bundles, first, limits(request))?;
        table = table.compare(earlier);
        cut |= earlier_cut;
        effort.add(&more);
        rest = rest.get(1..).unwrap_or_default();
    }
    table.rows.truncate(Aggregation::most(first));
    let partial = meter.reason().map(|cut| cut.to_string()).or_else(|| cut.then(|| groups_cut(request)));
    let table = rest.iter().fold(table, Table::then);
    Ok(Answer { body: Body::Table(table), next: None, partial, effort })
}

fn find_nothing() -> Result<Answer, SearchError> {
    Ok(Answer { body: Body::Entries(Vec::new()), next: None, partial: None, effort: Effort::default() })
}

/// How long a window is.
fn length(Window { since, until }: Window) -> Result<i64, SearchError> {
    if since == i64::MIN || since >= until {
        let message = "`compare` needs to know where the window begins: give --since, or say how long before, as in \
                       compare 1d";
        return Err(SearchError::Question(message.to_owned()));
    }
    Ok(until.saturating_sub(since))
}

fn aggregate(
    scan: &Scan<'_>,
    bundles: &[Bundle],
    pipe: &Pipe,
    limits: Limits,
) -> Result<(Table, bool, Effort), SearchError> {
    let make = || {
        Aggregation::new(pipe, scan.window, limits).map(|aggregation| Counting { aggregation, columns: pipe.columns() })
    };
    let Some(mut all) = make() else { return Ok(Default::default()) };
    let (visitors, effort) = scan.run(make)?;
    for visitor in visitors.into_iter().flatten() {
        // Nobody wants the answer: what is left of it is not worth the work.
        if scan.meter.is_cancelled() {
            return Ok((Table::default(), false, effort));
        }
        all.aggregation.merge(visitor.aggregation);
    }
    bundles.iter().for_each(|bundle| all.aggregation.take_bundle(bundle));
    let cut = all.aggregation.is_cut();
    let table = all.aggregation.finish();
    if table.size() > scan.meter.budget().result_bytes {
        scan.meter.cut(Cut::Result(scan.meter.budget().result_bytes));
    }
    Ok((table, cut, effort))
}

/// Takes the hits of one thread.
struct Counting<'p> {
    aggregation: Aggregation<'p>,
    columns: Columns,
}

impl Take for Aggregation<'_> {
    fn row<R: Row>(&mut self, sequence: u64, row: &R) {
        self.take(sequence, row);
    }
}

impl Visit for Option<Counting<'_>> {
    fn hits(&mut self, hits: &mut Hits<'_>) -> Result<(), SearchError> {
        let Some(Counting { aggregation, columns }) = self else { return Ok(()) };
        hits.rows(columns, aggregation)
    }

    fn wants_counts(&self) -> bool {
        self.as_ref().is_some_and(|counting| counting.aggregation.needs_counts_alone())
    }

    fn counts_fit(&self, first: i64, last: i64) -> bool {
        self.as_ref().is_some_and(|counting| counting.aggregation.counts_fit(first, last))
    }

    fn counts(&mut self, first: i64, last: i64, level: Level, count: u64) {
        if let Some(counting) = self {
            counting.aggregation.take_counts(first, last, level, count);
        }
    }
}

/// Whether a query may be used where only conditions make sense.
pub fn without_pipes(query: &Query) -> Result<(), SearchError> {
    match query.pipes().first() {
        Some(pipe) => {
            Err(SearchError::Question(format!("`| {}` has no meaning here, only a condition has", pipe.name())))
        }
        None => Ok(()),
    }
}
