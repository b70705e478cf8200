//! Printing: formats, colour on a terminal only, tables and small plots.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma separated, with a head line
    Csv,
    /// The lines as they stood in the file
    Raw,
}

/// Whether something could not be printed although somebody reads: a full disk, perhaps.
static FAILED: AtomicBool = AtomicBool::new(false);

/// `println!`, except that it does not panic when the output is closed, as by `| head`.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::output::line(format_args!($($text)*)) };
}
pub(super) use outln;

pub fn line(text: std::fmt::Arguments<'_>) {
    if let Err(error) = writeln!(io::stdout(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        FAILED.store(true, Ordering::Relaxed);
    }
}

/// Whether [`line()`] has failed.
pub fn failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}

/// `text` in a terminal's colour, plain elsewhere.
pub fn colour(text: &str, code: &str) -> String {
    if io::stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A word that opens a message on stderr.
pub fn label(text: &str) -> String {
    if io::stderr().is_terminal() { format!("\x1b[1;31m{text}\x1b[0m") } else { text.to_owned() }
}

/// Prints entries given as JSON, oldest first.
pub fn entries(entries: &[Value], format: Format) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match format {
        Format::Json => writeln!(out, "{}", Value::from(entries.to_vec()))?,
        Format::Ndjson => entries.iter().try_for_each(|e| writeln!(out, "{e}"))?,
        Format::Raw => entries.iter().try_for_each(|e| writeln!(out, "{}", e["raw"].as_str().unwrap_or("")))?,
        Format::Csv => {
            writeln!(out, "{}", CSV_COLUMNS.join(","))?;
            entries.iter().try_for_each(|e| writeln!(out, "{}", csv(CSV_COLUMNS.map(|c| cell(&e[c])))))?;
        }
        Format::Table => entries.iter().try_for_each(|e| entry_line(&mut out, e))?,
    }
    out.flush()
}

/// Prints a table given as JSON: its columns, and rows of cells.
pub fn answer_table(answer: &Value, format: Format) -> anyhow::Result<()> {
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(cell).collect::<Vec<_>>();
    let columns = texts(&answer["columns"]);
    let rows = answer["rows"].as_array().map_or(&[][..], Vec::as_slice);
    let object = |row: &Value| {
        let cells = row.as_array().into_iter().flatten().cloned();
        Value::Object(columns.iter().cloned().zip(cells).collect())
    };
    match format {
        Format::Json => outln!("{}", Value::from(rows.iter().map(object).collect::<Vec<_>>())),
        Format::Ndjson => rows.iter().for_each(|row| outln!("{}", object(row))),
        Format::Csv => {
            outln!("{}", csv(columns));
            rows.iter().for_each(|row| outln!("{}", csv(texts(row))));
        }
        Format::Raw => anyhow::bail!("a table has no raw text; take table, json, ndjson or csv"),
        Format::Table => {
            let head: Vec<&str> = columns.iter().map(String::as_str).collect();
            let shown = |row: &Value| texts(row).iter().map(|text| one_line(text)).collect();
            table(&head, &rows.iter().map(shown).collect::<Vec<Vec<String>>>())?;
        }
    }
    Ok(())
}

/// Longest cell of a table for people, in characters.
const MAX_CELL: usize = 120;

fn one_line(text: &str) -> String {
    let line = printable(text.lines().next().unwrap_or(""));
    if line.chars().count() <= MAX_CELL { line } else { line.chars().take(MAX_CELL - 1).chain(['…']).collect() }
}

const CSV_COLUMNS: [&str; 12] = [
    "timestamp",
    "level",
    "service",
    "logger",
    "workflow_id",
    "session_id",
    "workflow_type",
    "agent",
    "event",
    "duration_ms",
    "source",
    "message",
];

fn entry_line(out: &mut impl Write, entry: &Value) -> io::Result<()> {
    let text = |key: &str| entry[key].as_str().unwrap_or("");
    let level = text("level");
    let shown = match level {
        "error" | "critical" | "fatal" => colour(&format!("{level:8}"), "31"),
        "warning" => colour(&format!("{level:8}"), "33"),
        "debug" | "trace" | "unknown" => colour(&format!("{level:8}"), "2"),
        _ => format!("{level:8}"),
    };
    let who = if text("logger").is_empty() { text("service") } else { text("logger") };
    let ids: Vec<&str> = ["workflow_id", "session_id"].map(text).into_iter().filter(|t| !t.is_empty()).collect();
    let ids = if ids.is_empty() { String::new() } else { format!(" [{}]", ids.join(" ")) };
    // Control characters of a hostile line must not reach the terminal.
    let message = printable(text("message"));
    writeln!(out, "{} {shown} {}{} {message}", colour(text("timestamp"), "2"), colour(who, "36"), colour(&ids, "35"))
}

/// The text without control characters, except line ends and tabs.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// A JSON value as a cell.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One CSV record (RFC 4180).
pub fn csv(cells: impl IntoIterator<Item = String>) -> String {
    let quote = |c: String| {
        if c.contains([',', '"', '\n', '\r']) { format!("\"{}\"", c.replace('"', "\"\"")) } else { c }
    };
    cells.into_iter().map(quote).collect::<Vec<_>>().join(",")
}

/// Rows in columns as wide as their widest cell; the first column to the left, the others to the right.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count());
        cells.max().unwrap_or(0).max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let pad = |(i, c): (usize, &String)| match i {
            0 => format!("{c:<width$}", width = widths[i]),
            _ => format!("{c:>width$}", width = widths[i]),
        };
        cells.iter().enumerate().map(pad).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    writeln!(out, "{}", colour(&line(&head), "1"))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}

/// Values as a row of bars, the highest a full one; `None` is a gap.
pub fn bars(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(_) if highest == 0.0 => BARS[0],
        Some(v) => BARS[((v / highest) * 7.0).round() as usize % 8],
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_does_not_reach_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\tc\nd\0"), "a\u{fffd}[2Jb\tc\nd\u{fffd}");
    }

    #[test]
    fn csv_quotes() {
        assert_eq!(csv(["a".to_owned(), "b,c".to_owned(), "d\"e\nf".to_owned()]), "a,\"b,c\",\"d\"\"e\nf\"");
    }

    #[test]
    fn plots() {
        assert_eq!(bars(&[Some(0.0), None, Some(0.5), Some(1.0)]), "▁ ▅█");
        assert_eq!(bars(&[Some(0.0)]), "▁");
    }
}
