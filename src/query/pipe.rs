//! What may stand behind a condition: `level:error | stats count() by service | sort -count | limit 5`.
//!
//! Pipes work from left to right. Before the first aggregation entries flow, behind it the rows of a table whose
//! columns are named by the aggregation. This is only what is asked; `search` does it.

use crate::query::field::Field;

/// One step behind a `|`.
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
