//! What a question may cost, and the meter that watches it. Past a budget the answer is partial and says so.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::sys::units::{Bytes, Span};

/// What a question may cost.
#[derive(Clone, Debug)]
pub struct Budget {
    pub time: Duration,
    /// Bytes of blocks that are decompressed.
    pub decoded_bytes: u64,
    /// Groups of an aggregation.
    pub groups: usize,
    /// Bytes that an answer holds in memory: its entries, or the groups of its table.
    pub result_bytes: usize,
    pub threads: usize,
    /// Set by the one who asked, when the answer is not wanted any more.
    pub cancel: Arc<AtomicBool>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            time: Duration::from_secs(30),
            decoded_bytes: 16 << 30,
            groups: 100_000,
            result_bytes: 64 << 20,
            threads: 2,
            cancel: Arc::default(),
        }
    }
}

/// Why an answer is partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Cancelled,
    Time(Duration),
    Decoded(u64),
    Result(usize),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Cancelled => f.write_str("it was cancelled"),
            Cut::Time(limit) => write!(f, "it took longer than {}", Span(*limit)),
            Cut::Decoded(limit) => write!(f, "it needs more than {} of decoded entries", Bytes(*limit)),
            Cut::Result(limit) => write!(f, "the answer is larger than {}", Bytes(*limit as u64)),
        }
    }
}

/// Watches one question; shared by its threads.
#[derive(Debug)]
pub struct Meter {
    budget: Budget,
    deadline: Instant,
    decoded: AtomicU64,
    cut: OnceLock<Cut>,
}

impl Meter {
    pub fn start(budget: &Budget) -> Meter {
        let now = Instant::now();
        // A budget without end is one of a century.
        let deadline = now.checked_add(budget.time).unwrap_or(now + Duration::from_secs(3_000_000_000));
        Meter { budget: budget.clone(), deadline, decoded: AtomicU64::new(0), cut: OnceLock::new() }
    }

    /// Whether to go on. Asked at least once a block.
    pub fn goes_on(&self) -> bool {
        if self.cut.get().is_some() {
            return false;
        }
        if self.budget.cancel.load(Ordering::Relaxed) {
            self.cut(Cut::Cancelled);
        } else if self.decoded.load(Ordering::Relaxed) > self.budget.decoded_bytes {
            self.cut(Cut::Decoded(self.budget.decoded_bytes));
        } else if Instant::now() >= self.deadline {
            self.cut(Cut::Time(self.budget.time));
        }
        self.cut.get().is_none()
    }

    /// Whether whoever asked is gone.
    pub fn is_cancelled(&self) -> bool {
        !self.goes_on() && self.reason() == Some(Cut::Cancelled)
    }

    pub fn count_decoded(&self, bytes: u64) {
        self.decoded.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Ends the question; the first reason stays.
    pub fn cut(&self, reason: Cut) {
        let _ = self.cut.set(reason);
    }

    pub fn reason(&self) -> Option<Cut> {
        self.cut.get().copied()
    }

    pub fn decoded_bytes(&self) -> u64 {
        self.decoded.load(Ordering::Relaxed)
    }

    pub fn budget(&self) -> &Budget {
        &self.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_end_a_question() {
        let check = |budget: Budget, decoded: u64, want: Option<Cut>| {
            let meter = Meter::start(&budget);
            meter.count_decoded(decoded);
            assert_eq!(meter.goes_on(), want.is_none());
            assert_eq!(meter.reason(), want);
        };
        check(Budget::default(), 0, None);
        check(Budget { time: Duration::MAX, ..Budget::default() }, 0, None);
        check(Budget { decoded_bytes: 5, ..Budget::default() }, 5, None);
        check(Budget { decoded_bytes: 5, ..Budget::default() }, 6, Some(Cut::Decoded(5)));
        check(Budget { time: Duration::ZERO, ..Budget::default() }, 0, Some(Cut::Time(Duration::ZERO)));
        check(Budget { cancel: Arc::new(AtomicBool::new(true)), ..Budget::default() }, 0, Some(Cut::Cancelled));
    }
}
