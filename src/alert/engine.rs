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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ABOVE: Condition =
        Condition { side: Side::Above, threshold: 10.0, clear: 5.0, pending: 2, keep: 2, forget: 5 };

    /// One letter for each evaluation, a unit of time apart: `.` inactive, `p` pending, `F` firing.
    fn course(condition: &Condition, values: &[Option<f64>]) -> String {
        let mut phase = None;
        let letter = |(now, value): (usize, &Option<f64>)| {
            phase = step(condition, phase, *value, now as i64).0;
            phase.map_or('.', |phase: Phase| if phase.fired.is_some() { 'F' } else { 'p' })
        };
        values.iter().enumerate().map(letter).collect()
    }

    #[test]
    fn courses() {
        // Digits stand for 0 to 9, `a` for 20, `-` for no value.
        let check = |condition: Condition, values: &str, want: &str| {
            let value = |c: char| c.to_digit(10).map(f64::from).or((c == 'a').then_some(20.0));
            let values: Vec<Option<f64>> = values.chars().map(value).collect();
            assert_eq!(course(&condition, &values), want);
        };
        let at_once = Condition { pending: 0, keep: 0, ..ABOVE };
        check(at_once, "0a0a9", ".F.FF");
        check(ABOVE, "00aaaa", "..ppFF");
        check(ABOVE, "aa0aaa", "pp.ppF");
        // Between the two thresholds nothing begins and nothing ends.
        check(ABOVE, "888aaa8885", "...ppFFFFF");
        check(ABOVE, "aaa000", "ppFFF.");
        // It is calm only when it stays calm.
        check(ABOVE, "aaa00a000", "ppFFFFFF.");
        check(ABOVE, "aaa-----", "ppFFFFFF");
        check(ABOVE, "aaa------", "ppFFFFFF.");
        check(ABOVE, "a-a-a", "ppFFF");
        let below = Condition { side: Side::Below, threshold: 2.0, clear: 3.0, ..at_once };
        check(below, "52124", "..FF.");
    }

    #[test]
    fn a_number_that_is_none_is_no_value() {
        assert_eq!(step(&ABOVE, None, Some(f64::NAN), 0), (None, None));
        let (phase, _) = step(&Condition { pending: 0, ..ABOVE }, None, Some(20.0), 0);
        assert_eq!(step(&ABOVE, phase, Some(f64::NAN), 1), (phase, None));
    }

    /// What fires at the end, told from all values at once: it fires after a run of bad values, with gaps in it, that
    /// lasts `pending`, and until a run of good ones lasts `keep`, or there was none for longer than `forget`.
    fn fires(condition: &Condition, values: &[Option<f64>]) -> bool {
        let (mut firing, mut begun, mut calm, mut seen) = (false, None, None, 0i64);
        for (now, value) in values.iter().enumerate().map(|(now, value)| (now as i64, value)) {
            let Some(value) = *value else {
                if now - seen > condition.forget {
                    (firing, begun, calm) = (false, None, None);
                }
                continue;
            };
            seen = now;
            if firing {
                calm = if value > condition.clear { None } else { calm.or(Some(now)) };
                if calm.is_some_and(|calm| now - calm >= condition.keep) {
                    (firing, begun, calm) = (false, None, None);
                }
            } else {
                begun = if value > condition.threshold { begun.or(Some(now)) } else { None };
                firing = begun.is_some_and(|begun| now - begun >= condition.pending);
            }
        }
        firing
    }

    proptest! {
        #[test]
        fn as_the_model_says(
            values in proptest::collection::vec(proptest::option::weighted(0.7, 0.0..20.0f64), 0..60),
            pending in 0i64..5, keep in 0i64..5, forget in 0i64..6,
        ) {
            let condition = Condition { pending, keep, forget, ..ABOVE };
            prop_assert_eq!(course(&condition, &values).ends_with('F'), fires(&condition, &values));
        }

        /// Each beginning has one end: changes come in turn, whatever the values are.
        #[test]
        fn changes_alternate(values in proptest::collection::vec(proptest::option::of(0.0..20.0f64), 0..60)) {
            let (mut phase, mut firing) = (None, false);
            for (now, value) in values.iter().enumerate() {
                let (after, change) = step(&ABOVE, phase, *value, now as i64);
                if let Some(change) = change {
                    prop_assert_eq!(firing, change != Change::Fired);
                    firing = !firing;
                }
                prop_assert_eq!(firing, after.is_some_and(|phase| phase.fired.is_some()));
                phase = after;
            }
        }
    }
}
