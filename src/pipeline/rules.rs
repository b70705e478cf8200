//! What a pipeline does with an entry once it is read: fields, labels, routes, filters, sampling, limits.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use regex::Regex;

use crate::parse::place;
use crate::pipeline::limit::{RateLimit, Sampler};
use crate::pipeline::redact::Redactor;
use crate::query::{Field as Asked, Query};
use crate::record::{Entry, Field, Row, Value};

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    /// A filter left it out.
    Filtered,
    /// Sampling left it out.
    Sampled,
    /// More came than a limit lets through.
    Limited,
}

/// The rules of one pipeline, in the order in which they are applied.
#[derive(Debug, Default)]
pub struct Rules {
    pub redactor: Option<Redactor>,
    pub extracts: Vec<Extract>,
    pub renames: Vec<(Box<str>, Box<str>)>,
    pub types: Vec<(Box<str>, FieldType)>,
    /// Fields that every entry gets.
    pub labels: Vec<Field>,
    pub routes: Vec<Route>,
    pub keep: Option<Query>,
    pub drop: Option<Query>,
    pub samples: Vec<Sampling>,
    pub limits: Vec<Limit>,
}

/// Named groups of an expression become fields.
#[derive(Debug)]
pub struct Extract {
    pub from: Asked,
    pub regex: Regex,
}

/// What a field is made into. A value that is not of the type stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    Int,
    Float,
    Bool,
    Text,
}

/// Entries that match get this service and these labels; the first route that matches counts.
#[derive(Debug)]
pub struct Route {
    pub query: Query,
    pub service: Option<Arc<str>>,
    pub labels: Vec<Field>,
}

/// Of the entries that match a share is kept: all of one key, or none.
#[derive(Debug)]
pub struct Sampling {
    pub query: Query,
    pub sampler: Sampler,
    pub by: Option<Asked>,
}

/// Of the entries that match no more than a rate is kept for each key.
#[derive(Debug)]
pub struct Limit {
    pub query: Query,
    /// Shared by all files of the pipeline.
    pub rate: Mutex<RateLimit>,
    pub by: Option<Asked>,
}

impl Rules {
    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.redactor.as_ref().map_or(Cow::Borrowed(text), |redactor| redactor.redact(text))
    }

    /// Whether there are none but redaction.
    pub fn is_empty(&self) -> bool {
        self.extracts.is_empty()
            && self.renames.is_empty()
            && self.types.is_empty()
            && self.labels.is_empty()
            && self.routes.is_empty()
            && self.keep.is_none()
            && self.drop.is_none()
            && self.samples.is_empty()
            && self.limits.is_empty()
    }

    /// Applies all rules but redaction; `now` is when the entry was read, in nanoseconds since the epoch.
    pub fn apply(&self, entry: &mut Entry, now: i64) -> Fate {
        self.extracts.iter().for_each(|extract| extract.apply(entry));
        self.renames.iter().for_each(|(from, to)| rename(entry, from, to));
        self.types.iter().for_each(|(name, kind)| convert(entry, name, *kind));
        entry.fields.extend(self.labels.iter().cloned());
        if let Some(route) = self.routes.iter().find(|route| route.query.matches(entry)) {
            entry.fields.extend(route.labels.iter().cloned());
            if let Some(service) = &route.service {
                entry.service = service.clone();
            }
        }
        self.fate(entry, now)
    }

    fn fate(&self, entry: &Entry, now: i64) -> Fate {
        let is_unwanted = self.keep.as_ref().is_some_and(|keep| !keep.matches(entry));
        if is_unwanted || self.drop.as_ref().is_some_and(|drop| drop.matches(entry)) {
            return Fate::Filtered;
        }
        for sampling in self.samples.iter().filter(|sampling| sampling.query.matches(entry)) {
            if !sampling.keeps(entry) {
                return Fate::Sampled;
            }
        }
        let mut limits = self.limits.iter().filter(|limit| limit.query.matches(entry));
        if limits.all(|limit| limit.allows(entry, now)) { Fate::Kept } else { Fate::Limited }
    }
}

/// What an entry has in a field, as text; nothing where it has none.
fn key(entry: &Entry, by: Option<&Asked>) -> String {
    let found = by.and_then(|field| field.of(entry));
    found.map(|found| found.to_text().into_owned()).unwrap_or_default()
}

impl Sampling {
    /// Without a field to go by, the entry's own text decides.
    fn keeps(&self, entry: &Entry) -> bool {
        match &self.by {
            Some(by) => self.sampler.keep(&key(entry, Some(by))),
            None => self.sampler.keep(&entry.raw()),
        }
    }
}

impl Limit {
    fn allows(&self, entry: &Entry, now: i64) -> bool {
        // Poisoned only by a panic, which ends the process: then nothing is left out.
        self.rate.lock().map_or(true, |mut rate| rate.allow(&key(entry, self.by.as_ref()), now))
    }
}

impl Extract {
    fn apply(&self, entry: &mut Entry) {
        let Some(text) = self.from.of(entry).map(|found| found.to_text().into_owned()) else { return };
        let Some(groups) = self.regex.captures(&text) else { return };
        for name in self.regex.capture_names().flatten() {
            if let Some(group) = groups.name(name) {
                place(entry, name.into(), Value::Str(group.as_str().into()));
            }
        }
    }
}

fn rename(entry: &mut Entry, from: &str, to: &str) {
    if let Some(value) = entry.fields.remove(from, &entry.raw) {
        place(entry, to.into(), value);
    }
}

fn convert(entry: &mut Entry, name: &str, kind: FieldType) {
    let Some(at) = entry.fields.position(name) else { return };
    let Some((_, value)) = entry.fields.at(at, &entry.raw) else { return };
    let text = value.to_text().into_owned();
    let converted = match kind {
        FieldType::Int => text.trim().parse().ok().map(Value::Int),
        FieldType::Float => text.trim().parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float),
        FieldType::Bool => match &*text.trim().to_ascii_lowercase() {
            "true" | "yes" | "on" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "off" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        FieldType::Text => Some(Value::Str(text.into())),
    };
    if let Some(converted) = converted {
        entry.fields.set(at, converted);
    }
}
