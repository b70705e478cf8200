//! Which partitions have to go, and which entries leave earlier. Decided purely, then done.
//!
//! Whole partitions go, oldest first. Entries that a rule lets go earlier leave when their partition is sealed, and
//! when the last of its entries is older than the rule says: then it is packed once more. Nothing from the time of a
//! hold goes.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::query::Query;
use crate::record::timestamp;
use crate::store::seal::Drop;
use crate::store::{PartitionInfo, StoreError};
use crate::sys::atomic::sync_folder_of;
use crate::sys::units::{Bytes, Span};

/// What to keep within. `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retention {
    /// A partition goes when its newest entry is older.
    pub max_age: Option<Span>,
    /// All partitions together, the active one included.
    pub max_bytes: Option<Bytes>,
    /// Free space on the file system.
    pub min_free: Option<Bytes>,
    pub rules: Vec<Rule>,
    pub holds: Vec<Hold>,
}

/// Entries that match leave when they are older.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub query: Query,
    pub max_age: Span,
}

/// Nothing from these times goes: from `since` on, before `until`; nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub since: i64,
    pub until: i64,
    pub reason: String,
}

/// Why a partition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Age(Span),
    Bytes(Bytes),
    Free(Bytes),
    /// Rules took its last entry.
    Empty,
}

/// A partition that has to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub partition: PartitionInfo,
    pub reason: Reason,
}

/// What has to go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Oldest first.
    pub removals: Vec<Removal>,
    /// What would, and why it stays.
    pub held: Vec<(Removal, String)>,
}

/// How a partition is to be packed.
#[derive(Clone, Debug, Default)]
pub struct Packing {
    pub drops: Vec<Drop>,
    /// The rules that need not be looked at again, by their text.
    pub applied: Vec<String>,
}

impl Plan {
    /// For machines: in words.
    pub fn to_json(&self) -> serde_json::Value {
        let held = |(removal, why): &(Removal, String)| format!("{removal}, but it is {why}");
        serde_json::json!({
            "removals": self.removals.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "held": self.held.iter().map(held).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = &self.partition;
        write!(f, "partition {:06} ({}): ", partition.number, Bytes(partition.bytes))?;
        match self.reason {
            Reason::Age(age) => write!(f, "its newest entry is older than max_age = {age}"),
            Reason::Bytes(max) => write!(f, "all partitions together exceed max_bytes = {max}"),
            Reason::Free(min) => write!(f, "the disk has less free than min_free = {min}"),
            Reason::Empty => f.write_str("the rules of retention took its last entry"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} older than {}", self.query, self.max_age)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held from {} to {}: {}", timestamp(self.since), timestamp(self.until), self.reason)
    }
}

impl Hold {
    fn covers(&self, partition: &PartitionInfo) -> bool {
        let (Some(oldest), Some(newest)) = (partition.oldest_time, partition.newest_time) else { return false };
        newest >= self.since && oldest < self.until
    }
}

impl Retention {
    /// What has to go, given the partitions in order, free bytes, and the time. The partition being written never
    /// goes, nor does one of which `needed` says why somebody still needs it.
    pub fn plan(
        &self,
        partitions: &[PartitionInfo],
        free: u64,
        now: i64,
        needed: &dyn Fn(u64) -> Option<String>,
    ) -> Plan {
        let mut total: u64 = partitions.iter().map(|p| p.bytes).sum();
        let mut free = free;
        let mut plan = Plan::default();
        for partition in partitions.iter().filter(|p| !p.active) {
            let Some(reason) = self.reason(partition, total, free, now) else { continue };
            let removal = Removal { partition: partition.clone(), reason };
            let hold = self.hold(partition).map(ToString::to_string);
            if let Some(why) = hold.or_else(|| needed(partition.number)) {
                plan.held.push((removal, why));
                continue;
            }
            total -= partition.bytes;
            free += partition.bytes;
            plan.removals.push(removal);
        }
        plan
    }

    fn reason(&self, partition: &PartitionInfo, total: u64, free: u64, now: i64) -> Option<Reason> {
        let is_older = |age: &Span| partition.newest_time.is_some_and(|newest| newest < before(*age, now));
        let by_age = self.max_age.filter(is_older).map(Reason::Age);
        by_age
            .or_else(|| self.max_bytes.filter(|max| total > max.0).map(Reason::Bytes))
            .or_else(|| self.min_free.filter(|min| free < min.0).map(Reason::Free))
            .or_else(|| (partition.generation > 0 && partition.entries == 0).then_some(Reason::Empty))
    }

    fn hold(&self, partition: &PartitionInfo) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.covers(partition))
    }

    /// How a partition that is not written any more is to be packed now; `None` when it may stay as it is. `applied`
    /// are the rules of its last packing, which made it a sealed one.
    pub fn packing(&self, partition: &PartitionInfo, applied: Option<&[String]>, now: i64) -> Option<Packing> {
        if self.hold(partition).is_some() {
            return applied.is_none().then(Packing::default);
        }
        let is_over = |rule: &&Rule| partition.newest_time.is_none_or(|newest| newest < before(rule.max_age, now));
        let over: Vec<&Rule> = self.rules.iter().filter(is_over).collect();
        let is_new = |rule: &&Rule| applied.is_some_and(|applied| !applied.contains(&rule.to_string()));
        let is_due = applied.is_none() || over.iter().any(is_new);
        let drop = |rule: &Rule| Drop { query: rule.query.clone(), before: before(rule.max_age, now) };
        is_due.then(|| Packing {
            drops: self.rules.iter().map(drop).collect(),
            applied: over.iter().map(ToString::to_string).collect(),
        })
    }
}

