//! Finding the template of a raw text: where in it the columns of its entry stand.

use memchr::memmem;

use super::template::{Part, Renderer, Source, Style, Template};
use crate::parse::time::{Stamp, iso, klog, stamp};
use crate::record::{Entry, Text, TimeSource, ValueRef};

/// A piece of the raw text that is a column.
struct Place {
    start: usize,
    end: usize,
    part: Part,
}

/// Places found so far; none overlap.
struct Places<'a> {
    entry: &'a Entry,
    raw: &'a str,
    found: Vec<Place>,
    renderer: Renderer,
}

/// The template of an entry; `None` when there is none that gives its text back.
pub fn derive(entry: &Entry) -> Option<Template> {
    let mut places = Places { entry, raw: &entry.raw, found: Vec::new(), renderer: Renderer::default() };
    places.message();
    places.time();
    places.fields();
    places.level();
    // Source and service are not from the line.
    (2..crate::record::NAMED).for_each(|column| places.named(column));
    let template = places.into_template();
    template.fits(entry, &mut Renderer::default(), &mut String::new()).then_some(template)
}

impl Places<'_> {
    fn add(&mut self, start: usize, end: usize, part: Part) -> bool {
        let is_free = start < end && self.found.iter().all(|p| end <= p.start || start >= p.end);
        if is_free {
            self.found.push(Place { start, end, part });
        }
        is_free
    }

    fn message(&mut self) {
        let message = self.entry.message();
        match &self.entry.message {
            Text::Slice(range) => {
                self.add(range.start as usize, range.end as usize, Part::Message(Style::Plain));
            }
            Text::Owned(_) if !message.is_empty() => {
                for style in [Style::Plain, Style::Json { ascii: true }, Style::Json { ascii: false }] {
                    if self.place(0, &Part::Message(style)).is_some() {
                        break;
                    }
                }
            }
            Text::Owned(_) => {}
        }
    }

    /// Adds the first free place at or behind `from` where the raw text has what a part gives; its end.
    fn place(&mut self, from: usize, part: &Part) -> Option<usize> {
        let mut text = String::new();
        self.renderer.render(part, self.entry, &mut text)?;
        let at = from + memmem::find(self.raw.as_bytes().get(from..)?, text.as_bytes())?;
        self.add(at, at + text.len(), part.clone()).then_some(at + text.len())
    }

    fn time(&mut self) {
        if self.entry.time_source == TimeSource::Read {
            return;
        }
        // Most have this shape, and another would be found in it.
        let _ = self.time_by(iso) || self.time_by(|text| stamp(text).or_else(|| klog(text)));
    }

    /// Adds the first time that `read` reads and that is the entry's.
    fn time_by(&mut self, read: impl Fn(&str) -> Option<(Stamp, usize)>) -> bool {
        let bytes = self.raw.as_bytes();
        let is_start = |at: usize| match (at.checked_sub(1).map(|before| bytes[before]), bytes[at]) {
            (before, b'0'..=b'9') => !before.is_some_and(|b| b.is_ascii_digit()),
            (before, b'A'..=b'Z') => !before.is_some_and(|b| b.is_ascii_alphanumeric()),
            _ => false,
        };
        (0..bytes.len().min(512)).filter(|at| is_start(*at)).any(|at| {
            let Some(text) = self.raw.get(at..) else { return false };
            let style = |(stamp, _)| self.renderer.times.style_of(text, &stamp, self.entry.time);
            let found = read(text).and_then(style);
            found.is_some_and(|(style, length)| self.add(at, at + length, Part::Time(style)))
        })
    }

    fn level(&mut self) {
        let mut text = String::new();
        self.renderer.render(&Part::Level, self.entry, &mut text);
        self.delimited(0, &text, &Part::Level);
    }

    fn named(&mut self, column: usize) {
        if let Some(text) = Source::named(self.entry, column).filter(|t| !t.is_empty()) {
            let text = text.to_owned();
            self.delimited(0, &text, &Part::Named(column as u8));
        }
    }

    /// Adds the first free place at or behind `from` where `text` stands by itself; its end.
    fn delimited(&mut self, from: usize, text: &str, part: &Part) -> Option<usize> {
        let bytes = self.raw.as_bytes();
        let joins = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        let starts: Vec<usize> = memmem::find_iter(bytes.get(from..)?, text.as_bytes()).take(8).collect();
        starts.into_iter().map(|at| (from + at, from + at + text.len())).find_map(|(at, end)| {
            let is_free = !joins(at.checked_sub(1)) && !joins(Some(end)) && self.add(at, end, part.clone());
            is_free.then_some(end)
        })
    }

    /// Fields stand behind their names, or by themselves where no name is, in order; so does the duration.
    fn fields(&mut self) {
        let mut from = 0;
        for place in 0..self.entry.fields.len() {
            let Some((name, value)) = self.entry.fields.at(place, &self.entry.raw) else { break };
            let part = |style| Part::Field(place as u16, style);
            let found = match value_start(self.raw, from, name) {
                Some(start) => self.at(start, value, part),
                None => self.delimited(from, &value.to_text(), &part(Style::Plain)),
            };
            from = found.unwrap_or(from);
        }
        if let Some(duration) = self.entry.duration_ms
            && let Some(start) = value_start(self.raw, 0, "duration_ms")
        {
            self.at(start, ValueRef::Float(duration), Part::Duration);
        }
    }

    /// The end of the value, when it stands at `start` in one of the styles.
    fn at(&mut self, start: usize, value: ValueRef<'_>, part: impl Fn(Style) -> Part) -> Option<usize> {
        let rest = &self.raw[start..];
        styles(value, rest).into_iter().find_map(|style| {
            let part = part(style);
            let mut text = String::new();
            self.renderer.render(&part, self.entry, &mut text)?;
            (rest.starts_with(&text) && self.add(start, start + text.len(), part)).then_some(start + text.len())
        })
    }

    fn into_template(mut self) -> Template {
        self.found.sort_by_key(|place| place.start);
        let mut parts = Vec::with_capacity(self.found.len() * 2 + 1);
        let mut at = 0;
        for place in self.found {
            if place.start > at {
                parts.push(Part::Literal(self.raw[at..place.start].into()));
            }
            parts.push(place.part);
            at = place.end;
        }
        if at < self.raw.len() {
            parts.push(Part::Literal(self.raw[at..].into()));
        }
        Template(parts)
    }
}

