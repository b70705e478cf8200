//! `failure_rate`: workflows that finished and that failed, by group. A workflow that is reported twice counts once, as
//! it was reported last; where the report does not name its type, another of its entries may.

use std::collections::HashMap;

use super::keys;
use super::state::{integer, ratio};
use super::{Column, Limits, Role, Table, order};
use crate::query::Field;
use crate::query::pipe::Group;
use crate::record::column::{EVENT, WORKFLOW_ID, WORKFLOW_TYPE};
use crate::record::{Row, Value};

/// Of the entry that says how a workflow ended: whether it failed.
pub(in crate::search) fn failed(row: &impl Row) -> Option<bool> {
    match row.named(EVENT)? {
        "workflow_completed" => Some(false),
        "workflow_failed" => Some(true),
        _ => None,
    }
}

struct Ending {
    /// Time and arrival.
    at: (i64, u64),
    failed: bool,
    group: Vec<Value>,
}

/// See the module.
pub struct Workflows<'p> {
    by: &'p [Group],
    limits: Limits,
    endings: HashMap<Box<str>, Ending>,
    types: HashMap<Box<str>, Box<str>>,
    cut: bool,
}

impl<'p> Workflows<'p> {
    pub(super) fn new(by: &'p [Group], limits: Limits) -> Workflows<'p> {
        Workflows { by, limits, endings: HashMap::new(), types: HashMap::new(), cut: false }
    }

    pub(super) fn take<R: Row>(&mut self, sequence: u64, row: &R) {
        let id = row.named(WORKFLOW_ID);
        if let (Some(id), Some(kind)) = (id, row.named(WORKFLOW_TYPE)) {
            self.note_type(id, kind);
        }
        let Some(failed) = failed(row) else { return };
        let id = id.map_or_else(|| sequence.to_string().into(), Box::from);
        let mut key = Vec::new();
        keys::write_groups(self.by, row, &mut key);
        self.end(id, Ending { at: (row.time(), sequence), failed, group: keys::read(&key) });
    }

    /// Of several types the first in order, whoever found it.
    fn note_type(&mut self, id: &str, kind: &str) {
        if let Some(known) = self.types.get_mut(id) {
            if kind < &**known {
                *known = kind.into();
            }
        } else if self.types.len() < self.limits.groups {
            self.types.insert(id.into(), kind.into());
        } else {
            self.cut = true;
        }
    }

    fn end(&mut self, id: Box<str>, ending: Ending) {
        match self.endings.get(&id) {
            Some(known) if known.at >= ending.at => {}
            None if self.endings.len() >= self.limits.groups => self.cut = true,
            _ => drop(self.endings.insert(id, ending)),
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn merge(&mut self, other: Workflows<'p>) {
        self.cut |= other.cut;
        other.endings.into_iter().for_each(|(id, ending)| self.end(id, ending));
        other.types.iter().for_each(|(id, kind)| self.note_type(id, kind));
    }

    pub(super) fn finish(self) -> Table {
        let type_at = self.by.iter().position(|group| matches!(group, Group::Field(Field::Named(WORKFLOW_TYPE))));
        let mut counts: HashMap<Vec<u8>, (u64, u64)> = HashMap::new();
        for (id, mut ending) in self.endings {
            if let Some(place) = type_at.filter(|place| ending.group[*place] == Value::Null) {
                ending.group[place] = self.types.get(&id).map_or(Value::Null, |kind| Value::Str(kind.clone()));
            }
            let (finished, failed) = counts.entry(keys::of_values(&ending.group)).or_default();
            *finished += 1;
            *failed += u64::from(ending.failed);
        }
        if self.by.is_empty() {
            counts.entry(Vec::new()).or_default();
        }
        let row = |(key, (finished, failed)): (Vec<u8>, (u64, u64))| {
            let mut row = keys::read(&key);
            row.extend([integer(finished), integer(failed), ratio(failed, finished)]);
            row
        };
        let mut rows: Vec<Vec<Value>> = counts.into_iter().map(row).collect();
        rows.sort_by(|a, b| order::compare_rows(a, b));
        let of_group = |group: &Group| Column {
            name: group.name(),
            is_time: matches!(group, Group::Step(_) | Group::Field(Field::Timestamp)),
            role: Role::Group,
        };
        let counted = |name: &str| Column::new(name, Role::Counted);
        let mut columns: Vec<Column> = self.by.iter().map(of_group).collect();
        columns.extend(["finished", "failed", "failure_rate"].map(counted));
        Table { columns, rows }
    }
}
