//! A user's regular expression over the first line of an entry: what its named groups match becomes parts of the entry.
//! `time`, `level`, `logger` and `message` are the entry's own; every other name is a field. Only expressions that
//! match in linear time exist, and their size is bounded.

use std::ops::Range;

use regex::{CaptureLocations, Regex, RegexBuilder};
use std::sync::Mutex;

use super::home::Named;
use super::layout::{Head, Kind};
use super::time::stamp;
use crate::record::Level;

/// Bytes a compiled expression may take.
const MAX_SIZE: usize = 1 << 20;
/// Groups of one expression.
const MAX_GROUPS: usize = 64;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    /// What each group is, from the first on.
    groups: Vec<Group>,
    slots: Vec<Named>,
    /// Places of the groups in the line at hand, kept so that nothing is allocated for a line.
    locations: Mutex<CaptureLocations>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Nameless,
    Time,
    Level,
    Logger,
    Message,
    Field(u16),
}

impl Pattern {
    /// Compiles; an error says what is wrong.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let build = RegexBuilder::new(text).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
        let regex = build.map_err(|error| error.to_string())?;
        if regex.captures_len() > MAX_GROUPS {
            return Err(format!("has {} groups; at most {MAX_GROUPS} are taken", regex.captures_len() - 1));
        }
        let mut slots = Vec::new();
        let groups = regex.capture_names().skip(1).map(|name| group(name, &mut slots)).collect::<Vec<_>>();
        if groups.iter().all(|group| *group == Group::Nameless) {
            return Err("has no named group; write (?P<message>…) around what is wanted".to_owned());
        }
        let locations = Mutex::new(regex.capture_locations());
        Ok(Pattern { regex, groups, slots, locations })
    }

    /// Its names, by slot.
    pub fn slots(&self) -> &[Named] {
        &self.slots
    }

    /// Whether the line matches; if so `head`, which was cleared for the line, is filled.
    pub fn matches(&self, line: &str, head: &mut Head) -> bool {
        // Never contended: a pipeline is used by one thread. Poisoned only by a panic, which ends the process.
        let Ok(mut locations) = self.locations.lock() else { return false };
        if self.regex.captures_read(&mut locations, line).is_none() {
            return false;
        }
        head.clear();
        head.message = 0..line.len() as u32;
        for (index, group) in self.groups.iter().enumerate() {
            let Some((start, end)) = locations.get(index + 1) else { continue };
            if !take(*group, &line[start..end], start as u32..end as u32, head) {
                return false;
            }
        }
        true
    }
}

/// Takes what a group matched; false when a time or a level is none.
fn take(group: Group, text: &str, range: Range<u32>, head: &mut Head) -> bool {
    match group {
        Group::Nameless => {}
        Group::Time => match stamp(text.trim()) {
            Some((stamp, _)) => head.stamp = Some(stamp),
            None => return false,
        },
        Group::Level => match Level::from_value(text) {
            Some(level) => head.level = Some(level),
            None => return false,
        },
        Group::Logger => head.logger = Some(range),
        Group::Message => head.message = range,
        Group::Field(slot) => head.fields.push((slot, range)),
    }
    true
}

fn group(name: Option<&str>, slots: &mut Vec<Named>) -> Group {
    match name {
        None => Group::Nameless,
        Some("time") => Group::Time,
        Some("level") => Group::Level,
        Some("logger") => Group::Logger,
        Some("message") => Group::Message,
        Some(name) => {
            slots.push(Named::new(name, Kind::Word));
            Group::Field(slots.len() as u16 - 1)
        }
    }
}
