//! Rows with named columns: the answer of an aggregation, and what pipes behind it do to it.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::{keys, order};
use crate::query::pipe::{Output, Pipe, SortKey};
use crate::record::{Value, timestamp};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Value>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its integers are nanoseconds since the epoch.
    pub is_time: bool,
    pub role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Says which group a row is of.
    Group,
    /// Was counted.
    Counted,
    /// Helps to understand.
    Example,
}

impl Column {
    pub fn new(name: impl Into<String>, role: Role) -> Column {
        Column { name: name.into(), is_time: false, role }
    }
}

impl Table {
    /// The table behind one more pipe. Pipes that have no business with tables change nothing: the parser refuses them.
    pub fn then(mut self, pipe: &Pipe) -> Table {
        match pipe {
            Pipe::Sort(keys) => self.sort(keys),
            Pipe::Limit(limit) => self.rows.truncate(*limit),
            Pipe::Fields(outputs) => self = self.choose(outputs),
            _ => {}
        }
        self
    }

    fn sort(&mut self, keys: &[SortKey]) {
        let places: Vec<(usize, bool)> =
            keys.iter().filter_map(|key| Some((self.place(&key.name)?, key.descending))).collect();
        // Stable, so that rows which are equal here stay in the order of their groups.
        self.rows.sort_by(|a, b| {
            let orders = places.iter().map(|(place, descending)| order::directed(&a[*place], &b[*place], *descending));
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    fn choose(self, outputs: &[Output]) -> Table {
        let places: Vec<Option<usize>> = outputs.iter().map(|output| self.place(&output.name)).collect();
        let column = |(output, place): (&Output, &Option<usize>)| match place {
            Some(place) => Column { name: output.name.clone(), ..self.columns[*place].clone() },
            None => Column::new(output.name.clone(), Role::Example),
        };
        let row = |row: &Vec<Value>| {
            places.iter().map(|place| place.map_or(Value::Null, |place| row[place].clone())).collect()
        };
        Table { columns: outputs.iter().zip(&places).map(column).collect(), rows: self.rows.iter().map(row).collect() }
    }

    /// This table beside that of the time before: each counted column `x` also as `x_before`, and for numbers
    /// `x_change`, their difference. Groups that only one of the two has are there, with nulls.
    pub fn compare(self, before: Table) -> Table {
        let groups: Vec<usize> = (0..self.columns.len()).filter(|at| self.columns[*at].role == Role::Group).collect();
        let key = |row: &[Value]| keys::of_values(&groups.iter().map(|at| row[*at].clone()).collect::<Vec<_>>());
        let mut earlier: HashMap<Vec<u8>, Vec<Value>> = before.rows.into_iter().map(|row| (key(&row), row)).collect();
        let mut rows = Vec::new();
        for row in &self.rows {
            let old = earlier.remove(&key(row));
            rows.push(self.beside(Some(row), old.as_deref()));
        }
        let mut gone: Vec<Vec<Value>> = earlier.into_values().collect();
        gone.sort_by(|a, b| order::compare_rows(a, b));
        rows.extend(gone.iter().map(|old| self.beside(None, Some(old))));
        let mut columns = Vec::new();
        for column in &self.columns {
            columns.push(column.clone());
            if column.role == Role::Counted {
                let named = |end: &str| Column { name: format!("{}{end}", column.name), ..column.clone() };
                columns.extend([named("_before"), Column { is_time: false, ..named("_change") }]);
            }
        }
        Table { columns, rows }
    }

    fn beside(&self, now: Option<&[Value]>, before: Option<&[Value]>) -> Vec<Value> {
        let mut row = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let value = |row: Option<&[Value]>| row.map_or(Value::Null, |row| row[at].clone());
            match column.role {
                Role::Counted => {
                    let (now, before) = (value(now), value(before));
                    let change = order::difference(&now, &before);
                    row.extend([now, before, change]);
                }
                Role::Group | Role::Example => row.push(value(now.or(before))),
            }
        }
        row
    }

    /// The table for machines.
    pub fn to_json(&self) -> Json {
        let cell = |(value, column): (&Value, &Column)| match value {
            Value::Int(time) if column.is_time => timestamp(*time).into(),
            value => value.to_json(),
        };
        let row = |row: &Vec<Value>| Json::Array(row.iter().zip(&self.columns).map(cell).collect());
        json!({
            "columns": self.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }

    /// Bytes it takes in memory, near enough to keep a budget by.
    pub fn size(&self) -> usize {
        let text = |value: &Value| if let Value::Str(text) = value { text.len() } else { 0 };
        self.rows.iter().flatten().map(|value| size_of::<Value>() + text(value)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, i64)]) -> Table {
        Table {
            columns: vec![Column::new("service", Role::Group), Column::new("count", Role::Counted)],
            rows: rows.iter().map(|(name, count)| vec![Value::Str((*name).into()), Value::Int(*count)]).collect(),
        }
    }

    #[test]
    fn two_windows_stand_side_by_side() {
        let got = table(&[("api", 5), ("new", 1)]).compare(table(&[("api", 3), ("old", 2)]));
        let names: Vec<&str> = got.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["service", "count", "count_before", "count_change"]);
        let rows = got.to_json()["rows"].to_string();
        assert_eq!(rows, r#"[["api",5,3,2],["new",1,null,null],["old",null,2,null]]"#);
    }

    #[test]
    fn tables_are_sorted_cut_and_chosen_from() {
        let check = |pipes: &str, want: &str| {
            let query: crate::query::Query = format!("* | stats count() by service | {pipes}").parse().unwrap();
            let start = table(&[("b", 1), ("a", 1), ("c", 2)]);
            let got = query.pipes()[1..].iter().fold(start, Table::then);
            assert_eq!(got.to_json()["rows"].to_string(), want, "{pipes}");
        };
        check("sort count", r#"[["b",1],["a",1],["c",2]]"#);
        check("sort -count, service | limit 2", r#"[["c",2],["a",1]]"#);
        check("fields count", "[[1],[1],[2]]");
    }
}
