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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::alert::rule::{Kind, Matcher};

    fn notifier(group_wait: i64, repeat: i64) -> Notifier {
        Notifier {
            name: "n".to_owned(),
            kind: Kind::Command { argv: vec!["true".to_owned()] },
            filter: vec![Matcher::new("alert", "*").unwrap()],
            group_by: vec!["alert".to_owned()],
            group_wait,
            repeat,
            timeout: Duration::from_secs(1),
        }
    }

    fn notice(alert: &str, path: usize, fired: i64, ended: Option<i64>) -> Notice {
        Notice {
            alert: alert.to_owned(),
            severity: "warning".to_owned(),
            labels: Labels::from([("path".to_owned(), path.to_string())]),
            summary: String::new(),
            value: 1.0,
            fired,
            ended,
            reason: None,
        }
    }

    fn loud(_: &Notice) -> bool {
        false
    }

    fn failure(wait: Option<i64>, refused: bool) -> Failure {
        Failure { error: "no".to_owned(), wait, refused }
    }

    #[test]
    fn groups_wait_and_what_goes_on_is_repeated() {
        let (notifier, mut ledger) = (notifier(10, 100), Ledger::default());
        ledger.note(&notice("a", 1, 0, None), 0);
        ledger.note(&notice("a", 2, 5, None), 5);
        ledger.note(&notice("b", 1, 5, None), 5);
        assert_eq!(ledger.due(&notifier, loud, 9), []);
        let messages = ledger.due(&notifier, loud, 10);
        // `b` waits for its own time; the second of `a` comes along.
        assert_eq!(messages.iter().map(|m| m.notices.len()).collect::<Vec<_>>(), [2]);
        ledger.taken(&messages[0], 10);
        assert_eq!(ledger.due(&notifier, loud, 14), []);
        let b = ledger.due(&notifier, loud, 15);
        ledger.taken(&b[0], 15);
        assert_eq!((ledger.due(&notifier, loud, 109), ledger.waiting()), (vec![], 0));
        assert_eq!(ledger.due(&notifier, loud, 110).len(), 1);
        ledger.note(&notice("b", 1, 5, Some(20)), 20);
        let end = ledger.due(&notifier, loud, 30);
        assert_eq!(end[0].notices[0].ended, Some(20));
        ledger.taken(&end[0], 30);
        assert!(ledger.entries.iter().all(|entry| entry.notice.alert == "a"));
    }

    #[test]
    fn what_changes_on_the_way_is_told_later() {
        let (notifier, mut ledger) = (notifier(0, 100), Ledger::default());
        ledger.note(&notice("a", 1, 0, None), 0);
        let first = ledger.due(&notifier, loud, 0);
        ledger.note(&notice("a", 1, 0, Some(1)), 1);
        ledger.taken(&first[0], 2);
        let second = ledger.due(&notifier, loud, 2);
        assert_eq!(second[0].notices[0].ended, Some(1));
        // It fires anew while its end is on the way.
        ledger.note(&notice("a", 1, 3, None), 3);
        ledger.taken(&second[0], 4);
        assert_eq!(ledger.due(&notifier, loud, 4)[0].notices[0].fired, 3);
    }

    #[test]
    fn pauses_grow_and_follow_the_answer() {
        let (notifier, mut ledger) = (notifier(0, 100), Ledger::default());
        ledger.note(&notice("a", 1, 0, None), 0);
        let message = ledger.due(&notifier, loud, 0).remove(0);
        let mut now = 0;
        for seconds in [1, 2, 4, 8] {
            ledger.not_taken(&message, failure(None, false), 1.0, now);
            assert_eq!(ledger.due(&notifier, loud, now + seconds * SECOND - 1), []);
            now += seconds * SECOND;
            assert_eq!(ledger.due(&notifier, loud, now).len(), 1);
        }
        for _ in 0..40 {
            ledger.not_taken(&message, failure(None, false), 1.0, now);
        }
        assert_eq!(ledger.retry_at, now + MOST_WAIT);
        ledger.not_taken(&message, failure(Some(2 * MOST_WAIT), false), 1.0, now);
        assert_eq!(ledger.retry_at, now + 2 * MOST_WAIT);
        ledger.not_taken(&message, failure(Some(i64::MAX), false), 1.0, now);
        assert_eq!(ledger.retry_at, now + 12 * MOST_WAIT);
        ledger.taken(&message, now);
        assert_eq!((ledger.retry_at, ledger.last_error.as_deref()), (0, None));
    }

    #[test]
    fn what_is_refused_again_and_again_is_given_up() {
        let mut ledger = Ledger::default();
        ledger.note(&notice("a", 1, 0, None), 0);
        ledger.note(&notice("b", 1, 0, None), 0);
        let message = Message { group: Labels::new(), notices: vec![notice("a", 1, 0, None)] };
        (0..MAX_REFUSALS).for_each(|_| ledger.not_taken(&message, failure(None, true), 0.0, 0));
        assert_eq!((ledger.waiting(), ledger.dropped), (1, 1));
    }

    #[test]
    fn silences_keep_ends_for_those_who_know_of_the_beginning() {
        let (notifier, mut ledger) = (notifier(0, 100), Ledger::default());
        let quiet = |_: &Notice| true;
        ledger.note(&notice("a", 1, 0, None), 0);
        assert_eq!(ledger.due(&notifier, quiet, 0), []);
        let message = ledger.due(&notifier, loud, 0).remove(0);
        ledger.taken(&message, 0);
        ledger.note(&notice("a", 1, 0, Some(1)), 1);
        ledger.note(&notice("b", 1, 0, Some(1)), 1);
        ledger.tidy(quiet);
        let told: Vec<Message> = ledger.due(&notifier, quiet, 1);
        assert_eq!(told.iter().map(|m| m.notices[0].alert.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(ledger.entries.len(), 1);
    }

    #[test]
    fn a_ledger_is_bounded() {
        let mut ledger = Ledger::default();
        for n in 0..MAX_ENTRIES + 5 {
            ledger.note(&notice("a", n, 0, (n % 2 == 0).then_some(n as i64)), 0);
        }
        assert_eq!((ledger.entries.len(), ledger.dropped), (MAX_ENTRIES, 5));
        // Those that ended first are gone.
        assert!(ledger.entries.iter().all(|entry| entry.notice.ended.is_none_or(|ended| ended >= 10)));
    }

    proptest! {
        /// Whatever the notifier does, in the end it knows the newest state of each, and nothing is left to tell.
        #[test]
        fn in_the_end_everybody_knows(
            events in proptest::collection::vec((0usize..3, any::<bool>(), any::<bool>()), 1..60),
        ) {
            let (notifier, mut ledger) = (notifier(0, i64::MAX), Ledger::default());
            let mut truth: BTreeMap<usize, Notice> = BTreeMap::new();
            let mut known: BTreeMap<usize, Notice> = BTreeMap::new();
            let mut deliver = |ledger: &mut Ledger, works: bool, now: i64| {
                for message in ledger.due(&notifier, loud, now) {
                    if works {
                        ledger.taken(&message, now);
                        known.extend(message.notices.iter().map(|n| (n.labels["path"].parse().unwrap(), n.clone())));
                    } else {
                        ledger.not_taken(&message, failure(None, false), 0.0, now);
                    }
                }
            };
            for (now, (path, fires, works)) in events.iter().enumerate() {
                let now = (now as i64 + 1) * 1_000 * SECOND;
                let is_firing = truth.get(path).is_some_and(|notice| notice.ended.is_none());
                if *fires != is_firing {
                    let fired = if *fires { now } else { truth[path].fired };
                    let news = notice("a", *path, fired, (!fires).then_some(now));
                    ledger.note(&news, now);
                    truth.insert(*path, news);
                }
                deliver(&mut ledger, *works, now);
            }
            deliver(&mut ledger, true, 1_000_000 * SECOND);
            prop_assert_eq!(ledger.waiting(), 0);
            prop_assert_eq!(truth, known);
        }
    }
}
