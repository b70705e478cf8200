//! What an answer's status means, protocol by protocol, as data; and how long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::sys::units::Span;

/// What becomes of the entries of a request that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    /// It is there already.
    Known,
    /// Time may mend it.
    Again,
    /// Some entry is at fault: without it the others may be taken.
    Refused,
    /// Neither time nor other entries mend it; a person has to: a wrong address, a wrong password.
    Stuck,
}

/// Statuses of a protocol; what is in no list is `otherwise`.
#[derive(Debug)]
pub struct Table {
    pub known: &'static [u16],
    pub again: &'static [u16],
    pub refused: &'static [u16],
    pub stuck: &'static [u16],
    pub otherwise: Fate,
}

/// A server that speaks no more than HTTP. RFC 9110 and 6585: 408, 425 and 429 ask to come back.
pub static HTTP: Table = Table {
    known: &[],
    again: &[408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 529],
    refused: &[400, 413, 422],
    stuck: &[],
    otherwise: Fate::Stuck,
};

/// A whole `_bulk` request.
pub static BULK: Table = Table {
    known: &[],
    again: &[408, 429, 500, 502, 503, 504],
    refused: &[400, 413, 422],
    stuck: &[],
    otherwise: Fate::Stuck,
};

/// One item of a `_bulk` answer. 409: there is a document of this id. 403 (a block on the index) and 404 (no such index)
/// are of all entries.
pub static BULK_ITEM: Table = Table {
    known: &[409],
    again: &[408, 429, 500, 502, 503, 504],
    refused: &[],
    stuck: &[401, 403, 404],
    otherwise: Fate::Refused,
};

/// Loki's push. 400 also says that some entries are too old or too long: the rest is then taken without them.
pub static LOKI: Table = Table {
    known: &[],
    again: &[408, 429, 500, 502, 503, 504],
    refused: &[400, 413, 422],
    stuck: &[],
    otherwise: Fate::Stuck,
};

/// OTLP/HTTP: only these four may be sent again as they are; whatever else is an error must not.
pub static OTLP: Table = Table {
    known: &[],
    again: &[429, 502, 503, 504],
    refused: &[],
    stuck: &[401, 403, 404, 405, 406, 407, 411, 415, 421],
    otherwise: Fate::Refused,
};

impl Table {
    pub fn fate(&self, status: u16) -> Fate {
        match status {
            200..=299 => Fate::Accepted,
            // Nothing is sent to where nobody said that it may go.
            100..=199 | 300..=399 => Fate::Stuck,
            _ if self.known.contains(&status) => Fate::Known,
            _ if self.again.contains(&status) => Fate::Again,
            _ if self.refused.contains(&status) => Fate::Refused,
            _ if self.stuck.contains(&status) => Fate::Stuck,
            _ => self.otherwise,
        }
    }
}

/// The longest wait that a server may ask for.
const ASKED_MAX: Duration = Duration::from_secs(3600);

/// Times between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Of the first; each is twice the one before.
    pub min: Span,
    pub max: Span,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { min: Span(Duration::from_millis(500)), max: Span(Duration::from_secs(60)) }
    }
}

impl Backoff {
    /// How long to wait after so many attempts in vain: half of it by chance, so that many senders do not come back at
    /// the same moment. What the server asked for is the least.
    pub fn wait(&self, attempts: u32, asked: Option<Duration>) -> Duration {
        self.wait_with(attempts, asked, chance())
    }

    fn wait_with(&self, attempts: u32, asked: Option<Duration>, chance: f64) -> Duration {
        let doubled = self.min.0.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        let wait = doubled.min(self.max.0);
        let jittered = wait.mul_f64(0.5 + 0.5 * chance);
        match asked {
            None => jittered,
            // Nobody comes early, and not all at once.
            Some(asked) => jittered.max(asked.min(ASKED_MAX) + self.min.0.mul_f64(chance)),
        }
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let random = RandomState::new().hash_one(0_u8);
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        use Fate::*;
        let check = |name: &str, table: &Table, rows: &[(u16, Fate)]| {
            for (status, fate) in rows {
                assert_eq!(table.fate(*status), *fate, "{name} {status}");
            }
        };
        let common = [(200, Accepted), (204, Accepted), (301, Stuck), (401, Stuck), (403, Stuck), (404, Stuck)];
        for (name, table) in [("http", &HTTP), ("bulk", &BULK), ("loki", &LOKI), ("otlp", &OTLP)] {
            check(name, table, &common);
            check(name, table, &[(429, Again), (503, Again), (504, Again), (400, Refused), (413, Refused)]);
        }
        check("http", &HTTP, &[(408, Again), (500, Again), (422, Refused), (418, Stuck)]);
        check("otlp", &OTLP, &[(500, Refused), (501, Refused), (408, Refused), (418, Refused)]);
        check("item", &BULK_ITEM, &[(201, Accepted), (409, Known), (429, Again), (400, Refused), (404, Stuck)]);
    }

    #[test]
    fn waits_grow_and_are_spread() {
        let backoff = Backoff { min: Span(Duration::from_secs(1)), max: Span(Duration::from_secs(10)) };
        let check = |attempts: u32, asked: Option<u64>, chance: f64, want: f64| {
            let got = backoff.wait_with(attempts, asked.map(Duration::from_secs), chance).as_secs_f64();
            assert!((got - want).abs() < 1e-6, "{attempts} {asked:?} {chance}: {got}, not {want}");
        };
        check(1, None, 0.0, 0.5);
        check(1, None, 1.0, 1.0);
        check(3, None, 1.0, 4.0);
        check(5, None, 0.5, 7.5);
        check(u32::MAX, None, 1.0, 10.0);
        check(1, Some(30), 0.0, 30.0);
        check(1, Some(30), 0.5, 30.5);
        check(5, Some(1), 1.0, 10.0);
        check(1, Some(u64::MAX), 0.0, 3600.0);
        assert!((0..100).map(|_| chance()).all(|c| (0.0..1.0).contains(&c)));
    }
}
