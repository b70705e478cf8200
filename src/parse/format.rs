//! A format: how the first line of an entry is recognised, what it says, and which further lines belong to it.

use std::sync::{Arc, LazyLock};

use smol_str::SmolStr;

use super::catalog::catalog;
use super::clock::Clock;
use super::home::{Slots, is_nothing};
use super::layout::{Head, Layout};
use super::names::Names;
use super::pattern::Pattern;
use super::{first_line, head, ids, inside, json, logfmt};
use crate::record::{Entry, Level, LevelSource, Text};

/// Which lines join an entry, of those that begin none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// All of them.
    All,
    /// Indented ones and the lines of a traceback.
    Indented,
}

#[derive(Debug)]
pub struct Format {
    name: Box<str>,
    joins: Joins,
    /// Its messages are lines of programs that have forms of their own.
    carries_lines: bool,
    /// What its second line is, if that belongs to the first whatever it looks like.
    below: Below,
    shape: Shape,
}

/// A second line that would begin an entry elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    Nothing,
    /// The entry's level stands at its head.
    Level,
    /// Who asked MySQL.
    User,
}

#[derive(Debug)]
enum Shape {
    Json,
    Logfmt,
    Layouts(Vec<Layout>),
    Pattern(Box<Pattern>),
    /// The JSON form of an entry, which becomes this entry again.
    Record,
    Text,
}

/// All formats that are known by themselves, in the order they are tried; free text is the last.
pub fn known() -> &'static [Arc<Format>] {
    static KNOWN: LazyLock<Vec<Arc<Format>>> = LazyLock::new(|| {
        let described = catalog().map(|format| {
            // A test compiles them all.
            let layouts = format.layouts.iter().filter_map(|text| compile(text).ok()).collect();
            Format {
                carries_lines: format.name.starts_with("syslog"),
                below: match format.name {
                    "jul" => Below::Level,
                    "mysql_slow" => Below::User,
                    _ => Below::Nothing,
                },
                ..Format::of_layouts(format.name, format.joins, layouts)
            }
        });
        let plain = |name: &str, shape| Format::new(name, Joins::Indented, shape);
        let mut formats = vec![plain("json", Shape::Json)];
        formats.extend(described);
        formats.push(plain("logfmt", Shape::Logfmt));
        formats.push(Format::of_text());
        formats.into_iter().map(Arc::new).collect()
    });
    &KNOWN
}

/// A layout, and behind ` => ` the logger of its lines.
pub(super) fn compile(text: &str) -> Result<Layout, super::LayoutError> {
    match text.split_once(" => ") {
        Some((layout, logger)) => Ok(Layout::new(layout)?.with_logger(logger)),
        None => Layout::new(text),
    }
}

impl Format {
    fn new(name: &str, joins: Joins, shape: Shape) -> Format {
        Format { name: name.into(), joins, carries_lines: false, below: Below::Nothing, shape }
    }

    /// A format of one's own.
    pub fn of_layouts(name: &str, joins: Joins, layouts: Vec<Layout>) -> Format {
        Format::new(name, joins, Shape::Layouts(layouts))
    }

    pub fn of_pattern(name: &str, joins: Joins, pattern: Pattern) -> Format {
        Format::new(name, joins, Shape::Pattern(Box::new(pattern)))
    }

    /// Entries in their JSON form, one a line: what the receiving side keeps.
    pub fn of_records() -> Format {
        Format::new("record", Joins::Indented, Shape::Record)
    }

