//! The raw text of entries, made of their other columns.
//!
//! A line of a log is mostly what was read out of it: a time, a level, a logger, a message, fields. So a raw text is
//! stored as a *template*: the pieces that are the same in all lines of its shape, with places for columns between.
//! A template is only used for an entry of which it gives the text back to the byte; a text that fits none is stored
//! as it is.
//!
//! Section `raw`: the number of templates and the templates; codes: 0 for a text stored as it is, otherwise index + 1;
//! a text list of the stored ones. A template is the number of its parts; each part is a byte and what follows it:
//!
//! | byte | part |
//! |---|---|
//! | 0 | literal: length, text |
//! | 1 | time: shape, decimal point (0: none), digits, seconds east of UTC (signed): see `times` |
//! | 2 | level, in capitals |
//! | 3 | message · 4 message, escaped as in JSON beyond ASCII too · 5 message, escaped as in JSON |
//! | 6 | named column: its number |
//! | 7 | field: its place in the line, style · 8 duration: style |
//!
//! A style is 0 for a value as a query would write it, 1 and 2 for a text escaped as in JSON beyond ASCII too or not,
//! 3 + n for a number with n decimals.

use std::fmt::Write;

use super::numbers::{Reader, put, put_signed, put_text};
use super::times::{TimeStyle, TimeWriter, digits};
use crate::record::{Entry, Level, ValueRef};
use crate::store::StoreError;

/// Longest raw text worth a template; most parts it may have.
const MAX_RAW: usize = 16 << 10;
const MAX_PARTS: usize = 256;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    Plain,
    /// As a JSON string's inside; with everything beyond ASCII escaped, or not.
    Json {
        ascii: bool,
    },
    /// With so many decimals.
    Fixed(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Literal(Box<str>),
    Time(TimeStyle),
    Level,
    Message(Style),
    Named(u8),
    Field(u16, Style),
    Duration(Style),
}

/// What a template takes from an entry.
pub trait Source {
    fn time(&self) -> i64;
    fn level(&self) -> Level;
    fn message(&self) -> &str;
    fn named(&self, column: usize) -> Option<&str>;
    /// The value at this place of the line.
    fn field(&self, place: usize) -> Option<ValueRef<'_>>;
    fn duration_ms(&self) -> Option<f64>;
}

impl Source for Entry {
    fn time(&self) -> i64 {
        self.time
    }

    fn level(&self) -> Level {
        self.level
    }

    fn message(&self) -> &str {
        Entry::message(self)
    }

    fn named(&self, column: usize) -> Option<&str> {
        Entry::named(self).get(column)?.1
    }

    fn field(&self, place: usize) -> Option<ValueRef<'_>> {
        self.fields.at(place, &self.raw).map(|(_, value)| value)
    }

    fn duration_ms(&self) -> Option<f64> {
        self.duration_ms
    }
}

/// Writes parts.
#[derive(Debug, Default)]
pub struct Renderer {
    pub times: TimeWriter,
}

impl Renderer {
    /// Appends what a part gives for an entry; `None` when the entry has not what the part takes.
    pub fn render(&mut self, part: &Part, source: &impl Source, out: &mut String) -> Option<()> {
        match part {
            Part::Literal(text) => out.push_str(text),
            Part::Time(style) => self.times.write(source.time(), *style, out)?,
            Part::Level => out.push_str(capitals(source.level())),
            Part::Message(style) => text(source.message(), *style, out)?,
            Part::Named(column) => out.push_str(source.named(usize::from(*column))?),
            Part::Field(place, style) => value(source.field(usize::from(*place))?, *style, out)?,
            Part::Duration(style) => value(ValueRef::Float(source.duration_ms()?), *style, out)?,
        }
        Some(())
    }
}

fn capitals(level: Level) -> &'static str {
    match level {
        Level::Unknown => "UNKNOWN",
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Notice => "NOTICE",
        Level::Warning => "WARNING",
        Level::Error => "ERROR",
        Level::Critical => "CRITICAL",
        Level::Fatal => "FATAL",
    }
}

fn value(value: ValueRef<'_>, style: Style, out: &mut String) -> Option<()> {
    match (value, style) {
        (ValueRef::Str(own), style) => return text(own, style, out),
        (ValueRef::Int(number), Style::Plain) => write!(out, "{number}").ok()?,
        (ValueRef::Float(number), Style::Fixed(decimals)) => fixed(number, decimals, out)?,
        (other, Style::Plain) => out.push_str(&other.to_text()),
        _ => return None,
    }
    Some(())
}