fn before(age: Span, now: i64) -> i64 {
    now.saturating_sub(age.nanoseconds())
}

/// Removes a partition's folder. It gets another name first, so that a half removed one is never opened.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    let wrong = |source| StoreError::Remove { path: path.to_owned(), source };
    let doomed = path.with_extension("removing");
    fs::rename(path, &doomed).map_err(wrong)?;
    sync_folder_of(path).map_err(wrong)?;
    fs::remove_dir_all(&doomed).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: i64 = 86_400 * 1_000_000_000;

    fn days(days: u64) -> Span {
        Span(Duration::from_secs(days * 86_400))
    }

    /// Partitions of 100 bytes, one a day from day 1; the last is active.
    fn partitions(count: i64) -> Vec<PartitionInfo> {
        let partition = |n: i64| PartitionInfo {
            number: n as u64,
            generation: 0,
            path: format!("{n:06}").into(),
            bytes: 100,
            raw_bytes: 1000,
            entries: 1,
            blocks: 1,
            oldest_time: Some(n * DAY),
            newest_time: Some(n * DAY),
            active: n == count,
        };
        (1..=count).map(partition).collect()
    }

    fn numbers<'a>(removals: impl IntoIterator<Item = &'a Removal>) -> Vec<u64> {
        removals.into_iter().map(|removal| removal.partition.number).collect()
    }

    #[test]
    fn oldest_go_first_and_the_active_one_stays() {
        let check = |age: Option<u64>, bytes: Option<u64>, min_free: Option<u64>, free: u64, want: &[u64]| {
            let retention = Retention {
                max_age: age.map(days),
                max_bytes: bytes.map(Bytes),
                min_free: min_free.map(Bytes),
                ..Retention::default()
            };
            let plan = retention.plan(&partitions(5), free, 6 * DAY, &|_| None);
            assert_eq!(numbers(&plan.removals), want, "{retention:?}");
        };
        check(None, None, None, 0, &[]);
        check(Some(3), None, None, 0, &[1, 2]);
        check(Some(0), None, None, 0, &[1, 2, 3, 4]);
        check(None, Some(500), None, 0, &[]);
        check(None, Some(499), None, 0, &[1]);
        check(None, Some(0), None, 0, &[1, 2, 3, 4]);
        check(None, None, Some(150), 0, &[1, 2]);
        check(None, None, Some(150), 150, &[]);
        check(Some(4), Some(300), Some(0), 0, &[1, 2]);
    }

    #[test]
    fn what_is_held_stays_and_the_next_goes() {
        let hold = |since: i64, until: i64| Hold { since: since * DAY, until: until * DAY, reason: "audit".into() };
        let check = |holds: Vec<Hold>, want: &[u64], held: &[u64]| {
            let retention = Retention { max_bytes: Some(Bytes(300)), holds, ..Retention::default() };
            let plan = retention.plan(&partitions(5), 0, 6 * DAY, &|_| None);
            assert_eq!(
                (numbers(&plan.removals), numbers(plan.held.iter().map(|(r, _)| r))),
                (want.into(), held.into())
            );
        };
        check(vec![], &[1, 2], &[]);
        check(vec![hold(1, 2)], &[2, 3], &[1]);
        check(vec![hold(0, 9)], &[], &[1, 2, 3, 4]);
        check(vec![hold(7, 9)], &[1, 2], &[]);
    }

    #[test]
    fn what_somebody_needs_stays_and_the_next_goes() {
        let retention = Retention { max_bytes: Some(Bytes(300)), ..Retention::default() };
        let needed = |number: u64| (number == 1).then(|| "needed".to_owned());
        let plan = retention.plan(&partitions(5), 0, 6 * DAY, &needed);
        assert_eq!(numbers(&plan.removals), [2, 3]);
        assert_eq!(numbers(plan.held.iter().map(|(removal, _)| removal)), [1]);
        assert!(plan.to_json()["held"][0].as_str().unwrap().ends_with("but it is needed"));
    }

    #[test]
    fn rules_are_applied_when_sealing_and_once_more_when_all_is_old() {
        let rule = |query: &str, age: u64| Rule { query: query.parse().unwrap(), max_age: days(age) };
        let retention =
            Retention { rules: vec![rule("level:debug", 2), rule("service:api", 4)], ..Retention::default() };
        let debug = "level:debug older than 2d".to_owned();
        let api = "service:api older than 4d".to_owned();
        let partition = &partitions(3)[1];
        let check = |applied: Option<&[String]>, day: i64, want: Option<&[&String]>| {
            let packing = retention.packing(partition, applied, day * DAY + 1);
            let got = packing.as_ref().map(|packing| packing.applied.iter().collect::<Vec<_>>());
            assert_eq!(got.as_deref(), want, "{applied:?} on day {day}");
        };
        check(None, 2, Some(&[]));
        check(None, 4, Some(&[&debug]));
        check(Some(&[]), 3, None);
        check(Some(&[]), 4, Some(&[&debug]));
        check(Some(std::slice::from_ref(&debug)), 5, None);
        check(Some(std::slice::from_ref(&debug)), 6, Some(&[&debug, &api]));
        let held =
            Retention { holds: vec![Hold { since: 0, until: 3 * DAY, reason: String::new() }], ..retention.clone() };
        assert!(held.packing(partition, Some(&[]), 9 * DAY).is_none());
        assert!(held.packing(partition, None, 9 * DAY).unwrap().drops.is_empty());
    }
}
