//! Everything that is remembered of alerts: phases, what notifiers have to be told, silences. It is a value: kept in
//! `data/alerts.json` by `saved`, changed by evaluations here.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::alert::engine::{Change, Phase, step};
use crate::alert::ledger::{Ledger, Notice};
use crate::alert::measure::Heard;
use crate::alert::rule::{Labels, Notifier, Rule, Rules};
use crate::alert::send::alert as describe;
use crate::alert::silence::{MAX_SILENCES, Silence};
use crate::metrics::Sample;
use crate::record::timestamp;

/// Label sets of one alert that are not inactive; of more, those that come later are left out and told.
pub const MAX_LABEL_SETS: usize = 100;
/// Alerts that are over are remembered.
const MAX_HISTORY: usize = 200;
/// Pipelines whose last entry is remembered.
const MAX_HEARD: usize = 10_000;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// By the name of the alert.
    pub alerts: BTreeMap<String, Evaluated>,
    /// By the name of the notifier.
    pub notifiers: BTreeMap<String, Ledger>,
    pub silences: Vec<Silence>,
    next_silence: u64,
    /// What ended, the newest last.
    pub history: VecDeque<Notice>,
    /// Probes that once succeeded, by name and target.
    pub succeeded: BTreeMap<String, String>,
    /// The newest of each source, by pipeline.
    pub heard: BTreeMap<String, Known>,
}

/// What is remembered of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    pub pipeline: String,
    pub at: i64,
}

/// Of one alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evaluated {
    /// Up to when; nanoseconds since the epoch.
    pub until: i64,
    pub instances: Vec<Instance>,
    /// Why the last evaluation gave nothing, or not everything.
    pub problem: Option<String>,
}

/// One label set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    pub labels: Labels,
    #[serde(flatten)]
    pub phase: Phase,
}

