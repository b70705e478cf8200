//! Steps of time and of numbers.

use super::super::dates::{Format, Unit, Zone};
use super::measured;
use crate::query::Field;
use crate::search::cell::Cell;

/// Steps of time.
#[derive(Clone, Debug)]
pub struct Dates {
    pub field: Field,
    pub every: Every,
    /// Steps begin so much later, in nanoseconds.
    pub offset: i64,
    pub zone: Zone,
    /// Buckets of fewer entries are left out; with 0 there are empty ones between.
    pub least: u64,
    /// There are empty buckets at least from here to there.
    pub extended: Option<(i64, i64)>,
    /// Nothing is outside of these.
    pub hard: Option<(i64, i64)>,
    pub format: Format,
    pub is_keyed: bool,
    /// Entries without a time count as if they had this.
    pub missing: Option<i64>,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Every {
    /// Nanoseconds.
    Fixed(i64),
    Calendar(Unit),
}

/// Steps of numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    pub field: Field,
    pub interval: f64,
    pub offset: f64,
    pub least: u64,
    pub extended: Option<(f64, f64)>,
    pub hard: Option<(f64, f64)>,
    pub is_keyed: bool,
    pub missing: Option<f64>,
    pub descending: bool,
}

impl Dates {
    /// The beginning of the step that a time is in.
    pub fn step(&self, cell: &Cell<'_>) -> Option<i64> {
        let time = match cell {
            Cell::Time(time) => *time,
            Cell::Null => self.missing?,
            _ => return None,
        };
        let is_inside = self.hard.is_none_or(|(first, last)| (first..=last).contains(&time));
        is_inside.then(|| self.start(time))
    }

    /// The same of a moment.
    pub fn start(&self, time: i64) -> i64 {
        let time = time.saturating_sub(self.offset);
        let local = time.saturating_add(self.zone.east(time));
        let start = match self.every {
            Every::Fixed(length) => local.saturating_sub(local.rem_euclid(length)),
            Every::Calendar(unit) => unit.floor(local),
        };
        // Where clocks go back, the wall shows a step twice; it begins no later than its entries.
        let start = match self.zone {
            Zone::East(east) => start.saturating_sub(east),
            zone => zone.to_utc(start),
        };
        start.saturating_add(self.offset)
    }

    /// The beginning of the step behind the one that begins at `start`.
    pub fn next(&self, start: i64) -> Option<i64> {
        let begun = start.checked_sub(self.offset)?;
        let local = begun.checked_add(self.zone.east(begun))?;
        let next = match self.every {
            Every::Fixed(length) => local.checked_add(length)?,
            Every::Calendar(unit) => unit.add(local, 1)?,
        };
        let next = self.zone.to_utc(next).checked_add(self.offset)?;
        // Clocks that go back must not lead back.
        (next > start).then_some(next).or_else(|| start.checked_add(self.shortest()))
    }

    fn shortest(&self) -> i64 {
        match self.every {
            Every::Fixed(length) => length,
            Every::Calendar(_) => super::super::dates::HOUR,
        }
    }
}

impl Numbers {
    /// The number of the step that a value is in.
    pub fn step(&self, cell: &Cell<'_>) -> Option<i64> {
        let number = match cell {
            Cell::Null => self.missing?,
            cell => measured(cell)?,
        };
        let is_inside = self.hard.is_none_or(|(low, high)| (low..=high).contains(&number));
        if is_inside { self.step_of(number) } else { None }
    }

    pub fn step_of(&self, number: f64) -> Option<i64> {
        let step = ((number - self.offset) / self.interval).floor();
        (step.abs() < 9e15).then_some(step as i64)
    }

    pub fn start(&self, step: i64) -> f64 {
        step as f64 * self.interval + self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elastic::serve::dates::{DAY, HOUR, Reader};
    use crate::record::timestamp;

    #[test]
    fn steps_of_time() {
        let check = |every: Every, zone: &str, offset: i64, time: &str, want: (&str, &str)| {
            let dates = Dates {
                field: Field::Timestamp,
                every,
                offset,
                zone: Zone::read(zone).unwrap(),
                least: 0,
                extended: None,
                hard: None,
                format: Format::default(),
                is_keyed: false,
                missing: None,
                descending: false,
            };
            let start = dates.start(Reader::at(0).read(time, false).unwrap());
            assert_eq!((timestamp(start).as_str(), timestamp(dates.next(start).unwrap()).as_str()), want, "{time}");
        };
        let fixed = Every::Fixed;
        check(fixed(HOUR), "UTC", 0, "2026-11-23T10:59:59Z", ("2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z"));
        check(fixed(DAY), "+02:00", 0, "2026-11-23T23:00:00Z", ("2026-11-23T22:00:00Z", "2026-11-24T22:00:00Z"));
        check(fixed(DAY), "UTC", 6 * HOUR, "2026-11-23T05:00:00Z", ("2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z"));
        check(
            fixed(7),
            "UTC",
            0,
            "1969-12-31T23:59:59.999999999Z",
            ("1969-12-31T23:59:59.999999993Z", "1970-01-01T00:00:00Z"),
        );
        let day = Every::Calendar(Unit::Day);
        check(day, "Europe/Berlin", 0, "2026-10-25T12:00:00Z", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        let month = Every::Calendar(Unit::Month);
        check(month, "UTC", 0, "2026-02-10T00:00:00Z", ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"));
        let week = Every::Calendar(Unit::Week);
        check(week, "UTC", 0, "2026-11-29T23:00:00Z", ("2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"));
        let year = Every::Calendar(Unit::Year);
        check(year, "+01:00", 0, "2026-12-31T23:30:00Z", ("2026-12-31T23:00:00Z", "2027-12-31T23:00:00Z"));
    }
}
