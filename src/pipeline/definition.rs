//! From a pipeline as it is written to one that runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use regex::{Regex, RegexBuilder};
use toml::Spanned;

use crate::parse::{Format, Joins, Layout, Pattern, Zone, known};
use crate::pipeline::formats::Formats;
use crate::pipeline::limit::{RateLimit, Sampler};
use crate::pipeline::metric;
use crate::pipeline::place::Place;
use crate::pipeline::redact::{self, HashKey, Recipe, Redactor};
use crate::pipeline::rules::{Extract, FieldType, Limit, Route, Rules, Sampling};
use crate::pipeline::sample;
use crate::pipeline::tables::{
    Definition, FieldsTable, FormatTable, Joining, LimitTable, RedactTable, RouteTable, SampleTable, Start,
};
use crate::pipeline::{ANY, Compiled, PipelineError};
use crate::query::{Field as Asked, Query};
use crate::record::{Field, Value};
use crate::sys::encoding::Encoding;

/// Bytes a compiled expression may take.
const MAX_EXPRESSION: usize = 1 << 20;
/// Keys that a limit tells apart; beyond, those that waited longest are forgotten.
const MAX_KEYS: usize = 10_000;

pub fn compile(text: &str, path: &Path) -> Result<Compiled, PipelineError> {
    let place = Place { text, path };
    let definition: Definition =
        toml::from_str(text).map_err(|e| place.wrong(e.span().unwrap_or(0..0), e.message()))?;
    let name = name(&place, &definition.name)?;
    let source = definition.source;
    Ok(Compiled {
        service: definition.service.as_deref().unwrap_or(&name).into(),
        name,
        path: path.to_owned(),
        include: globs(&place, source.include.get_ref())?,
        exclude: globs(&place, &source.exclude)?,
        start_at_end: matches!(source.start, Start::End),
        encoding: source.encoding.map(|label| encoding(&place, &label)).transpose()?.flatten(),
        zone: zone(&place, source.zone.as_ref())?.unwrap_or_else(Zone::local),
        session_id: source.session_id.map(|s| session_id(&place, &s)).transpose()?,
        formats: Formats::new(formats(&place, definition.format, definition.parse.formats)?),
        rules: Rules {
            redactor: definition.redact.map(|table| redactor(&place, &table)).transpose()?,
            labels: labels(&place, definition.labels)?,
            routes: definition.route.into_iter().map(|table| route(&place, table)).collect::<Result<_, _>>()?,
            keep: definition.filter.keep.map(|text| query(&place, &text)).transpose()?,
            drop: definition.filter.drop.map(|text| query(&place, &text)).transpose()?,
            samples: definition.sample.into_iter().map(|table| sampling(&place, table)).collect::<Result<_, _>>()?,
            limits: definition.limit.into_iter().map(|table| limit(&place, table)).collect::<Result<_, _>>()?,
            ..fields(&place, definition.fields)?
        },
        metrics: metric::compile(&place, definition.metric)?,
        samples: sample::compile(&place, definition.test)?,
    })
}

fn name(place: &Place<'_>, name: &Spanned<String>) -> Result<String, PipelineError> {
    let text = place.name(name)?;
    if text == ANY {
        return Err(place.wrong(name.span(), format!("{ANY:?} is the name of the built-in pipeline; use another")));
    }
    Ok(text)
}

fn globs(place: &Place<'_>, globs: &[Spanned<String>]) -> Result<Vec<String>, PipelineError> {
    let check = |glob: &Spanned<String>| match glob::Pattern::new(glob.get_ref()) {
        Ok(_) if !glob.get_ref().is_empty() => Ok(glob.get_ref().clone()),
        Ok(_) => Err(place.wrong(glob.span(), "an empty glob matches nothing")),
        Err(error) => Err(place.wrong(glob.span(), format!("{:?} is no glob: {}", glob.get_ref(), error.msg))),
    };
    globs.iter().map(check).collect()
}

pub(super) fn zone(place: &Place<'_>, name: Option<&Spanned<String>>) -> Result<Option<Zone>, PipelineError> {
    let Some(name) = name else { return Ok(None) };
    let message =
        || format!("{:?} is no time zone; write \"local\", \"UTC\" or a name like \"Europe/Berlin\"", name.get_ref());
    Zone::from_name(name.get_ref()).map(Some).ok_or_else(|| place.wrong(name.span(), message()))
}

/// `None` is "auto".
fn encoding(place: &Place<'_>, label: &Spanned<String>) -> Result<Option<Encoding>, PipelineError> {
    let text = label.get_ref();
    if text == "auto" {
        return Ok(None);
    }
    let message =
        || format!("{text:?} is no encoding; write \"auto\", \"utf-16le\", \"latin1\", \"shift_jis\" or the like");
    Encoding::from_label(text).map(Some).ok_or_else(|| place.wrong(label.span(), message()))
}

