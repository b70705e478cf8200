//! `failure_rate`: workflows that finished and that failed, by group.

use std::collections::HashMap;

use super::keys;
use super::state::{integer, ratio};
use super::{Column, Limits, Role, Table, order};
use crate::query::Field;
use crate::query::pipe::Group;
use crate::record::column::{WORKFLOW_ID, WORKFLOW_TYPE};
use crate::record::{Row, Value};
use crate::search::workflow::{Ending, Endings};

/// See the module.
pub struct Workflows<'p> {
    by: &'p [Group],
    endings: Endings<Vec<Value>>,
}

impl<'p> Workflows<'p> {
    pub(super) fn new(by: &'p [Group], limits: Limits) -> Workflows<'p> {
        Workflows { by, endings: Endings::new(limits.groups) }
    }

    pub(super) fn take<R: Row>(&mut self, sequence: u64, row: &R) {
        let id = row.named(WORKFLOW_ID);
        if let (Some(id), Some(kind)) = (id, row.named(WORKFLOW_TYPE)) {
            self.endings.note_type(id, kind);
        }
        let Some(ending) = Ending::of(row) else { return };
        self.endings.end(id, (row.time(), sequence), ending, || {
            let mut key = Vec::new();
            keys::write_groups(self.by, row, &mut key);
            keys::read(&key)
        });
    }

    pub(super) fn is_cut(&self) -> bool {
        self.endings.is_cut()
    }

    pub(super) fn merge(&mut self, other: Workflows<'p>) {
        self.endings.merge(other.endings);
    }

    pub(super) fn finish(self) -> Table {
        let type_at = self.by.iter().position(|group| matches!(group, Group::Field(Field::Named(WORKFLOW_TYPE))));
        let mut counts: HashMap<Vec<u8>, (u64, u64)> = HashMap::new();
        let lacks = |group: &Vec<Value>| type_at.is_some_and(|place| group[place] == Value::Null);
        for (mut last, kind, has_failed) in self.endings.finish(lacks) {
            if let Some((place, kind)) = type_at.zip(kind) {
                last.group[place] = Value::Str(kind.into());
            }
            let (finished, failed) = counts.entry(keys::of_values(&last.group)).or_default();
            *finished += 1;
            *failed += u64::from(has_failed);
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
        let of_group = |group: &Group| Column { name: group.name(), is_time: group.is_time(), role: Role::Group };
        let counted = |name: &str| Column::new(name, Role::Counted);
        let mut columns: Vec<Column> = self.by.iter().map(of_group).collect();
        columns.extend(["finished", "failed", "failure_rate"].map(counted));
        Table { columns, rows }
    }
}