impl State {
    /// Takes the samples of one evaluation, or why there are none. Returns whether something changed that must not be
    /// forgotten.
    pub fn evaluate(&mut self, rule: &Rule, taken: Result<Vec<Sample>, String>, now: i64) -> Vec<Notice> {
        let of_rule = self.alerts.entry(rule.name.clone()).or_default();
        of_rule.until = now;
        let (samples, problem) = match taken {
            Ok(samples) => (samples, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let is_known = problem.is_none();
        of_rule.problem = problem;
        let mut samples: BTreeMap<Labels, f64> =
            samples.into_iter().map(|s| (labelled(rule, s.labels), s.value)).collect();
        let mut notices = Vec::new();
        let mut instances = Vec::new();
        for Instance { labels, phase } in of_rule.instances.drain(..) {
            let value = samples.remove(&labels).or(rule.absent.filter(|_| is_known));
            let (after, change) = step(&rule.condition, Some(phase), value, now);
            let last = after.unwrap_or(Phase { value: value.unwrap_or(phase.value), ..phase });
            notices.extend(change.map(|change| notice(rule, &labels, &last, change, now)));
            instances.extend(after.map(|phase| Instance { labels, phase }));
        }
        for (labels, value) in samples {
            let (Some(phase), change) = step(&rule.condition, None, Some(value), now) else { continue };
            if instances.len() >= MAX_LABEL_SETS {
                of_rule.problem = Some(format!("there are more than {MAX_LABEL_SETS} label sets; some are left out"));
                break;
            }
            notices.extend(change.map(|change| notice(rule, &labels, &phase, change, now)));
            instances.push(Instance { labels, phase });
        }
        instances.sort_by(|a, b| a.labels.cmp(&b.labels));
        of_rule.instances = instances;
        notices
    }

    /// Tells notifiers what is new, when it is for them. `now` is the wall clock.
    pub fn tell(&mut self, rules: &Rules, notices: &[Notice], now: i64) {
        for notice in notices {
            for notifier in rules.notifiers.iter().filter(|notifier| notifier.wants(notice)) {
                self.notifiers.entry(notifier.name.clone()).or_default().note(notice, now);
            }
            if notice.ended.is_some() {
                self.history.push_back(notice.clone());
            }
        }
        while self.history.len() > MAX_HISTORY {
            self.history.pop_front();
        }
    }

    /// What fires, as it is now.
    pub fn firing(&self, rule: &Rule) -> Vec<Notice> {
        let instances = self.alerts.get(&rule.name).map_or(&[][..], |evaluated| &evaluated.instances);
        let fires = instances.iter().filter(|instance| instance.phase.fired.is_some());
        fires.map(|instance| notice(rule, &instance.labels, &instance.phase, Change::Fired, 0)).collect()
    }

    /// Messages say the values of now.
    pub fn refresh(&mut self, rule: &Rule) {
        let firing = self.firing(rule);
        for ledger in self.notifiers.values_mut() {
            firing.iter().for_each(|notice| ledger.refresh(notice));
        }
    }

    /// Makes what is remembered fit the rules: what nobody watches any more has ended, and who is new is told what fires.
    pub fn fit(&mut self, rules: &Rules, now: i64) {
        let known = |name: &str| rules.alerts.iter().find(|rule| rule.name == name);
        self.alerts.retain(|name, _| known(name).is_some());
        self.notifiers.retain(|name, _| rules.notifiers.iter().any(|notifier| notifier.name == *name));
        for rule in &rules.alerts {
            if let Some(of_rule) = self.alerts.get_mut(&rule.name) {
                // Labels of the rule may be others now.
                of_rule.instances.retain(|instance| has_all(&instance.labels, &rule.labels));
            }
        }
        let firing: Vec<Notice> = rules.alerts.iter().flat_map(|rule| self.firing(rule)).collect();
        for notifier in &rules.notifiers {
            let is_new = !self.notifiers.contains_key(&notifier.name);
            let ledger = self.notifiers.entry(notifier.name.clone()).or_default();
            let goes_on = |notice: &Notice| {
                let same = |other: &Notice| other.alert == notice.alert && other.labels == notice.labels;
                notifier.wants(notice) && firing.iter().any(same)
            };
            ledger.end_all_but(goes_on, "it is not watched any more", now);
            for notice in firing.iter().filter(|notice| is_new && notifier.wants(notice)) {
                ledger.note(notice, now);
            }
        }
    }

    /// The silence that covers a notice.
    pub fn silence_of(&self, notice: &Notice, now: i64) -> Option<&Silence> {
        self.silences.iter().find(|silence| silence.covers(notice, now))
    }

    pub fn add_silence(&mut self, matchers: Vec<String>, until: i64, reason: &str, now: i64) -> Result<u64, String> {
        self.silences.retain(|silence| silence.until > now);
        if self.silences.len() >= MAX_SILENCES {
            return Err(format!("there are {MAX_SILENCES} silences already; end some"));
        }
        let id = self.next_silence + 1;
        self.silences.push(Silence::new(id, matchers, now, until, reason)?);
        self.next_silence = id;
        Ok(id)
    }

    pub fn end_silence(&mut self, id: u64) -> Result<(), String> {
        let before = self.silences.len();
        self.silences.retain(|silence| silence.id != id);
        match self.silences.len() < before {
            true => Ok(()),
            false => Err(format!("there is no silence {id}; `logmill silence list` shows those there are")),
        }
    }

    /// Remembers when something was heard last.
    pub fn hear(&mut self, heard: Vec<Heard>) {
        for one in heard {
            let known = self.heard.entry(one.source).or_default();
            known.at = one.at.max(known.at);
            known.pipeline = one.pipeline;
        }
        while self.heard.len() > MAX_HEARD {
            let Some(oldest) = self.heard.iter().min_by_key(|(_, known)| known.at).map(|(source, _)| source.clone())
            else {
                break;
            };
            self.heard.remove(&oldest);
        }
    }
}

impl State {
    /// For machines: each alert with its label sets, what ended, silences, and how notifiers are.
    pub fn to_json(&self, rules: &Rules, now: i64) -> Json {
        let silences = self.silences.iter().filter(|silence| silence.until > now);
        let notifier = |notifier: &Notifier| {
            let ledger = self.notifiers.get(&notifier.name).cloned().unwrap_or_default();
            json!({
                "notifier": notifier.name, "sent": ledger.sent, "failed": ledger.failed, "waiting": ledger.waiting(),
                "dropped": ledger.dropped, "error": ledger.last_error,
            })
        };
        json!({
            "alerts": rules.alerts.iter().map(|rule| self.alert_to_json(rule, now)).collect::<Vec<_>>(),
            "history": self.history.iter().rev().map(describe).collect::<Vec<_>>(),
            "notifiers": rules.notifiers.iter().map(notifier).collect::<Vec<_>>(),
            "silences": silences.map(Silence::to_json).collect::<Vec<_>>(),
        })
    }

    fn alert_to_json(&self, rule: &Rule, now: i64) -> Json {
        let evaluated = self.alerts.get(&rule.name).cloned().unwrap_or_default();
        let instance = |instance: &Instance| {
            let phase = &instance.phase;
            let notice = notice(rule, &instance.labels, phase, Change::Fired, now);
            json!({
                "state": if phase.fired.is_some() { "firing" } else { "pending" },
                "labels": instance.labels,
                "summary": notice.summary,
                "value": phase.value,
                "since": timestamp(phase.since),
                "fired": phase.fired.map(timestamp),
                "silenced_by": self.silence_of(&notice, now).map(|silence| silence.id),
            })
        };
        let fires = evaluated.instances.iter().any(|instance| instance.phase.fired.is_some());
        let state = match (fires, evaluated.instances.is_empty()) {
            (true, _) => "firing",
            (false, false) => "pending",
            (false, true) => "inactive",
        };
        json!({
            "alert": rule.name,
            "severity": rule.severity,
            "state": state,
            "instances": evaluated.instances.iter().map(instance).collect::<Vec<_>>(),
            "evaluated": (evaluated.until > 0).then(|| timestamp(evaluated.until)),
            "problem": evaluated.problem,
        })
    }
}

fn has_all(labels: &Labels, some: &Labels) -> bool {
    some.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn labelled(rule: &Rule, mut labels: Labels) -> Labels {
    labels.extend(rule.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    labels
}

fn notice(rule: &Rule, labels: &Labels, phase: &Phase, change: Change, now: i64) -> Notice {
    let summary = rule.summary.fill(&json!({
        "alert": rule.name, "severity": rule.severity, "labels": labels, "value": phase.value,
        "threshold": rule.condition.threshold,
    }));
    Notice {
        alert: rule.name.clone(),
        severity: rule.severity.clone(),
        labels: labels.clone(),
        summary,
        value: phase.value,
        fired: phase.fired.unwrap_or(now),
        ended: (change != Change::Fired).then_some(now),
        reason: (change == Change::Lost).then(|| "there has been no value any more".to_owned()),
    }
}
