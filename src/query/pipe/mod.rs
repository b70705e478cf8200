//! What may stand behind a condition: `level:error | stats count() by service | sort -count | limit 5`.
//!
//! Pipes work from left to right. Before the first aggregation entries flow, behind it the rows of a table whose
//! columns are named by the aggregation. This is only what is asked; `search` does it.

mod flow;
mod lex;
mod names;
mod parse;
mod text;

pub use parse::{MAX_CONTEXT, MAX_FUNCTIONS, MAX_LIMIT, MAX_NAMES, MAX_PIPES, MAX_SPAN};

use crate::query::field::{Field, NAMED};
use crate::record::Columns;

pub(super) use parse::parse;

/// One step behind a `|`. Its `Display` reads back to an equal one.
#[derive(Clone, Debug, PartialEq)]
pub enum Pipe {
    /// `stats count(), avg(duration_ms) as mean by service, step(5m)`: a row for each group.
    Stats { functions: Vec<Function>, by: Vec<Group> },
    /// `top 10 path, status`: the most frequent combinations with their counts, most frequent first.
    Top { limit: usize, by: Vec<Group> },
    /// `rate by service, step(1m)`: entries, known, errors and the entry error rate, for each group.
    Rate { by: Vec<Group> },
    /// `failure_rate by workflow_type`: workflows finished, failed, and their rate, for each group.
    FailureRate { by: Vec<Group> },
    /// `context 5`, `context before=2 after=8`: the entries of the same source around each that matches.
    Context { before: usize, after: usize },
    /// `sort -count, service`. Entries come newest first where nothing is said.
    Sort(Vec<SortKey>),
    /// `limit 20`: no more than so many entries or rows.
    Limit(usize),
    /// `fields timestamp, message`: only these, in this order; the answer is a table.
    Fields(Vec<Output>),
    /// `uniq logger, event`: each combination of values once, with its count, in the order of the values.
    Uniq(Vec<Group>),
    /// `patterns 20`: messages grouped by their shape, with counts and an example, most frequent first.
    Patterns { limit: usize },
    /// `compare`, `compare 1d`: the table of this window beside that of the window before, or of so long before.
    /// Follows an aggregation.
    Compare { before: Option<i64> },
}

/// A function of `stats`, and the name of its column.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub kind: FunctionKind,
    /// `as name`, or the function as written: `count`, `avg_duration_ms`, `p95_duration_ms`.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FunctionKind {
    /// `count()` of entries; `count(field)` of entries that have it.
    Count(Option<Field>),
    Sum(Field),
    Avg(Field),
    /// The smallest number; of texts that are no numbers, the first in order of bytes.
    Min(Field),
    Max(Field),
    /// `quantile(0.95, duration_ms)`, `p95(duration_ms)`, `median(duration_ms)`. In 0 to 1.
    Quantile(f64, Field),
    CountDistinct(Field),
    /// `rate()`: entries a second, of the step where the groups have one, else of the window asked for.
    Rate,
}

/// What to group by.
#[derive(Clone, Debug, PartialEq)]
pub enum Group {
    Field(Field),
    /// `step(5m)`: the start of the step the time is in; steps begin at multiples of so many nanoseconds.
    Step(i64),
}

impl Group {
    /// Its values are points in time.
    pub fn is_time(&self) -> bool {
        match self {
            Group::Field(field) => field.is_time(),
            Group::Step(_) => true,
        }
    }
}

/// A column to put out.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// In entries; behind an aggregation the column is found by `name`.
    pub field: Field,
    /// As written, or as renamed by `as`.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// In entries; behind an aggregation the column is found by `name`.
    pub field: Field,
    /// As written.
    pub name: String,
    /// `-count`: largest first.
    pub descending: bool,
}

/// Columns of a workflow's end: what says that it ended and how, and whose end it was.
const ENDINGS: [&str; 3] = ["event", "workflow_id", "workflow_type"];

