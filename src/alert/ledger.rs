//! What a notifier was told, and what it still has to be told: of each alert and label set the newest state. Nothing is
//! crossed off before the notifier has taken it, so that one that was away gets everything, once. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::rule::{Labels, Notifier};
use crate::sys::clock::SECOND;

/// Notices that are kept for one notifier. Beyond, those that ended longest ago are dropped, and counted.
pub const MAX_ENTRIES: usize = 2_000;
/// Notices in one message.
const MAX_MESSAGE: usize = 200;
/// A message that a notifier answers, but refuses, is tried so often.
const MAX_REFUSALS: u32 = 10;
/// Waits after a failure begin with this and double, up to the most.
const FIRST_WAIT: i64 = SECOND;
const MOST_WAIT: i64 = 300 * SECOND;

/// One alert of one label set, from when it fired. Times are nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub alert: String,
    pub severity: String,
    pub labels: Labels,
    pub summary: String,
    pub value: f64,
    pub fired: i64,
    pub ended: Option<i64>,
    /// Why it ended, where it is not that the value is good again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Notice {
    fn is_of(&self, other: &Notice) -> bool {
        self.alert == other.alert && self.labels == other.labels
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    entries: Vec<Entry>,
    /// Failures since the last success.
    failures: u32,
    /// Nothing is sent before.
    retry_at: i64,
    pub sent: u64,
    pub failed: u64,
    /// Notices that were given up.
    pub dropped: u64,
    pub last_error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    notice: Notice,
    /// Since when the notifier has to be told.
    since: i64,
    told: Option<Told>,
    #[serde(default)]
    refusals: u32,
}

/// What the notifier took last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    at: i64,
    fired: i64,
}

/// What goes out at once: alerts of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub group: Labels,
    pub notices: Vec<Notice>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub error: String,
    /// When the notifier wants to be asked again, in nanoseconds from now.
    pub wait: Option<i64>,
    /// It answered, and does not want this message.
    pub refused: bool,
}

impl Entry {
    /// Whether the notifier does not know it.
    fn is_news(&self) -> bool {
        self.notice.ended.is_some() || self.told.is_none_or(|told| told.fired != self.notice.fired)
    }

    fn is_due(&self, notifier: &Notifier, now: i64) -> bool {
        match (self.is_news(), self.told) {
            (true, _) => now - self.since >= notifier.group_wait,
            (false, Some(told)) => now - told.at >= notifier.repeat,
            (false, None) => false,
        }
    }
}

impl Ledger {
    /// There is something new of an alert.
    pub fn note(&mut self, notice: &Notice, now: i64) {
        match self.entries.iter_mut().find(|entry| entry.notice.is_of(notice)) {
            Some(entry) => {
                entry.notice = notice.clone();
                entry.since = now;
                entry.refusals = 0;
            }
            None => self.entries.push(Entry { notice: notice.clone(), since: now, told: None, refusals: 0 }),
        }
        while self.entries.len() > MAX_ENTRIES {
            let ended = |entry: &Entry| entry.notice.ended.unwrap_or(i64::MAX);
            let oldest = self.entries.iter().enumerate().min_by_key(|(_, entry)| (ended(entry), entry.since));
            let Some((place, _)) = oldest else { break };
            self.entries.remove(place);
            self.dropped += 1;
        }
    }

    /// What fires has another value and summary by now: later messages say that.
    pub fn refresh(&mut self, notice: &Notice) {
        let same = |entry: &&mut Entry| entry.notice.is_of(notice) && entry.notice.ended.is_none();
        if let Some(entry) = self.entries.iter_mut().find(same) {
            entry.notice.value = notice.value;
            entry.notice.summary.clone_from(&notice.summary);
        }
    }

    /// Forgets what nobody has to be told: it ended unheard while it was silenced.
    pub fn tidy(&mut self, is_silenced: impl Fn(&Notice) -> bool) {
        self.entries
            .retain(|entry| entry.notice.ended.is_none() || entry.told.is_some() || !is_silenced(&entry.notice));
    }

