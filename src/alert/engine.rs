//! From samples to states, one label set at a time. Pure: what happens depends on the condition, the state before,
//! the sample and the time of the evaluation.

use serde::{Deserialize, Serialize};

/// When a value is bad, and for how long it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    pub side: Side,
    pub threshold: f64,
    /// What fires goes on until the value is back on the good side of this.
    pub clear: f64,
    /// So long it must be bad before it fires; nanoseconds, like all spans here.
    pub pending: i64,
    /// So long it must be good before it ends.
    pub keep: i64,
    /// Without a value for so long it ends, too: nobody knows any more.
    pub forget: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Above,
    Below,
}

impl Condition {
    /// Whether the value begins an alert.
    pub fn is_bad(&self, value: f64) -> bool {
        self.side.is_beyond(value, self.threshold)
    }

    /// Whether the value keeps up an alert that fires.
    fn is_still_bad(&self, value: f64) -> bool {
        self.side.is_beyond(value, self.clear)
    }
}

impl Side {
    fn is_beyond(self, value: f64, limit: f64) -> bool {
        match self {
            Side::Above => value > limit,
            Side::Below => value < limit,
        }
    }
}

/// What is not inactive. Times are nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// It has been bad since then.
    pub since: i64,
    /// When it fired; until then it is pending.
    pub fired: Option<i64>,
    /// It has been good again since then, but not for long enough.
    pub calm: Option<i64>,
    /// The last value, and when it was.
    pub value: f64,
    pub seen: i64,
}

/// What an evaluation changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Fired,
    /// The value is good again.
    Ended,
    /// There has been no value for too long.
    Lost,
}

/// The state after a sample; `None` is inactive.
pub fn step(
    condition: &Condition,
    before: Option<Phase>,
    value: Option<f64>,
    now: i64,
) -> (Option<Phase>, Option<Change>) {
    let value = value.filter(|value| !value.is_nan());
    match (before, value) {
        (None, None) => (None, None),
        (Some(phase), None) => without_value(condition, phase, now),
        (None, Some(value)) if !condition.is_bad(value) => (None, None),
        (None, Some(value)) => {
            fire_if_due(condition, Phase { since: now, fired: None, calm: None, value, seen: now }, now)
        }
        (Some(phase @ Phase { fired: None, .. }), Some(value)) => match condition.is_bad(value) {
            true => fire_if_due(condition, Phase { value, seen: now, ..phase }, now),
            false => (None, None),
        },
        (Some(phase), Some(value)) => {
            let phase = Phase { value, seen: now, ..phase };
            if condition.is_still_bad(value) {
                return (Some(Phase { calm: None, ..phase }), None);
            }
            let calm = phase.calm.unwrap_or(now);
            match now - calm >= condition.keep {
                true => (None, Some(Change::Ended)),
                false => (Some(Phase { calm: Some(calm), ..phase }), None),
            }
        }
    }
}

fn fire_if_due(condition: &Condition, phase: Phase, now: i64) -> (Option<Phase>, Option<Change>) {
    match now - phase.since >= condition.pending {
        true => (Some(Phase { fired: Some(now), ..phase }), Some(Change::Fired)),
        false => (Some(phase), None),
    }
}

/// Nothing is known: the state is kept, for a while.
fn without_value(condition: &Condition, phase: Phase, now: i64) -> (Option<Phase>, Option<Change>) {
    match now - phase.seen > condition.forget {
        true => (None, phase.fired.map(|_| Change::Lost)),
        false => (Some(phase), None),
    }
}
