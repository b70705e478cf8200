//! Errors as Elasticsearch's clients expect them, with the place in the request.

use std::fmt::Display;

use serde_json::{Value as Json, json};

use crate::search::SearchError;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub status: u16,
    pub kind: &'static str,
    pub reason: String,
    /// Where in the body, as in `query.bool.must[0]`.
    place: String,
    /// Where in the text, from one.
    line_and_column: Option<(usize, usize)>,
}

impl Fault {
    pub fn new(status: u16, kind: &'static str, reason: impl Display) -> Fault {
        Fault { status, kind, reason: reason.to_string(), place: String::new(), line_and_column: None }
    }

    /// The request says what is not understood.
    pub fn parsing(reason: impl Display) -> Fault {
        Fault::new(400, "parsing_exception", reason)
    }

    /// The request wants what cannot be done.
    pub fn argument(reason: impl Display) -> Fault {
        Fault::new(400, "illegal_argument_exception", reason)
    }

    pub fn no_index(name: &str) -> Fault {
        Fault::new(
            404,
            "index_not_found_exception",
            format!("no such index [{name}]; there is one, [{}]", super::INDEX),
        )
    }

    /// Text that is no JSON.
    pub fn json(error: &serde_json::Error) -> Fault {
        let place = Some((error.line(), error.column()));
        Fault { line_and_column: place, ..Fault::parsing(format!("the body is no JSON that can be used: {error}")) }
    }

    /// The mistake is in what the request has under `step`.
    pub fn inside(mut self, step: impl Display) -> Fault {
        let dot = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        self.place = format!("{step}{dot}{}", self.place);
        self
    }

    pub fn to_json(&self) -> Json {
        let place = if self.place.is_empty() { String::new() } else { format!("{}: ", self.place) };
        let mut cause = json!({ "type": self.kind, "reason": format!("{place}{}", self.reason) });
        if let Some((line, column)) = self.line_and_column {
            cause["line"] = line.into();
            cause["col"] = column.into();
        }
        let mut error = cause.clone();
        error["root_cause"] = json!([cause]);
        json!({ "error": error, "status": self.status })
    }
}

impl From<SearchError> for Fault {
    fn from(error: SearchError) -> Fault {
        match error {
            SearchError::Question(_) => Fault::argument(error),
            SearchError::Store(_) => Fault::new(500, "search_phase_execution_exception", error),
        }
    }
}
