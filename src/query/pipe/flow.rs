//! What flows from pipe to pipe: entries, and behind an aggregation the rows of a table. Says which pipes may follow,
//! and which columns there are to sort by and to show.

use crate::query::field::Field;
use crate::query::pipe::Pipe;
use crate::query::suggest::hint;

/// What the pipes so far hand on.
pub(super) enum Flow {
    Entries { with_context: bool },
    Table(Table),
}

pub(super) struct Table {
    /// The pipe that made it of entries.
    by: &'static str,
    /// Its columns, where they are known.
    header: Option<Vec<String>>,
    /// Nothing stands between it and its aggregation.
    fresh: bool,
}

impl Flow {
    pub(super) fn new() -> Flow {
        Flow::Entries { with_context: false }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self, Flow::Table(_))
    }

    /// What is handed on behind `pipe`, or why it may not stand here.
    pub(super) fn behind(self, pipe: &Pipe) -> Result<Flow, String> {
        let name = pipe.name();
        if let Some(header) = pipe.header() {
            twice(&header)?;
        }
        match self {
            Flow::Entries { with_context } => match pipe {
                Pipe::Compare { .. } => Err("there is no table to compare yet: write `compare` directly behind an \
                                             aggregation, as in stats count() by service | compare 1d"
                    .to_owned()),
                Pipe::Context { .. } if with_context => Err("the entries have their context already".to_owned()),
                Pipe::Context { .. } => Ok(Flow::Entries { with_context: true }),
                _ => Ok(match pipe.header() {
                    Some(header) => Flow::Table(Table { by: name, header: Some(header), fresh: true }),
                    None => Flow::Entries { with_context },
                }),
            },
            Flow::Table(table) => table.behind(pipe).map(Flow::Table),
        }
    }

    /// The column that `name` stands for, or why there is none of that name. Of entries any name may be asked.
    pub(super) fn column(&self, name: String) -> Result<String, String> {
        let Flow::Table(Table { by, header: Some(header), .. }) = self else { return Ok(name) };
        // Groups are named by their fields' full names: `workflow` is the column `workflow_id`.
        let full = Field::from_name(&name).to_string();
        if header.contains(&name) {
            return Ok(name);
        }
        if header.contains(&full) {
            return Ok(full);
        }
        let names: Vec<&str> = header.iter().map(String::as_str).collect();
        Err(format!("`{by}` has no column `{name}`: {}", hint(&name, &names)))
    }
}

impl Table {
    fn behind(self, pipe: &Pipe) -> Result<Table, String> {
        let (name, by) = (pipe.name(), self.by);
        match pipe {
            Pipe::Compare { .. } if !self.fresh => Err(format!(
                "`compare` must follow its aggregation directly: put it behind `{by}`, and what stands between after it"
            )),
            Pipe::Compare { .. } => Ok(Table { header: None, fresh: false, ..self }),
            Pipe::Fields(outputs) => {
                let header = outputs.iter().map(|output| output.name.clone()).collect();
                Ok(Table { header: Some(header), fresh: false, ..self })
            }
            Pipe::Sort(_) | Pipe::Limit(_) => Ok(Table { fresh: false, ..self }),
            _ => Err(format!(
                "`{name}` works on entries, and behind `{by}` there is a table: put it before `{by}`, or ask twice"
            )),
        }
    }
}

/// An error when two columns have one name.
pub(super) fn twice(header: &[String]) -> Result<(), String> {
    match header.iter().enumerate().find(|(index, name)| header[..*index].contains(name)) {
        Some((_, name)) => Err(format!("two columns are named `{name}`: leave one out, or name a function by `as`")),
        None => Ok(()),
    }
}