/// Where the value of a name begins: behind `"name": `, `"name": "`, or `name=`. Nested names are known by their
/// last part.
fn value_start(raw: &str, from: usize, name: &str) -> Option<usize> {
    let last = name.rsplit('.').next().unwrap_or(name);
    for name in [name, last] {
        let quoted = format!("\"{name}\":");
        if let Some(at) = memmem::find(raw.as_bytes().get(from..)?, quoted.as_bytes()) {
            let at = from + at + quoted.len();
            let blank = usize::from(raw.as_bytes().get(at) == Some(&b' '));
            let quote = usize::from(raw.as_bytes().get(at + blank) == Some(&b'"'));
            return Some(at + blank + quote);
        }
    }
    let assigned = format!("{last}=");
    let at = from + memmem::find(raw.as_bytes().get(from..)?, assigned.as_bytes())? + assigned.len();
    Some(at + usize::from(raw.as_bytes().get(at) == Some(&b'"')))
}

/// Ways in which a value may be written, given the text where it should stand.
fn styles(value: ValueRef<'_>, text: &str) -> Vec<Style> {
    match value {
        ValueRef::Str(_) => vec![Style::Json { ascii: true }, Style::Json { ascii: false }, Style::Plain],
        ValueRef::Float(_) => {
            let number = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'))).next().unwrap_or("");
            let decimals = number.split_once('.').map_or(0, |(_, behind)| behind.len()).min(20);
            vec![Style::Fixed(decimals as u8), Style::Plain]
        }
        _ => vec![Style::Plain],
    }
}
