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
    /// The first so many columns say which group a row is of; the others were counted.
    pub groups: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Its integers are nanoseconds since the epoch.
    pub is_time: bool,
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
        let column = |(output, place): (&Output, &Option<usize>)| Column {
            name: output.name.clone(),
            is_time: place.is_some_and(|place| self.columns[place].is_time),
        };
        let row = |row: &Vec<Value>| {
            places.iter().map(|place| place.map_or(Value::Null, |place| row[place].clone())).collect()
        };
        Table {
            columns: outputs.iter().zip(&places).map(column).collect(),
            rows: self.rows.iter().map(row).collect(),
            groups: places.iter().take_while(|place| place.is_some_and(|place| place < self.groups)).count(),
        }
    }

    /// This table beside that of the time before: each counted column `x` also as `x_before`, and for numbers
    /// `x_change`, their difference. Groups that only one of the two has are there, with nulls.
    pub fn compare(self, before: Table) -> Table {
        let (groups, counted) = (self.groups, self.columns.len() - self.groups);
        let key = |row: &[Value]| keys::of_values(&row[..groups]);
        let mut earlier: HashMap<Vec<u8>, Vec<Value>> = before.rows.into_iter().map(|row| (key(&row), row)).collect();
        let none = vec![Value::Null; counted];
        let mut rows = Vec::new();
        for row in self.rows {
            let old = earlier.remove(&key(&row));
            rows.push(beside(&row[..groups], &row[groups..], old.as_ref().map_or(&none, |old| &old[groups..])));
        }
        let mut gone: Vec<Vec<Value>> = earlier.into_values().collect();
        gone.sort_by(|a, b| order::compare_rows(a, b));
        rows.extend(gone.iter().map(|old| beside(&old[..groups], &none, &old[groups..])));
        let mut columns = self.columns[..groups].to_vec();
        for column in &self.columns[groups..] {
            let named = |end: &str, is_time| Column { name: format!("{}{end}", column.name), is_time };
            columns.extend([named("", column.is_time), named("_before", column.is_time), named("_change", false)]);
        }
        Table { columns, rows, groups }
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

fn beside(group: &[Value], now: &[Value], before: &[Value]) -> Vec<Value> {
    let mut row = group.to_vec();
    for (now, before) in now.iter().zip(before) {
        row.extend([now.clone(), before.clone(), order::difference(now, before)]);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, i64)]) -> Table {
        let column = |name: &str| Column { name: name.to_owned(), is_time: false };
        Table {
            columns: vec![column("service"), column("count")],
            rows: rows.iter().map(|(name, count)| vec![Value::Str((*name).into()), Value::Int(*count)]).collect(),
            groups: 1,
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