impl Pipe {
    /// What must be decoded of entries for this pipe. Behind an aggregation nothing of entries is looked at any more;
    /// where there is none, the entries that are the answer need what is to be shown of them besides.
    pub fn columns(&self) -> Columns {
        match self {
            Pipe::Stats { functions, by } => {
                of_fields(functions.iter().filter_map(|function| function.kind.field())).and(&of_groups(by))
            }
            Pipe::Top { by, .. } | Pipe::Rate { by } | Pipe::Uniq(by) => of_groups(by),
            Pipe::FailureRate { by } => {
                let endings = ENDINGS.map(Field::from_name);
                of_groups(by).and(&of_fields(&endings))
            }
            Pipe::Context { .. } => Field::from_name(NAMED[0]).columns(),
            Pipe::Sort(keys) => of_fields(keys.iter().map(|key| &key.field)),
            Pipe::Fields(outputs) => of_fields(outputs.iter().map(|output| &output.field)),
            Pipe::Patterns { .. } => Field::Message.columns(),
            Pipe::Limit(_) | Pipe::Compare { .. } => Columns::default(),
        }
    }

    /// Makes the rows of a table of entries.
    pub fn is_aggregation(&self) -> bool {
        self.header().is_some()
    }

    /// The columns of an aggregation's table, in their order: the groups, then what was counted.
    pub fn header(&self) -> Option<Vec<String>> {
        let (by, counted): (&[Group], Vec<&str>) = match self {
            Pipe::Stats { functions, by } => (by, functions.iter().map(|function| function.name.as_str()).collect()),
            Pipe::Top { by, .. } | Pipe::Uniq(by) => (by, vec!["count"]),
            Pipe::Rate { by } => (by, vec!["entries", "known", "errors", "error_rate"]),
            Pipe::FailureRate { by } => (by, vec!["finished", "failed", "failure_rate"]),
            Pipe::Patterns { .. } => (&[], vec!["count", "pattern", "example"]),
            Pipe::Context { .. } | Pipe::Sort(_) | Pipe::Limit(_) | Pipe::Fields(_) | Pipe::Compare { .. } => {
                return None;
            }
        };
        Some(by.iter().map(Group::name).chain(counted.into_iter().map(str::to_owned)).collect())
    }

    /// The word it begins with.
    pub fn name(&self) -> &'static str {
        match self {
            Pipe::Stats { .. } => "stats",
            Pipe::Top { .. } => "top",
            Pipe::Rate { .. } => "rate",
            Pipe::FailureRate { .. } => "failure_rate",
            Pipe::Context { .. } => "context",
            Pipe::Sort(_) => "sort",
            Pipe::Limit(_) => "limit",
            Pipe::Fields(_) => "fields",
            Pipe::Uniq(_) => "uniq",
            Pipe::Patterns { .. } => "patterns",
            Pipe::Compare { .. } => "compare",
        }
    }
}

impl FunctionKind {
    /// The field it works on.
    pub fn field(&self) -> Option<&Field> {
        match self {
            FunctionKind::Count(field) => field.as_ref(),
            FunctionKind::Sum(field)
            | FunctionKind::Avg(field)
            | FunctionKind::Min(field)
            | FunctionKind::Max(field)
            | FunctionKind::Quantile(_, field)
            | FunctionKind::CountDistinct(field) => Some(field),
            FunctionKind::Rate => None,
        }
    }
}

impl Group {
    /// The name of its column: the field's full name, or `step`.
    pub fn name(&self) -> String {
        match self {
            Group::Field(field) => field.to_string(),
            Group::Step(_) => "step".to_owned(),
        }
    }
}

fn of_fields<'f>(fields: impl IntoIterator<Item = &'f Field>) -> Columns {
    fields.into_iter().fold(Columns::default(), |columns, field| columns.and(&field.columns()))
}

fn of_groups(groups: &[Group]) -> Columns {
    of_fields(groups.iter().filter_map(|group| match group {
        Group::Field(field) => Some(field),
        Group::Step(_) => None,
    }))
}
