//! The alerts' state in a running daemon: changed by the alert thread and by commands, shown by the server, and saved
//! before anybody is told of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use crate::alert::{
    Failure, Measure, Message, Notice, Notifier, Probe, ProbeResult, ProbeTarget, Rule, Rules, State, saved,
};
use crate::daemon::Board;
use crate::daemon::index::{Current, lock};
use crate::daemon::metrics::Numbers;
use crate::metrics::{Family, Kind, Sample};
use crate::record::timestamp;
use crate::store::Shared;
use crate::sys::clock;

/// Samples of a metric that are remembered for `change`.
const MAX_REMEMBERED: usize = 2_000;

/// See the module.
pub struct Desk {
    pub board: Board,
    pub shared: Shared,
    pub current: Current,
    pub data: PathBuf,
    pub numbers: Numbers,
    inner: Mutex<Inner>,
}

pub struct Inner {
    pub state: State,
    /// Something in it is not on disk.
    dirty: bool,
    pub probes: BTreeMap<String, Seen>,
    /// Why the state could not be saved, while it cannot.
    unsaved: Option<String>,
    /// Earlier samples of metrics whose change is watched, by alert.
    earlier: HashMap<String, VecDeque<(i64, Vec<Sample>)>>,
}

/// The last of a probe.
pub struct Seen {
    pub result: ProbeResult,
    pub at: i64,
    /// It succeeded at some time, or must.
    pub counts: bool,
}

impl Desk {
    pub fn open(board: Board, shared: Shared, current: Current, numbers: Numbers, data: PathBuf) -> Desk {
        let (state, problem) = saved::load(&data);
        if let Some(problem) = problem {
            board.error(clock::now(), problem);
        }
        let inner = Inner { state, dirty: false, probes: BTreeMap::new(), unsaved: None, earlier: HashMap::new() };
        Desk { board, shared, current, data, numbers, inner: Mutex::new(inner) }
    }

    /// A poisoned lock only means that a thread panicked; the state changes in whole steps.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what changed. A full disk is told once, and it is tried again.
    pub fn save(&self) {
        let mut inner = self.lock();
        if inner.dirty {
            self.write(&mut inner);
        }
    }

    fn write(&self, inner: &mut Inner) {
        let error = saved::save(&self.data, &inner.state).err().map(|error| {
            format!("{}: cannot be saved, alerts may be told twice: {error}", saved::path(&self.data).display())
        });
        inner.dirty = error.is_some();
        if let Some(error) = error.as_ref().filter(|_| inner.unsaved.is_none()) {
            self.board.error(clock::now(), error.clone());
        }
        inner.unsaved = error;
    }

    pub fn fit(&self, rules: &Rules) {
        let mut inner = self.lock();
        inner.state.fit(rules, clock::now());
        inner.probes.retain(|name, _| rules.probes.iter().any(|probe| probe.name == *name));
        inner.earlier.clear();
        self.write(&mut inner);
    }

    /// Up to when an alert was evaluated.
    pub fn evaluated(&self, name: &str) -> i64 {
        self.lock().state.alerts.get(name).map_or(0, |evaluated| evaluated.until)
    }

    pub fn measure(&self, rule: &Rule, time: i64) -> Result<Vec<Sample>, String> {
        if matches!(rule.measure, Measure::Silence { .. }) {
            self.hear();
        }
        let samples = rule.measure.take(self, time)?;
        match rule.measure {
            Measure::Metric { change: Some(change), .. } => Ok(self.changes(&rule.name, samples, change, time)),
            _ => Ok(samples),
        }
    }

    /// By how much samples are more than they were `change` earlier; nothing of those that nobody knew then.
    fn changes(&self, alert: &str, samples: Vec<Sample>, change: i64, now: i64) -> Vec<Sample> {
        let mut inner = self.lock();
        let earlier = inner.earlier.entry(alert.to_owned()).or_default();
        let then = earlier.iter().take_while(|(time, _)| *time <= now.saturating_sub(change)).count();
        // The last of those that are old enough is the one to compare with.
        earlier.drain(..then.saturating_sub(1));
        let old = earlier.front().filter(|_| then > 0).map(|(_, old)| old.clone()).unwrap_or_default();
        let value = |sample: &Sample| {
            let before = old.iter().find(|other| other.labels == sample.labels)?;
            Some(Sample { labels: sample.labels.clone(), value: sample.value - before.value })
        };
        let changes = samples.iter().filter_map(value).collect();
        earlier.push_back((now, samples));
        while earlier.len() > MAX_REMEMBERED {
            earlier.pop_front();
        }
        changes
    }

    pub fn evaluate(&self, rules: &Rules, rule: &Rule, taken: Result<Vec<Sample>, String>, time: i64) {
        let mut inner = self.lock();
        let of_rule =
            |inner: &Inner| inner.state.alerts.get(&rule.name).map_or((0, 0), |all| (all.until, all.instances.len()));
        let (last, before) = of_rule(&inner);
        let notices = inner.state.evaluate(rule, taken, time);
        inner.state.refresh(rule);
        inner.dirty = true;
        // The first evaluation is where a later start begins to catch up.
        if notices.is_empty() && before == of_rule(&inner).1 && last != 0 {
            return;
        }
        for notice in &notices {
            let word = if notice.ended.is_some() { "over" } else { "firing" };
            tracing::warn!(alert = notice.alert, labels = ?notice.labels, "{word}: {}", notice.summary);
        }
        inner.state.tell(rules, &notices, clock::now());
        self.write(&mut inner);
    }