fn session_id(place: &Place<'_>, pattern: &Spanned<String>) -> Result<Regex, PipelineError> {
    let regex = Regex::new(pattern.get_ref()).map_err(|e| place.wrong(pattern.span(), format!("session_id: {e}")))?;
    if regex.captures_len() != 2 {
        let message = "session_id needs exactly one group, around the id: \"/demo_([^/]+)/\"";
        return Err(place.wrong(pattern.span(), message));
    }
    Ok(regex)
}

/// The formats tried, in order: those of one's own come before the others, and free text is the last.
fn formats(
    place: &Place<'_>,
    tables: Vec<Spanned<FormatTable>>,
    names: Option<Vec<Spanned<String>>>,
) -> Result<Vec<Arc<Format>>, PipelineError> {
    let mut all: Vec<Arc<Format>> = Vec::new();
    for table in tables {
        let at = table.get_ref().name.span();
        let format = own_format(place, table)?;
        if let Some(name) = all.iter().chain(known()).find(|known| known.name() == format.name()) {
            let message = format!("there is a format {:?} already; use another name", name.name());
            return Err(place.wrong(at, message));
        }
        all.push(Arc::new(format));
    }
    all.extend(known().iter().cloned());
    let Some(names) = names else { return Ok(all) };
    let list = || all.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
    let find = |name: &Spanned<String>| {
        let message = || format!("there is no format {:?}; there are {}", name.get_ref(), list());
        let found = all.iter().find(|format| format.name() == name.get_ref());
        found.cloned().ok_or_else(|| place.wrong(name.span(), message()))
    };
    let mut formats = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    formats.retain(|format| !format.is_text());
    formats.extend(known().iter().filter(|format| format.is_text()).cloned());
    Ok(formats)
}

fn own_format(place: &Place<'_>, table: Spanned<FormatTable>) -> Result<Format, PipelineError> {
    let span = table.span();
    let table = table.into_inner();
    let joins = match table.joins {
        Joining::All => Joins::All,
        Joining::Indented => Joins::Indented,
    };
    let name = name(place, &table.name)?;
    match (table.pattern, table.layouts) {
        (Some(text), layouts) if layouts.is_empty() => {
            let wrong = |message| place.wrong(text.span(), format!("pattern: {message}"));
            Ok(Format::of_pattern(&name, joins, Pattern::new(text.get_ref()).map_err(wrong)?))
        }
        (None, layouts) if !layouts.is_empty() => {
            let layouts = layouts.iter().map(|text| layout(place, text)).collect::<Result<_, _>>()?;
            Ok(Format::of_layouts(&name, joins, layouts))
        }
        _ => {
            let message = "a format needs either layouts or a pattern: layouts = [\"{time} {level} {message}\"]";
            Err(place.wrong(span, message))
        }
    }
}

fn layout(place: &Place<'_>, text: &Spanned<String>) -> Result<Layout, PipelineError> {
    Layout::new(text.get_ref()).map_err(|error| place.wrong_inside(text.span(), error.at, format!("layout: {error}")))
}

fn query(place: &Place<'_>, text: &Spanned<String>) -> Result<Query, PipelineError> {
    let query = place.query(text)?;
    match query.pipes().is_empty() {
        true => Ok(query),
        false => {
            Err(place.wrong(text.span(), "a pipeline's query only chooses entries; leave out what is behind the |"))
        }
    }
}

pub(super) fn query_or_all(place: &Place<'_>, text: Option<&Spanned<String>>) -> Result<Query, PipelineError> {
    text.map_or_else(|| Ok(Query::all()), |text| query(place, text))
}

fn expression(place: &Place<'_>, text: &Spanned<String>) -> Result<Regex, PipelineError> {
    let built = RegexBuilder::new(text.get_ref()).size_limit(MAX_EXPRESSION).build();
    built.map_err(|error| place.wrong(text.span(), error.to_string()))
}

