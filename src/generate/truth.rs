//! What was really written, counted as Logmill is to count it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::Level;

/// Counts of everything generated so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// A message with its traceback is one entry; each line of free text is one.
    pub entries: u64,
    /// Bytes of text, newlines included.
    pub bytes: u64,
    /// Entries by the name of their level.
    pub by_level: BTreeMap<&'static str, u64>,
    /// Entries by the path of their file.
    pub by_file: BTreeMap<String, u64>,
    /// Workflows by their type.
    pub workflows: BTreeMap<&'static str, Workflows>,
}

/// How the workflows of one type went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Workflows {
    pub started: u64,
    pub completed: u64,
    pub failed: u64,
    /// Steps that were tried again.
    pub retries: u64,
    /// Lines of code that they generated.
    pub lines_of_code: u64,
}

impl Truth {
    pub(super) fn count(&mut self, file: &str, level: Level, bytes: usize) {
        self.entries += 1;
        self.bytes += bytes as u64;
        *self.by_level.entry(level.name()).or_default() += 1;
        match self.by_file.get_mut(file) {
            Some(count) => *count += 1,
            None => drop(self.by_file.insert(file.to_owned(), 1)),
        }
    }

    pub fn at_level(&self, level: Level) -> u64 {
        self.by_level.get(level.name()).copied().unwrap_or(0)
    }

    /// Workflows of all types.
    pub fn all_workflows(&self) -> Workflows {
        self.workflows.values().fold(Workflows::default(), |sum, of_type| Workflows {
            started: sum.started + of_type.started,
            completed: sum.completed + of_type.completed,
            failed: sum.failed + of_type.failed,
            retries: sum.retries + of_type.retries,
            lines_of_code: sum.lines_of_code + of_type.lines_of_code,
        })
    }
}