    /// The messages that are to be sent now. A message has everything of its group that goes on, and what ended.
    pub fn due(&self, notifier: &Notifier, is_silenced: impl Fn(&Notice) -> bool, now: i64) -> Vec<Message> {
        if now < self.retry_at {
            return Vec::new();
        }
        let mut groups: BTreeMap<Labels, Vec<&Entry>> = BTreeMap::new();
        // Who heard that it fires hears that it ends, silenced or not.
        let speaks =
            |entry: &&Entry| !is_silenced(&entry.notice) || (entry.notice.ended.is_some() && entry.told.is_some());
        for entry in self.entries.iter().filter(speaks) {
            groups.entry(group_of(&entry.notice, &notifier.group_by)).or_default().push(entry);
        }
        let mut messages = Vec::new();
        for (group, mut entries) in groups {
            if !entries.iter().any(|entry| entry.is_due(notifier, now)) {
                continue;
            }
            entries.sort_by_key(|entry| (!entry.is_news(), entry.since));
            let part = |part: &[&Entry]| Message {
                group: group.clone(),
                notices: part.iter().map(|entry| entry.notice.clone()).collect(),
            };
            messages.extend(entries.chunks(MAX_MESSAGE).map(part));
        }
        messages
    }

    /// The notifier has taken a message. What changed meanwhile is still to be told.
    pub fn taken(&mut self, message: &Message, now: i64) {
        (self.failures, self.retry_at, self.last_error) = (0, 0, None);
        self.sent += 1;
        for notice in &message.notices {
            let Some(place) = self.entries.iter().position(|entry| entry.notice.is_of(notice)) else { continue };
            let entry = &mut self.entries[place];
            if notice.ended.is_some() && entry.notice.ended == notice.ended && entry.notice.fired == notice.fired {
                self.entries.remove(place);
            } else {
                entry.told = Some(Told { at: now, fired: notice.fired });
                entry.refusals = 0;
            }
        }
    }

    /// The notifier has not taken a message; `chance`, from 0 to 1, spreads those who try again.
    pub fn not_taken(&mut self, message: &Message, failure: Failure, chance: f64, now: i64) {
        let doubled = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(MOST_WAIT);
        let wait = (doubled as f64 * (0.5 + chance / 2.0)) as i64;
        self.retry_at = now + failure.wait.map_or(wait, |wanted| wanted.clamp(wait, 12 * MOST_WAIT));
        self.failures = self.failures.saturating_add(1);
        self.failed += 1;
        self.last_error = Some(failure.error);
        if failure.refused {
            let of_message = |entry: &Entry| message.notices.iter().any(|notice| entry.notice.is_of(notice));
            self.entries.iter_mut().filter(|entry| of_message(entry)).for_each(|entry| entry.refusals += 1);
            let before = self.entries.len();
            self.entries.retain(|entry| entry.refusals < MAX_REFUSALS);
            self.dropped += (before - self.entries.len()) as u64;
        }
    }

    /// Notices that the notifier has to be told.
    pub fn waiting(&self) -> usize {
        self.entries.iter().filter(|entry| entry.is_news()).count()
    }

    /// Ends what is not known any more: the alert was removed.
    pub fn end_all_but(&mut self, goes_on: impl Fn(&Notice) -> bool, reason: &str, now: i64) {
        for entry in &mut self.entries {
            if entry.notice.ended.is_none() && !goes_on(&entry.notice) {
                entry.notice.ended = Some(now);
                entry.notice.reason = Some(reason.to_owned());
                entry.since = now;
            }
        }
    }
}

fn group_of(notice: &Notice, by: &[String]) -> Labels {
    let value = |label: &String| match label.as_str() {
        "alert" | "alertname" => notice.alert.clone(),
        "severity" => notice.severity.clone(),
        label => notice.labels.get(label).cloned().unwrap_or_default(),
    };
    by.iter().map(|label| (label.clone(), value(label))).collect()
}
