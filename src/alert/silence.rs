//! Silences: for a while, nobody is told of alerts that match.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::alert::ledger::Notice;
use crate::alert::rule::Matcher;
use crate::record::timestamp;

/// More are refused.
pub const MAX_SILENCES: usize = 500;
/// Conditions of one.
const MAX_MATCHERS: usize = 20;
/// A longer reason is cut.
const MAX_REASON: usize = 1_000;

/// Times are nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub id: u64,
    /// As on the command line; all must match.
    pub matchers: Vec<String>,
    pub since: i64,
    pub until: i64,
    #[serde(default)]
    pub reason: String,
}

impl Silence {
    /// Checks what somebody wants to silence.
    pub fn new(id: u64, matchers: Vec<String>, since: i64, until: i64, reason: &str) -> Result<Silence, String> {
        if matchers.is_empty() {
            return Err(
                "a silence needs a condition; write for example --match alert=disk_free, or --match 'alert=*' \
                        for all"
                    .to_owned(),
            );
        }
        if matchers.len() > MAX_MATCHERS {
            return Err(format!("a silence has at most {MAX_MATCHERS} conditions"));
        }
        matchers.iter().try_for_each(|text| Matcher::parse(text).map(drop))?;
        if until <= since {
            return Err("a silence has to last; write for example --for 2h".to_owned());
        }
        let reason = reason[..reason.floor_char_boundary(MAX_REASON)].to_owned();
        Ok(Silence { id, matchers, since, until, reason })
    }

    /// For machines.
    pub fn to_json(&self) -> Json {
        json!({
            "id": self.id, "matchers": self.matchers, "since": timestamp(self.since), "until": timestamp(self.until),
            "reason": self.reason,
        })
    }

    pub fn covers(&self, notice: &Notice, now: i64) -> bool {
        let matches = |text: &String| {
            Matcher::parse(text).is_ok_and(|m| m.matches(&notice.alert, &notice.severity, &notice.labels))
        };
        (self.since..self.until).contains(&now) && self.matchers.iter().all(matches)
    }
}
