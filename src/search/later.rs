//! A row as if it had happened later.

use std::borrow::Cow;

use crate::record::{Level, LevelSource, Row, TimeSource, ValueRef};

/// The row, so many nanoseconds later.
pub struct Later<'a, R>(pub &'a R, pub i64);

impl<R: Row> Row for Later<'_, R> {
    fn time(&self) -> i64 {
        self.0.time().saturating_add(self.1)
    }

    fn time_source(&self) -> TimeSource {
        self.0.time_source()
    }

    fn read_time(&self) -> Option<i64> {
        self.0.read_time().map(|time| time.saturating_add(self.1))
    }

    fn level(&self) -> Level {
        self.0.level()
    }

    fn level_source(&self) -> LevelSource {
        self.0.level_source()
    }

    fn message(&self) -> &str {
        self.0.message()
    }

    fn raw(&self) -> Cow<'_, str> {
        self.0.raw()
    }

    fn named(&self, column: usize) -> Option<&str> {
        self.0.named(column)
    }

    fn duration_ms(&self) -> Option<f64> {
        self.0.duration_ms()
    }

    fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        self.0.field(name)
    }

    fn any_field(&self, test: &mut dyn FnMut(&str, ValueRef<'_>) -> bool) -> bool {
        self.0.any_field(test)
    }
}
