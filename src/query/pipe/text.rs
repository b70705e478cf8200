//! Pipes as text that reads back to equal pipes.

use std::fmt;

use crate::query::ast::quoted;
use crate::query::field::Field;
use crate::query::lex::name_len;
use crate::query::pipe::names::KEYWORDS;
use crate::query::pipe::{Function, FunctionKind, Group, Output, Pipe, SortKey};

/// A name, bare where it can be.
struct Name<'n>(&'n str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Name(name) = *self;
        let bare = !name.is_empty() && name_len(name) == name.len() && !KEYWORDS.contains(&name);
        if bare { f.write_str(name) } else { quoted(name, f) }
    }
}

/// Items with commas between.
struct List<'l, T>(&'l [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// `by a, b`, or nothing.
struct By<'b>(&'b [Group]);

impl fmt::Display for By<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " by {}", List(self.0)) }
    }
}

/// A span of whole milliseconds, given in nanoseconds, without rounding: `1h30m`.
struct Duration(i64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0 / 1_000_000;
        for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Pipe::Stats { functions, by } => write!(f, " {}{}", List(functions), By(by)),
            Pipe::Top { limit, by } => write!(f, " {limit} {}", List(by)),
            Pipe::Rate { by } | Pipe::FailureRate { by } => By(by).fmt(f),
            Pipe::Context { before, after } if before == after => write!(f, " {before}"),
            Pipe::Context { before, after } => write!(f, " before={before} after={after}"),
            Pipe::Sort(keys) => write!(f, " {}", List(keys)),
            Pipe::Limit(limit) | Pipe::Patterns { limit } => write!(f, " {limit}"),
            Pipe::Fields(outputs) => write!(f, " {}", List(outputs)),
            Pipe::Uniq(by) => write!(f, " {}", List(by)),
            Pipe::Compare { before: None } => Ok(()),
            Pipe::Compare { before: Some(before) } => write!(f, " {}", Duration(*before)),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spellings = spellings(&self.kind);
        match spellings.iter().find(|(_, name)| *name == self.name) {
            Some((call, _)) => f.write_str(call),
            None => {
                let call = spellings.first().map_or("", |(call, _)| call);
                write!(f, "{call} as {}", Name(&self.name))
            }
        }
    }
}

/// The name of the column of a function that was written as `word` and given none.
pub(super) fn default_name(kind: &FunctionKind, word: &str) -> String {
    let mut ways = spellings(kind);
    let as_written = |(call, _): &(String, String)| call.strip_prefix(word).is_some_and(|rest| rest.starts_with('('));
    let index = ways.iter().position(as_written).unwrap_or(0);
    ways.swap_remove(index).1
}

/// The ways to write a function, with the name that each gives its column; at least one.
pub(super) fn spellings(kind: &FunctionKind) -> Vec<(String, String)> {
    let on = |word: &str, field: &Field| (format!("{word}({})", Name(&field.to_string())), format!("{word}_{field}"));
    match kind {
        FunctionKind::Count(None) => vec![("count()".to_owned(), "count".to_owned())],
        FunctionKind::Rate => vec![("rate()".to_owned(), "rate".to_owned())],
        FunctionKind::Count(Some(field)) => vec![on("count", field)],
        FunctionKind::Sum(field) => vec![on("sum", field)],
        FunctionKind::Avg(field) => vec![on("avg", field)],
        FunctionKind::Min(field) => vec![on("min", field)],
        FunctionKind::Max(field) => vec![on("max", field)],
        FunctionKind::CountDistinct(field) => vec![on("count_distinct", field)],
        FunctionKind::Quantile(share, field) => {
            let mut ways = Vec::new();
            if let Some(percent) = percent(*share) {
                ways.push(on(&format!("p{percent}"), field));
            }
            if *share == 0.5 {
                ways.push(on("median", field));
            }
            let call = format!("quantile({share}, {})", Name(&field.to_string()));
            ways.push((call, format!("quantile_{share}_{field}")));
            ways
        }
    }
}

/// The share that `95` or `99.9` percent are, to the last digit; `None` beyond 0 to 100.
pub(super) fn share(percent: &str) -> Option<f64> {
    let digits = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let share: f64 = format!("{percent}e-2").parse().ok().filter(|_| digits)?;
    (0.0..=1.0).contains(&share).then_some(share)
}

/// The percent that [`share`] reads back to the same share, where there are any.
fn percent(of: f64) -> Option<String> {
    let percent: f64 = format!("{of}e2").parse().ok()?;
    let text = percent.to_string();
    (share(&text) == Some(of)).then_some(text)
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Group::Field(field) => Name(&field.to_string()).fmt(f),
            Group::Step(step) => write!(f, "step({})", Duration(*step)),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Field::from_name(&self.name) == self.field {
            return Name(&self.name).fmt(f);
        }
        write!(f, "{} as {}", Name(&self.field.to_string()), Name(&self.name))
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, Name(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_are_exact() {
        let check = |text: &str, want: Option<f64>| assert_eq!(share(text), want, "{text}");
        check("95", Some(0.95));
        check("99.9", Some(0.999));
        check("100", Some(1.0));
        check("0", Some(0.0));
        check("101", None);
        check("9.9.9", None);
        check("", None);
        check("e", None);
        assert_eq!(percent(0.999), Some("99.9".to_owned()));
        assert_eq!(percent(0.07), Some("7".to_owned()));
    }

    #[test]
    fn spans_lose_nothing() {
        let check = |ms: i64, want: &str| assert_eq!(Duration(ms * 1_000_000).to_string(), want);
        check(300_000, "5m");
        check(1500, "1s500ms");
        check(90_061_001, "1d1h1m1s1ms");
    }
}