fn redactor(place: &Place<'_>, table: &RedactTable) -> Result<Redactor, PipelineError> {
    let recipe = |name: &Spanned<String>| {
        let list = || Recipe::ALL.iter().map(|recipe| recipe.name()).collect::<Vec<_>>().join(", ");
        let message = || format!("there is no recipe {:?}; there are {}", name.get_ref(), list());
        Recipe::from_name(name.get_ref()).ok_or_else(|| place.wrong(name.span(), message()))
    };
    let recipes = table.recipes.iter().map(recipe).collect::<Result<Vec<_>, _>>()?;
    let compile = |(name, text): (&String, &Spanned<String>)| {
        let regex = redact::compile(text.get_ref()).map_err(|error| place.wrong(text.span(), error.to_string()))?;
        Ok((name.clone(), regex))
    };
    let patterns = table.patterns.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
    let key = table.hash_key_file.as_ref().map(|file| hash_key(place, file)).transpose()?;
    Ok(Redactor::new(&recipes, &patterns, key))
}

fn hash_key(place: &Place<'_>, file: &Spanned<String>) -> Result<HashKey, PipelineError> {
    let name = file.get_ref();
    let wrong = |why: String| {
        place.wrong(file.span(), format!("{name}: {why}; make a key with: openssl rand -hex 16 > {name}"))
    };
    let text = std::fs::read_to_string(name).map_err(|error| wrong(error.to_string()))?;
    HashKey::from_hex(text.trim()).ok_or_else(|| wrong("is not 32 hexadecimal digits".to_owned()))
}

fn fields(place: &Place<'_>, table: FieldsTable) -> Result<Rules, PipelineError> {
    let extract = |table: crate::pipeline::tables::ExtractTable| {
        let regex = expression(place, &table.pattern)?;
        if regex.capture_names().flatten().next().is_none() {
            let message = "an extraction needs a named group: order (?P<order>[0-9]+)";
            return Err(place.wrong(table.pattern.span(), message));
        }
        Ok(Extract { from: Asked::from_name(&table.from), regex })
    };
    let kind = |(name, kind): (String, Spanned<String>)| {
        let found = match &**kind.get_ref() {
            "int" => FieldType::Int,
            "float" => FieldType::Float,
            "bool" => FieldType::Bool,
            "text" => FieldType::Text,
            other => {
                return Err(
                    place.wrong(kind.span(), format!("there is no type {other:?}; there are int, float, bool, text"))
                );
            }
        };
        Ok((name.into(), found))
    };
    Ok(Rules {
        extracts: table.extract.into_iter().map(extract).collect::<Result<_, _>>()?,
        renames: table.rename.into_iter().map(|(from, to)| (from.into(), to.into())).collect(),
        types: table.types.into_iter().map(kind).collect::<Result<_, _>>()?,
        ..Rules::default()
    })
}

fn route(place: &Place<'_>, table: RouteTable) -> Result<Route, PipelineError> {
    Ok(Route {
        query: query(place, &table.query)?,
        service: table.service.map(Arc::from),
        labels: labels(place, table.labels)?,
    })
}

fn sampling(place: &Place<'_>, table: SampleTable) -> Result<Sampling, PipelineError> {
    let keep = *table.keep.get_ref();
    if !(0.0..=1.0).contains(&keep) {
        return Err(place.wrong(table.keep.span(), format!("keep is {keep}; it is a share from 0 to 1")));
    }
    let query = query_or_all(place, table.query.as_ref())?;
    Ok(Sampling { query, sampler: Sampler::new(keep), by: table.by.as_deref().map(Asked::from_name) })
}

fn limit(place: &Place<'_>, table: LimitTable) -> Result<Limit, PipelineError> {
    let per_second = *table.per_second.get_ref();
    if !(per_second > 0.0 && per_second <= 1e9) {
        let message = format!("per_second is {per_second}; it is a number of entries above 0, at most 1e9");
        return Err(place.wrong(table.per_second.span(), message));
    }
    // By default a second's worth may come at once.
    let burst = table.burst.unwrap_or(per_second.ceil() as u32).max(1);
    let rate = Mutex::new(RateLimit::new(per_second, burst, MAX_KEYS));
    let query = query_or_all(place, table.query.as_ref())?;
    Ok(Limit { query, rate, by: table.by.as_deref().map(Asked::from_name) })
}

fn labels(place: &Place<'_>, labels: BTreeMap<Spanned<String>, toml::Value>) -> Result<Vec<Field>, PipelineError> {
    let value = |(key, value): (Spanned<String>, toml::Value)| {
        let value = match value {
            toml::Value::String(text) => Value::Str(text.into()),
            toml::Value::Integer(number) => Value::Int(number),
            toml::Value::Float(number) => Value::Float(number),
            toml::Value::Boolean(truth) => Value::Bool(truth),
            other => {
                let kind = other.type_str();
                let message =
                    format!("label {:?} is {kind}; a label is text, a number or a truth value", key.get_ref());
                return Err(place.wrong(key.span(), message));
            }
        };
        Ok((key.into_inner().into(), value))
    };
    labels.into_iter().map(value).collect()
}
