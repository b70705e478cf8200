//! The names of pipes and functions, what people call them elsewhere, and what to say of a name that there is not.

use crate::query::pipe::text::share;
use crate::query::suggest::hint;

/// Words that mean something between names; a name that is one of them stands in quotes.
pub(super) const KEYWORDS: [&str; 4] = ["by", "as", "asc", "desc"];

/// The pipes there are, with an example of each.
const PIPES: [(&str, &str); 11] = [
    ("stats", "stats count(), avg(duration_ms) as mean by service, step(5m)"),
    ("rate", "rate by service, step(5m)"),
    ("failure_rate", "failure_rate by workflow_type"),
    ("top", "top 10 path, status"),
    ("uniq", "uniq logger, event"),
    ("patterns", "patterns 20"),
    ("compare", "compare, or compare 1d"),
    ("context", "context 5, or context before=2 after=8"),
    ("sort", "sort -count, service"),
    ("limit", "limit 20"),
    ("fields", "fields timestamp, message, duration_ms as ms"),
];

/// Other names for pipes, which are read as those.
const SYNONYMS: [(&str, &str); 2] = [("head", "limit"), ("table", "fields")];

/// Names from other languages that slips do not lead to, and what they are here.
const FOREIGN_PIPES: [(&str, &str); 8] = [
    ("aggregate", "stats"),
    ("dedup", "uniq"),
    ("distinct", "uniq"),
    ("order", "sort"),
    ("project", "fields"),
    ("select", "fields"),
    ("summarize", "stats"),
    ("take", "limit"),
];
const CONDITIONS: [&str; 4] = ["filter", "grep", "search", "where"];

const FUNCTIONS: [&str; 10] =
    ["count", "sum", "avg", "min", "max", "quantile", "p95", "median", "count_distinct", "rate"];
const FOREIGN_FUNCTIONS: [(&str, &str); 6] = [
    ("average", "avg"),
    ("dc", "count_distinct"),
    ("distinct", "count_distinct"),
    ("mean", "avg"),
    ("percentile", "quantile"),
    ("uniq", "count_distinct"),
];

/// What `name` is called here, by a table of other names.
fn called<'t>(table: &[(&str, &'t str)], name: &str) -> Option<&'t str> {
    table.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours)
}

/// The pipe that `name` is another name for, or `name` itself.
pub(super) fn ours(name: &str) -> &str {
    called(&SYNONYMS, name).unwrap_or(name)
}

/// An example of a pipe.
pub(super) fn usage(pipe: &str) -> &'static str {
    called(&PIPES, pipe).unwrap_or("stats count() by service")
}

/// The names of all pipes.
fn pipes() -> [&'static str; PIPES.len()] {
    PIPES.map(|(name, _)| name)
}

pub(super) fn pipe_missing() -> String {
    format!("the name of a pipe must follow a `|`: there are: {}", pipes().join(", "))
}

/// The share that `p95` or `p99.9` asks for.
pub(super) fn percentile(word: &str) -> Option<f64> {
    share(word.strip_prefix('p')?)
}

pub(super) fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(&word) || percentile(word).is_some()
}

pub(super) fn unknown_pipe(name: &str) -> String {
    let names = pipes();
    if CONDITIONS.contains(&name) {
        return format!("there is no pipe `{name}`: conditions stand before the first `|`");
    }
    if is_function(name) {
        return format!("`{name}` is a function: write stats {name}(duration_ms)");
    }
    match called(&FOREIGN_PIPES, name) {
        Some(ours) => format!("there is no pipe `{name}`: did you mean `{ours}`? there are: {}", names.join(", ")),
        None => format!("there is no pipe `{name}`: {}; to search for `|`, quote it: \"|\"", hint(name, &names)),
    }
}

pub(super) fn unknown_function(name: &str) -> String {
    match called(&FOREIGN_FUNCTIONS, name) {
        Some(ours) => {
            format!("there is no function `{name}`: did you mean `{ours}`? there are: {}", FUNCTIONS.join(", "))
        }
        None => format!("there is no function `{name}`: {}", hint(name, &FUNCTIONS)),
    }
}
