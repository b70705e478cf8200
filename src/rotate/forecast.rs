//! What will become of every log, and when: for `rotate --plan` and `--debug`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use serde_json::{Value, json};

use super::due::{self, NotDue, Reason};
use super::event::{Event, Listener, What};
use super::execute::Executor;
use super::plan::{Action, orphans, plan};
use super::policy::Section;
use super::rotator::{Gate, NOT_READ, Rotator};
use super::state::StateFile;
use super::survey::{Folders, Found, inspect, survey};
use crate::sys::units::Bytes;
use crate::sys::user::Role;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    pub log: PathBuf,
    /// Where its section is.
    pub section: String,
    /// Why it is due now, or why it is not.
    pub due: Result<Reason, NotDue>,
    /// When its period is over, in local time; `None` for sizes.
    pub next: Option<NaiveDateTime>,
    /// Bytes: what it has, and from where on it is rotated for its size.
    pub size: u64,
    pub limit: Option<u64>,
    /// The steps of its next rotation, scripts apart.
    pub steps: Vec<Action>,
    /// Generations that an earlier policy left behind.
    pub orphans: Vec<PathBuf>,
}

impl Forecast {
    /// One row for people and machines.
    pub fn to_json(&self) -> Value {
        let now = match &self.due {
            Ok(reason) => format!("due: {reason}"),
            Err(_) => "not due".to_owned(),
        };
        let why = self.due.as_ref().err().map(ToString::to_string);
        let mut next: Vec<String> = self.next.iter().map(|time| time.format("%Y-%m-%d %H:%M").to_string()).collect();
        next.extend(self.limit.map(|limit| format!("at {}", Bytes(limit))));
        json!({
            "log": self.log, "section": self.section, "bytes": self.size, "size": Bytes(self.size).to_string(),
            "now": now, "why": why, "next": next.join(" or "), "limit": self.limit,
            "steps": self.steps.iter().map(ToString::to_string).collect::<Vec<_>>(), "orphans": self.orphans,
        })
    }
}

/// A log that is due, with its steps below it.
impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.due {
            Ok(reason) => write!(f, "{}: {reason}", self.log.display())?,
            Err(why) => return write!(f, "{}: {why}", self.log.display()),
        }
        self.steps.iter().try_for_each(|step| write!(f, "\n  {}", step.to_string().replace('\n', "\n  ")))
    }
}

impl Rotator {
    /// Changes nothing.
    pub fn forecast(&self, now: DateTime<FixedOffset>, state: &StateFile) -> Vec<Forecast> {
        let (mut forecasts, mut folders) = (Vec::new(), Folders::default());
        for (section, covered) in self.policy.sections.iter().zip(survey(&self.policy)) {
            for log in covered.logs {
                let Found::File(found) = inspect(section, &log) else { continue };
                // A log that cannot be planned is told by the tick; here it has no steps.
                let listing = folders.around(section, &log);
                let steps = listing.as_ref().ok().and_then(|listing| {
                    let plan = plan(section, &log, listing, &BTreeSet::new(), &now).ok()?;
                    Some(plan.steps().cloned().collect())
                });
                let last = state.last(&log);
                forecasts.push(Forecast {
                    section: section.place(),
                    due: self.judge(section, last, &found, now),
                    next: due::next(section.settings.criterion, last, now.naive_local()),
                    size: found.size,
                    limit: section.size_limit(),
                    steps: steps.unwrap_or_default(),
                    orphans: listing.map(|listing| orphans(section, &log, listing)).unwrap_or_default(),
                    log,
                });
            }
        }
        forecasts
    }

    /// Removes what [`Forecast::orphans`] names, as far as it was read. True when nothing failed.
    pub fn remove_orphans(&self, now: DateTime<FixedOffset>, gate: &dyn Gate, listener: &mut dyn Listener) -> bool {
        let (mut folders, mut done) = (Folders::default(), true);
        let time = now.timestamp_nanos_opt().unwrap_or(0);
        for (section, covered) in self.policy.sections.iter().zip(survey(&self.policy)) {
            for log in covered.logs {
                let Ok(listing) = folders.around(section, &log) else { continue };
                for file in orphans(section, &log, listing) {
                    let Some(found) = listing.files.get(&file) else { continue };
                    let what = if !gate.settled(&log, &file, found.id, found.size) {
                        What::Waiting { file, why: NOT_READ.to_owned() }
                    } else {
                        match remove(section, &self.options.mail_command, &file) {
                            Ok(()) => What::Removed { file, why: None },
                            Err(error) => What::Failed { error },
                        }
                    };
                    done &= !matches!(what, What::Failed { .. });
                    listener.event(&Event { time, log: log.clone(), what });
                }
            }
        }
        done
    }
}

fn remove(section: &Section, mail_command: &str, file: &std::path::Path) -> Result<(), String> {
    let role = Role::start(section.settings.su).map_err(|e| e.to_string())?;
    Executor::new(section, mail_command, None, role).remove(file).map_err(|e| e.to_string())
}
