//! A pipeline as it is written, in TOML, and its compilation.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use regex::Regex;
use serde::Deserialize;
use toml::Spanned;

use crate::parse::{Format, Zone, known};
use crate::pipeline::{ANY, Compiled, PipelineError};
use crate::record::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: Spanned<String>,
    service: Option<String>,
    source: SourceTable,
    #[serde(default)]
    parse: ParseTable,
    #[serde(default)]
    labels: BTreeMap<String, toml::Value>,
    #[serde(default)]
    test: Vec<Spanned<SampleTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    include: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    exclude: Vec<Spanned<String>>,
    #[serde(default)]
    start: Start,
    zone: Option<Spanned<String>>,
    session_id: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Start {
    #[default]
    Beginning,
    End,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ParseTable {
    formats: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleTable {
    source: String,
    zone: Option<Spanned<String>>,
    lines: String,
    entries: Vec<serde_json::Value>,
}

/// Lines, and what they are to become.
#[derive(Debug)]
pub struct Sample {
    /// Line of the definition where it stands.
    pub line: usize,
    pub source: String,
    pub zone: Option<Zone>,
    pub lines: String,
    /// Each names some of what the entry must have.
    pub entries: Vec<serde_json::Value>,
}

/// Where mistakes are reported.
struct Place<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Place<'_> {
    /// Line and column, from 1, of a byte.
    fn at(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> PipelineError {
        let (line, column) = self.at(span.start);
        PipelineError::Wrong { path: self.path.to_owned(), line, column, message: message.into() }
    }
}

pub fn compile(text: &str, path: &Path) -> Result<Compiled, PipelineError> {
    let place = Place { text, path };
    let definition: Definition =
        toml::from_str(text).map_err(|e| place.wrong(e.span().unwrap_or(0..0), e.message()))?;
    let name = name(&place, &definition.name)?;
    let source = definition.source;
    if source.include.get_ref().is_empty() {
        return Err(
            place.wrong(source.include.span(), "include is empty; name at least one glob, such as \"logs/*.log\"")
        );
    }
    Ok(Compiled {
        service: definition.service.as_deref().unwrap_or(&name).into(),
        name,
        path: path.to_owned(),
        include: globs(&place, source.include.get_ref())?,
        exclude: globs(&place, &source.exclude)?,
        start_at_end: matches!(source.start, Start::End),
        zone: zone(&place, source.zone.as_ref())?.unwrap_or_else(Zone::local),
        session_id: source.session_id.map(|s| session_id(&place, &s)).transpose()?,
        formats: formats(&place, definition.parse.formats)?,
        labels: labels(&place, definition.labels)?,
        samples: definition.test.into_iter().map(|t| sample(&place, t)).collect::<Result<_, _>>()?,
    })
}

fn name(place: &Place<'_>, name: &Spanned<String>) -> Result<String, PipelineError> {
    let text = name.get_ref();
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if text.is_empty() || text.len() > 64 || !text.bytes().all(good) {
        return Err(place.wrong(name.span(), format!("{text:?} is no name; use letters, digits, - and _, at most 64")));
    }
    if text == ANY {
        return Err(place.wrong(name.span(), format!("{ANY:?} is the name of the built-in pipeline; use another")));
    }
    Ok(text.clone())
}

fn globs(place: &Place<'_>, globs: &[Spanned<String>]) -> Result<Vec<String>, PipelineError> {
    let check = |glob: &Spanned<String>| match glob::Pattern::new(glob.get_ref()) {
        Ok(_) if !glob.get_ref().is_empty() => Ok(glob.get_ref().clone()),
        Ok(_) => Err(place.wrong(glob.span(), "an empty glob matches nothing")),
        Err(error) => Err(place.wrong(glob.span(), format!("{:?} is no glob: {}", glob.get_ref(), error.msg))),
    };
    globs.iter().map(check).collect()
}

fn zone(place: &Place<'_>, name: Option<&Spanned<String>>) -> Result<Option<Zone>, PipelineError> {
    let Some(name) = name else { return Ok(None) };
    let message =
        || format!("{:?} is no time zone; write \"local\", \"UTC\" or a name like \"Europe/Berlin\"", name.get_ref());
    Zone::from_name(name.get_ref()).map(Some).ok_or_else(|| place.wrong(name.span(), message()))
}

fn session_id(place: &Place<'_>, pattern: &Spanned<String>) -> Result<Regex, PipelineError> {
    let regex = Regex::new(pattern.get_ref()).map_err(|e| place.wrong(pattern.span(), format!("session_id: {e}")))?;
    if regex.captures_len() != 2 {
        let message = "session_id needs exactly one group, around the id: \"/demo_([^/]+)/\"";
        return Err(place.wrong(pattern.span(), message));
    }
    Ok(regex)
}

fn formats(place: &Place<'_>, names: Option<Vec<Spanned<String>>>) -> Result<Vec<Arc<Format>>, PipelineError> {
    let Some(names) = names else { return Ok(known().to_vec()) };
    let list = || known().iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
    let find = |name: &Spanned<String>| {
        let message = || format!("there is no format {:?}; there are {}", name.get_ref(), list());
        let found = known().iter().find(|format| format.name() == name.get_ref());
        found.cloned().ok_or_else(|| place.wrong(name.span(), message()))
    };
    let mut formats = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    formats.retain(|format| !format.is_text());
    formats.extend(known().iter().filter(|format| format.is_text()).cloned());
    Ok(formats)
}

fn labels(place: &Place<'_>, labels: BTreeMap<String, toml::Value>) -> Result<Vec<(Box<str>, Value)>, PipelineError> {
    let value = |(key, value): (String, toml::Value)| {
        let value = match value {
            toml::Value::String(text) => Value::Str(text.into()),
            toml::Value::Integer(number) => Value::Int(number),
            toml::Value::Float(number) => Value::Float(number),
            toml::Value::Boolean(truth) => Value::Bool(truth),
            other => {
                let message =
                    format!("label {key:?} is {}; a label is text, a number or a truth value", other.type_str());
                return Err(place.wrong(0..0, message));
            }
        };
        Ok((key.into(), value))
    };
    labels.into_iter().map(value).collect()
}

fn sample(place: &Place<'_>, table: Spanned<SampleTable>) -> Result<Sample, PipelineError> {
    let (line, _) = place.at(table.span().start);
    let table = table.into_inner();
    let zone = zone(place, table.zone.as_ref())?;
    Ok(Sample { line, source: table.source, zone, lines: table.lines, entries: table.entries })
}