    /// What no other format takes.
    pub fn of_text() -> Format {
        Format::new("text", Joins::Indented, Shape::Text)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Free text: what no other format takes.
    pub fn is_text(&self) -> bool {
        matches!(self.shape, Shape::Text)
    }

    /// Of the format's layouts those that lines can have that begin with the byte, and the characters that every such
    /// line has somewhere, for [`Head::has`]. Formats of another kind count as one layout.
    pub fn candidates(&self, byte: u8) -> Vec<(usize, u64)> {
        let can_begin = match &self.shape {
            Shape::Json | Shape::Record => byte == b'{',
            Shape::Logfmt => logfmt::can_begin_with(byte),
            Shape::Pattern(_) | Shape::Text => true,
            Shape::Layouts(layouts) => {
                let having = layouts.iter().enumerate().filter(|(_, layout)| layout.can_begin_with(byte));
                return having.map(|(index, layout)| (index, layout.needs())).collect();
            }
        };
        can_begin.then_some((0, 0)).into_iter().collect()
    }

    /// Whether an entry of this format begins with `line`, and what the line says, in `head`, which was cleared for the
    /// line. Of free text: whether there is a time or a level at its head.
    pub fn recognises(&self, line: &str, head: &mut Head) -> bool {
        head.line = line.len();
        match &self.shape {
            Shape::Json | Shape::Record => json::recognises(line),
            Shape::Logfmt => logfmt::recognises(line),
            Shape::Layouts(layouts) => {
                let found = layouts.iter().enumerate().position(|(index, layout)| {
                    // Lines come in runs of the first layout mostly, which needs no filter.
                    (index == 0 || head.has(layout.needs(), line)) && layout.matches(line, head)
                });
                head.layout = found.unwrap_or(0);
                found.is_some()
            }
            Shape::Pattern(pattern) => pattern.matches(line, head),
            Shape::Text => head::look(line, head),
        }
    }

    /// The same of the first line of a text, for a head that knows another.
    pub fn recognises_again(&self, text: &str, head: &mut Head) -> bool {
        head.clear();
        self.recognises(first_line(text), head)
    }

    /// The same for one of its [candidates](Format::candidates).
    pub fn recognises_as(&self, layout: usize, line: &str, head: &mut Head) -> bool {
        match &self.shape {
            Shape::Layouts(layouts) => {
                (head.line, head.layout) = (line.len(), layout);
                layouts.get(layout).is_some_and(|layout| layout.matches(line, head))
            }
            _ => self.recognises(line, head),
        }
    }

    /// Why a line that is not recognised is none of this format, for people.
    pub fn refusal(&self, line: &str) -> String {
        match &self.shape {
            Shape::Json | Shape::Record => "is no object in braces".to_owned(),
            Shape::Logfmt => "does not begin with pairs of which one is a time, a level or a message".to_owned(),
            Shape::Layouts(layouts) => {
                let stuck = layouts.iter().map(|layout| layout.stuck(line)).max_by_key(|(at, _)| *at);
                let (at, wanted) = stuck.unwrap_or_default();
                let column = line.get(..at).unwrap_or(line).chars().count() + 1;
                format!("column {column} should be {wanted}")
            }
            Shape::Pattern(_) => "the pattern does not match, or its time or level is none".to_owned(),
            Shape::Text => "has no time and no level at its head".to_owned(),
        }
    }

    /// Which lines join an entry that begins with such a line.
    pub fn joins(&self, head: &Head) -> Joins {
        match self.shape {
            // A mere level word at the head may stand in prose.
            Shape::Text if head.stamp.is_some() => Joins::All,
            _ => self.joins,
        }
    }

    /// Whether `line`, which follows the first of an entry, belongs to it whatever it looks like.
    pub fn keeps_below(&self, line: &str) -> bool {
        match self.below {
            Below::Nothing => false,
            Below::Level => line.split_once(':').is_some_and(|(word, _)| below(word).is_some()),
            Below::User => line.starts_with("# User@Host: "),
        }
    }

    /// Fills `entry` from its `raw` text, of whose first line `head` was taken. Time and level stay as they are where
    /// the line has none. Returns false when the text turned out to be of another shape after all.
    pub fn fill(&self, entry: &mut Entry, head: &Head, clock: &mut Clock, names: &mut Names) -> bool {
        let good = match &self.shape {
            Shape::Record => return record(entry),
            Shape::Json => json::fill(entry, clock, names),
            Shape::Logfmt => logfmt::fill(entry, clock, names),
            Shape::Layouts(layouts) => match layouts.get(head.layout) {
                Some(layout) => {
                    apply(entry, head, LevelSource::Field, clock, Some(layout.slots()));
                    if entry.logger.is_none() {
                        entry.logger = layout.logger().cloned();
                    }
                    if self.below == Below::Level {
                        level_below(entry);
                    }
                    if self.carries_lines && entry.level_source == LevelSource::None {
                        level_inside(entry);
                    }
                    true
                }
                None => false,
            },
            Shape::Pattern(pattern) => {
                apply(entry, head, LevelSource::Field, clock, Some(pattern.slots()));
                true
            }
            Shape::Text => {
                apply(entry, head, LevelSource::Head, clock, None);
                true
            }
        };
        if good {
            ids::extract(entry, head.line);
        }
        good
    }
}

/// The entry that was written down, with the time at which this one was read where it does not say when it was.
fn record(entry: &mut Entry) -> bool {
    let object = serde_json::from_str(&entry.raw).ok();
    let Some(written) = object.as_ref().and_then(Entry::from_json) else { return false };
    let read_time = written.read_time.or(entry.read_time);
    *entry = Entry { read_time, ..written };
    true
}

/// Fills an entry with what its first line was found to say.
fn apply(entry: &mut Entry, head: &Head, source: LevelSource, clock: &mut Clock, slots: Option<&Slots>) {
    match &head.stamp {
        Some(stamp) => super::set_time(entry, clock.tell(stamp, false)),
        None => super::set_time(entry, clock.untold()),
    }
    if let Some(level) = head.level {
        entry.level = level;
        entry.level_source = if head.level_at.start == 0 && head.level_at.end > 0 { LevelSource::Head } else { source };
    }
    let raw = std::mem::take(&mut entry.raw);
    let part = |range: &std::ops::Range<u32>| raw.get(range.start as usize..range.end as usize).unwrap_or("");
    entry.logger = head.logger.as_ref().filter(|name| !is_nothing(&raw, name)).map(part).map(SmolStr::from);
    if let Some(slots) = slots {
        slots.put(entry, &raw, &head.fields);
    }
    entry.raw = raw;
    set_message(entry, &head.message, head.line);
}

/// Takes the level from a message that is a line with a form of its own.
fn level_inside(entry: &mut Entry) {
    if let Some(level) = inside::level(first_line(entry.message())) {
        entry.level = level;
        entry.level_source = LevelSource::Head;
    }
}

/// Sets the level, if it is one, as taken from a field.
pub(super) fn set_level(entry: &mut Entry, level: Option<Level>) -> bool {
    if let Some(level) = level {
        entry.level = level;
        entry.level_source = LevelSource::Field;
    }
    level.is_some()
}

/// Takes the level from the second line: `WARNING: low on disk`.
fn level_below(entry: &mut Entry) {
    let start = first_line(&entry.raw).len() + 1;
    let Some((word, message)) = entry.raw.get(start..).and_then(|below| below.split_once(':')) else { return };
    let begin = (entry.raw.len() - message.trim_start_matches(' ').len()) as u32;
    if let Some(level) = below(word) {
        entry.level = level;
        entry.level_source = LevelSource::Field;
        entry.message = Text::Slice(begin..entry.raw.len() as u32);
    }
}

fn below(word: &str) -> Option<Level> {
    Level::from_column(word).or_else(|| translated(word))
}

/// What the Java machine calls its levels in German, French, Spanish, Italian, Japanese and Chinese.
fn translated(word: &str) -> Option<Level> {
    Some(match word.trim().to_uppercase().as_str() {
        "SCHWERWIEGEND" | "GRAVE" | "重大" | "严重" => Level::Error,
        "WARNUNG" | "AVERTISSEMENT" | "ADVERTENCIA" | "AVVERTENZA" | "警告" => Level::Warning,
        "INFORMATION" | "INFOS" | "INFORMACIÓN" | "INFORMAZIONI" | "情報" | "信息" => Level::Info,
        "KONFIGURATION" | "CONFIGURATION" | "FEIN" | "PRÉCIS" | "PRECIS" => Level::Debug,
        "FEINER" | "AM FEINSTEN" | "PLUS PRÉCIS" | "PLUS PRECIS" | "LE PLUS PRÉCIS" | "LE PLUS PRECIS" => {
            Level::Trace
        }
        _ => return None,
    })
}

/// The message: a piece of the first line, which ends at `first`, and all lines that follow.
fn set_message(entry: &mut Entry, message: &std::ops::Range<u32>, first: usize) {
    // RFC 5424 lets messages begin with a byte order mark.
    let has_mark = entry.raw.get(message.start as usize..).is_some_and(|text| text.starts_with('\u{feff}'));
    let message = &(message.start + if has_mark { 3 } else { 0 }..message.end);
    let length = entry.raw.len();
    let (start, end) = (message.start as usize, message.end as usize);
    if end >= first {
        // A head that has its line for itself.
        let is_below = start >= first && first < length && !entry.raw[..first].ends_with([' ', '\t']);
        let start = if is_below { length - entry.raw[first..].trim_start().len() } else { start };
        entry.message = Text::Slice(start as u32..length as u32);
    } else if first == length {
        entry.message = Text::Slice(message.clone());
    } else {
        let (head, rest) = (entry.raw.get(start..end).unwrap_or(""), entry.raw.get(first..).unwrap_or(""));
        entry.message = Text::Owned(format!("{head}{rest}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_compiles_and_names_are_used_once() {
        for described in catalog() {
            for text in described.layouts {
                if let Err(error) = compile(text) {
                    panic!("{}: {text}: {error} at {}", described.name, error.at);
                }
            }
        }
        let mut names: Vec<_> = known().iter().map(|format| format.name()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(known().last().is_some_and(|format| format.is_text()));
    }
}
