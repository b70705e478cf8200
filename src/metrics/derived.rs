//! Numbers that come from entries. They are counted as entries are indexed, saved in the commit that makes those entries
//! durable, and shown as of that commit: after a crash they go on where the entries do, and Prometheus, which takes a
//! number that became smaller for one that began anew, never sees one that was taken back.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::family::Saved;
use crate::metrics::paths::template;
use crate::metrics::workflows::{Memory, Workflows};
use crate::metrics::{Family, Kind};
use crate::pipeline::{Metric, MetricKind};
use crate::record::{Entry, ValueRef};

const REQUESTS: Kind =
    Kind::Histogram(Cow::Borrowed(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]));

/// See the module.
#[derive(Clone, Debug)]
pub struct Derived {
    entries: Family,
    requests: Family,
    request_duration: Family,
    workflows: Workflows,
    /// What pipelines declare, by name.
    declared: BTreeMap<Box<str>, Family>,
    path: String,
}

/// What a commit says of the numbers.
#[derive(Default, Serialize, Deserialize)]
struct State {
    families: BTreeMap<String, Saved>,
    memory: Memory,
}

impl Default for Derived {
    fn default() -> Derived {
        let new = Family::new;
        Derived {
            entries: new(Kind::Counter, "log_entries_total", "Entries by service and level.", &["service", "level"]),
            requests: new(
                Kind::Counter,
                "log_http_requests_total",
                "HTTP requests in logs, by route and status.",
                &["service", "method", "path", "status"],
            ),
            request_duration: new(
                REQUESTS,
                "log_http_request_duration_seconds",
                "How long HTTP requests took, where logs say it.",
                &["service", "method", "path"],
            ),
            workflows: Workflows::default(),
            declared: BTreeMap::new(),
            path: String::new(),
        }
    }
}

impl Derived {
    /// What pipelines declare by now. A family that stays as it was keeps its numbers.
    pub fn declare<'m>(&mut self, metrics: impl IntoIterator<Item = &'m Metric>) {
        let mut before = std::mem::take(&mut self.declared);
        for metric in metrics {
            let mut family = family_of(metric);
            if let Some(old) = before.remove(&metric.name) {
                family.restore(old.save());
            }
            self.declared.entry(metric.name.clone()).or_insert(family);
        }
    }

    /// Goes on from what a commit saved; of what is declared differently now, the numbers begin anew.
    pub fn restore(&mut self, saved: &str) -> Result<(), serde_json::Error> {
        let State { mut families, memory } = serde_json::from_str(saved)?;
        self.workflows.remember(memory);
        for family in self.families_mut() {
            if let Some(saved) = families.remove(&*family.name) {
                family.restore(saved);
            }
        }
        Ok(())
    }

    /// For a commit.
    pub fn save(&self) -> String {
        let families = self.families().map(|family| (family.name.to_string(), family.save())).collect();
        let state = State { families, memory: self.workflows.memory().clone() };
        // Neither has a key that is no text.
        serde_json::to_string(&state).unwrap_or_default()
    }

    /// Counts an entry of a pipeline that declares `metrics`.
    pub fn observe(&mut self, metrics: &[Metric], entry: &Entry) {
        self.entries.add(&[&entry.service, entry.level.name()], 1.0);
        self.workflows.observe(entry);
        self.request(entry);
        for metric in metrics.iter().filter(|metric| metric.query.matches(entry)) {
            if let Some(family) = self.declared.get_mut(&metric.name) {
                count(family, metric, entry);
            }
        }
    }

    fn request(&mut self, entry: &Entry) {
        let (mut method, mut path, mut status) = (None, None, None);
        for (name, value) in entry.fields() {
            match (&**name, value) {
                ("method", ValueRef::Str(text)) => method = Some(text),
                ("path", ValueRef::Str(text)) => path = Some(text),
                ("status", value) => status = value.as_number(),
                _ => {}
            }
        }
        let (Some(method), Some(path)) = (method, path) else { return };
        template(path, &mut self.path);
        if let Some(status) = status.filter(|status| (100.0..600.0).contains(status)) {
            let status = (status as u16).to_string();
            self.requests.add(&[&entry.service, method, &self.path, &status], 1.0);
        }
        if let Some(duration) = entry.duration_ms.filter(|ms| *ms >= 0.0) {
            self.request_duration.observe(&[&entry.service, method, &self.path], duration / 1e3);
        }
    }

    fn families(&self) -> impl Iterator<Item = &Family> {
        let own = [&self.entries, &self.requests, &self.request_duration];
        own.into_iter().chain(self.workflows.families()).chain(self.declared.values())
    }

    fn families_mut(&mut self) -> impl Iterator<Item = &mut Family> {
        let own = [&mut self.entries, &mut self.requests, &mut self.request_duration];
        own.into_iter().chain(self.workflows.families_mut()).chain(self.declared.values_mut())
    }

    /// Everything to show at `now`.
    pub fn published(&self, now: i64) -> Vec<Family> {
        let mut families: Vec<Family> = self.families().cloned().collect();
        let lost = families.iter().map(|family| family.overflowed).sum::<u64>();
        families.extend(self.workflows.gauges(now));
        let help = "Observations that were counted under the labels \"other\", because a metric has too many series.";
        let mut overflowed = Family::new(Kind::Counter, "log_metric_overflows_total", help, &[]);
        overflowed.set(&[], lost as f64);
        families.push(overflowed);
        families
    }
}

fn family_of(metric: &Metric) -> Family {
    let kind = match &metric.kind {
        MetricKind::Counter => Kind::Counter,
        MetricKind::Gauge => Kind::Gauge,
        MetricKind::Histogram(bounds) => Kind::Histogram(Cow::Owned(bounds.to_vec())),
    };
    let labels = metric.labels.iter().map(|(name, _)| Cow::Owned(name.to_string())).collect();
    Family::with_labels(kind, metric.name.to_string().into(), metric.help.to_string().into(), labels)
}

fn count(family: &mut Family, metric: &Metric, entry: &Entry) {
    let value = match &metric.value {
        None => 1.0,
        // An entry without the value, or with one that is no number, has no part in it.
        Some(field) => match field.of(entry).and_then(|found| found.as_number()).filter(|n| n.is_finite()) {
            Some(number) => number,
            None => return,
        },
    };
    let labels: Vec<Cow<'_, str>> = metric.labels.iter().map(|(_, field)| label(field.of(entry))).collect();
    let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
    match metric.kind {
        // A counter never falls.
        MetricKind::Counter => family.add(&labels, value.max(0.0)),
        MetricKind::Gauge => family.set(&labels, value),
        MetricKind::Histogram(_) => family.observe(&labels, value),
    }
}

fn label(found: Option<crate::query::Found<'_>>) -> Cow<'_, str> {
    found.map_or(Cow::Borrowed(""), |found| Cow::Owned(found.to_text().into_owned()))
}
