//! How workflows ended, for rates of failure. A workflow that is reported twice counts once, as it was reported last;
//! where the report does not name its type, another of its entries may.

use std::collections::HashMap;

use super::event::Ending;
use super::kept::At;

/// The last report of each workflow, with what it belongs to. The order of what is added does not matter.
pub struct Endings<G> {
    most: usize,
    last: HashMap<Box<str>, Last<G>>,
    types: HashMap<Box<str>, Box<str>>,
    cut: bool,
}

/// The last report of one workflow.
pub struct Last<G> {
    pub at: At,
    pub ending: Ending,
    pub group: G,
}

impl<G> Endings<G> {
    /// Remembers so many workflows.
    pub fn new(most: usize) -> Endings<G> {
        Endings { most, last: HashMap::new(), types: HashMap::new(), cut: false }
    }

    /// Of several types the first in order, whoever found it.
    pub fn note_type(&mut self, id: &str, kind: &str) {
        if let Some(known) = self.types.get_mut(id) {
            if kind < &**known {
                *known = kind.into();
            }
        } else if self.types.len() < self.most {
            self.types.insert(id.into(), kind.into());
        } else {
            self.cut = true;
        }
    }

    /// A report that names no workflow counts for itself.
    pub fn end(&mut self, id: Option<&str>, at: At, ending: Ending, group: impl FnOnce() -> G) {
        let by_number;
        let id = match id {
            Some(id) => id,
            None => {
                by_number = at.1.to_string();
                &by_number
            }
        };
        if self.is_later(id, at) {
            self.last.insert(id.into(), Last { at, ending, group: group() });
        }
    }

    /// Whether a report is the last one so far, and there is room for it.
    fn is_later(&mut self, id: &str, at: At) -> bool {
        match self.last.get(id) {
            Some(known) => known.at < at,
            None => {
                let has_room = self.last.len() < self.most;
                self.cut |= !has_room;
                has_room
            }
        }
    }

    /// Adds what was found beside this, with the same limit.
    pub fn merge(&mut self, other: Endings<G>) {
        self.cut |= other.cut;
        if self.last.is_empty() && self.types.is_empty() {
            (self.last, self.types) = (other.last, other.types);
            return;
        }
        for (id, last) in other.last {
            if self.is_later(&id, last.at) {
                self.last.insert(id, last);
            }
        }
        other.types.iter().for_each(|(id, kind)| self.note_type(id, kind));
    }

    /// There are more workflows than are remembered.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The workflows that came to an end of their own: one that was cancelled neither failed nor did not. With their
    /// types where the group `lacks` it; true for those that failed.
    pub fn finish(self, lacks: impl Fn(&G) -> bool) -> impl Iterator<Item = (Last<G>, Option<Box<str>>, bool)> {
        let Endings { last, mut types, .. } = self;
        let finished = last.into_iter().filter(|(_, last)| last.ending != Ending::Cancelled);
        finished.map(move |(id, last)| {
            let failed = last.ending == Ending::Failed;
            let kind = if lacks(&last.group) { types.remove(&id) } else { None };
            (last, kind, failed)
        })
    }
}
