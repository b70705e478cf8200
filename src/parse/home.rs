//! Where a named value goes: an entry has places of its own for some names; with any other it is a field.

use std::ops::Range;

use smol_str::SmolStr;

use super::format::set_level;
use super::layout::Kind;
use crate::record::{Entry, Level, Value};

/// A name in a layout or a pattern, and what it says of its values.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: SmolStr,
    pub kind: Kind,
    /// Found out once, since every line asks.
    home: Home,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Logger,
    WorkflowId,
    SessionId,
    RequestId,
    WorkflowType,
    Agent,
    Event,
    Level,
    Duration,
    Field,
}

impl Named {
    pub fn new(name: &str, kind: Kind) -> Named {
        Named { name: name.into(), kind, home: Home::of(name) }
    }

    /// Puts a piece of the entry's raw text, and the text that it is, where it belongs.
    pub fn put(&self, entry: &mut Entry, piece: &Range<u32>, text: &str) {
        if let Some(place) = self.home.text(entry) {
            *place = Some(text.into());
            return;
        }
        match number(self.kind, text) {
            None if self.home == Home::Field => entry.fields.push_piece(self.name.clone(), piece.clone()),
            value => self.home.put(entry, || self.name.clone(), value.unwrap_or_else(|| Value::Str(text.into()))),
        }
    }
}

/// Puts a value where the entry has a place of its own for it, or among its fields.
pub fn place(entry: &mut Entry, name: SmolStr, value: Value) {
    let home = Home::of(&name);
    match home.text(entry) {
        Some(place) => *place = Some(value.to_text().into()),
        None => home.put(entry, || name, value),
    }
}

impl Home {
    fn of(name: &str) -> Home {
        match name {
            "logger" => Home::Logger,
            "workflow_id" => Home::WorkflowId,
            "session_id" => Home::SessionId,
            "request_id" => Home::RequestId,
            "workflow_type" => Home::WorkflowType,
            "agent" => Home::Agent,
            "event" => Home::Event,
            "level" => Home::Level,
            "duration_ms" => Home::Duration,
            _ => Home::Field,
        }
    }

    /// The place, if it is one for texts.
    fn text(self, entry: &mut Entry) -> Option<&mut Option<SmolStr>> {
        Some(match self {
            Home::Logger => &mut entry.logger,
            Home::WorkflowId => &mut entry.workflow_id,
            Home::SessionId => &mut entry.session_id,
            Home::RequestId => &mut entry.request_id,
            Home::WorkflowType => &mut entry.workflow_type,
            Home::Agent => &mut entry.agent,
            Home::Event => &mut entry.event,
            Home::Level | Home::Duration | Home::Field => return None,
        })
    }

    /// A value that its place cannot hold is a field.
    fn put(self, entry: &mut Entry, name: impl FnOnce() -> SmolStr, value: Value) {
        match self {
            Home::Level if set_level(entry, Level::from_value(&value.to_text())) => {}
            Home::Duration if value.as_number().is_some() => entry.duration_ms = value.as_number(),
            _ => entry.fields.push((name(), value)),
        }
    }
}

/// The number that a text of this kind is, if it is one.
fn number(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Int => text.parse().ok().map(Value::Int),
        Kind::Float | Kind::Decimal => text.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::Float),
        _ => None,
    }
}