/// As `{:.n}` writes it. Thousandths, which most are, without the general way of formatting.
fn fixed(number: f64, decimals: u8, out: &mut String) -> Option<()> {
    if decimals == 3
        && number.is_sign_positive()
        && let Some(whole) = super::values::thousandths(number)
    {
        write!(out, "{}.", whole / 1000).ok()?;
        digits(whole % 1000, 3, out);
        return Some(());
    }
    write!(out, "{number:.*}", usize::from(decimals)).ok()
}

fn text(text: &str, style: Style, out: &mut String) -> Option<()> {
    match style {
        Style::Plain => out.push_str(text),
        Style::Json { ascii } => escape(text, ascii, out),
        Style::Fixed(_) => return None,
    }
    Some(())
}

/// A JSON string's inside, as Python, serde and most others write it.
fn escape(text: &str, ascii: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 32 || (ascii && !c.is_ascii()) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
}

/// The parts of a raw text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template(pub Vec<Part>);

impl Template {
    /// Whether it gives the entry's raw text back. `buffer` is scratch space.
    pub fn fits(&self, entry: &Entry, renderer: &mut Renderer, buffer: &mut String) -> bool {
        let mut rest: &str = &entry.raw;
        for part in &self.0 {
            // The pieces that cost nothing to compare are compared in place.
            let found = match part {
                Part::Literal(text) => rest.strip_prefix(&**text),
                Part::Message(Style::Plain) => rest.strip_prefix(entry.message()),
                Part::Named(column) => Source::named(entry, usize::from(*column)).and_then(|t| rest.strip_prefix(t)),
                part => {
                    buffer.clear();
                    let rendered = renderer.render(part, entry, buffer);
                    rendered.and_then(|()| rest.strip_prefix(buffer.as_str()))
                }
            };
            let Some(behind) = found else { return false };
            rest = behind;
        }
        rest.is_empty()
    }

    /// The raw text of an entry; `None` when the entry has not what the template takes.
    pub fn render(&self, source: &impl Source, renderer: &mut Renderer) -> Option<String> {
        let mut out = String::with_capacity(256);
        for part in &self.0 {
            renderer.render(part, source, &mut out)?;
        }
        Some(out)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.0.len() as u64);
        for part in &self.0 {
            match part {
                Part::Literal(text) => {
                    out.push(0);
                    put_text(out, text);
                }
                Part::Time(style) => {
                    out.extend([1, style.shape, style.point, style.digits]);
                    put_signed(out, i64::from(style.offset));
                }
                Part::Level => out.push(2),
                Part::Message(Style::Json { ascii: true }) => out.push(4),
                Part::Message(Style::Json { ascii: false }) => out.push(5),
                Part::Message(_) => out.push(3),
                Part::Named(column) => out.extend([6, *column]),
                Part::Field(place, style) => {
                    out.push(7);
                    put(out, u64::from(*place));
                    out.push(style_byte(*style));
                }
                Part::Duration(style) => out.extend([8, style_byte(*style)]),
            }
        }
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Template, StoreError> {
        let count = reader.size(MAX_PARTS)?;
        let part = |reader: &mut Reader<'_>| {
            Ok(match reader.byte()? {
                0 => Part::Literal(reader.text()?.into()),
                1 => Part::Time(TimeStyle {
                    shape: reader.byte()?,
                    point: reader.byte()?,
                    digits: reader.byte()?,
                    offset: i32::try_from(reader.signed()?).map_err(|_| StoreError::Block("an offset is too large"))?,
                }),
                2 => Part::Level,
                3 => Part::Message(Style::Plain),
                4 => Part::Message(Style::Json { ascii: true }),
                5 => Part::Message(Style::Json { ascii: false }),
                6 => Part::Named(reader.byte()?),
                7 => Part::Field(reader.size(usize::from(u16::MAX))? as u16, style(reader.byte()?)),
                8 => Part::Duration(style(reader.byte()?)),
                _ => return Err(StoreError::Block("a template has an unknown part")),
            })
        };
        (0..count).map(|_| part(reader)).collect::<Result<_, _>>().map(Template)
    }
}

fn style_byte(style: Style) -> u8 {
    match style {
        Style::Plain => 0,
        Style::Json { ascii: true } => 1,
        Style::Json { ascii: false } => 2,
        Style::Fixed(decimals) => 3 + decimals.min(60),
    }
}

fn style(byte: u8) -> Style {
    match byte {
        0 => Style::Plain,
        1 => Style::Json { ascii: true },
        2 => Style::Json { ascii: false },
        n => Style::Fixed((n - 3).min(60)),
    }
}

/// Whether an entry's raw text is worth looking for a template.
pub fn is_candidate(entry: &Entry) -> bool {
    entry.raw.len() <= MAX_RAW && entry.fields.len() <= MAX_PARTS / 2
}
