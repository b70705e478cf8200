//! Where a named value goes: an entry has places of its own for some names; with any other it is a field.

use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use super::format::set_level;
use super::layout::Kind;
use super::structured;
use crate::record::{Entry, Level, Value};

/// The names in a layout or a pattern, by slot, and what they say of their values.
#[derive(Clone, Debug)]
pub struct Slots {
    /// Shared by all entries that have them.
    names: Arc<[SmolStr]>,
    /// Found out once, since every line asks.
    homes: Vec<(Kind, Home)>,
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

impl Slots {
    pub fn new(named: &[(SmolStr, Kind)]) -> Slots {
        Slots {
            names: named.iter().map(|(name, _)| name.clone()).collect(),
            homes: named.iter().map(|(name, kind)| (*kind, Home::of(name))).collect(),
        }
    }

    pub fn name(&self, slot: u16) -> Option<&str> {
        self.names.get(usize::from(slot)).map(SmolStr::as_str)
    }

    /// Puts pieces of the entry's raw text, which is given apart, where they belong.
    pub fn put(&self, entry: &mut Entry, raw: &str, pieces: &[(u16, Range<u32>)]) {
        if pieces.is_empty() {
            return;
        }
        entry.fields.share(&self.names, pieces.len());
        for (slot, piece) in pieces {
            let Some((kind, home)) = self.homes.get(usize::from(*slot)) else { continue };
            match home {
                _ if is_nothing(raw, piece) => {}
                // Most are, and are not looked at.
                Home::Field if kind.is_text() => entry.fields.push_shared_piece(*slot, piece),
                _ => self.put_one(entry, (*slot, *kind, *home), piece, raw),
            }
        }
    }

    fn put_one(&self, entry: &mut Entry, (slot, kind, home): (u16, Kind, Home), piece: &Range<u32>, raw: &str) {
        let text = raw.get(piece.start as usize..piece.end as usize).unwrap_or("");
        if kind == Kind::Data {
            return structured::expand(text, &mut |name, value| place(entry, name, value));
        }
        if let Some(place) = home.text(entry) {
            *place = Some(text.into());
            return;
        }
        match (number(kind, text), home) {
            (None, Home::Field) => entry.fields.push_shared_piece(slot, piece),
            (Some(value), Home::Field) => entry.fields.push_shared(slot, value),
            (value, home) => {
                let name = || self.name(slot).unwrap_or_default().into();
                home.put(entry, name, value.unwrap_or_else(|| Value::Str(text.into())));
            }
        }
    }
}

/// Whether the piece is what programs write where there is nothing. By its length first, since every value of every line
/// is asked.
pub fn is_nothing(raw: &str, piece: &Range<u32>) -> bool {
    match piece.end.saturating_sub(piece.start) {
        0 => true,
        1 => raw.as_bytes().get(piece.start as usize) == Some(&b'-'),
        _ => false,
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