    pub fn due(&self, notifier: &Notifier) -> Vec<Message> {
        let now = clock::now();
        let mut inner = self.lock();
        let Inner { state, .. } = &mut *inner;
        let Some(mut ledger) = state.notifiers.remove(&notifier.name) else { return Vec::new() };
        let is_silenced = |notice: &Notice| state.silence_of(notice, now).is_some();
        ledger.tidy(is_silenced);
        let messages = ledger.due(notifier, is_silenced, now);
        state.notifiers.insert(notifier.name.clone(), ledger);
        messages
    }

    pub fn sent(&self, notifier: &str, message: &Message, result: Result<(), Failure>) {
        let mut inner = self.lock();
        // A reload may have removed it.
        let Some(ledger) = inner.state.notifiers.get_mut(notifier) else { return };
        let now = clock::now();
        match result {
            Ok(()) => ledger.taken(message, now),
            Err(failure) => {
                if ledger.last_error.as_ref() != Some(&failure.error) {
                    self.board.error(now, format!("notifier {notifier}: {}", failure.error));
                }
                let chance = f64::from(u16::try_from(now / 1_000 % 1_000).unwrap_or(0)) / 1_000.0;
                ledger.not_taken(message, failure, chance, now);
            }
        }
        self.write(&mut inner);
    }

    pub fn probed(&self, probe: &Probe, result: ProbeResult) {
        let mut inner = self.lock();
        let target = match &probe.target {
            ProbeTarget::Http { url } => url.clone(),
            ProbeTarget::Tls { host, port } => format!("{host}:{port}"),
        };
        let known = inner.state.succeeded.get(&probe.name) == Some(&target);
        if result.ok && !known {
            inner.state.succeeded.insert(probe.name.clone(), target);
            self.write(&mut inner);
        }
        let counts = result.ok || known || probe.required;
        inner.probes.insert(probe.name.clone(), Seen { result, at: clock::now(), counts });
    }

    /// Takes over what the index thread heard.
    pub fn hear(&self) {
        let heard = self.board.lock().heard_of();
        let mut inner = self.lock();
        if !heard.is_empty() {
            inner.state.hear(heard);
            inner.dirty = true;
        }
    }

    pub fn add_silence(&self, matchers: Vec<String>, seconds: f64, reason: &str) -> Result<Json, String> {
        let now = clock::now();
        let mut inner = self.lock();
        let until = now.saturating_add((seconds * clock::SECOND as f64) as i64);
        let id = inner.state.add_silence(matchers, until, reason, now)?;
        self.write(&mut inner);
        Ok(json!({ "id": id, "until": timestamp(until) }))
    }

    pub fn end_silence(&self, id: u64) -> Result<Json, String> {
        let mut inner = self.lock();
        inner.state.end_silence(id)?;
        self.write(&mut inner);
        Ok(json!({ "ended": id }))
    }

    /// Everything there is to say of alerts.
    pub fn to_json(&self) -> Json {
        let rules = lock(&self.current).alerts.clone();
        let inner = self.lock();
        let mut all = inner.state.to_json(&rules, clock::now());
        let probe = |probe: &Probe| {
            let seen = inner.probes.get(&probe.name);
            json!({
                "probe": probe.name,
                "state": match seen {
                    Some(seen) if seen.result.ok => "up",
                    Some(seen) if seen.counts => "down",
                    _ => "unknown",
                },
                "at": seen.map(|seen| timestamp(seen.at)),
                "seconds": seen.map(|seen| seen.result.seconds),
                "error": seen.and_then(|seen| seen.result.error.clone()),
                "certificate_expires": seen.and_then(|seen| seen.result.expires).map(timestamp),
            })
        };
        all["probes"] = rules.probes.iter().map(probe).collect();
        all["problem"] = json!(inner.unsaved);
        all
    }

    /// Metrics of alerts, notifiers and probes.
    pub fn families(&self) -> Vec<Family> {
        let new = Family::new;
        let labels = ["alert", "severity", "state"];
        let help = "Label sets of an alert that are pending or firing.";
        let mut alerts = new(Kind::Gauge, "logmill_alerts", help, &labels);
        let help = "Messages that a notifier took, or did not.";
        let mut messages = new(Kind::Counter, "logmill_notifications_total", help, &["notifier", "result"]);
        let mut success = new(Kind::Gauge, "probe_success", "1 when the probe succeeded, 0 when not.", &["probe"]);
        let mut duration = new(Kind::Gauge, "probe_duration_seconds", "How long the probe took.", &["probe"]);
        let help = "When the certificate that the probe was shown ends.";
        let mut expiry = new(Kind::Gauge, "probe_tls_expiry_timestamp_seconds", help, &["probe"]);
        let rules = lock(&self.current).alerts.clone();
        let inner = self.lock();
        for rule in &rules.alerts {
            let instances = inner.state.alerts.get(&rule.name).map_or(&[][..], |all| &all.instances);
            let firing = instances.iter().filter(|instance| instance.phase.fired.is_some()).count();
            for (state, count) in [("pending", instances.len() - firing), ("firing", firing)] {
                alerts.set(&[&rule.name, &rule.severity, state], count as f64);
            }
        }
        for (name, ledger) in &inner.state.notifiers {
            for (result, count) in [("sent", ledger.sent), ("failed", ledger.failed)] {
                messages.set(&[name, result], count as f64);
            }
        }
        // Of what never was there nothing is said.
        for (name, seen) in inner.probes.iter().filter(|(_, seen)| seen.counts) {
            success.set(&[name], f64::from(u8::from(seen.result.ok)));
            duration.set(&[name], seen.result.seconds);
            if let Some(expires) = seen.result.expires {
                expiry.set(&[name], (expires / clock::SECOND) as f64);
            }
        }
        vec![alerts, messages, success, duration, expiry]
    }
}
